/* Rules about groups: who may, what follows, what is refused. */
#include "directory_fixture.h"

/* Everybody there can be. Ids of a user with every role in `group`. */
struct crowd {
    int64_t administrator, manager, member, stranger, inactive, former;
    int64_t group;
};

static int64_t add_person(struct world *w, const char *name, bool super_user, bool active)
{
    struct user *user = make_user(w->f, name);
    user->organization_id = w->organization_id;
    user->super_user = super_user;
    user->active = active;
    commit_one(w, w->organization_id, USER_CREATED, NULL, user);
    return user->id;
}

static struct crowd add_people(struct world *w)
{
    struct crowd people = { .administrator = add_person(w, "administrator", true, true),
                            .manager = add_person(w, "manager", false, true),
                            .member = add_person(w, "member", false, true),
                            .stranger = add_person(w, "stranger", false, true),
                            .inactive = add_person(w, "inactive", true, false) };
    struct user *former = other_adds_user(w, "former");
    former->super_user = true;
    people.former = former->id;
    people.group = other_adds_group(w, "Group")->id;
    other_adds_member(w, people.group, people.manager, true);
    other_adds_member(w, people.group, people.member, false);
    commit_one(w, w->organization_id, USER_DELETED, former, NULL);
    refresh(w, w->organization_id);
    return people;
}

static enum err see(struct world *w, int64_t user_id, int64_t group_id)
{
    struct op *op = acting(w, user_id);
    AUTO_VIEW view;
    uint32_t ordinal;
    enum err e = directory_view(op, false, &view);
    return e ? e : directory_find_group(op, &view, group_id, &ordinal);
}

static enum err rename_group(struct world *w, int64_t user_id, int64_t group_id, const char *name)
{
    return directory_update_group(acting(w, user_id), group_id, &(struct group){ .name = name }, group_fields("name", NULL));
}

static enum err create(struct world *w, int64_t user_id, const char *name)
{
    return directory_create_group(acting(w, user_id), &(struct group){ .name = name }, group_fields("name", NULL));
}

/* --- who may --- */

static void administrators_members_and_service_keys_see_a_group(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    assert_ok(w, see(w, 0, people.group));
    assert_ok(w, see(w, people.administrator, people.group));
    assert_ok(w, see(w, people.manager, people.group));
    assert_ok(w, see(w, people.member, people.group));
    assert_refused(w, see(w, people.stranger, people.group), ERR_NOT_FOUND, "group");
}

static void a_user_that_is_gone_or_not_active_is_nobody(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    assert_refused(w, see(w, people.inactive, people.group), ERR_UNAUTHENTICATED, "");
    assert_refused(w, see(w, people.former, people.group), ERR_UNAUTHENTICATED, "");
    assert_refused(w, see(w, 999999, people.group), ERR_UNAUTHENTICATED, "");
    assert_refused(w, rename_group(w, people.inactive, people.group, "x"), ERR_UNAUTHENTICATED, "");
}

static void only_administrators_and_service_keys_make_groups(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    assert_ok(w, create(w, 0, "by a key"));
    assert_ok(w, create(w, people.administrator, "by an administrator"));
    assert_refused(w, create(w, people.manager, "x"), ERR_FORBIDDEN, "");
    assert_refused(w, create(w, people.stranger, "x"), ERR_FORBIDDEN, "");
}

static void only_administrators_change_and_delete_groups(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    assert_refused(w, rename_group(w, people.manager, people.group, "x"), ERR_FORBIDDEN, "");
    assert_refused(w, rename_group(w, people.member, people.group, "x"), ERR_FORBIDDEN, "");
    assert_refused(w, directory_delete_group(acting(w, people.manager), people.group), ERR_FORBIDDEN, "");
    assert_refused(w, directory_restore_group(acting(w, people.manager), people.group, NULL), ERR_FORBIDDEN, "");
    assert_ok(w, rename_group(w, people.administrator, people.group, "x"));
    assert_ok(w, directory_delete_group(acting(w, people.administrator), people.group));
}

static void a_stranger_is_not_told_that_a_group_exists(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    assert_refused(w, rename_group(w, people.stranger, people.group, "x"), ERR_NOT_FOUND, "group");
    assert_refused(w, directory_delete_group(acting(w, people.stranger), people.group), ERR_NOT_FOUND, "group");
}

