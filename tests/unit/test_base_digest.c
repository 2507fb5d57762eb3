#include "unit.h"

#include "base/digest.h"

#include <pthread.h>

static void digests_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } cases[] = {
        /* FIPS 180-2, appendix B */
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct digest digest = digest_of(cases[i].text, strlen(cases[i].text));
        char hex[DIGEST_HEX_SIZE];
        digest_format(hex, &digest);
        assert_string_equal(hex, cases[i].hex);
    }
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
    (void)state;
    static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (size_t size = 1; size < sizeof text; size++) {
        struct digest_stream *stream = digest_stream_new();
        for (size_t at = 0; at < sizeof text; at += size)
            digest_stream_add(stream, text + at, at + size < sizeof text ? size : sizeof text - at);
        struct digest streamed = digest_stream_end(stream), whole = digest_of(text, sizeof text);
        assert_true(digest_equal(&streamed, &whole));
    }
    struct digest none = digest_stream_end(digest_stream_new()), nothing = digest_of("", 0);
    assert_true(digest_equal(&none, &nothing));
}

static void text_of_any_case_is_read(void **state)
{
    (void)state;
    struct digest digest, expected = digest_of("abc", 3);
    assert_true(digest_parse("BA7816BF8F01CFEA414140DE5DAE2223b00361a396177a9cb410ff61f20015ad", 64, &digest));
    assert_true(digest_equal(&digest, &expected));
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    struct digest digest;
    assert_false(digest_parse("", 0, &digest));
    assert_false(digest_parse("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a", 63, &digest));
    assert_false(digest_parse("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015az", 64, &digest));
}

static void digests_that_differ_in_one_bit_are_not_equal(void **state)
{
    (void)state;
    struct digest a = digest_of("abc", 3), b = a;
    assert_true(digest_equal(&a, &b));
    b.bytes[31] ^= 1;
    assert_false(digest_equal(&a, &b));
}

static void *digest_many(void *ret_digest)
{
    for (int i = 0; i < 1000; i++) *(struct digest *)ret_digest = digest_of("abc", 3);
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct digest digests[4], expected = digest_of("abc", 3);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, digest_many, &digests[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(digest_equal(&digests[i], &expected));
    }
}

static void random_bytes_fill_what_was_asked_for(void **state)
{
    (void)state;
    uint8_t bytes[66] = { 0 }, other[66] = { 0 };
    random_bytes(bytes + 1, 64);
    random_bytes(other + 1, 64);
    assert_memory_not_equal(bytes + 1, other + 1, 64);
    assert_int_equal(bytes[0] | bytes[65], 0);
    random_bytes(bytes, 0);
    assert_int_equal(bytes[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(text_of_any_case_is_read),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(digests_that_differ_in_one_bit_are_not_equal),
        cmocka_unit_test(threads_do_not_disturb_each_other),
        cmocka_unit_test(random_bytes_fill_what_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
