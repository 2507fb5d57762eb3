#include "unit.h"

#include "base/fold.h"
#include "base/json.h"

#include <stdlib.h>

static void only_what_must_be_escaped_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "a \"quoted\" word", "\"a \\\"quoted\\\" word\"" },
        { "back\\slash", "\"back\\\\slash\"" },
        { "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
        { "\x01\x1f", "\"\\u0001\\u001f\"" },
        { "sla/sh \x7f <tag> \u2028", "\"sla/sh \x7f <tag> \u2028\"" },
        { "\u00d8sterg\u00e5rd \u4f50\u85e4 \U0001f600", "\"\u00d8sterg\u00e5rd \u4f50\u85e4 \U0001f600\"" },
        { "\"\"\"\"\"\"\"\"\"\"", "\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\"" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT(1000);
        json_add_string(&out, cases[i].text);
        assert_string_equal(buf_cstr(&out), cases[i].json);
        buf_free(&out);
    }
}

static void escapes_are_found_at_every_place_of_every_length(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40; size++) {
        for (size_t at = 0; at < size; at++) {
            char text[40], expected[48];
            memset(text, 'x', size);
            text[at] = '\n';
            memset(expected, 'x', sizeof expected);
            expected[0] = '"';
            memcpy(expected + 1 + at, "\\n", 2);
            expected[size + 2] = '"';
            struct buf out = BUF_INIT(100);
            json_add_text(&out, text, size);
            assert_int_equal(out.size, size + 3);
            assert_memory_equal(out.bytes, expected, size + 3);
            buf_free(&out);
        }
    }
}

static void every_text_is_read_back_as_it_was(void **state)
{
    (void)state;
    srandom(3);
    for (int round = 0; round < 5000; round++) {
        char text[64];
        size_t size = (size_t)random() % sizeof text;
        for (size_t i = 0; i < size; i++) text[i] = (char)(random() % 8 ? random() % 127 + 1 : "\"\\\n\x01"[random() % 4]);
        struct buf out = BUF_INIT(1000);
        json_add_text(&out, text, size);
        struct failure failure = { 0 };
        json_t *json;
        assert_int_equal(json_parse(&failure, out.bytes, out.size, &json), ERR_OK);
        assert_int_equal(json_string_length(json), size);
        assert_memory_equal(json_string_value(json), text, size);
        json_decref(json);
        buf_free(&out);
    }
}

static void a_text_that_passes_the_ceiling_sets_overflow(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(10);
    json_add_string(&out, "12345678");
    assert_false(out.overflow);
    buf_reset(&out);
    json_add_string(&out, "1234567\n");
    assert_true(out.overflow);
    buf_free(&out);
}

static void booleans_are_words(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(100);
    json_add_bool(&out, true);
    json_add_bool(&out, false);
    assert_string_equal(buf_cstr(&out), "truefalse");
    buf_free(&out);
}

static enum err parse(const char *text, struct failure *failure)
{
    json_t *json = NULL;
    *failure = (struct failure){ 0 };
    enum err e = json_parse(failure, text, strlen(text), &json);
    json_decref(json);
    return e;
}

static void well_formed_texts_are_accepted(void **state)
{
    (void)state;
    static const char *const cases[] = { "{}",
                                         "[]",
                                         " {\"a\":[1,2.5,-3,\"x\",true,false,null]} \r\n\t",
                                         "1",
                                         "\"s\"",
                                         "null",
                                         "true",
                                         "\"\\u00e9\\ud83d\\ude00\"",
                                         "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{{{\"]",
                                         "-9223372036854775808" };
    struct failure failure;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (parse(cases[i], &failure)) fail_msg("%s was refused: %s", cases[i], failure.text);
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "{\"a\" 1}",
        "{} {}",
        "[]x",
        "\"unclosed",
        "\"tab\there\"",
        "01",
        "+1",
        "1.",
        ".5",
        "0x10",
        "NaN",
        "Infinity",
        "nul",
        "TRUE",
        "// comment\n1",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00x\"",
        "\xef\xbb\xbf{}",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xc3",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "\"nul \\u0000 inside\"",
        "{\"\\u0000\":1}",
        "9223372036854775808",
        "-9223372036854775809",
        "1e999",
    };
    struct failure failure;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (!parse(cases[i], &failure)) fail_msg("%s was accepted", cases[i]);
        assert_int_equal(failure.code, ERR_INVALID);
        assert_true(strlen(failure.text) > 10);
        assert_true(utf8_is_valid(failure.text, strlen(failure.text)));
    }
}

static void a_raw_zero_byte_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = { { "\"a\0b\"", 5 }, { "{}\0", 3 }, { "\0{}", 3 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct failure failure = { 0 };
        json_t *json;
        assert_int_equal(json_parse(&failure, cases[i].bytes, cases[i].size, &json), ERR_INVALID);
    }
}

static void an_empty_text_is_called_empty(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(parse("", &failure), ERR_INVALID);
    assert_string_equal(failure.text, "the JSON text is empty");
    assert_int_equal(parse(" \r\n\t", &failure), ERR_INVALID);
    assert_string_equal(failure.text, "the JSON text is empty");
}

