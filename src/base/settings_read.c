/* settings_read.c — the three places settings come from. Every message begins with the place: `roster.conf:12: `,
 * `environment: ROSTER_THREADS: `, `--threads: `. */
#include "base/fold.h"
#include "base/settings_find.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, LINES_MAX = 10000 };

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **text, size_t *size)
{
    while (*size && is_space(**text)) ++*text, --*size;
    while (*size && is_space((*text)[*size - 1])) --*size;
}

/* The value without quotes or a comment behind it (a # after white space); NULL if a quote is not closed or is
 * followed by anything but a comment. */
static const char *take_value(struct arena *arena, const char *text, size_t size)
{
    trim(&text, &size);
    if (size && *text == '"') {
        const char *end = memchr(text + 1, '"', size - 1);
        if (!end) return NULL;
        const char *rest = end + 1;
        size_t rest_size = size - (size_t)(rest - text);
        trim(&rest, &rest_size);
        return rest_size == 0 || *rest == '#' ? arena_strndup(arena, text + 1, (size_t)(end - text) - 1) : NULL;
    }
    for (size_t i = 0; i < size; i++)
        if (text[i] == '#' && (i == 0 || is_space(text[i - 1]))) size = i;
    trim(&text, &size);
    return arena_strndup(arena, text, size);
}

static enum err read_line(struct failure *failure, const struct setting *table, void *target, struct arena *arena,
                          const char *where, const char *line, size_t size)
{
    if (!utf8_is_valid(line, size)) return failure_set(failure, ERR_INVALID, "", "%s: the line is not UTF-8 text", where);
    trim(&line, &size);
    if (size == 0 || *line == '#') return ERR_OK;
    const char *equals = memchr(line, '=', size);
    if (!equals) return failure_set(failure, ERR_INVALID, "", "%s: the line is not name = value", where);
    const char *name = line;
    size_t name_size = (size_t)(equals - line);
    trim(&name, &name_size);
    name = arena_strndup(arena, name, name_size);
    const char *value = take_value(arena, equals + 1, size - (size_t)(equals + 1 - line));
    if (!value) return failure_set(failure, ERR_INVALID, name, "%s: the quoted value does not end with its quote", where);
    const struct setting *setting = settings_find(table, name, name_size);
    if (setting) where = arena_printf(arena, "%s: %s", where, setting->name);
    return setting ? settings_store(failure, setting, target, arena, where, value)
                   : settings_set(failure, table, target, arena, where, name, value);
}

/* The whole file, *ret_bytes malloc'ed. */
static enum err read_whole(struct failure *failure, const char *path, char **ret_bytes, size_t *ret_size)
{
    FILE *file = fopen(path, "re");
    if (!file) return failure_set(failure, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, "", "%s: %s", path, strerror(errno));
    char *bytes = malloc(FILE_MAX + 1);
    if (!bytes) abort();
    errno = 0;
    size_t size = fread(bytes, 1, FILE_MAX + 1, file);
    int trouble = ferror(file) ? errno : 0;
    fclose(file);
    if (!trouble && size <= FILE_MAX) {
        *ret_bytes = bytes;
        *ret_size = size;
        return ERR_OK;
    }
    free(bytes);
    return failure_set(failure, ERR_INVALID, "", "%s: %s", path, trouble ? strerror(trouble) : "the file is larger than 1 MiB");
}

enum err settings_read_file(struct failure *failure, const struct setting *table, void *target, struct arena *arena,
                            const char *path)
{
    char *bytes = NULL;
    size_t size = 0;
    enum err e = read_whole(failure, path, &bytes, &size);
    if (e) return e;
    const char *end = bytes + size;
    int number = 1;
    for (const char *line = bytes, *next; line < end && !e; line = next, number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_size = (size_t)((newline ? newline : end) - line);
        next = newline ? newline + 1 : end;
        if (number > LINES_MAX) e = failure_set(failure, ERR_INVALID, "", "%s: more than %d lines", path, LINES_MAX);
        else e = read_line(failure, table, target, arena, arena_printf(arena, "%s:%d", path, number), line, line_size);
    }
    free(bytes);
    return e;
}

enum err settings_read_environment(struct failure *failure, const struct setting *table, void *target, struct arena *arena,
                                   char *const *environment)
{
    static const char prefix[] = "ROSTER_";
    for (; *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals || strncmp(*environment, prefix, sizeof prefix - 1) != 0) continue;
        char *name = arena_strndup(arena, *environment, (size_t)(equals - *environment));
        const char *where = arena_printf(arena, "environment: %s", name);
        bool upper = true;
        for (char *at = name; *at; at++) {
            if (!isupper((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '_') upper = false;
            *at = (char)tolower((unsigned char)*at);
        }
        const char *bare = name + sizeof prefix - 1;
        const struct setting *setting = upper ? settings_find(table, bare, strlen(bare)) : NULL;
        if (!setting) return failure_set(failure, ERR_INVALID, bare, "%s: there is no such setting", where);
        enum err e = settings_store(failure, setting, target, arena, where, equals + 1);
        if (e) return e;
    }
    return ERR_OK;
}

/* The flag's row in the first table that has it; *ret_target is that table's. */
static const struct setting *find_in_tables(const struct settings_target *tables, const char *name, size_t size,
                                            void **ret_target)
{
    for (; tables->table; tables++) {
        const struct setting *setting = settings_find(tables->table, name, size);
        if (!setting) continue;
        *ret_target = tables->target;
        return setting;
    }
    return NULL;
}

/* Reads the flag argv[*at] and moves *at on to its last word. */
static enum err read_flag(struct failure *failure, const struct settings_target *tables, struct arena *arena, int argc,
                          char *const *argv, int *at)
{
    const char *word = argv[*at];
    size_t size = strcspn(word, "=");
    const char *where = arena_strndup(arena, word, size);
    void *target = NULL;
    bool dashes = strncmp(word, "--", 2) == 0;
    const struct setting *setting = dashes ? find_in_tables(tables, word + 2, size - 2, &target) : NULL;
    if (!setting) return failure_set(failure, ERR_INVALID, dashes ? where + 2 : where, "%s: there is no such flag", where);

    const char *value = word[size] ? word + size + 1 : NULL;
    if (!value && (setting->kind == SETTING_FLAG || setting->kind == SETTING_SWITCH)) value = "true";
    if (!value) {
        if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
            return failure_set(failure, ERR_INVALID, setting->name, "%s: the value is missing", where);
        value = argv[++*at];
    }
    return settings_store(failure, setting, target, arena, where, value);
}

enum err settings_read_flags(struct failure *failure, const struct settings_target *tables, struct arena *arena, int argc,
                             char *const *argv, const char **positional, size_t positional_max, size_t *ret_positional_count)
{
    size_t count = 0;
    bool flags = true;
    for (int at = 0; at < argc; at++) {
        const char *word = argv[at];
        if (flags && strcmp(word, "--") == 0) {
            flags = false;
        } else if (flags && word[0] == '-' && word[1]) {
            enum err e = read_flag(failure, tables, arena, argc, argv, &at);
            if (e) return e;
        } else if (count == positional_max) {
            return failure_set(failure, ERR_INVALID, "", "\"%.100s\" is one argument too many", word);
        } else {
            positional[count++] = word;
        }
    }
    *ret_positional_count = count;
    return ERR_OK;
}
