/* main.c — one row per subcommand. To add one: its file in cmd/, its function in cmd/command.h, its row here. --help comes from
 * the rows. */
#include "base/version.h"
#include "cmd/command.h"

#include <string.h>

// clang-format off
static const struct command commands[] = {
    /* name      words                     summary                                                  words    flags           size of them                 settings               function */
    { "serve",   "",                       "answer requests",                                       0, 0, NULL,           0,                           config_settings,       command_serve   },
    { "demo",    "",                       "make a demo database in ./demo, serve it, say how to ask", 0, 0, NULL,        0,                           config_demo_settings,  command_demo    },
    { "import",  "FILE",                   "load a directory file (- is standard input)",            1, 1, import_options, sizeof(struct import_flags), config_store_settings, command_import  },
    { "export",  "[FILE]",                 "write everything as a directory file",                  0, 1, NULL,           0,                           config_store_settings, command_export  },
    { "token",   "create|list|revoke [ID]", "make, show and revoke credentials",                    1, 2, token_options,  sizeof(struct token_flags),  config_store_settings, command_token   },
    { "check",   "",                       "compare what is stored with what it says in memory, and the log", 0, 0, NULL, 0,                           config_store_settings, command_check   },
    { "backup",  "FILE",                   "copy the database while it is in use",                  1, 1, NULL,           0,                           config_store_settings, command_backup  },
    { "migrate", "",                       "make the tables of an empty database, or bring an older one up to date", 0, 0, migrate_options, sizeof(struct migrate_flags), config_store_settings, command_migrate },
    { "copy",    "",                       "copy everything, with the servers stopped, into another, empty database", 0, 0, copy_options, sizeof(struct copy_flags),  NULL,                  command_copy },
    { "routes",  "",                       "list what is answered: method, path, rights it takes",  0, 0, routes_options, sizeof(struct routes_flags), NULL,                  command_routes  },
    { "version", "",                       "print the version",                                     0, 0, NULL,           0,                           NULL,                  command_version },
};
// clang-format on

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("Roster " ROSTER_VERSION ": who is in which group, for many organizations, through the APIs your clients speak.\n\n"
          "Usage: roster COMMAND [FLAGS]\n\nCommands:\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %-25s %s\n", commands[i].name, commands[i].words, commands[i].summary);
    fputs("\nroster COMMAND --help tells a command's flags.\n"
          "Exit codes: 0 done, 1 the data or the request was bad or the database failed, 2 wrong usage or settings.\n",
          out);
}

static void print_command_help(const struct command *command, FILE *out)
{
    fprintf(out, "Usage: roster %s %s%s[FLAGS]\n\n%c%s.\n", command->name, command->words, *command->words ? " " : "",
            command->summary[0] - 'a' + 'A', command->summary + 1);
    if (command->options) fputs("\nFlags:\n", out);
    if (command->options) settings_print_help(command->options, out);
    if (!command->settings) return;
    fputs("\nSettings (also ROSTER_NAME in the environment, or name = value in roster.conf):\n", out);
    settings_print_help(command->settings, out);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static int run(const struct command *command, int argc, char **argv)
{
    static const struct setting no_settings[] = { { 0 } };
    if (wants_help(argc, argv)) return print_command_help(command, stdout), EXIT_DONE;
    struct arena arena = ARENA_INIT;
    struct failure failure = { 0 };
    struct command_line line = {
        .arena = &arena, .argc = argc, .argv = argv, .options = arena_zalloc(&arena, command->options_size)
    };
    struct settings_target options = { command->options, line.options };
    const struct setting *settings = command->settings ? command->settings : no_settings;
    int code = EXIT_USAGE;
    if (config_read(&failure, &line.config, &arena, settings, &options, argc, argv, line.words, COMMAND_WORDS_MAX,
                    &line.word_count))
        command_fail(EXIT_USAGE, "%s", failure.text);
    else if (line.word_count < command->words_min || line.word_count > command->words_max)
        command_fail(EXIT_USAGE, "usage: roster %s %s", command->name, command->words);
    else code = command->run(&line);
    arena_free(&arena);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) return print_help(stderr), EXIT_USAGE;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return print_help(stdout), EXIT_DONE;
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0) return run(&commands[i], argc - 2, argv + 2);
    return command_fail(EXIT_USAGE, "there is no command \"%.40s\"; roster --help lists them", argv[1]);
}
