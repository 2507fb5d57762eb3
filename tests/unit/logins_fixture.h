/* logins_fixture.h — a store with users who have the keys of tests/fixtures/openpgp, the server's logins on it, and what a client
 * does: it decrypts with its own key, looks who signed, and writes challenges. Tests run in the repository's root folder. */
#ifndef ROSTER_TESTS_LOGINS_FIXTURE_H
#define ROSTER_TESTS_LOGINS_FIXTURE_H

#include "openpgp_fixture.h"
#include "store_fixture.h"

#include "auth/logins.h"
#include "base/json.h"
#include "store/logins.h"

#include <pthread.h>

#define MINUTE (60 * SECOND)
#define URL "https://pass.example.org"

struct person {
    struct login_user user;
    struct openpgp_server *key; /* the secret key: whoever has one is a server to the library */
};

struct world {
    struct fixture *f;
    struct op *op; /* f->op, at NOW */
    struct logins *logins;
    struct logins_options options;
    struct person ada, bob, eve; /* eve is in another organization */
};

/* For calls that must succeed. */
#define assert_works(w, call)                                                                                                    \
    do {                                                                                                                         \
        failure_clear(&(w)->op->failure);                                                                                        \
        assert_ok((w)->op, (call));                                                                                              \
    } while (0)

#define assert_fails(w, call, code)                                                                                              \
    do {                                                                                                                         \
        failure_clear(&(w)->op->failure);                                                                                        \
        assert_int_equal((call), code);                                                                                          \
    } while (0)

/* The one wording of all refusals. */
#define assert_unauthenticated(w, call)                                                                                          \
    do {                                                                                                                         \
        assert_fails(w, call, ERR_UNAUTHENTICATED);                                                                              \
        assert_string_equal((w)->op->failure.text, "the log-in is not known, has expired or was used or ended");                 \
        assert_string_equal((w)->op->failure.field, "");                                                                         \
    } while (0)

static inline struct person new_person(struct world *w, int64_t organization_id, int64_t user_id, const struct uuid *uuid,
                                       const char *key)
{
    return (struct person){
        .user = { .organization_id = organization_id, .user_id = user_id, .uuid = *uuid, .armored_key = public_of(w->op, key) },
        .key = open_server(w->op, secret_of(w->op, key))
    };
}

static inline struct person add_person(struct world *w, const char *name, const char *key)
{
    struct user *user = add_user(w->f, name);
    return new_person(w, w->f->organization_id, user->id, &user->uuid, key);
}

static inline void open_logins(struct world *w)
{
    assert_works(w, logins_open(w->op, w->f->store, &w->options, &w->logins));
}

/* As after a crash: nothing is saved. */
static inline void restart(struct world *w)
{
    logins_close(w->logins);
    reopen(w->f);
    open_logins(w);
}

static inline int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(set_up((void **)&w->f), 0);
    w->op = &w->f->op;
    w->op->now = NOW;
    w->options = (struct logins_options){ .url = URL };
    w->ada = add_person(w, "ada", "user-ed25519");
    w->bob = add_person(w, "bob", "user-nistp384");
    struct organization *other = make_organization(w->f, "Other");
    assert_done(w->f, change(w->f, ORGANIZATION_CREATED, NULL, other));
    struct user *user = make_user(w->f, "eve");
    user->organization_id = other->id;
    struct change_list list = { 0 };
    struct commit commit;
    append(w->f, &list, USER_CREATED, NULL, user);
    assert_done(w->f, commit_list(w->f, other->id, 0, &list, &commit));
    w->eve = new_person(w, other->id, user->id, &user->uuid, "user-rsa3072");
    open_logins(w);
    *state = w;
    return 0;
}

static inline int close_world(void **state)
{
    struct world *w = *state;
    openpgp_server_close(w->ada.key);
    openpgp_server_close(w->bob.key);
    openpgp_server_close(w->eve.key);
    logins_close(w->logins);
    tear_down((void **)&w->f);
    free(w);
    return 0;
}

#define logins_test(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)

/* ---- another process: a store and log-ins of its own */

struct node {
    struct store *store;
    struct logins *logins;
};

static inline struct node open_node(struct world *w)
{
    struct node node = { .store = open_at(w->f, w->f->url) };
    assert_works(w, logins_open(w->op, node.store, &w->options, &node.logins));
    return node;
}

static inline void close_node(struct node *node)
{
    logins_close(node->logins);
    store_close(node->store);
}

/* ---- the client */

/* What a message to a person says, which the server must have signed. */
static inline char *opened(struct world *w, const struct person *person, const char *message)
{
    char *text;
    size_t size;
    assert_works(
        w, openpgp_decrypt_and_verify(w->op, person->key, logins_server_key(w->logins), message, strlen(message), &text, &size));
    assert_int_equal(strlen(text), size);
    return text;
}

static inline char *begin(struct world *w, const struct person *person)
{
    char *message;
    assert_works(w, logins_begin(w->op, w->logins, &person->user, &message));
    return opened(w, person, message);
}

static inline enum err finish(struct world *w, const struct person *person, const char *text, const char **ret_secret)
{
    return logins_finish(w->op, w->logins, &person->user, text, strlen(text), ret_secret);
}

static inline const char *log_in(struct world *w, const struct person *person)
{
    const char *secret = NULL;
    assert_works(w, finish(w, person, begin(w, person), &secret));
    return secret;
}

/* A request of somebody who is active: the session lives longer for it. */
static inline enum err use_session(struct world *w, const char *secret)
{
    enum err e = logins_find_session(w->op, w->logins, secret);
    if (!e) logins_touch_session(w->op, w->logins, secret);
    return e;
}

static inline void assert_caller(struct world *w, const struct person *person)
{
    assert_int_equal(w->op->caller.organization_id, person->user.organization_id);
    assert_int_equal(w->op->caller.user_id, person->user.user_id);
    assert_true(uuid_equal(&w->op->caller.user_uuid, &person->user.uuid));
    assert_int_equal(w->op->caller.credential_id, 0);
    assert_int_equal(w->op->caller.rights, RIGHT_READ | RIGHT_WRITE | RIGHT_ALL_PERMITS);
    assert_false(w->op->caller.system);
}

static inline int64_t last_login_of(struct world *w, const struct person *person)
{
    char sql[128];
    snprintf(sql, sizeof sql, "select last_login_at from app_user where id = %lld", (long long)person->user.user_id);
    return place_number(&w->f->place, sql);
}

#endif
