/* objects.c — Passbolt's group, membership, user, profile, key and role as bytes (passbolt.md 2.4): field order as there.
 *
 * A group's and a user's bytes are kept beside their records after first use. A group's are its own members, without what was
 * asked for besides. A user's are three parts: what is before the time of the last log-in, which is not kept because it changes
 * without a change of the user; the two dates behind it, always as long; and the profile. */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"
#include "base/clock.h"

#include <string.h>

enum { OBJECT_MAX = 1 << 20 }; /* bytes of one rendered object; the texts' limits keep it far smaller */

/* Roles are two, with the ids that the original's own example data has (passbolt.md 2.9). */
static const struct role {
    const char *id, *name, *description;
} roles[] = {
    { "a58de6d3-f52c-5080-b79b-a601a647ac85", "user", "Logged in user" },
    { "0d51c3a8-5e67-5e3d-882f-e1868966d817", "admin", "Organization administrator" },
};

/* What is derived from an object of ours, because ours has no such id. */
static const char profile_name[] = "profile", actor_name[] = "system";

static void add_date_or_epoch(struct buf *out, int64_t time)
{
    /* Clients read a date here: what is not known is very long ago. */
    if (time) passbolt_add_date(out, time);
    else buf_add_literal(out, "\"1970-01-01T00:00:00+00:00\"");
}

/* --- users --- */

/* Bytes beside a record, or in a buffer of the caller's: there may be no room to keep them. */
struct rendered {
    const char *bytes;
    uint32_t size, split;
};

enum { DATES_SIZE = sizeof(",\"created\":\"2019-04-04T12:05:44+00:00\",\"modified\":\"2019-04-04T12:05:44+00:00\"") - 1 };

const char *passbolt_user_name(const struct view *view, const struct user *user)
{
    const char *email = directory_email_address(view, user);
    if (email) return email;
    return user->user_name ? user->user_name : "";
}

/* First and last name: the user's own, else those of the account, else what the user is called, in two: clients leave out who has
 * no first or no last name. */
static void add_names(struct op *op, struct buf *out, const struct view *view, const struct user *user)
{
    const char *first = user->first_name, *last = user->last_name;
    struct account account = { 0 };
    uint32_t ordinal = user->account_id ? image_find_account(view->installation, user->account_id) : NO_ORDINAL;
    if (!first && !last && ordinal != NO_ORDINAL) {
        image_get_account(view->installation, ordinal, &account);
        first = account.first_name;
        last = account.last_name;
    }
    if (!first && !last) {
        char *both = arena_strdup(&op->arena, directory_display_name(&op->arena, view, user)), *blank = strrchr(both, ' ');
        first = both;
        if (blank && blank > both && blank[1]) {
            *blank = 0;
            last = blank + 1;
        }
    }
    buf_add_literal(out, ",\"first_name\":");
    passbolt_add_string(out, first && *first ? first : "-");
    buf_add_literal(out, ",\"last_name\":");
    passbolt_add_string(out, last && *last ? last : "-");
}

static int64_t modified_of_user(const struct user *user)
{
    return user->date_modified ? user->date_modified : user->date_created;
}

static void add_dates(struct buf *out, const struct user *user)
{
    buf_add_literal(out, ",\"created\":");
    add_date_or_epoch(out, user->date_created);
    buf_add_literal(out, ",\"modified\":");
    add_date_or_epoch(out, modified_of_user(user));
}

static void add_user_head(struct buf *out, const struct view *view, const struct user *user, enum passbolt_profile profile)
{
    buf_add_literal(out, "{\"id\":");
    passbolt_add_uuid(out, &user->uuid);
    buf_add_literal(out, ",\"role_id\":\"");
    buf_add_text(out, roles[user->super_user].id);
    buf_add_literal(out, "\",\"username\":");
    passbolt_add_string(out, passbolt_user_name(view, user));
    buf_add_literal(out, ",\"active\":");
    passbolt_add_bool(out, user->active);
    buf_add_literal(out, ",\"deleted\":");
    passbolt_add_bool(out, user->deleted_at != 0);
    if (profile == PASSBOLT_5) buf_add_literal(out, ",\"disabled\":null,\"last_logged_in\":");
}

