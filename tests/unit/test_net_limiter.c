#include "net/limiter.h"

#include "unit.h"

enum { HOUR_S = 3600 };
static const int64_t HOUR_US = HOUR_S * INT64_C(1000000);

static void requests_within_the_limit_pass_and_the_next_waits_for_the_window(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter);
    int64_t now = 10 * HOUR_US + 1000000;
    for (int i = 0; i < 700; i++) assert_int_equal(limiter_take(&limiter, 7, 700, HOUR_S, now), 0);
    assert_int_equal(limiter_take(&limiter, 7, 700, HOUR_S, now), HOUR_S - 1);
    assert_int_equal(limiter_take(&limiter, 7, 700, HOUR_S, 11 * HOUR_US - 1), 1);
    assert_int_equal(limiter_take(&limiter, 7, 700, HOUR_S, 11 * HOUR_US), 0);
    limiter_free(&limiter);
}

static void callers_are_counted_apart(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter);
    for (int64_t id = 1; id <= 5000; id++) {
        assert_int_equal(limiter_take(&limiter, id, 1, HOUR_S, HOUR_US), 0);
        assert_int_not_equal(limiter_take(&limiter, id, 1, HOUR_S, HOUR_US), 0);
    }
    limiter_free(&limiter);
}

static void any_number_is_a_caller(void **state)
{
    (void)state;
    static const int64_t callers[] = { 0, -1, 1, INT64_MIN, INT64_MAX };
    struct limiter limiter;
    limiter_init(&limiter);
    for (int round = 1; round <= 3; round++) {
        for (size_t i = 0; i < COUNT_OF(callers); i++) {
            int64_t wait_s = limiter_take(&limiter, callers[i], 2, HOUR_S, HOUR_US);
            assert_int_equal(wait_s, round <= 2 ? 0 : HOUR_S);
        }
    }
    limiter_free(&limiter);
}

static void no_limit_allows_everything(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter);
    for (int i = 0; i < 1000; i++) assert_int_equal(limiter_take(&limiter, 1, 0, HOUR_S, HOUR_US), 0);
    limiter_free(&limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_within_the_limit_pass_and_the_next_waits_for_the_window),
        cmocka_unit_test(callers_are_counted_apart),
        cmocka_unit_test(any_number_is_a_caller),
        cmocka_unit_test(no_limit_allows_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
