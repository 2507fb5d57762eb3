/* store.h — what the files of store/postgres/ share: the open store, its connections and its threads.
 *
 * Connections: LANES commit, READERS read, TASKS write beside the log (log-ins), one listens and polls, one hints. Each is opened
 * when it is first needed. Locks are never nested. */
#ifndef ROSTER_STORE_POSTGRES_STORE_H
#define ROSTER_STORE_POSTGRES_STORE_H

#include "store/commit.h"
#include "store/postgres/db.h"

enum { READERS = 8, TASKS = 4, LANES = 2 };

/* Connections that threads borrow. */
struct connections {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    size_t count;
    struct postgres_db items[READERS];
    bool taken[READERS];
};

struct lane {
    struct postgres_store *store;
    pthread_t thread;
    pthread_cond_t work;
    bool idle, busy; /* sleeps; has a batch, or tells who was in it */
    struct postgres_db db;
};

/* Who waits for a lane. */
struct lanes {
    pthread_mutex_t lock;
    struct waiting *first, **last;
    bool stopping;
    int busy; /* lanes that are */
    struct lane items[LANES];
};

struct hint {
    int64_t organization_id, version;
};
struct hint_list {
    struct hint *items;
    size_t count, capacity;
};

/* What this node committed and has not told the others yet. */
struct hinter {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct hint_list list;
    int64_t told_ns; /* when hints were last sent */
    bool stopping;
    struct postgres_db db;
    _Atomic int pid; /* of its process in the server: our own hints are no news */
};

/* How far the follower has come. */
struct place {
    int64_t cursor;   /* all before it have ended and were told */
    int64_t from;     /* all before it were told, but for: */
    const char *open; /* the transactions before it that had not ended: "{12,15}"; NULL: not known */
};

struct follower {
    pthread_mutex_t lock;
    struct postgres_db db;
    bool listening;
    bool renewed;           /* another connection than when it last polled */
    int64_t server_started; /* when the server did that it last polled; microseconds */
    bool heard_only;        /* the wait ended because of hints: no need to poll */
    int64_t polled_ns;      /* when */
    bool poll_failed;       /* the last one: until one succeeds hints are no news */
    struct place told;
    char *told_open;         /* told.open, to be freed */
    bool more;               /* there was more to tell than was told at once */
    int64_t oldest;          /* the transaction that was the oldest when it last polled; 0: none was open */
    int64_t oldest_since_ns; /* since when it is the oldest */
    struct hint_list heard;  /* hints of others */
};

struct postgres_store {
    struct store base;
    struct server server;
    char *url;
    bool threads;
    struct connections readers, tasks;
    struct lanes lanes;
    struct hinter hinter;
    struct follower follower;
};

static inline struct postgres_store *postgres_store_of(struct store *store)
{
    return (struct postgres_store *)store;
}

/* pool.c */
void connections_init(struct connections *connections, size_t count, struct server *server);
void connections_free(struct connections *connections);
/* A connected one for the calling thread alone; waits while all are taken. */
MUST_USE enum err connections_take(struct op *op, struct connections *connections, struct postgres_db **ret_db);
void connections_return(struct connections *connections, struct postgres_db *db);

/* migrate.c */
MUST_USE enum err postgres_migrate(struct op *op, struct postgres_db *db, const struct store_options *options);

/* lanes.c */
void postgres_lanes_start(struct postgres_store *store);
void postgres_lanes_stop(struct postgres_store *store);
MUST_USE enum err postgres_commit(struct op *op, struct store *store, struct commit *commit);
void postgres_commit_start(struct op *op, struct store *store, struct commit *commit, store_commit_done done, void *context);

/* commit.c: one transaction for all of `first`, or as many as it takes; sets each one's result. */
void postgres_commit_batch(struct postgres_store *store, struct postgres_db *db, struct waiting *first);

/* BEGIN of a transaction that writes; gathered. */
MUST_USE enum err postgres_begin(struct op *op, struct postgres_db *db);

/* Is it one that may take its time, because it writes or deletes much? Then it is alone in its transaction. */
bool postgres_is_long(const struct commit *commit);

/* outcome.c: ends the process of the connection that was lost before this one, if there was one: it may have locks until the
 * network or a time limit ends it. Its transaction is one that nobody waits for any more, or is looked for. */
MUST_USE enum err postgres_end_lost(struct op *op, struct postgres_db *db);

/* Which of these commits are there? The transaction that may have made them has ended when this returns ERR_OK, so
 * what is not there will not come. `db` is the connection that was lost. ERR_UNKNOWN_OUTCOME if the database does not say in
 * time. */
MUST_USE enum err postgres_find_outcomes(struct op *op, struct postgres_store *store, struct postgres_db *db,
                                         struct waiting *const *commits, size_t count, bool *ret_committed);

/* tasks.c */
MUST_USE enum err postgres_run_task(struct op *op, struct store *store, store_task task, void *context);

/* follow.c */
MUST_USE enum err postgres_read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                                    const struct uuid *after_commit_id, int64_t limit, store_log_function function,
                                    void *context);
MUST_USE enum err postgres_follow(struct op *op, struct store *store, int64_t *cursor, store_version_function function,
                                  void *context);
MUST_USE enum err postgres_cursor(struct op *op, struct db *db, int64_t *ret_cursor);
int64_t postgres_held_back_ms(struct store *store, char *text, size_t size);
void postgres_wait_for_news(struct store *store, int64_t timeout_ms);
const char *postgres_follows_by(struct store *store);

/* hints.c */
void postgres_hinter_start(struct postgres_store *store);
void postgres_hinter_stop(struct postgres_store *store);
/* Remembers what was committed; wake tells it. */
void postgres_hint(struct postgres_store *store, const struct waiting *first);
void postgres_hinter_wake(struct postgres_store *store);
/* add: one of those that anybody may send or that may get lost, so no more than a limit of them. append: any number. */
void hint_list_append(struct hint_list *list, int64_t organization_id, int64_t version);
void hint_list_add(struct hint_list *list, int64_t organization_id, int64_t version);

/* backup.c */
MUST_USE enum err postgres_backup(struct op *op, struct store *store, const char *path);

/* check.c */
MUST_USE enum err postgres_check(struct op *op, struct db *db, store_report_function report, void *context);

#endif
