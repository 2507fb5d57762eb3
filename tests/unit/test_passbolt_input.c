/* Bodies of Passbolt's API: what is read from them, and what is told of those that are wrong. No server, no directory. */
#include "passbolt_fixture.h"

#include "api/passbolt/input.h"
#include "directory/directory.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMBERSHIP "d100fc5d-6685-50aa-897b-87ac816e28c8"
#define OTHER_MEMBERSHIP "b7cbce9f-6a20-545b-b20a-fcf4092307df"
#define VERSION_7 "018f4e9c-1111-7abc-8def-000000000000"

static enum err read_body(const char *text, json_t **ret_body)
{
    struct request request = { .body = text, .body_size = strlen(text) };
    failure_clear(&op.failure);
    return passbolt_read_body(&op, &request, ret_body);
}

static json_t *body_of(const char *text)
{
    json_t *body;
    if (read_body(text, &body)) fail_msg("%s", text);
    return body;
}

/* --- any body --- */

static void a_body_is_json_or_a_bad_request(void **state)
{
    (void)state;
    static const char *const bad[] = { "null",  " null ", "{",         "{\"name\":}",       "{'name':1}", "\xff",
                                       "{}{}",  "   ",    "{\"a\":1,", "{\"a\":1,\"a\":2}", "nothing",    "{\"a\":\"\\u0000\"}",
                                       "[1,2]x" };
    static const char *const good[] = { "", "{}", " {\"a\":[]} ", "[]", "[1]", "5", "\"text\"", "true" };
    json_t *body;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(read_body(bad[i], &body), ERR_INVALID);
        assert_string_equal(op.failure.text, "Bad Request");
        assert_string_equal(op.failure.field, "body");
        assert_null(body);
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(read_body(good[i], &body), ERR_OK);
        assert_non_null(body);
        json_decref(body);
    }
}

/* --- a new group --- */

/* "name|id:m,id:-": m for managers. Problems: their map. */
static void show_new_group(enum passbolt_profile profile, const char *text, struct buf *out)
{
    struct passbolt_problems problems = PASSBOLT_PROBLEMS_INIT(&op.arena);
    struct passbolt_new_group group;
    json_t *body = body_of(text);
    enum err e = passbolt_read_new_group(&op, profile, body, &group, &problems);
    json_decref(body);
    if (e) {
        assert_int_equal(e, ERR_INVALID);
        assert_string_equal(op.failure.text, PASSBOLT_PROBLEMS_MESSAGE);
        passbolt_problems_write(&problems, out);
        return;
    }
    assert_int_equal(problems.count, 0);
    buf_printf(out, "%s|", group.name);
    for (size_t i = 0; i < group.member_count; i++) {
        char id[UUID_TEXT_SIZE];
        uuid_format(id, &group.members[i].user_id);
        buf_printf(out, "%s%.2s:%s", i ? "," : "", id, group.members[i].manager ? "m" : "-");
    }
}

static void assert_new_group(enum passbolt_profile profile, const char *text, const char *expected)
{
    struct buf out = BUF_INIT(100000);
    show_new_group(profile, text, &out);
    if (strcmp(buf_cstr(&out), expected) != 0) fail_msg("%d: %s\n is %s\nnot %s", profile, text, buf_cstr(&out), expected);
    buf_free(&out);
}

