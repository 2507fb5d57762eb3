/* openpgp_key.c — reading keys: first their outline, then the library, then whether the key is good for what we need it for. */
#include "auth/openpgp_parts.h"

#include <assert.h>
#include <string.h>

enum err library_failed(struct op *op, const char *doing, rnp_result_t result)
{
    return op_fail(op, ERR_STORAGE, "", "the OpenPGP library failed %s: %s", doing, rnp_result_to_string(result));
}

enum err ffi_set_time(struct op *op, rnp_ffi_t ffi, int64_t skew_s)
{
    rnp_result_t result = rnp_set_timestamp(ffi, (uint64_t)(op->now / 1000000 + skew_s));
    return result ? library_failed(op, "setting its time", result) : ERR_OK;
}

char *output_take(struct op *op, rnp_output_t output, size_t *ret_size)
{
    uint8_t *bytes;
    /* it fails if there are no bytes, and only then */
    if (rnp_output_memory_get_buf(output, &bytes, ret_size, false) != RNP_SUCCESS) *ret_size = 0;
    char *copy = arena_strndup(&op->arena, *ret_size ? (const char *)bytes : "", *ret_size);
    if (*ret_size) rnp_buffer_clear(bytes, *ret_size);
    return copy;
}

/* The primary key that was read, and not another one of the ffi: `has` tells whether there is the half that was read. */
static enum err find_primary(struct op *op, rnp_ffi_t ffi, rnp_result_t (*has)(rnp_key_handle_t, bool *),
                             rnp_key_handle_t *ret_key)
{
    rnp_identifier_iterator_t names;
    rnp_result_t result = rnp_identifier_iterator_create(ffi, &names, "fingerprint");
    if (result) return library_failed(op, "listing keys", result);
    *ret_key = NULL;
    const char *fingerprint;
    while (!*ret_key && rnp_identifier_iterator_next(names, &fingerprint) == RNP_SUCCESS && fingerprint) {
        bool is_primary = false, is_there = false;
        AUTO_KEY key = NULL;
        if (rnp_locate_key(ffi, "fingerprint", fingerprint, &key) != RNP_SUCCESS || !key) break;
        if (rnp_key_is_primary(key, &is_primary) || has(key, &is_there) || !is_primary || !is_there) continue;
        *ret_key = key;
        key = NULL;
    }
    rnp_identifier_iterator_destroy(names);
    return *ret_key ? ERR_OK : op_fail(op, ERR_INVALID, "key", "the key is damaged");
}

enum err key_load(struct op *op, rnp_ffi_t ffi, const uint8_t *bytes, size_t size, uint32_t as, rnp_key_handle_t *ret_key)
{
    AUTO_INPUT input = NULL;
    rnp_result_t result = rnp_input_from_memory(&input, bytes, size, false);
    if (result) return library_failed(op, "reading a key", result);
    result = rnp_load_keys(ffi, RNP_KEYSTORE_GPG, input, as);
    if (result) return op_fail(op, ERR_INVALID, "key", "the key is damaged, or of a kind that is not accepted");
    return find_primary(op, ffi, as & RNP_LOAD_SAVE_PUBLIC_KEYS ? rnp_key_have_public : rnp_key_have_secret, ret_key);
}

/* What the library thinks of the signatures by which a key says that a user id is its own. */
struct verdicts {
    size_t expired, weak, wrong; /* the others are none of these */
};

static void judge(rnp_signature_handle_t signature, const char *key_id, struct verdicts *verdicts)
{
    AUTO_RNP_TEXT issuer = NULL;
    AUTO_RNP_TEXT hash = NULL;
    if (rnp_signature_get_keyid(signature, &issuer) || !issuer || strcmp(issuer, key_id) != 0) return;
    rnp_result_t result = rnp_signature_is_valid(signature, 0);
    bool is_weak =
        rnp_signature_get_hash_alg(signature, &hash) == RNP_SUCCESS && (strcmp(hash, "SHA1") == 0 || strcmp(hash, "MD5") == 0);
    if (result == RNP_ERROR_SIGNATURE_EXPIRED) verdicts->expired++;
    else if (result && is_weak) verdicts->weak++;
    else if (result) verdicts->wrong++;
}

/* Refuses a key that has no valid signature of its own, and says what is the matter with those it has: who has the secret half
 * can make another, and what was damaged on its way can be sent again. */
static enum err refuse_unsigned(struct op *op, rnp_key_handle_t key)
{
    AUTO_RNP_TEXT key_id = NULL;
    struct verdicts verdicts = { 0 };
    size_t name_count = 0;
    rnp_result_t result = rnp_key_get_keyid(key, &key_id);
    if (!result) result = rnp_key_get_uid_count(key, &name_count);
    if (result) return library_failed(op, "checking a key", result);
    for (size_t i = 0; i < name_count; i++) {
        rnp_uid_handle_t name = NULL;
        size_t count = 0;
        if (rnp_key_get_uid_handle_at(key, i, &name) || rnp_uid_get_signature_count(name, &count)) count = 0;
        for (size_t j = 0; j < count; j++) {
            rnp_signature_handle_t signature = NULL;
            if (rnp_uid_get_signature_at(name, j, &signature) == RNP_SUCCESS) judge(signature, key_id, &verdicts);
            rnp_signature_handle_destroy(signature);
        }
        rnp_uid_handle_destroy(name);
    }
    return op_fail(op, ERR_INVALID, "key", "the key has no valid signature of its own: %s",
                   verdicts.expired ? "one has expired, or is from the future"
                   : verdicts.weak  ? "one is made with SHA-1 or MD5, which do not count any more"
                   : verdicts.wrong ? "one does not fit what it signs"
                                    : "it has none");
}

