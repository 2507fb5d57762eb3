/* openpgp_fixture.h — keys of tests/fixtures/openpgp, and messages as only an attacker makes them. Tests run in the repository's
 * root folder. */
#ifndef ROSTER_TESTS_OPENPGP_FIXTURE_H
#define ROSTER_TESTS_OPENPGP_FIXTURE_H

#include "unit.h"

#include "auth/openpgp.h"
#include "base/clock.h"

#include <rnp/rnp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define NOW INT64_C(1700000000000000) /* November 2023; the keys are of January 2023 */
#define SECOND INT64_C(1000000)
#define TOKEN "gpgauthv1.3.0|36|10e2074b-f610-42be-8525-100d4e68c481|gpgauthv1.3.0"

/* A whole file, with a terminating zero; the caller frees. */
static inline char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be read: tests run in the repository's root folder", path);
    char *text = calloc(1, 256 << 10);
    size_t size = fread(text, 1, (256 << 10) - 1, file);
    assert_true(size < (256 << 10) - 1);
    fclose(file);
    return text;
}

/* `name` as user-rsa3072.public */
static inline char *key_text(struct arena *arena, const char *name)
{
    char *path = arena_printf(arena, "tests/fixtures/openpgp/%s.asc", name);
    char *text = file_text(path);
    char *copy = arena_strdup(arena, text);
    free(text);
    return copy;
}

static inline struct op op_at(int64_t now)
{
    struct op op = op_begin();
    op.now = now;
    return op;
}

static inline char *public_of(struct op *op, const char *name)
{
    return key_text(&op->arena, arena_printf(&op->arena, "%s.public", name));
}

static inline char *secret_of(struct op *op, const char *name)
{
    return key_text(&op->arena, arena_printf(&op->arena, "%s.secret", name));
}

/* Forgets the failure, so that the op can be used again. */
static inline void assert_refused(struct op *op, enum err result, const char *field, const char *text)
{
    if (result != ERR_INVALID || strcmp(op->failure.field, field) != 0 || !strstr(op->failure.text, text))
        fail_msg("expected ERR_INVALID %s: ...%s..., is %s %s: %s", field, text, err_name(result), op->failure.field,
                 op->failure.text);
    failure_clear(&op->failure);
}

static inline void assert_ok(const struct op *op, enum err result)
{
    if (result) fail_msg("%s %s: %s", err_name(result), op->failure.field, op->failure.text);
}

static inline struct openpgp_server *open_server(struct op *op, const char *armored)
{
    struct openpgp_server *server = NULL;
    assert_ok(op, openpgp_server_open(op, armored, strlen(armored), &server));
    assert_non_null(server);
    return server;
}

/* A server as one makes it at its first start. */
static inline struct openpgp_server *new_server(struct op *op)
{
    char *secret;
    assert_ok(op, openpgp_generate_key(op, "Roster <roster@example.org>", &secret));
    return open_server(op, secret);
}

/* ---- packets ---- */

struct bytes {
    uint8_t *at;
    size_t size;
};

static inline struct bytes bytes_of(const void *at, size_t size)
{
    return (struct bytes){ (uint8_t *)(uintptr_t)at, size };
}

static inline struct bytes bytes_join(struct arena *arena, struct bytes a, struct bytes b)
{
    struct bytes joined = { arena_alloc(arena, a.size + b.size), a.size + b.size };
    if (a.size) memcpy(joined.at, a.at, a.size);
    if (b.size) memcpy(joined.at + a.size, b.at, b.size);
    return joined;
}

