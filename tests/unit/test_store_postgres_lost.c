/* Connections that are lost and servers that hang: what was answered with success is there, what failed is not, and nobody waits
 * longer than the limit. */
#include "postgres_proxy.h"

#include "store/logins.h"
#include "store/postgres/store.h"

/* All processes of the database that serve stores. */
#define TERMINATE                                                                                                                \
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"                                                              \
    " WHERE datname = current_database() AND application_name LIKE 'roster %'"

/* Until nobody is there any more: a store connects by itself too, to tell others of what it committed. */
static void end_all_connections(struct fixture *f)
{
    await(run_beside(f->url, TERMINATE) == 0);
}

static enum err ignore_version(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    (void)context, (void)op, (void)organization_id, (void)version;
    return ERR_OK;
}

static enum err note_hash(void *context, struct op *op, const struct login *login)
{
    (void)op, (void)login;
    ++*(int *)context;
    return ERR_OK;
}

static void nobody_notices_connections_that_end_while_idle(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_user(f, "somebody");
    struct login login = { .kind = LOGIN_SESSION,
                           .organization_id = f->organization_id,
                           .user_id = user->id,
                           .user_uuid = user->uuid,
                           .created_at = 1,
                           .expires_at = INT64_MAX };
    int64_t cursor = 0;
    for (int i = 0; i < 5; i++) {
        end_all_connections(f);
        assert_int_equal(version_of(f, f->store, f->organization_id), f->versions[1]);
        end_all_connections(f);
        load(f, f->organization_id);
        assert_done(f, store_follow(&f->op, f->store, &cursor, ignore_version, NULL));
        add_user(f, "another");
        login.hash = digest_of(&i, sizeof i);
        assert_done(f, store_change_logins(&f->op, f->store, &(struct login_change){ .added = &login, .added_count = 1 }));
        assert_true(store_reachable(f->store));
    }
    int logins = 0;
    assert_done(f, store_load_logins(&f->op, f->store, LOGIN_SESSION, 1, note_hash, &logins));
    assert_int_equal(logins, 5);
}

/* ---- under load */

enum { WRITERS = 6, COMMITS_MAX = 4000 };

struct writer {
    struct fixture *f;
    int64_t organization_id;
    enum err results[COMMITS_MAX];
    atomic_int count, failures;
    atomic_bool *stop;
};

static void *write_until_stopped(void *context)
{
    struct writer *writer = context;
    int64_t version = 0;
    while (!atomic_load(writer->stop) && writer->count < COMMITS_MAX) {
        char name[24];
        snprintf(name, sizeof name, "n%d", writer->count);
        enum err e = commit_user(writer->f->store, writer->organization_id, &version, name);
        writer->results[writer->count++] = e;
        if (!e) continue;
        writer->failures++;
        AUTO_OP op = op_begin();
        while (store_version(&op, writer->f->store, writer->organization_id, &version)) failure_clear(&op.failure);
    }
    return NULL;
}

/* Each commit had a user of its own. */
static void check_written(struct fixture *f, const struct writer *writer)
{
    int64_t acknowledged = 0;
    PGconn *session = open_session(f->url);
    for (int i = 0; i < writer->count; i++) {
        enum err e = writer->results[i];
        if (e && e != ERR_BUSY) fail_msg("commit %d: %s", i, err_name(e)); /* above all not ERR_UNKNOWN_OUTCOME */
        int64_t there = session_run(session, arena_printf(&f->op.arena,
                                                          "SELECT count(*) FROM app_user WHERE organization_id = %lld"
                                                          " AND user_name = 'n%d'",
                                                          (long long)writer->organization_id, i));
        assert_int_equal(there, !e);
        acknowledged += !e;
    }
    PQfinish(session);
    assert_int_equal(version_of(f, f->store, writer->organization_id), acknowledged);
}

static void what_was_answered_is_true_while_connections_end_under_load(void **state)
{
    struct fixture *f = *state;
    struct writer *writers = calloc(WRITERS, sizeof *writers);
    pthread_t threads[WRITERS];
    atomic_bool stop = false;
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .f = f, .organization_id = add_organization(f, "load"), .stop = &stop };
        assert_int_equal(pthread_create(&threads[i], NULL, write_until_stopped, &writers[i]), 0);
    }
    int64_t ended = 0;
    PGconn *session = open_session(f->url);
    for (int i = 0; i < 60 || ended <= 20; i++) { /* the more often, the slower the machine is with new ones */
        ended += session_run(session, TERMINATE);
        sleep_ms(25);
    }
    PQfinish(session);
    for (int i = 0; i < WRITERS; i++) await(writers[i].count > writers[i].failures);
    atomic_store(&stop, true);
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < WRITERS; i++) check_written(f, &writers[i]);
    assert_sound(f, f->store);
    free(writers);
}

