/* What is behind the address is not what it was: another server behind a pooler, numbers that went back in a crash, a dump of
 * another cluster, a row that somebody else has. */
#include "postgres_fixture.h"

#include "store/logins.h"

static const char terminate[] = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                " WHERE datname = current_database() AND application_name LIKE 'roster %'";

static const char *organization_sql(struct fixture *f, const char *format, int64_t organization_id)
{
    return arena_printf(&f->op.arena, format, (long long)organization_id);
}

/* ---- following */

struct news {
    int64_t organization_id, told, version;
};

static enum err note_news(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    struct news *news = context;
    (void)op;
    if (organization_id != news->organization_id) return ERR_OK;
    news->told++;
    news->version = version;
    return ERR_OK;
}

/* What a follower has heard in one round of the organization. */
static struct news follow(struct fixture *f, struct store *store, int64_t *cursor)
{
    struct news news = { .organization_id = f->organization_id };
    assert_done(f, store_follow(&f->op, store, cursor, note_news, &news));
    return news;
}

/* A pooler may keep the connection while the server behind it becomes another one. That is played by a function that hides
 * PostgreSQL's own: when the server started is what the test says. */
static void a_server_that_started_later_is_another_one_on_the_same_connection(void **state)
{
    struct fixture *f = *state;
    int64_t cursor = 0;
    run_beside(f->url, "CREATE TABLE started AS SELECT pg_catalog.pg_postmaster_start_time() AS at;"
                       " CREATE FUNCTION public.pg_postmaster_start_time() RETURNS timestamptz LANGUAGE sql STABLE"
                       " AS 'SELECT at FROM started'");
    struct store *store = open_node(f, url_with(f, f->url, "options=-csearch_path%3Dpublic%2Cpg_catalog"), 0);
    follow(f, store, &cursor);
    int64_t epoch = store_epoch(store);
    for (int i = 0; i < 3; i++) follow(f, store, &cursor);
    assert_int_equal(store_epoch(store), epoch); /* not for nothing */
    run_beside(f->url, "UPDATE started SET at = at + interval '1 second'");
    follow(f, store, &cursor);
    assert_int_equal(store_epoch(store), epoch + 1);
    follow(f, store, &cursor);
    assert_int_equal(store_epoch(store), epoch + 1);
    run_beside(f->url, "UPDATE started SET at = at - interval '2 seconds'"); /* clocks of two servers differ */
    follow(f, store, &cursor);
    assert_int_equal(store_epoch(store), epoch + 2);
    store_close(store);
    run_beside(f->url, "DROP FUNCTION public.pg_postmaster_start_time(); DROP TABLE started");
}

/* The numbers of its transactions are yet to come here: each round would find all of them, until they have come. */
static void a_dump_of_a_cluster_that_was_ahead_is_not_told_again_and_again(void **state)
{
    struct fixture *f = *state;
    int64_t cursor = 0, version = 0;
    for (int i = 0; i < 3; i++) assert_int_equal(commit_user(f->store, f->organization_id, &version, "dumped"), ERR_OK);
    run_beside(f->url, organization_sql(f,
                                        "UPDATE change SET transaction = (transaction::text::bigint + 1000000000)::text::xid8"
                                        " WHERE organization_id = %lld",
                                        f->organization_id));
    struct store *store = open_node(f, f->url, 0);
    assert_int_equal(follow(f, store, &cursor).version, 3); /* who asks for all is told all */
    assert_int_equal(follow(f, store, &cursor).told, 0);
    assert_int_equal(commit_user(f->store, f->organization_id, &version, "new"), ERR_OK);
    assert_int_equal(follow(f, store, &cursor).version, 4); /* and what comes is told */
    assert_int_equal(
        run_beside(f->url, "SELECT count(*) FROM change WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())"), 0);
    assert_sound(f, store);
    store_close(store);
}

/* ---- connections */

/* The process of the store's reader: of those that asked for a version the one that is connected last. */
static int64_t newest_reader(PGconn *session, struct fixture *f, const char *database)
{
    return session_run(session, arena_printf(&f->op.arena,
                                             "SELECT pid FROM pg_stat_activity WHERE datname = '%s' AND query LIKE"
                                             " '%%version%%FROM organization%%' ORDER BY backend_start DESC LIMIT 1",
                                             database));
}

