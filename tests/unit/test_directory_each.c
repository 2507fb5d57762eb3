/* Members added and removed each by itself: what becomes of each, in one commit, whatever dates a membership has. */
#include "directory_fixture.h"

enum { CROWD = 6 };

/* Users, known to the directory. Their numbers are in the arena of the tests. */
static const int64_t *add_users(struct world *w, size_t count)
{
    int64_t *ids = arena_array(&w->f->op.arena, count, sizeof *ids);
    struct user **users = arena_array(&w->f->op.arena, count, sizeof *users);
    struct change_list list = { 0 };
    for (size_t i = 0; i < count; i++) {
        users[i] = make_user(w->f, arena_printf(&w->f->op.arena, "u%zu", i));
        users[i]->organization_id = w->organization_id;
        append(w->f, &list, USER_CREATED, NULL, users[i]);
    }
    assert_done(w->f, commit_others(w, w->organization_id, &list));
    refresh(w, w->organization_id);
    for (size_t i = 0; i < count; i++) ids[i] = users[i]->id;
    return ids;
}

static struct membership dated_member(struct world *w, int64_t group_id, int64_t user_id, int64_t starts_at, int64_t ends_at)
{
    struct membership *membership = make_membership(w->f, group_id, user_id);
    membership->organization_id = w->organization_id;
    membership->manager = true;
    membership->starts_at = starts_at;
    membership->ends_at = ends_at;
    commit_one(w, w->organization_id, MEMBER_ADDED, NULL, membership);
    refresh(w, w->organization_id);
    return *membership;
}

static void assert_outcomes(struct world *w, const int64_t *user_ids, const enum member_outcome *expected, size_t count)
{
    assert_int_equal(w->op.outcome_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(w->op.outcomes[i], expected[i]);
        assert_int_equal(w->op.outcome_user_ids[i], user_ids[i]);
    }
}

typedef enum err (*change_each)(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count);
static const change_each changes[] = { directory_add_each_member, directory_remove_each_member };

static void each_member_is_told_of_in_the_order_asked(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, CROWD), group_id = new_group(w, "Group"), version = version_of(w, w->organization_id);
    const int64_t added[] = { ids[3], 4711, ids[1], ids[3] }, removed[] = { ids[5], ids[3], NUMBER_MAX, ids[3] };
    static const enum member_outcome of_adding[] = { MEMBER_DONE, MEMBER_UNKNOWN, MEMBER_DONE, MEMBER_WAS_SO },
                                     again[] = { MEMBER_WAS_SO, MEMBER_UNKNOWN, MEMBER_WAS_SO, MEMBER_WAS_SO },
                                     of_removing[] = { MEMBER_WAS_SO, MEMBER_DONE, MEMBER_UNKNOWN, MEMBER_WAS_SO };
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, added, COUNT_OF(added)));
    assert_outcomes(w, added, of_adding, COUNT_OF(added));
    assert_true(is_member(w, group_id, ids[1]) && is_member(w, group_id, ids[3]));
    assert_int_equal(version_of(w, w->organization_id), version + 1);
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, added, COUNT_OF(added)));
    assert_outcomes(w, added, again, COUNT_OF(added));
    assert_int_equal(version_of(w, w->organization_id), version + 1);
    assert_ok(w, directory_remove_each_member(acting(w, 0), group_id, removed, COUNT_OF(removed)));
    assert_outcomes(w, removed, of_removing, COUNT_OF(removed));
    assert_true(is_member(w, group_id, ids[1]) && !is_member(w, group_id, ids[3]));
    assert_ok(w, directory_remove_each_member(acting(w, 0), group_id, removed, 0));
    assert_int_equal(w->op.outcome_count, 0);
    assert_sound(w);
}

static void numbers_that_are_nobody_change_nothing(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 2), group_id = new_group(w, "Group");
    struct organization *others = other_adds_organization(w, "Others");
    struct user *stranger = make_user(w->f, "stranger"), *gone = arena_alloc(&w->f->op.arena, sizeof *gone);
    stranger->organization_id = others->id;
    commit_one(w, others->id, USER_CREATED, NULL, stranger);
    union object before = { .any = NULL };
    bool found;
    assert_done(w->f, store_find(&w->f->op, w->other, NOUN_USER, w->organization_id, ids[1], 0, &found, &before));
    *gone = *before.user;
    gone->deleted_at = w->f->op.now;
    commit_one(w, w->organization_id, USER_DELETED, before.user, gone);
    refresh(w, w->organization_id);
    const int64_t version = version_of(w, w->organization_id);
    const int64_t asked[] = { 0, -1, INT64_MIN, INT64_MAX, NUMBER_MAX, group_id + 1000, stranger->id, ids[1] };
    static const enum member_outcome unknown[COUNT_OF(asked)] = {
        MEMBER_UNKNOWN, MEMBER_UNKNOWN, MEMBER_UNKNOWN, MEMBER_UNKNOWN,
        MEMBER_UNKNOWN, MEMBER_UNKNOWN, MEMBER_UNKNOWN, MEMBER_UNKNOWN
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_ok(w, changes[i](acting(w, 0), group_id, asked, COUNT_OF(asked)));
        assert_outcomes(w, asked, unknown, COUNT_OF(asked));
    }
    assert_int_equal(version_of(w, w->organization_id), version);
    assert_sound(w);
}

