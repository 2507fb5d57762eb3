/* Objects read from lines and written as lines: every member, and every way to get one wrong. */
#include "fields_fixture.h"

static void every_member_is_read_and_written_as_it_was(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    for (size_t i = 0; i < COUNT_OF(full_lines); i++) {
        union object object = read_line(&op, full_lines[i].noun, full_lines[i].line);
        assert_string_equal(write_line(&op, full_lines[i].noun, object), full_lines[i].line);
        union object again = read_line(&op, full_lines[i].noun, write_line(&op, full_lines[i].noun, object));
        assert_int_equal(fields_differ(full_lines[i].noun, object, again), 0);
    }
}

static void the_full_lines_really_have_every_member(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    for (size_t i = 0; i < COUNT_OF(full_lines); i++) {
        enum noun noun = full_lines[i].noun;
        field_set present, hidden = fields_with(noun, FIELD_LOG_ONLY) | fields_with(noun, FIELD_INPUT_ONLY);
        assert_int_equal(read_into(&op, noun, full_lines[i].line, new_object(&op, noun), &present), ERR_OK);
        assert_int_equal(present | hidden, fields_all(noun) | fields_with(noun, FIELD_INPUT_ONLY));
    }
}

static void members_with_their_default_are_left_out(void **state)
{
    (void)state;
    static const struct {
        enum noun noun;
        const char *line, *written;
    } cases[] = {
        { NOUN_ORGANIZATION, "{\"id\":1,\"name\":\"a\",\"uniqueGroupNames\":true,\"uuid\":null}",
          "{\"type\":\"organization\",\"id\":1,\"name\":\"a\"}" },
        { NOUN_GROUP, "{\"organizationId\":1,\"id\":2,\"name\":\"a\",\"languages\":[],\"description\":null}",
          "{\"type\":\"group\",\"organizationId\":1,\"id\":2,\"name\":\"a\"}" },
        { NOUN_MEMBERSHIP, "{\"organizationId\":1,\"groupId\":2,\"userId\":3,\"manager\":false}",
          "{\"type\":\"membership\",\"organizationId\":1,\"groupId\":2,\"userId\":3}" },
        { NOUN_USER, "{\"organizationId\":1,\"id\":2,\"active\":true,\"autoRemoveAfter\":null}",
          "{\"type\":\"user\",\"organizationId\":1,\"id\":2,\"superUser\":false}" },
        { NOUN_CREDENTIAL, "{\"organizationId\":1,\"kind\":\"bearer\",\"rights\":[\"read\"]}",
          "{\"type\":\"credential\",\"organizationId\":1,\"kind\":\"bearer\",\"rights\":[\"read\"]}" },
    };
    AUTO_OP op = op_begin();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(write_line(&op, cases[i].noun, read_line(&op, cases[i].noun, cases[i].line)), cases[i].written);
}

static void a_secret_is_read_but_never_written(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    union object object =
        read_line(&op, NOUN_CREDENTIAL, "{\"organizationId\":1,\"kind\":\"key\",\"secret\":\"s3\",\"rights\":[\"read\"]}");
    assert_string_equal(object.credential->secret, "s3");
    assert_null(strstr(write_line(&op, NOUN_CREDENTIAL, object), "s3"));
    assert_null(strstr(write_set(&op, NOUN_CREDENTIAL, ~(field_set)0, object), "s3"));
}

static void members_of_the_log_only_are_not_in_the_file(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    union object object = read_line(&op, NOUN_GROUP, "{\"organizationId\":1,\"id\":2,\"name\":\"a\"}");
    object.group->deleted_at = 1;
    assert_null(strstr(write_line(&op, NOUN_GROUP, object), "deletedAt"));
    assert_int_equal(read_into(&op, NOUN_GROUP, "{\"deletedAt\":\"2026-01-01T00:00:00Z\"}", object, &present), ERR_INVALID);
    assert_string_equal(op.failure.text, "group has no member \"deletedAt\"");
}

