/* logins.h — log-in of people who prove with an OpenPGP key who they are: GPGAuth with a session, or a challenge with tokens
 * (passbolt.md 2.9). Everything behind it but HTTP and JSON answers.
 *
 * Who the user is, is found by the caller, in the directory: this room knows no user, and whether one is active, and is the one
 * who logged in (op->caller has the uuid), is for the caller to check at every request (directory_view does).
 *
 * GPGAuth                                              JWT
 *   logins_begin        a token, encrypted to the key     logins_jwt_login             challenge for tokens
 *   logins_finish       the token for a session           logins_check_access_token    at every request
 *   logins_find_session and                               logins_find_refresh, then logins_refresh
 *   logins_touch_session at every request                 logins_end_refresh
 *   logins_end_session
 *
 * What is remembered (store/logins.h): sessions, refresh tokens, and which tokens of a log-in were used, all as SHA-256
 * of secrets with 122 bits or more. Nothing is remembered for who is not logged in: a log-in token is 66 bits of HMAC over who
 * and when. What is single use is so between threads and processes: the database decides.
 *
 * Errors. ERR_UNAUTHENTICATED has one text for all reasons, so that nothing can be learnt from it. Functions that say "on a
 * worker" take processor time (openpgp.h) or wait for the disk: ERR_DEFERRED when !op->may_block. ERR_STORAGE, ERR_BUSY,
 * ERR_UNKNOWN_OUTCOME as in store.h. Results are in op->arena. All functions are thread-safe. Times are op->now.
 *
 * Any number of processes may have one database: they have the same keys, and what one made is good in all. A session that is not
 * in memory, or has expired there, is looked up; what ended elsewhere ends here when the follower hears of it, and how long
 * sessions live through use is exchanged by the database. Each process has for itself: which access tokens were checked, and
 * what is counted. */
#ifndef ROSTER_AUTH_LOGINS_H
#define ROSTER_AUTH_LOGINS_H

#include "base/uuid.h"
#include "model/op.h"
#include "store/store.h"

#define LOGINS_TOKEN_US (INT64_C(300) * 1000000)                                        /* life of a log-in token */
#define LOGINS_ACCESS_US (INT64_C(300) * 1000000)                                       /* of an access token */
#define LOGINS_REFRESH_US (INT64_C(30) * 86400 * 1000000)                               /* of a refresh token */
#define LOGINS_CHALLENGE_MAX_US (INT64_C(3600) * 1000000)                               /* how far ahead a challenge may expire */
#define LOGINS_CLOCK_LEEWAY_US (INT64_C(60) * 1000000)                                  /* between clocks of several servers */
enum { LOGINS_SECRET_SIZE = 43, LOGINS_ACCESS_TOKEN_MAX = 2048, LOGINS_URL_MAX = 512 }; /* bytes */

/* As many of each a user has at most; when one more begins the oldest ends. */
enum { LOGINS_SESSIONS_MAX = 100, LOGINS_REFRESH_TOKENS_MAX = 100 };

struct logins;

struct logins_options {
    const char
        *server_key_file; /* the server's armored OpenPGP secret key; NULL: made at the first start, kept in the database */
    const char *url;      /* as clients know the server, "https://pass.example.org"; NULL: not known */
    int64_t organization; /* whose users may log in; 0: those of any. The caller finds no others, sessions and tokens that others
                           * have of before are refused here */
    int64_t session_timeout_min; /* a session ends when it was not used for so many minutes; 0: 24, as PHP has it */
    int64_t profile;             /* 2 or 5: the release of passbolt.md to be like; 0: 5. For the caller to obey */
    int64_t attempts_per_address, attempts_per_key; /* a minute; 0: no limit. For the caller to obey (net/attempts.h) */
};

/* Reads or makes the keys, loads the living sessions. Copies the options; the store is borrowed. ERR_INVALID about "serverKey" if
 * the file cannot be read or is no key that can be used (openpgp_server_open), about "url" if it is too long or no http or https
 * URL. Blocks. The first start makes an RSA key, which takes a tenth of a second or some. */
MUST_USE enum err logins_open(struct op *op, struct store *store, const struct logins_options *options,
                              struct logins **ret_logins);

/* When nobody uses it any more; accepts NULL. Call logins_keep_house before, to save the last extensions. */
void logins_close(struct logins *logins);

/* --- what is shown; texts live as long as the logins --- */

