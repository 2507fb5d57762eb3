/* logins.c — log-ins and the installation's secrets: what is remembered beside the log.
 *
 * With SQLite, changes run on the writer's thread, inside BEGIN IMMEDIATE, together with the commits that wait. Everything that
 * can be refused is asked before the first row is written, so a change that fails disturbs no neighbour. With PostgreSQL each has
 * a transaction of its own, and others may write between the question and the row: single use is then that only one transaction
 * deletes a row, or adds one with a hash. The row of the user is locked first, so changes of one user's log-ins wait for each
 * other. */
#include "store/logins.h"

#include "store/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOGIN_COLUMNS "kind, secret_hash, organization_id, user_id, user_uuid, created_at, expires_at"

enum { ENDED_AT_ONCE = 16 }; /* of one user's that are over the limit: mostly it is one */

static struct login read_login(const struct query *q)
{
    return (struct login){ .kind = (enum login_kind)column_number(q, 0),
                           .hash = column_digest(q, 1),
                           .organization_id = column_number(q, 2),
                           .user_id = column_number(q, 3),
                           .user_uuid = column_uuid(q, 4),
                           .created_at = column_number(q, 5),
                           .expires_at = column_number(q, 6) };
}

/* ---- what a change needs */

static enum err check_taken(struct op *op, struct db *db, const struct login *taken, int64_t now)
{
    AUTO_QUERY q = db_query(db, "SELECT 1 FROM login WHERE organization_id = $1 AND user_id = $2 AND kind = $3"
                                " AND secret_hash = $4 AND expires_at > $5");
    query_number(&q, taken->organization_id);
    query_number(&q, taken->user_id);
    query_number(&q, taken->kind);
    query_digest(&q, &taken->hash);
    query_number(&q, now);
    bool row;
    enum err e = query_step(op, &q, &row);
    return e || row ? e : op_fail(op, ERR_NOT_FOUND, "login", "the log-in has ended or never was");
}

static enum err check_user(struct op *op, struct db *db, const struct login *login)
{
    static const char sql[] =
        "SELECT 1 FROM app_user WHERE organization_id = $1 AND id = $2 AND uuid = $3 AND deleted_at IS NULL";
    /* Locked, so that the user is not deleted, and his log-ins ended, before this one is committed. */
    static const char locking[] = "SELECT 1 FROM app_user WHERE organization_id = $1 AND id = $2 AND uuid = $3"
                                  " AND deleted_at IS NULL FOR NO KEY UPDATE";
    AUTO_QUERY q = db_query(db, db_text(db, sql, locking));
    query_number(&q, login->organization_id);
    query_number(&q, login->user_id);
    query_uuid(&q, &login->user_uuid);
    bool row;
    enum err e = query_step(op, &q, &row);
    return e || row ? e : op_fail(op, ERR_NOT_FOUND, "user", "there is no user %lld", (long long)login->user_id);
}

static enum err check_new(struct op *op, struct db *db, const struct login_change *change, size_t at)
{
    const struct login *login = &change->added[at];
    AUTO_QUERY q = db_query(db, "SELECT 1 FROM login WHERE secret_hash = $1 AND kind = $2");
    query_digest(&q, &login->hash);
    query_number(&q, login->kind);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e) return e;
    for (size_t i = 0; i < at && !row; i++)
        row = change->added[i].kind == login->kind && digest_equal(&change->added[i].hash, &login->hash);
    return row ? op_fail(op, ERR_EXISTS, "login", "the log-in is there already") : ERR_OK;
}

static enum err check_change(struct op *op, struct db *db, const struct login_change *change)
{
    enum err e = change->takes ? check_taken(op, db, &change->taken, change->now) : ERR_OK;
    for (size_t i = 0; i < change->added_count && !e; i++) {
        e = check_user(op, db, &change->added[i]);
        if (!e) e = check_new(op, db, change, i);
    }
    return e;
}

/* ---- telling other processes which sessions have ended (the rest is looked up whenever it is used) */

