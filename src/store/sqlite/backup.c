/* backup.c — a consistent copy while others read and write.
 *
 * The source is read in one snapshot, otherwise SQLite would start over at each commit. The copy grows under another name and
 * gets its own only when it is whole and on disk. */
#include "store/sqlite/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGES_PER_STEP = 1024 };

static enum err copy_pages(struct op *op, struct sqlite_db *from, struct sqlite_db *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (!backup) return sqlite_fail(op, to, sqlite3_errcode(to->handle));
    int code;
    do {
        code = sqlite3_backup_step(backup, PAGES_PER_STEP);
    } while (code == SQLITE_OK);
    int finished = sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE && finished == SQLITE_OK) return ERR_OK;
    return sqlite_fail(op, to, finished != SQLITE_OK ? finished : code);
}

/* Without a journal and without syncs of its own: a copy that is cut short is thrown away, a whole one is synced below. */
static enum err open_copy(struct op *op, struct sqlite_db *db, const char *path)
{
    int code = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) return sqlite_fail(op, db, code);
    return sqlite_run(op, db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
}

/* Nobody has the copy open: it is clean. */
static enum err mark_clean(struct op *op, const char *path, int64_t busy_limit_ms)
{
    struct sqlite_db db;
    enum err e = sqlite_open(op, &db, path, DB_WRITES, false, busy_limit_ms);
    if (!e) e = sqlite_run(op, &db, "UPDATE installation SET openers = 0");
    if (!e) e = sqlite_run(op, &db, "PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite_close(&db);
    return e;
}

static enum err sync_file(struct op *op, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) close(fd);
    return synced ? ERR_OK : op_fail(op, ERR_STORAGE, "file", "cannot sync %s: %s", path, strerror(error));
}

static enum err write_copy(struct op *op, struct store *store, const char *path)
{
    AUTO_READER reader = { 0 };
    struct sqlite_db copy = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = store_snapshot(op, &reader);
    if (!e) {
        AUTO_QUERY q = db_query(reader.db, "SELECT openers FROM installation"); /* BEGIN alone takes no snapshot yet */
        e = query_run(op, &q);
    }
    if (!e) e = open_copy(op, &copy, path);
    if (!e) e = copy_pages(op, (struct sqlite_db *)reader.db, &copy);
    sqlite_close(&copy);
    if (!e) e = mark_clean(op, path, sqlite_of(store)->busy_limit_ms);
    return e ? e : sync_file(op, path);
}

enum err sqlite_backup(struct op *op, struct store *store, const char *path)
{
    if (access(path, F_OK) == 0) return op_fail(op, ERR_EXISTS, "file", "%s exists", path);
    const char *partial = arena_printf(&op->arena, "%s.partial", path);
    unlink(arena_printf(&op->arena, "%s-wal", partial)); /* of a copy that was cut short */
    int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return op_fail(op, ERR_STORAGE, "file", "cannot write %s: %s", partial, strerror(errno));
    close(fd);

    enum err e = write_copy(op, store, partial);
    if (!e && renameat2(AT_FDCWD, partial, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
        e = errno == EEXIST ? op_fail(op, ERR_EXISTS, "file", "%s exists", path)
                            : op_fail(op, ERR_STORAGE, "file", "cannot name the copy %s: %s", path, strerror(errno));
    }
    if (e) unlink(partial);
    else sqlite_sync_directory(path);
    return e;
}
