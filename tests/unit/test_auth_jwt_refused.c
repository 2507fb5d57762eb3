/* Every way to be a bad token. */
#include "jwt_verify_fixture.h"

#include <openssl/pem.h>

static void a_header_with_one_thing_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"kid\":\"ec\"}",                  /* no alg */
        "{\"alg\":\"none\",\"kid\":\"ec\"}", /* the others: not an algorithm of ours */
        "{\"alg\":\"None\",\"kid\":\"ec\"}",
        "{\"alg\":\"\",\"kid\":\"ec\"}",
        "{\"alg\":\"es256\",\"kid\":\"ec\"}",
        "{\"alg\":\"HS256\",\"kid\":\"ec\"}",
        "{\"alg\":\"ES384\",\"kid\":\"ec\"}",
        "{\"alg\":\"ES256K\",\"kid\":\"ec\"}",
        "{\"alg\":\"PS256\",\"kid\":\"ec\"}",
        "{\"alg\":null,\"kid\":\"ec\"}",
        "{\"alg\":[\"ES256\"],\"kid\":\"ec\"}",
        "{\"alg\":\"ES256\\u0000\",\"kid\":\"ec\"}",
        "{\"alg\":\"RS256\",\"kid\":\"ec\"}", /* not the key's */
        "{\"alg\":\"EdDSA\",\"kid\":\"ec\"}",
        "{\"alg\":\"ES256\",\"kid\":\"rsa\"}",
        "{\"alg\":\"ES256\",\"kid\":\"other\"}", /* not known */
        "{\"alg\":\"ES256\",\"kid\":\"EC\"}",
        "{\"alg\":\"ES256\",\"kid\":\"\"}",
        "{\"alg\":\"ES256\",\"kid\":null}",
        "{\"alg\":\"ES256\",\"kid\":[\"ec\"]}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"crit\":[]}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"crit\":null}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"logout+jwt\"}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"dpop+jwt\"}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"\"}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":null}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"application/\"}",
        "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"ec\"}", /* named twice */
        "{\"alg\":\"none\",\"kid\":\"ec\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"kid\":\"ec\"}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\"", /* not JSON */
        "{\"alg\":\"ES256\",\"kid\":\"ec\"}}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\"} x",
        "{\"alg\":\"ES256\",\"kid\":\"\xFF\"}",
        " {\"alg\":\"ES256\",\"kid\":\"ec\"}", /* does not look like a token */
        "[\"alg\",\"ES256\"]",
        "\"ES256\"",
        "{}",
    };
    assert_int_equal(verify(good_token()), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (verify(make_token(&arena, ec, headers[i], GOOD_CLAIMS)) != ERR_UNAUTHENTICATED) fail_msg("accepted: %s", headers[i]);
}

static void claims_with_one_thing_wrong_are_refused(void **state)
{
    (void)state;
#define CLAIMS(iss, aud, exp) "{\"iss\":" iss ",\"aud\":" aud ",\"exp\":" exp "}"
    static const char *const claims[] = {
        CLAIMS("\"https://issuer.example/\"", "\"roster\"", "1700000600"),
        CLAIMS("\"https://issuer.exampl\"", "\"roster\"", "1700000600"),
        CLAIMS("\"HTTPS://issuer.example\"", "\"roster\"", "1700000600"),
        CLAIMS("[\"https://issuer.example\"]", "\"roster\"", "1700000600"),
        CLAIMS("null", "\"roster\"", "1700000600"),
        CLAIMS("\"https://issuer.example\"", "\"other\"", "1700000600"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "1699999940"), /* expired by the leeway */
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "\"1700000600\""),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "null"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "true"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "-1"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "253402300800"), /* the year 10000: milliseconds, or a mistake */
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "1700000600000"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "9223372036854775807"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "99999999999999999999999"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "1e300"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "1e999"),
        CLAIMS("\"https://issuer.example\"", "\"roster\"", "1700000600,\"exp\":1700000600"),
        "{\"aud\":\"roster\",\"exp\":1700000600}",
        "{\"iss\":\"https://issuer.example\",\"exp\":1700000600}",
        "{\"iss\":\"https://issuer.example\",\"aud\":\"roster\"}",
        CLAIMS_WITH(",\"nbf\":1700000061"),
        CLAIMS_WITH(",\"nbf\":\"1700000000\""),
        CLAIMS_WITH(",\"nbf\":null"),
        CLAIMS_WITH(",\"nbf\":-1"),
        CLAIMS_WITH(",\"nbf\":1e300"),
        CLAIMS_WITH(",\"iat\":1700000061"),
        CLAIMS_WITH(",\"iat\":\"now\""),
        CLAIMS_WITH(",\"iat\":253402300800"),
        CLAIMS_WITH(",\"oid\":7"),
        CLAIMS_WITH(",\"oid\":null"),
        CLAIMS_WITH(",\"oid\":\"a\\u0000b\""),
        CLAIMS_WITH(",\"sub\":\"s\""),
        CLAIMS_WITH(",\"email\":[\"a@b.example\"]"),
        CLAIMS_WITH(",\"scp\":7"),
        CLAIMS_WITH(",\"scp\":{}"),
        CLAIMS_WITH(",\"scp\":[7]"),
        CLAIMS_WITH(",\"scp\":[\"\"]"),
        CLAIMS_WITH(",\"scp\":[\"a b\"]"),
        CLAIMS_WITH(",\"scope\":[\"a\",null]"),
        CLAIMS_WITH(",\"scope\":true"),
        CLAIMS_WITH("}"),
        CLAIMS_WITH(",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
        "[" GOOD_CLAIMS "]",
        "null",
        " ",
        "x",
    };
    assert_int_equal(verify(good_token()), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        if (verify(make_token(&arena, ec, EC_HEADER, claims[i])) != ERR_UNAUTHENTICATED) fail_msg("accepted: %s", claims[i]);
}

