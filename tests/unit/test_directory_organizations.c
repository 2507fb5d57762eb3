/* Organizations that another process makes, fills and deletes, however this one comes to hear of it. */
#include "directory_fixture.h"

#include "auth/credentials.h"
#include "directory/resident.h"

static size_t credentials_of(const struct world *w)
{
    return credentials_count(directory_credentials(w->directory));
}

/* The log of an organization that is imported has one entry for all that came with it. */
static void credentials_that_were_imported_with_their_organization_are_known(void **state)
{
    struct world *w = *state;
    struct organization *organization = other_adds_organization(w, "Imported");
    refresh(w, INSTALLATION);
    refresh(w, organization->id);
    size_t before = credentials_of(w);
    AUTO_OP op = op_begin();
    struct change_list list = { 0 };
    struct credential *credential = make_credential(w->f, "imported secret");
    credential->organization_id = organization->id;
    change_add(&op.arena, &list, CREDENTIAL_CREATED, (union object){ 0 }, (union object){ .credential = credential });
    struct commit commit = { .organization_id = organization->id,
                             .expected_version = version_of(w, organization->id),
                             .time = op.now,
                             .changes = &list,
                             .bulk = true };
    assert_int_equal(store_commit(&op, w->other, &commit), ERR_OK);
    refresh(w, organization->id);
    assert_int_equal(credentials_of(w), before + 1);
}

/* The installation's image is loaded by whoever needs it first: the follower must not take that for having followed. */
static void an_organization_that_was_deleted_is_gone_though_the_installation_was_loaded_since(void **state)
{
    struct world *w = *state;
    struct organization *organization = other_adds_organization(w, "Deleted");
    refresh(w, INSTALLATION);
    assert_non_null(directory_find_resident(w->directory, organization->id));

    struct resident *installation = directory_find_resident(w->directory, INSTALLATION);
    turn_take(&installation->turn);
    directory_unlink(w->directory, installation);
    turn_give(&installation->turn, true);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    AUTO_OP op = op_begin();
    struct image *image;
    assert_int_equal(directory_lease(&op, w->directory, INSTALLATION, &installation, &image), ERR_OK);
    image_drop(image);

    refresh(w, INSTALLATION);
    assert_null(directory_find_resident(w->directory, organization->id));
}

static void a_deleted_organization_whose_last_commit_is_told_again_stays_away(void **state)
{
    struct world *w = *state;
    struct organization *organization = other_adds_organization(w, "Deleted");
    refresh(w, INSTALLATION);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    refresh(w, INSTALLATION);
    AUTO_OP op = op_begin();
    assert_int_equal(directory_refresh(&op, w->directory, organization->id, 1, 60000), ERR_OK);
    assert_null(directory_find_resident(w->directory, organization->id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(credentials_that_were_imported_with_their_organization_are_known),
        world_test(an_organization_that_was_deleted_is_gone_though_the_installation_was_loaded_since),
        world_test(a_deleted_organization_whose_last_commit_is_told_again_stays_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
