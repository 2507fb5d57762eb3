/* What a commit writes is what a load brings back: each noun with every member, by each change kind. */
#include "store_fixture.h"

static void an_organization_is_created_updated_and_deleted(void **state)
{
    struct fixture *f = *state;
    struct organization *before = make_organization(f, "Ada's");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, before));
    assert_true(before->id > f->organization_id);
    assert_same(NOUN_ORGANIZATION, stored(f, NOUN_ORGANIZATION, 0, before->id, 0), (union object){ .organization = before });

    struct organization *after = make(f, before, sizeof(*before));
    after->name = "Ada & Co.";
    after->unique_group_names = false;
    assert_done(f, change(f, ORGANIZATION_UPDATED, before, after));
    assert_same(NOUN_ORGANIZATION, stored(f, NOUN_ORGANIZATION, 0, before->id, 0), (union object){ .organization = after });

    assert_done(f, change(f, ORGANIZATION_DELETED, after, NULL));
    assert_null(stored(f, NOUN_ORGANIZATION, 0, before->id, 0).any);
    int64_t version;
    assert_failed(f, store_version(&f->op, f->store, before->id, &version), ERR_NOT_FOUND, "organization");
}

static void an_account_is_created_updated_and_deleted(void **state)
{
    struct fixture *f = *state;
    struct account *before = make(f, &(struct account){ .uuid = uuid_random(), .first_name = "Ada" }, sizeof(*before));
    assert_done(f, change(f, ACCOUNT_CREATED, NULL, before));
    struct account *after = make(f, before, sizeof(*before));
    after->last_name = "Lovelace";
    after->email_address = "ada@example.org";
    assert_done(f, change(f, ACCOUNT_UPDATED, before, after));
    assert_same(NOUN_ACCOUNT, stored(f, NOUN_ACCOUNT, 0, before->id, 0), (union object){ .account = after });
    assert_done(f, change(f, ACCOUNT_DELETED, after, NULL));
    assert_null(stored(f, NOUN_ACCOUNT, 0, before->id, 0).any);
}

static void an_account_that_users_refer_to_is_not_deleted(void **state)
{
    struct fixture *f = *state;
    struct account *account = make(f, &(struct account){ .uuid = uuid_random() }, sizeof(*account));
    assert_done(f, change(f, ACCOUNT_CREATED, NULL, account));
    struct user *user = make_user(f, "ada");
    user->account_id = account->id;
    assert_done(f, change(f, USER_CREATED, NULL, user));
    assert_failed(f, change(f, ACCOUNT_DELETED, account, NULL), ERR_INVALID, "account");
    assert_non_null(stored(f, NOUN_ACCOUNT, 0, account->id, 0).any);
}

static void a_user_is_kept_with_every_member(void **state)
{
    struct fixture *f = *state;
    struct account *account = make(f, &(struct account){ .uuid = uuid_random() }, sizeof(*account));
    assert_done(f, change(f, ACCOUNT_CREATED, NULL, account));
    struct user full = {
        .organization_id = f->organization_id,
        .uuid = uuid_random(),
        .account_id = account->id,
        .user_name = "ada",
        .display_name = "Ada L.",
        .first_name = "Ada",
        .last_name = "Lovelace",
        .email_address = "ada@example.org",
        .phone_number = "+4312345678",
        .description = "first\nprogrammer",
        .remarks = "\"quoted\"",
        .external_id = "x-1",
        .email_address_verify = true,
        .email_address_verified = true,
        .phone_number_verify = true,
        .phone_number_verified = true,
        .super_user = true,
        .active = true,
        .auto_remove_after = AUTO_REMOVE_MONTH,
        .auto_remove_date = 1000,
        .date_created = 2000,
        .date_modified = 3000,
        .public_key = "-----BEGIN\n\nx\n",
        .key_fingerprint = "AB",
        .key_user_id = "Ada <ada@example.org>",
        .key_type = "EdDSA",
        .key_bits = 256,
        .key_created = 4000,
        .key_expires = 5000,
    };
    assert_done(f, change(f, USER_CREATED, NULL, &full));
    assert_same(NOUN_USER, stored(f, NOUN_USER, f->organization_id, full.id, 0), (union object){ .user = &full });
    assert_same(NOUN_USER, load(f, f->organization_id)->objects[NOUN_USER][0], (union object){ .user = &full });

    struct user bare = { .organization_id = f->organization_id, .id = full.id, .uuid = full.uuid };
    assert_done(f, change(f, USER_UPDATED, &full, &bare));
    assert_same(NOUN_USER, stored(f, NOUN_USER, f->organization_id, full.id, 0), (union object){ .user = &bare });

    assert_done(f, change(f, USER_DELETED, &bare, NULL));
    assert_int_equal(stored(f, NOUN_USER, f->organization_id, full.id, 0).user->deleted_at, f->op.now);
}

