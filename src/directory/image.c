#include "directory/image.h"

#include "base/fold.h"
#include "base/memory.h"
#include "directory/image_parts.h"
#include "directory/packed.h"

#include <malloc.h>

struct image *image_new(int64_t organization_id)
{
    struct image *image = memory_zalloc(sizeof *image);
    image->organization_id = organization_id;
    image->references = 1;
    image->unique_group_names = true;
    /* Writers apply in microseconds; readers that never pause must not keep them out for ever. */
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&image->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    return image;
}

static void free_group(struct group_record *group)
{
    if (group->packed_owned) free(group->packed);
    memberlist_free(&group->members);
    free(group->children);
    free(group->parents);
    free(group->grants);
}

static void image_free(struct image *image)
{
    image_drop_all_fragments(image);
    for (uint32_t i = 0; i < image->user_count; i++) {
        if (image->users[i].flags & USER_OWNS_PACKED) free(image->users[i].packed);
        if (image->users[i].flags & USER_OWNS_GROUPS) free(image->users[i].groups);
    }
    for (uint32_t i = 0; i < image->group_count; i++) free_group(&image->groups[i]);
    for (uint32_t i = 0; i < image->account_count; i++)
        if (image->accounts[i].packed_owned) free(image->accounts[i].packed);
    free(image->users);
    free(image->groups);
    free(image->accounts);
    free(image->living_groups);
    names_free(&image->names);
    struct lookup *lookups[] = { &image->users_by_uuid,        &image->users_by_name,  &image->users_by_email,
                                 &image->users_by_external_id, &image->groups_by_uuid, &image->groups_by_external_id,
                                 &image->actors_by_key };
    for (size_t i = 0; i < sizeof lookups / sizeof *lookups; i++) lookup_free(lookups[i]);
    free(image->actors);
    free(image->dates);
    free(image->name);
    pool_free(&image->pool);
    if (image->loading) {
        free(image->loading->members);
        arena_free(&image->loading->scratch);
        free(image->loading);
    }
    pthread_rwlock_destroy(&image->lock);
    free(image);
}

void image_hold(struct image *image)
{
    atomic_fetch_add_explicit(&image->references, 1, memory_order_relaxed);
}

void image_drop(struct image *image)
{
    if (image && atomic_fetch_sub_explicit(&image->references, 1, memory_order_acq_rel) == 1) image_free(image);
}

static int64_t count_bytes(const struct image *image)
{
    size_t bytes = sizeof *image + image->pool.total + (size_t)image->owned_bytes;
    bytes += (size_t)image->user_capacity * sizeof *image->users + (size_t)image->group_capacity * sizeof *image->groups;
    bytes += (size_t)image->account_capacity * sizeof *image->accounts;
    bytes += (size_t)image->living_capacity * sizeof(uint32_t) + names_bytes(&image->names);
    bytes += lookup_bytes(&image->users_by_uuid) + lookup_bytes(&image->users_by_name) + lookup_bytes(&image->users_by_email) +
             lookup_bytes(&image->users_by_external_id) + lookup_bytes(&image->groups_by_uuid) +
             lookup_bytes(&image->groups_by_external_id) + lookup_bytes(&image->actors_by_key);
    bytes += (size_t)image->actor_count * sizeof *image->actors + (size_t)image->dates_count * sizeof *image->dates;
    for (uint32_t i = 0; i < image->group_count; i++) bytes += memberlist_bytes(&image->groups[i].members);
    return (int64_t)bytes;
}

int64_t image_bytes(struct image *image)
{
    int64_t version = atomic_load(&image->version);
    if (!image->counted_bytes || image->counted_version != version) {
        pthread_rwlock_rdlock(&image->lock);
        int64_t bytes = count_bytes(image);
        pthread_rwlock_unlock(&image->lock);
        atomic_store(&image->counted_version, version);
        atomic_store(&image->counted_bytes, bytes);
    }
    return image->counted_bytes + atomic_load_explicit(&image->fragment_bytes, memory_order_relaxed);
}

int64_t image_bytes_lately(struct image *image)
{
    int64_t counted = atomic_load(&image->counted_bytes);
    return counted ? counted : image_bytes(image);
}

