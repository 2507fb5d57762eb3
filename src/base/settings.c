/* settings.c — one value at a time: find its row, check it, store it. The sources (file, environment, flags) are in
 * settings_read.c. */
#include "base/settings.h"

#include "base/settings_find.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4096, HELP_WIDTH = 100, HELP_COLUMN_MAX = 31 };

static char between_words(char c)
{
    return c == '.' || c == '_' ? '-' : c;
}

static bool same_name(const char *name, const char *given, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (between_words(name[i]) != between_words(given[i])) return false; /* also where `name` ends too soon */
    return name[size] == 0;
}

const struct setting *settings_find(const struct setting *table, const char *name, size_t size)
{
    for (const struct setting *setting = table; setting->name; setting++)
        if (same_name(setting->name, name, size)) return setting;
    return NULL;
}

static bool find_choice(const char *choices, const char *value, int *ret_index)
{
    size_t size = strlen(value);
    int index = 0;
    for (const char *word = choices;; word++, index++) {
        size_t word_size = strcspn(word, "|");
        if (word_size == size && memcmp(word, value, size) == 0) {
            *ret_index = index;
            return true;
        }
        word += word_size;
        if (!*word) return false;
    }
}

static bool find_flag(const char *value, bool *ret_flag)
{
    int index;
    if (!find_choice("true|false|yes|no|on|off|1|0", value, &index)) return false;
    *ret_flag = index % 2 == 0;
    return true;
}

static bool find_switch(const char *value, int *ret_switch)
{
    bool flag, automatic = strcmp(value, "auto") == 0;
    if (!automatic && !find_flag(value, &flag)) return false;
    *ret_switch = automatic ? SWITCH_AUTO : flag ? SWITCH_ON : SWITCH_OFF;
    return true;
}

static bool read_number(const char *value, int64_t *ret_number)
{
    const char *digits = value[0] == '-' ? value + 1 : value;
    size_t size = strlen(digits);
    if (size == 0 || size > 18 || strspn(digits, "0123456789") != size) return false;
    *ret_number = strtoll(value, NULL, 10);
    return true;
}

/* A number, or a word of `choices` (may be NULL) that stands for one. */
static bool find_number(const char *choices, const char *value, int64_t *ret_number)
{
    if (read_number(value, ret_number)) return true;
    size_t size = strlen(value);
    for (const char *word = choices, *end; word; word = end ? end + 1 : NULL) {
        end = strchr(word, '|');
        if (strcspn(word, "=") != size || memcmp(word, value, size) != 0) continue;
        *ret_number = strtoll(word + size + 1, NULL, 10);
        return true;
    }
    return false;
}

#define refuse(...) failure_set(failure, ERR_INVALID, setting->name, __VA_ARGS__)

enum err settings_store(struct failure *failure, const struct setting *setting, void *target, struct arena *arena,
                        const char *where, const char *value)
{
    void *at = (char *)target + setting->offset;
    switch (setting->kind) {
    case SETTING_TEXT: {
        size_t max = setting->max ? (size_t)setting->max : TEXT_MAX;
        if (strlen(value) > max) return refuse("%s: the text is longer than %zu bytes", where, max);
        const char *wrong = setting->check ? setting->check(value) : NULL;
        if (wrong) return refuse("%s: %s", where, wrong);
        *(const char **)at = arena_strdup(arena, value);
        return ERR_OK;
    }
    case SETTING_NUMBER: {
        int64_t number;
        const char *words = setting->choices;
        if (!find_number(words, value, &number))
            return refuse("%s: \"%.40s\" is not a whole number%s%s", where, value, words ? " or one of " : "",
                          words ? words : "");
        if (number < setting->min || number > setting->max)
            return refuse("%s: %lld is not between %lld and %lld", where, (long long)number, (long long)setting->min,
                          (long long)setting->max);
        *(int64_t *)at = number;
        return ERR_OK;
    }
    case SETTING_FLAG: {
        bool flag;
        if (!find_flag(value, &flag)) return refuse("%s: \"%.40s\" is neither true nor false", where, value);
        *(bool *)at = flag;
        return ERR_OK;
    }
    case SETTING_SWITCH: {
        int position;
        if (!find_switch(value, &position)) return refuse("%s: \"%.40s\" is neither auto nor true nor false", where, value);
        *(int *)at = position;
        return ERR_OK;
    }
    case SETTING_CHOICE: {
        int index;
        if (!find_choice(setting->choices, value, &index))
            return refuse("%s: \"%.40s\" is not one of %s", where, value, setting->choices);
        *(int *)at = index;
        return ERR_OK;
    }
    }
    return ERR_OK;
}

