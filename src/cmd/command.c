#include "cmd/command.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

int command_fail(enum exit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("roster: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return code;
}

int command_fail_op(const struct op *op)
{
    return command_fail(EXIT_BAD, "%s", op->failure.text);
}

enum err command_open_store(struct op *op, const struct command_line *line, enum store_use use, struct store **ret_store)
{
    int allowed = line->config.migrate, found = 0;
    bool migrate = allowed == SWITCH_ON || (allowed == SWITCH_AUTO && store_is_embedded(line->config.store));
    struct store_options options = { .url = line->config.store,
                                     .create = (use == STORE_FILL || use == STORE_TRY) && migrate,
                                     .migrate = use == STORE_FILL && migrate,
                                     .as_it_is = use == STORE_SAVE,
                                     .busy_limit_ms = line->config.busy_limit_ms,
                                     .ret_schema = &found };
    enum err e = store_open(op, &options, ret_store);
    if (!e && options.migrate && found && found < store_schema_version())
        log_info("the database was migrated from schema %d to %d", found, store_schema_version());
    if (!e && use == STORE_TRY && !found) fprintf(stderr, "roster: the database had no tables: they were made, and are empty\n");
    return e;
}
