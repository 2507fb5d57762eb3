/* May a group be put into another: no cycles, no path longer than the limit. */
#include "unit.h"

#include "dice.h"
#include "directory/directory.h"
#include "directory/nesting.h"

#include <time.h>

static enum err check(const struct nesting_graph *graph, int64_t parent, int64_t child)
{
    AUTO_OP op = op_begin();
    enum err e = nesting_check(&op, graph, parent, child);
    if (e) assert_string_equal(op.failure.field, "childGroupId");
    return e;
}

/* first -> first + 1 -> ... -> last */
static void add_chain(struct nesting_graph *graph, int64_t first, int64_t last)
{
    for (int64_t id = first; id < last; id++) {
        assert_int_equal(check(graph, id, id + 1), ERR_OK);
        assert_true(nesting_add(graph, id, id + 1));
    }
}

static void an_edge_is_there_once(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    assert_true(nesting_add(&graph, 1, 2));
    assert_false(nesting_add(&graph, 1, 2));
    assert_true(nesting_has(&graph, 1, 2));
    assert_false(nesting_has(&graph, 2, 1));
    assert_true(nesting_remove(&graph, 1, 2));
    assert_false(nesting_remove(&graph, 1, 2));
    assert_int_equal(graph.count, 0);
    nesting_free(&graph);
}

static void edges_agree_with_a_plain_matrix(void **state)
{
    (void)state;
    enum { GROUPS = 30 };
    struct nesting_graph graph = { 0 };
    struct dice dice = DICE(2);
    bool matrix[GROUPS][GROUPS] = { 0 };
    for (int step = 0; step < 5000; step++) {
        uint32_t parent = roll(&dice, GROUPS), child = roll(&dice, GROUPS);
        bool add = roll(&dice, 2);
        bool changed = add ? nesting_add(&graph, parent, child) : nesting_remove(&graph, parent, child);
        assert_int_equal(changed, matrix[parent][child] != add);
        matrix[parent][child] = add;
    }
    for (uint32_t parent = 0; parent < GROUPS; parent++)
        for (uint32_t child = 0; child < GROUPS; child++)
            assert_int_equal(nesting_has(&graph, parent, child), matrix[parent][child]);
    nesting_free(&graph);
}

static void a_group_is_not_put_into_itself(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    assert_int_equal(check(&graph, 1, 1), ERR_INVALID);
}

static void two_groups_do_not_contain_each_other(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    nesting_add(&graph, 1, 2);
    assert_int_equal(check(&graph, 2, 1), ERR_INVALID);
    nesting_free(&graph);
}

static void a_long_cycle_is_refused(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    add_chain(&graph, 1, 40);
    assert_int_equal(check(&graph, 40, 1), ERR_INVALID);
    assert_int_equal(check(&graph, 40, 20), ERR_INVALID);
    assert_int_equal(check(&graph, 1, 40), ERR_OK); /* a short cut is no cycle */
    nesting_free(&graph);
}

static void a_group_may_have_several_parents(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    nesting_add(&graph, 1, 2);
    nesting_add(&graph, 1, 3);
    nesting_add(&graph, 2, 4);
    assert_int_equal(check(&graph, 3, 4), ERR_OK);
    nesting_add(&graph, 3, 4);
    assert_int_equal(check(&graph, 4, 1), ERR_INVALID);
    nesting_free(&graph);
}

static void the_deepest_path_is_accepted_and_a_deeper_one_refused(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    add_chain(&graph, 0, DIRECTORY_NESTING_DEPTH_MAX); /* as many edges as allowed */
    assert_int_equal(graph.count, DIRECTORY_NESTING_DEPTH_MAX);
    assert_int_equal(check(&graph, DIRECTORY_NESTING_DEPTH_MAX, 1000), ERR_INVALID); /* below */
    assert_int_equal(check(&graph, 1000, 0), ERR_INVALID);                           /* above */
    assert_int_equal(check(&graph, 1000, 1), ERR_OK);
    nesting_free(&graph);
}

static void two_paths_joined_in_the_middle_count_together(void **state)
{
    (void)state;
    enum { HALF = DIRECTORY_NESTING_DEPTH_MAX / 2 };
    struct nesting_graph graph = { 0 };
    add_chain(&graph, 100, 100 + HALF);
    add_chain(&graph, 200, 200 + HALF);
    assert_int_equal(check(&graph, 100 + HALF, 200), ERR_INVALID); /* 32 + 1 + 32 */
    assert_int_equal(check(&graph, 100 + HALF - 1, 200), ERR_OK);
    assert_int_equal(check(&graph, 100 + HALF, 201), ERR_OK);
    nesting_free(&graph);
}

static void the_longest_of_several_paths_counts(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    add_chain(&graph, 1, 61);   /* 60 edges */
    nesting_add(&graph, 1, 61); /* and a short cut */
    assert_int_equal(check(&graph, 61, 100), ERR_OK);
    add_chain(&graph, 100, 104);
    assert_int_equal(check(&graph, 61, 100), ERR_INVALID); /* 60 + 1 + 4 */
    assert_int_equal(check(&graph, 61, 101), ERR_OK);
    nesting_free(&graph);
}

/* Each level of two groups doubles the paths: walking each of them would never end. */
static void very_many_paths_are_checked_quickly(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    for (int64_t level = 0; level < 50; level++)
        for (int64_t edge = 0; edge < 4; edge++) nesting_add(&graph, level * 2 + edge / 2, (level + 1) * 2 + edge % 2);
    clock_t begun = clock();
    assert_int_equal(check(&graph, 100, 1000), ERR_OK);
    assert_int_equal(check(&graph, 101, 0), ERR_INVALID);
    assert_true(clock() - begun < CLOCKS_PER_SEC);
    nesting_free(&graph);
}

static void a_wide_graph_is_checked_quickly(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    for (int64_t child = 2; child <= 20000; child++) nesting_add(&graph, 1, child);
    clock_t begun = clock();
    for (int64_t child = 2; child < 100; child++) assert_int_equal(check(&graph, child, 30000 + child), ERR_OK);
    assert_int_equal(check(&graph, 500, 1), ERR_INVALID);
    assert_true(clock() - begun < CLOCKS_PER_SEC);
    nesting_free(&graph);
}

/* An import checks thousands of nestings with one op: what a check took must not add up. */
static void checking_many_nestings_takes_little_memory(void **state)
{
    (void)state;
    struct nesting_graph graph = { 0 };
    AUTO_OP op = op_begin();
    for (int64_t child = 2; child <= 4000; child++) {
        assert_int_equal(nesting_check(&op, &graph, 1, child), ERR_OK);
        nesting_add(&graph, 1, child);
    }
    assert_in_range(op.arena.total, 0, 8 << 20);
    nesting_free(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_is_there_once),
        cmocka_unit_test(edges_agree_with_a_plain_matrix),
        cmocka_unit_test(a_group_is_not_put_into_itself),
        cmocka_unit_test(two_groups_do_not_contain_each_other),
        cmocka_unit_test(a_long_cycle_is_refused),
        cmocka_unit_test(a_group_may_have_several_parents),
        cmocka_unit_test(the_deepest_path_is_accepted_and_a_deeper_one_refused),
        cmocka_unit_test(two_paths_joined_in_the_middle_count_together),
        cmocka_unit_test(the_longest_of_several_paths_counts),
        cmocka_unit_test(very_many_paths_are_checked_quickly),
        cmocka_unit_test(a_wide_graph_is_checked_quickly),
        cmocka_unit_test(checking_many_nestings_takes_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
