/* route.c — from a path to a row of a dialect's table.
 *
 * A dialect has a dozen rows, so they are compared one after the other; what they have in common, the dialect's prefix, is
 * compared once. Literal parts are compared as sent: an escaped letter in one is another path. */
#include "net/route.h"

#include "base/fold.h"
#include "net/percent.h"

#include <string.h>

/* A path or a part of one, without zero at its end. */
struct span {
    const char *start;
    size_t size;
};

/* Does the prefix end at the end of a part of the path? */
static bool has_prefix(struct span path, const char *prefix, size_t size)
{
    if (size == 1) return true;
    return path.size >= size && !memcmp(path.start, prefix, size) && (path.size == size || path.start[size] == '/');
}

/* The longest of the dialect's prefixes that the path has; or NULL. */
static const char *find_prefix(const struct dialect *dialect, struct span path)
{
    const char *best = has_prefix(path, dialect->prefix, strlen(dialect->prefix)) ? dialect->prefix : NULL;
    for (const char *const *more = dialect->more_prefixes; more && *more; more++) {
        size_t size = strlen(*more);
        if ((!best || size > strlen(best)) && has_prefix(path, *more, size)) best = *more;
    }
    return best;
}

/* The path as the dialect's patterns have it. */
static struct span without_suffix(const struct dialect *dialect, const char *path)
{
    const char *suffix = dialect->suffix ? dialect->suffix : "";
    size_t size = strlen(path), less = strlen(suffix);
    if (size >= less && !memcmp(path + size - less, suffix, less)) size -= less;
    return (struct span){ path, size };
}

const char *dialect_prefix_of(const struct dialect *dialect, const char *path)
{
    return find_prefix(dialect, without_suffix(dialect, path));
}

static const struct dialect *find_dialect(const struct dialect *const *dialects, const char *path, const char **ret_prefix)
{
    const struct dialect *best = NULL;
    *ret_prefix = "";
    for (; *dialects; dialects++) {
        const char *prefix = dialect_prefix_of(*dialects, path);
        if (!prefix || strlen(prefix) <= strlen(*ret_prefix)) continue;
        best = *dialects;
        *ret_prefix = prefix;
    }
    return best;
}

static bool match_pattern(const char *pattern, struct span path, struct span captures[REQUEST_CAPTURE_MAX], size_t *ret_count)
{
    size_t count = 0;
    const char *at = path.start, *end = path.start + path.size;
    for (;;) {
        while (at < end && *pattern == *at && *pattern != '{') pattern++, at++;
        if (*pattern != '{') break;
        const char *part = at;
        while (at < end && *at != '/') at++;
        if (at == part || count == REQUEST_CAPTURE_MAX) return false;
        captures[count++] = (struct span){ part, (size_t)(at - part) };
        pattern = strchr(pattern, '}') + 1;
    }
    *ret_count = count;
    return !*pattern && at == end;
}

static enum err copy_captures(struct arena *arena, const struct span *captures, size_t count, struct request *request)
{
    for (size_t i = 0; i < count; i++) {
        char *text = arena_strndup(arena, captures[i].start, captures[i].size);
        ssize_t size = (ssize_t)captures[i].size;
        if (memchr(text, '%', captures[i].size)) size = percent_decode(text, text, captures[i].size, false);
        if (size < 0 || !utf8_is_valid(text, (size_t)size)) return ERR_INVALID;
        text[size] = 0;
        request->captures[i] = text;
    }
    request->capture_count = count;
    return ERR_OK;
}

static void add_allowed(char allow[64], const char *method)
{
    size_t size = strlen(allow), more = strlen(method);
    if (size + more + 3 > 64) return;
    if (size) {
        memcpy(allow + size, ", ", 2);
        size += 2;
    }
    memcpy(allow + size, method, more + 1);
}

/* The methods of the rows whose pattern matches, in table order; and then the server's own OPTIONS. */
static bool list_allowed(const struct dialect *dialect, struct span path, char ret_allow[64], bool *ret_options)
{
    unsigned seen = 0;
    ret_allow[0] = 0;
    for (const struct route *route = dialect->routes; route->pattern; route++) {
        struct span captures[REQUEST_CAPTURE_MAX];
        size_t count;
        if (seen & 1U << route->method || !match_pattern(route->pattern, path, captures, &count)) continue;
        seen |= 1U << route->method;
        add_allowed(ret_allow, method_name(route->method));
    }
    *ret_options = seen & 1U << METHOD_OPTIONS;
    if (seen && !*ret_options) add_allowed(ret_allow, method_name(METHOD_OPTIONS));
    return seen != 0;
}

void route_find(const struct dialect *const *dialects, struct arena *arena, struct request *request,
                struct route_match *ret_match)
{
    const char *prefix;
    const struct dialect *dialect = find_dialect(dialects, request->path, &prefix);
    ret_match->dialect = dialect;
    ret_match->route = NULL;
    ret_match->route_index = 0;
    ret_match->allow[0] = 0;
    ret_match->result = ERR_NO_ROUTE;
    request->route = NULL;
    request->capture_count = 0;
    request->has_suffix = false;
    if (!dialect) return;

    struct span path = without_suffix(dialect, request->path);
    request->has_suffix = path.start[path.size] != 0;
    size_t common = request->path[0] == '/' ? strlen(prefix) : 0;
    for (const struct route *route = dialect->routes; route->pattern; route++) {
        struct span captures[REQUEST_CAPTURE_MAX];
        size_t count, skip = strncmp(route->pattern, prefix, common) ? 0 : common;
        if (route->method != request->method) continue;
        if (!match_pattern(route->pattern + skip, (struct span){ path.start + skip, path.size - skip }, captures, &count))
            continue;
        ret_match->result = copy_captures(arena, captures, count, request);
        ret_match->route = request->route = route;
        ret_match->route_index = (size_t)(route - dialect->routes);
        return;
    }
    bool has_options;
    if (!list_allowed(dialect, path, ret_match->allow, &has_options)) return;
    ret_match->result = request->method == METHOD_OPTIONS ? ERR_OK : ERR_METHOD;
}
