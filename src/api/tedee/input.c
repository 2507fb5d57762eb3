/* input.c — Tedee's path parts, query parameters and bodies (tedee.md 1.3, 1.4). Names count whatever their letter case. */
#include "api/tedee/tedee.h"
#include "base/json.h"

#include <string.h>
#include <strings.h>

enum err tedee_read_organization(struct op *op, const struct request *request)
{
    int64_t id;
    if (!number_parse(request->captures[0], NUMBER_MAX, &id))
        return op_fail(op, ERR_INVALID, "organizationId", "organizationId must be a whole number");
    if (id == op->caller.organization_id) return ERR_OK;
    return op_fail(op, ERR_NOT_FOUND, "organization", "there is no organization %lld", (long long)id);
}

enum err tedee_read_group_id(struct op *op, const struct request *request, struct uuid *ret_uuid)
{
    static const char nobodys[] = "00000000-0000-0000-0000-000000000000"; /* well-formed, but no UUID to uuid_parse */
    const char *text = request->captures[1];
    enum err e = tedee_read_organization(op, request);
    if (e || uuid_parse(text, strlen(text), ret_uuid)) return e;
    if (strcmp(text, nobodys) == 0) return op_fail(op, ERR_NOT_FOUND, "group", "there is no such group");
    return op_fail(op, ERR_INVALID, "groupId", "groupId must be a UUID");
}

enum err tedee_read_bool(struct op *op, const struct request *request, const char *name, bool *ret_value)
{
    return parameter_read_bool(&op->failure, name, request_parameter_any_case(request, name), ret_value);
}

static enum err read_number(struct op *op, const struct request *request, const char *name, int64_t min, int64_t max,
                            int64_t *ret_value)
{
    return parameter_read_number(&op->failure, name, request_parameter_any_case(request, name), min, max, ret_value);
}

enum err tedee_read_page(struct op *op, const struct request *request, int64_t items_max, int64_t *ret_offset, int64_t *ret_size)
{
    int64_t page = 1;
    *ret_size = items_max;
    enum err e = read_number(op, request, "page", 1, NUMBER_MAX, &page);
    if (!e) e = read_number(op, request, "itemsPerPage", 1, items_max, ret_size);
    *ret_offset = (page - 1) * *ret_size;
    return e;
}

enum err tedee_read_data_scope(struct op *op, const struct request *request)
{
    int64_t scope;
    return read_number(op, request, "dataScope", 0, 1, &scope);
}

const char *tedee_read_text(const struct request *request)
{
    return request_parameter_any_case(request, "filters.text");
}

enum err tedee_read_user_types(struct op *op, const struct request *request, struct people_query *query)
{
    static const char name[] = "Filters.UserTypes";
    enum { ADMIN, OTHER, OWNER }; /* nobody is an owner */
    unsigned types = 0;
    for (size_t i = 0; i < request->parameter_count; i++) {
        int64_t type;
        if (strcasecmp(request->parameters[i].name, name) != 0) continue;
        enum err e = parameter_read_number(&op->failure, name, request->parameters[i].value, ADMIN, OWNER, &type);
        if (e) return e;
        types |= 1U << type;
    }
    query->only_administrators = types && !(types & 1U << OTHER);
    query->only_others = types && !(types & 1U << ADMIN);
    return ERR_OK;
}

/* --- bodies --- */

/* The directory's table checks the name. */
static enum err read_name(struct op *op, const json_t *body, struct group *ret_values, field_set *ret_present)
{
    json_t *name = json_get_any_case(body, "name");
    if (!name || json_is_null(name)) return op_fail(op, ERR_INVALID, "name", "name is missing");
    json_t *fields = json_object();
    json_object_set(fields, "name", name);
    enum err e = fields_read(op, NOUN_GROUP, fields, (union object){ .group = ret_values }, ret_present);
    json_decref(fields);
    return e;
}

enum err tedee_read_group(struct op *op, const struct request *request, struct group *ret_values, field_set *ret_present)
{
    json_t *body;
    enum err e = request_read_object(&op->failure, request, &body);
    if (e) return e;
    *ret_values = (struct group){ 0 };
    e = read_name(op, body, ret_values, ret_present);
    json_decref(body);
    return e;
}

static enum err read_ids(struct op *op, const json_t *body, int64_t **ret_ids, size_t *ret_count)
{
    static const char name[] = "organizationUserIds", item[] = "an element of organizationUserIds";
    const json_t *array = json_get_any_case(body, name);
    if (!json_is_array(array)) return op_fail(op, ERR_INVALID, name, "%s must be an array of numbers", name);
    if (json_array_size(array) > DIRECTORY_MEMBERS_MAX)
        return op_fail(op, ERR_INVALID, name, "%s has more than %d users", name, DIRECTORY_MEMBERS_MAX);
    return numbers_read(op, item, array, ret_ids, ret_count);
}

enum err tedee_read_user_ids(struct op *op, const struct request *request, int64_t **ret_ids, size_t *ret_count)
{
    json_t *body;
    enum err e = request_read_object(&op->failure, request, &body);
    if (e) return e;
    e = read_ids(op, body, ret_ids, ret_count);
    json_decref(body);
    return e;
}
