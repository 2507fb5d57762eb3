/* Log-ins and secrets of the installation, as store.h promises them: together or not at all, used once, there after a crash. */
#include "store_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { MINUTE = 60000000 };

static struct digest hash_of(const char *secret)
{
    return digest_of(secret, strlen(secret));
}

/* By their numbers, which begin at 1 in each test. */
static struct uuid uuids[8];

static struct user *add_person(struct fixture *f, const char *name)
{
    struct user *user = add_user(f, name);
    uuids[user->id % COUNT_OF(uuids)] = user->uuid;
    return user;
}

/* One that lives for a minute from now on. */
static struct login login_of(struct fixture *f, int64_t user_id, enum login_kind kind, const char *secret)
{
    return (struct login){ .kind = kind,
                           .hash = hash_of(secret),
                           .organization_id = f->organization_id,
                           .user_id = user_id,
                           .user_uuid = uuids[user_id % (int64_t)COUNT_OF(uuids)],
                           .created_at = f->op.now,
                           .expires_at = f->op.now + MINUTE };
}

static enum err add(struct fixture *f, const struct login *logins, size_t count)
{
    struct login_change change = { .now = f->op.now, .added = logins, .added_count = count };
    return store_change_logins(&f->op, f->store, &change);
}

static void add_one(struct fixture *f, int64_t user_id, enum login_kind kind, const char *secret)
{
    struct login login = login_of(f, user_id, kind, secret);
    assert_done(f, add(f, &login, 1));
}

static enum err take(struct fixture *f, const struct login *taken, const struct login *added)
{
    struct login_change change = {
        .now = f->op.now, .takes = true, .taken = *taken, .added = added, .added_count = added ? 1 : 0
    };
    return store_change_logins(&f->op, f->store, &change);
}

static bool lives_at(struct fixture *f, enum login_kind kind, const char *secret, int64_t now)
{
    struct login login;
    struct digest hash = hash_of(secret);
    bool found;
    assert_done(f, store_find_login(&f->op, f->store, kind, &hash, now, &found, &login));
    if (found) {
        assert_int_equal(login.kind, kind);
        assert_true(digest_equal(&login.hash, &hash));
        assert_int_equal(login.organization_id, f->organization_id);
    }
    return found;
}

static bool lives(struct fixture *f, enum login_kind kind, const char *secret)
{
    return lives_at(f, kind, secret, f->op.now);
}

static int64_t number(struct fixture *f, const char *sql)
{
    return place_number(&f->place, sql);
}

/* ---- one change */

static void what_was_added_is_found_by_kind_and_hash_until_it_expires(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    struct login login = login_of(f, user_id, LOGIN_SESSION, "secret"), found;
    assert_done(f, add(f, &login, 1));
    bool is_there;
    assert_done(f, store_find_login(&f->op, f->store, LOGIN_SESSION, &login.hash, f->op.now, &is_there, &found));
    assert_true(is_there);
    assert_int_equal(found.user_id, user_id);
    assert_true(uuid_equal(&found.user_uuid, &login.user_uuid));
    assert_int_equal(found.created_at, login.created_at);
    assert_int_equal(found.expires_at, login.expires_at);
    assert_false(lives(f, LOGIN_REFRESH, "secret"));
    assert_false(lives(f, LOGIN_SESSION, "secreT"));
    assert_true(lives_at(f, LOGIN_SESSION, "secret", login.expires_at - 1));
    assert_false(lives_at(f, LOGIN_SESSION, "secret", login.expires_at));
}

static void the_same_secret_may_be_of_two_kinds_but_is_added_once_of_each(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    add_one(f, user_id, LOGIN_SESSION, "secret");
    add_one(f, user_id, LOGIN_REFRESH, "secret");
    struct login again = login_of(f, other_id, LOGIN_SESSION, "secret");
    assert_failed(f, add(f, &again, 1), ERR_EXISTS, "login");
    f->op.now += 2 * MINUTE; /* an expired one is there until it is removed: a used token stays used */
    assert_failed(f, add(f, &again, 1), ERR_EXISTS, "login");
    struct login twins[] = { login_of(f, user_id, LOGIN_USED, "twin"), login_of(f, user_id, LOGIN_USED, "twin") };
    assert_failed(f, add(f, twins, 2), ERR_EXISTS, "login");
    assert_false(lives(f, LOGIN_USED, "twin"));
}

