/* The threads that commit: when they end, and who waits for whom. */
#include "postgres_proxy.h"

#include "store/postgres/store.h"

/* Until so many wait for somebody else's lock. */
static void await_waiting(struct fixture *f, int count)
{
    await(run_beside(f->url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                             " AND wait_event_type = 'Lock'") == count);
}

/* ---- the end */

enum { LONG = 1100 };

/* When the first commit is told, it starts a long one. */
struct relay {
    struct store *store;
    struct attempt first, second;
    struct user users[LONG];
    atomic_bool closed;
};

static void start_second(void *context, enum err result)
{
    struct relay *relay = context;
    note_result(&relay->first, result);
    attempt_start(relay->store, &relay->second);
}

static void *close_store(void *context)
{
    struct relay *relay = context;
    store_close(relay->store);
    atomic_store(&relay->closed, true);
    return NULL;
}

static void a_store_that_is_closed_ends_what_its_last_commit_starts(void **state)
{
    struct fixture *f = *state;
    struct relay *relay = calloc(1, sizeof *relay);
    assert_non_null(relay);
    relay->store = open_node(f, f->url, 0);
    attempt_init(&relay->first, f->organization_id, 0, "first");
    attempt_init(&relay->second, add_organization(f, "Other"), 0, "second");
    for (int i = 0; i < LONG; i++) {
        relay->users[i] = relay->second.user;
        relay->users[i].uuid = uuid_random();
        change_add(&relay->second.op.arena, &relay->second.changes, USER_CREATED, (union object){ 0 },
                   (union object){ .user = &relay->users[i] });
    }
    PGconn *session = open_session(f->url);
    session_run(session, "BEGIN; LOCK TABLE change IN SHARE MODE");
    store_commit_start(&relay->first.op, relay->store, &relay->first.commit, start_second, relay);
    await_waiting(f, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_store, relay), 0);
    sleep_ms(200); /* whoever has nothing to do has ended */
    session_run(session, "ROLLBACK");
    await(atomic_load(&relay->closed));
    pthread_join(thread, NULL);
    assert_int_equal(relay->first.result, ERR_OK);
    assert_true(atomic_load(&relay->second.done));
    assert_int_equal(relay->second.result, ERR_OK);
    assert_int_equal(count_users(f, relay->second.commit.organization_id, "second"), LONG + 1);
    PQfinish(session);
    attempt_end(&relay->first);
    attempt_end(&relay->second);
    free(relay);
}

/* ---- a row that somebody else holds */

static struct digest secret(void)
{
    return digest_of("a secret", 8);
}

/* Somebody who has made a credential with the secret and has not committed: whoever makes another one must wait. */
static PGconn *hold_secret(struct fixture *f)
{
    PGconn *session = open_session(f->url);
    struct digest hash = secret();
    char hexadecimal[2 * sizeof hash.bytes + 1];
    for (size_t i = 0; i < sizeof hash.bytes; i++) snprintf(hexadecimal + 2 * i, 3, "%02x", hash.bytes[i]);
    session_run(session, "BEGIN");
    session_run(session, arena_printf(&f->op.arena,
                                      "INSERT INTO credential (organization_id, id, uuid, kind, secret_hash, rights) VALUES"
                                      " (%lld, nextval('credential_number'), decode(md5(random()::text), 'hex'), 1, '\\x%s', 7)",
                                      (long long)f->organization_id, hexadecimal));
    return session;
}

/* A user with a credential that has the secret. */
static void blocked_init(struct attempt *attempt, int64_t organization_id)
{
    attempt_init(attempt, organization_id, 0, "blocked");
    attempt->credential = (struct credential){ .organization_id = organization_id,
                                               .uuid = uuid_random(),
                                               .name = "key",
                                               .kind = CREDENTIAL_API_KEY,
                                               .key_id = "key",
                                               .secret_hash = secret(),
                                               .rights = RIGHT_READ };
    change_add(&attempt->op.arena, &attempt->changes, CREDENTIAL_CREATED, (union object){ 0 },
               (union object){ .credential = &attempt->credential });
}

