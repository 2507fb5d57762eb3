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

static void print_ready(void *context, const char *url)
{
    const struct credential *token = context;
    printf("listening on %s\n\n"
           "This is a demo: its data is in " DEMO_FILE " (delete the folder to start anew), its token works for %d days.\n\n"
           "  token  %s\n\n"
           "Bold: list groups, with their users, find one, make one, put a user in:\n\n",
           url, DEMO_TOKEN_DAYS, token->secret);
    static const struct {
        const char *arguments, *path;
    } lines[] = {
        { "", "/v1/user-groups?size=4" },
        { "", "/v1/user-groups?includeUsers=true&sortBy=name&size=3" },
        { "", "/v1/user-groups?search=front" },
        { "-X POST -d '{\"name\":\"Night shift\",\"description\":\"made by curl\"}' ", "/v1/user-groups" },
        { "-X POST ", "/v1/user-groups/1/users/2?groupAdmin=true" },
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        printf("  curl -s -H 'Authorization: Bearer %s' %s'%s%s'\n", token->secret, lines[i].arguments, url, lines[i].path);
    printf("\nHealth: curl -s %s/healthz    Figures: curl -s %s/metrics    Stop: Ctrl-C\n", url, url);
    fflush(stdout);
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
    struct credential token = { .organization_id = DEMO_ORGANIZATION,
                                .kind = CREDENTIAL_BEARER,
                                .rights = RIGHT_READ | RIGHT_WRITE,
                                .name = "demo",
                                .expires_at = op.now + DEMO_TOKEN_DAYS * INT64_C(86400000000) };
    enum err e = is_new ? load_demo_data(&op, store) : ERR_OK;
    if (!e) e = command_create_token(&op, store, &token);
    if (!e) return command_run_server(line, &op, store, print_ready, &token);
    store_close(store);
    return command_fail_op(&op);
}
