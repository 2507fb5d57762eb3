/* dialect.c — Struct PIM's routes, headers and credentials. */
#include "api/struct_pim/struct_pim.h"

/* To add an endpoint: write its handler, add its row, its tests in tests/e2e, a line in docs/struct-pim.md. The router checks
 * rights and reads the body before it calls. */
// clang-format off
static const struct route routes[] = {
    /* method         pattern                 rights      flags                      handler                  answer after the write */
    { METHOD_GET,    "/v1/usergroups",        CAN_LIST,   0,                         struct_pim_list_groups,  NULL },
    { METHOD_POST,   "/v1/usergroups",        CAN_CREATE, ROUTE_BODY | ROUTE_WRITES, struct_pim_create_group, struct_pim_answer_done },
    { METHOD_PUT,    "/v1/usergroups",        CAN_UPDATE, ROUTE_BODY | ROUTE_WRITES, struct_pim_update_group, struct_pim_answer_done },
    { METHOD_GET,    "/v1/usergroups/{uid}",  CAN_GET,    0,                         struct_pim_get_group,    NULL },
    { METHOD_DELETE, "/v1/usergroups/{uid}",  CAN_DELETE, ROUTE_WRITES,              struct_pim_delete_group, struct_pim_answer_done },
    { 0 },
};

/* None is documented. */
static const struct header headers[] = {
    { NULL, NULL },
};

/* struct-pim.md 1.3; the first is the documented one, though no body is a JSON patch. */
static const char *const body_types[] = {
    "application/json-patch+json", "application/json", "text/json", "application/*+json", NULL,
};
// clang-format on

static enum err authenticate(struct op *op, const struct request *request)
{
    return credentials_authenticate(op, directory_credentials(op->directory), request->authorization, FORM_RAW);
}

const struct dialect dialect_struct_pim = {
    .name = "struct-pim",
    .prefix = "/v1/usergroups",
    .routes = routes,
    .headers = headers,
    .content_type = "application/json; charset=utf-8",
    .body_types = body_types,
    .authenticate = authenticate,
    .write_error = struct_pim_write_error,
};