static void a_new_group_is_read_in_both_layouts_and_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "{\"name\":\"Group\"}", "Group|" },
        { "{\"name\":\"Group\",\"groups_users\":[]}", "Group|" },
        { "{\"name\":\"Group\",\"groups_users\":[{\"user_id\":\"" ADA "\",\"is_admin\":true},{\"user_id\":\"" BETTY "\"}]}",
          "Group|98:m,d5:-" },
        { "{\"name\":\"Group\",\"groups_users\":[{\"user_id\":\"" ADA "\",\"is_admin\":1,\"user\":{}},{\"user_id\":\"" BETTY
          "\",\"is_admin\":0,\"user\":{},\"id\":\"\"}],\"unknown\":[1]}",
          "Group|98:m,d5:-" },
        { "{\"name\":\"Group\",\"groups_users\":[{\"user_id\":\"" ADA "\",\"is_admin\":\"1\"},{\"user_id\":\"" BETTY
          "\",\"is_admin\":\"0\"},{\"user_id\":\"" ADA "\",\"is_admin\":false}]}",
          "Group|98:m,d5:-,98:-" },
        { "{\"name\":\" \\u79c1\\u4eba \",\"groups_users\":null}", " \u79c1\u4eba |" },
        { "{\"name\":\"0\",\"groups_users\":\"nonsense\"}", "0|" },
        { "{\"name\":\"Group\",\"groups_users\":{\"4\":{\"user_id\":\"" ADA "\"}}}", "Group|98:-" },
        { "{\"name\":\"Group\",\"groups_users\":[5,\"x\",null,{\"user_id\":\"" ADA "\"}]}", "Group|98:-" },
        { "{\"name\":\"Group\",\"groups_users\":[{\"id\":\"" MEMBERSHIP
          "\",\"user_id\":\"98C2BEF5-CD5F-59E7-A1A7-0107C9A7CF08\"}]}",
          "Group|98:-" },
        /* the older layout */
        { "{\"Group\":{\"name\":\"Old\"},\"GroupUsers\":[{\"GroupUser\":{\"user_id\":\"" ADA
          "\",\"is_admin\":1}},{\"GroupUser\":{\"user_id\":\"" BETTY "\"}}]}",
          "Old|98:m,d5:-" },
        { "{\"Group\":{\"name\":\"Old\"},\"GroupUsers\":[{\"GroupUser\":{\"user_id\":\"" ADA
          "\",\"is_admin\":\"false\"}},{\"GroupUser\":{\"user_id\":\"" BETTY "\",\"is_admin\":\"0\"}}]}",
          "Old|98:m,d5:-" }, /* PHP's boolean of a text */
        { "{\"Group\":{\"name\":\"Old\"},\"name\":\"New\",\"groups_users\":[],\"GroupUsers\":[{\"GroupUser\":{\"user_id\":\"" ADA
          "\"}}]}",
          "New|" },
        { "{\"Group\":{\"name\":\"Old\"},\"name\":null}", "Old|" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_new_group(PASSBOLT_5, cases[i].text, cases[i].expected);
        assert_new_group(PASSBOLT_2, cases[i].text, cases[i].expected);
    }
}

#define NAME_EMPTY_5 "{\"name\":{\"_empty\":\"The name should not be empty.\"}}"
#define NAME_EMPTY_2 "{\"name\":{\"_empty\":\"The name cannot be empty.\"}}"
#define NAME_MISSING_2 "{\"name\":{\"_required\":\"A name is required.\"}}"
#define NAME_UTF8_5 "\"utf8Extended\":\"The name should be a valid UTF8 string.\""
#define NAME_UTF8_2 "\"utf8Extended\":\"The name is not a valid utf8 string.\""
#define NAME_LENGTH "The name length should be maximum 255 characters."

static void names_that_are_wrong_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *p5, *p2;
    } cases[] = {
        { "", NAME_EMPTY_5, NAME_MISSING_2 },
        { "{}", NAME_EMPTY_5, NAME_MISSING_2 },
        { "[\"name\"]", NAME_EMPTY_5, NAME_MISSING_2 },
        { "5", NAME_EMPTY_5, NAME_MISSING_2 },
        { "{\"Group\":{}}", NAME_EMPTY_5, NAME_MISSING_2 },
        { "{\"Group\":\"name\"}", NAME_EMPTY_5, NAME_MISSING_2 },
        { "{\"name\":\"\"}", NAME_EMPTY_5, NAME_EMPTY_2 },
        { "{\"Group\":{\"name\":null}}", NAME_EMPTY_5, NAME_EMPTY_2 },
        { "{\"name\":1234}", "{\"name\":{" NAME_UTF8_5 "}}",
          "{\"name\":{" NAME_UTF8_2 ",\"lengthBetween\":\"" NAME_LENGTH "\"}}" },
        { "{\"name\":false}", "{\"name\":{" NAME_UTF8_5 "}}",
          "{\"name\":{" NAME_UTF8_2 ",\"lengthBetween\":\"" NAME_LENGTH "\"}}" },
        { "{\"name\":[\"test\"]}", "{\"name\":{" NAME_UTF8_5 ",\"maxLength\":\"" NAME_LENGTH "\"}}",
          "{\"name\":{" NAME_UTF8_2 ",\"lengthBetween\":\"" NAME_LENGTH "\"}}" },
        { "{\"name\":[]}", "{\"name\":{" NAME_UTF8_5 ",\"maxLength\":\"" NAME_LENGTH "\"}}", NAME_EMPTY_2 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_new_group(PASSBOLT_5, cases[i].text, cases[i].p5);
        assert_new_group(PASSBOLT_2, cases[i].text, cases[i].p2);
    }
}

