/* When keys are fetched: for whom, how often, and what goes on while the provider fails. */
#include "jwt_keys_fixture.h"

/* ---- a URL */

static void keys_of_a_url_are_fetched_when_they_are_needed(void **state)
{
    (void)state;
    struct jwt_keys *keys = open_url(); /* there is nothing yet */
    assert_non_null(keys);
    assert_int_equal(fetches(), 0);
    assert_int_equal(jwt_keys_generation(keys), 0);
    assert_false(jwt_keys_is_due(keys, NOW));
    publish("a b");
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    assert_int_equal(find_at(keys, "b", NOW), ERR_OK);
    assert_int_equal(jwt_keys_generation(keys), 1);
    assert_int_equal(fetches(), 1);
    jwt_keys_close(keys);
}

static void an_unknown_kid_is_looked_for_once(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("a b");
    assert_int_equal(find_at(keys, "b", NOW + 10 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 2);
    assert_int_equal(jwt_keys_generation(keys), 2);
    publish("b"); /* a is not known any more */
    assert_int_equal(find_at(keys, "c", NOW + 20 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "a", NOW + 20 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "b", NOW + 20 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 3);
    jwt_keys_close(keys);
}

static void made_up_kids_do_not_hammer_the_provider(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    for (int second = 0; second < 100; second++)
        for (int i = 0; i < 20; i++) {
            const char *kid = arena_printf(&arena, "made up %d %d", second, i);
            assert_int_equal(find_at(keys, kid, NOW + second * SECOND + i), ERR_UNAUTHENTICATED);
            assert_int_equal(find_at(keys, "a", NOW + second * SECOND + i), ERR_OK);
        }
    assert_int_equal(fetches(), 10);
    assert_int_equal(jwt_keys_generation(keys), 1); /* always the same keys */
    assert_int_equal(find_at(keys, "x", NOW + 100 * SECOND - 1), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 10);
    assert_int_equal(find_at(keys, "x", NOW + 100 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 11);
    jwt_keys_close(keys);
}

static void a_key_that_does_not_fit_or_is_not_alone_is_not_looked_for(void **state)
{
    (void)state;
    publish("a b b");
    struct jwt_keys *keys = open_url();
    struct failure reason = { 0 };
    struct jwt_key found;
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    int64_t later = NOW + 60 * SECOND;
    assert_int_equal(find_at(keys, "b", later), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, NULL, later), ERR_UNAUTHENTICATED);
    assert_int_equal(jwt_keys_find(&reason, keys, later, jwk_algorithm_named("ES256"), "a", &found), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 1);
    jwt_keys_close(keys);
}

static void a_clock_that_was_set_back_does_not_stop_fetching(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("b");
    assert_int_equal(find_at(keys, "b", NOW - 9 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "b", NOW - 86400 * SECOND), ERR_OK);
    jwt_keys_close(keys);
}

static void without_any_keys_nothing_is_said_about_a_token(void **state)
{
    (void)state;
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_BUSY);
    assert_int_equal(fetches(), 1);
    for (int i = 0; i < 50; i++) assert_int_equal(find_at(keys, "a", NOW + i), ERR_BUSY); /* at once */
    assert_int_equal(fetches(), 1);
    publish("a");
    assert_int_equal(find_at(keys, "a", NOW + 10 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 2);
    jwt_keys_close(keys);
}

enum { CALLERS = 1 + JWT_KEYS_WAITING_MAX, TOO_MANY = 5 };
struct call {
    struct jwt_keys *keys;
    enum err result;
    atomic_int *refused;
};

static void *find_b(void *context)
{
    struct call *call = context;
    call->result = find_at(call->keys, "b", NOW + 60 * SECOND);
    if (call->result == ERR_BUSY) atomic_fetch_add(call->refused, 1);
    return NULL;
}

static void callers_at_the_same_time_share_one_fetch(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("a b");
    web_hold(&web, true);
    pthread_t threads[CALLERS];
    struct call calls[CALLERS];
    for (size_t i = 0; i < CALLERS; i++) {
        calls[i] = (struct call){ .keys = keys, .result = ERR_COUNT };
        assert_int_equal(pthread_create(&threads[i], NULL, find_b, &calls[i]), 0);
    }
    web_wait(&web, 2);
    assert_int_equal(find_at(keys, "a", NOW + 60 * SECOND), ERR_OK); /* who has a key does not wait */
    web_hold(&web, false);
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(calls[i].result, ERR_OK);
    }
    assert_int_equal(fetches(), 2);
    assert_int_equal(jwt_keys_generation(keys), 2);
    jwt_keys_close(keys);
}

/* Threads are few: not all of them may be held by a provider that does not answer, and by who makes up kids. */
static void callers_too_many_to_wait_are_told_at_once(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("a b");
    web_hold(&web, true);
    pthread_t threads[CALLERS + TOO_MANY];
    struct call calls[CALLERS + TOO_MANY];
    atomic_int refused = 0;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        calls[i] = (struct call){ .keys = keys, .result = ERR_COUNT, .refused = &refused };
        assert_int_equal(pthread_create(&threads[i], NULL, find_b, &calls[i]), 0);
    }
    for (int i = 0; i < 30000 && atomic_load(&refused) < TOO_MANY; i++) usleep(1000); /* the provider has said nothing yet */
    int told = atomic_load(&refused), found = 0;
    web_hold(&web, false);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        pthread_join(threads[i], NULL);
        found += calls[i].result == ERR_OK;
    }
    assert_int_equal(told, TOO_MANY);
    assert_int_equal(found, CALLERS);
    assert_int_equal(find_at(keys, "b", NOW + 60 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 2);
    jwt_keys_close(keys);
}

