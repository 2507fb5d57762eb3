/* members.c — rules about members of groups. */
#include "directory/rules.h"

/* Looking at more takes a millisecond or so: not on a thread that serves other connections too. */
enum { MEMBERS_AT_ONCE = 500 };

struct members_request {
    int64_t group_id;
    const struct member_request *members; /* put */
    const int64_t *user_ids;              /* remove */
    size_t count;
};

/* The group must be seen, and managed: by an administrator or by a manager of the group. */
static enum err find_managed(struct op *op, const struct rule_context *context, int64_t group_id, uint32_t *ret_group)
{
    const struct image *image = context->image;
    uint32_t group;
    enum err e = directory_visible_group(op, image, group_id, context->caller, context->administrator, &group);
    if (e) return e;
    *ret_group = group;
    if (context->administrator || directory_manages(op, image, group, context->caller)) return ERR_OK;
    return op_fail(op, ERR_FORBIDDEN, "", "only an administrator or a manager of the group may do this");
}

static enum err find_living_user(struct op *op, const struct image *image, int64_t user_id, uint32_t *ret_user)
{
    *ret_user = image_find_user(image, user_id);
    if (*ret_user != NO_ORDINAL && !(image->users[*ret_user].flags & USER_IS_DELETED)) return ERR_OK;
    return op_fail(op, ERR_NOT_FOUND, "user", "there is no user %lld in the organization", (long long)user_id);
}

/* Several requests for one user are one: ordered by user (requests keep their order), the last is kept. */
struct wanted {
    uint32_t user;
    uint32_t position;
};

static int compare_wanted(const void *a, const void *b)
{
    const struct wanted *left = a, *right = b;
    if (left->user != right->user) return left->user < right->user ? -1 : 1;
    return left->position < right->position ? -1 : left->position > right->position;
}

static size_t keep_last(struct wanted *wanted, size_t count)
{
    if (count) qsort(wanted, count, sizeof *wanted, compare_wanted);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || wanted[i + 1].user != wanted[i].user) wanted[kept++] = wanted[i];
    return kept;
}

struct membership *directory_prepare_membership(struct op *op, const struct image *image, int64_t group_id, uint32_t user,
                                                bool manager)
{
    struct membership *membership = arena_alloc(&op->arena, sizeof *membership);
    *membership = (struct membership){ .organization_id = image->organization_id,
                                       .group_id = group_id,
                                       .user_id = image->users[user].id,
                                       .uuid = uuid_random(),
                                       .manager = manager,
                                       .date_created = op->now,
                                       .added_by_credential = op->caller.credential_id,
                                       .added_by_user = op->caller.user_id };
    return membership;
}

void directory_begin_membership(struct membership *membership, bool manager)
{
    membership->starts_at = membership->ends_at = 0;
    membership->manager = manager;
}

static void put_member(struct op *op, struct rule_context *context, uint32_t group, uint32_t user,
                       const struct member_request *request)
{
    const struct image *image = context->image;
    const struct member *known = memberlist_find(&image->groups[group].members, user);
    bool manager = request->has_manager && request->manager;
    if (!known) {
        struct membership *made = directory_prepare_membership(op, image, image->groups[group].id, user, manager);
        change_add(&op->arena, &context->changes, MEMBER_ADDED, (union object){ 0 }, (union object){ .membership = made });
        return;
    }
    struct membership *before = arena_alloc(&op->arena, sizeof *before), *after = arena_alloc(&op->arena, sizeof *after);
    image_get_membership(image, group, known, before);
    *after = *before;
    if (!image_in_effect(image, group, known, op->now)) directory_begin_membership(after, manager);
    else if (request->has_manager) after->manager = manager;
    change_add(&op->arena, &context->changes, MEMBER_CHANGED, (union object){ .membership = before },
               (union object){ .membership = after });
}

static enum err put_members(struct op *op, struct rule_context *context, void *data)
{
    const struct members_request *request = data;
    uint32_t group;
    enum err e = find_managed(op, context, request->group_id, &group);
    if (e) return e;
    struct wanted *wanted = arena_array(&op->arena, request->count, sizeof *wanted);
    for (size_t i = 0; i < request->count; i++) {
        wanted[i].position = (uint32_t)i;
        e = find_living_user(op, context->image, request->members[i].user_id, &wanted[i].user);
        if (e) return e;
    }
    size_t count = keep_last(wanted, request->count);
    for (size_t i = 0; i < count; i++) put_member(op, context, group, wanted[i].user, &request->members[wanted[i].position]);
    return ERR_OK;
}

enum err directory_check_member_count(struct op *op, size_t count)
{
    if (count > DIRECTORY_MEMBERS_MAX)
        return op_fail(op, ERR_INVALID, "members", "more than %d members in one request", DIRECTORY_MEMBERS_MAX);
    if (count > MEMBERS_AT_ONCE && !op->may_block) return op_fail(op, ERR_DEFERRED, "", "many members");
    return ERR_OK;
}

