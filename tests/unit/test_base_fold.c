#include "unit.h"

#include "base/fold.h"

#include <stdlib.h>

static const char *fold(struct arena *arena, const char *text)
{
    size_t size;
    const char *folded = fold_text(arena, text, strlen(text), &size);
    assert_int_equal(size, strlen(folded));
    return folded;
}

static void names_that_differ_in_case_or_form_are_equal(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "" },
        { "ADMINS", "admins" },
        { "Etcd-Operator-Admins-2026", "etcd-operator-ADMINS-2026" },
        { "STRASSE", "Stra\u00dfe" },
        { "STRA\u1e9eE", "strasse" }, /* capital sharp s */
        { "\u00d8sterg\u00e5rd", "\u00f8STERG\u00c5RD" },
        { "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m" }, /* composed, decomposed */
        { "\u212bngstr\u00f6m", "\u00e5NGSTR\u00d6M" },   /* the angstrom sign */
        { "\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c2" },   /* final sigma */
        { "\ufb01le", "FILE" },                           /* ligature */
        { "\u1e69", "s\u0307\u0323" },                    /* marks in another order */
        { "\u0390", "\u03b9\u0308\u0301" },
        { "\u4f50\u85e4", "\u4f50\u85e4" },
        { "\u1100\u1161", "\uac00" }, /* Hangul */
    };
    struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < COUNT_OF(cases); i++) assert_string_equal(fold(&arena, cases[i][0]), fold(&arena, cases[i][1]));
    arena_free(&arena);
}

static void different_names_stay_different(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_string_not_equal(fold(&arena, "admins"), fold(&arena, "admin"));
    assert_string_not_equal(fold(&arena, "Zoe"), fold(&arena, "Zo\u00eb"));
    assert_string_not_equal(fold(&arena, "I"), fold(&arena, "\u0131")); /* dotless i: not locale dependent */
    arena_free(&arena);
}

static void the_ascii_path_lowers_letters_and_nothing_else(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    char text[128], expected[128];
    for (int i = 1; i < 128; i++) {
        text[i - 1] = (char)i;
        expected[i - 1] = (char)(i >= 'A' && i <= 'Z' ? i + 32 : i);
    }
    text[127] = expected[127] = 0;
    for (size_t from = 0; from < 127; from++) assert_string_equal(fold(&arena, text + from), expected + from);
    arena_free(&arena);
}

static void folding_twice_changes_nothing_more(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    srandom(7);
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t size = 0;
        while (size < 40) { /* two- and three-byte characters and ASCII */
            unsigned c = (unsigned)random() % 0x2fff + 1;
            if (c < 0x80) {
                text[size++] = (char)c;
            } else if (c < 0x800) {
                text[size++] = (char)(0xc0 | c >> 6);
                text[size++] = (char)(0x80 | (c & 63));
            } else {
                text[size++] = (char)(0xe0 | c >> 12);
                text[size++] = (char)(0x80 | (c >> 6 & 63));
                text[size++] = (char)(0x80 | (c & 63));
            }
        }
        text[size] = 0;
        const char *once = fold(&arena, text);
        assert_true(utf8_is_valid(once, strlen(once)));
        assert_string_equal(fold(&arena, once), once);
        arena_reset(&arena);
    }
    arena_free(&arena);
}

static void long_text_is_folded_too(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    char text[4001], expected[4001];
    for (size_t i = 0; i < 4000; i += 2) memcpy(text + i, "\u00d8", 2), memcpy(expected + i, "\u00f8", 2);
    text[4000] = expected[4000] = 0;
    assert_string_equal(fold(&arena, text), expected);
    arena_free(&arena);
}

static void malformed_text_is_copied_with_ascii_lowered(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_string_equal(fold(&arena, "ABC\xff"
                                     "DEFGHIJKLM"),
                        "abc\xff"
                        "defghijklm");
    arena_free(&arena);
}

static void well_formed_utf8_is_valid(void **state)
{
    (void)state;
    static const char *const cases[] = { "",
                                         "a",
                                         "plain ASCII, longer than a word",
                                         "\u00e9",
                                         "\u20ac",
                                         "\U0001f600",
                                         "\x7f",
                                         "\xed\x9f\xbf",
                                         "\xee\x80\x80",
                                         "\xf4\x8f\xbf\xbf",
                                         "aaaaaaa\u00e9aaaaaaaa" };
    for (size_t i = 0; i < COUNT_OF(cases); i++) assert_true(utf8_is_valid(cases[i], strlen(cases[i])));
}

