/* jwk.c — from JSON to libcrypto's keys, and signatures.
 *
 * Only public members are looked at: a key set that holds private ones by mistake does no more than its public part. */
#include "auth/jwk.h"

#include "auth/base64url.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdatomic.h>

enum { P256_SIZE = 32, ED25519_SIZE = 32, RSA_N_SIZE_MAX = JWK_RSA_BITS_MAX / 8, RSA_E_SIZE_MAX = 8 };

struct jwk_algorithm {
    const char *name;                        /* RFC 7518 section 3.1, RFC 8037 section 3.1 */
    const char *kty, *crv;                   /* the key it needs; crv NULL: the kind has none */
    const char *type;                        /* the same in libcrypto's words */
    const char *digest;                      /* NULL: the algorithm has its own */
    bool joins_r_and_s;                      /* the signature is r and s in a row, libcrypto wants DER */
    OSSL_PARAM *(*read)(const json_t *json); /* the public members; NULL if missing, malformed or out of range */
};

struct jwk {
    const struct jwk_algorithm *algorithm;
    char *kid; /* NULL: none */
    EVP_PKEY *pkey;
};

struct jwk_set {
    atomic_uint references;
    size_t count;
    struct jwk keys[JWK_COUNT_MAX];
};

/* --- kinds of keys --- */

/* The bytes of a member that is base64url; 0 if it is not, is empty or longer than `max`. */
static size_t read_bytes(const json_t *json, const char *name, unsigned char *out, size_t max)
{
    unsigned char bytes[2 * RSA_N_SIZE_MAX];
    const json_t *value = json_object_get(json, name);
    size_t size = json_string_length(value);
    if (!size || base64url_decoded_max(size) > sizeof bytes) return 0;
    if (!base64url_decode(bytes, json_string_value(value), size, &size) || size > max) return 0;
    memcpy(out, bytes, size);
    return size;
}

static BIGNUM *read_number(const json_t *json, const char *name, size_t max)
{
    unsigned char bytes[RSA_N_SIZE_MAX];
    size_t size = read_bytes(json, name, bytes, max);
    return size ? BN_bin2bn(bytes, (int)size, NULL) : NULL;
}

/* What was pushed has to live until here. */
static OSSL_PARAM *finish(OSSL_PARAM_BLD *builder, bool complete)
{
    OSSL_PARAM *parameters = complete ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    OSSL_PARAM_BLD_free(builder);
    return parameters;
}

static OSSL_PARAM *read_rsa(const json_t *json)
{
    BIGNUM *n = read_number(json, "n", RSA_N_SIZE_MAX), *e = read_number(json, "e", RSA_E_SIZE_MAX);
    OSSL_PARAM *parameters = NULL;
    if (n && e && BN_num_bits(n) >= JWK_RSA_BITS_MIN) {
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        parameters = finish(builder, builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
                                         OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e));
    }
    BN_free(n);
    BN_free(e);
    return parameters;
}

static OSSL_PARAM *read_p256(const json_t *json)
{
    unsigned char point[1 + 2 * P256_SIZE] = { POINT_CONVERSION_UNCOMPRESSED };
    if (read_bytes(json, "x", point + 1, P256_SIZE) != P256_SIZE ||
        read_bytes(json, "y", point + 1 + P256_SIZE, P256_SIZE) != P256_SIZE) /* leading zeros too: RFC 7518 section 6.2.1.2 */
        return NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    return finish(builder, builder && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
                               OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point));
}

static OSSL_PARAM *read_ed25519(const json_t *json)
{
    unsigned char x[ED25519_SIZE];
    if (read_bytes(json, "x", x, sizeof x) != sizeof x) return NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    return finish(builder, builder && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, x, sizeof x));
}

/* To add an algorithm: a row, and for a new kind of key the function that reads its public members. */
// clang-format off
static const struct jwk_algorithm algorithms[] = {
    /* name      kty    crv        type       digest    r and s  members */
    { "RS256",  "RSA", NULL,      "RSA",     "SHA256", false,   read_rsa },
    { "ES256",  "EC",  "P-256",   "EC",      "SHA256", true,    read_p256 },
    { "EdDSA",  "OKP", "Ed25519", "ED25519", NULL,     false,   read_ed25519 },
};
// clang-format on
enum { ALGORITHM_COUNT = sizeof algorithms / sizeof *algorithms };

const struct jwk_algorithm *jwk_algorithm_named(const char *name)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if (strcmp(algorithms[i].name, name) == 0) return &algorithms[i];
    return NULL;
}

/* --- reading a set --- */

static bool has_text(const json_t *json, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text && strcmp(text, expected) == 0;
}

static bool may_have_text(const json_t *json, const char *name, const char *expected)
{
    return !json_object_get(json, name) || has_text(json, name, expected);
}

static bool may_verify(const json_t *json)
{
    const json_t *operations = json_object_get(json, "key_ops");
    for (size_t i = 0; i < json_array_size(operations); i++) {
        const char *operation = json_string_value(json_array_get(operations, i));
        if (operation && strcmp(operation, "verify") == 0) return true;
    }
    return !operations;
}