static void a_name_has_255_characters_at_most_whatever_their_bytes(void **state)
{
    (void)state;
    for (int count = 254; count <= 257; count++) {
        char name[1100] = "", text[1200], read[1200];
        for (int i = 0; i < count; i++) strcat(name, "\U0001f600");
        snprintf(text, sizeof text, "{\"name\":\"%s\"}", name);
        snprintf(read, sizeof read, "%s|", name);
        assert_new_group(PASSBOLT_5, text, count <= 255 ? read : "{\"name\":{\"maxLength\":\"" NAME_LENGTH "\"}}");
        assert_new_group(PASSBOLT_2, text, count <= 255 ? read : "{\"name\":{\"lengthBetween\":\"" NAME_LENGTH "\"}}");
    }
}

#define WITH_MEMBERS(members) "{\"name\":\"Group\",\"groups_users\":" members "}"
#define OLD_MEMBER(member) "{\"Group\":{\"name\":\"Group\"},\"GroupUsers\":[" member "]}"
#define PROBLEM(field, rule, text) "{\"" field "\":{\"" rule "\":\"" text "\"}}"
#define PROBLEMS(list) "{\"groups_users\":" list "}"

static void members_that_are_wrong_are_told(void **state)
{
    (void)state;
    static const char *const invalid =
        PROBLEMS("[" PROBLEM("user_id", "uuid", "The user identifier should be a valid UUID.") "]");
    static const char *const invalid_2 = PROBLEMS("[" PROBLEM("user_id", "uuid", "The provided value is invalid") "]");
    static const char *const empty = PROBLEMS("[" PROBLEM("user_id", "_empty", "The user identifier should not be empty.") "]");
    static const char *const empty_2 = PROBLEMS("[" PROBLEM("user_id", "_empty", "This field cannot be left empty") "]");
    static const char *const required = PROBLEMS("[" PROBLEM("user_id", "_required", "A user identifier is required.") "]");
    static const char *const required_2 = PROBLEMS("[" PROBLEM("user_id", "_required", "This field is required") "]");
    static const char *const boolean =
        PROBLEMS("[" PROBLEM("is_admin", "boolean", "The group manager status should be a valid boolean.") "]");
    static const char *const boolean_2 = PROBLEMS("[" PROBLEM("is_admin", "boolean", "The provided value is invalid") "]");
    static const char *const unset_2 = PROBLEMS("[" PROBLEM("is_admin", "_empty", "This field cannot be left empty") "]");
    const struct {
        const char *text, *p5, *p2;
    } cases[] = {
        { WITH_MEMBERS("[{\"user_id\":\"invalid-id\"}]"), invalid, invalid_2 },
        { WITH_MEMBERS("[{\"user_id\":\"" VERSION_7 "\"}]"), invalid, invalid_2 },
        { WITH_MEMBERS("[{\"user_id\":5}]"), invalid, invalid_2 },
        { WITH_MEMBERS("[{\"user_id\":{\"a\":1}}]"), invalid, invalid_2 },
        { WITH_MEMBERS("[{\"user_id\":[]}]"), invalid, empty_2 },
        { WITH_MEMBERS("[{\"user_id\":\"\"}]"), empty, empty_2 },
        { WITH_MEMBERS("[{\"user_id\":null}]"), empty, empty_2 },
        { WITH_MEMBERS("[{}]"), required, required_2 },
        { WITH_MEMBERS("[[\"user_id\"]]"), required, required_2 },
        { WITH_MEMBERS("[{\"user_id\":\"" ADA "\",\"is_admin\":\"true\"}]"), boolean, boolean_2 },
        { WITH_MEMBERS("[{\"user_id\":\"" ADA "\",\"is_admin\":2}]"), boolean, boolean_2 },
        { WITH_MEMBERS("[{\"user_id\":\"" ADA "\",\"is_admin\":1.0}]"), boolean, boolean_2 },
        { WITH_MEMBERS("[{\"user_id\":\"" ADA "\",\"is_admin\":{}}]"), boolean, unset_2 },
        { WITH_MEMBERS("[{\"user_id\":\"" ADA "\",\"is_admin\":\"\"}]"),
          PROBLEMS("[" PROBLEM("is_admin", "_empty", "The group manager status should not be empty.") "]"), unset_2 },
        { WITH_MEMBERS("[{\"user_id\":\"" ADA "\",\"is_admin\":null}]"), "Group|98:-", unset_2 },
        { WITH_MEMBERS("[{\"id\":\"x\",\"user_id\":\"" ADA "\"}]"),
          PROBLEMS("[" PROBLEM("id", "uuid", "The identifier should be a valid UUID.") "]"),
          PROBLEMS("[" PROBLEM("id", "uuid", "The provided value is invalid") "]") },
        /* which member it is */
        { WITH_MEMBERS("[{\"user_id\":\"" ADA "\"},{\"user_id\":\"x\"}]"),
          PROBLEMS("{\"1\":" PROBLEM("user_id", "uuid", "The user identifier should be a valid UUID.") "}"),
          PROBLEMS("{\"1\":" PROBLEM("user_id", "uuid", "The provided value is invalid") "}") },
        { WITH_MEMBERS("[null,{\"user_id\":\"x\"}]"), invalid, invalid_2 }, /* what is no member does not count */
        { WITH_MEMBERS("{\"7\":{\"user_id\":\"x\"}}"), invalid, invalid_2 },
        { WITH_MEMBERS("[{\"user_id\":\"x\"},{\"user_id\":\"\"}]"),
          PROBLEMS("[" PROBLEM("user_id", "uuid", "The user identifier should be a valid UUID.") "," PROBLEM(
              "user_id", "_empty", "The user identifier should not be empty.") "]"),
          PROBLEMS("[" PROBLEM("user_id", "uuid", "The provided value is invalid") "," PROBLEM(
              "user_id", "_empty", "This field cannot be left empty") "]") },
        /* the older layout has no missing user and no wrong boolean */
        { OLD_MEMBER("{\"GroupUser\":{\"user_id\":\"invalid-id\"}}"), invalid, invalid_2 },
        { OLD_MEMBER("{\"GroupUser\":{}}"), empty, empty_2 },
        { OLD_MEMBER("{}"), empty, empty_2 },
        { OLD_MEMBER("{\"GroupUser\":{\"user_id\":null}}"), empty, empty_2 },
        { OLD_MEMBER("{\"GroupUser\":{\"user_id\":\"" ADA "\",\"is_admin\":\"yes\"}}"), "Group|98:m", "Group|98:m" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_new_group(PASSBOLT_5, cases[i].text, cases[i].p5);
        assert_new_group(PASSBOLT_2, cases[i].text, cases[i].p2);
    }
}

static void all_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    assert_new_group(PASSBOLT_5, "{\"groups_users\":[{\"user_id\":\"x\",\"is_admin\":2},{\"user_id\":\"" ADA "\"},{}]}",
                     "{\"name\":{\"_empty\":\"The name should not be empty.\"},\"groups_users\":{\"0\":{\"user_id\":{\"uuid\":"
                     "\"The user identifier should be a valid UUID.\"},\"is_admin\":{\"boolean\":\"The group manager status "
                     "should be a valid boolean.\"}},\"2\":{\"user_id\":{\"_required\":\"A user identifier is required.\"}}}}");
}

