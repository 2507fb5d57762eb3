/* An image that followed every change says the same as one that was loaded from the store afterwards. */
#include "directory_fixture.h"

#include "base/fold.h"
#include "dice.h"

#include <stdio.h>

static struct image *load_image(struct world *w, int64_t organization_id)
{
    struct image *image = image_new(organization_id);
    struct store_sink sink;
    int64_t version;
    image_sink(image, &sink);
    assert_done(w->f, store_load(&w->f->op, w->other, organization_id, &sink, NULL, &version));
    image_load_done(image, version);
    return image;
}

/* Commits one change and applies it to the image, as a write does. */
static void commit_and_apply(struct world *w, struct image *image, enum change_kind kind, const void *before, const void *after)
{
    struct change_list list = { 0 };
    append(w->f, &list, kind, before, after);
    struct commit commit = {
        .organization_id = image->organization_id, .expected_version = image->version, .time = w->f->op.now, .changes = &list
    };
    assert_done(w->f, store_commit(&w->f->op, w->other, &commit));
    assert_true(image_apply(image, &list.items[0], commit.ret_time));
    atomic_store(&image->version, commit.version);
}

/* --- two images say the same --- */

static void assert_same_object(enum noun noun, const void *a, const void *b)
{
    field_set differ = fields_differ(noun, (union object){ .any = a }, (union object){ .any = b });
    if (differ) fail_msg("%s differs in %s", noun_name(noun), noun_fields(noun)[__builtin_ctzll(differ)].name);
}

static void assert_same_users(const struct image *a, const struct image *b)
{
    assert_int_equal(a->user_count, b->user_count);
    for (uint32_t i = 0; i < a->user_count; i++) {
        struct user one, two;
        image_get_user(a, i, &one);
        image_get_user(b, i, &two);
        assert_same_object(NOUN_USER, &one, &two);
        assert_int_equal(a->users[i].group_count, b->users[i].group_count);
        if (a->users[i].group_count)
            assert_memory_equal(a->users[i].groups, b->users[i].groups, a->users[i].group_count * sizeof(uint32_t));
        for (int which = 0; which < 2; which++) {
            const struct image *image = which ? b : a;
            assert_int_equal(image_find_user(image, one.id), i);
            assert_int_equal(image_find_user_by_uuid(image, &one.uuid), i);
            uint32_t by_name = one.user_name && !one.deleted_at ? image_find_user_by_name(image, one.user_name) : i;
            uint32_t by_email = one.email_address && !one.deleted_at ? image_find_user_by_email(image, one.email_address) : i;
            assert_true(by_name != NO_ORDINAL && by_email != NO_ORDINAL); /* several may share one: any of them */
        }
    }
}

static void assert_same_members(const struct image *a, const struct image *b, uint32_t group)
{
    const struct memberlist *one = &a->groups[group].members, *two = &b->groups[group].members;
    assert_int_equal(one->count, two->count);
    assert_int_equal(one->managers, two->managers);
    struct member_cursor left = memberlist_at(one, 0), right = memberlist_at(two, 0);
    for (const struct member *member; (member = memberlist_next(&left));) {
        struct membership membership, other;
        image_get_membership(a, group, member, &membership);
        image_get_membership(b, group, memberlist_next(&right), &other);
        assert_same_object(NOUN_MEMBERSHIP, &membership, &other);
    }
}

static void assert_same_groups(const struct image *a, const struct image *b)
{
    assert_int_equal(a->group_count, b->group_count);
    for (uint32_t i = 0; i < a->group_count; i++) {
        struct group one, two;
        image_get_group(a, i, &one);
        image_get_group(b, i, &two);
        assert_same_object(NOUN_GROUP, &one, &two);
        assert_int_equal(a->groups[i].deleted, b->groups[i].deleted);
        assert_int_equal(image_find_group(a, one.id), i);
        assert_int_equal(image_find_group_by_uuid(a, &one.uuid), i);
        assert_same_members(a, b, i);
        assert_int_equal(a->groups[i].child_count, b->groups[i].child_count);
        assert_int_equal(a->groups[i].parent_count, b->groups[i].parent_count);
        if (a->groups[i].child_count)
            assert_memory_equal(a->groups[i].children, b->groups[i].children, a->groups[i].child_count * sizeof(uint32_t));
        if (a->groups[i].parent_count)
            assert_memory_equal(a->groups[i].parents, b->groups[i].parents, a->groups[i].parent_count * sizeof(uint32_t));
        if (!one.deleted_at) assert_string_equal(names_get(&a->names, i), names_get(&b->names, i));
    }
}

static void assert_same_image(const struct image *a, const struct image *b)
{
    assert_int_equal(a->version, b->version);
    assert_same_users(a, b);
    assert_same_groups(a, b);
    assert_int_equal(a->membership_count, b->membership_count);
    assert_int_equal(a->dates_count, b->dates_count);
    if (a->dates_count) assert_memory_equal(a->dates, b->dates, a->dates_count * sizeof *a->dates);
    assert_int_equal(a->living_count, b->living_count);
    if (a->living_count) assert_memory_equal(a->living_groups, b->living_groups, a->living_count * sizeof(uint32_t));
    assert_int_equal(a->names.by_name_count, b->names.by_name_count);
    if (a->names.by_name_count)
        assert_memory_equal(a->names.by_name, b->names.by_name, a->names.by_name_count * sizeof(uint32_t));
}

