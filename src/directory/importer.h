/* importer.h — the directory file into the database (docs/directory-file.md).
 *
 * The file is read twice: first everything is checked and nothing written, then, if no line was bad, it is committed: every
 * 10,000 lines or 16 MiB, at each change of organization, and when a batch takes much memory. With keep_going the first reading
 * is left out and bad lines are passed over. Memory does not grow with the file (see ledger.h). What was checked can still fail
 * while committing if another process changes the same objects meanwhile; then the report says so and what was committed before
 * stays. */
#ifndef ROSTER_DIRECTORY_IMPORTER_H
#define ROSTER_DIRECTORY_IMPORTER_H

#include "model/nouns.h"
#include "model/op.h"
#include "store/store.h"

#include <stdio.h>

enum { IMPORT_LINE_MAX = 1 << 20, IMPORT_BATCH_LINES = 10000, IMPORT_BATCH_BYTES = 16 << 20 };

/* Bytes that the lines of a batch may take together with what was looked up for them, bad lines among them too: then it is
 * committed before more is read. A few hundred lines may come on top. */
enum { IMPORT_BATCH_MEMORY = 64 << 20 };

struct import_counts {
    int64_t created[NOUN_COUNT], changed[NOUN_COUNT], unchanged[NOUN_COUNT], deleted[NOUN_COUNT];
    int64_t lines, bad;
    int64_t commits; /* 0: nothing was written */
};

struct import_options {
    bool dry_run;
    bool keep_going;
    /* A line is bad: its number, from 1, and a sentence. In the order of the file. */
    void (*report)(void *context, int64_t line, const char *text);
    /* Now and then: which reading (0 checks, 1 writes), lines and bytes of it so far. May be NULL. */
    void (*progress)(void *context, int reading, int64_t lines, int64_t bytes);
    void *context;
};

/* `file` must be seekable and at its start. ERR_INVALID if lines were bad (op->failure counts them; with keep_going the good ones
 * are kept); other errors are the store's. *ret_counts is filled in any case. */
MUST_USE enum err directory_import(struct op *op, struct store *store, FILE *file, const struct import_options *options,
                                   struct import_counts *ret_counts);

#endif
