/* settings.h — one table of settings gives flags, environment variables, file entries, --help and checks.
 *
 * A row called `memory_budget_mib` is `--memory-budget-mib N`, `ROSTER_MEMORY_BUDGET_MIB=N` and
 * `memory_budget_mib = N` in a file. Names are made of words; that `.`, `_` or `-` stands between two of them makes no
 * difference, so `auth.jwt.issuer` is also `--auth-jwt-issuer`. Strength: flag over environment over file over `initial`. The
 * same rows serve the options of a single command. Tables end with a row whose name is NULL. */
#ifndef ROSTER_BASE_SETTINGS_H
#define ROSTER_BASE_SETTINGS_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

enum setting_kind {
    SETTING_TEXT,   /* const char *, NULL when `initial` is NULL and nothing was given */
    SETTING_NUMBER, /* int64_t within min..max; `choices` may name some: "off=0|on=700" */
    SETTING_FLAG,   /* bool; as flag `--name` or `--name=false`; true/false, yes/no, on/off, 1/0 elsewhere */
    SETTING_SWITCH, /* int, enum setting_switch: a flag that may also be left to the program, by the word auto */
    SETTING_CHOICE, /* int, index into `choices` "text|json" */
};

enum setting_switch { SWITCH_AUTO, SWITCH_ON, SWITCH_OFF };

enum setting_change {
    AT_START,  /* takes effect at the next start */
    ON_RELOAD, /* SIGHUP is enough */
};

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;       /* of the field in the target struct */
    const char *initial; /* as text; NULL: empty */
    int64_t min, max;    /* SETTING_NUMBER: bounds; SETTING_TEXT: max length, 0 for 4096 */
    const char *choices; /* SETTING_CHOICE: words separated by |; SETTING_NUMBER: see there, or NULL */
    enum setting_change change;
    const char *value;                       /* placeholder in --help: "URL", "N"; NULL for the kind's own */
    const char *help;                        /* a sentence without a full stop */
    const char *(*check)(const char *value); /* SETTING_TEXT: NULL, or what is wrong with the value, static; NULL: any will do */
};

/* Where a target's texts are kept: `arena` must live as long as the target. */

/* Fills `target` with the initial values. */
void settings_defaults(const struct setting *table, void *target, struct arena *arena);

/* Sets one by name. ERR_INVALID with a text such as
 * `roster.conf:12: unknown setting "foo"` or `--threads: 0 is not between 1 and 256`; `where` is the part before
 * the first colon. */
MUST_USE enum err settings_set(struct failure *failure, const struct setting *table, void *target, struct arena *arena,
                               const char *where, const char *name, const char *value);

/* Lines `name = value`, `#` comments, blank lines; value may be in double quotes; a # after white
 * space begins a comment outside of quotes. At most 1 MiB, 10,000 lines. ERR_NOT_FOUND if there is no such file. */
MUST_USE enum err settings_read_file(struct failure *failure, const struct setting *table, void *target, struct arena *arena,
                                     const char *path);

/* All ROSTER_... variables of `environment` (like environ); an unknown one is an error named
 * `environment: ROSTER_FOO`. */
MUST_USE enum err settings_read_environment(struct failure *failure, const struct setting *table, void *target,
                                            struct arena *arena, char *const *environment);

/* `--name value`, `--name=value`, `--flag`, `--` ends flags. Words that are no flags are collected in order in
 * positional[] (at most `positional_max`; more is an error). `tables` are NULL-terminated pairs tried in order.
 * argv does not include the program or command name. */
struct settings_target {
    const struct setting *table;
    void *target;
};
MUST_USE enum err settings_read_flags(struct failure *failure, const struct settings_target *tables, struct arena *arena,
                                      int argc, char *const *argv, const char **positional, size_t positional_max,
                                      size_t *ret_positional_count);

/* Tells `differs` each setting whose values are not the same in two targets. */
void settings_compare(const struct setting *table, const void *a, const void *b,
                      void (*differs)(void *context, const struct setting *setting), void *context);

/* A line per row: flag, help, default, bounds; 100 columns. */
void settings_print_help(const struct setting *table, FILE *out);

#endif
