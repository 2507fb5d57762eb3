/* What comes in through Struct PIM: the path part and bodies; and how errors are worded. No server, no directory. */
#include "unit.h"

#include "api/struct_pim/struct_pim.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

#define UID "a4d5e6f7-8b9c-4d2e-9f1a-3b4c5d6e7f8a"
#define UPPER "A4D5E6F7-8B9C-4D2E-9F1A-3B4C5D6E7F8A"
#define OTHER "123e4567-e89b-42d3-a456-426614174000"
#define NIL "00000000-0000-0000-0000-000000000000"

static struct op op; /* of the test under way */

static int begin(void **state)
{
    (void)state;
    op = op_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    op_end(&op);
    return 0;
}

#define struct_pim_test(function) cmocka_unit_test_setup_teardown(function, begin, end)

static struct request with_body(const char *body)
{
    return (struct request){ .body = body, .body_size = strlen(body) };
}

static struct uuid uuid_of(const char *text)
{
    struct uuid uuid;
    assert_true(uuid_parse(text, strlen(text), &uuid));
    return uuid;
}

static bool is_uuid(const struct uuid *uuid, const char *text)
{
    struct uuid expected = uuid_of(text);
    return uuid_equal(uuid, &expected);
}

/* --- paths --- */

static void the_path_has_a_uuid_in_any_letter_case(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "1", "x", "a4d5e6f7", "a4d5e6f78b9c4d2e9f1a3b4c5d6e7f8a", "{" UID "}", UID "0", "g4d5e6f7-8b9c-4d2e-9f1a-3b4c5d6e7f8a"
    };
    struct uuid uuid;
    struct request good = { .captures = { UID } }, upper = { .captures = { UPPER } }, nil = { .captures = { NIL } };
    assert_int_equal(struct_pim_read_group_id(&op, &good, &uuid), ERR_OK);
    assert_true(is_uuid(&uuid, UID));
    memset(&uuid, 0, sizeof uuid);
    assert_int_equal(struct_pim_read_group_id(&op, &upper, &uuid), ERR_OK);
    assert_true(is_uuid(&uuid, UID));
    assert_int_equal(struct_pim_read_group_id(&op, &nil, &uuid), ERR_OK); /* the directory knows no such group */
    assert_true(uuid_is_nil(&uuid));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct request request = { .captures = { bad[i] } };
        failure_clear(&op.failure);
        assert_int_equal(struct_pim_read_group_id(&op, &request, &uuid), ERR_INVALID);
        assert_string_equal(op.failure.field, "uid");
    }
}

/* --- bodies --- */

static field_set row(const char *name)
{
    const struct field *fields = noun_fields(NOUN_GROUP);
    size_t i = 0;
    while (strcmp(fields[i].name, name) != 0) i++;
    return (field_set)1 << i;
}

static struct group read_group(const char *body, field_set *ret_present)
{
    struct group group;
    struct request request = with_body(body);
    enum err e = struct_pim_read_group(&op, &request, &group, ret_present);
    if (e) fail_msg("%s: %s", body, op.failure.text);
    return group;
}

static void everything_is_read(void **state)
{
    (void)state;
    static const char body[] = "{\"Uid\":\"" UPPER "\",\"Name\":\"Editors\","
                               "\"Languages\":[{\"LanguageId\":7,\"ReadOnly\":true},{\"LanguageId\":1}],"
                               "\"Segments\":[{\"SegmentUid\":\"" OTHER "\",\"ReadOnly\":false}],"
                               "\"BusinessUnits\":[{\"BusinessUnitUid\":\"" UID "\",\"ReadOnly\":true}]}";
    field_set present;
    struct group group = read_group(body, &present);
    assert_true(is_uuid(&group.uuid, UID));
    assert_string_equal(group.name, "Editors");
    assert_int_equal(group.grant_count, 4);
    assert_int_equal(group.grants[0].kind, GRANT_LANGUAGE);
    assert_int_equal(group.grants[0].language_id, 7);
    assert_true(group.grants[0].read_only);
    assert_int_equal(group.grants[1].language_id, 1);
    assert_false(group.grants[1].read_only);
    assert_int_equal(group.grants[2].kind, GRANT_SEGMENT);
    assert_true(is_uuid(&group.grants[2].uid, OTHER));
    assert_int_equal(group.grants[3].kind, GRANT_BUSINESS_UNIT);
    assert_true(is_uuid(&group.grants[3].uid, UID));
    assert_true(group.grants[3].read_only);
    assert_int_equal(present, row("uuid") | row("name") | row("languages") | row("segments") | row("businessUnits"));
}

