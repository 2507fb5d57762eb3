/* Requests about groups that have managers, any at all, against a plain description of the rules. */
#include "managed_fixture.h"

#include "dice.h"

enum { CROWD = 7 };

struct model_member {
    bool exists, manager;
    int64_t starts_at, ends_at;
    struct uuid uuid;
};

struct model {
    int64_t group_id, ids[CROWD]; /* the first is an administrator, the last is not active */
    struct uuid users[CROWD];
    struct model_member members[CROWD];
};

static bool is_present(const struct model_member *member, int64_t now)
{
    return member->exists && member->starts_at <= now && (!member->ends_at || member->ends_at > now);
}

static int count_managers(const struct model *model, int64_t now)
{
    int count = 0;
    for (int i = 0; i < CROWD; i++) count += is_present(&model->members[i], now) && model->members[i].manager;
    return count;
}

/* -1: fits; else the kind of the issue. Places of new memberships have a nil uuid, which no request names. */
static int model_change(struct model *model, const struct member_change *change, int64_t now, bool may_add)
{
    int at = 0;
    if (change->kind == MEMBER_CHANGE_ADD) {
        if (!may_add) return -1;
        while (at < CROWD && !uuid_equal(&model->users[at], &change->user)) at++;
        if (at == CROWD) return ISSUE_USER_UNKNOWN;
        if (at == CROWD - 1) return ISSUE_USER_INACTIVE;
        if (is_present(&model->members[at], now)) return ISSUE_MEMBER_ALREADY;
        model->members[at].exists = true;
        model->members[at].manager = change->manager;
        model->members[at].starts_at = model->members[at].ends_at = 0;
        return -1;
    }
    while (at < CROWD && !uuid_equal(&model->members[at].uuid, &change->membership)) at++;
    if (at == CROWD || uuid_is_nil(&change->membership)) return ISSUE_MEMBERSHIP_UNKNOWN;
    struct model_member *member = &model->members[at];
    if (!member->exists || (member->ends_at && member->ends_at <= now)) return ISSUE_MEMBERSHIP_UNKNOWN;
    const int managers = count_managers(model, now);
    if (change->kind == MEMBER_CHANGE_ROLE) member->manager = change->manager;
    else member->exists = false;
    return managers && !count_managers(model, now) ? ISSUE_LAST_MANAGER : -1;
}

static size_t random_request(struct dice *dice, const struct model *model, struct member_change *changes, size_t max)
{
    size_t count = roll(dice, (uint32_t)max + 1);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = roll(dice, 30) ? roll(dice, roll(dice, 10) ? CROWD - 1 : CROWD) : CROWD;
        changes[i] = (struct member_change){ .kind = (enum member_change_kind)roll(dice, 3),
                                             .index = i,
                                             .user = at == CROWD ? uuid_random() : model->users[at],
                                             .membership = at == CROWD ? uuid_random() : model->members[at].uuid,
                                             .manager = roll(dice, 2) };
    }
    return count;
}

/* Takes over the uuids of memberships that were made, and compares all else. */
static void compare_with_model(struct world *w, struct model *model)
{
    for (int i = 0; i < CROWD; i++) {
        struct membership membership = { 0 };
        struct model_member *member = &model->members[i];
        assert_int_equal(get_membership(w, model->group_id, model->ids[i], &membership), member->exists);
        if (!member->exists) {
            member->uuid = (struct uuid){ { 0 } };
            continue;
        }
        assert_int_equal(membership.manager, member->manager);
        assert_int_equal(membership.starts_at, member->starts_at);
        assert_int_equal(membership.ends_at, member->ends_at);
        if (!uuid_is_nil(&member->uuid)) assert_true(uuid_equal(&membership.uuid, &member->uuid));
        member->uuid = membership.uuid;
    }
}

/* What other APIs and imports do in between: anything. */
static void disturb(struct world *w, struct model *model, struct dice *dice)
{
    int at = (int)roll(dice, CROWD);
    struct model_member *member = &model->members[at];
    struct membership before, after;
    const int64_t now = w->f->op.now, times[] = { 0, now - HOUR, now + 24 * HOUR };
    if (get_membership(w, model->group_id, model->ids[at], &before)) {
        commit_one(w, w->organization_id, MEMBER_REMOVED, make(w->f, &before, sizeof before), NULL);
        *member = (struct model_member){ 0 };
    } else {
        after = *make_membership(w->f, model->group_id, model->ids[at]);
        after.organization_id = w->organization_id;
        after.manager = roll(dice, 2);
        after.starts_at = times[roll(dice, 3)];
        after.ends_at = times[roll(dice, 3)];
        if (after.ends_at && after.starts_at >= after.ends_at) after.starts_at = 0;
        commit_one(w, w->organization_id, MEMBER_ADDED, NULL, make(w->f, &after, sizeof after));
        *member = (struct model_member){ true, after.manager, after.starts_at, after.ends_at, after.uuid };
    }
    refresh(w, w->organization_id);
}

static void any_request_does_what_the_plain_rules_say(void **state)
{
    enum { ROUNDS = 1500, MAX = 6 };
    struct world *w = *state;
    struct dice dice = DICE(1);
    struct model model = { .group_id = other_adds_group(w, "Group")->id };
    for (int i = 0; i < CROWD; i++) {
        struct user *user = make_user(w->f, "u");
        user->super_user = i == 0;
        user->active = i < CROWD - 1;
        commit_one(w, w->organization_id, USER_CREATED, NULL, user);
        model.ids[i] = user->id;
        model.users[i] = user->uuid;
    }
    refresh(w, w->organization_id);
    int done = 0, refused = 0, forbidden = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (roll(&dice, 3) == 0) disturb(w, &model, &dice);
        struct member_change changes[MAX];
        const size_t count = random_request(&dice, &model, changes, MAX);
        const int caller = (int)roll(&dice, roll(&dice, 2) ? 1 : CROWD - 1);
        struct op *op = acting(w, model.ids[caller]);
        struct model after = model;
        const bool may_add = is_present(&model.members[caller], op->now) && model.members[caller].manager;
        int issue = -1;
        size_t at = 0;
        for (; at < count && issue < 0; at++) issue = model_change(&after, &changes[at], op->now, may_add);
        enum err e = directory_change_managed_group(op, model.group_id, NULL, changes, count);
        if (caller && !may_add) {
            assert_int_equal(e, ERR_FORBIDDEN);
            forbidden++;
        } else if (issue >= 0) {
            assert_issue(w, e, (enum issue_kind)issue, at - 1);
            refused++;
        } else {
            assert_int_equal(e, ERR_OK);
            model = after;
            done++;
        }
        refresh(w, w->organization_id);
        compare_with_model(w, &model);
    }
    assert_true(done > ROUNDS / 10 && refused > ROUNDS / 10 && forbidden > ROUNDS / 20);
    assert_sound(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(any_request_does_what_the_plain_rules_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
