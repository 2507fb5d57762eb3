/* dialect.c — Passbolt's routes, headers and credentials. */
#include "api/passbolt/passbolt.h"
#include "net/cookies.h"

#include <string.h>
#include <strings.h>

/* To add an endpoint: write its handler (it begins with passbolt_begin), add its row, its action in envelope.h, its tests in
 * tests/e2e, a line in docs/passbolt.md. A path is written here without the .json that clients end it with. The router checks
 * rights and reads the body before it calls. */
// clang-format off
static const struct route routes[] = {
    /* method        pattern                    rights      flags                                      handler                      answer after the write    action */
    { METHOD_GET,    "/groups",                 CAN_LIST,   0,                                         passbolt_list_groups,        NULL,                     "GroupsIndex.index" },
    { METHOD_POST,   "/groups",                 CAN_CREATE, ROUTE_BODY | ROUTE_WRITES,                 passbolt_create_group,       passbolt_answer_made,     "GroupsAdd.addPost" },
    { METHOD_GET,    "/groups/{id}",            CAN_GET,    0,                                         passbolt_get_group,          NULL,                     "GroupsView.view" },
    { METHOD_PUT,    "/groups/{id}",            CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES,                 passbolt_update_group,       passbolt_answer_updated,  "GroupsUpdate.update" },
    { METHOD_DELETE, "/groups/{id}",            CAN_DELETE, ROUTE_BODY | ROUTE_WRITES,                 passbolt_delete_group,       passbolt_answer_deleted,  "GroupsDelete.delete" },
    { METHOD_PUT,    "/groups/{id}/dry-run",    CAN_UPDATE, ROUTE_BODY,                                passbolt_try_update,         NULL,                     "GroupsUpdate.dryRun" },
    { METHOD_DELETE, "/groups/{id}/dry-run",    CAN_DELETE, ROUTE_BODY,                                passbolt_try_delete,         NULL,                     "GroupsDelete.dryRun" },
    { METHOD_GET,    "/users",                  CAN_LIST,   0,                                         passbolt_list_users,         NULL,                     "UsersIndex.index" },
    { METHOD_GET,    "/users/csrf-token",       0,          ROUTE_PUBLIC,                              passbolt_show_csrf_token,    NULL,                     "GetCsrfToken.get" },
    { METHOD_GET,    "/users/{id}",             CAN_GET,    0,                                         passbolt_get_user,           NULL,                     "UsersView.view" },
    { METHOD_GET,    "/auth/verify",            0,          ROUTE_PUBLIC,                              passbolt_show_server_key,    NULL,                     "AuthVerify.verifyGet" },
    { METHOD_POST,   "/auth/verify",            0,          ROUTE_PUBLIC | ROUTE_BODY | ROUTE_COSTLY,  passbolt_log_in,             NULL,                     "AuthLogin.loginPost" },
    { METHOD_POST,   "/auth/login",             0,          ROUTE_PUBLIC | ROUTE_BODY | ROUTE_COSTLY,  passbolt_log_in,             NULL,                     "AuthLogin.loginPost" },
    { METHOD_GET,    "/auth/is-authenticated",  RIGHT_READ, 0,                                         passbolt_is_logged_in,       NULL,                     "AuthIsAuthenticated.isAuthenticated" },
    { METHOD_POST,   "/auth/logout",            RIGHT_READ, ROUTE_BODY,                                passbolt_log_out,            NULL,                     "AuthLogout.logout" },
    { METHOD_POST,   "/auth/jwt/login",         0,          ROUTE_PUBLIC | ROUTE_BODY | ROUTE_COSTLY,  passbolt_get_tokens,         NULL,                     "JwtLogin.loginPost" },
    { METHOD_POST,   "/auth/jwt/refresh",       0,          ROUTE_PUBLIC | ROUTE_BODY | ROUTE_COSTLY,  passbolt_refresh_tokens,     NULL,                     "RefreshToken.refreshPost" },
    { METHOD_POST,   "/auth/jwt/logout",        RIGHT_READ, ROUTE_BODY,                                passbolt_end_tokens,         NULL,                     "JwtLogout.logoutPost" },
    { METHOD_GET,    "/auth/jwt/rsa",           0,          ROUTE_PUBLIC,                              passbolt_show_token_key,     NULL,                     "Jwks.rsa" },
    { METHOD_GET,    "/auth/jwt/jwks",          0,          ROUTE_PUBLIC,                              passbolt_show_token_key_set, NULL,                     "Jwks.jwks" },
    { METHOD_GET,    "/resources",              CAN_LIST,   0,                                         passbolt_list_resources,     NULL,                     "ResourcesIndex.index" },
    { METHOD_GET,    "/settings",               0,          ROUTE_PUBLIC,                              passbolt_show_settings,      NULL,                     "SettingsIndex.index" },
    { METHOD_GET,    "/healthcheck/status",     0,          ROUTE_PUBLIC,                              passbolt_show_health,        NULL,                     "HealthcheckStatus.status" },
    { METHOD_HEAD,   "/healthcheck/status",     0,          ROUTE_PUBLIC,                              passbolt_show_health,        NULL,                     "HealthcheckStatus.status" },
    { 0 },
};

static const char *const more_prefixes[] = { "/users", "/auth", "/resources", "/settings", "/healthcheck", NULL };

/* passbolt.md 2.8; those that errors do not have are in call.c. */
static const struct header headers[] = {
    { "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
                                 "connect-src 'self'; base-uri 'self'; frame-src 'self'; frame-ancestors 'none'; "
                                 "form-action 'self' https://*.duosecurity.com" },
    { NULL, NULL },
};
// clang-format on

/* Is the user who logged in here still, and active? For all endpoints, whether they look at the directory or not. */
static enum err check_user(struct op *op)
{
    AUTO_VIEW view;
    enum err e = directory_view(op, false, &view);
    if (e != ERR_NOT_FOUND) return e;
    failure_clear(&op->failure);
    return op_fail(op, ERR_UNAUTHENTICATED, "", "the organization of the user who logged in is not here any more");
}

static enum err check_session(struct op *op, struct logins *logins, const struct request *request)
{
    const char *secret = request_cookie(request, &op->arena, passbolt_session_cookie(passbolt_profile_of(op)));
    enum err e = logins_find_session(op, logins, secret);
    if (!e) e = check_user(op);
    if (!e) logins_touch_session(op, logins, secret);
    return e;
}

static enum err check_access_token(struct op *op, struct logins *logins, const char *token, size_t size)
{
    enum err e = logins_check_access_token(op, logins, token, size);
    return e ? e : check_user(op);
}

/* A token of our own, or a bearer credential as the other APIs take it; else the session's cookie. */
static enum err authenticate(struct op *op, const struct request *request)
{
    struct logins *logins = directory_logins(op->directory);
    if (!logins) return op_fail(op, ERR_UNAUTHENTICATED, "", "this server has no log-in for this API");
    if (!passbolt_has_token(request)) return check_session(op, logins, request);
    const char *token = request->authorization + strlen("Bearer ");
    token += strspn(token, " ");
    size_t size = strcspn(token, " \t");
    if (jwt_is_token(token, size)) return check_access_token(op, logins, token, size);
    return credentials_authenticate(op, directory_credentials(op->directory), request->authorization, FORM_BEARER);
}

const struct dialect dialect_passbolt = {
    .name = "passbolt",
    .prefix = "/groups",
    .more_prefixes = more_prefixes,
    .suffix = ".json",
    .routes = routes,
    .headers = headers,
    .content_type = "application/json",
    .authenticate = authenticate,
    .write_error = passbolt_write_error,
};
