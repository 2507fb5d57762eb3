/* One good token, and every way to be a bad one. */
#include "jwt_fixture.h"

#include "auth/jwt.h"

#include <openssl/pem.h>
#include <pthread.h>

static struct arena arena;
static EVP_PKEY *rsa, *ec, *ed25519, *stranger;
static struct jwt *jwt;
static const char *keys_path;

#define KEY_SET_FORM "{\"keys\":[%s,%s,%s]}"

static int open_provider(void **state)
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

static int close_provider(void **state)
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

static int open_jwt(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    op.now = NOW;
    return jwt_open(&op, &(struct jwt_options){ .issuer = ISSUER, .audience = AUDIENCE, .keys = keys_path }, &jwt);
}

static int close_jwt(void **state)
{
    (void)state;
    jwt_close(jwt);
    return 0;
}

/* ---- asking */

/* The texts of the claims are in the test's arena. */
static enum err verify_at(const char *token, size_t size, int64_t now, bool may_block, struct jwt_claims *ret_claims)
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

static enum err verify(const char *token)
{
    return verify_at(token, strlen(token), NOW, true, NULL);
}

#define EC_HEADER "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"JWT\"}"

/* The good claims with others in the place of the last ones. */
#define CLAIMS_WITH(more) "{\"iss\":\"" ISSUER "\",\"aud\":\"" AUDIENCE "\",\"exp\":1700000600,\"sub\":\"s\"" more "}"
#define GOOD_CLAIMS CLAIMS_WITH("")

static const char *good_token(void)
{
    return make_token(&arena, ec, EC_HEADER, GOOD_CLAIMS);
}

/* ---- good ones */

static void the_three_algorithms_are_accepted(void **state)
{
    (void)state;
    const struct {
        EVP_PKEY *key;
        const char *header;
    } cases[] = {
        { rsa, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}" },    { rsa, "{\"alg\":\"RS256\"}" },
        { ec, "{\"alg\":\"ES256\",\"kid\":\"ec\"}" },      { ec, "{\"alg\":\"ES256\"}" },
        { ed25519, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}" }, { ed25519, "{\"alg\":\"EdDSA\"}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct jwt_claims claims;
        const char *token = make_token(&arena, cases[i].key, cases[i].header, GOOD_CLAIMS);
        assert_int_equal(verify_at(token, strlen(token), NOW, true, &claims), ERR_OK);
        assert_string_equal(claims.sub, "s");
        assert_int_equal(claims.expires_at, (NOW_S + 600) * 1000000);
    }
}

static void the_good_headers_are_accepted(void **state)
{
    (void)state;
    static const char *const members[] = {
        "",
        ",\"typ\":\"JWT\"",
        ",\"typ\":\"jwt\"",
        ",\"typ\":\"at+jwt\"",
        ",\"typ\":\"application/at+jwt\"",
        ",\"typ\":\"AT+JWT\"",
        /* where to get keys is for us to say: not looked at */
        ",\"jku\":\"https://evil.example/keys\"",
        ",\"x5t\":\"abc\",\"jwk\":{\"kty\":\"oct\"}",
    };
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const char *header = arena_printf(&arena, "{\"alg\":\"ES256\",\"kid\":\"ec\"%s}", members[i]);
        assert_int_equal(verify(make_token(&arena, ec, header, GOOD_CLAIMS)), ERR_OK);
    }
}

