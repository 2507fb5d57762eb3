/* What a commit does as a whole: numbers, the fence, all or nothing, bulk; and in which order a load brings things back. */
#include "store_fixture.h"

static void all_credentials_are_loaded_over_all_organizations(void **state)
{
    struct fixture *f = *state;
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, make_credential(f, "one")));
    struct organization *other = make_organization(f, "Other");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, other));
    f->organization_id = other->id;
    f->versions[1] = 0;
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, make_credential(f, "two")));

    struct store_sink sink;
    struct loaded *loaded = new_loaded(f, &sink);
    int64_t cursor;
    assert_done(f, store_load_credentials(&f->op, f->store, &sink, &cursor));
    assert_string_equal(loaded->order, "cc");
    assert_int_equal(loaded->objects[NOUN_CREDENTIAL][1].credential->organization_id, other->id);
    assert_true(cursor > 0);
}

static void deleting_an_organization_removes_all_but_its_log(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_user(f, "ada");
    struct group *parent = make_group(f, "parent");
    struct grant grant = { .kind = GRANT_LANGUAGE, .language_id = 1 };
    parent->grants = &grant;
    parent->grant_count = 1;
    assert_done(f, change(f, GROUP_CREATED, NULL, parent));
    struct group *child = add_group(f, "child");
    struct nesting nesting = { f->organization_id, parent->id, child->id };
    assert_done(f, change(f, NESTING_ADDED, NULL, &nesting));
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, parent->id, user->id)));
    struct credential *credential = make_credential(f, "one");
    credential->user_id = user->id;
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, credential));

    struct organization *gone = load(f, f->organization_id)->objects[NOUN_ORGANIZATION][0].organization;
    assert_done(f, change(f, ORGANIZATION_DELETED, gone, NULL));
    assert_null(stored(f, NOUN_USER, f->organization_id, user->id, 0).any);
    assert_null(stored(f, NOUN_CREDENTIAL, f->organization_id, credential->id, 0).any);
    struct store_sink sink;
    struct loaded *all = new_loaded(f, &sink);
    assert_done(f, store_load_all(&f->op, f->store, &sink));
    assert_int_equal(all->count[NOUN_ORGANIZATION], 0);
    assert_int_equal(all->count[NOUN_CREDENTIAL], 0);
    assert_failed(f, change(f, USER_CREATED, NULL, make_user(f, "late")), ERR_NOT_FOUND, "organization");

    /* An import may bring it back: the log goes on. */
    gone->name = "Again";
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, gone));
    assert_int_equal(load(f, f->organization_id)->version, f->versions[1]);
    add_user(f, "new");
}

static void everything_is_loaded_in_the_order_of_export(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_user(f, "ada");
    struct group *parent = add_group(f, "parent"), *child = add_group(f, "child");
    struct nesting nesting = { f->organization_id, parent->id, child->id };
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, child->id, user->id)));
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, parent->id, user->id)));
    assert_done(f, change(f, NESTING_ADDED, NULL, &nesting));
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, make_credential(f, "one")));
    struct account *account = make(f, &(struct account){ .uuid = uuid_random() }, sizeof(*account));
    assert_done(f, change(f, ACCOUNT_CREATED, NULL, account));
    struct organization *other = make_organization(f, "Other");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, other));

    struct loaded *one = load(f, f->organization_id);
    assert_string_equal(one->order, "ouggmmnc");
    assert_int_equal(one->objects[NOUN_MEMBERSHIP][0].membership->group_id, parent->id);
    assert_int_equal(one->version, f->versions[1]);
    struct loaded *installation = load(f, INSTALLATION);
    assert_string_equal(installation->order, "ooa");
    assert_int_equal(installation->version, f->versions[0]);

    f->organization_id = other->id;
    f->versions[1] = 0;
    add_user(f, "bob");
    struct store_sink sink;
    struct loaded *all = new_loaded(f, &sink);
    assert_done(f, store_load_all(&f->op, f->store, &sink));
    assert_string_equal(all->order, "ooauggmmncu");
}

static enum err refuse(void *context, struct op *op, const struct user *user)
{
    (void)context, (void)user;
    return op_fail(op, ERR_TOO_LARGE, "user", "enough");
}

static void an_error_of_the_sink_ends_the_load_and_is_returned(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ada");
    struct store_sink sink = { .user = refuse };
    int64_t version;
    for (int i = 0; i < 10; i++) { /* more often than there are connections */
        assert_failed(f, store_load(&f->op, f->store, f->organization_id, &sink, NULL, &version), ERR_TOO_LARGE, "user");
    }
    assert_failed(f, store_load(&f->op, f->store, 999999, &sink, NULL, &version), ERR_NOT_FOUND, "organization");
}

