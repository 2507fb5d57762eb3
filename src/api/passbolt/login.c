/* login.c — GPGAuth: the server proves that it has its key, the user that it has its own, and gets the cookie of a session
 * (passbolt.md 2.9).
 *
 * Who tries is counted before a worker is troubled. What costs (OpenPGP) and what waits (the database) is on a worker, for a few
 * at a time (ROUTE_COSTLY), so that log-ins have nobody else wait. */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"
#include "net/cookies.h"

#include <string.h>

enum { BODY_MAX = 128 << 10, FINGERPRINT_LENGTH = OPENPGP_FINGERPRINT_SIZE - 1 };

#define NOT_YET "The authentication failed." /* also what the stages before the last say when all is well */
#define NO_USER "There is no user associated with this key. "
#define NO_TOKEN "The user token result is not valid."

enum err passbolt_show_server_key(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    buf_add_literal(&response->body, "{\"fingerprint\":");
    passbolt_add_string(&response->body, logins_server_fingerprint(call.logins));
    buf_add_literal(&response->body, ",\"keydata\":");
    passbolt_add_string(&response->body, logins_server_key(call.logins));
    buf_add_char(&response->body, '}');
    passbolt_end_answer(response);
    return ERR_OK;
}

/* --- what is sent --- */

struct attempt {
    char fingerprint[OPENPGP_FINGERPRINT_SIZE]; /* upper case */
    const char *server_token, *user_token;      /* NULL: not sent; in the arena */
};

static enum err refuse(struct op *op, const char *text)
{
    return op_fail(op, ERR_INVALID, "gpg_auth", "%s", text);
}

static bool read_fingerprint(const char *text, char ret_fingerprint[OPENPGP_FINGERPRINT_SIZE])
{
    size_t size = strlen(text);
    if (size != FINGERPRINT_LENGTH || strspn(text, "0123456789ABCDEFabcdef") != size) return false;
    for (size_t i = 0; i <= size; i++) ret_fingerprint[i] = text[i] >= 'a' ? (char)(text[i] - 'a' + 'A') : text[i];
    return true;
}

/* {"gpg_auth":{...}}, also inside "data". */
static enum err read_attempt(struct op *op, const json_t *body, struct attempt *ret_attempt)
{
    const json_t *auth = json_object_get(body, "gpg_auth");
    if (!auth) auth = json_object_get(json_object_get(body, "data"), "gpg_auth");
    const char *key_id = json_string_value(json_object_get(auth, "keyid"));
    *ret_attempt = (struct attempt){
        .server_token = arena_strdup(&op->arena, json_string_value(json_object_get(auth, "server_verify_token"))),
        .user_token = arena_strdup(&op->arena, json_string_value(json_object_get(auth, "user_token_result"))),
    };
    if (!key_id || !*key_id) return refuse(op, NO_USER "No key id set.");
    return read_fingerprint(key_id, ret_attempt->fingerprint) ? ERR_OK : refuse(op, NO_USER "Invalid fingerprint.");
}

/* passbolt.md 2.9: such a request has no place here. */
static enum err refuse_token(struct op *op, const struct request *request)
{
    if (!passbolt_has_token(request)) return ERR_OK;
    size_t size = strlen(request->path) - (request->has_suffix ? strlen(".json") : 0);
    return op_fail(op, ERR_INVALID, "authorization", "The route %.*s is not permitted with JWT authentication.", (int)size,
                   request->path);
}

enum err passbolt_read_login_user(struct op *op, const struct key_holder *holder, struct login_user *ret_user)
{
    struct caller before = op->caller;
    op->caller = (struct caller){ .organization_id = holder->organization_id, .user_id = holder->user_id };
    AUTO_VIEW view;
    enum err e = directory_view(op, false, &view);
    op->caller = before;
    if (e) return e;
    struct user user;
    image_get_user(view.image, view.caller, &user);
    if (!user.public_key) return op_fail(op, ERR_NOT_FOUND, "user", "the user has no key"); /* any more */
    *ret_user =
        (struct login_user){ holder->organization_id, holder->user_id, user.uuid, arena_strdup(&op->arena, user.public_key) };
    return ERR_OK;
}