/* --- find by number --- */

/* Numbers ascend and are mostly dense: a guess by interpolation is nearly always right, bisection bounds the rest. */
static uint32_t find_number(const void *records, size_t stride, uint32_t count, int64_t id)
{
#define ID_AT(i) (*(const int64_t *)((const char *)records + (size_t)(i)*stride))
    if (!count || id < ID_AT(0) || id > ID_AT(count - 1)) return NO_ORDINAL;
    uint32_t low = 0, high = count - 1;
    for (int guess = 0; low < high && guess < 3; guess++) {
        int64_t first = ID_AT(low), last = ID_AT(high);
        if (id < first || id > last) return NO_ORDINAL;
        uint32_t middle = low + (uint32_t)((double)(id - first) / (double)(last - first + 1) * (double)(high - low + 1));
        if (middle > high) middle = high;
        int64_t found = ID_AT(middle);
        if (found == id) return middle;
        if (found < id) low = middle + 1;
        else if (middle == low) return NO_ORDINAL;
        else high = middle - 1;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ID_AT(middle) < id) low = middle + 1;
        else high = middle;
    }
    return low < count && ID_AT(low) == id ? low : NO_ORDINAL;
#undef ID_AT
}

_Static_assert(offsetof(struct user_record, id) == 0 && offsetof(struct group_record, id) == 0 &&
                   offsetof(struct account_record, id) == 0,
               "find_number reads the number at the start of a record");

uint32_t image_find_user(const struct image *image, int64_t id)
{
    return find_number(image->users, sizeof *image->users, image->user_count, id);
}

uint32_t image_find_group(const struct image *image, int64_t id)
{
    return find_number(image->groups, sizeof *image->groups, image->group_count, id);
}

uint32_t image_find_account(const struct image *image, int64_t id)
{
    return find_number(image->accounts, sizeof *image->accounts, image->account_count, id);
}

/* --- records to nouns --- */

#define SECOND_US INT64_C(1000000)

enum { USER_TEXTS = 13, USER_NUMBERS = 7, GROUP_TEXTS = 6, GROUP_NUMBERS = 4, ACCOUNT_TEXTS = 3 };

_Static_assert((int)PUBLIC_KEY_MAX <= (int)PACKED_TEXT_MAX, "a key fits a packed record");

/* Accounts for memory that is not in the pool; NULL counts nothing. */
void image_count_owned(struct image *image, const void *made, const void *freed)
{
    image->owned_bytes += (int64_t)malloc_usable_size((void *)made) - (int64_t)malloc_usable_size((void *)freed);
}

static char *pack(const char *const *texts, int text_count, const int64_t *numbers, int number_count, struct pool *pool)
{
    size_t size = packed_size(texts, text_count, numbers, number_count);
    char *block = pool ? pool_alloc(pool, size, 4) : memory_alloc(size);
    packed_write(block, texts, text_count, numbers, number_count);
    return block;
}

void user_record_fill(struct image *image, struct user_record *record, const struct user *user, struct pool *pool)
{
    const char *const texts[USER_TEXTS] = { user->user_name,     user->display_name,    user->first_name,  user->last_name,
                                            user->email_address, user->phone_number,    user->description, user->remarks,
                                            user->external_id,   user->key_fingerprint, user->key_user_id, user->key_type,
                                            user->public_key };
    const int64_t numbers[USER_NUMBERS] = { user->account_id, user->date_modified, user->auto_remove_date, user->deleted_at,
                                            user->key_bits,   user->key_created,   user->key_expires };
    char *packed = pack(texts, USER_TEXTS, numbers, USER_NUMBERS, pool);
    image_count_owned(image, pool ? NULL : packed, record->flags & USER_OWNS_PACKED ? record->packed : NULL);
    if (record->flags & USER_OWNS_PACKED) free(record->packed);
    record->packed = packed;
    record->uuid = user->uuid;
    record->date_created = user->date_created;
    record->flags =
        (record->flags & USER_OWNS_GROUPS) | (pool ? 0 : USER_OWNS_PACKED) | (user->super_user ? USER_IS_SUPER : 0) |
        (user->active ? USER_IS_ACTIVE : 0) | (user->deleted_at ? USER_IS_DELETED : 0) |
        (user->email_address_verify ? USER_EMAIL_VERIFY : 0) | (user->email_address_verified ? USER_EMAIL_VERIFIED : 0) |
        (user->phone_number_verify ? USER_PHONE_VERIFY : 0) | (user->phone_number_verified ? USER_PHONE_VERIFIED : 0) |
        (unsigned)user->auto_remove_after << USER_AUTO_REMOVE_SHIFT;
}

