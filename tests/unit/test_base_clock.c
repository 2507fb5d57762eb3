#include "unit.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECOND INT64_C(1000000)

static void times_are_written_with_as_many_fraction_digits_as_needed(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1, "1970-01-01T00:00:00.000001Z" },
        { 500000, "1970-01-01T00:00:00.5Z" },
        { 120000, "1970-01-01T00:00:00.12Z" },
        { 100, "1970-01-01T00:00:00.0001Z" },
        { -1, "1969-12-31T23:59:59.999999Z" },
        { 1773135127 * SECOND + 35520, "2026-03-10T09:32:07.03552Z" },
        { 951782400 * SECOND, "2000-02-29T00:00:00Z" },
        { 951868799 * SECOND, "2000-02-29T23:59:59Z" },
        { 951868800 * SECOND, "2000-03-01T00:00:00Z" },
        { INT64_C(253402300799) * SECOND + 999999, "9999-12-31T23:59:59.999999Z" },
        { INT64_C(-2208988800) * SECOND, "1900-01-01T00:00:00Z" },
        { INT64_MAX, "9999-12-31T23:59:59.999999Z" }, /* out of range: the nearest */
        { INT64_MIN, "1900-01-01T00:00:00Z" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_int_equal(clock_format(text, cases[i].time_us), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void dates_agree_with_the_c_library_on_every_day(void **state)
{
    (void)state;
    for (int64_t day = -25567; day < 2932897; day++) {
        time_t seconds = (time_t)(day * 86400 + (day % 1000 + 1000) * 43);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        char expected[64], text[CLOCK_TEXT_SIZE];
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
        size_t size = clock_format(text, seconds * SECOND);
        int64_t back;
        if (strcmp(text, expected) != 0 || !clock_parse(text, size, &back) || back != seconds * SECOND)
            fail_msg("%s became %s", expected, text);
    }
}

static void a_time_as_json_is_in_quotes(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(100);
    clock_add_json(&buf, 1773135127 * SECOND);
    assert_string_equal(buf_cstr(&buf), "\"2026-03-10T09:32:07Z\"");
    buf_free(&buf);
}

static void milliseconds_are_three_digits_whatever_the_time(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        const char *text;
    } cases[] = {
        { 1773135127 * SECOND, "\"2026-03-10T09:32:07.000Z\"" },
        { 1773135127 * SECOND + 35999, "\"2026-03-10T09:32:07.035Z\"" }, /* cut, not rounded */
        { 1773135127 * SECOND + 999999, "\"2026-03-10T09:32:07.999Z\"" },
        { 1773135127 * SECOND + 500000, "\"2026-03-10T09:32:07.500Z\"" },
        { 1, "\"1970-01-01T00:00:00.000Z\"" },
        { -1, "\"1969-12-31T23:59:59.999Z\"" },
        { INT64_MAX, "\"9999-12-31T23:59:59.999Z\"" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf buf = BUF_INIT(26); /* as long as it is, and no byte more */
        clock_add_json_milliseconds(&buf, cases[i].time_us);
        assert_false(buf.overflow);
        assert_int_equal(buf.size, 26);
        assert_memory_equal(buf.bytes, cases[i].text, 26);
        buf_free(&buf);
    }
}

static void well_formed_times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_us;
    } cases[] = {
        { "2026-03-10T09:32:07Z", 1773135127 * SECOND },
        { "2026-03-10t09:32:07z", 1773135127 * SECOND },
        { "2026-03-10T09:32:07.03552Z", 1773135127 * SECOND + 35520 },
        { "2026-03-10T09:32:07.1Z", 1773135127 * SECOND + 100000 },
        { "2026-03-10T09:32:07.123456789Z", 1773135127 * SECOND + 123456 }, /* cut */
        { "2026-03-10T10:32:07+01:00", 1773135127 * SECOND },
        { "2026-03-10T10:32:07+0100", 1773135127 * SECOND },
        { "2026-03-10T10:32:07+01", 1773135127 * SECOND },
        { "2026-03-09T22:02:07-11:30", 1773135127 * SECOND },
        { "2026-03-10T09:32:07-00:00", 1773135127 * SECOND },
        { "2024-02-29T00:00:00Z", 1709164800 * SECOND },
        { "1969-12-31T23:59:59.5Z", -500000 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_us = 42;
        if (!clock_parse(cases[i].text, strlen(cases[i].text), &time_us)) fail_msg("%s was refused", cases[i].text);
        assert_int_equal(time_us, cases[i].time_us);
    }
}

static void malformed_times_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026",
        "2026-03-10",
        "2026-03-10T09:32:07",
        "2026-03-10 09:32:07Z",
        "2026-3-10T09:32:07Z",
        "2026-03-10T9:32:07Z",
        "2026-13-10T09:32:07Z",
        "2026-00-10T09:32:07Z",
        "2026-03-00T09:32:07Z",
        "2026-03-32T09:32:07Z",
        "2026-04-31T09:32:07Z",
        "2026-02-29T09:32:07Z",
        "2100-02-29T09:32:07Z",
        "2026-03-10T24:00:00Z",
        "2026-03-10T09:60:07Z",
        "2026-03-10T09:32:60Z",
        "2026-03-10T09:32:07.Z",
        "2026-03-10T09:32:07.1234567890Z",
        "2026-03-10T09:32:07,5Z",
        "2026-03-10T09:32:07Zx",
        "2026-03-10T09:32:07+1",
        "2026-03-10T09:32:07+01:",
        "2026-03-10T09:32:07+24:00",
        "2026-03-10T09:32:07+01:60",
        "2026-03-10T09:32:07+01:00x",
        "+026-03-10T09:32:07Z",
        "1899-12-31T23:59:59Z",
        "1900-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        " 2026-03-10T09:32:07Z",
        "2026-03-10T09:32:07",
        "2026-03-10T09:32Z",
        "10000-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_us = 42;
        if (clock_parse(cases[i], strlen(cases[i]), &time_us)) fail_msg("%s was accepted", cases[i]);
        assert_int_equal(time_us, 42);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    srandom(1);
    for (int i = 0; i < 100000; i++) {
        int64_t time_us = (random() * INT64_C(2147483648) + random()) % INT64_C(250000000000000000) - 2000000000000000;
        char text[CLOCK_TEXT_SIZE];
        int64_t back;
        assert_true(clock_parse(text, clock_format(text, time_us), &back));
        assert_int_equal(back, time_us);
    }
}

