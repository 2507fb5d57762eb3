/* The threads that commit: when they end, and who waits for whom. */
#include "postgres_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(a_store_that_is_closed_ends_what_its_last_commit_starts),
    };
    return run_postgres_tests(tests);
}