enum err key_check_valid(struct op *op, rnp_key_handle_t key)
{
    bool is_revoked = true, is_expired = true, is_valid = false;
    uint32_t created = 0;
    rnp_result_t result = rnp_key_is_revoked(key, &is_revoked);
    if (!result) result = rnp_key_is_expired(key, &is_expired);
    if (!result) result = rnp_key_is_valid(key, &is_valid);
    if (!result) result = rnp_key_get_creation(key, &created);
    if (result) return library_failed(op, "checking a key", result);
    if (is_revoked) return op_fail(op, ERR_INVALID, "key", "the key is revoked");
    if (is_expired) return op_fail(op, ERR_INVALID, "key", "the key has expired");
    if (created > op->now / 1000000 + CLOCK_SKEW_S) return op_fail(op, ERR_INVALID, "key", "the key is from the future");
    return is_valid ? ERR_OK : refuse_unsigned(op, key);
}

enum err key_check_usage(struct op *op, rnp_key_handle_t key, const char *usage)
{
    AUTO_KEY part = NULL;
    if (rnp_key_get_default_key(key, usage, 0, &part) == RNP_SUCCESS) return ERR_OK;
    return op_fail(op, ERR_INVALID, "key", "the key has no valid part to %s with", usage);
}

enum err key_take(struct op *op, rnp_ffi_t ffi, const char *armored, size_t size, struct key_outline *ret_outline,
                  rnp_key_handle_t *ret_key)
{
    uint8_t *bytes;
    size_t bytes_size;
    enum err e = packets_dearmor(op, "key", armored, size, OPENPGP_KEY_LIMIT, &bytes, &bytes_size);
    if (!e) e = packets_check_key(op, bytes, bytes_size, false, ret_outline);
    if (!e) e = ffi_set_time(op, ffi, CLOCK_SKEW_S);
    if (!e) e = key_load(op, ffi, bytes, bytes_size, RNP_LOAD_SAVE_PUBLIC_KEYS, ret_key);
    if (!e) e = key_check_valid(op, *ret_key);
    if (!e) e = key_check_usage(op, *ret_key, "encrypt");
    return e;
}

static const char *type_name(uint8_t algorithm)
{
    switch (algorithm) {
    case ALGORITHM_ECDSA:
        return "ECDSA";
    case ALGORITHM_EDDSA:
        return "EdDSA";
    default:
        return "RSA";
    }
}

static enum err fill_facts(struct op *op, rnp_key_handle_t key, const struct key_outline *outline, struct openpgp_key *ret_key)
{
    AUTO_RNP_TEXT fingerprint = NULL;
    uint32_t curve_bits, created, lifetime_s;
    rnp_result_t result = rnp_key_get_fprint(key, &fingerprint);
    if (!result) result = rnp_key_get_bits(key, &curve_bits);
    if (!result) result = rnp_key_get_creation(key, &created);
    if (!result) result = rnp_key_get_expiration(key, &lifetime_s);
    if (result) return library_failed(op, "telling about a key", result);
    if (curve_bits == 255) curve_bits = 256; /* Ed25519, as others count it */
    assert(strlen(fingerprint) == OPENPGP_FINGERPRINT_SIZE - 1);

    *ret_key = (struct openpgp_key){
        .user_id = outline->user_id,
        .type = type_name(outline->algorithm),
        .bits = outline->rsa_bits ? outline->rsa_bits : curve_bits,
        .created = (int64_t)created * 1000000,
        .expires = lifetime_s ? ((int64_t)created + lifetime_s) * 1000000 : 0,
    };
    memcpy(ret_key->fingerprint, fingerprint, OPENPGP_FINGERPRINT_SIZE);
    memcpy(ret_key->key_id, fingerprint + OPENPGP_FINGERPRINT_SIZE - OPENPGP_KEY_ID_SIZE, OPENPGP_KEY_ID_SIZE);
    return ERR_OK;
}

struct key_reading {
    const char *armored;
    size_t size;
    struct openpgp_key *key;
};

static enum err read_key(struct op *op, void *data)
{
    const struct key_reading *reading = data;
    AUTO_FFI ffi = NULL;
    rnp_result_t result = rnp_ffi_create(&ffi, RNP_KEYSTORE_GPG, RNP_KEYSTORE_GPG);
    if (result) return library_failed(op, "starting", result);
    struct key_outline outline;
    AUTO_KEY key = NULL;
    enum err e = key_take(op, ffi, reading->armored, reading->size, &outline, &key);
    return e ? e : fill_facts(op, key, &outline, reading->key);
}

enum err openpgp_read_key(struct op *op, const char *armored, size_t size, struct openpgp_key *ret_key)
{
    struct key_reading reading = { armored, size, ret_key };
    return confine_run(op, 0, read_key, &reading);
}
