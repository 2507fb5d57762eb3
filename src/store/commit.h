/* commit.h — the parts of a commit that do not depend on the engine: its fence, its numbers, its rows, the texts of its log. */
#ifndef ROSTER_STORE_COMMIT_H
#define ROSTER_STORE_COMMIT_H

#include "store/engine.h"

/* A commit (or, with SQLite, a task) that waits for its transaction. On the stack of the thread that waits, or in the arena of an
 * op that is told. */
struct waiting {
    struct op *op;
    struct commit *commit; /* NULL: a task */
    store_task task;
    void *task_context;

    enum err result;
    bool wrote;       /* rows of it may be in the open transaction */
    bool any_version; /* it was COMMIT_ANY_VERSION; expected_version is what was found */
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

    /* PostgreSQL: another node holds the organization, or what else it needs; the commit is tried again later. */
    bool put_back;
    bool alone;                      /* the transaction it was in failed: it gets one of its own */
    int64_t since_ns, not_before_ns; /* when that happened first; when it may be tried */
    int64_t pause_ms;                /* in between */
};

enum { COMMIT_DETAIL_CEILING = 256 << 20 };

/* Makes the log's texts early, on the thread that asks, if no number is still to be given. */
void commit_prepare(struct waiting *w);

/* Makes them now, if commit_prepare could not. ERR_TOO_LARGE. */
MUST_USE enum err commit_render(struct waiting *w);

/* What a commit has to know of its organization's row, which is locked. */
struct fence {
    bool found; /* the organization lives; else the rest says nothing */
    int64_t version, last_time;
    bool unique_group_names;
};

/* Sets w->time and, for COMMIT_ANY_VERSION, the commit's expected version. ERR_NOT_FOUND, ERR_STALE. */
MUST_USE enum err commit_check_fence(struct waiting *w, const struct fence *fence);

/* Where numbers come from. `next` gives the next number of a noun; `raise` is told one that was given by the caller (NULL: nobody
 * is told; commit_count_numbers has told the largest). */
struct number_source {
    void *context;
    enum err (*next)(void *context, struct op *op, enum noun noun, int64_t *ret_number);
    enum err (*raise)(void *context, struct op *op, enum noun noun, int64_t number);
};

/* What numbers a commit is about: adds how many of each noun it needs, and raises ret_largest to the largest that it brings. */
void commit_count_numbers(const struct commit *commit, size_t ret_needed[NOUN_COUNT], int64_t ret_largest[NOUN_COUNT]);

/* Gives numbers to new objects that have none, and their group's to memberships and nestings. */
MUST_USE enum err commit_number(struct waiting *w, const struct number_source *source);

/* After a rollback: ids given in vain become 0 again. */
void commit_take_numbers_back(struct waiting *w);

/* The rows of all changes. */
MUST_USE enum err commit_write_rows(struct waiting *w, struct db *db);

/* What the log gets: every change, or for bulk one mark that the organization was imported, made in the two that are lent. */
struct change_list commit_logged(const struct commit *commit, struct organization *organization, struct change *mark);

/* Binds what both engines keep of one entry: organization, version, position, time, kind, credential, user, group, subject,
 * object, commit id, detail. */
#define LOG_COLUMNS                                                                                                              \
    "organization_id, version, position, time, kind, credential_id, user_id, group_id, subject_id, object_id, commit_id, detail"
void commit_bind_entry(struct query *query, const struct waiting *w, const struct change *change, size_t position);

/* Fills what a commit returns, after its transaction. */
void commit_finish(struct waiting *w);

/* Releases what the waiting itself owns. */
void commit_free(struct waiting *w);

/* Counts a transaction with these commits for store_stats. */
void commit_count(struct store *store, const struct waiting *first);

#endif
