#include "base/version.h"
#include "cmd/command.h"

int command_version(struct command_line *line)
{
    (void)line;
    puts("roster " ROSTER_VERSION);
    return EXIT_DONE;
}
