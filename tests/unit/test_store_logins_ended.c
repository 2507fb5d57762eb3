/* Which sessions ended is told to every process that follows, as logins.h promises: each, whoever ended it, and nothing else. */
#include "store_fixture.h"

#include "store/logins.h"

#include <pthread.h>

enum { MINUTE = 60000000 };

static struct digest hash_of(const char *secret)
{
    return digest_of(secret, strlen(secret));
}

/* One that lives for a minute from now on. */
static struct login login_of(struct fixture *f, const struct user *user, enum login_kind kind, const char *secret)
{
    return (struct login){ .kind = kind,
                           .hash = hash_of(secret),
                           .organization_id = f->organization_id,
                           .user_id = user->id,
                           .user_uuid = user->uuid,
                           .created_at = f->op.now,
                           .expires_at = f->op.now + MINUTE };
}

static void add_one(struct fixture *f, const struct user *user, enum login_kind kind, const char *secret)
{
    struct login login = login_of(f, user, kind, secret);
    struct login_change change = { .now = f->op.now, .added = &login, .added_count = 1 };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
}

struct told {
    struct digest hashes[64];
    size_t count;
};

static void tell(void *context, const struct digest *hash)
{
    struct told *told = context;
    assert_true(told->count < COUNT_OF(told->hashes));
    told->hashes[told->count++] = *hash;
}

static bool was_told(const struct told *told, const char *secret)
{
    struct digest hash = hash_of(secret);
    for (size_t i = 0; i < told->count; i++)
        if (digest_equal(&told->hashes[i], &hash)) return true;
    return false;
}

static struct told follow_in(struct fixture *f, struct store *store, struct ended_cursor *cursor)
{
    struct told told = { .count = 0 };
    assert_done(f, store_follow_logins(&f->op, store, cursor, tell, &told));
    return told;
}

static void end_one(struct fixture *f, enum login_kind kind, const char *secret)
{
    struct digest hash = hash_of(secret);
    assert_done(f, store_end_login(&f->op, f->store, kind, &hash));
}

static void sessions_that_end_are_told_to_every_process(void **state)
{
    struct fixture *f = *state;
    struct store *other = open_at(f, f->url);
    const struct user *ada = add_user(f, "ada"), *bob = add_user(f, "bob");
    struct ended_cursor cursor = { 0 }, here = { 0 }, late = { 0 };
    static const char *const secrets[] = { "ended", "taken", "all 1", "all 2", "oldest" };
    assert_int_equal(follow_in(f, other, &cursor).count, 0);
    for (size_t i = 0; i < COUNT_OF(secrets); i++) add_one(f, i < 4 ? ada : bob, LOGIN_SESSION, secrets[i]);
    add_one(f, ada, LOGIN_REFRESH, "refresh");
    add_one(f, ada, LOGIN_USED, "used");
    assert_int_equal(follow_in(f, other, &cursor).count, 0); /* nothing ends by beginning */

    end_one(f, LOGIN_SESSION, "ended");
    struct told told = follow_in(f, other, &cursor);
    assert_true(was_told(&told, "ended"));
    assert_int_equal(told.count, 1);

    struct login taken = login_of(f, ada, LOGIN_SESSION, "taken");
    struct login_change change = { .now = f->op.now, .takes = true, .taken = taken };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    change = (struct login_change){ .now = f->op.now, .ends = true, .ended = login_of(f, ada, LOGIN_SESSION, "") };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    struct login newer = login_of(f, bob, LOGIN_SESSION, "newer");
    newer.created_at++;
    change = (struct login_change){ .now = f->op.now, .added = &newer, .added_count = 1, .limit = 1 };
    assert_done(f, store_change_logins(&f->op, f->store, &change));
    told = follow_in(f, other, &cursor);
    for (size_t i = 1; i < COUNT_OF(secrets); i++) assert_true(was_told(&told, secrets[i]));
    assert_false(was_told(&told, "newer"));

    end_one(f, LOGIN_REFRESH, "refresh"); /* others are looked up whenever they are used */
    end_one(f, LOGIN_USED, "used");
    end_one(f, LOGIN_SESSION, "unknown");
    told = follow_in(f, other, &cursor);
    assert_false(was_told(&told, "refresh") || was_told(&told, "used") || was_told(&told, "unknown"));

    told = follow_in(f, f->store, &here); /* who ended them is told too, and who comes late */
    struct told told_late = follow_in(f, other, &late);
    for (size_t i = 0; i < COUNT_OF(secrets); i++) assert_true(was_told(&told, secrets[i]) && was_told(&told_late, secrets[i]));
    store_close(other);
}

