#include "unit.h"

#include "model/change.h"

#define NONE ((union object){ 0 })

static const char *write_detail(struct op *op, const struct change *change)
{
    struct buf out = BUF_INIT(1 << 20);
    change_write_detail(&out, change);
    const char *text = arena_strndup(&op->arena, buf_cstr(&out), out.size);
    buf_free(&out);
    return text;
}

static struct group sample_group(void)
{
    static const struct grant grants[] = { { .kind = GRANT_LANGUAGE, .language_id = 3, .read_only = true } };
    return (struct group){ .organization_id = 1,
                           .id = 2,
                           .uuid = { { 0x11 } },
                           .name = "admins",
                           .description = "all",
                           .grants = grants,
                           .grant_count = 1 };
}

#define GROUP_IDENTITY "\"organizationId\":1,\"id\":2,\"uuid\":\"11000000-0000-0000-0000-000000000000\""

static void every_kind_is_found_by_its_word(void **state)
{
    (void)state;
    for (int i = 0; i < CHANGE_KIND_COUNT; i++) {
        enum change_kind found = CHANGE_KIND_COUNT;
        assert_true(change_find(change_word((enum change_kind)i), &found));
        assert_int_equal(found, i);
    }
    enum change_kind found;
    assert_false(change_find("group_vanished", &found));
    assert_int_equal(change_noun(MEMBER_EXPIRED), NOUN_MEMBERSHIP);
    assert_int_equal(change_shape(MEMBER_EXPIRED), CHANGE_DELETES);
}

static void a_created_object_is_written_without_its_defaults(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct group group = sample_group();
    struct change change = { .kind = GROUP_CREATED, .after = { .group = &group } };
    assert_string_equal(write_detail(&op, &change), "{\"after\":{" GROUP_IDENTITY ",\"name\":\"admins\",\"description\":\"all\","
                                                    "\"languages\":[{\"languageId\":3,\"readOnly\":true}]}}");
}

static void a_deleted_object_is_written_as_it_was(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct membership membership = { .organization_id = 1, .group_id = 2, .user_id = 3, .manager = true, .added_by_user = 4 };
    struct change change = { .kind = MEMBER_REMOVED, .before = { .membership = &membership } };
    assert_string_equal(write_detail(&op, &change),
                        "{\"before\":{\"organizationId\":1,\"groupId\":2,\"userId\":3,\"manager\":true,\"addedByUser\":4}}");
}

static void an_update_is_written_with_what_differs_and_who_it_is(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct group before = sample_group(), after = before;
    after.name = "operators";
    after.description = NULL;
    struct change_list list = { 0 };
    assert_true(
        change_add(&op.arena, &list, GROUP_RENAMED, (union object){ .group = &before }, (union object){ .group = &after }));
    assert_string_equal(write_detail(&op, &list.items[0]),
                        "{\"before\":{" GROUP_IDENTITY ",\"name\":\"admins\",\"description\":\"all\"},"
                        "\"after\":{\"name\":\"operators\",\"description\":null}}");
}

static void a_mark_names_the_object_only(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct organization organization = { .id = 12, .name = "not written" };
    struct change change = { .kind = ORGANIZATION_IMPORTED, .after = { .organization = &organization } };
    assert_string_equal(write_detail(&op, &change), "{\"after\":{\"id\":12}}");
    change.after = NONE;
    assert_string_equal(write_detail(&op, &change), "{}");
}

static void an_update_that_changes_nothing_is_not_added(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct group before = sample_group(), after = before;
    struct change_list list = { 0 };
    assert_false(
        change_add(&op.arena, &list, GROUP_UPDATED, (union object){ .group = &before }, (union object){ .group = &after }));
    assert_int_equal(list.count, 0);
}