static void only_a_living_user_of_the_organization_logs_in(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_person(f, "ada");
    struct login login = login_of(f, user->id + 1, LOGIN_SESSION, "secret");
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    login = login_of(f, user->id, LOGIN_SESSION, "secret");
    login.organization_id++;
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    login = login_of(f, user->id, LOGIN_SESSION, "secret");
    login.user_uuid = uuid_random(); /* somebody else has the number now */
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    assert_done(f, change(f, USER_DELETED, user, NULL));
    login = login_of(f, user->id, LOGIN_SESSION, "secret");
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    assert_false(lives(f, LOGIN_SESSION, "secret"));
}

static void one_is_taken_once_and_only_by_whose_it_is(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    add_one(f, user_id, LOGIN_REFRESH, "old");
    struct login old = login_of(f, user_id, LOGIN_REFRESH, "old"), new = login_of(f, user_id, LOGIN_REFRESH, "new");
    struct login wrong = old;
    wrong.user_id = other_id;
    assert_failed(f, take(f, &wrong, &new), ERR_NOT_FOUND, "login");
    wrong = old;
    wrong.organization_id++;
    assert_failed(f, take(f, &wrong, &new), ERR_NOT_FOUND, "login");
    wrong = old;
    wrong.kind = LOGIN_SESSION;
    assert_failed(f, take(f, &wrong, &new), ERR_NOT_FOUND, "login");
    assert_true(lives(f, LOGIN_REFRESH, "old"));
    assert_false(lives(f, LOGIN_REFRESH, "new"));
    assert_done(f, take(f, &old, &new));
    assert_false(lives(f, LOGIN_REFRESH, "old"));
    assert_true(lives(f, LOGIN_REFRESH, "new"));
    assert_failed(f, take(f, &old, NULL), ERR_NOT_FOUND, "login");
}

static void an_expired_one_cannot_be_taken(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_REFRESH, "old");
    struct login old = login_of(f, user_id, LOGIN_REFRESH, "old");
    f->op.now += MINUTE;
    assert_failed(f, take(f, &old, NULL), ERR_NOT_FOUND, "login");
    f->op.now -= 1;
    assert_done(f, take(f, &old, NULL));
}

static void a_change_that_fails_leaves_what_it_takes_and_ends(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_REFRESH, "old");
    add_one(f, user_id, LOGIN_SESSION, "session");
    add_one(f, user_id, LOGIN_USED, "used");
    const struct login added[] = { login_of(f, user_id, LOGIN_REFRESH, "new"), login_of(f, user_id, LOGIN_USED, "used") };
    struct login_change change = { .now = f->op.now,
                                   .takes = true,
                                   .taken = login_of(f, user_id, LOGIN_REFRESH, "old"),
                                   .ends = true,
                                   .ended = login_of(f, user_id, LOGIN_SESSION, ""),
                                   .added = added,
                                   .added_count = 2,
                                   .logs_in = true };
    assert_failed(f, store_change_logins(&f->op, f->store, &change), ERR_EXISTS, "login");
    assert_true(lives(f, LOGIN_REFRESH, "old"));
    assert_true(lives(f, LOGIN_SESSION, "session"));
    assert_false(lives(f, LOGIN_REFRESH, "new"));
    assert_int_equal(number(f, "SELECT count(*) FROM app_user WHERE last_login_at IS NOT NULL"), 0);
    change.added_count = 1;
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_false(lives(f, LOGIN_REFRESH, "old"));
    assert_false(lives(f, LOGIN_SESSION, "session"));
    assert_true(lives(f, LOGIN_REFRESH, "new"));
    assert_int_equal(number(f, "SELECT last_login_at FROM app_user"), f->op.now);
}

static void ending_all_of_a_kind_leaves_other_kinds_and_users(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    add_one(f, user_id, LOGIN_REFRESH, "a1");
    add_one(f, user_id, LOGIN_REFRESH, "a2");
    add_one(f, user_id, LOGIN_SESSION, "a3");
    add_one(f, other_id, LOGIN_REFRESH, "b1");
    struct login_change change = { .now = f->op.now, .ends = true, .ended = login_of(f, user_id, LOGIN_REFRESH, "") };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_done(f, store_change_logins(&f->op, f->store, &change)); /* there may be none */
    assert_false(lives(f, LOGIN_REFRESH, "a1") || lives(f, LOGIN_REFRESH, "a2"));
    assert_true(lives(f, LOGIN_SESSION, "a3") && lives(f, LOGIN_REFRESH, "b1"));
}