static void what_was_not_ended_after_all_is_not_told(void **state)
{
    struct fixture *f = *state;
    const struct user *ada = add_user(f, "ada");
    struct ended_cursor cursor = { 0 };
    int64_t removed;
    add_one(f, ada, LOGIN_SESSION, "session");
    add_one(f, ada, LOGIN_USED, "used");
    const struct login added[] = { login_of(f, ada, LOGIN_SESSION, "new"), login_of(f, ada, LOGIN_USED, "used") };
    struct login_change change = {
        .now = f->op.now, .ends = true, .ended = login_of(f, ada, LOGIN_SESSION, ""), .added = added, .added_count = 2, .limit = 1
    };
    assert_failed(f, store_change_logins(&f->op, f->store, &change), ERR_EXISTS, "login");
    assert_int_equal(follow_in(f, f->store, &cursor).count, 0);
    f->op.now += MINUTE;
    assert_done(f, store_remove_expired_logins(&f->op, f->store, f->op.now + 1, 10, &removed));
    assert_int_equal(removed, 2);
    assert_int_equal(follow_in(f, f->store, &cursor).count, 0); /* everybody knows when it expires */
}

static void log_ins_of_who_is_deleted_are_in_the_log_instead(void **state)
{
    struct fixture *f = *state;
    const struct user *ada = add_user(f, "ada");
    struct ended_cursor cursor = { 0 };
    add_one(f, ada, LOGIN_SESSION, "session");
    assert_done(f, change(f, USER_DELETED, ada, NULL));
    struct digest hash = hash_of("session");
    struct login login;
    bool found;
    assert_done(f, store_find_login(&f->op, f->store, LOGIN_SESSION, &hash, 0, &found, &login));
    assert_false(found);
    assert_int_equal(follow_in(f, f->store, &cursor).count, 0);
}

/* Also when nothing is left that would tell how far the cursor is. */
static void what_ended_long_ago_is_forgotten_and_what_ends_then_is_told(void **state)
{
    struct fixture *f = *state;
    const struct user *ada = add_user(f, "ada");
    struct ended_cursor early = { 0 }, late = { 0 };
    int64_t now = f->op.now, removed;
    for (int i = 0; i < 5; i++) {
        const char *secret = arena_printf(&f->op.arena, "session %d", i);
        add_one(f, ada, LOGIN_SESSION, secret);
        f->op.now = now + i;
        end_one(f, LOGIN_SESSION, secret);
    }
    follow_in(f, f->store, &early);
    assert_done(f, store_forget_ended_logins(&f->op, f->store, now, 10, &removed));
    assert_int_equal(removed, 0);
    assert_done(f, store_forget_ended_logins(&f->op, f->store, now + 4, 3, &removed));
    assert_int_equal(removed, 3);
    struct told told = follow_in(f, f->store, &late);
    assert_int_equal(told.count, 2);
    assert_true(was_told(&told, "session 3") && was_told(&told, "session 4"));
    assert_done(f, store_forget_ended_logins(&f->op, f->store, now + 5, 10, &removed));
    assert_int_equal(removed, 2);
    late = (struct ended_cursor){ 0 };
    assert_int_equal(follow_in(f, f->store, &late).count, 0);
    reopen(f);
    add_one(f, ada, LOGIN_SESSION, "after");
    end_one(f, LOGIN_SESSION, "after");
    told = follow_in(f, f->store, &early);
    assert_true(was_told(&told, "after"));
    told = follow_in(f, f->store, &late);
    assert_true(was_told(&told, "after"));
}

