/* attempts.h — so many attempts per key (an address, a fingerprint) and period, in memory that stays the same whatever is sent.
 *
 * A key has a bucket that leaks: `limit` attempts fit at once, and room for one more comes back every period/limit. Attempts that
 * are refused are not counted. Counts are per process and forgotten at a restart.
 *
 * A table has room for ATTEMPT_SETS * ATTEMPT_WAYS keys. When the place of a new key is taken by others that are all busy, it is
 * given the emptiest of their buckets with what is in it ("space saving", Metwally, Agrawal, El Abbadi 2005). So nobody gets more
 * attempts by sending many keys; under a flood of more busy keys than there is room for, new ones get fewer. Where a key falls
 * cannot be foreseen from outside. */
#ifndef ROSTER_NET_ATTEMPTS_H
#define ROSTER_NET_ATTEMPTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { ATTEMPT_SETS = 1024, ATTEMPT_WAYS = 8, ATTEMPT_SEED_SIZE = 16, ATTEMPT_KEY_MAX = 255, ATTEMPT_CLIENT_SIZE = 64 };

/* 128 KiB. For one kind of key, with one limit and period. */
struct attempts {
    pthread_mutex_t mutex;
    bool seeded;
    uint8_t seed[ATTEMPT_SEED_SIZE];
    struct attempt {
        uint64_t hash;    /* of the key */
        int64_t empty_us; /* when its bucket will have leaked empty; in the past: nobody's */
    } slots[ATTEMPT_SETS][ATTEMPT_WAYS];
};

/* May be a static object; nothing needs to be freed. */
#define ATTEMPTS_INIT                                                                                                            \
    {                                                                                                                            \
        .mutex = PTHREAD_MUTEX_INITIALIZER                                                                                       \
    }

/* Counts one attempt of `key` (its first ATTEMPT_KEY_MAX bytes) at `now_us` (wall clock). Returns 0 if it may be made, else the
 * whole seconds (at least 1) after which one may. A limit of 0 allows everything and counts nothing. If the clock was set back, a
 * full bucket is empty after one period nevertheless. Thread-safe, under a microsecond. */
int64_t attempts_take(struct attempts *attempts, const char *key, int64_t limit, int64_t period_s, int64_t now_us);

/* The key of a client's address (struct request): of IPv6 its network of 64 bits, since whoever has one of its addresses has them
 * all; else the address itself. All that comes through a unix socket has the key "unix". */
void attempts_client_key(const char *client, char ret_key[ATTEMPT_CLIENT_SIZE]);

#endif
