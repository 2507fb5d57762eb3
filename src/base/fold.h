/* fold.h — comparing names without regard to case and Unicode form.
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

/* The folded form in the arena, zero-terminated; *ret_size is its length in bytes (at most 3 times longer).
 * `text` must be valid UTF-8; if it is not, the bytes are copied with ASCII letters lowered. */
const char *fold_text(struct arena *arena, const char *text, size_t size, size_t *ret_size);

#endif