static void add_profile(struct op *op, struct buf *out, const struct view *view, const struct user *user)
{
    struct uuid id = uuid_derive(&user->uuid, profile_name);
    buf_add_literal(out, "\"profile\":{\"id\":");
    passbolt_add_uuid(out, &id);
    buf_add_literal(out, ",\"user_id\":");
    passbolt_add_uuid(out, &user->uuid);
    add_names(op, out, view, user);
    add_dates(out, user);
    buf_add_char(out, '}');
}

/* In `room` unless it is kept. */
static struct rendered render_user(struct op *op, const struct view *view, uint32_t ordinal, enum passbolt_profile profile,
                                   struct buf *room)
{
    const struct fragment *kept = image_fragment(view->image, PASSBOLT_USER_FRAGMENTS, ordinal);
    if (kept && kept->epoch == view->account_epoch) return (struct rendered){ kept->bytes, kept->size, kept->split };
    struct user user;
    image_get_user(view->image, ordinal, &user);
    add_user_head(room, view, &user, profile);
    size_t split = room->size;
    add_dates(room, &user);
    add_profile(op, room, view, &user);
    image_keep_fragment(view->image, PASSBOLT_USER_FRAGMENTS, ordinal, room->bytes, (uint32_t)room->size, (uint32_t)split,
                        view->account_epoch);
    return (struct rendered){ room->bytes, (uint32_t)room->size, (uint32_t)split };
}

static void add_key(struct buf *out, const struct user *user)
{
    buf_add_literal(out, ",\"gpgkey\":");
    if (!user->public_key) {
        passbolt_add_null(out);
        return;
    }
    struct uuid id = uuid_derive(&user->uuid, user->key_fingerprint);
    buf_add_literal(out, "{\"id\":");
    passbolt_add_uuid(out, &id);
    buf_add_literal(out, ",\"user_id\":");
    passbolt_add_uuid(out, &user->uuid);
    buf_add_literal(out, ",\"armored_key\":");
    passbolt_add_string(out, user->public_key);
    buf_add_literal(out, ",\"bits\":");
    passbolt_add_number(out, user->key_bits);
    buf_add_literal(out, ",\"uid\":");
    passbolt_add_string(out, user->key_user_id ? user->key_user_id : "");
    buf_add_literal(out, ",\"key_id\":");
    passbolt_add_string(out, user->key_fingerprint + strlen(user->key_fingerprint) - (OPENPGP_KEY_ID_SIZE - 1));
    buf_add_literal(out, ",\"fingerprint\":");
    passbolt_add_string(out, user->key_fingerprint);
    buf_add_literal(out, ",\"type\":");
    passbolt_add_string(out, user->key_type ? user->key_type : "");
    buf_add_literal(out, ",\"expires\":");
    passbolt_add_date(out, user->key_expires);
    buf_add_literal(out, ",\"key_created\":");
    add_date_or_epoch(out, user->key_created);
    buf_add_literal(out, ",\"deleted\":false");
    add_dates(out, user);
    buf_add_char(out, '}');
}

/* --- memberships --- */

static char *put(char *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    return to + size;
}
#define PUT(to, literal) put((to), "" literal, sizeof(literal) - 1)

static char *put_uuid(char *to, const struct uuid *uuid)
{
    uuid_format(to, uuid);
    return to + UUID_TEXT_SIZE - 1;
}

/* `{"id":...,"created":...` without the brace that ends it. There are more of these than of anything else, so they are put
 * together in place: 0.1 us each. */