static const struct jwk_algorithm *algorithm_of_key(const json_t *json)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++)
        if (has_text(json, "kty", algorithms[i].kty) && (!algorithms[i].crv || has_text(json, "crv", algorithms[i].crv)))
            return &algorithms[i];
    return NULL;
}

/* Whether libcrypto finds nothing wrong with it: a point on the curve, a modulus without small factors that is no prime, an odd
 * exponent. */
static bool is_sound(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool sound = context && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return sound;
}

static EVP_PKEY *make_pkey(const char *type, OSSL_PARAM *parameters)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1 || !is_sound(pkey)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return pkey;
}

/* NULL if it was read, or why it is passed over. */
static const char *read_key(const json_t *json, struct jwk *ret_key)
{
    const json_t *kid = json_object_get(json, "kid");
    const struct jwk_algorithm *algorithm = algorithm_of_key(json);
    if (!algorithm) return "its kind is not used here";
    if (!may_have_text(json, "use", "sig") || !may_verify(json)) return "it is not for checking signatures";
    if (!may_have_text(json, "alg", algorithm->name)) return "its algorithm is not used here";
    if (kid && !json_is_string(kid)) return "its kid is not a string";
    OSSL_PARAM *parameters = algorithm->read(json);
    if (!parameters) return "its members are missing, malformed or out of range";
    EVP_PKEY *pkey = make_pkey(algorithm->type, parameters);
    OSSL_PARAM_free(parameters);
    if (!pkey) return "it is not sound";
    *ret_key = (struct jwk){ .algorithm = algorithm, .kid = memory_strdup(json_string_value(kid)), .pkey = pkey };
    return NULL;
}

enum err jwk_set_parse(struct failure *failure, const char *bytes, size_t size, struct jwk_set **ret_set)
{
    if (size > JWK_SET_SIZE_MAX) return failure_set(failure, ERR_INVALID, "", "it is over %d bytes", JWK_SET_SIZE_MAX);
    json_auto_t *json = NULL;
    enum err e = json_parse(failure, bytes, size, &json);
    if (e) return e;
    const json_t *list = json_object_get(json, "keys");
    if (!json_is_array(list)) return failure_set(failure, ERR_INVALID, "", "it is not an object with an array of keys");
    if (json_array_size(list) > JWK_COUNT_MAX)
        return failure_set(failure, ERR_INVALID, "", "it has more than %d keys", JWK_COUNT_MAX);
    struct jwk_set *set = memory_zalloc(sizeof *set);
    atomic_init(&set->references, 1);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *reason = read_key(json_array_get(list, i), &set->keys[set->count]);
        if (reason) log_debug("auth.jwt: key %zu of the set is passed over: %s", i + 1, reason);
        else set->count++;
    }
    if (!set->count) {
        jwk_set_drop(set);
        return failure_set(failure, ERR_INVALID, "", "it has no key that can be used");
    }
    *ret_set = set;
    return ERR_OK;
}

/* --- a set --- */

struct jwk_set *jwk_set_hold(struct jwk_set *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void jwk_set_drop(struct jwk_set *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < set->count; i++) {
        free(set->keys[i].kid);
        EVP_PKEY_free(set->keys[i].pkey);
    }
    free(set);
}

size_t jwk_set_count(const struct jwk_set *set)
{
    return set->count;
}

enum jwk_found jwk_set_find(const struct jwk_set *set, const struct jwk_algorithm *algorithm, const char *kid,
                            const struct jwk **ret_key)
{
    size_t named = 0, fitting = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct jwk *key = &set->keys[i];
        if (kid && (!key->kid || strcmp(key->kid, kid) != 0)) continue;
        named++;
        if (key->algorithm != algorithm) continue;
        fitting++;
        *ret_key = key;
    }
    if (fitting == 1) return JWK_FOUND;
    return fitting ? JWK_AMBIGUOUS : kid && named ? JWK_MISFIT : JWK_UNKNOWN;
}

/* --- signatures --- */

/* RFC 7518 section 3.4. NULL if it has not the size of r and s; else freed by OPENSSL_free. */
static unsigned char *make_der(const unsigned char *signature, size_t size, size_t *ret_size)
{
    if (size != 2 * P256_SIZE) return NULL;
    unsigned char *der = NULL;
    int der_size = -1;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, P256_SIZE, NULL), *s = BN_bin2bn(signature + P256_SIZE, P256_SIZE, NULL);
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) { /* they are the pair's now */
        der_size = i2d_ECDSA_SIG(pair, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    *ret_size = der_size > 0 ? (size_t)der_size : 0;
    return der_size > 0 ? der : NULL;
}

bool jwk_verify(const struct jwk *key, const void *bytes, size_t size, const unsigned char *signature, size_t signature_size)
{
    unsigned char *der = NULL;
    if (key->algorithm->joins_r_and_s) {
        signature = der = make_der(signature, signature_size, &signature_size);
        if (!der) return false;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit_ex(context, NULL, key->algorithm->digest, NULL, NULL, key->pkey, NULL) == 1 &&
                EVP_DigestVerify(context, signature, signature_size, bytes, size) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ERR_clear_error();
    return good;
}