static void durations_have_a_number_and_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        { "45s", 45 },      { "30m", 1800 },   { "12h", 43200 },
        { "90d", 7776000 }, { "2w", 1209600 }, { "36525d", 36525 * INT64_C(86400) },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t duration;
        assert_true(clock_parse_duration(cases[i].text, &duration));
        assert_int_equal(duration, cases[i].seconds * SECOND);
    }
}

static void malformed_durations_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", "d", "0d", "-1d", "1", "1y", "1d ", " 1d", "1.5d", "36526d", "99999999999999999999s", "1dd"
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t duration;
        if (clock_parse_duration(cases[i], &duration)) fail_msg("%s was accepted", cases[i]);
    }
}

static void the_clocks_run(void **state)
{
    (void)state;
    assert_in_range(clock_now(), 1700000000 * SECOND, INT64_C(4102444800) * SECOND);
    int64_t before = clock_monotonic_ns();
    assert_true(clock_monotonic_ns() >= before);
    int64_t behind = clock_monotonic_ns() - clock_coarse_ns();
    assert_in_range(behind, 0, 100000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_with_as_many_fraction_digits_as_needed),
        cmocka_unit_test(dates_agree_with_the_c_library_on_every_day),
        cmocka_unit_test(a_time_as_json_is_in_quotes),
        cmocka_unit_test(milliseconds_are_three_digits_whatever_the_time),
        cmocka_unit_test(well_formed_times_are_read),
        cmocka_unit_test(malformed_times_are_refused),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(durations_have_a_number_and_a_unit),
        cmocka_unit_test(malformed_durations_are_refused),
        cmocka_unit_test(the_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