static void begin_membership(const struct view *view, uint32_t group, const struct member *member, struct buf *out)
{
    enum { MEMBERSHIP_MAX = 256, DATE_AND_TIME = 19 };
    char *room = buf_room(out, MEMBERSHIP_MAX);
    if (!room) return;
    char created[CLOCK_TEXT_SIZE], *to = PUT(room, "{\"id\":\"");
    to = put_uuid(to, &member->uuid);
    to = PUT(to, "\",\"group_id\":\"");
    to = put_uuid(to, &view->image->groups[group].uuid);
    to = PUT(to, "\",\"user_id\":\"");
    to = put_uuid(to, &view->image->users[member->user].uuid);
    to = member_flags(member) & MEMBER_MANAGER ? PUT(to, "\",\"is_admin\":true,\"created\":\"")
                                               : PUT(to, "\",\"is_admin\":false,\"created\":\"");
    clock_format(created, member_created(member));
    to = put(to, created, DATE_AND_TIME);
    to = PUT(to, "+00:00\"");
    buf_wrote(out, (size_t)(to - room));
}

static void write_membership(const struct view *view, uint32_t group, const struct member *member, struct buf *out)
{
    begin_membership(view, group, member, out);
    buf_add_char(out, '}');
}

/* --- a user with what belongs to it --- */

static void add_last_log_in(struct buf *out, const struct view *view, uint32_t user, enum passbolt_profile profile)
{
    int64_t time = image_last_login(view->image, user);
    if (!time && profile == PASSBOLT_2) buf_add_literal(out, "\"\"");
    else passbolt_add_date(out, time);
}

static void add_role(struct buf *out, const struct user *user)
{
    const struct role *role = &roles[user->super_user];
    buf_add_literal(out, ",\"role\":{\"id\":\"");
    buf_add_text(out, role->id);
    buf_add_literal(out, "\",\"name\":\"");
    buf_add_text(out, role->name);
    buf_add_literal(out, "\",\"description\":\"");
    buf_add_text(out, role->description);
    buf_add_literal(out, "\",\"created\":\"2012-07-04T13:39:25+00:00\",\"modified\":\"2012-07-04T13:39:25+00:00\"}");
}

/* The groups the user is in now. */
static void add_memberships(struct op *op, struct buf *out, const struct view *view, uint32_t ordinal)
{
    const struct user_record *user = &view->image->users[ordinal];
    bool first = true;
    buf_add_literal(out, ",\"groups_users\":[");
    for (uint32_t i = 0; i < user->group_count; i++) {
        const struct member *member;
        if (view->image->groups[user->groups[i]].deleted) continue;
        if (!image_is_member(view->image, user->groups[i], ordinal, op->now, &member)) continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        write_membership(view, user->groups[i], member, out);
    }
    buf_add_char(out, ']');
}

static void add_avatar(struct buf *out, const char *base_url)
{
    static const struct {
        const char *name, *path;
    } sizes[] = { { "{\"medium\":", "/img/avatar/user_medium.png" }, { ",\"small\":", "/img/avatar/user.png" } };
    buf_add_literal(out, ",\"avatar\":{\"url\":");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char url[1024];
        size_t size = strlen(base_url), path_size = strlen(sizes[i].path);
        if (size + path_size > sizeof url) size = 0;
        memcpy(url, base_url, size);
        memcpy(url + size, sizes[i].path, path_size);
        buf_add_text(out, sizes[i].name);
        passbolt_add_text(out, url, size + path_size);
    }
    buf_add_literal(out, "}}");
}

static void add_profile_part(struct buf *out, struct rendered rendered, const char *base_url)
{
    const char *profile = rendered.bytes + rendered.split + DATES_SIZE;
    size_t size = rendered.size - rendered.split - DATES_SIZE;
    buf_add_char(out, ',');
    buf_add(out, profile, base_url ? size - 1 : size);
    if (!base_url) return;
    add_avatar(out, base_url);
    buf_add_char(out, '}');
}

