/* jwt_token.h — what is written in a token: its parts, its header, its claims. Looks at no key. For jwt.c only.
 *
 * A reason (struct failure) is for the operator's log; it never quotes the token, except a kid or an alg. */
#ifndef ROSTER_AUTH_JWT_TOKEN_H
#define ROSTER_AUTH_JWT_TOKEN_H

#include "auth/jwk.h"
#include "auth/jwt_cache.h"

struct jwt_token {
    const struct jwk_algorithm *algorithm;
    const char *kid;    /* NULL: none */
    size_t signed_size; /* bytes of the token that the signature is of */
    const char *payload;
    size_t payload_size;
    const unsigned char *signature;
    size_t signature_size;
};

/* Takes a token of at most JWT_SIZE_MAX bytes apart and reads the header; the parts are in the arena. */
MUST_USE enum err jwt_token_read(struct failure *reason, struct arena *arena, const char *token, size_t size,
                                 struct jwt_token *ret_token);

/* Reads the claims (texts in the arena), checks iss and aud. */
MUST_USE enum err jwt_claims_read(struct failure *reason, struct arena *arena, const struct jwt_token *token, const char *issuer,
                                  const char *audience, struct jwt_verified *ret_verified);

/* Is it of now? */
MUST_USE enum err jwt_times_check(struct failure *reason, const struct jwt_verified *verified, int64_t now);

#endif
