#include "directory/check.h"

#include "base/plural.h"
#include "cmd/command.h"

static void report(void *context, const char *finding)
{
    (void)context;
    printf("%s\n", finding);
}

static void print_count(int64_t count, const char *what, const char *then)
{
    printf("%lld %s%s%s", (long long)count, what, plural(count), then);
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
    print_count(counts.organizations, "organization", ", ");
    print_count(counts.users, "user", ", ");
    print_count(counts.groups, "group", ", ");
    print_count(counts.memberships, "membership", " checked, ");
    print_count(counts.findings, "finding", "\n");
    return counts.findings ? EXIT_BAD : EXIT_DONE;
}
