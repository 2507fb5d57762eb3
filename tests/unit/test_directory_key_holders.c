/* Whose key it is, and when he was last here. */
#include "directory_fixture.h"

#define KEY_1 "B796192CCA3AA69FEB06EE8DCFAE9233AF4C025B"
#define KEY_2 "79B7801FE00E97BE63FE4FBA14D9C76BD5BE83AF"
#define LONG_AGO INT64_C(1500000000000000)
#define LATER INT64_C(1700000000000000)

static void set_key(struct user *user, const char *fingerprint)
{
    user->public_key = user->key_fingerprint = fingerprint;
    user->key_type = "RSA";
    user->key_bits = 3072;
}

/* Another process commits it. */
static struct user *add_holder(struct world *w, int64_t organization_id, const char *fingerprint, bool active)
{
    struct user *user = make_user(w->f, "holder");
    user->organization_id = organization_id;
    user->active = active;
    set_key(user, fingerprint);
    commit_one(w, organization_id, USER_CREATED, NULL, user);
    return user;
}

/* The op of a request before anybody is logged in. */
static struct op *asking(struct world *w)
{
    struct op *op = acting(w, 0);
    op->caller = (struct caller){ 0 };
    return op;
}

static int64_t holder_of(struct world *w, const char *fingerprint, const struct uuid *uuid, int64_t organization_id)
{
    struct key_holder holder;
    assert_ok(w, directory_find_key_holder(asking(w), fingerprint, uuid, organization_id, &holder));
    if (organization_id) assert_int_equal(holder.organization_id, organization_id);
    return holder.user_id;
}

static void assert_nobody(struct world *w, const char *fingerprint, const struct uuid *uuid, int64_t organization_id, enum err e,
                          const char *part)
{
    struct key_holder holder;
    assert_refused(w, directory_find_key_holder(asking(w), fingerprint, uuid, organization_id, &holder), e, "user");
    if (!strstr(w->op.failure.text, part)) fail_msg("\"%s\" does not say \"%s\"", w->op.failure.text, part);
}

static void the_holder_of_a_key_is_found_as_soon_as_it_is_committed(void **state)
{
    struct world *w = *state;
    assert_nobody(w, KEY_1, NULL, 0, ERR_NOT_FOUND, "no active user with this key");
    const struct user *user = add_holder(w, w->organization_id, KEY_1, true);
    assert_int_equal(holder_of(w, KEY_1, NULL, 0), user->id);
    assert_int_equal(holder_of(w, KEY_1, NULL, w->organization_id), user->id);
    assert_int_equal(holder_of(w, NULL, &user->uuid, 0), user->id);
    assert_nobody(w, KEY_2, NULL, 0, ERR_NOT_FOUND, "no active user with this key");
    assert_nobody(w, NULL, &(struct uuid){ .bytes = { 1 } }, 0, ERR_NOT_FOUND, "no active user with this id and a key");
}

static void who_is_not_active_is_nobody(void **state)
{
    struct world *w = *state;
    const struct user *inactive = add_holder(w, w->organization_id, KEY_1, false);
    assert_nobody(w, KEY_1, NULL, 0, ERR_NOT_FOUND, "no active user");
    assert_nobody(w, NULL, &inactive->uuid, 0, ERR_NOT_FOUND, "no active user");
    const struct user *active = add_holder(w, w->organization_id, KEY_1, true);
    assert_int_equal(holder_of(w, KEY_1, NULL, 0), active->id);
    commit_one(w, w->organization_id, USER_DELETED, active, NULL);
    assert_nobody(w, KEY_1, NULL, 0, ERR_NOT_FOUND, "no active user");
}

static void a_key_in_several_organizations_needs_to_be_told_which(void **state)
{
    struct world *w = *state;
    const struct organization *second = other_adds_organization(w, "Second"), *third = other_adds_organization(w, "Third");
    const struct user *one = add_holder(w, w->organization_id, KEY_1, true), *two = add_holder(w, second->id, KEY_1, true);
    assert_nobody(w, KEY_1, NULL, 0, ERR_INVALID, "users of several organizations; the setting passbolt.organization decides");
    assert_int_equal(holder_of(w, KEY_1, NULL, w->organization_id), one->id);
    assert_int_equal(holder_of(w, KEY_1, NULL, second->id), two->id);
    assert_nobody(w, KEY_1, NULL, third->id, ERR_NOT_FOUND, "no active user");
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, second, NULL);
    assert_int_equal(holder_of(w, KEY_1, NULL, 0), one->id);
}

