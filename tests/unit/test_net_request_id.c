/* test_net_request_id.c — ids that differ and look like version 4 UUIDs. */
#include "unit.h"

#include "base/uuid.h"
#include "net/request_id.h"

#include <stdlib.h>

enum { MANY = 100000 };

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_all_differ(char (*ids)[REQUEST_ID_SIZE], size_t count)
{
    qsort(ids, count, sizeof *ids, compare);
    for (size_t i = 1; i < count; i++) assert_string_not_equal(ids[i - 1], ids[i]);
}

static void an_id_is_the_text_of_a_version_4_uuid(void **state)
{
    (void)state;
    struct request_ids sources[] = { { 0, 0 }, { UINT64_MAX, UINT64_MAX }, { 0x0123456789abcdef, 42 } };
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        for (int round = 0; round < 1000; round++) {
            char id[REQUEST_ID_SIZE], again[REQUEST_ID_SIZE];
            struct uuid uuid;
            request_id_next(&sources[i], id);
            assert_int_equal(strlen(id), 36);
            assert_true(uuid_parse(id, 36, &uuid));
            uuid_format(again, &uuid);
            assert_string_equal(id, again);
            assert_int_equal(uuid.bytes[6] >> 4, 4);
            assert_int_equal(uuid.bytes[8] >> 6, 2);
        }
    }
}

static void ids_of_one_source_differ(void **state)
{
    (void)state;
    static char ids[MANY][REQUEST_ID_SIZE];
    struct request_ids source = { UINT64_MAX - MANY / 2, 7 };
    for (size_t i = 0; i < MANY; i++) request_id_next(&source, ids[i]);
    assert_all_differ(ids, MANY);
}

/* The whole counter is in an id: numbers that differ in one bit anywhere give ids that differ, whatever the key does to the rest.
 */
static void every_bit_of_the_counter_counts(void **state)
{
    (void)state;
    static char ids[65][REQUEST_ID_SIZE];
    for (size_t i = 0; i < 65; i++) {
        struct request_ids source = { .number = i < 64 ? UINT64_C(1) << i : 0 };
        source.key = source.number; /* the part mixed with the key is the same for all */
        request_id_next(&source, ids[i]);
    }
    assert_all_differ(ids, 65);
}

static void sources_with_the_same_number_differ_by_their_key(void **state)
{
    (void)state;
    static char ids[1000][REQUEST_ID_SIZE];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct request_ids source = { 5, i };
        request_id_next(&source, ids[i]);
    }
    assert_all_differ(ids, COUNT_OF(ids));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_the_text_of_a_version_4_uuid),
        cmocka_unit_test(ids_of_one_source_differ),
        cmocka_unit_test(every_bit_of_the_counter_counts),
        cmocka_unit_test(sources_with_the_same_number_differ_by_their_key),
    };
    return cmocka_run_group_tests_name("net request id", tests, NULL, NULL);
}