/* `join`: the membership that the user is shown with; NULL for none. */
static void write_user(struct op *op, const struct view *view, uint32_t ordinal, enum passbolt_profile profile, unsigned parts,
                       uint32_t group, const struct member *join, const char *base_url, struct buf *out)
{
    struct buf room = BUF_INIT(OBJECT_MAX);
    struct rendered rendered = render_user(op, view, ordinal, profile, &room);
    struct user user = { 0 };
    if (parts & (PASSBOLT_KEY | PASSBOLT_ROLE)) image_get_user(view->image, ordinal, &user);
    buf_add(out, rendered.bytes, rendered.split);
    if (profile == PASSBOLT_5) add_last_log_in(out, view, ordinal, profile);
    buf_add(out, rendered.bytes + rendered.split, DATES_SIZE);
    if (join) {
        buf_add_literal(out, ",\"_joinData\":");
        write_membership(view, group, join, out);
    }
    if (parts & PASSBOLT_ROLE) add_role(out, &user);
    if (parts & PASSBOLT_KEY && profile == PASSBOLT_2) add_key(out, &user);
    if (parts & PASSBOLT_PROFILE) add_profile_part(out, rendered, base_url);
    if (parts & PASSBOLT_KEY && profile == PASSBOLT_5) add_key(out, &user);
    if (parts & PASSBOLT_MEMBERSHIPS) add_memberships(op, out, view, ordinal);
    if (profile == PASSBOLT_2) {
        buf_add_literal(out, ",\"last_logged_in\":");
        add_last_log_in(out, view, ordinal, profile);
    }
    buf_add_char(out, '}');
    buf_free(&room);
}

void passbolt_write_user(struct op *op, const struct view *view, uint32_t user, enum passbolt_profile profile, unsigned parts,
                         const char *base_url, struct buf *out)
{
    write_user(op, view, user, profile, parts, 0, NULL, base_url, out);
}

/* --- groups --- */

/* The id of the user with that number; of nobody known, one that stands for the system itself and that no user has. */
static void add_actor(struct buf *out, const struct view *view, int64_t user_id)
{
    uint32_t user = user_id ? image_find_user(view->image, user_id) : NO_ORDINAL;
    struct uuid id = user == NO_ORDINAL ? uuid_derive(&view->image->uuid, actor_name) : view->image->users[user].uuid;
    passbolt_add_uuid(out, &id);
}

static int64_t modifier_of(const struct group *group)
{
    return group->modified_by_user || group->modified_by ? group->modified_by_user : group->created_by_user;
}

/* The group's own members, without the brace that ends it. */
static void add_group(struct buf *out, const struct view *view, uint32_t ordinal)
{
    struct group group;
    image_get_group(view->image, ordinal, &group);
    buf_add_literal(out, "{\"id\":");
    passbolt_add_uuid(out, &group.uuid);
    buf_add_literal(out, ",\"name\":");
    passbolt_add_string(out, group.name);
    buf_add_literal(out, ",\"deleted\":false,\"created\":");
    add_date_or_epoch(out, group.date_created);
    buf_add_literal(out, ",\"modified\":");
    add_date_or_epoch(out, group.date_modified ? group.date_modified : group.date_created);
    buf_add_literal(out, ",\"created_by\":");
    add_actor(out, view, group.created_by_user);
    buf_add_literal(out, ",\"modified_by\":");
    add_actor(out, view, modifier_of(&group));
}

static void write_group_itself(const struct view *view, uint32_t ordinal, struct buf *out)
{
    const struct fragment *kept = image_fragment(view->image, PASSBOLT_GROUP_FRAGMENTS, ordinal);
    if (kept) {
        buf_add(out, kept->bytes, kept->size);
        return;
    }
    struct buf room = BUF_INIT(OBJECT_MAX);
    add_group(&room, view, ordinal);
    buf_add(out, room.bytes, room.size);
    image_keep_fragment(view->image, PASSBOLT_GROUP_FRAGMENTS, ordinal, room.bytes, (uint32_t)room.size, 0, 0);
    buf_free(&room);
}

