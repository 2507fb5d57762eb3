/* group_members.c — rules of groups that have managers: made with their members, and changed with several members at once.
 *
 * A request is done in memory first, change by change, on a place for each user it is about; what comes of it is committed as one
 * change for each place, so that what a request does and undoes is not in the log. */
#include "base/lookup.h"
#include "directory/rules.h"

#include <assert.h>

/* Looking for a membership among more takes a millisecond or so: not on a thread that serves other connections too. */
enum { LOOKED_AT_ONCE = 50000 };

struct managed_request {
    int64_t group_id;
    const struct group *values; /* of a new group */
    field_set present;
    const char *name; /* NULL: is kept */
    const struct member_change *changes;
    size_t count;
};

/* --- issues --- */

static void tell(struct op *op, enum issue_kind kind, size_t index)
{
    struct issue *issues = arena_array(&op->arena, op->issue_count + 1, sizeof *issues);
    if (op->issue_count) memcpy(issues, op->issues, op->issue_count * sizeof *issues);
    issues[op->issue_count++] = (struct issue){ kind, index };
    op->issues = issues;
}

static enum err refuse(struct op *op)
{
    return op_fail(op, ERR_INVALID, "issues", "the group or its members would break a rule");
}

static enum err refuse_for(struct op *op, enum issue_kind kind, size_t index)
{
    tell(op, kind, index);
    return refuse(op);
}

/* A rule may run several times: the last word counts. */
static void forget_issues(struct op *op)
{
    op->issues = NULL;
    op->issue_count = 0;
}

static enum err check_user(struct op *op, const struct image *image, uint32_t user, size_t index)
{
    if (user == NO_ORDINAL) return refuse_for(op, ISSUE_USER_UNKNOWN, index);
    unsigned flags = image->users[user].flags;
    if (flags & USER_IS_DELETED) tell(op, ISSUE_USER_DELETED, index);
    if (!(flags & USER_IS_ACTIVE)) tell(op, ISSUE_USER_INACTIVE, index);
    return op->issue_count ? refuse(op) : ERR_OK;
}

static uint32_t find_user(const struct image *image, const struct uuid *uuid)
{
    return uuid_is_nil(uuid) ? NO_ORDINAL : image_find_user_by_uuid(image, uuid);
}

/* --- places: what a request does to the membership of each user it is about --- */

#define NO_PLACE UINT32_MAX

struct place {
    uint32_t user;
    const struct membership *before; /* NULL: there was none */
    struct membership *after;        /* NULL: there is none */
};

struct places {
    struct place *items; /* by user */
    size_t count;
    uint32_t *of_change; /* for each change its place; NO_PLACE: it leads to nobody */
};

struct mention {
    uint32_t user, change;
};

static int compare_mentions(const void *a, const void *b)
{
    const struct mention *left = a, *right = b;
    if (left->user != right->user) return left->user < right->user ? -1 : 1;
    return left->change < right->change ? -1 : left->change > right->change;
}

/* `users`: whom each change is about, or NO_ORDINAL. */
static struct places make_places(struct op *op, const uint32_t *users, size_t count)
{
    struct places places = { .items = arena_array(&op->arena, count, sizeof *places.items),
                             .of_change = arena_array(&op->arena, count, sizeof *places.of_change) };
    struct mention *mentions = arena_array(&op->arena, count, sizeof *mentions);
    for (size_t i = 0; i < count; i++) mentions[i] = (struct mention){ users[i], (uint32_t)i };
    if (count) qsort(mentions, count, sizeof *mentions, compare_mentions);
    for (size_t i = 0; i < count; i++) {
        uint32_t user = mentions[i].user;
        bool another = !places.count || places.items[places.count - 1].user != user;
        if (user != NO_ORDINAL && another) places.items[places.count++] = (struct place){ .user = user };
        places.of_change[mentions[i].change] = user == NO_ORDINAL ? NO_PLACE : (uint32_t)places.count - 1;
    }
    return places;
}

/* What is there already. */
static void fill_places(struct op *op, const struct image *image, uint32_t group, const struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        struct place *place = &places->items[i];
        const struct member *member = memberlist_find(&image->groups[group].members, place->user);
        if (!member) continue;
        struct membership *both = arena_array(&op->arena, 2, sizeof *both);
        image_get_membership(image, group, member, &both[0]);
        both[1] = both[0];
        place->before = &both[0];
        place->after = &both[1];
    }
}

