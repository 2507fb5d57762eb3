/* store.c — what store.h promises, where it is only to choose the engine. */
#include "store/engine.h"

#include "base/memory.h"
#include "store/migrations.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* To add an engine: its folder, its struct engine, a row here. */
static const struct engine *const engines[] = { &sqlite_engine, &postgres_engine };

static const struct engine *find_engine(const char *url)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (engines[i]->speaks(url)) return engines[i];
    return NULL;
}

const char *store_check_url(const char *url)
{
    const struct engine *engine = find_engine(url);
    if (engine) return engine->check_url(url);
    return "that is not the address of a store; write sqlite:PATH, postgres://... or host=... dbname=...";
}

enum err store_open(struct op *op, const struct store_options *options, struct store **ret_store)
{
    *ret_store = NULL;
    const char *wrong = store_check_url(options->url ? options->url : "");
    if (wrong) return op_fail(op, ERR_INVALID, "store", "%s", wrong);
    const struct engine *engine = find_engine(options->url);
    enum err e = engine->open(op, options, ret_store);
    if (e) return e;
    (*ret_store)->engine = engine;
    (*ret_store)->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if ((*ret_store)->stop_fd < 0) abort();
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (!store) return;
    close(store->stop_fd);
    store->engine->close(store);
}

bool store_is_embedded(const char *url)
{
    const struct engine *engine = find_engine(url);
    return engine && engine->embedded;
}

int store_schema_version(void)
{
    int newest = 0;
    for (const struct migration *m = sqlite_migrations; m->number; m++) newest = m->number;
    return newest;
}

/* Addresses are not repeated in what is said: one of PostgreSQL's may have a password in it. */
enum err store_check_schema(struct op *op, const struct store_options *options, int64_t schema, bool *ret_migrate)
{
    int newest = store_schema_version();
    if (options->ret_schema) *options->ret_schema = (int)schema;
    *ret_migrate = schema < newest && !(options->as_it_is && schema > 0 && store_is_embedded(options->url));
    if (schema > newest)
        return op_fail(op, ERR_INVALID, "store", "the database was written by a newer Roster (schema %lld, this one knows %d)",
                       (long long)schema, newest);
    if (!*ret_migrate || options->migrate || (schema == 0 && options->create)) return ERR_OK;
    if (schema == 0) return op_fail(op, ERR_INVALID, "store", "the database has no tables yet: run roster migrate");
    if (options->as_it_is) /* a backup of PostgreSQL is a copy into the newest tables, and it is wanted before migrating */
        return op_fail(op, ERR_INVALID, "store",
                       "the database has schema %lld, and of PostgreSQL roster backup copies only %d: back it up with pg_dump,"
                       " then run roster migrate",
                       (long long)schema, newest);
    return op_fail(op, ERR_INVALID, "store", "the database has schema %lld and must be migrated to %d first: run roster migrate",
                   (long long)schema, newest);
}

enum err store_reader(struct op *op, struct store *store, struct reader *ret_reader)
{
    *ret_reader = (struct reader){ .store = store };
    return store->engine->take_reader(op, store, &ret_reader->db);
}

void store_reader_return(struct reader *reader)
{
    if (reader->db) reader->store->engine->return_reader(reader->store, reader->db);
}

enum err store_snapshot(struct op *op, struct reader *reader)
{
    return reader->store->engine->snapshot(op, reader->db);
}

enum err store_run_task(struct op *op, struct store *store, store_task task, void *context)
{
    return store->engine->run_task(op, store, task, context);
}

static enum err check_commit(struct op *op, const struct commit *commit)
{
    return commit->changes->count ? ERR_OK : op_fail(op, ERR_INVALID, "", "a commit must change something");
}

enum err store_commit(struct op *op, struct store *store, struct commit *commit)
{
    enum err e = check_commit(op, commit);
    return e ? e : store->engine->commit(op, store, commit);
}

void store_commit_start(struct op *op, struct store *store, struct commit *commit, store_commit_done done, void *context)
{
    enum err e = check_commit(op, commit);
    if (e) done(context, e);
    else store->engine->commit_start(op, store, commit, done, context);
}

enum err store_read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version, int64_t limit,
                        store_log_function function, void *context)
{
    return store->engine->read_log(op, store, organization_id, after_version, NULL, limit, function, context);
}

enum err store_read_log_since(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                              const struct uuid *after_commit_id, store_log_function function, void *context)
{
    const struct uuid *compared = uuid_is_nil(after_commit_id) ? NULL : after_commit_id;
    return store->engine->read_log(op, store, organization_id, after_version, compared, 0, function, context);
}

enum err store_follow(struct op *op, struct store *store, int64_t *cursor, store_version_function function, void *context)
{
    return store->engine->follow(op, store, cursor, function, context);
}

int64_t store_epoch(const struct store *store)
{
    return atomic_load(&store->epoch);
}

void store_wait(struct store *store, int64_t timeout_ms)
{
    struct pollfd stop = { .fd = store->stop_fd, .events = POLLIN };
    if (store->engine->wait) store->engine->wait(store, timeout_ms);
    else poll(&stop, 1, (int)timeout_ms);
}

void store_stop_waiting(struct store *store)
{
    eventfd_write(store->stop_fd, 1);
}

const char *store_name(const struct store *store)
{
    return store->name;
}

void store_trouble(struct store *store, char *text, size_t size)
{
    store->engine->trouble(store, text, size);
}

const char *store_follows_by(struct store *store)
{
    return store->engine->follows_by(store);
}

int64_t store_held_back_ms(struct store *store, char *text, size_t size)
{
    *text = '\0';
    return store->engine->held_back_ms ? store->engine->held_back_ms(store, text, size) : 0;
}

bool store_reachable(const struct store *store)
{
    return store->engine->reachable(store);
}

enum err store_backup(struct op *op, struct store *store, const char *path)
{
    return store->engine->backup(op, store, path);
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

/* ---- last uses */

struct last_used_task {
    const struct last_used *items;
    size_t count;
};

static enum err run_last_used(struct op *op, struct db *db, void *context, bool *ret_wrote)
{
    const struct last_used_task *task = context;
    *ret_wrote = true;
    for (size_t i = 0; i < task->count; i++) {
        AUTO_QUERY q = db_query(
            db, "UPDATE credential SET last_used_at = CASE WHEN last_used_at > $1 THEN last_used_at ELSE $1 END WHERE id = $2");
        query_number(&q, task->items[i].time);
        query_number(&q, task->items[i].credential_id);
        enum err e = query_run(op, &q);
        if (e) return e;
    }
    return ERR_OK;
}

static int by_credential(const void *a, const void *b)
{
    int64_t x = ((const struct last_used *)a)->credential_id, y = ((const struct last_used *)b)->credential_id;
    return (x > y) - (x < y);
}

/* In the order of their numbers: every node does this, and rows that are locked in another order lock each other out. */
enum err store_save_last_used(struct op *op, struct store *store, const struct last_used *items, size_t count)
{
    if (count == 0) return ERR_OK;
    struct last_used *sorted = arena_array(&op->arena, count, sizeof *sorted);
    memcpy(sorted, items, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_credential);
    return store_run_task(op, store, run_last_used, &(struct last_used_task){ sorted, count });
}
