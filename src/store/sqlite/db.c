/* db.c — connections, cached statements and what SQLite's result codes mean to Roster.
 *
 * Pragmas, and why. WAL with synchronous=FULL: a commit is on disk when it returns, readers never wait. No mmap: reading
 * through the page cache was as fast (0.28 us a membership row both ways), mapped pages would count as resident memory and an
 * I/O error would be a signal. wal_autocheckpoint is off because a thread of its own checkpoints (checkpoint.c). The
 * writer's cache holds the upper levels of every tree; a larger one changed nothing (import: 2.0 us a row with 16 and 64 MiB). */
#include "store/sqlite/db.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct db_driver driver;

static void configure(void)
{
    /* Counting every allocation takes a process-wide lock. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* SQLite's own handler sleeps up to 100 ms, and who holds the lock all the time but for microseconds is then met free too
 * rarely: beside 64 committing threads another process waited up to 0.9 s, beside an import the server up to 2.4 s; like this
 * 0.12 and 0.28 s. */
static int wait_for_lock(void *context, int times)
{
    const struct sqlite_db *db = context;
    if (times >= db->busy_limit_ms) return 0;
    nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    return 1;
}

/* The first look into the file. */
static enum err set_pragmas(struct op *op, struct sqlite_db *db, const char *path, enum db_purpose purpose)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    bool wal = code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    if ((code & 0xff) == SQLITE_NOTADB) return op_fail(op, ERR_STORAGE, "store", "%s is not a database: it was left alone", path);
    if (code != SQLITE_ROW) return sqlite_fail(op, db, code);
    if (!wal) return op_fail(op, ERR_STORAGE, "store", "the file system does not allow write-ahead logging");

    if (purpose == DB_READS) return sqlite_run(op, db, "PRAGMA query_only = ON; PRAGMA cache_size = -2048");
    return sqlite_run(op, db,
                      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0;"
                      "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = OFF");
}

enum err sqlite_open(struct op *op, struct sqlite_db *db, const char *path, enum db_purpose purpose, bool create,
                     int64_t busy_limit_ms)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);

    *db = (struct sqlite_db){ .base.driver = &driver };
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (create ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (code != SQLITE_OK) return sqlite_fail(op, db, code);
    db->busy_limit_ms = busy_limit_ms;
    sqlite3_busy_handler(db->handle, wait_for_lock, db);
    return set_pragmas(op, db, path, purpose);
}

void sqlite_close(struct sqlite_db *db)
{
    if (!db->handle) return;
    for (unsigned i = 0; i < STATEMENT_SLOTS; i++) sqlite3_finalize(db->cache[i].statement);
    int code = sqlite3_close(db->handle);
    assert(code == SQLITE_OK); /* otherwise a statement was left open */
    (void)code;
    *db = (struct sqlite_db){ 0 };
}

/* "UNIQUE constraint failed: app_user.organization_id, app_user.uuid": the last column is the one at fault. */
static const char *column_at_fault(const char *message)
{
    // clang-format off
    static const struct { const char *column, *field; } names[] = {
        { "uuid",           "uuid" },
        { "secret_hash",    "secret" },
        { "user_id",        "userId" },
        { "child_group_id", "childGroupId" },
    };
    // clang-format on
    const char *column = strrchr(message, '.');
    if (!column) return "id";
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(column + 1, names[i].column) == 0) return names[i].field;
    }
    return "id";
}

static enum err fail_constraint(struct op *op, int code, const char *message)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: {
        const char *field = column_at_fault(message);
        return op_fail(op, ERR_EXISTS, field, "the %s is taken", field);
    }
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return op_fail(op, ERR_INVALID, "", "another object is referred to that does not exist, or still refers to this one");
    default:
        return op_fail(op, ERR_INVALID, "", "the database refused the row: %s", message);
    }
}

enum err sqlite_fail(struct op *op, struct sqlite_db *db, int code)
{
    const char *message = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return fail_constraint(op, code, message);
    case SQLITE_BUSY:
        return op_fail(op, ERR_BUSY, "lock", "another process holds the database");
    case SQLITE_NOMEM:
        abort();
    default:
        return op_fail(op, ERR_STORAGE, "store", "the database failed: %s", message);
    }
}

