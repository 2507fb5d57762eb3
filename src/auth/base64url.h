/* base64url.h — bytes as JOSE writes them: RFC 4648 section 5 without padding (RFC 7515 section 2).
 *
 * Strict, so that a text has one reading and bytes have one text: no padding, no line ends, no other letters, and the bits that
 * are left over at the end are zero. */
#ifndef ROSTER_AUTH_BASE64URL_H
#define ROSTER_AUTH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

/* Are all these letters of the alphabet? True for none. */
bool base64url_is_plain(const char *text, size_t size);

/* Room that decoding a text of this size needs. */
static inline size_t base64url_decoded_max(size_t size)
{
    return size / 4 * 3 + 2;
}

/* False if malformed; then `out` may have been written to. */
bool base64url_decode(unsigned char *out, const char *text, size_t size, size_t *ret_size);

/* Room that encoding so many bytes needs, with a terminating zero. */
static inline size_t base64url_encoded_max(size_t size)
{
    return size / 3 * 4 + 4;
}

/* Writes the text with a terminating zero; returns its length. */
size_t base64url_encode(char *out, const void *bytes, size_t size);

#endif
