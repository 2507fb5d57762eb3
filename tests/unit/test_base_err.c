#include "unit.h"

#include "base/err.h"
#include "base/fold.h"

static void the_first_failure_is_kept(void **state)
{
    (void)state;
    struct failure failure = { 0 };
    assert_int_equal(failure_set(&failure, ERR_NOT_FOUND, "group", "there is no group %d", 7), ERR_NOT_FOUND);
    assert_int_equal(failure_set(&failure, ERR_STORAGE, "", "a consequence"), ERR_STORAGE);
    assert_int_equal(failure.code, ERR_NOT_FOUND);
    assert_string_equal(failure.field, "group");
    assert_string_equal(failure.text, "there is no group 7");
}

static void a_cleared_failure_takes_the_next_cause(void **state)
{
    (void)state;
    struct failure failure = { 0 };
    failure_set(&failure, ERR_STORAGE, "", "first");
    failure_clear(&failure);
    failure_set(&failure, ERR_INVALID, "name", "second");
    assert_int_equal(failure.code, ERR_INVALID);
    assert_string_equal(failure.text, "second");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[600];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3) memcpy(text + i, "\xe4\xbd\x90\0", 4); /* 佐 */
        struct failure failure = { 0 };
        failure_set(&failure, ERR_INVALID, text, "%s", text);
        assert_in_range(strlen(failure.text), sizeof failure.text - 3, sizeof failure.text - 1);
        assert_in_range(strlen(failure.field), sizeof failure.field - 3, sizeof failure.field - 1);
        assert_true(utf8_is_valid(failure.text, strlen(failure.text)));
        assert_true(utf8_is_valid(failure.field, strlen(failure.field)));
        assert_memory_equal(failure.text, text, strlen(failure.text));
    }
}

static void a_text_that_just_fits_is_not_cut(void **state)
{
    (void)state;
    struct failure failure = { 0 };
    failure_set(&failure, ERR_INVALID, "", "%255s", "x");
    assert_int_equal(strlen(failure.text), 255);
}

static void every_error_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_COUNT; code++) {
        assert_true(strlen(err_name((enum err)code)) > 1);
        assert_true(strlen(err_text((enum err)code)) > 1);
    }
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_name(ERR_UNKNOWN_OUTCOME), "unknown_outcome");
    assert_string_equal(err_text(ERR_OK), "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_is_kept),
        cmocka_unit_test(a_cleared_failure_takes_the_next_cause),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_text_that_just_fits_is_not_cut),
        cmocka_unit_test(every_error_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
