/* envelope.c — the header, member by member in the original's order. */
#include "api/passbolt/envelope.h"

#include "api/passbolt/encode.h"

#include <string.h>

static const struct {
    const char *name, *title, *id;
} actions[] = {
#define X(name, text, title, id) { text, title, id },
    PASSBOLT_ACTIONS(X)
#undef X
};

const char *passbolt_action_name(enum passbolt_action action)
{
    return actions[action].name;
}

const char *passbolt_action_id(enum passbolt_action action)
{
    return actions[action].id;
}

enum passbolt_action passbolt_action_find(const char *name)
{
    for (size_t i = 0; name && i < PASSBOLT_ACTION_COUNT; i++)
        if (strcmp(actions[i].name, name) == 0) return (enum passbolt_action)i;
    return PASSBOLT_ERROR;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Unreserved characters, sub-delimiters and : @ / ? pass, and escapes that are whole. */
static bool is_url_character(const char *at)
{
    unsigned char c = (unsigned char)*at;
    if (c == '%') return is_hex(at[1]) && is_hex(at[2]);
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return true;
    return (c >= '0' && c <= '9') || (c && strchr("-._~!$&'()*+,;=:@/?", c));
}

/* Writes `text` as JSON inside a URL; returns where it ended. Needs six bytes for each of `text`. */
static char *put_url(char *to, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (!is_url_character(text)) {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        } else if (c == '/') {
            *to++ = '\\';
            *to++ = '/';
        } else if (c == '&' || c == '\'') {
            memcpy(to, c == '&' ? "\\u0026" : "\\u0027", 6);
            to += 6;
        } else {
            *to++ = (char)c;
        }
    }
    return to;
}

static void add_url(struct buf *out, const char *path, const char *query)
{
    char *room = buf_room(out, 6 * (strlen(path) + strlen(query)) + 3);
    if (!room) return;
    char *to = room;
    *to++ = '"';
    to = put_url(to, path);
    if (*query) {
        *to++ = '?';
        to = put_url(to, query);
    }
    *to++ = '"';
    buf_wrote(out, (size_t)(to - room));
}

static void add_title(struct buf *out, const struct passbolt_header *header)
{
    buf_add_literal(out, ",\"title\":\"");
    buf_add_text(out, actions[header->action].title);
    if (header->error) buf_add_literal(out, "_error\"");
    else buf_add_literal(out, "_success\"");
}

void passbolt_begin_envelope(struct buf *out, const struct passbolt_header *header)
{
    buf_add_literal(out, "{\"header\":{\"id\":\"");
    buf_add_text(out, header->id);
    if (header->error) buf_add_literal(out, "\",\"status\":\"error\",\"servertime\":");
    else buf_add_literal(out, "\",\"status\":\"success\",\"servertime\":");
    passbolt_add_number(out, header->now / 1000000);
    if (header->profile == PASSBOLT_2) add_title(out, header);
    buf_add_literal(out, ",\"action\":\"");
    buf_add_text(out, actions[header->action].id);
    buf_add_literal(out, "\",\"message\":");
    passbolt_add_string(out, header->message);
    buf_add_literal(out, ",\"url\":");
    add_url(out, header->path, header->query);
    buf_add_literal(out, ",\"code\":");
    passbolt_add_number(out, header->code);
    buf_add_literal(out, "},\"body\":");
}

void passbolt_end_envelope(struct buf *out)
{
    buf_add_char(out, '}');
}