static void absent_members_are_left_as_they_are(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    union object object =
        read_line(&op, NOUN_USER, "{\"organizationId\":1,\"id\":2,\"userName\":\"ada\",\"description\":\"d\",\"active\":false}");
    assert_int_equal(read_into(&op, NOUN_USER, "{\"type\":\"user\",\"delete\":true,\"remarks\":\"r\"}", object, &present),
                     ERR_OK);
    assert_int_equal(present, bit(NOUN_USER, "remarks"));
    assert_string_equal(object.user->user_name, "ada");
    assert_string_equal(object.user->remarks, "r");
    assert_false(object.user->active);
}

static void null_resets_a_member_to_its_default(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    union object object = read_line(&op, NOUN_USER, full_lines[2].line);
    static const char nulls[] =
        "{\"uuid\":null,\"accountId\":null,\"userName\":null,\"phoneNumber\":null,\"superUser\":null,\"active\":null,"
        "\"autoRemoveAfter\":null,\"autoRemoveDate\":null}";
    assert_int_equal(read_into(&op, NOUN_USER, nulls, object, &present), ERR_OK);
    assert_true(uuid_is_nil(&object.user->uuid));
    assert_int_equal(object.user->account_id, 0);
    assert_null(object.user->user_name);
    assert_null(object.user->phone_number);
    assert_false(object.user->super_user);
    assert_true(object.user->active);
    assert_int_equal(object.user->auto_remove_after, AUTO_REMOVE_NONE);
    assert_int_equal(object.user->auto_remove_date, 0);
    assert_int_equal(__builtin_popcountll(present), 8);
}

static void permits_are_a_set_and_null_is_all(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned permits;
        const char *written;
    } rows[] = {
        { "[\"list\"]", 1 << 0, ",\"permits\":[\"list\"]" },
        { "[\"delete\",\"list\"]", 1 << 4 | 1 << 0, ",\"permits\":[\"list\",\"delete\"]" },
        { "[\"get\",\"get\"]", 1 << 1, ",\"permits\":[\"get\"]" },
        { "[\"list\",\"get\",\"create\",\"update\",\"delete\"]", 31,
          ",\"permits\":[\"list\",\"get\",\"create\",\"update\",\"delete\"]" },
        { "null", 0, "" },
    };
    AUTO_OP op = op_begin();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        union object object = read_line(&op, NOUN_CREDENTIAL, full_lines[6].line);
        field_set present;
        assert_int_equal(object.credential->permits, 1 << 1 | 1 << 4);
        assert_int_equal(
            read_into(&op, NOUN_CREDENTIAL, arena_printf(&op.arena, "{\"permits\":%s}", rows[i].value), object, &present),
            ERR_OK);
        assert_int_equal(present, bit(NOUN_CREDENTIAL, "permits"));
        assert_int_equal(object.credential->permits, rows[i].permits);
        assert_int_equal(object.credential->rights, RIGHT_READ | RIGHT_WRITE);
        const char *line = write_line(&op, NOUN_CREDENTIAL, object);
        assert_true(*rows[i].written ? strstr(line, rows[i].written) != NULL : strstr(line, "permits") == NULL);
    }
}

static void a_list_of_grants_replaces_those_of_its_kind_only(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    union object object = read_line(&op, NOUN_GROUP, full_lines[3].line);
    assert_int_equal(read_into(&op, NOUN_GROUP, "{\"segments\":[{\"segmentUid\":\"" UUID_1 "\"}]}", object, &present), ERR_OK);
    assert_int_equal(object.group->grant_count, 4);
    assert_int_equal(object.group->grants[0].language_id, 2);
    assert_int_equal(object.group->grants[1].language_id, 1);
    assert_int_equal(object.group->grants[2].kind, GRANT_SEGMENT);
    assert_int_equal(object.group->grants[2].uid.bytes[0], 0x2e);
    assert_int_equal(object.group->grants[3].kind, GRANT_BUSINESS_UNIT);
    assert_int_equal(read_into(&op, NOUN_GROUP, "{\"languages\":null,\"businessUnits\":[]}", object, &present), ERR_OK);
    assert_int_equal(object.group->grant_count, 1);
    assert_int_equal(object.group->grants[0].kind, GRANT_SEGMENT);
}