static void the_failure_names_line_and_column(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(parse("{\n  \"name\": oops\n}", &failure), ERR_INVALID);
    assert_non_null(strstr(failure.text, "line 2, column "));
    assert_int_equal(parse("{\"name\": oops}", &failure), ERR_INVALID);
    assert_non_null(strstr(failure.text, "malformed at column 13: ")); /* it has one line */
    assert_int_equal(parse("{\"name\":1,\"name\":2}", &failure), ERR_INVALID);
    assert_non_null(strstr(failure.text, "duplicate"));
}

static void depth_is_limited_before_parsing(void **state)
{
    (void)state;
    struct failure failure;
    char text[2 * JSON_DEPTH_MAX + 3];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = 0;
    assert_int_equal(parse(text, &failure), ERR_OK);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    text[2 * JSON_DEPTH_MAX + 2] = 0;
    assert_int_equal(parse(text, &failure), ERR_INVALID);
    assert_string_equal(failure.text, "the JSON text is nested deeper than 32 levels");
}

static void closing_brackets_do_not_hide_depth(void **state)
{
    (void)state;
    struct failure failure;
    char text[101];
    memset(text, ']', 50);
    memset(text + 50, '[', 50);
    text[100] = 0;
    assert_int_equal(parse(text, &failure), ERR_INVALID);
    assert_non_null(strstr(failure.text, "deeper"));
}

static void damaged_texts_never_harm(void **state)
{
    (void)state;
    static const char sample[] = "{\"id\":12,\"name\":\"\u00d8st \\u00e9\",\"list\":[{\"a\":null},-1.5e3,true]}";
    srandom(5);
    for (int round = 0; round < 20000; round++) {
        char text[sizeof sample];
        memcpy(text, sample, sizeof sample);
        for (int i = 0; i < 3; i++) text[(size_t)random() % (sizeof sample - 1)] = (char)random();
        struct failure failure = { 0 };
        json_t *json = NULL;
        if (json_parse(&failure, text, sizeof sample - 1, &json)) assert_true(utf8_is_valid(failure.text, strlen(failure.text)));
        json_decref(json);
    }
}

static void kinds_have_names(void **state)
{
    (void)state;
    struct failure failure = { 0 };
    json_t *json;
    static const char text[] = "[{},[],\"\",1,1.5,true,false,null]";
    static const char *const names[] = { "an object", "an array",      "a string",      "a number",
                                         "a number",  "true or false", "true or false", "null" };
    assert_int_equal(json_parse(&failure, text, sizeof text - 1, &json), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(names); i++) assert_string_equal(json_kind_name(json_array_get(json, i)), names[i]);
    json_decref(json);
}

static void assert_found(const char *text, const char *name, const char *expected)
{
    struct failure failure = { 0 };
    json_t *json;
    assert_int_equal(json_parse(&failure, text, strlen(text), &json), ERR_OK);
    const json_t *found = json_get_any_case(json, name);
    if (expected) assert_string_equal(json_string_value(found), expected);
    else assert_null(found);
    json_decref(json);
}

static void members_are_found_in_any_letter_case_and_the_last_counts(void **state)
{
    (void)state;
    assert_found("{\"name\":\"a\"}", "name", "a");
    assert_found("{\"NAME\":\"a\"}", "name", "a");
    assert_found("{\"name\":\"a\"}", "Name", "a");
    assert_found("{\"other\":\"x\",\"Name\":\"a\",\"names\":\"y\"}", "name", "a");
    assert_found("{\"name\":\"a\",\"NAME\":\"b\",\"naMe\":\"c\"}", "name", "c");
    assert_found("{\"naMe\":\"c\",\"NAME\":\"b\",\"name\":\"a\"}", "NAME", "a");
    assert_found("{\"nam\":\"a\",\"name \":\"b\",\"\":\"c\"}", "name", NULL);
    assert_found("{\"\u00e9\":\"a\"}", "\u00c9", NULL); /* only ASCII letters */
    assert_found("{}", "name", NULL);
    assert_found("[\"name\"]", "name", NULL);
    assert_found("null", "name", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_must_be_escaped_is_escaped),
        cmocka_unit_test(escapes_are_found_at_every_place_of_every_length),
        cmocka_unit_test(every_text_is_read_back_as_it_was),
        cmocka_unit_test(a_text_that_passes_the_ceiling_sets_overflow),
        cmocka_unit_test(booleans_are_words),
        cmocka_unit_test(well_formed_texts_are_accepted),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(a_raw_zero_byte_is_refused),
        cmocka_unit_test(an_empty_text_is_called_empty),
        cmocka_unit_test(the_failure_names_line_and_column),
        cmocka_unit_test(depth_is_limited_before_parsing),
        cmocka_unit_test(closing_brackets_do_not_hide_depth),
        cmocka_unit_test(damaged_texts_never_harm),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(members_are_found_in_any_letter_case_and_the_last_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
