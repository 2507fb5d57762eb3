/* outcome.c — what became of commits whose COMMIT was not answered.
 *
 * The process of the lost connection may still be at it, or wait for a COMMIT that never comes: it is told to end. Unless it
 * waits for a standby, because then its commits would be seen without being there. The organizations' rows, which it has locked,
 * are locked here: from then on its outcome is decided. That this transaction is itself committed, with everything before it on
 * disk and on the synchronous standbys, is what makes "it is there" a promise. */
#include "store/postgres/store.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

static enum err end_lost_process(struct op *op, struct postgres_db *db, const char *lost_name)
{
    AUTO_QUERY q = db_query(&db->base, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
                                       " AND pid <> pg_backend_pid() AND wait_event IS DISTINCT FROM 'SyncRep'");
    query_text(&q, lost_name);
    return query_run(op, &q);
}

enum err postgres_end_lost(struct op *op, struct postgres_db *db)
{
    enum err e = *db->lost_name ? end_lost_process(op, db, db->lost_name) : ERR_OK;
    if (!e) *db->lost_name = '\0';
    return e;
}

static enum err lock_all(struct op *op, struct postgres_db *db, struct waiting *const *commits, size_t count)
{
    int64_t *ids = arena_array(&op->arena, count, sizeof *ids);
    for (size_t i = 0; i < count; i++) ids[i] = commits[i]->commit->organization_id;
    AUTO_QUERY q = db_query(&db->base, "SELECT id FROM organization WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE");
    query_numbers(op, &q, ids, count);
    bool row;
    return query_step(op, &q, &row);
}

static enum err look_for(struct op *op, struct postgres_db *db, const struct waiting *w, bool *ret_committed)
{
    AUTO_QUERY q = db_query(&db->base, "SELECT 1 FROM change WHERE organization_id = $1 AND version = $2 AND position = 0"
                                       " AND commit_id = $3");
    query_number(&q, w->commit->organization_id);
    query_number(&q, w->commit->expected_version + 1);
    query_bytes(&q, w->commit_id.bytes, sizeof w->commit_id.bytes);
    return query_step(op, &q, ret_committed);
}

static enum err look(struct op *op, struct postgres_db *db, struct waiting *const *commits, size_t count, bool *ret_committed)
{
    bool sent;
    enum err e = postgres_begin(op, db);
    if (!e) e = lock_all(op, db, commits, count);
    for (size_t i = 0; i < count && !e; i++) e = look_for(op, db, commits[i], &ret_committed[i]);
    if (!e) e = postgres_commit_transaction(op, db, &sent);
    db->gathering = false;
    if (!e && db->warned) e = op_fail(op, ERR_BUSY, "store", "the standby did not answer");
    if (e) postgres_roll_back(db);
    return e;
}

enum err postgres_find_outcomes(struct op *op, struct postgres_store *store, struct postgres_db *db,
                                struct waiting *const *commits, size_t count, bool *ret_committed)
{
    enum { PAUSE_MS = 50 };
    char lost_name[sizeof db->name];
    memcpy(lost_name, db->name, sizeof lost_name);
    int64_t until = clock_monotonic_ns() + store->server.answer_limit_ms * 1000000;
    do {
        AUTO_OP attempt = op_begin();
        enum err e = postgres_connect(&attempt, db);
        if (!e) e = end_lost_process(&attempt, db, lost_name);
        if (!e) e = postgres_end_lost(&attempt, db); /* a look that hung has locks too */
        if (!e) e = look(&attempt, db, commits, count, ret_committed);
        if (!e) return ERR_OK;
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000 }, NULL);
    } while (clock_monotonic_ns() < until);
    return op_fail(op, ERR_UNKNOWN_OUTCOME, "store",
                   "the database was lost while committing: the change may have been made or not");
}
