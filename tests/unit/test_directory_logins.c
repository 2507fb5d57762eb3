/* What the directory does for the log-ins that are lent to it: sessions end with their organization and are saved at the end. */
#include "directory_fixture.h"

#include "store/logins.h"

#define MINUTE INT64_C(60000000)

static const char secret[] = "0123456789012345678901234567890123456789012";

/* A session as one that logged in before the last start has it: 10 minutes are left. */
static void keep_session(struct world *w, const struct user *user)
{
    struct login login = { .kind = LOGIN_SESSION,
                           .hash = digest_of(secret, LOGINS_SECRET_SIZE),
                           .organization_id = user->organization_id,
                           .user_id = user->id,
                           .user_uuid = user->uuid,
                           .created_at = w->f->op.now,
                           .expires_at = w->f->op.now + 10 * MINUTE };
    struct login_change change = { .now = w->f->op.now, .added = &login, .added_count = 1 };
    assert_done(w->f, store_change_logins(&w->f->op, w->other, &change));
}

static struct logins *open_with_logins(struct world *w, bool background)
{
    struct directory_options options = quiet_options;
    close_directory(w);
    assert_done(w->f, logins_open(&w->f->op, w->f->store, &(struct logins_options){ 0 }, &options.logins));
    options.background = background;
    open_directory(w, &options);
    assert_ptr_equal(directory_logins(w->directory), options.logins);
    return options.logins;
}

static enum err find(struct logins *logins)
{
    AUTO_OP op = op_begin();
    enum err e = logins_find_session(&op, logins, secret);
    if (!e) logins_touch_session(&op, logins, secret);
    return e;
}

static void there_may_be_no_log_ins(void **state)
{
    struct world *w = *state;
    assert_null(directory_logins(w->directory));
}

static void a_session_does_not_outlive_its_organization(void **state)
{
    for (int anew = 0; anew < 2; anew++) { /* nor is it one of another organization with the same number */
        struct world *w;
        (void)state;
        assert_int_equal(set_up_world((void **)&w), 0);
        struct organization *organization = other_adds_organization(w, "Gone");
        w->organization_id = organization->id;
        keep_session(w, other_adds_user(w, "ada"));
        struct logins *logins = open_with_logins(w, false);
        assert_int_equal(find(logins), ERR_OK);
        refresh(w, INSTALLATION);
        assert_int_equal(find(logins), ERR_OK);
        struct organization renamed = *organization;
        renamed.name = "Renamed";
        commit_one(w, INSTALLATION, ORGANIZATION_UPDATED, organization, &renamed);
        refresh(w, INSTALLATION);
        assert_int_equal(find(logins), ERR_OK);
        commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
        organization = make(w->f, organization, sizeof *organization);
        organization->uuid = uuid_random();
        if (anew) commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, organization);
        refresh(w, INSTALLATION);
        assert_int_equal(find(logins), ERR_UNAUTHENTICATED);
        close_directory(w);
        logins_close(logins);
        tear_down_world((void **)&w);
    }
}

/* A user is deleted and lives again, before this process hears of either. The image may be in memory, or not, or have been loaded
 * since; what the process wrote itself before does not matter. */
static void a_session_does_not_live_again_with_its_user(void **state)
{
    enum { IN_MEMORY, NOT_IN_MEMORY, LOADED_SINCE, WROTE_BEFORE, WROTE_SINCE, LOADED_AND_WROTE, CASES };
    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct world *w;
        assert_int_equal(set_up_world((void **)&w), 0);
        struct user *user = other_adds_user(w, "ada");
        keep_session(w, user);
        struct logins *logins = open_with_logins(w, false);
        refresh(w, w->organization_id);
        struct group group = { .name = "Mine" };
        struct view view;
        if (i == WROTE_BEFORE) assert_ok(w, directory_create_group(acting(w, 0), &group, group_fields("name", NULL)));
        if (i == IN_MEMORY || i == WROTE_SINCE) {
            assert_ok(w, directory_view(acting(w, user->id), false, &view));
            directory_view_end(&view);
        }
        commit_one(w, w->organization_id, USER_DELETED, user, NULL);
        struct user deleted = *user;
        deleted.deleted_at = w->f->op.now;
        commit_one(w, w->organization_id, USER_UPDATED, &deleted, user);
        if (i == WROTE_SINCE || i == LOADED_AND_WROTE)
            assert_ok(w, directory_create_group(acting(w, 0), &group, group_fields("name", NULL)));
        if (i == WROTE_SINCE) assert_int_equal(find(logins), ERR_UNAUTHENTICATED); /* as soon as the image shows that */
        if (i == LOADED_SINCE) {
            assert_ok(w, directory_view(acting(w, user->id), false, &view));
            directory_view_end(&view);
        }
        refresh(w, w->organization_id);
        assert_ok(w, directory_view(acting(w, user->id), false, &view));
        directory_view_end(&view);
        assert_int_equal(find(logins), ERR_UNAUTHENTICATED);
        close_directory(w);
        logins_close(logins);
        tear_down_world((void **)&w);
    }
}

static void other_users_sessions_go_on_when_one_is_deleted(void **state)
{
    struct world *w = *state;
    struct user *ada = other_adds_user(w, "ada"), *bob = other_adds_user(w, "bob");
    keep_session(w, ada);
    struct logins *logins = open_with_logins(w, false);
    for (int i = 0; i < 2; i++) { /* first all are compared with the database, then the log is followed */
        refresh(w, w->organization_id);
        assert_int_equal(find(logins), ERR_OK);
        commit_one(w, w->organization_id, USER_DELETED, bob, NULL);
    }
    refresh(w, w->organization_id);
    assert_int_equal(find(logins), ERR_OK);
    close_directory(w);
    logins_close(logins);
}

/* Numbers come again with another organization; then it depends on the uuid. */
static void who_has_the_number_but_another_uuid_is_somebody_else(void **state)
{
    struct world *w = *state;
    struct user *user = other_adds_user(w, "ada");
    struct view view;
    struct group group = { .name = "Mine" };
    refresh(w, w->organization_id);
    acting(w, user->id)->caller.user_uuid = user->uuid;
    assert_ok(w, directory_view(&w->op, false, &view));
    directory_view_end(&view);
    acting(w, user->id)->caller.user_uuid = uuid_random();
    assert_refused(w, directory_view(&w->op, false, &view), ERR_UNAUTHENTICATED, "");
    acting(w, user->id)->caller.user_uuid = uuid_random();
    assert_refused(w, directory_create_group(&w->op, &group, group_fields("name", NULL)), ERR_UNAUTHENTICATED, "");
}

static void how_long_sessions_live_is_saved_at_the_end(void **state)
{
    struct world *w = *state;
    keep_session(w, other_adds_user(w, "ada"));
    struct logins *logins = open_with_logins(w, true);
    assert_int_equal(find(logins), ERR_OK); /* 24 minutes from now on */
    close_directory(w);
    logins_close(logins);
    struct digest hash = digest_of(secret, LOGINS_SECRET_SIZE);
    struct login login;
    bool found;
    assert_done(w->f, store_find_login(&w->f->op, w->other, LOGIN_SESSION, &hash, w->f->op.now + 23 * MINUTE, &found, &login));
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(there_may_be_no_log_ins),
        cmocka_unit_test(a_session_does_not_outlive_its_organization),
        cmocka_unit_test(a_session_does_not_live_again_with_its_user),
        world_test(other_users_sessions_go_on_when_one_is_deleted),
        world_test(who_has_the_number_but_another_uuid_is_somebody_else),
        world_test(how_long_sessions_live_is_saved_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