static void adding_each_keeps_a_managers_flag(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, CROWD), group_id = new_group(w, "Group");
    put_member(w, group_id, ids[1], true);
    assert_ok(w, directory_add_each_member(acting(w, ids[1]), group_id, ids, CROWD));
    assert_true(is_manager(w, group_id, ids[1]));
    assert_false(is_manager(w, group_id, ids[3]));
}

static void only_who_manages_the_group_may_change_its_members(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, CROWD), group_id = new_group(w, "Group");
    put_member(w, group_id, ids[1], true);
    put_member(w, group_id, ids[3], false);
    const int64_t version = version_of(w, w->organization_id);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_refused(w, changes[i](acting(w, ids[3]), group_id, ids, CROWD), ERR_FORBIDDEN, "");
        assert_refused(w, changes[i](acting(w, ids[5]), group_id, ids, CROWD), ERR_NOT_FOUND, "group");
        assert_refused(w, changes[i](acting(w, 0), group_id + 1, ids, CROWD), ERR_NOT_FOUND, "group");
        assert_null(w->op.outcomes);
    }
    assert_int_equal(version_of(w, w->organization_id), version);
}

/* --- memberships with dates --- */

#define DAY INT64_C(86400000000)

static void one_that_is_not_in_effect_begins_at_once_when_added(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 3), group_id = new_group(w, "Group"), now = w->f->op.now;
    const struct membership future = dated_member(w, group_id, ids[0], now + DAY, 0),
                            past = dated_member(w, group_id, ids[1], now - 2 * DAY, now - DAY),
                            present = dated_member(w, group_id, ids[2], now - DAY, now + 30 * DAY);
    static const enum member_outcome expected[] = { MEMBER_DONE, MEMBER_DONE, MEMBER_WAS_SO };
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, ids, 3));
    assert_outcomes(w, ids, expected, 3);
    for (int i = 0; i < 2; i++) {
        struct membership membership;
        assert_true(get_membership(w, group_id, ids[i], &membership));
        assert_int_equal(membership.starts_at, 0);
        assert_int_equal(membership.ends_at, 0);
        assert_false(membership.manager); /* that of another time is not given anew */
        assert_true(uuid_equal(&membership.uuid, i ? &past.uuid : &future.uuid));
    }
    struct membership kept;
    assert_true(get_membership(w, group_id, ids[2], &kept));
    assert_int_equal(kept.ends_at, present.ends_at);
    assert_true(kept.manager);
    assert_sound(w);
}

/* Else a user that was removed would be in the group from tomorrow on. */
static void one_that_has_not_begun_is_removed(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 2), group_id = new_group(w, "Group"), now = w->f->op.now;
    dated_member(w, group_id, ids[0], now + DAY, 0);
    dated_member(w, group_id, ids[1], now + DAY, now + 2 * DAY);
    static const enum member_outcome expected[] = { MEMBER_DONE, MEMBER_DONE };
    assert_ok(w, directory_remove_each_member(acting(w, 0), group_id, ids, 2));
    assert_outcomes(w, ids, expected, 2);
    assert_false(is_member(w, group_id, ids[0]) || is_member(w, group_id, ids[1]));
    assert_sound(w);
}

/* It is no member any more, and whether it was cleared away yet makes no difference to who asks. */
static void one_that_has_ended_is_no_member_to_be_removed(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 1), group_id = new_group(w, "Group"), now = w->f->op.now;
    dated_member(w, group_id, ids[0], 0, now - 1);
    const int64_t version = version_of(w, w->organization_id);
    static const enum member_outcome expected[] = { MEMBER_WAS_SO };
    assert_ok(w, directory_remove_each_member(acting(w, 0), group_id, ids, 1));
    assert_outcomes(w, ids, expected, 1);
    assert_int_equal(version_of(w, w->organization_id), version);
}

