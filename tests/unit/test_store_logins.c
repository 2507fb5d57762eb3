/* Log-ins, as logins.h promises them: changed together or not at all, used once, loaded, extended, removed. */
#include "store_logins_fixture.h"

/* ---- one change */

static void what_was_added_is_found_by_kind_and_hash_until_it_expires(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    struct login login = login_of(f, user_id, LOGIN_SESSION, "secret"), found;
    assert_done(f, add(f, &login, 1));
    bool is_there;
    assert_done(f, store_find_login(&f->op, f->store, LOGIN_SESSION, &login.hash, f->op.now, &is_there, &found));
    assert_true(is_there);
    assert_int_equal(found.user_id, user_id);
    assert_true(uuid_equal(&found.user_uuid, &login.user_uuid));
    assert_int_equal(found.created_at, login.created_at);
    assert_int_equal(found.expires_at, login.expires_at);
    assert_false(lives(f, LOGIN_REFRESH, "secret"));
    assert_false(lives(f, LOGIN_SESSION, "secreT"));
    assert_true(lives_at(f, LOGIN_SESSION, "secret", login.expires_at - 1));
    assert_false(lives_at(f, LOGIN_SESSION, "secret", login.expires_at));
}

static void the_same_secret_may_be_of_two_kinds_but_is_added_once_of_each(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    add_one(f, user_id, LOGIN_SESSION, "secret");
    add_one(f, user_id, LOGIN_REFRESH, "secret");
    struct login again = login_of(f, other_id, LOGIN_SESSION, "secret");
    assert_failed(f, add(f, &again, 1), ERR_EXISTS, "login");
    f->op.now += 2 * MINUTE; /* an expired one is there until it is removed: a used token stays used */
    assert_failed(f, add(f, &again, 1), ERR_EXISTS, "login");
    struct login twins[] = { login_of(f, user_id, LOGIN_USED, "twin"), login_of(f, user_id, LOGIN_USED, "twin") };
    assert_failed(f, add(f, twins, 2), ERR_EXISTS, "login");
    assert_false(lives(f, LOGIN_USED, "twin"));
}

static void only_a_living_user_of_the_organization_logs_in(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_person(f, "ada");
    struct login login = login_of(f, user->id + 1, LOGIN_SESSION, "secret");
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    login = login_of(f, user->id, LOGIN_SESSION, "secret");
    login.organization_id++;
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    login = login_of(f, user->id, LOGIN_SESSION, "secret");
    login.user_uuid = uuid_random(); /* somebody else has the number now */
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    assert_done(f, change(f, USER_DELETED, user, NULL));
    login = login_of(f, user->id, LOGIN_SESSION, "secret");
    assert_failed(f, add(f, &login, 1), ERR_NOT_FOUND, "user");
    assert_false(lives(f, LOGIN_SESSION, "secret"));
}

static void one_is_taken_once_and_only_by_whose_it_is(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    add_one(f, user_id, LOGIN_REFRESH, "old");
    struct login old = login_of(f, user_id, LOGIN_REFRESH, "old"), new = login_of(f, user_id, LOGIN_REFRESH, "new");
    struct login wrong = old;
    wrong.user_id = other_id;
    assert_failed(f, take(f, &wrong, &new), ERR_NOT_FOUND, "login");
    wrong = old;
    wrong.organization_id++;
    assert_failed(f, take(f, &wrong, &new), ERR_NOT_FOUND, "login");
    wrong = old;
    wrong.kind = LOGIN_SESSION;
    assert_failed(f, take(f, &wrong, &new), ERR_NOT_FOUND, "login");
    assert_true(lives(f, LOGIN_REFRESH, "old"));
    assert_false(lives(f, LOGIN_REFRESH, "new"));
    assert_done(f, take(f, &old, &new));
    assert_false(lives(f, LOGIN_REFRESH, "old"));
    assert_true(lives(f, LOGIN_REFRESH, "new"));
    assert_failed(f, take(f, &old, NULL), ERR_NOT_FOUND, "login");
}

