/* jwt_verify_fixture.h — an identity provider with a key of each kind, and for each test a jwt that verifies its tokens. */
#ifndef ROSTER_TESTS_JWT_VERIFY_FIXTURE_H
#define ROSTER_TESTS_JWT_VERIFY_FIXTURE_H

#include "jwt_fixture.h"

#include "auth/jwt.h"

static struct arena arena;
static EVP_PKEY *rsa, *ec, *ed25519, *stranger;
static struct jwt *jwt;
static const char *keys_path;

#define KEY_SET_FORM "{\"keys\":[%s,%s,%s]}"

static inline int open_provider(void **state)
{
    (void)state;
    rsa = new_rsa(2048);
    ec = new_ec("P-256");
    ed25519 = new_ed25519();
    stranger = new_ec("P-256");
    keys_path = new_file(&arena, arena_printf(&arena, KEY_SET_FORM, jwk_text(&arena, rsa, "rsa"), jwk_text(&arena, ec, "ec"),
                                              jwk_text(&arena, ed25519, "ed")));
    return 0;
}

static inline int close_provider(void **state)
{
    (void)state;
    unlink(keys_path);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed25519);
    EVP_PKEY_free(stranger);
    arena_free(&arena);
    return 0;
}

static inline int open_jwt(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    op.now = NOW;
    return jwt_open(&op, &(struct jwt_options){ .issuer = ISSUER, .audience = AUDIENCE, .keys = keys_path }, &jwt);
}

static inline int close_jwt(void **state)
{
    (void)state;
    jwt_close(jwt);
    return 0;
}

/* ---- asking */

/* The texts of the claims are in the test's arena. */
static inline enum err verify_at(const char *token, size_t size, int64_t now, bool may_block, struct jwt_claims *ret_claims)
{
    AUTO_OP op = op_begin();
    op.now = now;
    op.may_block = may_block;
    struct jwt_claims claims;
    enum err e = jwt_verify(&op, jwt, token, size, &claims);
    assert_int_equal(op.failure.code, e);
    /* Nothing tells a caller which check it was. */
    if (e == ERR_UNAUTHENTICATED) assert_string_equal(op.failure.text, "the credential is not known, has expired or was revoked");
    if (e || !ret_claims) return e;
    *ret_claims = claims;
    ret_claims->oid = arena_strdup(&arena, claims.oid);
    ret_claims->sub = arena_strdup(&arena, claims.sub);
    ret_claims->email = arena_strdup(&arena, claims.email);
    ret_claims->scopes = arena_strdup(&arena, claims.scopes);
    return e;
}

static inline enum err verify(const char *token)
{
    return verify_at(token, strlen(token), NOW, true, NULL);
}

#define EC_HEADER "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"JWT\"}"

/* The good claims with others in the place of the last ones. */
#define CLAIMS_WITH(more) "{\"iss\":\"" ISSUER "\",\"aud\":\"" AUDIENCE "\",\"exp\":1700000600,\"sub\":\"s\"" more "}"
#define GOOD_CLAIMS CLAIMS_WITH("")

static inline const char *good_token(void)
{
    return make_token(&arena, ec, EC_HEADER, GOOD_CLAIMS);
}

#define jwt_test(function) cmocka_unit_test_setup_teardown(function, open_jwt, close_jwt)

#endif
