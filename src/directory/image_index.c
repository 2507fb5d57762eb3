/* image_index.c — how records are added to an image and found by something other than their number. */
#include "base/fold.h"
#include "base/memory.h"
#include "directory/image_parts.h"

/* --- keys: texts are compared folded; nearly all are short ASCII, which needs no memory --- */

enum { SHORT_KEY = 128 };

static uint64_t hash_folded(const char *text)
{
    size_t size = strlen(text);
    char lower[SHORT_KEY];
    if (size <= sizeof lower) {
        size_t i = 0;
        for (; i < size && !(text[i] & 0x80); i++) lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
        if (i == size) return lookup_hash_bytes(lower, size);
    }
    struct arena arena = ARENA_INIT;
    size_t folded_size;
    const char *folded = fold_text(&arena, text, size, &folded_size);
    uint64_t hash = lookup_hash_bytes(folded, folded_size);
    arena_free(&arena);
    return hash;
}

static bool same_folded(const char *a, const char *b)
{
    if (!a || !b) return false;
    if (strcmp(a, b) == 0) return true;
    struct arena arena = ARENA_INIT;
    size_t a_size, b_size;
    const char *a_folded = fold_text(&arena, a, strlen(a), &a_size), *b_folded = fold_text(&arena, b, strlen(b), &b_size);
    bool same = a_size == b_size && memcmp(a_folded, b_folded, a_size) == 0;
    arena_free(&arena);
    return same;
}

static uint64_t hash_uuid(const struct uuid *uuid)
{
    return lookup_hash_bytes(uuid->bytes, sizeof uuid->bytes);
}

static uint64_t hash_text(const char *text)
{
    return lookup_hash_bytes(text, strlen(text));
}

/* One row a look-up: how a record's key is read and hashed, and when it counts. */
#define TEXT_KEY(function, noun, getter, member, hash)                                                                           \
    static uint64_t function(const void *context, uint32_t ordinal)                                                              \
    {                                                                                                                            \
        struct noun object;                                                                                                      \
        getter(context, ordinal, &object);                                                                                       \
        return hash(object.member);                                                                                              \
    }
TEXT_KEY(user_name_hash, user, image_get_user, user_name, hash_folded)
TEXT_KEY(user_email_hash, user, image_get_user, email_address, hash_folded)
TEXT_KEY(user_external_hash, user, image_get_user, external_id, hash_text)
TEXT_KEY(group_external_hash, group, image_get_group, external_id, hash_text)

#define SAME_KEY(function, noun, getter, member, same)                                                                           \
    static bool function(const void *context, uint32_t ordinal, const void *key)                                                 \
    {                                                                                                                            \
        struct noun object;                                                                                                      \
        getter(context, ordinal, &object);                                                                                       \
        return !object.deleted_at && same(object.member, key);                                                                   \
    }
static bool same_text(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}
SAME_KEY(user_name_same, user, image_get_user, user_name, same_folded)
SAME_KEY(user_email_same, user, image_get_user, email_address, same_folded)
SAME_KEY(user_external_same, user, image_get_user, external_id, same_text)
SAME_KEY(group_external_same, group, image_get_group, external_id, same_text)

static uint64_t user_uuid_hash(const void *context, uint32_t ordinal)
{
    return hash_uuid(&((const struct image *)context)->users[ordinal].uuid);
}
static uint64_t group_uuid_hash(const void *context, uint32_t ordinal)
{
    return hash_uuid(&((const struct image *)context)->groups[ordinal].uuid);
}
static bool user_uuid_same(const void *context, uint32_t ordinal, const void *key)
{
    return uuid_equal(&((const struct image *)context)->users[ordinal].uuid, key);
}
static bool group_uuid_same(const void *context, uint32_t ordinal, const void *key)
{
    return uuid_equal(&((const struct image *)context)->groups[ordinal].uuid, key);
}

void image_index_user(struct image *image, uint32_t ordinal)
{
    struct user user;
    image_get_user(image, ordinal, &user);
    lookup_add(&image->users_by_uuid, hash_uuid(&user.uuid), ordinal, user_uuid_hash, image);
    if (user.user_name) lookup_add(&image->users_by_name, hash_folded(user.user_name), ordinal, user_name_hash, image);
    if (user.email_address) lookup_add(&image->users_by_email, hash_folded(user.email_address), ordinal, user_email_hash, image);
    if (user.external_id)
        lookup_add(&image->users_by_external_id, hash_text(user.external_id), ordinal, user_external_hash, image);
}

