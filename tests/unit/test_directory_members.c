/* Rules about members: who may add and remove, what a request does to a member that is there, dates, expiry. */
#include "directory_fixture.h"

enum { SECOND = 1000000 };

static enum err put_as(struct world *w, int64_t caller, int64_t group_id, struct member_request request)
{
    return directory_put_members(acting(w, caller), group_id, &request, 1);
}

static struct member_request plain(int64_t user_id)
{
    return (struct member_request){ .user_id = user_id };
}

static struct member_request with_flag(int64_t user_id, bool manager)
{
    return (struct member_request){ .user_id = user_id, .has_manager = true, .manager = manager };
}

/* A group with a manager and a member, and a user outside. */
struct cast {
    int64_t group, manager, member, stranger;
};

static struct cast add_cast(struct world *w)
{
    struct cast cast = { .group = other_adds_group(w, "Group")->id,
                         .manager = other_adds_user(w, "manager")->id,
                         .member = other_adds_user(w, "member")->id,
                         .stranger = other_adds_user(w, "stranger")->id };
    other_adds_member(w, cast.group, cast.manager, true);
    other_adds_member(w, cast.group, cast.member, false);
    refresh(w, w->organization_id);
    return cast;
}

/* --- who may --- */

static void a_manager_manages_the_members_of_its_group(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    assert_ok(w, put_as(w, cast.manager, cast.group, with_flag(cast.stranger, true)));
    assert_true(is_manager(w, cast.group, cast.stranger));
    assert_ok(w, directory_remove_members(acting(w, cast.manager), cast.group, &cast.stranger, 1));
    assert_false(is_member(w, cast.group, cast.stranger));
    assert_sound(w);
}

static void a_member_that_is_no_manager_may_not(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    assert_refused(w, put_as(w, cast.member, cast.group, plain(cast.stranger)), ERR_FORBIDDEN, "");
    assert_refused(w, put_as(w, cast.member, cast.group, with_flag(cast.member, true)), ERR_FORBIDDEN, "");
    assert_refused(w, directory_remove_members(acting(w, cast.member), cast.group, &cast.member, 1), ERR_FORBIDDEN, "");
}

static void a_stranger_does_not_learn_that_the_group_exists(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    assert_refused(w, put_as(w, cast.stranger, cast.group, plain(cast.stranger)), ERR_NOT_FOUND, "group");
}

static void a_manager_of_one_group_is_nobody_in_another(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    int64_t other = new_group(w, "Other");
    assert_refused(w, put_as(w, cast.manager, other, plain(cast.stranger)), ERR_NOT_FOUND, "group");
    put_member(w, other, cast.manager, false);
    assert_refused(w, put_as(w, cast.manager, other, plain(cast.stranger)), ERR_FORBIDDEN, "");
}

static void a_deleted_group_has_no_members_to_manage(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    assert_ok(w, directory_delete_group(acting(w, 0), cast.group));
    assert_refused(w, put_as(w, 0, cast.group, plain(cast.stranger)), ERR_NOT_FOUND, "group");
    assert_refused(w, directory_remove_members(acting(w, cast.manager), cast.group, &cast.member, 1), ERR_NOT_FOUND, "group");
}

/* --- adding --- */

static void a_new_member_is_no_manager_unless_asked(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct membership membership;
    struct op *op = acting(w, cast.manager);
    int64_t now = op->now;
    struct member_request request = plain(cast.stranger);
    assert_ok(w, directory_put_members(op, cast.group, &request, 1));
    assert_true(get_membership(w, cast.group, cast.stranger, &membership));
    assert_false(membership.manager);
    assert_int_equal(membership.date_created, now);
    assert_int_equal(membership.added_by_user, cast.manager);
    assert_int_equal(membership.added_by_credential, 3);
    assert_false(uuid_is_nil(&membership.uuid));
}

static void adding_a_member_again_keeps_the_flag_unless_it_is_given(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    assert_ok(w, put_as(w, 0, cast.group, plain(cast.manager)));
    assert_true(is_manager(w, cast.group, cast.manager));
    assert_ok(w, put_as(w, 0, cast.group, with_flag(cast.manager, false)));
    assert_false(is_manager(w, cast.group, cast.manager));
    assert_ok(w, put_as(w, 0, cast.group, with_flag(cast.manager, true)));
    assert_true(is_manager(w, cast.group, cast.manager));
    assert_sound(w);
}