static void a_group_of_another_organization_does_not_exist(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    int64_t ours = w->organization_id;
    w->organization_id = other_adds_organization(w, "Theirs")->id;
    refresh(w, INSTALLATION);
    assert_refused(w, see(w, 0, people.group), ERR_NOT_FOUND, "group");
    assert_refused(w, rename_group(w, 0, people.group, "x"), ERR_NOT_FOUND, "group");
    assert_refused(w, directory_delete_group(acting(w, 0), people.group), ERR_NOT_FOUND, "group");
    assert_refused(w, directory_restore_group(acting(w, 0), people.group, NULL), ERR_NOT_FOUND, "group");
    w->organization_id = ours;
    assert_ok(w, see(w, 0, people.group));
}

static void an_unknown_organization_is_not_found(void **state)
{
    struct world *w = *state;
    w->organization_id = 4711;
    assert_refused(w, see(w, 0, 1), ERR_NOT_FOUND, "organization");
    assert_refused(w, create(w, 0, "x"), ERR_NOT_FOUND, "organization");
}

/* --- create --- */

static void a_new_group_has_what_was_given_and_nothing_else(void **state)
{
    struct world *w = *state;
    struct group group;
    struct uuid uuid = uuid_random();
    struct group values = { .name = "Night shift", .description = "d", .uuid = uuid, .remarks = "not present", .id = 12345 };
    field_set present = group_fields("name", "description") | group_fields("uuid", NULL);
    struct op *op = acting(w, 0);
    int64_t now = op->now;
    assert_ok(w, directory_create_group(op, &values, present));
    int64_t id = op->made->id;
    assert_true(id > 0 && id != 12345);
    assert_true(get_group(w, id, &group));
    assert_string_equal(group.name, "Night shift");
    assert_string_equal(group.description, "d");
    assert_null(group.remarks);
    assert_true(uuid_equal(&group.uuid, &uuid));
    assert_int_equal(group.date_created, now);
    assert_int_equal(group.date_modified, 0);
    assert_int_equal(version_of(w, w->organization_id), 1);
    assert_sound(w);
}

static void a_uuid_is_given_once(void **state)
{
    struct world *w = *state;
    struct group group;
    assert_true(get_group(w, new_group(w, "one"), &group));
    struct group values = { .name = "two", .uuid = group.uuid };
    assert_refused(w, directory_create_group(acting(w, 0), &values, group_fields("name", "uuid")), ERR_EXISTS, "uuid");
}

static void a_name_is_taken_whatever_its_case_and_form(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *first, *second;
    } pairs[] = {
        { "Night shift", "NIGHT SHIFT" },
        { "Stra\xC3\x9F"
          "e",
          "STRASSE" },
        { "Caf\xC3\xA9", "CAFE\xCC\x81" },                          /* composed and decomposed */
        { "\xCE\xA3\xCE\xB1\xCF\x82", "\xCF\x83\xCE\xB1\xCF\x83" }, /* final sigma */
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        new_group(w, pairs[i].first);
        assert_refused(w, create(w, 0, pairs[i].second), ERR_EXISTS, "name");
    }
    assert_int_equal(version_of(w, w->organization_id), COUNT_OF(pairs));
}

static void accents_and_spaces_make_other_names(void **state)
{
    struct world *w = *state;
    new_group(w, "Cafe");
    new_group(w, "Caf\xC3\xA9");
    new_group(w, "Cafe ");
}

static void names_may_repeat_where_the_organization_wants_it(void **state)
{
    struct world *w = *state;
    struct organization *organization = make_organization(w->f, "Free");
    organization->unique_group_names = false;
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, organization);
    refresh(w, INSTALLATION);
    w->organization_id = organization->id;
    int64_t one = new_group(w, "Same"), two = new_group(w, "SAME");
    assert_ok(w, rename_group(w, 0, two, "Same"));
    assert_ok(w, directory_delete_group(acting(w, 0), one));
    new_group(w, "same");
    assert_ok(w, directory_restore_group(acting(w, 0), one, NULL));
    assert_sound(w);
}

static void an_organization_can_begin_to_want_unique_names(void **state)
{
    struct world *w = *state;
    struct organization *free = make_organization(w->f, "Free");
    free->unique_group_names = false;
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, free);
    refresh(w, INSTALLATION);
    w->organization_id = free->id;
    new_group(w, "Same");
    struct organization *strict = make(w->f, free, sizeof *free);
    strict->unique_group_names = true;
    commit_one(w, INSTALLATION, ORGANIZATION_UPDATED, free, strict);
    refresh(w, INSTALLATION);
    assert_refused(w, create(w, 0, "SAME"), ERR_EXISTS, "name");
}