static void grants_are_ordered_by_kind_whatever_the_order_of_the_line(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    union object object = read_line(
        &op, NOUN_GROUP, "{\"businessUnits\":[{\"businessUnitUid\":\"" UUID_1 "\"}],\"languages\":[{\"languageId\":7}]}");
    assert_int_equal(object.group->grants[0].kind, GRANT_LANGUAGE);
    assert_int_equal(object.group->grants[1].kind, GRANT_BUSINESS_UNIT);
}

#define PERMIT_WORDS "permits must be one of list, get, create, update, delete"

static void bad_members_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        enum noun noun;
        const char *line, *field, *text;
    } cases[] = {
        { NOUN_USER, "[]", "", "user must be an object, not an array" },
        { NOUN_USER, "{\"foo\":1}", "foo", "user has no member \"foo\"" },
        { NOUN_USER, "{\"\":1}", "", "user has no member \"\"" },
        { NOUN_USER, "{\"userName\":1}", "userName", "userName must be a string, not a number" },
        { NOUN_USER, "{\"userName\":\"\"}", "userName", "userName is empty" },
        { NOUN_USER, "{\"userName\":\"a\\tb\"}", "userName", "userName contains a control character" },
        { NOUN_USER, "{\"emailAddress\":{}}", "emailAddress", "emailAddress must be a string, not an object" },
        { NOUN_USER, "{\"id\":\"1\"}", "id", "id must be a number, not a string" },
        { NOUN_USER, "{\"id\":0}", "id", "id must be a whole number from 1 to 9007199254740991" },
        { NOUN_USER, "{\"id\":-1}", "id", "id must be a whole number from 1 to 9007199254740991" },
        { NOUN_USER, "{\"id\":1.0}", "id", "id must be a whole number from 1 to 9007199254740991" },
        { NOUN_USER, "{\"id\":9007199254740992}", "id", "id must be a whole number from 1 to 9007199254740991" },
        { NOUN_USER, "{\"id\":null}", "id", "id may not be null" },
        { NOUN_USER, "{\"active\":1}", "active", "active must be true or false, not a number" },
        { NOUN_USER, "{\"uuid\":\"x\"}", "uuid", "uuid must be a UUID of 36 characters that is not all zero" },
        { NOUN_USER, "{\"uuid\":\"00000000-0000-0000-0000-000000000000\"}", "uuid",
          "uuid must be a UUID of 36 characters that is not all zero" },
        { NOUN_USER, "{\"dateCreated\":\"yesterday\"}", "dateCreated",
          "dateCreated must be a time such as 2026-03-10T09:32:07Z" },
        { NOUN_USER, "{\"dateCreated\":\"1970-01-01T01:00:00+01:00\"}", "dateCreated",
          "dateCreated may not be the first instant of 1970" },
        { NOUN_USER, "{\"phoneNumber\":\"0201234567\"}", "phoneNumber", "phoneNumber must be + and 7 to 15 digits" },
        { NOUN_USER, "{\"phoneNumber\":\"+123456\"}", "phoneNumber", "phoneNumber must be + and 7 to 15 digits" },
        { NOUN_USER, "{\"phoneNumber\":\"+1234567890123456\"}", "phoneNumber", "phoneNumber must be + and 7 to 15 digits" },
        { NOUN_USER, "{\"phoneNumber\":\"+31 20 123\"}", "phoneNumber", "phoneNumber must be + and 7 to 15 digits" },
        { NOUN_USER, "{\"autoRemoveAfter\":\"DAY\"}", "autoRemoveAfter", "autoRemoveAfter must be one of WEEK, MONTH, YEAR" },
        { NOUN_USER, "{\"autoRemoveAfter\":\"\"}", "autoRemoveAfter", "autoRemoveAfter must be one of WEEK, MONTH, YEAR" },
        { NOUN_GROUP, "{\"name\":\"\"}", "name", "name is empty" },
        { NOUN_GROUP, "{\"name\":\" \\u00a0\\u3000\\u2003 \"}", "name", "name is empty" },
        { NOUN_GROUP, "{\"name\":null}", "name", "name may not be null" },
        { NOUN_GROUP, "{\"languages\":{}}", "languages", "languages must be an array, not an object" },
        { NOUN_GROUP, "{\"languages\":[1]}", "languages", "languages must contain objects, not a number" },
        { NOUN_GROUP, "{\"languages\":[{\"readOnly\":true}]}", "languages", "languages needs a languageId from 1 to 2147483647" },
        { NOUN_GROUP, "{\"languages\":[{\"languageId\":2147483648}]}", "languages",
          "languages needs a languageId from 1 to 2147483647" },
        { NOUN_GROUP, "{\"languages\":[{\"languageId\":1,\"readOnly\":\"no\"}]}", "languages",
          "languages needs true or false as readOnly" },
        { NOUN_GROUP, "{\"languages\":[{\"languageId\":1,\"x\":1}]}", "languages",
          "languages may contain only languageId and readOnly" },
        { NOUN_GROUP, "{\"languages\":[{\"languageId\":1},{\"languageId\":1}]}", "languages",
          "languages names the same languageId twice" },
        { NOUN_GROUP, "{\"segments\":[{\"segmentUid\":1}]}", "segments", "segments needs a UUID as segmentUid" },
        { NOUN_GROUP, "{\"businessUnits\":[{\"segmentUid\":\"" UUID_1 "\"}]}", "businessUnits",
          "businessUnits may contain only businessUnitUid and readOnly" },
        { NOUN_CREDENTIAL, "{\"kind\":\"magic\"}", "kind", "kind must be one of bearer, api-key, key, personal-key" },
        { NOUN_CREDENTIAL, "{\"rights\":[]}", "rights", "rights must contain read" },
        { NOUN_CREDENTIAL, "{\"rights\":[\"write\"]}", "rights", "rights must contain read" },
        { NOUN_CREDENTIAL, "{\"rights\":[\"read\",\"admin\"]}", "rights", "rights must be one of read, write" },
        { NOUN_CREDENTIAL, "{\"rights\":[1]}", "rights", "rights must be one of read, write" },
        { NOUN_CREDENTIAL, "{\"rights\":\"read\"}", "rights", "rights must be an array, not a string" },
        { NOUN_CREDENTIAL, "{\"permits\":[]}", "permits", "permits may not be empty" },
        { NOUN_CREDENTIAL, "{\"permits\":[\"list\",\"read\"]}", "permits", PERMIT_WORDS },
        { NOUN_CREDENTIAL, "{\"permits\":[\"List\"]}", "permits", PERMIT_WORDS },
        { NOUN_CREDENTIAL, "{\"permits\":[\"\"]}", "permits", PERMIT_WORDS },
        { NOUN_CREDENTIAL, "{\"permits\":[null]}", "permits", PERMIT_WORDS },
        { NOUN_CREDENTIAL, "{\"permits\":\"list,get\"}", "permits", "permits must be an array, not a string" },
        { NOUN_CREDENTIAL, "{\"secret\":\"\"}", "secret", "secret is empty" },
        { NOUN_CREDENTIAL, "{\"secretHash\":\"abc\"}", "secretHash", "secretHash must be 64 hexadecimal digits" },
        { NOUN_CREDENTIAL, "{\"id\":1}", "id", "credential has no member \"id\"" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_OP op = op_begin();
        field_set present;
        if (!read_into(&op, cases[i].noun, cases[i].line, new_object(&op, cases[i].noun), &present))
            fail_msg("%s was accepted", cases[i].line);
        assert_int_equal(op.failure.code, ERR_INVALID);
        assert_string_equal(op.failure.text, cases[i].text);
        assert_string_equal(op.failure.field, cases[i].field);
    }
}