static void commit_places(struct op *op, struct rule_context *context, const struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        const struct place *place = &places->items[i];
        if (!place->before && !place->after) continue;
        enum change_kind kind = !place->before ? MEMBER_ADDED : !place->after ? MEMBER_REMOVED : MEMBER_CHANGED;
        change_add(&op->arena, &context->changes, kind, (union object){ .any = place->before },
                   (union object){ .membership = place->after });
    }
}

/* --- create --- */

static enum err check_group(struct op *op, const struct image *image, const struct group *group,
                            const struct managed_request *request)
{
    bool managed = false;
    for (size_t i = 0; i < request->count; i++) {
        assert(request->changes[i].kind == MEMBER_CHANGE_ADD);
        managed = managed || request->changes[i].manager;
    }
    if (directory_find_name_holder(op, image, group->name, NO_ORDINAL) != NO_ORDINAL) tell(op, ISSUE_NAME_TAKEN, 0);
    if (!managed) tell(op, ISSUE_NO_MANAGER, 0);
    return op->issue_count ? refuse(op) : ERR_OK;
}

static enum err add_first_members(struct op *op, struct rule_context *context, const struct managed_request *request)
{
    const struct image *image = context->image;
    uint32_t *users = arena_array(&op->arena, request->count, sizeof *users);
    for (size_t i = 0; i < request->count; i++) users[i] = find_user(image, &request->changes[i].user);
    struct places places = make_places(op, users, request->count);
    for (size_t i = 0; i < request->count; i++) {
        const struct member_change *change = &request->changes[i];
        enum err e = check_user(op, image, users[i], change->index);
        if (e) return e;
        struct place *place = &places.items[places.of_change[i]];
        if (place->after) return refuse_for(op, ISSUE_MEMBER_ALREADY, change->index);
        place->after = directory_prepare_membership(op, image, 0, users[i], change->manager);
    }
    commit_places(op, context, &places);
    return ERR_OK;
}

static enum err create_group(struct op *op, struct rule_context *context, void *data)
{
    const struct managed_request *request = data;
    struct group *group;
    forget_issues(op);
    enum err e = directory_check_administrator(op, context);
    if (!e) e = directory_prepare_group(op, context, request->values, request->present, &group);
    if (!e) e = check_group(op, context->image, group, request);
    if (e) return e;
    op->made = group;
    change_add(&op->arena, &context->changes, GROUP_CREATED, (union object){ 0 }, (union object){ .group = group });
    return add_first_members(op, context, request);
}

/* The request outlives the call when the op is asynchronous. */
static enum err write_managed(struct op *op, directory_rule rule, struct managed_request values)
{
    enum err e = directory_check_member_count(op, values.count);
    if (e) return e;
    struct managed_request *request = arena_alloc(&op->arena, sizeof *request);
    struct member_change *changes = arena_array(&op->arena, values.count, sizeof *changes);
    if (values.count) memcpy(changes, values.changes, values.count * sizeof *changes);
    *request = values;
    request->changes = changes;
    request->name = arena_strdup(&op->arena, values.name);
    if (values.values) request->values = object_copy(&op->arena, NOUN_GROUP, (union object){ .any = values.values }).group;
    return directory_write(op, op->directory, op->caller.organization_id, rule, request);
}

enum err directory_create_managed_group(struct op *op, const struct group *values, field_set present,
                                        const struct member_change *members, size_t count)
{
    return write_managed(op, create_group,
                         (struct managed_request){ .values = values, .present = present, .changes = members, .count = count });
}

/* --- change --- */

/* Whether it lives is told to administrators only. */
static enum err find_managed(struct op *op, const struct rule_context *context, int64_t group_id, uint32_t *ret_group)
{
    const struct image *image = context->image;
    uint32_t group = image_find_group(image, group_id);
    bool lives = group != NO_ORDINAL && !image->groups[group].deleted;
    *ret_group = group;
    if (lives && (context->administrator || directory_manages(op, image, group, context->caller))) return ERR_OK;
    if (context->administrator) return op_fail(op, ERR_NOT_FOUND, "group", "there is no group %lld", (long long)group_id);
    return op_fail(op, ERR_FORBIDDEN, "", "only an administrator or a manager of the group may do this");
}

