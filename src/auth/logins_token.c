/* logins_token.c — a log-in token is a version 4 UUID whose 122 free bits are 32 of the time it was made (seconds), 24 random
 * ones and 66 of an HMAC-SHA256 over organization, user, time and the random ones.
 *
 * So nothing is kept for who has not logged in, and any server with the same database can check it. To forge one takes 2^65
 * attempts on average, each a request, within five minutes. Two tokens that one user asks for in the same second are the same one
 * once in 16 million times; the second log-in then fails and is repeated. */
#include "auth/logins_parts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

enum { TIME_SIZE = 4, NONCE_SIZE = 3, MAC_SIZE = 9 };

static void put_number(uint8_t *to, uint64_t number, int size)
{
    for (int i = size; i-- > 0; number >>= 8) to[i] = (uint8_t)number;
}

static struct uuid make_token(const struct logins *logins, const struct login_user *user, uint32_t time,
                              const uint8_t nonce[NONCE_SIZE])
{
    static const char purpose[8] = "gpgauth";
    uint8_t text[sizeof purpose + 8 + 8 + TIME_SIZE + NONCE_SIZE], mac[EVP_MAX_MD_SIZE];
    memcpy(text, purpose, 8);
    put_number(text + 8, (uint64_t)user->organization_id, 8);
    put_number(text + 16, (uint64_t)user->user_id, 8);
    put_number(text + 24, time, TIME_SIZE);
    memcpy(text + 28, nonce, NONCE_SIZE);
    if (!HMAC(EVP_sha256(), logins->token_key, LOGINS_KEY_SIZE, text, sizeof text, mac, NULL)) abort();

    struct uuid token;
    put_number(token.bytes, time, TIME_SIZE);
    memcpy(token.bytes + 4, nonce, 2);
    token.bytes[6] = (uint8_t)(0x40 | (mac[0] & 0x0f)); /* version 4 */
    token.bytes[7] = nonce[2];
    token.bytes[8] = (uint8_t)(0x80 | (mac[1] & 0x3f)); /* variant 1 */
    memcpy(token.bytes + 9, mac + 2, MAC_SIZE - 2);
    return token;
}

struct uuid logins_token_make(const struct logins *logins, const struct login_user *user, int64_t now)
{
    uint8_t nonce[NONCE_SIZE];
    random_bytes(nonce, sizeof nonce);
    return make_token(logins, user, (uint32_t)(now / SECOND_US), nonce);
}

bool logins_token_check(const struct logins *logins, const struct login_user *user, const struct uuid *token, int64_t now,
                        int64_t *ret_expires_at)
{
    const uint8_t *bytes = token->bytes, nonce[NONCE_SIZE] = { bytes[4], bytes[5], bytes[7] };
    uint32_t time = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    struct uuid expected = make_token(logins, user, time, nonce);
    bool ours = CRYPTO_memcmp(expected.bytes, bytes, sizeof expected.bytes) == 0;
    int64_t made_at = time * SECOND_US;
    *ret_expires_at = made_at + LOGINS_TOKEN_US;
    return ours && now < *ret_expires_at && now >= made_at - LOGINS_CLOCK_LEEWAY_US;
}
