/* members.c — Bold's four member operations. */
#include "api/bold/bold.h"

static enum err answer_done(enum err e, struct response *response)
{
    if (!e) buf_add_literal(&response->body, "{}");
    return e;
}

enum err bold_add_member(struct op *op, const struct request *request, struct response *response)
{
    int64_t group_id;
    struct member_request member = { .has_manager = request_parameter(request, "groupAdmin") != NULL };
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_user_id(op, request->captures[1], &member.user_id);
    if (!e) e = bold_read_bool(op, request, "groupAdmin", &member.manager);
    if (!e) e = directory_put_members(op, group_id, &member, 1);
    return answer_done(e, response);
}

enum err bold_add_members(struct op *op, const struct request *request, struct response *response)
{
    int64_t group_id;
    struct member_request *members;
    size_t count;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_members(op, request, &members, &count);
    if (!e) e = directory_put_members(op, group_id, members, count);
    return answer_done(e, response);
}

enum err bold_remove_member(struct op *op, const struct request *request, struct response *response)
{
    int64_t group_id, user_id;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_user_id(op, request->captures[1], &user_id);
    if (!e) e = directory_remove_members(op, group_id, &user_id, 1);
    return answer_done(e, response);
}

enum err bold_remove_members(struct op *op, const struct request *request, struct response *response)
{
    int64_t group_id, *user_ids;
    size_t count;
    enum err e = bold_read_group_id(op, request, &group_id);
    if (!e) e = bold_read_user_ids(op, request, &user_ids, &count);
    if (!e) e = directory_remove_members(op, group_id, user_ids, count);
    return answer_done(e, response);
}
