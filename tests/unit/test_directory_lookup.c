/* The hash table from keys to ordinals that the image's indexes are made of. */
#include "unit.h"

#include "base/lookup.h"
#include "dice.h"

#include <stdlib.h>

/* Records whose key is a number; `spread` decides how many keys share a hash. */
struct records {
    uint64_t *keys;
    uint64_t spread;
};

static uint64_t hash_key(const struct records *records, uint64_t key)
{
    uint64_t bucket = key % records->spread;
    return lookup_hash_bytes(&bucket, sizeof bucket);
}

static uint64_t hash_of(const void *context, uint32_t ordinal)
{
    const struct records *records = context;
    return hash_key(records, records->keys[ordinal]);
}

static bool same(const void *context, uint32_t ordinal, const void *key)
{
    return ((const struct records *)context)->keys[ordinal] == *(const uint64_t *)key;
}

static uint32_t find(const struct lookup *lookup, const struct records *records, uint64_t key)
{
    return lookup_find(lookup, hash_key(records, key), same, records, &key);
}

static void fill_and_find(uint64_t spread, uint32_t count)
{
    struct records records = { calloc(count, sizeof(uint64_t)), spread };
    struct lookup lookup = { 0 };
    for (uint32_t i = 0; i < count; i++) {
        records.keys[i] = 3 * (uint64_t)i;
        lookup_add(&lookup, hash_of(&records, i), i, hash_of, &records);
    }
    assert_int_equal(lookup.used, count);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(find(&lookup, &records, 3 * (uint64_t)i), i);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(find(&lookup, &records, 3 * (uint64_t)i + 1), LOOKUP_NONE);
    lookup_free(&lookup);
    free(records.keys);
}

static void what_was_added_is_found_while_the_table_grows(void **state)
{
    (void)state;
    fill_and_find(UINT64_MAX, 20000);
}

static void keys_with_one_hash_are_told_apart(void **state)
{
    (void)state;
    fill_and_find(1, 500);
    fill_and_find(7, 2000);
}

static void nothing_is_found_in_an_empty_table(void **state)
{
    (void)state;
    struct records records = { NULL, 1 };
    struct lookup lookup = { 0 };
    assert_int_equal(find(&lookup, &records, 1), LOOKUP_NONE);
    lookup_remove(&lookup, 1, 0);
    lookup_free(&lookup);
}

/* Against a plain array that says which records are in the table. */
static void adding_and_removing_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { RECORDS = 600, STEPS = 60000 };
    struct dice dice = DICE(1);
    struct records records = { calloc(RECORDS, sizeof(uint64_t)), 90 };
    bool present[RECORDS] = { 0 };
    struct lookup lookup = { 0 };
    for (uint32_t i = 0; i < RECORDS; i++) records.keys[i] = i;
    for (int step = 0; step < STEPS; step++) {
        uint32_t at = roll(&dice, RECORDS);
        if (present[at]) lookup_remove(&lookup, hash_of(&records, at), at);
        else lookup_add(&lookup, hash_of(&records, at), at, hash_of, &records);
        present[at] = !present[at];
        uint32_t other = roll(&dice, RECORDS);
        assert_int_equal(find(&lookup, &records, other), present[other] ? other : LOOKUP_NONE);
    }
    lookup_free(&lookup);
    free(records.keys);
}

static void removed_records_leave_no_growing_table(void **state)
{
    (void)state;
    struct records records = { calloc(100000, sizeof(uint64_t)), UINT64_MAX };
    struct lookup lookup = { 0 };
    for (uint32_t i = 0; i < 100000; i++) {
        records.keys[i] = i;
        lookup_add(&lookup, hash_of(&records, i), i, hash_of, &records);
        if (i >= 10) lookup_remove(&lookup, hash_of(&records, i - 10), i - 10);
    }
    assert_true(lookup_bytes(&lookup) <= 64 * sizeof(uint32_t));
    lookup_free(&lookup);
    free(records.keys);
}

static void several_records_may_share_a_key(void **state)
{
    (void)state;
    struct records records = { (uint64_t[]){ 5, 5, 5 }, UINT64_MAX };
    struct lookup lookup = { 0 };
    for (uint32_t i = 0; i < 3; i++) lookup_add(&lookup, hash_of(&records, i), i, hash_of, &records);
    for (uint32_t left = 3; left > 0; left--) {
        uint32_t found = find(&lookup, &records, 5);
        assert_true(found < 3);
        lookup_remove(&lookup, hash_of(&records, found), found);
    }
    assert_int_equal(find(&lookup, &records, 5), LOOKUP_NONE);
    lookup_free(&lookup);
}

static void reserved_room_is_enough(void **state)
{
    (void)state;
    struct records records = { (uint64_t[1000]){ 0 }, UINT64_MAX };
    struct lookup lookup = { 0 };
    lookup_reserve(&lookup, 1000, hash_of, &records);
    size_t bytes = lookup_bytes(&lookup);
    for (uint32_t i = 0; i < 1000; i++) {
        records.keys[i] = i;
        lookup_add(&lookup, hash_of(&records, i), i, hash_of, &records);
    }
    assert_int_equal(lookup_bytes(&lookup), bytes);
    assert_true(bytes <= 4096 * sizeof(uint32_t));
    lookup_free(&lookup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_while_the_table_grows),
        cmocka_unit_test(keys_with_one_hash_are_told_apart),
        cmocka_unit_test(nothing_is_found_in_an_empty_table),
        cmocka_unit_test(adding_and_removing_agrees_with_a_plain_array),
        cmocka_unit_test(removed_records_leave_no_growing_table),
        cmocka_unit_test(several_records_may_share_a_key),
        cmocka_unit_test(reserved_room_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
