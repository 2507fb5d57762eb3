/* Log-ins and secrets of the installation, as logins.h promises them: of many at once one succeeds, and what was changed is there
 * after a crash and in a backup. */
#include "store_logins_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- many at once */

enum { THREADS = 8, ROUNDS = 20 };

struct contest {
    struct fixture *f;
    struct store *stores[2]; /* two openings of one file, as two processes have it */
    int64_t user_id;
    int round;
    bool taking;
    pthread_barrier_t start;
};
struct contestant {
    struct contest *contest;
    int number;
    int won, lost, wrong;
};

/* In each round all want to take the same log-in, or to add the same one. */
static void *compete(void *context)
{
    struct contestant *self = context;
    struct contest *contest = self->contest;
    for (int i = 0; i < ROUNDS; i++) {
        AUTO_OP op = op_begin();
        struct login login = login_of(contest->f, contest->user_id, contest->taking ? LOGIN_REFRESH : LOGIN_USED,
                                      arena_printf(&op.arena, "round %d", i));
        struct login_change change = { .now = contest->f->op.now, .takes = contest->taking, .taken = login };
        if (!contest->taking) change.added = &login, change.added_count = 1;
        pthread_barrier_wait(&contest->start);
        enum err e = store_change_logins(&op, contest->stores[self->number % 2], &change);
        if (e == ERR_OK) self->won++;
        else if (e == (contest->taking ? ERR_NOT_FOUND : ERR_EXISTS)) self->lost++;
        else self->wrong++;
    }
    return NULL;
}

