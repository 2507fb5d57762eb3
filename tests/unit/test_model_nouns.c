#include "unit.h"

#include "model/nouns.h"

static void every_noun_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < NOUN_COUNT; i++) {
        enum noun found = NOUN_COUNT;
        assert_true(noun_find(noun_name((enum noun)i), &found));
        assert_int_equal(found, i);
    }
    assert_string_equal(noun_name(NOUN_MEMBERSHIP), "membership");
    assert_int_equal(noun_size(NOUN_USER), sizeof(struct user));
}

static void other_names_are_not_found(void **state)
{
    (void)state;
    enum noun found;
    assert_false(noun_find("", &found));
    assert_false(noun_find("User", &found));
    assert_false(noun_find("users", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_noun_is_found_by_its_name),
        cmocka_unit_test(other_names_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
