#include "directory/pool.h"

#include "base/memory.h"

struct pool_block {
    struct pool_block *older;
    _Alignas(16) char bytes[];
};

/* Small organizations are the many: the first block is small and blocks double. */
enum { POOL_FIRST_BLOCK = 1024, POOL_LARGEST_BLOCK = 1 << 20 };

static char *align_up(char *at, size_t align)
{
    return (char *)(((uintptr_t)at + align - 1) & ~(uintptr_t)(align - 1));
}

static struct pool_block *add_block(struct pool *pool, size_t size)
{
    struct pool_block *block = memory_alloc(sizeof *block + size);
    block->older = pool->newest;
    pool->newest = block;
    pool->total += sizeof *block + size;
    return block;
}

void *pool_alloc(struct pool *pool, size_t size, size_t align)
{
    char *at = align_up(pool->next, align);
    if (!pool->next || at > pool->limit || (size_t)(pool->limit - at) < size) {
        size_t block_size = pool->total < POOL_FIRST_BLOCK ? POOL_FIRST_BLOCK : pool->total;
        if (block_size > POOL_LARGEST_BLOCK) block_size = POOL_LARGEST_BLOCK;
        if (size > block_size / 4) {
            /* Its own block, behind the current one, whose rest stays in use. */
            struct pool_block *current = pool->newest, *own = add_block(pool, size);
            if (current) {
                own->older = current->older;
                current->older = own;
                pool->newest = current;
            }
            return own->bytes;
        }
        at = add_block(pool, block_size)->bytes;
        pool->limit = at + block_size;
    }
    pool->next = at + size;
    return at;
}

void pool_free(struct pool *pool)
{
    struct pool_block *block = pool->newest;
    while (block) {
        struct pool_block *older = block->older;
        free(block);
        block = older;
    }
    *pool = (struct pool){ 0 };
}
