/* sqlite_store.h — what the files of store/ share: the open store, its connections and its two threads.
 *
 * Connections: one writes (used by the writer thread only, once the store is open), up to four read, one follows, one
 * checkpoints. Locks are never nested. */
#ifndef ROSTER_STORE_SQLITE_STORE_H
#define ROSTER_STORE_SQLITE_STORE_H

#include "store/sqlite_db.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum { READERS = 4 };

/* Read connections, opened when first needed. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct sqlite_db readers[READERS];
    bool taken[READERS];
};

struct waiting; /* sqlite_writer.c */

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

struct store {
    char *path;
    int64_t busy_limit_ms;
    int lock_fd;
    bool counted; /* this store is one of installation.openers */
    bool threads;
    struct pool pool;
    struct writer writer;
    struct checkpointer checkpointer;
    struct follower follower;
    struct {
        _Atomic int64_t commits, transactions, failures, sync_count, sync_total_us, changes;
    } stats;
};

/* A read connection for the calling thread alone; waits while all are taken. */
struct reader {
    struct store *store;
    struct sqlite_db *db; /* NULL: none */
};
MUST_USE enum err store_reader(struct op *op, struct store *store, struct reader *ret_reader);
void store_reader_return(struct reader *reader);
#define AUTO_READER __attribute__((cleanup(store_reader_return))) struct reader

/* One snapshot on a read connection, until the reader is returned. */
MUST_USE enum err store_snapshot(struct op *op, struct reader *reader);

/* sqlite_lock.c: who else has the database open. PATH-lock is locked shared by every store, exclusively by one that is alone. */
MUST_USE enum err store_lock_open(struct op *op, struct store *store, bool *ret_alone);
void store_lock_share(struct store *store);
bool store_lock_alone(struct store *store);
void store_sync_directory(const char *path);

/* sqlite_migrate.c. `alone`: no other process has the database open; only then tables are made or changed. */
MUST_USE enum err store_migrate(struct op *op, struct sqlite_db *db, const struct store_options *options, bool alone);
int store_schema_version(void);

/* sqlite_writer.c */
void store_writer_start(struct store *store);
void store_writer_stop(struct store *store);

/* sqlite_checkpoint.c */
void store_checkpointer_start(struct store *store);
void store_checkpointer_stop(struct store *store);
/* Called by the writer between transactions. */
void store_checkpointer_finish(struct store *store);

/* sqlite_apply.c: the rows of one change. `time` is that of the commit. */
MUST_USE enum err store_apply(struct op *op, struct sqlite_db *db, int64_t organization_id, const struct change *change,
                              int64_t time);

#endif
