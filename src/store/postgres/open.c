/* open.c — opening and closing a store, its snapshots, and what store.c calls. */
#include "store/postgres/store.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_LIMIT_MS = 5000, ANSWER_LIMIT_LEAST_MS = 100 };

static void close_store(struct store *base);
static void name_store(struct store *store, PGconn *connection);

static void init_connections(struct postgres_store *store)
{
    struct server *server = &store->server;
    connections_init(&store->readers, READERS, server);
    connections_init(&store->tasks, TASKS, server);
    for (size_t i = 0; i < LANES; i++) {
        postgres_init(&store->lanes.items[i].db, server);
        pthread_cond_init(&store->lanes.items[i].work, NULL);
    }
    postgres_init(&store->hinter.db, server);
    postgres_init(&store->follower.db, server);
    pthread_mutex_init(&store->lanes.lock, NULL);
    pthread_mutex_init(&store->hinter.lock, NULL);
    pthread_cond_init(&store->hinter.work, NULL);
    pthread_mutex_init(&store->follower.lock, NULL);
}

/* A socket without a file has a name that begins with @. */
static bool is_host(const char *hosts)
{
    for (const char *at = hosts; (at = strchr(at, '@')); at++)
        if (at != hosts && at[-1] != ',') return false;
    return true;
}

/* libpq repeats an address that it cannot read, and takes the rest of a password with an @ or / in it for a host or port: its
 * words would show the password. */
static const char *check_url(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool good = options;
    for (const PQconninfoOption *o = options; good && o->keyword; o++) {
        if (!o->val) continue;
        if (!strcmp(o->keyword, "host")) good = is_host(o->val);
        if (!strcmp(o->keyword, "port")) good = strspn(o->val, "0123456789,") == strlen(o->val);
    }
    PQconninfoFree(options);
    if (good) return NULL;
    return "the database's address cannot be read; in names and passwords @ : / ? % are written as %40 %3A %2F %3F %25, and "
           "options are those of libpq";
}

/* With less, what is on its way would count as lost. */
static int64_t answer_limit(const struct store_options *options)
{
    if (options->busy_limit_ms <= 0) return ANSWER_LIMIT_MS;
    return options->busy_limit_ms < ANSWER_LIMIT_LEAST_MS ? ANSWER_LIMIT_LEAST_MS : options->busy_limit_ms;
}

static enum err open_store(struct op *op, const struct store_options *options, struct store **ret_store)
{
    struct postgres_store *store = memory_zalloc(sizeof *store);
    store->base.engine = &postgres_engine;
    server_init(&store->server, options->url, answer_limit(options));
    store->server.opening = true;
    init_connections(store);

    struct postgres_db *db = NULL;
    enum err e = connections_take(op, &store->tasks, &db);
    if (e == ERR_BUSY) {
        char why[256];
        server_why(&store->server, why, sizeof why);
        failure_clear(&op->failure);
        e = op_fail(op, ERR_BUSY, "store", "cannot connect to the database: %s", why);
    }
    if (!e) name_store(&store->base, db->connection);
    if (!e) e = postgres_migrate(op, db, options);
    if (db) connections_return(&store->tasks, db);
    if (e) {
        close_store(&store->base);
        return e;
    }
    store->server.opening = false;
    postgres_lanes_start(store);
    postgres_hinter_start(store);
    store->threads = true;
    *ret_store = &store->base;
    return ERR_OK;
}

static void close_store(struct store *base)
{
    struct postgres_store *store = postgres_store_of(base);
    if (store->threads) {
        postgres_lanes_stop(store);
        postgres_hinter_stop(store);
    }
    for (size_t i = 0; i < LANES; i++) {
        postgres_free(&store->lanes.items[i].db);
        pthread_cond_destroy(&store->lanes.items[i].work);
    }
    postgres_free(&store->hinter.db);
    postgres_free(&store->follower.db);
    connections_free(&store->readers);
    connections_free(&store->tasks);
    server_free(&store->server);
    pthread_mutex_destroy(&store->lanes.lock);
    pthread_mutex_destroy(&store->hinter.lock);
    pthread_cond_destroy(&store->hinter.work);
    pthread_mutex_destroy(&store->follower.lock);
    free(store->hinter.list.items);
    free(store->follower.heard.items);
    free(store->follower.told_open);
    free(store);
}

static enum err take_reader(struct op *op, struct store *store, struct db **ret_db)
{
    struct postgres_db *db = NULL;
    enum err e = connections_take(op, &postgres_store_of(store)->readers, &db);
    *ret_db = db ? &db->base : NULL;
    return e;
}

static void return_reader(struct store *store, struct db *returned)
{
    struct postgres_db *db = postgres_of(returned);
    if (db->in_snapshot) postgres_end_snapshot(db);
    connections_return(&postgres_store_of(store)->readers, db);
}

static enum err begin_snapshot(struct op *op, struct db *db)
{
    return postgres_begin_snapshot(op, postgres_of(db));
}

/* The forms that libpq has: a URI, or "host=db1 dbname=roster". */
static bool speaks(const char *url)
{
    size_t word = strspn(url, "abcdefghijklmnopqrstuvwxyz_");
    bool words = word && url[word + strspn(url + word, " ")] == '=';
    return words || !strncmp(url, "postgres://", 11) || !strncmp(url, "postgresql://", 13);
}

static void tell_trouble(struct store *store, char *text, size_t size)
{
    server_why(&postgres_store_of(store)->server, text, size);
}

/* Where it is connected now; of several hosts, the one that was found. */
static void name_store(struct store *store, PGconn *connection)
{
    snprintf(store->name, sizeof store->name, "postgres://%s@%s:%s/%s", PQuser(connection), PQhost(connection),
             PQport(connection), PQdb(connection));
}

static bool is_reachable(const struct store *store)
{
    return !atomic_load(&((const struct postgres_store *)store)->server.away);
}

const struct engine postgres_engine = {
    .name = "PostgreSQL",
    .speaks = speaks,
    .check_url = check_url,
    .open = open_store,
    .close = close_store,
    .take_reader = take_reader,
    .return_reader = return_reader,
    .snapshot = begin_snapshot,
    .run_task = postgres_run_task,
    .commit = postgres_commit,
    .commit_start = postgres_commit_start,
    .read_log = postgres_read_log,
    .follow = postgres_follow,
    .held_back_ms = postgres_held_back_ms,
    .cursor = postgres_cursor,
    .wait = postgres_wait_for_news,
    .follows_by = postgres_follows_by,
    .trouble = tell_trouble,
    .reachable = is_reachable,
    .backup = postgres_backup,
    .check = postgres_check,
};
