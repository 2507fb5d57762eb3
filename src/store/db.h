/* db.h — one connection to a database, whichever engine it is: statements, binding, results.
 *
 * A query is bound left to right, then stepped or run. Binding cannot be seen to fail: the first problem is remembered and
 * returned by query_step, so callers have one place to check. SQL is given as a text that lives for ever (the statement is cached
 * by its address) with $1, $2 ... in order of appearance: SQLite numbers them so, and its driver asserts it. A connection belongs
 * to one thread at a time, and a statement to one query at a time.
 *
 * SQL is written once where the engines agree, and with db_text where they do not. */
#ifndef ROSTER_STORE_DB_H
#define ROSTER_STORE_DB_H

#include "base/digest.h"
#include "base/err.h"
#include "base/uuid.h"
#include "model/op.h"

enum db_dialect { DIALECT_SQLITE, DIALECT_POSTGRES };
enum db_type { DB_NUMBER, DB_TEXT, DB_BYTES };

struct db {
    const struct db_driver *driver;
};

struct query {
    struct db *db;
    void *statement; /* the driver's */
    int bound;
    int code; /* of preparing; the driver's, 0 is good */
};

/* What a driver does; callers use the functions below. */
struct db_driver {
    enum db_dialect dialect;
    void (*prepare)(struct query *query, const char *sql, bool stream);
    /* For db_bulk; NULL: a prepared statement that is run again and again is as fast as it gets. */
    void (*bulk)(struct query *query, const char *sql);
    enum err (*finish)(struct op *op, struct query *query);
    void (*end)(struct query *query);
    void (*bind_number)(struct query *query, int64_t value); /* these bind parameter query->bound, from 1 */
    void (*bind_text)(struct query *query, const char *text);
    void (*bind_bytes)(struct query *query, const void *bytes, size_t size);
    void (*bind_null)(struct query *query, enum db_type type);
    void (*bind_numbers)(struct op *op, struct query *query, const int64_t *numbers, size_t count);
    enum err (*step)(struct op *op, struct query *query, bool *ret_row);
    enum err (*run)(struct op *op, struct query *query);
    enum err (*run_on_one)(struct op *op, struct query *query, enum err otherwise, const char *field);
    int64_t (*changed)(const struct query *query);
    bool (*is_null)(const struct query *query, int column);
    int64_t (*number)(const struct query *query, int column);
    const char *(*text)(const struct query *query, int column);
    const void *(*bytes)(const struct query *query, int column, size_t *ret_size);
};

static inline struct query db_query(struct db *db, const char *sql)
{
    struct query query = { .db = db };
    db->driver->prepare(&query, sql, false);
    return query;
}

/* The same for a result that may be long: it is fetched in pieces. Only within a snapshot. */
static inline struct query db_stream(struct db *db, const char *sql)
{
    struct query query = { .db = db };
    db->driver->prepare(&query, sql, true);
    return query;
}

/* Writes many rows into one table: for each the query is bound and run, then query_again; behind the last query_finish. The text
 * is an INSERT for SQLite, for PostgreSQL COPY ... FROM STDIN with as many columns as are bound. In a transaction, which has
 * nothing to do but this until the query has ended; what is wrong with a row may be told by query_finish only. */
static inline struct query db_bulk(struct db *db, const char *sql)
{
    struct query query = { .db = db };
    if (db->driver->bulk) db->driver->bulk(&query, sql);
    else db->driver->prepare(&query, sql, false);
    return query;
}

static inline const char *db_text(const struct db *db, const char *sqlite, const char *postgres)
{
    return db->driver->dialect == DIALECT_SQLITE ? sqlite : postgres;
}

/* Makes the statement ready for its next use. */
static inline void query_end(struct query *query)
{
    if (query->statement) query->db->driver->end(query);
}

/* Between two rows of db_bulk. */
static inline void query_again(struct query *query)
{
    if (!query->db->driver->bulk) query_end(query);
    query->bound = 0;
}

#define AUTO_QUERY __attribute__((cleanup(query_end))) struct query

MUST_USE static inline enum err query_step(struct op *op, struct query *query, bool *ret_row)
{
    return query->db->driver->step(op, query, ret_row);
}

/* Runs a statement that returns no row. While statements are gathered (postgres/db.h) an error may be told by a later one. */
MUST_USE static inline enum err query_run(struct op *op, struct query *query)
{
    return query->db->driver->run(op, query);
}

/* All rows of db_bulk are there. */
MUST_USE static inline enum err query_finish(struct op *op, struct query *query)
{
    return query->db->driver->bulk ? query->db->driver->finish(op, query) : ERR_OK;
}

/* Runs a statement that must change exactly one row. If it does not, that is `otherwise` with `field` (static): ERR_NOT_FOUND
 * "the stored directory has no such FIELD", ERR_EXISTS "the FIELD is taken", ERR_INVALID: it refers to what does not exist. */
MUST_USE static inline enum err query_run_on_one(struct op *op, struct query *query, enum err otherwise, const char *field)
{
    return query->db->driver->run_on_one(op, query, otherwise, field);
}

/* Fails with what query_run_on_one promises. */
enum err query_fail_expected(struct op *op, enum err otherwise, const char *field);

/* Rows changed by a statement that was run; not while statements are gathered. */
static inline int64_t query_changed(const struct query *query)
{
    return query->db->driver->changed(query);
}

static inline void query_number(struct query *query, int64_t value)
{
    query->bound++;
    query->db->driver->bind_number(query, value);
}

static inline void query_null(struct query *query, enum db_type type)
{
    query->bound++;
    query->db->driver->bind_null(query, type);
}

/* 0, which means "not set", is NULL in the table. */
static inline void query_optional(struct query *query, int64_t value)
{
    if (value) query_number(query, value);
    else query_null(query, DB_NUMBER);
}

/* The text must live until the statement has been stepped; NULL is NULL. */
static inline void query_text(struct query *query, const char *text)
{
    if (!text) {
        query_null(query, DB_TEXT);
        return;
    }
    query->bound++;
    query->db->driver->bind_text(query, text);
}

/* As query_text. */
static inline void query_bytes(struct query *query, const void *bytes, size_t size)
{
    query->bound++;
    query->db->driver->bind_bytes(query, bytes, size);
}

static inline void query_uuid(struct query *query, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid)) query_null(query, DB_BYTES);
    else query_bytes(query, uuid->bytes, sizeof(uuid->bytes));
}

static inline void query_digest(struct query *query, const struct digest *digest)
{
    query_bytes(query, digest->bytes, sizeof digest->bytes);
}

/* An array, for = ANY ($1) and unnest in PostgreSQL and json_each($1) in SQLite; it is copied to the op's arena. */
static inline void query_numbers(struct op *op, struct query *query, const int64_t *numbers, size_t count)
{
    query->bound++;
    query->db->driver->bind_numbers(op, query, numbers, count);
}

/* Columns count from 0. Texts are valid until the next step; NULL is NULL or 0. */
static inline int64_t column_number(const struct query *query, int column)
{
    return query->db->driver->number(query, column);
}

static inline const char *column_text(const struct query *query, int column)
{
    return query->db->driver->text(query, column);
}

static inline bool column_is_null(const struct query *query, int column)
{
    return query->db->driver->is_null(query, column);
}

/* NULL also when there are no bytes. */
static inline const void *column_bytes(const struct query *query, int column, size_t *ret_size)
{
    return query->db->driver->bytes(query, column, ret_size);
}

/* All zero if the column is NULL or has another size. */
struct uuid column_uuid(const struct query *query, int column);
struct digest column_digest(const struct query *query, int column);

#endif
