/* Following which sessions ended, where transactions end in another order than they begin: none is missed, and none is told all
 * the time. What is true of both engines is in test_store_logins_ended.c. */
#include "postgres_fixture.h"

#include "store/logins.h"

enum { SESSIONS = 12 }; /* more than a cursor remembers transactions */

struct ended {
    int times[SESSIONS];
};

/* The hash of a session's secret begins with its number. */
static void note_ended(void *context, const struct digest *hash)
{
    struct ended *ended = context;
    if (hash->bytes[0] < SESSIONS) ended->times[hash->bytes[0]]++;
}

static struct ended follow_ended(struct fixture *f, struct store *store, struct ended_cursor *cursor)
{
    struct ended ended = { 0 };
    assert_done(f, store_follow_logins(&f->op, store, cursor, note_ended, &ended));
    return ended;
}

static void end_session(struct fixture *f, PGconn *session, int number)
{
    session_run(session, arena_printf(&f->op.arena, "INSERT INTO login_ended (secret_hash, ended_at) VALUES ('\\x%02x%062x', 1)",
                                      (unsigned)number, 0U));
}

static void a_session_that_ended_is_told_once_however_long_a_transaction_stays_open(void **state)
{
    struct fixture *f = *state;
    struct ended_cursor cursor = { 0 };
    PGconn *other = hold_back(f), *session = open_session(f->url);
    follow_ended(f, f->store, &cursor);
    for (int i = 0; i < 3; i++) {
        end_session(f, session, i);
        assert_int_equal(follow_ended(f, f->store, &cursor).times[i], 1);
        await(follow_ended(f, f->store, &cursor).times[i] == 0); /* not at once if very many are open in the cluster */
    }
    session_run(other, "ROLLBACK; DELETE FROM login_ended");
    PQfinish(other);
    PQfinish(session);
}

/* All are open at the first look; who began last ends first. */
static void sessions_that_end_in_another_order_than_they_began_to_are_told(void **state)
{
    struct fixture *f = *state;
    struct ended_cursor cursor = { 0 };
    PGconn *sessions[SESSIONS];
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = open_session(f->url);
        session_run(sessions[i], "BEGIN");
        end_session(f, sessions[i], i);
    }
    for (int i = SESSIONS; i-- > 0;) {
        assert_int_equal(follow_ended(f, f->store, &cursor).times[i], 0);
        session_run(sessions[i], "COMMIT");
        PQfinish(sessions[i]);
        assert_int_equal(follow_ended(f, f->store, &cursor).times[i], 1);
    }
    run_beside(f->url, "DELETE FROM login_ended");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(a_session_that_ended_is_told_once_however_long_a_transaction_stays_open),
        postgres_test(sessions_that_end_in_another_order_than_they_began_to_are_told),
    };
    return run_postgres_tests(tests);
}
