/* sqlite_writer.h — one who waits for a transaction, and what the writer does with it. */
#ifndef ROSTER_STORE_SQLITE_WRITER_H
#define ROSTER_STORE_SQLITE_WRITER_H

#include "store/sqlite_store.h"

/* What is written beside the log. Sets w->wrote before its first row. May run twice: nothing of the first time is there then. */
typedef enum err (*writer_task)(struct waiting *w, struct sqlite_db *db, void *context);

/* On the stack of the thread that waits, or in the arena of an op that is told. */
struct waiting {
    struct op *op;
    struct commit *commit; /* NULL: a task */
    writer_task task;
    void *task_context;

    enum err result;
    bool wrote; /* rows of it may be in the open transaction */
    int64_t time, last_sequence;
    struct uuid commit_id;

    struct buf details; /* of all changes, one after the other, each ended by a zero byte */
    size_t *starts;     /* where each begins; in the op's arena */
    bool rendered;
    int64_t **numbered; /* ids that were 0 */
    size_t numbered_count, numbered_capacity;

    struct waiting *next;

    store_commit_done done; /* NULL: a thread sleeps */
    void *context;
};

/* Runs a task in the next transaction, with the commits that wait for it; sleeps until it is on disk. */
MUST_USE enum err store_run_task(struct op *op, struct store *store, writer_task task, void *context);

/* Makes the log's texts. On the waiting thread if commit_can_render_early says so, otherwise the writer does it. */
bool commit_can_render_early(const struct commit *commit);
void commit_render(struct waiting *w);

/* Fence, numbers, rows and log of one commit, inside the open transaction. */
MUST_USE enum err commit_run(struct writer *writer, struct waiting *w);

/* After a rollback: ids given in vain become 0 again. */
void commit_take_numbers_back(struct waiting *w);

/* Before COMMIT: remembers the newest numbers given in this transaction. */
MUST_USE enum err commit_write_numbers(struct op *op, struct writer *writer);

#endif
