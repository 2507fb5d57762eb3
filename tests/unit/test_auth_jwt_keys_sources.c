/* Where keys come from: the issuer's discovery document, a file; and that a token is verified with those of today. */
#include "jwt_keys_fixture.h"

#include "auth/jwt.h"

#include <sys/stat.h>

/* ---- the discovery document */

static void describe(const char *document)
{
    web_put(&web, (struct page){ .path = "/.well-known/openid-configuration", .answer = ok_answer(&arena, document) });
}

static void keys_are_found_through_the_issuer(void **state)
{
    (void)state;
    static const char *const endings[] = { "", "/" };
    publish("a");
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        const char *issuer = arena_printf(&arena, "%s%s", web.url, endings[i]);
        int before = fetches();
        struct jwt_keys *keys = open_with((struct jwt_options){ .issuer = issuer });
        assert_int_equal(fetches(), before);
        describe(arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\",\"x\":1}", issuer, web.url));
        assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
        assert_int_equal(fetches(), before + 2);
        jwt_keys_close(keys);
    }
}

static void a_discovery_document_must_be_the_issuers_and_name_a_url(void **state)
{
    (void)state;
    const char *const documents[] = {
        "",
        "{}",
        "[]",
        "nonsense",
        arena_printf(&arena, "{\"issuer\":\"%s\"}", web.url),
        arena_printf(&arena, "{\"jwks_uri\":\"%s/keys\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s/\",\"jwks_uri\":\"%s/keys\"}", web.url, web.url),
        arena_printf(&arena, "{\"issuer\":\"https://evil.example\",\"jwks_uri\":\"%s/keys\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"file:///etc/hostname\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"/keys\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}", web.url, web.url + strlen("http://")),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":[\"%s/keys\"]}", web.url, web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/elsewhere\"}", web.url, web.url),
    };
    publish("a");
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct jwt_keys *keys = open_with((struct jwt_options){ .issuer = web.url });
        describe(documents[i]);
        if (find_at(keys, "a", NOW) != ERR_BUSY) fail_msg("accepted: %s", documents[i]);
        jwt_keys_close(keys);
    }
}

static void https_does_not_lead_to_keys_by_http(void **state)
{
    (void)state;
    struct web secure;
    const char *key, *certificate = new_certificate(&arena, "IP:127.0.0.1", &key), *ca_file = new_file(&arena, certificate);
    web_open(&secure, certificate, key);
    publish("a");
    web_put(&secure, (struct page){ .path = "/keys", .answer = ok_answer(&arena, set_of("a")) });
    const char *const places[] = { web.url, secure.url };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        const char *document = arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}", secure.url, places[i]);
        struct jwt_keys *keys = open_with((struct jwt_options){ .issuer = secure.url, .ca_file = ca_file });
        web_put(&secure, (struct page){ .path = "/.well-known/openid-configuration", .answer = ok_answer(&arena, document) });
        assert_int_equal(find_at(keys, "a", NOW), i == 0 ? ERR_BUSY : ERR_OK);
        jwt_keys_close(keys);
    }
    assert_int_equal(fetches(), 0);
    web_close(&secure);
    unlink(ca_file);
}

/* ---- a file */

static void a_file_is_read_at_once(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    assert_non_null(keys);
    assert_int_equal(jwt_keys_generation(keys), 1);
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    unlink(path);
    assert_int_equal(find_at(keys, "b", NOW), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    jwt_keys_close(keys);
}

static void a_bad_file_is_an_error(void **state)
{
    (void)state;
    char *large = arena_alloc(&arena, JWK_SET_SIZE_MAX + 10000);
    memset(large, ' ', JWK_SET_SIZE_MAX + 10000);
    large[JWK_SET_SIZE_MAX + 9999] = 0;
    memcpy(large, set_of("a"), strlen(set_of("a")));
    const char *const texts[] = { "", " ", "{}", "{\"keys\":[]}", "{\"keys\":[{}]}", "-----BEGIN PUBLIC KEY-----\n", large };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *path = new_file(&arena, texts[i]);
        assert_null(open_with((struct jwt_options){ .keys = path }));
        unlink(path);
    }
    const char *pipe_path = arena_printf(&arena, "%s.pipe", new_file(&arena, ""));
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_null(open_with((struct jwt_options){ .keys = pipe_path })); /* and does not wait for a writer */
    unlink(pipe_path);
    *strrchr(pipe_path, '.') = 0;
    unlink(pipe_path);
    static const char *const places[] = { "/nowhere/keys.json", "/", "", "file:///etc/hostname", "ftp://127.0.0.1/keys" };
    for (size_t i = 0; i < COUNT_OF(places); i++) assert_null(open_with((struct jwt_options){ .keys = places[i] }));
    assert_null(open_with((struct jwt_options){ .issuer = "not a URL" }));
}

static void a_changed_file_is_read_for_an_unknown_kid(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    assert_int_equal(find_at(keys, "b", NOW), ERR_UNAUTHENTICATED);
    replace_file(&arena, path, set_of("b"));
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK); /* nothing was missed yet */
    assert_int_equal(find_at(keys, "b", NOW), ERR_OK);
    assert_int_equal(find_at(keys, "a", NOW), ERR_UNAUTHENTICATED);
    assert_int_equal(jwt_keys_generation(keys), 2);
    unlink(path);
    jwt_keys_close(keys);
}

