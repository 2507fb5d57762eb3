/* groups.c — rules about groups. A rule looks at the image and makes changes, or says why not. */
#include "base/fold.h"
#include "directory/rules.h"

struct group_request {
    int64_t group_id;
    const struct group *values;
    field_set present;
    const char *new_name;
};

static enum err find_seen(struct op *op, const struct rule_context *context, int64_t group_id, uint32_t *ret_group)
{
    return directory_visible_group(op, context->image, group_id, context->caller, context->administrator, ret_group);
}

enum err directory_check_administrator(struct op *op, const struct rule_context *context)
{
    if (context->administrator) return ERR_OK;
    return op_fail(op, ERR_FORBIDDEN, "", "only an administrator of the organization may do this");
}

uint32_t directory_find_name_holder(struct op *op, const struct image *image, const char *name, uint32_t except)
{
    if (!image->unique_group_names) return NO_ORDINAL;
    size_t size;
    uint32_t holder = image_find_group_by_name(image, fold_text(&op->arena, name, strlen(name), &size));
    return holder == except ? NO_ORDINAL : holder;
}

static enum err check_name_is_free(struct op *op, const struct image *image, const char *name, uint32_t except)
{
    uint32_t holder = directory_find_name_holder(op, image, name, except);
    if (holder == NO_ORDINAL) return ERR_OK;
    return op_fail(op, ERR_EXISTS, "name", "a group with this name exists: group %lld", (long long)image->groups[holder].id);
}

struct group *directory_copy_group(struct op *op, const struct image *image, uint32_t ordinal)
{
    struct group group;
    image_get_group(image, ordinal, &group);
    return object_copy(&op->arena, NOUN_GROUP, (union object){ .group = &group }).group;
}

/* Two names of 255 characters, or an e-mail address, are more than a line of a directory file may have for who made a group. */
static const char *as_one_name(struct op *op, const char *text)
{
    char *name = arena_strndup(&op->arena, text, utf8_prefix(text, NAMES_MAX));
    for (char *at = name; *at; at++)
        if ((unsigned char)*at < ' ') *at = ' ';
    return name;
}

/* Who gets the credit: the name of the credential, else what its user is called; NULL for commands. */
static const char *actor_name(struct op *op, const struct rule_context *context)
{
    const char *name = credentials_name(directory_credentials(op->directory), &op->arena, op->caller.credential_id);
    if ((!name || !*name) && context->caller != NO_ORDINAL) {
        struct user user;
        image_get_user(context->image, context->caller, &user);
        name = directory_display_name(&op->arena, &(struct view){ .image = context->image }, &user);
    }
    return name && *name ? as_one_name(op, name) : NULL;
}

void directory_credit_change(struct op *op, const struct rule_context *context, struct group *group)
{
    group->date_modified = op->now;
    group->modified_by = actor_name(op, context);
    group->modified_by_user = op->caller.user_id;
}

/* --- create --- */

enum err directory_prepare_group(struct op *op, const struct rule_context *context, const struct group *values, field_set present,
                                 struct group **ret_group)
{
    struct group *group = arena_zalloc(&op->arena, sizeof *group);
    fields_copy(NOUN_GROUP, present, (union object){ .any = values }, (union object){ .group = group });
    group->organization_id = context->image->organization_id;
    group->id = 0;
    if (uuid_is_nil(&group->uuid)) group->uuid = uuid_random();
    else if (image_find_group_by_uuid(context->image, &group->uuid) != NO_ORDINAL)
        return op_fail(op, ERR_EXISTS, "uuid", "a group with this uuid exists");
    group->date_created = op->now;
    group->created_by = actor_name(op, context);
    group->created_by_user = op->caller.user_id;
    *ret_group = group;
    return ERR_OK;
}

static enum err create_group(struct op *op, struct rule_context *context, void *data)
{
    const struct group_request *request = data;
    struct group *group;
    enum err e = directory_check_administrator(op, context);
    if (!e) e = directory_prepare_group(op, context, request->values, request->present, &group);
    if (!e) e = check_name_is_free(op, context->image, group->name, NO_ORDINAL);
    if (e) return e;
    op->made = group;
    change_add(&op->arena, &context->changes, GROUP_CREATED, (union object){ 0 }, (union object){ .group = group });
    return ERR_OK;
}

