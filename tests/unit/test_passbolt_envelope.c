/* What is around every answer of Passbolt's API. The first case is the answer shown on the original page. */
#include "unit.h"

#include "api/passbolt/envelope.h"
#include "base/json.h"
#include "base/uuid.h"

#include <openssl/evp.h>

#define ID "f5f4aceb-6919-4b7d-8b33-2c22f463192d"

/* RFC 9562 section 5.5: SHA-1 of the namespace and the name. */
static void name_uuid(const char *name, char out[UUID_TEXT_SIZE])
{
    struct uuid namespace, uuid;
    uint8_t input[200], digest[EVP_MAX_MD_SIZE];
    assert_true(uuid_parse("d5447ca1-950f-459d-8b20-86ddfdd0f922", 36, &namespace));
    size_t size = strlen(name);
    assert_true(size < sizeof input - sizeof namespace);
    memcpy(input, namespace.bytes, sizeof namespace);
    memcpy(input + sizeof namespace, name, size);
    assert_int_equal(EVP_Digest(input, sizeof namespace + size, digest, NULL, EVP_sha1(), NULL), 1);
    memcpy(uuid.bytes, digest, sizeof uuid);
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x50);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    uuid_format(out, &uuid);
}

static void every_action_id_follows_from_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < PASSBOLT_ACTION_COUNT; i++) {
        char expected[UUID_TEXT_SIZE];
        name_uuid(passbolt_action_name((enum passbolt_action)i), expected);
        assert_string_equal(passbolt_action_id((enum passbolt_action)i), expected);
    }
    assert_string_equal(passbolt_action_id(PASSBOLT_GROUPS_INDEX), "3cffe6ef-ea4c-5bc3-869b-945f26e2601a"); /* as shown */
}

static void actions_are_found_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < PASSBOLT_ACTION_COUNT; i++)
        assert_int_equal(passbolt_action_find(passbolt_action_name((enum passbolt_action)i)), i);
    assert_int_equal(passbolt_action_find("Groups.index"), PASSBOLT_ERROR);
    assert_int_equal(passbolt_action_find(NULL), PASSBOLT_ERROR);
}

static struct passbolt_header sample(enum passbolt_profile profile)
{
    return (struct passbolt_header){
        .profile = profile,
        .action = PASSBOLT_GROUPS_INDEX,
        .id = ID,
        .now = INT64_C(1554983137999999),
        .code = 200,
        .message = "The operation was successful.",
        .path = "/groups.json",
        .query = "contain[user]=1&api-version=v2",
    };
}

static void assert_envelope(const struct passbolt_header *header, const char *expected)
{
    struct buf out = BUF_INIT(10000);
    passbolt_begin_envelope(&out, header);
    buf_add_literal(&out, "[]");
    passbolt_end_envelope(&out);
    assert_string_equal(buf_cstr(&out), expected);
    struct failure failure = { 0 };
    json_t *json;
    assert_int_equal(json_parse(&failure, out.bytes, out.size, &json), ERR_OK);
    json_decref(json);
    buf_free(&out);
}

static void profile_2_has_the_header_of_the_original_page(void **state)
{
    (void)state;
    struct passbolt_header header = sample(PASSBOLT_2);
    assert_envelope(&header, "{\"header\":{\"id\":\"" ID "\",\"status\":\"success\",\"servertime\":1554983137,"
                             "\"title\":\"app_groups_index_success\",\"action\":\"3cffe6ef-ea4c-5bc3-869b-945f26e2601a\","
                             "\"message\":\"The operation was successful.\","
                             "\"url\":\"\\/groups.json?contain%5Buser%5D=1\\u0026api-version=v2\",\"code\":200},\"body\":[]}");
}

static void profile_5_has_no_title(void **state)
{
    (void)state;
    struct passbolt_header header = sample(PASSBOLT_5);
    assert_envelope(&header, "{\"header\":{\"id\":\"" ID "\",\"status\":\"success\",\"servertime\":1554983137,"
                             "\"action\":\"3cffe6ef-ea4c-5bc3-869b-945f26e2601a\","
                             "\"message\":\"The operation was successful.\","
                             "\"url\":\"\\/groups.json?contain%5Buser%5D=1\\u0026api-version=v2\",\"code\":200},\"body\":[]}");
}

static void an_error_has_its_status_and_keeps_the_action_of_its_route(void **state)
{
    (void)state;
    struct passbolt_header header = sample(PASSBOLT_5);
    header.error = true;
    header.code = 401;
    header.message = "Authentication is required to continue";
    header.query = "";
    assert_envelope(&header, "{\"header\":{\"id\":\"" ID "\",\"status\":\"error\",\"servertime\":1554983137,"
                             "\"action\":\"3cffe6ef-ea4c-5bc3-869b-945f26e2601a\","
                             "\"message\":\"Authentication is required to continue\",\"url\":\"\\/groups.json\",\"code\":401},"
                             "\"body\":[]}");
}

