/* What the housekeeper does for one organization does not hang on what happens to another, and what fails is done later. */
#include "directory_fixture.h"

enum { SECOND = 1000000, EACH = 3 };

static void adds_ended_membership(struct world *w, int64_t organization_id, const char *name, int seconds_ago)
{
    w->organization_id = organization_id;
    struct group *group = other_adds_group(w, name);
    struct user *user = other_adds_user(w, name);
    struct membership *membership = make_membership(w->f, group->id, user->id);
    membership->organization_id = organization_id;
    membership->ends_at = w->f->op.now - seconds_ago * (int64_t)SECOND;
    commit_one(w, organization_id, MEMBER_ADDED, NULL, membership);
}

/* From now on the database refuses what ends a membership of the organization. */
static void refuse_ends(struct world *w, int64_t organization_id)
{
    if (w->f->place.engine == PLACE_SQLITE)
        execute(w,
                "CREATE TRIGGER refuse BEFORE INSERT ON change WHEN new.organization_id = %lld AND new.kind = 'member_expired'"
                " BEGIN SELECT RAISE(ABORT, 'no'); END",
                (long long)organization_id);
    else
        execute(w, "ALTER TABLE change ADD CHECK (NOT (organization_id = %lld AND kind = 'member_expired'))",
                (long long)organization_id);
}

static int64_t memberships_of(struct world *w, int64_t organization_id)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM membership WHERE organization_id = %lld", (long long)organization_id);
    return place_number(&w->f->place, sql);
}

/* Lets the housekeeper work until no membership of the organization is left, or for two minutes. */
static void clear_away_until_empty(struct world *w, int64_t organization_id)
{
    close_directory(w);
    struct directory_options options = quiet_options;
    options.background = true;
    open_directory(w, &options);
    int64_t begun = clock_monotonic_ns();
    while (memberships_of(w, organization_id) && clock_monotonic_ns() - begun < INT64_C(120000000000)) usleep(50000);
}

static void one_organization_that_cannot_be_written_to_keeps_no_other_s_memberships(void **state)
{
    struct world *w = *state;
    const int64_t bad = w->organization_id, good = other_adds_organization(w, "good")->id;
    for (int i = 0; i < EACH; i++) {
        adds_ended_membership(w, bad, (const char *[]){ "a", "b", "c" }[i], 100 - 2 * i);
        adds_ended_membership(w, good, (const char *[]){ "a", "b", "c" }[i], 99 - 2 * i);
    }
    refuse_ends(w, bad);
    clear_away_until_empty(w, good);
    assert_int_equal(memberships_of(w, good), 0);
    assert_int_equal(memberships_of(w, bad), EACH);
    close_directory(w);
}

static void a_last_use_that_cannot_be_saved_is_saved_later(void **state)
{
    struct world *w = *state;
    struct credential *credential = other_adds_credential(w, 0, "used");
    refresh(w, w->organization_id);
    assert_int_equal(authenticate_bearer(w, "used"), ERR_OK);
    execute(w, "ALTER TABLE credential RENAME TO hidden");
    assert_int_equal(directory_save_last_used(acting(w, 0), w->directory), ERR_STORAGE);
    execute(w, "ALTER TABLE hidden RENAME TO credential");
    assert_ok(w, directory_save_last_used(acting(w, 0), w->directory));
    union object found = stored(w->f, NOUN_CREDENTIAL, w->organization_id, credential->id, 0);
    assert_true(found.credential->last_used_at > 0);
}

static struct membership *ends_before_all_others(struct world *w, const struct group *group, const struct user *user)
{
    struct membership *membership = make_membership(w->f, group->id, user->id);
    membership->organization_id = w->organization_id;
    membership->ends_at = w->f->op.now - 1000 * (int64_t)SECOND;
    return membership;
}

/* More than the housekeeper takes at a time. */
static int64_t add_very_many_ended(struct world *w, int64_t organization_id)
{
    enum { SIDE = 40 };
    struct group *groups[SIDE];
    struct user *users[SIDE];
    struct change_list made = { 0 }, joined = { 0 };
    w->organization_id = organization_id;
    for (int i = 0; i < SIDE; i++) {
        groups[i] = make_group(w->f, arena_printf(&w->f->op.arena, "g%d", i));
        users[i] = make_user(w->f, "u");
        groups[i]->organization_id = users[i]->organization_id = organization_id;
        append(w->f, &made, GROUP_CREATED, NULL, groups[i]);
        append(w->f, &made, USER_CREATED, NULL, users[i]);
    }
    assert_done(w->f, commit_others(w, organization_id, &made));
    for (int i = 0; i < SIDE * SIDE; i++)
        append(w->f, &joined, MEMBER_ADDED, NULL, ends_before_all_others(w, groups[i / SIDE], users[i % SIDE]));
    assert_done(w->f, commit_others(w, organization_id, &joined));
    return SIDE * SIDE;
}

static void nor_does_one_with_very_many(void **state)
{
    struct world *w = *state;
    const int64_t bad = w->organization_id, good = other_adds_organization(w, "good")->id;
    adds_ended_membership(w, good, "a", 10);
    const int64_t many = add_very_many_ended(w, bad);
    refuse_ends(w, bad);
    clear_away_until_empty(w, good);
    assert_int_equal(memberships_of(w, good), 0);
    assert_int_equal(memberships_of(w, bad), many);
    close_directory(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(one_organization_that_cannot_be_written_to_keeps_no_other_s_memberships),
        world_test(a_last_use_that_cannot_be_saved_is_saved_later),
        world_test(nor_does_one_with_very_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
