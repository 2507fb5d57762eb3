/* What Passbolt's answers are made of: texts, dates, ids as PHP and CakePHP write and read them, and the map of problems. */
#include "unit.h"

#include "api/passbolt/encode.h"
#include "api/passbolt/problems.h"

#include <stdio.h>
#include <stdlib.h>

/* --- texts --- */

static void assert_written(const char *text, size_t size, const char *expected)
{
    struct buf out = BUF_INIT(10000);
    passbolt_add_text(&out, text, size);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
}

static void texts_are_written_as_php_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "Resource planning (2016) #1 = $5 + 50% ~ ^_`{|}@!?", "\"Resource planning (2016) #1 = $5 + 50% ~ ^_`{|}@!?\"" },
        { "<tag>", "\"\\u003Ctag\\u003E\"" },
        { "R&D's \"best\"", "\"R\\u0026D\\u0027s \\u0022best\\u0022\"" },
        { "/groups.json", "\"\\/groups.json\"" },
        { "back\\slash", "\"back\\\\slash\"" },
        { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x0b\x1f\x7f", "\"\\u0001\\u000b\\u001f\x7f\"" },
        { "\u00e9t\u00e9", "\"\\u00e9t\\u00e9\"" },
        { "\u00d8sterg\u00e5rd \u4f50\u85e4", "\"\\u00d8sterg\\u00e5rd \\u4f50\\u85e4\"" },
        { "\u07ff\u0800\ud7ff\ue000\uffff", "\"\\u07ff\\u0800\\ud7ff\\ue000\\uffff\"" },
        { "\U00010000\U0001f600\U0010ffff", "\"\\ud800\\udc00\\ud83d\\ude00\\udbff\\udfff\"" },
        { "\u2028\ufeff", "\"\\u2028\\ufeff\"" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_written(cases[i].text, strlen(cases[i].text), cases[i].json);
        struct buf out = BUF_INIT(1000);
        passbolt_add_string(&out, cases[i].text);
        assert_string_equal(buf_cstr(&out), cases[i].json);
        buf_free(&out);
    }
}

static void malformed_utf8_is_replaced_and_nothing_behind_the_text_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *json;
    } cases[] = {
        { "\xff", 1, "\"\\ufffd\"" },
        { "a\x80z", 3, "\"a\\ufffdz\"" },
        { "\xc3\xa9", 1, "\"\\ufffd\"" }, /* cut */
        { "\xf0\x9f\x98\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
        { "\xc0\xaf", 2, "\"\\ufffd\\ufffd\"" },            /* over-long */
        { "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" }, /* a surrogate */
        { "\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
        { "\0", 1, "\"\\u0000\"" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *exact = malloc(cases[i].size); /* so that the address sanitizer sees an overrun */
        memcpy(exact, cases[i].text, cases[i].size);
        assert_written(exact, cases[i].size, cases[i].json);
        free(exact);
    }
}

static void what_is_escaped_is_found_at_every_place_of_every_length(void **state)
{
    (void)state;
    static const struct {
        char c;
        const char *escape;
    } cases[] = { { '"', "\\u0022" }, { '&', "\\u0026" }, { '\'', "\\u0027" }, { '/', "\\/" },   { '<', "\\u003C" },
                  { '>', "\\u003E" }, { '\\', "\\\\" },   { '\n', "\\n" },     { 31, "\\u001f" } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t size = 1; size < 40; size++) {
            for (size_t at = 0; at < size; at++) {
                char text[40], expected[120];
                memset(text, '=', size); /* a neighbour of < and > */
                text[at] = cases[i].c;
                snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", (int)at,
                         "=======================================", cases[i].escape, (int)(size - at - 1),
                         "=======================================");
                assert_written(text, size, expected);
            }
        }
    }
}

