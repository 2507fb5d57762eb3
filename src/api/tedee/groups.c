/* groups.c — Tedee's five group operations, and the organizations they are in. */
#include "api/tedee/tedee.h"
#include "base/fold.h"

#include <string.h>

enum { ORGANIZATIONS_MAX = 200, GROUPS_MAX = 100 }; /* of one page, and what it has unless less is asked for */

/* The organization of the credential, if its caller administers it: then it is the only one there is. */
static bool is_listed(struct op *op, const struct view *view, const char *text)
{
    size_t size;
    if (!view->administrator) return false;
    if (!text || !*text) return true;
    const char *name = fold_text(&op->arena, view->image->name, strlen(view->image->name), &size);
    return strstr(name, fold_text(&op->arena, text, strlen(text), &size));
}

enum err tedee_list_organizations(struct op *op, const struct request *request, struct response *response)
{
    int64_t offset, size;
    bool have_locks = false;
    enum err e = tedee_read_page(op, request, ORGANIZATIONS_MAX, &offset, &size);
    if (!e) e = tedee_read_bool(op, request, "filters.HaveLocks", &have_locks);
    if (!e) e = tedee_read_data_scope(op, request);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, false, &view);
    if (e) return e;
    tedee_begin_result(&response->body);
    buf_add_literal(&response->body, "{\"organizations\":[");
    if (!offset && !have_locks && is_listed(op, &view, tedee_read_text(request)))
        tedee_write_organization(&view, &response->body);
    buf_add_literal(&response->body, "]}");
    tedee_end_result(&response->body);
    return ERR_OK;
}

enum err tedee_list_groups(struct op *op, const struct request *request, struct response *response)
{
    struct group_query query = { .search = tedee_read_text(request), .order = GROUPS_BY_NAME };
    enum err e = tedee_read_organization(op, request);
    if (!e) e = tedee_read_page(op, request, GROUPS_MAX, &query.offset, &query.size);
    if (e) return e;
    AUTO_VIEW view;
    uint32_t *groups;
    size_t count;
    e = directory_view(op, false, &view);
    if (!e) e = directory_list_groups(op, &view, &query, &groups, &count);
    if (e) return e;
    tedee_begin_result(&response->body);
    buf_add_char(&response->body, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_char(&response->body, ',');
        image_fetch_fragments_ahead(view.image, TEDEE_GROUP_FRAGMENTS, groups, count, i);
        tedee_write_group(&view, groups[i], &response->body);
    }
    buf_add_char(&response->body, ']');
    tedee_end_result(&response->body);
    return ERR_OK;
}

enum err tedee_get_group(struct op *op, const struct request *request, struct response *response)
{
    static const struct people_query all = { .size = INT64_MAX };
    struct uuid uuid;
    bool with_members = false;
    enum err e = tedee_read_group_id(op, request, &uuid);
    if (!e) e = tedee_read_bool(op, request, "includeMembers", &with_members);
    if (e) return e;
    AUTO_VIEW view;
    uint32_t group;
    struct people members;
    e = directory_view(op, with_members, &view);
    if (!e) e = directory_find_group_by_uuid(op, &view, &uuid, &group);
    if (!e && with_members) e = directory_list_members(op, &view, group, &all, &members);
    if (e) return e;
    tedee_begin_result(&response->body);
    tedee_write_group_details(op, &view, group, with_members ? &members : NULL, &response->body);
    tedee_end_result(&response->body);
    return ERR_OK;
}

/* --- writes: the answer is made when the write is done --- */

enum err tedee_create_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct group values;
    field_set present = 0;
    enum err e = tedee_read_organization(op, request);
    if (!e) e = tedee_read_group(op, request, &values, &present);
    return e ? e : directory_create_group(op, &values, present);
}

enum err tedee_answer_made(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    char id[UUID_TEXT_SIZE];
    uuid_format(id, &op->made->uuid);
    tedee_begin_result(&response->body);
    buf_add_literal(&response->body, "{\"id\":\"");
    buf_add_text(&response->body, id);
    buf_add_literal(&response->body, "\"}");
    tedee_end_result(&response->body);
    return ERR_OK;
}

enum err tedee_update_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct group values;
    field_set present = 0;
    struct uuid uuid;
    int64_t group_id;
    enum err e = tedee_read_group_id(op, request, &uuid);
    if (!e) e = tedee_read_group(op, request, &values, &present);
    if (!e) e = directory_find_group_number(op, &uuid, &group_id);
    return e ? e : directory_update_group(op, group_id, &values, present);
}

enum err tedee_answer_done(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    response->status = 204;
    return ERR_OK;
}

enum err tedee_delete_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct uuid uuid;
    int64_t group_id;
    enum err e = tedee_read_group_id(op, request, &uuid);
    if (!e) e = directory_find_group_number(op, &uuid, &group_id);
    return e ? e : directory_delete_group(op, group_id);
}
