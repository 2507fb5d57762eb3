/* What comes in through Bold: path parts, query parameters, bodies; and how errors are worded. No server, no directory. */
#include "unit.h"

#include "api/bold/bold.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

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

#define bold_test(function) cmocka_unit_test_setup_teardown(function, begin, end)

static struct request with_body(const char *body)
{
    return (struct request){ .body = body, .body_size = strlen(body) };
}

static struct request with_parameter(const char *name, const char *value)
{
    static struct parameter parameter;
    parameter = (struct parameter){ name, value };
    return (struct request){ .parameters = &parameter, .parameter_count = 1 };
}

#define assert_invalid(call, field_name)                                                                                         \
    do {                                                                                                                         \
        failure_clear(&op.failure);                                                                                              \
        assert_int_equal((call), ERR_INVALID);                                                                                   \
        assert_string_equal(op.failure.field, (field_name));                                                                     \
    } while (0)

static const char *const no_numbers[] = { "",
                                          "-1",
                                          "+1",
                                          " 1",
                                          "1 ",
                                          "1.0",
                                          "1e3",
                                          "0x10",
                                          "abc",
                                          "\xD9\xA1",
                                          "99999999999999999999",
                                          "9007199254740992",
                                          "18446744073709551617",
                                          "1\t" };

static void a_group_id_that_is_no_number_is_no_group(void **state)
{
    (void)state;
    int64_t id;
    for (size_t i = 0; i < COUNT_OF(no_numbers); i++) {
        struct request request = { .captures = { no_numbers[i] }, .capture_count = 1 };
        failure_clear(&op.failure);
        assert_int_equal(bold_read_group_id(&op, &request, &id), ERR_NOT_FOUND);
        assert_string_equal(op.failure.field, "group");
    }
    struct request zero = { .captures = { "0" } }, largest = { .captures = { "9007199254740991" } },
                   padded = { .captures = { "007" } };
    failure_clear(&op.failure);
    assert_int_equal(bold_read_group_id(&op, &zero, &id), ERR_NOT_FOUND);
    assert_int_equal(bold_read_group_id(&op, &largest, &id), ERR_OK);
    assert_int_equal(id, NUMBER_MAX);
    assert_int_equal(bold_read_group_id(&op, &padded, &id), ERR_OK);
    assert_int_equal(id, 7);
}

static void a_user_id_that_is_no_number_is_bad_input(void **state)
{
    (void)state;
    int64_t id;
    for (size_t i = 0; i < COUNT_OF(no_numbers); i++) assert_invalid(bold_read_user_id(&op, no_numbers[i], &id), "userId");
    assert_invalid(bold_read_user_id(&op, "0", &id), "userId");
    assert_int_equal(bold_read_user_id(&op, "12", &id), ERR_OK);
    assert_int_equal(id, 12);
}

static void a_number_of_the_query_keeps_its_bounds(void **state)
{
    (void)state;
    int64_t number = 50;
    struct request absent = { 0 };
    assert_int_equal(bold_read_number(&op, &absent, "size", 1, 100, &number), ERR_OK);
    assert_int_equal(number, 50);
    for (size_t i = 0; i < COUNT_OF(no_numbers); i++) {
        struct request request = with_parameter("size", no_numbers[i]);
        assert_invalid(bold_read_number(&op, &request, "size", 1, NUMBER_MAX, &number), "size");
    }
    struct request low = with_parameter("size", "0");
    assert_invalid(bold_read_number(&op, &low, "size", 1, 100, &number), "size");
    struct request high = with_parameter("size", "101");
    assert_invalid(bold_read_number(&op, &high, "size", 1, 100, &number), "size");
    assert_int_equal(number, 50);
    struct request good = with_parameter("size", "100");
    assert_int_equal(bold_read_number(&op, &good, "size", 1, 100, &number), ERR_OK);
    assert_int_equal(number, 100);
}

static void a_flag_of_the_query_is_true_or_false_in_any_case(void **state)
{
    (void)state;
    bool flag = false;
    struct request request = with_parameter("includeUsers", "TRUE");
    assert_int_equal(bold_read_bool(&op, &request, "includeUsers", &flag), ERR_OK);
    assert_true(flag);
    request = with_parameter("includeUsers", "False");
    assert_int_equal(bold_read_bool(&op, &request, "includeUsers", &flag), ERR_OK);
    assert_false(flag);
    static const char *const bad[] = { "", "1", "yes", "true ", "truetrue" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        request = with_parameter("includeUsers", bad[i]);
        assert_invalid(bold_read_bool(&op, &request, "includeUsers", &flag), "includeUsers");
    }
}