static void a_signature_by_another_key_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { rsa, ec, ed25519, stranger };
    static const char *const headers[] = { "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "{\"alg\":\"ES256\",\"kid\":\"ec\"}",
                                           "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}" };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        for (size_t j = 0; j < COUNT_OF(headers); j++)
            assert_int_equal(verify(make_token(&arena, keys[i], headers[j], GOOD_CLAIMS)), i == j ? ERR_OK : ERR_UNAUTHENTICATED);
}

static const char *hmac_token(const char *header, const void *secret, size_t size)
{
    unsigned char mac[32];
    const char *signed_part = unsigned_token(&arena, header, GOOD_CLAIMS);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, size, (const unsigned char *)signed_part,
                              strlen(signed_part), mac, sizeof mac, NULL));
    return arena_printf(&arena, "%s.%s", signed_part, base64url(&arena, mac, sizeof mac));
}

/* The classic: who lets the token choose takes the public key for a secret that is shared. */
static void a_public_key_is_no_secret(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { rsa, ec, ed25519 };
    static const char *const kids[] = { "rsa", "ec", "ed" };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        unsigned char *der = NULL, raw[32];
        size_t raw_size = sizeof raw;
        int der_size = i2d_PUBKEY(keys[i], &der);
        BIO *memory = BIO_new(BIO_s_mem());
        char *pem;
        PEM_write_bio_PUBKEY(memory, keys[i]);
        long pem_size = BIO_get_mem_data(memory, &pem);
        const char *const algorithms[] = { "HS256", "RS256", "ES256", "EdDSA" };
        for (size_t j = 0; j < COUNT_OF(algorithms); j++) {
            const char *header = arena_printf(&arena, "{\"alg\":\"%s\",\"kid\":\"%s\"}", algorithms[j], kids[i]);
            const char *jwk = jwk_text(&arena, keys[i], kids[i]);
            assert_int_equal(verify(hmac_token(header, der, (size_t)der_size)), ERR_UNAUTHENTICATED);
            assert_int_equal(verify(hmac_token(header, pem, (size_t)pem_size)), ERR_UNAUTHENTICATED);
            assert_int_equal(verify(hmac_token(header, jwk, strlen(jwk))), ERR_UNAUTHENTICATED);
            assert_int_equal(verify(hmac_token(header, "", 0)), ERR_UNAUTHENTICATED);
            if (EVP_PKEY_get_raw_public_key(keys[i], raw, &raw_size) == 1)
                assert_int_equal(verify(hmac_token(header, raw, raw_size)), ERR_UNAUTHENTICATED);
        }
        OPENSSL_free(der);
        BIO_free(memory);
    }
}

/* ES256 has r and s in a row; DER is what others would send. */
static void a_signature_in_another_form_is_refused(void **state)
{
    (void)state;
    const char *signed_part = unsigned_token(&arena, EC_HEADER, GOOD_CLAIMS);
    unsigned char joined[1024], der[128], *at = der;
    size_t size = make_signature(ec, signed_part, strlen(signed_part), joined);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(pair, BN_bin2bn(joined, 32, NULL), BN_bin2bn(joined + 32, 32, NULL)), 1);
    int der_size = i2d_ECDSA_SIG(pair, &at);
    ECDSA_SIG_free(pair);
    assert_int_equal(verify(arena_printf(&arena, "%s.%s", signed_part, base64url(&arena, joined, size))), ERR_OK);
    assert_int_equal(verify(arena_printf(&arena, "%s.%s", signed_part, base64url(&arena, der, (size_t)der_size))),
                     ERR_UNAUTHENTICATED);
    joined[size] = 0;
    assert_int_equal(verify(arena_printf(&arena, "%s.%s", signed_part, base64url(&arena, joined, size + 1))),
                     ERR_UNAUTHENTICATED);
    assert_int_equal(verify(arena_printf(&arena, "%s.%s", signed_part, base64url(&arena, joined, size - 1))),
                     ERR_UNAUTHENTICATED);
}

