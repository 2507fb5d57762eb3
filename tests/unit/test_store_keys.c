/* What the store keeps of users' keys and log-ins, and whom it finds by them. */
#include "store_fixture.h"

#define KEY_1 "B796192CCA3AA69FEB06EE8DCFAE9233AF4C025B"
#define KEY_2 "79B7801FE00E97BE63FE4FBA14D9C76BD5BE83AF"

static struct user *make_holder(struct fixture *f, const char *name, const char *fingerprint)
{
    struct user *user = make_user(f, name);
    user->public_key = arena_printf(&f->op.arena, "the key %s", fingerprint);
    user->key_fingerprint = fingerprint;
    user->key_user_id = arena_printf(&f->op.arena, "%s <%s@example.org>", name, name);
    user->key_type = "RSA";
    user->key_bits = 3072;
    user->key_created = 1000;
    return user;
}

static struct user *add_holder(struct fixture *f, const char *name, const char *fingerprint)
{
    struct user *user = make_holder(f, name, fingerprint);
    assert_done(f, change(f, USER_CREATED, NULL, user));
    return user;
}

/* "1/2 1/3": organization/user of each, as many as there was room for, and how many there are. */
static const char *holders(struct fixture *f, const char *fingerprint, const struct uuid *uuid, size_t room)
{
    struct key_holder found[8];
    size_t count;
    assert_done(f, store_find_key_holders(&f->op, f->store, fingerprint, uuid, found, room, &count));
    char *text = arena_strdup(&f->op.arena, "");
    for (size_t i = 0; i < count && i < room; i++)
        text = arena_printf(&f->op.arena, "%s%lld/%lld ", text, (long long)found[i].organization_id, (long long)found[i].user_id);
    return arena_printf(&f->op.arena, "%sof %zu", text, count);
}

static void users_with_and_without_keys_are_loaded_in_order(void **state)
{
    struct fixture *f = *state;
    const struct user *users[] = { add_user(f, "a"),          add_holder(f, "b", KEY_1), add_user(f, "c"),
                                   add_holder(f, "d", KEY_2), add_holder(f, "e", KEY_1), add_user(f, "f") };
    const struct loaded *loaded = load(f, f->organization_id);
    assert_int_equal(loaded->count[NOUN_USER], COUNT_OF(users));
    for (size_t i = 0; i < COUNT_OF(users); i++)
        assert_same(NOUN_USER, loaded->objects[NOUN_USER][i], (union object){ .any = users[i] });
    struct store_sink sink;
    loaded = new_loaded(f, &sink);
    assert_done(f, store_load_all(&f->op, f->store, &sink));
    assert_same(NOUN_USER, loaded->objects[NOUN_USER][3], (union object){ .any = users[3] });
}

static void a_key_can_be_given_changed_and_taken_away(void **state)
{
    struct fixture *f = *state;
    struct user *plain = add_user(f, "ada"), *holder = make_holder(f, "ada", KEY_1), *other = make_holder(f, "ada", KEY_2);
    holder->id = other->id = plain->id;
    holder->uuid = other->uuid = plain->uuid;
    const struct user *steps[] = { plain, holder, other, plain };
    for (size_t i = 1; i < COUNT_OF(steps); i++) {
        assert_done(f, change(f, USER_UPDATED, steps[i - 1], steps[i]));
        const union object wanted = { .any = steps[i] };
        assert_same(NOUN_USER, stored(f, NOUN_USER, f->organization_id, plain->id, 0), wanted);
        assert_same(NOUN_USER, load(f, f->organization_id)->objects[NOUN_USER][0], wanted);
    }
    assert_string_equal(holders(f, KEY_2, NULL, 8), "of 0");
}

/* It lies beside the log: changes of the user neither bring nor lose it. */
static void the_last_login_stays_whatever_changes(void **state)
{
    struct fixture *f = *state;
    struct user *before = make_user(f, "ada"), *after = make_holder(f, "ada", KEY_1);
    before->last_login_at = 1700000000000001;
    assert_done(f, change(f, USER_CREATED, NULL, before));
    after->id = before->id;
    after->uuid = before->uuid;
    assert_done(f, change(f, USER_UPDATED, before, after));
    assert_done(f, change(f, USER_DELETED, after, NULL));
    assert_int_equal(stored(f, NOUN_USER, f->organization_id, before->id, 0).user->last_login_at, before->last_login_at);
    assert_int_equal(load(f, f->organization_id)->objects[NOUN_USER][0].user->last_login_at, before->last_login_at);
}

static void holders_are_found_by_fingerprint_over_all_organizations(void **state)
{
    struct fixture *f = *state;
    int64_t first = f->organization_id;
    add_user(f, "nobody");
    add_holder(f, "a", KEY_1);
    add_holder(f, "b", KEY_2);
    add_holder(f, "c", KEY_1);
    struct organization *second = make_organization(f, "Second");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, second));
    f->organization_id = second->id;
    f->versions[1] = 0;
    add_holder(f, "d", KEY_1);
    assert_int_equal(first, 1);
    assert_int_equal(second->id, 2);
    assert_string_equal(holders(f, KEY_1, NULL, 8), "1/2 1/4 2/5 of 3");
    assert_string_equal(holders(f, KEY_1, NULL, 2), "1/2 1/4 of 3");
    assert_string_equal(holders(f, KEY_2, NULL, 8), "1/3 of 1");
    assert_string_equal(holders(f, "b796192cca3aa69feb06ee8dcfae9233af4c025b", NULL, 8), "of 0");

    assert_done(f, change(f, ORGANIZATION_DELETED, second, NULL));
    assert_string_equal(holders(f, KEY_1, NULL, 8), "1/2 1/4 of 2");
}

/* Uuids differ within an organization only. */
static void holders_are_found_by_uuid_if_they_have_a_key(void **state)
{
    struct fixture *f = *state;
    const struct user *plain = add_user(f, "plain"), *holder = add_holder(f, "holder", KEY_1);
    struct organization *second = make_organization(f, "Second");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, second));
    f->organization_id = second->id;
    f->versions[1] = 0;
    struct user *twin = make_holder(f, "twin", KEY_2);
    twin->uuid = holder->uuid;
    assert_done(f, change(f, USER_CREATED, NULL, twin));
    assert_string_equal(holders(f, NULL, &holder->uuid, 8), "1/2 2/3 of 2");
    assert_string_equal(holders(f, NULL, &plain->uuid, 8), "of 0");
}

static void who_is_deleted_or_not_active_holds_nothing(void **state)
{
    struct fixture *f = *state;
    struct user *inactive = make_holder(f, "inactive", KEY_1);
    inactive->active = false;
    assert_done(f, change(f, USER_CREATED, NULL, inactive));
    struct user *deleted = add_holder(f, "deleted", KEY_1);
    assert_string_equal(holders(f, KEY_1, NULL, 8), "1/2 of 1");
    assert_done(f, change(f, USER_DELETED, deleted, NULL));
    assert_string_equal(holders(f, KEY_1, NULL, 8), "of 0");
    assert_string_equal(holders(f, NULL, &inactive->uuid, 8), "of 0");
    assert_string_equal(holders(f, NULL, &deleted->uuid, 8), "of 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(users_with_and_without_keys_are_loaded_in_order),
        store_test(a_key_can_be_given_changed_and_taken_away),
        store_test(the_last_login_stays_whatever_changes),
        store_test(holders_are_found_by_fingerprint_over_all_organizations),
        store_test(holders_are_found_by_uuid_if_they_have_a_key),
        store_test(who_is_deleted_or_not_active_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
