/* groups.c — Passbolt's seven group operations (passbolt.md 2.3 to 2.6). */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"

#include <string.h>

/* How much there is to write of a group. */
static size_t count_objects(const struct view *view, uint32_t group, unsigned contain)
{
    return 1 + (contain & (CONTAIN_MEMBERS | CONTAIN_USERS) ? view->image->groups[group].members.count : 0);
}

/* Much of it takes some milliseconds: not on a thread that serves other connections too. */
static enum err defer_if_large(struct op *op, const struct view *view, const uint32_t *groups, size_t count, unsigned contain)
{
    size_t objects = 0;
    if (op->may_block) return ERR_OK;
    for (size_t i = 0; i < count; i++) objects += count_objects(view, groups[i], contain);
    return objects <= DIRECTORY_AT_ONCE ? ERR_OK : op_fail(op, ERR_DEFERRED, "", "many groups or members to write");
}

/* A long list lets writers in between; a group that was deleted then is left out. */
static void write_groups(struct op *op, struct view *view, const uint32_t *groups, size_t count, enum passbolt_profile profile,
                         unsigned contain, struct buf *out)
{
    size_t since_pause = 0;
    bool first = true;
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (since_pause >= DIRECTORY_AT_ONCE) {
            directory_let_writers_in(view);
            since_pause = 0;
        }
        if (view->image->groups[groups[i]].deleted) continue;
        since_pause += count_objects(view, groups[i], contain);
        if (!first) buf_add_char(out, ',');
        first = false;
        image_fetch_fragments_ahead(view->image, PASSBOLT_GROUP_FRAGMENTS, groups, count, i);
        passbolt_write_group(op, view, groups[i], profile, contain, out);
    }
    buf_add_char(out, ']');
}

/* The group of the path. ERR_INVALID "id". */
static enum err read_group_id(struct op *op, const struct request *request, struct uuid *ret_uuid)
{
    const char *text = request->captures[0];
    if (passbolt_uuid_parse(text, strlen(text), ret_uuid)) return ERR_OK;
    return op_fail(op, ERR_INVALID, "id", "the id is no UUID");
}

/* --- reads --- */

enum err passbolt_list_groups(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct passbolt_group_options options;
    enum err e = passbolt_begin(op, request, &call);
    if (!e) e = passbolt_read_group_options(op, call.profile, PASSBOLT_LIST, call.query, &options);
    if (e) return e;
    struct group_query query = {
        .whole_organization = true,
        .members = options.has_users,
        .member_count = options.has_user_count,
        .managers = options.has_managers,
        .manager_count = options.has_manager_count,
        .order = options.order == PASSBOLT_ORDER_NONE ? GROUPS_BY_NUMBER : GROUPS_BY_NAME,
        .descending = options.order == PASSBOLT_ORDER_NAME_DESCENDING,
        .size = INT64_MAX,
    };
    AUTO_VIEW view;
    uint32_t *groups;
    size_t count;
    e = directory_view(op, passbolt_contains_users(options.contain), &view);
    if (!e) e = directory_list_groups(op, &view, &query, &groups, &count);
    if (!e) e = defer_if_large(op, &view, groups, count, options.contain);
    if (e) return e;
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    write_groups(op, &view, groups, count, call.profile, options.contain, &response->body);
    passbolt_end_answer(response);
    return ERR_OK;
}

static enum err answer_group(struct op *op, const struct request *request, struct response *response, const struct uuid *uuid,
                             enum passbolt_profile profile, unsigned contain, const char *message)
{
    AUTO_VIEW view;
    uint32_t group;
    enum err e = directory_view(op, passbolt_contains_users(contain), &view);
    if (!e) e = directory_find_any_group_by_uuid(op, &view, uuid, &group);
    if (!e) e = defer_if_large(op, &view, &group, 1, contain);
    if (e) return e;
    passbolt_begin_answer(op, request, response, message);
    passbolt_write_group(op, &view, group, profile, contain, &response->body);
    passbolt_end_answer(response);
    return ERR_OK;
}

enum err passbolt_get_group(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct passbolt_group_options options;
    struct uuid uuid;
    enum err e = passbolt_begin(op, request, &call);
    if (!e) e = read_group_id(op, request, &uuid);
    if (!e) e = passbolt_read_group_options(op, call.profile, PASSBOLT_VIEW, call.query, &options);
    return e ? e : answer_group(op, request, response, &uuid, call.profile, options.contain, PASSBOLT_DONE);
}

/* --- create --- */

static struct member_change *changes_of_members(struct op *op, const struct passbolt_new_group *group)
{
    struct member_change *changes = arena_array(&op->arena, group->member_count, sizeof *changes);
    for (size_t i = 0; i < group->member_count; i++)
        changes[i] = (struct member_change){
            .kind = MEMBER_CHANGE_ADD, .index = i, .user = group->members[i].user_id, .manager = group->members[i].manager
        };
    return changes;
}

