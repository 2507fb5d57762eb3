/* fields_read.c — objects from JSON, by their tables.
 *
 * The same members are read from imported lines and from the change log. What the log holds was accepted once, perhaps by a
 * front end or a version with other rules for texts, so there only its form is checked: a node must be able to follow. */
#include "base/clock.h"
#include "base/fold.h"
#include "model/field_access.h"
#include "model/fields.h"

#include <string.h>

/* Where the JSON comes from, and where its objects and its faults go. */
struct source {
    struct failure *failure;
    struct arena *arena;
    unsigned hidden; /* rows with one of these flags are unknown members */
    bool trusted;    /* texts and rights need not keep the rules */
};

/* What the readers of one member share. */
struct reading {
    const struct source *source;
    const struct field *field;
    const json_t *value;
};

#define refuse(reading, ...) failure_set((reading)->source->failure, ERR_INVALID, (reading)->field->name, __VA_ARGS__)

static enum err refuse_kind(const struct reading *reading, const char *expected)
{
    return refuse(reading, "%s must be %s, not %s", reading->field->name, expected, json_kind_name(reading->value));
}

static bool has_control(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20) return true;
    return false;
}

static enum err check_phone(const struct reading *reading, const char *text)
{
    size_t digits = text[0] == '+' ? strspn(text + 1, "0123456789") : 0;
    if (digits < 7 || digits > 15 || text[1 + digits])
        return refuse(reading, "%s must be + and 7 to 15 digits", reading->field->name);
    return ERR_OK;
}

static enum err check_text(const struct reading *reading, const char *text, size_t size)
{
    const struct field *field = reading->field;
    if (reading->source->trusted) return ERR_OK;
    if (field->kind == FIELD_PHONE) return check_phone(reading, text);
    bool in_bytes = field->flags & FIELD_IN_BYTES;
    if ((in_bytes ? size : utf8_length(text, size)) > field->max)
        return refuse(reading, "%s is longer than %zu %s", field->name, field->max, in_bytes ? "bytes" : "characters");
    if ((field->flags & (FIELD_REQUIRED | FIELD_FILLED)) && utf8_is_blank(text, size))
        return refuse(reading, "%s is empty", field->name);
    if ((field->flags & FIELD_ONE_LINE) && has_control(text, size))
        return refuse(reading, "%s contains a control character", field->name);
    return ERR_OK;
}

static enum err read_text(const struct reading *reading, const char **ret_text)
{
    if (!json_is_string(reading->value)) return refuse_kind(reading, "a string");
    enum err e = check_text(reading, json_string_value(reading->value), json_string_length(reading->value));
    if (e) return e;
    *ret_text = arena_strndup(reading->source->arena, json_string_value(reading->value), json_string_length(reading->value));
    return ERR_OK;
}

static enum err read_number(const struct reading *reading, int64_t *ret_number)
{
    if (!json_is_number(reading->value)) return refuse_kind(reading, "a number");
    json_int_t number = json_integer_value(reading->value); /* 0 for a real */
    if (number < 1 || number > NUMBER_MAX)
        return refuse(reading, "%s must be a whole number from 1 to %lld", reading->field->name, (long long)NUMBER_MAX);
    *ret_number = number;
    return ERR_OK;
}

static enum err read_time(const struct reading *reading, int64_t *ret_time)
{
    if (!json_is_string(reading->value)) return refuse_kind(reading, "a string");
    int64_t time;
    if (!clock_parse(json_string_value(reading->value), json_string_length(reading->value), &time))
        return refuse(reading, "%s must be a time such as 2026-03-10T09:32:07Z", reading->field->name);
    if (time == 0) /* would mean "not set": an end that has long passed would become none */
        return refuse(reading, "%s may not be the first instant of 1970", reading->field->name);
    *ret_time = time;
    return ERR_OK;
}

static enum err read_uuid(const struct reading *reading, struct uuid *ret_uuid)
{
    if (!json_is_string(reading->value)) return refuse_kind(reading, "a string");
    if (!uuid_parse(json_string_value(reading->value), json_string_length(reading->value), ret_uuid))
        return refuse(reading, "%s must be a UUID of 36 characters that is not all zero", reading->field->name);
    return ERR_OK;
}

static enum err read_digest(const struct reading *reading, struct digest *ret_digest)
{
    if (!json_is_string(reading->value)) return refuse_kind(reading, "a string");
    if (!digest_parse(json_string_value(reading->value), json_string_length(reading->value), ret_digest))
        return refuse(reading, "%s must be 64 hexadecimal digits", reading->field->name);
    return ERR_OK;
}

