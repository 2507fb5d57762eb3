/* cookies.c — servers read cookies more kindly than RFC 6265 lets them be written, and clients rely on it: one sends
 * `Cookie: =; =` before it has any. */
#include "net/cookies.h"

#include <assert.h>
#include <string.h>

static const char blanks[] = " \t";

struct span {
    const char *start;
    size_t size;
};

static struct span trim(const char *start, const char *end)
{
    while (start < end && strchr(blanks, *start)) start++;
    while (end > start && strchr(blanks, end[-1])) end--;
    return (struct span){ start, (size_t)(end - start) };
}

static struct span unquote(struct span value)
{
    if (value.size < 2 || value.start[0] != '"' || value.start[value.size - 1] != '"') return value;
    return (struct span){ value.start + 1, value.size - 2 };
}

static bool is_value(struct span value)
{
    if (value.size > COOKIE_VALUE_MAX) return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.start[i] < ' ' || value.start[i] > '~') return false;
    }
    return true;
}

const char *cookie_find(const char *header, struct arena *arena, const char *name)
{
    size_t size = strlen(name);
    for (const char *part = header; *part; part += *part == ';') {
        const char *end = part + strcspn(part, ";");
        const char *equals = memchr(part, '=', (size_t)(end - part));
        if (equals) {
            struct span found = trim(part, equals), value = unquote(trim(equals + 1, end));
            if (size && found.size == size && !memcmp(found.start, name, size) && is_value(value))
                return arena_strndup(arena, value.start, value.size);
        }
        part = end;
    }
    return NULL;
}

const char *request_cookie(const struct request *request, struct arena *arena, const char *name)
{
    const char *headers[COOKIE_HEADER_MAX], *value = NULL;
    size_t count = request_header_list(request, "Cookie", headers, COOKIE_HEADER_MAX);
    for (size_t i = 0; i < count && !value; i++) value = cookie_find(headers[i], arena, name);
    return value;
}

/* cookie-octet of RFC 6265 section 4.1.1, from which a token's characters are a part. */
static bool is_sendable(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~' || strchr("\",;\\", *text)) return false;
    }
    return true;
}

void response_add_cookie(struct response *response, struct arena *arena, const char *name, const char *value,
                         const struct cookie_attributes *attributes)
{
    static const char *const same_sites[] = { "", "; samesite=Lax", "; samesite=Strict", "; samesite=None" };
    assert(name[0] && is_sendable(name) && !strchr(name, '=') && is_sendable(value));
    const char *max_age = "", *path = "";
    if (attributes->max_age_s)
        max_age = arena_printf(arena, "; max-age=%lld", (long long)(attributes->max_age_s < 0 ? 0 : attributes->max_age_s));
    if (attributes->path) path = arena_printf(arena, "; path=%s", attributes->path);
    const char *text = arena_printf(arena, "%s=%s%s%s%s%s%s", name, value, max_age, path, same_sites[attributes->same_site],
                                    attributes->secure ? "; secure" : "", attributes->http_only ? "; httponly" : "");
    response_add_header(response, "Set-Cookie", text);
}
