/* uuid.c — version 4 UUIDs from a pool of random bytes each thread keeps: one call of the generator costs more than
 * the bytes. A copy of the process (fork) would hand out the same UUIDs again; Roster does not fork. */
#include "base/uuid.h"

#include "base/digest.h"
#include "base/hex.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_COUNT = 128 };

static _Thread_local struct {
    struct uuid uuids[POOL_COUNT];
    size_t left;
} pool;

/* RFC 9562 sections 4.1 and 4.2: version and variant have their places in random or hashed bytes. */
static struct uuid marked(struct uuid uuid, unsigned version)
{
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | version << 4);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}

struct uuid uuid_random(void)
{
    if (pool.left == 0) {
        random_bytes(pool.uuids, sizeof pool.uuids);
        pool.left = POOL_COUNT;
    }
    return marked(pool.uuids[--pool.left], 4);
}

struct uuid uuid_derive(const struct uuid *space, const char *name)
{
    struct uuid uuid;
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || !EVP_DigestInit_ex(context, EVP_sha1(), NULL) || !EVP_DigestUpdate(context, space, sizeof *space) ||
        !EVP_DigestUpdate(context, name, strlen(name)) || !EVP_DigestFinal_ex(context, hash, NULL))
        abort();
    EVP_MD_CTX_free(context);
    memcpy(&uuid, hash, sizeof uuid);
    return marked(uuid, 5);
}

/* Where byte i stands in the text; the gaps are the dashes. */
static const uint8_t places[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };

/* Sixteen values side by side. Answers are made of UUIDs: all digits of one at once take a quarter of the time of a loop. */
typedef signed char chunk __attribute__((vector_size(16)));

static inline chunk digits_of(chunk values)
{
    return values + '0' + ((values > 9) & ('a' - '0' - 10));
}

void uuid_format(char out[UUID_TEXT_SIZE], const struct uuid *uuid)
{
    typedef unsigned char bytes __attribute__((vector_size(16)));
    bytes all;
    char digits[32];
    memcpy(&all, uuid, sizeof all);
    chunk high = (chunk)(all >> 4), low = (chunk)(all & 15);
    chunk first = digits_of(__builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    chunk second = digits_of(__builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
    memcpy(digits, &first, sizeof first);
    memcpy(digits + 16, &second, sizeof second);
    memcpy(out, digits, 8);
    memcpy(out + 9, digits + 8, 4);
    memcpy(out + 14, digits + 12, 4);
    memcpy(out + 19, digits + 16, 4);
    memcpy(out + 24, digits + 20, 12);
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
