/* Which keys of a set are taken, which one a token finds, and signatures of the standards' own examples. */
#include "jwt_fixture.h"

#include "auth/base64url.h"
#include "auth/jwk.h"
#include "base/buf.h"

static struct arena arena;
static EVP_PKEY *rsa, *ec, *ed25519;

static int make_keys(void **state)
{
    (void)state;
    rsa = new_rsa(2048);
    ec = new_ec("P-256");
    ed25519 = new_ed25519();
    return rsa && ec && ed25519 ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed25519);
    arena_free(&arena);
    return 0;
}

/* NULL if it was refused. */
static struct jwk_set *read_set(const char *text)
{
    struct failure failure = { 0 };
    struct jwk_set *set = NULL;
    enum err e = jwk_set_parse(&failure, text, strlen(text), &set);
    assert_true(e == ERR_OK || (e == ERR_INVALID && failure.text[0]));
    assert_int_equal(e == ERR_OK, set != NULL);
    return set;
}

/* One key beside one that is always taken, so that passing over is seen. */
static bool is_taken(const char *key)
{
    struct jwk_set *set = read_set(arena_printf(&arena, "{\"keys\":[%s,%s]}", key, jwk_text(&arena, ed25519, "always")));
    assert_non_null(set);
    bool taken = jwk_set_count(set) == 2;
    jwk_set_drop(set);
    return taken;
}

static const char *with(EVP_PKEY *pkey, const char *more)
{
    return arena_printf(&arena, "{%s%s}", public_members(&arena, pkey), more);
}

static void keys_of_the_three_kinds_are_taken(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { rsa, ec, ed25519 };
    static const char *const names[] = { "RS256", "ES256", "EdDSA" };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_true(is_taken(with(keys[i], "")));
        assert_true(is_taken(with(keys[i], ",\"kid\":\"a\",\"use\":\"sig\",\"x5t\":\"whatever\",\"key_ops\":[\"verify\"]")));
        for (size_t j = 0; j < COUNT_OF(names); j++)
            assert_int_equal(is_taken(with(keys[i], arena_printf(&arena, ",\"alg\":\"%s\"", names[j]))), i == j);
    }
}

static void keys_that_are_not_for_us_are_passed_over(void **state)
{
    (void)state;
    static const char *const members[] = {
        ",\"use\":\"enc\"",        ",\"use\":1",         ",\"use\":\"\"",      ",\"key_ops\":[\"sign\"]", ",\"key_ops\":[]",
        ",\"key_ops\":\"verify\"", ",\"alg\":\"RS512\"", ",\"alg\":\"PS256\"", ",\"alg\":\"HS256\"",      ",\"alg\":\"none\"",
        ",\"alg\":\"rs256\"",      ",\"alg\":null",      ",\"kid\":7",
    };
    EVP_PKEY *const keys[] = { rsa, ec, ed25519 };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        for (size_t j = 0; j < COUNT_OF(members); j++)
            if (is_taken(with(keys[i], members[j]))) fail_msg("was taken with %s", members[j]);
    static const char *const others[] = {
        "{}",
        "[]",
        "1",
        "null",
        "\"RSA\"",
        "{\"kty\":\"RSA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\"}",
        "{\"kty\":\"OKP\"}",
        "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
        /* RFC 8037 A.6: an X25519 key is for agreements */
        "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\"}",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (is_taken(others[i])) fail_msg("was taken: %s", others[i]);
    EVP_PKEY *p384 = new_ec("P-384");
    assert_false(is_taken(arena_printf(&arena, "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"%s\",\"y\":\"%s\"}",
                                       number_of(&arena, p384, "qx", 48), number_of(&arena, p384, "qy", 48))));
    EVP_PKEY_free(p384);
}

static const char *rsa_of(const BIGNUM *n, const char *exponent)
{
    unsigned char bytes[4096];
    return arena_printf(&arena, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}",
                        base64url(&arena, bytes, (size_t)BN_bn2bin(n, bytes)), exponent);
}

