/* json.c — texts out, eight bytes at a time; whole values in, by jansson. */
#include "base/json.h"

#include "base/fold.h"

#include <string.h>
#include <strings.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline bool byte_needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* True if any of the eight bytes does. A borrow can only make a byte above a true one look wrong. */
static inline bool word_needs_escape(uint64_t word)
{
    uint64_t quotes = word ^ EACH('"');
    uint64_t slashes = word ^ EACH('\\');
    uint64_t controls = (word - EACH(0x20)) & ~word;
    return ((controls | ((quotes - EACH(1)) & ~quotes) | ((slashes - EACH(1)) & ~slashes)) & EACH(0x80)) != 0;
}

/* Copies up to the first byte that needs an escape; returns how many. `to` has room for `size`, all may be written. */
static inline size_t copy_plain(char *to, const char *from, size_t size)
{
    size_t at = 0;
    uint64_t word;
    for (; size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, from + at, sizeof word);
        if (word_needs_escape(word)) break;
        memcpy(to + at, &word, sizeof word);
    }
    if (size >= sizeof word && size - at < sizeof word) { /* the rest, together with some bytes already copied */
        memcpy(&word, from + size - sizeof word, sizeof word);
        if (!word_needs_escape(word)) {
            memcpy(to + size - sizeof word, &word, sizeof word);
            return size;
        }
    }
    for (; at < size && !byte_needs_escape((unsigned char)from[at]); at++) to[at] = from[at];
    return at;
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    switch (c) {
    case '"':
        buf_add_literal(out, "\\\"");
        return;
    case '\\':
        buf_add_literal(out, "\\\\");
        return;
    case '\b':
        buf_add_literal(out, "\\b");
        return;
    case '\t':
        buf_add_literal(out, "\\t");
        return;
    case '\n':
        buf_add_literal(out, "\\n");
        return;
    case '\f':
        buf_add_literal(out, "\\f");
        return;
    case '\r':
        buf_add_literal(out, "\\r");
        return;
    default:
        break;
    }
    char escape[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
    buf_add(out, escape, sizeof escape);
}

void json_add_text(struct buf *out, const char *text, size_t size)
{
    char *to = buf_room(out, size + 2);
    if (!to) return;
    *to = '"';
    size_t at = copy_plain(to + 1, text, size);
    buf_wrote(out, at + 1);
    while (at < size) {
        add_escape(out, (unsigned char)text[at++]);
        to = buf_room(out, size - at + 1);
        if (!to) return;
        size_t plain = copy_plain(to, text + at, size - at);
        buf_wrote(out, plain);
        at += plain;
    }
    buf_add_char(out, '"');
}

void json_add_string(struct buf *out, const char *text)
{
    json_add_text(out, text, strlen(text));
}

void json_add_bool(struct buf *out, bool value)
{
    if (value) buf_add_literal(out, "true");
    else buf_add_literal(out, "false");
}

/* jansson recurses for each level and would only stop at 2048. */
static bool is_too_deep(const char *bytes, size_t size)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (in_string) {
            if (c == '\\') i++;
            else if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

static bool is_blank(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!memchr(" \t\r\n", bytes[i], 4)) return false;
    return true;
}

/* jansson quotes a little of what it read, which may be anything. */
static const char *make_printable(char *text)
{
    if (!utf8_is_valid(text, strlen(text))) return "malformed text";
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20) *at = ' ';
    return text;
}

enum err json_parse(struct failure *failure, const char *bytes, size_t size, json_t **ret_json)
{
    if (is_blank(bytes, size)) return failure_set(failure, ERR_INVALID, "", "the JSON text is empty");
    if (is_too_deep(bytes, size))
        return failure_set(failure, ERR_INVALID, "", "the JSON text is nested deeper than %d levels", JSON_DEPTH_MAX);
    json_error_t error;
    json_t *json = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json) {
        const char *reason = make_printable(error.text);
        if (error.column < 0)
            return failure_set(failure, ERR_INVALID, "", "the JSON text is malformed in line %d: %s", error.line, reason);
        if (!memchr(bytes, '\n', size)) /* it may be a line of a file, whose number is told by who reads that */
            return failure_set(failure, ERR_INVALID, "", "the JSON text is malformed at column %d: %s", error.column, reason);
        return failure_set(failure, ERR_INVALID, "", "the JSON text is malformed at line %d, column %d: %s", error.line,
                           error.column, reason);
    }
    *ret_json = json;
    return ERR_OK;
}

json_t *json_get_any_case(const json_t *object, const char *name)
{
    json_t *found = NULL, *value;
    const char *key;
    json_object_foreach((json_t *)object, key, value)
    { /* in the order of the text; the macro wants it mutable, nothing is changed */
        if (strcasecmp(key, name) == 0) found = value;
    }
    return found;
}

const char *json_kind_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}
