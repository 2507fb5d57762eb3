/* Groups that have managers: made with their members, changed by several changes at once; who may, what is told, all or nothing.
 */
#include "managed_fixture.h"

/* --- creating --- */

static void a_group_is_made_with_its_members_in_one_commit(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id);
    assert_ok(w, create_as(w, cast.ids[ADMIN], "New", REQUEST(adds(&cast, STRANGER, false), adds(&cast, BOSS, true))));
    const int64_t group_id = w->op.made->id;
    assert_string_equal(w->op.made->name, "New");
    assert_int_equal(w->op.made->created_by_user, cast.ids[ADMIN]);
    assert_int_equal(version_of(w, w->organization_id), version + 1);
    struct membership boss, stranger;
    assert_true(get_membership(w, group_id, cast.ids[BOSS], &boss) && get_membership(w, group_id, cast.ids[STRANGER], &stranger));
    assert_true(boss.manager && !stranger.manager);
    assert_int_equal(boss.added_by_user, cast.ids[ADMIN]);
    assert_false(uuid_is_nil(&boss.uuid) || uuid_equal(&boss.uuid, &stranger.uuid));
    assert_false(is_member(w, group_id, cast.ids[ADMIN])); /* who makes it is not added */
    assert_sound(w);
}

static void only_administrators_make_groups(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    assert_refused(w, create_as(w, cast.ids[BOSS], "New", REQUEST(adds(&cast, BOSS, true))), ERR_FORBIDDEN, "");
    assert_refused(w, create_as(w, cast.ids[STRANGER], "Group", REQUEST(adds(&cast, INACTIVE, false))), ERR_FORBIDDEN, "");
    assert_int_equal(w->op.issue_count, 0);
    assert_ok(w, create_as(w, 0, "New", REQUEST(adds(&cast, BOSS, true))));
}

static void a_taken_name_and_a_missing_manager_are_told_together(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id), admin = cast.ids[ADMIN];
    static const struct issue both[] = { { ISSUE_NAME_TAKEN, 0 }, { ISSUE_NO_MANAGER, 0 } };
    assert_issues(w, create_as(w, admin, "GROUP", NULL, 0), both, 2);
    assert_issues(w, create_as(w, admin, "group", REQUEST(adds(&cast, MEMBER, false))), both, 2);
    assert_issue(w, create_as(w, admin, "Group", REQUEST(adds(&cast, MEMBER, true))), ISSUE_NAME_TAKEN, 0);
    assert_issue(w, create_as(w, admin, "New", REQUEST(adds(&cast, MEMBER, false))), ISSUE_NO_MANAGER, 0);
    /* of the members nothing is told then */
    assert_issue(w, create_as(w, admin, "New", REQUEST(adds(&cast, INACTIVE, false))), ISSUE_NO_MANAGER, 0);
    assert_issue(w, create_as(w, admin, "Group", REQUEST(adds(&cast, DELETED, true))), ISSUE_NAME_TAKEN, 0);
    assert_int_equal(version_of(w, w->organization_id), version);
}

static void the_name_of_a_deleted_group_is_free(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    assert_ok(w, directory_delete_group(acting(w, 0), cast.group));
    assert_ok(w, create_as(w, cast.ids[ADMIN], "Group", REQUEST(adds(&cast, BOSS, true))));
}

static void where_names_need_not_differ_none_is_taken(void **state)
{
    struct world *w = *state;
    struct organization *free = make_organization(w->f, "Free");
    free->unique_group_names = false;
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, free);
    refresh(w, INSTALLATION);
    w->organization_id = free->id;
    const struct cast cast = add_cast(w);
    assert_ok(w, create_as(w, cast.ids[ADMIN], "Group", REQUEST(adds(&cast, BOSS, true))));
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.second, "Group", NULL, 0));
}

