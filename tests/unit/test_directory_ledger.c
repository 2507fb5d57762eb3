/* What an import remembers of a file: sets of numbers, names by hash; and how little memory that takes. */
#include "unit.h"

#include "dice.h"
#include "directory/ledger.h"

#include <stdlib.h>

static void assert_ranges_are_sound(const struct number_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        assert_true(set->ranges[i].first <= set->ranges[i].last);
        if (i) assert_true(set->ranges[i - 1].last + 1 < set->ranges[i].first); /* disjoint, and joined where they touch */
    }
}

static void a_number_set_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { NUMBERS = 400 };
    for (uint32_t seed = 0; seed < 20; seed++) {
        struct dice dice = DICE(seed);
        struct number_set set = { 0 };
        bool has[NUMBERS] = { 0 };
        for (int step = 0; step < 3000; step++) {
            uint32_t number = roll(&dice, NUMBERS);
            has[number] = roll(&dice, 10) < (seed % 2 ? 7 : 4);
            if (has[number]) number_set_add(&set, number);
            else number_set_remove(&set, number);
        }
        assert_ranges_are_sound(&set);
        for (uint32_t number = 0; number < NUMBERS; number++) assert_int_equal(number_set_has(&set, number), has[number]);
        assert_false(number_set_has(&set, NUMBERS));
        assert_false(number_set_has(&set, -1));
        number_set_free(&set);
    }
}

static void adding_or_removing_twice_changes_nothing(void **state)
{
    (void)state;
    struct number_set set = { 0 };
    number_set_remove(&set, 5);
    number_set_add(&set, 5);
    number_set_add(&set, 5);
    assert_int_equal(set.count, 1);
    number_set_remove(&set, 5);
    number_set_remove(&set, 5);
    assert_int_equal(set.count, 0);
    assert_false(number_set_has(&set, 5));
    number_set_free(&set);
}

static void numbers_in_a_row_are_one_range_whatever_their_order(void **state)
{
    (void)state;
    struct number_set set = { 0 };
    for (int64_t number = 1; number <= 100000; number++) number_set_add(&set, number);
    assert_int_equal(set.count, 1);
    for (int64_t number = 200000; number > 100000; number--) number_set_add(&set, number);
    assert_int_equal(set.count, 1);
    assert_true(number_set_has(&set, 1) && number_set_has(&set, 200000));
    assert_true(set.capacity <= 8);
    number_set_free(&set);
}

static void the_largest_numbers_are_kept(void **state)
{
    (void)state;
    struct number_set set = { 0 };
    number_set_add(&set, NUMBER_MAX);
    number_set_add(&set, NUMBER_MAX - 2);
    number_set_add(&set, NUMBER_MAX - 1);
    assert_int_equal(set.count, 1);
    number_set_remove(&set, NUMBER_MAX);
    assert_false(number_set_has(&set, NUMBER_MAX));
    assert_true(number_set_has(&set, NUMBER_MAX - 2));
    number_set_free(&set);
}

static void a_hash_map_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    struct dice dice = DICE(3);
    struct hash_map map = { 0 };
    int64_t values[KEYS];
    uint64_t hashes[KEYS];
    int64_t value;
    assert_false(hash_map_get(&map, 1, &value));
    for (int i = 0; i < KEYS; i++) {
        hashes[i] = roll_bits(&dice) & ~UINT64_C(0xff); /* many share a slot */
        values[i] = -1;
    }
    for (int step = 0; step < 3 * KEYS; step++) {
        uint32_t at = roll(&dice, KEYS);
        values[at] = roll(&dice, 1000);
        hash_map_put(&map, hashes[at], values[at]);
    }
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(hash_map_get(&map, hashes[i], &value), values[i] >= 0);
        if (values[i] >= 0) assert_int_equal(value, values[i]);
    }
    assert_false(hash_map_get(&map, 12345, &value));
    hash_map_free(&map);
}

static void the_hash_zero_is_a_hash_like_any_other(void **state)
{
    (void)state;
    struct hash_map map = { 0 };
    int64_t value = 0;
    hash_map_put(&map, 0, 7);
    assert_true(hash_map_get(&map, 0, &value));
    assert_int_equal(value, 7);
    hash_map_free(&map);
}

static void organizations_are_found_by_number(void **state)
{
    (void)state;
    struct ledger ledger = { 0 };
    struct dice dice = DICE(9);
    assert_null(ledger_find(&ledger, 1));
    for (int i = 0; i < 300; i++) {
        int64_t id = 1 + roll(&dice, 1000);
        if (!ledger_find(&ledger, id)) assert_int_equal(ledger_add(&ledger, id)->id, id);
        assert_int_equal(ledger_find(&ledger, id)->id, id);
    }
    assert_true(ledger_find(&ledger, ledger.organizations[0]->id)->unique_group_names);
    ledger_free(&ledger);
}

/* "about 20 bytes a group, next to nothing for dense numbers" */
static void a_hundred_thousand_groups_take_some_megabytes(void **state)
{
    (void)state;
    struct ledger ledger = { 0 };
    struct dice dice = DICE(5);
    struct ledger_organization *organization = ledger_add(&ledger, 1);
    for (int64_t id = 1; id <= 100000; id++) {
        number_set_add(&organization->groups, id);
        number_set_add(&organization->users, id * 10);
        hash_map_put(&organization->names, roll_bits(&dice), id);
    }
    size_t bytes =
        organization->groups.capacity * sizeof(struct number_range) + organization->names.capacity * sizeof(struct hash_entry);
    assert_true(bytes <= 100000 * 48);
    assert_true(organization->users.capacity * sizeof(struct number_range) <= 100000 * 48); /* even when no two are neighbours */
    ledger_free(&ledger);
}