/* Wakes the followers of other nodes (postgres/follow.c), which else ask once a second. Version 0 of the installation is no news,
 * so they look at nothing else. It is inside the transaction, which postgres/hints.c avoids for commits: sessions seldom end, so
 * it does not matter that these transactions wait for each other. SQLite's followers ask often. */
static enum err hint(struct op *op, struct db *db)
{
    const char *sql = db_text(db, NULL, "NOTIFY roster, '0:0'");
    if (!sql) return ERR_OK;
    AUTO_QUERY q = db_query(db, sql);
    return query_run(op, &q);
}

static enum err note_ended(struct op *op, struct db *db, const struct digest *hash, int64_t now)
{
    AUTO_QUERY q = db_query(db, "INSERT INTO login_ended (secret_hash, ended_at) VALUES ($1, $2)");
    query_digest(&q, hash);
    query_number(&q, now);
    return query_run(op, &q);
}

/* Before it is deleted; there may be none. */
static enum err note_one(struct op *op, struct db *db, enum login_kind kind, const struct digest *hash)
{
    if (kind != LOGIN_SESSION) return ERR_OK;
    AUTO_QUERY q = db_query(db, "INSERT INTO login_ended (secret_hash, ended_at) SELECT secret_hash, $1 FROM login"
                                " WHERE secret_hash = $2 AND kind = $3");
    query_number(&q, op->now);
    query_digest(&q, hash);
    query_number(&q, kind);
    enum err e = query_run(op, &q);
    return e ? e : hint(op, db);
}

static enum err note_all(struct op *op, struct db *db, const struct login *ended)
{
    if (ended->kind != LOGIN_SESSION) return ERR_OK;
    AUTO_QUERY q = db_query(db, "INSERT INTO login_ended (secret_hash, ended_at) SELECT secret_hash, $1 FROM login"
                                " WHERE organization_id = $2 AND user_id = $3 AND kind = $4");
    query_number(&q, op->now);
    query_number(&q, ended->organization_id);
    query_number(&q, ended->user_id);
    query_number(&q, ended->kind);
    enum err e = query_run(op, &q);
    return e ? e : hint(op, db);
}

/* ---- a change */

static enum err delete_one(struct op *op, struct db *db, enum login_kind kind, const struct digest *hash)
{
    enum err e = note_one(op, db, kind, hash);
    if (e) return e;
    AUTO_QUERY q = db_query(db, "DELETE FROM login WHERE secret_hash = $1 AND kind = $2");
    query_digest(&q, hash);
    query_number(&q, kind);
    return query_run(op, &q);
}

/* Another node may have been faster since check_taken: then nothing is there to be deleted. */
static enum err take(struct op *op, struct db *db, const struct login *taken)
{
    enum err e = note_one(op, db, taken->kind, &taken->hash);
    if (e) return e;
    AUTO_QUERY q = db_query(db, "DELETE FROM login WHERE secret_hash = $1 AND kind = $2");
    query_digest(&q, &taken->hash);
    query_number(&q, taken->kind);
    return query_run_on_one(op, &q, ERR_NOT_FOUND, "login");
}

static enum err delete_all(struct op *op, struct db *db, const struct login *ended)
{
    enum err e = note_all(op, db, ended);
    if (e) return e;
    AUTO_QUERY q = db_query(db, "DELETE FROM login WHERE organization_id = $1 AND user_id = $2 AND kind = $3");
    query_number(&q, ended->organization_id);
    query_number(&q, ended->user_id);
    query_number(&q, ended->kind);
    return query_run(op, &q);
}

static enum err insert(struct op *op, struct db *db, const struct login *login)
{
    AUTO_QUERY q = db_query(db, "INSERT INTO login (" LOGIN_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)");
    query_number(&q, login->kind);
    query_digest(&q, &login->hash);
    query_number(&q, login->organization_id);
    query_number(&q, login->user_id);
    query_uuid(&q, &login->user_uuid);
    query_number(&q, login->created_at);
    query_number(&q, login->expires_at);
    return query_run(op, &q);
}