static void a_changed_file_is_read_when_it_is_due(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    replace_file(&arena, path, set_of("b"));
    jwt_keys_refresh_if_due(keys, NOW + 3600 * SECOND);
    assert_int_equal(find_at(keys, "a", NOW + 3600 * SECOND), ERR_UNAUTHENTICATED);
    unlink(path);
    jwt_keys_close(keys);
}

static void a_file_that_went_bad_is_not_taken(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    replace_file(&arena, path, "half a");
    assert_int_equal(find_at(keys, "b", NOW), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    replace_file(&arena, path, set_of("b"));
    assert_int_equal(find_at(keys, "b", NOW + 9 * SECOND), ERR_UNAUTHENTICATED); /* not each time after a failure */
    assert_int_equal(find_at(keys, "b", NOW + 10 * SECOND), ERR_OK);
    unlink(path);
    jwt_keys_close(keys);
}

/* ---- through the front door */

static enum err verify(struct jwt *jwt, const char *token, int64_t now, bool may_block)
{
    AUTO_OP op = op_begin();
    struct jwt_claims claims;
    op.now = now;
    op.may_block = may_block;
    return jwt_verify(&op, jwt, token, strlen(token), &claims);
}

static const char *token_of(const char *kid, const char *issuer)
{
    return make_token(&arena, pkey, arena_printf(&arena, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid),
                      arena_printf(&arena, "{\"iss\":\"%s\",\"aud\":\"roster\",\"exp\":1700090000}", issuer));
}

static void tokens_of_a_key_that_was_taken_back_are_forgotten(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct jwt *jwt;
    const struct jwt_options options = { .issuer = ISSUER,
                                         .audience = AUDIENCE,
                                         .keys = arena_printf(&arena, "%s/keys", web.url) };
    assert_int_equal(jwt_open(&op, &options, &jwt), ERR_OK);
    publish("a b");
    const char *a = token_of("a", ISSUER), *b = token_of("b", ISSUER);
    assert_int_equal(verify(jwt, a, NOW, false), ERR_DEFERRED);
    assert_int_equal(fetches(), 0);
    assert_int_equal(verify(jwt, a, NOW, true), ERR_OK);
    assert_int_equal(verify(jwt, b, NOW, true), ERR_OK);
    assert_int_equal(verify(jwt, a, NOW, false), ERR_OK);
    publish("b");
    const int64_t hour = NOW + 3600 * SECOND;
    assert_int_equal(verify(jwt, a, hour, false), ERR_DEFERRED); /* the keys are due */
    assert_int_equal(fetches(), 1);
    assert_int_equal(verify(jwt, b, hour, true), ERR_OK);
    assert_int_equal(verify(jwt, a, hour, true), ERR_UNAUTHENTICATED);
    assert_int_equal(verify(jwt, b, hour, false), ERR_OK);
    assert_int_equal(fetches(), 2);
    jwt_close(jwt);
}

static void a_token_that_is_not_for_us_makes_nobody_fetch(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct jwt *jwt;
    const struct jwt_options options = { .issuer = ISSUER,
                                         .audience = AUDIENCE,
                                         .keys = arena_printf(&arena, "%s/keys", web.url) };
    assert_int_equal(jwt_open(&op, &options, &jwt), ERR_OK);
    publish("a");
    assert_int_equal(verify(jwt, token_of("a", "https://other.example"), NOW, true), ERR_UNAUTHENTICATED);
    assert_int_equal(verify(jwt, token_of("a", ISSUER), NOW + 86400 * 365 * SECOND, true), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 0);
    assert_int_equal(verify(jwt, token_of("a", ISSUER), NOW, true), ERR_OK);
    assert_int_equal(fetches(), 1);
    jwt_close(jwt);
}

static void opening_needs_an_issuer_an_audience_and_good_keys(void **state)
{
    (void)state;
    static const struct {
        struct jwt_options options;
        const char *field;
    } cases[] = {
        { { .issuer = NULL, .audience = "a", .keys = "https://x/" }, "issuer" },
        { { .issuer = "", .audience = "a", .keys = "https://x/" }, "issuer" },
        { { .issuer = "i", .audience = NULL, .keys = "https://x/" }, "audience" },
        { { .issuer = "i", .audience = "", .keys = "https://x/" }, "audience" },
        { { .issuer = "i", .audience = "a", .keys = NULL }, "keys" },
        { { .issuer = "i", .audience = "a", .keys = "/nowhere" }, "keys" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_OP op = op_begin();
        struct jwt *jwt = NULL;
        assert_int_equal(jwt_open(&op, &cases[i].options, &jwt), ERR_INVALID);
        assert_string_equal(op.failure.field, cases[i].field);
        assert_null(jwt);
    }
    jwt_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keys_test(keys_are_found_through_the_issuer),
        keys_test(a_discovery_document_must_be_the_issuers_and_name_a_url),
        keys_test(https_does_not_lead_to_keys_by_http),
        keys_test(a_file_is_read_at_once),
        keys_test(a_bad_file_is_an_error),
        keys_test(a_changed_file_is_read_for_an_unknown_kid),
        keys_test(a_changed_file_is_read_when_it_is_due),
        keys_test(a_file_that_went_bad_is_not_taken),
        keys_test(tokens_of_a_key_that_was_taken_back_are_forgotten),
        keys_test(a_token_that_is_not_for_us_makes_nobody_fetch),
        keys_test(opening_needs_an_issuer_an_audience_and_good_keys),
    };
    be_alone();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
