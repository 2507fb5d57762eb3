/* migrate.c — the tables of an empty database, or the newest ones of an older database, and what was done for it. */
#include "cmd/command.h"

// clang-format off
const struct setting migrate_options[] = {
    { "check", SETTING_FLAG, offsetof(struct migrate_flags, check), "false", 0, 0, NULL, AT_START, NULL, "only tell whether there is something to do (then the exit code is 1), and change nothing" },
    { 0 },
};
// clang-format on

static void print_migration(void *context, const char *name)
{
    (void)context;
    printf("%s\n", name);
}

int command_migrate(struct command_line *line)
{
    const struct migrate_flags *flags = line->options;
    AUTO_OP op = op_begin();
    op.caller.system = true;
    int found = -1, newest = store_schema_version();
    const struct store_options options = { .url = line->config.store,
                                           .create = !flags->check,
                                           .migrate = !flags->check,
                                           .busy_limit_ms = line->config.busy_limit_ms,
                                           .ret_schema = &found,
                                           .migrated = print_migration };
    struct store *store;
    enum err e = store_open(&op, &options, &store);
    store_close(store);
    if (e && flags->check && found >= 0 && found < newest) {
        printf(found ? "schema %d, to be migrated to %d\n" : "no tables yet (schema %d), to be made with schema %d\n", found,
               newest);
        return EXIT_BAD;
    }
    if (e) return command_fail_op(&op);
    if (found == newest) printf("schema %d already\n", newest);
    else if (found == 0) printf("tables made, schema %d\n", newest);
    else printf("migrated from schema %d to %d\n", found, newest);
    return EXIT_DONE;
}