static void an_expired_one_cannot_be_taken(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_REFRESH, "old");
    struct login old = login_of(f, user_id, LOGIN_REFRESH, "old");
    f->op.now += MINUTE;
    assert_failed(f, take(f, &old, NULL), ERR_NOT_FOUND, "login");
    f->op.now -= 1;
    assert_done(f, take(f, &old, NULL));
}

static void a_change_that_fails_leaves_what_it_takes_and_ends(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_REFRESH, "old");
    add_one(f, user_id, LOGIN_SESSION, "session");
    add_one(f, user_id, LOGIN_USED, "used");
    const struct login added[] = { login_of(f, user_id, LOGIN_REFRESH, "new"), login_of(f, user_id, LOGIN_USED, "used") };
    struct login_change change = { .now = f->op.now,
                                   .takes = true,
                                   .taken = login_of(f, user_id, LOGIN_REFRESH, "old"),
                                   .ends = true,
                                   .ended = login_of(f, user_id, LOGIN_SESSION, ""),
                                   .added = added,
                                   .added_count = 2,
                                   .logs_in = true };
    assert_failed(f, store_change_logins(&f->op, f->store, &change), ERR_EXISTS, "login");
    assert_true(lives(f, LOGIN_REFRESH, "old"));
    assert_true(lives(f, LOGIN_SESSION, "session"));
    assert_false(lives(f, LOGIN_REFRESH, "new"));
    assert_int_equal(number(f, "SELECT count(*) FROM app_user WHERE last_login_at IS NOT NULL"), 0);
    change.added_count = 1;
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_false(lives(f, LOGIN_REFRESH, "old"));
    assert_false(lives(f, LOGIN_SESSION, "session"));
    assert_true(lives(f, LOGIN_REFRESH, "new"));
    assert_int_equal(number(f, "SELECT last_login_at FROM app_user"), f->op.now);
}

static void ending_all_of_a_kind_leaves_other_kinds_and_users(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    add_one(f, user_id, LOGIN_REFRESH, "a1");
    add_one(f, user_id, LOGIN_REFRESH, "a2");
    add_one(f, user_id, LOGIN_SESSION, "a3");
    add_one(f, other_id, LOGIN_REFRESH, "b1");
    struct login_change change = { .now = f->op.now, .ends = true, .ended = login_of(f, user_id, LOGIN_REFRESH, "") };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_done(f, store_change_logins(&f->op, f->store, &change)); /* there may be none */
    assert_false(lives(f, LOGIN_REFRESH, "a1") || lives(f, LOGIN_REFRESH, "a2"));
    assert_true(lives(f, LOGIN_SESSION, "a3") && lives(f, LOGIN_REFRESH, "b1"));
}

