/* What an image takes and refuses, what is found in it, what is kept of its objects, and what memory it counts. */
#include "unit.h"

#include "dice.h"
#include "directory/image.h"

#include <stdlib.h>

/* --- what an image cannot take --- */

/* Users 10, 20 ... 100 and groups of the same numbers; user i is in group i. */
static struct image *numbered_image(void)
{
    struct image *image = image_new(1);
    for (int64_t id = 10; id <= 100; id += 10) {
        struct user user = { .id = id, .uuid = uuid_random(), .user_name = "u", .active = true };
        struct group group = { .id = id, .uuid = uuid_random(), .name = "g" };
        struct membership membership = { .group_id = id, .user_id = id, .date_created = 7 };
        assert_true(image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &user }, 1));
        assert_true(image_apply(image, &(struct change){ .kind = GROUP_CREATED, .after.group = &group }, 1));
        assert_true(image_apply(image, &(struct change){ .kind = MEMBER_ADDED, .after.membership = &membership }, 1));
    }
    return image;
}

static void a_number_that_is_not_the_largest_is_not_taken(void **state)
{
    (void)state;
    struct image *image = numbered_image(), *installation = image_new(INSTALLATION);
    const int64_t ids[] = { 1, 50, 55, 100 };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct user user = { .id = ids[i], .user_name = "u" };
        struct group group = { .id = ids[i], .name = "g" };
        assert_false(image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &user }, 1));
        assert_false(image_apply(image, &(struct change){ .kind = GROUP_CREATED, .after.group = &group }, 1));
    }
    struct account account = { .id = 5 };
    assert_true(image_apply(installation, &(struct change){ .kind = ACCOUNT_CREATED, .after.account = &account }, 1));
    account.id = 4;
    assert_false(image_apply(installation, &(struct change){ .kind = ACCOUNT_CREATED, .after.account = &account }, 1));
    image_drop(image);
    image_drop(installation);
}

static void what_does_not_fit_is_not_taken(void **state)
{
    (void)state;
    struct image *image = numbered_image();
    struct user user = { .id = 11, .user_name = "u" };
    struct group group = { .id = 11, .name = "g" };
    struct membership twice = { .group_id = 10, .user_id = 10 }, none = { .group_id = 10, .user_id = 20 },
                      no_group = { .group_id = 11, .user_id = 10 };
    struct nesting nesting = { .group_id = 10, .child_group_id = 11 }, not_there = { .group_id = 10, .child_group_id = 20 };
    const struct change changes[] = {
        { .kind = USER_UPDATED, .after.user = &user },
        { .kind = USER_DELETED, .before.user = &user },
        { .kind = GROUP_UPDATED, .after.group = &group },
        { .kind = GROUP_RENAMED, .after.group = &group },
        { .kind = GROUP_RESTORED, .after.group = &group },
        { .kind = GROUP_DELETED, .before.group = &group },
        { .kind = MEMBER_ADDED, .after.membership = &twice },
        { .kind = MEMBER_ADDED, .after.membership = &no_group },
        { .kind = MEMBER_CHANGED, .after.membership = &none },
        { .kind = MEMBER_REMOVED, .before.membership = &none },
        { .kind = MEMBER_EXPIRED, .before.membership = &no_group },
        { .kind = NESTING_ADDED, .after.nesting = &nesting },
        { .kind = NESTING_REMOVED, .before.nesting = &nesting },
        { .kind = NESTING_REMOVED, .before.nesting = &not_there },
        { .kind = ACCOUNT_UPDATED, .after.account = &(struct account){ .id = 3 } },
        { .kind = ORGANIZATION_IMPORTED, .after.organization = &(struct organization){ .id = 1 } },
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        if (image_apply(image, &changes[i], 1)) fail_msg("%s was taken", change_word(changes[i].kind));
    image_drop(image);
}

static void numbers_are_found_among_dense_and_sparse_ones(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 8; seed++) {
        struct dice dice = DICE(seed);
        struct image *image = image_new(1);
        int64_t ids[800], id = 0;
        for (int i = 0; i < 800; i++) {
            id += 1 + (seed % 2 ? 0 : roll(&dice, 5)) + (roll(&dice, 50) ? 0 : (int64_t)1 << roll(&dice, 44));
            ids[i] = id;
            assert_true(
                image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &(struct user){ .id = id } }, 1));
        }
        for (uint32_t i = 0; i < 800; i++) {
            assert_int_equal(image_find_user(image, ids[i]), i);
            if (i && ids[i - 1] != ids[i] - 1) assert_int_equal(image_find_user(image, ids[i] - 1), NO_ORDINAL);
            if (i < 799 && ids[i + 1] != ids[i] + 1) assert_int_equal(image_find_user(image, ids[i] + 1), NO_ORDINAL);
        }
        const int64_t absent[] = { 0, -1, INT64_MIN, INT64_MAX, NUMBER_MAX };
        for (size_t i = 0; i < COUNT_OF(absent); i++) assert_int_equal(image_find_user(image, absent[i]), NO_ORDINAL);
        image_drop(image);
    }
}