static void of_the_first_member_that_will_not_do_all_is_told(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id), admin = cast.ids[ADMIN];
    const struct member_change good = adds(&cast, BOSS, true), nobody = { .user = uuid_random() }, nil = { .manager = true };
    static const struct issue gone[] = { { ISSUE_USER_DELETED, 11 }, { ISSUE_USER_INACTIVE, 11 } };
    assert_issue(w, create_as(w, admin, "New", REQUEST(good, nobody, nil)), ISSUE_USER_UNKNOWN, 11);
    assert_issue(w, create_as(w, admin, "New", REQUEST(nil, good)), ISSUE_USER_UNKNOWN, 10);
    assert_issue(w, create_as(w, admin, "New", REQUEST(good, adds(&cast, FOREIGNER, true))), ISSUE_USER_UNKNOWN, 11);
    assert_issue(w, create_as(w, admin, "New", REQUEST(good, adds(&cast, DELETED, true), nobody)), ISSUE_USER_DELETED, 11);
    assert_issue(w, create_as(w, admin, "New", REQUEST(good, adds(&cast, INACTIVE, true), nobody)), ISSUE_USER_INACTIVE, 11);
    assert_issues(w, create_as(w, admin, "New", REQUEST(good, adds(&cast, GONE, true), nobody)), gone, 2);
    assert_issue(w, create_as(w, admin, "New", REQUEST(good, adds(&cast, MEMBER, false), good, nobody)), ISSUE_MEMBER_ALREADY,
                 12);
    assert_issue(w, create_as(w, admin, "New", REQUEST(good, nobody, good)), ISSUE_USER_UNKNOWN, 11);
    assert_int_equal(version_of(w, w->organization_id), version);
    assert_false(group_exists(w, "new"));
}

static void a_given_uuid_is_kept_and_may_not_be_taken(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    struct group values = { .name = "New", .uuid = uuid_random() };
    const struct member_change boss = adds(&cast, BOSS, true);
    const field_set present = group_fields("name", "uuid");
    assert_ok(w, directory_create_managed_group(acting(w, 0), &values, present, &boss, 1));
    assert_true(uuid_equal(&w->op.made->uuid, &values.uuid));
    values.name = "Newer";
    assert_refused(w, directory_create_managed_group(acting(w, 0), &values, present, &boss, 1), ERR_EXISTS, "uuid");
}

/* --- who may change what --- */

static void an_administrator_who_is_no_manager_adds_nobody_and_is_not_told(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const struct member_change nobody = { .kind = MEMBER_CHANGE_ADD };
    const int64_t callers[] = { cast.ids[ADMIN], 0 };
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        const int64_t version = version_of(w, w->organization_id);
        assert_ok(w, change_as(w, callers[i], cast.group, NULL, REQUEST(adds(&cast, STRANGER, true), nobody)));
        assert_int_equal(version_of(w, w->organization_id), version);
        assert_ok(w, change_as(w, callers[i], cast.group, i ? "Group" : "Renamed",
                               REQUEST(adds(&cast, STRANGER, true), nobody, gives(&cast, MEMBER, i == 0))));
        assert_false(is_member(w, cast.group, cast.ids[STRANGER]));
        assert_int_equal(is_manager(w, cast.group, cast.ids[MEMBER]), i == 0);
        assert_true(group_exists(w, i ? "group" : "renamed"));
    }
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.group, NULL, REQUEST(removes(&cast, MEMBER))));
    assert_false(is_member(w, cast.group, cast.ids[MEMBER]));
    assert_sound(w);
}

static void a_manager_who_is_no_administrator_renames_nothing_and_is_not_told(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    static const char *const names[] = { "Renamed", "Second" /* taken */ };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_ok(w, change_as(w, cast.ids[BOSS], cast.group, names[i], REQUEST(adds(&cast, i ? OTHER : STRANGER, i))));
        assert_true(group_exists(w, "group"));
    }
    assert_true(is_member(w, cast.group, cast.ids[STRANGER]) && !is_manager(w, cast.group, cast.ids[STRANGER]));
    assert_true(is_manager(w, cast.group, cast.ids[OTHER]));
    assert_ok(w, change_as(w, cast.ids[BOSS], cast.group, NULL, REQUEST(gives(&cast, DEPUTY, false), removes(&cast, MEMBER))));
    assert_false(is_manager(w, cast.group, cast.ids[DEPUTY]) || is_member(w, cast.group, cast.ids[MEMBER]));
    assert_sound(w);
}

static void nobody_else_may_change_or_delete_it(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id);
    static const enum who others[] = { MEMBER, STRANGER };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        const int64_t caller = cast.ids[others[i]];
        assert_refused(w, change_as(w, caller, cast.group, "Second", REQUEST(removes(&cast, STRANGER))), ERR_FORBIDDEN, "");
        assert_refused(w, change_as(w, caller, cast.group, NULL, NULL, 0), ERR_FORBIDDEN, "");
        assert_refused(w, directory_delete_managed_group(acting(w, caller), cast.group), ERR_FORBIDDEN, "");
    }
    assert_refused(w, change_as(w, cast.ids[INACTIVE], cast.group, NULL, NULL, 0), ERR_UNAUTHENTICATED, "");
    assert_int_equal(version_of(w, w->organization_id), version);
}

