/* dialect.c — Bold's routes, headers and credentials. */
#include "api/bold/bold.h"

/* To add an endpoint: write its handler, add its row, its tests in tests/e2e, a line in docs/bold.md. The router checks rights
 * and reads the body before it calls. */
// clang-format off
static const struct route routes[] = {
    /* method         pattern                                  rights      flags                      handler              answer after the write */
    { METHOD_GET,    "/v1/user-groups",                        CAN_LIST,   0,                         bold_list_groups,    NULL },
    { METHOD_POST,   "/v1/user-groups",                        CAN_CREATE, ROUTE_BODY | ROUTE_WRITES, bold_create_group,   bold_answer_made },
    { METHOD_GET,    "/v1/user-groups/{id}",                   CAN_GET,    0,                         bold_get_group,      NULL },
    { METHOD_PUT,    "/v1/user-groups/{id}",                   CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES, bold_update_group,   bold_answer_id },
    { METHOD_DELETE, "/v1/user-groups/{id}",                   CAN_DELETE, ROUTE_WRITES,              bold_delete_group,   bold_answer_done },
    { METHOD_POST,   "/v1/user-groups/{id}/users",             CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES, bold_add_members,    bold_answer_done },
    { METHOD_DELETE, "/v1/user-groups/{id}/users",             CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES, bold_remove_members, bold_answer_done },
    { METHOD_POST,   "/v1/user-groups/{id}/users/{userId}",    CAN_UPDATE, ROUTE_WRITES,              bold_add_member,     bold_answer_done },
    { METHOD_DELETE, "/v1/user-groups/{id}/users/{userId}",    CAN_UPDATE, ROUTE_WRITES,              bold_remove_member,  bold_answer_done },
    { 0 },
};

/* bold.md 1.7, in the order shown there, names and values to the letter. */
static const struct header headers[] = {
    { "Access-Control-Expose-Headers", "authorization, content-type" },
    { "Access-Control-Allow-Headers",  "authorization, content-type" },
    { "Access-Control-Allow-Methods",  "GET, POST, DELETE, OPTIONS, PUT" },
    { "Access-Control-Allow-Origin",   "*" },
    { "Strict-Transport-Security",     "max-age=31536000; includeSubDomains" },
    { "X-Frame-Options",               "SAMEORIGIN" },
    { "X-Content-Type-Options",        "nosniff" },
    { "X-XSS-Protection",              "1; mode=block" },
    { "Content-Security-Policy",       "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" },
    { "Referrer-Policy",               "no-referrer" },
    { "Feature-Policy",                "self" },
    { "Permissions-policy",            "interest-cohort=()" },
    { NULL, NULL },
};
// clang-format on

static enum err authenticate(struct op *op, const struct request *request)
{
    return credentials_authenticate(op, directory_credentials(op->directory), request->authorization, FORM_BEARER | FORM_BASIC);
}

const struct dialect dialect_bold = {
    .name = "bold",
    .prefix = "/v1/user-groups",
    .routes = routes,
    .headers = headers,
    .content_type = "application/json",
    .authenticate = authenticate,
    .write_error = bold_write_error,
};
