/* migrate.c — making the tables and bringing them up to date.
 *
 * installation.schema_version is the number of the newest migration that ran. Each migration runs in one transaction together
 * with the new number. application_id marks the file as Roster's, so that no other program's database is touched. */
#include "store/migrations.h"
#include "store/sqlite/store.h"

enum { APPLICATION_ID = 0x526f7374 }; /* "Rost" */

/* The first column of the first row, outside the statement cache: these run before there are tables. */
static enum err read_number(struct op *op, struct sqlite_db *db, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    if (code == SQLITE_ROW) *ret_number = sqlite3_column_int64(statement, 0);
    enum err e = code == SQLITE_ROW ? ERR_OK : sqlite_fail(op, db, code);
    sqlite3_finalize(statement);
    return e;
}

static enum err run_migration(struct op *op, struct sqlite_db *db, const struct migration *migration)
{
    enum err e = sqlite_run(op, db, "BEGIN IMMEDIATE");
    if (!e) e = sqlite_run(op, db, migration->text);
    if (!e) e = sqlite_run(op, db, arena_printf(&op->arena, "UPDATE installation SET schema_version = %d", migration->number));
    if (!e) e = sqlite_run(op, db, arena_printf(&op->arena, "PRAGMA application_id = %d", APPLICATION_ID));
    if (!e) e = sqlite_run(op, db, "COMMIT");
    if (e && !sqlite3_get_autocommit(db->handle)) sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* 0 for a file without tables. */
static enum err read_version(struct op *op, struct sqlite_db *db, const char *url, int64_t *ret_version)
{
    *ret_version = 0;
    int64_t application = 0, tables = 0;
    enum err e = read_number(op, db, "PRAGMA application_id", &application);
    if (e) return e;
    if (application == APPLICATION_ID) return read_number(op, db, "SELECT schema_version FROM installation", ret_version);
    e = read_number(op, db, "SELECT count(*) FROM sqlite_master", &tables);
    if (e) return e;
    return tables == 0 ? ERR_OK : op_fail(op, ERR_INVALID, "store", "%s is the database of another program", url);
}

enum err sqlite_migrate(struct op *op, struct sqlite_db *db, const struct store_options *options, bool alone)
{
    int64_t version;
    enum err e = read_version(op, db, options->url, &version);
    if (e) return e;

    bool wanted;
    e = store_check_schema(op, options, version, &wanted);
    if (e || !wanted) return e;
    if (!alone) return op_fail(op, ERR_BUSY, "store", "another process has the database open, it cannot be migrated now");

    for (const struct migration *m = sqlite_migrations; m->number && !e; m++) {
        if (m->number <= version) continue;
        e = run_migration(op, db, m);
        if (!e && options->migrated) options->migrated(options->context, m->name);
    }
    return e;
}