static void who_shared_a_transaction_with_one_that_must_wait_does_not(void **state)
{
    enum { MATES = 5 };
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, 0);
    struct attempt blocked, mates[MATES];
    struct gathering gathering;
    blocked_init(&blocked, add_organization(f, "blocked"));
    for (int i = 0; i < MATES; i++) attempt_init(&mates[i], add_organization(f, "mate"), i == 1 ? 7 : 0, "mate");
    PGconn *session = hold_secret(f);
    gathering_begin(f, store, &gathering);
    attempt_start(store, &blocked);
    for (int i = 0; i < MATES; i++) attempt_start(store, &mates[i]);
    gathering_end(&gathering);
    for (int i = 0; i < MATES; i++) {
        await(atomic_load(&mates[i].done));
        assert_int_equal(mates[i].result, i == 1 ? ERR_STALE : ERR_OK);
        assert_int_equal(count_users(f, mates[i].commit.organization_id, "mate"), i != 1);
    }
    assert_false(atomic_load(&blocked.done));
    session_run(session, "ROLLBACK");
    await(atomic_load(&blocked.done));
    assert_int_equal(blocked.result, ERR_OK);
    assert_int_equal(count_users(f, blocked.commit.organization_id, "blocked"), 1);
    PQfinish(session);
    store_close(store);
    for (int i = 0; i < MATES; i++) attempt_end(&mates[i]);
    run_beside(f->url, arena_printf(&f->op.arena, "DELETE FROM credential WHERE organization_id = %lld",
                                    (long long)blocked.commit.organization_id));
    attempt_end(&blocked);
}

/* More of them than there are lanes. */
static void those_that_must_wait_do_not_keep_the_lanes(void **state)
{
    enum { BLOCKED = 4, COMMITS = 5, LIMIT_MS = 6000 };
    struct fixture *f = *state;
    struct store *store = open_node(f, f->url, LIMIT_MS);
    struct attempt blocked[BLOCKED];
    int64_t version = 0;
    PGconn *session = hold_secret(f);
    for (int i = 0; i < BLOCKED; i++) {
        blocked_init(&blocked[i], add_organization(f, "blocked"));
        attempt_start(store, &blocked[i]);
        if (i < LANES) await_waiting(f, i + 1);
    }
    for (int i = 0; i < COMMITS; i++) assert_int_equal(commit_user(store, f->organization_id, &version, "free"), ERR_OK);
    for (int i = 0; i < BLOCKED; i++) assert_false(atomic_load(&blocked[i].done));
    for (int i = 0; i < BLOCKED; i++) {
        await(atomic_load(&blocked[i].done));
        assert_int_equal(blocked[i].result, ERR_BUSY);
        assert_int_equal(blocked[i].user.id, 0);
        assert_int_equal(count_users(f, blocked[i].commit.organization_id, "blocked"), 0);
        attempt_end(&blocked[i]);
    }
    assert_true(store_reachable(store));
    PQfinish(session);
    store_close(store);
    assert_sound(f, f->store);
}

/* A transaction each time, for as long as the other takes. */
static void an_organization_that_is_held_for_long_is_tried_less_and_less_often(void **state)
{
    enum { HELD_MS = 1500, TIMES = 200 };
    struct fixture *f = *state;
    struct proxy *proxy = proxy_open(f);
    struct store *store = open_node(f, proxy->url, 30000);
    struct attempt attempt;
    PGconn *session = open_session(f->url);
    session_run(session, "BEGIN");
    session_run(session, arena_printf(&f->op.arena, "SELECT 1 FROM organization WHERE id = %lld FOR UPDATE",
                                      (long long)f->organization_id));
    attempt_init(&attempt, f->organization_id, 0, "waits");
    attempt_start(store, &attempt);
    await(atomic_load(&proxy->begun) > 4); /* at first it is tried again soon */
    sleep_ms(HELD_MS);
    assert_true(atomic_load(&proxy->begun) < TIMES);
    assert_false(atomic_load(&attempt.done));
    session_run(session, "ROLLBACK");
    int64_t begun = clock_monotonic_ns();
    await(atomic_load(&attempt.done));
    assert_true(milliseconds_since(begun) < 1000);
    assert_int_equal(attempt.result, ERR_OK);
    attempt_end(&attempt);
    PQfinish(session);
    store_close(store);
    proxy_close(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(a_store_that_is_closed_ends_what_its_last_commit_starts),
        postgres_test(who_shared_a_transaction_with_one_that_must_wait_does_not),
        postgres_test(an_organization_that_is_held_for_long_is_tried_less_and_less_often),
        postgres_test(those_that_must_wait_do_not_keep_the_lanes),
    };
    return run_postgres_tests(tests);
}