/* ---- a server that hangs */

/* Who waits for the server waits for LIMIT_MS at least. A server that does not hang answers sooner on any machine, and who does
 * not wait for it is done AT_ONCE. */
enum { LIMIT_MS = 2000, AT_ONCE_MS = 1000, CONNECT_MS = 3000, SLACK_MS = 3000 };

/* How long a commit and a read take until they have failed. */
static int64_t fail_to_commit(struct fixture *f, struct store *store)
{
    int64_t version = 0, begun = clock_monotonic_ns();
    assert_int_equal(commit_user(store, f->organization_id, &version, "hangs"), ERR_BUSY);
    return milliseconds_since(begun);
}

static int64_t fail_to_read(struct fixture *f, struct store *store)
{
    int64_t version, begun = clock_monotonic_ns();
    failure_clear(&f->op.failure);
    assert_int_equal(store_version(&f->op, store, f->organization_id, &version), ERR_BUSY);
    return milliseconds_since(begun);
}

static void *keep_trying(void *context)
{
    struct writer *writer = context;
    while (!atomic_load(writer->stop)) {
        AUTO_OP op = op_begin();
        int64_t version;
        if (store_version(&op, writer->f->store, writer->organization_id, &version)) writer->failures++;
        sleep_ms(5);
    }
    return NULL;
}

/* In both ways of hanging somebody waits for a connection at any time, and all others are answered. */
static void a_server_that_hangs_is_waited_for_once(void **state)
{
    static const enum proxy_mode ways[] = { PROXY_HANG, PROXY_HANG_LATER };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct proxy *proxy = proxy_open(f);
        struct store *store = open_node(f, proxy->url, LIMIT_MS);
        int64_t version = version_of(f, store, f->organization_id);
        assert_int_equal(commit_user(store, f->organization_id, &version, "before"), ERR_OK);
        proxy_set(proxy, ways[i]);
        assert_true(fail_to_commit(f, store) < LIMIT_MS + CONNECT_MS + SLACK_MS);
        assert_false(store_reachable(store));

        atomic_bool stop = false;
        struct fixture through = { .store = store };
        struct writer trying = { .f = &through, .organization_id = f->organization_id, .stop = &stop };
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, keep_trying, &trying), 0);
        sleep_ms(400); /* from now on it is the other thread that waits for a connection, nearly always */
        int quick = 0;
        for (int j = 0; j < 20; j++) {
            quick += fail_to_commit(f, store) < AT_ONCE_MS;
            quick += fail_to_read(f, store) < AT_ONCE_MS;
        }
        assert_true(quick >= 38);

        proxy_set(proxy, PROXY_PASS);
        await(store_reachable(store));
        atomic_store(&stop, true);
        pthread_join(thread, NULL);
        assert_true(trying.failures > 0);
        version = version_of(f, store, f->organization_id);
        assert_int_equal(commit_user(store, f->organization_id, &version, "after"), ERR_OK);
        assert_int_equal(count_users(f, f->organization_id, "hangs"), 0);
        store_close(store);
        proxy_close(proxy);
    }
}

/* ---- somebody else's lock */

static void an_organization_that_is_held_does_not_hold_the_others(void **state)
{
    enum { COMMITS = 6 };
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, 2 * LIMIT_MS);
    struct gathering gathering;
    struct attempt held, attempts[COMMITS];
    int64_t held_id = add_organization(f, "held for long"), ids[COMMITS];
    for (int i = 0; i < COMMITS; i++) ids[i] = add_organization(f, "free");
    PGconn *session = open_session(f->url);
    session_run(session, "BEGIN");
    session_run(session, arena_printf(&f->op.arena, "SELECT 1 FROM organization WHERE id = %lld FOR UPDATE", (long long)held_id));
    gathering_begin(f, store, &gathering);
    attempt_init(&held, held_id, 0, "waits");
    attempt_start(store, &held);
    for (int i = 0; i < COMMITS; i++) {
        attempt_init(&attempts[i], ids[i], 0, "free");
        attempt_start(store, &attempts[i]);
    }
    int64_t begun = clock_monotonic_ns();
    gathering_end(&gathering);
    for (int i = 0; i < COMMITS; i++) {
        await(atomic_load(&attempts[i].done));
        assert_int_equal(attempts[i].result, ERR_OK);
        attempt_end(&attempts[i]);
    }
    await(atomic_load(&held.done));
    assert_int_equal(held.result, ERR_BUSY);
    assert_true(milliseconds_since(begun) < 4 * LIMIT_MS + SLACK_MS);
    assert_true(store_reachable(store)); /* a lock is no reason to give the database up */
    attempt_end(&held);
    PQfinish(session);
    int64_t version = 0;
    assert_int_equal(commit_user(store, held_id, &version, "in time"), ERR_OK);
    store_close(store);
}

