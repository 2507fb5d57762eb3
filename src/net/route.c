/* route.c — from a path to a row of a dialect's table.
 *
 * A dialect has a dozen rows, so they are compared one after the other; what they have in common, the dialect's prefix, is
 * compared once. Literal parts are compared as sent: an escaped letter in one is another path. */
#include "net/route.h"

#include "base/fold.h"
#include "net/percent.h"

#include <string.h>

struct capture {
    const char *start;
    size_t size;
};

/* Does the dialect's prefix end at the end of a part of the path? */
static bool has_prefix(const char *path, const char *prefix, size_t size)
{
    return size == 1 || (!strncmp(path, prefix, size) && (path[size] == 0 || path[size] == '/'));
}

static const struct dialect *find_dialect(const struct dialect *const *dialects, const char *path)
{
    const struct dialect *best = NULL;
    size_t best_size = 0;
    for (; *dialects; dialects++) {
        size_t size = strlen((*dialects)->prefix);
        if (size > best_size && has_prefix(path, (*dialects)->prefix, size)) {
            best = *dialects;
            best_size = size;
        }
    }
    return best;
}

static bool match_pattern(const char *pattern, const char *path, struct capture captures[REQUEST_CAPTURE_MAX], size_t *ret_count)
{
    size_t count = 0;
    for (;;) {
        while (*pattern == *path && *pattern && *pattern != '{') pattern++, path++;
        if (*pattern != '{') break;
        const char *end = path;
        while (*end && *end != '/') end++;
        if (end == path || count == REQUEST_CAPTURE_MAX) return false;
        captures[count++] = (struct capture){ path, (size_t)(end - path) };
        pattern = strchr(pattern, '}') + 1;
        path = end;
    }
    *ret_count = count;
    return *pattern == *path;
}

static enum err copy_captures(struct arena *arena, const struct capture *captures, size_t count, struct request *request)
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
static bool list_allowed(const struct dialect *dialect, const char *path, char ret_allow[64], bool *ret_options)
{
    unsigned seen = 0;
    ret_allow[0] = 0;
    for (const struct route *route = dialect->routes; route->pattern; route++) {
        struct capture captures[REQUEST_CAPTURE_MAX];
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
    const struct dialect *dialect = find_dialect(dialects, request->path);
    ret_match->dialect = dialect;
    ret_match->route = NULL;
    ret_match->route_index = 0;
    ret_match->allow[0] = 0;
    ret_match->result = ERR_NO_ROUTE;
    request->route = NULL;
    request->capture_count = 0;
    if (!dialect) return;

    size_t common = request->path[0] == '/' ? strlen(dialect->prefix) : 0;
    for (const struct route *route = dialect->routes; route->pattern; route++) {
        struct capture captures[REQUEST_CAPTURE_MAX];
        size_t count, skip = strncmp(route->pattern, dialect->prefix, common) ? 0 : common;
        if (route->method != request->method) continue;
        if (!match_pattern(route->pattern + skip, request->path + skip, captures, &count)) continue;
        ret_match->result = copy_captures(arena, captures, count, request);
        ret_match->route = request->route = route;
        ret_match->route_index = (size_t)(route - dialect->routes);
        return;
    }
    bool has_options;
    if (!list_allowed(dialect, request->path, ret_match->allow, &has_options)) return;
    ret_match->result = request->method == METHOD_OPTIONS ? ERR_OK : ERR_METHOD;
}
