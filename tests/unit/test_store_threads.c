/* Many threads on one store: group commit, failing members of it, and readers and a follower beside the writers. */
#include "store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 8, COMMITS = 60 };

struct team {
    struct fixture *f;
    int64_t organizations[WRITERS];
    struct uuid taken; /* of a user in every organization */
    atomic_int writing;
    atomic_int exists, stale;
};

struct worker {
    struct team *team;
    int64_t organization_id;
    int number;
    int64_t version;
};

static struct user new_user(const struct worker *worker, const struct uuid *uuid)
{
    return (struct user){ .organization_id = worker->organization_id, .uuid = uuid ? *uuid : uuid_random(), .user_name = "u" };
}

static enum err commit_user(struct worker *worker, struct user *user, int64_t version)
{
    AUTO_OP op = op_begin();
    struct change_list list = { 0 };
    change_add(&op.arena, &list, USER_CREATED, (union object){ 0 }, (union object){ .user = user });
    struct commit commit = {
        .organization_id = worker->organization_id, .expected_version = version, .time = op.now, .changes = &list
    };
    enum err e = store_commit(&op, worker->team->f->store, &commit);
    if (!e) worker->version = commit.version;
    return e;
}

/* Every fifth commit of a writer has a uuid that is taken, every seventh an old version. */
static void *write_users(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < COMMITS; i++) {
        bool twin = i % 5 == 4, late = i % 7 == 6;
        struct user user = new_user(worker, twin ? &worker->team->taken : NULL);
        enum err e = commit_user(worker, &user, worker->version - late);
        if (e == ERR_EXISTS) worker->team->exists++;
        if (e == ERR_STALE) worker->team->stale++;
        if (e && user.id) worker->team->exists = -1000000; /* a number must not stay in what failed */
    }
    worker->team->writing--;
    return NULL;
}

static enum err count_user(void *context, struct op *op, const struct user *user)
{
    (void)op, (void)user;
    ++*(int64_t *)context;
    return ERR_OK;
}

/* A snapshot has as many users as versions: each version made one. */
static void *load_users(void *context)
{
    struct team *team = context;
    intptr_t wrong = 0;
    for (int i = 0; team->writing > 0; i++) {
        AUTO_OP op = op_begin();
        int64_t count = 0, version = 0;
        struct store_sink sink = { .context = &count, .user = count_user };
        if (store_load(&op, team->f->store, team->organizations[i % WRITERS], &sink, NULL, &version)) wrong++;
        if (count != version) wrong++;
    }
    return (void *)wrong;
}

struct followed {
    const struct team *team;
    int64_t versions[WRITERS];
    intptr_t wrong;
};

static enum err note_version(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    (void)op;
    struct followed *followed = context;
    for (int i = 0; i < WRITERS; i++) {
        if (followed->team->organizations[i] != organization_id) continue;
        if (version < followed->versions[i]) followed->wrong++; /* the same may be told again */
        followed->versions[i] = version;
    }
    return ERR_OK;
}

static void *follow_versions(void *context)
{
    struct followed followed = { .team = context };
    int64_t cursor = 0;
    bool last;
    do {
        last = followed.team->writing == 0;
        AUTO_OP op = op_begin();
        if (store_follow(&op, followed.team->f->store, &cursor, note_version, &followed)) followed.wrong++;
    } while (!last);
    for (int i = 0; i < WRITERS; i++) {
        AUTO_OP op = op_begin();
        int64_t version;
        if (store_version(&op, followed.team->f->store, followed.team->organizations[i], &version)) followed.wrong++;
        else if (version != followed.versions[i]) followed.wrong++;
    }
    return (void *)followed.wrong;
}

