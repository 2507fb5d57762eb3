/* image_parts.h — what the files that make up the image share; nobody else includes it. */
#ifndef ROSTER_DIRECTORY_IMAGE_PARTS_H
#define ROSTER_DIRECTORY_IMAGE_PARTS_H

#include "directory/image.h"

/* What is needed between the first row and image_load_done. */
struct image_loading {
    struct member *members; /* of the group whose rows are arriving */
    uint32_t member_count, member_capacity;
    uint32_t group; /* its ordinal */
    uint32_t dates_capacity;
    uint32_t user_names, emails, user_external_ids, group_external_ids; /* how many have one: sizes of the look-ups */
    struct arena scratch;                                               /* folded names */
};

/* Puts a user's or group's texts and rare numbers into its record: from the pool if `pool`, else malloc'ed (freeing what an
 * earlier change malloc'ed). */
void user_record_fill(struct image *image, struct user_record *record, const struct user *user, struct pool *pool);
void group_record_fill(struct image *image, struct group_record *record, const struct group *group, struct pool *pool);
void account_record_fill(struct image *image, struct account_record *record, const struct account *account, struct pool *pool);

/* Notes memory made or freed outside the pool, for image_bytes; NULL counts nothing. */
void image_count_owned(struct image *image, const void *made, const void *freed);

/* Adds a record behind the last; the number must be larger than the last one's. */
uint32_t image_add_user(struct image *image, const struct user *user, struct pool *pool);
uint32_t image_add_group(struct image *image, const struct group *group, struct pool *pool);
uint32_t image_add_account(struct image *image, const struct account *account, struct pool *pool);

/* Adds or removes the record's keys (uuid, names, external id) to and from the look-ups. */
void image_index_user(struct image *image, uint32_t ordinal);
void image_unindex_user(struct image *image, uint32_t ordinal);
void image_index_group(struct image *image, uint32_t ordinal);
void image_unindex_group(struct image *image, uint32_t ordinal);
void image_reserve_lookups(struct image *image); /* before everything is indexed at the end of loading */

/* The index of an actor, added if new. */
uint32_t image_actor(struct image *image, int64_t credential_id, int64_t user_id);

/* The position of (group, user) in the table of dates, or where it would be inserted. */
uint32_t image_dates_position(const struct image *image, uint32_t group, uint32_t user, bool *ret_found);

/* A membership as the list of members keeps it. */
struct member image_member(struct image *image, uint32_t user, const struct membership *membership);

/* Inserts into or removes from an ascending malloc'ed list of ordinals. */
void ordinals_insert(uint32_t **list, uint32_t *count, uint32_t ordinal);
bool ordinals_remove(uint32_t *list, uint32_t *count, uint32_t ordinal);

/* The first position whose value is not smaller. */
uint32_t ordinals_position(const uint32_t *list, uint32_t count, uint32_t ordinal);

#endif
