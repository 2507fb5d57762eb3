/* store.h — what is remembered: load, commit, follow. SQLite and PostgreSQL, behind the same functions. Log-ins are in logins.h.
 *
 * Threads: any thread may call anything. Loading uses a pool of read connections; committing hands the work to threads that
 * commit for all who wait (group commit). No function is called on a thread that serves connections.
 *
 * Errors: ERR_STORAGE with the engine's words, ERR_BUSY, with the field "lock", when another process holds the database
 * or, of PostgreSQL, what is needed of it, beyond the busy limit; ERR_BUSY too when the database does not answer,
 * ERR_STALE when the fence failed, ERR_NOT_FOUND for an unknown organization. */
#ifndef ROSTER_STORE_STORE_H
#define ROSTER_STORE_STORE_H

#include "base/err.h"
#include "model/change.h"
#include "model/nouns.h"
#include "model/op.h"

struct store;

struct store_options {
    const char *url;       /* "sqlite:PATH", PATH relative to the working directory; or what libpq takes */
    bool create;           /* make the file and its tables if there is none */
    bool migrate;          /* bring an older database up to date; otherwise it is refused */
    bool as_it_is;         /* an older SQLite database is neither: it is opened for store_backup and store_name alone. One of
                            * PostgreSQL is refused with what makes its backup */
    int64_t busy_limit_ms; /* how long to wait for another process's lock; 0: 5,000 */
    /* What is told of the schema; all may be NULL. */
    int *ret_schema;                                   /* what was found: 0 without tables; also when it is refused for that */
    void (*migrated)(void *context, const char *name); /* each migration that ran ("0003-keys"), once it is there to stay */
    void *context;
};

/* NULL, or what is wrong with an address, whatever there is at it. The address is not repeated: there may be a password in it. */
const char *store_check_url(const char *url);

/* Opens and, if allowed, creates or migrates. A database of a newer version is refused with a clear message; after a crash
 * (the file was not closed cleanly: a flag in the database) an integrity check runs first. */
MUST_USE enum err store_open(struct op *op, const struct store_options *options, struct store **ret_store);

/* The newest schema, to which store_open migrates. The same for all engines. */
int store_schema_version(void);

/* Is a database at this address for Roster alone, so that nobody need be asked before its tables are made or changed? */
bool store_is_embedded(const char *url);

/* Waits for commits under way, checkpoints, marks the file clean when no other process uses it. Accepts NULL. */
void store_close(struct store *store);

/* Rows of one snapshot, in this order: organizations, accounts, users (by id), groups (by id, with grants, deleted ones
 * too), memberships (by group id, then user id), nestings (by group id, then child), credentials (by id, revoked ones too).
 * Objects and texts are valid during the call only. A NULL function skips the rows. An err ends the load and is returned. */
struct store_sink {
    void *context;
    enum err (*organization)(void *context, struct op *op, const struct organization *organization);
    enum err (*account)(void *context, struct op *op, const struct account *account);
    enum err (*user)(void *context, struct op *op, const struct user *user);
    enum err (*group)(void *context, struct op *op, const struct group *group);
    enum err (*membership)(void *context, struct op *op, const struct membership *membership);
    enum err (*nesting)(void *context, struct op *op, const struct nesting *nesting);
    enum err (*credential)(void *context, struct op *op, const struct credential *credential);
    struct uuid *ret_commit_id; /* by store_load: the commit that made the version; nil if there was none. NULL: not asked for */
};

/* How many rows a load will bring, for sizing; 0 where not known cheaply. */
struct store_counts {
    int64_t users, groups, memberships;
};

/* One organization from one snapshot. INSTALLATION brings all organizations and accounts. An
 * organization brings itself (one row), users, groups, memberships, nestings, credentials. *ret_version is the version of
 * that snapshot. `counts` may be NULL; it is filled before the first row is delivered. */
MUST_USE enum err store_load(struct op *op, struct store *store, int64_t organization_id, const struct store_sink *sink,
                             struct store_counts *counts, int64_t *ret_version);

