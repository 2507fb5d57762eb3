/* directory_fixture.h — a directory on a real store, and another process beside it: a second handle on the same file.
 *
 * What a test commits through `other` the directory has not seen until refresh() tells it, as the follower would. */
#ifndef ROSTER_TESTS_DIRECTORY_FIXTURE_H
#define ROSTER_TESTS_DIRECTORY_FIXTURE_H

#include "store_fixture.h"

#include "base/clock.h"

#include "directory/check.h"
#include "directory/directory.h"
#include "directory/importer.h"
#include "directory/resident.h"

#include <stdarg.h>

struct world {
    struct fixture *f; /* f->store is the directory's; f->op makes the tests' objects */
    struct store *other;
    struct directory *directory;
    int64_t organization_id;
    struct op op; /* of the last caller, see acting() */
};

/* --- what others commit --- */

/* One commit with several changes, at the organization's newest version. */
static inline enum err commit_others(struct world *w, int64_t organization_id, struct change_list *list)
{
    struct commit commit = { .organization_id = organization_id, .time = w->f->op.now, .changes = list };
    failure_clear(&w->f->op.failure);
    enum err e = store_version(&w->f->op, w->other, organization_id, &commit.expected_version);
    return e ? e : store_commit(&w->f->op, w->other, &commit);
}

static inline void commit_one(struct world *w, int64_t organization_id, enum change_kind kind, const void *before,
                              const void *after)
{
    struct change_list list = { 0 };
    append(w->f, &list, kind, before, after);
    assert_done(w->f, commit_others(w, organization_id, &list));
}

static inline struct organization *other_adds_organization(struct world *w, const char *name)
{
    struct organization *organization = make_organization(w->f, name);
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, organization);
    return organization;
}

static inline struct user *other_adds_user(struct world *w, const char *name)
{
    struct user *user = make_user(w->f, name);
    user->organization_id = w->organization_id;
    commit_one(w, w->organization_id, USER_CREATED, NULL, user);
    return user;
}

static inline struct group *other_adds_group(struct world *w, const char *name)
{
    struct group *group = make_group(w->f, name);
    group->organization_id = w->organization_id;
    commit_one(w, w->organization_id, GROUP_CREATED, NULL, group);
    return group;
}

static inline struct membership *other_adds_member(struct world *w, int64_t group_id, int64_t user_id, bool manager)
{
    struct membership *membership = make_membership(w->f, group_id, user_id);
    membership->organization_id = w->organization_id;
    membership->manager = manager;
    commit_one(w, w->organization_id, MEMBER_ADDED, NULL, membership);
    return membership;
}

static inline struct credential *other_adds_credential(struct world *w, int64_t user_id, const char *secret)
{
    struct credential *credential = make_credential(w->f, secret);
    credential->organization_id = w->organization_id;
    credential->kind = CREDENTIAL_BEARER;
    credential->user_id = user_id;
    commit_one(w, w->organization_id, CREDENTIAL_CREATED, NULL, credential);
    return credential;
}

/* --- the directory hears of it --- */

static inline enum err hear_of(struct world *w, int64_t organization_id)
{
    int64_t version;
    AUTO_OP op = op_begin();
    enum err e = store_version(&op, w->other, organization_id, &version);
    return e ? e : directory_refresh(&op, w->directory, organization_id, version, 60000);
}

static inline void refresh(struct world *w, int64_t organization_id)
{
    assert_int_equal(hear_of(w, organization_id), ERR_OK);
}

/* --- a follower that runs by itself --- */

static inline enum err authenticate_bearer(struct world *w, const char *secret)
{
    AUTO_OP op = op_begin();
    return credentials_authenticate(&op, directory_credentials(w->directory), arena_printf(&op.arena, "Bearer %s", secret),
                                    FORM_BEARER);
}

static inline void await_authenticated(struct world *w, const char *secret)
{
    int64_t begun = clock_now();
    while (authenticate_bearer(w, secret) && clock_now() - begun < 20000000) usleep(5000);
    assert_int_equal(authenticate_bearer(w, secret), ERR_OK);
}

/* The follower's first round compares all that is in memory with the database, and reads the credentials last: who hides a table
 * before that fails the round as a whole, and what was lost before that is found. What is committed after something of the first
 * round was seen is read last in that round, or in a later one. */
static inline void await_first_round(struct world *w)
{
    other_adds_credential(w, 0, "seen in the first round");
    await_authenticated(w, "seen in the first round");
    other_adds_credential(w, 0, "seen after it");
    await_authenticated(w, "seen after it");
}