/* Who may not create is told so before anything else is looked at. */
static enum err check_administrator(struct op *op)
{
    AUTO_VIEW view;
    enum err e = directory_view(op, false, &view);
    if (e || view.administrator) return e;
    return op_fail(op, ERR_FORBIDDEN, "", "only an administrator may create groups");
}

enum err passbolt_create_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct passbolt_call call;
    struct passbolt_group_options options;
    struct passbolt_new_group made;
    struct group values;
    field_set present;
    json_t *body;
    enum err e = passbolt_begin_change(op, request, &call, &body);
    if (e) return e;
    struct passbolt_problems *problems = passbolt_begin_problems(op);
    e = check_administrator(op);
    if (!e) e = passbolt_read_group_options(op, call.profile, PASSBOLT_CREATE, call.query, &options); /* for the answer */
    if (!e) e = passbolt_read_new_group(op, call.profile, body, &made, problems);
    json_decref(body);
    if (!e) e = passbolt_check_name(op, call.profile, made.name, &values, &present, problems);
    return e ? e : directory_create_managed_group(op, &values, present, changes_of_members(op, &made), made.member_count);
}

enum err passbolt_answer_made(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct passbolt_group_options options;
    enum err e = passbolt_begin(op, request, &call);
    if (!e) e = passbolt_read_group_options(op, call.profile, PASSBOLT_CREATE, call.query, &options);
    return e ? e
             : answer_group(op, request, response, &op->made->uuid, call.profile, options.contain,
                            "The group has been added successfully.");
}

/* --- update --- */

/* What a request may do to the group of its path. */
struct target {
    struct uuid uuid;
    int64_t group_id;
    uint32_t group;
    bool administrator, manager; /* the caller */
};

/* Finds a group to be changed, in the original's order: an unknown one is told to anybody, a deleted one only to who might have
 * changed it. */
static enum err find_target(struct op *op, const struct view *view, struct target *target)
{
    uint32_t group = image_find_group_by_uuid(view->image, &target->uuid);
    target->administrator = view->administrator;
    if (group != NO_ORDINAL && !view->image->groups[group].deleted) {
        target->group = group;
        target->group_id = view->image->groups[group].id;
        target->manager = directory_is_manager(op, view, group);
    }
    if (group != NO_ORDINAL && !target->administrator && !target->manager)
        return op_fail(op, ERR_FORBIDDEN, "", "only an administrator or a manager of the group may do this");
    return target->group_id ? ERR_OK : op_fail(op, ERR_NOT_FOUND, "group", "there is no such group");
}

static enum err look_for_target(struct op *op, struct target *target)
{
    AUTO_VIEW view;
    enum err e = directory_view(op, false, &view);
    return e ? e : find_target(op, &view, target);
}

static struct member_change *changes_of_update(struct op *op, const struct passbolt_group_update *update)
{
    static const enum member_change_kind kinds[] = {
        [PASSBOLT_CHANGE_ADD] = MEMBER_CHANGE_ADD,
        [PASSBOLT_CHANGE_ROLE] = MEMBER_CHANGE_ROLE,
        [PASSBOLT_CHANGE_REMOVE] = MEMBER_CHANGE_REMOVE,
    };
    struct member_change *changes = arena_array(&op->arena, update->change_count, sizeof *changes);
    for (size_t i = 0; i < update->change_count; i++) {
        const struct passbolt_change *from = &update->changes[i];
        changes[i] = (struct member_change){ .kind = kinds[from->kind],
                                             .index = from->index,
                                             .user = from->user_id,
                                             .membership = from->membership_id,
                                             .manager = from->manager };
    }
    return changes;
}

/* Nobody needs a secret here, so nobody may send one; looked at where an addition counts. */
static enum err check_secrets(struct op *op, enum passbolt_profile profile, const struct target *target,
                              const struct passbolt_group_update *update, struct passbolt_problems *problems)
{
    for (size_t i = 0; i < update->change_count && target->manager; i++) {
        if (update->changes[i].kind != PASSBOLT_CHANGE_ADD || !update->changes[i].has_secrets) continue;
        passbolt_problems_add(problems, profile, PASSBOLT_SECRET_NOT_NEEDED, update->changes[i].index);
        return op_fail(op, ERR_INVALID, "body", "%s", PASSBOLT_PROBLEMS_MESSAGE);
    }
    return ERR_OK;
}

enum err passbolt_update_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct passbolt_call call;
    struct target target = { 0 };
    struct passbolt_group_update update;
    json_t *body;
    enum err e = passbolt_begin_change(op, request, &call, &body);
    if (e) return e;
    struct passbolt_problems *problems = passbolt_begin_problems(op);
    e = read_group_id(op, request, &target.uuid);
    if (!e) e = look_for_target(op, &target);
    if (!e) e = passbolt_read_group_update(op, call.profile, body, target.administrator, &update, problems);
    json_decref(body);
    struct group values;
    field_set present;
    if (!e && update.name) e = passbolt_check_name(op, call.profile, update.name, &values, &present, problems);
    if (!e) e = check_secrets(op, call.profile, &target, &update, problems);
    return e ? e
             : directory_change_managed_group(op, target.group_id, update.name, changes_of_update(op, &update),
                                              update.change_count);
}

