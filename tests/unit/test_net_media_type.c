/* test_net_media_type.c — which Content-Type is one of a list. */
#include "unit.h"

#include "net/media_type.h"

static const char *const types[] = { "application/json", "text/json", "application/*+json", NULL };

static void a_type_is_found_whatever_its_case_and_parameters(void **state)
{
    (void)state;
    static const char *const good[] = {
        "application/json",
        "APPLICATION/Json",
        "text/json",
        "application/json; charset=utf-8",
        "application/json;charset=\"utf-8\"",
        "application/json ; a=b ; c=d",
        "\tapplication/json \t",
        "application/json;",
        "application/json-patch+json",
        "application/vnd.a+b+json; v=1",
        "application/x+JSON",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (!media_type_is_listed(good[i], types)) fail_msg("%s", good[i]);
    }
}

static void other_types_are_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        ";",
        "; charset=utf-8",
        "json",
        "text/plain",
        "application/jsonx",
        "application/jso",
        "xapplication/json",
        "application/json, text/json",
        "application /json",
        "application/json charset=utf-8",
        "application/+json",
        "application/x+jsonx",
        "application/a/b+json",
        "application/a b+json",
        "application/\xC3\xA9+json",
        "application/*",
        "*/*",
        "text/plain; application/json",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (media_type_is_listed(bad[i], types)) fail_msg("%s", bad[i]);
    }
    assert_false(media_type_is_listed(NULL, types));
}

static void an_empty_list_has_no_type(void **state)
{
    (void)state;
    static const char *const none[] = { NULL };
    assert_false(media_type_is_listed("application/json", none));
    assert_false(media_type_is_listed("", none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_is_found_whatever_its_case_and_parameters),
        cmocka_unit_test(other_types_are_not),
        cmocka_unit_test(an_empty_list_has_no_type),
    };
    return cmocka_run_group_tests_name("net media type", tests, NULL, NULL);
}