static bool find_word(const char *const *words, const char *text, int *ret_index)
{
    for (int i = 0; text[0] && words[i]; i++) {
        if (strcmp(words[i], text) != 0) continue;
        *ret_index = i;
        return true;
    }
    return false;
}

static enum err refuse_word(const struct reading *reading)
{
    struct buf list = BUF_INIT(256);
    for (const char *const *word = reading->field->words; *word; word++)
        if (**word) buf_printf(&list, "%s%s", list.size ? ", " : "", *word);
    enum err e = refuse(reading, "%s must be one of %s", reading->field->name, buf_cstr(&list));
    buf_free(&list);
    return e;
}

static enum err read_word(const struct reading *reading, int *ret_index)
{
    if (!json_is_string(reading->value)) return refuse_kind(reading, "a string");
    return find_word(reading->field->words, json_string_value(reading->value), ret_index) ? ERR_OK : refuse_word(reading);
}

static enum err read_rights(const struct reading *reading, unsigned *ret_rights)
{
    if (!json_is_array(reading->value)) return refuse_kind(reading, "an array");
    unsigned rights = 0;
    for (size_t i = 0; i < json_array_size(reading->value); i++) {
        const char *text = json_string_value(json_array_get(reading->value, i));
        int word;
        if (!text || !find_word(reading->field->words, text, &word)) return refuse_word(reading);
        rights |= 1u << word;
    }
    if (!reading->source->trusted) {
        bool needs_read = reading->field->offset == offsetof(struct credential, rights);
        if (needs_read && !(rights & RIGHT_READ)) return refuse(reading, "%s must contain read", reading->field->name);
        if (!rights) return refuse(reading, "%s may not be empty", reading->field->name);
    }
    *ret_rights = rights;
    return ERR_OK;
}

static const char *grant_member(int kind)
{
    return kind == GRANT_LANGUAGE ? "languageId" : kind == GRANT_SEGMENT ? "segmentUid" : "businessUnitUid";
}

static enum err read_grant(const struct reading *reading, const json_t *item, struct grant *ret_grant)
{
    const char *list = reading->field->name, *member = grant_member(reading->field->grant_kind);
    if (!json_is_object(item)) return refuse(reading, "%s must contain objects, not %s", list, json_kind_name(item));
    struct grant grant = { .kind = reading->field->grant_kind };
    const json_t *subject = json_object_get(item, member), *read_only = json_object_get(item, "readOnly");
    if (json_object_size(item) != (size_t)((subject != NULL) + (read_only != NULL)))
        return refuse(reading, "%s may contain only %s and readOnly", list, member);
    if (grant.kind == GRANT_LANGUAGE) {
        json_int_t id = json_integer_value(subject);
        if (id < 1 || id > INT32_MAX) return refuse(reading, "%s needs a languageId from 1 to %d", list, INT32_MAX);
        grant.language_id = (int32_t)id;
    } else if (!json_is_string(subject) || !uuid_parse(json_string_value(subject), json_string_length(subject), &grant.uid)) {
        return refuse(reading, "%s needs a UUID as %s", list, member);
    }
    if (read_only && !json_is_boolean(read_only)) return refuse(reading, "%s needs true or false as readOnly", list);
    grant.read_only = json_is_true(read_only);
    *ret_grant = grant;
    return ERR_OK;
}

static bool same_subject(const struct grant *a, const struct grant *b)
{
    return a->kind == GRANT_LANGUAGE ? a->language_id == b->language_id : uuid_equal(&a->uid, &b->uid);
}

/* Replaces the grants of one kind by those of `value` (none for null); the list stays ordered by kind. */
static enum err read_grants(const struct reading *reading, struct group *group)
{
    const json_t *value = reading->value;
    if (!json_is_array(value) && !json_is_null(value)) return refuse_kind(reading, "an array");
    size_t added = json_array_size(value);
    if (added > GRANTS_MAX) return refuse(reading, "%s has more than %d items", reading->field->name, GRANTS_MAX);

    struct grant *grants = arena_array(reading->source->arena, group->grant_count + added, sizeof *grants);
    size_t count = 0, next = 0;
    for (; next < group->grant_count && group->grants[next].kind < reading->field->grant_kind; next++)
        grants[count++] = group->grants[next];
    while (next < group->grant_count && group->grants[next].kind == reading->field->grant_kind) next++;
    for (size_t i = 0, first = count; i < added; i++, count++) {
        enum err e = read_grant(reading, json_array_get(value, i), &grants[count]);
        if (e) return e;
        for (size_t j = first; j < count; j++)
            if (same_subject(&grants[j], &grants[count]))
                return refuse(reading, "%s names the same %s twice", reading->field->name, grant_member(grants[j].kind));
    }
    while (next < group->grant_count) grants[count++] = group->grants[next++];
    group->grants = count ? grants : NULL;
    group->grant_count = count;
    return ERR_OK;
}

