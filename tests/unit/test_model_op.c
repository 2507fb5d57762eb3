#include "unit.h"

#include "base/clock.h"
#include "model/op.h"

static void an_op_begins_now_may_block_and_knows_nobody(void **state)
{
    (void)state;
    int64_t before = clock_now();
    AUTO_OP op = op_begin();
    assert_in_range(op.now, before, clock_now());
    assert_true(op.may_block);
    assert_false(op.caller.system);
    assert_int_equal(op.caller.rights, 0);
    assert_int_equal(op.failure.code, ERR_OK);
}

static void the_first_cause_of_a_failure_wins(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    assert_int_equal(op_fail(&op, ERR_NOT_FOUND, "id", "no user has id %d", 7), ERR_NOT_FOUND);
    assert_int_equal(op_fail(&op, ERR_STORAGE, "", "later"), ERR_STORAGE);
    assert_int_equal(op.failure.code, ERR_NOT_FOUND);
    assert_string_equal(op.failure.field, "id");
    assert_string_equal(op.failure.text, "no user has id 7");
}

static void memory_of_an_op_is_freed_with_it(void **state)
{
    (void)state;
    struct op op = op_begin();
    arena_alloc(&op.arena, 100000); /* the leak checker is the witness */
    op_end(&op);
    assert_int_equal(op.arena.total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_op_begins_now_may_block_and_knows_nobody),
        cmocka_unit_test(the_first_cause_of_a_failure_wins),
        cmocka_unit_test(memory_of_an_op_is_freed_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