/* Something that store.h has no words for, in either engine. */
PRINTF_LIKE(2, 3) static inline void execute(struct world *w, const char *format, ...)
{
    char sql[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    place_number(&w->f->place, sql);
}

/* --- who asks --- */

/* w->op becomes a new operation of a user of the organization; 0: a service key. */
static inline struct op *acting(struct world *w, int64_t user_id)
{
    op_end(&w->op);
    w->op = op_begin();
    w->op.directory = w->directory;
    w->op.caller = (struct caller){
        .organization_id = w->organization_id, .credential_id = 3, .user_id = user_id, .rights = RIGHT_READ | RIGHT_WRITE
    };
    return &w->op;
}

#define assert_ok(w, call)                                                                                                       \
    do {                                                                                                                         \
        enum err ok_ = (call);                                                                                                   \
        if (ok_) print_error("%s: %s: %s\n", #call, err_name(ok_), (w)->op.failure.text);                                        \
        assert_int_equal(ok_, ERR_OK);                                                                                           \
    } while (0)

#define assert_refused(w, call, err_code, field_name)                                                                            \
    do {                                                                                                                         \
        assert_int_equal((call), (err_code));                                                                                    \
        assert_int_equal((w)->op.failure.code, (err_code));                                                                      \
        assert_string_equal((w)->op.failure.field, (field_name));                                                                \
    } while (0)

/* --- what the directory says, read as a service key --- */

static inline int64_t version_of(struct world *w, int64_t organization_id)
{
    AUTO_OP op = op_begin();
    int64_t version = -1;
    assert_int_equal(store_version(&op, w->other, organization_id, &version), ERR_OK);
    return version;
}

/* The group, deleted or not; false if there is none. Texts are good until the next acting(). */
static inline bool get_group(struct world *w, int64_t group_id, struct group *ret_group)
{
    *ret_group = (struct group){ 0 };
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, false, &view));
    uint32_t ordinal = image_find_group(view.image, group_id);
    if (ordinal == NO_ORDINAL) return false;
    struct group group;
    image_get_group(view.image, ordinal, &group);
    *ret_group = *object_copy(&op->arena, NOUN_GROUP, (union object){ .group = &group }).group;
    return true;
}

static inline bool get_membership(struct world *w, int64_t group_id, int64_t user_id, struct membership *ret_membership)
{
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, false, &view));
    uint32_t group = image_find_group(view.image, group_id), user = image_find_user(view.image, user_id);
    if (group == NO_ORDINAL || user == NO_ORDINAL) return false;
    const struct member *member = memberlist_find(&view.image->groups[group].members, user);
    if (member) image_get_membership(view.image, group, member, ret_membership);
    return member != NULL;
}

static inline bool is_member(struct world *w, int64_t group_id, int64_t user_id)
{
    struct membership membership;
    return get_membership(w, group_id, user_id, &membership);
}

static inline bool is_manager(struct world *w, int64_t group_id, int64_t user_id)
{
    struct membership membership;
    return get_membership(w, group_id, user_id, &membership) && membership.manager;
}

/* The bits of group members by their names on the wire. */
static inline field_set group_fields(const char *first, const char *second)
{
    field_set set = 0;
    const struct field *fields = noun_fields(NOUN_GROUP);
    for (int i = 0; fields[i].name; i++)
        if (strcmp(fields[i].name, first) == 0 || (second && strcmp(fields[i].name, second) == 0)) set |= (field_set)1 << i;
    return set;
}

/* As a service key. */
static inline int64_t new_group(struct world *w, const char *name)
{
    assert_ok(w, directory_create_group(acting(w, 0), &(struct group){ .name = name }, group_fields("name", NULL)));
    return w->op.made->id;
}

static inline void put_member(struct world *w, int64_t group_id, int64_t user_id, bool manager)
{
    struct member_request member = { .user_id = user_id, .has_manager = true, .manager = manager };
    assert_ok(w, directory_put_members(acting(w, 0), group_id, &member, 1));
}

/* --- nothing may be wrong with what is stored --- */

static inline void print_finding(void *context, const char *finding)
{
    (void)context;
    print_error("finding: %s\n", finding);
}

static inline void assert_sound(struct world *w)
{
    AUTO_OP op = op_begin();
    struct check_counts counts;
    assert_int_equal(directory_check(&op, w->other, print_finding, NULL, &counts), ERR_OK);
    assert_int_equal(counts.findings, 0);
}

/* --- set up and tear down --- */

static const struct directory_options quiet_options = {
    .memory_budget_mib = 256, .fragment_budget_mib = 64, .follow_interval_ms = 20, .expire_interval_s = 1, .background = false
};

static inline void open_directory(struct world *w, const struct directory_options *options)
{
    AUTO_OP op = op_begin();
    enum err e = directory_open(&op, w->f->store, options, &w->directory);
    if (e) print_error("directory_open: %s\n", op.failure.text);
    assert_int_equal(e, ERR_OK);
}

static inline void close_directory(struct world *w)
{
    directory_close(w->directory);
    w->directory = NULL;
}

/* One organization without users, and a directory that has nothing in memory but the installation. */
static inline int set_up_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    void *fixture;
    set_up(&fixture);
    w->f = fixture;
    w->organization_id = w->f->organization_id;
    w->other = open_at(w->f, w->f->url);
    w->op = op_begin();
    open_directory(w, &quiet_options);
    *state = w;
    return 0;
}

static inline int tear_down_world(void **state)
{
    struct world *w = *state;
    op_end(&w->op);
    close_directory(w);
    store_close(w->other);
    void *fixture = w->f;
    tear_down(&fixture);
    free(w);
    return 0;
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, set_up_world, tear_down_world)

#endif
