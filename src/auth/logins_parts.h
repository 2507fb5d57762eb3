/* logins_parts.h — what the files of logins share. For logins*.c only. */
#ifndef ROSTER_AUTH_LOGINS_PARTS_H
#define ROSTER_AUTH_LOGINS_PARTS_H

#include "auth/logins.h"
#include "auth/logins_index.h"
#include "auth/openpgp.h"

#include <stdatomic.h>

enum { LOGINS_KEY_SIZE = 32, LOGINS_ACCESS_TOKENS_MAX = 100000 };

struct logins_signer; /* logins_signer.c */

struct logins {
    struct store *store;
    struct openpgp_server *server;
    struct logins_signer *signer;
    uint8_t token_key[LOGINS_KEY_SIZE]; /* of log-in tokens */
    char *url;
    int64_t organization, session_timeout_min, profile, attempts_per_address, attempts_per_key;
    struct logins_index *sessions, *access_tokens;
    struct logins_index *unknown;        /* sessions that were looked up in vain a moment ago */
    _Atomic int64_t miss_second, misses; /* look-ups in vain in the second that was last seen */
    _Atomic bool must_save;              /* a session was extended that will soon have expired for others */
    struct ended_cursor ended_cursor;    /* the follower's own, and: */
    int64_t ended_epoch, followed_at;
    _Atomic int64_t done, refused;
};

/* How long it is told which sessions have ended: who has not followed for half of it looks all of them up again. */
#define LOGINS_ENDED_KEPT_US (INT64_C(3600) * 1000000)

/* ERR_UNAUTHENTICATED with the text that all reasons have; `reason` is for the log (debug) and quotes nothing that is secret.
 * What was recorded before is forgotten. */
MUST_USE enum err logins_refuse(struct op *op, const char *reason);
/* The same for a log-in or a refresh: it is counted. */
MUST_USE enum err logins_refuse_login(struct op *op, struct logins *logins, const char *reason);

/* ERR_DEFERRED on a thread that may not block, else ERR_OK. */
MUST_USE enum err logins_need_worker(struct op *op);

/* A user who logged in: everything but what the directory says. */
struct caller logins_caller(int64_t organization_id, int64_t user_id, const struct uuid *user_uuid);

/* May users of the organization be logged in? Those who are may have been before passbolt.organization was set. */
bool logins_is_open_to(const struct logins *logins, int64_t organization_id);
#define LOGINS_OF_ANOTHER_ORGANIZATION "it is of another organization than that of passbolt.organization"

/* --- logins_sessions.c --- */

/* The value of a new session's cookie. */
const char *logins_session_make(struct arena *arena, const struct logins *logins);
int64_t logins_session_timeout_us(const struct logins *logins);
/* At the start, when the keys are there. */
MUST_USE enum err logins_load_sessions(struct op *op, struct logins *logins);

/* --- logins_token.c: log-in tokens, which are remembered nowhere --- */

struct uuid logins_token_make(const struct logins *logins, const struct login_user *user, int64_t now);
/* Was it made here for the user, and is it young enough? When it expires, for who keeps it from being used again. */
bool logins_token_check(const struct logins *logins, const struct login_user *user, const struct uuid *token, int64_t now,
                        int64_t *ret_expires_at);

/* --- logins_signer.c: the RSA key and access tokens --- */

/* A new key as PEM, in the arena; the caller wipes it. */
MUST_USE enum err logins_signer_make_key(struct op *op, char **ret_pem);
/* ERR_STORAGE if the text is no such key. */
MUST_USE enum err logins_signer_open(struct op *op, const char *pem, struct logins_signer **ret_signer);
void logins_signer_close(struct logins_signer *signer); /* accepts NULL */

struct logins_claims {
    const char *domain; /* iss */
    struct uuid user_uuid;
    int64_t organization_id, user_id, expires_at;
};
MUST_USE enum err logins_sign(struct op *op, const struct logins_signer *signer, const struct logins_claims *claims,
                              const char **ret_token);
/* A token taken apart, in an arena. */
struct logins_signed {
    const struct jwk *key;
    size_t size; /* what is signed: so many bytes of the token */
    const unsigned char *signature;
    size_t signature_size;
};

/* NULL if it is a token as ours are, by our key as it says, else why not. Some us. Nothing in it is true before
 * logins_has_signature says so. Does not look at the time; domain is not read. */
const char *logins_read_token(struct arena *arena, const struct logins_signer *signer, const char *token, size_t size,
                              struct logins_claims *ret_claims, struct logins_signed *ret_signed);
bool logins_has_signature(const struct logins_signed *parts, const char *token); /* 50 us */

/* --- logins_jwt.c --- */

/* A name of the server that may stand in a token: 1 to LOGINS_URL_MAX printable ASCII characters. */
bool logins_is_domain(const char *text);

#endif
