/* What comes in through Tedee: path parts, query parameters, bodies; and how errors are worded. No server, no directory. */
#include "unit.h"

#include "api/tedee/tedee.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

#define GROUP_ID "a4d5e6f7-8b9c-4d2e-9f1a-3b4c5d6e7f8a"

static struct op op; /* of the test under way */

static int begin(void **state)
{
    (void)state;
    op = op_begin();
    op.caller.organization_id = 7;
    return 0;
}

static int end(void **state)
{
    (void)state;
    op_end(&op);
    return 0;
}

#define tedee_test(function) cmocka_unit_test_setup_teardown(function, begin, end)

static struct request with_body(const char *body)
{
    return (struct request){ .body = body, .body_size = strlen(body) };
}

static struct request with_path(const char *organization, const char *group)
{
    return (struct request){ .captures = { organization, group }, .capture_count = 2 };
}

/* Parameters as sent; the request is good until the next call. */
static struct request with_query(const char *query)
{
    struct request request = { .query = query };
    assert_int_equal(request_parse_query(&op.failure, &op.arena, &request), ERR_OK);
    return request;
}

#define assert_fails(call, expected, field_name)                                                                                 \
    do {                                                                                                                         \
        failure_clear(&op.failure);                                                                                              \
        assert_int_equal((call), (expected));                                                                                    \
        assert_string_equal(op.failure.field, (field_name));                                                                     \
    } while (0)
#define assert_invalid(call, field_name) assert_fails(call, ERR_INVALID, field_name)

static const char *const no_numbers[] = { "-1",  "+1",  " 1",       "1 ",  "1.0",
                                          "1e3", "0x7", "abc",      "\t7", "99999999999999999999",
                                          "",    "7,",  "\xD9\xA7", "7_0", "9007199254740992" };

/* --- paths --- */

static void the_organization_is_the_callers(void **state)
{
    (void)state;
    static const char *const others[] = { "1", "0", "8", "77", "9007199254740991" };
    for (size_t i = 0; i < COUNT_OF(no_numbers); i++) {
        struct request request = with_path(no_numbers[i], GROUP_ID);
        assert_invalid(tedee_read_organization(&op, &request), "organizationId");
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct request request = with_path(others[i], GROUP_ID);
        assert_fails(tedee_read_organization(&op, &request), ERR_NOT_FOUND, "organization");
    }
    struct request own = with_path("7", GROUP_ID), padded = with_path("007", GROUP_ID);
    assert_int_equal(tedee_read_organization(&op, &own), ERR_OK);
    assert_int_equal(tedee_read_organization(&op, &padded), ERR_OK);
}

static void a_group_id_is_a_uuid_in_any_letter_case(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "1",
                                       "x",
                                       "a4d5e6f7",
                                       "a4d5e6f78b9c4d2e9f1a3b4c5d6e7f8a",
                                       "{" GROUP_ID "}",
                                       GROUP_ID "0",
                                       "g4d5e6f7-8b9c-4d2e-9f1a-3b4c5d6e7f8a" };
    struct uuid uuid, expected;
    assert_true(uuid_parse(GROUP_ID, strlen(GROUP_ID), &expected));
    struct request good = with_path("7", GROUP_ID), upper = with_path("7", "A4D5E6F7-8B9C-4D2E-9F1A-3B4C5D6E7F8A");
    assert_int_equal(tedee_read_group_id(&op, &good, &uuid), ERR_OK);
    assert_true(uuid_equal(&uuid, &expected));
    memset(&uuid, 0, sizeof uuid);
    assert_int_equal(tedee_read_group_id(&op, &upper, &uuid), ERR_OK);
    assert_true(uuid_equal(&uuid, &expected));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct request request = with_path("7", bad[i]);
        assert_invalid(tedee_read_group_id(&op, &request, &uuid), "groupId");
    }
    struct request nobodys = with_path("7", "00000000-0000-0000-0000-000000000000"), foreign = with_path("8", "x");
    assert_fails(tedee_read_group_id(&op, &nobodys, &uuid), ERR_NOT_FOUND, "group");
    assert_fails(tedee_read_group_id(&op, &foreign, &uuid), ERR_NOT_FOUND, "organization");
}

/* --- queries --- */

static void assert_page(const char *query, int64_t expected_offset, int64_t expected_size)
{
    int64_t offset, size;
    struct request request = with_query(query);
    assert_int_equal(tedee_read_page(&op, &request, 100, &offset, &size), ERR_OK);
    assert_int_equal(offset, expected_offset);
    assert_int_equal(size, expected_size);
}

