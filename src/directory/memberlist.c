#include "directory/memberlist.h"

#include "base/memory.h"

/* The block that holds `user` or would: the last one whose first user is not greater. */
static uint32_t find_block(const struct memberlist *list, uint32_t user)
{
    uint32_t low = 0, high = list->block_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (list->blocks[middle].items[0].user <= user) low = middle;
        else high = middle;
    }
    return low;
}

/* The first position in the block whose user is not smaller. */
static uint32_t find_item(const struct member_block *block, uint32_t user)
{
    uint32_t low = 0, high = block->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block->items[middle].user < user) low = middle + 1;
        else high = middle;
    }
    return low;
}

static struct member *find(const struct memberlist *list, uint32_t user)
{
    if (!list->block_count) return NULL;
    const struct member_block *block = &list->blocks[find_block(list, user)];
    uint32_t at = find_item(block, user);
    return at < block->count && block->items[at].user == user ? &block->items[at] : NULL;
}

const struct member *memberlist_find(const struct memberlist *list, uint32_t user)
{
    return find(list, user);
}

static void resize_block(struct member_block *block, uint32_t capacity)
{
    struct member *items = memory_resize(block->capacity ? block->items : NULL, capacity, sizeof *items);
    if (!block->capacity && block->count) memcpy(items, block->items, block->count * sizeof *items);
    block->items = items;
    block->capacity = capacity;
}

static struct member_block *insert_block(struct memberlist *list, uint32_t at)
{
    if (list->block_count == list->block_capacity) {
        list->block_capacity = list->block_capacity ? list->block_capacity * 2 : 1;
        list->blocks = memory_resize(list->blocks, list->block_capacity, sizeof *list->blocks);
    }
    memmove(&list->blocks[at + 1], &list->blocks[at], (list->block_count - at) * sizeof *list->blocks);
    list->block_count++;
    list->blocks[at] = (struct member_block){ 0 };
    return &list->blocks[at];
}

/* Makes room in a full block and returns the block that `user` belongs to now. */
static uint32_t split_block(struct memberlist *list, uint32_t at, uint32_t user)
{
    bool append = at + 1 == list->block_count && user > list->blocks[at].items[MEMBERLIST_BLOCK - 1].user;
    struct member_block *right = insert_block(list, at + 1);
    struct member_block *left = &list->blocks[at];
    if (append) return at + 1; /* numbers ascend, so most adds come at the end: leave the left block full */
    uint32_t keep = MEMBERLIST_BLOCK / 2;
    right->count = left->count - keep;
    right->capacity = MEMBERLIST_BLOCK;
    right->items = memory_resize(NULL, right->capacity, sizeof *right->items);
    memcpy(right->items, &left->items[keep], right->count * sizeof *right->items);
    left->count = keep;
    return user > left->items[keep - 1].user ? at + 1 : at;
}

void memberlist_add(struct memberlist *list, const struct member *member)
{
    if (!list->block_count) insert_block(list, 0);
    uint32_t at = find_block(list, member->user);
    if (list->blocks[at].count == MEMBERLIST_BLOCK) at = split_block(list, at, member->user);
    struct member_block *block = &list->blocks[at];
    if (block->count >= block->capacity) {
        uint32_t capacity = memory_next_capacity(block->count, block->count + 1);
        resize_block(block, capacity < MEMBERLIST_BLOCK ? capacity : MEMBERLIST_BLOCK);
    }
    uint32_t item = find_item(block, member->user);
    memmove(&block->items[item + 1], &block->items[item], (block->count - item) * sizeof *block->items);
    block->items[item] = *member;
    block->count++;
    list->count++;
    list->managers += member_flags(member) & MEMBER_MANAGER;
}

void memberlist_replace(struct memberlist *list, const struct member *member)
{
    struct member *known = find(list, member->user);
    list->managers -= member_flags(known) & MEMBER_MANAGER;
    list->managers += member_flags(member) & MEMBER_MANAGER;
    *known = *member; /* in place also in the pool: only the image owns it */
}

static void remove_block(struct memberlist *list, uint32_t at)
{
    if (list->blocks[at].capacity) free(list->blocks[at].items);
    memmove(&list->blocks[at], &list->blocks[at + 1], (list->block_count - at - 1) * sizeof *list->blocks);
    list->block_count--;
}

bool memberlist_remove(struct memberlist *list, uint32_t user)
{
    struct member *known = find(list, user);
    if (!known) return false;
    list->managers -= member_flags(known) & MEMBER_MANAGER;
    list->count--;
    uint32_t at = find_block(list, user);
    struct member_block *block = &list->blocks[at];
    memmove(known, known + 1, (size_t)(&block->items[block->count] - (known + 1)) * sizeof *known);
    block->count--;
    if (!block->count) remove_block(list, at);
    return true;
}

void memberlist_load(struct memberlist *list, const struct member *members, uint32_t count, struct pool *pool)
{
    if (!count) return;
    list->block_count = list->block_capacity = (count + MEMBERLIST_BLOCK - 1) / MEMBERLIST_BLOCK;
    list->blocks = memory_resize(NULL, list->block_count, sizeof *list->blocks);
    struct member *items = pool_alloc(pool, (size_t)count * sizeof *items, _Alignof(struct member));
    memcpy(items, members, (size_t)count * sizeof *items);
    for (uint32_t i = 0; i < list->block_count; i++) {
        uint32_t first = i * MEMBERLIST_BLOCK, rest = count - first;
        list->blocks[i] = (struct member_block){ &items[first], rest < MEMBERLIST_BLOCK ? rest : MEMBERLIST_BLOCK, 0 };
    }
    list->count = count;
    for (uint32_t i = 0; i < count; i++) list->managers += member_flags(&items[i]) & MEMBER_MANAGER;
}

size_t memberlist_bytes(const struct memberlist *list)
{
    size_t bytes = (size_t)list->block_capacity * sizeof *list->blocks;
    for (uint32_t i = 0; i < list->block_count; i++) bytes += (size_t)list->blocks[i].capacity * sizeof(struct member);
    return bytes;
}

void memberlist_free(struct memberlist *list)
{
    for (uint32_t i = 0; i < list->block_count; i++)
        if (list->blocks[i].capacity) free(list->blocks[i].items);
    free(list->blocks);
    *list = (struct memberlist){ 0 };
}

struct member_cursor memberlist_at(const struct memberlist *list, uint32_t offset)
{
    struct member_cursor cursor = { .list = list };
    while (cursor.block < list->block_count && offset >= list->blocks[cursor.block].count)
        offset -= list->blocks[cursor.block++].count;
    if (cursor.block < list->block_count) cursor.item = offset;
    return cursor;
}
