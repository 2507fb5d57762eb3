/* jwt_keys.h — where an issuer's keys come from, and when they are read again. For jwt.c only; thread-safe.
 *
 * There is one set of keys at a time. It is exchanged as a whole, and only for one that can be used; each exchange begins a new
 * generation. One thread reads (a refresh), others that need the outcome wait for it. Times are op->now, microseconds. */
#ifndef ROSTER_AUTH_JWT_KEYS_H
#define ROSTER_AUTH_JWT_KEYS_H

#include "auth/jwk.h"
#include "auth/jwt.h"

/* Between two fetches for keys that are not known, from begin to begin. A file is looked at each time, unless that failed. */
#define JWT_KEYS_INTERVAL_US INT64_C(10000000)
/* When keys are looked for again although none was missed: one that the issuer took back stops working by then. */
#define JWT_KEYS_AGE_MAX_US (INT64_C(3600) * 1000000)
/* The same after that has failed. */
#define JWT_KEYS_RETRY_US INT64_C(60000000)

/* Threads that wait for a refresh of another. A made-up kid costs nothing, and a provider that does not answer holds for seconds:
 * those who send them must not get hold of all threads. */
enum { JWT_KEYS_WAITING_MAX = 3 };

struct jwt_keys;

/* As jwt_open. */
MUST_USE enum err jwt_keys_open(struct failure *failure, const struct jwt_options *options, int64_t now,
                                struct jwt_keys **ret_keys);
void jwt_keys_close(struct jwt_keys *keys); /* accepts NULL */

/* Higher by one with each set; 0: there was none yet. */
uint64_t jwt_keys_generation(struct jwt_keys *keys);

/* Have the keys reached their age? Costs nothing. */
bool jwt_keys_is_due(struct jwt_keys *keys, int64_t now);

/* Reads them again if that is due and nobody else does. May wait for disk and network. Failures are logged: the old keys go on.
 */
void jwt_keys_refresh_if_due(struct jwt_keys *keys, int64_t now);

struct jwt_key {
    const struct jwk *key;
    struct jwk_set *set; /* holds the key; jwk_set_drop when done */
    uint64_t generation;
};

/* The key that a token names, after a refresh if it is not known. May wait for disk and network. ERR_UNAUTHENTICATED if no key
 * fits, or several do; ERR_BUSY if there are no keys at all, or too many wait for newer ones already. */
MUST_USE enum err jwt_keys_find(struct failure *reason, struct jwt_keys *keys, int64_t now, const struct jwk_algorithm *algorithm,
                                const char *kid, struct jwt_key *ret_key);

#endif
