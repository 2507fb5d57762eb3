/* logins_index.c — entries are dense in an array, `by_hash` finds their places. The last one moves into the place of one that is
 * removed. */
#include "auth/logins_index.h"

#include "base/lookup.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>

struct entry {
    struct digest hash;
    int64_t organization_id, user_id;
    struct uuid user_uuid;
    _Atomic int64_t expires_at; /* extended under the shared lock */
    _Atomic int64_t saved;      /* what the store has */
};

struct logins_index {
    pthread_rwlock_t lock;
    struct entry *entries;
    uint32_t count, capacity, max;
    struct lookup by_hash;
    _Atomic uint64_t doubts; /* counts what may have made something untrue that was read of the store before */
};

enum { DROP_BATCH = 500 };
#define EXTENSION_STEP_US INT64_C(1000000) /* finer is of no use, and keeps busy threads from fighting for the line */

struct logins_index *logins_index_new(uint32_t max)
{
    struct logins_index *index = memory_zalloc(sizeof *index);
    pthread_rwlock_init(&index->lock, NULL);
    index->max = max;
    return index;
}

void logins_index_free(struct logins_index *index)
{
    if (!index) return;
    free(index->entries);
    lookup_free(&index->by_hash);
    pthread_rwlock_destroy(&index->lock);
    free(index);
}

static uint64_t hash_of_digest(const struct digest *digest)
{
    uint64_t hash;
    memcpy(&hash, digest->bytes, sizeof hash); /* SHA-256 is mixed well enough already */
    return hash;
}
static uint64_t hash_of_entry(const void *context, uint32_t ordinal)
{
    return hash_of_digest(&((const struct logins_index *)context)->entries[ordinal].hash);
}
static bool same_hash(const void *context, uint32_t ordinal, const void *key)
{
    return digest_equal(&((const struct logins_index *)context)->entries[ordinal].hash, key);
}

static struct entry *find_locked(struct logins_index *index, const struct digest *hash)
{
    uint32_t at = lookup_find(&index->by_hash, hash_of_digest(hash), same_hash, index, hash);
    return at == LOOKUP_NONE ? NULL : &index->entries[at];
}

static int64_t load(const _Atomic int64_t *time)
{
    return atomic_load_explicit(time, memory_order_relaxed);
}
static void set(_Atomic int64_t *time, int64_t value)
{
    atomic_store_explicit(time, value, memory_order_relaxed);
}

static void raise_to(_Atomic int64_t *time, int64_t later)
{
    int64_t known = load(time);
    while (known < later && !atomic_compare_exchange_weak(time, &known, later)) {}
}

static void put_locked(struct logins_index *index, const struct logins_entry *entry)
{
    struct entry *kept = find_locked(index, &entry->hash);
    if (kept) {
        raise_to(&kept->expires_at, entry->expires_at);
        raise_to(&kept->saved, entry->expires_at);
        return;
    }
    if (index->count == index->max) return;
    if (index->count == index->capacity) {
        index->capacity = memory_next_capacity(index->capacity, index->count + 1);
        index->entries = memory_resize(index->entries, index->capacity, sizeof *index->entries);
    }
    kept = &index->entries[index->count];
    kept->hash = entry->hash;
    kept->organization_id = entry->organization_id;
    kept->user_id = entry->user_id;
    kept->user_uuid = entry->user_uuid;
    set(&kept->expires_at, entry->expires_at);
    set(&kept->saved, entry->expires_at);
    lookup_add(&index->by_hash, hash_of_digest(&entry->hash), index->count, hash_of_entry, index);
    index->count++;
}

void logins_index_put(struct logins_index *index, const struct logins_entry *entry)
{
    pthread_rwlock_wrlock(&index->lock);
    put_locked(index, entry);
    pthread_rwlock_unlock(&index->lock);
}

/* Who doubts does so under the lock, or before it looks under the lock at what is there: so either the doubt is seen here, or the
 * entry there. */
bool logins_index_put_undoubted(struct logins_index *index, const struct logins_entry *entry, uint64_t doubts)
{
    pthread_rwlock_wrlock(&index->lock);
    bool undoubted = atomic_load(&index->doubts) == doubts;
    if (undoubted) put_locked(index, entry);
    pthread_rwlock_unlock(&index->lock);
    return undoubted;
}

uint64_t logins_index_doubts(const struct logins_index *index)
{
    return atomic_load(&index->doubts);
}

bool logins_index_find(struct logins_index *index, const struct digest *hash, int64_t now, int64_t extension_us,
                       struct logins_entry *ret_entry)
{
    pthread_rwlock_rdlock(&index->lock);
    struct entry *entry = find_locked(index, hash);
    bool lives = entry && now < load(&entry->expires_at);
    if (lives) {
        if (extension_us && now + extension_us > load(&entry->expires_at) + EXTENSION_STEP_US)
            set(&entry->expires_at, now + extension_us);
        *ret_entry = (struct logins_entry){ .hash = entry->hash,
                                            .organization_id = entry->organization_id,
                                            .user_id = entry->user_id,
                                            .user_uuid = entry->user_uuid,
                                            .expires_at = load(&entry->expires_at),
                                            .saved = load(&entry->saved) };
    }
    pthread_rwlock_unlock(&index->lock);
    return lives;
}

/* --- removing --- */

