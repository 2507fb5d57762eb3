/* dialect.c — Tedee's routes, headers and credentials. */
#include "api/tedee/tedee.h"

/* To add an endpoint: write its handler, add its row, its tests in tests/e2e, a line in docs/tedee.md. The router checks rights
 * and reads the body before it calls. */
// clang-format off
#define ORGANIZATION "/api/v37/organization"
#define GROUPS       ORGANIZATION "/{organizationId}/user-groups"
static const struct route routes[] = {
    /* method        pattern                                rights      flags                      handler                   answer after the write */
    { METHOD_GET,    GROUPS,                                CAN_LIST,   0,                         tedee_list_groups,        NULL },
    { METHOD_POST,   GROUPS,                                CAN_CREATE, ROUTE_BODY | ROUTE_WRITES, tedee_create_group,       tedee_answer_made },
    { METHOD_GET,    GROUPS "/{groupId}",                   CAN_GET,    0,                         tedee_get_group,          NULL },
    { METHOD_PATCH,  GROUPS "/{groupId}",                   CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES, tedee_update_group,       tedee_answer_done },
    { METHOD_DELETE, GROUPS "/{groupId}",                   CAN_DELETE, ROUTE_WRITES,              tedee_delete_group,       tedee_answer_done },
    { METHOD_GET,    GROUPS "/{groupId}/members",           CAN_GET,    0,                         tedee_list_members,       NULL },
    { METHOD_POST,   GROUPS "/{groupId}/members",           CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES, tedee_add_members,        tedee_answer_members },
    { METHOD_DELETE, GROUPS "/{groupId}/members",           CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES, tedee_remove_members,     tedee_answer_members },
    { METHOD_GET,    ORGANIZATION,                          CAN_LIST,   0,                         tedee_list_organizations, NULL },
    { METHOD_GET,    ORGANIZATION "/{organizationId}/user", CAN_LIST,   0,                         tedee_list_users,         NULL },
    { 0 },
};

static const struct header headers[] = {
    { "API-Supported-Versions", "37" },
    { NULL, NULL },
};

static const char *const body_types[] = { "application/json", "text/json", "application/*+json", NULL };

static const struct scope scopes[] = {
    { "Organization.Read",      RIGHT_READ },
    { "Organization.ReadWrite", RIGHT_READ | RIGHT_WRITE },
    { NULL, 0 },
};
// clang-format on

static enum err authenticate(struct op *op, const struct request *request)
{
    return directory_authenticate(op, request->authorization, FORM_BEARER | FORM_PERSONAL_KEY | FORM_JWT, scopes);
}

const struct dialect dialect_tedee = {
    .name = "tedee",
    .prefix = "/api", /* not only /api/v37: another version is unknown in this API's own words */
    .routes = routes,
    .headers = headers,
    .content_type = "application/json; charset=utf-8",
    .body_types = body_types,
    .id_header = "X-Correlation-ID",
    .authenticate = authenticate,
    .write_error = tedee_write_error,
};
