/* openpgp_parts.h — what the files of openpgp*.c share; nobody else includes it. The only place that includes librnp. */
#ifndef ROSTER_AUTH_OPENPGP_PARTS_H
#define ROSTER_AUTH_OPENPGP_PARTS_H

#include "auth/openpgp.h"
#include "base/digest.h"

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

/* A client's clock may be this much ahead of ours. The library knows one time, so a key is also seen to expire this much early.
 */
enum { CLOCK_SKEW_S = 300 };

/* ---- Handles of the library, closed when the variable goes out of scope. ---- */

static inline void ffi_close(rnp_ffi_t *ffi)
{
    rnp_ffi_destroy(*ffi);
}
static inline void input_close(rnp_input_t *input)
{
    rnp_input_destroy(*input);
}
static inline void output_close(rnp_output_t *output)
{
    rnp_output_destroy(*output);
}
static inline void key_close(rnp_key_handle_t *key)
{
    rnp_key_handle_destroy(*key);
}
static inline void text_close(char **text)
{
    rnp_buffer_destroy(*text);
}

#define AUTO_FFI __attribute__((cleanup(ffi_close))) rnp_ffi_t
#define AUTO_INPUT __attribute__((cleanup(input_close))) rnp_input_t
#define AUTO_OUTPUT __attribute__((cleanup(output_close))) rnp_output_t
#define AUTO_KEY __attribute__((cleanup(key_close))) rnp_key_handle_t
#define AUTO_RNP_TEXT __attribute__((cleanup(text_close))) char *

/* A failure that is ours, not the input's. */
MUST_USE enum err library_failed(struct op *op, const char *doing, rnp_result_t result);

/* ---- openpgp_packets.c: what can be known before the library reads. ---- */

enum packet_tag {
    TAG_SESSION_KEY = 1, /* for a key */
    TAG_SIGNATURE = 2,
    TAG_PASSWORD_SESSION = 3, /* for a password */
    TAG_SECRET_KEY = 5,
    TAG_PUBLIC_KEY = 6,
    TAG_SECRET_SUBKEY = 7,
    TAG_ENCRYPTED = 9, /* without protection against changes */
    TAG_TRUST = 12,
    TAG_USER_ID = 13,
    TAG_PUBLIC_SUBKEY = 14,
    TAG_USER_ATTRIBUTE = 17,
    TAG_ENCRYPTED_MDC = 18,
    TAG_ENCRYPTED_AEAD = 20,
};

/* Algorithms of keys that are accepted (RFC 4880 9.1, RFC 6637 5). */
enum {
    ALGORITHM_RSA = 1,
    ALGORITHM_RSA_ENCRYPT = 2,
    ALGORITHM_RSA_SIGN = 3,
    ALGORITHM_ECDH = 18,
    ALGORITHM_ECDSA = 19,
    ALGORITHM_EDDSA = 22
};

enum { KEY_ID_SIZE = 8, SUBKEYS_MAX = 16 };

/* A key that messages to the server may be encrypted to. */
struct reader_key {
    uint8_t id[KEY_ID_SIZE];
    bool is_rsa; /* else ECDH */
};

/* What the packets of a key block say. */
struct key_outline {
    uint8_t algorithm;   /* of the primary key */
    uint32_t rsa_bits;   /* of the primary key; 0 if not RSA */
    const char *user_id; /* the first, in the arena */
};

/* The bytes in an armor, in the arena. ERR_INVALID about `field` if it is longer than `limit` or not an armor. */
MUST_USE enum err packets_dearmor(struct op *op, const char *field, const char *text, size_t size, size_t limit,
                                  uint8_t **ret_bytes, size_t *ret_size);

/* Checks the outline of a key block, public or secret: one primary key, accepted versions, algorithms and sizes, limits. */
MUST_USE enum err packets_check_key(struct op *op, const uint8_t *bytes, size_t size, bool secret,
                                    struct key_outline *ret_outline);

/* Checks that the bytes are one message, encrypted with protection against changes, and exactly once for one of `keys`. */
MUST_USE enum err packets_check_message(struct op *op, const uint8_t *bytes, size_t size, const struct reader_key *keys,
                                        size_t key_count);

/* ---- openpgp_confine.c: where the library works. ---- */

/* Does work(op, data) in a thread of its own and returns its result; ERR_DEFERRED if the op may not block. In that thread the
 * stack is large, fprintf is silent, and all that is decompressed is at most `decompressed_max` bytes: more is a damaged stream.
 */
typedef enum err confined_work(struct op *op, void *data);
MUST_USE enum err confine_run(struct op *op, size_t decompressed_max, confined_work *work, void *data);

/* Whether the library's decompression is bounded by that at all, tried out with a small message. In a confined thread. */
bool confine_holds(void);

/* ---- openpgp_key.c ---- */

/* Reads a checked key block of one key into the ffi, as the public or secret key or both (RNP_LOAD_SAVE_...); the library then
 * has checked the key's own signatures. `ret_key` is its primary key, to be closed. */
MUST_USE enum err key_load(struct op *op, rnp_ffi_t ffi, const uint8_t *bytes, size_t size, uint32_t as,
                           rnp_key_handle_t *ret_key);

/* From armored text to a public key in the ffi that is valid now and can be encrypted to: all that openpgp_read_key promises. */
MUST_USE enum err key_take(struct op *op, rnp_ffi_t ffi, const char *armored, size_t size, struct key_outline *ret_outline,
                           rnp_key_handle_t *ret_key);

/* ERR_INVALID unless the key has a valid part for a purpose: "encrypt" or "sign". */
MUST_USE enum err key_check_usage(struct op *op, rnp_key_handle_t key, const char *usage);

/* ERR_INVALID unless the key is valid at the ffi's time: not revoked, not expired, with a valid signature of its own; else it is
 * told what is wrong with those it has. */
MUST_USE enum err key_check_valid(struct op *op, rnp_key_handle_t key);

/* Sets what time the library believes it is: the op's, and `skew_s` more. */
MUST_USE enum err ffi_set_time(struct op *op, rnp_ffi_t ffi, int64_t skew_s);

/* All bytes of an output in the arena, with a terminating zero; the library's copy is wiped. */
char *output_take(struct op *op, rnp_output_t output, size_t *ret_size);

/* ---- openpgp_server.c ---- */

/* Two of the library's objects with the server's key, for one call at a time. */
struct rings {
    rnp_ffi_t ours;   /* for texts of our own: unlocked */
    rnp_ffi_t theirs; /* for messages of others: unlocks once for each call */
    char passphrase[DIGEST_HEX_SIZE];
    bool may_unlock;
    struct rings *next;
};

/* A pair that nobody else uses, to be given back. */
MUST_USE enum err rings_take(struct op *op, struct openpgp_server *server, struct rings **ret_rings);

/* Gives it back. What the call read into the public keys is dropped. */
void rings_put(struct openpgp_server *server, struct rings *rings);

/* The keys that messages to the server may be encrypted to. */
const struct reader_key *server_readers(const struct openpgp_server *server, size_t *ret_count);

#endif