static void a_group_of_another_organization_is_none(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    struct op *op = acting(w, cast.ids[FOREIGNER]); /* an administrator there */
    op->caller.organization_id = cast.elsewhere;
    struct member_change change = removes(&cast, MEMBER);
    assert_refused(w, directory_change_managed_group(op, cast.group, "Stolen", &change, 1), ERR_NOT_FOUND, "group");
    failure_clear(&op->failure);
    assert_refused(w, directory_delete_managed_group(op, cast.group), ERR_NOT_FOUND, "group");
    assert_true(group_exists(w, "group") && is_member(w, cast.group, cast.ids[MEMBER]));
}

/* Whether a group that was deleted ever was is told to administrators only. */
static void a_deleted_group_is_managed_by_nobody(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    assert_ok(w, directory_delete_managed_group(acting(w, cast.ids[BOSS]), cast.group));
    assert_false(group_exists(w, "group"));
    const struct {
        enum who who;
        enum err e;
        const char *field;
    } rows[] = { { BOSS, ERR_FORBIDDEN, "" }, { STRANGER, ERR_FORBIDDEN, "" }, { ADMIN, ERR_NOT_FOUND, "group" } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int64_t caller = cast.ids[rows[i].who];
        assert_refused(w, change_as(w, caller, cast.group, "New", REQUEST(adds(&cast, OTHER, false))), rows[i].e, rows[i].field);
        assert_refused(w, directory_delete_managed_group(acting(w, caller), cast.group), rows[i].e, rows[i].field);
        assert_refused(w, directory_delete_managed_group(acting(w, caller), NUMBER_MAX), rows[i].e, rows[i].field);
    }
    assert_ok(w, directory_delete_managed_group(acting(w, cast.ids[ADMIN]), cast.second));
    assert_sound(w);
}

/* The right to add is that of before the request. */
static void who_becomes_a_manager_by_the_request_adds_nobody_with_it(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    cast.memberships[ADMIN] = other_adds_member(w, cast.group, cast.ids[ADMIN], false)->uuid;
    refresh(w, w->organization_id);
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.group, NULL, REQUEST(gives(&cast, ADMIN, true), adds(&cast, OTHER, false))));
    assert_true(is_manager(w, cast.group, cast.ids[ADMIN]) && !is_member(w, cast.group, cast.ids[OTHER]));
    /* and who gives it up in the request still adds */
    assert_ok(w,
              change_as(w, cast.ids[ADMIN], cast.group, "By both", REQUEST(gives(&cast, ADMIN, false), adds(&cast, OTHER, 0))));
    assert_true(!is_manager(w, cast.group, cast.ids[ADMIN]) && is_member(w, cast.group, cast.ids[OTHER]));
    assert_true(group_exists(w, "by both"));
}

/* --- what is told --- */

static void a_taken_name_is_told_before_the_members(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    assert_issue(w, change_as(w, cast.ids[ADMIN], cast.group, "SECOND", REQUEST(removes(&cast, STRANGER))), ISSUE_NAME_TAKEN, 0);
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.group, "GROUP", NULL, 0)); /* its own, in other letters */
}