static void every_ascii_character_is_itself_or_escaped(void **state)
{
    (void)state;
    for (int c = 0; c < 128; c++) {
        char text[17], name[17];
        memset(text, c, sizeof text); /* more than two words */
        struct buf out = BUF_INIT(1000);
        passbolt_add_text(&out, text, sizeof text);
        bool plain = c >= 0x20 && !strchr("\"&'/<>\\", c);
        memset(name, c, sizeof name);
        if (plain) assert_int_equal(out.size, sizeof text + 2);
        else assert_true(out.size >= 2 * sizeof text + 2);
        struct failure failure = { 0 };
        json_t *json;
        if (c) {
            assert_int_equal(json_parse(&failure, out.bytes, out.size, &json), ERR_OK);
            assert_memory_equal(json_string_value(json), name, sizeof name);
            json_decref(json);
        }
        buf_free(&out);
    }
}

static void every_text_is_ascii_and_read_back_as_it_was(void **state)
{
    (void)state;
    static const char *const pieces[] = { "abcdefgh", "x",  "\"", "&",      "'",      "/",
                                          "<b>",      "\\", "\n", "\u00e9", "\u20ac", "\U0001f600" };
    srandom(5);
    for (int round = 0; round < 3000; round++) {
        char text[200] = "";
        for (long left = random() % 20; left > 0; left--) strcat(text, pieces[(size_t)random() % COUNT_OF(pieces)]);
        struct buf out = BUF_INIT(10000);
        passbolt_add_string(&out, text);
        for (size_t i = 0; i < out.size; i++) assert_true(out.bytes[i] >= 0x20);
        struct failure failure = { 0 };
        json_t *json;
        assert_int_equal(json_parse(&failure, out.bytes, out.size, &json), ERR_OK);
        assert_string_equal(json_string_value(json), text);
        json_decref(json);
        buf_free(&out);
    }
}

static void a_text_that_passes_the_ceiling_sets_overflow(void **state)
{
    (void)state;
    static const char *const texts[] = { "12345678\n", "\n12345678", "\u00e9\u00e9", "123456789" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct buf out = BUF_INIT(10);
        passbolt_add_string(&out, texts[i]);
        assert_true(out.overflow);
        assert_true(out.size <= 10);
        buf_free(&out);
    }
}

/* --- other values --- */

static void dates_have_whole_seconds_and_no_z(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        const char *json;
    } cases[] = {
        { INT64_C(1454074765000000), "\"2016-01-29T13:39:25+00:00\"" }, /* that of the original page */
        { INT64_C(1454074765999999), "\"2016-01-29T13:39:25+00:00\"" },
        { INT64_C(1554379552000001), "\"2019-04-04T12:05:52+00:00\"" },
        { 1, "\"1970-01-01T00:00:00+00:00\"" },
        { -1, "\"1969-12-31T23:59:59+00:00\"" },
        { 0, "null" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT(100);
        passbolt_add_date(&out, cases[i].time_us);
        assert_string_equal(buf_cstr(&out), cases[i].json);
        buf_free(&out);
    }
}

static void numbers_booleans_null_and_ids_are_plain_json(void **state)
{
    (void)state;
    struct uuid uuid;
    assert_true(uuid_parse("D57C10F5-639D-5160-9C81-8A0C6C4EC856", 36, &uuid));
    struct buf out = BUF_INIT(200);
    passbolt_add_number(&out, -42);
    passbolt_add_bool(&out, true);
    passbolt_add_bool(&out, false);
    passbolt_add_null(&out);
    passbolt_add_uuid(&out, &uuid);
    assert_string_equal(buf_cstr(&out), "-42truefalsenull\"d57c10f5-639d-5160-9c81-8a0c6c4ec856\"");
    buf_free(&out);
}

