/* store_logins_fixture.h — users with numbers, their log-ins, and short ways to add, take and look for them. */
#ifndef ROSTER_TESTS_STORE_LOGINS_FIXTURE_H
#define ROSTER_TESTS_STORE_LOGINS_FIXTURE_H

#include "store_fixture.h"

#include "store/logins.h"

enum { MINUTE = 60000000 };

static inline struct digest hash_of(const char *secret)
{
    return digest_of(secret, strlen(secret));
}

/* By their numbers, which begin at 1 in each test. */
static struct uuid uuids[8];

static inline struct user *add_person(struct fixture *f, const char *name)
{
    struct user *user = add_user(f, name);
    uuids[user->id % COUNT_OF(uuids)] = user->uuid;
    return user;
}

/* One that lives for a minute from now on. */
static inline struct login login_of(struct fixture *f, int64_t user_id, enum login_kind kind, const char *secret)
{
    return (struct login){ .kind = kind,
                           .hash = hash_of(secret),
                           .organization_id = f->organization_id,
                           .user_id = user_id,
                           .user_uuid = uuids[user_id % (int64_t)COUNT_OF(uuids)],
                           .created_at = f->op.now,
                           .expires_at = f->op.now + MINUTE };
}

static inline enum err add(struct fixture *f, const struct login *logins, size_t count)
{
    struct login_change change = { .now = f->op.now, .added = logins, .added_count = count };
    return store_change_logins(&f->op, f->store, &change);
}

static inline void add_one(struct fixture *f, int64_t user_id, enum login_kind kind, const char *secret)
{
    struct login login = login_of(f, user_id, kind, secret);
    assert_done(f, add(f, &login, 1));
}

static inline enum err take(struct fixture *f, const struct login *taken, const struct login *added)
{
    struct login_change change = {
        .now = f->op.now, .takes = true, .taken = *taken, .added = added, .added_count = added ? 1 : 0
    };
    return store_change_logins(&f->op, f->store, &change);
}

static inline bool lives_at(struct fixture *f, enum login_kind kind, const char *secret, int64_t now)
{
    struct login login;
    struct digest hash = hash_of(secret);
    bool found;
    assert_done(f, store_find_login(&f->op, f->store, kind, &hash, now, &found, &login));
    if (found) {
        assert_int_equal(login.kind, kind);
        assert_true(digest_equal(&login.hash, &hash));
        assert_int_equal(login.organization_id, f->organization_id);
    }
    return found;
}

static inline bool lives(struct fixture *f, enum login_kind kind, const char *secret)
{
    return lives_at(f, kind, secret, f->op.now);
}

static inline int64_t number(struct fixture *f, const char *sql)
{
    return place_number(&f->place, sql);
}

#endif
