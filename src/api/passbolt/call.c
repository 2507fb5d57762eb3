/* call.c — what all of Passbolt's endpoints have in common: JSON or not, the CSRF token, headers, the envelope. */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"
#include "base/digest.h"
#include "base/hex.h"
#include "net/accept.h"
#include "net/cookies.h"

#include <string.h>
#include <strings.h>

enum {
    CSRF_BYTES = 64,
    BODY_INLINE_MAX = 64 << 10, /* reading more takes a millisecond or so: not on a thread that serves other connections too */
};

enum passbolt_profile passbolt_profile_of(const struct op *op)
{
    const struct logins *logins = directory_logins(op->directory);
    return logins && logins_profile(logins) == PASSBOLT_2 ? PASSBOLT_2 : PASSBOLT_5;
}

const char *passbolt_session_cookie(enum passbolt_profile profile)
{
    return profile == PASSBOLT_2 ? "CAKEPHP" : "passbolt_session";
}

bool passbolt_has_token(const struct request *request)
{
    return request->authorization && strncasecmp(request->authorization, "Bearer ", 7) == 0;
}

enum err passbolt_find_session(struct op *op, const struct request *request, const char **ret_secret, bool *ret_lives)
{
    struct caller before = op->caller;
    *ret_lives = false;
    *ret_secret = request_cookie(request, &op->arena, passbolt_session_cookie(passbolt_profile_of(op)));
    if (!*ret_secret) return ERR_OK;
    enum err e = logins_find_session(op, directory_logins(op->directory), *ret_secret);
    if (!e) e = passbolt_check_caller(op);
    op->caller = before;
    if (e == ERR_DEFERRED || e == ERR_BUSY) return e;
    *ret_lives = e == ERR_OK;
    failure_clear(&op->failure);
    return ERR_OK;
}

enum err passbolt_check_caller(struct op *op)
{
    AUTO_VIEW view;
    return directory_view(op, false, &view);
}

/* --- before --- */

enum err passbolt_begin(struct op *op, const struct request *request, struct passbolt_call *ret_call)
{
    *ret_call = (struct passbolt_call){
        .profile = passbolt_profile_of(op),
        .logins = directory_logins(op->directory),
        .query = passbolt_query_parse(&op->arena, request->parameters, request->parameter_count),
    };
    if (!ret_call->logins) return op_fail(op, ERR_NO_ROUTE, "", "this server has no log-in for this API");
    if (!request->has_suffix && !request_prefers_json(request))
        return op_fail(op, ERR_NOT_FOUND, "json", "Please use .json extension in URL or accept application/json.");
    return passbolt_check_api_version(op, ret_call->query);
}

/* In time that does not tell where they differ. */
static bool are_equal(const char *a, const char *b)
{
    struct digest x = digest_of(a, strlen(a)), y = digest_of(b, strlen(b));
    return digest_equal(&x, &y);
}

/* An empty one is none: it could never be compared with. */
static const char *sent_csrf_token(struct op *op, const struct request *request)
{
    const char *token = request_cookie(request, &op->arena, PASSBOLT_CSRF_COOKIE);
    return token && *token ? token : NULL;
}

/* passbolt.md 2.2 */
static enum err check_csrf(struct op *op, const struct request *request, const json_t *body)
{
    if (passbolt_has_token(request)) return ERR_OK;
    const char *cookie = sent_csrf_token(op, request);
    if (!cookie) return op_fail(op, ERR_FORBIDDEN, "csrf", "Missing or incorrect CSRF cookie type.");
    const char *given = request_header(request, "X-CSRF-Token");
    if (!given || !*given) given = json_string_value(json_object_get(body, "_csrfToken"));
    if (given && are_equal(given, cookie)) return ERR_OK;
    return op_fail(op, ERR_FORBIDDEN, "csrf",
                   "CSRF token from either the request body or request headers did not match or is missing.");
}

enum err passbolt_begin_change(struct op *op, const struct request *request, struct passbolt_call *ret_call, json_t **ret_body)
{
    *ret_body = NULL;
    enum err e = passbolt_begin(op, request, ret_call);
    if (!e && request->body_size > BODY_INLINE_MAX && !op->may_block) e = op_fail(op, ERR_DEFERRED, "", "a long body to read");
    if (!e) e = passbolt_read_body(op, request, ret_body);
    if (!e) e = check_csrf(op, request, *ret_body);
    if (!e) return ERR_OK;
    json_decref(*ret_body);
    *ret_body = NULL;
    return e;
}

struct passbolt_problems *passbolt_begin_problems(struct op *op)
{
    struct passbolt_problems *problems = arena_alloc(&op->arena, sizeof *problems);
    *problems = PASSBOLT_PROBLEMS_INIT(&op->arena);
    op->detail = problems;
    return problems;
}

