/* openpgp.c — the messages of a login, written and read. Each call has a pair of the library's objects for itself. */
#include "auth/openpgp_parts.h"

#include <string.h>

static enum err write_message(struct op *op, rnp_ffi_t ffi, rnp_key_handle_t recipient, rnp_key_handle_t signer, const char *text,
                              size_t size, char **ret_message)
{
    AUTO_INPUT input = NULL;
    AUTO_OUTPUT output = NULL;
    rnp_op_encrypt_t writing = NULL;
    /* armor is a third more; keys and signature are up to 1 KiB each */
    rnp_result_t result = rnp_output_to_memory(&output, 4 * OPENPGP_TEXT_LIMIT);
    if (!result) result = rnp_input_from_memory(&input, (const uint8_t *)text, size, false);
    if (!result) result = rnp_op_encrypt_create(&writing, ffi, input, output);
    if (!result) result = rnp_op_encrypt_add_recipient(writing, recipient);
    if (!result) result = rnp_op_encrypt_add_signature(writing, signer, NULL);
    if (!result) result = rnp_op_encrypt_set_armor(writing, true);
    if (!result) result = rnp_op_encrypt_set_cipher(writing, "AES256");
    if (!result) result = rnp_op_encrypt_set_hash(writing, "SHA256");
    if (!result) result = rnp_op_encrypt_set_compression(writing, "Uncompressed", 0);
    if (!result) result = rnp_op_encrypt_set_creation_time(writing, (uint32_t)(op->now / 1000000));
    if (!result) result = rnp_op_encrypt_execute(writing);
    rnp_op_encrypt_destroy(writing);
    if (result) return library_failed(op, "encrypting", result);
    size_t message_size;
    *ret_message = output_take(op, output, &message_size);
    return ERR_OK;
}

struct writing {
    struct openpgp_server *server;
    const char *armored_key;
    const char *text;
    size_t size;
    char **message;
};

static enum err write_with(struct op *op, const struct writing *writing, rnp_ffi_t ffi)
{
    struct key_outline outline;
    AUTO_KEY recipient = NULL;
    AUTO_KEY signer = NULL;
    enum err e = key_take(op, ffi, writing->armored_key, strlen(writing->armored_key), &outline, &recipient);
    if (e) return e;
    rnp_result_t result = rnp_locate_key(ffi, "fingerprint", openpgp_server_fingerprint(writing->server), &signer);
    if (!result && !signer) result = RNP_ERROR_KEY_NOT_FOUND;
    if (result) return library_failed(op, "finding the server's key", result);
    return write_message(op, ffi, recipient, signer, writing->text, writing->size, writing->message);
}

static enum err write_task(struct op *op, void *data)
{
    const struct writing *writing = data;
    struct rings *rings;
    enum err e = rings_take(op, writing->server, &rings);
    if (e) return e;
    e = write_with(op, writing, rings->ours);
    rings_put(writing->server, rings);
    return e;
}

enum err openpgp_encrypt_and_sign(struct op *op, struct openpgp_server *server, const char *armored_key, const char *text,
                                  size_t size, char **ret_message)
{
    if (size == 0 || size > OPENPGP_TEXT_LIMIT) return op_fail(op, ERR_STORAGE, "", "a text of %zu bytes is not encrypted", size);
    struct writing writing = { server, armored_key, text, size, ret_message };
    return confine_run(op, 0, write_task, &writing);
}

/* Whether the message was protected against changes, and the protection held. */
static bool is_intact(rnp_op_verify_t reading)
{
    AUTO_RNP_TEXT mode = NULL;
    bool is_valid = false;
    if (rnp_op_verify_get_protection_info(reading, &mode, NULL, &is_valid) != RNP_SUCCESS) return false;
    return is_valid && (strcmp(mode, "cfb-mdc") == 0 || strncmp(mode, "aead-", 5) == 0);
}

/* Whether a hexadecimal name, a fingerprint or a key id, is that of a key that may sign and is valid. */
static bool may_sign(rnp_key_handle_t key, const char *name)
{
    AUTO_RNP_TEXT fingerprint = NULL;
    bool signs = false, is_valid = false;
    if (rnp_key_get_fprint(key, &fingerprint) != RNP_SUCCESS) return false;
    size_t size = strlen(fingerprint), name_size = strlen(name);
    if (name_size > size || strcmp(fingerprint + size - name_size, name) != 0) return false;
    return rnp_key_allows_usage(key, "sign", &signs) == RNP_SUCCESS && signs && rnp_key_is_valid(key, &is_valid) == RNP_SUCCESS &&
           is_valid;
}

/* Who made a signature is what it was checked with: its issuer's fingerprint, or else the key id. The library looks a key up by
 * its id alone if asked for it, and knows the server's key too: so it is not asked. */
