/* Another process commits to the same file: what the directory must notice, and what it must not lose. */
#include "directory_fixture.h"

#define SECRET "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e"

static enum err authenticate(struct world *w, const char *header)
{
    AUTO_OP op = op_begin();
    return credentials_authenticate(&op, directory_credentials(w->directory), header, FORM_BEARER);
}

/* Revoked by another process; the directory has not heard of it. */
static void other_revokes(struct world *w, struct credential *credential)
{
    struct credential *revoked = make(w->f, credential, sizeof *credential);
    revoked->revoked_at = w->f->op.now;
    commit_one(w, w->organization_id, CREDENTIAL_REVOKED, credential, revoked);
}

/* What the follower does: everything since the cursor, in the order the store tells it. */
static enum err tell(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    struct world *w = context;
    return directory_refresh(op, w->directory, organization_id, version, 60000);
}

static void follow(struct world *w, int64_t *cursor)
{
    AUTO_OP op = op_begin();
    enum err e = store_follow(&op, w->f->store, cursor, tell, w);
    if (e) print_error("following: %s: %s\n", err_name(e), op.failure.text);
    assert_int_equal(e, ERR_OK);
}

static int64_t follow_from_now(struct world *w)
{
    int64_t cursor = 0;
    follow(w, &cursor);
    return cursor;
}

/* --- an organization's own log --- */

static void every_kind_of_change_is_followed(void **state)
{
    struct world *w = *state;
    int64_t first = new_group(w, "ours"); /* the image is in memory */
    struct group found;
    struct user *user = other_adds_user(w, "user");
    struct group *group = other_adds_group(w, "theirs");
    struct membership *membership = other_adds_member(w, group->id, user->id, false);
    refresh(w, w->organization_id);
    assert_true(is_member(w, group->id, user->id));
    assert_false(is_manager(w, group->id, user->id));

    struct membership *manager = make(w->f, membership, sizeof *membership);
    manager->manager = true;
    commit_one(w, w->organization_id, MEMBER_CHANGED, membership, manager);
    struct group *renamed = make(w->f, group, sizeof *group);
    renamed->name = "Renamed";
    commit_one(w, w->organization_id, GROUP_RENAMED, group, renamed);
    struct group *described = make(w->f, renamed, sizeof *group);
    described->description = "and described";
    commit_one(w, w->organization_id, GROUP_UPDATED, renamed, described);
    refresh(w, w->organization_id);
    assert_true(is_manager(w, group->id, user->id));
    assert_true(get_group(w, group->id, &found));
    assert_string_equal(found.name, "Renamed");
    assert_string_equal(found.description, "and described");
    assert_true(uuid_equal(&found.uuid, &group->uuid));

    commit_one(w, w->organization_id, MEMBER_REMOVED, manager, NULL);
    commit_one(w, w->organization_id, GROUP_DELETED, described, NULL);
    refresh(w, w->organization_id);
    assert_false(is_member(w, group->id, user->id));
    assert_true(get_group(w, group->id, &found));
    assert_true(found.deleted_at != 0);
    assert_true(get_group(w, first, &found));
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.reloads, 0);
}

static void an_update_is_laid_over_what_the_image_has(void **state)
{
    struct world *w = *state;
    struct group found, *group = make_group(w->f, "Group");
    group->description = "d";
    group->external_id = "x";
    group->grants = (struct grant[]){ { .kind = GRANT_LANGUAGE, .language_id = 5 } };
    group->grant_count = 1;
    commit_one(w, w->organization_id, GROUP_CREATED, NULL, group);
    new_group(w, "ours");
    struct group *changed = make(w->f, group, sizeof *group);
    changed->remarks = "r";
    commit_one(w, w->organization_id, GROUP_UPDATED, group, changed);
    refresh(w, w->organization_id);
    assert_true(get_group(w, group->id, &found));
    assert_string_equal(found.remarks, "r");
    assert_string_equal(found.description, "d");
    assert_string_equal(found.external_id, "x");
    assert_int_equal(found.grant_count, 1);
    assert_true(found.grants && found.grants[0].language_id == 5);
}

static void an_old_number_makes_the_image_load_again(void **state)
{
    struct world *w = *state;
    struct group late = *make_group(w->f, "Late"), found;
    struct group *first = make_group(w->f, "First");
    first->id = 1000;
    commit_one(w, w->organization_id, GROUP_CREATED, NULL, first);
    new_group(w, "ours");
    late.id = 500;
    commit_one(w, w->organization_id, GROUP_CREATED, NULL, &late);
    refresh(w, w->organization_id);
    assert_true(get_group(w, 500, &found));
    assert_string_equal(found.name, "Late");
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.reloads, 1);
}

static void an_import_in_bulk_makes_the_image_load_again(void **state)
{
    struct world *w = *state;
    struct group *group = make_group(w->f, "Imported"), found;
    new_group(w, "ours");
    struct change_list list = { 0 };
    append(w->f, &list, GROUP_CREATED, NULL, group);
    struct commit commit = { .organization_id = w->organization_id, .expected_version = 1, .changes = &list, .bulk = true };
    assert_done(w->f, store_commit(&w->f->op, w->other, &commit));
    refresh(w, w->organization_id);
    assert_true(get_group(w, group->id, &found));
}

