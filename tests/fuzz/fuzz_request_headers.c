/* Cookie and Accept: what is found stands in the header, an own cookie comes back whatever stands behind it, naming JSON is heard
 * whatever stands beside it. */
#include "fuzz.h"

#include "net/accept.h"
#include "net/cookies.h"

#include <strings.h>

static void find_cookie(struct arena *arena, const char *header, const char *name)
{
    const char *value = cookie_find(header, arena, name);
    if (!value) return;
    size_t size = strlen(value);
    promise(size <= COOKIE_VALUE_MAX && !strchr(value, ';') && strstr(header, value) && strstr(header, name));
    for (size_t i = 0; i < size; i++) promise(value[i] >= ' ' && value[i] <= '~');
}

/* Our own cookie first, and the input behind it; then the input as its value, if it is one. */
static void bring_back(struct arena *arena, const char *text)
{
    const char *value = cookie_find(arena_printf(arena, "own=1;%s", text), arena, "own");
    promise(value && !strcmp(value, "1"));
    size_t size = strlen(text);
    bool plain = size <= COOKIE_VALUE_MAX;
    for (size_t i = 0; i < size; i++) plain = plain && text[i] > ' ' && text[i] <= '~' && !strchr("\";", text[i]);
    value = cookie_find(arena_printf(arena, "=; =;\towN=x; own = %s ;own=2", text), arena, "own");
    if (plain) promise(value && !strcmp(value, text));
}

static void ask_for_json(struct arena *arena, const char *header)
{
    if (accept_has_json(header)) promise(strcasestr(header, "application/json"));
    promise(accept_has_json(arena_printf(arena, "%s,application/json", header)));
    promise(accept_has_json(arena_printf(arena, "Application/JSON ; q=0.5,%s", header)));
    bool before = accept_has_json(header);
    promise(accept_has_json(arena_printf(arena, "application/json;q=0.00,%s", header)) == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    char *text = fuzz_text(data, size);
    find_cookie(&arena, text, "a");
    find_cookie(&arena, text, "csrfToken");
    promise(!cookie_find(text, &arena, ""));
    bring_back(&arena, text);
    ask_for_json(&arena, text);
    free(text);
    arena_free(&arena);
    return 0;
}