void settings_defaults(const struct setting *table, void *target, struct arena *arena)
{
    for (const struct setting *setting = table; setting->name; setting++) {
        void *at = (char *)target + setting->offset;
        struct failure failure = { 0 };
        if (setting->initial) {
            if (settings_store(&failure, setting, target, arena, setting->name, setting->initial)) {
                fprintf(stderr, "the default of %s\n", failure.text);
                abort(); /* a mistake in the table */
            }
            continue;
        }
        switch (setting->kind) {
        case SETTING_TEXT:
            *(const char **)at = NULL;
            break;
        case SETTING_NUMBER:
            *(int64_t *)at = 0;
            break;
        case SETTING_FLAG:
            *(bool *)at = false;
            break;
        case SETTING_SWITCH:
        case SETTING_CHOICE:
            *(int *)at = 0;
            break;
        }
    }
}

enum err settings_set(struct failure *failure, const struct setting *table, void *target, struct arena *arena, const char *where,
                      const char *name, const char *value)
{
    const struct setting *setting = settings_find(table, name, strlen(name));
    if (!setting) return failure_set(failure, ERR_INVALID, name, "%s: unknown setting \"%.60s\"", where, name);
    return settings_store(failure, setting, target, arena, where, value);
}

static const char *placeholder(const struct setting *setting)
{
    if (setting->value) return setting->value;
    switch (setting->kind) {
    case SETTING_TEXT:
        return "TEXT";
    case SETTING_NUMBER:
        return "N";
    case SETTING_CHOICE:
        return setting->choices;
    case SETTING_FLAG: /* one that is off needs no word */
        return setting->initial && !strcmp(setting->initial, "true") ? "true|false" : "";
    case SETTING_SWITCH:
        return "auto|true|false";
    }
    return "";
}

/* `--memory-budget-mib N` */
static const char *flag_text(struct arena *arena, const struct setting *setting)
{
    const char *value = placeholder(setting);
    bool may_stand_alone = setting->kind == SETTING_FLAG || setting->kind == SETTING_SWITCH;
    char *name = arena_strdup(arena, setting->name);
    for (char *at = name; *at; at++) *at = between_words(*at);
    if (!*value) return arena_printf(arena, "--%s", name);
    return arena_printf(arena, may_stand_alone ? "--%s[=%s]" : "--%s %s", name, value);
}

/* The help sentence and, in brackets, what is worth knowing of default and bounds. */
static const char *help_text(struct arena *arena, const struct setting *setting)
{
    bool number = setting->kind == SETTING_NUMBER;
    bool told =
        setting->initial && *setting->initial && (setting->kind != SETTING_FLAG || strcmp(setting->initial, "false") != 0);
    const char *initial = told ? arena_printf(arena, "default %s", setting->initial) : "";
    const char *words = number && setting->choices ? setting->choices : "";
    const char *bounds = number ? arena_printf(arena, "%lld to %lld%s%s", (long long)setting->min, (long long)setting->max,
                                               *words ? "; " : "", words)
                                : "";
    if (!*initial && !*bounds) return setting->help;
    return arena_printf(arena, "%s (%s%s%s)", setting->help, initial, *initial && *bounds ? "; " : "", bounds);
}

static void print_wrapped(FILE *out, const char *text, size_t indent)
{
    size_t column = indent;
    for (const char *at = text; *at;) {
        size_t word = strcspn(at, " ");
        if (column > indent && column + 1 + word > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)word, at);
        column += word;
        at += word;
        at += strspn(at, " ");
    }
    fputc('\n', out);
}

void settings_print_help(const struct setting *table, FILE *out)
{
    struct arena arena = ARENA_INIT;
    size_t column = 0;
    for (const struct setting *setting = table; setting->name; setting++) {
        size_t size = strlen(flag_text(&arena, setting)) + 5;
        if (size > column && size <= HELP_COLUMN_MAX) column = size;
    }
    for (const struct setting *setting = table; setting->name; setting++) {
        const char *flag = flag_text(&arena, setting);
        bool fits = strlen(flag) + 5 <= column;
        if (fits) fprintf(out, "  %-*s", (int)column - 2, flag);
        else fprintf(out, "  %s\n%*s", flag, (int)column, "");
        print_wrapped(out, help_text(&arena, setting), column);
    }
    arena_free(&arena);
}

static bool is_same(const struct setting *setting, const void *a, const void *b)
{
    const void *x = (const char *)a + setting->offset, *y = (const char *)b + setting->offset;
    const char *text, *other;
    switch (setting->kind) {
    case SETTING_TEXT:
        text = *(const char *const *)x;
        other = *(const char *const *)y;
        return text && other ? strcmp(text, other) == 0 : text == other;
    case SETTING_NUMBER:
        return *(const int64_t *)x == *(const int64_t *)y;
    case SETTING_FLAG:
        return *(const bool *)x == *(const bool *)y;
    case SETTING_SWITCH:
    case SETTING_CHOICE:
        return *(const int *)x == *(const int *)y;
    }
    return true;
}

void settings_compare(const struct setting *table, const void *a, const void *b,
                      void (*differs)(void *context, const struct setting *setting), void *context)
{
    for (; table->name; table++)
        if (!is_same(table, a, b)) differs(context, table);
}