/* --- the stages --- */

/* As PHP's urlencode and then quotemeta write it, which clients undo. */
static const char *encode_token(struct arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = arena_alloc(arena, 3 * strlen(text) + 1), *to = encoded;
    for (; *text; text++) {
        char c = *text == ' ' ? '+' : *text;
        bool is_letter = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (is_letter || c == '-' || c == '_') {
            *to++ = c;
        } else if (c == '.' || *text == ' ') {
            *to++ = '\\';
            *to++ = c;
        } else {
            *to++ = '%';
            *to++ = digits[(unsigned char)c >> 4];
            *to++ = digits[c & 15];
        }
    }
    *to = 0;
    return encoded;
}

/* The header says error and 200, although nothing went wrong: clients know it so. */
static void answer_stage(struct op *op, const struct request *request, struct response *response, const char *stage,
                         const char *name, const char *value)
{
    passbolt_add_headers(op, request, response);
    response_add_header(response, "X-GPGAuth-Authenticated", "false");
    response_add_header(response, "X-GPGAuth-Progress", stage);
    response_add_header(response, name, value);
    passbolt_begin_body(op, request, response, true, NOT_YET);
    passbolt_add_null(&response->body);
    passbolt_end_answer(response);
}

/* Stage 0: the client asks whether the server can read what is for its key. */
static enum err prove_server(struct op *op, const struct request *request, struct response *response,
                             const struct passbolt_call *call, const struct attempt *attempt)
{
    char *text;
    enum err e = logins_check_server(op, call->logins, attempt->server_token, strlen(attempt->server_token), &text);
    if (e == ERR_INVALID) {
        logins_note_refusal(op, call->logins, "the server's token cannot be decrypted, or is of another form");
        failure_clear(&op->failure);
        return refuse(op, "Decryption failed.");
    }
    if (!e) answer_stage(op, request, response, "stage0", "X-GPGAuth-Verify-Response", text);
    return e;
}

/* The user with the key, and the key. ERR_INVALID "gpg_auth" if there is none. */
static enum err find_user(struct op *op, const struct attempt *attempt, const struct passbolt_call *call, struct login_user *user)
{
    struct key_holder holder;
    enum err e = directory_find_key_holder(op, attempt->fingerprint, NULL, logins_organization(call->logins), &holder);
    if (!e) e = passbolt_read_login_user(op, &holder, user);
    if (e != ERR_NOT_FOUND && e != ERR_UNAUTHENTICATED && e != ERR_INVALID) return e;
    /* The reason is for the operator: that there are other organizations, and who is in them, is nobody's business. */
    logins_note_refusal(op, call->logins, arena_printf(&op->arena, "%s, %s", attempt->fingerprint, op->failure.text));
    failure_clear(&op->failure);
    return refuse(op, NO_USER "User not found.");
}

/* Stage 1: something only the user can read. */
static enum err challenge_user(struct op *op, const struct request *request, struct response *response,
                               const struct passbolt_call *call, const struct login_user *user)
{
    char *message;
    enum err e = logins_begin(op, call->logins, user, &message);
    if (e == ERR_INVALID) {
        logins_note_refusal(op, call->logins, op->failure.text);
        failure_clear(&op->failure);
        return refuse(op, "The user's key cannot be used.");
    }
    if (!e) answer_stage(op, request, response, "stage1", "X-GPGAuth-User-Auth-Token", encode_token(&op->arena, message));
    return e;
}

