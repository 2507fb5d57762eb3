/* lookup.h — a hash table from a key to a record's ordinal, 4 bytes a slot.
 *
 * The key is not stored: the owner compares the record's own. Several records may share a key (two users with one e-mail
 * address); find returns any of them that `same` accepts. Not thread-safe: the owner locks. */
#ifndef ROSTER_BASE_LOOKUP_H
#define ROSTER_BASE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOKUP_NONE UINT32_MAX

struct lookup {
    uint32_t *slots;   /* ordinal + 2; 0: never used, 1: removed */
    uint32_t capacity; /* power of two, or 0 */
    uint32_t filled;   /* slots that are not 0 */
    uint32_t used;     /* records */
};

/* The hash of a record's own key; used when the table grows. */
typedef uint64_t (*lookup_hash_function)(const void *context, uint32_t ordinal);
/* Does this record have the key looked for? */
typedef bool (*lookup_same_function)(const void *context, uint32_t ordinal, const void *key);

/* Makes room for `count` records at once. */
void lookup_reserve(struct lookup *lookup, uint32_t count, lookup_hash_function hash_of, const void *context);
void lookup_add(struct lookup *lookup, uint64_t hash, uint32_t ordinal, lookup_hash_function hash_of, const void *context);
void lookup_remove(struct lookup *lookup, uint64_t hash, uint32_t ordinal);
uint32_t lookup_find(const struct lookup *lookup, uint64_t hash, lookup_same_function same, const void *context, const void *key);
size_t lookup_bytes(const struct lookup *lookup);
void lookup_free(struct lookup *lookup);

/* A good 64-bit hash of bytes (not against an attacker who knows it: keys are compared afterwards and tables are per
 * organization). */
uint64_t lookup_hash_bytes(const void *bytes, size_t size);

#endif
