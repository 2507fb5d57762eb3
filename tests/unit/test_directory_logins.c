/* What the directory does for the log-ins that are lent to it: sessions end with their organization and are saved at the end. */
#include "directory_fixture.h"

#define MINUTE INT64_C(60000000)

static const char secret[] = "0123456789012345678901234567890123456789012";

/* A session as one that logged in before the last start has it: 10 minutes are left. */
static void keep_session(struct world *w, const struct user *user)
{
    struct login login = { .kind = LOGIN_SESSION,
                           .hash = digest_of(secret, LOGINS_SECRET_SIZE),
                           .organization_id = user->organization_id,
                           .user_id = user->id,
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
    return logins_find_session(&op, logins, secret);
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
        world_test(how_long_sessions_live_is_saved_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