static json_t *many_members(size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(list, json_pack("{s:s}", "user_id", ADA));
    return json_pack("{s:s,s:o}", "name", "Group", "groups_users", list);
}

static void a_request_has_so_many_members_and_no_more(void **state)
{
    (void)state;
    struct passbolt_problems problems = PASSBOLT_PROBLEMS_INIT(&op.arena);
    struct passbolt_new_group group;
    struct passbolt_group_update update;
    json_t *most = many_members(DIRECTORY_MEMBERS_MAX), *more = many_members(DIRECTORY_MEMBERS_MAX + 1);
    assert_int_equal(passbolt_read_new_group(&op, PASSBOLT_5, most, &group, &problems), ERR_OK);
    assert_int_equal(group.member_count, DIRECTORY_MEMBERS_MAX);
    assert_int_equal(passbolt_read_group_update(&op, PASSBOLT_5, most, true, &update, &problems), ERR_OK);
    assert_int_equal(update.change_count, DIRECTORY_MEMBERS_MAX);
    assert_int_equal(passbolt_read_new_group(&op, PASSBOLT_5, more, &group, &problems), ERR_INVALID);
    assert_string_equal(op.failure.field, "groups_users");
    failure_clear(&op.failure);
    assert_int_equal(passbolt_read_group_update(&op, PASSBOLT_5, more, true, &update, &problems), ERR_INVALID);
    assert_string_equal(op.failure.field, "groups_users");
    json_decref(most);
    json_decref(more);
}

