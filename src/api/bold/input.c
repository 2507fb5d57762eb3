/* input.c — Bold's path parts, query parameters and bodies (bold.md 1.3, 1.4). */
#include "api/bold/bold.h"
#include "base/json.h"

enum err bold_read_group_id(struct op *op, const struct request *request, int64_t *ret_id)
{
    if (number_parse(request->captures[0], NUMBER_MAX, ret_id) && *ret_id > 0) return ERR_OK;
    return op_fail(op, ERR_NOT_FOUND, "group", "a group's id is a positive whole number");
}

enum err bold_read_user_id(struct op *op, const char *text, int64_t *ret_id)
{
    if (number_parse(text, NUMBER_MAX, ret_id) && *ret_id > 0) return ERR_OK;
    return op_fail(op, ERR_INVALID, "userId", "userId must be a positive whole number");
}

enum err bold_read_bool(struct op *op, const struct request *request, const char *name, bool *ret_value)
{
    return parameter_read_bool(&op->failure, name, request_parameter(request, name), ret_value);
}

enum err bold_read_number(struct op *op, const struct request *request, const char *name, int64_t min, int64_t max,
                          int64_t *ret_value)
{
    return parameter_read_number(&op->failure, name, request_parameter(request, name), min, max, ret_value);
}

/* --- bodies --- */

/* `externalId` is an object in Bold's groups and a text in the directory. */
static enum err read_external_id(struct op *op, const json_t *body, json_t *fields)
{
    json_t *external = json_object_get(body, "externalId"), *value;
    if (!external) return ERR_OK;
    if (json_is_null(external)) value = external;
    else if (!json_is_object(external)) return op_fail(op, ERR_INVALID, "externalId", "externalId must be an object or null");
    else value = json_object_get(external, "value");
    if (!json_is_string(value) && !json_is_null(value))
        return op_fail(op, ERR_INVALID, "externalId", "externalId must be an object with a string \"value\"");
    json_object_set(fields, "externalId", value);
    return ERR_OK;
}

/* Copies the members Bold knows under the directory's names and lets the directory's table check them. */
static enum err read_group_fields(struct op *op, const json_t *body, bool with_external_id, json_t *fields,
                                  struct group *ret_values, field_set *ret_present)
{
    static const char *const names[] = { "name", "description", "remarks" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(body, names[i]);
        if (!value) continue;
        if (i == 0 && json_is_null(value)) return op_fail(op, ERR_INVALID, "name", "name must be a string");
        json_object_set(fields, names[i], value);
    }
    enum err e = with_external_id ? read_external_id(op, body, fields) : ERR_OK;
    return e ? e : fields_read(op, NOUN_GROUP, fields, (union object){ .group = ret_values }, ret_present);
}

enum err bold_read_group(struct op *op, const struct request *request, bool with_external_id, struct group *ret_values,
                         field_set *ret_present)
{
    json_t *body;
    enum err e = request_read_object(&op->failure, request, &body);
    if (e) return e;
    *ret_values = (struct group){ 0 };
    json_t *fields = json_object();
    e = read_group_fields(op, body, with_external_id, fields, ret_values, ret_present);
    json_decref(fields);
    json_decref(body);
    return e;
}

static enum err read_member(struct op *op, const json_t *item, struct member_request *ret_member)
{
    if (!json_is_object(item))
        return op_fail(op, ERR_INVALID, "", "each element must be an object with userId and groupAdmin, not %s",
                       json_kind_name(item));
    enum err e = number_read(op, "userId", json_object_get(item, "userId"), &ret_member->user_id);
    if (e) return e;
    const json_t *manager = json_object_get(item, "groupAdmin");
    if (!manager || json_is_null(manager)) return ERR_OK;
    if (!json_is_boolean(manager)) return op_fail(op, ERR_INVALID, "groupAdmin", "groupAdmin must be true or false");
    ret_member->has_manager = true;
    ret_member->manager = json_is_true(manager);
    return ERR_OK;
}

/* The body, which must be an array of at most DIRECTORY_MEMBERS_MAX. */
static enum err read_array(struct op *op, const struct request *request, json_t **ret_array)
{
    enum err e = request_read_array(&op->failure, request, ret_array);
    if (e || json_array_size(*ret_array) <= DIRECTORY_MEMBERS_MAX) return e;
    json_decref(*ret_array);
    return op_fail(op, ERR_INVALID, "", "more than %d users in one request", DIRECTORY_MEMBERS_MAX);
}

enum err bold_read_members(struct op *op, const struct request *request, struct member_request **ret_members, size_t *ret_count)
{
    json_t *array;
    enum err e = read_array(op, request, &array);
    if (e) return e;
    *ret_count = json_array_size(array);
    *ret_members = arena_array(&op->arena, *ret_count, sizeof **ret_members);
    for (size_t i = 0; i < *ret_count && !e; i++) e = read_member(op, json_array_get(array, i), &(*ret_members)[i]);
    json_decref(array);
    return e;
}

enum err bold_read_user_ids(struct op *op, const struct request *request, int64_t **ret_ids, size_t *ret_count)
{
    json_t *array;
    enum err e = read_array(op, request, &array);
    if (e) return e;
    e = numbers_read(op, "userId", array, ret_ids, ret_count);
    json_decref(array);
    return e;
}
