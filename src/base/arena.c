/* arena.c — a chain of blocks, the newest is filled from the left.
 *
 * A request larger than the largest block gets a block of its own behind the newest, so that the room left in the
 * newest is still used. Under AddressSanitizer what is not handed out is poisoned: without that an arena would
 * hide every overrun. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

enum { ALIGNMENT = 16, BLOCK_MIN = 4 << 10, BLOCK_MAX = 1 << 20, BLOCK_KEPT = 64 << 10 };

struct arena_block {
    struct arena_block *older;
    size_t size; /* with this header */
    _Alignas(ALIGNMENT) char bytes[];
};

static struct arena_block *new_block(struct arena *arena, size_t size)
{
    struct arena_block *block = malloc(size);
    if (!block) abort();
    block->size = size;
    arena->total += size;
    POISON(block->bytes, size - sizeof *block);
    return block;
}

static void use_block(struct arena *arena, struct arena_block *block)
{
    arena->newest = block;
    arena->next = block->bytes;
    arena->limit = (char *)block + block->size;
}

static void *alloc_slowly(struct arena *arena, size_t size)
{
    size_t whole = size + sizeof(struct arena_block);
    if (whole > BLOCK_MAX && arena->newest) {
        struct arena_block *own = new_block(arena, whole);
        own->older = arena->newest->older;
        arena->newest->older = own;
        return own->bytes;
    }
    size_t block_size = BLOCK_MIN;
    if (arena->newest) block_size = arena->newest->size < BLOCK_MAX ? arena->newest->size * 2 : BLOCK_MAX;
    while (block_size < whole && block_size < BLOCK_MAX) block_size *= 2;
    struct arena_block *block = new_block(arena, block_size < whole ? whole : block_size);
    block->older = arena->newest;
    use_block(arena, block);
    arena->next += size;
    return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) abort();
    size_t rounded = size ? (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : ALIGNMENT;
    void *at = arena->next;
    if (__builtin_expect((size_t)(arena->limit - arena->next) >= rounded, 1)) arena->next += rounded;
    else at = alloc_slowly(arena, rounded);
    UNPOISON(at, size);
    return at;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) abort();
    return arena_zalloc(arena, bytes);
}

void *arena_grow(struct arena *arena, void *elements, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return elements;
    size_t bytes, larger = *capacity ? *capacity * 2 : 8;
    if (__builtin_mul_overflow(larger, size, &bytes)) abort();
    void *grown = arena_alloc(arena, bytes);
    if (count) memcpy(grown, elements, count * size);
    *capacity = larger;
    return grown;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_alloc(arena, size + 1);
    if (size) memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    char brief[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(brief, sizeof brief, format, arguments);
    va_end(arguments);
    if (length < 0) abort();
    if ((size_t)length < sizeof brief) return arena_strndup(arena, brief, (size_t)length);

    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

static void free_block(struct arena_block *block)
{
    UNPOISON(block->bytes, block->size - sizeof *block);
    free(block);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = NULL;
    for (struct arena_block *block = arena->newest, *older; block; block = older) {
        older = block->older;
        if (!kept && block->size <= BLOCK_KEPT) kept = block;
        else free_block(block);
    }
    *arena = ARENA_INIT;
    if (!kept) return;
    kept->older = NULL;
    POISON(kept->bytes, kept->size - sizeof *kept);
    arena->total = kept->size;
    use_block(arena, kept);
}

void arena_free(struct arena *arena)
{
    for (struct arena_block *block = arena->newest, *older; block; block = older) {
        older = block->older;
        free_block(block);
    }
    *arena = ARENA_INIT;
}