/* Everything of all organizations that a sink asks for, in the order of export (an organization's accounts come before its
 * users: all organizations, then all accounts, then per organization users, groups, memberships, nestings, credentials), one
 * snapshot, streamed. Deleted users and groups are delivered too; the caller skips them. */
MUST_USE enum err store_load_all(struct op *op, struct store *store, const struct store_sink *sink);

/* All credentials of all organizations, revoked ones too. *ret_cursor is where store_follow continues. */
MUST_USE enum err store_load_credentials(struct op *op, struct store *store, const struct store_sink *sink, int64_t *ret_cursor);

/* expected_version of a write that holds whatever the organization's version is (a credential made or revoked): it never fails as
 * stale, so a token can be revoked while others write without a pause. The version found is filled in. */
#define COMMIT_ANY_VERSION INT64_C(-1)

/* One write. `changes` and what they point to must live until store_commit returns. */
struct commit {
    int64_t organization_id;
    int64_t expected_version;       /* the version the rules saw */
    int64_t time;                   /* microseconds; the store never lets time go back within an organization's log */
    int64_t credential_id, user_id; /* the actor; 0 for the system */
    struct change_list *changes;
    bool names_may_repeat; /* the rules took names of groups not to be unique: the fence holds if they still are not */
    bool bulk;             /* an import into an organization that the same import created: rows are written, the log gets one
                            * organization_imported entry instead of one per change */
    /* filled on ERR_OK */
    int64_t version;  /* expected_version + 1 */
    int64_t ret_time; /* the time stored: at least `time` */
    struct uuid ret_commit_id;
};

/* Commits durably, blocks until it is on disk. Objects with id 0 in CREATES changes are given their numbers (written into
 * the objects); a membership or nesting with group_id 0 refers to the group created last before it in the same commit.
 * ERR_STALE: the organization has another version by now, or names of its groups became unique (names_may_repeat), which makes no
 * version of its own; nothing was written. ERR_EXISTS: a number or uuid is taken (field names
 * it). ERR_INVALID "uniqueGroupNames": names of groups would become unique in an organization where two living ones have the
 * same. ERR_UNKNOWN_OUTCOME: it may or may not have been written. */
MUST_USE enum err store_commit(struct op *op, struct store *store, struct commit *commit);

/* The same without waiting. `done` is called once, on the writer thread, after the transaction has ended, with what store_commit
 * would have returned; it must be quick and must not call the store, except this function. op (its arena is used), commit and
 * changes must live until then. */
typedef void (*store_commit_done)(void *context, enum err result);
void store_commit_start(struct op *op, struct store *store, struct commit *commit, store_commit_done done, void *context);

/* One entry of the log, as stored. */
struct log_entry {
    int64_t organization_id, version, position; /* position: 0, 1, 2 ... within the version */
    int64_t time, credential_id, user_id;
    struct uuid commit_id; /* the same for all entries of a version, and no other's */
    enum change_kind kind;
    const char *detail; /* JSON; valid during the call */
};
typedef enum err (*store_log_function)(void *context, struct op *op, const struct log_entry *entry);

/* Entries of an organization after a version, in order, at most `limit` versions (0: all). */
MUST_USE enum err store_read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                                 int64_t limit, store_log_function function, void *context);

/* All entries after a version, for who remembers which commit made that version. ERR_STALE, and nothing is told, if the log does
 * not have just this commit there: the database has lost commits that it had (it failed over to a copy without them, a backup was
 * restored), and perhaps got others with the same numbers since. A nil commit is not compared. */
MUST_USE enum err store_read_log_since(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                                       const struct uuid *after_commit_id, store_log_function function, void *context);

/* Newest version of each organization that got a commit after *cursor (any process), and moves the cursor: nothing is missed,
 * though one may be told again, or an older one behind it (PostgreSQL: when transactions or hints overtake each other). If there
 * is very much the next call tells the rest, and store_wait does not wait. A cursor is the engine's: SQLite's is a number of the
 * log, PostgreSQL's of a transaction. An open store has one follower: for the cursor that the last call left it also knows what
 * was told already of transactions after it. Cheap when nothing happened. */