static enum err rename_group(struct op *op, struct rule_context *context, uint32_t group, const char *name)
{
    struct group *before = directory_copy_group(op, context->image, group), *after = arena_alloc(&op->arena, sizeof *after);
    if (strcmp(before->name, name) == 0) return ERR_OK;
    if (directory_find_name_holder(op, context->image, name, group) != NO_ORDINAL) return refuse_for(op, ISSUE_NAME_TAKEN, 0);
    *after = *before;
    after->name = name;
    directory_credit_change(op, context, after);
    change_add(&op->arena, &context->changes, GROUP_RENAMED, (union object){ .group = before }, (union object){ .group = after });
    return ERR_OK;
}

static uint64_t hash_membership(const void *changes, uint32_t at)
{
    return lookup_hash_bytes(&((const struct member_change *)changes)[at].membership, sizeof(struct uuid));
}

static bool same_membership(const void *changes, uint32_t at, const void *uuid)
{
    return uuid_equal(&((const struct member_change *)changes)[at].membership, uuid);
}

/* The memberships that a request names, each once. */
struct named {
    const struct member_change *changes;
    struct lookup lookup;    /* the first change that names it */
    bool last_bytes[1 << 8]; /* of their uuids: most members are passed over after one look */
};

static uint32_t find_named(const struct named *named, const struct uuid *uuid)
{
    return lookup_find(&named->lookup, lookup_hash_bytes(uuid, sizeof *uuid), same_membership, named->changes, uuid);
}

static bool names_membership(const struct member_change *change)
{
    return change->kind != MEMBER_CHANGE_ADD && !uuid_is_nil(&change->membership);
}

/* Who has the memberships: one walk over the group's members, however many changes there are. */
static void find_holders(const struct image *image, uint32_t group, const struct managed_request *request, uint32_t *users)
{
    struct named named = { .changes = request->changes };
    for (size_t i = 0; i < request->count; i++) {
        const struct uuid *uuid = &request->changes[i].membership;
        if (!names_membership(&request->changes[i]) || find_named(&named, uuid) != LOOKUP_NONE) continue;
        lookup_add(&named.lookup, hash_membership(named.changes, (uint32_t)i), (uint32_t)i, hash_membership, named.changes);
        named.last_bytes[uuid->bytes[sizeof uuid->bytes - 1]] = true;
    }
    uint32_t left = named.lookup.used;
    struct member_cursor cursor = memberlist_at(&image->groups[group].members, 0);
    for (const struct member *member; left && (member = memberlist_next(&cursor));) {
        if (!named.last_bytes[member->uuid.bytes[sizeof member->uuid.bytes - 1]]) continue;
        uint32_t at = find_named(&named, &member->uuid);
        if (at == LOOKUP_NONE || users[at] != NO_ORDINAL) continue;
        users[at] = member->user;
        left--;
    }
    for (size_t i = 0; i < request->count; i++)
        if (names_membership(&request->changes[i])) users[i] = users[find_named(&named, &request->changes[i].membership)];
    lookup_free(&named.lookup);
}

static enum err find_users(struct op *op, const struct image *image, uint32_t group, const struct managed_request *request,
                           uint32_t **ret_users)
{
    uint32_t *users = arena_array(&op->arena, request->count, sizeof *users);
    bool looks = false;
    for (size_t i = 0; i < request->count; i++) {
        bool adds = request->changes[i].kind == MEMBER_CHANGE_ADD;
        users[i] = adds ? find_user(image, &request->changes[i].user) : NO_ORDINAL;
        looks = looks || !adds;
    }
    if (looks && !op->may_block && image->groups[group].members.count > LOOKED_AT_ONCE)
        return op_fail(op, ERR_DEFERRED, "", "many members to look at");
    if (looks) find_holders(image, group, request, users);
    *ret_users = users;
    return ERR_OK;
}

/* A request under way. */
struct changing {
    const struct image *image;
    struct places places;
    uint32_t managers; /* now, with what was done so far */
    bool may_add;
};

static enum err add_member(struct op *op, struct changing *changing, const struct member_change *change, int64_t group_id,
                           uint32_t user, struct place *place)
{
    enum err e = check_user(op, changing->image, user, change->index);
    if (e) return e;
    struct membership *after = place->after;
    if (after && membership_is_in_effect(after, op->now)) return refuse_for(op, ISSUE_MEMBER_ALREADY, change->index);
    if (place->before) {
        if (!after) after = arena_alloc(&op->arena, sizeof *after); /* removed before in this request */
        *after = *place->before;
        directory_begin_membership(after, change->manager);
    } else {
        after = directory_prepare_membership(op, changing->image, group_id, user, change->manager);
    }
    place->after = after;
    changing->managers += change->manager;
    return ERR_OK;
}