/* The process of a connection that was lost, played by a session of the same name, which is in the middle of its transaction. */
static void locks_of_a_lost_connection_are_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, 0);
    struct attempt attempt;
    PGconn *blocking = open_session(f->url);
    session_run(blocking, "BEGIN; ALTER SEQUENCE user_number OWNED BY NONE"); /* its numbers come before its COMMIT */
    attempt_init(&attempt, f->organization_id, 0, "once");
    attempt_start(store, &attempt);
    static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                  " AND wait_event_type = 'Lock'";
    await(run_beside(f->url, waiting) == 1);

    PGconn *lost = open_session(f->url);
    session_run(lost, "DO $$ BEGIN PERFORM set_config('application_name', application_name, false) FROM pg_stat_activity"
                      " WHERE datname = current_database() AND wait_event_type = 'Lock'; END $$");
    session_run(lost, "BEGIN");
    assert_true(PQsendQuery(lost, arena_printf(&f->op.arena, "SELECT 1 FROM organization WHERE id = %lld FOR UPDATE",
                                               (long long)f->organization_id)));
    await(run_beside(f->url, waiting) == 2);
    run_beside(f->url, arena_printf(&f->op.arena,
                                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE"
                                    " 'roster %%' AND wait_event_type = 'Lock' AND pid <> %d",
                                    PQbackendPID(lost)));
    session_run(blocking, "ROLLBACK");
    await(atomic_load(&attempt.done));
    assert_int_equal(attempt.result, ERR_OK);
    assert_int_equal(count_users(f, f->organization_id, "once"), 1);
    attempt_end(&attempt);
    PQfinish(lost);
    PQfinish(blocking);
    store_close(store);
}

/* The process of the first one is played as above. Whoever was to end it is lost before. */
static void a_lost_process_is_ended_though_the_next_connection_is_lost_too(void **state)
{
    struct fixture *f = *state;
    struct server server;
    struct postgres_db db;
    server_init(&server, f->url, LIMIT_MS);
    postgres_init(&db, &server);
    assert_done(f, postgres_connect(&f->op, &db));
    const char *first = arena_strdup(&f->op.arena, db.name);
    PGconn *process = open_session(f->url);
    session_run(process, arena_printf(&f->op.arena, "SET application_name = '%s'", first));
    for (int i = 0; i < 2; i++) {
        assert_failed(f, postgres_lose(&f->op, &db, "the network"), ERR_BUSY, "store");
        assert_done(f, postgres_connect(&f->op, &db));
        assert_string_not_equal(db.name, first);
        assert_string_equal(db.lost_name, first);
    }
    assert_done(f, postgres_end_lost(&f->op, &db));
    await(run_beside(f->url, arena_printf(&f->op.arena, "SELECT count(*) FROM pg_stat_activity WHERE application_name = '%s'",
                                          first)) == 0);
    const char *second = arena_strdup(&f->op.arena, db.name); /* from now on it is the newest again */
    assert_failed(f, postgres_lose(&f->op, &db, "the network"), ERR_BUSY, "store");
    assert_done(f, postgres_connect(&f->op, &db));
    assert_string_equal(db.lost_name, second);
    PQfinish(process);
    postgres_free(&db);
    server_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(nobody_notices_connections_that_end_while_idle),
        postgres_test(what_was_answered_is_true_while_connections_end_under_load),
        postgres_test(a_server_that_hangs_is_waited_for_once),
        postgres_test(locks_of_a_lost_connection_are_not_waited_for),
        postgres_test(a_lost_process_is_ended_though_the_next_connection_is_lost_too),
        postgres_test(an_organization_that_is_held_does_not_hold_the_others),
    };
    return run_postgres_tests(tests);
}
