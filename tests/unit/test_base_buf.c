#include "unit.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void appends_follow_each_other(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(100);
    assert_string_equal(buf_cstr(&buf), "");
    buf_add_literal(&buf, "a=");
    buf_add_number(&buf, 12);
    buf_add_char(&buf, ' ');
    buf_add_text(&buf, "text");
    buf_add(&buf, NULL, 0);
    buf_printf(&buf, " %s", "printed");
    assert_string_equal(buf_cstr(&buf), "a=12 text printed");
    buf_free(&buf);
}

static void numbers_are_written_like_printf_does(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(100);
    int64_t numbers[] = {
        0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12345, 9007199254740991, INT64_MAX, -1, -10, -100, INT64_MIN
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "%" PRId64, numbers[i]);
        buf_reset(&buf);
        buf_add_number(&buf, numbers[i]);
        assert_string_equal(buf_cstr(&buf), expected);
    }
    buf_free(&buf);
}

static void an_append_may_fill_the_buffer_to_its_ceiling(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(5);
    buf_add_text(&buf, "12345");
    assert_false(buf.overflow);
    assert_string_equal(buf_cstr(&buf), "12345");
    buf_free(&buf);
}

static void after_an_overflow_nothing_is_appended(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(5);
    buf_add_text(&buf, "123");
    buf_add_text(&buf, "456");
    assert_true(buf.overflow);
    buf_add_char(&buf, '4');
    buf_add_number(&buf, 4);
    buf_printf(&buf, "%d", 4);
    assert_string_equal(buf_cstr(&buf), "123");
    buf_reset(&buf);
    assert_false(buf.overflow);
    buf_add_text(&buf, "12345");
    assert_string_equal(buf_cstr(&buf), "12345");
    buf_free(&buf);
}

static void a_buffer_grows_without_losing_its_content(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1 << 20);
    for (int i = 0; i < 100000; i++) buf_add_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.size, 100000);
    for (int i = 0; i < 100000; i++) assert_int_equal(buf.bytes[i], 'a' + i % 26);
    buf_free(&buf);
    assert_int_equal(buf.max, 1 << 20);
}

static void long_formatted_text_is_written_whole(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(5000);
    buf_printf(&buf, "%*d", 255, 1);
    buf_printf(&buf, "%*d", 256, 2);
    buf_printf(&buf, "%*d", 4000, 3);
    assert_int_equal(buf.size, 255 + 256 + 4000);
    assert_int_equal(buf.bytes[254], '1');
    assert_int_equal(buf.bytes[510], '2');
    assert_int_equal(buf.bytes[4510], '3');
    buf_free(&buf);
}

static void detached_bytes_belong_to_the_caller(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(100);
    size_t size;
    buf_add_text(&buf, "kept");
    char *bytes = buf_detach(&buf, &size);
    assert_int_equal(size, 4);
    assert_memory_equal(bytes, "kept", 4);
    assert_int_equal(buf.size, 0);
    free(bytes);
    assert_null(buf_detach(&buf, &size));
    assert_int_equal(size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(numbers_are_written_like_printf_does),
        cmocka_unit_test(an_append_may_fill_the_buffer_to_its_ceiling),
        cmocka_unit_test(after_an_overflow_nothing_is_appended),
        cmocka_unit_test(a_buffer_grows_without_losing_its_content),
        cmocka_unit_test(long_formatted_text_is_written_whole),
        cmocka_unit_test(detached_bytes_belong_to_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