static void texts_are_limited_in_characters_not_bytes(void **state)
{
    (void)state;
    static const struct {
        enum noun noun;
        const char *name;
        int max;
    } cases[] = {
        { NOUN_GROUP, "name", 255 },        { NOUN_GROUP, "description", 10000 }, { NOUN_GROUP, "remarks", 10000 },
        { NOUN_GROUP, "externalId", 255 },  { NOUN_USER, "emailAddress", 320 },   { NOUN_CREDENTIAL, "keyId", 255 },
        { NOUN_CREDENTIAL, "secret", 255 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_OP op = op_begin();
        field_set present;
        char *line = arena_alloc(&op.arena, 30100);
        int size = snprintf(line, 100, "{\"%s\":\"", cases[i].name);
        for (int j = 0; j < cases[i].max; j++, size += 3) memcpy(line + size, "\u4f50", 3);
        memcpy(line + size, "\"}", 3);
        assert_int_equal(read_into(&op, cases[i].noun, line, new_object(&op, cases[i].noun), &present), ERR_OK);
        memcpy(line + size, "x\"}", 4);
        assert_int_equal(read_into(&op, cases[i].noun, line, new_object(&op, cases[i].noun), &present), ERR_INVALID);
        assert_string_equal(op.failure.text,
                            arena_printf(&op.arena, "%s is longer than %d characters", cases[i].name, cases[i].max));
    }
}

/* What holds it counts bytes: auth/openpgp.h, directory/packed.h. */
static void a_public_key_is_limited_in_bytes(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    field_set present;
    char *line = arena_alloc(&op.arena, PUBLIC_KEY_MAX + 100);
    int size = snprintf(line, 100, "{\"publicKey\":\"\u00d8");
    memset(line + size, 'x', PUBLIC_KEY_MAX - 2);
    memcpy(line + size + PUBLIC_KEY_MAX - 2, "\"}", 3);
    union object user = new_object(&op, NOUN_USER);
    assert_int_equal(read_into(&op, NOUN_USER, line, user, &present), ERR_OK);
    assert_int_equal(strlen(user.user->public_key), PUBLIC_KEY_MAX);
    memcpy(line + size + PUBLIC_KEY_MAX - 2, "x\"}", 4);
    assert_int_equal(read_into(&op, NOUN_USER, line, user, &present), ERR_INVALID);
    assert_string_equal(op.failure.text, "publicKey is longer than 65535 bytes");
    assert_int_equal(read_into(&op, NOUN_USER, "{\"publicKey\":\" \\n\"}", user, &present), ERR_INVALID);
    assert_string_equal(op.failure.text, "publicKey is empty");
}

/* Only who has read the key knows them; the log tells them to other processes. */
static void what_is_shown_of_a_key_is_in_the_log_and_not_in_the_file(void **state)
{
    (void)state;
    static const char members[] = "{\"publicKey\":\"k\",\"keyFingerprint\":\"AB\",\"keyUserId\":\"Ada\",\"keyType\":\"RSA\","
                                  "\"keyBits\":3072,\"keyCreated\":\"2023-01-01T00:00:00Z\",\"keyExpires\":null}";
    AUTO_OP op = op_begin();
    field_set present, shown = bit(NOUN_USER, "keyFingerprint") | bit(NOUN_USER, "keyUserId") | bit(NOUN_USER, "keyType") |
                               bit(NOUN_USER, "keyBits") | bit(NOUN_USER, "keyCreated") | bit(NOUN_USER, "keyExpires");
    union object user = new_object(&op, NOUN_USER), again = new_object(&op, NOUN_USER);
    assert_int_equal(read_into(&op, NOUN_USER, members, user, &present), ERR_INVALID);
    assert_string_equal(op.failure.field, "keyFingerprint");
    failure_clear(&op.failure);

    json_t *json;
    assert_int_equal(json_parse(&op.failure, members, strlen(members), &json), ERR_OK);
    assert_int_equal(fields_read_log(&op, NOUN_USER, json, user, &present), ERR_OK);
    json_decref(json);
    assert_int_equal(present, shown | bit(NOUN_USER, "publicKey"));
    assert_string_equal(user.user->key_fingerprint, "AB");
    assert_int_equal(user.user->key_bits, 3072);
    assert_string_equal(write_set(&op, NOUN_USER, present, user), members);
    assert_int_equal(fields_differ(NOUN_USER, user, again), present & ~bit(NOUN_USER, "keyExpires"));
    assert_string_equal(write_line(&op, NOUN_USER, user), "{\"type\":\"user\",\"superUser\":false,\"publicKey\":\"k\"}");
}

static void a_list_of_grants_has_at_most_1000_items(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    for (int count = 1000; count <= 1001; count++) {
        struct buf line = BUF_INIT(100000);
        buf_add_literal(&line, "{\"languages\":[");
        for (int i = 1; i <= count; i++) buf_printf(&line, "%s{\"languageId\":%d}", i == 1 ? "" : ",", i);
        buf_add_literal(&line, "]}");
        field_set present;
        enum err e = read_into(&op, NOUN_GROUP, buf_cstr(&line), new_object(&op, NOUN_GROUP), &present);
        assert_int_equal(e, count == 1000 ? ERR_OK : ERR_INVALID);
        buf_free(&line);
    }
    assert_string_equal(op.failure.text, "languages has more than 1000 items");
}

static void line_breaks_are_allowed_in_prose(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    union object object = read_line(&op, NOUN_GROUP, "{\"description\":\"a\\n\\tb\",\"remarks\":\"\"}");
    assert_string_equal(object.group->description, "a\n\tb");
    assert_string_equal(object.group->remarks, "");
}

static void the_first_missing_required_member_is_named(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    assert_int_equal(fields_check_required(&op, NOUN_GROUP, bit(NOUN_GROUP, "organizationId")), ERR_INVALID);
    assert_string_equal(op.failure.text, "id is missing");
    assert_string_equal(op.failure.field, "id");
    assert_int_equal(fields_check_required(&op, NOUN_GROUP, fields_with(NOUN_GROUP, FIELD_REQUIRED)), ERR_OK);
}

static void required_members_are_those_of_the_format(void **state)
{
    (void)state;
    static const struct {
        enum noun noun;
        const char *names;
    } cases[] = {
        { NOUN_ORGANIZATION, "id name " },
        { NOUN_ACCOUNT, "id " },
        { NOUN_USER, "organizationId id " },
        { NOUN_GROUP, "organizationId id name " },
        { NOUN_MEMBERSHIP, "organizationId groupId userId " },
        { NOUN_NESTING, "organizationId groupId childGroupId " },
        { NOUN_CREDENTIAL, "organizationId kind rights " },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf names = BUF_INIT(1000);
        for (const struct field *field = noun_fields(cases[i].noun); field->name; field++)
            if (field->flags & FIELD_REQUIRED) buf_printf(&names, "%s ", field->name);
        assert_string_equal(buf_cstr(&names), cases[i].names);
        buf_free(&names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_read_and_written_as_it_was),
        cmocka_unit_test(the_full_lines_really_have_every_member),
        cmocka_unit_test(members_with_their_default_are_left_out),
        cmocka_unit_test(a_secret_is_read_but_never_written),
        cmocka_unit_test(members_of_the_log_only_are_not_in_the_file),
        cmocka_unit_test(absent_members_are_left_as_they_are),
        cmocka_unit_test(null_resets_a_member_to_its_default),
        cmocka_unit_test(permits_are_a_set_and_null_is_all),
        cmocka_unit_test(a_list_of_grants_replaces_those_of_its_kind_only),
        cmocka_unit_test(grants_are_ordered_by_kind_whatever_the_order_of_the_line),
        cmocka_unit_test(bad_members_are_refused_by_name),
        cmocka_unit_test(texts_are_limited_in_characters_not_bytes),
        cmocka_unit_test(a_public_key_is_limited_in_bytes),
        cmocka_unit_test(what_is_shown_of_a_key_is_in_the_log_and_not_in_the_file),
        cmocka_unit_test(a_list_of_grants_has_at_most_1000_items),
        cmocka_unit_test(line_breaks_are_allowed_in_prose),
        cmocka_unit_test(the_first_missing_required_member_is_named),
        cmocka_unit_test(required_members_are_those_of_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
