/* errors.c — how Tedee words what went wrong: the envelope without a result (tedee.md 1.8). */
#include "api/tedee/tedee.h"
#include "base/json.h"

#include <string.h>

struct wording {
    int status;
    const char *message; /* NULL: the failure's own text */
};

/* The facts give 400, 401, 403, 404, 429 and 500; what only a real server needs (405, 413, 503 ...) is worded alike. */
// clang-format off
static const struct wording wordings[] = {
    [ERR_OK]              = { 500, "Internal error." }, /* an error without a cause is our mistake */
    [ERR_INVALID]         = { 400, NULL },
    [ERR_UNAUTHENTICATED] = { 401, "Access token or key is missing or not valid." },
    [ERR_FORBIDDEN]       = { 403, "You are not allowed to do this." },
    [ERR_NOT_FOUND]       = { 404, "Not found." },
    [ERR_NO_ROUTE]        = { 404, "There is no such endpoint." },
    [ERR_METHOD]          = { 405, "The endpoint does not know this method." },
    [ERR_EXISTS]          = { 409, NULL },
    [ERR_STALE]           = { 503, "Try again shortly." },
    [ERR_TOO_LARGE]       = { 413, NULL },
    [ERR_RATE]            = { 429, "Too many requests." },
    [ERR_TIMEOUT]         = { 408, NULL },
    [ERR_BUSY]            = { 503, "Try again shortly." },
    [ERR_STORAGE]         = { 503, "The directory could not be reached." },
    [ERR_UNKNOWN_OUTCOME] = { 503, "The database was lost while saving: the change may or may not have been made." },
    [ERR_DEFERRED]        = { 500, "Internal error." },
    [ERR_PENDING]         = { 500, "Internal error." },
    [ERR_MEDIA_TYPE]      = { 415, NULL },
};
_Static_assert(sizeof wordings / sizeof *wordings == ERR_COUNT, "every error needs a wording");

/* What a failure's field makes more precise. */
static const struct {
    enum err code;
    const char *field;
    struct wording wording;
} special[] = {
    { ERR_NOT_FOUND, "group",        { 404, "Group not found." } },
    { ERR_NOT_FOUND, "organization", { 404, "Organization not found." } },
    { ERR_EXISTS,    "name",         { 409, "A group with this name exists already." } },
    { ERR_BUSY,      "Roster-At-Least", { 503, NULL } },
    { ERR_BUSY,      "database",     { 503, NULL } },
    { ERR_TOO_LARGE, "head",         { 431, NULL } },
};
// clang-format on

static struct wording find_wording(const struct failure *failure)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].code == failure->code && strcmp(special[i].field, failure->field) == 0) return special[i].wording;
    return wordings[failure->code];
}

void tedee_write_error(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    struct wording wording = find_wording(&op->failure);
    struct buf *out = &response->body;
    response->status = wording.status;
    buf_add_literal(out, "{\"success\":false,\"errorMessages\":[");
    json_add_string(out, wording.message ? wording.message : arena_printf(&op->arena, "%s.", op->failure.text));
    buf_add_literal(out, "],\"statusCode\":");
    buf_add_number(out, wording.status);
    buf_add_char(out, '}');
    if (wording.status == 401) response_add_header(response, "WWW-Authenticate", "Bearer");
}
