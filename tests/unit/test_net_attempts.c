/* test_net_attempts.c — attempts by key: how many, how long to wait, and that no flood of keys helps anybody. */
#include "net/attempts.h"

#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PERIOD_S = 60, LIMIT = 6, EACH_S = PERIOD_S / LIMIT, THREADS = 4, KEYS = 50 };
static const int64_t SECOND_US = 1000000, NOW = INT64_C(1700000000000000);

static struct attempts attempts; /* set up anew for each test */

static int setup(void **state)
{
    (void)state;
    static const struct attempts fresh = ATTEMPTS_INIT;
    attempts = fresh;
    return 0;
}

static int64_t take(const char *key, int64_t now_us)
{
    return attempts_take(&attempts, key, LIMIT, PERIOD_S, now_us);
}

static void as_many_as_the_limit_at_once_and_then_one_each_part_of_the_period(void **state)
{
    (void)state;
    for (int i = 0; i < LIMIT; i++) assert_int_equal(take("a", NOW), 0);
    assert_int_equal(take("a", NOW), EACH_S);
    assert_int_equal(take("a", NOW + 1), EACH_S);
    assert_int_equal(take("a", NOW + (EACH_S - 1) * SECOND_US), 1);
    assert_int_equal(take("a", NOW + EACH_S * SECOND_US - 1), 1);
    assert_int_equal(take("a", NOW + EACH_S * SECOND_US), 0);
    assert_int_equal(take("a", NOW + EACH_S * SECOND_US), EACH_S);
    /* Who waits a whole period has the whole limit again. */
    int64_t later = NOW + (EACH_S + PERIOD_S) * SECOND_US;
    for (int i = 0; i < LIMIT; i++) assert_int_equal(take("a", later), 0);
    assert_int_equal(take("a", later), EACH_S);
}

static void the_seconds_told_are_enough(void **state)
{
    (void)state;
    int64_t now = NOW, allowed = 0;
    for (int i = 0; i < 200; i++) {
        int64_t wait_s = attempts_take(&attempts, "a", 7, 13, now);
        if (!wait_s) allowed++;
        else assert_int_equal(attempts_take(&attempts, "a", 7, 13, now += wait_s * SECOND_US), 0);
    }
    assert_int_equal(allowed, 7);
}

static void keys_are_counted_apart(void **state)
{
    (void)state;
    char key[20];
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(attempts_take(&attempts, key, 1, PERIOD_S, NOW), 0);
        assert_int_equal(attempts_take(&attempts, key, 1, PERIOD_S, NOW), PERIOD_S);
    }
    assert_int_equal(take("", NOW), 0);
}

static void only_the_beginning_of_a_long_key_counts(void **state)
{
    (void)state;
    char longer[ATTEMPT_KEY_MAX + 3], as_long[ATTEMPT_KEY_MAX + 1];
    memset(longer, 'k', sizeof longer);
    longer[sizeof longer - 1] = 0;
    memcpy(as_long, longer, sizeof as_long);
    as_long[ATTEMPT_KEY_MAX] = 0;
    assert_int_equal(attempts_take(&attempts, longer, 1, PERIOD_S, NOW), 0);
    assert_int_equal(attempts_take(&attempts, as_long, 1, PERIOD_S, NOW), PERIOD_S);
    as_long[ATTEMPT_KEY_MAX - 1] = 'x';
    assert_int_equal(attempts_take(&attempts, as_long, 1, PERIOD_S, NOW), 0);
}

static void no_limit_allows_everything(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) assert_int_equal(attempts_take(&attempts, "a", 0, PERIOD_S, NOW), 0);
    assert_int_equal(attempts_take(&attempts, "a", 1, PERIOD_S, NOW), 0);
}

/* More busy keys than there is room for: whoever comes again is not counted lower than before. */
static void a_flood_of_keys_does_not_make_one_forgotten(void **state)
{
    (void)state;
    char key[20];
    for (int i = 0; i < LIMIT; i++) assert_int_equal(take("victim", NOW), 0);
    for (int i = 0; i < ATTEMPT_SETS * ATTEMPT_WAYS * (LIMIT + 4); i++) {
        snprintf(key, sizeof key, "flood %d", i);
        (void)take(key, NOW);
    }
    assert_int_not_equal(take("victim", NOW), 0);
    assert_int_equal(take("victim", NOW + PERIOD_S * SECOND_US), 0); /* and all is well a period later */
}

static void a_few_thousand_busy_keys_do_not_hinder_others(void **state)
{
    (void)state;
    char key[20];
    for (int i = 0; i < ATTEMPT_SETS * ATTEMPT_WAYS / 4; i++) {
        snprintf(key, sizeof key, "busy %d", i);
        for (int j = 0; j < LIMIT; j++) (void)take(key, NOW);
    }
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "other %d", i);
        refused += take(key, NOW) != 0;
    }
    if (refused > 20) fail_msg("%d of 1000", refused); /* one set in a thousand is full */
}

static void a_clock_set_back_locks_nobody_out_for_longer_than_a_period(void **state)
{
    (void)state;
    for (int i = 0; i < LIMIT; i++) assert_int_equal(take("a", NOW), 0);
    int64_t back = NOW - 1000 * PERIOD_S * SECOND_US;
    assert_int_equal(take("a", back), EACH_S);
    assert_int_equal(take("a", back + EACH_S * SECOND_US), 0);
    for (int i = 0; i < LIMIT; i++) assert_int_equal(take("a", back + 10 * PERIOD_S * SECOND_US), 0);
}

static atomic_int allowed_in_all;

static void *take_many(void *unused)
{
    char key[20];
    for (int i = 0; i < KEYS * LIMIT; i++) {
        snprintf(key, sizeof key, "key %d", i % KEYS);
        if (!take(key, NOW)) atomic_fetch_add(&allowed_in_all, 1);
    }
    return unused;
}

static void threads_together_get_no_more(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    atomic_store(&allowed_in_all, 0);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_many, NULL), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&allowed_in_all), KEYS * LIMIT);
}

static void assert_client_key(const char *client, const char *expected)
{
    char key[ATTEMPT_CLIENT_SIZE];
    attempts_client_key(client, key);
    assert_string_equal(key, expected);
}

static void a_client_is_its_address_or_its_network(void **state)
{
    (void)state;
    assert_client_key("192.0.2.7", "192.0.2.7");
    assert_client_key("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
    assert_client_key("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64");
    assert_client_key("2001:db8:1:3::1", "2001:db8:1:3::/64");
    assert_client_key("::1", "::/64");
    assert_client_key("unix", "unix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(as_many_as_the_limit_at_once_and_then_one_each_part_of_the_period, setup),
        cmocka_unit_test_setup(the_seconds_told_are_enough, setup),
        cmocka_unit_test_setup(keys_are_counted_apart, setup),
        cmocka_unit_test_setup(only_the_beginning_of_a_long_key_counts, setup),
        cmocka_unit_test_setup(no_limit_allows_everything, setup),
        cmocka_unit_test_setup(a_flood_of_keys_does_not_make_one_forgotten, setup),
        cmocka_unit_test_setup(a_few_thousand_busy_keys_do_not_hinder_others, setup),
        cmocka_unit_test_setup(a_clock_set_back_locks_nobody_out_for_longer_than_a_period, setup),
        cmocka_unit_test_setup(threads_together_get_no_more, setup),
        cmocka_unit_test(a_client_is_its_address_or_its_network),
    };
    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