/* --- random changes --- */

static const char *random_text(struct world *w, struct dice *dice)
{
    static const char *const words[] = { NULL, "ada", "ADA", "Stra\xC3\x9F", "bob", "x@example.org", "g 1" };
    const char *word = words[roll(dice, COUNT_OF(words))];
    return word && roll(dice, 2) ? arena_printf(&w->f->op.arena, "%s%u", word, roll(dice, 50)) : word;
}

/* A user with a key that others may have too, or without one. */
static void change_key(struct world *w, struct user *user, struct dice *dice)
{
    struct arena *arena = &w->f->op.arena;
    bool has_key = roll(dice, 3) != 0;
    unsigned key = roll(dice, 20);
    user->public_key = has_key ? arena_printf(arena, "armored\n%*u\n", (int)roll(dice, 3000) + 2, key) : NULL;
    user->key_fingerprint = has_key ? arena_printf(arena, "%040X", key) : NULL;
    user->key_user_id = has_key ? "Ada <ada@example.org>" : NULL;
    user->key_type = has_key ? "EdDSA" : NULL;
    user->key_bits = has_key ? 256 : 0;
    user->key_created = has_key ? 1672531200000000 : 0;
    user->key_expires = has_key && roll(dice, 2) ? 1704067200000000 : 0;
}

static void change_user(struct world *w, struct image *image, struct dice *dice)
{
    if (!image->user_count || roll(dice, 3) == 0) {
        struct user *user = make_user(w->f, random_text(w, dice));
        user->email_address = random_text(w, dice);
        user->external_id = random_text(w, dice);
        user->auto_remove_after = (int)roll(dice, 4);
        change_key(w, user, dice);
        commit_and_apply(w, image, USER_CREATED, NULL, user);
        return;
    }
    struct user before, after;
    image_get_user(image, roll(dice, image->user_count), &before);
    before = *object_copy(&w->f->op.arena, NOUN_USER, (union object){ .user = &before }).user;
    after = before;
    after.user_name = random_text(w, dice);
    after.remarks = random_text(w, dice);
    after.super_user = roll(dice, 2);
    if (roll(dice, 2)) change_key(w, &after, dice);
    after.date_modified = roll(dice, 2) ? roll(dice, 1000000) + 1 : 0;
    if (before.deleted_at) after.deleted_at = 0; /* revived by an import */
    if (roll(dice, 6) || before.deleted_at) {
        if (fields_differ(NOUN_USER, (union object){ .user = &before }, (union object){ .user = &after }))
            commit_and_apply(w, image, USER_UPDATED, &before, &after);
        return;
    }
    while (image->users[image_find_user(image, before.id)].group_count) { /* the memberships go first */
        const struct user_record *record = &image->users[image_find_user(image, before.id)];
        struct membership membership;
        uint32_t group = record->groups[0];
        image_get_membership(image, group, memberlist_find(&image->groups[group].members, image_find_user(image, before.id)),
                             &membership);
        commit_and_apply(w, image, MEMBER_REMOVED, &membership, NULL);
    }
    commit_and_apply(w, image, USER_DELETED, &before, NULL);
}

static void change_group(struct world *w, struct image *image, struct dice *dice)
{
    if (!image->group_count || roll(dice, 4) == 0) {
        struct group *group = make_group(w->f, arena_printf(&w->f->op.arena, "G %u", roll(dice, 100)));
        group->external_id = random_text(w, dice);
        commit_and_apply(w, image, GROUP_CREATED, NULL, group);
        return;
    }
    struct group before, after;
    image_get_group(image, roll(dice, image->group_count), &before);
    before = *object_copy(&w->f->op.arena, NOUN_GROUP, (union object){ .group = &before }).group;
    after = before;
    if (before.deleted_at) {
        after.deleted_at = 0;
        commit_and_apply(w, image, GROUP_RESTORED, &before, &after);
        return;
    }
    struct grant grants[] = { { .kind = GRANT_LANGUAGE, .language_id = 1 + (int32_t)roll(dice, 3) },
                              { .kind = GRANT_SEGMENT, .uid = uuid_random() } };
    after.description = random_text(w, dice);
    after.created_by_user = roll(dice, 3);
    after.modified_by_user = roll(dice, 3);
    after.grants = grants;
    after.grant_count = roll(dice, 3);
    switch (roll(dice, 4)) {
    case 0:
        commit_and_apply(w, image, GROUP_DELETED, &before, NULL);
        return;
    case 1:
        after = before;
        after.name = arena_printf(&w->f->op.arena, "g %u", roll(dice, 100));
        if (strcmp(before.name, after.name) != 0) commit_and_apply(w, image, GROUP_RENAMED, &before, &after);
        return;
    default:
        if (fields_differ(NOUN_GROUP, (union object){ .group = &before }, (union object){ .group = &after }))
            commit_and_apply(w, image, GROUP_UPDATED, &before, &after);
    }
}

