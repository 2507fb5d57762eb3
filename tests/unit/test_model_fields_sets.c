/* Some members of an object: which differ, copying them, writing and reading them as the log does. */
#include "fields_fixture.h"

static void only_rows_that_differ_are_reported(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    union object a = read_line(&op, NOUN_USER, full_lines[2].line), b = object_copy(&op.arena, NOUN_USER, a);
    assert_int_equal(fields_differ(NOUN_USER, a, b), 0);
    b.user->display_name = "other";
    b.user->active = true;
    b.user->remarks = NULL; /* was empty: not the same */
    b.user->deleted_at = 1;
    assert_int_equal(fields_differ(NOUN_USER, a, b), bit(NOUN_USER, "displayName") | bit(NOUN_USER, "active") |
                                                         bit(NOUN_USER, "remarks") | bit(NOUN_USER, "deletedAt"));
}

static void grants_differ_and_are_copied_as_one_list(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present, lists = bit(NOUN_GROUP, "languages") | bit(NOUN_GROUP, "segments") | bit(NOUN_GROUP, "businessUnits");
    union object a = read_line(&op, NOUN_GROUP, full_lines[3].line), b = object_copy(&op.arena, NOUN_GROUP, a);
    assert_int_equal(read_into(&op, NOUN_GROUP, "{\"languages\":[{\"languageId\":9}]}", b, &present), ERR_OK);
    assert_int_equal(fields_differ(NOUN_GROUP, a, b), lists);
    fields_copy(NOUN_GROUP, lists, b, a);
    assert_int_equal(fields_differ(NOUN_GROUP, a, b), 0);
}

static void copying_a_set_leaves_the_other_rows(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    for (size_t i = 0; i < COUNT_OF(full_lines); i++) {
        enum noun noun = full_lines[i].noun;
        union object full = read_line(&op, noun, full_lines[i].line), blank = new_object(&op, noun);
        field_set rows = fields_differ(noun, full, blank), fixed = fields_with(noun, FIELD_FIXED);
        fields_copy(noun, fixed, full, blank);
        assert_int_equal(fields_differ(noun, full, blank), rows & ~fixed);
        fields_copy(noun, rows, full, blank);
        assert_int_equal(fields_differ(noun, full, blank), 0);
    }
}

static void a_copy_does_not_need_its_original(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    for (size_t i = 0; i < COUNT_OF(full_lines); i++) {
        struct op short_lived = op_begin();
        union object object = read_line(&short_lived, full_lines[i].noun, full_lines[i].line);
        union object copy = object_copy(&op.arena, full_lines[i].noun, object);
        op_end(&short_lived);
        assert_string_equal(write_line(&op, full_lines[i].noun, copy), full_lines[i].line);
    }
}

static void a_set_is_written_with_null_for_what_is_not_set(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    union object user = read_line(&op, NOUN_USER, "{\"id\":2,\"userName\":\"ada\"}");
    field_set set = bit(NOUN_USER, "id") | bit(NOUN_USER, "userName") | bit(NOUN_USER, "remarks") | bit(NOUN_USER, "superUser") |
                    bit(NOUN_USER, "active") | bit(NOUN_USER, "autoRemoveAfter") | bit(NOUN_USER, "deletedAt");
    assert_string_equal(write_set(&op, NOUN_USER, set, user),
                        "{\"id\":2,\"userName\":\"ada\",\"superUser\":false,\"active\":true,\"remarks\":null,\"autoRemoveAfter\":"
                        "null,\"deletedAt\":null}");
    assert_string_equal(write_set(&op, NOUN_USER, 0, user), "{}");
}

static void the_log_knows_members_the_file_does_not(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    union object object = new_object(&op, NOUN_CREDENTIAL);
    json_auto_t *json = json_pack("{s:i, s:s}", "id", 7, "revokedAt", "2026-01-01T00:00:00Z");
    assert_int_equal(fields_read_log(&op, NOUN_CREDENTIAL, json, object, &present), ERR_OK);
    assert_int_equal(object.credential->id, 7);
    assert_int_equal(present, bit(NOUN_CREDENTIAL, "id") | bit(NOUN_CREDENTIAL, "revokedAt"));
}

/* Entries made before there were permits, and those of a change back to all. */
static void a_log_without_permits_means_all(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    union object object = new_object(&op, NOUN_CREDENTIAL);
    json_auto_t *old = json_pack("{s:i, s:[s, s]}", "id", 7, "rights", "read", "write");
    assert_int_equal(fields_read_log(&op, NOUN_CREDENTIAL, old, object, &present), ERR_OK);
    assert_int_equal(object.credential->permits, 0);
    object.credential->permits = 3;
    assert_string_equal(write_set(&op, NOUN_CREDENTIAL, bit(NOUN_CREDENTIAL, "permits"), object),
                        "{\"permits\":[\"list\",\"get\"]}");
    object.credential->permits = 0;
    const char *reset = write_set(&op, NOUN_CREDENTIAL, bit(NOUN_CREDENTIAL, "permits"), object);
    assert_string_equal(reset, "{\"permits\":null}");
    object.credential->permits = 3;
    json_auto_t *json = json_loads(reset, 0, NULL);
    assert_int_equal(fields_read_log(&op, NOUN_CREDENTIAL, json, object, &present), ERR_OK);
    assert_int_equal(object.credential->permits, 0);
    assert_int_equal(present, bit(NOUN_CREDENTIAL, "permits"));
}

static void the_log_is_followed_also_where_a_text_breaks_todays_rules(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    union object object = new_object(&op, NOUN_GROUP);
    json_auto_t *json = json_pack("{s:s}", "name", " \n");
    assert_int_equal(fields_read_log(&op, NOUN_GROUP, json, object, &present), ERR_OK);
    assert_string_equal(object.group->name, " \n");
}

static void a_damaged_log_is_a_failure_of_the_storage(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    json_auto_t *json = json_pack("{s:s}", "id", "seven");
    assert_int_equal(fields_read_log(&op, NOUN_GROUP, json, new_object(&op, NOUN_GROUP), &present), ERR_STORAGE);
    assert_int_equal(op.failure.code, ERR_STORAGE);
    assert_string_equal(op.failure.text, "the change log is damaged: id must be a number, not a string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_rows_that_differ_are_reported),
        cmocka_unit_test(grants_differ_and_are_copied_as_one_list),
        cmocka_unit_test(copying_a_set_leaves_the_other_rows),
        cmocka_unit_test(a_copy_does_not_need_its_original),
        cmocka_unit_test(a_set_is_written_with_null_for_what_is_not_set),
        cmocka_unit_test(the_log_knows_members_the_file_does_not),
        cmocka_unit_test(a_log_without_permits_means_all),
        cmocka_unit_test(the_log_is_followed_also_where_a_text_breaks_todays_rules),
        cmocka_unit_test(a_damaged_log_is_a_failure_of_the_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
