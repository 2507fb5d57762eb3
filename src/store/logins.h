/* logins.h — log-ins and the installation's secrets: what is remembered beside the log. It has no version and is in no export.
 *
 * Threads and errors as in store.h; ERR_NOT_FOUND and ERR_EXISTS where a function says so. */
#ifndef ROSTER_STORE_LOGINS_H
#define ROSTER_STORE_LOGINS_H

#include "base/digest.h"
#include "base/err.h"
#include "base/uuid.h"
#include "model/op.h"
#include "store/store.h"

enum login_kind {
    LOGIN_SESSION = 1, /* lives until it was not used for a while */
    LOGIN_REFRESH = 2, /* a refresh token */
    LOGIN_USED = 3,    /* a token that must not be used again, for as long as it would be good */
};

/* A secret that is not kept itself. It ends with its user's organization. */
struct login {
    enum login_kind kind;
    struct digest hash;               /* SHA-256 of the secret; unique for its kind in the installation */
    int64_t organization_id, user_id; /* whose */
    struct uuid user_uuid;            /* the user's */
    int64_t created_at, expires_at;   /* microseconds UTC; it lives before expires_at */
};

/* Hashes, in the op's arena. */
struct ended_logins {
    struct digest *hashes;
    size_t count;
};

/* What is done together or not at all. All zero: nothing. */
struct login_change {
    int64_t now; /* microseconds UTC */

    bool takes;         /* the living log-in with this kind, hash and user is deleted; it must be there */
    struct login taken; /* user_uuid, created_at and expires_at do not matter */

    bool ends; /* all log-ins of this kind, organization and user are deleted; there may be none */
    struct login ended;

    const struct login *added;
    size_t added_count;

    int64_t limit; /* with so many of its kind a user is left by one that is added: the oldest end, those that have expired first,
                    * some at a time. Used tokens do not count; 0: no limit */
    struct ended_logins *ret_ended; /* those; NULL: not asked for */

    bool logs_in; /* sets the time of last log-in of the user of the first that is added, to now */
};

/* Commits durably, in one transaction with others' commits. ERR_NOT_FOUND "login" if the one to be taken is not there, has
 * expired or is another user's; ERR_EXISTS "login" if one that is added is there already, expired or not; ERR_NOT_FOUND "user" if
 * one is added for who is no living user, or has another uuid: nothing is written then. Of several at once, in any process, that
 * take the same one or add the same one, exactly one succeeds. */
MUST_USE enum err store_change_logins(struct op *op, struct store *store, const struct login_change *change);

/* Deletes one by kind and hash, whether it has expired or not, durably; there may be none. The time it ended is op->now. */
MUST_USE enum err store_end_login(struct op *op, struct store *store, enum login_kind kind, const struct digest *hash);

/* The living log-ins of a kind, of all organizations, in any order. */
typedef enum err (*store_login_function)(void *context, struct op *op, const struct login *login);
MUST_USE enum err store_load_logins(struct op *op, struct store *store, enum login_kind kind, int64_t now,
                                    store_login_function function, void *context);

/* The living one with a hash, if there is one. */
MUST_USE enum err store_find_login(struct op *op, struct store *store, enum login_kind kind, const struct digest *hash,
                                   int64_t now, bool *ret_found, struct login *ret_login);

/* How far somebody has been told which sessions ended; all zero: of none. */
struct ended_cursor {
    int64_t from;   /* what has its place there or later was not told */
    char open[192]; /* nor that of these, with PostgreSQL: numbers of transactions, "{12,15}" */
};

/* The hashes of sessions that the functions above ended after *cursor, in any process, each once at least; moves the cursor. One
 * that began with zero is told all that are kept, and so is one that is ahead of the database. What ended with its user or its
 * organization is in the log instead. One look into an index if nothing ended. On an error some may have been told; the cursor
 * stays, so they are told again. The function may not call the store. */
typedef void (*store_ended_function)(void *context, const struct digest *hash);
MUST_USE enum err store_follow_logins(struct op *op, struct store *store, struct ended_cursor *cursor,
                                      store_ended_function function, void *context);

/* Forgets at most `limit` of those that ended before `before`: whoever has not followed since then is not told any more. */
MUST_USE enum err store_forget_ended_logins(struct op *op, struct store *store, int64_t before, int64_t limit,
                                            int64_t *ret_removed);

/* Sets expires_at of sessions to later times (an earlier one is passed over, so is what has ended); one transaction. */
struct session_extension {
    struct digest hash;
    int64_t expires_at;
};
MUST_USE enum err store_extend_sessions(struct op *op, struct store *store, const struct session_extension *items, size_t count);

/* Deletes at most `limit` log-ins of any kind that expired before `before`. *ret_removed counts them. */
MUST_USE enum err store_remove_expired_logins(struct op *op, struct store *store, int64_t before, int64_t limit,
                                              int64_t *ret_removed);

/* --- secrets of the installation --- */

/* The secret kept under a name, in the arena; keeps `proposed` if there is none, durably. Of several that propose at once, in any
 * process, all get the same. With proposed NULL nothing is kept, and *ret_kept may be NULL. In a backup, not in an export. */
MUST_USE enum err store_secret(struct op *op, struct store *store, const char *name, const char *proposed, const char **ret_kept);

#endif