/* --- finding --- */

static void users_are_found_by_folded_name_and_living_ones_only(void **state)
{
    (void)state;
    struct image *image = image_new(1);
    struct user user = { .id = 1,
                         .uuid = uuid_random(),
                         .user_name = "Stra\xC3\x9F"
                                      "e",
                         .email_address = "Caf\xC3\xA9@Example.org",
                         .external_id = "X-1" };
    assert_true(image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &user }, 1));
    assert_int_equal(image_find_user_by_name(image, "STRASSE"), 0);
    assert_int_equal(image_find_user_by_email(image, "CAFE\xCC\x81@example.ORG"), 0);
    assert_int_equal(image_find_user_by_external_id(image, "X-1"), 0);
    assert_int_equal(image_find_user_by_external_id(image, "x-1"), NO_ORDINAL); /* not a name */
    assert_int_equal(image_find_user_by_name(image, "stras"), NO_ORDINAL);
    assert_true(image_apply(image, &(struct change){ .kind = USER_DELETED, .before.user = &user }, 5));
    assert_int_equal(image_find_user_by_name(image, "STRASSE"), NO_ORDINAL);
    assert_int_equal(image_find_user_by_uuid(image, &user.uuid), 0); /* kept for ever */
    image_drop(image);
}

static void a_long_name_is_found_as_a_short_one_is(void **state)
{
    (void)state;
    char name[400], upper[400];
    struct image *image = image_new(1);
    for (size_t length = 120; length < 140; length++) {
        memset(name, 'a', length);
        memset(upper, 'A', length);
        name[length] = upper[length] = 0;
        struct user user = { .id = (int64_t)length, .user_name = name };
        assert_true(image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &user }, 1));
        assert_int_equal(image_find_user_by_name(image, upper), length - 120);
    }
    image_drop(image);
}

/* --- dates --- */

static bool in_effect(int64_t starts_at, int64_t ends_at, int64_t now)
{
    struct image *image = numbered_image();
    struct membership membership = { .group_id = 10, .user_id = 10, .starts_at = starts_at, .ends_at = ends_at };
    assert_true(image_apply(image, &(struct change){ .kind = MEMBER_CHANGED, .after.membership = &membership }, 1));
    const struct member *member;
    bool result = image_is_member(image, 0, 0, now, &member);
    assert_non_null(member);
    assert_int_equal(image_in_effect(image, 0, member, now), result);
    image_drop(image);
    return result;
}

static void a_membership_is_in_effect_from_its_start_until_before_its_end(void **state)
{
    (void)state;
    assert_true(in_effect(0, 0, 1));
    assert_false(in_effect(1000, 0, 999));
    assert_true(in_effect(1000, 0, 1000));
    assert_true(in_effect(0, 1000, 999));
    assert_false(in_effect(0, 1000, 1000));
    assert_false(in_effect(1000, 1001, 999));
    assert_true(in_effect(1000, 1001, 1000));
    assert_false(in_effect(1000, 1001, 1001));
    assert_false(in_effect(-1000, -999, 0)); /* before 1970 */
}

/* --- fragments --- */

static const char *kept(const struct image *image, int table, uint32_t ordinal)
{
    const struct fragment *fragment = image_fragment(image, table, ordinal);
    return fragment ? fragment->bytes : NULL;
}

static void keep_text(struct image *image, int table, uint32_t ordinal, const char *text)
{
    image_keep_fragment(image, table, ordinal, text, (uint32_t)strlen(text) + 1, 3, 9);
}

static void a_fragment_is_kept_as_it_was_given(void **state)
{
    (void)state;
    struct image *image = numbered_image();
    assert_null(image_fragment(image, 0, 2));
    keep_text(image, 0, 2, "a group");
    keep_text(image, 1, 2, "a user");
    keep_text(image, 2, 2, "a group in another dialect");
    assert_string_equal(kept(image, 0, 2), "a group");
    assert_string_equal(kept(image, 1, 2), "a user");
    assert_string_equal(kept(image, 2, 2), "a group in another dialect");
    assert_null(kept(image, 0, 3));
    const struct fragment *fragment = image_fragment(image, 0, 2);
    assert_int_equal(fragment->size, 8);
    assert_int_equal(fragment->split, 3);
    assert_int_equal(fragment->epoch, 9);
    image_fetch_fragment_place(image, 0, 99999);
    image_fetch_fragment(image, 0, 99999);
    image_drop(image);
}

static void a_second_fragment_replaces_the_first(void **state)
{
    (void)state;
    struct image *image = numbered_image();
    keep_text(image, 0, 2, "old");
    const struct fragment *old = image_fragment(image, 0, 2);
    keep_text(image, 0, 2, "new");
    assert_string_equal(kept(image, 0, 2), "new");
    assert_string_equal(old->bytes, "old"); /* another reader may be copying it */
    image_drop(image);
}

