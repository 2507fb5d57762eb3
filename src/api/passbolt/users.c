/* users.c — the users of the organization, whom clients need to know before they can put them into groups (passbolt.md 2.9). */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"

#include <string.h>

/* All of it comes unless it is asked not to; the last log-in always does. */
// clang-format off
static const struct passbolt_contain_row user_contains[] = {
    /* name             bits                  profile 5                       profile 2 */
    { "role",           PASSBOLT_ROLE,        PASSBOLT_LIST | PASSBOLT_VIEW,  PASSBOLT_LIST | PASSBOLT_VIEW, false },
    { "profile",        PASSBOLT_PROFILE,     PASSBOLT_LIST | PASSBOLT_VIEW,  PASSBOLT_LIST | PASSBOLT_VIEW, false },
    { "gpgkey",         PASSBOLT_KEY,         PASSBOLT_LIST | PASSBOLT_VIEW,  PASSBOLT_LIST | PASSBOLT_VIEW, false },
    { "groups_users",   PASSBOLT_MEMBERSHIPS, PASSBOLT_LIST | PASSBOLT_VIEW,  PASSBOLT_LIST | PASSBOLT_VIEW, false },
    { 0 },
};
// clang-format on

static enum err read_parts(struct op *op, const struct passbolt_call *call, enum passbolt_place place, unsigned *ret_parts)
{
    const struct passbolt_value *contain = passbolt_query_find(call->query, "contain");
    unsigned wanted;
    enum err e = passbolt_read_contain(op, call->profile, place, user_contains, call->query, &wanted);
    *ret_parts = PASSBOLT_ALL_PARTS;
    for (const struct passbolt_contain_row *row = user_contains; row->name; row++)
        if (passbolt_query_find(contain, row->name) && !(wanted & row->bits)) *ret_parts &= ~row->bits;
    return e;
}

/* How much there is to write of a user. */
static size_t count_objects(const struct view *view, uint32_t user, unsigned parts)
{
    return 1 + (parts & PASSBOLT_MEMBERSHIPS ? view->image->users[user].group_count : 0);
}

/* Much of it takes some milliseconds: not on a thread that serves other connections too. */
static enum err defer_if_large(struct op *op, const struct view *view, const struct people *users, unsigned parts)
{
    size_t objects = 0;
    if (op->may_block) return ERR_OK;
    for (size_t i = 0; i < users->count; i++) objects += count_objects(view, users->ordinals[i], parts);
    return objects <= DIRECTORY_AT_ONCE ? ERR_OK : op_fail(op, ERR_DEFERRED, "", "many users or memberships to write");
}

/* A long list lets writers in between; a user who was deleted then is left out. */
static void write_users(struct op *op, struct view *view, const struct people *users, enum passbolt_profile profile,
                        unsigned parts, const char *base_url, struct buf *out)
{
    size_t since_pause = 0;
    bool first = true;
    buf_add_char(out, '[');
    for (size_t i = 0; i < users->count; i++) {
        uint32_t user = users->ordinals[i];
        if (since_pause >= DIRECTORY_AT_ONCE) {
            directory_let_writers_in(view);
            since_pause = 0;
        }
        if (view->image->users[user].flags & USER_IS_DELETED) continue;
        since_pause += count_objects(view, user, parts);
        if (!first) buf_add_char(out, ',');
        first = false;
        image_fetch_fragments_ahead(view->image, PASSBOLT_USER_FRAGMENTS, users->ordinals, users->count, i);
        passbolt_write_user(op, view, user, profile, parts, base_url, out);
    }
    buf_add_char(out, ']');
}

/* An administrator sees all, others those who are active. */
enum err passbolt_list_users(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct people users;
    unsigned parts;
    enum err e = passbolt_begin(op, request, &call);
    if (!e) e = read_parts(op, &call, PASSBOLT_LIST, &parts);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, true, &view);
    if (e) return e;
    struct people_query query = { .whole_organization = true, .only_active = !view.administrator, .size = INT64_MAX };
    e = directory_list_users(op, &view, &query, &users);
    if (!e) e = defer_if_large(op, &view, &users, parts);
    if (e) return e;
    const char *base_url = passbolt_base_url(op, request);
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    write_users(op, &view, &users, call.profile, parts, base_url, &response->body);
    passbolt_end_answer(response);
    return ERR_OK;
}

/* The user of the path: an id, or "me". */
static enum err find_user(struct op *op, const struct request *request, const struct view *view, uint32_t *ret_user)
{
    const char *text = request->captures[0];
    struct uuid uuid;
    uint32_t user = view->caller;
    if (strcmp(text, "me") != 0) {
        if (!passbolt_uuid_parse(text, strlen(text), &uuid)) return op_fail(op, ERR_INVALID, "userId", "the id is no UUID");
        user = image_find_user_by_uuid(view->image, &uuid);
    }
    unsigned flags = user == NO_ORDINAL ? USER_IS_DELETED : view->image->users[user].flags;
    bool seen = !(flags & USER_IS_DELETED) && (view->administrator || flags & USER_IS_ACTIVE);
    if (!seen) return op_fail(op, ERR_NOT_FOUND, "user", "there is no such user");
    *ret_user = user;
    return ERR_OK;
}

enum err passbolt_get_user(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    uint32_t user = NO_ORDINAL;
    unsigned parts;
    enum err e = passbolt_begin(op, request, &call);
    if (!e) e = read_parts(op, &call, PASSBOLT_VIEW, &parts);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, true, &view);
    if (!e) e = find_user(op, request, &view, &user);
    if (!e) e = defer_if_large(op, &view, &(struct people){ .ordinals = &user, .count = 1 }, parts);
    if (e) return e;
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    passbolt_write_user(op, &view, user, call.profile, parts, passbolt_base_url(op, request), &response->body);
    passbolt_end_answer(response);
    return ERR_OK;
}