static void the_claims_are_those_of_the_token(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        struct jwt_claims expected;
    } cases[] = {
        { "", { .email_verified = true } },
        { ",\"oid\":\"6f0\",\"email\":\"a@b.example\"", { .oid = "6f0", .email = "a@b.example", .email_verified = true } },
        { ",\"oid\":\"\",\"email\":\"\"", { .email_verified = true } },
        { ",\"email_verified\":true", { .email_verified = true } },
        { ",\"email_verified\":\"true\"", { .email_verified = true } },
        { ",\"email_verified\":false", { .email_verified = false } },
        { ",\"email_verified\":\"false\"", { .email_verified = false } },
        { ",\"email_verified\":null", { .email_verified = false } },
        { ",\"email_verified\":1", { .email_verified = false } },
        { ",\"scp\":\"Organization.Read Device.Read\"", { .email_verified = true, .scopes = "Organization.Read Device.Read" } },
        { ",\"scope\":\"a b\"", { .email_verified = true, .scopes = "a b" } },
        { ",\"scope\":[\"a\",\"b\"]", { .email_verified = true, .scopes = "a b" } },
        { ",\"scp\":[\"a\",\"b\"],\"scope\":\"c\"", { .email_verified = true, .scopes = "a b" } },
        { ",\"scp\":[],\"scope\":\"c\"", { .email_verified = true } },
        { ",\"scp\":\"\"", { .email_verified = true } },
        { ",\"oid\":\"\\u00e4\\\"\"", { .oid = "\xC3\xA4\"", .email_verified = true } },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *token = make_token(&arena, ec, EC_HEADER, arena_printf(&arena, CLAIMS_WITH("%s"), cases[i].more));
        const struct jwt_claims *expected = &cases[i].expected;
        for (int again = 0; again <= 1; again++) { /* the second time from the cache */
            struct jwt_claims claims;
            assert_int_equal(verify_at(token, strlen(token), NOW, !again, &claims), ERR_OK);
            assert_string_equal(claims.sub, "s");
            assert_int_equal(claims.expires_at, (NOW_S + 600) * 1000000);
            assert_int_equal(claims.email_verified, expected->email_verified);
            const char *const found[] = { claims.oid, claims.email, claims.scopes };
            const char *const wanted[] = { expected->oid, expected->email, expected->scopes };
            for (size_t j = 0; j < COUNT_OF(found); j++) {
                if (wanted[j] && found[j]) assert_string_equal(found[j], wanted[j]);
                else assert_ptr_equal(found[j], wanted[j]);
            }
        }
    }
}

static void an_audience_may_be_one_of_several(void **state)
{
    (void)state;
    static const struct {
        const char *aud;
        enum err expected;
    } cases[] = {
        { "\"roster\"", ERR_OK },
        { "[\"roster\"]", ERR_OK },
        { "[\"other\",\"roster\"]", ERR_OK },
        { "[\"roster\",\"other\",\"third\"]", ERR_OK },
        { "[]", ERR_UNAUTHENTICATED },
        { "[\"other\"]", ERR_UNAUTHENTICATED },
        { "[\"roster\",7]", ERR_UNAUTHENTICATED },
        { "[[\"roster\"]]", ERR_UNAUTHENTICATED },
        { "{\"roster\":\"roster\"}", ERR_UNAUTHENTICATED },
        { "null", ERR_UNAUTHENTICATED },
        { "\"\"", ERR_UNAUTHENTICATED },
        { "\"roster \"", ERR_UNAUTHENTICATED },
        { "\"Roster\"", ERR_UNAUTHENTICATED },
        { "\"rosters\"", ERR_UNAUTHENTICATED },
        { "\"roste\"", ERR_UNAUTHENTICATED },
        { "\"other roster\"", ERR_UNAUTHENTICATED },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *claims = arena_printf(&arena, "{\"iss\":\"" ISSUER "\",\"exp\":1700000600,\"aud\":%s}", cases[i].aud);
        assert_int_equal(verify(make_token(&arena, ec, EC_HEADER, claims)), cases[i].expected);
    }
}

/* ---- times */