enum { KEYS = 60 };

/* What a ledger's sets, maps and flags say of some numbers. */
struct said {
    bool account, deleted_account, account_used, group, unique;
    int64_t holder; /* -1: there is none */
};

static void ask(struct ledger *ledger, struct said said[KEYS])
{
    struct ledger_organization *organization = ledger_find(ledger, 1);
    for (int64_t key = 0; key < KEYS; key++) {
        said[key] = (struct said){ .account = number_set_has(&ledger->accounts, key),
                                   .deleted_account = number_set_has(&ledger->deleted_accounts, key),
                                   .account_used = number_set_has(&ledger->accounts_used, key),
                                   .group = number_set_has(&organization->groups, key),
                                   .unique = organization->unique_group_names,
                                   .holder = -1 };
        (void)hash_map_get(&organization->names, (uint64_t)(key % 7 * 64 + key / 7), &said[key].holder);
    }
}

/* A few slots are shared by many hashes, zero among them. */
static void change_something(struct ledger *ledger, struct dice *dice)
{
    struct ledger_organization *organization = ledger_find(ledger, 1);
    uint32_t key = roll(dice, KEYS);
    switch (roll(dice, 7)) {
    case 0:
        number_set_add(&ledger->accounts, key);
        break;
    case 1:
        number_set_remove(&ledger->accounts, key);
        break;
    case 2:
        number_set_add(&organization->groups, key);
        break;
    case 3:
        number_set_add(&ledger->deleted_accounts, key);
        break;
    case 4:
        number_set_add(&ledger->accounts_used, key);
        break;
    case 5:
        ledger_set_flag(ledger, &organization->unique_group_names, roll(dice, 2));
        break;
    default:
        hash_map_put(&organization->names, key % 7 * 64 + key / 7, roll(dice, 1000));
    }
}

static void assert_says(struct ledger *ledger, const struct said expected[KEYS])
{
    struct said said[KEYS];
    ask(ledger, said);
    for (int key = 0; key < KEYS; key++) {
        assert_int_equal(said[key].account, expected[key].account);
        assert_int_equal(said[key].deleted_account, expected[key].deleted_account);
        assert_int_equal(said[key].account_used, expected[key].account_used);
        assert_int_equal(said[key].group, expected[key].group);
        assert_int_equal(said[key].unique, expected[key].unique);
        assert_int_equal(said[key].holder, expected[key].holder);
    }
}

/* A line is taken back, or its whole batch, or neither; or all of the batch that is not about accounts and organizations. */
static void what_is_taken_back_was_never_there(void **state)
{
    (void)state;
    struct ledger ledger = { 0 };
    struct dice dice = DICE(11);
    struct said batch[KEYS], line[KEYS];
    ledger_open(&ledger);
    ledger_add(&ledger, 1);
    for (int round = 0; round < 500; round++) {
        ask(&ledger, batch);
        ledger_keep(&ledger);
        for (int i = 0; i < 3; i++) {
            ask(&ledger, line);
            ledger_begin_line(&ledger);
            for (uint32_t steps = roll(&dice, 12); steps; steps--) change_something(&ledger, &dice);
            if (roll(&dice, 2)) continue;
            ledger_undo_line(&ledger);
            assert_says(&ledger, line);
        }
        if (roll(&dice, 3) == 0) continue;
        ask(&ledger, line);
        bool installed = roll(&dice, 2);
        for (int key = 0; key < KEYS && installed; key++) {
            batch[key].account = line[key].account;
            batch[key].deleted_account = line[key].deleted_account;
            batch[key].unique = line[key].unique;
        }
        if (installed) ledger_keep_installation(&ledger);
        ledger_undo(&ledger);
        assert_says(&ledger, batch);
    }
    ledger_free(&ledger);
}

static void what_was_learned_is_not_taken_back(void **state)
{
    (void)state;
    struct ledger ledger = { 0 };
    struct ledger_organization *organization = ledger_add(&ledger, 1);
    int64_t holder = 0;
    hash_map_learn(&organization->names, 5, 7);
    hash_map_put(&organization->names, 5, 8);
    ledger_undo(&ledger);
    assert_true(hash_map_get(&organization->names, 5, &holder));
    assert_int_equal(holder, 7);
    ledger_free(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_set_agrees_with_a_plain_array),
        cmocka_unit_test(adding_or_removing_twice_changes_nothing),
        cmocka_unit_test(numbers_in_a_row_are_one_range_whatever_their_order),
        cmocka_unit_test(the_largest_numbers_are_kept),
        cmocka_unit_test(a_hash_map_agrees_with_a_plain_array),
        cmocka_unit_test(the_hash_zero_is_a_hash_like_any_other),
        cmocka_unit_test(organizations_are_found_by_number),
        cmocka_unit_test(a_hundred_thousand_groups_take_some_megabytes),
        cmocka_unit_test(what_is_taken_back_was_never_there),
        cmocka_unit_test(what_was_learned_is_not_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
