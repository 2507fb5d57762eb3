/* buf.h — a growing byte buffer with a ceiling; what JSON is written into.
 *
 * Invariants: `size` <= `capacity` <= `max`. When an append would pass `max`, `overflow` is set, the
 * append does nothing, and every later append does nothing either: check `overflow` once at the end.
 * A failed malloc aborts. Not thread-safe. */
#ifndef ROSTER_BASE_BUF_H
#define ROSTER_BASE_BUF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *bytes; /* malloc'ed; NULL while nothing was appended */
    size_t size;
    size_t capacity;
    size_t max;
    bool overflow;
};

#define BUF_INIT(ceiling) ((struct buf){ .max = (ceiling) })

/* Makes room for `more` bytes; false (and overflow set) if that passes the ceiling. */
bool buf_grow(struct buf *buf, size_t more);

/* Where the next `more` bytes may be written, or NULL on overflow; then call buf_wrote(). */
static inline char *buf_room(struct buf *buf, size_t more)
{
    if (__builtin_expect(buf->capacity - buf->size < more || buf->overflow, 0) && !buf_grow(buf, more)) return NULL;
    return buf->bytes + buf->size;
}

static inline void buf_wrote(struct buf *buf, size_t count)
{
    buf->size += count;
}

static inline void buf_add(struct buf *buf, const void *bytes, size_t size)
{
    if (size == 0) return;
    char *room = buf_room(buf, size);
    if (!room) return;
    memcpy(room, bytes, size);
    buf->size += size;
}

static inline void buf_add_char(struct buf *buf, char c)
{
    char *room = buf_room(buf, 1);
    if (!room) return;
    *room = c;
    buf->size += 1;
}

/* Appends a string literal without counting it at run time. */
#define buf_add_literal(buf, literal) buf_add((buf), "" literal, sizeof(literal) - 1)

/* Appends a C string. */
void buf_add_text(struct buf *buf, const char *text);

PRINTF_LIKE(2, 3) void buf_printf(struct buf *buf, const char *format, ...);

/* A decimal number as text, somewhere in `room`. */
enum { NUMBER_TEXT_SIZE = 21 };
const char *number_text(int64_t number, char room[NUMBER_TEXT_SIZE]);

/* Appends a decimal number. */
void buf_add_number(struct buf *buf, int64_t number);

/* Ensures a terminating zero behind the content (not counted in `size`); returns the content, "" if empty. */
const char *buf_cstr(struct buf *buf);

/* Empties it and keeps the memory; clears `overflow`. */
void buf_reset(struct buf *buf);

/* Frees the memory; the ceiling stays. */
void buf_free(struct buf *buf);

/* Hands the bytes (malloc'ed, caller frees; may be NULL if empty) to the caller and empties the buf. */
char *buf_detach(struct buf *buf, size_t *ret_size);

#endif