/* As after a copy took over that was behind. */
static void a_cursor_ahead_of_the_database_is_told_all(void **state)
{
    struct fixture *f = *state;
    struct ended_cursor cursor = { .from = INT64_C(1) << 50 };
    const struct user *ada = add_user(f, "ada");
    add_one(f, ada, LOGIN_SESSION, "first");
    add_one(f, ada, LOGIN_SESSION, "second");
    end_one(f, LOGIN_SESSION, "first");
    struct told told = follow_in(f, f->store, &cursor);
    assert_true(was_told(&told, "first"));
    end_one(f, LOGIN_SESSION, "second");
    told = follow_in(f, f->store, &cursor);
    assert_true(was_told(&told, "second"));
}

enum { ENDERS = 4, ENDED_BY_EACH = 50 };

struct ender {
    struct store *store;
    int number;
    int failed;
    pthread_t thread;
};

static void *end_many(void *context)
{
    struct ender *self = context;
    for (int i = 0; i < ENDED_BY_EACH; i++) {
        AUTO_OP op = op_begin();
        struct digest hash = hash_of(arena_printf(&op.arena, "%d %d", self->number, i));
        if (store_end_login(&op, self->store, LOGIN_SESSION, &hash)) self->failed++;
    }
    return NULL;
}

struct heard {
    struct fixture *f;
    bool is_ended[ENDERS][ENDED_BY_EACH];
};

static void hear(void *context, const struct digest *hash)
{
    struct heard *heard = context;
    for (int i = 0; i < ENDERS; i++)
        for (int j = 0; j < ENDED_BY_EACH; j++) {
            struct digest its = hash_of(arena_printf(&heard->f->op.arena, "%d %d", i, j));
            heard->is_ended[i][j] |= digest_equal(&its, hash);
        }
}

/* Whoever ended it, in whatever order the transactions were over. */
static void who_follows_while_many_end_sessions_misses_none(void **state)
{
    struct fixture *f = *state;
    struct store *stores[] = { f->store, open_at(f, f->url) };
    struct ender enders[ENDERS];
    struct heard heard = { .f = f };
    struct ended_cursor cursor = { 0 };
    for (int i = 0; i < ENDERS; i++) {
        const struct user *user = add_user(f, arena_printf(&f->op.arena, "user %d", i));
        for (int j = 0; j < ENDED_BY_EACH; j++) add_one(f, user, LOGIN_SESSION, arena_printf(&f->op.arena, "%d %d", i, j));
    }
    for (int i = 0; i < ENDERS; i++) {
        enders[i] = (struct ender){ .store = stores[i % 2], .number = i };
        assert_int_equal(pthread_create(&enders[i].thread, NULL, end_many, &enders[i]), 0);
    }
    for (int i = 0; i < 100; i++) assert_done(f, store_follow_logins(&f->op, stores[1], &cursor, hear, &heard));
    for (int i = 0; i < ENDERS; i++) {
        pthread_join(enders[i].thread, NULL);
        assert_int_equal(enders[i].failed, 0);
    }
    assert_done(f, store_follow_logins(&f->op, stores[1], &cursor, hear, &heard));
    for (int i = 0; i < ENDERS; i++)
        for (int j = 0; j < ENDED_BY_EACH; j++) assert_true(heard.is_ended[i][j]);
    store_close(stores[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(sessions_that_end_are_told_to_every_process),
        store_test(what_was_not_ended_after_all_is_not_told),
        store_test(log_ins_of_who_is_deleted_are_in_the_log_instead),
        store_test(what_ended_long_ago_is_forgotten_and_what_ends_then_is_told),
        store_test(a_cursor_ahead_of_the_database_is_told_all),
        store_test(who_follows_while_many_end_sessions_misses_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