static void writers_share_transactions_and_only_the_failing_ones_fail(void **state)
{
    struct fixture *f = *state;
    struct team team = { .f = f, .taken = uuid_random(), .writing = WRITERS };
    struct worker workers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        struct organization *organization = make_organization(f, "o");
        assert_done(f, change(f, ORGANIZATION_CREATED, NULL, organization));
        team.organizations[i] = organization->id;
        workers[i] = (struct worker){ &team, organization->id, i, 0 };
        struct user user = new_user(&workers[i], &team.taken);
        assert_int_equal(commit_user(&workers[i], &user, 0), ERR_OK);
    }
    struct store_stats before, after;
    store_stats(f->store, &before);

    pthread_t threads[WRITERS + 2];
    for (int i = 0; i < WRITERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_users, &workers[i]), 0);
    assert_int_equal(pthread_create(&threads[WRITERS], NULL, load_users, &team), 0);
    assert_int_equal(pthread_create(&threads[WRITERS + 1], NULL, follow_versions, &team), 0);
    for (int i = 0; i < WRITERS + 2; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        if (i >= WRITERS) assert_int_equal((intptr_t)wrong, 0);
    }

    int stale = COMMITS / 7, exists = COMMITS / 5 - COMMITS / 35; /* one that is both is stale */
    assert_int_equal(team.stale, stale * WRITERS);
    assert_int_equal(team.exists, exists * WRITERS);
    for (int i = 0; i < WRITERS; i++) assert_int_equal(workers[i].version, 1 + COMMITS - stale - exists);

    store_stats(f->store, &after);
    assert_int_equal(after.commits - before.commits, WRITERS * (COMMITS - stale - exists));
    assert_int_equal(after.failures - before.failures, WRITERS * (stale + exists));
    assert_true(after.transactions - before.transactions < WRITERS * COMMITS);
    assert_true(after.sync_count > before.sync_count);
    int64_t findings = -1;
    assert_done(f, store_check(&f->op, f->store, NULL, NULL, &findings));
    assert_int_equal(findings, 0);
}

/* All threads write one organization: of those that saw the same version exactly one wins. */
static void *race(void *context)
{
    struct worker *worker = context;
    intptr_t won = 0;
    for (int i = 0; i < COMMITS; i++) {
        AUTO_OP op = op_begin();
        int64_t version;
        struct user user = new_user(worker, NULL);
        if (!store_version(&op, worker->team->f->store, worker->organization_id, &version) &&
            !commit_user(worker, &user, version))
            won++;
    }
    return (void *)won;
}

static void one_of_those_that_saw_a_version_wins(void **state)
{
    struct fixture *f = *state;
    struct team team = { .f = f };
    struct worker workers[WRITERS];
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        workers[i] = (struct worker){ &team, f->organization_id, i, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, race, &workers[i]), 0);
    }
    int64_t won = 0, version;
    for (int i = 0; i < WRITERS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        won += (intptr_t)result;
    }
    assert_done(f, store_version(&f->op, f->store, f->organization_id, &version));
    assert_int_equal(version, won);
    assert_true(won > 0);
}

/* The copy is taken while others commit, more of them than fit into one checkpoint. */
static void a_backup_under_load_is_consistent(void **state)
{
    struct fixture *f = *state;
    struct team team = { .f = f, .taken = uuid_random(), .writing = WRITERS };
    struct worker workers[WRITERS];
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        struct organization *organization = make_organization(f, "o");
        assert_done(f, change(f, ORGANIZATION_CREATED, NULL, organization));
        team.organizations[i] = organization->id;
        workers[i] = (struct worker){ &team, organization->id, i, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, write_users, &workers[i]), 0);
    }
    for (int i = 0; team.writing > 0 || i < 3; i++) {
        const char *path = arena_printf(&f->op.arena, "%s/copy%d.db", f->directory, i);
        assert_done(f, store_backup(&f->op, f->store, path));
        struct store *copy = open_at(f, arena_printf(&f->op.arena, "sqlite:%s", path));
        int64_t findings = -1;
        assert_done(f, store_check(&f->op, copy, NULL, NULL, &findings));
        assert_int_equal(findings, 0);
        store_close(copy);
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(writers_share_transactions_and_only_the_failing_ones_fail),
        store_test(one_of_those_that_saw_a_version_wins),
        sqlite_test(a_backup_under_load_is_consistent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