static void a_changed_member_keeps_its_uuid_and_date(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct membership before, after;
    assert_true(get_membership(w, cast.group, cast.member, &before));
    put_member(w, cast.group, cast.member, true);
    assert_true(get_membership(w, cast.group, cast.member, &after));
    assert_true(uuid_equal(&before.uuid, &after.uuid));
    assert_int_equal(before.date_created, after.date_created);
    assert_int_equal(before.added_by_user, after.added_by_user);
}

static void of_several_requests_for_one_user_the_last_wins(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    int64_t before = version_of(w, w->organization_id);
    const struct member_request requests[] = { with_flag(cast.stranger, true), with_flag(cast.member, true),
                                               with_flag(cast.stranger, false), with_flag(cast.member, false),
                                               with_flag(cast.stranger, true) };
    assert_ok(w, directory_put_members(acting(w, 0), cast.group, requests, COUNT_OF(requests)));
    assert_true(is_manager(w, cast.group, cast.stranger));
    assert_false(is_manager(w, cast.group, cast.member));
    assert_int_equal(version_of(w, w->organization_id), before + 1);
    assert_sound(w);
}

static void all_members_are_added_or_none(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    const struct member_request requests[] = { plain(cast.stranger), plain(999999) };
    assert_refused(w, directory_put_members(acting(w, 0), cast.group, requests, 2), ERR_NOT_FOUND, "user");
    assert_false(is_member(w, cast.group, cast.stranger));
}

static void a_user_of_another_organization_or_a_deleted_one_cannot_be_added(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct user *former = other_adds_user(w, "former");
    commit_one(w, w->organization_id, USER_DELETED, former, NULL);
    int64_t ours = w->organization_id;
    w->organization_id = other_adds_organization(w, "Theirs")->id;
    int64_t theirs = other_adds_user(w, "theirs")->id;
    w->organization_id = ours;
    refresh(w, INSTALLATION);
    refresh(w, ours);
    assert_refused(w, put_as(w, 0, cast.group, plain(theirs)), ERR_NOT_FOUND, "user");
    assert_refused(w, put_as(w, 0, cast.group, plain(former->id)), ERR_NOT_FOUND, "user");
    assert_refused(w, put_as(w, 0, cast.group, plain(0)), ERR_NOT_FOUND, "user");
    assert_refused(w, put_as(w, 0, cast.group, plain(INT64_MIN)), ERR_NOT_FOUND, "user");
}

static void what_changes_nothing_makes_no_version(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    int64_t before = version_of(w, w->organization_id);
    assert_ok(w, put_as(w, 0, cast.group, plain(cast.member)));
    assert_ok(w, put_as(w, 0, cast.group, with_flag(cast.manager, true)));
    assert_ok(w, directory_put_members(acting(w, 0), cast.group, NULL, 0));
    assert_ok(w, directory_remove_members(acting(w, 0), cast.group, &cast.stranger, 1));
    assert_ok(w, directory_remove_members(acting(w, 0), cast.group, NULL, 0));
    assert_int_equal(version_of(w, w->organization_id), before);
}

static void too_many_at_once_are_refused(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct member_request *requests = calloc(DIRECTORY_MEMBERS_MAX + 1, sizeof *requests);
    int64_t *ids = calloc(DIRECTORY_MEMBERS_MAX + 1, sizeof *ids);
    for (int i = 0; i <= DIRECTORY_MEMBERS_MAX; i++) requests[i].user_id = ids[i] = cast.stranger;
    assert_refused(w, directory_put_members(acting(w, 0), cast.group, requests, DIRECTORY_MEMBERS_MAX + 1), ERR_INVALID,
                   "members");
    assert_refused(w, directory_remove_members(acting(w, 0), cast.group, ids, DIRECTORY_MEMBERS_MAX + 1), ERR_INVALID, "members");
    assert_ok(w, directory_put_members(acting(w, 0), cast.group, requests, DIRECTORY_MEMBERS_MAX));
    assert_true(is_member(w, cast.group, cast.stranger));
    free(requests);
    free(ids);
}