static void change_member(struct world *w, struct image *image, struct dice *dice)
{
    if (!image->user_count || !image->group_count) return;
    uint32_t group = roll(dice, image->group_count), user = roll(dice, image->user_count);
    if (image->users[user].flags & USER_IS_DELETED) return;
    const struct member *known = memberlist_find(&image->groups[group].members, user);
    if (!known) {
        struct membership *membership = make_membership(w->f, image->groups[group].id, image->users[user].id);
        membership->manager = roll(dice, 2);
        membership->starts_at = roll(dice, 5) ? 0 : 5;
        membership->ends_at = roll(dice, 5) ? 0 : 10;
        membership->added_by_user = roll(dice, 4);
        commit_and_apply(w, image, MEMBER_ADDED, NULL, membership);
        return;
    }
    struct membership before, after;
    image_get_membership(image, group, known, &before);
    after = before;
    after.manager = roll(dice, 2);
    after.ends_at = roll(dice, 3) ? 0 : 20;
    if (roll(dice, 3) == 0) commit_and_apply(w, image, roll(dice, 2) ? MEMBER_REMOVED : MEMBER_EXPIRED, &before, NULL);
    else if (fields_differ(NOUN_MEMBERSHIP, (union object){ .membership = &before }, (union object){ .membership = &after }))
        commit_and_apply(w, image, MEMBER_CHANGED, &before, &after);
}

static void change_nesting(struct world *w, struct image *image, struct dice *dice)
{
    if (image->group_count < 2) return;
    uint32_t parent = roll(dice, image->group_count), child = roll(dice, image->group_count);
    if (parent >= child) return; /* never a cycle */
    struct nesting nesting = { .organization_id = image->organization_id,
                               .group_id = image->groups[parent].id,
                               .child_group_id = image->groups[child].id };
    bool there = false;
    for (uint32_t i = 0; i < image->groups[parent].child_count; i++) there |= image->groups[parent].children[i] == child;
    if (there) commit_and_apply(w, image, NESTING_REMOVED, &nesting, NULL);
    else commit_and_apply(w, image, NESTING_ADDED, NULL, &nesting);
}

static void random_changes(struct world *w, struct image *image, struct dice *dice, int count)
{
    for (int i = 0; i < count; i++) {
        uint32_t what = roll(dice, 10);
        if (what < 2) change_user(w, image, dice);
        else if (what < 4) change_group(w, image, dice);
        else if (what < 9) change_member(w, image, dice);
        else change_nesting(w, image, dice);
    }
}

static void applying_changes_and_loading_afterwards_say_the_same(void **state)
{
    struct world *w = *state;
    for (uint32_t seed = 0; seed < 2; seed++) {
        struct dice dice = DICE(seed);
        struct organization *organization = make_organization(w->f, "o");
        organization->unique_group_names = false;
        commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, organization);
        w->f->organization_id = w->organization_id = organization->id;
        struct image *image = load_image(w, w->organization_id);
        for (int round = 0; round < 4; round++) {
            random_changes(w, image, &dice, 90);
            struct image *loaded = load_image(w, w->organization_id);
            assert_same_image(image, loaded);
            if (round % 2) { /* go on with the loaded one, whose lists lie in its pool */
                image_drop(image);
                image = loaded;
            } else {
                image_drop(loaded);
            }
        }
        image_drop(image);
    }
    assert_sound(w);
}

static void accounts_are_followed_too(void **state)
{
    struct world *w = *state;
    struct image *image = load_image(w, INSTALLATION);
    struct account accounts[20], found;
    for (int i = 0; i < 20; i++) {
        accounts[i] = (struct account){ .uuid = uuid_random(), .first_name = "Ada" };
        commit_and_apply(w, image, ACCOUNT_CREATED, NULL, &accounts[i]);
    }
    for (int i = 0; i < 20; i += 3) {
        struct account after = accounts[i];
        after.last_name = "Lovelace";
        commit_and_apply(w, image, ACCOUNT_UPDATED, &accounts[i], &after);
        accounts[i] = after;
    }
    struct image *loaded = load_image(w, INSTALLATION);
    for (int i = 0; i < 20; i++) {
        image_get_account(image, image_find_account(image, accounts[i].id), &found);
        assert_same_object(NOUN_ACCOUNT, &found, &accounts[i]);
        image_get_account(loaded, image_find_account(loaded, accounts[i].id), &found);
        assert_same_object(NOUN_ACCOUNT, &found, &accounts[i]);
    }
    struct change deleted = { .kind = ACCOUNT_DELETED, .before.account = &accounts[0] };
    assert_false(image_apply(image, &deleted, 1));
    image_drop(image);
    image_drop(loaded);
}

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
        world_test(applying_changes_and_loading_afterwards_say_the_same),
        world_test(accounts_are_followed_too),
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
