/* logins_signer.c — access tokens: JSON Web Tokens (RFC 7519), RS256 (RFC 7518 section 3.3), signed with a key of our own.
 *
 * Claims: iss, sub (the user's uuid) and exp as Passbolt has them, and `org` and `user`, the numbers of organization and user, so
 * that a request needs no search for whose it is. They are signed like the rest. A token is taken apart and its signature
 * checked by what checks those of identity providers (jwt_token.c, jwk.c): our key is a set of one. */
#include "auth/base64url.h"
#include "auth/jwk.h"
#include "auth/jwt.h"
#include "auth/jwt_token.h"
#include "auth/logins_parts.h"
#include "base/json.h"
#include "base/memory.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

enum { KEY_BITS = 2048, SIGNATURE_SIZE = KEY_BITS / 8, PAYLOAD_MAX = 4 * LOGINS_URL_MAX };

struct logins_signer {
    EVP_PKEY *key;
    struct jwk_set *set; /* its public part */
    char *pem, *n, *e, *kid;
};

/* What was written, in the arena. */
static char *bio_text(struct arena *arena, BIO *bio)
{
    const char *bytes;
    long size = BIO_get_mem_data(bio, &bytes);
    return arena_strndup(arena, bytes, (size_t)size);
}

static enum err library_failed(struct op *op)
{
    ERR_clear_error();
    return op_fail(op, ERR_STORAGE, "rsaKey", "the RSA key for access tokens cannot be made or used");
}

enum err logins_signer_make_key(struct op *op, char **ret_pem)
{
    EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    BIO *bio = BIO_new(BIO_s_secmem());
    bool made = key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (made) *ret_pem = bio_text(&op->arena, bio);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return made ? ERR_OK : library_failed(op);
}

static char *read_member(EVP_PKEY *key, const char *name)
{
    BIGNUM *number = NULL;
    uint8_t bytes[SIGNATURE_SIZE];
    char text[SIGNATURE_SIZE * 2] = "";
    if (EVP_PKEY_get_bn_param(key, name, &number) && BN_num_bytes(number) <= SIGNATURE_SIZE)
        base64url_encode(text, bytes, (size_t)BN_bn2bin(number, bytes));
    BN_free(number);
    return memory_strdup(text);
}

/* RFC 7638: the hash of the required members in the order of their names. */
static char *make_thumbprint(struct arena *arena, const struct logins_signer *signer)
{
    const char *members = arena_printf(arena, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", signer->e, signer->n);
    struct digest digest = digest_of(members, strlen(members));
    char text[64];
    base64url_encode(text, digest.bytes, sizeof digest.bytes);
    return memory_strdup(text);
}

static bool read_public(struct op *op, struct logins_signer *signer)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio && PEM_write_bio_PUBKEY(bio, signer->key) == 1;
    if (written) signer->pem = memory_strdup(bio_text(&op->arena, bio));
    BIO_free(bio);
    if (!written) return false;
    signer->n = read_member(signer->key, OSSL_PKEY_PARAM_RSA_N);
    signer->e = read_member(signer->key, OSSL_PKEY_PARAM_RSA_E);
    signer->kid = make_thumbprint(&op->arena, signer);
    const char *set =
        arena_printf(&op->arena, "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"RS256\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"}]}",
                     signer->kid, signer->n, signer->e);
    struct failure failure = { 0 };
    return jwk_set_parse(&failure, set, strlen(set), &signer->set) == ERR_OK;
}

enum err logins_signer_open(struct op *op, const char *pem, struct logins_signer **ret_signer)
{
    struct logins_signer *signer = memory_zalloc(sizeof *signer);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    if (bio) signer->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (!signer->key || !EVP_PKEY_is_a(signer->key, "RSA") || EVP_PKEY_get_bits(signer->key) != KEY_BITS ||
        !read_public(op, signer)) {
        logins_signer_close(signer);
        return library_failed(op);
    }
    *ret_signer = signer;
    return ERR_OK;
}

void logins_signer_close(struct logins_signer *signer)
{
    if (!signer) return;
    EVP_PKEY_free(signer->key);
    jwk_set_drop(signer->set);
    free(signer->pem);
    free(signer->n);
    free(signer->e);
    free(signer->kid);
    free(signer);
}

const char *logins_rsa_pem(const struct logins *logins)
{
    return logins->signer->pem;
}
const char *logins_rsa_n(const struct logins *logins)
{
    return logins->signer->n;
}
const char *logins_rsa_e(const struct logins *logins)
{
    return logins->signer->e;
}
const char *logins_rsa_kid(const struct logins *logins)
{
    return logins->signer->kid;
}