static void thousands_of_members_are_added_and_removed_in_one_version(void **state)
{
    enum { USERS = 3000 };
    struct world *w = *state;
    struct change_list list = { 0 };
    struct user *users[USERS];
    for (int i = 0; i < USERS; i++) {
        users[i] = make_user(w->f, "u");
        append(w->f, &list, USER_CREATED, NULL, users[i]);
    }
    assert_done(w->f, commit_others(w, w->organization_id, &list));
    refresh(w, w->organization_id);
    int64_t group = new_group(w, "Large");
    struct member_request *requests = calloc(USERS, sizeof *requests);
    int64_t *ids = calloc(USERS, sizeof *ids);
    for (int i = 0; i < USERS; i++) {
        requests[i] = with_flag(users[(i * 1237) % USERS]->id, i % 2);
        ids[i] = requests[i].user_id;
    }
    assert_ok(w, directory_put_members(acting(w, 0), group, requests, USERS));
    for (int i = 0; i < USERS; i++) assert_int_equal(is_manager(w, group, ids[i]), i % 2);
    assert_sound(w);
    assert_ok(w, directory_remove_members(acting(w, 0), group, ids, USERS - 1));
    assert_false(is_member(w, group, ids[0]));
    assert_true(is_member(w, group, ids[USERS - 1]));
    assert_int_equal(version_of(w, w->organization_id), 4);
    assert_sound(w);
    free(requests);
    free(ids);
}

/* --- removing --- */

static void all_are_removed_or_none(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    const int64_t some[] = { cast.member, 999999 }, again[] = { cast.member, cast.member, cast.stranger };
    assert_refused(w, directory_remove_members(acting(w, 0), cast.group, some, 2), ERR_NOT_FOUND, "user");
    assert_true(is_member(w, cast.group, cast.member));
    assert_ok(w, directory_remove_members(acting(w, 0), cast.group, again, 3));
    assert_false(is_member(w, cast.group, cast.member));
    assert_sound(w);
}

static void the_last_manager_may_leave(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    assert_ok(w, directory_remove_members(acting(w, cast.manager), cast.group, &cast.manager, 1));
    assert_refused(w, put_as(w, cast.manager, cast.group, plain(cast.manager)), ERR_NOT_FOUND, "group");
}

/* --- dates --- */

static struct membership *add_dated(struct world *w, int64_t group_id, int64_t user_id, int64_t starts_at, int64_t ends_at)
{
    struct membership *membership = make_membership(w->f, group_id, user_id);
    membership->manager = true;
    membership->starts_at = starts_at;
    membership->ends_at = ends_at;
    commit_one(w, w->organization_id, MEMBER_ADDED, NULL, membership);
    refresh(w, w->organization_id);
    return membership;
}

static enum err see_at(struct world *w, int64_t user_id, int64_t group_id, int64_t now)
{
    struct op *op = acting(w, user_id);
    AUTO_VIEW view;
    uint32_t ordinal;
    op->now = now;
    enum err e = directory_view(op, false, &view);
    return e ? e : directory_find_group(op, &view, group_id, &ordinal);
}

static void a_membership_begins_and_ends_at_the_exact_microsecond(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    int64_t start = w->f->op.now + 100 * SECOND, end = start + 50 * SECOND;
    add_dated(w, cast.group, cast.stranger, start, end);
    assert_int_equal(see_at(w, cast.stranger, cast.group, start - 1), ERR_NOT_FOUND);
    assert_int_equal(see_at(w, cast.stranger, cast.group, start), ERR_OK);
    assert_int_equal(see_at(w, cast.stranger, cast.group, end - 1), ERR_OK);
    assert_int_equal(see_at(w, cast.stranger, cast.group, end), ERR_NOT_FOUND);
}

static void a_manager_whose_time_has_passed_manages_nothing(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    add_dated(w, cast.group, cast.stranger, 0, w->f->op.now - SECOND);
    assert_refused(w, put_as(w, cast.stranger, cast.group, plain(cast.stranger)), ERR_NOT_FOUND, "group");
}

static void adding_a_member_whose_time_has_passed_makes_it_a_new_member(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct membership membership;
    add_dated(w, cast.group, cast.stranger, 0, w->f->op.now - SECOND);
    assert_ok(w, put_as(w, 0, cast.group, plain(cast.stranger)));
    assert_true(get_membership(w, cast.group, cast.stranger, &membership));
    assert_false(membership.manager);
    assert_int_equal(membership.ends_at, 0);
    assert_int_equal(see_at(w, cast.stranger, cast.group, clock_now()), ERR_OK);
    assert_sound(w);
}