static void one_ends_at_the_exact_microsecond(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 1), group_id = new_group(w, "Group"), end = w->f->op.now + DAY;
    static const enum member_outcome done[] = { MEMBER_DONE }, was_so[] = { MEMBER_WAS_SO };
    dated_member(w, group_id, ids[0], 0, end);
    acting(w, 0)->now = end;
    assert_ok(w, directory_remove_each_member(&w->op, group_id, ids, 1));
    assert_outcomes(w, ids, was_so, 1);
    acting(w, 0)->now = end - 1;
    assert_ok(w, directory_remove_each_member(&w->op, group_id, ids, 1));
    assert_outcomes(w, ids, done, 1);
}

/* --- many --- */

static void ten_thousand_at_once_are_one_commit_and_more_are_refused(void **state)
{
    struct world *w = *state;
    enum { MANY = DIRECTORY_MEMBERS_MAX, USERS = MANY / 2 };
    const int64_t *known = add_users(w, USERS), group_id = new_group(w, "Group");
    int64_t *asked = arena_array(&w->f->op.arena, MANY + 1, sizeof *asked);
    for (int i = 0; i < MANY; i++) asked[i] = known[USERS - 1 - i % USERS]; /* each twice, from the last to the first */
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        assert_refused(w, changes[i](acting(w, 0), group_id, asked, MANY + 1), ERR_INVALID, "members");
    const int64_t version = version_of(w, w->organization_id);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_ok(w, changes[i](acting(w, 0), group_id, asked, MANY));
        assert_int_equal(w->op.outcome_count, MANY);
        for (int j = 0; j < MANY; j++) assert_int_equal(w->op.outcomes[j], j < USERS ? MEMBER_DONE : MEMBER_WAS_SO);
        assert_int_equal(version_of(w, w->organization_id), version + 1 + (int64_t)i);
        assert_int_equal(is_member(w, group_id, known[0]), i == 0);
        assert_int_equal(is_member(w, group_id, known[USERS - 1]), i == 0);
    }
    assert_sound(w);
}

static void a_large_list_is_not_for_a_thread_that_may_not_wait(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 501), group_id = new_group(w, "Group"), version = version_of(w, w->organization_id);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        acting(w, 0)->may_block = false;
        assert_refused(w, changes[i](&w->op, group_id, ids, 501), ERR_DEFERRED, "");
        assert_int_equal(w->op.outcome_count, 0);
        assert_int_equal(version_of(w, w->organization_id), version);
    }
    acting(w, 0)->may_block = false;
    assert_ok(w, directory_add_each_member(&w->op, group_id, ids, 500));
    assert_int_equal(w->op.outcome_count, 500);
}

/* The commit is refused as stale and the rule asked again: what it said at first is not told. */
static void when_another_process_was_faster_the_last_word_counts(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 2), group_id = new_group(w, "Group");
    other_adds_member(w, group_id, ids[0], false);
    const struct user *unheard_of = other_adds_user(w, "unheard of");
    const int64_t asked[] = { ids[0], unheard_of->id, ids[1] };
    static const enum member_outcome expected[] = { MEMBER_WAS_SO, MEMBER_DONE, MEMBER_DONE };
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, asked, COUNT_OF(asked)));
    assert_outcomes(w, asked, expected, COUNT_OF(asked));
    assert_sound(w);
}

/* The list that was asked for may be gone when the write ends. */
static void the_list_is_copied(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_users(w, 2), group_id = new_group(w, "Group");
    int64_t asked[] = { ids[0], ids[1] };
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, asked, 2));
    asked[0] = asked[1] = 0;
    static const enum member_outcome expected[] = { MEMBER_DONE, MEMBER_DONE };
    assert_outcomes(w, ids, expected, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(each_member_is_told_of_in_the_order_asked),
        world_test(numbers_that_are_nobody_change_nothing),
        world_test(adding_each_keeps_a_managers_flag),
        world_test(only_who_manages_the_group_may_change_its_members),
        world_test(one_that_is_not_in_effect_begins_at_once_when_added),
        world_test(one_that_has_not_begun_is_removed),
        world_test(one_that_has_ended_is_no_member_to_be_removed),
        world_test(one_ends_at_the_exact_microsecond),
        world_test(ten_thousand_at_once_are_one_commit_and_more_are_refused),
        world_test(a_large_list_is_not_for_a_thread_that_may_not_wait),
        world_test(when_another_process_was_faster_the_last_word_counts),
        world_test(the_list_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