const char *logins_server_key(const struct logins *logins);         /* armored public key */
const char *logins_server_fingerprint(const struct logins *logins); /* 40 upper-case hexadecimal digits */
const char *logins_url(const struct logins *logins);                /* without a slash at its end; NULL: not known */
int64_t logins_organization(const struct logins *logins);           /* 0: any */
int64_t logins_profile(const struct logins *logins);                /* 2 or 5 */
int64_t logins_session_timeout_min(const struct logins *logins);
int64_t logins_attempts_per_address(const struct logins *logins); /* a minute; 0: no limit */
int64_t logins_attempts_per_key(const struct logins *logins);
/* The RSA key that access tokens are checked with: PEM ("-----BEGIN PUBLIC KEY-----"), and as a JWK's members in base64url. */
const char *logins_rsa_pem(const struct logins *logins);
const char *logins_rsa_n(const struct logins *logins);
const char *logins_rsa_e(const struct logins *logins);
const char *logins_rsa_kid(const struct logins *logins); /* its thumbprint (RFC 7638) */

/* --- who logs in --- */

/* A user as the directory found it. Nothing is copied. */
struct login_user {
    int64_t organization_id, user_id;
    struct uuid uuid;
    const char *armored_key; /* the user's public key; not looked at by logins_finish */
};

/* --- GPGAuth --- */

/* Stage 0: the text of a message to the server, if it is of the form `gpgauthv1.3.0|36|UUID|gpgauthv1.3.0` (so it is safe in a
 * header). Else ERR_INVALID "message", with one text for all reasons. On a worker. */
MUST_USE enum err logins_check_server(struct op *op, struct logins *logins, const char *message, size_t size, char **ret_text);

/* Stage 1: an armored message, encrypted to the user and signed by the server, of `gpgauthv1.3.0|36|UUID|gpgauthv1.3.0` with a
 * log-in token for the user. Remembers and writes nothing. ERR_INVALID "key" if the user's key cannot be used (expired
 * meanwhile). On a worker. */
MUST_USE enum err logins_begin(struct op *op, struct logins *logins, const struct login_user *user, char **ret_message);

/* Stage 2: takes the decrypted text and begins a session; what was returned with success survives a crash. *ret_secret is the
 * cookie's value, LOGINS_SECRET_SIZE characters of base64url. Sets the user's time of last log-in, and op->caller as
 * logins_find_session does. ERR_UNAUTHENTICATED if the text is malformed, not of this server, another user's, older than
 * LOGINS_TOKEN_US or was used; ERR_NOT_FOUND "user" if the store has no living user with this number
 * and uuid. On a worker. */
MUST_USE enum err logins_finish(struct op *op, struct logins *logins, const struct login_user *user, const char *text,
                                size_t size, const char **ret_secret);

/* Fills op->caller (organization, user with uuid, every right) from the value of a session's cookie (NULL or any text). One in
 * memory: 0.5 us of 100,000 sessions, of which 0.2 are the SHA-256. One that is not, or has expired here, is looked up in the
 * store, on a worker, if its value was made by this installation: it may have begun or been used in another process.
 * ERR_UNAUTHENTICATED if there is none, it is not known, has expired or was ended, or is not of the one organization that may log
 * in. ERR_BUSY if it would have to be looked up and the store cannot be reached, or too many were looked up in vain in this
 * second: it may be good. */
MUST_USE enum err logins_find_session(struct op *op, struct logins *logins, const char *secret);

/* The session, if it lives, lives session_timeout_min longer from now on. For who was found by it and is active, and nobody else:
 * else the session of a user who may not log in for a while would wait for the end of that. Costs what finding costs.
 *
 * Extended sessions are saved by logins_keep_house, and by logins_save_sessions when one will soon have expired for other
 * processes: a crash takes back at most what was extended since, so a session that was in use is alive afterwards unless its
 * timeout is shorter than that. */
void logins_touch_session(const struct op *op, struct logins *logins, const char *secret);

/* Ends it, durably: no use of it succeeds here once this has returned, and elsewhere once the follower has heard of it. One that
 * does not live (any more) is no error. On a worker. */
MUST_USE enum err logins_end_session(struct op *op, struct logins *logins, const char *secret);

/* --- JWT --- */

/* Takes an armored challenge, signed by the user and encrypted to the server, of
 *     {"version":"1.0.0","domain":DOMAIN,"verify_token":UUID,"verify_token_expiry":SECONDS}
 * and answers with one, encrypted to the user and signed by the server, of
 *     {"version":"1.0.0","domain":DOMAIN,"access_token":JWT,"refresh_token":UUID,"verify_token":UUID}
 * `domain` is what the server is called (logins_url, or what the request says): the challenge must have the same apart from one
 * slash at the end; ERR_INVALID "domain" if it is over LOGINS_URL_MAX bytes or has others than printable ASCII. The verify_token
 * is a UUID in any case, is answered as it came and can be used once by the user, in whatever case; it expires in the future,
 * within LOGINS_CHALLENGE_MAX_US. Sets the time of last log-in. ERR_UNAUTHENTICATED for a challenge that is wrong in any way;
 * ERR_INVALID "key" if the user's key cannot be used; ERR_NOT_FOUND "user" as above. On a worker. */