static void the_oldest_end_when_one_more_begins(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    static const char *const secrets[] = { "s1", "s2", "s3" };
    for (int i = 0; i < 3; i++) {
        add_one(f, user_id, LOGIN_SESSION, secrets[i]);
        add_one(f, user_id, LOGIN_REFRESH, secrets[i]);
        add_one(f, user_id, LOGIN_USED, secrets[i]);
        add_one(f, other_id, LOGIN_SESSION, arena_printf(&f->op.arena, "other %d", i));
        add_one(f, user_id, LOGIN_USED, arena_printf(&f->op.arena, "token %d", i)); /* they are over the limit and stay */
        f->op.now += 10;
    }
    const struct login added[] = { login_of(f, user_id, LOGIN_SESSION, "s4"), login_of(f, user_id, LOGIN_USED, "s4") };
    struct ended_logins ended;
    struct login_change change = { .now = f->op.now, .added = added, .added_count = 2, .limit = 4, .ret_ended = &ended };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_int_equal(ended.count, 0);
    assert_failed(f, store_change_logins(&f->op, f->store, &change), ERR_EXISTS, "login");
    assert_true(lives(f, LOGIN_SESSION, "s1"));
    const struct login next = login_of(f, user_id, LOGIN_SESSION, "s5");
    change = (struct login_change){ .now = f->op.now, .added = &next, .added_count = 1, .limit = 3, .ret_ended = &ended };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_int_equal(ended.count, 2);
    const struct digest gone[] = { hash_of("s1"), hash_of("s2") };
    assert_true(digest_equal(&ended.hashes[0], &gone[0]) || digest_equal(&ended.hashes[0], &gone[1]));
    assert_true(digest_equal(&ended.hashes[1], &gone[0]) || digest_equal(&ended.hashes[1], &gone[1]));
    assert_false(lives(f, LOGIN_SESSION, "s1") || lives(f, LOGIN_SESSION, "s2"));
    assert_true(lives(f, LOGIN_SESSION, "s3") && lives(f, LOGIN_SESSION, "s4") && lives(f, LOGIN_SESSION, "s5"));
    assert_int_equal(number(f, "SELECT count(*) FROM login WHERE kind <> 1"), 3 + 7);
    assert_int_equal(number(f, "SELECT count(*) FROM login WHERE kind = 1"), 3 + 3);
}

static void what_has_expired_ends_before_the_oldest(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    struct login old = login_of(f, user_id, LOGIN_SESSION, "old");
    old.expires_at += MINUTE;
    assert_done(f, add(f, &old, 1));
    f->op.now += 10;
    add_one(f, user_id, LOGIN_SESSION, "expired");
    f->op.now += MINUTE;
    const struct login new = login_of(f, user_id, LOGIN_SESSION, "new"), early = login_of(f, user_id, LOGIN_SESSION, "early");
    struct login_change change = { .now = f->op.now, .added = &new, .added_count = 1, .limit = 2 };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_true(lives(f, LOGIN_SESSION, "old") && lives(f, LOGIN_SESSION, "new"));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 2);
    struct login behind = early; /* by a clock that is behind; what is added stays all the same */
    behind.created_at = 1;
    change = (struct login_change){ .now = f->op.now, .added = &behind, .added_count = 1, .limit = 1 };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_true(lives(f, LOGIN_SESSION, "early"));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 1);
}

static void one_is_ended_by_its_hash_even_if_it_has_expired(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_SESSION, "one");
    add_one(f, user_id, LOGIN_SESSION, "other");
    struct digest hash = hash_of("one");
    f->op.now += 2 * MINUTE;
    assert_done(f, store_end_login(&f->op, f->store, LOGIN_SESSION, &hash));
    assert_done(f, store_end_login(&f->op, f->store, LOGIN_SESSION, &hash));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 1);
    assert_true(lives_at(f, LOGIN_SESSION, "other", f->op.now - 2 * MINUTE));
}

static void log_ins_end_with_their_user_and_their_organization(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_person(f, "ada"), *other = add_person(f, "bob");
    add_one(f, user->id, LOGIN_SESSION, "a");
    add_one(f, user->id, LOGIN_USED, "token");
    add_one(f, other->id, LOGIN_SESSION, "b");
    assert_done(f, change(f, USER_DELETED, user, NULL));
    assert_false(lives(f, LOGIN_SESSION, "a"));
    assert_true(lives(f, LOGIN_USED, "token") && lives(f, LOGIN_SESSION, "b"));
    struct organization organization = { .id = f->organization_id, .uuid = uuid_random(), .name = "Test" };
    assert_done(f, change(f, ORGANIZATION_DELETED, &organization, NULL));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 0);
}

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