static bool is_by(rnp_op_verify_signature_t signature, rnp_key_handle_t sender)
{
    rnp_signature_handle_t handle;
    if (rnp_op_verify_signature_get_handle(signature, &handle) != RNP_SUCCESS) return false;
    AUTO_RNP_TEXT issuer = NULL;
    if (rnp_signature_get_key_fprint(handle, &issuer) != RNP_SUCCESS) rnp_signature_get_keyid(handle, &issuer);
    rnp_signature_handle_destroy(handle);
    if (!issuer) return false;

    bool by = may_sign(sender, issuer);
    size_t count = 0;
    rnp_key_get_subkey_count(sender, &count);
    for (size_t i = 0; !by && i < count; i++) {
        AUTO_KEY subkey = NULL;
        by = rnp_key_get_subkey_at(sender, i, &subkey) == RNP_SUCCESS && may_sign(subkey, issuer);
    }
    return by;
}

static bool is_signed_by(rnp_op_verify_t reading, rnp_key_handle_t sender)
{
    size_t count = 0;
    rnp_op_verify_get_signature_count(reading, &count);
    for (size_t i = 0; i < count; i++) {
        rnp_op_verify_signature_t signature;
        if (rnp_op_verify_get_signature_at(reading, i, &signature) != RNP_SUCCESS) continue;
        if (rnp_op_verify_signature_get_status(signature) == RNP_SUCCESS && is_by(signature, sender)) return true;
    }
    return false;
}

/* Decrypts packets that were checked; `sender` NULL: signatures do not matter. */
static enum err read_message(struct op *op, rnp_ffi_t ffi, rnp_key_handle_t sender, const uint8_t *bytes, size_t size,
                             char **ret_text, size_t *ret_size)
{
    AUTO_INPUT input = NULL;
    AUTO_OUTPUT output = NULL;
    rnp_op_verify_t reading = NULL;
    rnp_result_t result = rnp_output_to_memory(&output, OPENPGP_TEXT_LIMIT);
    if (!result) result = rnp_input_from_memory(&input, bytes, size, false);
    if (!result) result = rnp_op_verify_create(&reading, ffi, input, output);
    if (!result && !sender) result = rnp_op_verify_set_flags(reading, RNP_VERIFY_IGNORE_SIGS_ON_DECRYPT);
    if (result) {
        rnp_op_verify_destroy(reading);
        return library_failed(op, "starting to decrypt", result);
    }
    result = rnp_op_verify_execute(reading);

    bool decrypted = is_intact(reading) && (result == RNP_SUCCESS || (sender && result == RNP_ERROR_SIGNATURE_INVALID));
    bool accepted = decrypted && (!sender || is_signed_by(reading, sender));
    rnp_op_verify_destroy(reading);
    char *text = output_take(op, output, ret_size);
    if (accepted) {
        *ret_text = text;
        return ERR_OK;
    }
    if (decrypted) return op_fail(op, ERR_INVALID, "message", "the message has no valid signature by the user's key");
    return op_fail(op, ERR_INVALID, "message", "the message cannot be decrypted");
}

struct reading {
    struct openpgp_server *server;
    const char *armored_key; /* of the sender; NULL: signatures do not matter */
    const char *message;
    size_t size;
    char **text;
    size_t *text_size;
};

static enum err read_with(struct op *op, const struct reading *reading, rnp_ffi_t ffi)
{
    uint8_t *bytes;
    size_t size, reader_count;
    const struct reader_key *readers = server_readers(reading->server, &reader_count);
    struct key_outline outline;
    AUTO_KEY sender = NULL;
    enum err e = packets_dearmor(op, "message", reading->message, reading->size, OPENPGP_MESSAGE_LIMIT, &bytes, &size);
    if (!e) e = packets_check_message(op, bytes, size, readers, reader_count);
    if (!e) e = ffi_set_time(op, ffi, CLOCK_SKEW_S);
    if (!e && reading->armored_key) e = key_take(op, ffi, reading->armored_key, strlen(reading->armored_key), &outline, &sender);
    return e ? e : read_message(op, ffi, sender, bytes, size, reading->text, reading->text_size);
}

static enum err read_task(struct op *op, void *data)
{
    const struct reading *reading = data;
    struct rings *rings;
    enum err e = rings_take(op, reading->server, &rings);
    if (e) return e;
    e = read_with(op, reading, rings->theirs);
    rings_put(reading->server, rings);
    return e;
}

enum err openpgp_decrypt(struct op *op, struct openpgp_server *server, const char *message, size_t size, char **ret_text,
                         size_t *ret_size)
{
    struct reading reading = { server, NULL, message, size, ret_text, ret_size };
    return confine_run(op, OPENPGP_TEXT_LIMIT, read_task, &reading);
}

enum err openpgp_decrypt_and_verify(struct op *op, struct openpgp_server *server, const char *armored_key, const char *message,
                                    size_t size, char **ret_text, size_t *ret_size)
{
    struct reading reading = { server, armored_key, message, size, ret_text, ret_size };
    return confine_run(op, OPENPGP_TEXT_LIMIT, read_task, &reading);
}
