/* The same bytes as a token, as a header and as claims under a good signature, as a key set, as base64url: what is accepted has
 * the one form that is right. */
#include "fuzz.h"

#include "auth/base64url.h"
#include "auth/jwk.h"
#include "auth/jwt.h"
#include "auth/jwt_token.h"

#include <openssl/evp.h>
#include <unistd.h>

#define NOW INT64_C(1700000000000000)

/* RFC 8037 A.1: an example key of the standard, no secret. */
static const unsigned char private_key[32] = { 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
                                               0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
                                               0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60 };
static const char key_set[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
                              "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static EVP_PKEY *pkey;
static struct jwt *jwt;

static void open_issuer(void)
{
    char path[] = "/tmp/roster-fuzz-jwt-XXXXXX";
    int file = mkstemp(path);
    promise(file >= 0 && write(file, key_set, sizeof key_set - 1) == (ssize_t)sizeof key_set - 1);
    close(file);
    struct op op = op_begin();
    promise(!jwt_open(&op, &(struct jwt_options){ .issuer = "i", .audience = "a", .keys = path }, &jwt));
    op_end(&op);
    unlink(path);
    pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, sizeof private_key);
    promise(pkey != NULL);
}

static char *encode(const void *bytes, size_t size)
{
    char *text = malloc(size * 4 / 3 + 8);
    int length = EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    while (length && text[length - 1] == '=') length--;
    text[length] = 0;
    for (char *at = text; *at; at++) *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    return text;
}

static char *sign(const void *header, size_t header_size, const void *payload, size_t payload_size)
{
    char *first = encode(header, header_size), *second = encode(payload, payload_size);
    size_t size = strlen(first) + 1 + strlen(second);
    char *token = malloc(size + 100);
    snprintf(token, size + 1, "%s.%s", first, second);
    unsigned char signature[64];
    size_t signature_size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    promise(EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) == 1);
    promise(EVP_DigestSign(context, signature, &signature_size, (const unsigned char *)token, size) == 1);
    EVP_MD_CTX_free(context);
    char *third = encode(signature, signature_size);
    snprintf(token + size, 100, ".%s", third);
    free(first);
    free(second);
    free(third);
    return token;
}

static enum err verify(const char *token, size_t size, bool may_block, struct jwt_claims *ret_claims, struct op *op)
{
    *op = op_begin();
    op->now = NOW;
    op->may_block = may_block;
    enum err e = jwt_verify(op, jwt, token, size, ret_claims);
    promise(e == ERR_OK || e == ERR_UNAUTHENTICATED || (e == ERR_DEFERRED && !may_block));
    promise(e != ERR_OK || jwt_is_token(token, size));
    return e;
}

static void try_token(const char *token, size_t size, bool signed_by_us)
{
    struct jwt_claims claims, again;
    struct op op, other;
    enum err e = verify(token, size, true, &claims, &op);
    if (!e) {
        promise(signed_by_us || (size > 87 && token[size - 87] == '.')); /* nobody else can sign; a corpus may hold ours */
        promise(claims.expires_at > NOW - JWT_LEEWAY_US - 1);
        promise(!claims.sub || *claims.sub);
        promise(!claims.scopes || *claims.scopes);
        promise(verify(token, size, false, &again, &other) == ERR_OK); /* from the cache: the same */
        promise(again.expires_at == claims.expires_at && again.email_verified == claims.email_verified);
        promise(!claims.sub == !again.sub && (!claims.sub || strcmp(claims.sub, again.sub) == 0));
        promise(!claims.scopes == !again.scopes && (!claims.scopes || strcmp(claims.scopes, again.scopes) == 0));
        op_end(&other);
    }
    op_end(&op);
}

static void try_base64url(const char *text, size_t size)
{
    unsigned char *bytes = malloc(base64url_decoded_max(size));
    size_t decoded;
    if (base64url_decode(bytes, text, size, &decoded)) {
        char *back = encode(bytes, decoded);
        promise(decoded <= base64url_decoded_max(size));
        promise(strlen(back) == size && memcmp(back, text, size) == 0);
        free(back);
    }
    free(bytes);
}

static void try_key_set(const char *text, size_t size)
{
    struct failure failure = { 0 };
    struct jwk_set *set = NULL;
    enum err e = jwk_set_parse(&failure, text, size, &set);
    promise(e == ERR_OK || e == ERR_INVALID);
    promise(!e == (set != NULL) && (!e || failure.text[0]));
    if (set) promise(jwk_set_count(set) >= 1 && jwk_set_count(set) <= JWK_COUNT_MAX);
    jwk_set_drop(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char header[] = "{\"alg\":\"EdDSA\",\"kid\":\"k\"}",
                      claims[] = "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000600}";
    if (!jwt) open_issuer();
    char *text = fuzz_text(data, size);
    try_token(text, size, false);
    try_base64url(text, size);
    try_key_set(text, size);
    char *with_claims = sign(header, sizeof header - 1, data, size);
    try_token(with_claims, strlen(with_claims), true);
    char *with_header = sign(data, size, claims, sizeof claims - 1);
    try_token(with_header, strlen(with_header), true);
    free(text);
    free(with_claims);
    free(with_header);
    return 0;
}
