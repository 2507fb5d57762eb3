/* What happens at the same moment on another node: the other node is played by a session that writes what a node would. */
#include "postgres_fixture.h"

#include "store/engine.h"

static const char *organization_sql(struct fixture *f, const char *format)
{
    return arena_printf(&f->op.arena, format, (long long)f->organization_id);
}

/* The other node has locked the organization and written to it; it has not committed yet. */
static PGconn *begin_writing(struct fixture *f)
{
    PGconn *node = open_session(f->url);
    session_run(node, "BEGIN");
    session_run(node, organization_sql(f, "SELECT version FROM organization WHERE id = %lld FOR NO KEY UPDATE"));
    session_run(node,
                organization_sql(f, "INSERT INTO app_user (organization_id, id, uuid, email_address_verify,"
                                    " email_address_verified, phone_number_verify, phone_number_verified, super_user, active,"
                                    " auto_remove_after) VALUES (%lld, nextval('user_number'), '\\x01', 0, 0, 0, 0, 1, 1, 0)"));
    session_run(node, organization_sql(f, "INSERT INTO credential (organization_id, id, uuid, kind, secret_hash, rights)"
                                          " VALUES (%lld, nextval('credential_number'), '\\x01', 1, '\\x01', 7)"));
    return node;
}

static void *commit_after_a_while(void *context)
{
    sleep_ms(100);
    session_run(context, "COMMIT");
    return NULL;
}

static void a_deleted_organization_leaves_nothing_of_what_was_just_written(void **state)
{
    struct fixture *f = *state;
    struct organization *organization = make_organization(f, "Test");
    organization->id = f->organization_id;
    PGconn *node = begin_writing(f);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, commit_after_a_while, node), 0);
    assert_done(f, change(f, ORGANIZATION_DELETED, organization, NULL));
    pthread_join(thread, NULL);
    assert_int_equal(session_run(node, organization_sql(f, "SELECT count(*) FROM app_user WHERE organization_id = %lld")), 0);
    assert_int_equal(session_run(node, organization_sql(f, "SELECT count(*) FROM credential WHERE organization_id = %lld")), 0);
    assert_int_equal(session_run(node, organization_sql(f, "SELECT count(*) FROM organization WHERE id = %lld"
                                                           " AND deleted_at IS NOT NULL")),
                     1);
    PQfinish(node);
}

static void what_another_node_holds_for_too_long_is_refused_and_nothing_else(void **state)
{
    enum { LIMIT_MS = 2000 }; /* nobody who is not held waits for as long, on any machine */
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, LIMIT_MS);
    int64_t held = f->organization_id, other = add_organization(f, "Other"), held_version = 0, other_version = 0;
    PGconn *node = begin_writing(f);
    struct attempt attempt;
    attempt_init(&attempt, held, 0, "late");
    int64_t begun = clock_monotonic_ns();
    attempt_start(store, &attempt);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "user %d", i);
        assert_int_equal(commit_user(store, other, &other_version, name), ERR_OK);
    }
    await(attempt.done);
    assert_int_equal(attempt.result, ERR_BUSY);
    assert_true(milliseconds_since(begun) >= LIMIT_MS);
    assert_true(store_reachable(store));
    session_run(node, "ROLLBACK");
    PQfinish(node);
    assert_int_equal(commit_user(store, held, &held_version, "again"), ERR_OK);
    attempt_end(&attempt);
    store_close(store);
}

struct told {
    int64_t organization_id, version; /* the test's own; -1: not yet */
    int strangers;                    /* how often of the organization that there is not */
};
enum { STRANGER = 123456789 };

static enum err note_told(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    (void)op;
    struct told *told = context;
    if (organization_id == STRANGER) told->strangers++;
    if (organization_id == told->organization_id && version > told->version) told->version = version;
    return ERR_OK;
}

/* PostgreSQL lets everybody notify who may connect. */
static void a_hint_is_only_believed_as_far_as_the_database_says_so(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told = { .organization_id = f->organization_id, .version = -1 };
    struct store_sink sink = { 0 };
    assert_done(f, store_load_credentials(&f->op, f->store, &sink, &cursor));
    for (int i = 0; i < 2; i++) assert_done(f, store_follow(&f->op, f->store, &cursor, note_told, &told)); /* it listens now */
    /* Nobody has changed anything in it: a poll does not tell of it. */
    assert_int_equal(told.version, -1);
    for (int64_t begun = clock_monotonic_ns(); told.version < 0 && milliseconds_since(begun) < 30000;) {
        run_beside(f->url, organization_sql(f, "SELECT pg_notify('roster', '%lld:9000000000 123456789:5 x y:z')"));
        store_wait(f->store, 1000);
        assert_done(f, store_follow(&f->op, f->store, &cursor, note_told, &told));
    }
    assert_int_equal(told.version, 0);
    assert_int_equal(told.strangers, 0);
}

