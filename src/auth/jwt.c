/* jwt.c — the checks of a token in their order: what costs nothing and needs no key first, so that only a token that says it is
 * the issuer's, for us and of now can make keys be fetched. */
#include "auth/jwt.h"

#include "auth/jwt_cache.h"
#include "auth/jwt_keys.h"
#include "auth/jwt_token.h"
#include "base/log.h"
#include "base/memory.h"

struct jwt {
    char *issuer, *audience;
    struct jwt_keys *keys;
    struct jwt_cache *cache;
};

enum err jwt_open(struct op *op, const struct jwt_options *options, struct jwt **ret_jwt)
{
    struct failure failure = { 0 };
    struct jwt_keys *keys;
    if (!options->issuer || !*options->issuer) return op_fail(op, ERR_INVALID, "issuer", "the issuer of the tokens is not named");
    if (!options->audience || !*options->audience)
        return op_fail(op, ERR_INVALID, "audience", "the audience of the tokens is not named");
    enum err e = jwt_keys_open(&failure, options, op->now, &keys);
    if (e) return op_fail(op, e, failure.field, "the keys of the issuer cannot be used: %s", failure.text);
    struct jwt *jwt = memory_zalloc(sizeof *jwt);
    jwt->issuer = memory_strdup(options->issuer);
    jwt->audience = memory_strdup(options->audience);
    jwt->keys = keys;
    jwt->cache = jwt_cache_new();
    *ret_jwt = jwt;
    return ERR_OK;
}

void jwt_close(struct jwt *jwt)
{
    if (!jwt) return;
    jwt_keys_close(jwt->keys);
    jwt_cache_free(jwt->cache);
    free(jwt->issuer);
    free(jwt->audience);
    free(jwt);
}

static enum err check_signature(struct failure *reason, struct op *op, struct jwt *jwt, const char *text,
                                const struct jwt_token *token, uint64_t *ret_generation)
{
    struct jwt_key found;
    enum err e = jwt_keys_find(reason, jwt->keys, op->now, token->algorithm, token->kid, &found);
    if (e) return e;
    bool good = jwk_verify(found.key, text, token->signed_size, token->signature, token->signature_size);
    jwk_set_drop(found.set);
    *ret_generation = found.generation;
    return good ? ERR_OK : failure_set(reason, ERR_UNAUTHENTICATED, "", "its signature is wrong");
}

static enum err check_new(struct failure *reason, struct op *op, struct jwt *jwt, const char *text, size_t size,
                          const struct digest *digest, struct jwt_verified *ret_verified)
{
    struct jwt_token token;
    uint64_t generation;
    enum err e = jwt_token_read(reason, &op->arena, text, size, &token);
    if (!e) e = jwt_claims_read(reason, &op->arena, &token, jwt->issuer, jwt->audience, ret_verified);
    if (!e) e = jwt_times_check(reason, ret_verified, op->now);
    if (!e) e = check_signature(reason, op, jwt, text, &token, &generation);
    if (!e) jwt_cache_put(jwt->cache, generation, digest, ret_verified, op->now);
    return e;
}

static enum err check(struct failure *reason, struct op *op, struct jwt *jwt, const char *text, size_t size,
                      struct jwt_verified *ret_verified)
{
    if (size > JWT_SIZE_MAX || !jwt_is_token(text, size))
        return failure_set(reason, ERR_UNAUTHENTICATED, "", "it is too large or has not the form of a token");
    if (jwt_keys_is_due(jwt->keys, op->now)) {
        if (!op->may_block) return failure_set(reason, ERR_DEFERRED, "", "the keys are due");
        jwt_keys_refresh_if_due(jwt->keys, op->now);
    }
    struct digest digest = digest_of(text, size);
    if (jwt_cache_find(jwt->cache, jwt_keys_generation(jwt->keys), &digest, &op->arena, ret_verified))
        return jwt_times_check(reason, ret_verified, op->now);
    if (!op->may_block) return failure_set(reason, ERR_DEFERRED, "", "the token is new");
    return check_new(reason, op, jwt, text, size, &digest, ret_verified);
}

enum err jwt_verify(struct op *op, struct jwt *jwt, const char *token, size_t size, struct jwt_claims *ret_claims)
{
    struct failure reason = { 0 };
    struct jwt_verified verified;
    enum err e = check(&reason, op, jwt, token, size, &verified);
    if (!e) *ret_claims = verified.claims;
    if (e == ERR_DEFERRED || e == ERR_BUSY) return op_fail(op, e, "", "%s", reason.text);
    if (!e) return ERR_OK;
    log_debug("auth.jwt: a token is refused: %s", reason.text);
    return op_fail(op, ERR_UNAUTHENTICATED, "", "the credential is not known, has expired or was revoked");
}
