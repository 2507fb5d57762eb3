/* jwk.h — the public keys of an issuer: a JSON Web Key Set (RFC 7517), read once and then only looked at.
 *
 * An algorithm is a row of the table in jwk.c and belongs to one kind of key, so a key knows which algorithm it is for and a
 * token cannot choose: RS256 needs an RSA key, ES256 one on P-256, EdDSA one of Ed25519. What is no row (none, HS256, ...) does
 * not exist.
 *
 * Keys of a set that are not for us are passed over, as RFC 7517 section 5 wants it: other kinds, another `use` than sig,
 * `key_ops` without verify, another `alg` than the kind's, RSA under 2048 or over 8192 bits, points not on the curve. */
#ifndef ROSTER_AUTH_JWK_H
#define ROSTER_AUTH_JWK_H

#include "base/err.h"

enum { JWK_SET_SIZE_MAX = 256 << 10, JWK_COUNT_MAX = 64, JWK_RSA_BITS_MIN = 2048, JWK_RSA_BITS_MAX = 8192 };

struct jwk_algorithm;
struct jwk;
struct jwk_set;

/* By the name in a token's header; NULL if it is none of ours. Names are case-sensitive. */
const struct jwk_algorithm *jwk_algorithm_named(const char *name);

/* Reads `{"keys":[...]}`. ERR_INVALID with the reason in words: too large, not such an object, more than JWK_COUNT_MAX keys, none
 * that can be used. The set has one reference, the caller's. */
MUST_USE enum err jwk_set_parse(struct failure *failure, const char *bytes, size_t size, struct jwk_set **ret_set);

struct jwk_set *jwk_set_hold(struct jwk_set *set); /* one more reference; thread-safe */
void jwk_set_drop(struct jwk_set *set);            /* the last one frees; accepts NULL; thread-safe */

/* Keys that can be used. */
size_t jwk_set_count(const struct jwk_set *set);

enum jwk_found {
    JWK_FOUND,
    JWK_UNKNOWN,  /* no key has the kid, or without one: none is for the algorithm. A newer set may have one */
    JWK_MISFIT,   /* a key has the kid, and is for another algorithm */
    JWK_AMBIGUOUS /* several keys fit */
};

/* The key a token names (kid NULL: it names none), if exactly one fits. It lives as long as the set. */
enum jwk_found jwk_set_find(const struct jwk_set *set, const struct jwk_algorithm *algorithm, const char *kid,
                            const struct jwk **ret_key);

/* Is this the key's signature (in the form of RFC 7518 section 3, RFC 8037 section 3.1) of these bytes? 40 to 150 us.
 * Thread-safe. */
bool jwk_verify(const struct jwk *key, const void *bytes, size_t size, const unsigned char *signature, size_t signature_size);

#endif
