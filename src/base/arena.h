/* arena.h — memory that belongs to one operation and is freed with it.
 *
 * Nothing is freed singly. Blocks double from 4 KiB up to 1 MiB; larger requests get their own block. A
 * failed malloc aborts: every input has a limit, so an arena stays small. Not thread-safe. */
#ifndef ROSTER_BASE_ARENA_H
#define ROSTER_BASE_ARENA_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *newest;
    char *next;   /* first free byte of the newest block */
    char *limit;  /* one past its last byte */
    size_t total; /* bytes of all blocks */
};

/* An arena that is all zeroes is empty and ready for use. */
#define ARENA_INIT ((struct arena){ 0 })

/* `size` bytes aligned to 16, not cleared. Never NULL, also for size 0. */
__attribute__((malloc, returns_nonnull)) void *arena_alloc(struct arena *arena, size_t size);

/* The same, cleared. */
__attribute__((malloc, returns_nonnull)) void *arena_zalloc(struct arena *arena, size_t size);

/* `count` elements of `size` bytes, cleared; aborts if the product overflows. */
__attribute__((malloc, returns_nonnull)) void *arena_array(struct arena *arena, size_t count, size_t size);

/* Room for one more behind `count` elements of `size` bytes: the same ones, or a copy with twice the capacity; the old ones stay
 * until the arena ends, so a list takes at most twice its memory. The new part is not cleared. */
__attribute__((returns_nonnull)) void *arena_grow(struct arena *arena, void *elements, size_t count, size_t *capacity,
                                                  size_t size);

/* Copy of a C string; NULL for NULL. */
char *arena_strdup(struct arena *arena, const char *text);

/* Copy of `size` bytes with a terminating zero added. */
__attribute__((returns_nonnull)) char *arena_strndup(struct arena *arena, const char *text, size_t size);

PRINTF_LIKE(2, 3) __attribute__((returns_nonnull)) char *arena_printf(struct arena *arena, const char *format, ...);

/* Forgets everything but keeps one block (at most 64 KiB) for reuse. */
void arena_reset(struct arena *arena);

/* Frees everything; the arena is as after ARENA_INIT. */
void arena_free(struct arena *arena);

#endif