void image_unindex_user(struct image *image, uint32_t ordinal)
{
    struct user user;
    image_get_user(image, ordinal, &user);
    lookup_remove(&image->users_by_uuid, hash_uuid(&user.uuid), ordinal);
    if (user.user_name) lookup_remove(&image->users_by_name, hash_folded(user.user_name), ordinal);
    if (user.email_address) lookup_remove(&image->users_by_email, hash_folded(user.email_address), ordinal);
    if (user.external_id) lookup_remove(&image->users_by_external_id, hash_text(user.external_id), ordinal);
}

void image_index_group(struct image *image, uint32_t ordinal)
{
    struct group group;
    image_get_group(image, ordinal, &group);
    lookup_add(&image->groups_by_uuid, hash_uuid(&group.uuid), ordinal, group_uuid_hash, image);
    if (group.external_id)
        lookup_add(&image->groups_by_external_id, hash_text(group.external_id), ordinal, group_external_hash, image);
}

void image_unindex_group(struct image *image, uint32_t ordinal)
{
    struct group group;
    image_get_group(image, ordinal, &group);
    lookup_remove(&image->groups_by_uuid, hash_uuid(&group.uuid), ordinal);
    if (group.external_id) lookup_remove(&image->groups_by_external_id, hash_text(group.external_id), ordinal);
}

void image_reserve_lookups(struct image *image)
{
    const struct image_loading *loading = image->loading;
    lookup_reserve(&image->users_by_uuid, image->user_count, user_uuid_hash, image);
    lookup_reserve(&image->users_by_name, loading->user_names, user_name_hash, image);
    lookup_reserve(&image->users_by_email, loading->emails, user_email_hash, image);
    lookup_reserve(&image->users_by_external_id, loading->user_external_ids, user_external_hash, image);
    lookup_reserve(&image->groups_by_external_id, loading->group_external_ids, group_external_hash, image);
    lookup_reserve(&image->groups_by_uuid, image->group_count, group_uuid_hash, image);
}

uint32_t image_find_user_by_uuid(const struct image *image, const struct uuid *uuid)
{
    return lookup_find(&image->users_by_uuid, hash_uuid(uuid), user_uuid_same, image, uuid);
}

uint32_t image_find_user_by_name(const struct image *image, const char *user_name)
{
    return lookup_find(&image->users_by_name, hash_folded(user_name), user_name_same, image, user_name);
}

uint32_t image_find_user_by_email(const struct image *image, const char *email_address)
{
    return lookup_find(&image->users_by_email, hash_folded(email_address), user_email_same, image, email_address);
}

uint32_t image_find_user_by_external_id(const struct image *image, const char *external_id)
{
    return lookup_find(&image->users_by_external_id, hash_text(external_id), user_external_same, image, external_id);
}

struct other {
    const char *text;
    uint32_t than;
};

static bool other_email_same(const void *context, uint32_t ordinal, const void *key)
{
    const struct other *other = key;
    return ordinal != other->than && user_email_same(context, ordinal, other->text);
}

static bool other_external_same(const void *context, uint32_t ordinal, const void *key)
{
    const struct other *other = key;
    return ordinal != other->than && user_external_same(context, ordinal, other->text);
}

bool image_shares_email(const struct image *image, uint32_t user)
{
    struct user values;
    image_get_user(image, user, &values);
    const struct other other = { values.email_address, user };
    return other.text &&
           lookup_find(&image->users_by_email, hash_folded(other.text), other_email_same, image, &other) != LOOKUP_NONE;
}

bool image_shares_external_id(const struct image *image, uint32_t user)
{
    struct user values;
    image_get_user(image, user, &values);
    const struct other other = { values.external_id, user };
    return other.text &&
           lookup_find(&image->users_by_external_id, hash_text(other.text), other_external_same, image, &other) != LOOKUP_NONE;
}

uint32_t image_find_group_by_uuid(const struct image *image, const struct uuid *uuid)
{
    return lookup_find(&image->groups_by_uuid, hash_uuid(uuid), group_uuid_same, image, uuid);
}

uint32_t image_find_group_by_name(const struct image *image, const char *folded)
{
    return names_find(&image->names, folded);
}

uint32_t image_find_group_by_external_id(const struct image *image, const char *external_id)
{
    return lookup_find(&image->groups_by_external_id, hash_text(external_id), group_external_same, image, external_id);
}

/* --- records --- */

uint32_t image_add_user(struct image *image, const struct user *user, struct pool *pool)
{
    if (image->user_count == image->user_capacity) {
        image_drop_fragments_of_kind(image, true);
        image->user_capacity = memory_next_capacity(image->user_capacity, image->user_count + 1);
        image->users = memory_resize(image->users, image->user_capacity, sizeof *image->users);
    }
    struct user_record *record = &image->users[image->user_count];
    *record = (struct user_record){ .id = user->id };
    user_record_fill(image, record, user, pool);
    image_set_last_login(image, image->user_count, user->last_login_at);
    return image->user_count++;
}

