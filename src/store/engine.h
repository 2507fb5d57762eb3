/* engine.h — what an engine is to store.c and to the files that both engines share.
 *
 * An engine's store begins with a struct store. What is here is private to store/; its callers use store.h. */
#ifndef ROSTER_STORE_ENGINE_H
#define ROSTER_STORE_ENGINE_H

#include "base/buf.h"
#include "store/db.h"
#include "store/store.h"

#include <stdatomic.h>

struct waiting; /* commit.h */

/* A read connection for the calling thread alone. */
struct reader {
    struct store *store;
    struct db *db; /* NULL: none */
};

/* Something written beside the log, in a transaction. Sets *ret_wrote before its first row. May run several times: nothing of the
 * times before is there then. */
typedef enum err (*store_task)(struct op *op, struct db *db, void *context, bool *ret_wrote);

struct engine {
    const char *name;
    bool (*speaks)(const char *url);           /* is it the form of its addresses? */
    const char *(*check_url)(const char *url); /* store_check_url, of one that it speaks */
    bool embedded;                             /* store_is_embedded */
    enum err (*open)(struct op *op, const struct store_options *options, struct store **ret_store);
    void (*close)(struct store *store);

    enum err (*take_reader)(struct op *op, struct store *store, struct db **ret_db); /* waits while all are taken */
    void (*return_reader)(struct store *store, struct db *db);                       /* ends its snapshot, if any */
    enum err (*snapshot)(struct op *op, struct db *db);

    enum err (*run_task)(struct op *op, struct store *store, store_task task, void *context);
    enum err (*commit)(struct op *op, struct store *store, struct commit *commit);
    void (*commit_start)(struct op *op, struct store *store, struct commit *commit, store_commit_done done, void *context);

    /* after_commit_id: of store_read_log_since; NULL: not compared */
    enum err (*read_log)(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                         const struct uuid *after_commit_id, int64_t limit, store_log_function function, void *context);
    enum err (*follow)(struct op *op, struct store *store, int64_t *cursor, store_version_function function, void *context);
    enum err (*cursor)(struct op *op, struct db *db, int64_t *ret_cursor); /* of follow, for what a snapshot shows */
    int64_t (*held_back_ms)(struct store *store, char *text, size_t size); /* NULL: nothing does */
    void (*wait)(struct store *store, int64_t timeout_ms);                 /* NULL: nothing but stop_fd can end it early */
    const char *(*follows_by)(struct store *store);
    void (*trouble)(struct store *store, char *text, size_t size);
    bool (*reachable)(const struct store *store);

    enum err (*backup)(struct op *op, struct store *store, const char *path);
    /* Each thing that is wrong with the database itself, or with what its rows refer to, by `report`. */
    enum err (*check)(struct op *op, struct db *db, store_report_function report, void *context);
};

extern const struct engine sqlite_engine, postgres_engine;

struct store {
    const struct engine *engine;
    char name[300];
    _Atomic int64_t epoch; /* store_epoch */
    int stop_fd;           /* an eventfd: readable once store_stop_waiting was called */
    struct {
        _Atomic int64_t commits, transactions, failures, sync_count, sync_total_us, changes;
    } stats;
};

MUST_USE enum err store_reader(struct op *op, struct store *store, struct reader *ret_reader);
void store_reader_return(struct reader *reader);
#define AUTO_READER __attribute__((cleanup(store_reader_return))) struct reader

/* What store_read_log_since says of a log that has not the commit it was asked to read on from. */
MUST_USE static inline enum err store_fail_past(struct op *op, int64_t organization_id, int64_t version)
{
    return op_fail(op, ERR_STALE, "", "the database has not the version %lld of organization %lld that it had before",
                   (long long)version, (long long)organization_id);
}

/* One snapshot on a read connection, until the reader is returned. */
MUST_USE enum err store_snapshot(struct op *op, struct reader *reader);

/* Runs a task in a transaction and waits until it is on disk. */
MUST_USE enum err store_run_task(struct op *op, struct store *store, store_task task, void *context);

/* For an engine that has found `schema` (0: no tables): tells it to who asked, and whether to migrate from it to the newest.
 * ERR_INVALID: it is newer, or older and the options do not allow it. */
MUST_USE enum err store_check_schema(struct op *op, const struct store_options *options, int64_t schema, bool *ret_migrate);

/* apply.c: the rows of one change. `time` is that of the commit. */
MUST_USE enum err store_apply(struct op *op, struct db *db, int64_t organization_id, const struct change *change, int64_t time);

#endif
