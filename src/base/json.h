/* json.h — JSON out by appending, JSON in by jansson with limits. */
#ifndef ROSTER_BASE_JSON_H
#define ROSTER_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 32 };

/* Appends `"..."`. Escapes only what RFC 8259 section 7 demands (quote, backslash, controls: \b \t \n \f
 * \r by letter, others as \u00xx in lower case); everything else passes as UTF-8. `text` must be valid UTF-8. */
void json_add_text(struct buf *out, const char *text, size_t size);

/* The same for a C string. */
void json_add_string(struct buf *out, const char *text);

void json_add_bool(struct buf *out, bool value);

/* Parses one JSON text that must fill `bytes` (white space around it is allowed).
 * Refused with ERR_INVALID and a text naming line (if there are several) and column, or the reason: bad syntax, bad UTF-8, a NUL
 * in a string, a member named twice in one object, a number out of range, nesting deeper than JSON_DEPTH_MAX (checked before
 * parsing), an empty text. Scalars at the top are allowed. The caller owns *ret_json (json_decref). */
MUST_USE enum err json_parse(struct failure *failure, const char *bytes, size_t size, json_t **ret_json);

/* The member of an object by its name, whatever the case of ASCII letters; the last of several. NULL if there is none, or if
 * `object` is no object. Borrowed. */
json_t *json_get_any_case(const json_t *object, const char *name);

/* "an object", "an array", "a string", "a number", "true or false", "null"; static. */
const char *json_kind_name(const json_t *value);

#endif
