/* objects.c — Struct PIM's user group as bytes (struct-pim.md 1.3): field order as documented, what is not set is null.
 *
 * A group's bytes are kept beside its record after first use. */
#include "api/struct_pim/struct_pim.h"
#include "base/clock.h"
#include "base/json.h"

enum { OBJECT_MAX = 1 << 20 }; /* bytes of one rendered group; the limits of its texts and lists keep it far smaller */

static void add_text(struct buf *out, const char *text)
{
    if (text) json_add_string(out, text);
    else buf_add_literal(out, "null");
}

static void add_uuid(struct buf *out, const struct uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(text, uuid);
    buf_add_char(out, '"');
    buf_add(out, text, sizeof text - 1);
    buf_add_char(out, '"');
}

static void write_grant(struct buf *out, const struct grant *grant)
{
    switch ((enum grant_kind)grant->kind) {
    case GRANT_LANGUAGE:
        buf_add_literal(out, "{\"LanguageId\":");
        buf_add_number(out, grant->language_id);
        break;
    case GRANT_SEGMENT:
        buf_add_literal(out, "{\"SegmentUid\":");
        add_uuid(out, &grant->uid);
        break;
    case GRANT_BUSINESS_UNIT:
        buf_add_literal(out, "{\"BusinessUnitUid\":");
        add_uuid(out, &grant->uid);
        break;
    }
    buf_add_literal(out, ",\"ReadOnly\":");
    json_add_bool(out, grant->read_only);
    buf_add_char(out, '}');
}

static void write_grants(struct buf *out, const struct group *group, enum grant_kind kind)
{
    size_t count;
    const struct grant *grants = group_grants(group, kind, &count);
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_char(out, ',');
        write_grant(out, &grants[i]);
    }
    buf_add_char(out, ']');
}

/* A group that was never changed was last modified when and by whom it was made. */
static void write_group(struct buf *out, const struct group *group)
{
    bool modified = group->date_modified != 0;
    buf_add_literal(out, "{\"Created\":");
    clock_add_json_milliseconds(out, group->date_created);
    buf_add_literal(out, ",\"LastModified\":");
    clock_add_json_milliseconds(out, modified ? group->date_modified : group->date_created);
    buf_add_literal(out, ",\"CreatedBy\":");
    add_text(out, group->created_by);
    buf_add_literal(out, ",\"LastModifiedBy\":");
    add_text(out, modified || group->modified_by ? group->modified_by : group->created_by);
    buf_add_literal(out, ",\"Uid\":");
    add_uuid(out, &group->uuid);
    buf_add_literal(out, ",\"Name\":");
    json_add_string(out, group->name);
    buf_add_literal(out, ",\"Languages\":");
    write_grants(out, group, GRANT_LANGUAGE);
    buf_add_literal(out, ",\"Segments\":");
    write_grants(out, group, GRANT_SEGMENT);
    buf_add_literal(out, ",\"BusinessUnits\":");
    write_grants(out, group, GRANT_BUSINESS_UNIT);
    buf_add_char(out, '}');
}

void struct_pim_write_group(const struct view *view, uint32_t group, struct buf *out)
{
    const struct fragment *kept = image_fragment(view->image, STRUCT_PIM_GROUP_FRAGMENTS, group);
    if (kept) {
        buf_add(out, kept->bytes, kept->size);
        return;
    }
    struct group values;
    image_get_group(view->image, group, &values);
    struct buf bytes = BUF_INIT(OBJECT_MAX);
    write_group(&bytes, &values);
    buf_add(out, bytes.bytes, bytes.size);
    image_keep_fragment(view->image, STRUCT_PIM_GROUP_FRAGMENTS, group, bytes.bytes, (uint32_t)bytes.size, 0, 0);
    buf_free(&bytes);
}

void struct_pim_write_groups(struct view *view, const uint32_t *groups, size_t count, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i && i % DIRECTORY_AT_ONCE == 0) directory_let_writers_in(view);
        if (i >= DIRECTORY_AT_ONCE && view->image->groups[groups[i]].deleted) continue;
        if (i) buf_add_char(out, ',');
        image_fetch_fragments_ahead(view->image, STRUCT_PIM_GROUP_FRAGMENTS, groups, count, i);
        struct_pim_write_group(view, groups[i], out);
    }
    buf_add_char(out, ']');
}
