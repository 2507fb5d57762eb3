/* passbolt.h — Passbolt's API: groups, users, the log-in of its clients (docs/passbolt.md). Private to this folder.
 *
 * Also here: encode.h (JSON as PHP writes it), envelope.h, query.h (query strings as PHP reads them), options.h (contain, filter,
 * order), input.h (bodies about groups), problems.h (what is wrong with them). */
#ifndef ROSTER_API_PASSBOLT_PASSBOLT_H
#define ROSTER_API_PASSBOLT_PASSBOLT_H

#include "api/passbolt/envelope.h"
#include "api/passbolt/input.h"
#include "api/passbolt/options.h"
#include "auth/logins.h"
#include "auth/openpgp.h"
#include "directory/directory.h"
#include "net/route.h"

/* --- handlers, as in the route table of dialect.c: groups.c, users.c, login.c, tokens.c, info.c --- */

enum err passbolt_list_groups(struct op *op, const struct request *request, struct response *response);
enum err passbolt_get_group(struct op *op, const struct request *request, struct response *response);
enum err passbolt_create_group(struct op *op, const struct request *request, struct response *response);
enum err passbolt_update_group(struct op *op, const struct request *request, struct response *response);
enum err passbolt_delete_group(struct op *op, const struct request *request, struct response *response);
enum err passbolt_try_update(struct op *op, const struct request *request, struct response *response);
enum err passbolt_try_delete(struct op *op, const struct request *request, struct response *response);

/* Answers after a write: the new group, the changed group, none. */
enum err passbolt_answer_made(struct op *op, const struct request *request, struct response *response);
enum err passbolt_answer_updated(struct op *op, const struct request *request, struct response *response);
enum err passbolt_answer_deleted(struct op *op, const struct request *request, struct response *response);

enum err passbolt_list_users(struct op *op, const struct request *request, struct response *response);
enum err passbolt_get_user(struct op *op, const struct request *request, struct response *response);

enum err passbolt_show_server_key(struct op *op, const struct request *request, struct response *response);
enum err passbolt_log_in(struct op *op, const struct request *request, struct response *response);
enum err passbolt_is_logged_in(struct op *op, const struct request *request, struct response *response);
enum err passbolt_log_out(struct op *op, const struct request *request, struct response *response);

enum err passbolt_get_tokens(struct op *op, const struct request *request, struct response *response);
enum err passbolt_refresh_tokens(struct op *op, const struct request *request, struct response *response);
enum err passbolt_end_tokens(struct op *op, const struct request *request, struct response *response);
enum err passbolt_show_token_key(struct op *op, const struct request *request, struct response *response);
enum err passbolt_show_token_key_set(struct op *op, const struct request *request, struct response *response);

enum err passbolt_show_csrf_token(struct op *op, const struct request *request, struct response *response);
enum err passbolt_list_resources(struct op *op, const struct request *request, struct response *response);
enum err passbolt_show_settings(struct op *op, const struct request *request, struct response *response);
enum err passbolt_show_health(struct op *op, const struct request *request, struct response *response);

/* --- call.c: what handlers begin and end with --- */

/* What is known of a request before its handler looks at it. */
struct passbolt_call {
    enum passbolt_profile profile;
    struct logins *logins;
    const struct passbolt_value *query; /* in the arena */
};

/* Which release the answers are those of: the setting passbolt.profile. */
enum passbolt_profile passbolt_profile_of(const struct op *op);

/* Who asks by a token in the Authorization header, rather than by the cookie of a session: such a request needs no CSRF token
 * and its answer has no headers of GPGAuth (passbolt.md 2.9). */
bool passbolt_has_token(const struct request *request);

/* Is there a living session of an active user behind the request's cookie? *ret_secret is the cookie's value, or NULL. Only
 * ERR_DEFERRED, and ERR_BUSY if it cannot be told now; op->caller stays who it was. */
MUST_USE enum err passbolt_find_session(struct op *op, const struct request *request, const char **ret_secret, bool *ret_lives);

/* Is op->caller an active user still? As directory_view. */
MUST_USE enum err passbolt_check_caller(struct op *op);

/* First call of every handler. ERR_NOT_FOUND "json" unless the request is for JSON: by the end of its path or by its Accept
 * header (passbolt.md 2.2); ERR_INVALID "api-version". */
MUST_USE enum err passbolt_begin(struct op *op, const struct request *request, struct passbolt_call *ret_call);

/* The same for a request that changes something on a session: reads the body, and compares the CSRF token, which is in the header
 * X-CSRF-Token or the body's member _csrfToken, with the cookie. ERR_FORBIDDEN "csrf"; ERR_INVALID "body". The caller owns
 * *ret_body (json_decref). */
