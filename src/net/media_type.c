#include "net/media_type.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";
static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool matches(const char *text, size_t size, const char *type)
{
    size_t before = strcspn(type, "*");
    if (!type[before]) return size == before && !strncasecmp(text, type, size);
    const char *end = type + before + 1;
    size_t after = strlen(end);
    if (size <= before + after || strncasecmp(text, type, before) != 0) return false;
    return !strncasecmp(text + size - after, end, after) && strspn(text + before, token) >= size - before - after;
}

bool media_type_is_listed(const char *content_type, const char *const *types)
{
    if (!content_type) return false;
    content_type += strspn(content_type, blanks);
    size_t size = strcspn(content_type, ";");
    while (size && strchr(blanks, content_type[size - 1])) size--;
    for (; *types; types++) {
        if (matches(content_type, size, *types)) return true;
    }
    return false;
}