static void the_first_change_that_breaks_a_rule_is_told_and_nothing_is_done(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id), boss = cast.ids[BOSS];
    const struct member_change good = adds(&cast, OTHER, false), nobody = { .kind = MEMBER_CHANGE_ADD, .user = uuid_random() };
    const struct member_change lost = { .kind = MEMBER_CHANGE_REMOVE, .membership = uuid_random() };
    const struct member_change nil = { .kind = MEMBER_CHANGE_ROLE, .manager = true };
    static const struct issue gone[] = { { ISSUE_USER_DELETED, 11 }, { ISSUE_USER_INACTIVE, 11 } };
    const struct {
        struct member_change change;
        enum issue_kind kind;
    } rows[] = {
        { nobody, ISSUE_USER_UNKNOWN },
        { { .kind = MEMBER_CHANGE_ADD }, ISSUE_USER_UNKNOWN },
        { adds(&cast, FOREIGNER, false), ISSUE_USER_UNKNOWN },
        { adds(&cast, DELETED, false), ISSUE_USER_DELETED },
        { adds(&cast, INACTIVE, false), ISSUE_USER_INACTIVE },
        { adds(&cast, MEMBER, true), ISSUE_MEMBER_ALREADY },
        { adds(&cast, BOSS, false), ISSUE_MEMBER_ALREADY },
        { good, ISSUE_MEMBER_ALREADY }, /* added just before */
        { lost, ISSUE_MEMBERSHIP_UNKNOWN },
        { nil, ISSUE_MEMBERSHIP_UNKNOWN },
        { gives(&cast, STRANGER, false), ISSUE_MEMBERSHIP_UNKNOWN }, /* of another group */
        { removes(&cast, STRANGER), ISSUE_MEMBERSHIP_UNKNOWN },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_issue(w, change_as(w, boss, cast.group, NULL, REQUEST(good, rows[i].change, nobody, lost)), rows[i].kind, 11);
    assert_issues(w, change_as(w, boss, cast.group, NULL, REQUEST(good, adds(&cast, GONE, false), lost)), gone, 2);
    assert_int_equal(version_of(w, w->organization_id), version);
    assert_false(is_member(w, cast.group, cast.ids[OTHER]));
    assert_issue(w, change_as(w, cast.ids[ADMIN], cast.group, "Renamed", REQUEST(lost)), ISSUE_MEMBERSHIP_UNKNOWN, 10);
    assert_true(group_exists(w, "group"));
}

static void each_change_is_done_on_what_those_before_it_left(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t boss = cast.ids[BOSS];
    assert_issue(w, change_as(w, boss, cast.group, NULL, REQUEST(removes(&cast, MEMBER), removes(&cast, MEMBER))),
                 ISSUE_MEMBERSHIP_UNKNOWN, 11);
    assert_issue(w, change_as(w, boss, cast.group, NULL, REQUEST(removes(&cast, MEMBER), gives(&cast, MEMBER, true))),
                 ISSUE_MEMBERSHIP_UNKNOWN, 11);
    assert_issue(w, change_as(w, boss, cast.group, NULL, REQUEST(adds(&cast, OTHER, true), adds(&cast, OTHER, false))),
                 ISSUE_MEMBER_ALREADY, 11);
    assert_ok(w, change_as(w, boss, cast.group, NULL, REQUEST(gives(&cast, MEMBER, true), removes(&cast, MEMBER))));
    assert_false(is_member(w, cast.group, cast.ids[MEMBER]));
    assert_sound(w);
}

/* Only an import makes such: the one of the user with the smallest number is meant, by a reader too. */
static void of_two_memberships_with_one_uuid_the_first_is_meant(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct membership *twin = make_membership(w->f, cast.group, cast.ids[STRANGER]);
    twin->uuid = cast.memberships[MEMBER];
    commit_one(w, w->organization_id, MEMBER_ADDED, NULL, twin);
    cast.memberships[OTHER] = other_adds_member(w, cast.group, cast.ids[OTHER], false)->uuid;
    refresh(w, w->organization_id);
    assert_ok(w, change_as(w, 0, cast.group, NULL, REQUEST(gives(&cast, MEMBER, true), removes(&cast, OTHER))));
    assert_true(is_manager(w, cast.group, cast.ids[MEMBER]) && !is_manager(w, cast.group, cast.ids[STRANGER]));
    assert_false(is_member(w, cast.group, cast.ids[OTHER]));
    assert_sound(w);
}

/* --- the last manager --- */