void image_get_user(const struct image *image, uint32_t ordinal, struct user *ret_user)
{
    const struct user_record *record = &image->users[ordinal];
    const char *texts[USER_TEXTS];
    int64_t numbers[USER_NUMBERS];
    packed_read(record->packed, texts, USER_TEXTS, numbers, USER_NUMBERS);
    unsigned flags = record->flags;
    *ret_user = (struct user){
        .organization_id = image->organization_id,
        .id = record->id,
        .uuid = record->uuid,
        .account_id = numbers[0],
        .user_name = texts[0],
        .display_name = texts[1],
        .first_name = texts[2],
        .last_name = texts[3],
        .email_address = texts[4],
        .phone_number = texts[5],
        .description = texts[6],
        .remarks = texts[7],
        .external_id = texts[8],
        .email_address_verify = flags & USER_EMAIL_VERIFY,
        .email_address_verified = flags & USER_EMAIL_VERIFIED,
        .phone_number_verify = flags & USER_PHONE_VERIFY,
        .phone_number_verified = flags & USER_PHONE_VERIFIED,
        .super_user = flags & USER_IS_SUPER,
        .active = flags & USER_IS_ACTIVE,
        .auto_remove_after = (int)(flags >> USER_AUTO_REMOVE_SHIFT & 3),
        .auto_remove_date = numbers[2],
        .date_created = record->date_created,
        .date_modified = numbers[1],
        .deleted_at = numbers[3],
        .public_key = texts[12],
        .key_fingerprint = texts[9],
        .key_user_id = texts[10],
        .key_type = texts[11],
        .key_bits = numbers[4],
        .key_created = numbers[5],
        .key_expires = numbers[6],
        .last_login_at = image_last_login(image, ordinal),
    };
}