static void ids_are_checked_by_version_and_variant(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        { "d57c10f5-639d-5160-9c81-8a0c6c4ec856", true },
        { "D57C10F5-639D-5160-9C81-8A0C6C4EC856", true },
        { "00000000-0000-0000-0000-000000000000", true }, /* nil */
        { "00000000-0000-0000-0000-000000000001", true }, /* version and variant 0 */
        { "d57c10f5-639d-0160-8c81-8a0c6c4ec856", true },
        { "d57c10f5-639d-1160-ac81-8a0c6c4ec856", true },
        { "d57c10f5-639d-4160-Bc81-8a0c6c4ec856", true },
        { "d57c10f5-639d-6160-9c81-8a0c6c4ec856", false }, /* versions 6, 7, 8 and f */
        { "d57c10f5-639d-7160-9c81-8a0c6c4ec856", false },
        { "d57c10f5-639d-8160-9c81-8a0c6c4ec856", false },
        { "ffffffff-ffff-ffff-ffff-ffffffffffff", false },
        { "d57c10f5-639d-5160-1c81-8a0c6c4ec856", false }, /* variants */
        { "d57c10f5-639d-5160-7c81-8a0c6c4ec856", false },
        { "d57c10f5-639d-5160-cc81-8a0c6c4ec856", false },
        { "d57c10f5-639d-5160-9c81-8a0c6c4ec85", false },
        { "d57c10f5-639d-5160-9c81-8a0c6c4ec8561", false },
        { "d57c10f5-639d-5160-9c81-8a0c6c4ec85g", false },
        { "d57c10f5+639d-5160-9c81-8a0c6c4ec856", false },
        { "d57c10f5639d-5160-9c81-8a0c6c4ec8560", false },
        { "{57c10f5-639d-5160-9c81-8a0c6c4ec85}", false },
        { "d57c10f5-639d-5160-9c81-8a0c6c4ec856\n", false },
        { "", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct uuid uuid = { .bytes = { 7 } }, expected = { 0 };
        bool valid = passbolt_uuid_parse(cases[i].text, strlen(cases[i].text), &uuid);
        if (valid != cases[i].valid) fail_msg("%s", cases[i].text);
        if (!valid) assert_int_equal(uuid.bytes[0], 7);
        if (valid && uuid_parse(cases[i].text, 36, &expected)) assert_true(uuid_equal(&uuid, &expected));
        else if (valid) assert_true(uuid_is_nil(&uuid));
    }
    struct uuid uuid;
    assert_false(passbolt_uuid_parse("d57c10f5-639d-5160-\0c81-8a0c6c4ec856", 36, &uuid));
}

/* --- problems --- */

struct added {
    enum passbolt_rule rule;
    size_t index;
};

static void assert_map(enum passbolt_profile profile, const struct added *added, size_t count, const char *expected)
{
    struct arena arena = ARENA_INIT;
    struct passbolt_problems problems = PASSBOLT_PROBLEMS_INIT(&arena);
    for (size_t i = 0; i < count; i++) passbolt_problems_add(&problems, profile, added[i].rule, added[i].index);
    assert_int_equal(problems.count, count);
    struct buf out = BUF_INIT(10000);
    passbolt_problems_write(&problems, &out);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
    arena_free(&arena);
}
#define assert_problems(profile, expected, ...)                                                                                  \
    assert_map((profile), (const struct added[]){ __VA_ARGS__ },                                                                 \
               sizeof((const struct added[]){ __VA_ARGS__ }) / sizeof(struct added), (expected))

#define NO_USER "{\"user_id\":{\"user_exists\":\"The user does not exist.\"}}"

static void problems_are_a_map_in_the_order_added(void **state)
{
    (void)state;
    assert_map(PASSBOLT_5, NULL, 0, "[]");
    assert_problems(PASSBOLT_5, "{\"name\":{\"_empty\":\"The name should not be empty.\"}}", { PASSBOLT_NAME_EMPTY, 0 });
    assert_problems(PASSBOLT_5,
                    "{\"name\":{\"utf8Extended\":\"The name should be a valid UTF8 string.\",\"maxLength\":\"The name length "
                    "should be maximum 255 characters.\"},\"groups_users\":{\"at_least_one_group_manager\":\"A group manager "
                    "should be provided.\"}}",
                    { PASSBOLT_NAME_UTF8, 0 }, { PASSBOLT_NAME_LENGTH, 0 }, { PASSBOLT_NO_MANAGER, 0 });
}