static void pages_count_from_one_and_have_as_many_items_as_they_may(void **state)
{
    (void)state;
    assert_page("", 0, 100);
    assert_page("page=1", 0, 100);
    assert_page("page=3", 200, 100);
    assert_page("page=3&itemsPerPage=7", 14, 7);
    assert_page("PAGE=2&ITEMSPERPAGE=1", 1, 1);
    assert_page("itemsperpage=100&Page=2", 100, 100);
    assert_page("page=2&Page=9", 100, 100); /* the first counts */
    assert_page("page=9007199254740991", (NUMBER_MAX - 1) * 100, 100);
}

static void a_page_out_of_range_is_refused(void **state)
{
    (void)state;
    int64_t offset, size;
    static const struct {
        const char *query, *field;
    } bad[] = {
        { "page=0", "page" },
        { "page=", "page" },
        { "page", "page" },
        { "Page=-1", "page" },
        { "page=1.5", "page" },
        { "page=x", "page" },
        { "page=9007199254740992", "page" },
        { "itemsPerPage=0", "itemsPerPage" },
        { "itemsPerPage=101", "itemsPerPage" },
        { "itemsperpage=1000000000000000000000", "itemsPerPage" },
        { "page=0&itemsPerPage=0", "page" },
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct request request = with_query(bad[i].query);
        assert_invalid(tedee_read_page(&op, &request, 100, &offset, &size), bad[i].field);
    }
}

static void flags_are_true_or_false_in_any_case(void **state)
{
    (void)state;
    bool flag = false;
    struct request request = with_query("INCLUDEMEMBERS=TRUE");
    assert_int_equal(tedee_read_bool(&op, &request, "includeMembers", &flag), ERR_OK);
    assert_true(flag);
    request = with_query("includeMembers=False");
    assert_int_equal(tedee_read_bool(&op, &request, "includeMembers", &flag), ERR_OK);
    assert_false(flag);
    static const char *const bad[] = { "includeMembers", "includeMembers=1", "includeMembers=yes", "includemembers=true%20" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        request = with_query(bad[i]);
        assert_invalid(tedee_read_bool(&op, &request, "includeMembers", &flag), "includeMembers");
    }
}

static void the_text_to_look_for_may_be_spelled_both_ways(void **state)
{
    (void)state;
    struct request request = with_query("filters.text=a+b");
    assert_string_equal(tedee_read_text(&request), "a b");
    request = with_query("Filters.Text=%C3%A9");
    assert_string_equal(tedee_read_text(&request), "\xC3\xA9");
    request = with_query("filtersText=x");
    assert_null(tedee_read_text(&request));
}

static void the_data_scope_is_0_or_1(void **state)
{
    (void)state;
    static const char *const good[] = { "", "dataScope=0", "DATASCOPE=1" }, *const bad[] = { "dataScope=2",
                                                                                             "datascope=", "dataScope=all" };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct request request = with_query(good[i]);
        assert_int_equal(tedee_read_data_scope(&op, &request), ERR_OK);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct request request = with_query(bad[i]);
        assert_invalid(tedee_read_data_scope(&op, &request), "dataScope");
    }
}

static void user_types_may_be_sent_several_times(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        bool administrators, others; /* shown */
    } rows[] = {
        { "", true, true },
        { "Filters.UserTypes=0", true, false },
        { "Filters.UserTypes=1", false, true },
        { "Filters.UserTypes=2", false, false },
        { "Filters.UserTypes=0&Filters.UserTypes=1", true, true },
        { "filters.usertypes=2&Filters.UserTypes=0", true, false },
        { "Filters.UserTypes=1&page=1&Filters.UserTypes=2&FILTERS.USERTYPES=1", false, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct people_query query = { .size = 1 };
        struct request request = with_query(rows[i].query);
        assert_int_equal(tedee_read_user_types(&op, &request, &query), ERR_OK);
        assert_int_equal(!query.only_others, rows[i].administrators);
        assert_int_equal(!query.only_administrators, rows[i].others);
    }
    static const char *const bad[] = { "Filters.UserTypes=3", "Filters.UserTypes=", "Filters.UserTypes=0,1",
                                       "Filters.UserTypes=0&Filters.UserTypes=x" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct people_query query = { .size = 1 };
        struct request request = with_query(bad[i]);
        assert_invalid(tedee_read_user_types(&op, &request, &query), "Filters.UserTypes");
    }
}

/* --- bodies --- */