static void copy_entry(struct entry *to, const struct entry *from)
{
    to->hash = from->hash;
    to->organization_id = from->organization_id;
    to->user_id = from->user_id;
    to->user_uuid = from->user_uuid;
    set(&to->expires_at, load(&from->expires_at));
    set(&to->saved, load(&from->saved));
}

static void remove_locked(struct logins_index *index, struct entry *entry)
{
    uint32_t at = (uint32_t)(entry - index->entries), last = --index->count;
    lookup_remove(&index->by_hash, hash_of_entry(index, at), at);
    if (at == last) return;
    lookup_remove(&index->by_hash, hash_of_entry(index, last), last);
    copy_entry(entry, &index->entries[last]);
    lookup_add(&index->by_hash, hash_of_entry(index, at), at, hash_of_entry, index);
}

void logins_index_remove(struct logins_index *index, const struct digest *hash)
{
    pthread_rwlock_wrlock(&index->lock);
    atomic_fetch_add(&index->doubts, 1);
    struct entry *entry = find_locked(index, hash);
    if (entry) remove_locked(index, entry);
    pthread_rwlock_unlock(&index->lock);
}

bool logins_index_has(struct logins_index *index, int64_t organization_id)
{
    bool has = false;
    atomic_fetch_add(&index->doubts, 1);
    pthread_rwlock_rdlock(&index->lock);
    for (uint32_t i = 0; i < index->count && !has; i++) has = index->entries[i].organization_id == organization_id;
    pthread_rwlock_unlock(&index->lock);
    return has;
}

static bool is_among(const int64_t *ids, size_t count, int64_t id)
{
    size_t from = 0;
    while (from < count) {
        size_t middle = from + (count - from) / 2;
        if (ids[middle] == id) return true;
        if (ids[middle] < id) from = middle + 1;
        else count = middle;
    }
    return false;
}

size_t logins_index_list(struct logins_index *index, struct arena *arena, int64_t organization_id, const int64_t *user_ids,
                         size_t user_count, struct digest **ret_hashes)
{
    atomic_fetch_add(&index->doubts, 1);
    pthread_rwlock_rdlock(&index->lock);
    struct digest *hashes = arena_array(arena, index->count, sizeof *hashes);
    size_t count = 0;
    for (uint32_t i = 0; i < index->count; i++) {
        const struct entry *entry = &index->entries[i];
        if (entry->organization_id != organization_id) continue;
        if (!user_ids || is_among(user_ids, user_count, entry->user_id)) hashes[count++] = entry->hash;
    }
    pthread_rwlock_unlock(&index->lock);
    *ret_hashes = hashes;
    return count;
}

void logins_index_drop_organization(struct logins_index *index, int64_t organization_id)
{
    pthread_rwlock_wrlock(&index->lock);
    for (uint32_t i = index->count; i-- > 0;)
        if (index->entries[i].organization_id == organization_id) remove_locked(index, &index->entries[i]);
    pthread_rwlock_unlock(&index->lock);
}

void logins_index_drop_all(struct logins_index *index)
{
    pthread_rwlock_wrlock(&index->lock);
    atomic_fetch_add(&index->doubts, 1);
    free(index->entries);
    lookup_free(&index->by_hash);
    index->entries = NULL;
    index->by_hash = (struct lookup){ 0 };
    index->count = index->capacity = 0;
    pthread_rwlock_unlock(&index->lock);
}

void logins_index_drop_expired(struct logins_index *index, struct arena *arena, int64_t now)
{
    pthread_rwlock_rdlock(&index->lock);
    struct digest *hashes = arena_array(arena, index->count, sizeof *hashes);
    uint32_t count = 0;
    for (uint32_t i = 0; i < index->count; i++)
        if (load(&index->entries[i].expires_at) <= now) hashes[count++] = index->entries[i].hash;
    pthread_rwlock_unlock(&index->lock);

    for (uint32_t begin = 0; begin < count; begin += DROP_BATCH) {
        pthread_rwlock_wrlock(&index->lock);
        for (uint32_t i = begin; i < count && i < begin + DROP_BATCH; i++) {
            struct entry *entry = find_locked(index, &hashes[i]);
            if (entry && load(&entry->expires_at) <= now) remove_locked(index, entry);
        }
        pthread_rwlock_unlock(&index->lock);
    }
}

/* --- saving --- */

size_t logins_index_extended(struct logins_index *index, struct arena *arena, struct session_extension **ret_items)
{
    pthread_rwlock_rdlock(&index->lock);
    struct session_extension *items = arena_array(arena, index->count, sizeof *items);
    size_t count = 0;
    for (uint32_t i = 0; i < index->count; i++) {
        const struct entry *entry = &index->entries[i];
        int64_t expires_at = load(&entry->expires_at);
        if (expires_at != load(&entry->saved)) items[count++] = (struct session_extension){ entry->hash, expires_at };
    }
    pthread_rwlock_unlock(&index->lock);
    *ret_items = items;
    return count;
}

void logins_index_saved(struct logins_index *index, const struct session_extension *items, size_t count)
{
    pthread_rwlock_rdlock(&index->lock);
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = find_locked(index, &items[i].hash);
        if (entry) set(&entry->saved, items[i].expires_at);
    }
    pthread_rwlock_unlock(&index->lock);
}

size_t logins_index_count(struct logins_index *index)
{
    pthread_rwlock_rdlock(&index->lock);
    size_t count = index->count;
    pthread_rwlock_unlock(&index->lock);
    return count;
}