/* While nobody can connect, connections that are there stay: but they may be to a server that is not the one any more. */
static void when_a_server_comes_back_connections_of_before_are_not_used_again(void **state)
{
    struct fixture *f = *state;
    const char *database = url_part(f, f->url, "dbname");
    const struct digest none = digest_of("", 0);
    const char *allow = arena_printf(&f->op.arena, "ALTER DATABASE %s ALLOW_CONNECTIONS ", database);
    PGconn *session = open_session(place_cluster());
    struct store *store = open_node(f, f->url, 0);
    version_of(f, store, f->organization_id);
    int64_t before = newest_reader(session, f, database);
    assert_int_not_equal(before, 0);
    session_run(session, arena_printf(&f->op.arena, "%s false", allow));
    await(store_end_login(&f->op, store, LOGIN_SESSION, &none) == ERR_BUSY && !store_reachable(store)); /* it needs another one */
    assert_int_equal(newest_reader(session, f, database), before);
    session_run(session, arena_printf(&f->op.arena, "%s true", allow));
    await(store_end_login(&f->op, store, LOGIN_SESSION, &none) == ERR_OK);
    version_of(f, store, f->organization_id);
    await(newest_reader(session, f, database) != before);
    store_close(store);
    PQfinish(session);
}

/* ---- numbers */

/* Both lanes, each on its own connection, give a user a number that was brought; 1000 and 1001. */
static void bring_numbers(struct fixture *f, struct store *store)
{
    struct attempt attempts[2];
    int64_t ids[2] = { add_organization(f, "imported"), add_organization(f, "imported") };
    PGconn *session = open_session(f->url);
    session_run(session, "BEGIN; LOCK TABLE change IN SHARE MODE");
    for (int i = 0; i < 2; i++) {
        attempt_init(&attempts[i], ids[i], 0, "imported");
        attempts[i].user.id = 1000 + i;
        attempt_start(store, &attempts[i]);
        await(run_beside(f->url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                 " AND wait_event_type = 'Lock'") == i + 1);
    }
    session_run(session, "ROLLBACK");
    PQfinish(session);
    for (int i = 0; i < 2; i++) {
        await(atomic_load(&attempts[i].done));
        assert_int_equal(attempts[i].result, ERR_OK);
        attempt_end(&attempts[i]);
    }
}

static int64_t add_numbered(struct fixture *f, struct store *store, int64_t id)
{
    struct attempt attempt;
    attempt_init(&attempt, f->organization_id, version_of(f, f->store, f->organization_id), "numbered");
    attempt.user.id = id;
    assert_int_equal(store_commit(&attempt.op, store, &attempt.commit), ERR_OK);
    id = attempt.user.id;
    attempt_end(&attempt);
    return id;
}

/* After a crash a sequence may be where it was before something that was not committed; a connection that is new must not go by
 * what the one before it knew. */
static void a_number_that_was_brought_is_not_given_though_the_sequence_went_back(void **state)
{
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, 0);
    bring_numbers(f, store);
    assert_int_equal(add_numbered(f, store, 0), 1002);
    await(run_beside(f->url, terminate) == 0);
    run_beside(f->url, "SELECT setval('user_number', 500)");
    assert_int_equal(add_numbered(f, store, 900), 900);
    assert_int_equal(run_beside(f->url, "SELECT last_value FROM user_number"), 900);
    assert_int_equal(add_numbered(f, store, 0), 901);
    store_close(store);
}

/* ---- rows that somebody else has */

/* The others share a transaction with what must wait, and are done while it does: however long that is. */
static void who_must_wait_for_a_row_has_nobody_wait_with_him(void **state)
{
    enum { COMMITS = 6, PATIENCE_MS = 600000 };
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, PATIENCE_MS);
    struct gathering gathering;
    struct attempt held, attempts[COMMITS];
    int64_t ids[COMMITS];
    for (int i = 0; i < COMMITS; i++) ids[i] = add_organization(f, "free");
    PGconn *session = open_session(f->url);
    session_run(session, "BEGIN");
    session_run(session, organization_sql(f, "SELECT 1 FROM organization WHERE id = %lld FOR UPDATE", f->organization_id));
    gathering_begin(f, store, &gathering);
    attempt_init(&held, f->organization_id, 0, "waits");
    attempt_start(store, &held);
    for (int i = 0; i < COMMITS; i++) {
        attempt_init(&attempts[i], ids[i], 0, "free");
        attempt_start(store, &attempts[i]);
    }
    gathering_end(&gathering);
    for (int i = 0; i < COMMITS; i++) {
        await(atomic_load(&attempts[i].done));
        assert_int_equal(attempts[i].result, ERR_OK);
        attempt_end(&attempts[i]);
    }
    assert_false(atomic_load(&held.done));
    session_run(session, "ROLLBACK");
    PQfinish(session);
    await(atomic_load(&held.done));
    assert_int_equal(held.result, ERR_OK);
    assert_int_equal(held.commit.version, 1);
    attempt_end(&held);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(a_server_that_started_later_is_another_one_on_the_same_connection),
        postgres_test(a_dump_of_a_cluster_that_was_ahead_is_not_told_again_and_again),
        postgres_test(a_number_that_was_brought_is_not_given_though_the_sequence_went_back),
        postgres_test(who_must_wait_for_a_row_has_nobody_wait_with_him),
        postgres_test(
            when_a_server_comes_back_connections_of_before_are_not_used_again), /* last: if it fails nobody can connect */
    };
    return run_postgres_tests(tests);
}