static enum err read_group(const char *body, struct group *ret_group)
{
    field_set present;
    struct request request = with_body(body);
    enum err e = tedee_read_group(&op, &request, ret_group, &present);
    if (!e) assert_int_equal(__builtin_popcountll(present), 1);
    return e;
}

static void a_group_has_a_name_and_nothing_else(void **state)
{
    (void)state;
    static const char *const bodies[] = { "{\"name\":\"n\"}", "{\"NAME\":\"n\"}", "{\"name\":\"m\",\"Name\":\"n\"}",
                                          "{\"id\":9,\"name\":\"n\",\"description\":[],\"members\":null}" };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct group group;
        assert_int_equal(read_group(bodies[i], &group), ERR_OK);
        assert_string_equal(group.name, "n");
        assert_int_equal(group.id, 0);
        assert_null(group.description);
    }
}

static void a_bad_group_names_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } bad[] = {
        { "", "" },
        { " ", "" },
        { "[]", "" },
        { "\"name\"", "" },
        { "null", "" },
        { "{}", "name" },
        { "{\"name\":null}", "name" },
        { "{\"name\":\"n\",\"NAME\":null}", "name" },
        { "{\"name\":1}", "name" },
        { "{\"name\":[\"n\"]}", "name" },
        { "{\"name\":\"\"}", "name" },
        { "{\"name\":\"  \"}", "name" },
        { "{\"name\":\"a\\nb\"}", "name" },
        { "{\"name\":\"a\",\"name\":\"b\"}", "" },
        { "{\"name\":\"a\\u0000b\"}", "" },
        { "{\"name\":\"\xFF\"}", "" },
        { "{\"name\":\"n\"", "" },
        { "{\"name\":\"n\"}x", "" },
    };
    struct group group;
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_invalid(read_group(bad[i].body, &group), bad[i].field);
}

static void a_name_may_have_255_characters(void **state)
{
    (void)state;
    struct group group;
    char body[1200] = "{\"name\":\"";
    for (int i = 0; i < 255; i++) strcat(body, "\xC3\xA9");
    size_t length = strlen(body);
    memcpy(body + length, "\"}", 3);
    assert_int_equal(read_group(body, &group), ERR_OK);
    memcpy(body + length, "e\"}", 4);
    assert_invalid(read_group(body, &group), "name");
}

static enum err read_ids(const char *body, int64_t **ret_ids, size_t *ret_count)
{
    struct request request = with_body(body);
    return tedee_read_user_ids(&op, &request, ret_ids, ret_count);
}

static void user_ids_keep_their_order_and_repetitions(void **state)
{
    (void)state;
    int64_t *ids;
    size_t count;
    assert_int_equal(read_ids("{\"ORGANIZATIONuserids\":[12,11,12,9007199254740991],\"more\":1}", &ids, &count), ERR_OK);
    assert_int_equal(count, 4);
    static const int64_t expected[] = { 12, 11, 12, NUMBER_MAX };
    assert_memory_equal(ids, expected, sizeof expected);
    assert_int_equal(read_ids("{\"organizationUserIds\":[]}", &ids, &count), ERR_OK);
    assert_int_equal(count, 0);
}

static void what_is_no_list_of_user_ids_is_refused(void **state)
{
    (void)state;
#define NAME "organizationUserIds"
#define ITEM "an element of organizationUserIds"
    static const struct {
        const char *body, *field;
    } bad[] = {
        { "", "" },
        { "[11]", "" },
        { "{}", NAME },
        { "{\"organizationUserIds\":null}", NAME },
        { "{\"organizationUserIds\":11}", NAME },
        { "{\"organizationUserIds\":\"11\"}", NAME },
        { "{\"organizationUserIds\":{\"0\":11}}", NAME },
        { "{\"organizationUserIds\":[\"11\"]}", ITEM },
        { "{\"organizationUserIds\":[null]}", ITEM },
        { "{\"organizationUserIds\":[true]}", ITEM },
        { "{\"organizationUserIds\":[[11]]}", ITEM },
        { "{\"organizationUserIds\":[11.5]}", ITEM },
        { "{\"organizationUserIds\":[11.0]}", ITEM },
        { "{\"organizationUserIds\":[0]}", ITEM },
        { "{\"organizationUserIds\":[-11]}", ITEM },
        { "{\"organizationUserIds\":[11,9007199254740992]}", ITEM },
        { "{\"organizationUserIds\":[99999999999999999999]}", "" },
    };
    int64_t *ids;
    size_t count;
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_invalid(read_ids(bad[i].body, &ids, &count), bad[i].field);
}

