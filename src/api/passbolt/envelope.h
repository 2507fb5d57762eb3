/* envelope.h — what is around every answer: {"header":{...},"body":...} (passbolt.md 2.1). */
#ifndef ROSTER_API_PASSBOLT_ENVELOPE_H
#define ROSTER_API_PASSBOLT_ENVELOPE_H

#include "api/passbolt/profile.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* What a request does, by the names the original has for it. Name, title of profile 2 without its end, id: the UUID version 5 of
 * the name in the namespace d5447ca1-950f-459d-8b20-86ddfdd0f922 (checked in tests/unit/test_passbolt_envelope.c). The title is
 * `app`, the lower-case prefix of the original's route, the name behind the dot; a request without a route has neither.
 *
 * To add an action: a row here. */
#define PASSBOLT_ACTIONS(X)                                                                                                      \
    X(ERROR, "Error.error", "app__", "17b8a54b-8069-586a-8ca2-7e7569b28e08") /* no route */                                      \
    X(GROUPS_INDEX, "GroupsIndex.index", "app_groups_index", "3cffe6ef-ea4c-5bc3-869b-945f26e2601a")                             \
    X(GROUPS_VIEW, "GroupsView.view", "app_groups_view", "f0c5d1cd-b3e3-5494-8fb7-73a427790ce2")                                 \
    X(GROUPS_ADD, "GroupsAdd.addPost", "app_groups_addPost", "5bd4ecae-da08-577d-ac32-ce7b13bd7b0f")                             \
    X(GROUPS_UPDATE, "GroupsUpdate.update", "app_groups_update", "3303ccc6-778b-55b7-b06e-0c06d756217d")                         \
    X(GROUPS_UPDATE_DRY_RUN, "GroupsUpdate.dryRun", "app_groups_dryRun", "97f3b758-d327-5be8-a6d8-44e52ff9d450")                 \
    X(GROUPS_DELETE, "GroupsDelete.delete", "app_groups_delete", "4df169f8-79e6-5da9-9c14-8440d7551c0f")                         \
    X(GROUPS_DELETE_DRY_RUN, "GroupsDelete.dryRun", "app_groups_dryRun", "a14a283d-ffd5-586d-a9b2-a206f4f80b46")                 \
    X(AUTH_VERIFY, "AuthVerify.verifyGet", "app_auth_verifyGet", "748dcd10-7d15-5498-9aa6-d26de348ff02")                         \
    X(AUTH_LOGIN, "AuthLogin.loginPost", "app_auth_loginPost", "a3c19ad2-8920-5395-86d0-8567cb34f382")                           \
    X(AUTH_IS_AUTHENTICATED, "AuthIsAuthenticated.isAuthenticated", "app_auth_isAuthenticated",                                  \
      "4d2d5c43-a76a-5d4a-8f47-2b1f0268e3d6")                                                                                    \
    X(AUTH_LOGOUT, "AuthLogout.logout", "app_auth_logout", "19f9a792-3495-597b-bc94-dff1bc3e3967")                               \
    X(JWT_LOGIN, "JwtLogin.loginPost", "app_auth_loginPost", "28c0972b-e6a2-5d44-a5cb-bc2d11799cc1")                             \
    X(JWT_REFRESH, "RefreshToken.refreshPost", "app_auth_refreshPost", "d6e2cf35-4c84-570f-bc3f-aaa490a9de61")                   \
    X(JWT_LOGOUT, "JwtLogout.logoutPost", "app_auth_logoutPost", "4d1317e5-a5c6-5545-b2dc-5eb866c64b1b")                         \
    X(JWKS_RSA, "Jwks.rsa", "app_auth_rsa", "2a80ca92-0e47-5780-b338-3568f3cff69e")                                              \
    X(JWKS_JWKS, "Jwks.jwks", "app_auth_jwks", "fc6ddb48-09f3-5618-80b6-9402226f15de")                                           \
    X(USERS_VIEW, "UsersView.view", "app_users_view", "881ab948-e40f-5a72-91aa-54b442270029")                                    \
    X(USERS_INDEX, "UsersIndex.index", "app_users_index", "d7bc9044-a64e-5421-a4d7-7a94eaa39d37")                                \
    X(USERS_CSRF_TOKEN, "GetCsrfToken.get", "app_users_get", "caea12fd-e0f8-5d68-aa19-d7b25119740e")                             \
    X(RESOURCES_INDEX, "ResourcesIndex.index", "app_resources_index", "c506210f-7866-5691-8fc1-58772e8f49f1")                    \
    X(SETTINGS_INDEX, "SettingsIndex.index", "app_settings_index", "bef9f3ca-86ef-5c6a-9b38-320e03ceb5df")                       \
    X(HEALTHCHECK_STATUS, "HealthcheckStatus.status", "app_healthcheck_status", "f52ecf6c-8e82-5f3d-ab73-f6df46eb71b5")

enum passbolt_action {
#define X(name, text, title, id) PASSBOLT_##name,
    PASSBOLT_ACTIONS(X)
#undef X
        PASSBOLT_ACTION_COUNT
};

/* "GroupsIndex.index" and its id; static. */
const char *passbolt_action_name(enum passbolt_action action);
const char *passbolt_action_id(enum passbolt_action action);

/* The action of that name ("GroupsIndex.index"); PASSBOLT_ERROR for another one and for NULL. */
enum passbolt_action passbolt_action_find(const char *name);

struct passbolt_header {
    enum passbolt_profile profile;
    enum passbolt_action action;
    const char *id;           /* of the request: the text of a version 4 UUID */
    int64_t now;              /* microseconds; sent as whole seconds */
    bool error;               /* the status is "error", not "success" */
    int code;                 /* the HTTP status */
    const char *message;      /* UTF-8 */
    const char *path, *query; /* as sent; query without its ?, "" if none */
};

/* Appends everything up to the body. In `url`, what may not stand in a URL ([ and ] among it) is percent-encoded. */
void passbolt_begin_envelope(struct buf *out, const struct passbolt_header *header);

/* Appends what is behind the body. */
void passbolt_end_envelope(struct buf *out);

#endif
