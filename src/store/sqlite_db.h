/* sqlite_db.h — one connection to SQLite: statements, binding, results, errors.
 *
 * A query is bound left to right, then stepped. Binding cannot be seen to fail: the first problem is remembered and returned
 * by query_step, so callers have one place to check. SQL is given as a string literal (the statement is cached by its address)
 * with $1, $2 ... in order of appearance, which is asserted. A connection belongs to one thread at a time. */
#ifndef ROSTER_STORE_SQLITE_DB_H
#define ROSTER_STORE_SQLITE_DB_H

#include "base/digest.h"
#include "base/err.h"
#include "base/uuid.h"
#include "model/op.h"

#include <sqlite3.h>

enum { STATEMENT_SLOTS = 128 }; /* a power of two, well above the number of statements in store/ */

struct sqlite_db {
    sqlite3 *handle; /* NULL: closed */
    int64_t busy_limit_ms;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[STATEMENT_SLOTS];
    unsigned cached;
};

enum db_purpose { DB_READS, DB_WRITES };

/* Opens with Roster's pragmas. With `create` the file is made if it is missing. Closed with db_close also after an error. */
MUST_USE enum err db_open(struct op *op, struct sqlite_db *db, const char *path, enum db_purpose purpose, bool create,
                          int64_t busy_limit_ms);

/* Finalizes all statements and closes; a closed connection is ignored. */
void db_close(struct sqlite_db *db);

/* Runs statements that return nothing and are used rarely; not cached. */
MUST_USE enum err db_run(struct op *op, struct sqlite_db *db, const char *sql);

/* Translates what SQLite just said. `code` is its result code. */
enum err db_fail(struct op *op, struct sqlite_db *db, int code);

struct query {
    struct sqlite_db *db;
    sqlite3_stmt *statement;
    int bound;
    int code; /* of preparing */
};

struct query db_query(struct sqlite_db *db, const char *sql);

/* Resets the statement for its next use. */
void query_end(struct query *query);
#define AUTO_QUERY __attribute__((cleanup(query_end))) struct query

MUST_USE enum err query_step(struct op *op, struct query *query, bool *ret_row);

/* Steps a statement that returns no row. */
MUST_USE enum err query_run(struct op *op, struct query *query);

static inline void query_number(struct query *query, int64_t value)
{
    sqlite3_bind_int64(query->statement, ++query->bound, value);
}

static inline void query_null(struct query *query)
{
    sqlite3_bind_null(query->statement, ++query->bound);
}

/* 0, which means "not set", is NULL in the table. */
static inline void query_optional(struct query *query, int64_t value)
{
    if (value) query_number(query, value);
    else query_null(query);
}

/* The text must live until the statement has been stepped; NULL is NULL. */
static inline void query_text(struct query *query, const char *text)
{
    sqlite3_bind_text(query->statement, ++query->bound, text, -1, SQLITE_STATIC);
}

static inline void query_bytes(struct query *query, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(query->statement, ++query->bound, bytes, size, SQLITE_STATIC);
}

static inline void query_uuid(struct query *query, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid)) query_null(query);
    else query_bytes(query, uuid->bytes, sizeof(uuid->bytes));
}

/* Columns count from 0. Texts are valid until the next step; NULL is NULL or 0. */
static inline int64_t column_number(const struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

static inline const char *column_text(const struct query *query, int column)
{
    return (const char *)sqlite3_column_text(query->statement, column);
}

struct uuid column_uuid(const struct query *query, int column);
struct digest column_digest(const struct query *query, int column);

#endif
