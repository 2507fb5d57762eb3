/* buf.c — the parts of the buffer that are not worth inlining.
 *
 * What is malloc'ed is one byte more than `capacity`, so that buf_cstr never has to grow or to pass the ceiling. */
#include "base/buf.h"

#include "base/digits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_SIZE = 512 };

bool buf_grow(struct buf *buf, size_t more)
{
    if (buf->overflow || more > buf->max - buf->size) {
        buf->overflow = true;
        return false;
    }
    size_t needed = buf->size + more;
    if (needed <= buf->capacity) return true;
    size_t capacity = buf->capacity ? buf->capacity : FIRST_SIZE;
    while (capacity < needed) capacity = capacity > buf->max / 2 ? buf->max : capacity * 2;
    if (capacity > buf->max) capacity = buf->max;
    char *bytes = realloc(buf->bytes, capacity + 1);
    if (!bytes) abort();
    buf->bytes = bytes;
    buf->capacity = capacity;
    return true;
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    char brief[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(brief, sizeof brief, format, arguments);
    va_end(arguments);
    if (length < 0) abort();
    size_t size = (size_t)length;
    if (size < sizeof brief) {
        buf_add(buf, brief, size);
        return;
    }
    char *room = buf_room(buf, size);
    if (!room) return;
    va_start(arguments, format);
    vsnprintf(room, size + 1, format, arguments); /* the zero falls into the spare byte */
    va_end(arguments);
    buf_wrote(buf, size);
}

const char *number_text(int64_t number, char room[NUMBER_TEXT_SIZE])
{
    char *at = room + NUMBER_TEXT_SIZE - 1;
    *at = 0;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    while (rest >= 100) {
        at -= 2;
        put_pair(at, (unsigned)(rest % 100));
        rest /= 100;
    }
    if (rest >= 10) {
        at -= 2;
        put_pair(at, (unsigned)rest);
    } else {
        *--at = (char)('0' + rest);
    }
    if (number < 0) *--at = '-';
    return at;
}

void buf_add_number(struct buf *buf, int64_t number)
{
    char room[NUMBER_TEXT_SIZE];
    const char *text = number_text(number, room);
    buf_add(buf, text, (size_t)(room + NUMBER_TEXT_SIZE - 1 - text));
}

const char *buf_cstr(struct buf *buf)
{
    if (!buf->bytes) return "";
    buf->bytes[buf->size] = 0;
    return buf->bytes;
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    buf->overflow = false;
}

void buf_free(struct buf *buf)
{
    free(buf->bytes);
    *buf = BUF_INIT(buf->max);
}

char *buf_detach(struct buf *buf, size_t *ret_size)
{
    char *bytes = buf->bytes;
    *ret_size = buf->size;
    *buf = BUF_INIT(buf->max);
    return bytes;
}