typedef enum err (*store_version_function)(void *context, struct op *op, int64_t organization_id, int64_t version);
MUST_USE enum err store_follow(struct op *op, struct store *store, int64_t *cursor, store_version_function function,
                               void *context);

/* For how many milliseconds one open transaction has been holding back the cursor: nobody can know what it will commit. 0: none
 * is. `text` says which, and where to find it, for the log. What others commit is told nevertheless, once; a process that starts
 * begins at the cursor. As of the last store_follow. Always 0 with SQLite. */
int64_t store_held_back_ms(struct store *store, char *text, size_t size);

/* Goes up, in store_follow alone, when the database may have gone back since it was last asked: the connection is another one
 * than before, or it leads to another server (PostgreSQL). Commits that this process knew may be lost then, and others may have
 * their numbers. What there is has to be compared by store_list_heads, called after store_follow so that nothing is missed in
 * between. */
int64_t store_epoch(const struct store *store);

/* The newest commit of each living organization and of the installation, ascending, from one snapshot. */
struct store_head {
    int64_t organization_id, version;
    struct uuid commit_id; /* nil: none yet */
};
typedef enum err (*store_head_function)(void *context, struct op *op, const struct store_head *head);
MUST_USE enum err store_list_heads(struct op *op, struct store *store, store_head_function function, void *context);

/* Waits until store_follow may have something to tell, at most timeout_ms; at most a second, whatever is less, where another
 * node's hint ends the wait (PostgreSQL without a pooler). For one thread. */
void store_wait(struct store *store, int64_t timeout_ms);

/* Ends the wait, and all later ones at once. */
void store_stop_waiting(struct store *store);

/* The database for people and logs, without a password: "sqlite:roster.db", "postgres://roster@db1:5432/roster"; lives with the
 * store. */
const char *store_name(const struct store *store);

/* What the engine said when the database last did not answer, for the log alone (it names hosts); "" if nothing. */
void store_trouble(struct store *store, char *text, size_t size);

/* How store_follow learns of what others commit, for the log: "LISTEN and polling"; static. Known once it was called. */
const char *store_follows_by(struct store *store);

/* False while the database is known not to answer: what would need it fails at once with ERR_BUSY. Always true for SQLite. */
bool store_reachable(const struct store *store);

/* Current version; ERR_NOT_FOUND. */
MUST_USE enum err store_version(struct op *op, struct store *store, int64_t organization_id, int64_t *ret_version);

/* Memberships whose ends_at is at or before `now`, of living groups, at most `limit`, what ended first first; none of the
 * organizations that are passed over. */
typedef enum err (*store_membership_function)(void *context, struct op *op, const struct membership *membership);
MUST_USE enum err store_list_ended(struct op *op, struct store *store, int64_t now, int64_t limit, const int64_t *passed_over,
                                   size_t passed_over_count, store_membership_function function, void *context);

/* Point look-ups for import: *ret_found tells; the object is in the op's arena. Deleted ones are found too. */
MUST_USE enum err store_find(struct op *op, struct store *store, enum noun noun, int64_t organization_id, int64_t id,
                             int64_t second_id, bool *ret_found, union object *ret_object);
/* Many of them, of one noun (account, user, group or membership) and organization: with PostgreSQL one question for all, or two.
 * They stand as store_sort_lookups leaves them; second_id is a membership's user, else 0. */
struct store_lookup {
    int64_t id, second_id;
    bool found;          /* filled */
    union object object; /* filled if found; in the op's arena */
};
MUST_USE enum err store_find_many(struct op *op, struct store *store, enum noun noun, int64_t organization_id,
                                  struct store_lookup *lookups, size_t count);
