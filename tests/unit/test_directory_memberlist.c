/* The members of one group in sorted blocks, against a plain sorted array. */
#include "unit.h"

#include "dice.h"
#include "directory/memberlist.h"

#include <stdlib.h>

enum { USERS_MAX = 6000 };

/* What the list must say: index is the user; 0 no member, 1 member, 2 manager. */
struct naive {
    unsigned char of[USERS_MAX];
};

static struct member make_member(uint32_t user, bool manager)
{
    return (
        struct member){ .user = user, .actor = user % 5, .created_flags = (int64_t)user * 4 + (manager ? MEMBER_MANAGER : 0) };
}

static void put(struct memberlist *list, struct naive *naive, uint32_t user, bool manager)
{
    struct member member = make_member(user, manager);
    if (naive->of[user]) memberlist_replace(list, &member);
    else memberlist_add(list, &member);
    naive->of[user] = manager ? 2 : 1;
}

static void take(struct memberlist *list, struct naive *naive, uint32_t user)
{
    assert_int_equal(memberlist_remove(list, user), naive->of[user] != 0);
    naive->of[user] = 0;
}

static void assert_blocks_are_sound(const struct memberlist *list)
{
    int64_t last = -1;
    for (uint32_t i = 0; i < list->block_count; i++) {
        const struct member_block *block = &list->blocks[i];
        assert_true(block->count > 0 && block->count <= MEMBERLIST_BLOCK);
        assert_true(block->capacity == 0 || block->capacity >= block->count);
        for (uint32_t j = 0; j < block->count; j++) {
            assert_true((int64_t)block->items[j].user > last);
            last = block->items[j].user;
        }
    }
}

static void assert_list_is(const struct memberlist *list, const struct naive *naive)
{
    assert_blocks_are_sound(list);
    struct member_cursor cursor = memberlist_at(list, 0);
    uint32_t count = 0, managers = 0;
    for (uint32_t user = 0; user < USERS_MAX; user++) {
        const struct member *found = memberlist_find(list, user);
        assert_int_equal(found != NULL, naive->of[user] != 0);
        if (!naive->of[user]) continue;
        const struct member *member = memberlist_next(&cursor);
        assert_ptr_equal(member, found);
        assert_int_equal(member->user, user);
        assert_int_equal(member->actor, user % 5);
        assert_int_equal(member_created(member), user);
        assert_int_equal(member_flags(member), naive->of[user] == 2 ? MEMBER_MANAGER : 0);
        count++;
        managers += naive->of[user] == 2;
    }
    assert_null(memberlist_next(&cursor));
    assert_int_equal(list->count, count);
    assert_int_equal(list->managers, managers);
}

static void an_empty_list_has_nobody(void **state)
{
    (void)state;
    struct memberlist list = { 0 };
    struct naive naive = { 0 };
    assert_list_is(&list, &naive);
    assert_false(memberlist_remove(&list, 3));
    assert_int_equal(memberlist_bytes(&list), 0);
    memberlist_free(&list);
}

static void members_added_at_the_end_fill_whole_blocks(void **state)
{
    (void)state;
    struct memberlist list = { 0 };
    struct naive naive = { 0 };
    for (uint32_t user = 0; user < 3 * MEMBERLIST_BLOCK; user++) put(&list, &naive, user, user % 3 == 0);
    assert_list_is(&list, &naive);
    assert_int_equal(list.block_count, 3);
    memberlist_free(&list);
}

static void members_added_in_front_or_in_the_middle_split_blocks(void **state)
{
    (void)state;
    struct memberlist list = { 0 };
    struct naive naive = { 0 };
    for (uint32_t user = 2 * MEMBERLIST_BLOCK; user-- > 0;) put(&list, &naive, user * 2, false);
    assert_list_is(&list, &naive);
    for (uint32_t user = 0; user < 2 * MEMBERLIST_BLOCK; user++) put(&list, &naive, user * 2 + 1, true);
    assert_list_is(&list, &naive);
    assert_true(list.block_count >= 4);
    memberlist_free(&list);
}

static void random_changes_agree_with_a_plain_array(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 6; seed++) {
        struct dice dice = DICE(seed);
        struct memberlist list = { 0 };
        struct naive naive = { 0 };
        uint32_t users = seed % 2 ? USERS_MAX : 700;
        for (int step = 0; step < 12000; step++) {
            /* Grows in the first half, shrinks in the second. */
            bool adds = roll(&dice, 10) < (step < 6000 ? 8 : 2);
            uint32_t user = roll(&dice, users);
            if (adds) put(&list, &naive, user, roll(&dice, 2));
            else take(&list, &naive, user);
            if (step % 1000 == 999) assert_list_is(&list, &naive);
        }
        memberlist_free(&list);
    }
}

