/* jwt_cache.c — entries have a place (their ordinal), `by_token` finds it, and `heap` orders the places.
 *
 * The heap is a permutation of all places: the first `count` are taken and a binary heap, the soonest to expire at the top;
 * behind them are the free ones. */
#include "auth/jwt_cache.h"

#include "base/lookup.h"
#include "base/memory.h"

#include <pthread.h>

struct entry {
    struct digest token;
    struct jwt_verified verified;
    size_t size; /* with the texts */
    char texts[];
};

struct jwt_cache {
    pthread_rwlock_t lock;
    uint64_t generation;
    size_t bytes;
    uint32_t count;
    struct lookup by_token;
    struct entry *entries[JWT_CACHE_ENTRIES_MAX];
    uint32_t heap[JWT_CACHE_ENTRIES_MAX];
};

struct jwt_cache *jwt_cache_new(void)
{
    struct jwt_cache *cache = memory_zalloc(sizeof *cache);
    pthread_rwlock_init(&cache->lock, NULL);
    for (uint32_t i = 0; i < JWT_CACHE_ENTRIES_MAX; i++) cache->heap[i] = i;
    return cache;
}

static void clear(struct jwt_cache *cache)
{
    for (uint32_t i = 0; i < cache->count; i++) {
        free(cache->entries[cache->heap[i]]);
        cache->entries[cache->heap[i]] = NULL;
    }
    cache->count = 0;
    cache->bytes = 0;
    lookup_free(&cache->by_token);
}

void jwt_cache_free(struct jwt_cache *cache)
{
    if (!cache) return;
    clear(cache);
    pthread_rwlock_destroy(&cache->lock);
    free(cache);
}

/* --- looking up --- */

static uint64_t hash_of_digest(const struct digest *digest)
{
    uint64_t hash;
    memcpy(&hash, digest->bytes, sizeof hash); /* SHA-256 is mixed well enough already */
    return hash;
}
static uint64_t hash_of_entry(const void *context, uint32_t ordinal)
{
    return hash_of_digest(&((const struct jwt_cache *)context)->entries[ordinal]->token);
}
static bool same_token(const void *context, uint32_t ordinal, const void *key)
{
    return digest_equal(&((const struct jwt_cache *)context)->entries[ordinal]->token, key);
}

static const struct entry *find_locked(const struct jwt_cache *cache, const struct digest *token)
{
    uint32_t at = lookup_find(&cache->by_token, hash_of_digest(token), same_token, cache, token);
    return at == LOOKUP_NONE ? NULL : cache->entries[at];
}

bool jwt_cache_find(struct jwt_cache *cache, uint64_t generation, const struct digest *token, struct arena *arena,
                    struct jwt_verified *ret_verified)
{
    pthread_rwlock_rdlock(&cache->lock);
    const struct entry *entry = cache->generation == generation ? find_locked(cache, token) : NULL;
    if (entry) {
        *ret_verified = entry->verified;
        struct jwt_claims *claims = &ret_verified->claims;
        claims->oid = arena_strdup(arena, claims->oid);
        claims->sub = arena_strdup(arena, claims->sub);
        claims->email = arena_strdup(arena, claims->email);
        claims->scopes = arena_strdup(arena, claims->scopes);
    }
    pthread_rwlock_unlock(&cache->lock);
    return entry != NULL;
}

/* --- the heap --- */

static int64_t expiry(const struct jwt_cache *cache, uint32_t at)
{
    return cache->entries[cache->heap[at]]->verified.claims.expires_at;
}

static void exchange(struct jwt_cache *cache, uint32_t a, uint32_t b)
{
    uint32_t ordinal = cache->heap[a];
    cache->heap[a] = cache->heap[b];
    cache->heap[b] = ordinal;
}

static void rise(struct jwt_cache *cache, uint32_t at)
{
    for (; at && expiry(cache, at) < expiry(cache, (at - 1) / 2); at = (at - 1) / 2) exchange(cache, at, (at - 1) / 2);
}

static void sink(struct jwt_cache *cache, uint32_t at)
{
    for (;;) {
        uint32_t soonest = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < cache->count; child++)
            if (expiry(cache, child) < expiry(cache, soonest)) soonest = child;
        if (soonest == at) return;
        exchange(cache, at, soonest);
        at = soonest;
    }
}

static void drop_first(struct jwt_cache *cache)
{
    uint32_t ordinal = cache->heap[0];
    struct entry *entry = cache->entries[ordinal];
    exchange(cache, 0, --cache->count);
    sink(cache, 0);
    lookup_remove(&cache->by_token, hash_of_digest(&entry->token), ordinal);
    cache->entries[ordinal] = NULL;
    cache->bytes -= entry->size;
    free(entry);
}

/* --- putting --- */

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *keep_text(char **next, const char *text)
{
    if (!text) return NULL;
    const char *kept = memcpy(*next, text, strlen(text) + 1);
    *next += strlen(text) + 1;
    return kept;
}

static struct entry *make_entry(const struct digest *token, const struct jwt_verified *verified)
{
    const struct jwt_claims *claims = &verified->claims;
    size_t size = sizeof(struct entry) + text_size(claims->oid) + text_size(claims->sub) + text_size(claims->email) +
                  text_size(claims->scopes);
    struct entry *entry = memory_alloc(size);
    char *next = entry->texts;
    entry->token = *token;
    entry->size = size;
    entry->verified = *verified;
    entry->verified.claims.oid = keep_text(&next, claims->oid);
    entry->verified.claims.sub = keep_text(&next, claims->sub);
    entry->verified.claims.email = keep_text(&next, claims->email);
    entry->verified.claims.scopes = keep_text(&next, claims->scopes);
    return entry;
}

static bool is_full(const struct jwt_cache *cache, size_t more)
{
    return cache->count == JWT_CACHE_ENTRIES_MAX || cache->bytes + more > JWT_CACHE_BYTES_MAX;
}

static void put_locked(struct jwt_cache *cache, const struct digest *token, const struct jwt_verified *verified, int64_t now)
{
    struct entry *entry = make_entry(token, verified);
    while (cache->count && (is_full(cache, entry->size) || expiry(cache, 0) <= now)) drop_first(cache);
    uint32_t ordinal = cache->heap[cache->count];
    cache->entries[ordinal] = entry;
    cache->bytes += entry->size;
    lookup_add(&cache->by_token, hash_of_digest(token), ordinal, hash_of_entry, cache);
    rise(cache, cache->count++);
}

void jwt_cache_put(struct jwt_cache *cache, uint64_t generation, const struct digest *token, const struct jwt_verified *verified,
                   int64_t now)
{
    pthread_rwlock_wrlock(&cache->lock);
    if (generation > cache->generation) {
        clear(cache);
        cache->generation = generation;
    }
    if (generation == cache->generation && !find_locked(cache, token)) put_locked(cache, token, verified, now);
    pthread_rwlock_unlock(&cache->lock);
}

size_t jwt_cache_count(struct jwt_cache *cache)
{
    pthread_rwlock_rdlock(&cache->lock);
    size_t count = cache->count;
    pthread_rwlock_unlock(&cache->lock);
    return count;
}
