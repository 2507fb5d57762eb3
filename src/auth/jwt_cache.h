/* jwt_cache.h — tokens that were verified, so that a signature is checked once and not at every request. For jwt.c only.
 *
 * An entry is found by the token's SHA-256 and belongs to the generation of keys it was verified with: when the keys change all
 * entries are gone. Bounded in number and bytes; who expires first goes first. Thread-safe: readers share a lock. */
#ifndef ROSTER_AUTH_JWT_CACHE_H
#define ROSTER_AUTH_JWT_CACHE_H

#include "auth/jwt.h"
#include "base/digest.h"

enum { JWT_CACHE_ENTRIES_MAX = 10000, JWT_CACHE_BYTES_MAX = 16 << 20 };

struct jwt_cache;

/* What a good signature makes true, and when. */
struct jwt_verified {
    struct jwt_claims claims;
    int64_t valid_from; /* microseconds UTC: the later of nbf and iat; 0: none */
};

struct jwt_cache *jwt_cache_new(void);
void jwt_cache_free(struct jwt_cache *cache); /* accepts NULL */

/* False if it is not there for this generation. The texts are copied into the arena. Whether it has expired is for the caller. */
bool jwt_cache_find(struct jwt_cache *cache, uint64_t generation, const struct digest *token, struct arena *arena,
                    struct jwt_verified *ret_verified);

/* Copies it in. Of an older generation than the cache's: does nothing; of a newer one: drops what is there. */
void jwt_cache_put(struct jwt_cache *cache, uint64_t generation, const struct digest *token, const struct jwt_verified *verified,
                   int64_t now);

size_t jwt_cache_count(struct jwt_cache *cache);

#endif
