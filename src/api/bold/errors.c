/* errors.c — how Bold words what went wrong: four members, each text twice (bold.md 1.8). */
#include "api/bold/bold.h"
#include "base/json.h"

#include <string.h>

struct wording {
    int status;
    const char *code;
    const char *message; /* NULL: the failure's own text */
};

/* The facts give 401, 403, 404 and 400; what only a real server needs (405, 413, 503 ...) is worded alike. */
// clang-format off
static const struct wording wordings[] = {
    [ERR_OK]              = { 500, "InternalError",     "Internal error" }, /* an error without a cause is our mistake */
    [ERR_INVALID]         = { 400, "InvalidInput",      NULL },
    [ERR_UNAUTHENTICATED] = { 401, "Unauthorized",      "Invalid authentication token" },
    [ERR_FORBIDDEN]       = { 403, "Forbidden",         "Insufficient rights" },
    [ERR_NOT_FOUND]       = { 404, "UserGroupNotFound", "User group not found" },
    [ERR_NO_ROUTE]        = { 404, "NotFound",          "The requested resource could not be found" },
    [ERR_METHOD]          = { 405, "MethodNotAllowed",  "Method not allowed" },
    [ERR_EXISTS]          = { 400, "InvalidInput",      NULL },
    [ERR_STALE]           = { 503, "Unavailable",       "Try again shortly" },
    [ERR_TOO_LARGE]       = { 413, "PayloadTooLarge",   NULL },
    [ERR_RATE]            = { 429, "TooManyRequests",   "Too many requests" },
    [ERR_TIMEOUT]         = { 408, "RequestTimeout",    NULL },
    [ERR_BUSY]            = { 503, "Unavailable",       "Try again shortly" },
    [ERR_STORAGE]         = { 503, "Unavailable",       "The directory could not be reached" },
    [ERR_UNKNOWN_OUTCOME] = { 503, "UnknownOutcome",    "The database was lost while saving: the change may or may not have been made" },
    [ERR_DEFERRED]        = { 500, "InternalError",     "Internal error" },
    [ERR_PENDING]         = { 500, "InternalError",     "Internal error" },
    [ERR_MEDIA_TYPE]      = { 415, "UnsupportedMediaType", NULL },
};
_Static_assert(sizeof wordings / sizeof *wordings == ERR_COUNT, "every error needs a wording");

/* What a failure's field makes more precise. */
static const struct {
    enum err code;
    const char *field;
    struct wording wording;
} special[] = {
    { ERR_NOT_FOUND, "user",         { 400, "GroupAndUserNotInSameAccount", "Group and user are not in the same account" } },
    { ERR_NOT_FOUND, "organization", { 404, "OrganizationNotFound",         "Organization not found" } },
    { ERR_EXISTS,    "name",         { 400, "UserGroupNameTaken",           "A user group with this name exists already" } },
    { ERR_BUSY,      "Roster-At-Least", { 503, "Unavailable", NULL } },
    { ERR_BUSY,      "database",     { 503, "Unavailable",                  NULL } },
    { ERR_TOO_LARGE, "uri",          { 414, "UriTooLong",                   NULL } },
    { ERR_TOO_LARGE, "head",         { 431, "PayloadTooLarge",              NULL } },
};
// clang-format on

static struct wording find_wording(const struct failure *failure)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].code == failure->code && strcmp(special[i].field, failure->field) == 0) return special[i].wording;
    return wordings[failure->code];
}

void bold_write_error(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    struct wording wording = find_wording(&op->failure);
    const char *message = wording.message ? wording.message : op->failure.text;
    struct buf *out = &response->body;
    response->status = wording.status;
    buf_add_literal(out, "{\"message\":");
    json_add_string(out, message);
    buf_add_literal(out, ",\"code\":");
    json_add_string(out, wording.code);
    buf_add_literal(out, ",\"errorMessage\":");
    json_add_string(out, message);
    buf_add_literal(out, ",\"errorCode\":");
    json_add_string(out, wording.code);
    buf_add_char(out, '}');
}