/* The installation's log tells of it, and that may not have been followed yet. */
static void names_are_unique_as_soon_as_that_was_committed(void **state)
{
    struct world *w = *state;
    struct organization *free = make_organization(w->f, "Free");
    free->unique_group_names = false;
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, free);
    refresh(w, INSTALLATION);
    w->organization_id = free->id;
    new_group(w, "Same");
    int64_t renamed = new_group(w, "Other");
    struct organization *strict = make(w->f, free, sizeof *free);
    strict->unique_group_names = true;
    commit_one(w, INSTALLATION, ORGANIZATION_UPDATED, free, strict);
    assert_refused(w, create(w, 0, "SAME"), ERR_EXISTS, "name");
    commit_one(w, INSTALLATION, ORGANIZATION_UPDATED, strict, free);
    refresh(w, INSTALLATION);
    new_group(w, "in memory");
    commit_one(w, INSTALLATION, ORGANIZATION_UPDATED, free, strict);
    assert_refused(w, rename_group(w, 0, renamed, "SAME"), ERR_EXISTS, "name");
    new_group(w, "a third name");
    refresh(w, INSTALLATION);
    assert_sound(w);
}

/* --- update --- */

static void an_update_keeps_what_it_does_not_name(void **state)
{
    struct world *w = *state;
    struct group group, values = { .name = "Group", .description = "d", .remarks = "r" };
    assert_ok(w,
              directory_create_group(acting(w, 0), &values, group_fields("name", "description") | group_fields("remarks", NULL)));
    int64_t id = w->op.made->id;
    struct op *op = acting(w, 0);
    int64_t now = op->now;
    assert_ok(w, directory_update_group(op, id, &(struct group){ .description = "new" }, group_fields("description", NULL)));
    assert_true(get_group(w, id, &group));
    assert_string_equal(group.name, "Group");
    assert_string_equal(group.description, "new");
    assert_string_equal(group.remarks, "r");
    assert_int_equal(group.date_modified, now);
    assert_ok(w, directory_update_group(acting(w, 0), id, &(struct group){ 0 }, group_fields("description", "remarks")));
    assert_true(get_group(w, id, &group));
    assert_null(group.description);
    assert_null(group.remarks);
    assert_sound(w);
}

static void an_update_that_changes_nothing_makes_no_version(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "Group"), before = version_of(w, w->organization_id);
    assert_ok(w, rename_group(w, 0, id, "Group"));
    assert_ok(w, directory_update_group(acting(w, 0), id, &(struct group){ .name = "x" }, 0));
    assert_int_equal(version_of(w, w->organization_id), before);
    struct group group;
    assert_true(get_group(w, id, &group));
    assert_int_equal(group.date_modified, 0);
}

static void a_name_may_change_its_case_but_not_to_that_of_another(void **state)
{
    struct world *w = *state;
    int64_t one = new_group(w, "One"), two = new_group(w, "Two");
    assert_ok(w, rename_group(w, 0, one, "ONE"));
    assert_refused(w, rename_group(w, 0, two, "one"), ERR_EXISTS, "name");
    assert_ok(w, rename_group(w, 0, one, "Three"));
    assert_ok(w, rename_group(w, 0, two, "one"));
    assert_sound(w);
}

static enum err count_kinds(void *context, struct op *op, const struct log_entry *entry)
{
    (void)op;
    ((int *)context)[entry->kind]++;
    return ERR_OK;
}

static void renaming_is_a_change_of_its_own_in_the_same_version(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "Group");
    struct group values = { .name = "Renamed", .description = "and described" };
    assert_ok(w, directory_update_group(acting(w, 0), id, &values, group_fields("name", "description")));
    int kinds[CHANGE_KIND_COUNT] = { 0 };
    assert_done(w->f, store_read_log(&w->f->op, w->other, w->organization_id, 1, 0, count_kinds, kinds));
    assert_int_equal(kinds[GROUP_RENAMED], 1);
    assert_int_equal(kinds[GROUP_UPDATED], 1);
    assert_int_equal(version_of(w, w->organization_id), 2);
}

static void identity_cannot_be_updated(void **state)
{
    struct world *w = *state;
    struct group before, after;
    int64_t id = new_group(w, "Group");
    assert_true(get_group(w, id, &before));
    struct uuid uuid = before.uuid;
    struct group values = { .id = 99, .uuid = uuid_random() };
    assert_ok(w, directory_update_group(acting(w, 0), id, &values, group_fields("id", "uuid")));
    assert_true(get_group(w, id, &after));
    assert_true(uuid_equal(&after.uuid, &uuid));
}

/* --- delete and restore --- */