static void a_commit_for_another_version_is_stale_and_writes_nothing(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ada");
    struct change_list list = { 0 };
    struct commit commit;
    struct user *late = make_user(f, "late");
    append(f, &list, USER_CREATED, NULL, late);
    assert_failed(f, commit_list(f, f->organization_id, 0, &list, &commit), ERR_STALE, "");
    assert_failed(f, commit_list(f, f->organization_id, 2, &list, &commit), ERR_STALE, "");
    assert_int_equal(late->id, 0);
    assert_int_equal(load(f, f->organization_id)->count[NOUN_USER], 1);
    assert_done(f, commit_list(f, f->organization_id, 1, &list, &commit));
    assert_int_equal(commit.version, 2);
    assert_failed(f, commit_list(f, 999999, 0, &list, &commit), ERR_NOT_FOUND, "organization");
}

static void numbers_are_given_kept_and_never_reused(void **state)
{
    struct fixture *f = *state;
    struct user *first = add_user(f, "a"), *second = add_user(f, "b");
    assert_int_equal(second->id, first->id + 1);

    struct user *chosen = make_user(f, "chosen");
    chosen->id = first->id + 1000;
    assert_done(f, change(f, USER_CREATED, NULL, chosen));
    assert_int_equal(add_user(f, "c")->id, first->id + 1001);

    struct organization *other = make_organization(f, "Other");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, other));
    reopen(f);
    struct user *again = make_user(f, "d");
    again->id = chosen->id;
    assert_failed(f, change(f, USER_CREATED, NULL, again), ERR_EXISTS, "id");
    again->id = 0;
    assert_done(f, change(f, USER_CREATED, NULL, again));
    assert_true(again->id > first->id + 1001);

    int64_t here = f->organization_id;
    f->organization_id = other->id; /* numbers are unique in the installation */
    f->versions[1] = 0;
    again = make_user(f, "e");
    again->id = first->id;
    assert_failed(f, change(f, USER_CREATED, NULL, again), ERR_EXISTS, "id");
    assert_null(stored(f, NOUN_USER, other->id, first->id, 0).any);
    assert_non_null(stored(f, NOUN_USER, here, first->id, 0).any);
}

static void a_taken_uuid_or_secret_is_named(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_user(f, "ada"), *twin = make_user(f, "twin");
    twin->uuid = user->uuid;
    assert_failed(f, change(f, USER_CREATED, NULL, twin), ERR_EXISTS, "uuid");
    assert_int_equal(twin->id, 0);
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, make_credential(f, "one")));
    assert_failed(f, change(f, CREDENTIAL_CREATED, NULL, make_credential(f, "one")), ERR_EXISTS, "secret");
    struct group *group = add_group(f, "g");
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, group->id, user->id)));
    assert_failed(f, change(f, MEMBER_ADDED, NULL, make_membership(f, group->id, user->id)), ERR_EXISTS, "userId");
}

static void what_is_referred_to_must_exist_in_the_same_organization(void **state)
{
    struct fixture *f = *state;
    int64_t user = add_user(f, "ada")->id;
    struct organization *other = make_organization(f, "Other");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, other));
    f->organization_id = other->id;
    f->versions[1] = 0;
    int64_t group = add_group(f, "g")->id;
    assert_failed(f, change(f, MEMBER_ADDED, NULL, make_membership(f, group, user)), ERR_INVALID, "");
    assert_failed(f, change(f, MEMBER_REMOVED, make_membership(f, group, user), NULL), ERR_NOT_FOUND, "membership");
}

static void a_member_without_group_joins_the_group_created_last(void **state)
{
    struct fixture *f = *state;
    int64_t user = add_user(f, "ada")->id;
    struct group *first = make_group(f, "first"), *second = make_group(f, "second");
    struct membership *in_first = make_membership(f, 0, user), *in_second = make_membership(f, 0, user);
    struct change_list list = { 0 };
    append(f, &list, GROUP_CREATED, NULL, first);
    append(f, &list, MEMBER_ADDED, NULL, in_first);
    append(f, &list, GROUP_CREATED, NULL, second);
    append(f, &list, MEMBER_ADDED, NULL, in_second);
    struct commit commit;
    assert_done(f, commit_list(f, f->organization_id, f->versions[1], &list, &commit));
    assert_int_equal(in_first->group_id, first->id);
    assert_int_equal(in_second->group_id, second->id);
    assert_non_null(stored(f, NOUN_MEMBERSHIP, f->organization_id, second->id, user).any);

    struct change_list orphan = { 0 };
    append(f, &orphan, MEMBER_ADDED, NULL, make_membership(f, 0, user));
    assert_failed(f, commit_list(f, f->organization_id, commit.version, &orphan, &commit), ERR_INVALID, "groupId");
}

static void a_commit_is_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_user(f, "ada"), *fine = make_user(f, "fine"), *twin = make_user(f, "twin");
    twin->uuid = user->uuid;
    struct change_list list = { 0 };
    append(f, &list, USER_CREATED, NULL, fine);
    append(f, &list, USER_CREATED, NULL, twin);
    struct commit commit;
    assert_failed(f, commit_list(f, f->organization_id, f->versions[1], &list, &commit), ERR_EXISTS, "uuid");
    assert_int_equal(fine->id, 0);
    struct loaded *loaded = load(f, f->organization_id);
    assert_int_equal(loaded->count[NOUN_USER], 1);
    assert_int_equal(loaded->version, f->versions[1]);

    struct change_list empty = { 0 };
    assert_failed(f, commit_list(f, f->organization_id, f->versions[1], &empty, &commit), ERR_INVALID, "");
}

