/* fold.h — UTF-8, and comparing names without regard to case and Unicode form.
 *
 * folded = NFC(casefold(NFC(text))) by utf8proc: full case folding, so "Straße" equals "STRASSE". Text that is all
 * ASCII takes a fast path with the same result. Not locale dependent. */
#ifndef ROSTER_BASE_FOLD_H
#define ROSTER_BASE_FOLD_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8 without NUL, surrogates or over-long forms. */
bool utf8_is_valid(const char *text, size_t size);

/* Number of code points of valid UTF-8. */
size_t utf8_length(const char *text, size_t size);

/* Bytes of the first `count` code points of valid UTF-8; of the whole text if it has fewer. */
size_t utf8_prefix(const char *text, size_t count);

/* Only white space, as Unicode sees it; true for an empty text. Malformed UTF-8 is none. */
bool utf8_is_blank(const char *text, size_t size);

/* Writes the first code point of `text`, in upper case if it is a letter that has one, to `out`; returns its bytes, 0 for an
 * empty text. `text` must be valid UTF-8. */
size_t utf8_first_upper(const char *text, char out[4]);

/* The folded form in the arena, zero-terminated; *ret_size is its length in bytes (at most 3 times longer).
 * `text` must be valid UTF-8; if it is not, the bytes are copied with ASCII letters lowered. */
const char *fold_text(struct arena *arena, const char *text, size_t size, size_t *ret_size);

#endif