static void an_image_is_never_older_than_what_was_heard_of(void **state)
{
    struct world *w = *state;
    int64_t cursor = follow_from_now(w);
    other_adds_group(w, "one");
    new_group(w, "ours"); /* catches up by itself */
    other_adds_group(w, "two");
    follow(w, &cursor);
    follow(w, &cursor);
    struct op *op = acting(w, 0);
    AUTO_VIEW view;
    assert_ok(w, directory_view(op, false, &view));
    assert_int_equal(view.image->version, 3);
    assert_int_equal(view.image->living_count, 3);
}

/* --- organizations --- */

static void a_new_organization_is_served(void **state)
{
    struct world *w = *state;
    int64_t cursor = follow_from_now(w);
    w->organization_id = other_adds_organization(w, "New")->id;
    other_adds_user(w, "user");
    other_adds_credential(w, 0, SECRET);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    new_group(w, "in it");
}

static void a_deleted_organization_and_its_credentials_are_gone(void **state)
{
    struct world *w = *state;
    int64_t cursor = follow_from_now(w);
    struct organization *organization = other_adds_organization(w, "Gone");
    w->organization_id = organization->id;
    other_adds_credential(w, 0, SECRET);
    follow(w, &cursor);
    new_group(w, "in it");
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_refused(w, directory_view(op, false, &view), ERR_NOT_FOUND, "organization");
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.organizations, 1);
}

/* Both were heard of in one go, in whatever order. */
static void an_organization_that_changed_and_was_deleted_is_gone(void **state)
{
    struct world *w = *state;
    struct organization *organization = other_adds_organization(w, "Gone");
    w->organization_id = organization->id;
    other_adds_credential(w, 0, SECRET);
    int64_t cursor = follow_from_now(w);
    new_group(w, "in it");
    other_adds_group(w, "theirs");
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.organizations, 1);
}

/* The follower was slow: the organization came and went between two looks. */
static void an_organization_that_came_and_went_is_no_failure(void **state)
{
    struct world *w = *state;
    int64_t cursor = follow_from_now(w), ours = w->organization_id;
    struct organization *organization = other_adds_organization(w, "Short");
    w->organization_id = organization->id;
    other_adds_group(w, "in it");
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    w->organization_id = ours;
    follow(w, &cursor);
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.organizations, 1);
}

/* Deleted and imported anew under the same number between two looks: secrets of its former life are worth nothing. */
static void a_secret_does_not_outlive_its_organization(void **state)
{
    struct world *w = *state;
    struct organization *organization = other_adds_organization(w, "Same number");
    w->organization_id = organization->id;
    other_adds_credential(w, 0, SECRET);
    int64_t cursor = follow_from_now(w);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    organization = make(w->f, organization, sizeof *organization);
    organization->uuid = uuid_random();
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, organization);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
}

static void an_organization_can_come_back_with_its_old_secret(void **state)
{
    struct world *w = *state;
    struct organization *organization = other_adds_organization(w, "Same number");
    w->organization_id = organization->id;
    other_adds_credential(w, 0, SECRET);
    int64_t cursor = follow_from_now(w);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    follow(w, &cursor);
    organization = make(w->f, organization, sizeof *organization);
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, organization);
    other_adds_credential(w, 0, SECRET);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
}

/* A deleted account makes the installation load again; what else its log says must not be lost over that. */
static void a_deletion_behind_a_deleted_account_is_noticed(void **state)
{
    struct world *w = *state;
    struct account account = { .uuid = uuid_random(), .first_name = "Ada" };
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, &account);
    struct organization *organization = other_adds_organization(w, "Gone");
    w->organization_id = organization->id;
    other_adds_credential(w, 0, SECRET);
    int64_t cursor = follow_from_now(w);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    commit_one(w, INSTALLATION, ACCOUNT_DELETED, &account, NULL);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
}

/* --- credentials --- */

static void a_new_credential_works_and_a_revoked_one_does_not(void **state)
{
    struct world *w = *state;
    int64_t cursor = follow_from_now(w);
    struct credential *credential = other_adds_credential(w, 0, SECRET);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    other_revokes(w, credential);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
}

/* The image was loaded, by a request, between the revocation and the follower's look. */
static void a_revocation_is_noticed_although_the_image_was_loaded_after_it(void **state)
{
    struct world *w = *state;
    struct credential *credential = other_adds_credential(w, 0, SECRET);
    int64_t cursor = follow_from_now(w);
    other_revokes(w, credential);
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, false, &view)); /* loads it */
    directory_view_end(&view);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
}

/* A write of our own was refused by the fence and caught up with the log before the follower looked. */
static void a_revocation_is_noticed_although_a_write_caught_up_with_it(void **state)
{
    struct world *w = *state;
    new_group(w, "the image is in memory");
    struct credential *credential = other_adds_credential(w, 0, SECRET);
    int64_t cursor = follow_from_now(w);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    other_revokes(w, credential);
    new_group(w, "catches up");
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
}

