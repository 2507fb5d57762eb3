#include "unit.h"

#include "base/arena.h"

static void every_allocation_is_aligned_and_apart_from_the_others(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    char *pieces[300];
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        for (size_t j = 0; j < i; j++) assert_int_equal((unsigned char)pieces[i][j], i & 0xff);
    arena_free(&arena);
}

static void cleared_memory_is_zero_also_when_reused(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    memset(arena_alloc(&arena, 2000), 0xff, 2000);
    arena_reset(&arena);
    const char *bytes = arena_zalloc(&arena, 1000);
    const uint32_t *numbers = arena_array(&arena, 100, sizeof *numbers);
    for (size_t i = 0; i < 1000; i++) assert_int_equal(bytes[i], 0);
    for (size_t i = 0; i < 100; i++) assert_int_equal(numbers[i], 0);
    arena_free(&arena);
}

static void blocks_double_from_4_kib(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    arena_alloc(&arena, 1);
    assert_int_equal(arena.total, 4 << 10);
    arena_alloc(&arena, 4000);
    arena_alloc(&arena, 4000);
    assert_int_equal(arena.total, (4 + 8) << 10);
    arena_free(&arena);
    assert_int_equal(arena.total, 0);
}

static void a_large_request_leaves_the_room_of_the_newest_block(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    char *before = arena_alloc(&arena, 16);
    char *large = arena_alloc(&arena, 3 << 20);
    memset(large, 1, 3 << 20);
    char *after = arena_alloc(&arena, 16);
    assert_ptr_equal(after, before + 16);
    arena_free(&arena);
}

static void a_reset_arena_keeps_at_most_64_kib(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    for (int i = 0; i < 3000; i++) arena_alloc(&arena, 1000);
    arena_reset(&arena);
    assert_int_equal(arena.total, 64 << 10);
    assert_non_null(arena_alloc(&arena, 60000));
    assert_int_equal(arena.total, 64 << 10);
    arena_free(&arena);
}

static void resetting_or_freeing_an_empty_arena_is_harmless(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    arena_reset(&arena);
    arena_free(&arena);
    arena_free(&arena);
    arena_alloc(&arena, 2 << 20);
    arena_reset(&arena); /* its only block is too large to keep */
    assert_int_equal(arena.total, 0);
    arena_free(&arena);
}

static void texts_are_copied_with_a_terminating_zero(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_null(arena_strdup(&arena, NULL));
    assert_string_equal(arena_strdup(&arena, ""), "");
    assert_string_equal(arena_strdup(&arena, "ada"), "ada");
    assert_string_equal(arena_strndup(&arena, "ada lovelace", 3), "ada");
    arena_free(&arena);
}

static void a_list_grows_with_what_it_has(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    uint32_t *numbers = NULL;
    size_t capacity = 0;
    for (uint32_t count = 0; count < 100000; count++) {
        numbers = arena_grow(&arena, numbers, count, &capacity, sizeof *numbers);
        assert_true(count < capacity);
        numbers[count] = count;
    }
    for (uint32_t i = 0; i < 100000; i++) assert_int_equal(numbers[i], i);
    assert_true(arena.total < 20 * 100000 * sizeof *numbers); /* not with the square of its length */
    arena_free(&arena);
}

static void formatted_texts_may_be_of_any_length(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    for (int width = 250; width < 260; width++) assert_int_equal(strlen(arena_printf(&arena, "%*d", width, 7)), width);
    assert_int_equal(strlen(arena_printf(&arena, "%*d", 100000, 7)), 100000);
    assert_string_equal(arena_printf(&arena, "%s-%d", "a", 1), "a-1");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_is_aligned_and_apart_from_the_others),
        cmocka_unit_test(cleared_memory_is_zero_also_when_reused),
        cmocka_unit_test(blocks_double_from_4_kib),
        cmocka_unit_test(a_large_request_leaves_the_room_of_the_newest_block),
        cmocka_unit_test(a_reset_arena_keeps_at_most_64_kib),
        cmocka_unit_test(resetting_or_freeing_an_empty_arena_is_harmless),
        cmocka_unit_test(texts_are_copied_with_a_terminating_zero),
        cmocka_unit_test(a_list_grows_with_what_it_has),
        cmocka_unit_test(formatted_texts_may_be_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