static enum err read_group(const char *body, bool with_external_id, struct group *ret_group, field_set *ret_present)
{
    struct request request = with_body(body);
    return bold_read_group(&op, &request, with_external_id, ret_group, ret_present);
}

static void a_group_is_read_from_what_bold_knows(void **state)
{
    (void)state;
    struct group group;
    field_set present;
    assert_int_equal(
        read_group(
            "{\"name\":\"n\",\"description\":\"d\",\"remarks\":null,\"externalId\":{\"value\":\"x\"},\"id\":9,\"users\":[1]}",
            true, &group, &present),
        ERR_OK);
    assert_string_equal(group.name, "n");
    assert_string_equal(group.description, "d");
    assert_null(group.remarks);
    assert_string_equal(group.external_id, "x");
    assert_int_equal(group.id, 0);
    assert_int_equal(__builtin_popcountll(present), 4);
    assert_int_equal(read_group("{\"externalId\":{\"value\":\"x\"}}", false, &group, &present), ERR_OK);
    assert_null(group.external_id); /* group-update does not know it */
    assert_int_equal(present, 0);
    assert_int_equal(read_group("{\"externalId\":null}", true, &group, &present), ERR_OK);
    assert_int_equal(__builtin_popcountll(present), 1);
}

static void a_bad_group_names_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } bad[] = {
        { "", "" },
        { "[]", "" },
        { "\"text\"", "" },
        { "null", "" },
        { "{\"name\":1}", "name" },
        { "{\"name\":null}", "name" },
        { "{\"name\":\"\"}", "name" },
        { "{\"name\":\"  \"}", "name" },
        { "{\"name\":\"a\\nb\"}", "name" },
        { "{\"name\":\"a\",\"name\":\"b\"}", "" },
        { "{\"name\":\"a\\u0000b\"}", "" },
        { "{\"name\":\"\xFF\"}", "" },
        { "{\"name\":\"n\",\"description\":[]}", "description" },
        { "{\"name\":\"n\",\"remarks\":{}}", "remarks" },
        { "{\"name\":\"n\",\"externalId\":\"x\"}", "externalId" },
        { "{\"name\":\"n\",\"externalId\":{}}", "externalId" },
        { "{\"name\":\"n\",\"externalId\":{\"value\":5}}", "externalId" },
        { "{\"name\":\"n\"", "" },
        { "{\"name\":\"n\"}x", "" },
    };
    struct group group;
    field_set present;
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_invalid(read_group(bad[i].body, true, &group, &present), bad[i].field);
}

static void a_name_may_have_255_characters(void **state)
{
    (void)state;
    struct group group;
    field_set present;
    char body[1200] = "{\"name\":\"";
    for (int i = 0; i < 255; i++) strcat(body, "\xC3\xA9");
    size_t length = strlen(body);
    memcpy(body + length, "\"}", 3);
    assert_int_equal(read_group(body, true, &group, &present), ERR_OK);
    memcpy(body + length, "e\"}", 4);
    assert_invalid(read_group(body, true, &group, &present), "name");
}

static enum err read_members(const char *body, struct member_request **ret_members, size_t *ret_count)
{
    struct request request = with_body(body);
    return bold_read_members(&op, &request, ret_members, ret_count);
}

static void members_are_read_with_and_without_the_flag(void **state)
{
    (void)state;
    struct member_request *members;
    size_t count;
    assert_int_equal(read_members("[{\"userId\":1,\"groupAdmin\":true},{\"userId\":2,\"groupAdmin\":false},{\"userId\":3},"
                                  "{\"groupAdmin\":null,\"userId\":9007199254740991}]",
                                  &members, &count),
                     ERR_OK);
    assert_int_equal(count, 4);
    static const struct member_request expected[] = {
        { 1, true, true }, { 2, true, false }, { 3, false, false }, { NUMBER_MAX, false, false }
    };
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(members[i].user_id, expected[i].user_id);
        assert_int_equal(members[i].has_manager, expected[i].has_manager);
        assert_int_equal(members[i].manager, expected[i].manager);
    }
    assert_int_equal(read_members("[]", &members, &count), ERR_OK);
    assert_int_equal(count, 0);
}

