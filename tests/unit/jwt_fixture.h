/* jwt_fixture.h — an identity provider: keys, key sets and tokens, good and bad ones. */
#ifndef ROSTER_TESTS_JWT_FIXTURE_H
#define ROSTER_TESTS_JWT_FIXTURE_H

#include "unit.h"

#include "base/arena.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ISSUER "https://issuer.example"
#define AUDIENCE "roster"
#define NOW_S INT64_C(1700000000)
#define NOW (NOW_S * 1000000)

static __attribute__((unused)) const char *base64url(struct arena *arena, const void *bytes, size_t size)
{
    char *text = arena_alloc(arena, size * 4 / 3 + 8);
    int length = EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    while (length && text[length - 1] == '=') length--;
    text[length] = 0;
    for (char *at = text; *at; at++) *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    return text;
}

/* ---- keys */

static __attribute__((unused)) EVP_PKEY *new_rsa(unsigned bits)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
}
static __attribute__((unused)) EVP_PKEY *new_ec(const char *curve)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}
static __attribute__((unused)) EVP_PKEY *new_ed25519(void)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static const char *number_of(struct arena *arena, EVP_PKEY *pkey, const char *name, int size)
{
    BIGNUM *number = NULL;
    unsigned char bytes[2048];
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &number), 1);
    int length = BN_bn2binpad(number, bytes, size ? size : BN_num_bytes(number));
    BN_free(number);
    assert_true(length > 0);
    return base64url(arena, bytes, (size_t)length);
}

/* The public members without braces: `"kty":"EC",...` */
static __attribute__((unused)) const char *public_members(struct arena *arena, EVP_PKEY *pkey)
{
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return arena_printf(arena, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", number_of(arena, pkey, "n", 0),
                            number_of(arena, pkey, "e", 0));
    if (EVP_PKEY_is_a(pkey, "EC"))
        return arena_printf(arena, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"", number_of(arena, pkey, "qx", 32),
                            number_of(arena, pkey, "qy", 32));
    unsigned char x[32];
    size_t size = sizeof x;
    assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, x, &size), 1);
    return arena_printf(arena, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"", base64url(arena, x, size));
}

/* `{...,"kid":KID}`; kid NULL: without */
static __attribute__((unused)) const char *jwk_text(struct arena *arena, EVP_PKEY *pkey, const char *kid)
{
    const char *members = public_members(arena, pkey);
    return kid ? arena_printf(arena, "{%s,\"kid\":\"%s\",\"use\":\"sig\"}", members, kid) : arena_printf(arena, "{%s}", members);
}

/* ---- tokens */

/* The signature as JOSE has it: r and s in a row for EC. */
static __attribute__((unused)) size_t make_signature(EVP_PKEY *pkey, const void *bytes, size_t size, unsigned char out[1024])
{
    size_t length = 1024;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *digest = EVP_PKEY_is_a(pkey, "ED25519") ? NULL : "SHA256";
    assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, pkey, NULL), 1);
    assert_int_equal(EVP_DigestSign(context, out, &length, bytes, size), 1);
    EVP_MD_CTX_free(context);
    if (!EVP_PKEY_is_a(pkey, "EC")) return length;
    const unsigned char *der = out;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    assert_non_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
    ECDSA_SIG_free(pair);
    return 64;
}

static __attribute__((unused)) const char *unsigned_token(struct arena *arena, const char *header, const char *payload)
{
    return arena_printf(arena, "%s.%s", base64url(arena, header, strlen(header)), base64url(arena, payload, strlen(payload)));
}

static __attribute__((unused)) const char *make_token(struct arena *arena, EVP_PKEY *pkey, const char *header,
                                                      const char *payload)
{
    unsigned char signature[1024];
    const char *signed_part = unsigned_token(arena, header, payload);
    size_t size = make_signature(pkey, signed_part, strlen(signed_part), signature);
    return arena_printf(arena, "%s.%s", signed_part, base64url(arena, signature, size));
}

/* ---- files */

/* A file with this text in a place of its own; the caller removes it. */
static __attribute__((unused)) const char *new_file(struct arena *arena, const char *text)
{
    const char *folder = getenv("TMPDIR");
    char *path = arena_printf(arena, "%s/roster-jwt-XXXXXX", folder ? folder : "/tmp");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    return path;
}

/* Puts another file in its place, as an editor does. */
static __attribute__((unused)) void replace_file(struct arena *arena, const char *path, const char *text)
{
    assert_int_equal(rename(new_file(arena, text), path), 0);
}

#endif