static void load_every_third(struct memberlist *list, struct naive *naive, struct pool *pool, uint32_t count)
{
    struct member *members = calloc(count, sizeof *members);
    for (uint32_t i = 0; i < count; i++) {
        members[i] = make_member(3 * i, i % 4 == 0);
        naive->of[3 * i] = i % 4 == 0 ? 2 : 1;
    }
    memberlist_load(list, members, count, pool);
    free(members);
}

static void a_loaded_list_lies_in_the_pool(void **state)
{
    (void)state;
    const uint32_t sizes[] = { 0, 1, MEMBERLIST_BLOCK - 1, MEMBERLIST_BLOCK, MEMBERLIST_BLOCK + 1, 1500 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct pool pool = { 0 };
        struct memberlist list = { 0 };
        struct naive naive = { 0 };
        load_every_third(&list, &naive, &pool, sizes[i]);
        assert_list_is(&list, &naive);
        assert_int_equal(memberlist_bytes(&list), list.block_capacity * sizeof(struct member_block));
        memberlist_free(&list);
        pool_free(&pool);
    }
}

static void a_loaded_list_can_be_changed_everywhere(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 6; seed++) {
        struct dice dice = DICE(100 + seed);
        struct pool pool = { 0 };
        struct memberlist list = { 0 };
        struct naive naive = { 0 };
        load_every_third(&list, &naive, &pool, 1 + roll(&dice, 1900));
        for (int step = 0; step < 8000; step++) {
            uint32_t user = roll(&dice, USERS_MAX);
            if (roll(&dice, 2)) put(&list, &naive, user, roll(&dice, 2));
            else take(&list, &naive, user);
        }
        assert_list_is(&list, &naive);
        memberlist_free(&list);
        pool_free(&pool);
    }
}

static void a_list_can_be_emptied_and_filled_again(void **state)
{
    (void)state;
    struct memberlist list = { 0 };
    struct naive naive = { 0 };
    for (int round = 0; round < 3; round++) {
        for (uint32_t user = 0; user < 600; user++) put(&list, &naive, user, true);
        for (uint32_t user = 0; user < 600; user++) take(&list, &naive, (user * 7) % 600);
        assert_int_equal(list.block_count, 0);
        assert_list_is(&list, &naive);
    }
    memberlist_free(&list);
}

static void a_cursor_starts_at_any_offset(void **state)
{
    (void)state;
    struct memberlist list = { 0 };
    struct naive naive = { 0 };
    for (uint32_t user = 0; user < 1000; user++) put(&list, &naive, user * 2, false);
    for (uint32_t user = 0; user < 1000; user += 7) put(&list, &naive, user * 2 + 1, false);
    uint32_t users[2000], count = 0;
    for (uint32_t user = 0; user < USERS_MAX; user++)
        if (naive.of[user]) users[count++] = user;
    for (uint32_t offset = 0; offset < count; offset++) {
        struct member_cursor cursor = memberlist_at(&list, offset);
        assert_int_equal(memberlist_next(&cursor)->user, users[offset]);
    }
    struct member_cursor end = memberlist_at(&list, count), beyond = memberlist_at(&list, count + 1000);
    assert_null(memberlist_next(&end));
    assert_null(memberlist_next(&beyond));
    memberlist_free(&list);
}

static void a_member_costs_about_its_size(void **state)
{
    (void)state;
    struct memberlist list = { 0 };
    struct naive naive = { 0 };
    for (uint32_t user = 0; user < 5000; user++) put(&list, &naive, user, false);
    assert_true(memberlist_bytes(&list) < 5000 * sizeof(struct member) * 5 / 4);
    memberlist_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_has_nobody),
        cmocka_unit_test(members_added_at_the_end_fill_whole_blocks),
        cmocka_unit_test(members_added_in_front_or_in_the_middle_split_blocks),
        cmocka_unit_test(random_changes_agree_with_a_plain_array),
        cmocka_unit_test(a_loaded_list_lies_in_the_pool),
        cmocka_unit_test(a_loaded_list_can_be_changed_everywhere),
        cmocka_unit_test(a_list_can_be_emptied_and_filled_again),
        cmocka_unit_test(a_cursor_starts_at_any_offset),
        cmocka_unit_test(a_member_costs_about_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