/* ---- loading, extending, removing */

struct seen {
    int count;
    int64_t expires_at;
};

static enum err see(void *context, struct op *op, const struct login *login)
{
    struct seen *seen = context;
    seen->count++;
    seen->expires_at = login->expires_at;
    return seen->count > 2 ? op_fail(op, ERR_INVALID, "", "too many") : ERR_OK;
}

static void the_living_of_a_kind_are_loaded(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_SESSION, "s1");
    add_one(f, user_id, LOGIN_REFRESH, "r1");
    struct login later = login_of(f, user_id, LOGIN_SESSION, "s2");
    later.expires_at += MINUTE;
    assert_done(f, add(f, &later, 1));
    struct seen seen = { 0 };
    assert_done(f, store_load_logins(&f->op, f->store, LOGIN_SESSION, f->op.now, see, &seen));
    assert_int_equal(seen.count, 2);
    seen = (struct seen){ 0 };
    assert_done(f, store_load_logins(&f->op, f->store, LOGIN_SESSION, f->op.now + MINUTE, see, &seen));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.expires_at, later.expires_at);
    add_one(f, user_id, LOGIN_SESSION, "s3");
    seen = (struct seen){ 0 };
    assert_failed(f, store_load_logins(&f->op, f->store, LOGIN_SESSION, f->op.now, see, &seen), ERR_INVALID, "");
}

static void sessions_are_extended_and_never_shortened(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, now = f->op.now;
    add_one(f, user_id, LOGIN_SESSION, "s1");
    add_one(f, user_id, LOGIN_REFRESH, "s1");
    struct session_extension items[] = { { hash_of("s1"), now + 2 * MINUTE }, { hash_of("unknown"), now + 2 * MINUTE } };
    assert_done(f, store_extend_sessions(&f->op, f->store, items, 2));
    assert_true(lives_at(f, LOGIN_SESSION, "s1", now + 2 * MINUTE - 1));
    assert_false(lives_at(f, LOGIN_REFRESH, "s1", now + MINUTE));
    items[0].expires_at = now + 1;
    assert_done(f, store_extend_sessions(&f->op, f->store, items, 1));
    assert_done(f, store_extend_sessions(&f->op, f->store, NULL, 0));
    reopen(f);
    assert_true(lives_at(f, LOGIN_SESSION, "s1", now + 2 * MINUTE - 1));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 2);
}

static void what_expired_is_removed_some_at_a_time(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, now = f->op.now, removed;
    for (int i = 0; i < 5; i++) add_one(f, user_id, LOGIN_USED, arena_printf(&f->op.arena, "token %d", i));
    f->op.now += MINUTE;
    add_one(f, user_id, LOGIN_SESSION, "living");
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE, 3, &removed));
    assert_int_equal(removed, 0);
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE + 1, 3, &removed));
    assert_int_equal(removed, 3);
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE + 1, 3, &removed));
    assert_int_equal(removed, 2);
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE + 1, 3, &removed));
    assert_int_equal(removed, 0);
    assert_true(lives(f, LOGIN_SESSION, "living"));
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
        store_test(what_was_added_is_found_by_kind_and_hash_until_it_expires),
        store_test(the_same_secret_may_be_of_two_kinds_but_is_added_once_of_each),
        store_test(only_a_living_user_of_the_organization_logs_in),
        store_test(one_is_taken_once_and_only_by_whose_it_is),
        store_test(an_expired_one_cannot_be_taken),
        store_test(a_change_that_fails_leaves_what_it_takes_and_ends),
        store_test(ending_all_of_a_kind_leaves_other_kinds_and_users),
        store_test(the_oldest_end_when_one_more_begins),
        store_test(what_has_expired_ends_before_the_oldest),
        store_test(one_is_ended_by_its_hash_even_if_it_has_expired),
        store_test(log_ins_end_with_their_user_and_their_organization),
        store_test(of_many_that_take_the_same_one_succeeds),
        store_test(of_many_that_add_the_same_one_succeeds),
        store_test(who_fails_in_a_group_harms_no_neighbour),
        store_test(what_was_changed_is_there_after_a_kill),
        store_test(the_living_of_a_kind_are_loaded),
        store_test(sessions_are_extended_and_never_shortened),
        store_test(what_expired_is_removed_some_at_a_time),
        store_test(the_first_secret_proposed_is_kept),
        store_test(all_that_propose_at_once_get_the_same_secret),
        sqlite_test(a_backup_has_secrets_and_log_ins_and_only_its_owner_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