/* A role or a removal. */
static enum err change_member(struct op *op, struct changing *changing, const struct member_change *change, struct place *place)
{
    struct membership *after = place ? place->after : NULL;
    if (!after || membership_has_ended(after, op->now)) return refuse_for(op, ISSUE_MEMBERSHIP_UNKNOWN, change->index);
    bool managed = after->manager && membership_is_in_effect(after, op->now);
    bool manages = change->kind == MEMBER_CHANGE_ROLE && change->manager && membership_is_in_effect(after, op->now);
    if (managed && !manages && changing->managers == 1) return refuse_for(op, ISSUE_LAST_MANAGER, change->index);
    changing->managers += (uint32_t)manages - (uint32_t)managed;
    if (change->kind == MEMBER_CHANGE_ROLE) after->manager = change->manager;
    else place->after = NULL;
    return ERR_OK;
}

static enum err change_members(struct op *op, struct rule_context *context, uint32_t group, const struct managed_request *request)
{
    const struct image *image = context->image;
    uint32_t *users = NULL;
    enum err e = find_users(op, image, group, request, &users);
    if (e) return e;
    struct changing changing = { .image = image,
                                 .places = make_places(op, users, request->count),
                                 .managers = image_count_managers(image, group, op->now),
                                 .may_add = directory_manages(op, image, group, context->caller) };
    fill_places(op, image, group, &changing.places);
    for (size_t i = 0; i < request->count && !e; i++) {
        const struct member_change *change = &request->changes[i];
        uint32_t at = changing.places.of_change[i];
        struct place *place = at == NO_PLACE ? NULL : &changing.places.items[at];
        if (change->kind != MEMBER_CHANGE_ADD) e = change_member(op, &changing, change, place);
        else if (changing.may_add) e = add_member(op, &changing, change, image->groups[group].id, users[i], place);
    }
    if (!e) commit_places(op, context, &changing.places);
    return e;
}

static enum err change_group(struct op *op, struct rule_context *context, void *data)
{
    const struct managed_request *request = data;
    uint32_t group;
    forget_issues(op);
    enum err e = find_managed(op, context, request->group_id, &group);
    if (!e && request->name && context->administrator) e = rename_group(op, context, group, request->name);
    return e ? e : change_members(op, context, group, request);
}

enum err directory_change_managed_group(struct op *op, int64_t group_id, const char *name, const struct member_change *changes,
                                        size_t count)
{
    return write_managed(op, change_group,
                         (struct managed_request){ .group_id = group_id, .name = name, .changes = changes, .count = count });
}

enum err directory_check_managed_group(struct op *op, const struct view *view, uint32_t group,
                                       const struct member_change *changes, size_t count)
{
    forget_issues(op);
    bool manages = directory_is_manager(op, view, group);
    if (!manages && !view->administrator)
        return op_fail(op, ERR_FORBIDDEN, "", "only an administrator or a manager of the group may do this");
    enum err e = directory_check_member_count(op, count);
    if (e || !manages) return e;
    for (size_t i = 0; i < count; i++) {
        if (changes[i].kind != MEMBER_CHANGE_ADD) continue;
        uint32_t user = find_user(view->image, &changes[i].user);
        unsigned flags = user == NO_ORDINAL ? 0 : view->image->users[user].flags;
        if (!(flags & USER_IS_ACTIVE) || flags & USER_IS_DELETED) return refuse_for(op, ISSUE_USER_UNKNOWN, changes[i].index);
    }
    return ERR_OK;
}

/* --- delete --- */

static enum err delete_group(struct op *op, struct rule_context *context, void *data)
{
    const struct managed_request *request = data;
    uint32_t group;
    enum err e = find_managed(op, context, request->group_id, &group);
    if (e) return e;
    change_add(&op->arena, &context->changes, GROUP_DELETED,
               (union object){ .group = directory_copy_group(op, context->image, group) }, (union object){ 0 });
    return ERR_OK;
}

enum err directory_delete_managed_group(struct op *op, int64_t group_id)
{
    return write_managed(op, delete_group, (struct managed_request){ .group_id = group_id });
}
