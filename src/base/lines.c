#include "base/lines.h"

#include "base/memory.h"

enum { READ_SIZE = 1 << 18 };

/* Makes room behind what is left and reads on; false at the end of the file. */
static bool read_more(struct lines *lines)
{
    if (lines->at_end) return false;
    if (!lines->bytes) lines->bytes = memory_alloc(lines->max + 2 + READ_SIZE);
    memmove(lines->bytes, lines->bytes + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    size_t size = fread(lines->bytes + lines->end, 1, READ_SIZE, lines->file);
    lines->end += size;
    lines->at_end = size == 0;
    return size > 0;
}

static enum lines_result give(struct lines *lines, size_t size, size_t end_size, const char **ret_text, size_t *ret_size)
{
    const char *text = lines->bytes + lines->start;
    lines->start += size + end_size;
    lines->total += (int64_t)(size + end_size);
    if (size && text[size - 1] == '\r') size--;
    if (size > lines->max) return LINES_TOO_LONG;
    *ret_text = text;
    *ret_size = size;
    return LINES_ONE;
}

/* Forgets the rest of a line that has passed the limit. */
static enum lines_result skip(struct lines *lines)
{
    for (;;) {
        char *end = memchr(lines->bytes + lines->start, '\n', lines->end - lines->start);
        size_t size = end ? (size_t)(end + 1 - (lines->bytes + lines->start)) : lines->end - lines->start;
        lines->start += size;
        lines->total += (int64_t)size;
        if (end || !read_more(lines)) return LINES_TOO_LONG;
    }
}

enum lines_result lines_next(struct lines *lines, const char **ret_text, size_t *ret_size)
{
    size_t searched = 0;
    for (;;) {
        size_t held = lines->end - lines->start;
        char *end = held > searched ? memchr(lines->bytes + lines->start + searched, '\n', held - searched) : NULL;
        if (end) return give(lines, (size_t)(end - (lines->bytes + lines->start)), 1, ret_text, ret_size);
        if (held > lines->max + 1) return skip(lines);
        searched = held;
        if (read_more(lines)) continue;
        if (ferror(lines->file)) return LINES_FAILED;
        return held ? give(lines, held, 0, ret_text, ret_size) : LINES_END;
    }
}

void lines_free(struct lines *lines)
{
    free(lines->bytes);
    *lines = (struct lines){ 0 };
}
