/* Open addressing with linear probing, at most two thirds full. */
#include "base/lookup.h"

#include "base/memory.h"

enum { SLOT_EMPTY = 0, SLOT_REMOVED = 1, SLOT_FIRST = 2 };

static void put(struct lookup *lookup, uint64_t hash, uint32_t ordinal)
{
    uint32_t at = (uint32_t)hash & (lookup->capacity - 1);
    while (lookup->slots[at] != SLOT_EMPTY) at = (at + 1) & (lookup->capacity - 1);
    lookup->slots[at] = ordinal + SLOT_FIRST;
    lookup->filled++;
    lookup->used++;
}

static void rebuild(struct lookup *lookup, uint32_t capacity, lookup_hash_function hash_of, const void *context)
{
    struct lookup old = *lookup;
    *lookup = (struct lookup){ .slots = memory_zalloc((size_t)capacity * sizeof(uint32_t)), .capacity = capacity };
    for (uint32_t i = 0; i < old.capacity; i++)
        if (old.slots[i] >= SLOT_FIRST) put(lookup, hash_of(context, old.slots[i] - SLOT_FIRST), old.slots[i] - SLOT_FIRST);
    free(old.slots);
}

void lookup_reserve(struct lookup *lookup, uint32_t count, lookup_hash_function hash_of, const void *context)
{
    if (!count) return;
    uint64_t wanted = 8;
    while (wanted * 2 / 3 <= count) wanted *= 2;
    if (wanted > lookup->capacity && wanted <= UINT32_MAX) rebuild(lookup, (uint32_t)wanted, hash_of, context);
}

void lookup_add(struct lookup *lookup, uint64_t hash, uint32_t ordinal, lookup_hash_function hash_of, const void *context)
{
    if ((uint64_t)lookup->filled + 1 > (uint64_t)lookup->capacity * 2 / 3) {
        /* Removed slots are swept; the table doubles only if records need it. */
        uint32_t capacity = lookup->capacity ? lookup->capacity : 8;
        while ((uint64_t)lookup->used + 1 > (uint64_t)capacity / 2) capacity *= 2;
        rebuild(lookup, capacity, hash_of, context);
    }
    put(lookup, hash, ordinal);
}

void lookup_remove(struct lookup *lookup, uint64_t hash, uint32_t ordinal)
{
    if (!lookup->capacity) return;
    for (uint32_t at = (uint32_t)hash & (lookup->capacity - 1); lookup->slots[at] != SLOT_EMPTY;
         at = (at + 1) & (lookup->capacity - 1)) {
        if (lookup->slots[at] != ordinal + SLOT_FIRST) continue;
        lookup->slots[at] = SLOT_REMOVED;
        lookup->used--;
        return;
    }
}

uint32_t lookup_find(const struct lookup *lookup, uint64_t hash, lookup_same_function same, const void *context, const void *key)
{
    if (!lookup->capacity) return LOOKUP_NONE;
    for (uint32_t at = (uint32_t)hash & (lookup->capacity - 1); lookup->slots[at] != SLOT_EMPTY;
         at = (at + 1) & (lookup->capacity - 1))
        if (lookup->slots[at] >= SLOT_FIRST && same(context, lookup->slots[at] - SLOT_FIRST, key))
            return lookup->slots[at] - SLOT_FIRST;
    return LOOKUP_NONE;
}

size_t lookup_bytes(const struct lookup *lookup)
{
    return (size_t)lookup->capacity * sizeof(uint32_t);
}

void lookup_free(struct lookup *lookup)
{
    free(lookup->slots);
    *lookup = (struct lookup){ 0 };
}

uint64_t lookup_hash_bytes(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ size;
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        at += 8;
        size -= 8;
    }
    uint64_t tail = 0;
    memcpy(&tail, at, size);
    hash = (hash ^ tail) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 29;
}
