/* check.c — SQLite's own check of its file, and its foreign keys. */
#include "store/sqlite/store.h"

#include <stdio.h>
#include <string.h>

static enum err check_pages(struct op *op, struct db *db, store_report_function report, void *context)
{
    AUTO_QUERY q = db_query(db, "PRAGMA integrity_check");
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        const char *text = column_text(&q, 0);
        if (!text || strcmp(text, "ok") != 0)
            report(context, arena_printf(&op->arena, "database: %s", text ? text : "unreadable"));
    }
    return e;
}

static enum err check_references(struct op *op, struct db *db, store_report_function report, void *context)
{
    AUTO_QUERY q = db_query(db, "PRAGMA foreign_key_check");
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        report(context, arena_printf(&op->arena, "a row of %s refers to a missing %s", column_text(&q, 0), column_text(&q, 2)));
    }
    return e;
}

enum err sqlite_check(struct op *op, struct db *db, store_report_function report, void *context)
{
    enum err e = check_pages(op, db, report, context);
    return e ? e : check_references(op, db, report, context);
}