static void adding_a_member_whose_time_has_not_come_makes_it_one_now(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    add_dated(w, cast.group, cast.stranger, w->f->op.now + 1000 * (int64_t)SECOND, 0);
    assert_int_equal(see_at(w, cast.stranger, cast.group, clock_now()), ERR_NOT_FOUND);
    assert_ok(w, put_as(w, 0, cast.group, plain(cast.stranger)));
    assert_int_equal(see_at(w, cast.stranger, cast.group, clock_now()), ERR_OK);
}

static void dates_stay_when_only_the_flag_changes(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct membership membership;
    int64_t end = w->f->op.now + 1000 * (int64_t)SECOND;
    add_dated(w, cast.group, cast.stranger, 0, end);
    put_member(w, cast.group, cast.stranger, false);
    assert_true(get_membership(w, cast.group, cast.stranger, &membership));
    assert_int_equal(membership.ends_at, end);
    assert_sound(w);
}

static void a_removed_member_comes_back_without_its_old_dates(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct membership membership;
    add_dated(w, cast.group, cast.stranger, 0, w->f->op.now + 1000 * (int64_t)SECOND);
    assert_ok(w, directory_remove_members(acting(w, 0), cast.group, &cast.stranger, 1));
    put_member(w, cast.group, cast.stranger, false);
    assert_true(get_membership(w, cast.group, cast.stranger, &membership));
    assert_int_equal(membership.ends_at, 0);
    assert_sound(w);
}

static enum err count_kinds(void *context, struct op *op, const struct log_entry *entry)
{
    (void)op;
    ((int *)context)[entry->kind]++;
    return ERR_OK;
}

/* The housekeeper runs every second; what it did is in the log. */
static void ended_memberships_become_member_expired(void **state)
{
    struct world *w = *state;
    struct cast cast = add_cast(w);
    add_dated(w, cast.group, cast.stranger, 0, w->f->op.now - SECOND);
    add_dated(w, new_group(w, "Second"), cast.stranger, 0, w->f->op.now + 3600 * (int64_t)SECOND);
    int64_t before = version_of(w, w->organization_id);
    struct directory_options options = quiet_options;
    options.background = true;
    close_directory(w);
    open_directory(w, &options);
    struct directory_stats stats = { 0 };
    for (int i = 0; i < 2000 && !stats.expired; i++) { /* it counts when it has written */
        usleep(10000);
        directory_stats(w->directory, &stats);
    }
    assert_false(is_member(w, cast.group, cast.stranger));
    assert_true(is_member(w, cast.group, cast.member));
    int kinds[CHANGE_KIND_COUNT] = { 0 };
    assert_done(w->f, store_read_log(&w->f->op, w->other, w->organization_id, before, 0, count_kinds, kinds));
    assert_int_equal(kinds[MEMBER_EXPIRED], 1);
    assert_int_equal(stats.expired, 1);
    assert_sound(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_manager_manages_the_members_of_its_group),
        world_test(a_member_that_is_no_manager_may_not),
        world_test(a_stranger_does_not_learn_that_the_group_exists),
        world_test(a_manager_of_one_group_is_nobody_in_another),
        world_test(a_deleted_group_has_no_members_to_manage),
        world_test(a_new_member_is_no_manager_unless_asked),
        world_test(adding_a_member_again_keeps_the_flag_unless_it_is_given),
        world_test(a_changed_member_keeps_its_uuid_and_date),
        world_test(of_several_requests_for_one_user_the_last_wins),
        world_test(all_members_are_added_or_none),
        world_test(a_user_of_another_organization_or_a_deleted_one_cannot_be_added),
        world_test(what_changes_nothing_makes_no_version),
        world_test(too_many_at_once_are_refused),
        world_test(thousands_of_members_are_added_and_removed_in_one_version),
        world_test(all_are_removed_or_none),
        world_test(the_last_manager_may_leave),
        world_test(a_membership_begins_and_ends_at_the_exact_microsecond),
        world_test(a_manager_whose_time_has_passed_manages_nothing),
        world_test(adding_a_member_whose_time_has_passed_makes_it_a_new_member),
        world_test(adding_a_member_whose_time_has_not_come_makes_it_one_now),
        world_test(dates_stay_when_only_the_flag_changes),
        world_test(a_removed_member_comes_back_without_its_old_dates),
        world_test(ended_memberships_become_member_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
