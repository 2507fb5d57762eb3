/* tokens.c — log-in without cookies: a challenge for an access token and a refresh token (passbolt.md 2.9, JWT). */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"
#include "net/cookies.h"

#include <string.h>

enum { BODY_MAX = 128 << 10 };

#define REFRESH_COOKIE "refresh_token"
#define NO_REFRESH_TOKEN "No active refresh token matching the request could be found."

/* What a request says, texts in the arena; NULL: not sent. */
struct ask {
    const char *user_id, *challenge, *refresh_token;
};

static enum err read_ask(struct op *op, const struct request *request, struct ask *ret_ask)
{
    json_t *body;
    if (request->body_size > BODY_MAX)
        return op_fail(op, ERR_TOO_LARGE, "", "the body of a log-in is larger than %d KiB", BODY_MAX >> 10);
    enum err e = passbolt_read_body(op, request, &body);
    if (e) return e;
    *ret_ask = (struct ask){
        .user_id = arena_strdup(&op->arena, json_string_value(json_object_get(body, "user_id"))),
        .challenge = arena_strdup(&op->arena, json_string_value(json_object_get(body, "challenge"))),
        .refresh_token = arena_strdup(&op->arena, json_string_value(json_object_get(body, "refresh_token"))),
    };
    json_decref(body);
    return ERR_OK;
}

static bool read_user_id(const struct ask *ask, struct uuid *ret_uuid)
{
    return ask->user_id && passbolt_uuid_parse(ask->user_id, strlen(ask->user_id), ret_uuid);
}

/* --- log in --- */

static enum err refuse_credentials(struct op *op)
{
    failure_clear(&op->failure);
    return op_fail(op, ERR_INVALID, "credentials", "The credentials are invalid.");
}

static enum err find_user(struct op *op, const struct passbolt_call *call, const struct uuid *uuid, struct login_user *ret_user)
{
    struct key_holder holder;
    enum err e = directory_find_key_holder(op, NULL, uuid, logins_organization(call->logins), &holder);
    if (!e) e = passbolt_read_login_user(op, &holder, ret_user);
    if (e != ERR_NOT_FOUND && e != ERR_UNAUTHENTICATED && e != ERR_INVALID) return e;
    logins_note_refusal(op, call->logins, op->failure.text);
    failure_clear(&op->failure);
    return op_fail(op, ERR_NOT_FOUND, "credentials", "The user does not exist or is not active or has been deleted.");
}

static enum err take_challenge(struct op *op, const struct request *request, struct response *response,
                               const struct passbolt_call *call, const struct uuid *uuid, const char *challenge)
{
    struct login_user user;
    char *answer;
    enum err e = find_user(op, call, uuid, &user);
    if (e) return e;
    e = logins_jwt_login(op, call->logins, &user, passbolt_base_url(op, request), challenge, strlen(challenge), &answer);
    if (e == ERR_UNAUTHENTICATED || e == ERR_INVALID || e == ERR_NOT_FOUND) return refuse_credentials(op);
    if (e) return e;
    directory_note_login(op, user.organization_id, user.user_id, op->now);
    passbolt_begin_answer(op, request, response, "The authentication was a success.");
    buf_add_literal(&response->body, "{\"challenge\":");
    passbolt_add_string(&response->body, answer);
    buf_add_char(&response->body, '}');
    passbolt_end_answer(response);
    return ERR_OK;
}

/* What both log-in and refreshing begin with. */
static enum err begin_tokens(struct op *op, const struct request *request, struct passbolt_call *call, struct ask *ask)
{
    enum err e = passbolt_begin(op, request, call);
    return e ? e : read_ask(op, request, ask);
}

static enum err count_attempt(struct op *op, const struct request *request, const struct passbolt_call *call,
                              const struct uuid *uuid)
{
    char key[UUID_TEXT_SIZE];
    uuid_format(key, uuid);
    return passbolt_count_attempt(op, request, call->logins, key);
}

