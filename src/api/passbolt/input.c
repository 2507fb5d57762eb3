/* input.c — bodies are brought into the newer layout, then checked as CakePHP's validator checks: each field for presence, then
 * emptiness, then by its rules, all fields of all members (of an update: of the first member that breaks a rule). */
#include "api/passbolt/input.h"

#include "api/passbolt/encode.h"
#include "api/passbolt/query.h"
#include "base/fold.h"
#include "directory/directory.h"
#include "net/form.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 255 }; /* code points */

/* --- what PHP makes of JSON --- */

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

static bool is_set(const json_t *value)
{
    return value && !json_is_null(value);
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool is_truthy(const json_t *value)
{
    if (json_is_string(value)) return !is_text(value, "") && !is_text(value, "0");
    if (json_is_number(value)) return json_number_value(value) != 0;
    if (is_container(value)) return json_object_size(value) + json_array_size(value) > 0;
    return json_is_true(value);
}

/* What the validator calls empty. */
static bool is_empty(enum passbolt_profile profile, const json_t *value)
{
    if (profile == PASSBOLT_2 && is_container(value)) return !is_truthy(value);
    return !is_set(value) || is_text(value, "");
}

/* true, false, 1, 0, "1", "0"; no more. */
static bool is_boolean(const json_t *value)
{
    if (json_is_integer(value)) return json_integer_value(value) == 0 || json_integer_value(value) == 1;
    return json_is_boolean(value) || is_text(value, "0") || is_text(value, "1");
}

static bool read_uuid(const json_t *value, struct uuid *ret_uuid)
{
    return json_is_string(value) && passbolt_uuid_parse(json_string_value(value), json_string_length(value), ret_uuid);
}

/* --- both layouts --- */

/* A new list of the values of a list or of an object; NULL for anything else. */
static json_t *list_of(const json_t *value)
{
    if (!is_container(value)) return NULL;
    json_t *list = json_array(), *item;
    const char *key;
    size_t index;
    json_array_foreach((json_t *)value, index, item)
    {
        json_array_append(list, item);
    }
    json_object_foreach((json_t *)value, key, item)
    {
        json_array_append(list, item);
    }
    return list;
}

/* The list called `name`, else that of the elements' members `old_part` in the list called `old_name`; new, or NULL. */
static json_t *list_of_either(const json_t *body, const char *name, const char *old_name, const char *old_part)
{
    const json_t *value = json_object_get(body, name);
    if (is_set(value)) return list_of(value);
    json_t *rows = list_of(json_object_get(body, old_name)), *row;
    if (!rows) return NULL;
    json_t *list = json_array();
    size_t index;
    json_array_foreach(rows, index, row)
    {
        json_t *part = json_object_get(row, old_part);
        json_array_append_new(list, part ? json_incref(part) : json_object());
    }
    json_decref(rows);
    return list;
}

static const json_t *name_of(const json_t *body)
{
    const json_t *name = json_object_get(body, "name");
    return is_set(name) ? name : json_object_get(json_object_get(body, "Group"), "name");
}

/* --- problems --- */

static enum err refuse(struct op *op)
{
    return op_fail(op, ERR_INVALID, "body", "%s", PASSBOLT_PROBLEMS_MESSAGE);
}

static enum err refuse_form(struct op *op)
{
    return op_fail(op, ERR_INVALID, "body", "Bad Request");
}

static enum err check_count(struct op *op, const json_t *list)
{
    if (json_array_size(list) <= DIRECTORY_MEMBERS_MAX) return ERR_OK;
    return op_fail(op, ERR_INVALID, "groups_users", "A request may have %d members at most.", DIRECTORY_MEMBERS_MAX);
}

/* The rules of a name that is not empty; NULL if one is broken. */
static const char *check_name(struct op *op, enum passbolt_profile profile, const json_t *name,
                              struct passbolt_problems *problems)
{
    bool is_string = json_is_string(name);
    bool too_long = is_string ? utf8_length(json_string_value(name), json_string_length(name)) > NAME_MAX_LENGTH
                              : profile == PASSBOLT_2 || is_container(name); /* what has no length has a wrong one */
    if (!is_string) passbolt_problems_add(problems, profile, PASSBOLT_NAME_UTF8, 0);
    if (too_long) passbolt_problems_add(problems, profile, PASSBOLT_NAME_LENGTH, 0);
    return is_string && !too_long ? arena_strdup(&op->arena, json_string_value(name)) : NULL;
}

/* As PHP makes arrays of a form's names, so it makes JSON's objects. */
static json_t *json_of_fields(const struct passbolt_value *value)
{
    if (value->text) return json_string(value->text);
    json_t *object = json_object();
    for (const struct passbolt_value *item = value->first; item; item = item->next)
        json_object_set_new(object, item->key, json_of_fields(item));
    return object;
}

static enum err read_form(struct op *op, const struct request *request, json_t **ret_body)
{
    struct failure failure = { 0 };
    const struct parameter *fields;
    size_t count;
    if (request_parse_form(&failure, &op->arena, request, &fields, &count)) return refuse_form(op);
    *ret_body = json_of_fields(passbolt_query_parse(&op->arena, fields, count));
    return ERR_OK;
}

enum err passbolt_read_body(struct op *op, const struct request *request, json_t **ret_body)
{
    struct failure failure = { 0 };
    *ret_body = NULL;
    if (request->body_size && request_has_form(request)) return read_form(op, request, ret_body);
    if (request->body_size == 0) {
        *ret_body = json_object();
        return ERR_OK;
    }
    if (json_parse(&failure, request->body, request->body_size, ret_body)) return refuse_form(op);
    if (!json_is_null(*ret_body)) return ERR_OK;
    json_decref(*ret_body);
    *ret_body = NULL;
    return refuse_form(op);
}

enum err passbolt_check_name(struct op *op, enum passbolt_profile profile, const char *name, struct group *ret_values,
                             field_set *ret_present, struct passbolt_problems *problems)
{
    json_t *fields = json_pack("{s:s}", "name", name);
    *ret_values = (struct group){ 0 };
    enum err e = fields_read(op, NOUN_GROUP, fields, (union object){ .group = ret_values }, ret_present);
    json_decref(fields);
    if (!e) return ERR_OK;
    failure_clear(&op->failure);
    bool blank = utf8_is_blank(name, strlen(name));
    passbolt_problems_add(problems, profile, blank ? PASSBOLT_NAME_EMPTY : PASSBOLT_NAME_UTF8, 0);
    return refuse(op);
}

/* --- a new group --- */

static const char *read_new_name(struct op *op, enum passbolt_profile profile, const json_t *body,
                                 struct passbolt_problems *problems)
{
    const json_t *name = name_of(body);
    if (name && !is_empty(profile, name)) return check_name(op, profile, name, problems);
    passbolt_problems_add(problems, profile, name ? PASSBOLT_NAME_EMPTY : PASSBOLT_NAME_MISSING, 0);
    return NULL;
}

/* One who reads a member of a new group. */
struct member_reader {
    enum passbolt_profile profile;
    bool old_layout;
    struct passbolt_problems *problems;
    size_t index;
};

static void add_problem(const struct member_reader *reader, enum passbolt_rule rule)
{
    passbolt_problems_add(reader->problems, reader->profile, rule, reader->index);
}

static void read_member_user(const struct member_reader *reader, const json_t *user_id, struct uuid *ret_user_id)
{
    if (!user_id && !reader->old_layout) add_problem(reader, PASSBOLT_MEMBER_USER_MISSING);
    else if (is_empty(reader->profile, user_id)) add_problem(reader, PASSBOLT_MEMBER_USER_EMPTY);
    else if (!read_uuid(user_id, ret_user_id)) add_problem(reader, PASSBOLT_MEMBER_USER_UUID);
}

/* Not sent it is false, in profile 5 also if it is null. The original turns that of the old layout into a boolean, whatever it
 * is. */
static void read_member_role(const struct member_reader *reader, const json_t *is_admin, bool *ret_manager)
{
    *ret_manager = is_truthy(is_admin);
    if (reader->old_layout || !is_admin || (reader->profile == PASSBOLT_5 && json_is_null(is_admin))) return;
    if (is_empty(reader->profile, is_admin)) add_problem(reader, PASSBOLT_MEMBER_ADMIN_EMPTY);
    else if (!is_boolean(is_admin)) add_problem(reader, PASSBOLT_MEMBER_ADMIN_BOOLEAN);
}

static void read_member(const struct member_reader *reader, const json_t *json, struct passbolt_new_member *ret_member)
{
    struct uuid ignored; /* a new member's own id is checked, and not used */
    const json_t *id = json_object_get(json, "id");
    if (!reader->old_layout && !is_empty(reader->profile, id) && !read_uuid(id, &ignored))
        add_problem(reader, PASSBOLT_MEMBER_ID_UUID);
    read_member_user(reader, json_object_get(json, "user_id"), &ret_member->user_id);
    read_member_role(reader, json_object_get(json, "is_admin"), &ret_member->manager);
}

/* What is neither object nor list is no member and does not count. */
static void read_members(struct op *op, struct member_reader *reader, const json_t *list, struct passbolt_new_group *group)
{
    json_t *item;
    size_t place;
    group->members = arena_array(&op->arena, json_array_size(list), sizeof *group->members);
    json_array_foreach((json_t *)list, place, item)
    {
        if (!is_container(item)) continue;
        reader->index = group->member_count++;
        read_member(reader, item, &group->members[reader->index]);
    }
}

enum err passbolt_read_new_group(struct op *op, enum passbolt_profile profile, const json_t *body,
                                 struct passbolt_new_group *ret_group, struct passbolt_problems *problems)
{
    struct member_reader reader = { profile, !is_set(json_object_get(body, "groups_users")), problems, 0 };
    *ret_group = (struct passbolt_new_group){ .name = read_new_name(op, profile, body, problems) };
    json_t *list = list_of_either(body, "groups_users", "GroupUsers", "GroupUser");
    enum err e = check_count(op, list);
    if (!e) read_members(op, &reader, list, ret_group);
    json_decref(list);
    if (e) return e;
    return problems->count ? refuse(op) : ERR_OK;
}

/* --- an update --- */

/* A change is checked by all that is in it, and null is empty there: it is not "not sent". */
static void check_change_field(const json_t *change, const char *name, bool (*is_valid)(const json_t *),
                               const struct member_reader *reader, enum passbolt_rule empty, enum passbolt_rule invalid)
{
    const json_t *value = json_object_get(change, name);
    if (json_is_null(value)) add_problem(reader, empty);
    else if (value && !is_valid(value)) add_problem(reader, invalid);
}

static bool is_uuid(const json_t *value)
{
    struct uuid ignored;
    return read_uuid(value, &ignored);
}

static void check_change(const json_t *change, const struct member_reader *reader)
{
    check_change_field(change, "id", is_uuid, reader, PASSBOLT_CHANGE_ID_EMPTY, PASSBOLT_CHANGE_ID_UUID);
    check_change_field(change, "user_id", is_uuid, reader, PASSBOLT_CHANGE_USER_EMPTY, PASSBOLT_CHANGE_USER_UUID);
    check_change_field(change, "delete", is_boolean, reader, PASSBOLT_CHANGE_DELETE_EMPTY, PASSBOLT_CHANGE_DELETE_BOOLEAN);
    check_change_field(change, "is_admin", is_boolean, reader, PASSBOLT_CHANGE_ADMIN_EMPTY, PASSBOLT_CHANGE_ADMIN_BOOLEAN);
}

static enum err check_changes(struct op *op, enum passbolt_profile profile, const json_t *list,
                              struct passbolt_problems *problems)
{
    struct member_reader reader = { .profile = profile, .problems = problems };
    json_t *change;
    json_array_foreach((json_t *)list, reader.index, change)
    {
        if (!json_is_object(change)) return refuse_form(op);
        check_change(change, &reader);
        if (problems->count) return refuse(op);
    }
    return ERR_OK;
}

/* Which of its members a change of a kind has, and has not (passbolt.md 2.6). A change that fits no row is ignored. */
enum { HAS_ID = 1, HAS_USER = 2, HAS_ADMIN = 4, HAS_DELETE = 8 };
static const struct {
    unsigned looked_at, present;
    enum passbolt_change_kind kind;
} change_kinds[] = {
    { HAS_ID | HAS_USER | HAS_DELETE, HAS_USER, PASSBOLT_CHANGE_ADD },
    { HAS_ID | HAS_USER | HAS_DELETE | HAS_ADMIN, HAS_ID | HAS_ADMIN, PASSBOLT_CHANGE_ROLE },
    { HAS_ID | HAS_USER | HAS_DELETE | HAS_ADMIN, HAS_ID | HAS_DELETE, PASSBOLT_CHANGE_REMOVE },
};

/* False if it is of no kind. */
static bool read_change(const json_t *json, size_t index, struct passbolt_change *ret_change)
{
    const json_t *is_admin = json_object_get(json, "is_admin");
    struct passbolt_change change = { .index = index };
    unsigned present = 0;
    if (read_uuid(json_object_get(json, "id"), &change.membership_id)) present |= HAS_ID;
    if (read_uuid(json_object_get(json, "user_id"), &change.user_id)) present |= HAS_USER;
    if (is_admin) present |= HAS_ADMIN;
    if (json_object_get(json, "delete")) present |= HAS_DELETE;
    change.manager = is_truthy(is_admin);
    for (size_t i = 0; i < sizeof change_kinds / sizeof *change_kinds; i++) {
        if ((present & change_kinds[i].looked_at) != change_kinds[i].present) continue;
        change.kind = change_kinds[i].kind;
        *ret_change = change;
        return true;
    }
    return false;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

/* The users that the body has secrets for, ascending. */
static struct uuid *read_secret_users(struct op *op, const json_t *body, size_t *ret_count)
{
    json_t *list = list_of_either(body, "secrets", "Secrets", "Secret"), *secret;
    struct uuid *ids = arena_array(&op->arena, json_array_size(list), sizeof *ids);
    size_t index;
    *ret_count = 0;
    json_array_foreach(list, index, secret)
    {
        *ret_count += read_uuid(json_object_get(secret, "user_id"), &ids[*ret_count]);
    }
    json_decref(list);
    qsort(ids, *ret_count, sizeof *ids, compare_ids);
    return ids;
}

/* The place of a change in the order of application. */
static int phase_of(const struct passbolt_change *change)
{
    return change->kind == PASSBOLT_CHANGE_ADD ? 0 : change->kind == PASSBOLT_CHANGE_REMOVE ? 3 : change->manager ? 1 : 2;
}

static void read_changes(struct op *op, const json_t *body, const json_t *list, struct passbolt_group_update *update)
{
    size_t size = json_array_size(list), count = 0, secret_count;
    struct uuid *secrets = read_secret_users(op, body, &secret_count);
    struct passbolt_change *sent = arena_array(&op->arena, size, sizeof *sent);
    for (size_t i = 0; i < size; i++) count += read_change(json_array_get(list, i), i, &sent[count]);
    update->changes = arena_array(&op->arena, count, sizeof *update->changes);
    for (int phase = 0; phase <= 3; phase++) {
        for (size_t i = 0; i < count; i++) {
            if (phase_of(&sent[i]) != phase) continue;
            sent[i].has_secrets = bsearch(&sent[i].user_id, secrets, secret_count, sizeof *secrets, compare_ids) != NULL;
            update->changes[update->change_count++] = sent[i];
        }
    }
}

/* groups_users as a new list; null and nothing are an empty one. */
static enum err take_changes(struct op *op, const json_t *body, json_t **ret_list)
{
    *ret_list = list_of_either(body, "groups_users", "GroupUsers", "GroupUser");
    if (*ret_list) return check_count(op, *ret_list);
    if (is_set(json_object_get(body, "groups_users"))) return refuse_form(op);
    *ret_list = json_array();
    return ERR_OK;
}

enum err passbolt_read_group_update(struct op *op, enum passbolt_profile profile, const json_t *body, bool may_rename,
                                    struct passbolt_group_update *ret_update, struct passbolt_problems *problems)
{
    const json_t *name = name_of(body);
    json_t *list;
    *ret_update = (struct passbolt_group_update){ 0 };
    enum err e = take_changes(op, body, &list);
    if (!e) e = check_changes(op, profile, list, problems);
    if (!e && may_rename && is_truthy(name)) ret_update->name = check_name(op, profile, name, problems);
    if (!e && problems->count) e = refuse(op);
    if (!e) read_changes(op, body, list, ret_update);
    json_decref(list);
    return e;
}
