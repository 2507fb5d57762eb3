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

static void one_organization_that_cannot_be_written_to_keeps_no_other_s_memberships(void **state)
{
    struct world *w = *state;
    const int64_t bad = w->organization_id, good = other_adds_organization(w, "good")->id;
    for (int i = 0; i < EACH; i++) {
        adds_ended_membership(w, bad, (const char *[]){ "a", "b", "c" }[i], 100 - 2 * i);
        adds_ended_membership(w, good, (const char *[]){ "a", "b", "c" }[i], 99 - 2 * i);
    }
    refuse_ends(w, bad);
    close_directory(w);
    struct directory_options options = quiet_options;
    options.background = true;
    open_directory(w, &options);
    int64_t begun = clock_monotonic_ns();
    while (memberships_of(w, good) && clock_monotonic_ns() - begun < INT64_C(120000000000)) usleep(50000);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(one_organization_that_cannot_be_written_to_keeps_no_other_s_memberships),
        world_test(a_last_use_that_cannot_be_saved_is_saved_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
