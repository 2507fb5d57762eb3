/* input.h — bodies of requests about groups (passbolt.md 2.6), without a look at the directory's data.
 *
 * Two layouts are read, in both profiles: {"name":S,"groups_users":[{...}]}, and {"Group":{"name":S},"GroupUsers":[{"GroupUser":
 * {...}}]} for what the first does not have (in an update also "Secrets":[{"Secret":{...}}]). Members that are not known, such as
 * the "user":{} of one client, are ignored. An object where a list is expected is the list of its values, as in PHP. */
#ifndef ROSTER_API_PASSBOLT_INPUT_H
#define ROSTER_API_PASSBOLT_INPUT_H

#include "api/passbolt/problems.h"
#include "api/passbolt/profile.h"
#include "base/json.h"
#include "base/uuid.h"
#include "model/fields.h"
#include "model/op.h"
#include "net/http.h"

#include <stdbool.h>
#include <stddef.h>

/* The body as JSON: an empty one is {}, a form is an object of its fields (data[gpg_auth][keyid]=... is
 * {"data":{"gpg_auth":{...}}}: the browser's extension logs in so), a scalar or an array is a body without members. ERR_INVALID
 * "body" `Bad Request` if it is malformed or null (json_parse; the original takes a member that is there twice). The caller owns
 * *ret_body (json_decref). */
MUST_USE enum err passbolt_read_body(struct op *op, const struct request *request, json_t **ret_body);

struct passbolt_new_member {
    struct uuid user_id; /* may be nil, or the same twice */
    bool manager;
};

struct passbolt_new_group {
    const char *name;
    struct passbolt_new_member *members; /* their index is the one that problems are told with */
    size_t member_count;
};

/* What the directory itself asks of a name, beyond the original's checks: it is not all white space, and has no control
 * characters (an export could not be imported). ERR_INVALID "body" with the problem NAME_EMPTY or NAME_UTF8. *ret_values has the
 * name. */
MUST_USE enum err passbolt_check_name(struct op *op, enum passbolt_profile profile, const char *name, struct group *ret_values,
                                      field_set *ret_present, struct passbolt_problems *problems);

/* The body of a creation. ERR_INVALID: "body" PASSBOLT_PROBLEMS_MESSAGE, with what is wrong in `problems`; or "groups_users" if
 * it has more than DIRECTORY_MEMBERS_MAX members. Texts are copied to the op's arena. */
MUST_USE enum err passbolt_read_new_group(struct op *op, enum passbolt_profile profile, const json_t *body,
                                          struct passbolt_new_group *ret_group, struct passbolt_problems *problems);

enum passbolt_change_kind {
    PASSBOLT_CHANGE_ADD,    /* a new member: done for managers of the group only, else ignored */
    PASSBOLT_CHANGE_ROLE,   /* a membership's manager flag */
    PASSBOLT_CHANGE_REMOVE, /* a membership's end */
};

struct passbolt_change {
    enum passbolt_change_kind kind;
    size_t index;              /* its place in the request, for problems */
    struct uuid membership_id; /* ROLE, REMOVE; may be nil */
    struct uuid user_id;       /* ADD; may be nil */
    bool manager;              /* ADD, ROLE */
    bool has_secrets;          /* ADD: the body has secrets for that user (PASSBOLT_SECRET_NOT_NEEDED once it is a member) */
};

struct passbolt_group_update {
    const char *name;                /* NULL: is not to be changed */
    struct passbolt_change *changes; /* in order of application: adds, roles given, roles withdrawn, removals; else as sent */
    size_t change_count;
};

/* The body of an update or of its dry run. What is no change of any kind is left out, once it has passed the format checks. The
 * name is read, and checked, only for one who may rename: an administrator, and not in a dry run; a falsy one (absent, "", "0")
 * is not to be changed. ERR_INVALID: as above; "body" `Bad Request` if groups_users is no list of objects. */
MUST_USE enum err passbolt_read_group_update(struct op *op, enum passbolt_profile profile, const json_t *body, bool may_rename,
                                             struct passbolt_group_update *ret_update, struct passbolt_problems *problems);

#endif
