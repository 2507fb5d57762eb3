#include "unit.h"

#include "base/uuid.h"

#include <stdio.h>

#include <stdlib.h>

static const char sample[] = "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e";

static void text_is_read_and_written(void **state)
{
    (void)state;
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    assert_true(uuid_parse(sample, 36, &uuid));
    assert_int_equal(uuid.bytes[0], 0x2e);
    assert_int_equal(uuid.bytes[15], 0x4e);
    uuid_format(text, &uuid);
    assert_string_equal(text, sample);
}

static void capital_letters_are_read_and_small_ones_written(void **state)
{
    (void)state;
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    assert_true(uuid_parse("2ED2BFD5-F927-490B-B77A-A7E2F0685D4E", 36, &uuid));
    uuid_format(text, &uuid);
    assert_string_equal(text, sample);
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2ed2bfd5-f927-490b-b77a-a7e2f0685d4",
        "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e0",
        "2ed2bfd5f927490bb77aa7e2f0685d4e",
        "{2ed2bfd5-f927-490b-b77a-a7e2f0685d4",
        "2ed2bfd5-f927-490b-b77a-a7e2f0685d4g",
        "2ed2bfd5-f927-490b-b77a-a7e2f0685dg4",
        "2ed2bfd5-f927-490b-b77aa-7e2f0685d4e",
        "2ed2bfd5 f927-490b-b77a-a7e2f0685d4e",
        "2ed2bfd5-f927-490b-b77a-a7e2f0685d\xc3\xa9",
        "00000000-0000-0000-0000-000000000000",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct uuid uuid = { { 1 } };
        if (uuid_parse(cases[i], strlen(cases[i]), &uuid)) fail_msg("%s was accepted", cases[i]);
        assert_int_equal(uuid.bytes[0], 1);
    }
}

static void zeroes_are_read_where_they_mean_nothing_there(void **state)
{
    (void)state;
    struct uuid uuid = { { 1 } };
    assert_true(uuid_parse_or_nil("00000000-0000-0000-0000-000000000000", 36, &uuid));
    assert_true(uuid_is_nil(&uuid));
    assert_true(uuid_parse_or_nil(sample, 36, &uuid));
    assert_int_equal(uuid.bytes[0], 0x2e);
    assert_false(uuid_parse_or_nil("00000000-0000-0000-0000-00000000000g", 36, &uuid));
    assert_false(uuid_parse_or_nil("00000000000000000000000000000000", 32, &uuid));
}

static void every_byte_is_written_as_two_digits(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        struct uuid uuid;
        char text[UUID_TEXT_SIZE], expected[UUID_TEXT_SIZE];
        for (unsigned i = 0; i < 16; i++) uuid.bytes[i] = (uint8_t)(byte + 37 * i);
        const uint8_t *b = uuid.bytes;
        snprintf(expected, sizeof expected, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
                 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
        uuid_format(text, &uuid);
        assert_string_equal(text, expected);
    }
}

static void random_uuids_are_version_4_and_differ(void **state)
{
    (void)state;
    struct uuid uuids[1000];
    for (size_t i = 0; i < COUNT_OF(uuids); i++) {
        uuids[i] = uuid_random();
        assert_int_equal(uuids[i].bytes[6] >> 4, 4);
        assert_int_equal(uuids[i].bytes[8] >> 6, 2);
        for (size_t j = 0; j < i; j++) assert_false(uuid_equal(&uuids[i], &uuids[j]));
    }
}

/* The example of RFC 9562, appendix A.4. */
static void a_name_in_a_namespace_has_one_uuid(void **state)
{
    (void)state;
    struct uuid space, uuid;
    char text[UUID_TEXT_SIZE];
    assert_true(uuid_parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8", 36, &space));
    uuid = uuid_derive(&space, "www.example.com");
    uuid_format(text, &uuid);
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void only_all_zeroes_is_nil(void **state)
{
    (void)state;
    assert_true(uuid_is_nil(&(struct uuid){ 0 }));
    assert_false(uuid_is_nil(&(struct uuid){ { [15] = 1 } }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_and_written),
        cmocka_unit_test(capital_letters_are_read_and_small_ones_written),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(random_uuids_are_version_4_and_differ),
        cmocka_unit_test(a_name_in_a_namespace_has_one_uuid),
        cmocka_unit_test(every_byte_is_written_as_two_digits),
        cmocka_unit_test(only_all_zeroes_is_nil),
        cmocka_unit_test(zeroes_are_read_where_they_mean_nothing_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
