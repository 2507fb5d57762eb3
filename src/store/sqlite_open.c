/* sqlite_open.c — opening and closing a store, and its read connections.
 *
 * installation.openers counts stores that have the file open. A store that finds itself alone (sqlite_lock.c) and the count
 * above 0 knows that somebody crashed: SQLite has replayed its log by then, and an integrity check runs before anything is
 * believed. A store that joins others only counts itself. The last one to leave sets nothing right that it does not know:
 * if a neighbour crashed meanwhile the count stays above 0. */
#include "store/sqlite_store.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_LIMIT_MS = 5000 };

static enum err parse_url(struct op *op, const char *url, const char **ret_path)
{
    static const char prefix[] = "sqlite:";
    if (url && strncmp(url, prefix, sizeof(prefix) - 1) == 0 && url[sizeof(prefix) - 1]) {
        *ret_path = url + sizeof(prefix) - 1;
        return ERR_OK;
    }
    return op_fail(op, ERR_INVALID, "store", "%s is not the address of a store; write sqlite:PATH", url ? url : "nothing");
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

static enum err quick_check(struct op *op, struct sqlite_db *db)
{
    AUTO_QUERY q = db_query(db, "PRAGMA quick_check(1)");
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e) return e;
    const char *finding = row ? column_text(&q, 0) : NULL;
    if (finding && strcmp(finding, "ok") == 0) return ERR_OK;
    return op_fail(op, ERR_STORAGE, "store", "the database is damaged: %s", finding ? finding : "it cannot be read");
}

static enum err read_openers(struct op *op, struct sqlite_db *db, int64_t *ret_openers)
{
    AUTO_QUERY q = db_query(db, "SELECT openers FROM installation");
    bool row;
    enum err e = query_step(op, &q, &row);
    *ret_openers = !e && row ? column_number(&q, 0) : 0;
    return e;
}

static enum err recover_and_join(struct op *op, struct store *store, bool alone)
{
    struct sqlite_db *db = &store->writer.db;
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

static enum err open_connections(struct op *op, struct store *store, const struct store_options *options, bool alone)
{
    enum err e = db_open(op, &store->writer.db, store->path, DB_WRITES, options->create, store->busy_limit_ms);
    if (!e) e = store_migrate(op, &store->writer.db, options, alone);
    if (!e) e = recover_and_join(op, store, alone);
    if (!e) e = db_open(op, &store->checkpointer.db, store->path, DB_WRITES, false, 0);
    if (!e) e = db_open(op, &store->follower.db, store->path, DB_READS, false, store->busy_limit_ms);
    return e;
}

static struct store *new_store(const struct store_options *options, const char *path)
{
    struct store *store = memory_zalloc(sizeof(*store));
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

enum err store_open(struct op *op, const struct store_options *options, struct store **ret_store)
{
    *ret_store = NULL;
    const char *path = NULL;
    bool is_new, alone;
    enum err e = parse_url(op, options->url, &path);
    if (!e) e = check_file(op, options, path, &is_new);
    if (e) return e;

    struct store *store = new_store(options, path);
    e = store_lock_open(op, store, &alone);
    if (!e) e = open_connections(op, store, options, alone);
    if (e) {
        store_close(store);
        return e;
    }
    if (is_new) store_sync_directory(path);
    if (alone) store_lock_share(store);
    store_checkpointer_start(store);
    store_writer_start(store);
    store->threads = true;
    *ret_store = store;
    return ERR_OK;
}

/* Errors do not matter here: the count then stays above 0 and the next to open looks closely. */
static void leave(struct store *store)
{
    AUTO_OP op = op_begin();
    struct sqlite_db *db = &store->writer.db;
    {
        AUTO_QUERY q = db_query(db, "UPDATE installation SET openers = openers - 1");
        if (query_run(&op, &q)) return;
    }
    /* Counted out before letting go of the lock, so that whoever is alone next reads a count that is true. */
    if (store_lock_alone(store)) sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void store_close(struct store *store)
{
    if (!store) return;
    if (store->threads) {
        store_writer_stop(store);
        store_checkpointer_stop(store);
    }
    for (int i = 0; i < READERS; i++) db_close(&store->pool.readers[i]);
    db_close(&store->follower.db);
    db_close(&store->checkpointer.db);
    if (store->counted) leave(store);
    db_close(&store->writer.db);
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

enum err store_reader(struct op *op, struct store *store, struct reader *ret_reader)
{
    *ret_reader = (struct reader){ .store = store, .db = take_reader(&store->pool) };
    if (ret_reader->db->handle) return ERR_OK;
    enum err e = db_open(op, ret_reader->db, store->path, DB_READS, false, store->busy_limit_ms);
    if (e) db_close(ret_reader->db);
    return e;
}

enum err store_snapshot(struct op *op, struct reader *reader)
{
    AUTO_QUERY q = db_query(reader->db, "BEGIN");
    return query_run(op, &q);
}

void store_reader_return(struct reader *reader)
{
    if (!reader->db) return;
    if (reader->db->handle && !sqlite3_get_autocommit(reader->db->handle)) {
        sqlite3_exec(reader->db->handle, "COMMIT", NULL, NULL, NULL);
    }
    struct pool *pool = &reader->store->pool;
    pthread_mutex_lock(&pool->lock);
    pool->taken[reader->db - pool->readers] = false;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

void store_stats(const struct store *store, struct store_stats *ret_stats)
{
    *ret_stats = (struct store_stats){
        .commits = store->stats.commits,
        .transactions = store->stats.transactions,
        .failures = store->stats.failures,
        .sync_count = store->stats.sync_count,
        .sync_total_us = store->stats.sync_total_us,
        .changes = store->stats.changes,
    };
}
