#include "unit.h"

#include "base/json.h"
#include "base/log.h"
#include "capture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What was written; the caller frees it. */
static char *end_capture(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    long size = lseek(fileno(captured), 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fileno(captured), text, (size_t)size, 0), size);
    fclose(captured);
    return text;
}

static void a_text_line_has_time_level_and_message(void **state)
{
    (void)state;
    log_configure(LOG_TEXT, LOG_INFO);
    begin_capture();
    log_warn("disk %s is %d%% full", "sda", 90);
    char *text = end_capture();
    assert_int_equal(strlen(text), strcspn(text, "\n") + 1);
    assert_int_equal(strcspn(text, "T"), 10);
    assert_non_null(strstr(text, "Z warn  disk sda is 90% full\n"));
    free(text);
}

static void a_json_line_is_json(void **state)
{
    (void)state;
    log_configure(LOG_JSON, LOG_INFO);
    assert_int_equal(log_format(), LOG_JSON);
    begin_capture();
    log_error("a \"quote\" and\na line, \xff");
    char *text = end_capture();
    struct failure failure = { 0 };
    json_t *json;
    assert_int_equal(json_parse(&failure, text, strlen(text), &json), ERR_OK);
    assert_string_equal(json_string_value(json_object_get(json, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(json, "message")), "a \"quote\" and\na line, ?");
    assert_non_null(json_object_get(json, "time"));
    json_decref(json);
    free(text);
}

static void a_message_stays_on_its_line(void **state)
{
    (void)state;
    log_configure(LOG_TEXT, LOG_INFO);
    begin_capture();
    log_error("one\ntwo\rthree\x1b[31m");
    char *text = end_capture();
    assert_non_null(strstr(text, "one two three [31m\n"));
    free(text);
}

static void levels_below_the_chosen_one_are_silent(void **state)
{
    (void)state;
    log_configure(LOG_TEXT, LOG_WARN);
    assert_true(log_enabled(LOG_ERROR));
    assert_true(log_enabled(LOG_WARN));
    assert_false(log_enabled(LOG_INFO));
    begin_capture();
    log_info("silent");
    log_debug("silent");
    log_error("loud");
    char *text = end_capture();
    assert_null(strstr(text, "silent"));
    assert_non_null(strstr(text, "loud"));
    free(text);
}

static void lines_wait_for_the_flush(void **state)
{
    (void)state;
    begin_capture();
    log_line("first", 5);
    log_line("second\n", 7);
    off_t before = lseek(STDERR_FILENO, 0, SEEK_END);
    log_flush();
    char *text = end_capture();
    assert_int_equal(before, 0);
    assert_string_equal(text, "first\nsecond\n");
    free(text);
}

static void collected_lines_come_before_a_later_message(void **state)
{
    (void)state;
    log_configure(LOG_TEXT, LOG_INFO);
    begin_capture();
    log_line("collected", 9);
    log_info("message");
    char *text = end_capture();
    assert_true(strstr(text, "collected\n") == text);
    assert_non_null(strstr(text, "message\n"));
    free(text);
}

static void a_full_buffer_is_written(void **state)
{
    (void)state;
    char line[1000];
    memset(line, 'x', sizeof line);
    begin_capture();
    for (int i = 0; i < 100; i++) log_line(line, sizeof line);
    off_t before = lseek(STDERR_FILENO, 0, SEEK_END);
    log_flush();
    char *text = end_capture();
    assert_true(before > 50000);
    assert_int_equal(strlen(text), 100 * 1001);
    free(text);
}

static void a_line_longer_than_the_buffer_is_written_whole(void **state)
{
    (void)state;
    size_t size = 200000;
    char *line = malloc(size);
    memset(line, 'x', size);
    begin_capture();
    log_line("before", 6);
    log_line(line, size);
    log_line("after", 5);
    log_flush();
    char *text = end_capture();
    assert_int_equal(strlen(text), 7 + size + 1 + 6);
    assert_memory_equal(text, "before\nx", 8);
    assert_memory_equal(text + 7 + size, "\nafter\n", 7);
    free(text);
    free(line);
}

enum { THREADS = 4, LINES = 5000 };

static void *write_lines(void *number)
{
    char line[64];
    for (int i = 0; i < LINES; i++) log_line(line, (size_t)snprintf(line, sizeof line, "thread %d line %d", *(int *)number, i));
    return NULL;
}

static void *flush_often(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) log_flush();
    return NULL;
}

static void threads_keep_their_order_and_lose_nothing_when_they_end(void **state)
{
    (void)state;
    pthread_t threads[THREADS], flusher;
    int numbers[THREADS], next[THREADS] = { 0 };
    bool stop = false;
    begin_capture();
    pthread_create(&flusher, NULL, flush_often, &stop);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, write_lines, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(flusher, NULL);
    char *text = end_capture();
    for (char *line = text, *end; *line; line = end + 1) {
        int thread, number;
        end = strchr(line, '\n');
        assert_non_null(end);
        assert_int_equal(sscanf(line, "thread %d line %d\n", &thread, &number), 2);
        assert_int_equal(number, next[thread]++);
    }
    for (int i = 0; i < THREADS; i++) assert_int_equal(next[i], LINES);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_has_time_level_and_message),
        cmocka_unit_test(a_json_line_is_json),
        cmocka_unit_test(a_message_stays_on_its_line),
        cmocka_unit_test(levels_below_the_chosen_one_are_silent),
        cmocka_unit_test(lines_wait_for_the_flush),
        cmocka_unit_test(collected_lines_come_before_a_later_message),
        cmocka_unit_test(a_full_buffer_is_written),
        cmocka_unit_test(a_line_longer_than_the_buffer_is_written_whole),
        cmocka_unit_test(threads_keep_their_order_and_lose_nothing_when_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