MUST_USE enum err passbolt_begin_change(struct op *op, const struct request *request, struct passbolt_call *ret_call,
                                        json_t **ret_body);

/* Headers and envelope up to the body of an answer that is no error; and what is behind it. An answer to GET sets the CSRF cookie
 * if the client has none. */
void passbolt_begin_answer(struct op *op, const struct request *request, struct response *response, const char *message);
void passbolt_end_answer(struct response *response);

/* The envelope up to the body, alone; with the status as it is in `response`. */
void passbolt_begin_body(struct op *op, const struct request *request, struct response *response, bool error,
                         const char *message);

/* A whole answer with `null` for a body. */
void passbolt_answer_null(struct op *op, const struct request *request, struct response *response, const char *message);

/* The CSRF token that the client has; one is set as its cookie if it has none, once for an answer. In the arena. */
const char *passbolt_csrf_token(struct op *op, const struct request *request, struct response *response);

/* The headers alone. */
void passbolt_add_headers(struct op *op, const struct request *request, struct response *response);

/* The address by which clients know this server, without a slash at the end: the setting passbolt.url, else what this request was
 * sent to. In the arena or as long as the server. */
const char *passbolt_base_url(struct op *op, const struct request *request);

/* Do clients come over TLS: to this server, or by passbolt.url to something before it? Cookies are then for TLS only. */
bool passbolt_is_secure(struct op *op, const struct request *request);

/* The name of the session's cookie. */
const char *passbolt_session_cookie(enum passbolt_profile profile);

#define PASSBOLT_CSRF_COOKIE "csrfToken"
#define PASSBOLT_DONE "The operation was successful."

/* A place for what is wrong with the request's data; an answer whose failure is PASSBOLT_PROBLEMS_MESSAGE tells what is there. */
struct passbolt_problems *passbolt_begin_problems(struct op *op);

/* --- attempts.c: how often somebody may try to log in --- */

/* Counts an attempt by this client's address and, if `key` is not NULL, for that key or user. ERR_RATE over the settings'
 * limits. It counts where the op may not block, that is once for each request, before a worker is troubled: handlers call it
 * there and then return ERR_DEFERRED, which it does for them. */
MUST_USE enum err passbolt_count_attempt(struct op *op, const struct request *request, struct logins *logins, const char *key);

/* The user who is to log in, as auth/logins.h wants it, texts in the arena. ERR_UNAUTHENTICATED or ERR_NOT_FOUND if it is gone,
 * not active or without a key by now. */
MUST_USE enum err passbolt_read_login_user(struct op *op, const struct key_holder *holder, struct login_user *ret_user);

/* --- objects.c: what goes out --- */

/* A group with what `contain` (enum passbolt_contain) asks for. The view must have accounts if that includes users. */
void passbolt_write_group(struct op *op, const struct view *view, uint32_t group, enum passbolt_profile profile, unsigned contain,
                          struct buf *out);

/* What is shown of a user besides the user itself. */
enum passbolt_part {
    PASSBOLT_ROLE = 1 << 0,
    PASSBOLT_PROFILE = 1 << 1, /* with the avatar, if there is a base_url */
    PASSBOLT_KEY = 1 << 2,
    PASSBOLT_MEMBERSHIPS = 1 << 3,
    PASSBOLT_ALL_PARTS = PASSBOLT_ROLE | PASSBOLT_PROFILE | PASSBOLT_KEY | PASSBOLT_MEMBERSHIPS,
};

/* A user of a list of users, or by itself, with `parts` (enum passbolt_part). The view must have accounts. */
void passbolt_write_user(struct op *op, const struct view *view, uint32_t user, enum passbolt_profile profile, unsigned parts,
                         const char *base_url, struct buf *out);

/* What a user is called here: passbolt.md has an e-mail address. Never NULL. */
const char *passbolt_user_name(const struct view *view, const struct user *user);

/* Does `contain` bring users, so that the view needs accounts? */
static inline bool passbolt_contains_users(unsigned contain)
{
    return contain & (CONTAIN_MODIFIER | CONTAIN_USERS | CONTAIN_MEMBER_USERS);
}

/* --- errors.c --- */
void passbolt_write_error(struct op *op, const struct request *request, struct response *response);

/* dialect.c: the fragment tables of this API (see image.h). */
enum { PASSBOLT_GROUP_FRAGMENTS = 6, PASSBOLT_USER_FRAGMENTS = 7 };

extern const struct dialect dialect_passbolt;

#endif
