/* db.h — a connection to SQLite: the driver behind store/db.h, opening and closing, errors. */
#ifndef ROSTER_STORE_SQLITE_DB_H
#define ROSTER_STORE_SQLITE_DB_H

#include "store/db.h"

#include <sqlite3.h>

enum { STATEMENT_SLOTS = 128 }; /* a power of two, well above the number of statements in store/ */

struct sqlite_db {
    struct db base;  /* first: a query's db leads here */
    sqlite3 *handle; /* NULL: closed */
    int64_t busy_limit_ms;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[STATEMENT_SLOTS];
    unsigned cached;
};

enum db_purpose { DB_READS, DB_WRITES };

/* Opens with Roster's pragmas. With `create` the file is made if it is missing. Closed with sqlite_close also after an error. */
MUST_USE enum err sqlite_open(struct op *op, struct sqlite_db *db, const char *path, enum db_purpose purpose, bool create,
                              int64_t busy_limit_ms);

/* Finalizes all statements and closes; a closed connection is ignored. */
void sqlite_close(struct sqlite_db *db);

/* Runs statements that return nothing and are used rarely; not cached. */
MUST_USE enum err sqlite_run(struct op *op, struct sqlite_db *db, const char *sql);

/* Translates what SQLite just said. `code` is its result code. */
enum err sqlite_fail(struct op *op, struct sqlite_db *db, int code);

#endif