static enum err read_value(const struct reading *reading, void *object)
{
    void *at = (char *)object + reading->field->offset;
    switch (reading->field->kind) {
    case FIELD_TEXT:
    case FIELD_PHONE:
        return read_text(reading, at);
    case FIELD_NUMBER:
        return read_number(reading, at);
    case FIELD_TIME:
        return read_time(reading, at);
    case FIELD_UUID:
        return read_uuid(reading, at);
    case FIELD_DIGEST:
        return read_digest(reading, at);
    case FIELD_WORD:
        return read_word(reading, at);
    case FIELD_RIGHTS:
        return read_rights(reading, at);
    case FIELD_GRANTS:
        return read_grants(reading, object);
    case FIELD_BOOL:
        break;
    }
    if (!json_is_boolean(reading->value)) return refuse_kind(reading, "true or false");
    *(bool *)at = json_is_true(reading->value);
    return ERR_OK;
}

static enum err read_member(const struct reading *reading, void *object)
{
    if (!json_is_null(reading->value)) return read_value(reading, object);
    if (reading->field->flags & FIELD_REQUIRED) return refuse(reading, "%s may not be null", reading->field->name);
    if (reading->field->kind == FIELD_GRANTS) return read_grants(reading, object);
    field_reset(reading->field, object);
    return ERR_OK;
}

static const struct field *find_field(const struct field *fields, const char *name, unsigned hidden)
{
    for (const struct field *field = fields; field->name; field++)
        if (!(field->flags & hidden) && strcmp(field->name, name) == 0) return field;
    return NULL;
}

static enum err read_members(const struct source *source, enum noun noun, const json_t *json, union object object,
                             field_set *ret_present)
{
    const struct field *fields = noun_fields(noun);
    field_set present = 0;
    const char *name;
    json_t *value;
    if (!json_is_object(json))
        return failure_set(source->failure, ERR_INVALID, "", "%s must be an object, not %s", noun_name(noun),
                           json_kind_name(json));
    json_object_foreach((json_t *)json, name, value)
    { /* the macro wants it mutable; nothing is changed */
        if (strcmp(name, "type") == 0 || strcmp(name, "delete") == 0) continue;
        const struct field *field = find_field(fields, name, source->hidden);
        if (!field) return failure_set(source->failure, ERR_INVALID, name, "%s has no member \"%s\"", noun_name(noun), name);
        struct reading reading = { source, field, value };
        enum err e = read_member(&reading, (void *)object.user);
        if (e) return e;
        present |= (field_set)1 << (field - fields);
    }
    *ret_present = present;
    return ERR_OK;
}

enum err fields_read(struct op *op, enum noun noun, const json_t *json, union object object, field_set *ret_present)
{
    struct source source = { &op->failure, &op->arena, .hidden = FIELD_LOG_ONLY };
    return read_members(&source, noun, json, object, ret_present);
}

enum err fields_read_log(struct op *op, enum noun noun, const json_t *json, union object object, field_set *ret_present)
{
    struct failure failure = { 0 };
    struct source source = { &failure, &op->arena, .hidden = FIELD_INPUT_ONLY, .trusted = true };
    if (!read_members(&source, noun, json, object, ret_present)) return ERR_OK;
    return op_fail(op, ERR_STORAGE, failure.field, "the change log is damaged: %s", failure.text);
}

enum err number_read(struct op *op, const char *name, const json_t *value, int64_t *ret_number)
{
    const struct source source = { &op->failure, &op->arena, .hidden = 0 };
    const struct field field = { .name = name, .kind = FIELD_NUMBER };
    const struct reading reading = { &source, &field, value };
    return value ? read_number(&reading, ret_number) : refuse(&reading, "%s is missing", name);
}

enum err numbers_read(struct op *op, const char *name, const json_t *array, int64_t **ret_numbers, size_t *ret_count)
{
    enum err e = ERR_OK;
    *ret_count = json_array_size(array);
    *ret_numbers = arena_array(&op->arena, *ret_count, sizeof **ret_numbers);
    for (size_t i = 0; i < *ret_count && !e; i++) e = number_read(op, name, json_array_get(array, i), &(*ret_numbers)[i]);
    return e;
}

enum err fields_check_required(struct op *op, enum noun noun, field_set present)
{
    const struct field *fields = noun_fields(noun);
    field_set missing = fields_with(noun, FIELD_REQUIRED) & ~present;
    for (size_t i = 0; fields[i].name; i++)
        if (missing >> i & 1) return op_fail(op, ERR_INVALID, fields[i].name, "%s is missing", fields[i].name);
    return ERR_OK;
}