static enum err write_members(struct op *op, directory_rule rule, struct members_request values)
{
    struct members_request *request =
        arena_alloc(&op->arena, sizeof *request); /* it outlives this call when the op is asynchronous */
    *request = values;
    return directory_write(op, op->directory, op->caller.organization_id, rule, request);
}

enum err directory_put_members(struct op *op, int64_t group_id, const struct member_request *members, size_t count)
{
    enum err e = directory_check_member_count(op, count);
    if (e) return e;
    struct member_request *copy = arena_array(&op->arena, count, sizeof *copy);
    if (count) memcpy(copy, members, count * sizeof *copy);
    return write_members(op, put_members, (struct members_request){ .group_id = group_id, .members = copy, .count = count });
}

static void remove_member(struct op *op, struct rule_context *context, uint32_t group, const struct member *known)
{
    struct membership *before = arena_alloc(&op->arena, sizeof *before);
    image_get_membership(context->image, group, known, before);
    change_add(&op->arena, &context->changes, MEMBER_REMOVED, (union object){ .membership = before }, (union object){ 0 });
}

static enum err remove_members(struct op *op, struct rule_context *context, void *data)
{
    const struct members_request *request = data;
    const struct image *image = context->image;
    uint32_t group;
    enum err e = find_managed(op, context, request->group_id, &group);
    if (e) return e;
    struct wanted *wanted = arena_array(&op->arena, request->count, sizeof *wanted);
    for (size_t i = 0; i < request->count; i++) {
        wanted[i].position = (uint32_t)i;
        e = find_living_user(op, image, request->user_ids[i], &wanted[i].user);
        if (e) return e;
    }
    size_t count = keep_last(wanted, request->count);
    for (size_t i = 0; i < count; i++) {
        const struct member *known = memberlist_find(&image->groups[group].members, wanted[i].user);
        if (known) remove_member(op, context, group, known);
    }
    return ERR_OK;
}

static enum err write_user_ids(struct op *op, directory_rule rule, int64_t group_id, const int64_t *user_ids, size_t count)
{
    enum err e = directory_check_member_count(op, count);
    if (e) return e;
    int64_t *copy = arena_array(&op->arena, count, sizeof *copy);
    if (count) memcpy(copy, user_ids, count * sizeof *copy);
    return write_members(op, rule, (struct members_request){ .group_id = group_id, .user_ids = copy, .count = count });
}

enum err directory_remove_members(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count)
{
    return write_user_ids(op, remove_members, group_id, user_ids, count);
}

/* --- each by itself --- */

/* One that has not begun has not: it would make the user a member again after being removed. Those that have ended are left to
 * be cleared away, so that whether this has happened makes no difference. */
static bool has_ended(const struct op *op, const struct image *image, uint32_t group, const struct member *member)
{
    struct membership membership;
    image_get_membership(image, group, member, &membership);
    return membership_has_ended(&membership, op->now);
}

/* The first of several requests for one user does it, the others find it done. */
static enum err change_each(struct op *op, struct rule_context *context, const struct members_request *request, bool adds)
{
    static const struct member_request plain = { .has_manager = false };
    const struct image *image = context->image;
    uint32_t group;
    enum err e = find_managed(op, context, request->group_id, &group);
    if (e) return e;
    enum member_outcome *outcomes = arena_array(&op->arena, request->count, sizeof *outcomes);
    struct wanted *wanted = arena_array(&op->arena, request->count, sizeof *wanted);
    size_t count = 0;
    for (size_t i = 0; i < request->count; i++) {
        uint32_t user = image_find_user(image, request->user_ids[i]);
        bool lives = user != NO_ORDINAL && !(image->users[user].flags & USER_IS_DELETED);
        outcomes[i] = lives ? MEMBER_WAS_SO : MEMBER_UNKNOWN;
        if (lives) wanted[count++] = (struct wanted){ user, (uint32_t)i };
    }
    if (count) qsort(wanted, count, sizeof *wanted, compare_wanted);
    for (size_t i = 0; i < count; i++) {
        uint32_t user = wanted[i].user;
        if (i && wanted[i - 1].user == user) continue;
        const struct member *known = memberlist_find(&image->groups[group].members, user);
        bool was_so =
            adds ? known && image_in_effect(image, group, known, op->now) : !known || has_ended(op, image, group, known);
        if (was_so) continue;
        if (adds) put_member(op, context, group, user, &plain);
        else remove_member(op, context, group, known);
        outcomes[wanted[i].position] = MEMBER_DONE;
    }
    op->outcomes = outcomes;
    op->outcome_user_ids = request->user_ids;
    op->outcome_count = request->count;
    return ERR_OK;
}

static enum err add_each(struct op *op, struct rule_context *context, void *data)
{
    return change_each(op, context, data, true);
}

static enum err remove_each(struct op *op, struct rule_context *context, void *data)
{
    return change_each(op, context, data, false);
}

enum err directory_add_each_member(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count)
{
    return write_user_ids(op, add_each, group_id, user_ids, count);
}

enum err directory_remove_each_member(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count)
{
    return write_user_ids(op, remove_each, group_id, user_ids, count);
}