static void a_group_keeps_a_manager(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id), admin = cast.ids[ADMIN], group = cast.group;
    assert_issue(w, change_as(w, admin, group, NULL, REQUEST(gives(&cast, BOSS, false), gives(&cast, DEPUTY, false))),
                 ISSUE_LAST_MANAGER, 11);
    assert_issue(w, change_as(w, admin, group, NULL, REQUEST(removes(&cast, BOSS), removes(&cast, DEPUTY))), ISSUE_LAST_MANAGER,
                 11);
    assert_issue(w, change_as(w, admin, group, NULL, REQUEST(gives(&cast, BOSS, false), removes(&cast, DEPUTY))),
                 ISSUE_LAST_MANAGER, 11);
    /* what comes later does not make up for it */
    assert_issue(w,
                 change_as(w, admin, group, NULL,
                           REQUEST(gives(&cast, BOSS, false), gives(&cast, DEPUTY, false), gives(&cast, MEMBER, true))),
                 ISSUE_LAST_MANAGER, 11);
    assert_int_equal(version_of(w, w->organization_id), version);
    assert_ok(w, change_as(w, admin, group, NULL, REQUEST(removes(&cast, DEPUTY))));
    assert_issue(w, change_as(w, cast.ids[BOSS], group, NULL, REQUEST(removes(&cast, BOSS))), ISSUE_LAST_MANAGER, 10);
    assert_issue(w, change_as(w, cast.ids[BOSS], group, NULL, REQUEST(gives(&cast, BOSS, false))), ISSUE_LAST_MANAGER, 10);
    assert_ok(w, change_as(w, cast.ids[BOSS], group, NULL, REQUEST(removes(&cast, MEMBER), gives(&cast, BOSS, true))));
    assert_true(is_manager(w, group, cast.ids[BOSS]));
}

static void management_is_handed_over_in_one_request(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    assert_ok(w, change_as(w, cast.ids[BOSS], cast.group, NULL, REQUEST(removes(&cast, DEPUTY))));
    assert_ok(w, change_as(w, cast.ids[BOSS], cast.group, NULL,
                           REQUEST(adds(&cast, OTHER, true), gives(&cast, BOSS, false), removes(&cast, MEMBER))));
    assert_true(is_manager(w, cast.group, cast.ids[OTHER]) && !is_manager(w, cast.group, cast.ids[BOSS]));
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.group, NULL, REQUEST(gives(&cast, BOSS, true))));
    assert_ok(w, change_as(w, cast.ids[OTHER], cast.group, NULL, REQUEST(gives(&cast, BOSS, true), adds(&cast, MEMBER, false))));
    assert_true(is_manager(w, cast.group, cast.ids[OTHER]));
    assert_sound(w);
}

/* Other APIs make groups without one. */
static void a_group_that_has_no_manager_may_stay_without(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    cast.group = other_adds_group(w, "Unmanaged")->id;
    cast.memberships[OTHER] = other_adds_member(w, cast.group, cast.ids[OTHER], false)->uuid;
    cast.memberships[MEMBER] = other_adds_member(w, cast.group, cast.ids[MEMBER], false)->uuid;
    refresh(w, w->organization_id);
    const int64_t admin = cast.ids[ADMIN];
    assert_ok(w, change_as(w, admin, cast.group, NULL, REQUEST(gives(&cast, MEMBER, false), removes(&cast, MEMBER))));
    assert_false(is_member(w, cast.group, cast.ids[MEMBER]));
    assert_ok(w, change_as(w, admin, cast.group, NULL, REQUEST(gives(&cast, OTHER, true))));
    assert_issue(w, change_as(w, admin, cast.group, NULL, REQUEST(removes(&cast, OTHER))), ISSUE_LAST_MANAGER, 10);
}

/* --- memberships with dates --- */

static void one_who_does_not_manage_now_does_not_count_as_a_manager(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    const int64_t now = w->f->op.now, admin = cast.ids[ADMIN];
    add_dated(w, &cast, OTHER, true, now + HOUR, 0);
    add_dated(w, &cast, STRANGER, true, 0, now - 1);
    assert_ok(w, change_as(w, admin, cast.group, NULL, REQUEST(removes(&cast, DEPUTY))));
    assert_issue(w, change_as(w, admin, cast.group, NULL, REQUEST(removes(&cast, BOSS))), ISSUE_LAST_MANAGER, 10);
    assert_issue(w, change_as(w, admin, cast.group, NULL, REQUEST(gives(&cast, OTHER, true), gives(&cast, BOSS, false))),
                 ISSUE_LAST_MANAGER, 11);
    assert_refused(w, change_as(w, cast.ids[OTHER], cast.group, NULL, NULL, 0), ERR_FORBIDDEN, "");
    assert_refused(w, change_as(w, cast.ids[STRANGER], cast.group, NULL, NULL, 0), ERR_FORBIDDEN, "");
    add_dated(w, &cast, ADMIN, true, now - HOUR, now + 30 * 24 * HOUR); /* in effect */
    assert_ok(w, change_as(w, admin, cast.group, NULL, REQUEST(removes(&cast, BOSS), adds(&cast, BOSS, false))));
    assert_true(is_member(w, cast.group, cast.ids[BOSS]) && !is_manager(w, cast.group, cast.ids[BOSS]));
    assert_sound(w);
}