/* A packet of the new format with a length of five octets. */
static inline struct bytes packet(struct arena *arena, int tag, const void *body, size_t size)
{
    struct bytes whole = { arena_alloc(arena, size + 6), size + 6 };
    const uint8_t header[6] = { (uint8_t)(0xc0 | tag), 0xff,         (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                (uint8_t)(size >> 8),  (uint8_t)size };
    memcpy(whole.at, header, 6);
    if (size) memcpy(whole.at + 6, body, size);
    return whole;
}

static inline struct bytes literal(struct arena *arena, const char *text, size_t size)
{
    struct bytes header = { (uint8_t *)arena_strndup(arena, "b\0\0\0\0\0", 6), 6 };
    struct bytes body = bytes_join(arena, header, bytes_of(text, size));
    return packet(arena, 11, body.at, body.size);
}

/* A compressed packet: deflate without zlib's header. */
static inline struct bytes compressed(struct arena *arena, struct bytes inner)
{
    uLong room = compressBound(inner.size) + 64;
    uint8_t *body = arena_alloc(arena, room + 1);
    body[0] = 1;
    z_stream stream = { .next_in = inner.at, .avail_in = (uInt)inner.size, .next_out = body + 1, .avail_out = (uInt)room };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = 1 + stream.total_out;
    deflateEnd(&stream);
    return packet(arena, 8, body, size);
}

static inline char *output_text(struct arena *arena, rnp_output_t output, size_t *ret_size)
{
    uint8_t *bytes;
    assert_int_equal(rnp_output_memory_get_buf(output, &bytes, ret_size, false), 0);
    char *text = arena_strndup(arena, (const char *)bytes, *ret_size);
    rnp_output_destroy(output);
    return text;
}

static inline char *armored(struct arena *arena, struct bytes bytes, const char *type)
{
    rnp_input_t input;
    rnp_output_t output;
    size_t size;
    assert_int_equal(rnp_input_from_memory(&input, bytes.at, bytes.size, false), 0);
    assert_int_equal(rnp_output_to_memory(&output, 0), 0);
    assert_int_equal(rnp_enarmor(input, output, type), 0);
    rnp_input_destroy(input);
    return output_text(arena, output, &size);
}

static inline struct bytes dearmored(struct arena *arena, const char *text)
{
    rnp_input_t input;
    rnp_output_t output;
    struct bytes bytes;
    assert_int_equal(rnp_input_from_memory(&input, (const uint8_t *)text, strlen(text), false), 0);
    assert_int_equal(rnp_output_to_memory(&output, 0), 0);
    assert_int_equal(rnp_dearmor(input, output), 0);
    rnp_input_destroy(input);
    bytes.at = (uint8_t *)output_text(arena, output, &bytes.size);
    return bytes;
}

/* How many bytes the two numbers have of the first signature in some packets: of version 4, by a curve; lengths are one octet. */
static inline void signature_numbers(struct bytes packets, size_t ret_sizes[2])
{
    const uint8_t *at = packets.at, *end = packets.at + packets.size;
    while ((at[0] & 0x40 ? at[0] & 0x3f : at[0] >> 2 & 0xf) != 2) {
        at += 2 + at[1];
        assert_true(at < end);
    }
    at += 6;
    for (int i = 0; i < 2; i++) at += 2 + (at[0] << 8 | at[1]); /* what is hashed of it and what is not */
    at += 2;                                                    /* the first octets of the hash */
    for (int i = 0; i < 2; i++) {
        ret_sizes[i] = (size_t)((at[0] << 8 | at[1]) + 7) / 8;
        at += 2 + ret_sizes[i];
    }
    assert_true(at <= end);
}

/* The primary key of an armored key block, loaded into an ffi. */
static inline rnp_key_handle_t load_key(rnp_ffi_t ffi, const char *key)
{
    rnp_input_t input;
    rnp_identifier_iterator_t names;
    const char *name;
    rnp_key_handle_t handle;
    assert_int_equal(rnp_input_from_memory(&input, (const uint8_t *)key, strlen(key), false), 0);
    assert_int_equal(rnp_import_keys(ffi, input, RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS, NULL), 0);
    rnp_input_destroy(input);
    assert_int_equal(rnp_identifier_iterator_create(ffi, &names, "fingerprint"), 0);
    assert_int_equal(rnp_identifier_iterator_next(names, &name), 0);
    assert_int_equal(rnp_locate_key(ffi, "fingerprint", name, &handle), 0);
    rnp_identifier_iterator_destroy(names);
    return handle;
}

/* How a message is made that is none of ours: all zero is plain encryption to `to`. */
struct letter {
    const char *to;       /* public key */
    const char *also_to;  /* another, or NULL */
    const char *password; /* or NULL */
    const char *from;     /* secret key to sign with, or NULL */
    const char *from_too; /* another, or NULL */
    const char *aead;     /* "OCB", or NULL */
    const char *compression;
    const char *hash;
    uint32_t signed_at, signature_expires;
    bool is_packets; /* the text is packets */
};

static inline void add_signer(rnp_op_encrypt_t op, const char *key, uint32_t at, rnp_ffi_t *ret_ffi, rnp_key_handle_t *ret_handle)
{
    assert_int_equal(rnp_ffi_create(ret_ffi, "GPG", "GPG"), 0);
    assert_int_equal(rnp_set_timestamp(*ret_ffi, at < 1672531200 ? 1672531200 : at), 0); /* the library must think it valid */
    *ret_handle = load_key(*ret_ffi, key);
    assert_int_equal(rnp_op_encrypt_add_signature(op, *ret_handle, NULL), 0);
}

static inline char *write_letter(struct arena *arena, struct letter letter, const void *text, size_t size)
{
    rnp_ffi_t ffis[4] = { NULL };
    rnp_key_handle_t keys[4] = { NULL };
    rnp_input_t input;
    rnp_output_t output;
    rnp_op_encrypt_t op;
    uint32_t signed_at = letter.signed_at ? letter.signed_at : (uint32_t)(NOW / SECOND);
    assert_int_equal(rnp_ffi_create(&ffis[0], "GPG", "GPG"), 0);
    assert_int_equal(rnp_input_from_memory(&input, text, size, false), 0);
    assert_int_equal(rnp_output_to_memory(&output, 0), 0);
    assert_int_equal(rnp_op_encrypt_create(&op, ffis[0], input, output), 0);
    if (letter.to) {
        keys[0] = load_key(ffis[0], letter.to);
        assert_int_equal(rnp_op_encrypt_add_recipient(op, keys[0]), 0);
    }
    if (letter.also_to) {
        assert_int_equal(rnp_ffi_create(&ffis[1], "GPG", "GPG"), 0);
        keys[1] = load_key(ffis[1], letter.also_to);
        assert_int_equal(rnp_op_encrypt_add_recipient(op, keys[1]), 0);
    }
    if (letter.password) assert_int_equal(rnp_op_encrypt_add_password(op, letter.password, "SHA256", 1024, "AES256"), 0);
    if (letter.from) add_signer(op, letter.from, signed_at, &ffis[2], &keys[2]);
    if (letter.from_too) add_signer(op, letter.from_too, signed_at, &ffis[3], &keys[3]);
    if (letter.aead) assert_int_equal(rnp_op_encrypt_set_aead(op, letter.aead), 0);
    if (letter.compression) assert_int_equal(rnp_op_encrypt_set_compression(op, letter.compression, 9), 0);
    if (letter.hash) assert_int_equal(rnp_op_encrypt_set_hash(op, letter.hash), 0);
    assert_int_equal(rnp_op_encrypt_set_creation_time(op, signed_at), 0);
    if (letter.signature_expires) assert_int_equal(rnp_op_encrypt_set_expiration_time(op, letter.signature_expires), 0);
    if (letter.is_packets) assert_int_equal(rnp_op_encrypt_set_flags(op, RNP_ENCRYPT_NOWRAP), 0);
    assert_int_equal(rnp_op_encrypt_set_armor(op, true), 0);
    assert_int_equal(rnp_op_encrypt_execute(op), 0);
    rnp_op_encrypt_destroy(op);
    rnp_input_destroy(input);
    for (size_t i = 0; i < COUNT_OF(ffis); i++) {
        rnp_key_handle_destroy(keys[i]);
        rnp_ffi_destroy(ffis[i]);
    }
    return output_text(arena, output, &size);
}

#endif
