/* openpgp_hostile.h — a server, and messages to it that only an attacker makes. */
#ifndef ROSTER_TESTS_OPENPGP_HOSTILE_H
#define ROSTER_TESTS_OPENPGP_HOSTILE_H

#include "openpgp_fixture.h"

static struct openpgp_server *server;
static const char *to; /* its public key */

static inline int open_one(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    server = new_server(&op);
    to = openpgp_server_public_key(server);
    return 0;
}

static inline int close_one(void **state)
{
    (void)state;
    openpgp_server_close(server);
    return 0;
}

static inline void refuse(struct op *op, const char *message, const char *why)
{
    char *text = NULL;
    size_t size;
    assert_refused(op, openpgp_decrypt(op, server, message, strlen(message), &text, &size), "message", why);
    assert_null(text);
}

static inline char *armor(struct op *op, struct bytes bytes)
{
    return armored(&op->arena, bytes, "message");
}

/* Packets, encrypted to the server. */
static inline char *wrapped(struct op *op, struct bytes packets)
{
    return write_letter(&op->arena, (struct letter){ .to = to, .is_packets = true }, packets.at, packets.size);
}

static inline void accept_packets(struct op *op, struct bytes packets, const char *expected)
{
    char *message = wrapped(op, packets), *text;
    size_t size;
    assert_ok(op, openpgp_decrypt(op, server, message, strlen(message), &text, &size));
    assert_string_equal(text, expected);
}

static inline void refuse_packets(struct op *op, struct bytes packets)
{
    refuse(op, wrapped(op, packets), "cannot be decrypted");
}

static inline struct bytes token_message(struct op *op)
{
    return dearmored(&op->arena, write_letter(&op->arena, (struct letter){ .to = to }, TOKEN, strlen(TOKEN)));
}

/* Where the second packet of a message begins, behind the session key. */
static inline size_t behind_session_key(struct bytes message)
{
    assert_true(message.at[0] == 0xc1 && message.at[1] < 192);
    return 2 + message.at[1];
}

static inline void refuse_signature(struct op *op, const char *message)
{
    char *text = NULL;
    size_t size;
    const char *key = key_text(&op->arena, "user-ed25519.public");
    enum err e = openpgp_decrypt_and_verify(op, server, key, message, strlen(message), &text, &size);
    assert_refused(op, e, "message", "no valid signature");
    assert_null(text);
}

/* TOKEN signed with a secret key, as packets. */
static inline struct bytes signed_packets(struct op *op, const char *secret)
{
    rnp_ffi_t ffi;
    rnp_input_t input;
    rnp_output_t output;
    rnp_op_sign_t signing;
    struct bytes bytes;
    assert_int_equal(rnp_ffi_create(&ffi, "GPG", "GPG"), 0);
    rnp_key_handle_t key = load_key(ffi, secret);
    assert_int_equal(rnp_input_from_memory(&input, (const uint8_t *)TOKEN, strlen(TOKEN), false), 0);
    assert_int_equal(rnp_output_to_memory(&output, 0), 0);
    assert_int_equal(rnp_op_sign_create(&signing, ffi, input, output), 0);
    assert_int_equal(rnp_op_sign_add_signature(signing, key, NULL), 0);
    assert_int_equal(rnp_op_sign_set_creation_time(signing, (uint32_t)(NOW / SECOND)), 0);
    assert_int_equal(rnp_op_sign_set_compression(signing, "Uncompressed", 0), 0);
    assert_int_equal(rnp_op_sign_execute(signing), 0);
    rnp_op_sign_destroy(signing);
    rnp_input_destroy(input);
    rnp_key_handle_destroy(key);
    rnp_ffi_destroy(ffi);
    bytes.at = (uint8_t *)output_text(&op->arena, output, &bytes.size);
    return bytes;
}

#endif