static void an_index_map_is_an_array_only_if_it_has_no_gap(void **state)
{
    (void)state;
    assert_problems(PASSBOLT_5, "{\"groups_users\":[" NO_USER "]}", { PASSBOLT_USER_UNKNOWN, 0 });
    assert_problems(PASSBOLT_5, "{\"groups_users\":{\"1\":" NO_USER "}}", { PASSBOLT_USER_UNKNOWN, 1 });
    assert_problems(PASSBOLT_5, "{\"groups_users\":[" NO_USER "," NO_USER "]}", { PASSBOLT_USER_UNKNOWN, 0 },
                    { PASSBOLT_USER_UNKNOWN, 1 });
    assert_problems(PASSBOLT_5, "{\"groups_users\":{\"0\":" NO_USER ",\"2\":" NO_USER "}}", { PASSBOLT_USER_UNKNOWN, 0 },
                    { PASSBOLT_USER_UNKNOWN, 2 });
    assert_problems(PASSBOLT_5, "{\"groups_users\":{\"1\":" NO_USER ",\"0\":" NO_USER "}}", { PASSBOLT_USER_UNKNOWN, 1 },
                    { PASSBOLT_USER_UNKNOWN, 0 });
    assert_problems(PASSBOLT_5, "{\"groups_users\":{\"10\":" NO_USER "}}", { PASSBOLT_USER_UNKNOWN, 10 });
}

static void problems_of_one_member_come_under_one_key(void **state)
{
    (void)state;
    assert_problems(PASSBOLT_5,
                    "{\"groups_users\":[{\"user_id\":{\"user_exists\":\"The user does not exist.\",\"user_is_not_soft_deleted\":"
                    "\"The user does not exist.\",\"user_is_active\":\"The user does not exist.\"},\"is_admin\":{\"boolean\":"
                    "\"The group manager status should be a valid boolean.\"}}]}",
                    { PASSBOLT_USER_UNKNOWN, 0 }, { PASSBOLT_USER_DELETED, 0 }, { PASSBOLT_USER_INACTIVE, 0 },
                    { PASSBOLT_MEMBER_ADMIN_BOOLEAN, 0 });
    assert_problems(PASSBOLT_5,
                    "{\"groups_users\":{\"3\":{\"secrets\":[{\"resource_id\":{\"only_missing\":\"The user already has a secret "
                    "for the resource.\"}}]}}}",
                    { PASSBOLT_SECRET_NOT_NEEDED, 3 });
    assert_problems(PASSBOLT_5, "{\"groups_users\":[{\"user_id\":{\"user_exists\":[\"Cannot find the user.\"]}}]}",
                    { PASSBOLT_DRY_RUN_USER, 0 });
}

