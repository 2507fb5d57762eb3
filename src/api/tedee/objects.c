/* objects.c — Tedee's organization, group, member and user as bytes (tedee.md 1.3): field order as documented, what is not set is
 * null.
 *
 * An object's bytes are kept beside its record after first use. Each is kept in its more frequent form; `split` is where the
 * other form differs: a group's fragment is that of a list, `members` goes into the middle; a user's is that of a member, the
 * list of users has the part before `split` too, between other members. */
#include "api/tedee/tedee.h"
#include "base/fold.h"
#include "base/json.h"

#include <string.h>

enum { OBJECT_MAX = 1 << 20 }; /* bytes of one rendered object; the texts' limits keep it far smaller */

void tedee_begin_result(struct buf *out)
{
    buf_add_literal(out, "{\"result\":");
}

void tedee_end_result(struct buf *out)
{
    buf_add_literal(out, ",\"errorMessages\":[],\"statusCode\":200,\"success\":true}");
}

/* --- organizations --- */

/* The first letters of the first two words. */
static void write_initials(struct buf *out, const char *name)
{
    char letters[2 * 4];
    size_t size = 0;
    for (int i = 0; i < 2; i++) {
        name += strspn(name, " ");
        size += utf8_first_upper(name, letters + size);
        name += strcspn(name, " ");
    }
    json_add_text(out, letters, size);
}

void tedee_write_organization(const struct view *view, struct buf *out)
{
    buf_add_literal(out, "{\"id\":");
    buf_add_number(out, view->image->organization_id);
    buf_add_literal(out, ",\"name\":");
    json_add_string(out, view->image->name);
    buf_add_literal(out, ",\"ownerName\":null,\"description\":null,\"logo\":null,\"color\":null,\"initials\":");
    write_initials(out, view->image->name);
    buf_add_literal(out, ",\"slug\":null,\"bridgesCount\":0,\"locksCount\":0,\"organizationRole\":1}");
}

/* --- what is kept --- */

/* Bytes beside a record, or in a buffer of the caller's: there may be no room to keep them. */
struct rendered {
    const char *bytes;
    uint32_t size, split;
};

static struct rendered keep(const struct view *view, int table, uint32_t ordinal, const struct buf *made, size_t split)
{
    struct rendered rendered = { made->bytes, (uint32_t)made->size, (uint32_t)split };
    image_keep_fragment(view->image, table, ordinal, rendered.bytes, rendered.size, rendered.split, view->account_epoch);
    return rendered;
}

/* {"id":"..." | ,"name":"..."} */
static struct rendered render_group(const struct view *view, uint32_t group, struct buf *room)
{
    const struct fragment *kept = image_fragment(view->image, TEDEE_GROUP_FRAGMENTS, group);
    if (kept) return (struct rendered){ kept->bytes, kept->size, kept->split };
    struct group values;
    char id[UUID_TEXT_SIZE];
    image_get_group(view->image, group, &values);
    uuid_format(id, &values.uuid);
    buf_add_literal(room, "{\"id\":\"");
    buf_add_text(room, id);
    buf_add_char(room, '"');
    size_t split = room->size;
    buf_add_literal(room, ",\"name\":");
    json_add_string(room, values.name);
    buf_add_char(room, '}');
    return keep(view, TEDEE_GROUP_FRAGMENTS, group, room, split);
}

/* {"displayName":"...","email":"..." | ,"organizationUserId":N} */
static struct rendered render_user(struct op *op, const struct view *view, uint32_t ordinal, struct buf *room)
{
    const struct fragment *kept = image_fragment(view->image, TEDEE_USER_FRAGMENTS, ordinal);
    if (kept && kept->epoch == view->account_epoch) return (struct rendered){ kept->bytes, kept->size, kept->split };
    struct user user;
    image_get_user(view->image, ordinal, &user);
    const char *email = directory_email_address(view, &user);
    buf_add_literal(room, "{\"displayName\":");
    json_add_string(room, directory_display_name(&op->arena, view, &user));
    buf_add_literal(room, ",\"email\":");
    if (email) json_add_string(room, email);
    else buf_add_literal(room, "null");
    size_t split = room->size;
    buf_add_literal(room, ",\"organizationUserId\":");
    buf_add_number(room, user.id);
    buf_add_char(room, '}');
    return keep(view, TEDEE_USER_FRAGMENTS, ordinal, room, split);
}