MUST_USE enum err logins_jwt_login(struct op *op, struct logins *logins, const struct login_user *user, const char *domain,
                                   const char *message, size_t size, char **ret_challenge);

/* Fills op->caller (organization, user with uuid, every right) from an access token made here: RS256 by our key, not expired. The
 * first time on a worker (50 us), then the token is remembered: 1.3 us. ERR_UNAUTHENTICATED for everything else; what can be seen
 * without checking a signature (form, algorithm, kid, claims, time, passbolt.organization) is refused without a worker, in some
 * us.
 *
 * An access token cannot be taken back, it lives for LOGINS_ACCESS_US. */
MUST_USE enum err logins_check_access_token(struct op *op, struct logins *logins, const char *token, size_t size);

/* Refreshing is two calls, so that a token is not spent for a user who may not log in any more:
 *
 *     logins_find_refresh   fills op->caller (uuid, every right) if the living refresh token is this user's
 *     directory_view        the user is active
 *     logins_refresh        spends it, for op->caller only
 *
 * `user_uuid` and `refresh_token` (a UUID in text, any case; anything else is refused) are as the client sent them. Both are in
 * what is remembered, so another user's uuid finds nothing. ERR_UNAUTHENTICATED if it is not known, another user's, has expired
 * or was spent, or is not of the one organization that may log in. On a worker. */
MUST_USE enum err logins_find_refresh(struct op *op, struct logins *logins, const struct uuid *user_uuid,
                                      const char *refresh_token);

/* Spends the refresh token for a new one and an access token with `domain` as iss. ERR_UNAUTHENTICATED as above, and if it is not
 * op->caller's: nothing is spent then; ERR_INVALID "domain" if it is none (above). Of parallel calls exactly one succeeds. On a
 * worker. */
MUST_USE enum err logins_refresh(struct op *op, struct logins *logins, const struct uuid *user_uuid, const char *refresh_token,
                                 const char *domain, const char **ret_access_token, const char **ret_refresh_token);

/* Ends a refresh token of op->caller, whose uuid is `user_uuid`, or all of them (refresh_token NULL), durably. One that does not
 * live (any more) is no error. On a worker. */
MUST_USE enum err logins_end_refresh(struct op *op, struct logins *logins, const struct uuid *user_uuid,
                                     const char *refresh_token);

/* Counts a log-in that was refused for a reason found elsewhere (nobody has the key, too many attempts), and logs why: the client
 * is told less. `reason` is a phrase without secrets. */
void logins_note_refusal(struct op *op, struct logins *logins, const char *reason);

/* --- for the directory --- */

/* Forgets the sessions of an organization that the store has no longer: it was deleted, and perhaps another was made with its
 * number. */
MUST_USE enum err logins_follow_organization(struct op *op, struct logins *logins, int64_t organization_id);

/* The same for some users of it who were deleted (another process did that, here nobody does), so that their sessions do not live
 * again if they do. Sorts the numbers. Costs a look at every session, and asks the store about those of these users. */
MUST_USE enum err logins_follow_users(struct op *op, struct logins *logins, int64_t organization_id, int64_t *user_ids,
                                      size_t count);

/* Ends sessions here that other processes ended; called by the follower each round, by one thread. One look into the store if
 * there are none. If it was not called, or failed, for half an hour, all sessions are forgotten and looked up when they are used.
 */
MUST_USE enum err logins_follow_ended(struct op *op, struct logins *logins);

/* Has the organization any sessions here that would have to be followed? */
bool logins_has_sessions(struct logins *logins, int64_t organization_id);

/* Saves extended sessions, removes from memory and store what expired, some thousand rows at most. Called every
 * LOGINS_KEEP_HOUSE_S seconds by the housekeeper and at the end. */
enum { LOGINS_KEEP_HOUSE_S = 30 };
MUST_USE enum err logins_keep_house(struct op *op, struct logins *logins);

/* Was a session extended that for other processes will have expired before the next logins_keep_house or soon after? Then
 * logins_save_sessions is called, within a second or so; it saves all that were extended. */
bool logins_must_save(const struct logins *logins);
MUST_USE enum err logins_save_sessions(struct op *op, struct logins *logins);

struct logins_stats {
    int64_t done, refused; /* log-ins and refreshes that succeeded; that were ERR_UNAUTHENTICATED */
    int64_t sessions;      /* in memory; some may have expired in the last LOGINS_KEEP_HOUSE_S */
};
/* All zero for NULL. */
void logins_stats(struct logins *logins, struct logins_stats *ret_stats);

#endif
