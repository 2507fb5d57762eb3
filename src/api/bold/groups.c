/* groups.c — Bold's five group operations. */
#include "api/bold/bold.h"

#include <string.h>
#include <strings.h>

enum { PAGE_DEFAULT = 50, PAGE_MAX = 100 };

/* Rendering this many users takes some milliseconds: not on a thread that serves other connections too. */
enum { USERS_INLINE_MAX = 5000 };

static enum err read_order(struct op *op, const struct request *request, struct group_query *query)
{
    const char *sort_by = request_parameter(request, "sortBy"), *direction = request_parameter(request, "sortDirection");
    if (sort_by) {
        if (strcmp(sort_by, "name") != 0) return op_fail(op, ERR_INVALID, "sortBy", "sortBy must be name");
        query->order = GROUPS_BY_NAME;
    }
    if (direction) {
        query->descending = strcasecmp(direction, "desc") == 0;
        if (!query->descending && strcasecmp(direction, "asc") != 0)
            return op_fail(op, ERR_INVALID, "sortDirection", "sortDirection must be Asc or Desc");
    }
    return ERR_OK;
}

/* bold.md 1.4; sizes above the maximum are cut to it. */
static enum err read_query(struct op *op, const struct request *request, struct group_query *query, bool *with_users,
                           int64_t *organization_id)
{
    *query = (struct group_query){ .size = PAGE_DEFAULT, .search = request_parameter(request, "search") };
    query->of_user = request_parameter(request, "userId") != NULL;
    enum err e = bold_read_bool(op, request, "includeUsers", with_users);
    if (!e) e = bold_read_number(op, request, "organizationId", 0, NUMBER_MAX, organization_id);
    if (!e) e = bold_read_number(op, request, "userId", 0, NUMBER_MAX, &query->user_id);
    if (!e) e = bold_read_number(op, request, "offset", 0, NUMBER_MAX, &query->offset);
    if (!e) e = bold_read_number(op, request, "size", 1, NUMBER_MAX, &query->size);
    if (!e) e = read_order(op, request, query);
    if (query->size > PAGE_MAX) query->size = PAGE_MAX;
    return e;
}

static enum err defer_if_large(struct op *op, const struct view *view, const uint32_t *groups, size_t count)
{
    uint64_t users = 0;
    for (size_t i = 0; i < count; i++) users += bold_count_users(view, groups[i]);
    if (users <= USERS_INLINE_MAX || op->may_block) return ERR_OK;
    return op_fail(op, ERR_DEFERRED, "", "many users to write");
}

enum err bold_list_groups(struct op *op, const struct request *request, struct response *response)
{
    struct group_query query;
    bool with_users = false;
    int64_t organization_id = op->caller.organization_id;
    enum err e = read_query(op, request, &query, &with_users, &organization_id);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, with_users, &view);
    if (e) return e;
    uint32_t *groups = NULL;
    size_t count = 0;
    if (organization_id == op->caller.organization_id) { /* of another one nothing is seen, as of one that does not exist */
        e = directory_list_groups(op, &view, &query, &groups, &count);
        if (!e && with_users) e = defer_if_large(op, &view, groups, count);
        if (e) return e;
    }
    buf_add_char(&response->body, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_char(&response->body, ',');
        image_fetch_fragments_ahead(view.image, BOLD_GROUP_FRAGMENTS, groups, count, i);
        bold_write_group(op, &view, groups[i], with_users, &response->body);
    }
    buf_add_char(&response->body, ']');
    return ERR_OK;
}

enum err bold_get_group(struct op *op, const struct request *request, struct response *response)
{
    int64_t group_id;
    bool with_users = false;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_bool(op, request, "includeUsers", &with_users);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, with_users, &view);
    if (e) return e;
    uint32_t group;
    e = directory_find_group(op, &view, group_id, &group);
    if (!e && with_users) e = defer_if_large(op, &view, &group, 1);
    if (!e) bold_write_group(op, &view, group, with_users, &response->body);
    return e;
}

/* --- writes: the answer is made when the write is done --- */

enum err bold_create_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct group values;
    field_set present = 0;
    int64_t organization_id = op->caller.organization_id;
    enum err e = bold_read_number(op, request, "organizationId", 0, NUMBER_MAX, &organization_id);
    if (!e) e = bold_read_group(op, request, true, &values, &present);
    if (!e && !values.name) e = op_fail(op, ERR_INVALID, "name", "name is missing");
    if (!e && organization_id != op->caller.organization_id)
        e = op_fail(op, ERR_NOT_FOUND, "organization", "there is no organization %lld", (long long)organization_id);
    return e ? e : directory_create_group(op, &values, present);
}

enum err bold_answer_made(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    buf_add_number(&response->body, op->made->id);
    return ERR_OK;
}

enum err bold_update_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    struct group values;
    field_set present = 0;
    int64_t group_id;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_group(op, request, false, &values, &present);
    return e ? e : directory_update_group(op, group_id, &values, present);
}

enum err bold_answer_id(struct op *op, const struct request *request, struct response *response)
{
    int64_t group_id;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) buf_add_number(&response->body, group_id);
    return e;
}

enum err bold_delete_group(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    int64_t group_id;
    enum err e = bold_read_group_id(op, request, &group_id);
    return e ? e : directory_delete_group(op, group_id);
}
