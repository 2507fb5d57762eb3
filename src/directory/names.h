/* names.h — the folded names of an image's living groups: found by substring, ordered by name.
 *
 * All names lie behind one another in one block, each ended by a zero byte, so that a search is one pass over
 * contiguous memory; a hit's place tells the group. `by_name` holds the ordinals ordered by (folded name, ordinal).
 * Changed only under the image's exclusive lock. */
#ifndef ROSTER_DIRECTORY_NAMES_H
#define ROSTER_DIRECTORY_NAMES_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trigrams;

struct names {
    char *block;                 /* the texts */
    uint32_t size, capacity;     /* of the block, bytes */
    uint32_t *starts, *ordinals; /* one entry a text, in the order of the block; ordinal NAMES_REMOVED: no longer used */
    uint32_t count, count_capacity;
    uint32_t removed;
    uint32_t *by_name; /* ordinals of living groups */
    uint32_t by_name_count, by_name_capacity;
    uint32_t *offsets; /* by ordinal: where its text is in the block */
    uint32_t offsets_capacity;
    struct trigrams *trigrams; /* NULL in a small image */
};

#define NAMES_REMOVED UINT32_MAX

/* Adds a group while loading; call names_load_done once at the end. Ordinals must ascend. */
void names_load(struct names *names, uint32_t ordinal, const char *folded, size_t size);
void names_load_done(struct names *names);

void names_add(struct names *names, uint32_t ordinal, const char *folded, size_t size);
void names_remove(struct names *names, uint32_t ordinal);

/* The folded name of a living group. */
const char *names_get(const struct names *names, uint32_t ordinal);

/* Negative, 0 or positive as a is before, is or is after b in name order. */
int names_compare(const struct names *names, uint32_t a, uint32_t b);

/* The living group with that folded name with the smallest ordinal, or NAMES_REMOVED. */
uint32_t names_find(const struct names *names, const char *folded);

/* Ordinals, ascending, of all whose name contains `needle` (not empty, folded). */
void names_search(const struct names *names, struct arena *arena, const char *needle, size_t size, uint32_t **ret_ordinals,
                  size_t *ret_count);

/* How many names at most contain the needle, without looking at them. */
uint32_t names_estimate(const struct names *names, const char *needle, size_t size);

/* Does this group's name contain the needle? */
bool names_contain(const struct names *names, uint32_t ordinal, const char *needle);

size_t names_bytes(const struct names *names);
void names_free(struct names *names);

#endif
