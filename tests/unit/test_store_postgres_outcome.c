/* A COMMIT that is not answered: was it made? Nobody is told anything before that is known, and what was not made is made, once.
 */
#include "postgres_proxy.h"

struct scene {
    struct fixture *f;
    struct proxy *proxy;
    struct store *store; /* by way of the proxy */
    int64_t version;     /* of the organization */
};

static struct scene begin(void **state, int64_t busy_limit_ms)
{
    struct scene scene = { .f = *state };
    scene.proxy = proxy_open(scene.f);
    scene.store = open_node(scene.f, scene.proxy->url, busy_limit_ms);
    return scene;
}

/* Whatever happened, what is there is sound. */
static void end(struct scene *scene)
{
    store_close(scene->store);
    proxy_close(scene->proxy);
    assert_sound(scene->f, scene->f->store);
}

static void what_was_committed_is_not_done_twice_when_the_answer_is_lost(void **state)
{
    struct scene scene = begin(state, 0);
    struct fixture *f = scene.f;
    for (int i = 0; i < 3; i++) {
        proxy_strike_next(scene.proxy, STRIKE_ANSWER, "once", NULL, NULL);
        assert_int_equal(commit_user(scene.store, f->organization_id, &scene.version, "once"), ERR_OK);
        assert_int_equal(scene.version, i + 1);
        assert_int_equal(atomic_load(&scene.proxy->strikes), i + 1);
        assert_int_equal(version_of(f, f->store, f->organization_id), i + 1);
        assert_int_equal(count_users(f, f->organization_id, "once"), i + 1);
    }
    end(&scene);
}

static void a_commit_that_never_arrived_is_done_again(void **state)
{
    struct scene scene = begin(state, 0);
    struct fixture *f = scene.f;
    proxy_strike_next(scene.proxy, STRIKE_COMMIT, "once", NULL, NULL);
    assert_int_equal(commit_user(scene.store, f->organization_id, &scene.version, "once"), ERR_OK);
    assert_int_equal(atomic_load(&scene.proxy->strikes), 1);
    assert_int_equal(scene.version, 1);
    assert_int_equal(count_users(f, f->organization_id, "once"), 1);
    end(&scene);
}

static void all_commits_of_a_lost_transaction_are_found_or_done_again(void **state)
{
    enum { COMMITS = 12 };
    struct scene scene = begin(state, 0);
    struct fixture *f = scene.f;
    static const enum proxy_strike strikes[] = { STRIKE_ANSWER, STRIKE_COMMIT };
    for (size_t s = 0; s < COUNT_OF(strikes); s++) {
        struct gathering gathering;
        struct attempt attempts[COMMITS];
        int64_t ids[COMMITS];
        for (int i = 0; i < COMMITS; i++) ids[i] = add_organization(f, "one of many");
        gathering_begin(f, scene.store, &gathering);
        for (int i = 0; i < COMMITS; i++) {
            attempt_init(&attempts[i], ids[i], 0, "once");
            attempt_start(scene.store, &attempts[i]);
        }
        proxy_strike_next(scene.proxy, strikes[s], "once", NULL, NULL);
        gathering_end(&gathering);
        for (int i = 0; i < COMMITS; i++) {
            await(atomic_load(&attempts[i].done));
            assert_int_equal(attempts[i].result, ERR_OK);
            assert_int_equal(attempts[i].commit.version, 1);
            assert_int_equal(count_users(f, ids[i], "once"), 1);
            attempt_end(&attempts[i]);
        }
        assert_int_equal(atomic_load(&scene.proxy->strikes), s + 1);
    }
    end(&scene);
}

/* ---- another node is faster */

static void another_node_commits(void *context)
{
    const struct fixture *f = context;
    int64_t version = 0;
    if (commit_user(f->store, f->organization_id, &version, "theirs")) abort();
}

static void what_never_arrived_is_stale_if_another_node_was_faster(void **state)
{
    struct scene scene = begin(state, 0);
    struct fixture *f = scene.f;
    proxy_strike_next(scene.proxy, STRIKE_COMMIT, "ours", another_node_commits, f);
    assert_int_equal(commit_user(scene.store, f->organization_id, &scene.version, "ours"), ERR_STALE);
    assert_int_equal(version_of(f, f->store, f->organization_id), 1);
    assert_int_equal(count_users(f, f->organization_id, "ours"), 0);
    end(&scene);
}

static void a_write_that_holds_for_any_version_is_never_stale(void **state)
{
    struct scene scene = begin(state, 0);
    struct fixture *f = scene.f;
    scene.version = COMMIT_ANY_VERSION;
    proxy_strike_next(scene.proxy, STRIKE_COMMIT, "ours", another_node_commits, f);
    assert_int_equal(commit_user(scene.store, f->organization_id, &scene.version, "ours"), ERR_OK);
    assert_int_equal(scene.version, 2);
    assert_int_equal(count_users(f, f->organization_id, "ours"), 1);
    end(&scene);
}

/* ---- the database stays away */

