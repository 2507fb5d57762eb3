/* query.c — a name is split into its keys, then the value is put where they lead. */
#include "api/passbolt/query.h"

#include <stdlib.h>
#include <string.h>

/* --- names --- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Ends the key that begins behind the bracket and returns it, with *ret_behind behind its ]; *ret_key is NULL for []. False if
 * the bracket is not closed; then nothing is changed. */
static bool take_key(char *bracket, const char **ret_key, char **ret_behind)
{
    char *key = bracket + 1, *at = key + is_space(*key);
    char *end = strchr(at, ']');
    if (!end) return false;
    *ret_key = end == at ? NULL : key;
    *ret_behind = end + 1;
    *end = 0;
    return true;
}

/* Splits a copy of a name into its keys; returns how many, 0 if the parameter is to be dropped. */
static size_t split_name(char *name, const char *keys[PASSBOLT_QUERY_DEPTH_MAX + 1])
{
    size_t count = 1;
    while (*name == ' ') name++;
    char *at = name + strcspn(name, "[");
    keys[0] = name;
    if (at == name) return 0;
    for (; *at == '['; count++) {
        if (count > PASSBOLT_QUERY_DEPTH_MAX) return 0;
        char *opening = at;
        if (!take_key(opening, &keys[count], &at)) break;
        *opening = 0;
    }
    for (; *name; name++) /* a bracket that is still in it was not closed */
        if (*name == ' ' || *name == '.' || *name == '[') *name = '_';
    return count;
}

/* A whole number as PHP writes it, of at most 18 digits: what is longer is no use as a key. */
static bool is_index(const char *key)
{
    const char *digits = key + (*key == '-');
    size_t size = strspn(digits, "0123456789");
    if (size == 0 || size > 18 || digits[size]) return false;
    return digits[0] != '0' || (size == 1 && digits == key);
}

/* --- values --- */

static struct passbolt_value *find(const struct passbolt_value *array, const char *key)
{
    for (struct passbolt_value *value = array->first; value; value = value->next)
        if (strcmp(value->key, key) == 0) return value;
    return NULL;
}

static struct passbolt_value *append(struct arena *arena, struct passbolt_value *array, const char *key)
{
    struct passbolt_value *value = arena_zalloc(arena, sizeof *value);
    if (!key) key = arena_printf(arena, "%lld", (long long)array->next_index);
    value->key = key;
    value->is_index = is_index(key);
    if (value->is_index) {
        long long index = strtoll(key, NULL, 10);
        if (index >= array->next_index) array->next_index = index + 1;
    }
    if (array->last) array->last->next = value;
    else array->first = value;
    array->last = value;
    return value;
}

/* The element with that key, made if there is none. */
static struct passbolt_value *element(struct arena *arena, struct passbolt_value *array, const char *key)
{
    struct passbolt_value *value = key ? find(array, key) : NULL;
    return value ? value : append(arena, array, key);
}

static void set(struct passbolt_value *value, const char *text)
{
    value->text = text;
    value->first = value->last = NULL;
    value->next_index = 0;
}

const struct passbolt_value *passbolt_query_parse(struct arena *arena, const struct parameter *parameters, size_t count)
{
    struct passbolt_value *root = arena_zalloc(arena, sizeof *root);
    for (size_t i = 0; i < count; i++) {
        const char *keys[PASSBOLT_QUERY_DEPTH_MAX + 1];
        size_t depth = split_name(arena_strdup(arena, parameters[i].name), keys);
        struct passbolt_value *value = root;
        for (size_t j = 0; j < depth; j++) {
            if (value->text) set(value, NULL);
            value = element(arena, value, keys[j]);
        }
        if (depth) set(value, parameters[i].value);
    }
    return root;
}

const struct passbolt_value *passbolt_query_find(const struct passbolt_value *array, const char *key)
{
    return array ? find(array, key) : NULL;
}