enum err sqlite_run(struct op *op, struct sqlite_db *db, const char *sql)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : sqlite_fail(op, db, code);
}

/* SQLite numbers $n by first appearance, whatever n is: `$2 ... $1` would silently swap the two. */
static void assert_order(sqlite3_stmt *statement)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "$%d", i);
        const char *name = sqlite3_bind_parameter_name(statement, i);
        assert(name && strcmp(name, expected) == 0);
        (void)name;
    }
}

/* ---- the driver */

static struct sqlite_db *db_of(const struct query *query)
{
    return (struct sqlite_db *)query->db;
}

static void prepare(struct query *query, const char *sql, bool stream)
{
    (void)stream; /* SQLite always reads row by row */
    struct sqlite_db *db = db_of(query);
    unsigned slot = (unsigned)((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15) >> 57);
    while (db->cache[slot].sql && db->cache[slot].sql != sql) slot = (slot + 1) % STATEMENT_SLOTS;
    if (!db->cache[slot].sql) {
        sqlite3_stmt *statement;
        query->code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
        if (query->code != SQLITE_OK) return;
        assert_order(statement);
        db->cache[slot].sql = sql;
        db->cache[slot].statement = statement;
        db->cached++;
        assert(db->cached < STATEMENT_SLOTS);
    }
    query->statement = db->cache[slot].statement;
}

static void end(struct query *query)
{
    sqlite3_reset(query->statement);
}

static void bind_number(struct query *query, int64_t value)
{
    sqlite3_bind_int64(query->statement, query->bound, value);
}

static void bind_text(struct query *query, const char *text)
{
    sqlite3_bind_text(query->statement, query->bound, text, -1, SQLITE_STATIC);
}

static void bind_bytes(struct query *query, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(query->statement, query->bound, bytes, size, SQLITE_STATIC);
}

static void bind_null(struct query *query, enum db_type type)
{
    (void)type;
    sqlite3_bind_null(query->statement, query->bound);
}

/* JSON. */
static void bind_numbers(struct op *op, struct query *query, const int64_t *numbers, size_t count)
{
    enum { NUMBER_MAX = 21 }; /* with its comma */
    size_t size = NUMBER_MAX * count + 3, at = 0;
    char *text = arena_alloc(&op->arena, size);
    text[at++] = '[';
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%lld", i ? "," : "", (long long)numbers[i]);
    snprintf(text + at, size - at, "]");
    bind_text(query, text);
}

static enum err step(struct op *op, struct query *query, bool *ret_row)
{
    if (query->code != SQLITE_OK) return sqlite_fail(op, db_of(query), query->code);
    assert(query->bound == sqlite3_bind_parameter_count(query->statement));
    int code = sqlite3_step(query->statement);
    *ret_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? ERR_OK : sqlite_fail(op, db_of(query), code);
}

static enum err run(struct op *op, struct query *query)
{
    bool row;
    return step(op, query, &row);
}

static int64_t changed(const struct query *query)
{
    return sqlite3_changes64(db_of(query)->handle);
}

static enum err run_on_one(struct op *op, struct query *query, enum err otherwise, const char *field)
{
    enum err e = run(op, query);
    return e || changed(query) == 1 ? e : query_fail_expected(op, otherwise, field);
}

static bool is_null(const struct query *query, int column)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

static int64_t number(const struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

static const char *text(const struct query *query, int column)
{
    return (const char *)sqlite3_column_text(query->statement, column);
}

static const void *bytes(const struct query *query, int column, size_t *ret_size)
{
    const void *blob = sqlite3_column_blob(query->statement, column);
    *ret_size = (size_t)sqlite3_column_bytes(query->statement, column);
    return blob;
}

static const struct db_driver driver = {
    .dialect = DIALECT_SQLITE,
    .prepare = prepare,
    .end = end,
    .bind_number = bind_number,
    .bind_text = bind_text,
    .bind_bytes = bind_bytes,
    .bind_null = bind_null,
    .bind_numbers = bind_numbers,
    .step = step,
    .run = run,
    .run_on_one = run_on_one,
    .changed = changed,
    .is_null = is_null,
    .number = number,
    .text = text,
    .bytes = bytes,
};