static void malformed_utf8_is_not_valid(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        { "\0", 1 },
        { "aaaaaaaa\0aaaaaaa", 16 },
        { "\x80", 1 },
        { "\xc0\x80", 2 },
        { "\xc1\xbf", 2 },
        { "\xc3", 1 },
        { "\xc3(", 2 },
        { "\xe2\x82", 2 },
        { "\xe0\x9f\xbf", 3 },
        { "\xed\xa0\x80", 3 },
        { "\xed\xbf\xbf", 3 },
        { "\xf0\x8f\xbf\xbf", 4 },
        { "\xf4\x90\x80\x80", 4 },
        { "\xf5\x80\x80\x80", 4 },
        { "\xff", 1 },
        { "\xfe", 1 },
        { "aaaaaaaaaaaaaaa\xc3", 16 },
        { "\xf0\x9f\x98", 3 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (utf8_is_valid(cases[i].bytes, cases[i].size)) fail_msg("case %zu was accepted", i);
}

static void length_is_counted_in_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_length("", 0), 0);
    assert_int_equal(utf8_length("abc", 3), 3);
    assert_int_equal(utf8_length("a\u00e9\u20ac\U0001f600", 10), 4);
}

static void the_first_letter_is_made_upper_case(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "acme", "A" },
        { "Acme", "A" },
        { "7 days", "7" },
        { "(x)", "(" },
        { "\u00e9lan", "\u00c9" },
        { "\u044fblock", "\u042f" },
        { "\u65e5\u672c", "\u65e5" },
        { "\U0001f600", "\U0001f600" },
        { "\U00010428", "\U00010400" },
        { "", "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char letter[4];
        assert_int_equal(utf8_first_upper(rows[i][0], letter), strlen(rows[i][1]));
        assert_memory_equal(letter, rows[i][1], strlen(rows[i][1]));
    }
}

static void a_prefix_ends_between_code_points(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count, size;
    } rows[] = {
        { "", 0, 0 },
        { "", 5, 0 },
        { "abc", 0, 0 },
        { "abc", 2, 2 },
        { "abc", 3, 3 },
        { "abc", 4, 3 },
        { "\u00e9x", 1, 2 },
        { "\u00e9x", 2, 3 },
        { "x\u65e5\u672c", 2, 4 },
        { "\U0001f600a", 1, 4 },
        { "\U0001f600", SIZE_MAX, 4 },
        { "e\u0301", 1, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_int_equal(utf8_prefix(rows[i].text, rows[i].count), rows[i].size);
}

static void white_space_alone_is_blank(void **state)
{
    (void)state;
    static const char *const blank[] = { "", " ", " \t\r\n\v\f", "\u00a0\u3000", "\u2028", "\u2029" }, *const filled[] = {
        "a", " a", "\u3000a", "\u200b", "\ufeff", "\001", " \xff"
    };
    for (size_t i = 0; i < COUNT_OF(blank); i++) assert_true(utf8_is_blank(blank[i], strlen(blank[i])));
    for (size_t i = 0; i < COUNT_OF(filled); i++) assert_false(utf8_is_blank(filled[i], strlen(filled[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_differ_in_case_or_form_are_equal),
        cmocka_unit_test(different_names_stay_different),
        cmocka_unit_test(the_ascii_path_lowers_letters_and_nothing_else),
        cmocka_unit_test(folding_twice_changes_nothing_more),
        cmocka_unit_test(long_text_is_folded_too),
        cmocka_unit_test(malformed_text_is_copied_with_ascii_lowered),
        cmocka_unit_test(well_formed_utf8_is_valid),
        cmocka_unit_test(malformed_utf8_is_not_valid),
        cmocka_unit_test(length_is_counted_in_code_points),
        cmocka_unit_test(the_first_letter_is_made_upper_case),
        cmocka_unit_test(a_prefix_ends_between_code_points),
        cmocka_unit_test(white_space_alone_is_blank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
