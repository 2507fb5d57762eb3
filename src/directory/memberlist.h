/* memberlist.h — the direct members of one group, ordered by the user's ordinal.
 *
 * A sorted sequence of blocks of at most MEMBERLIST_BLOCK entries: adding to a group of 100,000 moves at most 8 KiB, as adding to
 * a small one does. A member costs 32 bytes here and 4 in the user's list of groups.
 *
 * Invariants: blocks are not empty; users ascend strictly within and across blocks; a block with capacity 0 has its items in
 * the image's pool and is copied out before it grows. Changed only under the image's exclusive lock. */
#ifndef ROSTER_DIRECTORY_MEMBERLIST_H
#define ROSTER_DIRECTORY_MEMBERLIST_H

#include "base/uuid.h"
#include "directory/pool.h"

#include <stdbool.h>
#include <stdint.h>

enum { MEMBERLIST_BLOCK = 256 };

enum member_flag { MEMBER_MANAGER = 1, MEMBER_DATED = 2 }; /* dated: the image's table of dates knows when */

struct member {
    uint32_t user;         /* ordinal */
    uint32_t actor;        /* who added: index into the image's table of actors */
    int64_t created_flags; /* microseconds * 4 + enum member_flag */
    struct uuid uuid;
};

static inline int64_t member_created(const struct member *member)
{
    return member->created_flags >> 2;
}
static inline unsigned member_flags(const struct member *member)
{
    return (unsigned)member->created_flags & 3;
}

struct member_block {
    struct member *items;
    uint32_t count, capacity;
};

struct memberlist {
    struct member_block *blocks;
    uint32_t block_count, block_capacity;
    uint32_t count;    /* of members */
    uint32_t managers; /* of those, managers */
};

/* NULL if the user is no member. The pointer is good until the next change. */
const struct member *memberlist_find(const struct memberlist *list, uint32_t user);

/* Adds; the user must not be a member. */
void memberlist_add(struct memberlist *list, const struct member *member);

/* Replaces what is known of a member (same user). */
void memberlist_replace(struct memberlist *list, const struct member *member);

/* Removes; false if the user is no member. */
bool memberlist_remove(struct memberlist *list, uint32_t user);

/* Makes the list of `count` members at once (ascending users), items in the pool. The list must be empty. */
void memberlist_load(struct memberlist *list, const struct member *members, uint32_t count, struct pool *pool);

/* Bytes outside the pool. */
size_t memberlist_bytes(const struct memberlist *list);
void memberlist_free(struct memberlist *list);

/* Visits members in order. */
struct member_cursor {
    const struct memberlist *list;
    uint32_t block, item;
};
/* Starts at the member with position `offset` (0-based). */
struct member_cursor memberlist_at(const struct memberlist *list, uint32_t offset);

/* The next member, NULL at the end. */
static inline const struct member *memberlist_next(struct member_cursor *cursor)
{
    if (cursor->block >= cursor->list->block_count) return NULL;
    const struct member_block *block = &cursor->list->blocks[cursor->block];
    const struct member *member = &block->items[cursor->item++];
    if (cursor->item == block->count) {
        cursor->block++;
        cursor->item = 0;
    }
    return member;
}

#endif
