/* memory.h — malloc for what outlives an operation. A failure aborts: every input has a limit, so running out of
 * memory is the operator's limit, not a request's. */
#ifndef ROSTER_BASE_MEMORY_H
#define ROSTER_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline void *memory_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory) abort();
    return memory;
}

static inline void *memory_zalloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory) abort();
    return memory;
}

/* A copy of a text; NULL for NULL. */
static inline char *memory_strdup(const char *text)
{
    if (!text) return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(memory_alloc(size), text, size);
}

/* Resizes to `count` elements of `size` bytes; the new part is not cleared. */
static inline void *memory_resize(void *memory, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) abort();
    memory = realloc(memory, bytes ? bytes : 1);
    if (!memory) abort();
    return memory;
}

/* Room for one more behind `count` elements of `size` bytes: doubles when they fill the capacity. For lists of any length. */
static inline void *memory_grow(void *memory, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return memory;
    *capacity = *capacity ? *capacity * 2 : 8;
    return memory_resize(memory, *capacity, size);
}

/* Capacity for at least `needed` elements, grown by half. */
static inline uint32_t memory_next_capacity(uint32_t capacity, uint32_t needed)
{
    uint32_t grown = capacity + capacity / 2 + 4;
    return grown > needed ? grown : needed;
}

#endif
