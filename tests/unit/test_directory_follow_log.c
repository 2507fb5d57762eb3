/* What the follower says in the log, and how often. */
#include "unit.h"

#include "capture.h"
#include "directory/follow_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How many lines were written; the last one is in ret_line. */
static int end_capture(char *ret_line, size_t size)
{
    int lines = 0;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    rewind(captured);
    *ret_line = '\0';
    while (fgets(ret_line, (int)size, captured)) lines++;
    fclose(captured);
    return lines;
}

static int64_t seconds(int64_t count)
{
    return count * INT64_C(1000000000);
}

static void a_failure_is_told_once_and_its_end(void **state)
{
    struct follow_log log = { 0 };
    char line[512];
    (void)state;
    begin_capture();
    for (int i = 0; i < 3600; i++) follow_log_result(&log, true, "no answer", "connection refused", seconds(i + 1));
    assert_int_equal(end_capture(line, sizeof line), 1);
    assert_non_null(strstr(line, "error cannot follow the database: no answer: connection refused\n"));
    begin_capture();
    for (int i = 0; i < 3; i++) follow_log_result(&log, false, "", "connection refused", seconds(5000 + i));
    assert_int_equal(end_capture(line, sizeof line), 1);
    assert_non_null(strstr(line, "info  following the database again\n"));
    begin_capture();
    follow_log_result(&log, true, "no answer", "", seconds(6000));
    assert_int_equal(end_capture(line, sizeof line), 1);
    assert_non_null(strstr(line, "cannot follow the database: no answer\n"));
}

static void another_cause_is_told_too(void **state)
{
    struct follow_log log = { 0 };
    char line[512];
    (void)state;
    begin_capture();
    follow_log_result(&log, true, "no answer", "connection refused", seconds(100));
    for (int i = 1; i < 600; i++) follow_log_result(&log, true, "no answer", "password authentication failed", seconds(100 + i));
    assert_int_equal(end_capture(line, sizeof line), 2);
    assert_non_null(strstr(line, "for another reason: no answer: password authentication failed\n"));
}

static void causes_that_take_turns_are_not_told_each_time(void **state)
{
    struct follow_log log = { 0 };
    char line[512];
    (void)state;
    begin_capture();
    for (int i = 0; i < 600; i++) follow_log_result(&log, true, "no answer", i % 2 ? "one" : "two", seconds(100 + i));
    assert_in_range(end_capture(line, sizeof line), 2, 1 + 600 / 30);
}

static void what_holds_back_is_told_after_a_minute_and_when_it_is_over(void **state)
{
    struct follow_log log = { 0 };
    char line[512];
    (void)state;
    begin_capture();
    for (int i = 0; i <= 60; i++) follow_log_held_back(&log, i * 1000, "transaction 7 stays open");
    follow_log_held_back(&log, 0, "");
    assert_int_equal(end_capture(line, sizeof line), 0);
    begin_capture();
    for (int i = 0; i <= 7200; i++) follow_log_held_back(&log, i * 1000, "transaction 7 stays open");
    assert_int_equal(end_capture(line, sizeof line), 1);
    assert_non_null(strstr(line, "warn  following is held back for more than 60 s: transaction 7 stays open"));
    begin_capture();
    for (int i = 0; i < 10; i++) follow_log_held_back(&log, 0, "");
    assert_int_equal(end_capture(line, sizeof line), 1);
    assert_non_null(strstr(line, "info  following is not held back any more\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_told_once_and_its_end),
        cmocka_unit_test(another_cause_is_told_too),
        cmocka_unit_test(causes_that_take_turns_are_not_told_each_time),
        cmocka_unit_test(what_holds_back_is_told_after_a_minute_and_when_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
