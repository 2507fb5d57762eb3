#include "unit.h"

#include "auth/jwt_cache.h"

#include <stdio.h>

static struct jwt_cache *cache;
static struct arena arena;

static int open_cache(void **state)
{
    (void)state;
    cache = jwt_cache_new();
    return 0;
}

static int close_cache(void **state)
{
    (void)state;
    jwt_cache_free(cache);
    arena_free(&arena);
    return 0;
}

static struct digest token(size_t number)
{
    return digest_of(&number, sizeof number);
}

static void put_with(uint64_t generation, size_t number, const char *scopes, int64_t expires_at, int64_t now)
{
    char sub[32];
    snprintf(sub, sizeof sub, "user %zu", number);
    struct digest digest = token(number);
    struct jwt_verified verified = { .claims = { .sub = sub, .scopes = scopes, .expires_at = expires_at }, .valid_from = 7 };
    jwt_cache_put(cache, generation, &digest, &verified, now);
}

static void put(uint64_t generation, size_t number, int64_t expires_at)
{
    put_with(generation, number, NULL, expires_at, 1);
}

/* True if it is there, and it is the right one. */
static bool has(uint64_t generation, size_t number)
{
    char sub[32];
    struct digest digest = token(number);
    struct jwt_verified verified;
    if (!jwt_cache_find(cache, generation, &digest, &arena, &verified)) return false;
    snprintf(sub, sizeof sub, "user %zu", number);
    assert_string_equal(verified.claims.sub, sub);
    return true;
}

static void what_is_put_is_found_with_all_it_has(void **state)
{
    (void)state;
    struct digest digest = token(1);
    struct jwt_verified found, verified = {
        .claims = { .oid = "o", .sub = "s", .email = "e", .email_verified = true, .scopes = "a b", .expires_at = 100 },
        .valid_from = 50,
    };
    assert_false(jwt_cache_find(cache, 1, &digest, &arena, &found));
    jwt_cache_put(cache, 1, &digest, &verified, 1);
    assert_true(jwt_cache_find(cache, 1, &digest, &arena, &found));
    jwt_cache_put(cache, 2, &(struct digest){ { 9 } }, &verified, 1); /* drops it: what was found is a copy */
    assert_string_equal(found.claims.oid, "o");
    assert_string_equal(found.claims.sub, "s");
    assert_string_equal(found.claims.email, "e");
    assert_string_equal(found.claims.scopes, "a b");
    assert_true(found.claims.email_verified);
    assert_int_equal(found.claims.expires_at, 100);
    assert_int_equal(found.valid_from, 50);
}

static void absent_claims_stay_absent(void **state)
{
    (void)state;
    struct digest digest = token(1);
    struct jwt_verified found;
    put(1, 1, 100);
    assert_true(jwt_cache_find(cache, 1, &digest, &arena, &found));
    assert_null(found.claims.oid);
    assert_null(found.claims.email);
    assert_null(found.claims.scopes);
    assert_false(found.claims.email_verified);
}

static void a_token_is_kept_once(void **state)
{
    (void)state;
    put(1, 1, 100);
    put(1, 1, 100);
    assert_int_equal(jwt_cache_count(cache), 1);
}

static void other_keys_are_another_cache(void **state)
{
    (void)state;
    put(1, 1, 100);
    put(1, 2, 100);
    assert_false(has(2, 1)); /* at once, not only when something is put */
    put(2, 3, 100);
    assert_int_equal(jwt_cache_count(cache), 1);
    assert_true(has(2, 3));
    assert_false(has(1, 1));
    put(1, 4, 100); /* was verified with keys that are gone */
    assert_false(has(1, 4));
    assert_false(has(2, 4));
    assert_int_equal(jwt_cache_count(cache), 1);
}

static void it_is_never_over_its_number_and_the_soonest_to_expire_goes_first(void **state)
{
    (void)state;
    enum { MORE = 500 };
    /* In an order that mixes them: a step coprime to the number visits each once. */
    for (size_t i = 0; i < JWT_CACHE_ENTRIES_MAX; i++) {
        size_t number = i * 7919 % JWT_CACHE_ENTRIES_MAX;
        put(1, number, 1000 + (int64_t)number);
    }
    assert_int_equal(jwt_cache_count(cache), JWT_CACHE_ENTRIES_MAX);
    for (size_t i = 0; i < MORE; i++) put(1, 100000 + i, 1000000);
    assert_int_equal(jwt_cache_count(cache), JWT_CACHE_ENTRIES_MAX);
    for (size_t i = 0; i < JWT_CACHE_ENTRIES_MAX; i++) assert_int_equal(has(1, i), i >= MORE);
    for (size_t i = 0; i < MORE; i++) assert_true(has(1, 100000 + i));
}

static void expired_ones_make_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) put(1, i, i < 60 ? 200 : 400);
    put_with(1, 1000, NULL, 500, 200);
    assert_int_equal(jwt_cache_count(cache), 41);
    for (size_t i = 0; i < 100; i++) assert_int_equal(has(1, i), i >= 60);
}

static void it_is_never_over_its_bytes(void **state)
{
    (void)state;
    enum { SIZE = 6000, COUNT = JWT_CACHE_BYTES_MAX / SIZE + 100 };
    char scopes[SIZE];
    memset(scopes, 's', sizeof scopes);
    scopes[SIZE - 1] = 0;
    for (size_t i = 0; i < COUNT; i++) put_with(1, i, scopes, 1000 + (int64_t)i, 1);
    assert_true(jwt_cache_count(cache) * SIZE <= JWT_CACHE_BYTES_MAX);
    assert_true(jwt_cache_count(cache) > COUNT - 250);
    assert_false(has(1, 0));
    assert_true(has(1, COUNT - 1));
}

/* Against a plain array, with every kind of step. */
static void it_does_as_a_plain_array_does(void **state)
{
    (void)state;
    enum { TOKENS = 300, STEPS = 20000 };
    int64_t expires_at[TOKENS] = { 0 }; /* 0: not there */
    uint32_t dice = 12345;
    uint64_t generation = 1;
    for (int64_t now = 1; now <= STEPS; now++) {
        dice = dice * 1664525 + 1013904223;
        size_t number = (dice >> 8) % TOKENS;
        assert_int_equal(has(generation, number), expires_at[number] != 0);
        if (dice >> 24 == 0) {
            generation++;
            memset(expires_at, 0, sizeof expires_at);
            assert_false(has(generation, number));
        }
        if (expires_at[number]) continue;
        for (size_t i = 0; i < TOKENS; i++)
            if (expires_at[i] <= now) expires_at[i] = 0;
        expires_at[number] = now + 1 + (dice >> 16 & 127);
        put_with(generation, number, NULL, expires_at[number], now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_is_found_with_all_it_has, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(absent_claims_stay_absent, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(a_token_is_kept_once, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(other_keys_are_another_cache, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(it_is_never_over_its_number_and_the_soonest_to_expire_goes_first, open_cache,
                                        close_cache),
        cmocka_unit_test_setup_teardown(expired_ones_make_room, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(it_is_never_over_its_bytes, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(it_does_as_a_plain_array_does, open_cache, close_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
