/* fragments.c — rendered bytes beside the records they were made from.
 *
 * A table is an array of pointers by ordinal, made at the first fragment. Readers publish by compare-and-swap under the shared
 * lock; one that is replaced goes to a list of retired ones, because another reader may be copying it, and is freed under
 * the exclusive lock. The budget is for all images: once it is used up nothing more is kept until the housekeeper has dropped
 * the fragments of the images that were not used longest. */
#include "base/memory.h"
#include "directory/image_parts.h"

struct stored {
    struct stored *retired_next;
    struct fragment fragment; /* last: has a flexible member */
};

struct fragment_table {
    uint32_t capacity;
    _Atomic(struct stored *) retired;
    _Atomic(struct stored *) items[];
};

static _Atomic int64_t total_bytes;
static _Atomic int64_t budget_bytes = INT64_C(256) << 20;

void fragments_set_budget(int64_t bytes)
{
    atomic_store(&budget_bytes, bytes);
}

int64_t fragments_budget(void)
{
    return atomic_load_explicit(&budget_bytes, memory_order_relaxed);
}

int64_t fragments_total(void)
{
    return atomic_load_explicit(&total_bytes, memory_order_relaxed);
}

static void account_for(struct image *image, int64_t bytes)
{
    atomic_fetch_add_explicit(&total_bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&image->fragment_bytes, bytes, memory_order_relaxed);
}

static int64_t stored_bytes(const struct stored *stored)
{
    return (int64_t)(sizeof *stored + stored->fragment.size + 16); /* 16: what malloc adds */
}

const struct fragment *image_fragment(const struct image *image, int table, uint32_t ordinal)
{
    const struct fragment_table *fragments = atomic_load_explicit(&image->fragments[table], memory_order_acquire);
    if (!fragments || ordinal >= fragments->capacity) return NULL;
    const struct stored *stored = atomic_load_explicit(&fragments->items[ordinal], memory_order_acquire);
    return stored ? &stored->fragment : NULL;
}

void image_fetch_fragment_place(const struct image *image, int table, uint32_t ordinal)
{
    const struct fragment_table *fragments = atomic_load_explicit(&image->fragments[table], memory_order_acquire);
    if (fragments && ordinal < fragments->capacity) __builtin_prefetch(&fragments->items[ordinal]);
}

void image_fetch_fragment(const struct image *image, int table, uint32_t ordinal)
{
    enum { CACHE_LINE = 64, LINES = 6 }; /* a user takes about 350 bytes */
    const struct fragment *fragment = image_fragment(image, table, ordinal);
    if (!fragment) return;
    for (int line = 0; line < LINES; line++) __builtin_prefetch((const char *)fragment + line * CACHE_LINE);
}

void image_fetch_fragments_ahead(const struct image *image, int table, const uint32_t *ordinals, size_t count, size_t at)
{
    enum { AHEAD = 8 };
    if (at == 0) {
        for (size_t i = 0; i < count; i++) image_fetch_fragment_place(image, table, ordinals[i]);
        for (size_t i = 0; i < count && i < AHEAD; i++) image_fetch_fragment(image, table, ordinals[i]);
    }
    if (at + AHEAD < count) image_fetch_fragment(image, table, ordinals[at + AHEAD]);
}

static struct fragment_table *get_table(struct image *image, int table)
{
    struct fragment_table *known = atomic_load_explicit(&image->fragments[table], memory_order_acquire);
    if (known) return known;
    uint32_t capacity = table & 1 ? image->user_capacity : image->group_capacity;
    size_t size = sizeof(struct fragment_table) + (size_t)capacity * sizeof(struct stored *);
    struct fragment_table *made = memory_zalloc(size);
    made->capacity = capacity;
    if (!atomic_compare_exchange_strong(&image->fragments[table], &known, made)) {
        free(made);
        return known;
    }
    account_for(image, (int64_t)size);
    return made;
}

void image_keep_fragment(struct image *image, int table, uint32_t ordinal, const char *bytes, uint32_t size, uint32_t split,
                         uint32_t epoch)
{
    if (fragments_total() + size > atomic_load_explicit(&budget_bytes, memory_order_relaxed)) return;
    struct fragment_table *fragments = get_table(image, table);
    if (ordinal >= fragments->capacity) return;
    struct stored *made = memory_alloc(sizeof *made + size);
    made->fragment.size = size;
    made->fragment.split = split;
    made->fragment.epoch = epoch;
    memcpy(made->fragment.bytes, bytes, size);
    account_for(image, stored_bytes(made));
    struct stored *replaced = atomic_exchange_explicit(&fragments->items[ordinal], made, memory_order_acq_rel);
    if (!replaced) return;
    replaced->retired_next = atomic_load(&fragments->retired);
    while (!atomic_compare_exchange_weak(&fragments->retired, &replaced->retired_next, replaced)) {}
}

static void free_stored(struct image *image, struct stored *stored)
{
    account_for(image, -stored_bytes(stored));
    free(stored);
}

static void free_retired(struct image *image, struct fragment_table *fragments)
{
    struct stored *stored = atomic_exchange(&fragments->retired, NULL);
    while (stored) {
        struct stored *next = stored->retired_next;
        free_stored(image, stored);
        stored = next;
    }
}

static void drop_table(struct image *image, int table)
{
    struct fragment_table *fragments = atomic_exchange(&image->fragments[table], NULL);
    if (!fragments) return;
    free_retired(image, fragments);
    for (uint32_t i = 0; i < fragments->capacity; i++) {
        struct stored *stored = atomic_load_explicit(&fragments->items[i], memory_order_relaxed);
        if (stored) free_stored(image, stored);
    }
    account_for(image, -(int64_t)(sizeof *fragments + (size_t)fragments->capacity * sizeof(struct stored *)));
    free(fragments);
}

void image_drop_fragments_of(struct image *image, bool is_user, uint32_t ordinal)
{
    for (int table = is_user; table < FRAGMENT_TABLES_MAX; table += 2) {
        struct fragment_table *fragments = atomic_load(&image->fragments[table]);
        if (!fragments) continue;
        free_retired(image, fragments);
        if (ordinal >= fragments->capacity) continue;
        struct stored *stored = atomic_exchange(&fragments->items[ordinal], NULL);
        if (stored) free_stored(image, stored);
    }
}

void image_drop_fragments_of_kind(struct image *image, bool is_user)
{
    for (int table = is_user; table < FRAGMENT_TABLES_MAX; table += 2) drop_table(image, table);
}

void image_drop_all_fragments(struct image *image)
{
    for (int table = 0; table < FRAGMENT_TABLES_MAX; table++) drop_table(image, table);
}