/* --- an update --- */

/* "name|0 add 98:m s,1 role d1:-,2 remove d1"; s: has secrets. Problems: their map; else the failure's text. */
static void show_update(enum passbolt_profile profile, const char *text, bool may_rename, struct buf *out)
{
    static const char *const kinds[] = { "add", "role", "remove" };
    struct passbolt_problems problems = PASSBOLT_PROBLEMS_INIT(&op.arena);
    struct passbolt_group_update update;
    json_t *body = body_of(text);
    enum err e = passbolt_read_group_update(&op, profile, body, may_rename, &update, &problems);
    json_decref(body);
    if (e) {
        assert_int_equal(e, ERR_INVALID);
        if (problems.count) assert_string_equal(op.failure.text, PASSBOLT_PROBLEMS_MESSAGE);
        if (problems.count) passbolt_problems_write(&problems, out);
        else buf_add_text(out, op.failure.text);
        return;
    }
    assert_int_equal(problems.count, 0);
    buf_printf(out, "%s|", update.name ? update.name : "");
    for (size_t i = 0; i < update.change_count; i++) {
        const struct passbolt_change *change = &update.changes[i];
        char id[UUID_TEXT_SIZE];
        uuid_format(id, change->kind == PASSBOLT_CHANGE_ADD ? &change->user_id : &change->membership_id);
        buf_printf(out, "%s%zu %s %.2s", i ? "," : "", change->index, kinds[change->kind], id);
        if (change->kind != PASSBOLT_CHANGE_REMOVE) buf_add_text(out, change->manager ? ":m" : ":-");
        if (change->has_secrets) buf_add_text(out, " s");
    }
}

static void assert_update_by(bool may_rename, const char *text, const char *expected)
{
    for (int profile = PASSBOLT_2; profile <= PASSBOLT_5; profile += PASSBOLT_5 - PASSBOLT_2) {
        struct buf out = BUF_INIT(100000);
        show_update((enum passbolt_profile)profile, text, may_rename, &out);
        if (strcmp(buf_cstr(&out), expected) != 0) fail_msg("%s\n is %s\nnot %s", text, buf_cstr(&out), expected);
        buf_free(&out);
    }
}

static void assert_update(const char *text, const char *expected)
{
    assert_update_by(true, text, expected);
}

#define CHANGES(changes) "{\"groups_users\":" changes "}"

