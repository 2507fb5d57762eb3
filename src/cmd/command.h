/* command.h — what a subcommand is. main.c has the table. */
#ifndef ROSTER_CMD_COMMAND_H
#define ROSTER_CMD_COMMAND_H

#include "cmd/config.h"
#include "store/store.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_BAD = 1,   /* the data or the request was bad, or the database failed */
    EXIT_USAGE = 2, /* the command line, the environment or the settings file was wrong */
};

enum { COMMAND_WORDS_MAX = 4 };

/* A command line, read. */
struct command_line {
    struct config config;
    const char *words[COMMAND_WORDS_MAX]; /* what is no flag, in order */
    size_t word_count;
    void *options; /* the command's own, by its table */
    struct arena *arena;
    int argc; /* the words after the command's name, to be read again on SIGHUP */
    char *const *argv;
};

struct command {
    const char *name;
    const char *words; /* for the usage line: "[FILE]" */
    const char *summary;
    size_t words_min, words_max;
    const struct setting *options;  /* the command's own flags, or NULL */
    size_t options_size;            /* of their struct */
    const struct setting *settings; /* which settings are flags of it: config_settings or config_store_settings, or NULL */
    int (*run)(struct command_line *line);
};

extern const struct setting import_options[], token_options[], routes_options[], migrate_options[], copy_options[];

/* The struct behind each command's options. */
struct import_flags {
    bool dry_run, keep_going;
};
struct token_flags {
    int64_t organization, user;
    int kind; /* enum credential_kind */
    const char *rights, *permit, *expires, *name;
    bool json;
};
struct routes_flags {
    bool json;
};

struct migrate_flags {
    bool check;
};
struct copy_flags {
    const char *from, *to;
};

int command_serve(struct command_line *line);
int command_demo(struct command_line *line);
int command_import(struct command_line *line);
int command_export(struct command_line *line);
int command_token(struct command_line *line);
int command_check(struct command_line *line);
int command_backup(struct command_line *line);
int command_migrate(struct command_line *line);
int command_copy(struct command_line *line);
int command_routes(struct command_line *line);
int command_version(struct command_line *line);

/* --- shared by commands --- */

/* `roster: text` on standard error; returns the code. */
int command_fail(enum exit_code code, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same for op->failure: EXIT_BAD. */
int command_fail_op(const struct op *op);

/* What a command is about to do with the database, and so what may be done to that before. */
enum store_use {
    STORE_FILL, /* make one that is not there, and bring an older one up to date, if the settings allow it: then that is logged */
    STORE_TRY,  /* the first of it only, which is told: there must be something that a dry run can look at */
    STORE_LOOK, /* neither */
    STORE_SAVE, /* neither, and an older one of SQLite is not refused: for a backup */
};

/* Opens the database of the settings. */
MUST_USE enum err command_open_store(struct op *op, const struct command_line *line, enum store_use use,
                                     struct store **ret_store);

/* Writes everything of the directory as lines of the directory file. */
MUST_USE enum err command_export_all(struct op *op, struct store *store, FILE *file);

/* Imports from memory or a file; used by `demo` and `import`. Bad lines are reported as NAME:LINE: text. */
MUST_USE enum err command_import_file(struct op *op, struct store *store, FILE *file, const char *name,
                                      const struct import_flags *flags, bool quiet);

/* Makes a credential; values->secret is set. */
MUST_USE enum err command_create_token(struct op *op, struct store *store, struct credential *values);

/* From now on only command_run_server takes SIGTERM, SIGINT and SIGHUP; called before anything starts a thread, which inherits
 * it. */
void command_block_signals(void);

/* For before a database is touched: EXIT_DONE, or EXIT_USAGE if the certificate of the settings cannot be used, and then it was
 * said why. */
int command_check_server(const struct command_line *line);

/* Serves until SIGTERM or SIGINT. `ready` is called once with the address; the store is closed at the end. With store NULL that
 * of the settings is opened, and waited for as they say if it does not answer (ERR_BUSY). */
int command_run_server(struct command_line *line, struct op *op, struct store *store,
                       void (*ready)(void *context, const char *url), void *context);

#endif