static void add_modifier(struct op *op, struct buf *out, const struct view *view, uint32_t ordinal, enum passbolt_profile profile,
                         unsigned contain)
{
    struct group group;
    image_get_group(view->image, ordinal, &group);
    int64_t user_id = modifier_of(&group);
    uint32_t user = user_id ? image_find_user(view->image, user_id) : NO_ORDINAL;
    buf_add_literal(out, ",\"modifier\":");
    if (user == NO_ORDINAL) passbolt_add_null(out);
    else write_user(op, view, user, profile, contain & CONTAIN_MODIFIER_PROFILE ? PASSBOLT_PROFILE : 0, 0, NULL, NULL, out);
}

/* The users in the group now, each with its membership. */
static void add_users(struct op *op, struct buf *out, const struct view *view, uint32_t group, enum passbolt_profile profile)
{
    struct member_cursor cursor = memberlist_at(&view->image->groups[group].members, 0);
    bool first = true;
    buf_add_literal(out, ",\"users\":[");
    for (const struct member *member; (member = memberlist_next(&cursor));) {
        if (!image_in_effect(view->image, group, member, op->now)) continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        write_user(op, view, member->user, profile, 0, group, member, NULL, out);
    }
    buf_add_char(out, ']');
}

static void add_own_membership(struct op *op, struct buf *out, const struct view *view, uint32_t group)
{
    const struct member *own;
    buf_add_literal(out, ",\"my_group_user\":");
    if (view->caller != NO_ORDINAL && image_is_member(view->image, group, view->caller, op->now, &own))
        write_membership(view, group, own, out);
    else passbolt_add_null(out);
}

/* Users lie anywhere in memory: their UUIDs are fetched some memberships ahead. */
static void fetch_ahead(const struct view *view, struct member_cursor *ahead)
{
    const struct member *member = memberlist_next(ahead);
    if (member) __builtin_prefetch(&view->image->users[member->user].uuid);
}

static void add_members(struct op *op, struct buf *out, const struct view *view, uint32_t group, enum passbolt_profile profile,
                        unsigned contain)
{
    enum { AHEAD = 8 };
    unsigned parts =
        (contain & CONTAIN_MEMBER_PROFILES ? PASSBOLT_PROFILE : 0) | (contain & CONTAIN_MEMBER_KEYS ? PASSBOLT_KEY : 0);
    struct member_cursor cursor = memberlist_at(&view->image->groups[group].members, 0), ahead = cursor;
    bool first = true;
    buf_add_literal(out, ",\"groups_users\":[");
    for (int i = 0; i < AHEAD; i++) fetch_ahead(view, &ahead);
    for (const struct member *member; (member = memberlist_next(&cursor));) {
        fetch_ahead(view, &ahead);
        if (!image_in_effect(view->image, group, member, op->now)) continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        begin_membership(view, group, member, out);
        if (contain & CONTAIN_MEMBER_USERS) {
            buf_add_literal(out, ",\"user\":");
            write_user(op, view, member->user, profile, parts, 0, NULL, NULL, out);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void passbolt_write_group(struct op *op, const struct view *view, uint32_t group, enum passbolt_profile profile, unsigned contain,
                          struct buf *out)
{
    write_group_itself(view, group, out);
    if (contain & CONTAIN_MODIFIER) add_modifier(op, out, view, group, profile, contain);
    if (contain & CONTAIN_USERS) add_users(op, out, view, group, profile);
    if (contain & CONTAIN_MY_GROUP_USER) add_own_membership(op, out, view, group);
    if (contain & CONTAIN_MEMBERS) add_members(op, out, view, group, profile, contain);
    buf_add_char(out, '}');
}
