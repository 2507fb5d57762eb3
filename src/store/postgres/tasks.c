/* tasks.c — what is written beside the log, each in a transaction of its own, on the thread that asks. */
#include "store/postgres/store.h"

#include "base/clock.h"

enum { ATTEMPTS = 5 };

/* COMMIT that was not answered: the tasks are about log-ins and times of last use, which are asked for again or end by
 * themselves. */
static enum err run_once(struct op *op, struct postgres_db *db, store_task task, void *context, bool *ret_again)
{
    bool wrote = false;
    enum err e = postgres_connect(op, db);
    if (!e) e = postgres_begin(op, db);
    if (!e) e = task(op, &db->base, context, &wrote);
    bool sent = false;
    if (!e) e = postgres_commit_transaction(op, db, &sent);
    db->gathering = false;
    *ret_again = e && (db->conflict || (db->lost && !sent));
    if (sent && (e ? db->lost : db->warned)) { /* a warning: the standby was not waited for to the end */
        failure_clear(&op->failure);
        e = op_fail(op, ERR_UNKNOWN_OUTCOME, "store", "the database was lost while committing");
    }
    if (e) postgres_roll_back(db);
    return e;
}

enum err postgres_run_task(struct op *op, struct store *base, store_task task, void *context)
{
    struct connections *connections = &postgres_store_of(base)->tasks;
    struct postgres_db *db;
    enum err e = connections_take(op, connections, &db);
    if (e) return e;
    bool again = true;
    int64_t until_ns = clock_monotonic_ns() + db->server->answer_limit_ms * 1000000;
    for (int attempt = 0; attempt < ATTEMPTS && again && (!attempt || clock_monotonic_ns() < until_ns); attempt++) {
        failure_clear(&op->failure);
        e = run_once(op, db, task, context, &again);
    }
    connections_return(connections, db);
    return e;
}