static void a_secret_alone_changes_nothing(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct credential before = { .organization_id = 1, .id = 2, .rights = RIGHT_READ }, after = before;
    after.secret = "s";
    struct change_list list = { 0 };
    assert_false(change_add(&op.arena, &list, CREDENTIAL_UPDATED, (union object){ .credential = &before },
                            (union object){ .credential = &after }));
}

static void a_list_grows_and_keeps_its_order(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct change_list list = { 0 };
    struct nesting nestings[100];
    for (int i = 0; i < 100; i++) {
        nestings[i] = (struct nesting){ 1, i, i + 1 };
        assert_true(change_add(&op.arena, &list, NESTING_ADDED, NONE, (union object){ .nesting = &nestings[i] }));
    }
    assert_int_equal(list.count, 100);
    for (int i = 0; i < 100; i++) assert_ptr_equal(list.items[i].after.nesting, &nestings[i]);
}

static void subjects_are_the_numbers_of_the_noun(void **state)
{
    (void)state;
    struct membership membership = { .organization_id = 1, .group_id = 2, .user_id = 3 };
    struct group group = { .organization_id = 1, .id = 4 };
    struct user user = { .organization_id = 1, .id = 5 };
    struct nesting nesting = { 1, 6, 7 };
    struct credential credential = { .organization_id = 1, .id = 8, .user_id = 9 };
    struct organization organization = { .id = 10 };
    struct account account = { .id = 11 };
    const struct {
        struct change change;
        int64_t group_id, user_id, object_id;
    } cases[] = {
        { { .kind = MEMBER_REMOVED, .before = { .membership = &membership } }, 2, 3, 0 },
        { { .kind = GROUP_CREATED, .after = { .group = &group } }, 4, 0, 0 },
        { { .kind = USER_CREATED, .after = { .user = &user } }, 0, 5, 0 },
        { { .kind = NESTING_ADDED, .after = { .nesting = &nesting } }, 6, 0, 0 },
        { { .kind = CREDENTIAL_CREATED, .after = { .credential = &credential } }, 0, 9, 8 },
        { { .kind = ORGANIZATION_IMPORTED, .after = { .organization = &organization } }, 0, 0, 10 },
        { { .kind = ORGANIZATION_IMPORTED }, 0, 0, 0 },
        { { .kind = ACCOUNT_DELETED, .before = { .account = &account } }, 0, 0, 11 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t group_id, user_id, object_id;
        change_subjects(&cases[i].change, &group_id, &user_id, &object_id);
        assert_int_equal(group_id, cases[i].group_id);
        assert_int_equal(user_id, cases[i].user_id);
        assert_int_equal(object_id, cases[i].object_id);
    }
}

static void a_created_object_is_read_back_whole(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct user user = {
        .organization_id = 1, .id = 2, .user_name = "ada", .remarks = "", .super_user = true, .active = true, .deleted_at = -5
    };
    struct change change = { .kind = USER_CREATED, .after = { .user = &user } }, back;
    assert_int_equal(change_read_detail(&op, USER_CREATED, write_detail(&op, &change), &back), ERR_OK);
    assert_int_equal(back.kind, USER_CREATED);
    assert_null(back.before.any);
    assert_int_equal(fields_differ(NOUN_USER, back.after, change.after), 0);
}

static void a_credential_is_followed_with_its_number_and_hash(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct credential credential = {
        .organization_id = 1, .id = 2, .kind = CREDENTIAL_BEARER, .secret_hash = digest_of("x", 1), .rights = RIGHT_READ
    };
    struct change change = { .kind = CREDENTIAL_CREATED, .after = { .credential = &credential } }, back;
    assert_int_equal(change_read_detail(&op, CREDENTIAL_CREATED, write_detail(&op, &change), &back), ERR_OK);
    assert_int_equal(fields_differ(NOUN_CREDENTIAL, back.after, change.after), 0);
    assert_int_equal(back.after.credential->id, 2);
}

static void an_update_is_read_back_as_identity_and_changed_rows(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct group before = sample_group(), after = before;
    static const struct grant grants[] = { { .kind = GRANT_SEGMENT, .uid = { { 1 } } } };
    after.description = NULL;
    after.grants = grants;
    struct change_list list = { 0 };
    struct change back;
    change_add(&op.arena, &list, GROUP_UPDATED, (union object){ .group = &before }, (union object){ .group = &after });
    assert_int_equal(change_read_detail(&op, GROUP_UPDATED, write_detail(&op, &list.items[0]), &back), ERR_OK);
    assert_int_equal(back.changed, list.items[0].changed);
    assert_int_equal(back.after.group->id, 2);
    assert_int_equal(back.after.group->uuid.bytes[0], 0x11);
    assert_null(back.after.group->name);

    struct group image = before; /* what a follower has */
    fields_copy(NOUN_GROUP, back.changed, back.after, (union object){ .group = &image });
    assert_int_equal(fields_differ(NOUN_GROUP, (union object){ .group = &image }, (union object){ .group = &after }), 0);
}

static void a_mark_is_read_back(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct change back;
    assert_int_equal(change_read_detail(&op, ORGANIZATION_IMPORTED, "{\"after\":{\"id\":12}}", &back), ERR_OK);
    assert_int_equal(back.after.organization->id, 12);
    assert_int_equal(change_read_detail(&op, ORGANIZATION_IMPORTED, "{}", &back), ERR_OK);
    assert_null(back.after.any);
}

static void a_damaged_detail_is_a_failure_of_the_storage(void **state)
{
    (void)state;
    static const struct {
        enum change_kind kind;
        const char *detail;
    } cases[] = {
        { GROUP_CREATED, "" },
        { GROUP_CREATED, "{" },
        { GROUP_CREATED, "[]" },
        { GROUP_CREATED, "{}" },
        { GROUP_CREATED, "{\"before\":{\"id\":1}}" },
        { GROUP_CREATED, "{\"after\":{\"id\":1},\"other\":1}" },
        { GROUP_CREATED, "{\"after\":{\"id\":\"1\"}}" },
        { GROUP_CREATED, "{\"after\":{\"colour\":1}}" },
        { GROUP_CREATED, "{\"after\":[]}" },
        { GROUP_UPDATED, "{\"after\":{\"id\":1}}" },
        { GROUP_UPDATED, "{\"before\":{\"id\":1}}" },
        { GROUP_DELETED, "{\"after\":{\"id\":1}}" },
        { ORGANIZATION_IMPORTED, "{\"before\":{\"id\":1}}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_OP op = op_begin();
        struct change back;
        if (change_read_detail(&op, cases[i].kind, cases[i].detail, &back) != ERR_STORAGE) fail_msg("%s", cases[i].detail);
        assert_int_equal(op.failure.code, ERR_STORAGE);
        assert_memory_equal(op.failure.text, "the change log is damaged", 25);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_found_by_its_word),
        cmocka_unit_test(a_created_object_is_written_without_its_defaults),
        cmocka_unit_test(a_deleted_object_is_written_as_it_was),
        cmocka_unit_test(an_update_is_written_with_what_differs_and_who_it_is),
        cmocka_unit_test(a_mark_names_the_object_only),
        cmocka_unit_test(an_update_that_changes_nothing_is_not_added),
        cmocka_unit_test(a_secret_alone_changes_nothing),
        cmocka_unit_test(a_list_grows_and_keeps_its_order),
        cmocka_unit_test(subjects_are_the_numbers_of_the_noun),
        cmocka_unit_test(a_created_object_is_read_back_whole),
        cmocka_unit_test(a_credential_is_followed_with_its_number_and_hash),
        cmocka_unit_test(an_update_is_read_back_as_identity_and_changed_rows),
        cmocka_unit_test(a_mark_is_read_back),
        cmocka_unit_test(a_damaged_detail_is_a_failure_of_the_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