/* Sorts them; of several that ask for the same one is left. How many there are then. */
size_t store_sort_lookups(struct store_lookup *lookups, size_t count);
/* The one that asks for this, among sorted ones; NULL if none does. */
struct store_lookup *store_find_lookup(struct store_lookup *lookups, size_t count, int64_t id, int64_t second_id);
/* Before something new is made: is its number taken by another object of the installation, or its uuid where uuids must differ?
 * *ret_field is "id", "uuid" or NULL; static. For accounts, organizations, users and groups. */
MUST_USE enum err store_find_conflict(struct op *op, struct store *store, enum noun noun, int64_t organization_id, int64_t id,
                                      const struct uuid *uuid, const char **ret_field);
/* The largest number that a user, group, account or organization has; 0 if there is none. */
MUST_USE enum err store_largest_number(struct op *op, struct store *store, enum noun noun, int64_t *ret_number);
/* Does a user refer to the account? Deleted users too: they keep it. */
MUST_USE enum err store_account_is_used(struct op *op, struct store *store, int64_t account_id, bool *ret_used);
/* The living group of an organization whose folded name is `folded`; *ret_id 0 if none. */
MUST_USE enum err store_find_group_by_name(struct op *op, struct store *store, int64_t organization_id, const char *folded,
                                           int64_t *ret_id);

/* A user who can log in with an OpenPGP key. */
struct key_holder {
    int64_t organization_id, user_id;
};
/* The living, active users of living organizations that have this key, or have this uuid and a key: exactly one of `fingerprint`
 * (40 upper-case hexadecimal digits) and `uuid` is given, the other is NULL. Ascending by organization, then user. At most `room`
 * are written to ret_holders; *ret_count counts all there are. */
MUST_USE enum err store_find_key_holders(struct op *op, struct store *store, const char *fingerprint, const struct uuid *uuid,
                                         struct key_holder *ret_holders, size_t room, size_t *ret_count);

/* Remembers when credentials were last used; not logged, not versioned, one transaction. */
struct last_used {
    int64_t credential_id, time;
};
MUST_USE enum err store_save_last_used(struct op *op, struct store *store, const struct last_used *items, size_t count);

/* A consistent copy while others work (SQLite's online backup API). The file must not exist. Synced before it returns. */
MUST_USE enum err store_backup(struct op *op, struct store *store, const char *path);

/* Copies everything there is into another database, of any engine, in which nothing must be (ERR_EXISTS "to"): all rows as they
 * are, the log, log-ins, secrets and the numbers given last; one snapshot of `from`, one transaction of `to`, which has all or
 * nothing of it. What is committed to `from` meanwhile is not copied, and nobody may write to `to` meanwhile. Of each table it is
 * then compared how many rows were copied and how many are there: ERR_STORAGE.
 *
 * `progress` (NULL: not asked for) is told the rows copied of a table every some thousand and, with done, at its end; perhaps all
 * again from the first table, when the transaction was begun anew. It is called on another thread. An err ends the copy and is
 * returned; `to` is empty then. */
typedef enum err (*store_copy_function)(void *context, struct op *op, const char *table, int64_t rows, bool done);
MUST_USE enum err store_copy(struct op *op, struct store *from, struct store *to, store_copy_function progress, void *context);

/* How many other processes of Roster have the database open, for a warning: with SQLite also those that crashed while another had
 * it open; with PostgreSQL connections that are older than two seconds, as far as the role may see them. */
MUST_USE enum err store_count_others(struct op *op, struct store *store, int64_t *ret_count);

/* Checks the engine's own integrity, and the logs: versions of each organization without gaps from 1 to its version, positions
 * without gaps, times that never go back. Each finding is told to `report`; *ret_findings counts them. */
typedef void (*store_report_function)(void *context, const char *finding);
MUST_USE enum err store_check(struct op *op, struct store *store, store_report_function report, void *context,
                              int64_t *ret_findings);

/* For /metrics. */
struct store_stats {
    int64_t commits, transactions, failures; /* commits can share a transaction */
    int64_t sync_count, sync_total_us;       /* COMMIT statements and the time they took */
    int64_t changes;
};
void store_stats(const struct store *store, struct store_stats *ret_stats);

#endif
