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

static void a_membership_is_in_effect_from_its_start_until_before_its_end(void **state)
{
    (void)state;
    static const struct {
        int64_t starts_at, ends_at;
        bool in_effect, has_ended; /* at 100 */
    } rows[] = {
        { 0, 0, true, false },     { 100, 0, true, false },  { 101, 0, false, false },
        { 0, 101, true, false },   { 0, 100, false, true },  { 0, 1, false, true },
        { 100, 101, true, false }, { 99, 100, false, true }, { 101, 200, false, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct membership membership = { .starts_at = rows[i].starts_at, .ends_at = rows[i].ends_at };
        assert_int_equal(membership_is_in_effect(&membership, 100), rows[i].in_effect);
        assert_int_equal(membership_has_ended(&membership, 100), rows[i].has_ended);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_noun_is_found_by_its_name),
        cmocka_unit_test(other_names_are_not_found),
        cmocka_unit_test(a_membership_is_in_effect_from_its_start_until_before_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
