/* input.c — Struct PIM's path part and bodies (struct-pim.md 1.3). Names count whatever their letter case. */
#include "api/struct_pim/struct_pim.h"
#include "base/json.h"

#include <string.h>

enum err struct_pim_read_group_id(struct op *op, const struct request *request, struct uuid *ret_uuid)
{
    const char *text = request->captures[0];
    if (uuid_parse_or_nil(text, strlen(text), ret_uuid)) return ERR_OK;
    return op_fail(op, ERR_INVALID, "uid", "uid must be a UUID");
}

/* --- bodies --- */

/* What Struct and the directory call a member; of a list also what they call the subject of an item. */
struct known_member {
    const char *theirs, *ours;
    const char *subject_theirs, *subject_ours;
};

// clang-format off
static const struct known_member members[] = {
    { "Uid",           "uuid",          NULL,              NULL },
    { "Name",          "name",          NULL,              NULL },
    { "Languages",     "languages",     "LanguageId",      "languageId" },
    { "Segments",      "segments",      "SegmentUid",      "segmentUid" },
    { "BusinessUnits", "businessUnits", "BusinessUnitUid", "businessUnitUid" },
};
// clang-format on
enum { MEMBER_COUNT = sizeof members / sizeof *members };

const char *struct_pim_member_name(const char *name)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i].ours, name) == 0) return members[i].theirs;
    return NULL;
}

static void replace_all(char *text, const char *ours, const char *theirs)
{
    for (char *at = text; (at = strstr(at, ours)); at++) memcpy(at, theirs, strlen(ours)); /* they differ in one letter's case */
}

void struct_pim_rename_subjects(char *text)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (members[i].subject_ours) replace_all(text, members[i].subject_ours, members[i].subject_theirs);
    replace_all(text, "readOnly", "ReadOnly");
}

static void copy_member(const json_t *from, const char *theirs, json_t *to, const char *ours)
{
    json_t *value = json_get_any_case(from, theirs);
    if (value) json_object_set(to, ours, value);
}

/* What is no list of objects, or too long, is handed on as it is: the directory's table refuses it. */
static json_t *translate_list(const struct known_member *known, json_t *list)
{
    if (!json_is_array(list) || json_array_size(list) > GRANTS_MAX) return json_incref(list);
    json_t *translated = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        if (!json_is_object(item)) {
            json_array_append(translated, item);
            continue;
        }
        json_t *grant = json_object();
        copy_member(item, known->subject_theirs, grant, known->subject_ours);
        copy_member(item, "ReadOnly", grant, "readOnly");
        json_array_append_new(translated, grant);
    }
    return translated;
}

static bool is_nil_uuid(const json_t *value)
{
    struct uuid uuid;
    return json_is_string(value) && uuid_parse_or_nil(json_string_value(value), json_string_length(value), &uuid) &&
           uuid_is_nil(&uuid);
}

/* Copies the members Struct knows under the directory's names and lets the directory's table check them. A list that is not there
 * is empty. */
static enum err read_group_fields(struct op *op, const json_t *body, json_t *fields, struct group *ret_values,
                                  field_set *ret_present)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct known_member *known = &members[i];
        json_t *list = known->subject_ours ? json_get_any_case(body, known->theirs) : NULL;
        if (known->subject_ours) json_object_set_new(fields, known->ours, list ? translate_list(known, list) : json_null());
        else copy_member(body, known->theirs, fields, known->ours);
    }
    /* A client without a Uid to send may send the one of zeroes. */
    if (is_nil_uuid(json_object_get(fields, "uuid"))) json_object_del(fields, "uuid");
    if (!json_object_get(fields, "name")) return op_fail(op, ERR_INVALID, "name", "name is missing");
    return fields_read(op, NOUN_GROUP, fields, (union object){ .group = ret_values }, ret_present);
}

enum err struct_pim_read_group(struct op *op, const struct request *request, struct group *ret_values, field_set *ret_present)
{
    json_t *body;
    enum err e = request_read_object(&op->failure, request, &body);
    if (e) return e;
    *ret_values = (struct group){ 0 };
    json_t *fields = json_object();
    e = read_group_fields(op, body, fields, ret_values, ret_present);
    json_decref(fields);
    json_decref(body);
    return e;
}
