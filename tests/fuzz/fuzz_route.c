/* A path against the real routes: a match has as many decoded parts as its pattern, a wrong method has an Allow. */
#include "fuzz.h"

#include "api/dialects.h"
#include "base/fold.h"

static size_t count_parts(const char *pattern)
{
    size_t count = 0;
    for (; *pattern; pattern++) count += *pattern == '{';
    return count;
}

static void find(const char *path, enum method method)
{
    struct arena arena = ARENA_INIT;
    struct request request = { .method = method, .path = path, .query = "" };
    struct route_match match;
    route_find(dialects, &arena, &request, &match);
    promise(match.dialect != NULL || path[0] != '/');
    promise(request.route == match.route);
    if (match.route) {
        promise(match.result == ERR_OK || match.result == ERR_INVALID);
        promise(match.route == &match.dialect->routes[match.route_index] && match.route->method == method);
        if (match.result == ERR_OK) promise(request.capture_count == count_parts(match.route->pattern));
        for (size_t i = 0; i < request.capture_count; i++)
            promise(request.captures[i][0] && utf8_is_valid(request.captures[i], strlen(request.captures[i])));
    } else {
        promise(match.result == ERR_NO_ROUTE || match.result == ERR_METHOD ||
                (match.result == ERR_OK && method == METHOD_OPTIONS));
        promise((match.result == ERR_NO_ROUTE) == (match.allow[0] == 0));
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = fuzz_text(data, size);
    for (enum method method = METHOD_GET; method <= METHOD_OTHER; method++) find(path, method);
    free(path);
    return 0;
}