static void a_deleted_group_is_gone_and_its_name_free(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "Group");
    assert_ok(w, directory_delete_group(acting(w, 0), id));
    assert_refused(w, see(w, 0, id), ERR_NOT_FOUND, "group");
    assert_refused(w, rename_group(w, 0, id, "x"), ERR_NOT_FOUND, "group");
    assert_refused(w, directory_delete_group(acting(w, 0), id), ERR_NOT_FOUND, "group");
    new_group(w, "group");
    assert_sound(w);
}

static void a_deleted_group_is_restored_with_its_members(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    struct group group;
    assert_ok(w, directory_delete_group(acting(w, 0), people.group));
    assert_refused(w, see(w, people.member, people.group), ERR_NOT_FOUND, "group");
    assert_ok(w, directory_restore_group(acting(w, people.administrator), people.group, NULL));
    assert_ok(w, see(w, people.member, people.group));
    assert_true(is_manager(w, people.group, people.manager));
    assert_true(get_group(w, people.group, &group));
    assert_int_equal(group.deleted_at, 0);
    assert_string_equal(group.name, "Group");
    assert_sound(w);
}

static void a_group_whose_name_is_taken_is_restored_under_another(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "Group");
    assert_ok(w, directory_delete_group(acting(w, 0), id));
    new_group(w, "GROUP");
    assert_refused(w, directory_restore_group(acting(w, 0), id, NULL), ERR_EXISTS, "name");
    assert_refused(w, directory_restore_group(acting(w, 0), id, "group"), ERR_EXISTS, "name");
    assert_ok(w, directory_restore_group(acting(w, 0), id, "Group 2"));
    struct group group;
    assert_true(get_group(w, id, &group));
    assert_string_equal(group.name, "Group 2");
    assert_sound(w);
}

static void restoring_a_living_group_makes_no_version(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "Group");
    assert_ok(w, directory_restore_group(acting(w, 0), id, NULL));
    assert_int_equal(version_of(w, w->organization_id), 1);
    assert_refused(w, directory_restore_group(acting(w, 0), 4711, NULL), ERR_NOT_FOUND, "group");
}

/* --- the life of a write --- */

static void a_write_after_anothers_commit_is_asked_again(void **state)
{
    struct world *w = *state;
    new_group(w, "ours");
    other_adds_group(w, "theirs");
    assert_refused(w, create(w, 0, "THEIRS"), ERR_EXISTS, "name"); /* the image has not heard of it, the fence has */
    assert_ok(w, create(w, 0, "ours too"));
    assert_int_equal(version_of(w, w->organization_id), 3);
    assert_sound(w);
}

static void what_was_written_is_there_after_a_restart(void **state)
{
    struct world *w = *state;
    struct crowd people = add_people(w);
    int64_t id = new_group(w, "Kept");
    put_member(w, id, people.stranger, true);
    close_directory(w);
    open_directory(w, &quiet_options);
    assert_ok(w, see(w, people.stranger, id));
    assert_true(is_manager(w, id, people.stranger));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(administrators_members_and_service_keys_see_a_group),
        world_test(a_user_that_is_gone_or_not_active_is_nobody),
        world_test(only_administrators_and_service_keys_make_groups),
        world_test(only_administrators_change_and_delete_groups),
        world_test(a_stranger_is_not_told_that_a_group_exists),
        world_test(a_group_of_another_organization_does_not_exist),
        world_test(an_unknown_organization_is_not_found),
        world_test(a_new_group_has_what_was_given_and_nothing_else),
        world_test(a_uuid_is_given_once),
        world_test(a_name_is_taken_whatever_its_case_and_form),
        world_test(accents_and_spaces_make_other_names),
        world_test(names_may_repeat_where_the_organization_wants_it),
        world_test(an_organization_can_begin_to_want_unique_names),
        world_test(names_are_unique_as_soon_as_that_was_committed),
        world_test(an_update_keeps_what_it_does_not_name),
        world_test(an_update_that_changes_nothing_makes_no_version),
        world_test(a_name_may_change_its_case_but_not_to_that_of_another),
        world_test(renaming_is_a_change_of_its_own_in_the_same_version),
        world_test(identity_cannot_be_updated),
        world_test(a_deleted_group_is_gone_and_its_name_free),
        world_test(a_deleted_group_is_restored_with_its_members),
        world_test(a_group_whose_name_is_taken_is_restored_under_another),
        world_test(restoring_a_living_group_makes_no_version),
        world_test(a_write_after_anothers_commit_is_asked_again),
        world_test(what_was_written_is_there_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
