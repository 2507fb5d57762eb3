/* image.h — one organization in memory: what every read is answered from.
 *
 * Records have 32-bit ordinals. INVARIANTS:
 *  1. Ordinals ascend with numbers (`id`): a larger number has a larger ordinal, so "ordered by number" is "ordered by
 *     ordinal". A change that would break this (an import of an old number) makes image_apply say so, and the image is loaded
 * again.
 *  2. A record is never moved to another ordinal. Deleted groups and users keep their record, marked deleted.
 *  3. Only the holder of the organization's writer lock changes an image, and only under the exclusive lock; readers hold
 *     the shared lock; the writer may read without a lock.
 *  4. Fragments (rendered bytes) are filled by readers under the shared lock, by compare-and-swap, and dropped under the
 * exclusive one.
 *
 * The installation (organization 0) is an image too: accounts and organizations instead of users and groups. */
#ifndef ROSTER_DIRECTORY_IMAGE_H
#define ROSTER_DIRECTORY_IMAGE_H

#include "base/lookup.h"
#include "directory/memberlist.h"
#include "directory/names.h"
#include "directory/pool.h"
#include "model/change.h"
#include "model/nouns.h"

#include <pthread.h>
#include <stdatomic.h>

#define NO_ORDINAL UINT32_MAX

enum user_flag {
    USER_IS_SUPER = 1 << 0,
    USER_IS_ACTIVE = 1 << 1,
    USER_IS_DELETED = 1 << 2,
    USER_EMAIL_VERIFY = 1 << 3,
    USER_EMAIL_VERIFIED = 1 << 4,
    USER_PHONE_VERIFY = 1 << 5,
    USER_PHONE_VERIFIED = 1 << 6,
    USER_AUTO_REMOVE_SHIFT = 8, /* two bits: enum auto_remove */
    USER_OWNS_PACKED = 1 << 12, /* `packed` is malloc'ed, not in the pool */
    USER_OWNS_GROUPS = 1 << 13, /* the same for `groups` */
};

/* 64 bytes: one cache line. */
struct user_record {
    int64_t id;
    struct uuid uuid;
    int64_t date_created;
    char *packed;     /* texts and rare numbers, see packed.h */
    uint32_t *groups; /* ordinals of the groups the user is a direct member of, ascending */
    uint32_t group_count, group_capacity;
    uint32_t flags; /* enum user_flag */
    /* Seconds since 1970; 0: never. Not part of what a change brings: see image_set_last_login. */
    _Atomic uint32_t last_login_s;
};
_Static_assert(sizeof(struct user_record) == 64, "a user takes one cache line");

struct group_record {
    int64_t id;
    struct uuid uuid;
    int64_t date_created;
    char *packed; /* texts, date_modified, deleted_at, who made and changed it */
    struct memberlist members;
    uint32_t *children, *parents; /* ordinals, ascending; malloc'ed */
    uint32_t child_count, parent_count;
    struct grant *grants; /* malloc'ed */
    uint32_t grant_count;
    bool deleted;
    bool packed_owned;
};

/* Who added members: few distinct ones, so a membership keeps an index. */
struct actor {
    int64_t credential_id, user_id;
};

/* When a membership is in effect; few have one. Keyed by (group, user). */
struct dates {
    uint32_t group, user;
    int64_t starts_at, ends_at;
};

struct account_record {
    int64_t id;
    struct uuid uuid;
    char *packed;
    bool packed_owned;
};

struct fragment_table;
enum { FRAGMENT_TABLES_MAX = 16 };

struct image {
    int64_t organization_id;
    _Atomic int64_t version; /* read without a lock by the follower */
    struct uuid commit_id;   /* of the commit that made the version; nil: none. Changes with it */
    char *name;
    struct uuid uuid;
    bool unique_group_names;

    pthread_rwlock_t lock;
    _Atomic int references;

    struct user_record *users;
    uint32_t user_count, user_capacity;
    struct group_record *groups;
    uint32_t group_count, group_capacity;
    uint32_t *living_groups; /* ordinals, ascending */
    uint32_t living_count, living_capacity;
    struct names names;
    struct lookup users_by_uuid, users_by_name, users_by_email, users_by_external_id;
    struct lookup groups_by_uuid, groups_by_external_id;
    struct actor *actors;
    uint32_t actor_count;
    struct lookup actors_by_key;
    struct dates *dates;
    uint32_t dates_count;
    int64_t membership_count;

    struct account_record *accounts; /* installation only, by id */
    uint32_t account_count, account_capacity;
    uint32_t account_epoch; /* another one after every change of an account, and for every image of the installation */

    struct pool pool;
    int64_t owned_bytes; /* what changes brought, outside the pool: packed texts, users' lists of groups, grants */
    _Atomic(struct fragment_table *) fragments[FRAGMENT_TABLES_MAX];
    _Atomic int64_t fragment_bytes;
    _Atomic int64_t counted_bytes, counted_version; /* see image_bytes */
    struct image_loading *loading;                  /* only while loading */
};

/* --- life; references: whoever holds one may use the image, the last to drop it frees it --- */

struct image *image_new(int64_t organization_id);
void image_hold(struct image *image);
void image_drop(struct image *image); /* accepts NULL */

