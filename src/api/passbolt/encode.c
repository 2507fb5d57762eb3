/* encode.c — texts sixteen bytes at a time: plain ASCII is copied, each other character is written by itself. */
#include "api/passbolt/encode.h"

#include "base/clock.h"

#include <string.h>

/* --- texts --- */

/* What stands for an ASCII character that is not plain; of size 0: \u00xx for a control, else it is plain. */
static const struct {
    uint8_t size;
    char text[7];
} escapes[128] = {
    ['"'] = { 6, "\\u0022" }, ['&'] = { 6, "\\u0026" }, ['\''] = { 6, "\\u0027" }, ['<'] = { 6, "\\u003C" },
    ['>'] = { 6, "\\u003E" }, ['/'] = { 2, "\\/" },     ['\\'] = { 2, "\\\\" },    ['\b'] = { 2, "\\b" },
    ['\f'] = { 2, "\\f" },    ['\n'] = { 2, "\\n" },    ['\r'] = { 2, "\\r" },     ['\t'] = { 2, "\\t" },
};

static inline bool is_plain(char c)
{
    return (signed char)c >= 0x20 && escapes[(unsigned char)c].size == 0;
}

/* Bytes side by side; compared with something, each becomes -1 where it is so, else 0. */
typedef signed char chunk __attribute__((vector_size(16)));
typedef int64_t chunk_halves __attribute__((vector_size(16)));

/* True if all are. What is not ASCII is negative; & and ' differ in the lowest bit only, < and > in the second. */
static inline bool chunk_is_plain(chunk bytes)
{
    chunk special = (chunk)(bytes < 0x20) | (chunk)(bytes == '"') | (chunk)((bytes | 1) == '\'') | (chunk)(bytes == '/') |
                    (chunk)((bytes | 2) == '>') | (chunk)(bytes == '\\');
    chunk_halves halves = (chunk_halves)special;
    return (halves[0] | halves[1]) == 0;
}

/* Copies up to the first byte that is not plain; returns how many. `to` has room for `size`, all may be written. */
static inline size_t copy_plain(char *to, const char *from, size_t size)
{
    size_t at = 0;
    chunk bytes;
    for (; size - at >= sizeof bytes; at += sizeof bytes) {
        memcpy(&bytes, from + at, sizeof bytes);
        if (!chunk_is_plain(bytes)) break;
        memcpy(to + at, &bytes, sizeof bytes);
    }
    if (size >= sizeof bytes && size - at < sizeof bytes) { /* the rest, together with some bytes already copied */
        memcpy(&bytes, from + size - sizeof bytes, sizeof bytes);
        if (chunk_is_plain(bytes)) {
            memcpy(to + size - sizeof bytes, &bytes, sizeof bytes);
            return size;
        }
    }
    for (; at < size && is_plain(from[at]); at++) to[at] = from[at];
    return at;
}

/* The character that `text` begins with and its size in bytes; U+FFFD and one byte if it is malformed or cut off. */
static size_t take_character(const char *text, size_t size, uint32_t *ret_character)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char lead = (unsigned char)text[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
    *ret_character = 0xFFFD;
    if (length == 0 || length > size) return 1;
    uint32_t character = length == 1 ? lead : lead & (0x7FU >> length);
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80) return 1;
        character = character << 6 | ((unsigned char)text[i] & 0x3FU);
    }
    if (character < smallest[length] || character > 0x10FFFF || (character >= 0xD800 && character < 0xE000)) return 1;
    *ret_character = character;
    return length;
}

static char *put_unit(char *to, uint32_t unit)
{
    static const char digits[] = "0123456789abcdef";
    *to++ = '\\';
    *to++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) *to++ = digits[unit >> shift & 15];
    return to;
}

static char *put_character(char *to, uint32_t character)
{
    if (character < 0x80 && escapes[character].size) {
        memcpy(to, escapes[character].text, escapes[character].size);
        return to + escapes[character].size;
    }
    if (character < 0x10000) return put_unit(to, character);
    to = put_unit(to, 0xD800 + ((character - 0x10000) >> 10));
    return put_unit(to, 0xDC00 + ((character - 0x10000) & 0x3FF));
}

/* Appends the characters up to the next plain one, or some of them; returns their bytes. */
static size_t add_special(struct buf *out, const char *text, size_t size)
{
    enum { AT_ONCE = 32, LONGEST = 12 }; /* characters, and bytes that one becomes */
    size_t at = 0, most = size < AT_ONCE ? size : AT_ONCE;
    char *room = buf_room(out, most * LONGEST), *to = room;
    if (!room) return size;
    for (size_t i = 0; i < most && at < size && !is_plain(text[at]); i++) {
        uint32_t character;
        at += take_character(text + at, size - at, &character);
        to = put_character(to, character);
    }
    buf_wrote(out, (size_t)(to - room));
    return at;
}

void passbolt_add_text(struct buf *out, const char *text, size_t size)
{
    buf_add_char(out, '"');
    for (size_t at = 0; at < size;) {
        char *to = buf_room(out, size - at);
        if (!to) return;
        size_t plain = copy_plain(to, text + at, size - at);
        buf_wrote(out, plain);
        at += plain;
        if (at < size) at += add_special(out, text + at, size - at);
    }
    buf_add_char(out, '"');
}

void passbolt_add_string(struct buf *out, const char *text)
{
    passbolt_add_text(out, text, strlen(text));
}

/* --- other values --- */

void passbolt_add_date(struct buf *out, int64_t time_us)
{
    enum { DATE_AND_TIME = 19 };
    if (time_us == 0) {
        passbolt_add_null(out);
        return;
    }
    char text[CLOCK_TEXT_SIZE];
    clock_format(text, time_us); /* a fraction, and the Z, stand behind what is taken */
    buf_add_char(out, '"');
    buf_add(out, text, DATE_AND_TIME);
    buf_add_literal(out, "+00:00\"");
}

void passbolt_add_uuid(struct buf *out, const struct uuid *uuid)
{
    char *room = buf_room(out, UUID_TEXT_SIZE + 1);
    if (!room) return;
    room[0] = '"';
    uuid_format(room + 1, uuid);
    room[UUID_TEXT_SIZE] = '"';
    buf_wrote(out, UUID_TEXT_SIZE + 1);
}

bool passbolt_uuid_parse(const char *text, size_t size, struct uuid *ret_uuid)
{
    static const char nil[] = "00000000-0000-0000-0000-000000000000";
    if (size != UUID_TEXT_SIZE - 1) return false;
    if (text[14] < '0' || text[14] > '5' || !memchr("089aAbB", text[19], 7)) return false;
    if (memcmp(text, nil, size) != 0) return uuid_parse(text, size, ret_uuid);
    *ret_uuid = (struct uuid){ 0 };
    return true;
}