/* Most commits change no credential, and then none is read again. */
static void credentials_are_noticed_among_other_commits(void **state)
{
    struct world *w = *state;
    int64_t cursor = follow_from_now(w);
    other_adds_group(w, "first");
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
    other_adds_group(w, "before");
    struct credential *credential = other_adds_credential(w, 0, SECRET);
    other_adds_group(w, "after");
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    other_adds_group(w, "before");
    other_revokes(w, credential);
    other_adds_group(w, "after");
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);
}

/* More commits at once than the log is looked through for. */
static void a_credential_is_noticed_behind_many_commits(void **state)
{
    struct world *w = *state;
    int64_t cursor = follow_from_now(w);
    for (int i = 0; i < 120; i++)
        other_adds_user(w, make(w->f, &(char[8]){ 'u', (char)('a' + i / 26), (char)('a' + i % 26) }, 8));
    other_adds_credential(w, 0, SECRET);
    follow(w, &cursor);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
}

/* --- accounts --- */

static uint32_t account_epoch(struct world *w)
{
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, true, &view));
    return view.account_epoch;
}

static void a_changed_account_outdates_what_was_rendered(void **state)
{
    struct world *w = *state;
    struct account before = { .uuid = uuid_random(), .first_name = "Ada" }, after;
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, &before);
    refresh(w, INSTALLATION);
    uint32_t epoch = account_epoch(w);
    after = before;
    after.first_name = "Grace";
    commit_one(w, INSTALLATION, ACCOUNT_UPDATED, &before, &after);
    refresh(w, INSTALLATION);
    assert_int_not_equal(account_epoch(w), epoch);
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    struct account found;
    assert_ok(w, directory_view(op, true, &view));
    image_get_account(view.installation, image_find_account(view.installation, before.id), &found);
    assert_string_equal(found.first_name, "Grace");
}

/* A user may have been rendered before its account was heard of: without the account's names. */
static void a_new_account_outdates_what_was_rendered(void **state)
{
    struct world *w = *state;
    uint32_t epoch = account_epoch(w);
    struct account account = { .uuid = uuid_random(), .first_name = "Ada" };
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, &account);
    refresh(w, INSTALLATION);
    assert_int_not_equal(account_epoch(w), epoch);
}

static void an_account_changed_beside_a_deleted_one_outdates_what_was_rendered(void **state)
{
    struct world *w = *state;
    struct account gone = { .uuid = uuid_random(), .first_name = "Gone" },
                   before = { .uuid = uuid_random(), .first_name = "Ada" }, after;
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, &gone);
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, &before);
    refresh(w, INSTALLATION);
    uint32_t epoch = account_epoch(w);
    after = before;
    after.first_name = "Grace";
    commit_one(w, INSTALLATION, ACCOUNT_DELETED, &gone, NULL);
    commit_one(w, INSTALLATION, ACCOUNT_UPDATED, &before, &after);
    refresh(w, INSTALLATION);
    assert_int_not_equal(account_epoch(w), epoch);
}

/* --- at the end --- */

static void the_last_use_of_a_credential_is_kept_at_the_end(void **state)
{
    struct world *w = *state;
    struct directory_options options = quiet_options;
    options.background = true;
    struct credential *credential = other_adds_credential(w, 0, SECRET);
    close_directory(w);
    open_directory(w, &options);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    close_directory(w);
    union object found = stored(w->f, NOUN_CREDENTIAL, w->organization_id, credential->id, 0);
    assert_true(found.credential->last_used_at > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(every_kind_of_change_is_followed),
        world_test(an_update_is_laid_over_what_the_image_has),
        world_test(an_old_number_makes_the_image_load_again),
        world_test(an_import_in_bulk_makes_the_image_load_again),
        world_test(an_image_is_never_older_than_what_was_heard_of),
        world_test(a_new_organization_is_served),
        world_test(a_deleted_organization_and_its_credentials_are_gone),
        world_test(an_organization_that_changed_and_was_deleted_is_gone),
        world_test(an_organization_that_came_and_went_is_no_failure),
        world_test(a_secret_does_not_outlive_its_organization),
        world_test(an_organization_can_come_back_with_its_old_secret),
        world_test(a_deletion_behind_a_deleted_account_is_noticed),
        world_test(a_new_credential_works_and_a_revoked_one_does_not),
        world_test(credentials_are_noticed_among_other_commits),
        world_test(a_credential_is_noticed_behind_many_commits),
        world_test(a_revocation_is_noticed_although_the_image_was_loaded_after_it),
        world_test(a_revocation_is_noticed_although_a_write_caught_up_with_it),
        world_test(a_changed_account_outdates_what_was_rendered),
        world_test(a_new_account_outdates_what_was_rendered),
        world_test(an_account_changed_beside_a_deleted_one_outdates_what_was_rendered),
        world_test(the_last_use_of_a_credential_is_kept_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
