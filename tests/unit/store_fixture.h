/* store_fixture.h — an empty store for each test, short ways to commit, and a sink that collects what is loaded.
 *
 * The contract tests ask only what store.h promises, on the engine that ROSTER_TEST_ENGINE names (store_place.h). What is true of
 * SQLite only is a sqlite_test. */
#ifndef ROSTER_TESTS_STORE_FIXTURE_H
#define ROSTER_TESTS_STORE_FIXTURE_H

#include "store_place.h"

#include "store/store.h"

struct fixture {
    struct store_place place;
    const char *directory, *path, *url; /* the place's */
    struct store *store;
    struct op op; /* for everything a test makes; its failure is that of the last call */
    int64_t organization_id;
    int64_t versions[2]; /* of the installation, of the organization */
};

/* For calls that must succeed: shows why not. */
#define assert_done(f, call)                                                                                                     \
    do {                                                                                                                         \
        failure_clear(&(f)->op.failure);                                                                                         \
        enum err done_ = (call);                                                                                                 \
        if (done_) print_error("%s: %s: %s\n", #call, err_name(done_), (f)->op.failure.text);                                    \
        assert_int_equal(done_, ERR_OK);                                                                                         \
    } while (0)

#define assert_failed(f, call, code, field_name)                                                                                 \
    do {                                                                                                                         \
        failure_clear(&(f)->op.failure);                                                                                         \
        assert_int_equal((call), code);                                                                                          \
        assert_string_equal((f)->op.failure.field, field_name);                                                                  \
    } while (0)

static inline struct store *open_at(struct fixture *f, const char *url)
{
    struct store *store = NULL;
    assert_done(f, store_open(&f->op, &(struct store_options){ .url = url, .create = true }, &store));
    return store;
}

static inline void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = open_at(f, f->url);
}

/* ---- committing */

static inline enum err commit_list(struct fixture *f, int64_t organization_id, int64_t version, struct change_list *list,
                                   struct commit *ret_commit)
{
    *ret_commit = (struct commit){ .organization_id = organization_id,
                                   .expected_version = version,
                                   .time = f->op.now,
                                   .changes = list,
                                   .user_id = 7,
                                   .credential_id = 3 };
    return store_commit(&f->op, f->store, ret_commit);
}

static inline void append(struct fixture *f, struct change_list *list, enum change_kind kind, const void *before,
                          const void *after)
{
    assert_true(change_add(&f->op.arena, list, kind, (union object){ .any = before }, (union object){ .any = after }));
}

/* One change of the installation (ORGANIZATION_..., ACCOUNT_...) or of the fixture's organization, at its newest version. */
static inline enum err change(struct fixture *f, enum change_kind kind, const void *before, const void *after)
{
    bool installation = kind != ORGANIZATION_IMPORTED && change_noun(kind) <= NOUN_ACCOUNT;
    int64_t *version = &f->versions[!installation];
    struct change_list list = { 0 };
    struct commit commit;
    append(f, &list, kind, before, after);
    enum err e = commit_list(f, installation ? INSTALLATION : f->organization_id, *version, &list, &commit);
    if (!e) *version = commit.version;
    return e;
}

/* ---- making objects */

static inline void *make(struct fixture *f, const void *object, size_t size)
{
    return memcpy(arena_alloc(&f->op.arena, size), object, size);
}

static inline struct organization *make_organization(struct fixture *f, const char *name)
{
    return make(f, &(struct organization){ .uuid = uuid_random(), .name = name, .unique_group_names = true, .date_created = 11 },
                sizeof(struct organization));
}

static inline struct user *make_user(struct fixture *f, const char *name)
{
    return make(f,
                &(struct user){ .organization_id = f->organization_id, .uuid = uuid_random(), .user_name = name, .active = true },
                sizeof(struct user));
}

static inline struct group *make_group(struct fixture *f, const char *name)
{
    return make(f, &(struct group){ .organization_id = f->organization_id, .uuid = uuid_random(), .name = name },
                sizeof(struct group));
}

static inline struct membership *make_membership(struct fixture *f, int64_t group_id, int64_t user_id)
{
    return make(f,
                &(struct membership){ .organization_id = f->organization_id,
                                      .group_id = group_id,
                                      .user_id = user_id,
                                      .uuid = uuid_random(),
                                      .date_created = 5 },
                sizeof(struct membership));
}

