/* pool.h — memory of an image that is made while loading and freed with the image.
 *
 * What a later change replaces stays in the pool until the image is dropped: at most what was loaded, so it is bounded;
 * replacements are malloc'ed singly (the record says which). */
#ifndef ROSTER_DIRECTORY_POOL_H
#define ROSTER_DIRECTORY_POOL_H

#include <stddef.h>

struct pool_block;

struct pool {
    struct pool_block *newest;
    char *next, *limit;
    size_t total; /* bytes of all blocks */
};

/* `size` bytes at a multiple of `align` (a power of two, at most 16), not cleared. */
void *pool_alloc(struct pool *pool, size_t size, size_t align);
void pool_free(struct pool *pool);

#endif