/* --- signing --- */

static void add_part(struct buf *token, const void *bytes, size_t size)
{
    char *room = buf_room(token, base64url_encoded_max(size));
    if (room) buf_wrote(token, base64url_encode(room, bytes, size));
}

static void add_header(struct buf *token, struct arena *arena, const struct logins_signer *signer)
{
    const char *header = arena_printf(arena, "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"%s\"}", signer->kid);
    add_part(token, header, strlen(header));
}

static void add_payload(struct buf *token, const struct logins_claims *claims)
{
    char uuid[UUID_TEXT_SIZE];
    uuid_format(uuid, &claims->user_uuid);
    struct buf payload = BUF_INIT(PAYLOAD_MAX);
    buf_add_literal(&payload, "{\"iss\":");
    json_add_string(&payload, claims->domain);
    buf_printf(&payload, ",\"sub\":\"%s\",\"exp\":%lld,\"org\":%lld,\"user\":%lld}", uuid,
               (long long)(claims->expires_at / 1000000), (long long)claims->organization_id, (long long)claims->user_id);
    add_part(token, payload.bytes, payload.size);
    buf_free(&payload);
}

static bool add_signature(struct buf *token, const struct logins_signer *signer)
{
    uint8_t signature[SIGNATURE_SIZE];
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool signed_it = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->key) == 1 &&
                     EVP_DigestSign(context, signature, &size, (const uint8_t *)token->bytes, token->size) == 1;
    EVP_MD_CTX_free(context);
    if (!signed_it) return false;
    buf_add_char(token, '.');
    add_part(token, signature, size);
    return true;
}

enum err logins_sign(struct op *op, const struct logins_signer *signer, const struct logins_claims *claims,
                     const char **ret_token)
{
    struct buf token = BUF_INIT(2 * LOGINS_ACCESS_TOKEN_MAX);
    add_header(&token, &op->arena, signer);
    buf_add_char(&token, '.');
    add_payload(&token, claims);
    bool good = add_signature(&token, signer) && !token.overflow && token.size <= LOGINS_ACCESS_TOKEN_MAX;
    if (good) *ret_token = arena_strndup(&op->arena, token.bytes, token.size);
    buf_free(&token);
    return good ? ERR_OK : library_failed(op);
}

/* --- verifying --- */

static bool read_number(const json_t *json, const char *name, int64_t *ret_number)
{
    const json_t *value = json_object_get(json, name);
    *ret_number = json_is_integer(value) ? (int64_t)json_integer_value(value) : 0;
    return *ret_number > 0 && *ret_number <= NUMBER_MAX;
}

static bool read_claims(const struct jwt_token *token, struct logins_claims *ret_claims)
{
    struct failure failure = { 0 };
    json_auto_t *json = NULL;
    if (json_parse(&failure, token->payload, token->payload_size, &json)) return false;
    const json_t *sub = json_object_get(json, "sub");
    int64_t seconds;
    *ret_claims = (struct logins_claims){ 0 };
    if (!read_number(json, "exp", &seconds) || !read_number(json, "org", &ret_claims->organization_id) ||
        !read_number(json, "user", &ret_claims->user_id) || seconds > INT64_MAX / 1000000)
        return false;
    ret_claims->expires_at = seconds * 1000000;
    return json_is_string(sub) && uuid_parse(json_string_value(sub), json_string_length(sub), &ret_claims->user_uuid);
}

const char *logins_read_token(struct arena *arena, const struct logins_signer *signer, const char *text, size_t size,
                              struct logins_claims *ret_claims, struct logins_signed *ret_signed)
{
    struct failure reason = { 0 };
    struct jwt_token token;
    const struct jwk *key;
    if (size > LOGINS_ACCESS_TOKEN_MAX || !jwt_is_token(text, size)) return "it is too large or has not the form of a token";
    if (jwt_token_read(&reason, arena, text, size, &token)) return arena_strdup(arena, reason.text);
    if (!token.kid || jwk_set_find(signer->set, token.algorithm, token.kid, &key) != JWK_FOUND) return "it is not of our key";
    if (token.signature_size != SIGNATURE_SIZE) return "its signature is not of our key's size";
    if (!read_claims(&token, ret_claims)) return "its claims are malformed";
    *ret_signed = (struct logins_signed){ key, token.signed_size, token.signature, token.signature_size };
    return NULL;
}

bool logins_has_signature(const struct logins_signed *parts, const char *token)
{
    return jwk_verify(parts->key, token, parts->size, parts->signature, parts->signature_size);
}
