/* importer_parts.h — what importer.c (reading, batches, commits) and import_line.c (what a line means) share. */
#ifndef ROSTER_DIRECTORY_IMPORTER_PARTS_H
#define ROSTER_DIRECTORY_IMPORTER_PARTS_H

#include "base/lines.h"
#include "directory/importer.h"
#include "directory/ledger.h"
#include "model/change.h"

enum { NO_ORGANIZATION = -1 };
enum { AHEAD_LINES = 500 };

/* Deletions are committed apart: what they delete may have been made by the lines just before. Those of users take their
 * memberships along. */
enum batch_kind { BATCH_PUTS, BATCH_DELETES, BATCH_DELETES_USERS };

/* A line of the batch, kept until it is committed: if the batch fails as a whole its lines are done again one by one. So are
 * those that were refused, if another was in the batch before them: it may be why, and may be refused itself then. Not those for
 * want of an account: they would find it, if a later line of the batch makes it, because accounts are committed first. */
struct batch_line {
    int64_t number;
    char *text; /* NULL while only checking, and of a line that is not done again or was too long to be read */
    size_t size;
    bool installs; /* it is in the batch and about an organization or account */
    char *refused; /* why, to be reported when the batch is committed; NULL: it is in the batch */
};

/* A line of the file that was read but has not had its turn. */
struct ahead_line {
    enum lines_result result;
    int error;  /* errno of LINES_FAILED */
    char *text; /* NULL: it is empty, or the batch has it */
    size_t size;
    int64_t total;     /* bytes of the file up to its end */
    struct line *read; /* in the memory of the batch; NULL: not yet, or it is bad */
};

struct ahead {
    struct ahead_line *lines; /* AHEAD_LINES */
    size_t count;
    size_t at;                             /* whose turn it is */
    size_t asked;                          /* for those before it was asked what they will look up */
    int64_t version, installation_version; /* as seen before that */
    struct known {
        struct store_lookup *items; /* in the memory of the batch */
        size_t count;
    } known[NOUN_COUNT];
};

struct importer {
    struct store *store;
    const struct import_options *options;
    struct ledger ledger;
    bool writing; /* the second reading, or keep_going */
    bool careful; /* a batch failed as a whole: its lines are committed one by one, looking up everything */

    struct ahead ahead;
    struct op *batch;                             /* memory of the lines since the last commit */
    int64_t organization_id;                      /* of the batch; NO_ORGANIZATION while only accounts were met */
    int64_t version, installation_version;        /* as seen before the first line was checked */
    struct change_list changes;                   /* of that organization */
    struct change_list installation;              /* organizations and accounts met meanwhile */
    bool installed;                               /* those are committed */
    enum batch_kind kind;                         /* of all its changes but the installation's */
    enum noun noun;                               /* of the line that was read last */
    struct hash_set touched;                      /* objects that lines of the batch are about */
    bool misses_account;                          /* the line that was read last, and is refused for it */
    struct batch_line *lines;                     /* IMPORT_BATCH_LINES */
    size_t line_count, line_bytes, refused_bytes; /* line_bytes: of those that were not refused */
    struct import_counts counts;
    struct import_counts counts_before; /* as they were when the batch began */
};

/* Notes the version of an organization before its rows are looked at: the fence of the commit. 0 if it does not exist yet. */
MUST_USE enum err import_see_version(struct importer *importer, int64_t organization_id);

/* Checks one line (while careful any, else that of ahead.at) and appends its changes to the batch. May commit the batch first
 * (import_flush) when the line's organization is another one. Fails with the line's own mistake (ERR_INVALID, ERR_NOT_FOUND,
 * ERR_EXISTS) or the store's. */
MUST_USE enum err import_line(struct importer *importer, const char *line, size_t size);

/* Reads the next lines of the file, after those before have had their turn. */
void import_fill_ahead(struct importer *importer, struct lines *lines);

/* Asks the database what the line whose turn it is and those after it will look up, unless that is known already. Behind
 * import_see_version. */
MUST_USE enum err import_look_ahead(struct importer *importer);

/* As store_find, without asking again. */
MUST_USE enum err import_find(struct importer *importer, enum noun noun, int64_t organization_id, int64_t id, int64_t second_id,
                              bool *ret_found, union object *ret_object);

/* For when the batch's memory ends, or its rows were written; and when no more lines are read. */
void import_forget_ahead(struct importer *importer);
void import_free_ahead(struct importer *importer);

/* Commits what is pending and starts a new batch. A no-op while only checking. */
MUST_USE enum err import_flush(struct importer *importer);

#endif