/* The one that was just added stays, whatever the clock said before. */
static enum err end_oldest(struct op *op, struct db *db, const struct login_change *change, const struct login *added,
                           struct ended_logins *ended)
{
    AUTO_QUERY q = db_query(db, "DELETE FROM login WHERE organization_id = $1 AND user_id = $2 AND kind = $3 AND secret_hash IN"
                                " (SELECT secret_hash FROM login WHERE organization_id = $1 AND user_id = $2 AND kind = $3"
                                " AND secret_hash <> $4 ORDER BY expires_at > $5 DESC, created_at DESC LIMIT $6 OFFSET $7)"
                                " RETURNING secret_hash");
    query_number(&q, added->organization_id);
    query_number(&q, added->user_id);
    query_number(&q, added->kind);
    query_digest(&q, &added->hash);
    query_number(&q, change->now);
    query_number(&q, ENDED_AT_ONCE);
    query_number(&q, change->limit - 1);
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) ended->hashes[ended->count++] = column_digest(&q, 0);
    return e;
}

static enum err obey_limit(struct op *op, struct db *db, const struct login_change *change)
{
    struct ended_logins ended = { .hashes = arena_array(&op->arena, ENDED_AT_ONCE * change->added_count, sizeof *ended.hashes) };
    enum err e = ERR_OK;
    for (size_t i = 0; i < change->added_count && !e; i++) {
        size_t told = ended.count;
        if (change->added[i].kind != LOGIN_USED) e = end_oldest(op, db, change, &change->added[i], &ended);
        if (change->added[i].kind != LOGIN_SESSION) continue;
        bool any = told < ended.count;
        for (; told < ended.count && !e; told++) e = note_ended(op, db, &ended.hashes[told], op->now);
        if (any && !e) e = hint(op, db);
    }
    if (change->ret_ended) *change->ret_ended = ended;
    return e;
}

static enum err set_last_login(struct op *op, struct db *db, const struct login *login, int64_t now)
{
    AUTO_QUERY q = db_query(db, "UPDATE app_user SET last_login_at = CASE WHEN last_login_at > $1 THEN last_login_at ELSE $1 END"
                                " WHERE organization_id = $2 AND id = $3");
    query_number(&q, now);
    query_number(&q, login->organization_id);
    query_number(&q, login->user_id);
    return query_run(op, &q);
}

static enum err run_change(struct op *op, struct db *db, void *context, bool *ret_wrote)
{
    const struct login_change *change = context;
    enum err e = check_change(op, db, change);
    if (e) return e;
    *ret_wrote = true;
    if (change->takes) e = take(op, db, &change->taken);
    if (!e && change->ends) e = delete_all(op, db, &change->ended);
    for (size_t i = 0; i < change->added_count && !e; i++) e = insert(op, db, &change->added[i]);
    if (!e && change->limit) e = obey_limit(op, db, change);
    if (!e && change->logs_in && change->added_count) e = set_last_login(op, db, &change->added[0], change->now);
    return e;
}

enum err store_change_logins(struct op *op, struct store *store, const struct login_change *change)
{
    struct login_change copy = *change;
    if (change->ret_ended) *change->ret_ended = (struct ended_logins){ 0 };
    return store_run_task(op, store, run_change, &copy);
}

struct end_task {
    enum login_kind kind;
    const struct digest *hash;
};

static enum err run_end(struct op *op, struct db *db, void *context, bool *ret_wrote)
{
    const struct end_task *task = context;
    *ret_wrote = true;
    return delete_one(op, db, task->kind, task->hash);
}

enum err store_end_login(struct op *op, struct store *store, enum login_kind kind, const struct digest *hash)
{
    return store_run_task(op, store, run_end, &(struct end_task){ kind, hash });
}

/* ---- reading */

enum err store_load_logins(struct op *op, struct store *store, enum login_kind kind, int64_t now, store_login_function function,
                           void *context)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = store_snapshot(op, &reader);
    if (e) return e;
    AUTO_QUERY q = db_stream(reader.db, "SELECT " LOGIN_COLUMNS " FROM login WHERE kind = $1 AND expires_at > $2");
    query_number(&q, kind);
    query_number(&q, now);
    bool row;
    while (!(e = query_step(op, &q, &row)) && row) {
        const struct login login = read_login(&q);
        e = function(context, op, &login);
        if (e) return e;
    }
    return e;
}

