/* users.c — the users of the organization, whom clients need to know before they can put them into groups (passbolt.md 2.9). */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"

#include <string.h>

/* An administrator sees all, others those who are active. */
enum err passbolt_list_users(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    struct people users;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, true, &view);
    if (e) return e;
    struct people_query query = { .whole_organization = true, .only_active = !view.administrator, .size = INT64_MAX };
    e = directory_list_users(op, &view, &query, &users);
    if (e) return e;
    const char *base_url = passbolt_base_url(op, request);
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    buf_add_char(&response->body, '[');
    for (size_t i = 0; i < users.count; i++) {
        if (i) buf_add_char(&response->body, ',');
        image_fetch_fragments_ahead(view.image, PASSBOLT_USER_FRAGMENTS, users.ordinals, users.count, i);
        passbolt_write_user(op, &view, users.ordinals[i], call.profile, base_url, &response->body);
    }
    buf_add_char(&response->body, ']');
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
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    AUTO_VIEW view;
    e = directory_view(op, true, &view);
    if (!e) e = find_user(op, request, &view, &user);
    if (e) return e;
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    passbolt_write_user(op, &view, user, call.profile, passbolt_base_url(op, request), &response->body);
    passbolt_end_answer(response);
    return ERR_OK;
}
