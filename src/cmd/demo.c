/* demo.c — everything a newcomer needs to see an answer: data, a server, a token, lines to paste. */
#include "cmd/command.h"
#include "cmd/demo_data.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEMO_FOLDER "demo"
#define DEMO_FILE "demo/roster.db"

enum { DEMO_ORGANIZATION = 1, DEMO_TOKEN_DAYS = 30 };

static enum err load_demo_data(struct op *op, struct store *store)
{
    FILE *file = fmemopen((void *)demo_data, strlen(demo_data), "r");
    if (!file) return op_fail(op, ERR_STORAGE, "", "the demo data cannot be read: %s", strerror(errno));
    struct import_flags flags = { 0 };
    enum err e = command_import_file(op, store, file, "demo data", &flags, true);
    fclose(file);
    return e;
}

/* What the demo shows of each API. To add one: a row, and its lines. */
struct demo_line {
    const char *arguments, *path;
};
struct demo_api {
    const char *title;
    int kind;           /* enum credential_kind */
    const char *scheme; /* before the secret in the Authorization header */
    const struct demo_line *lines;
};

#define JSON_BODY "-H 'Content-Type: application/json' -d "
#define FRONT_DOOR "2b6c1b7e-1f0a-4c55-8d11-000000000001"
#define ROOF_TERRACE "2b6c1b7e-1f0a-4c55-8d11-000000000005"

// clang-format off
static const struct demo_line bold_lines[] = {
    { "", "/v1/user-groups?size=4" },
    { "", "/v1/user-groups?includeUsers=true&sortBy=name&size=3" },
    { "", "/v1/user-groups?search=front" },
    { "-X POST -d '{\"name\":\"Night shift\",\"description\":\"made by curl\"}' ", "/v1/user-groups" },
    { "-X POST ", "/v1/user-groups/1/users/2?groupAdmin=true" },
    { NULL, NULL },
};
static const struct demo_line tedee_lines[] = {
    { "", "/api/v37/organization" },
    { "", "/api/v37/organization/1/user" },
    { "", "/api/v37/organization/1/user-groups?filters.text=front" },
    { "", "/api/v37/organization/1/user-groups/" FRONT_DOOR "?includeMembers=true" },
    { "-X POST " JSON_BODY "'{\"organizationUserIds\":[1,2,3,4711]}' ",
      "/api/v37/organization/1/user-groups/" ROOF_TERRACE "/members" },
    { NULL, NULL },
};
static const struct demo_line struct_pim_lines[] = {
    { "", "/v1/usergroups" },
    { "", "/v1/usergroups/" FRONT_DOOR },
    { "-X PUT " JSON_BODY "'{\"Uid\":\"" ROOF_TERRACE "\",\"Name\":\"Roof garden\","
      "\"Languages\":[{\"LanguageId\":1,\"ReadOnly\":true}]}' ",
      "/v1/usergroups" },
    { "", "/v1/usergroups/" ROOF_TERRACE },
    { NULL, NULL },
};

static const struct demo_api apis[] = {
    { "Bold: list groups, with their users, find one, make one, put a user in",
      CREDENTIAL_BEARER, "Bearer ", bold_lines },
    { "Tedee: what organizations, users and groups there are, members, put some in",
      CREDENTIAL_PERSONAL_KEY, "PersonalKey ", tedee_lines },
    { "Struct PIM: all groups, one, change one (the answer is empty), see the change",
      CREDENTIAL_KEY, "", struct_pim_lines },
};
// clang-format on
enum { API_COUNT = sizeof apis / sizeof *apis };

static void print_ready(void *context, const char *url)
{
    const struct credential *tokens = context;
    printf("listening on %s\n\n"
           "This is a demo: its data is in " DEMO_FILE " (delete the folder to start anew), its tokens work for %d days.\n",
           url, DEMO_TOKEN_DAYS);
    for (size_t i = 0; i < API_COUNT; i++) {
        printf("\n%s:\n\n  token  %s\n\n", apis[i].title, tokens[i].secret);
        for (const struct demo_line *line = apis[i].lines; line->path; line++)
            printf("  curl -s -H 'Authorization: %s%s' %s'%s%s'\n", apis[i].scheme, tokens[i].secret, line->arguments, url,
                   line->path);
    }
    printf("\nHealth: curl -s %s/healthz    Figures: curl -s %s/metrics    Stop: Ctrl-C\n", url, url);
    fflush(stdout);
}

static enum err make_tokens(struct op *op, struct store *store, struct credential *tokens)
{
    for (size_t i = 0; i < API_COUNT; i++) {
        tokens[i] = (struct credential){ .organization_id = DEMO_ORGANIZATION,
                                         .kind = apis[i].kind,
                                         .rights = RIGHT_READ | RIGHT_WRITE,
                                         .name = "demo",
                                         .expires_at = op->now + DEMO_TOKEN_DAYS * INT64_C(86400000000) };
        enum err e = command_create_token(op, store, &tokens[i]);
        if (e) return e;
    }
    return ERR_OK;
}

int command_demo(struct command_line *line)
{
    command_block_signals();
    AUTO_OP op = op_begin();
    op.caller.system = true;
    if (mkdir(DEMO_FOLDER, 0777) != 0 && errno != EEXIST) return command_fail(EXIT_BAD, DEMO_FOLDER ": %s", strerror(errno));
    bool is_new = access(DEMO_FILE, F_OK) != 0;
    line->config.store = "sqlite:" DEMO_FILE; /* never the database of the settings: a demo must not touch real data */
    struct store *store;
    if (command_open_store(&op, line, true, &store)) return command_fail_op(&op);
    struct credential tokens[API_COUNT];
    enum err e = is_new ? load_demo_data(&op, store) : ERR_OK;
    if (!e) e = make_tokens(&op, store, tokens);
    if (!e) return command_run_server(line, &op, store, print_ready, tokens);
    store_close(store);
    return command_fail_op(&op);
}