static inline struct credential *make_credential(struct fixture *f, const char *secret)
{
    return make(f,
                &(struct credential){ .organization_id = f->organization_id,
                                      .uuid = uuid_random(),
                                      .name = "key",
                                      .kind = CREDENTIAL_API_KEY,
                                      .key_id = "K1",
                                      .secret_hash = digest_of(secret, strlen(secret)),
                                      .rights = RIGHT_READ | RIGHT_WRITE },
                sizeof(struct credential));
}

/* Commits a new one and returns it with its number. */
static inline struct user *add_user(struct fixture *f, const char *name)
{
    struct user *user = make_user(f, name);
    assert_done(f, change(f, USER_CREATED, NULL, user));
    return user;
}

static inline struct group *add_group(struct fixture *f, const char *name)
{
    struct group *group = make_group(f, name);
    assert_done(f, change(f, GROUP_CREATED, NULL, group));
    return group;
}

/* ---- loading */

struct loaded {
    union object objects[NOUN_COUNT][64];
    size_t count[NOUN_COUNT];
    char order[256]; /* a letter for each row: o a u g m n c */
    struct arena *arena;
    int64_t version;
};

static inline enum err keep(struct loaded *loaded, enum noun noun, const void *object)
{
    assert_true(loaded->count[noun] < 64);
    loaded->objects[noun][loaded->count[noun]++] = object_copy(loaded->arena, noun, (union object){ .any = object });
    size_t length = strlen(loaded->order);
    assert_true(length + 1 < sizeof(loaded->order));
    loaded->order[length] = "oaugmnc"[noun];
    return ERR_OK;
}

#define KEEP(noun, NOUN)                                                                                                         \
    static inline enum err keep_##noun(void *context, struct op *op, const struct noun *object)                                  \
    {                                                                                                                            \
        (void)op;                                                                                                                \
        return keep(context, NOUN, object);                                                                                      \
    }
KEEP(organization, NOUN_ORGANIZATION)
KEEP(account, NOUN_ACCOUNT)
KEEP(user, NOUN_USER)
KEEP(group, NOUN_GROUP)
KEEP(membership, NOUN_MEMBERSHIP)
KEEP(nesting, NOUN_NESTING)
KEEP(credential, NOUN_CREDENTIAL)
#undef KEEP

static inline struct loaded *new_loaded(struct fixture *f, struct store_sink *ret_sink)
{
    struct loaded *loaded = arena_zalloc(&f->op.arena, sizeof(*loaded));
    loaded->arena = &f->op.arena;
    *ret_sink = (struct store_sink){ loaded,     keep_organization, keep_account, keep_user,
                                     keep_group, keep_membership,   keep_nesting, keep_credential };
    return loaded;
}

static inline struct loaded *load(struct fixture *f, int64_t organization_id)
{
    struct store_sink sink;
    struct loaded *loaded = new_loaded(f, &sink);
    struct store_counts counts;
    assert_done(f, store_load(&f->op, f->store, organization_id, &sink, &counts, &loaded->version));
    assert_true(counts.users == 0 || counts.users == (int64_t)loaded->count[NOUN_USER]);
    assert_true(counts.groups == 0 || counts.groups == (int64_t)loaded->count[NOUN_GROUP]);
    return loaded;
}

/* What the store has of one object, NULL if nothing; store_load and store_find must agree. */
static inline union object stored(struct fixture *f, enum noun noun, int64_t organization_id, int64_t id, int64_t second_id)
{
    bool found;
    union object object = { 0 };
    assert_done(f, store_find(&f->op, f->store, noun, organization_id, id, second_id, &found, &object));
    return found ? object : (union object){ 0 };
}

static inline void assert_same(enum noun noun, union object a, union object b)
{
    assert_non_null(a.any);
    assert_non_null(b.any);
    assert_int_equal(fields_differ(noun, a, b), 0);
}

/* ---- set up and tear down */

/* A store with one empty organization. */
static inline int set_up_on(void **state, enum place_engine engine)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->op = op_begin();
    place_make(&f->place, engine);
    f->directory = f->place.directory, f->path = f->place.path, f->url = f->place.url;
    f->store = open_at(f, f->url);
    assert_done(f, store_version(&f->op, f->store, INSTALLATION, &f->versions[0]));
    struct organization *organization = make_organization(f, "Test");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, organization));
    f->organization_id = organization->id;
    *state = f;
    return 0;
}

static inline int set_up(void **state)
{
    return set_up_on(state, place_engine());
}

static inline int set_up_sqlite(void **state)
{
    return set_up_on(state, PLACE_SQLITE);
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    place_remove(&f->place);
    op_end(&f->op);
    free(f);
    return 0;
}

#define store_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define sqlite_test(function) cmocka_unit_test_setup_teardown(function, set_up_sqlite, tear_down)

#endif
