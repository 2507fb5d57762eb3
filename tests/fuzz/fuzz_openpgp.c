/* OpenPGP intake: messages as text, as packets, and as what is inside the encryption; keys as text and as packets. The first
 * octet says which. Never more than "read" or "refused", and what was read is within its limits. Run in the repository's root
 * folder. */
#include "fuzz.h"

#include "auth/openpgp.h"

#include <rnp/rnp.h>

#define NOW INT64_C(1700000000000000)

static char server_secret[4096], sender[4096]; /* armored: the server's secret key, a user's public key */

static void read_file(const char *path, char *text, size_t room)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s cannot be read: run in the repository's root folder\n", path);
        exit(1);
    }
    text[fread(text, 1, room - 1, file)] = 0;
    fclose(file);
}

static struct op begin(void)
{
    struct op op = op_begin();
    op.now = NOW;
    return op;
}

static struct openpgp_server *known_server(void)
{
    static struct openpgp_server *server;
    if (server) return server;
    read_file("tests/fixtures/openpgp/user-ed25519.secret.asc", server_secret, sizeof server_secret);
    read_file("tests/fixtures/openpgp/user-nistp384.public.asc", sender, sizeof sender);
    AUTO_OP op = begin();
    promise(openpgp_server_open(&op, server_secret, strlen(server_secret), &server) == ERR_OK);
    return server;
}

static char *take(rnp_output_t output, size_t *ret_size)
{
    uint8_t *bytes = NULL;
    *ret_size = 0;
    if (rnp_output_memory_get_buf(output, &bytes, ret_size, false)) *ret_size = 0;
    char *text = fuzz_text(bytes, *ret_size);
    rnp_output_destroy(output);
    return text;
}

static char *armored(const uint8_t *data, size_t size, const char *type, size_t *ret_size)
{
    rnp_input_t input = NULL;
    rnp_output_t output = NULL;
    rnp_input_from_memory(&input, data, size, false);
    rnp_output_to_memory(&output, 0);
    if (input) rnp_enarmor(input, output, type);
    rnp_input_destroy(input);
    return take(output, ret_size);
}

/* Packets as the content of a message to the server. */
static char *wrapped(const uint8_t *data, size_t size, size_t *ret_size)
{
    static rnp_ffi_t ffi;
    static rnp_key_handle_t key;
    rnp_input_t input = NULL;
    rnp_output_t output = NULL;
    rnp_op_encrypt_t writing = NULL;
    if (!key) {
        const char *public = openpgp_server_public_key(known_server());
        promise(rnp_ffi_create(&ffi, "GPG", "GPG") == 0);
        promise(rnp_input_from_memory(&input, (const uint8_t *)public, strlen(public), false) == 0);
        promise(rnp_import_keys(ffi, input, RNP_LOAD_SAVE_PUBLIC_KEYS, NULL) == 0);
        rnp_input_destroy(input);
        promise(rnp_locate_key(ffi, "fingerprint", openpgp_server_fingerprint(known_server()), &key) == 0);
    }
    input = NULL;
    rnp_input_from_memory(&input, data, size, false);
    rnp_output_to_memory(&output, 0);
    if (input && rnp_op_encrypt_create(&writing, ffi, input, output) == 0) {
        rnp_op_encrypt_add_recipient(writing, key);
        rnp_op_encrypt_set_flags(writing, RNP_ENCRYPT_NOWRAP);
        rnp_op_encrypt_set_armor(writing, true);
        rnp_op_encrypt_execute(writing);
        rnp_op_encrypt_destroy(writing);
    }
    rnp_input_destroy(input);
    return take(output, ret_size);
}

static void check_text(const struct op *op, enum err e, const char *text, size_t size)
{
    promise(e == ERR_OK || e == ERR_INVALID);
    promise((e == ERR_OK) == (text != NULL));
    promise(e || (size <= OPENPGP_TEXT_LIMIT && text[size] == 0));
    promise(!e || op->failure.text[0]);
}

static void read_message(const char *message, size_t size)
{
    AUTO_OP op = begin();
    char *text = NULL, *verified = NULL;
    size_t text_size, verified_size;
    enum err e = openpgp_decrypt(&op, known_server(), message, size, &text, &text_size);
    check_text(&op, e, text, text_size);
    failure_clear(&op.failure);
    e = openpgp_decrypt_and_verify(&op, known_server(), sender, message, size, &verified, &verified_size);
    check_text(&op, e, verified, verified_size);
    if (!verified) return;
    promise(text && text_size == verified_size && memcmp(text, verified, text_size) == 0);
}

static void read_key(const char *armored_key, size_t size)
{
    AUTO_OP op = begin();
    struct openpgp_key key;
    enum err e = openpgp_read_key(&op, armored_key, size, &key);
    promise(e == ERR_OK || e == ERR_INVALID);
    if (e) return;
    promise(strlen(key.fingerprint) == 40 && strlen(key.key_id) == 16 && key.user_id[0] && key.bits >= 256);
    promise(key.expires == 0 || key.expires > NOW);
    char *message = NULL;
    if (strlen(armored_key) < size) return;
    e = openpgp_encrypt_and_sign(&op, known_server(), armored_key, "text", 4, &message);
    promise(e == ERR_OK && message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    known_server();
    if (size == 0) return 0;
    size_t text_size = size - 1;
    char *text = NULL;
    switch (data[0]) {
    case 't':
        read_message(text = fuzz_text(data + 1, size - 1), text_size);
        break;
    case 'p':
        read_message(text = armored(data + 1, size - 1, "message", &text_size), text_size);
        break;
    case 'i':
        read_message(text = wrapped(data + 1, size - 1, &text_size), text_size);
        break;
    case 'k':
        read_key(text = fuzz_text(data + 1, size - 1), text_size);
        break;
    case 'b':
        read_key(text = armored(data + 1, size - 1, "public key", &text_size), text_size);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