static void time_never_goes_back_in_a_log(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ada");
    struct change_list list = { 0 };
    append(f, &list, USER_CREATED, NULL, make_user(f, "early"));
    struct commit commit = { .organization_id = f->organization_id, .expected_version = 1, .time = 5, .changes = &list };
    assert_done(f, store_commit(&f->op, f->store, &commit));
    assert_int_equal(commit.ret_time, f->op.now);
}

static void a_bulk_commit_writes_rows_and_one_log_entry(void **state)
{
    struct fixture *f = *state;
    struct change_list list = { 0 };
    for (int i = 0; i < 20; i++) append(f, &list, USER_CREATED, NULL, make_user(f, "bulk"));
    struct commit commit = { .organization_id = f->organization_id, .time = 9, .changes = &list, .bulk = true };
    assert_done(f, store_commit(&f->op, f->store, &commit));
    assert_int_equal(commit.version, 1);
    assert_int_equal(load(f, f->organization_id)->count[NOUN_USER], 20);
    int64_t findings = -1;
    assert_done(f, store_check(&f->op, f->store, NULL, NULL, &findings));
    assert_int_equal(findings, 0);
}

static enum err count_ended(void *context, struct op *op, const struct membership *membership)
{
    (void)op;
    int64_t *sum = context;
    *sum += membership->user_id;
    return ERR_OK;
}

static int64_t sum_ended(struct fixture *f, int64_t now, int64_t limit)
{
    int64_t sum = 0;
    assert_done(f, store_list_ended(&f->op, f->store, now, limit, NULL, 0, count_ended, &sum));
    return sum;
}

/* The same, but for some organizations. */
static int64_t sum_ended_but(struct fixture *f, int64_t now, const int64_t *passed_over, size_t count)
{
    int64_t sum = 0;
    assert_done(f, store_list_ended(&f->op, f->store, now, 10, passed_over, count, count_ended, &sum));
    return sum;
}

static void ended_memberships_of_living_groups_are_listed(void **state)
{
    struct fixture *f = *state;
    int64_t group = add_group(f, "g")->id;
    struct group *deleted = add_group(f, "deleted");
    int64_t users[3];
    for (int i = 0; i < 3; i++) {
        users[i] = add_user(f, "u")->id;
        struct membership *membership = make_membership(f, group, users[i]);
        membership->ends_at = i == 2 ? 0 : 100 + i;
        assert_done(f, change(f, MEMBER_ADDED, NULL, membership));
    }
    struct membership *membership = make_membership(f, deleted->id, users[0]);
    membership->ends_at = 1;
    assert_done(f, change(f, MEMBER_ADDED, NULL, membership));
    assert_done(f, change(f, GROUP_DELETED, deleted, NULL));

    assert_int_equal(sum_ended(f, 99, 10), 0);
    assert_int_equal(sum_ended(f, 100, 10), users[0]);
    assert_int_equal(sum_ended(f, 5000, 10), users[0] + users[1]);
    assert_int_equal(sum_ended(f, 5000, 1), users[0]);
    assert_int_equal(sum_ended_but(f, 5000, (const int64_t[]){ INT64_MIN, f->organization_id + 1 }, 2), users[0] + users[1]);
    assert_int_equal(sum_ended_but(f, 5000, (const int64_t[]){ INT64_MAX, f->organization_id }, 2), 0);
}

static void what_is_stored_outlives_the_store(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_user(f, "ada");
    reopen(f);
    assert_same(NOUN_USER, stored(f, NOUN_USER, f->organization_id, user->id, 0), (union object){ .user = user });
    assert_null(stored(f, NOUN_USER, f->organization_id, user->id + 1, 0).any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(all_credentials_are_loaded_over_all_organizations),
        store_test(deleting_an_organization_removes_all_but_its_log),
        store_test(everything_is_loaded_in_the_order_of_export),
        store_test(an_error_of_the_sink_ends_the_load_and_is_returned),
        store_test(a_commit_for_another_version_is_stale_and_writes_nothing),
        store_test(numbers_are_given_kept_and_never_reused),
        store_test(a_taken_uuid_or_secret_is_named),
        store_test(what_is_referred_to_must_exist_in_the_same_organization),
        store_test(a_member_without_group_joins_the_group_created_last),
        store_test(a_commit_is_all_or_nothing),
        store_test(time_never_goes_back_in_a_log),
        store_test(a_bulk_commit_writes_rows_and_one_log_entry),
        store_test(ended_memberships_of_living_groups_are_listed),
        store_test(what_is_stored_outlives_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
