#include "directory/names.h"

#include "base/memory.h"
#include "directory/trigrams.h"

#include <stdlib.h>

const char *names_get(const struct names *names, uint32_t ordinal)
{
    return names->block + names->offsets[ordinal];
}

int names_compare(const struct names *names, uint32_t a, uint32_t b)
{
    int order = strcmp(names_get(names, a), names_get(names, b));
    if (order) return order;
    return a < b ? -1 : a > b;
}

/* Puts a text at the end of the block. */
static void append(struct names *names, uint32_t ordinal, const char *folded, size_t size)
{
    if (names->capacity - names->size < size + 1) {
        names->capacity = memory_next_capacity(names->capacity, names->size + (uint32_t)size + 1);
        names->block = memory_resize(names->block, names->capacity, 1);
    }
    if (names->count == names->count_capacity) {
        names->count_capacity = memory_next_capacity(names->count_capacity, names->count + 1);
        names->starts = memory_resize(names->starts, names->count_capacity, sizeof(uint32_t));
        names->ordinals = memory_resize(names->ordinals, names->count_capacity, sizeof(uint32_t));
    }
    if (ordinal >= names->offsets_capacity) {
        names->offsets_capacity = memory_next_capacity(names->offsets_capacity, ordinal + 1);
        names->offsets = memory_resize(names->offsets, names->offsets_capacity, sizeof(uint32_t));
    }
    names->starts[names->count] = names->offsets[ordinal] = names->size;
    names->ordinals[names->count++] = ordinal;
    memcpy(names->block + names->size, folded, size);
    names->block[names->size + size] = '\0';
    names->size += (uint32_t)size + 1;
}

static void reserve_by_name(struct names *names)
{
    if (names->by_name_count < names->by_name_capacity) return;
    names->by_name_capacity = memory_next_capacity(names->by_name_capacity, names->by_name_count + 1);
    names->by_name = memory_resize(names->by_name, names->by_name_capacity, sizeof(uint32_t));
}

void names_load(struct names *names, uint32_t ordinal, const char *folded, size_t size)
{
    append(names, ordinal, folded, size);
    reserve_by_name(names);
    names->by_name[names->by_name_count++] = ordinal;
}

static int compare_by_name(const void *a, const void *b, void *names)
{
    return names_compare(names, *(const uint32_t *)a, *(const uint32_t *)b);
}

void names_load_done(struct names *names)
{
    if (names->by_name_count) qsort_r(names->by_name, names->by_name_count, sizeof(uint32_t), compare_by_name, names);
    names->trigrams = trigrams_build(names);
}

/* Position in by_name of the first group that is not before (folded, ordinal). */
static uint32_t lower_bound(const struct names *names, const char *folded, uint32_t ordinal)
{
    uint32_t low = 0, high = names->by_name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(names_get(names, names->by_name[middle]), folded);
        if (order < 0 || (order == 0 && names->by_name[middle] < ordinal)) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Drops removed texts once they are half of the block, so that a group renamed for ever takes no memory for ever. */
static void sweep(struct names *names)
{
    struct names old = *names;
    names->block = NULL;
    names->starts = names->ordinals = NULL;
    names->size = names->capacity = names->count = names->count_capacity = names->removed = 0;
    for (uint32_t i = 0; i < old.count; i++)
        if (old.ordinals[i] != NAMES_REMOVED)
            append(names, old.ordinals[i], old.block + old.starts[i], strlen(old.block + old.starts[i]));
    free(old.block);
    free(old.starts);
    free(old.ordinals);
    trigrams_free(names->trigrams);
    names->trigrams = trigrams_build(names);
}

void names_add(struct names *names, uint32_t ordinal, const char *folded, size_t size)
{
    append(names, ordinal, folded, size);
    reserve_by_name(names);
    uint32_t at = lower_bound(names, folded, ordinal);
    memmove(&names->by_name[at + 1], &names->by_name[at], (names->by_name_count - at) * sizeof(uint32_t));
    names->by_name[at] = ordinal;
    names->by_name_count++;
    if (trigrams_want_rebuild(names->trigrams, names)) {
        trigrams_free(names->trigrams);
        names->trigrams = trigrams_build(names);
    }
}

/* The entry whose text holds this place of the block. */
static uint32_t entry_at(const struct names *names, uint32_t place)
{
    uint32_t low = 0, high = names->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (names->starts[middle] <= place) low = middle;
        else high = middle;
    }
    return low;
}