uint32_t image_add_group(struct image *image, const struct group *group, struct pool *pool)
{
    if (image->group_count == image->group_capacity) {
        image_drop_fragments_of_kind(image, false);
        image->group_capacity = memory_next_capacity(image->group_capacity, image->group_count + 1);
        image->groups = memory_resize(image->groups, image->group_capacity, sizeof *image->groups);
    }
    struct group_record *record = &image->groups[image->group_count];
    *record = (struct group_record){ .id = group->id };
    group_record_fill(image, record, group, pool);
    return image->group_count++;
}

uint32_t image_add_account(struct image *image, const struct account *account, struct pool *pool)
{
    if (image->account_count == image->account_capacity) {
        image->account_capacity = memory_next_capacity(image->account_capacity, image->account_count + 1);
        image->accounts = memory_resize(image->accounts, image->account_capacity, sizeof *image->accounts);
    }
    struct account_record *record = &image->accounts[image->account_count];
    *record = (struct account_record){ .id = account->id };
    account_record_fill(image, record, account, pool);
    return image->account_count++;
}

static uint64_t actor_hash(const void *context, uint32_t index)
{
    return lookup_hash_bytes(&((const struct image *)context)->actors[index], sizeof(struct actor));
}
static bool actor_same(const void *context, uint32_t index, const void *key)
{
    return memcmp(&((const struct image *)context)->actors[index], key, sizeof(struct actor)) == 0;
}

uint32_t image_actor(struct image *image, int64_t credential_id, int64_t user_id)
{
    struct actor actor = { credential_id, user_id };
    /* Rows that follow one another were mostly added by the same actor. */
    if (image->actor_count && actor_same(image, image->actor_count - 1, &actor)) return image->actor_count - 1;
    uint64_t hash = lookup_hash_bytes(&actor, sizeof actor);
    uint32_t known = lookup_find(&image->actors_by_key, hash, actor_same, image, &actor);
    if (known != LOOKUP_NONE) return known;
    if ((image->actor_count & (image->actor_count - 1)) == 0)
        image->actors =
            memory_resize(image->actors, image->actor_count ? (size_t)image->actor_count * 2 : 1, sizeof *image->actors);
    image->actors[image->actor_count] = actor;
    lookup_add(&image->actors_by_key, hash, image->actor_count, actor_hash, image);
    return image->actor_count++;
}

uint32_t image_dates_position(const struct image *image, uint32_t group, uint32_t user, bool *ret_found)
{
    uint32_t low = 0, high = image->dates_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct dates *dates = &image->dates[middle];
        if (dates->group < group || (dates->group == group && dates->user < user)) low = middle + 1;
        else high = middle;
    }
    *ret_found = low < image->dates_count && image->dates[low].group == group && image->dates[low].user == user;
    return low;
}

struct member image_member(struct image *image, uint32_t user, const struct membership *membership)
{
    int64_t flags =
        (membership->manager ? MEMBER_MANAGER : 0) | (membership->starts_at || membership->ends_at ? MEMBER_DATED : 0);
    return (struct member){
        .user = user,
        .actor = image_actor(image, membership->added_by_credential, membership->added_by_user),
        .created_flags = (int64_t)((uint64_t)membership->date_created << 2) | flags,
        .uuid = membership->uuid,
    };
}

/* --- lists of ordinals --- */

uint32_t ordinals_position(const uint32_t *list, uint32_t count, uint32_t ordinal)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list[middle] < ordinal) low = middle + 1;
        else high = middle;
    }
    return low;
}

void ordinals_insert(uint32_t **list, uint32_t *count, uint32_t ordinal)
{
    if ((*count & (*count - 1)) == 0) *list = memory_resize(*list, *count ? (size_t)*count * 2 : 1, sizeof **list);
    uint32_t at = ordinals_position(*list, *count, ordinal);
    memmove(&(*list)[at + 1], &(*list)[at], (*count - at) * sizeof **list);
    (*list)[at] = ordinal;
    ++*count;
}

bool ordinals_remove(uint32_t *list, uint32_t *count, uint32_t ordinal)
{
    uint32_t at = ordinals_position(list, *count, ordinal);
    if (at == *count || list[at] != ordinal) return false;
    memmove(&list[at], &list[at + 1], (*count - at - 1) * sizeof *list);
    --*count;
    return true;
}
