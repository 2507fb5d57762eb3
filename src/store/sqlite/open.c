/* open.c — opening and closing a store, and its read connections.
 *
 * installation.openers counts stores that have the file open. A store that finds itself alone (lock.c) and the count
 * above 0 knows that somebody crashed: SQLite has replayed its log by then, and an integrity check runs before anything is
 * believed. A store that joins others only counts itself. The last one to leave sets nothing right that it does not know:
 * if a neighbour crashed meanwhile the count stays above 0. */
#include "store/sqlite/store.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_LIMIT_MS = 5000 };

static const char prefix[] = "sqlite:";

static bool speaks(const char *url)
{
    return !strncmp(url, prefix, sizeof prefix - 1);
}

static const char *check_url(const char *url)
{
    return url[sizeof prefix - 1] ? NULL : "the path is missing; write sqlite:PATH";
}

static enum err check_file(struct op *op, const struct store_options *options, const char *path, bool *ret_new)
{
    struct stat status;
    *ret_new = stat(path, &status) != 0;
    if (!*ret_new) return ERR_OK;
    if (errno != ENOENT) return op_fail(op, ERR_STORAGE, "store", "cannot open %s: %s", path, strerror(errno));
    if (!options->create) return op_fail(op, ERR_NOT_FOUND, "store", "there is no database at %s", path);
    int file =
        open(path, O_CREAT | O_EXCL | O_CLOEXEC | O_RDWR, 0600); /* people's data and hashes of secrets; SQLite would take 0644 */
    if (file >= 0) close(file);
    else if (errno != EEXIST) return op_fail(op, ERR_STORAGE, "store", "cannot make %s: %s", path, strerror(errno));
    return ERR_OK;
}

static enum err quick_check(struct op *op, struct db *db)
{
    AUTO_QUERY q = db_query(db, "PRAGMA quick_check(1)");
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e) return e;
    const char *finding = row ? column_text(&q, 0) : NULL;
    if (finding && strcmp(finding, "ok") == 0) return ERR_OK;
    return op_fail(op, ERR_STORAGE, "store", "the database is damaged: %s", finding ? finding : "it cannot be read");
}

static enum err read_openers(struct op *op, struct db *db, int64_t *ret_openers)
{
    AUTO_QUERY q = db_query(db, "SELECT openers FROM installation");
    bool row;
    enum err e = query_step(op, &q, &row);
    *ret_openers = !e && row ? column_number(&q, 0) : 0;
    return e;
}

static enum err recover_and_join(struct op *op, struct sqlite_store *store, bool alone)
{
    struct db *db = &store->writer.db.base;
    int64_t openers = 0;
    enum err e = alone ? read_openers(op, db, &openers) : ERR_OK;
    if (!e && openers > 0) e = quick_check(op, db);
    if (!e) {
        AUTO_QUERY q =
            db_query(db, alone ? "UPDATE installation SET openers = 1" : "UPDATE installation SET openers = openers + 1");
        e = query_run(op, &q);
    }
    store->counted = !e;
    return e;
}

static enum err open_connections(struct op *op, struct sqlite_store *store, const struct store_options *options, bool alone)
{
    enum err e = sqlite_open(op, &store->writer.db, store->path, DB_WRITES, options->create, store->busy_limit_ms);
    if (!e) e = sqlite_migrate(op, &store->writer.db, options, alone);
    if (!e) e = recover_and_join(op, store, alone);
    if (!e) e = sqlite_open(op, &store->checkpointer.db, store->path, DB_WRITES, false, 0);
    if (!e) e = sqlite_open(op, &store->follower.db, store->path, DB_READS, false, store->busy_limit_ms);
    return e;
}

static struct sqlite_store *new_store(const struct store_options *options, const char *path)
{
    struct sqlite_store *store = memory_zalloc(sizeof(*store));
    store->path = strdup(path);
    if (!store->path) abort();
    store->busy_limit_ms = options->busy_limit_ms > 0 ? options->busy_limit_ms : BUSY_LIMIT_MS;
    store->lock_fd = -1;
    pthread_mutex_init(&store->pool.lock, NULL);
    pthread_cond_init(&store->pool.returned, NULL);
    pthread_mutex_init(&store->writer.lock, NULL);
    pthread_cond_init(&store->writer.work, NULL);
    pthread_mutex_init(&store->checkpointer.lock, NULL);
    pthread_cond_init(&store->checkpointer.work, NULL);
    pthread_mutex_init(&store->follower.lock, NULL);
    return store;
}

static void close_store(struct store *base);