enum err store_find_login(struct op *op, struct store *store, enum login_kind kind, const struct digest *hash, int64_t now,
                          bool *ret_found, struct login *ret_login)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY q =
        db_query(reader.db, "SELECT " LOGIN_COLUMNS " FROM login WHERE secret_hash = $1 AND kind = $2 AND expires_at > $3");
    query_digest(&q, hash);
    query_number(&q, kind);
    query_number(&q, now);
    e = query_step(op, &q, ret_found);
    if (!e && *ret_found) *ret_login = read_login(&q);
    return e;
}

/* ---- following */

/* One statement, so that the rows and the next cursor are of the same snapshot; one row at least. With PostgreSQL transactions
 * end in another order than they begin. So the next look also asks for those that are open now, by their numbers: the eight
 * oldest, for one of them may stay open for hours. If there are more it begins at the ninth, and what is behind it is told again.
 */
static const char sqlite_ended[] =
    "SELECT coalesce((SELECT max(position) FROM login_ended), 0) + 1, '', e.secret_hash IS NOT NULL, e.secret_hash"
    " FROM (SELECT 1 AS one) AS o LEFT JOIN login_ended AS e ON e.position >= $1";
static const char postgres_ended[] =
    "SELECT coalesce(open[9], next), open[1:8]::text, (e.secret_hash IS NOT NULL)::int, e.secret_hash"
    " FROM (SELECT ARRAY(SELECT x::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS x ORDER BY 1) AS open,"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) AS snapshot"
    " LEFT JOIN login_ended AS e ON e.position >= $1 OR e.position = ANY ($2::text::bigint[])";

static enum err tell_ended(struct op *op, struct db *db, const struct ended_cursor *cursor, store_ended_function function,
                           void *context, struct ended_cursor *ret_next)
{
    AUTO_QUERY q = db_query(db, db_text(db, sqlite_ended, postgres_ended));
    query_number(&q, cursor->from);
    if (db->driver->dialect == DIALECT_POSTGRES) query_text(&q, *cursor->open ? cursor->open : "{}");
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        ret_next->from = column_number(&q, 0);
        snprintf(ret_next->open, sizeof ret_next->open, "%s", column_text(&q, 1));
        if (!column_number(&q, 2)) continue;
        const struct digest hash = column_digest(&q, 3);
        function(context, &hash);
    }
    return e;
}

enum err store_follow_logins(struct op *op, struct store *store, struct ended_cursor *cursor, store_ended_function function,
                             void *context)
{
    AUTO_READER reader = { 0 };
    struct ended_cursor next = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = tell_ended(op, reader.db, cursor, function, context, &next);
    /* The database is an older one than it was (a copy that took over), or SQLite's table is empty. */
    if (!e && next.from < cursor->from) e = tell_ended(op, reader.db, &(struct ended_cursor){ 0 }, function, context, &next);
    if (!e) *cursor = next;
    return e;
}

/* ---- housekeeping */

struct extend_task {
    const struct session_extension *items;
    size_t count;
};

static enum err run_extend(struct op *op, struct db *db, void *context, bool *ret_wrote)
{
    const struct extend_task *task = context;
    *ret_wrote = true;
    for (size_t i = 0; i < task->count; i++) {
        AUTO_QUERY q = db_query(db, "UPDATE login SET expires_at = $1 WHERE secret_hash = $2 AND kind = $3 AND expires_at < $4");
        query_number(&q, task->items[i].expires_at);
        query_digest(&q, &task->items[i].hash);
        query_number(&q, LOGIN_SESSION);
        query_number(&q, task->items[i].expires_at);
        enum err e = query_run(op, &q);
        if (e) return e;
    }
    return ERR_OK;
}

static int by_hash(const void *a, const void *b)
{
    const struct session_extension *x = a, *y = b;
    return memcmp(x->hash.bytes, y->hash.bytes, sizeof x->hash.bytes);
}