/* --- after --- */

const char *passbolt_csrf_token(struct op *op, const struct request *request, struct response *response)
{
    const char *known = sent_csrf_token(op, request);
    for (size_t i = 0; !known && i < response->extra_count; i++)
        if (strcmp(response->extra[i].name, "Set-Cookie") == 0)
            known = cookie_find(response->extra[i].value, &op->arena, PASSBOLT_CSRF_COOKIE);
    if (known) return known;
    unsigned char bytes[CSRF_BYTES];
    char *token = arena_alloc(&op->arena, 2 * CSRF_BYTES + 1);
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) put_hex(token + 2 * i, bytes[i]);
    token[2 * CSRF_BYTES] = 0;
    struct cookie_attributes attributes = { .path = "/", .secure = passbolt_is_secure(op, request) };
    response_add_cookie(response, &op->arena, PASSBOLT_CSRF_COOKIE, token, &attributes);
    return token;
}

/* Is this one of the requests about tokens, or one with a token? Both know nothing of sessions (passbolt.md 2.9, JWT). */
static bool is_without_session(const struct request *request)
{
    return passbolt_has_token(request) || strncmp(request->path, "/auth/jwt/", strlen("/auth/jwt/")) == 0;
}

/* passbolt.md 2.8: what an answer has that is no error. */
// clang-format off
static const struct header security_headers[] = {
    { "x-permitted-cross-domain-policies", "all" },
    { "referrer-policy",                   "same-origin" },
    { "x-frame-options",                   "deny" },
    { "x-download-options",                "noopen" },
    { "x-content-type-options",            "nosniff" },
    { NULL, NULL },
};
static const struct header gpgauth_headers[] = {
    { "X-GPGAuth-Version",    "1.3.0" },
    { "X-GPGAuth-Login-URL",  "/auth/login" },
    { "X-GPGAuth-Logout-URL", "/auth/logout" },
    { "X-GPGAuth-Verify-URL", "/auth/verify" },
    { "X-GPGAuth-Pubkey-URL", "/auth/verify.json" },
    { "Access-Control-Expose-Headers",
      "X-GPGAuth-Verify-Response, X-GPGAuth-Progress, X-GPGAuth-User-Auth-Token, X-GPGAuth-Authenticated, X-GPGAuth-Refer, "
      "X-GPGAuth-Debug, X-GPGAuth-Error, X-GPGAuth-Pubkey, X-GPGAuth-Logout-Url, X-GPGAuth-Version" },
    { NULL, NULL },
};
// clang-format on

static void add_all(struct response *response, const struct header *headers)
{
    for (; headers->name; headers++) response_add_header(response, headers->name, headers->value);
}

void passbolt_add_headers(struct op *op, const struct request *request, struct response *response)
{
    add_all(response, security_headers);
    if (!is_without_session(request)) add_all(response, gpgauth_headers);
    if (passbolt_is_secure(op, request))
        response_add_header(response, "strict-transport-security", "max-age=31536000; includeSubDomains");
    if (request->method == METHOD_GET && !is_without_session(request)) (void)passbolt_csrf_token(op, request, response);
}

void passbolt_begin_body(struct op *op, const struct request *request, struct response *response, bool error, const char *message)
{
    struct passbolt_header header = {
        .profile = passbolt_profile_of(op),
        .action = passbolt_action_find(request->route ? request->route->name : NULL),
        .id = request->id,
        .now = op->now,
        .error = error,
        .code = response->status,
        .message = message,
        .path = request->path,
        .query = request->query,
    };
    passbolt_begin_envelope(&response->body, &header);
}

void passbolt_begin_answer(struct op *op, const struct request *request, struct response *response, const char *message)
{
    passbolt_add_headers(op, request, response);
    passbolt_begin_body(op, request, response, false, message);
}

void passbolt_end_answer(struct response *response)
{
    passbolt_end_envelope(&response->body);
}

void passbolt_answer_null(struct op *op, const struct request *request, struct response *response, const char *message)
{
    passbolt_begin_answer(op, request, response, message);
    passbolt_add_null(&response->body);
    passbolt_end_answer(response);
}

bool passbolt_is_secure(struct op *op, const struct request *request)
{
    const char *url = logins_url(directory_logins(op->directory));
    return request->secure || (url && strncmp(url, "https://", 8) == 0);
}

const char *passbolt_base_url(struct op *op, const struct request *request)
{
    const char *url = logins_url(directory_logins(op->directory));
    if (url) return url;
    const char *host = request_header(request, "Host");
    return arena_printf(&op->arena, "%s://%s", request->secure ? "https" : "http", host ? host : "localhost");
}