static void a_group_is_kept_with_every_member_and_its_grants_in_order(void **state)
{
    struct fixture *f = *state;
    struct grant grants[] = {
        { .kind = GRANT_LANGUAGE, .language_id = 9, .read_only = true },
        { .kind = GRANT_LANGUAGE, .language_id = 2 },
        { .kind = GRANT_SEGMENT, .uid = uuid_random(), .read_only = true },
        { .kind = GRANT_BUSINESS_UNIT, .uid = uuid_random() },
    };
    struct group full = {
        .organization_id = f->organization_id,
        .uuid = uuid_random(),
        .name = "Straße",
        .description = "d",
        .remarks = "r",
        .external_id = "e",
        .grants = grants,
        .grant_count = 4,
        .date_created = 1,
        .date_modified = 2,
        .created_by = "ada",
        .modified_by = "bob",
        .created_by_user = 41,
        .modified_by_user = 42,
    };
    assert_done(f, change(f, GROUP_CREATED, NULL, &full));
    add_group(f, "without grants");
    struct group *third = make_group(f, "third");
    third->grants = grants + 1;
    third->grant_count = 1;
    assert_done(f, change(f, GROUP_CREATED, NULL, third));

    struct loaded *loaded = load(f, f->organization_id);
    assert_string_equal(loaded->order, "oggg");
    assert_same(NOUN_GROUP, loaded->objects[NOUN_GROUP][0], (union object){ .group = &full });
    assert_int_equal(loaded->objects[NOUN_GROUP][1].group->grant_count, 0);
    assert_same(NOUN_GROUP, loaded->objects[NOUN_GROUP][2], (union object){ .group = third });
    assert_same(NOUN_GROUP, stored(f, NOUN_GROUP, f->organization_id, full.id, 0), (union object){ .group = &full });

    struct group fewer = full;
    fewer.grants = grants + 2;
    fewer.grant_count = 2;
    fewer.created_by_user = 0;
    fewer.modified_by_user = 43;
    assert_done(f, change(f, GROUP_UPDATED, &full, &fewer));
    assert_same(NOUN_GROUP, stored(f, NOUN_GROUP, f->organization_id, full.id, 0), (union object){ .group = &fewer });
}

static int64_t find_by_name(struct fixture *f, const char *folded)
{
    int64_t id = -1;
    assert_done(f, store_find_group_by_name(&f->op, f->store, f->organization_id, folded, &id));
    return id;
}

static void a_group_is_found_by_folded_name_while_it_lives(void **state)
{
    struct fixture *f = *state;
    struct group *group = add_group(f, "STRASSE");
    assert_int_equal(find_by_name(f, "strasse"), group->id);

    struct group *renamed = make(f, group, sizeof(*group));
    renamed->name = "Gasse";
    assert_done(f, change(f, GROUP_RENAMED, group, renamed));
    assert_int_equal(find_by_name(f, "strasse"), 0);
    assert_int_equal(find_by_name(f, "gasse"), group->id);

    assert_done(f, change(f, GROUP_DELETED, renamed, NULL));
    assert_int_equal(find_by_name(f, "gasse"), 0);
    struct group *deleted = stored(f, NOUN_GROUP, f->organization_id, group->id, 0).group;
    assert_int_equal(deleted->deleted_at, f->op.now);

    assert_done(f, change(f, GROUP_RESTORED, deleted, renamed));
    assert_int_equal(find_by_name(f, "gasse"), group->id);
    assert_int_equal(stored(f, NOUN_GROUP, f->organization_id, group->id, 0).group->deleted_at, 0);
}

/* Whoever asks for it has looked before, but perhaps not after everybody else's last commit. */
static void names_of_groups_become_unique_only_where_no_two_are_the_same(void **state)
{
    struct fixture *f = *state;
    struct organization *free_names = make_organization(f, "Free"), *unique = make(f, free_names, sizeof *unique);
    free_names->unique_group_names = false;
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, free_names));
    unique->id = free_names->id;
    add_group(f, "Same");
    f->organization_id = free_names->id;
    f->versions[1] = 0;
    add_group(f, "same"); /* that of another organization does not count */
    struct group *deleted = add_group(f, "gone");
    add_group(f, "GONE");
    assert_done(f, change(f, GROUP_DELETED, deleted, NULL));
    struct group *second = add_group(f, "SAME");
    assert_failed(f, change(f, ORGANIZATION_UPDATED, free_names, unique), ERR_INVALID, "uniqueGroupNames");
    assert_same(NOUN_ORGANIZATION, stored(f, NOUN_ORGANIZATION, 0, unique->id, 0), (union object){ .organization = free_names });
    assert_done(f, change(f, GROUP_DELETED, second, NULL));
    assert_done(f, change(f, ORGANIZATION_UPDATED, free_names, unique));
    assert_same(NOUN_ORGANIZATION, stored(f, NOUN_ORGANIZATION, 0, unique->id, 0), (union object){ .organization = unique });
}