static void the_oldest_end_when_one_more_begins(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, other_id = add_person(f, "bob")->id;
    static const char *const secrets[] = { "s1", "s2", "s3" };
    for (int i = 0; i < 3; i++) {
        add_one(f, user_id, LOGIN_SESSION, secrets[i]);
        add_one(f, user_id, LOGIN_REFRESH, secrets[i]);
        add_one(f, user_id, LOGIN_USED, secrets[i]);
        add_one(f, other_id, LOGIN_SESSION, arena_printf(&f->op.arena, "other %d", i));
        add_one(f, user_id, LOGIN_USED, arena_printf(&f->op.arena, "token %d", i)); /* they are over the limit and stay */
        f->op.now += 10;
    }
    const struct login added[] = { login_of(f, user_id, LOGIN_SESSION, "s4"), login_of(f, user_id, LOGIN_USED, "s4") };
    struct ended_logins ended;
    struct login_change change = { .now = f->op.now, .added = added, .added_count = 2, .limit = 4, .ret_ended = &ended };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_int_equal(ended.count, 0);
    assert_failed(f, store_change_logins(&f->op, f->store, &change), ERR_EXISTS, "login");
    assert_true(lives(f, LOGIN_SESSION, "s1"));
    const struct login next = login_of(f, user_id, LOGIN_SESSION, "s5");
    change = (struct login_change){ .now = f->op.now, .added = &next, .added_count = 1, .limit = 3, .ret_ended = &ended };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_int_equal(ended.count, 2);
    const struct digest gone[] = { hash_of("s1"), hash_of("s2") };
    assert_true(digest_equal(&ended.hashes[0], &gone[0]) || digest_equal(&ended.hashes[0], &gone[1]));
    assert_true(digest_equal(&ended.hashes[1], &gone[0]) || digest_equal(&ended.hashes[1], &gone[1]));
    assert_false(lives(f, LOGIN_SESSION, "s1") || lives(f, LOGIN_SESSION, "s2"));
    assert_true(lives(f, LOGIN_SESSION, "s3") && lives(f, LOGIN_SESSION, "s4") && lives(f, LOGIN_SESSION, "s5"));
    assert_int_equal(number(f, "SELECT count(*) FROM login WHERE kind <> 1"), 3 + 7);
    assert_int_equal(number(f, "SELECT count(*) FROM login WHERE kind = 1"), 3 + 3);
}

static void what_has_expired_ends_before_the_oldest(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    struct login old = login_of(f, user_id, LOGIN_SESSION, "old");
    old.expires_at += MINUTE;
    assert_done(f, add(f, &old, 1));
    f->op.now += 10;
    add_one(f, user_id, LOGIN_SESSION, "expired");
    f->op.now += MINUTE;
    const struct login new = login_of(f, user_id, LOGIN_SESSION, "new"), early = login_of(f, user_id, LOGIN_SESSION, "early");
    struct login_change change = { .now = f->op.now, .added = &new, .added_count = 1, .limit = 2 };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_true(lives(f, LOGIN_SESSION, "old") && lives(f, LOGIN_SESSION, "new"));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 2);
    struct login behind = early; /* by a clock that is behind; what is added stays all the same */
    behind.created_at = 1;
    change = (struct login_change){ .now = f->op.now, .added = &behind, .added_count = 1, .limit = 1 };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    assert_true(lives(f, LOGIN_SESSION, "early"));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 1);
}

static void one_is_ended_by_its_hash_even_if_it_has_expired(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_SESSION, "one");
    add_one(f, user_id, LOGIN_SESSION, "other");
    struct digest hash = hash_of("one");
    f->op.now += 2 * MINUTE;
    assert_done(f, store_end_login(&f->op, f->store, LOGIN_SESSION, &hash));
    assert_done(f, store_end_login(&f->op, f->store, LOGIN_SESSION, &hash));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 1);
    assert_true(lives_at(f, LOGIN_SESSION, "other", f->op.now - 2 * MINUTE));
}

static void log_ins_end_with_their_user_and_their_organization(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_person(f, "ada"), *other = add_person(f, "bob");
    add_one(f, user->id, LOGIN_SESSION, "a");
    add_one(f, user->id, LOGIN_USED, "token");
    add_one(f, other->id, LOGIN_SESSION, "b");
    assert_done(f, change(f, USER_DELETED, user, NULL));
    assert_false(lives(f, LOGIN_SESSION, "a"));
    assert_true(lives(f, LOGIN_USED, "token") && lives(f, LOGIN_SESSION, "b"));
    struct organization organization = { .id = f->organization_id, .uuid = uuid_random(), .name = "Test" };
    assert_done(f, change(f, ORGANIZATION_DELETED, &organization, NULL));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 0);
}

/* ---- loading, extending, removing */

struct seen {
    int count;
    int64_t expires_at;
};

static enum err see(void *context, struct op *op, const struct login *login)
{
    struct seen *seen = context;
    seen->count++;
    seen->expires_at = login->expires_at;
    return seen->count > 2 ? op_fail(op, ERR_INVALID, "", "too many") : ERR_OK;
}

