/* objects.c — Bold's group and user as bytes (bold.md 1.3): field order as documented, what is not set is left out.
 *
 * An object's bytes are kept beside its record after first use. A group's fragment ends before the content of `users`. A user's
 * has a place in the middle, `split`, where `groupAdmin` goes: the flag belongs to the membership, the rest to the user. */
#include "api/bold/bold.h"
#include "base/clock.h"
#include "base/json.h"

enum { OBJECT_MAX = 1 << 20 }; /* bytes of one rendered object; the texts' limits keep it far smaller */

static void add_text(struct buf *out, const char *name, size_t name_size, const char *value)
{
    if (!value) return;
    buf_add(out, name, name_size);
    json_add_string(out, value);
}
#define ADD_TEXT(out, name, value) add_text((out), ",\"" name "\":", sizeof(",\"" name "\":") - 1, (value))

static void add_date(struct buf *out, const char *name, size_t name_size, int64_t value)
{
    if (!value) return;
    buf_add(out, name, name_size);
    clock_add_json(out, value);
}
#define ADD_DATE(out, name, value) add_date((out), ",\"" name "\":", sizeof(",\"" name "\":") - 1, (value))

static void add_flag(struct buf *out, const char *name, size_t name_size, bool value)
{
    buf_add(out, name, name_size);
    json_add_bool(out, value);
}
#define ADD_FLAG(out, name, value) add_flag((out), ",\"" name "\":", sizeof(",\"" name "\":") - 1, (value))

static void write_account(struct buf *out, const struct view *view, int64_t account_id)
{
    if (!account_id) return; /* inferred: a user without account has no member `account` */
    struct account account = { 0 };
    uint32_t ordinal = image_find_account(view->installation, account_id);
    if (ordinal != NO_ORDINAL) image_get_account(view->installation, ordinal, &account);
    buf_add_literal(out, ",\"account\":{\"id\":");
    buf_add_number(out, account_id);
    ADD_TEXT(out, "firstName", account.first_name);
    ADD_TEXT(out, "lastName", account.last_name);
    buf_add_char(out, '}');
}

/* Everything up to and with `"groupAdmin":`. */
static void write_user_head(struct buf *out, const struct view *view, const struct user *user)
{
    buf_add_literal(out, "{\"id\":");
    buf_add_number(out, user->id);
    write_account(out, view, user->account_id);
    ADD_TEXT(out, "firstName", user->first_name);
    ADD_TEXT(out, "lastName", user->last_name);
    ADD_TEXT(out, "emailAddress", user->email_address);
    ADD_FLAG(out, "emailAddressVerify", user->email_address_verify);
    ADD_FLAG(out, "emailAddressVerified", user->email_address_verified);
    ADD_TEXT(out, "phoneNumber", user->phone_number);
    ADD_FLAG(out, "phoneNumberVerify", user->phone_number_verify);
    ADD_FLAG(out, "phoneNumberVerified", user->phone_number_verified);
    ADD_FLAG(out, "superUser", user->super_user);
    buf_add_literal(out, ",\"groupAdmin\":");
}

static void write_user_tail(struct buf *out, const struct user *user)
{
    static const char *const auto_remove_words[] = { NULL, "WEEK", "MONTH", "YEAR" };
    ADD_TEXT(out, "description", user->description);
    ADD_TEXT(out, "remarks", user->remarks);
    ADD_DATE(out, "dateModified", user->date_modified);
    ADD_DATE(out, "dateCreated", user->date_created);
    ADD_TEXT(out, "externalId", user->external_id);
    ADD_TEXT(out, "autoRemoveAfter", auto_remove_words[user->auto_remove_after]);
    ADD_DATE(out, "autoRemoveDate", user->auto_remove_date);
    buf_add_char(out, '}');
}

