/* members.c — Bold's four member operations. */
#include "api/bold/bold.h"

enum err bold_answer_done(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    buf_add_literal(&response->body, "{}");
    return ERR_OK;
}

enum err bold_add_member(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    int64_t group_id;
    struct member_request member = { .has_manager = request_parameter(request, "groupAdmin") != NULL };
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_user_id(op, request->captures[1], &member.user_id);
    if (!e) e = bold_read_bool(op, request, "groupAdmin", &member.manager);
    return e ? e : directory_put_members(op, group_id, &member, 1);
}

enum err bold_add_members(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    int64_t group_id;
    struct member_request *members;
    size_t count;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_members(op, request, &members, &count);
    return e ? e : directory_put_members(op, group_id, members, count);
}

enum err bold_remove_member(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    int64_t group_id, user_id;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_user_id(op, request->captures[1], &user_id);
    return e ? e : directory_remove_members(op, group_id, &user_id, 1);
}

enum err bold_remove_members(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    int64_t group_id, *user_ids;
    size_t count;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_user_ids(op, request, &user_ids, &count);
    return e ? e : directory_remove_members(op, group_id, user_ids, count);
}
