/* errors.c — how Passbolt words what went wrong: the envelope with the body "", or with what is wrong in it (passbolt.md 2.1). */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"

#include <string.h>

struct wording {
    int status;
    const char *message; /* NULL: the failure's own text */
};

/* A second wording only where release 2.10 differs. */
// clang-format off
static const struct row {
    struct wording p5, p2;
} rows[] = {
    [ERR_OK]              = { { 500, "An Internal Error Has Occurred." } }, /* an error without a cause is our mistake */
    [ERR_INVALID]         = { { 400, NULL } },
    [ERR_UNAUTHENTICATED] = { { 401, "Authentication is required to continue" },
                              { 403, "You need to login to access this location." } },
    [ERR_FORBIDDEN]       = { { 403, "You are not authorized to access that location." } },
    [ERR_NOT_FOUND]       = { { 404, NULL } },
    [ERR_NO_ROUTE]        = { { 404, "Not Found" } },
    [ERR_METHOD]          = { { 404, "Not Found" } },
    [ERR_EXISTS]          = { { 409, NULL } },
    [ERR_STALE]           = { { 503, "Try again shortly." } },
    [ERR_TOO_LARGE]       = { { 413, NULL } },
    [ERR_RATE]            = { { 429, NULL } },
    [ERR_TIMEOUT]         = { { 408, NULL } },
    [ERR_BUSY]            = { { 503, "Try again shortly." } },
    [ERR_STORAGE]         = { { 503, "The directory could not be reached." } },
    [ERR_UNKNOWN_OUTCOME] = { { 503, "The database was lost while saving: the change may or may not have been made." } },
    [ERR_DEFERRED]        = { { 500, "An Internal Error Has Occurred." } },
    [ERR_PENDING]         = { { 500, "An Internal Error Has Occurred." } },
    [ERR_MEDIA_TYPE]      = { { 415, NULL } },
};
_Static_assert(sizeof rows / sizeof *rows == ERR_COUNT, "every error needs a wording");

/* What the failure's field, and the action, make more precise. The first row that fits counts; action ERROR fits any. */
static const struct {
    enum err code;
    const char *field;
    enum passbolt_action action;
    struct wording p5, p2;
} special[] = {
    { ERR_INVALID,         "id",            PASSBOLT_GROUPS_DELETE,         { 400, "The group identifier should be a valid UUID." },
                                                                            { 400, "The group id must be a valid uuid." } },
    { ERR_INVALID,         "id",            PASSBOLT_GROUPS_DELETE_DRY_RUN, { 400, "The group identifier should be a valid UUID." },
                                                                            { 400, "The group id must be a valid uuid." } },
    { ERR_INVALID,         "id",            PASSBOLT_ERROR,                 { 400, "The group id is not valid." }, { 0, NULL } },
    { ERR_INVALID,         "userId",        PASSBOLT_ERROR,                 { 400, "The user identifier should be a valid UUID or \"me\"." },
                                                                            { 400, "The user id must be a valid uuid or \"me\"." } },
    { ERR_NOT_FOUND,       "group",         PASSBOLT_GROUPS_DELETE,         { 404, "The group does not exist or has been already deleted." }, { 0, NULL } },
    { ERR_NOT_FOUND,       "group",         PASSBOLT_GROUPS_DELETE_DRY_RUN, { 404, "The group does not exist or has been already deleted." }, { 0, NULL } },
    { ERR_NOT_FOUND,       "group",         PASSBOLT_ERROR,                 { 404, "The group does not exist." }, { 0, NULL } },
    { ERR_NOT_FOUND,       "user",          PASSBOLT_ERROR,                 { 404, "The user does not exist." }, { 0, NULL } },
    { ERR_NOT_FOUND,       "organization",  PASSBOLT_ERROR,                 { 404, "Not Found" }, { 0, NULL } },
    { ERR_FORBIDDEN,       "csrf",          PASSBOLT_ERROR,                 { 403, NULL }, { 0, NULL } },
    { ERR_FORBIDDEN,       "",              PASSBOLT_GROUPS_ADD,            { 403, "You are not authorized to access that location." },
                                                                            { 403, "Forbidden" } },
    { ERR_UNAUTHENTICATED, "refresh_token", PASSBOLT_ERROR,                 { 401, NULL }, { 0, NULL } },
    { ERR_BUSY,            "Roster-At-Least", PASSBOLT_ERROR,               { 503, NULL }, { 0, NULL } },
    { ERR_BUSY,            "database",      PASSBOLT_ERROR,                 { 503, NULL }, { 0, NULL } },
    { ERR_TOO_LARGE,       "head",          PASSBOLT_ERROR,                 { 431, NULL }, { 0, NULL } },
};

