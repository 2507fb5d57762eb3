/* digest.c — SHA-256 and random bytes by libcrypto.
 *
 * Looking the algorithm up by name and making a context cost several times the hashing of a token, so the one is
 * done once for the process and the other once for each thread. */
#include "base/digest.h"

#include "base/hex.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key; /* only for its destructor */
static EVP_MD *sha256;
static _Thread_local EVP_MD_CTX *thread_context;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
    thread_context = NULL;
}

static void prepare(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256 || pthread_key_create(&context_key, free_context) != 0) abort();
}

static EVP_MD_CTX *get_context(void)
{
    if (thread_context) return thread_context;
    pthread_once(&once, prepare);
    thread_context = EVP_MD_CTX_new();
    if (!thread_context || pthread_setspecific(context_key, thread_context) != 0) abort();
    return thread_context;
}

struct digest digest_of(const void *bytes, size_t size)
{
    EVP_MD_CTX *context = get_context();
    struct digest digest;
    if (!EVP_DigestInit_ex(context, sha256, NULL) || !EVP_DigestUpdate(context, bytes, size) ||
        !EVP_DigestFinal_ex(context, digest.bytes, NULL))
        abort();
    return digest;
}

struct digest_stream *digest_stream_new(void)
{
    pthread_once(&once, prepare);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || !EVP_DigestInit_ex(context, sha256, NULL)) abort();
    return (struct digest_stream *)context;
}

void digest_stream_add(struct digest_stream *stream, const void *bytes, size_t size)
{
    if (!EVP_DigestUpdate((EVP_MD_CTX *)stream, bytes, size)) abort();
}

struct digest digest_stream_end(struct digest_stream *stream)
{
    struct digest digest;
    if (!EVP_DigestFinal_ex((EVP_MD_CTX *)stream, digest.bytes, NULL)) abort();
    EVP_MD_CTX_free((EVP_MD_CTX *)stream);
    return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a, b, sizeof *a) == 0;
}

void digest_format(char out[DIGEST_HEX_SIZE], const struct digest *digest)
{
    for (size_t i = 0; i < DIGEST_SIZE; i++) put_hex(out + 2 * i, digest->bytes[i]);
    out[DIGEST_HEX_SIZE - 1] = 0;
}

bool digest_parse(const char *text, size_t size, struct digest *ret_digest)
{
    if (size != DIGEST_HEX_SIZE - 1) return false;
    struct digest digest;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int byte = hex_pair(text + 2 * i);
        if (byte < 0) return false;
        digest.bytes[i] = (uint8_t)byte;
    }
    *ret_digest = digest;
    return true;
}

void random_bytes(void *out, size_t size)
{
    enum { AT_ONCE = 1 << 20 };
    unsigned char *at = out;
    while (size) {
        size_t part = size < AT_ONCE ? size : AT_ONCE;
        if (RAND_bytes(at, (int)part) != 1) abort();
        at += part;
        size -= part;
    }
}
