#include "directory/check.h"

#include "cmd/command.h"

static void report(void *context, const char *finding)
{
    (void)context;
    printf("%s\n", finding);
}

int command_check(struct command_line *line)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    struct store *store;
    if (command_open_store(&op, line, STORE_LOOK, &store)) return command_fail_op(&op);
    struct check_counts counts;
    enum err e = directory_check(&op, store, report, NULL, &counts);
    store_close(store);
    if (e) return command_fail_op(&op);
    printf("%lld organizations, %lld users, %lld groups, %lld memberships checked, %lld findings\n",
           (long long)counts.organizations, (long long)counts.users, (long long)counts.groups, (long long)counts.memberships,
           (long long)counts.findings);
    return counts.findings ? EXIT_BAD : EXIT_DONE;
}