enum err passbolt_answer_updated(struct op *op, const struct request *request, struct response *response)
{
    struct uuid uuid;
    enum err e = read_group_id(op, request, &uuid);
    return e ? e
             : answer_group(op, request, response, &uuid, passbolt_profile_of(op),
                            CONTAIN_MEMBERS | CONTAIN_MEMBER_USERS | CONTAIN_MEMBER_PROFILES, PASSBOLT_DONE);
}

/* Only finding and checking hold the image's lock, not reading what was sent. */
static enum err try_update(struct op *op, const struct passbolt_call *call, const json_t *body, struct target *target)
{
    struct passbolt_group_update update;
    struct passbolt_problems *problems = passbolt_begin_problems(op);
    enum err e = look_for_target(op, target);
    if (!e) e = passbolt_read_group_update(op, call->profile, body, false, &update, problems);
    if (e) return e;
    const struct member_change *changes = changes_of_update(op, &update);
    AUTO_VIEW view;
    e = directory_view(op, false, &view);
    if (!e) e = find_target(op, &view, target);
    return e ? e : directory_check_managed_group(op, &view, target->group, changes, update.change_count);
}

enum err passbolt_try_update(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct target target = { 0 };
    json_t *body;
    enum err e = passbolt_begin_change(op, request, &call, &body);
    if (e) return e;
    e = read_group_id(op, request, &target.uuid);
    if (!e) e = try_update(op, &call, body, &target);
    json_decref(body);
    if (e) return e;
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    buf_add_literal(&response->body, "{\"dry-run\":{\"SecretsNeeded\":[],\"Secrets\":[]}}");
    passbolt_end_answer(response);
    return ERR_OK;
}

/* --- delete --- */

/* Groups own nothing here, so there is nothing to hand over: whatever is named is not the group's (passbolt.md 2.6). */
static enum err check_transfer(struct op *op, const json_t *body)
{
    const json_t *owners = json_object_get(json_object_get(body, "transfer"), "owners"), *owner;
    size_t index;
    if (!owners || json_is_null(owners)) return ERR_OK;
    json_array_foreach((json_t *)owners, index, owner)
    {
        struct uuid ignored;
        const json_t *id = json_object_get(owner, "id");
        if (!json_is_string(id) || !passbolt_uuid_parse(json_string_value(id), json_string_length(id), &ignored))
            return op_fail(op, ERR_INVALID, "transfer", "The permissions identifiers must be valid UUID.");
    }
    if (json_is_array(owners) && json_array_size(owners) == 0) return ERR_OK;
    return op_fail(op, ERR_INVALID, "transfer", "The transfer is not authorized");
}

/* In the original's order: who manages nothing here learns nothing of the id. */
static enum err find_deletable(struct op *op, const struct request *request, const json_t *body, int64_t *ret_group_id)
{
    struct target target = { 0 };
    AUTO_VIEW view;
    enum err e = directory_view(op, false, &view);
    if (e) return e;
    bool is_id = read_group_id(op, request, &target.uuid) == ERR_OK;
    if (is_id) e = find_target(op, &view, &target);
    if (!view.administrator && !target.manager) {
        failure_clear(&op->failure);
        return op_fail(op, ERR_FORBIDDEN, "", "only an administrator or a manager of the group may do this");
    }
    *ret_group_id = target.group_id;
    if (!is_id) return op->failure.code;
    return e ? e : check_transfer(op, body);
}

static enum err begin_deletion(struct op *op, const struct request *request, int64_t *ret_group_id)
{
    struct passbolt_call call;
    json_t *body;
    enum err e = passbolt_begin_change(op, request, &call, &body);
    if (!e) e = find_deletable(op, request, body, ret_group_id);
    json_decref(body);
    return e;
}

enum err passbolt_delete_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    int64_t group_id;
    enum err e = begin_deletion(op, request, &group_id);
    return e ? e : directory_delete_managed_group(op, group_id);
}

enum err passbolt_answer_deleted(struct op *op, const struct request *request, struct response *response)
{
    passbolt_answer_null(op, request, response, "The group was deleted successfully.");
    return ERR_OK;
}

enum err passbolt_try_delete(struct op *op, const struct request *request, struct response *response)
{
    int64_t group_id;
    enum err e = begin_deletion(op, request, &group_id);
    if (e) return e;
    passbolt_begin_answer(op, request, response, "The group can be deleted.");
    buf_add_literal(&response->body, "[]"); /* the resources it has access to */
    passbolt_end_answer(response);
    return ERR_OK;
}