static void the_kind_of_a_change_is_told_by_its_members(void **state)
{
    (void)state;
    static const struct {
        const char *change, *expected;
    } cases[] = {
        { "{\"user_id\":\"" ADA "\"}", "|0 add 98:-" },
        { "{\"user_id\":\"" ADA "\",\"is_admin\":true}", "|0 add 98:m" },
        { "{\"user_id\":\"" ADA "\",\"is_admin\":\"1\",\"user\":{}}", "|0 add 98:m" },
        { "{\"id\":\"" MEMBERSHIP "\",\"is_admin\":false}", "|0 role d1:-" },
        { "{\"id\":\"" MEMBERSHIP "\",\"is_admin\":1,\"user\":{}}", "|0 role d1:m" },
        { "{\"id\":\"" MEMBERSHIP "\",\"delete\":true}", "|0 remove d1" },
        { "{\"id\":\"" MEMBERSHIP "\",\"delete\":false}", "|0 remove d1" }, /* being there counts */
        { "{\"id\":\"" MEMBERSHIP "\",\"delete\":0}", "|0 remove d1" },
        /* of no kind */
        { "{}", "|" },
        { "[]", "Bad Request" },
        { "{\"user\":{}}", "|" },
        { "{\"is_admin\":true}", "|" },
        { "{\"delete\":true}", "|" },
        { "{\"id\":\"" MEMBERSHIP "\"}", "|" },
        { "{\"id\":\"" MEMBERSHIP "\",\"user\":{}}", "|" }, /* a demotion of the client that leaves out false */
        { "{\"user_id\":\"" ADA "\",\"delete\":true}", "|" },
        { "{\"id\":\"" MEMBERSHIP "\",\"user_id\":\"" ADA "\"}", "|" },
        { "{\"id\":\"" MEMBERSHIP "\",\"user_id\":\"" ADA "\",\"is_admin\":true}", "|" },
        { "{\"id\":\"" MEMBERSHIP "\",\"user_id\":\"" ADA "\",\"delete\":true}", "|" },
        { "{\"id\":\"" MEMBERSHIP "\",\"is_admin\":true,\"delete\":true}", "|" },
        /* the nil UUID is an id like another */
        { "{\"user_id\":\"00000000-0000-0000-0000-000000000000\"}", "|0 add 00:-" },
        { "{\"id\":\"00000000-0000-0000-0000-000000000000\",\"delete\":1}", "|0 remove 00" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[400];
        snprintf(text, sizeof text, CHANGES("[%s]"), cases[i].change);
        assert_update(text, cases[i].expected);
    }
}

static void changes_come_in_order_of_application_with_their_places(void **state)
{
    (void)state;
    assert_update(CHANGES("[{\"id\":\"" MEMBERSHIP "\",\"delete\":true},{\"id\":\"" MEMBERSHIP "\",\"is_admin\":false},{},"
                          "{\"id\":\"" OTHER_MEMBERSHIP "\",\"is_admin\":true},{\"user_id\":\"" ADA "\"},"
                          "{\"id\":\"" OTHER_MEMBERSHIP "\",\"delete\":true},{\"user_id\":\"" BETTY "\",\"is_admin\":true}]"),
                  "|4 add 98:-,6 add d5:m,3 role b7:m,1 role d1:-,0 remove d1,5 remove b7");
}

static void an_update_is_read_in_both_layouts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "", "|" },
        { "{}", "|" },
        { "[1]", "|" },
        { "{\"groups_users\":null}", "|" },
        { "{\"groups_users\":[]}", "|" },
        { "{\"groups_users\":{}}", "|" },
        { "{\"groups_users\":{\"5\":{\"user_id\":\"" ADA "\"}}}", "|0 add 98:-" },
        { "{\"GroupUsers\":[{\"GroupUser\":{\"user_id\":\"" ADA "\",\"is_admin\":1}},{\"GroupUser\":{\"id\":\"" MEMBERSHIP
          "\",\"delete\":1}}],\"Group\":{\"name\":\"Old\"}}",
          "Old|0 add 98:m,1 remove d1" },
        { "{\"GroupUsers\":[{\"GroupUser\":{\"user_id\":\"" ADA "\"}}],\"Secrets\":[{\"Secret\":{\"user_id\":\"" ADA "\"}}]}",
          "|0 add 98:- s" },
        { "{\"groups_users\":5}", "Bad Request" },
        { "{\"groups_users\":\"x\"}", "Bad Request" },
        { "{\"groups_users\":[5]}", "Bad Request" },
        { "{\"groups_users\":[null]}", "Bad Request" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) assert_update(cases[i].text, cases[i].expected);
}

static void a_name_is_read_only_for_one_who_may_rename_and_if_it_is_truthy(void **state)
{
    (void)state;
    static const char *const falsy[] = { "null", "\"\"", "\"0\"", "0", "0.0", "false", "[]", "{}" };
    assert_update_by(true, "{\"name\":\"New\"}", "New|");
    assert_update_by(false, "{\"name\":\"New\"}", "|");
    assert_update_by(false, "{\"name\":5}", "|");
    for (size_t i = 0; i < COUNT_OF(falsy); i++) {
        char text[100];
        snprintf(text, sizeof text, "{\"name\":%s}", falsy[i]);
        assert_update(text, "|");
    }
    struct buf out = BUF_INIT(1000);
    show_update(PASSBOLT_5, "{\"name\":5}", true, &out);
    assert_string_equal(buf_cstr(&out), "{\"name\":{" NAME_UTF8_5 "}}");
    buf_reset(&out);
    show_update(PASSBOLT_2, "{\"name\":true}", true, &out);
    assert_string_equal(buf_cstr(&out), "{\"name\":{" NAME_UTF8_2 ",\"lengthBetween\":\"" NAME_LENGTH "\"}}");
    buf_free(&out);
}