/* Stage 2: the user has read it. */
static enum err begin_session(struct op *op, const struct request *request, struct response *response,
                              const struct passbolt_call *call, const struct attempt *attempt, const struct login_user *user)
{
    const char *secret;
    enum err e = logins_finish(op, call->logins, user, attempt->user_token, strlen(attempt->user_token), &secret);
    if (e == ERR_UNAUTHENTICATED || e == ERR_NOT_FOUND) {
        failure_clear(&op->failure);
        return refuse(op, NO_TOKEN);
    }
    if (e) return e;
    directory_note_login(op, user->organization_id, user->user_id, op->now);
    AUTO_VIEW view;
    e = directory_view(op, true, &view);
    if (e) return e;
    struct cookie_attributes attributes = {
        .path = "/", .secure = passbolt_is_secure(op, request), .http_only = true, .same_site = SAME_SITE_LAX
    };
    response_add_cookie(response, &op->arena, passbolt_session_cookie(call->profile), secret, &attributes);
    response_add_header(response, "X-GPGAuth-Progress", "complete");
    response_add_header(response, "X-GPGAuth-Authenticated", "true");
    response_add_header(response, "X-GPGAuth-Refer", "/");
    passbolt_begin_answer(op, request, response, "You are successfully logged in.");
    passbolt_write_user(op, &view, view.caller, call->profile, PASSBOLT_ALL_PARTS, passbolt_base_url(op, request),
                        &response->body);
    passbolt_end_answer(response);
    return ERR_OK;
}

static enum err go_on(struct op *op, const struct request *request, struct response *response, const struct passbolt_call *call,
                      const struct attempt *attempt)
{
    const char *secret;
    struct login_user user;
    bool asks_server = attempt->server_token != NULL, has_session;
    enum err e = passbolt_find_session(op, request, &secret, &has_session);
    if (!e && has_session && !asks_server && !attempt->user_token)
        e = op_fail(op, ERR_EXISTS, "session", "You are already logged in.");
    if (!e) e = find_user(op, attempt, call, &user); /* also at stage 0: strangers get nothing decrypted */
    if (e) return e;
    if (asks_server) return prove_server(op, request, response, call, attempt);
    return attempt->user_token ? begin_session(op, request, response, call, attempt, &user)
                               : challenge_user(op, request, response, call, &user);
}

enum err passbolt_log_in(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct attempt attempt = { .server_token = NULL };
    json_t *body = NULL;
    enum err e = passbolt_begin(op, request, &call);
    if (!e) e = refuse_token(op, request);
    if (!e && request->body_size > BODY_MAX)
        e = op_fail(op, ERR_TOO_LARGE, "", "the body of a log-in is larger than %d KiB", BODY_MAX >> 10);
    if (!e) e = passbolt_read_body(op, request, &body);
    if (!e) e = read_attempt(op, body, &attempt);
    json_decref(body);
    if (!e) e = passbolt_count_attempt(op, request, call.logins, attempt.fingerprint);
    return e ? e : go_on(op, request, response, &call, &attempt);
}

/* --- with a session --- */

enum err passbolt_is_logged_in(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    e = passbolt_check_caller(op);
    if (!e) passbolt_answer_null(op, request, response, PASSBOLT_DONE);
    return e;
}

enum err passbolt_log_out(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    json_t *body;
    const char *secret;
    enum err e = passbolt_begin_change(op, request, &call, &body);
    if (e) return e;
    json_decref(body);
    e = refuse_token(op, request);
    if (e) return e;
    bool has_session;
    e = passbolt_find_session(op, request, &secret, &has_session);
    if (!e && has_session) e = logins_end_session(op, call.logins, secret);
    if (e) return e;
    struct cookie_attributes attributes = {
        .path = "/", .max_age_s = -1, .secure = passbolt_is_secure(op, request), .http_only = true
    };
    response_add_cookie(response, &op->arena, passbolt_session_cookie(call.profile), "", &attributes);
    passbolt_answer_null(op, request, response, "You are successfully logged out.");
    return ERR_OK;
}
