/* jwt_keys_fixture.h — a web server that publishes keys, and a jwt_keys that reads them. Keys are told apart by their kid. */
#ifndef ROSTER_TESTS_JWT_KEYS_FIXTURE_H
#define ROSTER_TESTS_JWT_KEYS_FIXTURE_H

#include "jwt_fixture.h"
#include "web_fixture.h"

#include "auth/jwt_keys.h"

#define SECOND INT64_C(1000000)

static struct arena arena;
static struct web web;
static EVP_PKEY *pkey;
static const struct jwk_algorithm *eddsa;

static inline int open_web(void **state)
{
    (void)state;
    pkey = new_ed25519();
    eddsa = jwk_algorithm_named("EdDSA");
    web_open(&web, NULL, NULL);
    return 0;
}

static inline int close_web(void **state)
{
    (void)state;
    web_close(&web);
    EVP_PKEY_free(pkey);
    arena_free(&arena);
    return 0;
}

/* A set with keys of these names, separated by spaces. */
static inline const char *set_of(const char *kids)
{
    const char *list = "";
    while (*kids) {
        size_t size = strcspn(kids, " ");
        list = arena_printf(&arena, "%s%s%s", list, *list ? "," : "", jwk_text(&arena, pkey, arena_strndup(&arena, kids, size)));
        kids += size + (kids[size] == ' ');
    }
    return arena_printf(&arena, "{\"keys\":[%s]}", list);
}

static inline void publish(const char *kids)
{
    web_put(&web, (struct page){ .path = "/keys", .answer = ok_answer(&arena, set_of(kids)) });
}

static inline int fetches(void)
{
    return atomic_load(&web.requests);
}

static inline struct jwt_keys *open_with(struct jwt_options options)
{
    struct failure failure = { 0 };
    struct jwt_keys *keys = NULL;
    if (!options.issuer) options.issuer = ISSUER;
    options.audience = AUDIENCE;
    if (jwt_keys_open(&failure, &options, NOW, &keys)) {
        assert_int_equal(failure.code, ERR_INVALID);
        assert_string_equal(failure.field, "keys");
        assert_true(failure.text[0]);
        return NULL;
    }
    return keys;
}

static inline struct jwt_keys *open_url(void)
{
    return open_with((struct jwt_options){ .keys = arena_printf(&arena, "%s/keys", web.url) });
}

static inline enum err find_at(struct jwt_keys *keys, const char *kid, int64_t now)
{
    struct failure reason = { 0 };
    struct jwt_key found = { 0 };
    enum err e = jwt_keys_find(&reason, keys, now, eddsa, kid, &found);
    assert_int_equal(reason.code, e);
    assert_int_equal(e == ERR_OK, found.key != NULL);
    if (!e) assert_int_equal(found.generation, jwt_keys_generation(keys));
    jwk_set_drop(found.set);
    return e;
}

#define keys_test(function) cmocka_unit_test_setup_teardown(function, open_web, close_web)

#endif
