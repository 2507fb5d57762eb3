/* groups.c — Struct PIM's five group operations. */
#include "api/struct_pim/struct_pim.h"

static enum err defer_if_large(struct op *op, size_t count)
{
    if (count <= DIRECTORY_AT_ONCE || op->may_block) return ERR_OK;
    return op_fail(op, ERR_DEFERRED, "", "many groups to write");
}

enum err struct_pim_list_groups(struct op *op, const struct request *request, struct response *response)
{
    static const struct group_query all = { .size = INT64_MAX };
    (void)request;
    AUTO_VIEW view;
    uint32_t *groups;
    size_t count;
    enum err e = directory_view(op, false, &view);
    if (!e) e = directory_list_groups(op, &view, &all, &groups, &count);
    if (!e) e = defer_if_large(op, count);
    if (!e) struct_pim_write_groups(&view, groups, count, &response->body);
    return e;
}

enum err struct_pim_get_group(struct op *op, const struct request *request, struct response *response)
{
    struct uuid uuid;
    enum err e = struct_pim_read_group_id(op, request, &uuid);
    if (e) return e;
    AUTO_VIEW view;
    uint32_t group;
    e = directory_view(op, false, &view);
    if (!e) e = directory_find_group_by_uuid(op, &view, &uuid, &group);
    if (!e) struct_pim_write_group(&view, group, &response->body);
    return e;
}

/* --- writes: the answer is made when the write is done --- */

enum err struct_pim_create_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct group values;
    field_set present;
    enum err e = struct_pim_read_group(op, request, &values, &present);
    return e ? e : directory_create_group(op, &values, present);
}

enum err struct_pim_update_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct group values;
    field_set present;
    int64_t group_id;
    enum err e = struct_pim_read_group(op, request, &values, &present);
    if (!e && uuid_is_nil(&values.uuid)) e = op_fail(op, ERR_INVALID, "uuid", "uuid is missing");
    if (!e) e = directory_find_group_number(op, &values.uuid, &group_id);
    return e ? e : directory_update_group(op, group_id, &values, present);
}

enum err struct_pim_delete_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct uuid uuid;
    int64_t group_id;
    enum err e = struct_pim_read_group_id(op, request, &uuid);
    if (!e) e = directory_find_group_number(op, &uuid, &group_id);
    return e ? e : directory_delete_group(op, group_id);
}

enum err struct_pim_answer_done(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    (void)response;
    return ERR_OK;
}