/* About how many bytes it takes, fragments included. Counted anew when the version has changed; takes the shared lock then. */
int64_t image_bytes(struct image *image);

/* The same without fragments, as it was counted last, however much has changed since; counted now if it never was. To count is a
 * look at each group: too much for every commit. */
int64_t image_bytes_lately(struct image *image);

/* --- loading: feed rows in the order of store.h, then finish --- */

struct store_sink;
/* A sink whose rows fill the image. */
void image_sink(struct image *image, struct store_sink *ret_sink);
/* Sorts, indexes, links. Call once after the last row. */
void image_load_done(struct image *image, int64_t version);

/* --- changing: image_apply.c --- */

/* Applies one committed change (whole objects, see change.h); `time` is the commit's. False if this image cannot take it
 * (invariant 1, or it does not fit what is here) and must be loaded again. */
bool image_apply(struct image *image, const struct change *change, int64_t time);

/* Notes that a user logged in at `time` (microseconds; kept to the second). It never goes back. Beside the log, so no change, no
 * version and no fragment is concerned; the shared lock is enough, and many threads may do it at once. */
void image_set_last_login(struct image *image, uint32_t ordinal, int64_t time);

/* When that was, in microseconds; 0: never. Changes under the shared lock. */
int64_t image_last_login(const struct image *image, uint32_t ordinal);

/* --- reading; ordinals must be valid --- */

uint32_t image_find_user(const struct image *image, int64_t id); /* deleted ones too; NO_ORDINAL if none */
uint32_t image_find_user_by_uuid(const struct image *image, const struct uuid *uuid);
uint32_t image_find_user_by_name(const struct image *image, const char *user_name); /* any letter case; living ones */
uint32_t image_find_user_by_email(const struct image *image, const char *email_address);
uint32_t image_find_user_by_external_id(const struct image *image, const char *external_id);
/* Is there another living user with the e-mail address (any letter case) or the external id of this one? */
bool image_shares_email(const struct image *image, uint32_t user);
bool image_shares_external_id(const struct image *image, uint32_t user);
uint32_t image_find_group(const struct image *image, int64_t id); /* deleted ones too */
uint32_t image_find_group_by_uuid(const struct image *image, const struct uuid *uuid);
uint32_t image_find_group_by_name(const struct image *image, const char *folded); /* living ones */
uint32_t image_find_group_by_external_id(const struct image *image, const char *external_id);
uint32_t image_find_account(const struct image *image, int64_t id);

/* Everything about one object; texts point into the image and are good as long as its lock is held. */
void image_get_user(const struct image *image, uint32_t ordinal, struct user *ret_user);
void image_get_group(const struct image *image, uint32_t ordinal, struct group *ret_group);
void image_get_account(const struct image *image, uint32_t ordinal, struct account *ret_account);
void image_get_membership(const struct image *image, uint32_t group, const struct member *member,
                          struct membership *ret_membership);

/* Is the membership in effect at `now`? */
bool image_in_effect(const struct image *image, uint32_t group, const struct member *member, int64_t now);

/* Is the user a direct member of the group, in effect at `now`? *ret_member may be NULL. */
bool image_is_member(const struct image *image, uint32_t group, uint32_t user, int64_t now, const struct member **ret_member);

/* How many members of the group manage it at `now`. Its memberships with dates are looked at one by one. */
uint32_t image_count_managers(const struct image *image, uint32_t group, int64_t now);

/* --- fragments: bytes a dialect made of an object, kept until the object changes --- */

struct fragment {
    uint32_t size;
    uint32_t split; /* a place inside that the dialect wants to know */
    uint32_t epoch; /* of what else it was made from (accounts); the dialect compares */
    char bytes[];
};

/* Tables with an even number are of groups, with an odd one of users; a dialect has a pair. Shared lock held. NULL if none. */
const struct fragment *image_fragment(const struct image *image, int table, uint32_t ordinal);

/* Asks the processor to fetch what image_fragment will read: first the pointer, some objects later the bytes. */
void image_fetch_fragment_place(const struct image *image, int table, uint32_t ordinal);
void image_fetch_fragment(const struct image *image, int table, uint32_t ordinal);

/* The same for a page of objects whose bytes lie anywhere in memory: called before each is written, `at` from 0 on. Else a page
 * of an organization not asked for lately waits for each of them. */
void image_fetch_fragments_ahead(const struct image *image, int table, const uint32_t *ordinals, size_t count, size_t at);

/* Keeps a copy of the bytes, unless the budget is used up: the caller must not rely on it being kept. Replaces one that is
 * there. Shared lock held. */
void image_keep_fragment(struct image *image, int table, uint32_t ordinal, const char *bytes, uint32_t size, uint32_t split,
                         uint32_t epoch);

/* Drops what was made of one object, or all. Exclusive lock held (or nobody else has the image). */
void image_drop_fragments_of(struct image *image, bool is_user, uint32_t ordinal);
void image_drop_fragments_of_kind(struct image *image, bool is_user); /* a table's size is fixed: when records outgrow it */
void image_drop_all_fragments(struct image *image);

/* Bytes all fragments of all images may take together, and do take. */
void fragments_set_budget(int64_t bytes);
int64_t fragments_budget(void);
int64_t fragments_total(void);

#endif