static void changes_that_are_wrong_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *changes, *problems;
    } cases[] = {
        { "[{\"id\":\"x\"}]", "[" PROBLEM("id", "uuid", "The identifier should be a valid UUID.") "]" },
        { "[{\"id\":\"\"}]", "[" PROBLEM("id", "uuid", "The identifier should be a valid UUID.") "]" },
        { "[{\"id\":5}]", "[" PROBLEM("id", "uuid", "The identifier should be a valid UUID.") "]" },
        { "[{\"id\":null}]", "[" PROBLEM("id", "_empty", "This field cannot be left empty") "]" },
        { "[{\"user_id\":\"" VERSION_7 "\"}]",
          "[" PROBLEM("user_id", "uuid", "The user identifier should be a valid UUID.") "]" },
        { "[{\"user_id\":null}]", "[" PROBLEM("user_id", "_empty", "This field cannot be left empty") "]" },
        { "[{\"delete\":\"true\"}]", "[" PROBLEM("delete", "boolean", "The delete status should be a valid boolean.") "]" },
        { "[{\"delete\":null}]", "[" PROBLEM("delete", "_empty", "This field cannot be left empty") "]" },
        { "[{\"is_admin\":\"yes\"}]", "[" PROBLEM("is_admin", "boolean", "The delete status should be a valid boolean.") "]" },
        { "[{\"is_admin\":null}]", "[" PROBLEM("is_admin", "_empty", "This field cannot be left empty") "]" },
        { "[{\"id\":\"x\",\"user_id\":\"y\",\"delete\":2,\"is_admin\":[]}]",
          "[{\"id\":{\"uuid\":\"The identifier should be a valid UUID.\"},\"user_id\":{\"uuid\":\"The user identifier should be "
          "a "
          "valid UUID.\"},\"delete\":{\"boolean\":\"The delete status should be a valid boolean.\"},\"is_admin\":{\"boolean\":"
          "\"The delete status should be a valid boolean.\"}}]" },
        /* only the first change that is wrong, whatever its kind, and before the name */
        { "[{},{\"id\":\"" MEMBERSHIP "\",\"delete\":true},{\"id\":\"x\"},{\"id\":\"y\"}],\"name\":5",
          "{\"2\":" PROBLEM("id", "uuid", "The identifier should be a valid UUID.") "}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[600], expected[600];
        snprintf(text, sizeof text, CHANGES("%s"), cases[i].changes);
        snprintf(expected, sizeof expected, PROBLEMS("%s"), cases[i].problems);
        assert_update(text, expected);
    }
}

static void secrets_are_found_by_their_user(void **state)
{
    (void)state;
    static const struct {
        const char *secrets, *expected;
    } cases[] = {
        { "[]", "|0 add 98:-,1 add d5:-" },
        { "null", "|0 add 98:-,1 add d5:-" },
        { "\"x\"", "|0 add 98:-,1 add d5:-" },
        { "[{\"user_id\":\"" ADA "\",\"resource_id\":\"" MEMBERSHIP "\",\"data\":\"-----BEGIN\"}]", "|0 add 98:- s,1 add d5:-" },
        { "[5,{},{\"user_id\":\"x\"},{\"user_id\":\"" BETTY "\"},{\"user_id\":\"" MEMBERSHIP "\"}]", "|0 add 98:-,1 add d5:- s" },
        { "[{\"user_id\":\"" BETTY "\"},{\"user_id\":\"" ADA "\"},{\"user_id\":\"" BETTY "\"}]", "|0 add 98:- s,1 add d5:- s" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[600];
        snprintf(text, sizeof text, "{\"groups_users\":[{\"user_id\":\"" ADA "\"},{\"user_id\":\"" BETTY "\"}],\"secrets\":%s}",
                 cases[i].secrets);
        assert_update(text, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        passbolt_test(a_body_is_json_or_a_bad_request),
        passbolt_test(a_new_group_is_read_in_both_layouts_and_profiles),
        passbolt_test(names_that_are_wrong_are_told),
        passbolt_test(a_name_has_255_characters_at_most_whatever_their_bytes),
        passbolt_test(members_that_are_wrong_are_told),
        passbolt_test(all_that_is_wrong_is_told_at_once),
        passbolt_test(a_request_has_so_many_members_and_no_more),
        passbolt_test(the_kind_of_a_change_is_told_by_its_members),
        passbolt_test(changes_come_in_order_of_application_with_their_places),
        passbolt_test(an_update_is_read_in_both_layouts),
        passbolt_test(a_name_is_read_only_for_one_who_may_rename_and_if_it_is_truthy),
        passbolt_test(changes_that_are_wrong_are_told),
        passbolt_test(secrets_are_found_by_their_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
