/* attempts.c — a fixed table in sets, as processors' caches are. A slot's time never goes back, so the least of a set does not
 * either, and a key that was pushed out and comes again is given at least what it had. */
#include "net/attempts.h"

#include "base/digest.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* With a secret, so that nobody can aim at another's set. */
static uint64_t hash_key(struct attempts *attempts, const char *key)
{
    char text[ATTEMPT_SEED_SIZE + ATTEMPT_KEY_MAX];
    size_t size = strnlen(key, ATTEMPT_KEY_MAX);
    if (!attempts->seeded) random_bytes(attempts->seed, sizeof attempts->seed);
    attempts->seeded = true;
    memcpy(text, attempts->seed, ATTEMPT_SEED_SIZE);
    memcpy(text + ATTEMPT_SEED_SIZE, key, size);
    struct digest digest = digest_of(text, ATTEMPT_SEED_SIZE + size);
    uint64_t hash;
    memcpy(&hash, digest.bytes, sizeof hash);
    return hash;
}

/* The key's own slot, or the one of the set that is empty first. */
static struct attempt *find_slot(struct attempts *attempts, uint64_t hash)
{
    struct attempt *set = attempts->slots[hash % ATTEMPT_SETS], *least = set;
    for (struct attempt *slot = set; slot < set + ATTEMPT_WAYS; slot++) {
        if (slot->hash == hash) return slot;
        if (slot->empty_us < least->empty_us) least = slot;
    }
    return least;
}

int64_t attempts_take(struct attempts *attempts, const char *key, int64_t limit, int64_t period_s, int64_t now_us)
{
    if (limit <= 0) return 0;
    int64_t each_us = (period_s * 1000000 + limit - 1) / limit, full_us = each_us * limit;
    pthread_mutex_lock(&attempts->mutex);
    uint64_t hash = hash_key(attempts, key);
    struct attempt *slot = find_slot(attempts, hash);
    int64_t empty_us = slot->empty_us < now_us ? now_us : slot->empty_us;
    if (empty_us > now_us + full_us) empty_us = now_us + full_us;
    int64_t over_us = empty_us + each_us - now_us - full_us;
    if (over_us <= 0) *slot = (struct attempt){ hash, empty_us + each_us };
    else if (slot->empty_us > empty_us) slot->empty_us = empty_us;
    pthread_mutex_unlock(&attempts->mutex);
    return over_us <= 0 ? 0 : (over_us + 999999) / 1000000;
}

void attempts_client_key(const char *client, char ret_key[ATTEMPT_CLIENT_SIZE])
{
    struct in6_addr address;
    char network[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, client, &address) != 1) {
        snprintf(ret_key, ATTEMPT_CLIENT_SIZE, "%s", client);
        return;
    }
    memset(address.s6_addr + 8, 0, 8);
    snprintf(ret_key, ATTEMPT_CLIENT_SIZE, "%s/64", inet_ntop(AF_INET6, &address, network, sizeof network));
}
