/* uuid.c — version 4 UUIDs from a pool of random bytes each thread keeps: one call of the generator costs more than
 * the bytes. A copy of the process (fork) would hand out the same UUIDs again; Roster does not fork. */
#include "base/uuid.h"

#include "base/digest.h"
#include "base/hex.h"

enum { POOL_COUNT = 128 };

static _Thread_local struct {
    struct uuid uuids[POOL_COUNT];
    size_t left;
} pool;

struct uuid uuid_random(void)
{
    if (pool.left == 0) {
        random_bytes(pool.uuids, sizeof pool.uuids);
        pool.left = POOL_COUNT;
    }
    struct uuid uuid = pool.uuids[--pool.left];
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40); /* RFC 9562 section 5.4: version, then variant */
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}

/* Where byte i stands in the text; the gaps are the dashes. */
static const uint8_t places[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };

void uuid_format(char out[UUID_TEXT_SIZE], const struct uuid *uuid)
{
    for (size_t i = 0; i < 16; i++) put_hex(out + places[i], uuid->bytes[i]);
    out[8] = out[13] = out[18] = out[23] = '-';
    out[36] = 0;
}

bool uuid_parse_or_nil(const char *text, size_t size, struct uuid *ret_uuid)
{
    if (size != UUID_TEXT_SIZE - 1) return false;
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
    struct uuid uuid;
    for (size_t i = 0; i < 16; i++) {
        int byte = hex_pair(text + places[i]);
        if (byte < 0) return false;
        uuid.bytes[i] = (uint8_t)byte;
    }
    *ret_uuid = uuid;
    return true;
}

bool uuid_parse(const char *text, size_t size, struct uuid *ret_uuid)
{
    struct uuid uuid;
    if (!uuid_parse_or_nil(text, size, &uuid) || uuid_is_nil(&uuid)) return false;
    *ret_uuid = uuid;
    return true;
}

bool uuid_is_nil(const struct uuid *uuid)
{
    static const struct uuid nil;
    return memcmp(uuid, &nil, sizeof nil) == 0;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