/* A power of a good modulus passes every check but that of its size: it has no small factors either. */
static void rsa_keys_have_a_smallest_and_a_largest_size(void **state)
{
    (void)state;
    BN_CTX *context = BN_CTX_new();
    BIGNUM *n = NULL, *power = BN_new();
    EVP_PKEY *weak = new_rsa(2047);
    assert_int_equal(EVP_PKEY_get_bn_param(rsa, "n", &n), 1);
    assert_false(is_taken(with(weak, "")));
    assert_true(is_taken(rsa_of(n, "AQAB")));
    BN_sqr(power, n, context);
    BN_sqr(power, power, context);
    assert_in_range(BN_num_bits(power), 8185, JWK_RSA_BITS_MAX);
    assert_true(is_taken(rsa_of(power, "AQAB")));
    BN_mul(power, power, n, context);
    assert_false(is_taken(rsa_of(power, "AQAB")));
    BN_sqr(power, power, context);
    assert_false(is_taken(rsa_of(power, "AQAB")));
    EVP_PKEY_free(weak);
    BN_free(n);
    BN_free(power);
    BN_CTX_free(context);
}

static void rsa_keys_are_sound(void **state)
{
    (void)state;
    BIGNUM *n = NULL, *prime = BN_new();
    assert_int_equal(EVP_PKEY_get_bn_param(rsa, "n", &n), 1);
    static const struct {
        const char *exponent;
        bool taken;
    } exponents[] = { { "AQAB", true },          { "Aw", true },  { "AQ", false },
                      { "AA", false },           { "Ag", false }, { "AQAA", false },
                      { "AQAAAAAAAAAB", false }, { "", false },   { "AQAB=", false } };
    for (size_t i = 0; i < COUNT_OF(exponents); i++)
        assert_int_equal(is_taken(rsa_of(n, exponents[i].exponent)), exponents[i].taken);
    BN_add_word(n, 1); /* even */
    assert_false(is_taken(rsa_of(n, "AQAB")));
    BN_sub_word(n, 1);
    BN_mul_word(n, 3);
    assert_false(is_taken(rsa_of(n, "AQAB")));
    assert_int_equal(BN_set_word(prime, 1) && BN_lshift(prime, prime, 2203) && BN_sub_word(prime, 1), 1); /* a Mersenne prime */
    assert_false(is_taken(rsa_of(prime, "AQAB")));
    BN_free(n);
    BN_free(prime);
}