static void bad_members_name_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } bad[] = {
        { "{}", "" },
        { "[1]", "" },
        { "[{}]", "userId" },
        { "[{\"userId\":\"1\"}]", "userId" },
        { "[{\"userId\":0}]", "userId" },
        { "[{\"userId\":-1}]", "userId" },
        { "[{\"userId\":1.5}]", "userId" },
        { "[{\"userId\":9007199254740992}]", "userId" },
        { "[{\"userId\":99999999999999999999}]", "" },
        { "[{\"userId\":1},{\"userId\":2,\"groupAdmin\":1}]", "groupAdmin" },
    };
    struct member_request *members;
    size_t count;
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_invalid(read_members(bad[i].body, &members, &count), bad[i].field);
}

static void user_ids_are_read_up_to_the_limit(void **state)
{
    (void)state;
    int64_t *ids;
    size_t count, size = 1;
    char *body = malloc((DIRECTORY_MEMBERS_MAX + 1) * 8 + 3);
    body[0] = '[';
    for (int i = 0; i < DIRECTORY_MEMBERS_MAX; i++) size += (size_t)sprintf(body + size, "%s%d", i ? "," : "", i + 1);
    memcpy(body + size, "]", 2);
    struct request request = with_body(body);
    assert_int_equal(bold_read_user_ids(&op, &request, &ids, &count), ERR_OK);
    assert_int_equal(count, DIRECTORY_MEMBERS_MAX);
    assert_int_equal(ids[count - 1], DIRECTORY_MEMBERS_MAX);
    memcpy(body + size, ",1]", 4);
    request = with_body(body);
    assert_invalid(bold_read_user_ids(&op, &request, &ids, &count), "");
    free(body);
    static const char *const bad[] = { "[\"1\"]", "[null]", "[0]", "[[1]]", "{}", "1", "[1,]" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        request = with_body(bad[i]);
        failure_clear(&op.failure);
        assert_int_equal(bold_read_user_ids(&op, &request, &ids, &count), ERR_INVALID);
    }
}

/* --- errors --- */

static void assert_answer(enum err code, const char *field, int status, const char *body)
{
    struct request request = { 0 };
    struct response response = { .status = 200, .body = BUF_INIT(1 << 16) };
    failure_clear(&op.failure);
    assert_int_equal(op_fail(&op, code, field, "a \"text\""), code);
    bold_write_error(&op, &request, &response);
    assert_int_equal(response.status, status);
    assert_string_equal(buf_cstr(&response.body), body);
    buf_free(&response.body);
}

#define ANSWER(code, message)                                                                                                    \
    "{\"message\":\"" message "\",\"code\":\"" code "\",\"errorMessage\":\"" message "\",\"errorCode\":\"" code "\"}"

static void an_error_has_four_members(void **state)
{
    (void)state;
    assert_answer(ERR_INVALID, "name", 400, ANSWER("InvalidInput", "a \\\"text\\\""));
    assert_answer(ERR_UNAUTHENTICATED, "", 401, ANSWER("Unauthorized", "Invalid authentication token"));
    assert_answer(ERR_FORBIDDEN, "", 403, ANSWER("Forbidden", "Insufficient rights"));
    assert_answer(ERR_NOT_FOUND, "group", 404, ANSWER("UserGroupNotFound", "User group not found"));
    assert_answer(ERR_NOT_FOUND, "user", 400,
                  ANSWER("GroupAndUserNotInSameAccount", "Group and user are not in the same account"));
    assert_answer(ERR_STORAGE, "", 503,
                  ANSWER("Unavailable", "The directory could not be reached")); /* never the engine's words */
}

static void every_error_is_an_answer_of_its_own_kind(void **state)
{
    (void)state;
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++) {
        struct request request = { 0 };
        struct response response = { .status = 200, .body = BUF_INIT(1 << 16) };
        failure_clear(&op.failure);
        (void)!op_fail(&op, (enum err)code, "", "text");
        bold_write_error(&op, &request, &response);
        assert_in_range(response.status, 400, 599);
        json_t *json = json_loadb(response.body.bytes, response.body.size, 0, NULL);
        assert_int_equal(json_object_size(json), 4);
        json_decref(json);
        buf_free(&response.body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bold_test(a_group_id_that_is_no_number_is_no_group),
        bold_test(a_user_id_that_is_no_number_is_bad_input),
        bold_test(a_number_of_the_query_keeps_its_bounds),
        bold_test(a_flag_of_the_query_is_true_or_false_in_any_case),
        bold_test(a_group_is_read_from_what_bold_knows),
        bold_test(a_bad_group_names_the_member),
        bold_test(a_name_may_have_255_characters),
        bold_test(members_are_read_with_and_without_the_flag),
        bold_test(bad_members_name_the_member),
        bold_test(user_ids_are_read_up_to_the_limit),
        bold_test(an_error_has_four_members),
        bold_test(every_error_is_an_answer_of_its_own_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