/* --- groups --- */

void tedee_write_group(const struct view *view, uint32_t group, struct buf *out)
{
    struct buf room = BUF_INIT(OBJECT_MAX);
    struct rendered rendered = render_group(view, group, &room);
    buf_add(out, rendered.bytes, rendered.size);
    buf_free(&room);
}

/* The group's bytes are looked up again behind the members: a long list of them lets writers in. */
void tedee_write_group_details(struct op *op, struct view *view, uint32_t group, const struct people *members, struct buf *out)
{
    struct buf room = BUF_INIT(OBJECT_MAX);
    struct rendered rendered = render_group(view, group, &room);
    buf_add(out, rendered.bytes, rendered.split);
    buf_add_literal(out, ",\"members\":");
    if (members) tedee_write_members(op, view, members, out);
    else buf_add_literal(out, "null");
    buf_reset(&room);
    rendered = render_group(view, group, &room);
    buf_add(out, rendered.bytes + rendered.split, rendered.size - rendered.split);
    buf_free(&room);
}

/* --- people --- */

static void write_member(const struct view *view, uint32_t ordinal, struct rendered rendered, struct buf *out)
{
    (void)view;
    (void)ordinal;
    buf_add(out, rendered.bytes, rendered.size);
}

static void write_user(const struct view *view, uint32_t ordinal, struct rendered rendered, struct buf *out)
{
    const struct user_record *user = &view->image->users[ordinal];
    buf_add_literal(out, "{\"organizationUserId\":");
    buf_add_number(out, user->id);
    buf_add_char(out, ',');
    buf_add(out, rendered.bytes + 1, rendered.split - 1);
    buf_add_literal(out, ",\"role\":");
    buf_add_char(out, user->flags & USER_IS_SUPER ? '1' : '2');
    buf_add_char(out, '}');
}

typedef void (*write_person)(const struct view *view, uint32_t ordinal, struct rendered rendered, struct buf *out);

static void write_people(struct op *op, struct view *view, const struct people *people, write_person write, struct buf *out)
{
    struct buf room = BUF_INIT(OBJECT_MAX);
    buf_add_char(out, '[');
    for (size_t i = 0; i < people->count; i++) {
        uint32_t ordinal = people->ordinals[i];
        if (i && i % DIRECTORY_AT_ONCE == 0) directory_let_writers_in(view);
        if (i >= DIRECTORY_AT_ONCE && view->image->users[ordinal].flags & USER_IS_DELETED) continue;
        if (i) buf_add_char(out, ',');
        image_fetch_fragments_ahead(view->image, TEDEE_USER_FRAGMENTS, people->ordinals, people->count, i);
        write(view, ordinal, render_user(op, view, ordinal, &room), out);
        buf_reset(&room);
    }
    buf_add_char(out, ']');
    buf_free(&room);
}

void tedee_write_members(struct op *op, struct view *view, const struct people *people, struct buf *out)
{
    write_people(op, view, people, write_member, out);
}

void tedee_write_users(struct op *op, struct view *view, const struct people *people, struct buf *out)
{
    write_people(op, view, people, write_user, out);
}

void tedee_write_outcome(int64_t user_id, const char *problem, struct buf *out)
{
    buf_add_literal(out, "{\"organizationUserId\":");
    buf_add_number(out, user_id);
    if (!problem) {
        buf_add_literal(out, ",\"success\":true,\"error\":null}");
        return;
    }
    buf_add_literal(out, ",\"success\":false,\"error\":{\"code\":1000,\"message\":"); /* none of Tedee's codes fits */
    json_add_string(out, problem);
    buf_add_literal(out, "}}");
}