static void every_rule_has_its_path_and_text_in_both_profiles(void **state)
{
    (void)state;
    static const struct {
        enum passbolt_rule rule;
        const char *p5, *p2; /* p2 NULL: the same */
    } cases[] = {
        { PASSBOLT_NAME_MISSING, "{\"name\":{\"_empty\":\"The name should not be empty.\"}}",
          "{\"name\":{\"_required\":\"A name is required.\"}}" },
        { PASSBOLT_NAME_EMPTY, "{\"name\":{\"_empty\":\"The name should not be empty.\"}}",
          "{\"name\":{\"_empty\":\"The name cannot be empty.\"}}" },
        { PASSBOLT_NAME_UTF8, "{\"name\":{\"utf8Extended\":\"The name should be a valid UTF8 string.\"}}",
          "{\"name\":{\"utf8Extended\":\"The name is not a valid utf8 string.\"}}" },
        { PASSBOLT_NAME_LENGTH, "{\"name\":{\"maxLength\":\"The name length should be maximum 255 characters.\"}}",
          "{\"name\":{\"lengthBetween\":\"The name length should be maximum 255 characters.\"}}" },
        { PASSBOLT_NAME_TAKEN, "{\"name\":{\"group_unique\":\"The name is already used by another group.\"}}",
          "{\"name\":{\"group_unique\":\"The name provided is already used by another group.\"}}" },
        { PASSBOLT_NO_MANAGER, "{\"groups_users\":{\"at_least_one_group_manager\":\"A group manager should be provided.\"}}",
          "{\"groups_users\":{\"at_least_one_admin\":\"A group manager must be provided.\"}}" },
        { PASSBOLT_MEMBER_USER_UUID,
          "{\"groups_users\":[{\"user_id\":{\"uuid\":\"The user identifier should be a valid UUID.\"}}]}",
          "{\"groups_users\":[{\"user_id\":{\"uuid\":\"The provided value is invalid\"}}]}" },
        { PASSBOLT_MEMBER_USER_MISSING, "{\"groups_users\":[{\"user_id\":{\"_required\":\"A user identifier is required.\"}}]}",
          "{\"groups_users\":[{\"user_id\":{\"_required\":\"This field is required\"}}]}" },
        { PASSBOLT_MEMBER_USER_EMPTY,
          "{\"groups_users\":[{\"user_id\":{\"_empty\":\"The user identifier should not be empty.\"}}]}",
          "{\"groups_users\":[{\"user_id\":{\"_empty\":\"This field cannot be left empty\"}}]}" },
        { PASSBOLT_LAST_MANAGER,
          "{\"groups_users\":[{\"is_admin\":{\"at_least_one_group_manager\":\"Cannot delete the last group manager.\"}}]}",
          NULL },
        { PASSBOLT_MEMBERSHIP_UNKNOWN, "{\"groups_users\":[{\"id\":{\"exists\":\"Cannot find the group user.\"}}]}", NULL },
        { PASSBOLT_MEMBER_TWICE,
          "{\"groups_users\":[{\"group_id\":{\"group_user_unique\":\"The user is already member of this group.\"}}]}", NULL },
        { PASSBOLT_CHANGE_DELETE_BOOLEAN,
          "{\"groups_users\":[{\"delete\":{\"boolean\":\"The delete status should be a valid boolean.\"}}]}", NULL },
        { PASSBOLT_CHANGE_ADMIN_BOOLEAN,
          "{\"groups_users\":[{\"is_admin\":{\"boolean\":\"The delete status should be a valid boolean.\"}}]}", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_problems(PASSBOLT_5, cases[i].p5, { cases[i].rule, 0 });
        assert_problems(PASSBOLT_2, cases[i].p2 ? cases[i].p2 : cases[i].p5, { cases[i].rule, 0 });
    }
}

static void very_many_problems_are_written_in_no_time(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    struct arena arena = ARENA_INIT;
    struct passbolt_problems problems = PASSBOLT_PROBLEMS_INIT(&arena);
    for (size_t i = 0; i < MANY; i++) {
        passbolt_problems_add(&problems, PASSBOLT_5, PASSBOLT_MEMBER_USER_UUID, i);
        passbolt_problems_add(&problems, PASSBOLT_5, PASSBOLT_MEMBER_ADMIN_BOOLEAN, i);
    }
    struct buf out = BUF_INIT(8 << 20);
    passbolt_problems_write(&problems, &out);
    struct failure failure = { 0 };
    json_t *json;
    assert_int_equal(json_parse(&failure, out.bytes, out.size, &json), ERR_OK);
    assert_int_equal(json_array_size(json_object_get(json, "groups_users")), MANY);
    json_decref(json);
    buf_free(&out);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_written_as_php_writes_them),
        cmocka_unit_test(malformed_utf8_is_replaced_and_nothing_behind_the_text_is_read),
        cmocka_unit_test(what_is_escaped_is_found_at_every_place_of_every_length),
        cmocka_unit_test(every_ascii_character_is_itself_or_escaped),
        cmocka_unit_test(every_text_is_ascii_and_read_back_as_it_was),
        cmocka_unit_test(a_text_that_passes_the_ceiling_sets_overflow),
        cmocka_unit_test(dates_have_whole_seconds_and_no_z),
        cmocka_unit_test(numbers_booleans_null_and_ids_are_plain_json),
        cmocka_unit_test(ids_are_checked_by_version_and_variant),
        cmocka_unit_test(problems_are_a_map_in_the_order_added),
        cmocka_unit_test(an_index_map_is_an_array_only_if_it_has_no_gap),
        cmocka_unit_test(problems_of_one_member_come_under_one_key),
        cmocka_unit_test(every_rule_has_its_path_and_text_in_both_profiles),
        cmocka_unit_test(very_many_problems_are_written_in_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