static void write_user(const struct view *view, uint32_t ordinal, bool manager, struct buf *out)
{
    const struct fragment *kept = image_fragment(view->image, BOLD_USER_FRAGMENTS, ordinal);
    if (kept && kept->epoch == view->account_epoch) {
        char *room = buf_room(out, (size_t)kept->size + 8);
        if (!room) return;
        memcpy(room, kept->bytes, kept->split);
        room += kept->split;
        size_t flag = manager ? 4 : 5;
        memcpy(room, manager ? "true" : "false", flag);
        memcpy(room + flag, kept->bytes + kept->split, kept->size - kept->split);
        buf_wrote(out, kept->size + flag);
        return;
    }
    struct user user;
    image_get_user(view->image, ordinal, &user);
    struct buf bytes = BUF_INIT(OBJECT_MAX);
    write_user_head(&bytes, view, &user);
    size_t split = bytes.size;
    write_user_tail(&bytes, &user);
    buf_add(out, bytes.bytes, split);
    json_add_bool(out, manager);
    buf_add(out, bytes.bytes + split, bytes.size - split);
    image_keep_fragment(view->image, BOLD_USER_FRAGMENTS, ordinal, bytes.bytes, (uint32_t)bytes.size, (uint32_t)split,
                        view->account_epoch);
    buf_free(&bytes);
}

/* The members, ascending by id, that are in effect now. Users' bytes lie anywhere in memory: a handful is fetched ahead, which
 * makes a page with users a third faster. */
static void write_users(struct op *op, const struct view *view, uint32_t group, struct buf *out)
{
    enum { AHEAD = 16 };
    struct member_cursor cursor = memberlist_at(&view->image->groups[group].members, 0);
    const struct member *next[AHEAD];
    bool first = true;
    for (;;) {
        int count = 0;
        while (count < AHEAD && (next[count] = memberlist_next(&cursor))) count++;
        if (!count) return;
        for (int i = 0; i < count; i++) image_fetch_fragment_place(view->image, BOLD_USER_FRAGMENTS, next[i]->user);
        for (int i = 0; i < count; i++) image_fetch_fragment(view->image, BOLD_USER_FRAGMENTS, next[i]->user);
        for (int i = 0; i < count; i++) {
            if (!image_in_effect(view->image, group, next[i], op->now)) continue;
            if (!first) buf_add_char(out, ',');
            first = false;
            write_user(view, next[i]->user, member_flags(next[i]) & MEMBER_MANAGER, out);
        }
    }
}

/* Everything up to and with `"users":[`. */
static void write_group_head(struct buf *out, const struct group *group)
{
    buf_add_literal(out, "{\"id\":");
    buf_add_number(out, group->id);
    buf_add_literal(out, ",\"organizationId\":");
    buf_add_number(out, group->organization_id);
    ADD_TEXT(out, "name", group->name);
    ADD_TEXT(out, "description", group->description ? group->description : "");
    ADD_TEXT(out, "remarks", group->remarks);
    ADD_DATE(out, "dateCreated", group->date_created);
    ADD_DATE(out, "dateModified", group->date_modified);
    if (group->external_id) {
        buf_add_literal(out, ",\"externalId\":{\"value\":");
        json_add_string(out, group->external_id);
        buf_add_char(out, '}');
    }
    buf_add_literal(out, ",\"users\":[");
}

void bold_write_group(struct op *op, const struct view *view, uint32_t group, bool with_users, struct buf *out)
{
    const struct fragment *kept = image_fragment(view->image, BOLD_GROUP_FRAGMENTS, group);
    if (kept) {
        buf_add(out, kept->bytes, kept->size);
    } else {
        struct group values;
        image_get_group(view->image, group, &values);
        struct buf bytes = BUF_INIT(OBJECT_MAX);
        write_group_head(&bytes, &values);
        buf_add(out, bytes.bytes, bytes.size);
        image_keep_fragment(view->image, BOLD_GROUP_FRAGMENTS, group, bytes.bytes, (uint32_t)bytes.size, 0, 0);
        buf_free(&bytes);
    }
    if (with_users) write_users(op, view, group, out);
    buf_add_literal(out, "]}");
}

uint32_t bold_count_users(const struct view *view, uint32_t group)
{
    return view->image->groups[group].members.count;
}
