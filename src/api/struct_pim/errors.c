/* errors.c — how Struct PIM words what went wrong: ProblemDetails; a 400 names the member at fault (struct-pim.md 1.8). */
#include "api/struct_pim/struct_pim.h"
#include "base/json.h"

#include <string.h>

/* The members Type and Title of each status; 401 has no body. */
#define RFC9110(section) "https://tools.ietf.org/html/rfc9110#section-" section
#define RFC6585(section) "https://tools.ietf.org/html/rfc6585#section-" section
// clang-format off
static const struct problem {
    int status;
    const char *type, *title;
} problems[] = {
    { 400, RFC9110("15.5.1"),  "One or more validation errors occurred." },
    { 403, RFC9110("15.5.4"),  "Forbidden" },
    { 404, RFC9110("15.5.5"),  "Not Found" },
    { 405, RFC9110("15.5.6"),  "Method Not Allowed" },
    { 408, RFC9110("15.5.9"),  "Request Timeout" },
    { 413, RFC9110("15.5.14"), "Content Too Large" },
    { 415, RFC9110("15.5.16"), "Unsupported Media Type" },
    { 429, RFC6585("4"),       "Too Many Requests" },
    { 431, RFC6585("5"),       "Request Header Fields Too Large" },
    { 503, RFC9110("15.6.4"),  "Service Unavailable" },
    { 500, RFC9110("15.6.1"),  "Internal Server Error" }, /* last: what has no row is one */
};

struct wording {
    int status;
    const char *detail; /* NULL: the failure's own text */
};

/* The facts give 400, 401, 403, 404 and 415; what only a real server needs (405, 413, 503 ...) is worded alike. */
static const struct wording wordings[] = {
    [ERR_OK]              = { 500, "Internal error." }, /* an error without a cause is our mistake */
    [ERR_INVALID]         = { 400, NULL },
    [ERR_UNAUTHENTICATED] = { 401, NULL },
    [ERR_FORBIDDEN]       = { 403, NULL },
    [ERR_NOT_FOUND]       = { 404, "There is no such user group." },
    [ERR_NO_ROUTE]        = { 404, NULL },
    [ERR_METHOD]          = { 405, NULL },
    [ERR_EXISTS]          = { 400, NULL },
    [ERR_STALE]           = { 503, "Try again shortly." },
    [ERR_TOO_LARGE]       = { 413, NULL },
    [ERR_RATE]            = { 429, NULL },
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
    { ERR_NOT_FOUND, "organization", { 404, "There is no such organization." } },
    { ERR_EXISTS,    "name",         { 400, "A user group with this Name exists already." } },
    { ERR_EXISTS,    "uuid",         { 400, "A user group with this Uid exists already, or was deleted." } },
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

static const struct problem *find_problem(int status)
{
    size_t i = 0;
    while (i + 1 < sizeof problems / sizeof *problems && problems[i].status != status) i++;
    return &problems[i];
}

/* The failure's text as a sentence, with Struct's names of members in place of the directory's. */
static const char *sentence(struct op *op, const char *member)
{
    const struct failure *failure = &op->failure;
    size_t size = strlen(failure->field);
    bool begins = member && strncmp(failure->text, failure->field, size) == 0;
    char *text =
        begins ? arena_printf(&op->arena, "%s%s.", member, failure->text + size) : arena_printf(&op->arena, "%s.", failure->text);
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = (char)(text[0] - 'a' + 'A');
    if (member) struct_pim_rename_subjects(text);
    return text;
}

/* A failure that is about no member ("the body is no JSON") has the name "". */
static void write_errors(struct buf *out, const char *name, const char *detail)
{
    buf_add_literal(out, ",\"errors\":{");
    json_add_string(out, name);
    buf_add_literal(out, ":[");
    json_add_string(out, detail);
    buf_add_literal(out, "]}");
}

void struct_pim_write_error(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    struct wording wording = find_wording(&op->failure);
    response->status = wording.status;
    if (wording.status == 401) return;
    const struct problem *problem = find_problem(wording.status);
    const char *member = struct_pim_member_name(op->failure.field);
    const char *detail = wording.detail ? wording.detail : sentence(op, member);
    struct buf *out = &response->body;
    buf_add_literal(out, "{\"Type\":");
    json_add_string(out, problem->type);
    buf_add_literal(out, ",\"Title\":");
    json_add_string(out, problem->title);
    buf_add_literal(out, ",\"Status\":");
    buf_add_number(out, wording.status);
    buf_add_literal(out, ",\"Detail\":");
    if (wording.status == 400) buf_add_literal(out, "null"); /* `errors` tells it */
    else json_add_string(out, detail);
    buf_add_literal(out, ",\"Instance\":null");
    if (wording.status == 400) write_errors(out, member ? member : op->failure.field, detail);
    buf_add_char(out, '}');
}
