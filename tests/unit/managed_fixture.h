/* managed_fixture.h — a group with managers, people in and around it, and short ways to write requests about them. */
#ifndef ROSTER_TESTS_MANAGED_FIXTURE_H
#define ROSTER_TESTS_MANAGED_FIXTURE_H

#include "directory_fixture.h"

#define HOUR INT64_C(3600000000)

/* Who is there: an administrator who is in no group, two managers and a member of the group, and some who are not in it. */
enum who { ADMIN, BOSS, DEPUTY, MEMBER, STRANGER, OTHER, INACTIVE, DELETED, GONE, FOREIGNER, CAST };

struct cast {
    int64_t group, ids[CAST];
    struct uuid users[CAST], memberships[CAST]; /* of BOSS, DEPUTY, MEMBER in the group; of STRANGER in another */
    int64_t second, elsewhere;                  /* the other group; the organization of FOREIGNER */
};

static inline struct user *add_somebody(struct world *w, struct cast *cast, enum who who, bool super_user, bool active)
{
    struct user *user = make_user(w->f, "u");
    user->organization_id = w->organization_id;
    user->super_user = super_user;
    user->active = active;
    commit_one(w, w->organization_id, USER_CREATED, NULL, user);
    cast->ids[who] = user->id;
    cast->users[who] = user->uuid;
    return user;
}

static inline void delete_user(struct world *w, const struct user *user)
{
    commit_one(w, w->organization_id, USER_DELETED, user, NULL);
}

static inline struct cast add_cast(struct world *w)
{
    struct cast cast = { 0 };
    for (enum who who = ADMIN; who < INACTIVE; who++) add_somebody(w, &cast, who, who == ADMIN, true);
    add_somebody(w, &cast, INACTIVE, false, false);
    delete_user(w, add_somebody(w, &cast, DELETED, false, true));
    delete_user(w, add_somebody(w, &cast, GONE, false, false));
    const int64_t home = w->organization_id;
    cast.elsewhere = w->organization_id = other_adds_organization(w, "Elsewhere")->id;
    add_somebody(w, &cast, FOREIGNER, true, true);
    w->organization_id = home;

    cast.group = other_adds_group(w, "Group")->id;
    cast.second = other_adds_group(w, "Second")->id;
    for (enum who who = BOSS; who <= MEMBER; who++)
        cast.memberships[who] = other_adds_member(w, cast.group, cast.ids[who], who != MEMBER)->uuid;
    cast.memberships[STRANGER] = other_adds_member(w, cast.second, cast.ids[STRANGER], true)->uuid;
    refresh(w, INSTALLATION);
    refresh(w, w->organization_id);
    return cast;
}

/* A membership with dates, of somebody who is in no group. */
static inline void add_dated(struct world *w, struct cast *cast, enum who who, bool manager, int64_t starts_at, int64_t ends_at)
{
    struct membership *membership = make_membership(w->f, cast->group, cast->ids[who]);
    membership->organization_id = w->organization_id;
    membership->manager = manager;
    membership->starts_at = starts_at;
    membership->ends_at = ends_at;
    commit_one(w, w->organization_id, MEMBER_ADDED, NULL, membership);
    refresh(w, w->organization_id);
    cast->memberships[who] = membership->uuid;
}

/* --- requests: the index of a change is 10 more than its place, as if the request had others before it --- */

static inline struct member_change adds(const struct cast *cast, enum who who, bool manager)
{
    return (struct member_change){ .kind = MEMBER_CHANGE_ADD, .user = cast->users[who], .manager = manager };
}

static inline struct member_change gives(const struct cast *cast, enum who who, bool manager)
{
    return (struct member_change){ .kind = MEMBER_CHANGE_ROLE, .membership = cast->memberships[who], .manager = manager };
}

static inline struct member_change removes(const struct cast *cast, enum who who)
{
    return (struct member_change){ .kind = MEMBER_CHANGE_REMOVE, .membership = cast->memberships[who] };
}

enum { FIRST_INDEX = 10 };

#define REQUEST(...) ((struct member_change[]){ __VA_ARGS__ }), COUNT_OF(((struct member_change[]){ __VA_ARGS__ }))

static inline enum err change_as(struct world *w, int64_t caller, int64_t group_id, const char *name,
                                 struct member_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) changes[i].index = FIRST_INDEX + i;
    return directory_change_managed_group(acting(w, caller), group_id, name, changes, count);
}

static inline enum err create_as(struct world *w, int64_t caller, const char *name, struct member_change *members, size_t count)
{
    for (size_t i = 0; i < count; i++) members[i].index = FIRST_INDEX + i;
    return directory_create_managed_group(acting(w, caller), &(struct group){ .name = name }, group_fields("name", NULL), members,
                                          count);
}

/* Refused with these issues and no others. */
static inline void assert_issues(struct world *w, enum err e, const struct issue *issues, size_t count)
{
    assert_int_equal(e, ERR_INVALID);
    assert_string_equal(w->op.failure.field, "issues");
    assert_int_equal(w->op.issue_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(w->op.issues[i].kind, issues[i].kind);
        assert_int_equal(w->op.issues[i].index, issues[i].index);
    }
}

static inline void assert_issue(struct world *w, enum err e, enum issue_kind kind, size_t index)
{
    assert_issues(w, e, &(struct issue){ kind, index }, 1);
}

static inline bool group_exists(struct world *w, const char *name)
{
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, false, &view));
    return image_find_group_by_name(view.image, name) != NO_ORDINAL;
}

#endif
