/* head.c — what the library lets pass and HTTP (RFC 9112) does not.
 *
 * Two readings of one request (ours and a proxy's before us) are how requests are smuggled, so everything that could be read in
 * two ways is refused: lengths that repeat or contradict, names with white space or control bytes, line breaks inside values.
 * What the library refuses by itself (a line without a colon, a Content-Length that is no number, a head that is larger than its
 * memory) never gets here. */
#include "net/head.h"

#include <string.h>
#include <strings.h>

/* Characters of a token, RFC 9110 section 5.6.2: bit c%32 of word c/32. */
static const uint32_t token_characters[8] = { 0, 0x03FF6CFA, 0xC7FFFFFE, 0x57FFFFFF };

static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!(token_characters[c / 32] >> c % 32 & 1)) return false;
    }
    return size > 0;
}

static bool is_control(unsigned char c, bool tab_too)
{
    return (c < 0x20 && (tab_too || c != '\t')) || c == 0x7F;
}

/* Eight bytes at a time: is any of them under 0x20 or 0x7F? Cookies and tokens are long, and this runs for every request. */
static bool has_suspect(const char *text, size_t size)
{
    static const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t suspect = 0;
    for (; size >= 8; text += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        uint64_t deleted = word ^ ones * 0x7F;
        suspect |= ((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted);
    }
    if (suspect & high) return true;
    for (; size; text++, size--) {
        if (is_control((unsigned char)*text, true)) return true;
    }
    return false;
}

static bool is_value(const char *text, size_t size)
{
    if (!has_suspect(text, size)) return true;
    for (size_t i = 0; i < size; i++) {
        if (is_control((unsigned char)text[i], false)) return false;
    }
    return true;
}

static bool is_target(const char *text)
{
    for (; *text; text++) {
        if (*text == ' ' || is_control((unsigned char)*text, true)) return false;
    }
    return true;
}

static void complain(struct head *head, const char *complaint)
{
    if (!head->complaint) head->complaint = complaint;
}

static void take(struct head *head, const char **field, const char *value, const char *complaint)
{
    if (*field) complain(head, complaint);
    else *field = value;
}

static bool is_named(const char *name, const char *expected, size_t size)
{
    return !strncasecmp(name, expected, size);
}

static const char gap[] = "a line of the head is folded, has a zero byte or does not end with CR LF";

static enum MHD_Result read_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
                                   size_t value_size)
{
    struct head *head = context;
    (void)kind;
    if (!value) value = "";
    if (head->line_end && name != head->line_end + 2) complain(head, gap);
    if (head->line_end) head->line_end = value + value_size;
    if (!is_token(name, name_size)) complain(head, "a header's name has a character that is not allowed there");
    if (!is_value(value, value_size)) complain(head, "a header's value has a control character");
    switch (name_size) {
    case 4:
        if (is_named(name, "Host", 4)) take(head, &head->host, value, "Host was sent twice");
        break;
    case 12:
        if (is_named(name, "Content-Type", 12)) take(head, &head->content_type, value, "Content-Type was sent twice");
        break;
    case 13:
        if (is_named(name, "Authorization", 13)) take(head, &head->authorization, value, "Authorization was sent twice");
        break;
    case 14:
        if (is_named(name, "Content-Length", 14)) take(head, &head->content_length, value, "Content-Length was sent twice");
        break;
    case 15:
        if (is_named(name, "Roster-At-Least", 15)) {
            head->at_least_repeated = head->at_least != NULL;
            head->at_least = value;
        }
        break;
    case 17:
        if (is_named(name, "Transfer-Encoding", 17)) {
            take(head, &head->transfer_encoding, value, "Transfer-Encoding was sent twice");
        }
        break;
    default:
        break;
    }
    return MHD_YES;
}

static void read_length(struct head *head)
{
    if (!head->content_length[0]) complain(head, "Content-Length is empty");
    for (const char *at = head->content_length; *at; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(head->body_size, 10, &head->body_size) ||
            __builtin_add_overflow(head->body_size, (uint64_t)(*at - '0'), &head->body_size)) {
            complain(head, "Content-Length is not a number");
            return;
        }
    }
}

static size_t head_size(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

void head_read(struct MHD_Connection *connection, const struct request *request, const char *method, const char *version,
               struct head *ret_head)
{
    *ret_head = (struct head){ .complaint = NULL, .size = head_size(connection) };
    bool old = !strcmp(version, "HTTP/1.0");
    bool gapless = MHD_get_version()[0] == '0'; /* "0.9.75" */
    if (gapless) ret_head->line_end = version + strlen(version);
    if (request->path[0] != '/' && strcmp(request->path, "*") != 0) complain(ret_head, "the request's target is not a path");
    if (!is_target(request->path) || !is_target(request->query))
        complain(ret_head, "the path has a space or a control character");
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, read_header, ret_head);
    if (gapless && ret_head->line_end + 4 != method + ret_head->size) complain(ret_head, gap);
    if (!ret_head->host && !old) complain(ret_head, "Host is missing");
    if (ret_head->transfer_encoding) {
        ret_head->chunked = true;
        if (ret_head->content_length) complain(ret_head, "Content-Length was sent together with Transfer-Encoding");
        if (old) complain(ret_head, "HTTP/1.0 has no Transfer-Encoding");
        if (strcasecmp(ret_head->transfer_encoding, "chunked") != 0) complain(ret_head, "the only Transfer-Encoding is chunked");
    }
    if (ret_head->content_length) read_length(ret_head);
}

enum method head_method(const char *name)
{
    for (enum method method = METHOD_GET; method < METHOD_OTHER; method++) {
        if (!strcmp(name, method_name(method))) return method;
    }
    return METHOD_OTHER;
}