void names_remove(struct names *names, uint32_t ordinal)
{
    uint32_t at = lower_bound(names, names_get(names, ordinal), ordinal);
    memmove(&names->by_name[at], &names->by_name[at + 1], (names->by_name_count - at - 1) * sizeof(uint32_t));
    names->by_name_count--;
    names->ordinals[entry_at(names, names->offsets[ordinal])] = NAMES_REMOVED;
    names->removed++;
    if (names->removed > 64 && names->removed > names->count / 2) sweep(names);
}

uint32_t names_find(const struct names *names, const char *folded)
{
    uint32_t at = lower_bound(names, folded, 0);
    if (at == names->by_name_count || strcmp(names_get(names, names->by_name[at]), folded) != 0) return NAMES_REMOVED;
    return names->by_name[at];
}

struct hits {
    struct arena *arena;
    uint32_t *ordinals;
    size_t count, capacity;
    bool ascending;
};

static void add_hit(struct hits *hits, uint32_t ordinal)
{
    hits->ordinals = arena_grow(hits->arena, hits->ordinals, hits->count, &hits->capacity, sizeof *hits->ordinals);
    if (hits->count && hits->ordinals[hits->count - 1] > ordinal) hits->ascending = false;
    hits->ordinals[hits->count++] = ordinal;
}

/* One pass over the texts of the entries from `first` on. */
static void scan(const struct names *names, uint32_t first, const char *needle, size_t size, struct hits *hits)
{
    if (first >= names->count) return;
    const char *at = names->block + names->starts[first], *end = names->block + names->size;
    while ((at = memmem(at, (size_t)(end - at), needle, size))) {
        uint32_t entry = entry_at(names, (uint32_t)(at - names->block));
        if (names->ordinals[entry] != NAMES_REMOVED) add_hit(hits, names->ordinals[entry]);
        if (entry + 1 == names->count) break;
        at = names->block + names->starts[entry + 1];
    }
}

static int compare_ordinals(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

void names_search(const struct names *names, struct arena *arena, const char *needle, size_t size, uint32_t **ret_ordinals,
                  size_t *ret_count)
{
    struct hits hits = { .arena = arena, .ascending = true };
    const uint32_t *entries;
    uint32_t entry_count, indexed;
    if (trigrams_candidates(names->trigrams, needle, size, &entries, &entry_count, &indexed)) {
        for (uint32_t i = 0; i < entry_count; i++) {
            uint32_t entry = entries[i];
            if (names->ordinals[entry] == NAMES_REMOVED) continue;
            uint32_t end = entry + 1 < names->count ? names->starts[entry + 1] : names->size;
            if (memmem(names->block + names->starts[entry], end - names->starts[entry], needle, size))
                add_hit(&hits, names->ordinals[entry]);
        }
        scan(names, indexed, needle, size, &hits);
    } else {
        scan(names, 0, needle, size, &hits);
    }
    if (!hits.ascending) qsort(hits.ordinals, hits.count, sizeof(uint32_t), compare_ordinals);
    *ret_ordinals = hits.ordinals;
    *ret_count = hits.count;
}

uint32_t names_estimate(const struct names *names, const char *needle, size_t size)
{
    const uint32_t *entries;
    uint32_t count, indexed;
    if (!trigrams_candidates(names->trigrams, needle, size, &entries, &count, &indexed)) return names->by_name_count;
    return count + (names->count - indexed);
}

bool names_contain(const struct names *names, uint32_t ordinal, const char *needle)
{
    return strstr(names_get(names, ordinal), needle) != NULL;
}

size_t names_bytes(const struct names *names)
{
    return names->capacity +
           ((size_t)names->count_capacity * 2 + names->by_name_capacity + names->offsets_capacity) * sizeof(uint32_t) +
           trigrams_bytes(names->trigrams);
}

void names_free(struct names *names)
{
    free(names->block);
    free(names->starts);
    free(names->ordinals);
    free(names->by_name);
    free(names->offsets);
    trigrams_free(names->trigrams);
    *names = (struct names){ 0 };
}
