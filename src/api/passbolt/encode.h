/* encode.h — values as the original writes them, which is PHP's json_encode with JSON_HEX_TAG, _AMP, _APOS and _QUOT
 * (passbolt.md 2.1); and UUIDs as it reads them. What is appended is ASCII only, whatever goes in. */
#ifndef ROSTER_API_PASSBOLT_ENCODE_H
#define ROSTER_API_PASSBOLT_ENCODE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends `"..."`: < > & ' " as \u003C \u003E \u0026 \u0027 \u0022, / as \/, \ as \\, controls as \b \f \n \r \t or \u00xx,
 * what is not ASCII as \uxxxx in lower case, in pairs above U+FFFF. U+007F passes. A byte that is no UTF-8 (no caller has one)
 * becomes \ufffd. About 0.15 ns a byte for plain ASCII, 2 for what is escaped. Near the ceiling of `out` up to 384 bytes of it
 * stay unused. */
void passbolt_add_text(struct buf *out, const char *text, size_t size);

/* The same for a C string. */
void passbolt_add_string(struct buf *out, const char *text);

/* Appends `"2016-01-29T13:39:25+00:00"`: whole seconds (rounded down), UTC; null for 0, which is "not set". */
void passbolt_add_date(struct buf *out, int64_t time_us);

/* Appends `"d57c10f5-639d-5160-9c81-8a0c6c4ec856"`. */
void passbolt_add_uuid(struct buf *out, const struct uuid *uuid);

static inline void passbolt_add_number(struct buf *out, int64_t number)
{
    buf_add_number(out, number);
}

static inline void passbolt_add_bool(struct buf *out, bool value)
{
    json_add_bool(out, value);
}

static inline void passbolt_add_null(struct buf *out)
{
    buf_add_literal(out, "null");
}

/* Reads a UUID as the original checks it in paths, queries and bodies (passbolt.md 2.2): the 36-character form in any letter
 * case, version 0 to 5, variant digit 0, 8, 9, a or b. So versions 6 to 8 are refused, and the nil UUID, which uuid_parse
 * refuses, is accepted: no object has it. False leaves *ret_uuid alone. */
bool passbolt_uuid_parse(const char *text, size_t size, struct uuid *ret_uuid);

#endif