static void user_ids_are_read_up_to_the_limit(void **state)
{
    (void)state;
    int64_t *ids;
    size_t count;
    char *body = malloc((DIRECTORY_MEMBERS_MAX + 1) * 8 + 40);
    size_t size = (size_t)sprintf(body, "{\"organizationUserIds\":[");
    for (int i = 0; i < DIRECTORY_MEMBERS_MAX; i++) size += (size_t)sprintf(body + size, "%s%d", i ? "," : "", i + 1);
    memcpy(body + size, "]}", 3);
    assert_int_equal(read_ids(body, &ids, &count), ERR_OK);
    assert_int_equal(count, DIRECTORY_MEMBERS_MAX);
    assert_int_equal(ids[count - 1], DIRECTORY_MEMBERS_MAX);
    memcpy(body + size, ",1]}", 5);
    assert_invalid(read_ids(body, &ids, &count), NAME);
    free(body);
}

/* --- errors --- */

static struct response answer(enum err code, const char *field)
{
    struct request request = { 0 };
    struct response response = { .status = 200, .body = BUF_INIT(1 << 16) };
    failure_clear(&op.failure);
    assert_int_equal(op_fail(&op, code, field, "a \"text\""), code);
    tedee_write_error(&op, &request, &response);
    return response;
}

static void assert_answer(enum err code, const char *field, int status, const char *message)
{
    struct response response = answer(code, field);
    char body[512];
    snprintf(body, sizeof body, "{\"success\":false,\"errorMessages\":[\"%s\"],\"statusCode\":%d}", message, status);
    assert_int_equal(response.status, status);
    assert_string_equal(buf_cstr(&response.body), body);
    buf_free(&response.body);
}

static void an_error_is_the_envelope_without_a_result(void **state)
{
    (void)state;
    assert_answer(ERR_INVALID, "name", 400, "a \\\"text\\\".");
    assert_answer(ERR_UNAUTHENTICATED, "", 401, "Access token or key is missing or not valid.");
    assert_answer(ERR_FORBIDDEN, "", 403, "You are not allowed to do this.");
    assert_answer(ERR_NOT_FOUND, "group", 404, "Group not found.");
    assert_answer(ERR_NOT_FOUND, "organization", 404, "Organization not found.");
    assert_answer(ERR_NO_ROUTE, "", 404, "There is no such endpoint.");
    assert_answer(ERR_EXISTS, "name", 409, "A group with this name exists already.");
    assert_answer(ERR_TOO_LARGE, "head", 431, "a \\\"text\\\".");
    assert_answer(ERR_TOO_LARGE, "", 413, "a \\\"text\\\".");
    assert_answer(ERR_STORAGE, "", 503, "The directory could not be reached."); /* never the engine's words */
}

static void only_a_401_asks_for_a_credential(void **state)
{
    (void)state;
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++) {
        struct response response = answer((enum err)code, "");
        assert_in_range(response.status, 400, 599);
        assert_int_equal(response.extra_count, response.status == 401);
        if (response.extra_count) {
            assert_string_equal(response.extra[0].name, "WWW-Authenticate");
            assert_string_equal(response.extra[0].value, "Bearer");
        }
        json_t *json = json_loadb(response.body.bytes, response.body.size, 0, NULL);
        assert_int_equal(json_object_size(json), 3);
        assert_int_equal(json_integer_value(json_object_get(json, "statusCode")), response.status);
        assert_int_equal(json_array_size(json_object_get(json, "errorMessages")), 1);
        json_decref(json);
        buf_free(&response.body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tedee_test(the_organization_is_the_callers),
        tedee_test(a_group_id_is_a_uuid_in_any_letter_case),
        tedee_test(pages_count_from_one_and_have_as_many_items_as_they_may),
        tedee_test(a_page_out_of_range_is_refused),
        tedee_test(flags_are_true_or_false_in_any_case),
        tedee_test(the_text_to_look_for_may_be_spelled_both_ways),
        tedee_test(the_data_scope_is_0_or_1),
        tedee_test(user_types_may_be_sent_several_times),
        tedee_test(a_group_has_a_name_and_nothing_else),
        tedee_test(a_bad_group_names_the_member),
        tedee_test(a_name_may_have_255_characters),
        tedee_test(user_ids_keep_their_order_and_repetitions),
        tedee_test(what_is_no_list_of_user_ids_is_refused),
        tedee_test(user_ids_are_read_up_to_the_limit),
        tedee_test(an_error_is_the_envelope_without_a_result),
        tedee_test(only_a_401_asks_for_a_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
