/* openpgp_generate.c — a new key pair for a server. */
#include "auth/openpgp_parts.h"

#include "base/fold.h"

#include <string.h>

enum { USER_ID_MAX = 255 };

typedef rnp_result_t preference_setter(rnp_op_generate_t, const char *);

static rnp_result_t make_primary(rnp_ffi_t ffi, const char *user_id, rnp_key_handle_t *ret_key)
{
    /* What clients should use when they write to us: no compression, because nothing of it is long. */
    static const struct {
        preference_setter *add;
        const char *name;
    } preferences[] = {
        { rnp_op_generate_add_usage, "sign" },
        { rnp_op_generate_add_usage, "certify" },
        { rnp_op_generate_add_pref_cipher, "AES256" },
        { rnp_op_generate_add_pref_cipher, "AES128" },
        { rnp_op_generate_add_pref_hash, "SHA256" },
        { rnp_op_generate_add_pref_hash, "SHA512" },
        { rnp_op_generate_add_pref_compression, "Uncompressed" },
    };
    rnp_op_generate_t making;
    rnp_result_t result = rnp_op_generate_create(&making, ffi, "EDDSA");
    if (result) return result;
    for (size_t i = 0; !result && i < sizeof preferences / sizeof *preferences; i++)
        result = preferences[i].add(making, preferences[i].name);
    if (!result) result = rnp_op_generate_set_hash(making, "SHA256");
    if (!result) result = rnp_op_generate_set_userid(making, user_id);
    if (!result) result = rnp_op_generate_set_expiration(making, 0);
    if (!result) result = rnp_op_generate_execute(making);
    if (!result) result = rnp_op_generate_get_key(making, ret_key);
    rnp_op_generate_destroy(making);
    return result;
}

static rnp_result_t make_subkey(rnp_ffi_t ffi, rnp_key_handle_t primary)
{
    rnp_op_generate_t making;
    rnp_result_t result = rnp_op_generate_subkey_create(&making, ffi, primary, "ECDH");
    if (result) return result;
    result = rnp_op_generate_set_curve(making, "Curve25519");
    if (!result) result = rnp_op_generate_add_usage(making, "encrypt");
    if (!result) result = rnp_op_generate_set_hash(making, "SHA256");
    if (!result) result = rnp_op_generate_set_expiration(making, 0);
    if (!result) result = rnp_op_generate_execute(making);
    rnp_op_generate_destroy(making);
    return result;
}

struct generation {
    const char *user_id;
    char **armored;
};

static enum err generate(struct op *op, void *data)
{
    const struct generation *generation = data;
    AUTO_FFI ffi = NULL;
    AUTO_KEY primary = NULL;
    AUTO_OUTPUT output = NULL;
    rnp_result_t result = rnp_ffi_create(&ffi, RNP_KEYSTORE_GPG, RNP_KEYSTORE_GPG);
    if (result) return library_failed(op, "starting", result);
    enum err e = ffi_set_time(op, ffi, 0);
    if (e) return e;
    result = make_primary(ffi, generation->user_id, &primary);
    if (!result) result = make_subkey(ffi, primary);
    if (!result) result = rnp_output_to_memory(&output, OPENPGP_KEY_LIMIT);
    if (!result)
        result = rnp_key_export(primary, output, RNP_KEY_EXPORT_ARMORED | RNP_KEY_EXPORT_SECRET | RNP_KEY_EXPORT_SUBKEYS);
    if (result) return library_failed(op, "making a key", result);
    size_t size;
    *generation->armored = output_take(op, output, &size);
    return ERR_OK;
}

enum err openpgp_generate_key(struct op *op, const char *user_id, char **ret_armored)
{
    size_t size = strlen(user_id);
    if (size == 0 || size > USER_ID_MAX || !utf8_is_valid(user_id, size))
        return op_fail(op, ERR_INVALID, "userId", "the user id is not 1 to %d bytes of UTF-8", USER_ID_MAX);
    struct generation generation = { user_id, ret_armored };
    return confine_run(op, 0, generate, &generation);
}