static void times_have_a_minute_of_leeway(void **state)
{
    (void)state;
    enum { LEEWAY = 60 };
    static const struct {
        const char *more;
        int64_t good_from_s, good_until_s; /* relative to now */
    } cases[] = {
        { "\"exp\":1700000600", -1000000, 600 + LEEWAY },
        { "\"exp\":1700000600.0", -1000000, 600 + LEEWAY },
        { "\"exp\":1.7000006e9", -1000000, 600 + LEEWAY },
        { "\"exp\":1700000600,\"nbf\":1700000100", 100 - LEEWAY, 600 + LEEWAY },
        { "\"exp\":1700000600,\"iat\":1700000100", 100 - LEEWAY, 600 + LEEWAY },
        { "\"exp\":1700000600,\"iat\":1700000100,\"nbf\":1700000200", 200 - LEEWAY, 600 + LEEWAY },
        { "\"exp\":1700000600,\"iat\":1700000200,\"nbf\":1700000100", 200 - LEEWAY, 600 + LEEWAY },
        { "\"exp\":1700000600,\"iat\":0,\"nbf\":0", -1000000, 600 + LEEWAY },
        { "\"exp\":253402300799", 0, 1000000 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *claims = arena_printf(&arena, "{\"iss\":\"" ISSUER "\",\"aud\":\"roster\",%s}", cases[i].more);
        const char *token = make_token(&arena, ec, EC_HEADER, claims);
        const int64_t good_from = NOW + cases[i].good_from_s * 1000000, good_until = NOW + cases[i].good_until_s * 1000000;
        const bool has_begin = cases[i].good_from_s > -100000 && cases[i].good_from_s != 0,
                   has_end = cases[i].good_until_s < 100000;
        for (int again = 0; again <= 1; again++) { /* then from the cache: the times are looked at again */
            if (has_begin) assert_int_equal(verify_at(token, strlen(token), good_from - 1, true, NULL), ERR_UNAUTHENTICATED);
            if (has_end) assert_int_equal(verify_at(token, strlen(token), good_until, true, NULL), ERR_UNAUTHENTICATED);
            assert_int_equal(verify_at(token, strlen(token), good_from, true, NULL), ERR_OK);
            assert_int_equal(verify_at(token, strlen(token), good_until - 1, true, NULL), ERR_OK);
        }
    }
}

/* ---- bad ones */

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

/* ---- what looks like one */

static void tokens_are_told_from_other_secrets(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e",
        "rSRETBUBbu88qkoPk0HHGAtK8P8BbEDm0JHM-miifOR",
        "eyJ",
        "eyJhbGciOiJFUzI1NiJ9",
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJhbGciOiJFUzI1NiJ9.e30",
        "eyJhbGciOiJFUzI1NiJ9..A",
        "eyJ.e30.A",
        "a.b.c",
        "aaaa.bbbb.cccc",
        "fyJhbGciOiJFUzI1NiJ9.e30.A",
        "eyHhbGciOiJFUzI1NiJ9.e30.A",
        "eyMhbGciOiJFUzI1NiJ9.e30.A",
        "eyJhbGciOiJFUzI1NiJ9.e30.A.A",
        "eyJhbGciOiJFUzI1NiJ9.e30.A.A.A", /* an encrypted one has five parts */
        "eyJhbGciOiJFUzI1NiJ9.e30.A=",
        "eyJhbGciOiJFUzI1NiJ9.e+0.A",
        "eyJhbGciOiJFUzI1NiJ9.e30 .A",
        " eyJhbGciOiJFUzI1NiJ9.e30.A",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (jwt_is_token(others[i], strlen(others[i]))) fail_msg("looks like one: %s", others[i]);
    assert_true(jwt_is_token("eyJhbGciOiJFUzI1NiJ9.e30.A", 26));
    assert_true(jwt_is_token("eyJhbGciOiJub25lIn0.e30.", 24)); /* without a signature: to be refused as a token */
    assert_true(jwt_is_token(good_token(), strlen(good_token())));
    assert_false(jwt_is_token("eyJhbGciOiJFUzI1NiJ9.e30\0A.A", 28));
}

/* ---- threads and the cache */

static void a_new_token_is_for_a_thread_that_may_wait_a_known_one_for_any(void **state)
{
    (void)state;
    const char *token = good_token();
    size_t size = strlen(token);
    assert_int_equal(verify_at(token, size, NOW, false, NULL), ERR_DEFERRED);
    assert_int_equal(verify_at(token, size, NOW, false, NULL), ERR_DEFERRED);
    assert_int_equal(verify_at(token, size, NOW, true, NULL), ERR_OK);
    assert_int_equal(verify_at(token, size, NOW, false, NULL), ERR_OK);
    assert_int_equal(verify_at(token, size, NOW + 660000000 - 1, false, NULL), ERR_OK);
    assert_int_equal(verify_at(token, size, NOW + 660000000, false, NULL), ERR_UNAUTHENTICATED);
    assert_int_equal(verify_at("eyJ", 3, NOW, false, NULL), ERR_UNAUTHENTICATED); /* nothing to wait for */
}

static void a_refused_token_is_not_remembered(void **state)
{
    (void)state;
    const char *token = make_token(&arena, stranger, EC_HEADER, GOOD_CLAIMS);
    assert_int_equal(verify(token), ERR_UNAUTHENTICATED);
    assert_int_equal(verify_at(token, strlen(token), NOW, false, NULL), ERR_DEFERRED);
    assert_int_equal(verify(token), ERR_UNAUTHENTICATED);
}

static void two_issuers_do_not_know_each_others_tokens(void **state)
{
    (void)state;
    struct jwt *first = jwt;
    const char *token = good_token();
    AUTO_OP op = op_begin();
    op.now = NOW;
    static const struct jwt_options options[] = { { .issuer = ISSUER "/b", .audience = AUDIENCE },
                                                  { .issuer = ISSUER, .audience = "b" } };
    assert_int_equal(verify(token), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        struct jwt_options others = options[i];
        others.keys = keys_path;
        assert_int_equal(jwt_open(&op, &others, &jwt), ERR_OK);
        assert_int_equal(verify(token), ERR_UNAUTHENTICATED);
        jwt_close(jwt);
    }
    jwt = first;
}

enum { THREADS = 4, ROUNDS = 400, TOKENS = 16 };
static const char *shared_tokens[TOKENS];

static void *verify_many(void *mistakes)
{
    for (int i = 0; i < ROUNDS; i++) {
        const char *token = shared_tokens[i % TOKENS];
        AUTO_OP op = op_begin();
        op.now = NOW;
        struct jwt_claims claims;
        enum err e = jwt_verify(&op, jwt, token, strlen(token), &claims);
        bool bad = i % TOKENS % 4 == 3;
        if (e != (bad ? ERR_UNAUTHENTICATED : ERR_OK) || (!e && atoi(claims.sub) != i % TOKENS)) ++*(int *)mistakes;
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { rsa, ec, ed25519, stranger };
    static const char *const headers[] = { "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "{\"alg\":\"ES256\",\"kid\":\"ec\"}",
                                           "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", "{\"alg\":\"ES256\",\"kid\":\"ec\"}" };
    for (size_t i = 0; i < TOKENS; i++) {
        const char *claims =
            arena_printf(&arena, "{\"iss\":\"" ISSUER "\",\"aud\":\"roster\",\"exp\":1700000600,\"sub\":\"%zu\"}", i);
        shared_tokens[i] = make_token(&arena, keys[i % 4], headers[i % 4], claims);
    }
    pthread_t threads[THREADS];
    int mistakes[THREADS] = { 0 };
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, verify_many, &mistakes[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(mistakes[i], 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_jwt, close_jwt)
    const struct CMUnitTest tests[] = {
        TEST(the_three_algorithms_are_accepted),
        TEST(the_good_headers_are_accepted),
        TEST(the_claims_are_those_of_the_token),
        TEST(an_audience_may_be_one_of_several),
        TEST(times_have_a_minute_of_leeway),
        TEST(a_header_with_one_thing_wrong_is_refused),
        TEST(claims_with_one_thing_wrong_are_refused),
        TEST(a_signature_by_another_key_is_refused),
        TEST(a_public_key_is_no_secret),
        TEST(a_signature_in_another_form_is_refused),
        TEST(a_token_with_one_letter_changed_is_refused),
        TEST(other_forms_of_the_same_token_are_refused),
        TEST(bits_that_mean_nothing_must_be_zero),
        TEST(a_token_has_a_largest_size),
        TEST(tokens_are_told_from_other_secrets),
        TEST(a_new_token_is_for_a_thread_that_may_wait_a_known_one_for_any),
        TEST(a_refused_token_is_not_remembered),
        TEST(two_issuers_do_not_know_each_others_tokens),
        TEST(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, open_provider, close_provider);
}
