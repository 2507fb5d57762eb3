#include "net/limiter.h"

#include "base/lookup.h"
#include "base/memory.h"

void limiter_init(struct limiter *limiter)
{
    *limiter = (struct limiter){ 0 };
    for (int i = 0; i < LIMITER_SHARDS; i++) pthread_mutex_init(&limiter->shards[i].mutex, NULL);
}

void limiter_free(struct limiter *limiter)
{
    for (int i = 0; i < LIMITER_SHARDS; i++) {
        pthread_mutex_destroy(&limiter->shards[i].mutex);
        free(limiter->shards[i].counts);
    }
}

static struct limiter_count *find_count(struct limiter_shard *shard, uint64_t hash, int64_t caller)
{
    uint32_t at = (uint32_t)(hash >> 32) & (shard->capacity - 1);
    while (shard->counts[at].requests && shard->counts[at].caller != caller) at = (at + 1) & (shard->capacity - 1);
    return &shard->counts[at];
}

static void grow(struct limiter_shard *shard)
{
    struct limiter_count *old = shard->counts;
    uint32_t old_capacity = shard->capacity;
    shard->capacity = old_capacity ? old_capacity * 2 : 64;
    shard->counts = memory_zalloc(shard->capacity * sizeof *shard->counts);
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (!old[i].requests) continue;
        *find_count(shard, lookup_hash_bytes(&old[i].caller, sizeof old[i].caller), old[i].caller) = old[i];
    }
    free(old);
}

static int64_t count_request(struct limiter_shard *shard, uint64_t hash, int64_t caller, int64_t window)
{
    if (shard->window != window) { /* a new window: everybody starts from nothing */
        shard->window = window;
        shard->used = 0;
        if (shard->counts) memset(shard->counts, 0, shard->capacity * sizeof *shard->counts);
    }
    if ((shard->used + 1) * 2 > shard->capacity) grow(shard);
    struct limiter_count *count = find_count(shard, hash, caller);
    if (!count->requests) {
        count->caller = caller;
        shard->used++;
    }
    return ++count->requests;
}

int64_t limiter_take(struct limiter *limiter, int64_t caller, int64_t limit, int64_t period_s, int64_t now_us)
{
    if (!limit) return 0;
    int64_t period_us = period_s * 1000000, window = now_us / period_us;
    uint64_t hash = lookup_hash_bytes(&caller, sizeof caller);
    struct limiter_shard *shard = &limiter->shards[hash % LIMITER_SHARDS];
    pthread_mutex_lock(&shard->mutex);
    int64_t requests = count_request(shard, hash, caller, window);
    pthread_mutex_unlock(&shard->mutex);
    if (requests <= limit) return 0;
    return ((window + 1) * period_us - now_us + 999999) / 1000000;
}
