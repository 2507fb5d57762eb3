#include "cmd/command.h"

int command_backup(struct command_line *line)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    struct store *store;
    if (command_open_store(&op, line, STORE_SAVE, &store)) return command_fail_op(&op);
    enum err e = store_backup(&op, store, line->words[0]);
    store_close(store);
    return e ? command_fail_op(&op) : EXIT_DONE;
}