/* That is no commit of the organization's own, so its version says nothing of it. */
static void who_took_names_of_groups_not_to_be_unique_is_stale_once_they_are(void **state)
{
    struct fixture *f = *state;
    struct organization *free_names = make_organization(f, "Free"), *unique = make(f, free_names, sizeof *unique);
    free_names->unique_group_names = false;
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, free_names));
    unique->id = free_names->id;
    f->organization_id = free_names->id;
    struct change_list list = { 0 };
    append(f, &list, GROUP_CREATED, NULL, make_group(f, "Same"));
    struct commit commit = { .organization_id = free_names->id, .time = f->op.now, .changes = &list, .names_may_repeat = true };
    assert_done(f, store_commit(&f->op, f->store, &commit));
    assert_done(f, change(f, ORGANIZATION_UPDATED, free_names, unique));
    commit.expected_version++;
    list.count = 0;
    append(f, &list, GROUP_CREATED, NULL, make_group(f, "Same"));
    assert_failed(f, store_commit(&f->op, f->store, &commit), ERR_STALE, "");
    list.items[0].after.group->name = "another";
    commit.names_may_repeat = false;
    assert_done(f, store_commit(&f->op, f->store, &commit));
}

static void a_membership_is_added_changed_removed_and_expired(void **state)
{
    struct fixture *f = *state;
    int64_t user = add_user(f, "ada")->id, group = add_group(f, "g")->id;
    struct membership *added = make_membership(f, group, user);
    added->added_by_credential = 4;
    added->added_by_user = user;
    assert_done(f, change(f, MEMBER_ADDED, NULL, added));
    assert_same(NOUN_MEMBERSHIP, stored(f, NOUN_MEMBERSHIP, f->organization_id, group, user),
                (union object){ .membership = added });

    struct membership *changed = make(f, added, sizeof(*added));
    changed->manager = true;
    changed->starts_at = 100;
    changed->ends_at = 200;
    assert_done(f, change(f, MEMBER_CHANGED, added, changed));
    assert_same(NOUN_MEMBERSHIP, load(f, f->organization_id)->objects[NOUN_MEMBERSHIP][0],
                (union object){ .membership = changed });

    assert_done(f, change(f, MEMBER_REMOVED, changed, NULL));
    assert_null(stored(f, NOUN_MEMBERSHIP, f->organization_id, group, user).any);
    assert_done(f, change(f, MEMBER_ADDED, NULL, changed));
    assert_done(f, change(f, MEMBER_EXPIRED, changed, NULL));
    assert_null(stored(f, NOUN_MEMBERSHIP, f->organization_id, group, user).any);
}

static void a_nesting_is_added_and_removed(void **state)
{
    struct fixture *f = *state;
    struct nesting nesting = { f->organization_id, add_group(f, "parent")->id, add_group(f, "child")->id };
    assert_done(f, change(f, NESTING_ADDED, NULL, &nesting));
    assert_same(NOUN_NESTING, stored(f, NOUN_NESTING, f->organization_id, nesting.group_id, nesting.child_group_id),
                (union object){ .nesting = &nesting });
    assert_int_equal(load(f, f->organization_id)->count[NOUN_NESTING], 1);
    assert_done(f, change(f, NESTING_REMOVED, &nesting, NULL));
    assert_int_equal(load(f, f->organization_id)->count[NOUN_NESTING], 0);
}

static void a_credential_is_created_updated_revoked_and_remembers_its_use(void **state)
{
    struct fixture *f = *state;
    struct credential *before = make_credential(f, "one");
    before->expires_at = 99;
    before->date_created = 5;
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, before));
    struct credential *after = make(f, before, sizeof(*before));
    after->rights = RIGHT_READ;
    after->name = "reader";
    after->user_id = add_user(f, "ada")->id;
    assert_done(f, change(f, CREDENTIAL_UPDATED, before, after));
    assert_same(NOUN_CREDENTIAL, stored(f, NOUN_CREDENTIAL, f->organization_id, before->id, 0),
                (union object){ .credential = after });

    struct credential *revoked = make(f, after, sizeof(*after));
    revoked->revoked_at = 77;
    assert_done(f, change(f, CREDENTIAL_REVOKED, after, revoked));
    assert_int_equal(stored(f, NOUN_CREDENTIAL, f->organization_id, before->id, 0).credential->revoked_at, 77);

    int64_t version = load(f, f->organization_id)->version;
    struct last_used used[] = { { before->id, 500 }, { before->id, 400 } };
    assert_done(f, store_save_last_used(&f->op, f->store, used, 2));
    struct credential *now = stored(f, NOUN_CREDENTIAL, f->organization_id, before->id, 0).credential;
    assert_int_equal(now->last_used_at, 500);
    assert_int_equal(load(f, f->organization_id)->version, version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(an_organization_is_created_updated_and_deleted),
        store_test(an_account_is_created_updated_and_deleted),
        store_test(an_account_that_users_refer_to_is_not_deleted),
        store_test(a_user_is_kept_with_every_member),
        store_test(a_group_is_kept_with_every_member_and_its_grants_in_order),
        store_test(a_group_is_found_by_folded_name_while_it_lives),
        store_test(names_of_groups_become_unique_only_where_no_two_are_the_same),
        store_test(who_took_names_of_groups_not_to_be_unique_is_stale_once_they_are),
        store_test(a_membership_is_added_changed_removed_and_expired),
        store_test(a_nesting_is_added_and_removed),
        store_test(a_credential_is_created_updated_revoked_and_remembers_its_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