static void titles_follow_from_prefix_action_and_status(void **state)
{
    (void)state;
    static const struct {
        enum passbolt_action action;
        bool error;
        const char *title;
    } cases[] = {
        { PASSBOLT_GROUPS_INDEX, false, "app_groups_index_success" },
        { PASSBOLT_GROUPS_ADD, false, "app_groups_addPost_success" },
        { PASSBOLT_GROUPS_ADD, true, "app_groups_addPost_error" },
        { PASSBOLT_GROUPS_UPDATE_DRY_RUN, false, "app_groups_dryRun_success" },
        { PASSBOLT_GROUPS_DELETE_DRY_RUN, true, "app_groups_dryRun_error" },
        { PASSBOLT_USERS_VIEW, false, "app_users_view_success" },
        { PASSBOLT_ERROR, true, "app___error" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct passbolt_header header = sample(PASSBOLT_2);
        header.action = cases[i].action;
        header.error = cases[i].error;
        struct buf out = BUF_INIT(10000);
        char expected[100];
        passbolt_begin_envelope(&out, &header);
        snprintf(expected, sizeof expected, ",\"title\":\"%s\",", cases[i].title);
        assert_non_null(strstr(buf_cstr(&out), expected));
        buf_free(&out);
    }
}

/* A title is `app`, what the original's route has as prefix, and what stands behind the dot of the name. */
static void every_title_ends_with_the_name_of_its_action(void **state)
{
    (void)state;
    static const char *const titles[] = {
#define X(name, text, title, id) title,
        PASSBOLT_ACTIONS(X)
#undef X
    };
    for (size_t i = PASSBOLT_ERROR + 1; i < PASSBOLT_ACTION_COUNT; i++) {
        assert_memory_equal(titles[i], "app_", 4);
        assert_string_equal(strrchr(titles[i], '_') + 1, strchr(passbolt_action_name((enum passbolt_action)i), '.') + 1);
    }
}

static void a_url_keeps_what_may_stand_in_it_and_encodes_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *path, *query, *url;
    } cases[] = {
        { "/groups.json", "", "\\/groups.json" },
        { "/groups.json", "contain%5Buser%5D=1", "\\/groups.json?contain%5Buser%5D=1" },
        { "/groups.json", "contain%5buser%5d=1", "\\/groups.json?contain%5buser%5d=1" }, /* as sent */
        { "/groups.json", "order[]=Group.name+DESC&x=a%20b", "\\/groups.json?order%5B%5D=Group.name+DESC\\u0026x=a%20b" },
        { "/groups/a/dry-run.json", "", "\\/groups\\/a\\/dry-run.json" },
        { "/a", "q='\"<>\\^`{|}", "\\/a?q=\\u0027%22%3C%3E%5C%5E%60%7B%7C%7D" },
        { "/a", "-._~!$()*+,;=:@/?", "\\/a?-._~!$()*+,;=:@\\/?" },
        { "/a", "%", "\\/a?%25" },
        { "/a", "%4", "\\/a?%254" },
        { "/a", "%zz%41", "\\/a?%25zz%41" },
        { "/\xc3\xa9\xff", "\x7f", "\\/%C3%A9%FF?%7F" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct passbolt_header header = sample(PASSBOLT_5);
        struct buf out = BUF_INIT(10000);
        char expected[200];
        header.path = cases[i].path;
        header.query = cases[i].query;
        passbolt_begin_envelope(&out, &header);
        snprintf(expected, sizeof expected, ",\"url\":\"%s\",\"code\":200},\"body\":", cases[i].url);
        if (!strstr(buf_cstr(&out), expected)) fail_msg("%s in %s", expected, buf_cstr(&out));
        buf_free(&out);
    }
}

static void a_message_is_encoded(void **state)
{
    (void)state;
    struct passbolt_header header = sample(PASSBOLT_5);
    struct buf out = BUF_INIT(10000);
    header.message = "Invalid filter. \"caf\u00e9\" is not a valid user id for filter has-users.";
    passbolt_begin_envelope(&out, &header);
    assert_non_null(strstr(buf_cstr(&out),
                           "\"message\":\"Invalid filter. \\u0022caf\\u00e9\\u0022 is not a valid user id for filter "
                           "has-users.\","));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_id_follows_from_its_name),
        cmocka_unit_test(actions_are_found_by_name),
        cmocka_unit_test(profile_2_has_the_header_of_the_original_page),
        cmocka_unit_test(profile_5_has_no_title),
        cmocka_unit_test(an_error_has_its_status_and_keeps_the_action_of_its_route),
        cmocka_unit_test(titles_follow_from_prefix_action_and_status),
        cmocka_unit_test(every_title_ends_with_the_name_of_its_action),
        cmocka_unit_test(a_url_keeps_what_may_stand_in_it_and_encodes_the_rest),
        cmocka_unit_test(a_message_is_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
