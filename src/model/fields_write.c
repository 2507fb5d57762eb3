/* fields_write.c — objects as JSON, by their tables. */
#include "base/clock.h"
#include "model/field_access.h"
#include "model/fields.h"

#include <string.h>

static void add_uuid(struct buf *out, const struct uuid *uuid)
{
    char *room = buf_room(out, UUID_TEXT_SIZE + 2);
    if (!room) return;
    room[0] = '"';
    uuid_format(room + 1, uuid);
    room[UUID_TEXT_SIZE] = '"';
    buf_wrote(out, UUID_TEXT_SIZE + 1);
}

static void add_digest(struct buf *out, const struct digest *digest)
{
    char text[DIGEST_HEX_SIZE];
    digest_format(text, digest);
    json_add_text(out, text, DIGEST_HEX_SIZE - 1);
}

static void add_rights(struct buf *out, const struct field *field, unsigned rights)
{
    buf_add_char(out, '[');
    bool first = true;
    for (unsigned i = 0; field->words[i]; i++) {
        if (!(rights >> i & 1)) continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        json_add_string(out, field->words[i]);
    }
    buf_add_char(out, ']');
}

static void add_grants(struct buf *out, const struct field *field, const struct group *group)
{
    size_t count;
    const struct grant *grants = group_grants(group, field->grant_kind, &count);
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_char(out, ',');
        if (field->grant_kind == GRANT_LANGUAGE) {
            buf_add_literal(out, "{\"languageId\":");
            buf_add_number(out, grants[i].language_id);
        } else {
            buf_add_text(out, field->grant_kind == GRANT_SEGMENT ? "{\"segmentUid\":" : "{\"businessUnitUid\":");
            add_uuid(out, &grants[i].uid);
        }
        buf_add_literal(out, ",\"readOnly\":");
        json_add_bool(out, grants[i].read_only);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_value(struct buf *out, const struct field *field, const void *object)
{
    const void *at = field_at(field, object);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_PHONE:
        json_add_string(out, *(const char *const *)at);
        return;
    case FIELD_NUMBER:
        buf_add_number(out, *(const int64_t *)at);
        return;
    case FIELD_BOOL:
        json_add_bool(out, *(const bool *)at);
        return;
    case FIELD_TIME:
        clock_add_json(out, *(const int64_t *)at);
        return;
    case FIELD_UUID:
        add_uuid(out, at);
        return;
    case FIELD_DIGEST:
        add_digest(out, at);
        return;
    case FIELD_WORD:
        json_add_string(out, field->words[*(const int *)at]);
        return;
    case FIELD_RIGHTS:
        add_rights(out, field, *(const unsigned *)at);
        return;
    case FIELD_GRANTS:
        add_grants(out, field, object);
        return;
    }
}

static void add_name(struct buf *out, const struct field *field)
{
    buf_add_char(out, '"');
    buf_add_text(out, field->name);
    buf_add_literal(out, "\":");
}

void fields_write_line(struct buf *out, enum noun noun, union object object)
{
    buf_add_literal(out, "{\"type\":\"");
    buf_add_text(out, noun_name(noun));
    buf_add_char(out, '"');
    for (const struct field *field = noun_fields(noun); field->name; field++) {
        if (field->flags & (FIELD_INPUT_ONLY | FIELD_LOG_ONLY)) continue;
        if (!(field->flags & FIELD_ALWAYS) && field_is_default(field, object.any)) continue;
        buf_add_char(out, ',');
        add_name(out, field);
        add_value(out, field, object.any);
    }
    buf_add_char(out, '}');
}

void fields_write_set(struct buf *out, enum noun noun, field_set set, union object object)
{
    const struct field *fields = noun_fields(noun);
    bool first = true;
    set &= fields_all(noun);
    buf_add_char(out, '{');
    for (size_t i = 0; fields[i].name; i++) {
        if (!(set >> i & 1)) continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        add_name(out, &fields[i]);
        bool has_value = fields[i].kind == FIELD_BOOL || (fields[i].flags & FIELD_ALWAYS);
        if (has_value || !field_is_default(&fields[i], object.any)) add_value(out, &fields[i], object.any);
        else buf_add_literal(out, "null");
    }
    buf_add_char(out, '}');
}