/* An update replaces them: they count as sent. */
static void a_list_that_is_not_there_is_empty(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"Name\":\"x\"}",
        "{\"Name\":\"x\",\"Uid\":\"" NIL "\",\"Languages\":null,\"Segments\":[],\"BusinessUnits\":null}",
        "{\"Name\":\"x\",\"languages\":[{\"LanguageId\":1}],\"Languages\":null,\"uid\":\"" NIL "\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        field_set present;
        struct group group = read_group(bodies[i], &present);
        assert_int_equal(group.grant_count, 0);
        assert_true(uuid_is_nil(&group.uuid));
        assert_int_equal(present, row("name") | row("languages") | row("segments") | row("businessUnits"));
    }
}

static void names_count_in_any_letter_case_and_others_not(void **state)
{
    (void)state;
    static const char body[] =
        "{\"type\":\"user\",\"id\":7,\"uuid\":\"x\",\"organizationId\":9,\"description\":1,\"createdBy\":[],"
        "\"name\":\"first\",\"nAME\":\"last\",\"UID\":\"" UID "\",\"Created\":{},"
        "\"languages\":[{\"LANGUAGEID\":2,\"languageid\":3,\"x\":1,\"Readonly\":true}],"
        "\"SEGMENTS\":[{\"segmentUID\":\"" OTHER "\",\"LanguageId\":9}]}";
    field_set present;
    struct group group = read_group(body, &present);
    assert_string_equal(group.name, "last");
    assert_true(is_uuid(&group.uuid, UID));
    assert_int_equal(group.id, 0);
    assert_int_equal(group.organization_id, 0);
    assert_null(group.description);
    assert_null(group.created_by);
    assert_int_equal(group.grant_count, 2);
    assert_int_equal(group.grants[0].language_id, 3);
    assert_true(group.grants[0].read_only);
    assert_true(is_uuid(&group.grants[1].uid, OTHER));
}

static void a_name_may_look_like_a_uid(void **state)
{
    (void)state;
    field_set present;
    struct group group = read_group("{\"Name\":\"" NIL "\"}", &present);
    assert_string_equal(group.name, NIL);
}

static void a_bad_body_names_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } cases[] = {
        { "", "" },
        { "x", "" },
        { "[]", "" },
        { "null", "" },
        { "{}", "name" },
        { "{\"Uid\":\"" UID "\"}", "name" },
        { "{\"Name\":null}", "name" },
        { "{\"Name\":\"\"}", "name" },
        { "{\"Name\":\"x\",\"name\":7}", "name" },
        { "{\"Name\":\"x\",\"Uid\":\"x\"}", "uuid" },
        { "{\"Name\":\"x\",\"Uid\":7}", "uuid" },
        { "{\"Name\":\"x\",\"Languages\":{}}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[null]}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[[]]}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[{}]}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[{\"LanguageId\":0}]}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[{\"LanguageId\":2147483648}]}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[{\"LanguageId\":1.0}]}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[{\"LanguageId\":1,\"ReadOnly\":null}]}", "languages" },
        { "{\"Name\":\"x\",\"Languages\":[{\"LanguageId\":1},{\"languageID\":1}]}", "languages" },
        { "{\"Name\":\"x\",\"Segments\":[{\"LanguageId\":1}]}", "segments" },
        { "{\"Name\":\"x\",\"Segments\":[{\"SegmentUid\":\"" NIL "\"}]}", "segments" },
        { "{\"Name\":\"x\",\"BusinessUnits\":\"\"}", "businessUnits" },
        { "{\"Name\":\"x\",\"BusinessUnits\":[{\"BusinessUnitUid\":\"" UID "\"},{\"BusinessUnitUid\":\"" UPPER "\"}]}",
          "businessUnits" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct group group;
        field_set present;
        struct request request = with_body(cases[i].body);
        failure_clear(&op.failure);
        if (struct_pim_read_group(&op, &request, &group, &present) != ERR_INVALID) fail_msg("%s was taken", cases[i].body);
        assert_string_equal(op.failure.field, cases[i].field);
    }
}

static const char *with_languages(int count)
{
    struct buf body = BUF_INIT(1 << 20);
    buf_add_literal(&body, "{\"Name\":\"x\",\"Languages\":[");
    for (int i = 1; i <= count; i++) buf_printf(&body, "%s{\"LanguageId\":%d}", i > 1 ? "," : "", i);
    buf_add_literal(&body, "]}");
    const char *text = arena_strdup(&op.arena, buf_cstr(&body));
    buf_free(&body);
    return text;
}

static void a_list_is_read_up_to_the_limit(void **state)
{
    (void)state;
    field_set present;
    struct group group = read_group(with_languages(GRANTS_MAX), &present);
    assert_int_equal(group.grant_count, GRANTS_MAX);
    struct request request = with_body(with_languages(GRANTS_MAX + 1));
    assert_int_equal(struct_pim_read_group(&op, &request, &group, &present), ERR_INVALID);
    assert_string_equal(op.failure.field, "languages");
}