enum err passbolt_get_tokens(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct ask ask;
    struct uuid uuid;
    enum err e = begin_tokens(op, request, &call, &ask);
    if (e) return e;
    if (!ask.user_id || !ask.challenge)
        return op_fail(op, ERR_INVALID, "credentials", "The authentication failed. The credentials are missing.");
    if (!read_user_id(&ask, &uuid)) return refuse_credentials(op);
    e = count_attempt(op, request, &call, &uuid);
    return e ? e : take_challenge(op, request, response, &call, &uuid, ask.challenge);
}

/* --- refresh --- */

static enum err refuse_refresh(struct op *op)
{
    failure_clear(&op->failure);
    return op_fail(op, ERR_UNAUTHENTICATED, "refresh_token", NO_REFRESH_TOKEN);
}

static enum err refresh(struct op *op, const struct request *request, struct response *response, const struct passbolt_call *call,
                        const struct uuid *uuid, const char *token)
{
    const char *access_token, *refresh_token;
    enum err e = logins_find_refresh(op, call->logins, uuid, token);
    if (!e) e = passbolt_check_caller(op); /* whoever may not log in any more does not spend the token */
    if (!e) e = logins_refresh(op, call->logins, uuid, token, passbolt_base_url(op, request), &access_token, &refresh_token);
    if (e == ERR_UNAUTHENTICATED || e == ERR_NOT_FOUND) return refuse_refresh(op);
    if (e) return e;
    struct cookie_attributes attributes = {
        .path = "/auth/jwt", .max_age_s = LOGINS_REFRESH_US / 1000000, .secure = true, .http_only = true
    };
    response_add_cookie(response, &op->arena, REFRESH_COOKIE, refresh_token, &attributes);
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    buf_add_literal(&response->body, "{\"access_token\":");
    passbolt_add_string(&response->body, access_token);
    buf_add_char(&response->body, '}');
    passbolt_end_answer(response);
    return ERR_OK;
}

enum err passbolt_refresh_tokens(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct ask ask;
    struct uuid uuid;
    enum err e = begin_tokens(op, request, &call, &ask);
    if (e) return e;
    const char *token = ask.refresh_token ? ask.refresh_token : request_cookie(request, &op->arena, REFRESH_COOKIE);
    if (!token || !read_user_id(&ask, &uuid)) return refuse_refresh(op);
    e = count_attempt(op, request, &call, &uuid);
    return e ? e : refresh(op, request, response, &call, &uuid, token);
}

/* --- log out --- */

/* The caller's own uuid. */
static enum err read_own_uuid(struct op *op, struct uuid *ret_uuid)
{
    AUTO_VIEW view;
    enum err e = directory_view(op, false, &view);
    if (e) return e;
    if (view.caller == NO_ORDINAL) return op_fail(op, ERR_NOT_FOUND, "user", "the credential is nobody's");
    *ret_uuid = view.image->users[view.caller].uuid;
    return ERR_OK;
}

enum err passbolt_end_tokens(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct ask ask;
    struct uuid uuid;
    json_t *body;
    enum err e = passbolt_begin_change(op, request, &call, &body);
    if (e) return e;
    json_decref(body);
    e = read_ask(op, request, &ask);
    if (!e) e = read_own_uuid(op, &uuid);
    if (!e) e = logins_end_refresh(op, call.logins, &uuid, ask.refresh_token);
    if (!e) passbolt_answer_null(op, request, response, PASSBOLT_DONE);
    return e;
}

/* --- the key of access tokens --- */

enum err passbolt_show_token_key(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    buf_add_literal(&response->body, "{\"keydata\":");
    passbolt_add_string(&response->body, logins_rsa_pem(call.logins));
    buf_add_char(&response->body, '}');
    passbolt_end_answer(response);
    return ERR_OK;
}

/* Without the envelope: others than Passbolt's own clients read it too. */
enum err passbolt_show_token_key_set(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    struct buf *out = &response->body;
    passbolt_add_headers(op, request, response);
    buf_add_literal(out, "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"e\":");
    passbolt_add_string(out, logins_rsa_e(call.logins));
    buf_add_literal(out, ",\"n\":");
    passbolt_add_string(out, logins_rsa_n(call.logins));
    buf_add_literal(out, "}]}");
    return ERR_OK;
}