/* ---- age */

static void keys_are_fetched_again_after_an_hour(void **state)
{
    (void)state;
    publish("a b");
    struct jwt_keys *keys = open_url();
    const int64_t hour = NOW + 3600 * SECOND;
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    assert_false(jwt_keys_is_due(keys, hour - 1));
    jwt_keys_refresh_if_due(keys, hour - 1);
    assert_int_equal(fetches(), 1);
    publish("b");
    assert_true(jwt_keys_is_due(keys, hour));
    jwt_keys_refresh_if_due(keys, hour);
    assert_int_equal(fetches(), 2);
    assert_int_equal(find_at(keys, "a", hour), ERR_UNAUTHENTICATED); /* the issuer took it back */
    assert_int_equal(fetches(), 2);
    assert_false(jwt_keys_is_due(keys, 2 * hour - NOW - 1));
    assert_true(jwt_keys_is_due(keys, 2 * hour - NOW));
    jwt_keys_close(keys);
}

static void the_same_keys_are_not_new_keys(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    jwt_keys_refresh_if_due(keys, NOW + 3600 * SECOND);
    assert_int_equal(fetches(), 2);
    assert_int_equal(jwt_keys_generation(keys), 1);
    jwt_keys_close(keys);
}

/* Everything a provider can do wrong; what was good goes on. */
static void old_keys_go_on_while_the_provider_fails(void **state)
{
    (void)state;
    const char *const answers[] = {
        "HTTP/1.1 500 Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ok_answer(&arena, ""),
        ok_answer(&arena, "<html>maintenance</html>"),
        ok_answer(&arena, "{\"keys\":[]}"),
        ok_answer(&arena, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"b\",\"k\":\"c2VjcmV0\"}]}"),
        ok_answer(&arena, "{}"),
        redirect_answer(&arena, "file:///etc/hostname"),
        redirect_answer(&arena, "/keys"),
        "nonsense",
        "",
    };
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    int64_t now = NOW + 3600 * SECOND;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        web_put(&web, (struct page){ .path = "/keys", .answer = answers[i] });
        assert_true(jwt_keys_is_due(keys, now));
        jwt_keys_refresh_if_due(keys, now);
        assert_false(jwt_keys_is_due(keys, now));
        assert_int_equal(find_at(keys, "a", now), ERR_OK);
        now += 60 * SECOND; /* it is tried again, but not at once */
        assert_false(jwt_keys_is_due(keys, now - 1));
    }
    web_close(&web);
    jwt_keys_refresh_if_due(keys, now);
    assert_int_equal(find_at(keys, "a", now), ERR_OK);
    assert_int_equal(find_at(keys, "b", now + 30 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(jwt_keys_generation(keys), 1);
    jwt_keys_close(keys);
}

static void *refresh_keys(void *keys)
{
    jwt_keys_refresh_if_due(keys, NOW + 3600 * SECOND);
    return NULL;
}

static void nobody_waits_for_keys_that_are_only_due(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    web_hold(&web, true);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, refresh_keys, keys), 0);
    web_wait(&web, 2);
    assert_false(jwt_keys_is_due(keys, NOW + 3600 * SECOND));
    refresh_keys(keys); /* comes back although the other has not */
    jwt_keys_refresh_if_due(keys, NOW + 7200 * SECOND);
    assert_true(jwt_keys_is_due(keys, NOW + 3660 * SECOND)); /* did nothing, also when its turn would have come again */
    assert_int_equal(find_at(keys, "a", NOW + 3600 * SECOND), ERR_OK);
    web_hold(&web, false);
    pthread_join(thread, NULL);
    assert_int_equal(fetches(), 2);
    jwt_keys_close(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keys_test(keys_of_a_url_are_fetched_when_they_are_needed),
        keys_test(an_unknown_kid_is_looked_for_once),
        keys_test(made_up_kids_do_not_hammer_the_provider),
        keys_test(a_key_that_does_not_fit_or_is_not_alone_is_not_looked_for),
        keys_test(a_clock_that_was_set_back_does_not_stop_fetching),
        keys_test(without_any_keys_nothing_is_said_about_a_token),
        keys_test(callers_at_the_same_time_share_one_fetch),
        keys_test(callers_too_many_to_wait_are_told_at_once),
        keys_test(keys_are_fetched_again_after_an_hour),
        keys_test(the_same_keys_are_not_new_keys),
        keys_test(old_keys_go_on_while_the_provider_fails),
        keys_test(nobody_waits_for_keys_that_are_only_due),
    };
    be_alone();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