static void a_change_drops_what_was_made_of_the_object(void **state)
{
    (void)state;
    struct image *image = numbered_image();
    for (uint32_t i = 0; i < 10; i++) {
        keep_text(image, 0, i, "group");
        keep_text(image, 1, i, "user");
    }
    struct group group;
    struct user user;
    image_get_group(image, 3, &group);
    image_get_user(image, 4, &user);
    group.description = "changed";
    user.last_name = "changed";
    assert_true(image_apply(image, &(struct change){ .kind = GROUP_UPDATED, .after.group = &group }, 1));
    assert_true(image_apply(image, &(struct change){ .kind = USER_UPDATED, .after.user = &user }, 1));
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(kept(image, 0, i) != NULL, i != 3);
        assert_int_equal(kept(image, 1, i) != NULL, i != 4);
    }
    image_drop_fragments_of_kind(image, true);
    assert_null(kept(image, 1, 0));
    assert_non_null(kept(image, 0, 0));
    image_drop_all_fragments(image);
    assert_null(kept(image, 0, 0));
    image_drop(image);
}

static void fragments_of_new_objects_are_kept_too(void **state)
{
    (void)state;
    struct image *image = image_new(1);
    for (int64_t id = 1; id <= 500; id++) {
        assert_true(image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &(struct user){ .id = id } }, 1));
        keep_text(image, 1, (uint32_t)id - 1, "user");
        assert_string_equal(kept(image, 1, (uint32_t)id - 1), "user");
    }
    image_drop(image);
}

static void fragments_are_counted_and_stay_in_their_budget(void **state)
{
    (void)state;
    int64_t before = fragments_total();
    struct image *image = numbered_image();
    char text[10000];
    memset(text, 'x', sizeof text);
    fragments_set_budget(before + 60000);
    for (uint32_t i = 0; i < 10; i++) image_keep_fragment(image, 0, i, text, sizeof text, 0, 0);
    assert_true(fragments_total() <= before + 60000 + 2000); /* what a table takes comes on top */
    assert_non_null(kept(image, 0, 0));
    assert_null(kept(image, 0, 9));
    assert_true(image_bytes(image) > 40000);
    fragments_set_budget(INT64_C(64) << 20);
    image_drop(image);
    assert_int_equal(fragments_total(), before);
}

/* --- memory --- */

static void an_image_counts_its_memory(void **state)
{
    (void)state;
    struct image *image = numbered_image();
    int64_t small = image_bytes(image);
    for (int64_t id = 1000; id < 6000; id++)
        assert_true(image_apply(
            image, &(struct change){ .kind = USER_CREATED, .after.user = &(struct user){ .id = id, .uuid = uuid_random() } }, 1));
    atomic_store(&image->version, 2);
    assert_true(image_bytes(image) > small + 5000 * (int64_t)sizeof(struct user_record));
    image_drop(image);
}

/* What changes brought lies outside the pool and counts for the budget as well. */
static void an_image_counts_what_changes_brought(void **state)
{
    (void)state;
    enum { USERS = 2000, TEXT = 2000 };
    struct image *image = image_new(1);
    char text[TEXT];
    memset(text, 'x', sizeof text);
    text[TEXT - 1] = 0;
    for (int64_t id = 1; id <= USERS; id++) {
        struct user user = { .id = id, .uuid = uuid_random(), .remarks = text };
        assert_true(image_apply(image, &(struct change){ .kind = USER_CREATED, .after.user = &user }, 1));
    }
    assert_true(image_bytes(image) > USERS * TEXT);
    image_drop(image);
}

static void the_last_to_drop_an_image_frees_it(void **state)
{
    (void)state;
    struct image *image = numbered_image();
    image_hold(image);
    image_drop(image);
    assert_int_equal(image->user_count, 10);
    image_drop(image);
    image_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_that_is_not_the_largest_is_not_taken),
        cmocka_unit_test(what_does_not_fit_is_not_taken),
        cmocka_unit_test(numbers_are_found_among_dense_and_sparse_ones),
        cmocka_unit_test(users_are_found_by_folded_name_and_living_ones_only),
        cmocka_unit_test(a_long_name_is_found_as_a_short_one_is),
        cmocka_unit_test(a_membership_is_in_effect_from_its_start_until_before_its_end),
        cmocka_unit_test(a_fragment_is_kept_as_it_was_given),
        cmocka_unit_test(a_second_fragment_replaces_the_first),
        cmocka_unit_test(a_change_drops_what_was_made_of_the_object),
        cmocka_unit_test(fragments_of_new_objects_are_kept_too),
        cmocka_unit_test(fragments_are_counted_and_stay_in_their_budget),
        cmocka_unit_test(an_image_counts_its_memory),
        cmocka_unit_test(an_image_counts_what_changes_brought),
        cmocka_unit_test(the_last_to_drop_an_image_frees_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
