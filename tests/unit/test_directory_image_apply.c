/* An image that followed every change says the same as one that was loaded from the store afterwards. */
#include "directory_fixture.h"

#include "dice.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(applying_changes_and_loading_afterwards_say_the_same),
        world_test(accounts_are_followed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