/* Sorted: nodes that lock rows in another order lock each other out. */
enum err store_extend_sessions(struct op *op, struct store *store, const struct session_extension *items, size_t count)
{
    if (count == 0) return ERR_OK;
    struct session_extension *sorted = arena_array(&op->arena, count, sizeof *sorted);
    memcpy(sorted, items, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_hash);
    return store_run_task(op, store, run_extend, &(struct extend_task){ sorted, count });
}

struct removal_task {
    const char *sql;
    int64_t before, limit, removed;
};

static enum err run_removal(struct op *op, struct db *db, void *context, bool *ret_wrote)
{
    struct removal_task *task = context;
    *ret_wrote = true;
    AUTO_QUERY q = db_query(db, task->sql);
    query_number(&q, task->before);
    query_number(&q, task->limit);
    enum err e = query_run(op, &q);
    task->removed = e ? 0 : query_changed(&q);
    return e;
}

/* `any` asks whether there is something to do: mostly there is not, and then nothing is written. */
static enum err remove_old(struct op *op, struct store *store, const char *any, struct removal_task *task)
{
    bool row;
    {
        AUTO_READER reader = { 0 };
        enum err e = store_reader(op, store, &reader);
        if (e) return e;
        AUTO_QUERY q = db_query(reader.db, any);
        query_number(&q, task->before);
        e = query_step(op, &q, &row);
        if (e || !row) return e;
    }
    return store_run_task(op, store, run_removal, task);
}

enum err store_remove_expired_logins(struct op *op, struct store *store, int64_t before, int64_t limit, int64_t *ret_removed)
{
    static const char any[] = "SELECT 1 FROM login WHERE expires_at < $1 LIMIT 1";
    static const char sql[] = "DELETE FROM login WHERE (secret_hash, kind) IN"
                              " (SELECT secret_hash, kind FROM login WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
    struct removal_task task = { sql, before, limit, 0 };
    enum err e = remove_old(op, store, any, &task);
    *ret_removed = task.removed;
    return e;
}

enum err store_forget_ended_logins(struct op *op, struct store *store, int64_t before, int64_t limit, int64_t *ret_removed)
{
    static const char any[] = "SELECT 1 FROM login_ended WHERE ended_at < $1 LIMIT 1";
    static const char sql[] = "DELETE FROM login_ended WHERE (position, secret_hash) IN"
                              " (SELECT position, secret_hash FROM login_ended WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)";
    struct removal_task task = { sql, before, limit, 0 };
    enum err e = remove_old(op, store, any, &task);
    *ret_removed = task.removed;
    return e;
}

/* ---- secrets of the installation */

static enum err read_secret(struct op *op, struct db *db, const char *name, const char **ret_secret)
{
    AUTO_QUERY q = db_query(db, "SELECT secret FROM installation_secret WHERE name = $1");
    query_text(&q, name);
    bool row;
    enum err e = query_step(op, &q, &row);
    *ret_secret = !e && row ? arena_strdup(&op->arena, column_text(&q, 0)) : NULL;
    return e;
}

struct secret_task {
    const char *name, *proposed, *kept;
};

static enum err run_secret(struct op *op, struct db *db, void *context, bool *ret_wrote)
{
    struct secret_task *task = context;
    enum err e = read_secret(op, db, task->name, &task->kept); /* another process may have been faster */
    if (e || task->kept) return e;
    *ret_wrote = true;
    {
        AUTO_QUERY q =
            db_query(db, "INSERT INTO installation_secret (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
        query_text(&q, task->name);
        query_text(&q, task->proposed);
        e = query_run(op, &q);
    }
    return e ? e : read_secret(op, db, task->name, &task->kept);
}

enum err store_secret(struct op *op, struct store *store, const char *name, const char *proposed, const char **ret_kept)
{
    *ret_kept = NULL;
    {
        AUTO_READER reader = { 0 };
        enum err e = store_reader(op, store, &reader);
        if (!e) e = read_secret(op, reader.db, name, ret_kept);
        if (e || *ret_kept || !proposed) return e;
    }
    struct secret_task task = { .name = name, .proposed = proposed };
    enum err e = store_run_task(op, store, run_secret, &task);
    if (!e) *ret_kept = arena_strdup(&op->arena, task.kept);
    return e;
}