/* --- errors --- */

static struct response answer(enum err code, const char *field, const char *text)
{
    static const struct request request = { .id = "" };
    struct response response = { .status = 200, .body = BUF_INIT(4096) };
    failure_clear(&op.failure);
    assert_int_equal(op_fail(&op, code, field, "%s", text), code);
    struct_pim_write_error(&op, &request, &response);
    return response;
}

static void assert_answer(enum err code, const char *field, const char *text, int status, const char *body)
{
    struct response response = answer(code, field, text);
    assert_int_equal(response.status, status);
    assert_string_equal(buf_cstr(&response.body), body);
    buf_free(&response.body);
}

static void an_error_is_problem_details(void **state)
{
    (void)state;
    assert_answer(ERR_NOT_FOUND, "group", "there is no group 17", 404, /* whose number is nobody's business */
                  "{\"Type\":\"https://tools.ietf.org/html/rfc9110#section-15.5.5\",\"Title\":\"Not Found\",\"Status\":404,"
                  "\"Detail\":\"There is no such user group.\",\"Instance\":null}");
    assert_answer(ERR_FORBIDDEN, "", "only \"you\" may", 403,
                  "{\"Type\":\"https://tools.ietf.org/html/rfc9110#section-15.5.4\",\"Title\":\"Forbidden\",\"Status\":403,"
                  "\"Detail\":\"Only \\\"you\\\" may.\",\"Instance\":null}");
    assert_answer(ERR_STORAGE, "", "disk I/O error", 503, /* never the engine's words */
                  "{\"Type\":\"https://tools.ietf.org/html/rfc9110#section-15.6.4\",\"Title\":\"Service Unavailable\","
                  "\"Status\":503,\"Detail\":\"The directory could not be reached.\",\"Instance\":null}");
    assert_answer(ERR_UNAUTHENTICATED, "", "x", 401, "");
}

#define INVALID(errors)                                                                                                          \
    "{\"Type\":\"https://tools.ietf.org/html/rfc9110#section-15.5.1\",\"Title\":\"One or more validation errors occurred.\","    \
    "\"Status\":400,\"Detail\":null,\"Instance\":null,\"errors\":{" errors "}}"

static void a_400_names_the_member_as_struct_does(void **state)
{
    (void)state;
    assert_answer(ERR_INVALID, "name", "name is empty", 400, INVALID("\"Name\":[\"Name is empty.\"]"));
    assert_answer(ERR_INVALID, "uuid", "uuid is missing", 400, INVALID("\"Uid\":[\"Uid is missing.\"]"));
    assert_answer(ERR_INVALID, "uid", "uid must be a UUID", 400, INVALID("\"uid\":[\"Uid must be a UUID.\"]"));
    assert_answer(ERR_INVALID, "businessUnits", "too many of businessUnits", 400,
                  INVALID("\"BusinessUnits\":[\"Too many of businessUnits.\"]"));
    assert_answer(ERR_INVALID, "", "the JSON text is empty", 400, INVALID("\"\":[\"The JSON text is empty.\"]"));
    assert_answer(ERR_EXISTS, "name", "group 7 has it", 400,
                  INVALID("\"Name\":[\"A user group with this Name exists already.\"]"));
}

static void every_error_has_a_status_a_type_and_a_title(void **state)
{
    (void)state;
    static const char *const fields[] = { "", "name", "uuid", "group", "organization", "head", "uri" };
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++) {
        for (size_t i = 0; i < COUNT_OF(fields); i++) {
            struct response response = answer((enum err)code, fields[i], "text");
            assert_in_range(response.status, 400, 599);
            json_t *json = json_loadb(response.body.bytes, response.body.size, 0, NULL);
            assert_true((json == NULL) == (response.status == 401));
            if (json) {
                assert_int_equal(json_integer_value(json_object_get(json, "Status")), response.status);
                assert_int_equal(json_object_size(json), response.status == 400 ? 6 : 5);
                assert_true(response.status == 500 ||
                            strcmp(json_string_value(json_object_get(json, "Title")), "Internal Server Error") != 0);
            }
            json_decref(json);
            buf_free(&response.body);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        struct_pim_test(the_path_has_a_uuid_in_any_letter_case),
        struct_pim_test(everything_is_read),
        struct_pim_test(a_list_that_is_not_there_is_empty),
        struct_pim_test(names_count_in_any_letter_case_and_others_not),
        struct_pim_test(a_name_may_look_like_a_uid),
        struct_pim_test(a_bad_body_names_the_member),
        struct_pim_test(a_list_is_read_up_to_the_limit),
        struct_pim_test(an_error_is_problem_details),
        struct_pim_test(a_400_names_the_member_as_struct_does),
        struct_pim_test(every_error_has_a_status_a_type_and_a_title),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
