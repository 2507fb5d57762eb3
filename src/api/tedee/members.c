/* members.c — Tedee's three member operations, and the users that can be members. */
#include "api/tedee/tedee.h"

enum { PEOPLE_MAX = 100 }; /* of one page, and what it has unless less is asked for */

typedef void (*write_people)(struct op *op, struct view *view, const struct people *people, struct buf *out);

/* `name` is what is before the array, as JSON. */
static void write_page(struct op *op, struct view *view, const char *name, write_people write, const struct people *people,
                       struct buf *out)
{
    tedee_begin_result(out);
    buf_add_text(out, name);
    write(op, view, people, out);
    buf_add_literal(out, ",\"totalCount\":");
    buf_add_number(out, people->total);
    buf_add_char(out, '}');
    tedee_end_result(out);
}

enum err tedee_list_users(struct op *op, const struct request *request, struct response *response)
{
    struct people_query query = { .search = tedee_read_text(request) };
    struct people users;
    bool with_pending; /* nobody is pending */
    enum err e = tedee_read_organization(op, request);
    if (!e) e = tedee_read_page(op, request, PEOPLE_MAX, &query.offset, &query.size);
    if (!e) e = tedee_read_user_types(op, request, &query);
    if (!e) e = tedee_read_bool(op, request, "Filters.IncludePendingUsers", &with_pending);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, true, &view);
    if (!e) e = directory_list_users(op, &view, &query, &users);
    if (!e) write_page(op, &view, "{\"users\":", tedee_write_users, &users, &response->body);
    return e;
}

enum err tedee_list_members(struct op *op, const struct request *request, struct response *response)
{
    struct people_query query = { .search = tedee_read_text(request) };
    struct people members;
    struct uuid uuid;
    uint32_t group;
    enum err e = tedee_read_group_id(op, request, &uuid);
    if (!e) e = tedee_read_page(op, request, PEOPLE_MAX, &query.offset, &query.size);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, true, &view);
    if (!e) e = directory_find_group_by_uuid(op, &view, &uuid, &group);
    if (!e) e = directory_list_members(op, &view, group, &query, &members);
    if (!e) write_page(op, &view, "{\"items\":", tedee_write_members, &members, &response->body);
    return e;
}

/* --- writes --- */

typedef enum err (*write_each)(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count);

static enum err change_members(struct op *op, const struct request *request, write_each write)
{
    struct uuid uuid;
    int64_t group_id, *user_ids;
    size_t count;
    enum err e = tedee_read_group_id(op, request, &uuid);
    if (!e) e = tedee_read_user_ids(op, request, &user_ids, &count);
    if (!e) e = directory_find_group_number(op, &uuid, &group_id);
    return e ? e : write(op, group_id, user_ids, count);
}

enum err tedee_add_members(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    return change_members(op, request, directory_add_each_member);
}

enum err tedee_remove_members(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    return change_members(op, request, directory_remove_each_member);
}

/* In the order of the request; users for whom there was nothing to do are left out (tedee.md 1.3). */
enum err tedee_answer_members(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    struct buf *out = &response->body;
    bool first = true;
    response->status = 207;
    buf_add_literal(out, "{\"organizationUsers\":[");
    for (size_t i = 0; i < op->outcome_count; i++) {
        if (op->outcomes[i] == MEMBER_WAS_SO) continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        tedee_write_outcome(op->outcome_user_ids[i],
                            op->outcomes[i] == MEMBER_UNKNOWN ? "The user does not belong to the organization." : NULL, out);
    }
    buf_add_literal(out, "]}");
    return ERR_OK;
}
