/* The memory of an image: the pool, and records' texts packed into it. */
#include "unit.h"

#include "directory/packed.h"
#include "directory/pool.h"

#include <stdlib.h>

static void assert_same_text(const char *a, const char *b)
{
    if (!a || !b) assert_ptr_equal(a, b);
    else assert_string_equal(a, b);
}

/* Packs into exactly as many bytes as packed_size says, at an odd address, and reads it back. */
static void round_trip(const char *const *texts, int text_count, const int64_t *numbers, int number_count)
{
    size_t size = packed_size(texts, text_count, numbers, number_count);
    char *memory = malloc(size + 1), *block = memory + 1;
    packed_write(block, texts, text_count, numbers, number_count);
    const char *read_texts[PACKED_TEXTS_MAX];
    int64_t read_numbers[PACKED_NUMBERS_MAX];
    packed_read(block, read_texts, text_count, read_numbers, number_count);
    for (int i = 0; i < text_count; i++) assert_same_text(read_texts[i], texts[i]);
    for (int i = 0; i < number_count; i++) assert_int_equal(read_numbers[i], numbers[i]);
    free(memory);
}

static void every_subset_of_texts_and_numbers_comes_back(void **state)
{
    (void)state;
    static const char *const words[] = {
        "ada", "", "Straße", "a longer text with spaces", "\xF0\x9F\x91\xAA", "f", "g", "h", "i"
    };
    static const int64_t values[] = { 1, INT64_MAX, INT64_MIN, -1 };
    for (unsigned mask = 0; mask < 1 << 13; mask++) {
        const char *texts[9];
        int64_t numbers[4];
        for (int i = 0; i < 9; i++) texts[i] = mask >> i & 1 ? words[i] : NULL;
        for (int i = 0; i < 4; i++) numbers[i] = mask >> (9 + i) & 1 ? values[i] : 0;
        round_trip(texts, 9, numbers, 4);
    }
}

static void all_sixteen_texts_and_numbers_fit(void **state)
{
    (void)state;
    const char *texts[PACKED_TEXTS_MAX];
    int64_t numbers[PACKED_NUMBERS_MAX];
    for (int i = 0; i < PACKED_TEXTS_MAX; i++) texts[i] = i % 2 ? "odd" : "even";
    for (int i = 0; i < PACKED_NUMBERS_MAX; i++) numbers[i] = i + 1;
    round_trip(texts, PACKED_TEXTS_MAX, numbers, PACKED_NUMBERS_MAX);
}

static void a_text_of_the_greatest_length_comes_back(void **state)
{
    (void)state;
    char *longest = malloc(PACKED_TEXT_MAX + 1);
    memset(longest, 'x', PACKED_TEXT_MAX);
    longest[PACKED_TEXT_MAX] = 0;
    round_trip((const char *[]){ "before", longest, "after" }, 3, (int64_t[]){ 7 }, 1);
    free(longest);
}

static void what_is_not_set_takes_no_bytes(void **state)
{
    (void)state;
    const char *none[PACKED_TEXTS_MAX] = { 0 };
    int64_t zeroes[PACKED_NUMBERS_MAX] = { 0 };
    assert_int_equal(packed_size(none, PACKED_TEXTS_MAX, zeroes, PACKED_NUMBERS_MAX), sizeof(uint32_t));
}

/* Small and large pieces, each filled with its own byte: none may lie over another. */
static void pieces_of_a_pool_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 400 };
    struct pool pool = { 0 };
    unsigned char *pieces[PIECES];
    size_t sizes[PIECES];
    for (int i = 0; i < PIECES; i++) {
        sizes[i] = i % 50 == 49 ? 300000 : (size_t)(i * 37 % 200);
        size_t align = (size_t)1 << i % 5;
        pieces[i] = pool_alloc(&pool, sizes[i], align);
        assert_int_equal((uintptr_t)pieces[i] % align, 0);
        memset(pieces[i], i, sizes[i]);
    }
    for (int i = 0; i < PIECES; i++)
        for (size_t at = 0; at < sizes[i]; at++)
            if (pieces[i][at] != (unsigned char)i) fail_msg("piece %d was overwritten", i);
    assert_true(pool.total >= 8 * 300000);
    pool_free(&pool);
    assert_int_equal(pool.total, 0);
}

static void a_small_organization_takes_a_small_pool(void **state)
{
    (void)state;
    struct pool pool = { 0 };
    pool_alloc(&pool, 40, 4);
    assert_true(pool.total < 2048);
    pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset_of_texts_and_numbers_comes_back),
        cmocka_unit_test(all_sixteen_texts_and_numbers_fit),
        cmocka_unit_test(a_text_of_the_greatest_length_comes_back),
        cmocka_unit_test(what_is_not_set_takes_no_bytes),
        cmocka_unit_test(pieces_of_a_pool_do_not_overlap),
        cmocka_unit_test(a_small_organization_takes_a_small_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
