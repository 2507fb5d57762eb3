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
    int64_t user_id;    /* whose credential it is; 0: the organization's own */
    const struct demo_line *lines;
};

#define JSON_BODY "-H 'Content-Type: application/json' -d "
#define USER_ADA "1a5c1b7e-1f0a-4c55-8d11-000000000001"
#define USER_LINUS "1a5c1b7e-1f0a-4c55-8d11-000000000008"
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
/* -g: the brackets are not curl's. */
static const struct demo_line passbolt_lines[] = {
    { "", "/users/me.json" },
    { "-g ", "/groups.json?contain[groups_users.user.profile]=1" },
    { "-g ", "/groups/" FRONT_DOOR ".json?contain[users]=1&contain[my_group_user]=1" },
    { "-X POST " JSON_BODY "'{\"name\":\"Passwords\",\"groups_users\":[{\"user_id\":\"" USER_ADA "\",\"is_admin\":true}]}' ",
      "/groups.json" },
    { "-X PUT " JSON_BODY "'{\"groups_users\":[{\"user_id\":\"" USER_LINUS "\"}]}' ", "/groups/" FRONT_DOOR "/dry-run.json" },
    { NULL, NULL },
};

static const struct demo_api apis[] = {
    { "Bold: list groups, with their users, find one, make one, put a user in",
      CREDENTIAL_BEARER, "Bearer ", 0, bold_lines },
    { "Tedee: what organizations, users and groups there are, members, put some in",
      CREDENTIAL_PERSONAL_KEY, "PersonalKey ", 0, tedee_lines },
    { "Struct PIM: all groups, one, change one (the answer is empty), see the change",
      CREDENTIAL_KEY, "", 0, struct_pim_lines },
    { "Passbolt, as Ada: who she is, groups with their members, one, make one that she manages, try to put Linus into one",
      CREDENTIAL_BEARER, "Bearer ", 1, passbolt_lines },
};
// clang-format on
enum { API_COUNT = sizeof apis / sizeof *apis };

/* Ada's log-in as Passbolt's clients do it: GnuPG reads what only she can read, and tells that the server wrote it. */
#define ADA_KEY "79B7801FE00E97BE63FE4FBA14D9C76BD5BE83AF"
#define ADA_KEY_FILE "tests/fixtures/openpgp/demo-ada.secret.asc"
#define LOG_IN_BODY "-H 'Content-Type: application/json' -d '{\"gpg_auth\":{\"keyid\":\"" ADA_KEY "\""

static void print_log_in(const char *url)
{
    printf("\nPassbolt's own clients have no token, they log in with an OpenPGP key. The same with gpg, in the folder of these\n"
           "sources (docs/passbolt.md explains it): Ada's key, the server's key, what the server wrote for her, a session, "
           "groups:\n\n"
           "  export GNUPGHOME=$(mktemp -d) && gpg --quiet --import " ADA_KEY_FILE "\n"
           "  curl -s %s/auth/verify.json | grep -o '\"keydata\":\"[^\"]*' | cut -d'\"' -f4 | "
           "sed 's|\\\\/|/|g; s|\\\\r||g; s|\\\\n|\\n|g' | gpg --quiet --import\n"
           "  token=$(curl -s -D - -o /dev/null " LOG_IN_BODY "}}' %s/auth/login.json | "
           "sed -n 's/^X-GPGAuth-User-Auth-Token: //Ip' | tr -d '\\r\\\\' | sed 's/+/ /g; s/%%/\\\\x/g' | xargs -0 printf %%b | "
           "gpg --trust-model always --decrypt)\n"
           "  curl -s -c $GNUPGHOME/cookies " LOG_IN_BODY ",\"user_token_result\":\"'\"$token\"'\"}}' %s/auth/login.json\n"
           "  curl -s -g -b $GNUPGHOME/cookies '%s/groups.json?contain[my_group_user]=1'\n"
           "  gpgconf --kill all; rm -rf $GNUPGHOME; unset GNUPGHOME\n",
           url, url, url, url);
}

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
    print_log_in(url);
    printf("\nHealth: curl -s %s/healthz    Figures: curl -s %s/metrics    Stop: Ctrl-C\n", url, url);
    fflush(stdout);
}

static enum err make_tokens(struct op *op, struct store *store, struct credential *tokens)
{
    for (size_t i = 0; i < API_COUNT; i++) {
        tokens[i] = (struct credential){ .organization_id = DEMO_ORGANIZATION,
                                         .user_id = apis[i].user_id,
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
    if (command_check_server(line)) return EXIT_USAGE;
    command_block_signals();
    AUTO_OP op = op_begin();
    op.caller.system = true;
    if (mkdir(DEMO_FOLDER, 0777) != 0 && errno != EEXIST) return command_fail(EXIT_BAD, DEMO_FOLDER ": %s", strerror(errno));
    bool is_new = access(DEMO_FILE, F_OK) != 0;
    line->config.store = "sqlite:" DEMO_FILE; /* never the database of the settings: a demo must not touch real data */
    struct store *store;
    if (command_open_store(&op, line, STORE_FILL, &store)) return command_fail_op(&op);
    struct credential tokens[API_COUNT];
    enum err e = is_new ? load_demo_data(&op, store) : ERR_OK;
    if (!e) e = make_tokens(&op, store, tokens);
    if (!e) return command_run_server(line, &op, store, print_ready, tokens);
    store_close(store);
    return command_fail_op(&op);
}
