/* digest.h — SHA-256 by OpenSSL's libcrypto. */
#ifndef ROSTER_BASE_DIGEST_H
#define ROSTER_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 65 };

struct digest {
    uint8_t bytes[DIGEST_SIZE];
};

/* SHA-256 of `size` bytes; context is kept per thread, about 0.2 us for a token. Aborts if libcrypto fails. */
struct digest digest_of(const void *bytes, size_t size);

/* The same of bytes that come in pieces; _end frees it. */
struct digest_stream;
struct digest_stream *digest_stream_new(void);
void digest_stream_add(struct digest_stream *stream, const void *bytes, size_t size);
struct digest digest_stream_end(struct digest_stream *stream);

/* Compares in time that does not depend on where the two differ. */
bool digest_equal(const struct digest *a, const struct digest *b);

/* Lower-case hexadecimal with a zero byte. */
void digest_format(char out[DIGEST_HEX_SIZE], const struct digest *digest);

/* Reads 64 hexadecimal digits of any case; false if malformed. */
bool digest_parse(const char *text, size_t size, struct digest *ret_digest);

/* Random bytes fit for secrets (OpenSSL RAND_bytes). Aborts if the generator fails. */
void random_bytes(void *out, size_t size);

#endif
