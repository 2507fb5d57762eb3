/* store.h — what the files of store/sqlite/ share: the open store, its connections and its two threads.
 *
 * Connections: one writes (used by the writer thread only, once the store is open), up to four read, one follows, one
 * checkpoints. Locks are never nested. */
#ifndef ROSTER_STORE_SQLITE_STORE_H
#define ROSTER_STORE_SQLITE_STORE_H

#include "store/engine.h"
#include "store/sqlite/db.h"

#include <pthread.h>

enum { READERS = 4 };

/* Read connections, opened when first needed. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct sqlite_db readers[READERS];
    bool taken[READERS];
};

struct writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct waiting *first, **last; /* who waits for the next transaction */
    bool stopping;
    unsigned round;             /* which of `rounds` those wait for */
    _Atomic uint32_t rounds[2]; /* futexes: one higher when a transaction has ended */
    struct sqlite_db db;
    int64_t next_sequence;       /* inside a transaction */
    int64_t numbers[NOUN_COUNT]; /* newest number given, inside a transaction */
    bool numbers_read, numbers_changed;
};

struct checkpointer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    bool stopping, wanted;
    _Atomic bool running, finish; /* finish: the writer should copy the rest, so that the log can start over */
    struct sqlite_db db;
};

struct follower {
    pthread_mutex_t lock;
    struct sqlite_db db;
    int64_t data_version; /* of the database when everything up to `cursor` was told */
    int64_t cursor;
};

struct sqlite_store {
    struct store base;
    char *path;
    int64_t busy_limit_ms;
    int lock_fd;
    bool counted; /* this store is one of installation.openers */
    bool threads;
    struct pool pool;
    struct writer writer;
    struct checkpointer checkpointer;
    struct follower follower;
};

static inline struct sqlite_store *sqlite_of(struct store *store)
{
    return (struct sqlite_store *)store;
}

/* open.c */
MUST_USE enum err sqlite_take_reader(struct op *op, struct store *store, struct db **ret_db);
void sqlite_return_reader(struct store *store, struct db *db);

/* lock.c: who else has the database open. PATH-lock is locked shared by every store, exclusively by one that is alone. */
MUST_USE enum err sqlite_lock_open(struct op *op, struct sqlite_store *store, bool *ret_alone);
void sqlite_lock_share(struct sqlite_store *store);
bool sqlite_lock_alone(struct sqlite_store *store);
void sqlite_sync_directory(const char *path);

/* migrate.c. `alone`: no other process has the database open; only then tables are made or changed. */
MUST_USE enum err sqlite_migrate(struct op *op, struct sqlite_db *db, const struct store_options *options, bool alone);

/* writer.c */
void sqlite_writer_start(struct sqlite_store *store);
void sqlite_writer_stop(struct sqlite_store *store);
MUST_USE enum err sqlite_commit(struct op *op, struct store *store, struct commit *commit);
void sqlite_commit_start(struct op *op, struct store *store, struct commit *commit, store_commit_done done, void *context);
MUST_USE enum err sqlite_run_task(struct op *op, struct store *store, store_task task, void *context);

/* checkpoint.c */
void sqlite_checkpointer_start(struct sqlite_store *store);
void sqlite_checkpointer_stop(struct sqlite_store *store);
/* Called by the writer between transactions. */
void sqlite_checkpointer_finish(struct sqlite_store *store);

/* log.c */
MUST_USE enum err sqlite_read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                                  const struct uuid *after_commit_id, int64_t limit, store_log_function function, void *context);
MUST_USE enum err sqlite_follow(struct op *op, struct store *store, int64_t *cursor, store_version_function function,
                                void *context);
MUST_USE enum err sqlite_cursor(struct op *op, struct db *db, int64_t *ret_cursor);

/* check.c */
MUST_USE enum err sqlite_check(struct op *op, struct db *db, store_report_function report, void *context);

/* backup.c */
MUST_USE enum err sqlite_backup(struct op *op, struct store *store, const char *path);

#endif