/* Who may act as either could be taken for the other: neither can. More of them than are asked for at first. */
static void a_key_that_several_users_have_is_nobody_s(void **state)
{
    struct world *w = *state;
    add_holder(w, w->organization_id, KEY_1, true);
    for (int i = 0; i < 20; i++) add_holder(w, w->organization_id, KEY_1, true);
    const struct organization *second = other_adds_organization(w, "Second");
    const struct user *other = add_holder(w, second->id, KEY_1, true);
    assert_nobody(w, KEY_1, NULL, w->organization_id, ERR_INVALID, "several users of the organization");
    assert_nobody(w, KEY_1, NULL, 0, ERR_INVALID, "several organizations");
    assert_int_equal(holder_of(w, KEY_1, NULL, second->id), other->id);
}

static void it_is_not_looked_up_where_nothing_may_wait(void **state)
{
    struct world *w = *state;
    struct key_holder holder;
    add_holder(w, w->organization_id, KEY_1, true);
    struct op *op = asking(w);
    op->may_block = false;
    assert_refused(w, directory_find_key_holder(op, KEY_1, NULL, 0, &holder), ERR_DEFERRED, "");
}

/* --- the last log-in --- */

static void get_user(struct world *w, int64_t user_id, struct user *ret_user)
{
    AUTO_VIEW view;
    assert_ok(w, directory_view(acting(w, 0), false, &view));
    uint32_t ordinal = image_find_user(view.image, user_id);
    assert_int_not_equal(ordinal, NO_ORDINAL);
    image_get_user(view.image, ordinal, ret_user);
}

static int64_t last_login(struct world *w, int64_t user_id)
{
    struct user user;
    get_user(w, user_id, &user);
    return user.last_login_at;
}

static void a_login_is_seen_at_once_and_never_goes_back(void **state)
{
    struct world *w = *state;
    const struct user *user = add_holder(w, w->organization_id, KEY_1, true), *other = other_adds_user(w, "other");
    assert_int_equal(last_login(w, user->id), 0);
    directory_note_login(asking(w), w->organization_id, user->id, LATER + 999999);
    assert_int_equal(last_login(w, user->id), LATER); /* in seconds */
    directory_note_login(asking(w), w->organization_id, user->id, LONG_AGO);
    assert_int_equal(last_login(w, user->id), LATER);
    assert_int_equal(last_login(w, other->id), 0);
}

static void a_login_stays_when_the_user_changes(void **state)
{
    struct world *w = *state;
    const struct user *before = add_holder(w, w->organization_id, KEY_1, true);
    assert_int_equal(last_login(w, before->id), 0);
    directory_note_login(asking(w), w->organization_id, before->id, LATER);
    struct user after = *before;
    after.display_name = "another name";
    set_key(&after, KEY_2);
    commit_one(w, w->organization_id, USER_UPDATED, before, &after);
    refresh(w, w->organization_id);
    struct user user;
    get_user(w, before->id, &user);
    assert_string_equal(user.key_fingerprint, KEY_2);
    assert_int_equal(user.last_login_at, LATER);
}

static void an_image_that_is_loaded_shows_what_is_stored(void **state)
{
    struct world *w = *state;
    struct user *user = make_user(w->f, "ada");
    user->last_login_at = LONG_AGO + 1;
    commit_one(w, w->organization_id, USER_CREATED, NULL, user);
    assert_int_equal(last_login(w, user->id), LONG_AGO);
}

static void a_login_where_nothing_is_in_memory_is_no_failure(void **state)
{
    struct world *w = *state;
    const struct user *user = add_holder(w, w->organization_id, KEY_1, true);
    directory_note_login(asking(w), w->organization_id, user->id, LATER);
    directory_note_login(asking(w), 4711, user->id, LATER);
    assert_int_equal(last_login(w, user->id), 0); /* loaded afterwards, and nothing was stored */
    directory_note_login(asking(w), w->organization_id, 4711, LATER);
    assert_int_equal(last_login(w, user->id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(the_holder_of_a_key_is_found_as_soon_as_it_is_committed),
        world_test(who_is_not_active_is_nobody),
        world_test(a_key_in_several_organizations_needs_to_be_told_which),
        world_test(a_key_that_several_users_have_is_nobody_s),
        world_test(it_is_not_looked_up_where_nothing_may_wait),
        world_test(a_login_is_seen_at_once_and_never_goes_back),
        world_test(a_login_stays_when_the_user_changes),
        world_test(an_image_that_is_loaded_shows_what_is_stored),
        world_test(a_login_where_nothing_is_in_memory_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
