/* outcome.c — what became of a commit whose COMMIT was not answered.
 *
 * The process of the lost connection may still be at it: waiting for a standby, or for a COMMIT that is on the way. It is told to
 * end, and the organization's row, which it has locked, is locked here: from then on its outcome is decided. That this
 * transaction is itself committed, with everything before it on disk and on the synchronous standbys, is what makes "it is there"
 * a promise. */
#include "store/postgres/store.h"

#include "base/clock.h"

#include <time.h>

static enum err end_lost_process(struct op *op, struct postgres_db *db, const char *lost_name)
{
    AUTO_QUERY q = db_query(&db->base, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
                                       " AND pid <> pg_backend_pid()");
    query_text(&q, lost_name);
    return query_run(op, &q);
}

static enum err look(struct op *op, struct postgres_db *db, const struct waiting *w, bool *ret_committed)
{
    enum err e = postgres_begin(op, db);
    if (!e) {
        AUTO_QUERY lock = db_query(&db->base, "SELECT version FROM organization WHERE id = $1 FOR NO KEY UPDATE");
        query_number(&lock, w->commit->organization_id);
        e = query_run(op, &lock);
    }
    if (!e) {
        AUTO_QUERY q = db_query(&db->base, "SELECT 1 FROM change WHERE organization_id = $1 AND version = $2 AND position = 0"
                                           " AND commit_id = $3");
        query_number(&q, w->commit->organization_id);
        query_number(&q, w->commit->expected_version + 1);
        query_bytes(&q, w->commit_id.bytes, sizeof w->commit_id.bytes);
        e = query_step(op, &q, ret_committed);
    }
    if (!e) e = postgres_run(op, db, "COMMIT");
    if (!e) e = postgres_settle(op, db);
    db->gathering = false;
    if (!e && db->warned) e = op_fail(op, ERR_BUSY, "store", "the standby did not answer");
    if (e) postgres_roll_back(db);
    return e;
}

enum err postgres_find_outcome(struct postgres_store *store, struct postgres_db *db, const char *lost_name, struct waiting *w,
                               bool *ret_committed)
{
    enum { PAUSE_MS = 50 };
    int64_t until = clock_monotonic_ns() + store->server.answer_limit_ms * 1000000;
    do {
        AUTO_OP op = op_begin();
        enum err e = postgres_connect(&op, db);
        if (!e) e = end_lost_process(&op, db, lost_name);
        if (!e) e = look(&op, db, w, ret_committed);
        if (!e) return ERR_OK;
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000 }, NULL);
    } while (clock_monotonic_ns() < until);
    return op_fail(w->op, ERR_UNKNOWN_OUTCOME, "store",
                   "the database was lost while committing: the change may have been made or not");
}