/* The directory's issues by the rules of problems.h. */
static const struct {
    enum issue_kind kind;
    enum passbolt_rule rule;
} issue_rules[] = {
    { ISSUE_NAME_TAKEN,         PASSBOLT_NAME_TAKEN },
    { ISSUE_NO_MANAGER,         PASSBOLT_NO_MANAGER },
    { ISSUE_USER_UNKNOWN,       PASSBOLT_USER_UNKNOWN },
    { ISSUE_USER_UNKNOWN,       PASSBOLT_USER_DELETED }, /* an unknown user breaks all three rules */
    { ISSUE_USER_UNKNOWN,       PASSBOLT_USER_INACTIVE },
    { ISSUE_USER_DELETED,       PASSBOLT_USER_DELETED },
    { ISSUE_USER_INACTIVE,      PASSBOLT_USER_INACTIVE },
    { ISSUE_MEMBER_ALREADY,     PASSBOLT_MEMBER_TWICE },
    { ISSUE_MEMBERSHIP_UNKNOWN, PASSBOLT_MEMBERSHIP_UNKNOWN },
    { ISSUE_LAST_MANAGER,       PASSBOLT_LAST_MANAGER },
};
// clang-format on

static struct wording choose(enum passbolt_profile profile, struct wording p5, struct wording p2)
{
    return profile == PASSBOLT_2 && p2.status ? p2 : p5;
}

static struct wording find_wording(const struct failure *failure, enum passbolt_profile profile, enum passbolt_action action)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (special[i].code != failure->code || strcmp(special[i].field, failure->field) != 0) continue;
        if (special[i].action == action || special[i].action == PASSBOLT_ERROR)
            return choose(profile, special[i].p5, special[i].p2);
    }
    return choose(profile, rows[failure->code].p5, rows[failure->code].p2);
}

/* What the directory found wrong with a group and its members, in the original's words; NULL if it was something else. */
static const struct passbolt_problems *problems_of_issues(struct op *op, enum passbolt_profile profile, bool is_dry_run)
{
    if (op->failure.code != ERR_INVALID || strcmp(op->failure.field, "issues") != 0) return NULL;
    struct passbolt_problems *problems = passbolt_begin_problems(op);
    for (size_t i = 0; i < op->issue_count; i++) {
        const struct issue *issue = &op->issues[i];
        if (is_dry_run) {
            passbolt_problems_add(problems, profile, PASSBOLT_DRY_RUN_USER, issue->index);
            continue;
        }
        for (size_t j = 0; j < sizeof issue_rules / sizeof *issue_rules; j++)
            if (issue_rules[j].kind == issue->kind) passbolt_problems_add(problems, profile, issue_rules[j].rule, issue->index);
    }
    return problems;
}

/* The page that a browser would see. */
static void write_page(const char *message, struct response *response)
{
    response->content_type = "text/html; charset=UTF-8";
    buf_add_literal(&response->body, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Error</title></head><body><p>");
    buf_add_text(&response->body, message); /* ours: it has nothing that HTML would take for more than text */
    buf_add_literal(&response->body, "</p></body></html>\n");
}

/* passbolt.md 2.9: what is wrong with a log-in is told in headers too. */
static void add_log_in_headers(struct op *op, const struct request *request, const char *message, struct response *response)
{
    passbolt_add_headers(op, request, response);
    response_add_header(response, "X-GPGAuth-Authenticated", "false");
    response_add_header(response, "X-GPGAuth-Error", "true");
    response_add_header(response, "X-GPGAuth-Debug", message);
}

void passbolt_write_error(struct op *op, const struct request *request, struct response *response)
{
    const struct failure *failure = &op->failure;
    struct buf *out = &response->body;
    enum passbolt_profile profile = passbolt_profile_of(op);
    enum passbolt_action action = passbolt_action_find(request->route ? request->route->name : NULL);
    struct wording wording = find_wording(failure, profile, action);
    const struct passbolt_problems *problems = problems_of_issues(op, profile, action == PASSBOLT_GROUPS_UPDATE_DRY_RUN);
    if (!problems && failure->code == ERR_INVALID && strcmp(failure->text, PASSBOLT_PROBLEMS_MESSAGE) == 0) problems = op->detail;
    const char *message = problems ? PASSBOLT_PROBLEMS_MESSAGE : wording.message ? wording.message : failure->text;
    response->status = wording.status;
    if (strcmp(failure->field, "json") == 0) {
        write_page(message, response);
        return;
    }
    if (strcmp(failure->field, "gpg_auth") == 0) add_log_in_headers(op, request, message, response);
    passbolt_begin_body(op, request, response, true, message);
    if (problems) passbolt_problems_write(problems, out);
    else buf_add_literal(out, "\"\"");
    passbolt_end_answer(response);
}
