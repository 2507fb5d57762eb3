/* Many objects are found with one call as each by itself. */
#include "store_fixture.h"

/* All that the two look-ups say of each object, compared. */
static void assert_found_alike(struct fixture *f, enum noun noun, int64_t organization_id, struct store_lookup *lookups,
                               size_t count)
{
    assert_done(f, store_find_many(&f->op, f->store, noun, organization_id, lookups, count));
    for (size_t i = 0; i < count; i++) {
        bool found;
        union object object;
        assert_done(f, store_find(&f->op, f->store, noun, organization_id, lookups[i].id, lookups[i].second_id, &found, &object));
        assert_int_equal(lookups[i].found, found);
        if (!found) continue;
        assert_int_equal(fields_differ(noun, lookups[i].object, object), 0);
        if (noun == NOUN_USER) assert_int_equal(lookups[i].object.user->deleted_at, object.user->deleted_at);
        if (noun == NOUN_GROUP) assert_int_equal(lookups[i].object.group->deleted_at, object.group->deleted_at);
    }
}

static void users_are_found_deleted_ones_and_keys_too(void **state)
{
    struct fixture *f = *state;
    struct user *ann = add_user(f, "ann"), *bob = make_user(f, "bob"), *gone = add_user(f, "gone");
    bob->public_key = "-----BEGIN";
    bob->key_fingerprint = "0123456789012345678901234567890123456789";
    bob->key_user_id = "Bob";
    assert_done(f, change(f, USER_CREATED, NULL, bob));
    assert_done(f, change(f, USER_DELETED, gone, NULL));
    struct store_lookup lookups[] = {
        { .id = bob->id }, { .id = 1000 }, { .id = gone->id }, { .id = ann->id }, { .id = bob->id }
    };
    size_t count = store_sort_lookups(lookups, 5);
    assert_int_equal(count, 4);
    assert_found_alike(f, NOUN_USER, f->organization_id, lookups, count);
    assert_string_equal(store_find_lookup(lookups, count, ann->id, 0)->object.user->user_name, "ann");
    assert_string_equal(store_find_lookup(lookups, count, bob->id, 0)->object.user->key_user_id, "Bob");
    assert_true(store_find_lookup(lookups, count, gone->id, 0)->object.user->deleted_at);
    assert_false(store_find_lookup(lookups, count, 1000, 0)->found);
    assert_null(store_find_lookup(lookups, count, 1001, 0));
}

static void groups_are_found_each_with_its_own_grants_in_order(void **state)
{
    struct fixture *f = *state;
    struct grant grants[] = {
        { .kind = GRANT_SEGMENT, .uid = uuid_random() },
        { .kind = GRANT_LANGUAGE, .language_id = 7, .read_only = true },
        { .kind = GRANT_LANGUAGE, .language_id = 3 },
    };
    struct store_lookup lookups[4] = { { .id = 1000 } };
    for (int i = 0; i < 3; i++) {
        struct group *group = make_group(f, i == 0 ? "none" : i == 1 ? "three" : "one");
        group->grants = i == 2 ? grants + 1 : grants;
        group->grant_count = i == 0 ? 0 : i == 1 ? 3 : 1;
        assert_done(f, change(f, GROUP_CREATED, NULL, group));
        lookups[i + 1].id = group->id;
    }
    size_t count = store_sort_lookups(lookups, 4);
    assert_found_alike(f, NOUN_GROUP, f->organization_id, lookups, count);
    assert_int_equal(lookups[0].object.group->grant_count, 0);
    assert_int_equal(lookups[1].object.group->grant_count, 3);
    assert_int_equal(lookups[1].object.group->grants[1].language_id, 7);
    assert_int_equal(lookups[1].object.group->grants[2].language_id, 3);
    assert_int_equal(lookups[2].object.group->grant_count, 1);
    assert_true(lookups[2].object.group->grants[0].read_only);
    assert_false(lookups[3].found);
}

static void memberships_are_found_by_both_numbers(void **state)
{
    struct fixture *f = *state;
    struct user *ann = add_user(f, "ann"), *bob = add_user(f, "bob");
    struct group *one = add_group(f, "one"), *two = add_group(f, "two");
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, one->id, bob->id)));
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, two->id, ann->id)));
    struct store_lookup lookups[] = {
        { two->id, ann->id, false, { 0 } }, { one->id, ann->id, false, { 0 } }, { one->id, bob->id, false, { 0 } },
        { two->id, bob->id, false, { 0 } }, { one->id, bob->id, false, { 0 } },
    };
    size_t count = store_sort_lookups(lookups, 5);
    assert_int_equal(count, 4);
    assert_found_alike(f, NOUN_MEMBERSHIP, f->organization_id, lookups, count);
    assert_true(store_find_lookup(lookups, count, one->id, bob->id)->found);
    assert_true(store_find_lookup(lookups, count, two->id, ann->id)->found);
    assert_false(store_find_lookup(lookups, count, one->id, ann->id)->found);
    assert_false(store_find_lookup(lookups, count, two->id, bob->id)->found);
}

static void nothing_of_another_organization_is_found(void **state)
{
    struct fixture *f = *state;
    struct user *ann = add_user(f, "ann");
    struct group *one = add_group(f, "one");
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, one->id, ann->id)));
    struct organization *other = make_organization(f, "Other");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, other));
    struct store_lookup user = { .id = ann->id }, group = { .id = one->id }, member = { .id = one->id, .second_id = ann->id };
    assert_found_alike(f, NOUN_USER, other->id, &user, 1);
    assert_found_alike(f, NOUN_GROUP, other->id, &group, 1);
    assert_found_alike(f, NOUN_MEMBERSHIP, other->id, &member, 1);
    assert_false(user.found || group.found || member.found);
}

static void accounts_are_found(void **state)
{
    struct fixture *f = *state;
    struct account *account =
        make(f, &(struct account){ .uuid = uuid_random(), .email_address = "ann@x.example" }, sizeof(struct account));
    assert_done(f, change(f, ACCOUNT_CREATED, NULL, account));
    struct store_lookup lookups[] = { { .id = account->id }, { .id = account->id + 1 } };
    assert_found_alike(f, NOUN_ACCOUNT, INSTALLATION, lookups, 2);
    assert_string_equal(lookups[0].object.account->email_address, "ann@x.example");
    assert_false(lookups[1].found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(users_are_found_deleted_ones_and_keys_too),
        store_test(groups_are_found_each_with_its_own_grants_in_order),
        store_test(memberships_are_found_by_both_numbers),
        store_test(nothing_of_another_organization_is_found),
        store_test(accounts_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
