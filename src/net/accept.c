#include "net/accept.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";

/* Is a text of `size` bytes, without the blanks around it, the expected one? */
static bool is(const char *text, size_t size, const char *expected)
{
    size_t before = strspn(text, blanks);
    if (before > size) return false;
    text += before;
    size -= before;
    while (size && strchr(blanks, text[size - 1])) size--;
    return size == strlen(expected) && !strncasecmp(text, expected, size);
}

/* "0", "0.000"; and, as there, nothing at all. */
static bool is_zero(const char *weight, size_t size)
{
    return strspn(weight, "0.") >= size;
}

/* `range`: a type and its parameters, up to `end`. The last q counts. */
static bool is_json(const char *range, const char *end)
{
    const char *stop = memchr(range, ';', (size_t)(end - range));
    if (!is(range, (size_t)((stop ? stop : end) - range), "application/json")) return false;
    bool wanted = true;
    for (const char *at = stop; at; at = stop) {
        at++;
        stop = memchr(at, ';', (size_t)(end - at));
        const char *after = stop ? stop : end, *equals = memchr(at, '=', (size_t)(after - at));
        if (!equals || !is(at, (size_t)(equals - at), "q")) continue;
        const char *weight = equals + 1;
        while (weight < after && strchr(blanks, *weight)) weight++;
        while (after > weight && strchr(blanks, after[-1])) after--;
        wanted = !is_zero(weight, (size_t)(after - weight));
    }
    return wanted;
}

bool accept_has_json(const char *header)
{
    for (;;) {
        const char *end = header + strcspn(header, ",");
        if (is_json(header, end)) return true;
        if (!*end) return false;
        header = end + 1;
    }
}

bool request_prefers_json(const struct request *request)
{
    const char *headers[ACCEPT_HEADER_MAX];
    size_t count = request_header_list(request, "Accept", headers, ACCEPT_HEADER_MAX);
    for (size_t i = 0; i < count; i++) {
        if (accept_has_json(headers[i])) return true;
    }
    return false;
}