static void one_that_has_ended_is_no_membership(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    add_dated(w, &cast, OTHER, true, 0, w->f->op.now - 1);
    const int64_t boss = cast.ids[BOSS];
    assert_issue(w, change_as(w, boss, cast.group, NULL, REQUEST(removes(&cast, OTHER))), ISSUE_MEMBERSHIP_UNKNOWN, 10);
    assert_issue(w, change_as(w, boss, cast.group, NULL, REQUEST(gives(&cast, OTHER, true))), ISSUE_MEMBERSHIP_UNKNOWN, 10);
    assert_ok(w, change_as(w, boss, cast.group, NULL, REQUEST(adds(&cast, OTHER, false))));
    struct membership membership;
    assert_true(get_membership(w, cast.group, cast.ids[OTHER], &membership));
    assert_true(!membership.ends_at && !membership.starts_at && !membership.manager);
    assert_sound(w);
}

static void one_that_has_not_begun_begins_when_its_user_is_added(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    add_dated(w, &cast, OTHER, false, w->f->op.now + HOUR, w->f->op.now + 2 * HOUR);
    const int64_t boss = cast.ids[BOSS];
    assert_ok(w, change_as(w, boss, cast.group, NULL, REQUEST(adds(&cast, OTHER, true))));
    struct membership membership;
    assert_true(get_membership(w, cast.group, cast.ids[OTHER], &membership));
    assert_true(!membership.ends_at && !membership.starts_at && membership.manager);
    assert_true(uuid_equal(&membership.uuid, &cast.memberships[OTHER]));
    assert_issue(w, change_as(w, boss, cast.group, NULL, REQUEST(adds(&cast, OTHER, true))), ISSUE_MEMBER_ALREADY, 10);
    assert_ok(w, change_as(w, boss, cast.group, NULL, /* it counts as the manager it is now */
                           REQUEST(removes(&cast, DEPUTY), gives(&cast, BOSS, false))));
    assert_sound(w);
}

static void one_that_has_not_begun_is_changed_and_removed(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    add_dated(w, &cast, OTHER, false, w->f->op.now + HOUR, 0);
    assert_ok(w, change_as(w, cast.ids[BOSS], cast.group, NULL, REQUEST(gives(&cast, OTHER, true))));
    struct membership membership;
    assert_true(get_membership(w, cast.group, cast.ids[OTHER], &membership));
    assert_true(membership.manager && membership.starts_at == w->f->op.now + HOUR);
    assert_ok(w, change_as(w, cast.ids[BOSS], cast.group, NULL, REQUEST(removes(&cast, OTHER))));
    assert_false(is_member(w, cast.group, cast.ids[OTHER]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_group_is_made_with_its_members_in_one_commit),
        world_test(only_administrators_make_groups),
        world_test(a_taken_name_and_a_missing_manager_are_told_together),
        world_test(the_name_of_a_deleted_group_is_free),
        world_test(where_names_need_not_differ_none_is_taken),
        world_test(of_the_first_member_that_will_not_do_all_is_told),
        world_test(a_given_uuid_is_kept_and_may_not_be_taken),
        world_test(an_administrator_who_is_no_manager_adds_nobody_and_is_not_told),
        world_test(a_manager_who_is_no_administrator_renames_nothing_and_is_not_told),
        world_test(nobody_else_may_change_or_delete_it),
        world_test(a_group_of_another_organization_is_none),
        world_test(a_deleted_group_is_managed_by_nobody),
        world_test(who_becomes_a_manager_by_the_request_adds_nobody_with_it),
        world_test(a_taken_name_is_told_before_the_members),
        world_test(the_first_change_that_breaks_a_rule_is_told_and_nothing_is_done),
        world_test(each_change_is_done_on_what_those_before_it_left),
        world_test(of_two_memberships_with_one_uuid_the_first_is_meant),
        world_test(a_group_keeps_a_manager),
        world_test(management_is_handed_over_in_one_request),
        world_test(a_group_that_has_no_manager_may_stay_without),
        world_test(one_who_does_not_manage_now_does_not_count_as_a_manager),
        world_test(one_that_has_ended_is_no_membership),
        world_test(one_that_has_not_begun_begins_when_its_user_is_added),
        world_test(one_that_has_not_begun_is_changed_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
