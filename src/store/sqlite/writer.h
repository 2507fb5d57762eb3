/* writer.h — what the writer thread and the commits it runs share. */
#ifndef ROSTER_STORE_SQLITE_WRITER_H
#define ROSTER_STORE_SQLITE_WRITER_H

#include "store/commit.h"
#include "store/sqlite/store.h"

/* Fence, numbers, rows and log of one commit, inside the open transaction. */
MUST_USE enum err sqlite_commit_run(struct writer *writer, struct waiting *w);

/* Before COMMIT: remembers the newest numbers given in this transaction. */
MUST_USE enum err sqlite_write_numbers(struct op *op, struct writer *writer);

#endif