static uint32_t seconds_of(int64_t time)
{
    int64_t seconds = time / SECOND_US;
    return seconds < 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

int64_t image_last_login(const struct image *image, uint32_t ordinal)
{
    return (int64_t)atomic_load_explicit(&image->users[ordinal].last_login_s, memory_order_relaxed) * SECOND_US;
}

void image_set_last_login(struct image *image, uint32_t ordinal, int64_t time)
{
    _Atomic uint32_t *last = &image->users[ordinal].last_login_s;
    uint32_t seconds = seconds_of(time), before = atomic_load_explicit(last, memory_order_relaxed);
    while (before < seconds &&
           !atomic_compare_exchange_weak_explicit(last, &before, seconds, memory_order_relaxed, memory_order_relaxed)) {}
}

void group_record_fill(struct image *image, struct group_record *record, const struct group *group, struct pool *pool)
{
    const char *const texts[GROUP_TEXTS] = { group->name,        group->description, group->remarks,
                                             group->external_id, group->created_by,  group->modified_by };
    const int64_t numbers[GROUP_NUMBERS] = { group->date_modified, group->deleted_at, group->created_by_user,
                                             group->modified_by_user };
    char *packed = pack(texts, GROUP_TEXTS, numbers, GROUP_NUMBERS, pool);
    image_count_owned(image, pool ? NULL : packed, record->packed_owned ? record->packed : NULL);
    if (record->packed_owned) free(record->packed);
    record->packed = packed;
    record->packed_owned = !pool;
    record->uuid = group->uuid;
    record->date_created = group->date_created;
    record->deleted = group->deleted_at != 0;
    struct grant *grants = NULL;
    if (group->grant_count) {
        grants = memory_resize(NULL, group->grant_count, sizeof *grants);
        memcpy(grants, group->grants, group->grant_count * sizeof *grants);
    }
    image_count_owned(image, grants, record->grants);
    free(record->grants);
    record->grants = grants;
    record->grant_count = (uint32_t)group->grant_count;
}

void image_get_group(const struct image *image, uint32_t ordinal, struct group *ret_group)
{
    const struct group_record *record = &image->groups[ordinal];
    const char *texts[GROUP_TEXTS];
    int64_t numbers[GROUP_NUMBERS];
    packed_read(record->packed, texts, GROUP_TEXTS, numbers, GROUP_NUMBERS);
    *ret_group = (struct group){
        .organization_id = image->organization_id,
        .id = record->id,
        .uuid = record->uuid,
        .name = texts[0],
        .description = texts[1],
        .remarks = texts[2],
        .external_id = texts[3],
        .created_by = texts[4],
        .modified_by = texts[5],
        .grants = record->grants,
        .grant_count = record->grant_count,
        .date_created = record->date_created,
        .date_modified = numbers[0],
        .deleted_at = numbers[1],
        .created_by_user = numbers[2],
        .modified_by_user = numbers[3],
    };
}

void account_record_fill(struct image *image, struct account_record *record, const struct account *account, struct pool *pool)
{
    const char *const texts[ACCOUNT_TEXTS] = { account->first_name, account->last_name, account->email_address };
    char *packed = pack(texts, ACCOUNT_TEXTS, NULL, 0, pool);
    image_count_owned(image, pool ? NULL : packed, record->packed_owned ? record->packed : NULL);
    if (record->packed_owned) free(record->packed);
    record->packed = packed;
    record->packed_owned = !pool;
    record->uuid = account->uuid;
}

void image_get_account(const struct image *image, uint32_t ordinal, struct account *ret_account)
{
    const struct account_record *record = &image->accounts[ordinal];
    const char *texts[ACCOUNT_TEXTS];
    packed_read(record->packed, texts, ACCOUNT_TEXTS, NULL, 0);
    *ret_account = (struct account){
        .id = record->id, .uuid = record->uuid, .first_name = texts[0], .last_name = texts[1], .email_address = texts[2]
    };
}

void image_get_membership(const struct image *image, uint32_t group, const struct member *member,
                          struct membership *ret_membership)
{
    const struct actor *actor = &image->actors[member->actor];
    *ret_membership = (struct membership){
        .organization_id = image->organization_id,
        .group_id = image->groups[group].id,
        .user_id = image->users[member->user].id,
        .uuid = member->uuid,
        .manager = member_flags(member) & MEMBER_MANAGER,
        .date_created = member_created(member),
        .added_by_credential = actor->credential_id,
        .added_by_user = actor->user_id,
    };
    bool found;
    uint32_t at = image_dates_position(image, group, member->user, &found);
    if (!found) return;
    ret_membership->starts_at = image->dates[at].starts_at;
    ret_membership->ends_at = image->dates[at].ends_at;
}

bool image_in_effect(const struct image *image, uint32_t group, const struct member *member, int64_t now)
{
    if (!(member_flags(member) & MEMBER_DATED)) return true;
    bool found;
    uint32_t at = image_dates_position(image, group, member->user, &found);
    if (!found) return true;
    const struct dates *dates = &image->dates[at];
    return (!dates->starts_at || dates->starts_at <= now) && (!dates->ends_at || now < dates->ends_at);
}

bool image_is_member(const struct image *image, uint32_t group, uint32_t user, int64_t now, const struct member **ret_member)
{
    const struct member *member = memberlist_find(&image->groups[group].members, user);
    if (ret_member) *ret_member = member;
    return member && image_in_effect(image, group, member, now);
}

uint32_t image_count_managers(const struct image *image, uint32_t group, int64_t now)
{
    const struct memberlist *members = &image->groups[group].members;
    uint32_t count = members->managers;
    bool found;
    uint32_t at = image_dates_position(image, group, 0, &found);
    for (; at < image->dates_count && image->dates[at].group == group; at++) {
        const struct member *member = memberlist_find(members, image->dates[at].user);
        if (member && member_flags(member) & MEMBER_MANAGER && !image_in_effect(image, group, member, now)) count--;
    }
    return count;
}
