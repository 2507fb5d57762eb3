#include "base/lines.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static FILE *file_of(const char *text, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    rewind(file);
    return file;
}

static void expect_line(struct lines *lines, const char *expected)
{
    const char *text;
    size_t size;
    assert_int_equal(lines_next(lines, &text, &size), LINES_ONE);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
}

static void expect_end(struct lines *lines)
{
    const char *text;
    size_t size;
    assert_int_equal(lines_next(lines, &text, &size), LINES_END);
    assert_int_equal(lines_next(lines, &text, &size), LINES_END);
    FILE *file = lines->file;
    lines_free(lines);
    fclose(file);
}

static void ends_of_lines_are_taken_off_and_the_last_line_needs_none(void **state)
{
    (void)state;
    struct lines lines = LINES_INIT(file_of("one\ntwo\r\n\nlast", 14), 100);
    expect_line(&lines, "one");
    expect_line(&lines, "two");
    expect_line(&lines, "");
    expect_line(&lines, "last");
    assert_int_equal(lines.total, 14);
    expect_end(&lines);
}

static void an_empty_file_has_no_line(void **state)
{
    (void)state;
    struct lines lines = LINES_INIT(file_of("", 0), 100);
    expect_end(&lines);
}

static void a_line_of_the_longest_size_is_given_and_a_longer_one_passed_over(void **state)
{
    (void)state;
    enum { LONGEST = 5, HUGE_LINE = 3 << 18 };
    char *text = malloc(HUGE_LINE + 64);
    size_t size = (size_t)sprintf(text, "12345\n123456\n");
    memset(text + size, 'x', HUGE_LINE);
    size += HUGE_LINE;
    memcpy(text + size, "\nafter", 6);
    struct lines lines = LINES_INIT(file_of(text, size + 6), LONGEST);
    const char *line;
    size_t line_size;
    expect_line(&lines, "12345");
    assert_int_equal(lines_next(&lines, &line, &line_size), LINES_TOO_LONG);
    assert_int_equal(lines_next(&lines, &line, &line_size), LINES_TOO_LONG);
    expect_line(&lines, "after");
    assert_int_equal(lines.total, (int64_t)size + 6);
    expect_end(&lines);
    free(text);
}

static void a_zero_byte_does_not_end_a_line(void **state)
{
    (void)state;
    struct lines lines = LINES_INIT(file_of("a\0b\n", 4), 100);
    const char *text;
    size_t size;
    assert_int_equal(lines_next(&lines, &text, &size), LINES_ONE);
    assert_int_equal(size, 3);
    expect_end(&lines);
}

static void many_lines_come_in_order(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    FILE *file = tmpfile();
    for (int i = 0; i < COUNT; i++) fprintf(file, "%d\n", i);
    rewind(file);
    struct lines lines = LINES_INIT(file, 100);
    char expected[16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(expected, sizeof expected, "%d", i);
        expect_line(&lines, expected);
    }
    expect_end(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_of_lines_are_taken_off_and_the_last_line_needs_none),
        cmocka_unit_test(an_empty_file_has_no_line),
        cmocka_unit_test(a_line_of_the_longest_size_is_given_and_a_longer_one_passed_over),
        cmocka_unit_test(a_zero_byte_does_not_end_a_line),
        cmocka_unit_test(many_lines_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
