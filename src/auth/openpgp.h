/* openpgp.h — OpenPGP (RFC 4880, RFC 6637) through librnp: the server's key, users' public keys, the messages of a login.
 *
 * For the log-in of clients that prove who they are with an OpenPGP key (spec passbolt.md 2.9). All cryptography is the
 * library's; here are the limits, which the library has few of, and the choice of what is accepted.
 *
 * Every function needs processor time, milliseconds at most, and no disk: it returns ERR_DEFERRED when !op->may_block, so that it
 * runs on a worker. Results are in op->arena. Bad input is ERR_INVALID about "key" or "message" with a sentence for the caller;
 * ERR_STORAGE is a failure of our own. All functions are thread-safe.
 *
 * What the library (librnp 0.16) does, and what is done here against it:
 *
 * | danger                          | the library                                  | here                                       |
 * | ------------------------------- | -------------------------------------------- | ------------------------------------------ |
 * | message without MDC or AEAD     | decrypts it                                  | refused, by its packets and by its report  |
 * | MDC or AEAD wrong               | an error, but some text was written          | the text is dropped                        |
 * | compression bomb                | 32 levels deep; bounds only the final text   | one bound for all levels                   |
 * | session keys for us, nested     | tries 16,384 on a level, 12 ms each for RSA  | the secret key unlocks once for each call  |
 * | signatures in signatures        | recurses until the stack is full, and dies   | small messages, a thread with a big stack  |
 * | thousands of signatures         | checks 16,384                                | small messages, so some hundreds at most   |
 * | a valid signature of another    | any known key's will do                      | must be the sender's key or its subkey     |
 * | weak hashes                     | no SHA-1 or MD5 in signatures of messages    |                                            |
 * | RSA padding (PKCS #1) as oracle | does a step less if the padding is wrong     | one answer for all; our own key is not RSA |
 * | what it prints                  | pieces of messages, on standard error        | silenced                                   |
 *
 * What a call takes, milliseconds of processor time on a slow core (librnp 0.16.3); 0.03 of it is for its thread:
 *
 * | server's key, user's key   | Ed25519, Ed25519 | Ed25519, RSA 3072 | RSA 3072, either |
 * | -------------------------- | ---------------- | ----------------- | ---------------- |
 * | openpgp_read_key           | 0.4              | 2                 |                  |
 * | openpgp_encrypt_and_sign   | 0.7              | 2.7               | 14 to 17         |
 * | openpgp_decrypt            | 0.3              | 0.3               | 80               |
 * | openpgp_decrypt_and_verify | 0.7              | 2.6               | 80 to 90         |
 *
 * Secret material: the library keeps it in memory that it clears; our copies are wiped when closed. Decrypted text is in the
 * arena, which is freed but not wiped. */
#ifndef ROSTER_AUTH_OPENPGP_H
#define ROSTER_AUTH_OPENPGP_H

#include "model/op.h"

#include <stddef.h>
#include <stdint.h>

enum {
    OPENPGP_KEY_LIMIT = 64 << 10,     /* armored key block, bytes */
    OPENPGP_MESSAGE_LIMIT = 16 << 10, /* armored message to read; a login's is 1 or 2 KiB */
    OPENPGP_TEXT_LIMIT = 8 << 10,     /* text to encrypt; what a message may hold, and may decompress to altogether */
    OPENPGP_USER_ID_LIMIT = 768,      /* bytes of a key's first user id */
    OPENPGP_FINGERPRINT_SIZE = 41,    /* 40 upper-case hexadecimal digits and a zero */
    OPENPGP_KEY_ID_SIZE = 17,         /* the last 16 of them */
};

struct openpgp_server;

/* Makes a key pair for a server: Ed25519 to sign and certify, a Curve25519 subkey to encrypt, never expiring. `ret_armored` is
 * the armored secret key, without passphrase: to be stored where only the server reads, and wiped by who called.
 * Not RSA, because RSA takes 20 to 300 times as long (see above) and here is no padding to make an oracle of; GnuPG 2.2,
 * OpenPGP.js and PGPy read and write them. ERR_INVALID about "userId" unless it is 1 to 255 bytes of UTF-8 ("Roster
 * <roster@host>"). */
MUST_USE enum err openpgp_generate_key(struct op *op, const char *user_id, char **ret_armored);

/* A server's key from an armored secret key: one that was made here, or RSA from 2048 bits or another elliptic curve, version 4,
 * that can sign and be encrypted to. ERR_INVALID about "key" with a clear text if it is anything else, is expired or revoked,
 * or has a passphrase. ERR_STORAGE if the library is one whose decompression cannot be bounded. `*ret_server` must be closed.
 * When the key expires later, messages are ERR_STORAGE. */
MUST_USE enum err openpgp_server_open(struct op *op, const char *armored, size_t size, struct openpgp_server **ret_server);

void openpgp_server_close(struct openpgp_server *server); /* accepts NULL; no call may be running */

/* The armored public key and the fingerprint; they live as long as the server's key. */
const char *openpgp_server_public_key(const struct openpgp_server *server);
const char *openpgp_server_fingerprint(const struct openpgp_server *server);

/* What is shown of a user's key (spec passbolt.md 2.4, gpgkey). */
struct openpgp_key {
    const char *user_id; /* the first; UTF-8 without control characters */
    const char *type;    /* of the primary key: "RSA", "ECDSA" or "EdDSA"; static */
    uint32_t bits;       /* of the primary key: RSA's modulus, or 256, 384, 512, 521 for a curve */
    int64_t created;     /* microseconds UTC */
    int64_t expires;     /* microseconds UTC; 0: never */
    char fingerprint[OPENPGP_FINGERPRINT_SIZE];
    char key_id[OPENPGP_KEY_ID_SIZE];
};

/* A user's public key from its armored text. ERR_INVALID unless it is a public key block of exactly one version 4 key of RSA
 * (2048 to 8192 bits) or an elliptic curve, valid at op->now, with a user id and a key that can be encrypted to, and at most 16
 * subkeys, 32 user ids and 100 signatures. DSA and ElGamal are refused: OpenPGP.js refuses them too, and to check an ElGamal
 * key takes the library a tenth of a second. */
MUST_USE enum err openpgp_read_key(struct op *op, const char *armored, size_t size, struct openpgp_key *ret_key);

/* An armored message with `text` (of 1 byte to OPENPGP_TEXT_LIMIT), encrypted to a user's key (as openpgp_read_key takes it) and
 * signed by the server. */
MUST_USE enum err openpgp_encrypt_and_sign(struct op *op, struct openpgp_server *server, const char *armored_key,
                                           const char *text, size_t size, char **ret_message);

/* The text of an armored message to the server, with a terminating zero; signatures are not looked at. Whatever is wrong behind
 * the encryption is told with the same words. */
MUST_USE enum err openpgp_decrypt(struct op *op, struct openpgp_server *server, const char *message, size_t size, char **ret_text,
                                  size_t *ret_size);

/* The same, if the message is signed by a user's key: one signature over the text that is valid and not expired, by the primary
 * key or a subkey that may sign, which is valid now. Other signatures do not matter. */
MUST_USE enum err openpgp_decrypt_and_verify(struct op *op, struct openpgp_server *server, const char *armored_key,
                                             const char *message, size_t size, char **ret_text, size_t *ret_size);

#endif
