/* Trigrams are hashed into 2^16 lists: a collision only makes a list longer, the caller verifies. Two passes build it:
 * count, then fill; an entry is put once into each list. */
#include "directory/trigrams.h"

#include "base/memory.h"
#include "directory/names.h"

enum { LIST_COUNT = 1 << 16 };

struct trigrams {
    uint32_t indexed;                /* entries covered */
    uint32_t starts[LIST_COUNT + 1]; /* list i is entries[starts[i]..starts[i+1]) */
    uint32_t entries[];
};

static uint32_t list_of(const char *at)
{
    uint32_t bytes = (uint32_t)(unsigned char)at[0] << 16 | (uint32_t)(unsigned char)at[1] << 8 | (unsigned char)at[2];
    return bytes * UINT32_C(2654435761) >> 16;
}

struct trigrams *trigrams_build(const struct names *names)
{
    if (names->count < TRIGRAMS_SMALLEST) return NULL;
    uint32_t *counts = memory_zalloc((LIST_COUNT + 1) * sizeof *counts);
    uint32_t *last = memory_alloc(LIST_COUNT * sizeof *last); /* the entry that was last put into a list */
    memset(last, 0xff, LIST_COUNT * sizeof *last);
    struct trigrams *trigrams = NULL;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t entry = 0; entry < names->count; entry++) {
            const char *at = names->block + names->starts[entry];
            if (!at[0] || !at[1]) continue;
            for (; at[2]; at++) {
                uint32_t list = list_of(at);
                if (last[list] == entry) continue;
                last[list] = entry;
                if (pass == 0) counts[list]++;
                else trigrams->entries[counts[list]++] = entry;
            }
        }
        if (pass == 1) break;
        uint32_t total = 0;
        for (uint32_t i = 0; i <= LIST_COUNT; i++) {
            uint32_t here = i < LIST_COUNT ? counts[i] : 0;
            counts[i] = total;
            total += here;
        }
        trigrams = memory_alloc(sizeof *trigrams + (size_t)total * sizeof(uint32_t));
        trigrams->indexed = names->count;
        memcpy(trigrams->starts, counts, sizeof trigrams->starts);
        memset(last, 0xff, LIST_COUNT * sizeof *last);
    }
    free(counts);
    free(last);
    return trigrams;
}

bool trigrams_want_rebuild(const struct trigrams *trigrams, const struct names *names)
{
    return names->count - (trigrams ? trigrams->indexed : 0) >= (trigrams ? TRIGRAMS_PENDING : TRIGRAMS_SMALLEST);
}

bool trigrams_candidates(const struct trigrams *trigrams, const char *needle, size_t size, const uint32_t **ret_entries,
                         uint32_t *ret_count, uint32_t *ret_indexed)
{
    if (!trigrams || size < 3) return false;
    uint32_t best = 0, best_count = UINT32_MAX;
    for (size_t i = 0; i + 3 <= size; i++) {
        uint32_t list = list_of(needle + i);
        uint32_t count = trigrams->starts[list + 1] - trigrams->starts[list];
        if (count < best_count) {
            best = list;
            best_count = count;
        }
    }
    *ret_entries = &trigrams->entries[trigrams->starts[best]];
    *ret_count = best_count;
    *ret_indexed = trigrams->indexed;
    return true;
}

size_t trigrams_bytes(const struct trigrams *trigrams)
{
    return trigrams ? sizeof *trigrams + (size_t)trigrams->starts[LIST_COUNT] * sizeof(uint32_t) : 0;
}

void trigrams_free(struct trigrams *trigrams)
{
    free(trigrams);
}