static void the_living_of_a_kind_are_loaded(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id;
    add_one(f, user_id, LOGIN_SESSION, "s1");
    add_one(f, user_id, LOGIN_REFRESH, "r1");
    struct login later = login_of(f, user_id, LOGIN_SESSION, "s2");
    later.expires_at += MINUTE;
    assert_done(f, add(f, &later, 1));
    struct seen seen = { 0 };
    assert_done(f, store_load_logins(&f->op, f->store, LOGIN_SESSION, f->op.now, see, &seen));
    assert_int_equal(seen.count, 2);
    seen = (struct seen){ 0 };
    assert_done(f, store_load_logins(&f->op, f->store, LOGIN_SESSION, f->op.now + MINUTE, see, &seen));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.expires_at, later.expires_at);
    add_one(f, user_id, LOGIN_SESSION, "s3");
    seen = (struct seen){ 0 };
    assert_failed(f, store_load_logins(&f->op, f->store, LOGIN_SESSION, f->op.now, see, &seen), ERR_INVALID, "");
}

static void sessions_are_extended_and_never_shortened(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, now = f->op.now;
    add_one(f, user_id, LOGIN_SESSION, "s1");
    add_one(f, user_id, LOGIN_REFRESH, "s1");
    struct session_extension items[] = { { hash_of("s1"), now + 2 * MINUTE }, { hash_of("unknown"), now + 2 * MINUTE } };
    assert_done(f, store_extend_sessions(&f->op, f->store, items, 2));
    assert_true(lives_at(f, LOGIN_SESSION, "s1", now + 2 * MINUTE - 1));
    assert_false(lives_at(f, LOGIN_REFRESH, "s1", now + MINUTE));
    items[0].expires_at = now + 1;
    assert_done(f, store_extend_sessions(&f->op, f->store, items, 1));
    assert_done(f, store_extend_sessions(&f->op, f->store, NULL, 0));
    reopen(f);
    assert_true(lives_at(f, LOGIN_SESSION, "s1", now + 2 * MINUTE - 1));
    assert_int_equal(number(f, "SELECT count(*) FROM login"), 2);
}

static void what_expired_is_removed_some_at_a_time(void **state)
{
    struct fixture *f = *state;
    int64_t user_id = add_person(f, "ada")->id, now = f->op.now, removed;
    for (int i = 0; i < 5; i++) add_one(f, user_id, LOGIN_USED, arena_printf(&f->op.arena, "token %d", i));
    f->op.now += MINUTE;
    add_one(f, user_id, LOGIN_SESSION, "living");
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE, 3, &removed));
    assert_int_equal(removed, 0);
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE + 1, 3, &removed));
    assert_int_equal(removed, 3);
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE + 1, 3, &removed));
    assert_int_equal(removed, 2);
    assert_done(f, store_remove_expired_logins(&f->op, f->store, now + MINUTE + 1, 3, &removed));
    assert_int_equal(removed, 0);
    assert_true(lives(f, LOGIN_SESSION, "living"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(what_was_added_is_found_by_kind_and_hash_until_it_expires),
        store_test(the_same_secret_may_be_of_two_kinds_but_is_added_once_of_each),
        store_test(only_a_living_user_of_the_organization_logs_in),
        store_test(one_is_taken_once_and_only_by_whose_it_is),
        store_test(an_expired_one_cannot_be_taken),
        store_test(a_change_that_fails_leaves_what_it_takes_and_ends),
        store_test(ending_all_of_a_kind_leaves_other_kinds_and_users),
        store_test(the_oldest_end_when_one_more_begins),
        store_test(what_has_expired_ends_before_the_oldest),
        store_test(one_is_ended_by_its_hash_even_if_it_has_expired),
        store_test(log_ins_end_with_their_user_and_their_organization),
        store_test(the_living_of_a_kind_are_loaded),
        store_test(sessions_are_extended_and_never_shortened),
        store_test(what_expired_is_removed_some_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