static void go_away(void *context)
{
    atomic_store(&((struct proxy *)context)->mode, PROXY_REFUSE);
}

/* Sixteen commits of one transaction, whose COMMIT is the last thing that passes. */
static void only_a_database_that_stays_away_leaves_an_outcome_unknown(void **state)
{
    enum { COMMITS = 16, LIMIT_MS = 3000 };
    struct scene scene = begin(state, LIMIT_MS);
    struct fixture *f = scene.f;
    struct gathering gathering;
    struct attempt attempts[COMMITS];
    for (int i = 0; i < COMMITS; i++) attempt_init(&attempts[i], add_organization(f, "one of many"), 0, "perhaps");
    gathering_begin(f, scene.store, &gathering);
    for (int i = 0; i < COMMITS; i++) attempt_start(scene.store, &attempts[i]);
    proxy_strike_next(scene.proxy, STRIKE_ANSWER, "perhaps", go_away, scene.proxy);
    enum err first[2]; /* one of them may still be on its way when the other one's lane has made its next transaction */
    gathering_release(&gathering, first);
    for (int i = 0; i < 2; i++) assert_true(first[i] == ERR_OK || first[i] == ERR_UNKNOWN_OUTCOME);
    int64_t begun = clock_monotonic_ns();
    for (int i = 0; i < COMMITS; i++) {
        await(atomic_load(&attempts[i].done));
        assert_int_equal(attempts[i].result, ERR_UNKNOWN_OUTCOME);
        assert_int_equal(attempts[i].user.id, 0);
        attempt_end(&attempts[i]);
    }
    assert_true(milliseconds_since(begun) < COMMITS * LIMIT_MS / 4); /* they are looked for together, not one after the other */
    assert_false(store_reachable(scene.store));
    assert_int_equal(commit_user(scene.store, f->organization_id, &scene.version, "later"), ERR_BUSY);

    proxy_set(scene.proxy, PROXY_PASS); /* it was there all the time */
    for (int i = 0; i < COMMITS; i++) assert_int_equal(version_of(f, f->store, attempts[i].commit.organization_id), 1);
    int64_t version;
    await(store_version(&f->op, scene.store, f->organization_id, &version) == ERR_OK);
    assert_true(store_reachable(scene.store));
    assert_int_equal(commit_user(scene.store, f->organization_id, &scene.version, "later"), ERR_OK);
    end(&scene);
}

/* ---- warnings */

/* Those of the store's connections that are still there after a commit were not doubted. */
static int64_t count_same(struct fixture *f, const char *names)
{
    return run_beside(
        f->url, arena_printf(&f->op.arena, "SELECT count(*) FROM pg_stat_activity WHERE application_name = ANY ('%s')", names));
}

static char *list_connections(struct fixture *f)
{
    PGconn *session = open_session(f->url);
    PGresult *result = PQexec(session, "SELECT array_agg(application_name) FROM pg_stat_activity"
                                       " WHERE datname = current_database() AND application_name LIKE 'roster %'");
    char *names = arena_strdup(&f->op.arena, PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(session);
    return names;
}

/* Warns while a row is written to the log, or, deferred, while COMMIT works. */
static void a_warning_of_somebody_else_is_no_reason_to_doubt(void **state)
{
    static const char *const whens[] = { "", "DEFERRABLE INITIALLY DEFERRED" };
    static const char *const codes[] = { "01000", "01004", "P0001" };
    struct fixture *f = *state;
    int64_t version = 0;
    assert_int_equal(commit_user(f->store, f->organization_id, &version, "before"), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(whens) * COUNT_OF(codes); i++) {
        run_beside(f->url, arena_printf(&f->op.arena,
                                        "CREATE OR REPLACE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                                        " RAISE WARNING 'take care' USING ERRCODE = '%s'; RETURN NULL; END $$;"
                                        " CREATE CONSTRAINT TRIGGER warning AFTER INSERT ON change %s FOR EACH ROW"
                                        " EXECUTE FUNCTION warn()",
                                        codes[i / 2], whens[i % 2]));
        const char *names = list_connections(f);
        int64_t before = count_same(f, names);
        assert_true(before > 0);
        assert_int_equal(commit_user(f->store, f->organization_id, &version, "warned of"), ERR_OK);
        assert_int_equal(count_same(f, names), before);
        run_beside(f->url, "DROP TRIGGER warning ON change; DROP FUNCTION warn()");
    }
    assert_int_equal(version, 1 + COUNT_OF(whens) * COUNT_OF(codes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(what_was_committed_is_not_done_twice_when_the_answer_is_lost),
        postgres_test(a_commit_that_never_arrived_is_done_again),
        postgres_test(all_commits_of_a_lost_transaction_are_found_or_done_again),
        postgres_test(what_never_arrived_is_stale_if_another_node_was_faster),
        postgres_test(a_write_that_holds_for_any_version_is_never_stale),
        postgres_test(a_warning_of_somebody_else_is_no_reason_to_doubt),
        postgres_test(only_a_database_that_stays_away_leaves_an_outcome_unknown),
    };
    return run_postgres_tests(tests);
}
