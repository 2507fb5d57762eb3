/* migrate.c — making the tables and bringing them up to date.
 *
 * installation.schema_version is the number of the newest migration that ran. All that is missing runs in one transaction, under
 * an advisory lock: of two nodes that start at once the second finds nothing left to do. */
#include "store/migrations.h"
#include "store/postgres/store.h"

#include <stdlib.h>
#include <string.h>

/* What pg_advisory_xact_lock is asked for: "Roster" read as a number. */
#define MIGRATION_LOCK "90501826671986"

enum { MIGRATION_LIMIT_MS = 3600 * 1000 }; /* a migration may rewrite a large table */

static enum err run_script(struct op *op, struct postgres_db *db, const char *sql)
{
    PGresult *result;
    enum err e = postgres_ask(op, db, sql, MIGRATION_LIMIT_MS, &result);
    PQclear(result);
    return e;
}

static enum err read_text(struct op *op, struct postgres_db *db, const char *sql, const char **ret_text)
{
    PGresult *result;
    *ret_text = NULL;
    enum err e = postgres_ask(op, db, sql, db->server->answer_limit_ms, &result);
    if (!e && PQntuples(result) && !PQgetisnull(result, 0, 0)) *ret_text = arena_strdup(&op->arena, PQgetvalue(result, 0, 0));
    PQclear(result);
    return e;
}

/* 0 for a database without tables. Both questions in one statement: another node may be making the tables. What belongs to an
 * extension is no program's. */
static enum err read_version(struct op *op, struct postgres_db *db, int64_t *ret_version)
{
    const char *text;
    *ret_version = 0;
    enum err e =
        read_text(op, db,
                  "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                  " WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = 'installation'"
                  " AND a.attname = 'schema_version') THEN 'installation:' ELSE"
                  " (SELECT min(relname::text) FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind IN"
                  " ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) END",
                  &text);
    if (e || !text) return e;
    if (strcmp(text, "installation:") != 0)
        return op_fail(op, ERR_INVALID, "store",
                       "the database has a table %s of another program; Roster needs a schema of its own", text);
    e = read_text(op, db, "SELECT schema_version FROM installation", &text);
    if (!e && text) *ret_version = atoll(text);
    return e;
}

static enum err run_migrations(struct op *op, struct postgres_db *db, const struct store_options *options)
{
    int64_t version = 0;
    bool wanted;
    enum err e = run_script(op, db, "BEGIN; SET LOCAL lock_timeout = '10min'; SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")");
    if (!e) e = read_version(op, db, &version); /* another node may have been faster */
    if (!e) e = store_check_schema(op, options, version, &wanted);
    for (const struct migration *m = postgres_migrations; m->number && !e; m++) {
        if (m->number <= version) continue;
        e = run_script(op, db, m->text);
        if (!e) e = run_script(op, db, arena_printf(&op->arena, "UPDATE installation SET schema_version = %d", m->number));
    }
    if (e) {
        AUTO_OP undo = op_begin();
        if (db->connection && run_script(&undo, db, "ROLLBACK")) postgres_close(db);
        return e;
    }
    e = run_script(op, db, "COMMIT");
    for (const struct migration *m = postgres_migrations; m->number && !e; m++)
        if (m->number > version && options->migrated) options->migrated(options->context, m->name);
    return e;
}

/* A dump that was restored into another cluster brings numbers of transactions that are yet to come there. */
static enum err forget_foreign_transactions(struct op *op, struct postgres_db *db)
{
    const char *found;
    enum err e = read_text(op, db,
                           "SELECT 1 FROM change WHERE position = 0 AND transaction >= pg_snapshot_xmax(pg_current_snapshot())"
                           " LIMIT 1",
                           &found);
    if (e || !found) return e;
    return run_script(op, db, "UPDATE change SET transaction = '0' WHERE transaction > pg_current_xact_id()");
}

enum err postgres_migrate(struct op *op, struct postgres_db *db, const struct store_options *options)
{
    if (!PQexitPipelineMode(db->connection)) return postgres_lose(op, db, PQerrorMessage(db->connection));
    int64_t version;
    bool wanted = false;
    enum err e = read_version(op, db, &version);
    if (!e) e = store_check_schema(op, options, version, &wanted);
    if (!e && wanted) e = run_migrations(op, db, options);
    if (!e) e = forget_foreign_transactions(op, db);
    postgres_close(db); /* the next to take it finds it as all others */
    return e;
}
