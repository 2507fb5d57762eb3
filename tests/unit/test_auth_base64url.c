#include "unit.h"

#include "auth/base64url.h"

#include <openssl/evp.h>

static bool decodes_to(const char *text, const char *expected)
{
    unsigned char bytes[64];
    size_t size;
    return base64url_decode(bytes, text, strlen(text), &size) && size == strlen(expected) && memcmp(bytes, expected, size) == 0;
}

static void texts_of_the_standard_are_read(void **state)
{
    (void)state; /* RFC 4648 section 10, without padding */
    assert_true(decodes_to("", ""));
    assert_true(decodes_to("Zg", "f"));
    assert_true(decodes_to("Zm8", "fo"));
    assert_true(decodes_to("Zm9v", "foo"));
    assert_true(decodes_to("Zm9vYg", "foob"));
    assert_true(decodes_to("Zm9vYmE", "fooba"));
    assert_true(decodes_to("Zm9vYmFy", "foobar"));
    assert_true(decodes_to("_-_-", "\xFF\xEF\xFE"));
}

static void bytes_are_written_so_that_they_are_read_again(void **state)
{
    (void)state;
    unsigned char bytes[40] = { 0 }, read[64];
    char text[64];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(251 * i + 17 * size + 255);
        size_t length = base64url_encode(text, bytes, size), read_size;
        assert_int_equal(strlen(text), length);
        assert_true(length + 1 <= base64url_encoded_max(size));
        assert_true(base64url_decode(read, text, length, &read_size));
        assert_int_equal(read_size, size);
        if (size) assert_memory_equal(read, bytes, size);
    }
    base64url_encode(text, "\xFF\xEF\xFE", 3);
    assert_string_equal(text, "_-_-");
    base64url_encode(text, "fooba", 5);
    assert_string_equal(text, "Zm9vYmE");
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "A",    "AAAAA",        "Zg==", "Zg=", "Zm8=",  "=",    "Zm9v=", "Zm 9v", "Zm9v\n",
                                         "Z+9v", "Z/9v",         "Zm.v", "Zh",  "Zn",    "Zx",   "Zm9",   "Zm-",   "Zm_",
                                         "\xC3", "Zm9\xC3\xA4v", "Zg\t", "Z~",  "Zm9v,", "@@@@", "[[[[",  "````" };
    unsigned char bytes[64];
    size_t size;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (base64url_decode(bytes, texts[i], strlen(texts[i]), &size)) fail_msg("was read: %s", texts[i]);
    assert_false(base64url_decode(bytes, "Zm9v\0AAA", 8, &size));
}

/* Every text is either refused or the only one for its bytes. */
static void bytes_have_one_text(void **state)
{
    (void)state;
    unsigned char bytes[8], encoded[16];
    size_t size;
    for (size_t length = 1; length <= 3; length++)
        for (unsigned letters = 0; letters < 1u << 16; letters++) {
            char text[5] = { (char)letters, (char)(letters >> 8), 'A', 'A', 0 };
            if (!base64url_decode(bytes, text, length, &size)) continue;
            assert_true(size <= base64url_decoded_max(length));
            EVP_EncodeBlock(encoded, bytes, (int)size);
            for (size_t i = 0; i < length; i++) {
                char expected = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
                assert_int_equal(encoded[i], expected);
            }
            assert_true(encoded[length] == '=');
        }
}

static void what_is_plain_is_all_of_the_alphabet(void **state)
{
    (void)state;
    int count = 0;
    for (int letter = 0; letter < 256; letter++) count += base64url_is_plain((char[]){ (char)letter }, 1);
    assert_int_equal(count, 64);
    assert_true(base64url_is_plain("ABCXYZabcxyz019-_", 17));
    assert_true(base64url_is_plain("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_standard_are_read),       cmocka_unit_test(bytes_are_written_so_that_they_are_read_again),
        cmocka_unit_test(malformed_texts_are_refused),          cmocka_unit_test(bytes_have_one_text),
        cmocka_unit_test(what_is_plain_is_all_of_the_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