static enum err write_group(struct op *op, directory_rule rule, struct group_request values)
{
    struct group_request *request =
        arena_alloc(&op->arena, sizeof *request); /* it outlives this call when the op is asynchronous */
    *request = values;
    return directory_write(op, op->directory, op->caller.organization_id, rule, request);
}

enum err directory_create_group(struct op *op, const struct group *values, field_set present)
{
    struct group *copy = object_copy(&op->arena, NOUN_GROUP, (union object){ .any = values }).group;
    return write_group(op, create_group, (struct group_request){ .values = copy, .present = present });
}

/* --- update --- */

/* Renaming and the rest are two changes: a feed that cares for names sees renames as such. */
static enum err update_group(struct op *op, struct rule_context *context, void *data)
{
    const struct group_request *request = data;
    uint32_t ordinal;
    enum err e = find_seen(op, context, request->group_id, &ordinal);
    if (!e) e = directory_check_administrator(op, context);
    if (e) return e;
    struct group *before = directory_copy_group(op, context->image, ordinal), *renamed = before;
    struct group *after = arena_alloc(&op->arena, sizeof *after);
    *after = *before;
    fields_copy(NOUN_GROUP, request->present & ~fields_with(NOUN_GROUP, FIELD_FIXED), (union object){ .any = request->values },
                (union object){ .group = after });
    if (!fields_differ(NOUN_GROUP, (union object){ .group = before }, (union object){ .group = after })) return ERR_OK;

    directory_credit_change(op, context, after);
    if (strcmp(before->name, after->name) != 0) {
        e = check_name_is_free(op, context->image, after->name, ordinal);
        if (e) return e;
        renamed = arena_alloc(&op->arena, sizeof *renamed);
        *renamed = *before;
        renamed->name = after->name;
        renamed->date_modified = after->date_modified;
        renamed->modified_by = after->modified_by;
        renamed->modified_by_user = after->modified_by_user;
        change_add(&op->arena, &context->changes, GROUP_RENAMED, (union object){ .group = before },
                   (union object){ .group = renamed });
    }
    change_add(&op->arena, &context->changes, GROUP_UPDATED, (union object){ .group = renamed },
               (union object){ .group = after });
    return ERR_OK;
}

enum err directory_update_group(struct op *op, int64_t group_id, const struct group *values, field_set present)
{
    struct group *copy = object_copy(&op->arena, NOUN_GROUP, (union object){ .any = values }).group;
    return write_group(op, update_group, (struct group_request){ .group_id = group_id, .values = copy, .present = present });
}

/* --- delete, restore --- */

static enum err delete_group(struct op *op, struct rule_context *context, void *data)
{
    const struct group_request *request = data;
    uint32_t ordinal;
    enum err e = find_seen(op, context, request->group_id, &ordinal);
    if (!e) e = directory_check_administrator(op, context);
    if (e) return e;
    change_add(&op->arena, &context->changes, GROUP_DELETED,
               (union object){ .group = directory_copy_group(op, context->image, ordinal) }, (union object){ 0 });
    return ERR_OK;
}

enum err directory_delete_group(struct op *op, int64_t group_id)
{
    return write_group(op, delete_group, (struct group_request){ .group_id = group_id });
}

static enum err restore_group(struct op *op, struct rule_context *context, void *data)
{
    const struct group_request *request = data;
    enum err e = directory_check_administrator(op, context);
    if (e) return e;
    uint32_t ordinal = image_find_group(context->image, request->group_id);
    if (ordinal == NO_ORDINAL) return op_fail(op, ERR_NOT_FOUND, "group", "there is no group %lld", (long long)request->group_id);
    if (!context->image->groups[ordinal].deleted) return ERR_OK; /* it lives: nothing to do */
    struct group *before = directory_copy_group(op, context->image, ordinal);
    struct group *after = arena_alloc(&op->arena, sizeof *after);
    *after = *before;
    after->deleted_at = 0;
    directory_credit_change(op, context, after);
    if (request->new_name) after->name = request->new_name;
    e = check_name_is_free(op, context->image, after->name, NO_ORDINAL);
    if (e) return e;
    change_add(&op->arena, &context->changes, GROUP_RESTORED, (union object){ .group = before },
               (union object){ .group = after });
    return ERR_OK;
}

enum err directory_restore_group(struct op *op, int64_t group_id, const char *new_name)
{
    return write_group(op, restore_group,
                       (struct group_request){ .group_id = group_id, .new_name = arena_strdup(&op->arena, new_name) });
}