static void *migrate(void *url)
{
    AUTO_OP op = op_begin();
    struct store *store = NULL;
    enum err e = store_open(&op, &(struct store_options){ .url = url, .create = true, .migrate = true }, &store);
    if (e) print_error("%s\n", op.failure.text);
    store_close(store);
    return (void *)(intptr_t)e;
}

static void nodes_that_migrate_at_once_do_not_take_each_other_for_another_program(void **state)
{
    enum { NODES = 6 };
    struct fixture *f = *state;
    for (int round = 0; round < 5; round++) {
        char *url = url_with(f, f->url, "options=-csearch_path%3Dfresh");
        run_beside(f->url, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS fresh CASCADE; CREATE SCHEMA fresh");
        pthread_t threads[NODES];
        for (int i = 0; i < NODES; i++) assert_int_equal(pthread_create(&threads[i], NULL, migrate, url), 0);
        for (int i = 0; i < NODES; i++) {
            void *result;
            pthread_join(threads[i], &result);
            assert_int_equal((intptr_t)result, ERR_OK);
        }
    }
    run_beside(f->url, "SET client_min_messages = warning; DROP SCHEMA fresh CASCADE");
}

/* A snapshot of many organizations has as many cursors, one after the other. */
static void a_snapshot_does_not_keep_the_cursors_it_is_done_with(void **state)
{
    struct fixture *f = *state;
    AUTO_READER reader = { 0 };
    assert_done(f, store_reader(&f->op, f->store, &reader));
    assert_done(f, store_snapshot(&f->op, &reader));
    bool row;
    for (int i = 0; i < 50; i++) {
        AUTO_QUERY q = db_stream(reader.db, "SELECT id FROM organization ORDER BY id");
        assert_done(f, query_step(&f->op, &q, &row));
    }
    AUTO_QUERY count = db_query(reader.db, "SELECT count(*) FROM pg_cursors WHERE name <> ''");
    assert_done(f, query_step(&f->op, &count, &row));
    assert_int_equal(column_number(&count, 0), 0);
}

/* With it numbers could be used up for ever. */
static void only_who_may_raises_numbers(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        run_beside(f->url, "SELECT has_function_privilege('pg_monitor', 'raise_number(text, bigint)', 'execute')::int"), 0);
}

/* The lock of a sequence is not kept while the rows of an import are written. */
static void an_import_with_numbers_of_its_own_does_not_keep_others_from_getting_some(void **state)
{
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, 0);
    int64_t other = add_organization(f, "Other"), version = 0;
    PGconn *node = open_session(f->url);
    session_run(node, "BEGIN; LOCK TABLE change IN SHARE MODE"); /* the import comes no further than its log */
    struct attempt attempt;
    attempt_init(&attempt, f->organization_id, 0, "imported");
    attempt.user.id = 1000000;
    attempt_start(store, &attempt);
    await(run_beside(f->url,
                     "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") >
          0);
    assert_true(run_beside(f->url, "SET lock_timeout = 100; SELECT nextval('user_number')") > 1000000);
    session_run(node, "ROLLBACK");
    PQfinish(node);
    await(attempt.done);
    assert_int_equal(attempt.result, ERR_OK);
    assert_int_equal(commit_user(store, other, &version, "drawn"), ERR_OK);
    attempt_end(&attempt);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(a_deleted_organization_leaves_nothing_of_what_was_just_written),
        postgres_test(what_another_node_holds_for_too_long_is_refused_and_nothing_else),
        postgres_test(a_hint_is_only_believed_as_far_as_the_database_says_so),
        postgres_test(nodes_that_migrate_at_once_do_not_take_each_other_for_another_program),
        postgres_test(only_who_may_raises_numbers),
        postgres_test(an_import_with_numbers_of_its_own_does_not_keep_others_from_getting_some),
        postgres_test(a_snapshot_does_not_keep_the_cursors_it_is_done_with),
    };
    return run_postgres_tests(tests);
}