static enum err open_store(struct op *op, const struct store_options *options, struct store **ret_store)
{
    *ret_store = NULL;
    const char *path = options->url + sizeof prefix - 1; /* store.c has checked it */
    bool is_new, alone;
    enum err e = check_file(op, options, path, &is_new);
    if (e) return e;

    struct sqlite_store *store = new_store(options, path);
    e = sqlite_lock_open(op, store, &alone);
    if (!e) e = open_connections(op, store, options, alone);
    if (e) {
        close_store(&store->base);
        return e;
    }
    if (is_new) sqlite_sync_directory(path);
    if (alone) sqlite_lock_share(store);
    sqlite_checkpointer_start(store);
    sqlite_writer_start(store);
    store->threads = true;
    snprintf(store->base.name, sizeof store->base.name, "%s", options->url);
    *ret_store = &store->base;
    return ERR_OK;
}

/* Errors do not matter here: the count then stays above 0 and the next to open looks closely. */
static void leave(struct sqlite_store *store)
{
    AUTO_OP op = op_begin();
    struct db *db = &store->writer.db.base;
    {
        AUTO_QUERY q = db_query(db, "UPDATE installation SET openers = openers - 1");
        if (query_run(&op, &q)) return;
    }
    /* Counted out before letting go of the lock, so that whoever is alone next reads a count that is true. */
    if (sqlite_lock_alone(store))
        sqlite3_wal_checkpoint_v2(store->writer.db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static void close_store(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    if (store->threads) {
        sqlite_writer_stop(store);
        sqlite_checkpointer_stop(store);
    }
    for (int i = 0; i < READERS; i++) sqlite_close(&store->pool.readers[i]);
    sqlite_close(&store->follower.db);
    sqlite_close(&store->checkpointer.db);
    if (store->counted) leave(store);
    sqlite_close(&store->writer.db);
    if (store->lock_fd >= 0) close(store->lock_fd);

    pthread_mutex_destroy(&store->follower.lock);
    pthread_cond_destroy(&store->checkpointer.work);
    pthread_mutex_destroy(&store->checkpointer.lock);
    pthread_cond_destroy(&store->writer.work);
    pthread_mutex_destroy(&store->writer.lock);
    pthread_cond_destroy(&store->pool.returned);
    pthread_mutex_destroy(&store->pool.lock);
    free(store->path);
    free(store);
}

static struct sqlite_db *take_reader(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (true) {
        for (int i = 0; i < READERS; i++) {
            if (pool->taken[i]) continue;
            pool->taken[i] = true;
            pthread_mutex_unlock(&pool->lock);
            return &pool->readers[i];
        }
        pthread_cond_wait(&pool->returned, &pool->lock);
    }
}

enum err sqlite_take_reader(struct op *op, struct store *base, struct db **ret_db)
{
    struct sqlite_store *store = sqlite_of(base);
    struct sqlite_db *db = take_reader(&store->pool);
    enum err e = ERR_OK;
    if (!db->handle) e = sqlite_open(op, db, store->path, DB_READS, false, store->busy_limit_ms);
    if (e) sqlite_close(db);
    *ret_db = &db->base;
    return e;
}

void sqlite_return_reader(struct store *base, struct db *returned)
{
    struct sqlite_db *db = (struct sqlite_db *)returned;
    if (db->handle && !sqlite3_get_autocommit(db->handle)) sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL);
    struct pool *pool = &sqlite_of(base)->pool;
    pthread_mutex_lock(&pool->lock);
    pool->taken[db - pool->readers] = false;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

static enum err begin_snapshot(struct op *op, struct db *db)
{
    AUTO_QUERY q = db_query(db, "BEGIN");
    return query_run(op, &q);
}

static const char *follows_by(struct store *store)
{
    (void)store;
    return "looking at the file";
}

static void no_trouble(struct store *store, char *text, size_t size)
{
    (void)store, (void)size;
    *text = 0;
}

static bool is_reachable(const struct store *store)
{
    (void)store;
    return true; /* a file is there or its errors are told by who meets them */
}

const struct engine sqlite_engine = {
    .name = "SQLite",
    .speaks = speaks,
    .check_url = check_url,
    .embedded = true,
    .open = open_store,
    .close = close_store,
    .take_reader = sqlite_take_reader,
    .return_reader = sqlite_return_reader,
    .snapshot = begin_snapshot,
    .run_task = sqlite_run_task,
    .commit = sqlite_commit,
    .commit_start = sqlite_commit_start,
    .read_log = sqlite_read_log,
    .follow = sqlite_follow,
    .cursor = sqlite_cursor,
    .follows_by = follows_by,
    .trouble = no_trouble,
    .reachable = is_reachable,
    .backup = sqlite_backup,
    .check = sqlite_check,
};
