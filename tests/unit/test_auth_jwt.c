/* Good tokens: what is accepted and until when, what looks like a token at all, and what is remembered. */
#include "jwt_verify_fixture.h"

#include <pthread.h>

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
        struct jwt_claims claims = { 0 };
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
            struct jwt_claims claims = { 0 };
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
    const struct CMUnitTest tests[] = {
        jwt_test(the_three_algorithms_are_accepted),
        jwt_test(the_good_headers_are_accepted),
        jwt_test(the_claims_are_those_of_the_token),
        jwt_test(an_audience_may_be_one_of_several),
        jwt_test(times_have_a_minute_of_leeway),
        jwt_test(tokens_are_told_from_other_secrets),
        jwt_test(a_new_token_is_for_a_thread_that_may_wait_a_known_one_for_any),
        jwt_test(a_refused_token_is_not_remembered),
        jwt_test(two_issuers_do_not_know_each_others_tokens),
        jwt_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, open_provider, close_provider);
}