/* Every letter belongs to what is signed, or to the signature, or to neither and is refused. */
static void a_token_with_one_letter_changed_is_refused(void **state)
{
    (void)state;
    const char *good = make_token(&arena, ed25519, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", GOOD_CLAIMS);
    size_t size = strlen(good);
    char *text = arena_strndup(&arena, good, size);
    static const char others[] = "A_.=+/ \n\x80";
    assert_int_equal(verify(text), ERR_OK);
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < sizeof others; j++) { /* with the zero */
            if (good[i] == others[j]) continue;
            text[i] = others[j];
            if (verify_at(text, size, NOW, true, NULL) != ERR_UNAUTHENTICATED) fail_msg("accepted: %s", text);
            text[i] = good[i];
        }
    assert_int_equal(verify(text), ERR_OK);
    for (size_t shorter = 0; shorter < size; shorter++)
        assert_int_equal(verify_at(text, shorter, NOW, true, NULL), ERR_UNAUTHENTICATED);
}

static void other_forms_of_the_same_token_are_refused(void **state)
{
    (void)state;
    const char *good = good_token(), *first = strchr(good, '.'), *second = strchr(first + 1, '.');
    const int header = (int)(first - good), payload = (int)(second - first - 1);
    const char *const texts[] = {
        arena_printf(&arena, "%s=", good),
        arena_printf(&arena, "%s==", good),
        arena_printf(&arena, "%s.", good),
        arena_printf(&arena, "%s ", good),
        arena_printf(&arena, " %s", good),
        arena_printf(&arena, ".%s", good),
        arena_printf(&arena, "%s\n", good),
        arena_printf(&arena, "%s.%s", good, second + 1),
        arena_printf(&arena, "%sA", good),
        arena_printf(&arena, "%.*s=.%.*s%s", header, good, payload, first + 1, second),
        arena_printf(&arena, "%.*s.%.*s=%s", header, good, payload, first + 1, second),
        arena_printf(&arena, "%.*s.%.*s.", header, good, payload, first + 1),               /* no signature */
        arena_printf(&arena, "%.*s.%.*s", header, good, payload, first + 1),                /* no third part */
        arena_printf(&arena, "%.*s.%s", header, good, second),                              /* no payload */
        arena_printf(&arena, ".%.*s%s", payload, first + 1, second),                        /* no header */
        arena_printf(&arena, "%.*s.%.*s.%s", payload, first + 1, header, good, second + 1), /* exchanged */
        arena_printf(&arena, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"%s\"}", header, good, payload,
                     first + 1, second + 1), /* the JSON form of RFC 7515 */
        "..",
        "...",
        "",
        "eyJ",
    };
    assert_int_equal(verify(good), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (verify(texts[i]) != ERR_UNAUTHENTICATED) fail_msg("accepted: %s", texts[i]);
}

/* The last letter of 64 bytes has four bits that mean nothing: all sixteen forms are the same bytes, one is accepted. */
static void bits_that_mean_nothing_must_be_zero(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *good = good_token();
    size_t last = strlen(good) - 1;
    char *text = arena_strndup(&arena, good, last + 1);
    int accepted = 0;
    for (size_t i = 0; i < 64; i++) {
        text[last] = letters[i];
        accepted += verify(text) == ERR_OK;
    }
    assert_int_equal(accepted, 1);
}

static size_t encoded_size(size_t size)
{
    return (4 * size + 2) / 3;
}

/* Good, with blanks behind header and claims; not every size can be had with blanks in one of them only. */
static const char *token_of_size(size_t size)
{
    for (size_t in_header = 0; in_header < 4; in_header++)
        for (size_t in_claims = 0; in_claims < size; in_claims++) {
            if (encoded_size(strlen(EC_HEADER) + in_header) + 1 + encoded_size(strlen(GOOD_CLAIMS) + in_claims) + 1 +
                    encoded_size(64) !=
                size)
                continue;
            const char *token = make_token(&arena, ec, arena_printf(&arena, "%s%*s", EC_HEADER, (int)in_header, ""),
                                           arena_printf(&arena, "%s%*s", GOOD_CLAIMS, (int)in_claims, ""));
            assert_int_equal(strlen(token), size);
            return token;
        }
    fail_msg("no token of %zu bytes", size);
    return NULL;
}

static void a_token_has_a_largest_size(void **state)
{
    (void)state;
    assert_int_equal(verify(token_of_size(JWT_SIZE_MAX)), ERR_OK);
    assert_int_equal(verify(token_of_size(JWT_SIZE_MAX + 1)), ERR_UNAUTHENTICATED);
    const char *huge = token_of_size(1 << 20);
    assert_int_equal(verify_at(huge, 1 << 20, NOW, true, NULL), ERR_UNAUTHENTICATED);
    assert_int_equal(verify_at(huge, 1 << 20, NOW, false, NULL), ERR_UNAUTHENTICATED); /* at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        jwt_test(a_header_with_one_thing_wrong_is_refused),
        jwt_test(claims_with_one_thing_wrong_are_refused),
        jwt_test(a_signature_by_another_key_is_refused),
        jwt_test(a_public_key_is_no_secret),
        jwt_test(a_signature_in_another_form_is_refused),
        jwt_test(a_token_with_one_letter_changed_is_refused),
        jwt_test(other_forms_of_the_same_token_are_refused),
        jwt_test(bits_that_mean_nothing_must_be_zero),
        jwt_test(a_token_has_a_largest_size),
    };
    return cmocka_run_group_tests(tests, open_provider, close_provider);
}