static void of_many_at_once_one_succeeds(struct fixture *f, bool taking)
{
    struct contest contest = { .f = f, .stores = { f->store, open_at(f, f->url) }, .taking = taking };
    contest.user_id = add_person(f, "ada")->id;
    for (int i = 0; taking && i < ROUNDS; i++)
        add_one(f, contest.user_id, LOGIN_REFRESH, arena_printf(&f->op.arena, "round %d", i));
    pthread_barrier_init(&contest.start, NULL, THREADS);
    pthread_t threads[THREADS];
    struct contestant contestants[THREADS];
    int won = 0, lost = 0;
    for (int i = 0; i < THREADS; i++) {
        contestants[i] = (struct contestant){ .contest = &contest, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, compete, &contestants[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(contestants[i].wrong, 0);
        won += contestants[i].won;
        lost += contestants[i].lost;
    }
    assert_int_equal(won, ROUNDS);
    assert_int_equal(lost, ROUNDS * (THREADS - 1));
    pthread_barrier_destroy(&contest.start);
    store_close(contest.stores[1]);
}

static void of_many_that_take_the_same_one_succeeds(void **state)
{
    of_many_at_once_one_succeeds(*state, true);
}
static void of_many_that_add_the_same_one_succeeds(void **state)
{
    of_many_at_once_one_succeeds(*state, false);
}

struct helper {
    struct fixture *f;
    const struct login *login;
    struct commit *commit; /* NULL: adds the login */
    struct op op;
    enum err result;
    pthread_t thread;
};

static void *help(void *context)
{
    struct helper *helper = context;
    struct login_change change = { .now = helper->f->op.now, .added = helper->login, .added_count = 1 };
    helper->result = helper->commit ? store_commit(&helper->op, helper->f->store, helper->commit)
                                    : store_change_logins(&helper->op, helper->f->store, &change);
    return NULL;
}

/* While another connection holds a database of SQLite, what is asked for gathers and is then one group or two. In it are a commit
 * that is good, one that fails half way (so that all is done again with savepoints), and changes of log-ins that are good and
 * not. */
static void who_fails_in_a_group_harms_no_neighbour(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_person(f, "ada");
    add_one(f, user->id, LOGIN_USED, "token");
    struct user *twin = make_user(f, "twin");
    twin->uuid = user->uuid;
    struct organization *second = make_organization(f, "Second");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, second));

    struct change_list lists[2] = { { 0 } };
    append(f, &lists[0], USER_CREATED, NULL, twin);
    struct group *group = make_group(f, "group");
    group->organization_id = second->id;
    append(f, &lists[1], GROUP_CREATED, NULL, group);
    struct commit commits[] = {
        { .organization_id = f->organization_id, .expected_version = f->versions[1], .changes = &lists[0] },
        { .organization_id = second->id, .expected_version = 0, .changes = &lists[1] },
    };
    const struct login logins[] = { login_of(f, user->id, LOGIN_USED, "token"), login_of(f, user->id, LOGIN_SESSION, "new") };
    struct helper helpers[] = {
        { .f = f, .commit = &commits[0] },
        { .f = f, .login = &logins[0] },
        { .f = f, .commit = &commits[1] },
        { .f = f, .login = &logins[1] },
    };
    const enum err expected[] = { ERR_EXISTS, ERR_EXISTS, ERR_OK, ERR_OK };

    sqlite3 *blocker = NULL;
    if (f->place.engine == PLACE_SQLITE) {
        assert_int_equal(sqlite3_open_v2(f->path, &blocker, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_exec(blocker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    }
    for (size_t i = 0; i < COUNT_OF(helpers); i++) {
        helpers[i].op = op_begin();
        assert_int_equal(pthread_create(&helpers[i].thread, NULL, help, &helpers[i]), 0);
    }
    usleep(50000); /* so that they mostly meet; what is asserted holds anyway */
    if (blocker) assert_int_equal(sqlite3_exec(blocker, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(blocker);
    for (size_t i = 0; i < COUNT_OF(helpers); i++) {
        pthread_join(helpers[i].thread, NULL);
        assert_int_equal(helpers[i].result, expected[i]);
        op_end(&helpers[i].op);
    }
    assert_true(lives(f, LOGIN_SESSION, "new"));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 2);
    assert_int_equal(number(f, "SELECT count(*) FROM user_group"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM app_user"), 1);
}

/* ---- crashes */

static void what_was_changed_is_there_after_a_kill(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_REFRESH, "old");
    store_close(f->store);
    f->store = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        f->store = open_at(f, f->url);
        struct login old = login_of(f, user_id, LOGIN_REFRESH, "old"), new = login_of(f, user_id, LOGIN_REFRESH, "new");
        const char *kept;
        if (take(f, &old, &new) || store_secret(&f->op, f->store, "key", "secret", &kept)) _exit(1);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    f->store = open_at(f, f->url);
    assert_false(lives(f, LOGIN_REFRESH, "old"));
    assert_true(lives(f, LOGIN_REFRESH, "new"));
    const char *kept;
    assert_done(f, store_secret(&f->op, f->store, "key", "another", &kept));
    assert_string_equal(kept, "secret");
}

/* ---- secrets of the installation */

static void the_first_secret_proposed_is_kept(void **state)
{
    struct fixture *f = *state;
    const char *kept;
    assert_done(f, store_secret(&f->op, f->store, "key", NULL, &kept));
    assert_null(kept);
    assert_done(f, store_secret(&f->op, f->store, "key", "first", &kept));
    assert_string_equal(kept, "first");
    assert_done(f, store_secret(&f->op, f->store, "key", "second", &kept));
    assert_string_equal(kept, "first");
    assert_done(f, store_secret(&f->op, f->store, "other", "second", &kept));
    assert_string_equal(kept, "second");
    reopen(f);
    assert_done(f, store_secret(&f->op, f->store, "key", NULL, &kept));
    assert_string_equal(kept, "first");
}

struct proposer {
    struct store *store;
    pthread_barrier_t *start;
    char proposed[32], kept[32];
};

static void *propose(void *context)
{
    struct proposer *self = context;
    AUTO_OP op = op_begin();
    const char *kept;
    pthread_barrier_wait(self->start);
    if (!store_secret(&op, self->store, "key", self->proposed, &kept)) strcpy(self->kept, kept);
    return NULL;
}

static void all_that_propose_at_once_get_the_same_secret(void **state)
{
    struct fixture *f = *state;
    struct store *stores[] = { f->store, open_at(f, f->url) };
    struct proposer proposers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        proposers[i] = (struct proposer){ .store = stores[i % 2], .start = &start };
        snprintf(proposers[i].proposed, sizeof proposers[i].proposed, "key %d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, propose, &proposers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) assert_string_equal(proposers[i].kept, proposers[0].kept);
    assert_int_equal(strncmp(proposers[0].kept, "key ", 4), 0);
    pthread_barrier_destroy(&start);
    store_close(stores[1]);
}

static void a_backup_has_secrets_and_log_ins_and_only_its_owner_reads_it(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    const char *kept;
    add_one(f, user_id, LOGIN_SESSION, "session");
    assert_done(f, store_secret(&f->op, f->store, "key", "secret", &kept));
    char *copy = arena_printf(&f->op.arena, "%s/copy.db", f->directory);
    assert_done(f, store_backup(&f->op, f->store, copy));
    struct store *store = open_at(f, arena_printf(&f->op.arena, "sqlite:%s", copy));
    assert_done(f, store_secret(&f->op, store, "key", NULL, &kept));
    assert_string_equal(kept, "secret");
    store_close(store);
    static const char *const endings[] = { "test.db", "test.db-wal", "test.db-shm", "copy.db" };
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct stat status;
        assert_int_equal(stat(arena_printf(&f->op.arena, "%s/%s", f->directory, endings[i]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(of_many_that_take_the_same_one_succeeds),
        store_test(of_many_that_add_the_same_one_succeeds),
        store_test(who_fails_in_a_group_harms_no_neighbour),
        store_test(what_was_changed_is_there_after_a_kill),
        store_test(the_first_secret_proposed_is_kept),
        store_test(all_that_propose_at_once_get_the_same_secret),
        sqlite_test(a_backup_has_secrets_and_log_ins_and_only_its_owner_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