static void malformed_public_members_are_refused(void **state)
{
    (void)state;
    const char *x = number_of(&arena, ec, "qx", 32), *y = number_of(&arena, ec, "qy", 32);
    unsigned char other[32] = { 1 };
    const char *const pairs[][2] = {
        { x, x },                                 /* not on the curve */
        { x, base64url(&arena, other, 32) },      /* nor this */
        { x, base64url(&arena, other, 31) },      /* too short */
        { arena_printf(&arena, "AAAA%s", x), y }, /* too long */
        { arena_printf(&arena, "%s=", x), y },    /* padded */
        { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
    };
    static const char form[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}";
    assert_true(is_taken(arena_printf(&arena, form, x, y)));
    for (size_t i = 0; i < COUNT_OF(pairs); i++) assert_false(is_taken(arena_printf(&arena, form, pairs[i][0], pairs[i][1])));
    assert_false(is_taken("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ\"}"));
    assert_false(is_taken("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":5}"));
    assert_false(is_taken("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"));
}

static void a_set_has_a_form_and_limits(void **state)
{
    (void)state;
    static const char *const texts[] = { "",
                                         "null",
                                         "[]",
                                         "{}",
                                         "{\"keys\":{}}",
                                         "{\"keys\":[]}",
                                         "{\"keys\":[{}]}",
                                         "{\"keys\":[",
                                         "x",
                                         "{\"keys\":[],\"keys\":[]}" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) assert_null(read_set(texts[i]));

    struct buf text = BUF_INIT(1 << 20);
    for (size_t count = 64; count <= 65; count++) {
        buf_reset(&text);
        buf_add_text(&text, "{\"keys\":[");
        for (size_t i = 0; i < count; i++)
            buf_printf(&text, "%s%s", i ? "," : "", jwk_text(&arena, ed25519, arena_printf(&arena, "%zu", i)));
        buf_add_text(&text, "]}");
        struct jwk_set *set = read_set(buf_cstr(&text));
        assert_int_equal(set != NULL, count == JWK_COUNT_MAX);
        if (set) assert_int_equal(jwk_set_count(set), JWK_COUNT_MAX);
        jwk_set_drop(set);
    }
    for (int over = 0; over <= 1; over++) {
        buf_reset(&text);
        buf_printf(&text, "{\"keys\":[%s]}", jwk_text(&arena, ed25519, "a"));
        while (text.size < JWK_SET_SIZE_MAX + (size_t)over) buf_add_char(&text, ' ');
        struct jwk_set *set = read_set(buf_cstr(&text));
        assert_int_equal(set != NULL, !over);
        jwk_set_drop(set);
    }
    buf_free(&text);
}

static void a_token_finds_exactly_one_key(void **state)
{
    (void)state;
    const struct jwk_algorithm *rs256 = jwk_algorithm_named("RS256"), *es256 = jwk_algorithm_named("ES256"),
                               *eddsa = jwk_algorithm_named("EdDSA");
    EVP_PKEY *second = new_ed25519();
    struct jwk_set *set =
        read_set(arena_printf(&arena, "{\"keys\":[%s,%s,%s,%s,%s,%s]}", jwk_text(&arena, rsa, "rsa"), jwk_text(&arena, ec, NULL),
                              jwk_text(&arena, ed25519, "one"), jwk_text(&arena, second, "two"),
                              jwk_text(&arena, ed25519, "twin"), jwk_text(&arena, second, "twin")));
    assert_non_null(set);
    const struct jwk *key = NULL, *other = NULL;
    assert_int_equal(jwk_set_find(set, rs256, "rsa", &key), JWK_FOUND);
    assert_int_equal(jwk_set_find(set, rs256, NULL, &other), JWK_FOUND); /* the only one for RS256 */
    assert_ptr_equal(key, other);
    assert_int_equal(jwk_set_find(set, es256, NULL, &key), JWK_FOUND);
    assert_int_equal(jwk_set_find(set, eddsa, "one", &key), JWK_FOUND);
    assert_int_equal(jwk_set_find(set, eddsa, "two", &other), JWK_FOUND);
    assert_ptr_not_equal(key, other);
    assert_int_equal(jwk_set_find(set, eddsa, NULL, &key), JWK_AMBIGUOUS);
    assert_int_equal(jwk_set_find(set, eddsa, "twin", &key), JWK_AMBIGUOUS);
    assert_int_equal(jwk_set_find(set, es256, "rsa", &key), JWK_MISFIT);
    assert_int_equal(jwk_set_find(set, rs256, "one", &key), JWK_MISFIT);
    assert_int_equal(jwk_set_find(set, rs256, "RSA", &key), JWK_UNKNOWN);
    assert_int_equal(jwk_set_find(set, rs256, "", &key), JWK_UNKNOWN);
    assert_int_equal(jwk_set_find(set, es256, "ec", &key), JWK_UNKNOWN); /* the key has no kid: it is not called ec */
    jwk_set_drop(set);
    EVP_PKEY_free(second);

    set = read_set(arena_printf(&arena, "{\"keys\":[%s]}", jwk_text(&arena, ec, "ec")));
    assert_int_equal(jwk_set_find(set, rs256, NULL, &key), JWK_UNKNOWN);
    jwk_set_drop(set);
}

static void other_algorithms_do_not_exist(void **state)
{
    (void)state;
    static const char *const names[] = { "none",  "None",  "",      "HS256", "HS384",  "HS512",   "RS384", "RS512", "PS256",
                                         "PS384", "PS512", "ES384", "ES512", "ES256K", "Ed25519", "eddsa", "rs256", "RS256 " };
    for (size_t i = 0; i < COUNT_OF(names); i++) assert_null(jwk_algorithm_named(names[i]));
}

/* RFC 7515 A.2.1, A.3.1 (the latter's payload is the former's) and RFC 8037 A.4. */
static const struct {
    const char *algorithm, *key, *signed_part, *signature;
} examples[] = {
    { "RS256",
      "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"
      "4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-"
      "yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
      "UTo7WTBEMa2R2Cap"
      "Hg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
      "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\","
      "\"e\":\"AQAB\"}",
      "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
      "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKB"
      "YNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
      "eOkHWEsqtFZESc6Bf"
      "I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw" },
    { "ES256",
      "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
      "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q" },
    { "EdDSA", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg" },
};

/* Good as it is, and for no bit changed. */
static void check_signature(const struct jwk *key, const char *text, unsigned char *signature, size_t size)
{
    assert_true(jwk_verify(key, text, strlen(text), signature, size));
    assert_false(jwk_verify(key, text, strlen(text) - 1, signature, size));
    assert_false(jwk_verify(key, text + 1, strlen(text) - 1, signature, size));
    assert_false(jwk_verify(key, text, 0, signature, size));
    for (size_t bit = 0; bit<8 * size; bit += size> 64 ? 37 : 5) {
        signature[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(jwk_verify(key, text, strlen(text), signature, size));
        signature[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t shorter = 0; shorter < size; shorter++) assert_false(jwk_verify(key, text, strlen(text), signature, shorter));
    assert_false(jwk_verify(key, text, strlen(text), signature, size + 1));
    assert_true(jwk_verify(key, text, strlen(text), signature, size));
}

static void signatures_of_the_standards_are_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        struct jwk_set *set = read_set(arena_printf(&arena, "{\"keys\":[%s]}", examples[i].key));
        assert_non_null(set);
        const struct jwk *key = NULL;
        assert_int_equal(jwk_set_find(set, jwk_algorithm_named(examples[i].algorithm), NULL, &key), JWK_FOUND);
        unsigned char signature[520] = { 0 };
        size_t size;
        assert_true(base64url_decode(signature, examples[i].signature, strlen(examples[i].signature), &size));
        check_signature(key, examples[i].signed_part, signature, size);
        jwk_set_drop(set);
    }
}

static void made_signatures_are_good_for_their_key_only(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = { rsa, ec, ed25519 };
    static const char *const names[] = { "RS256", "ES256", "EdDSA" };
    struct jwk_set *set = read_set(arena_printf(&arena, "{\"keys\":[%s,%s,%s]}", jwk_text(&arena, rsa, NULL),
                                                jwk_text(&arena, ec, NULL), jwk_text(&arena, ed25519, NULL)));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        unsigned char signature[1024];
        size_t size = make_signature(keys[i], "text", 4, signature);
        for (size_t j = 0; j < COUNT_OF(names); j++) {
            const struct jwk *key = NULL;
            assert_int_equal(jwk_set_find(set, jwk_algorithm_named(names[j]), NULL, &key), JWK_FOUND);
            assert_int_equal(jwk_verify(key, "text", 4, signature, size), i == j);
        }
    }
    jwk_set_drop(set);
}

/* ECDSA: zeros solve the equation in careless implementations (CVE-2022-21449). */
static void signatures_of_zeros_are_bad(void **state)
{
    (void)state;
    struct jwk_set *set = read_set(arena_printf(&arena, "{\"keys\":[%s,%s,%s]}", jwk_text(&arena, rsa, NULL),
                                                jwk_text(&arena, ec, NULL), jwk_text(&arena, ed25519, NULL)));
    static const char *const names[] = { "RS256", "ES256", "EdDSA" };
    static const unsigned char zeros[256];
    for (size_t j = 0; j < COUNT_OF(names); j++) {
        const struct jwk *key = NULL;
        assert_int_equal(jwk_set_find(set, jwk_algorithm_named(names[j]), NULL, &key), JWK_FOUND);
        assert_false(jwk_verify(key, "text", 4, zeros, 64));
        assert_false(jwk_verify(key, "text", 4, zeros, 256));
        assert_false(jwk_verify(key, "text", 4, zeros, 0));
    }
    jwk_set_drop(set);
}

static void a_set_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct jwk_set *set = read_set(arena_printf(&arena, "{\"keys\":[%s]}", jwk_text(&arena, ec, "ec")));
    struct jwk_set *held = jwk_set_hold(set);
    jwk_set_drop(set);
    assert_int_equal(jwk_set_count(held), 1);
    jwk_set_drop(held); /* the address sanitizer tells if this was not the last */
    jwk_set_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_the_three_kinds_are_taken),
        cmocka_unit_test(keys_that_are_not_for_us_are_passed_over),
        cmocka_unit_test(rsa_keys_have_a_smallest_and_a_largest_size),
        cmocka_unit_test(rsa_keys_are_sound),
        cmocka_unit_test(malformed_public_members_are_refused),
        cmocka_unit_test(a_set_has_a_form_and_limits),
        cmocka_unit_test(a_token_finds_exactly_one_key),
        cmocka_unit_test(other_algorithms_do_not_exist),
        cmocka_unit_test(signatures_of_the_standards_are_good),
        cmocka_unit_test(made_signatures_are_good_for_their_key_only),
        cmocka_unit_test(signatures_of_zeros_are_bad),
        cmocka_unit_test(a_set_lives_as_long_as_somebody_holds_it),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
