/* openpgp_server.c — the server's key, and the library's objects that have it loaded.
 *
 * Such an object (ffi) may be used by one thread at a time. Measured, processor time:
 *
 * | a call                             | Ed25519       | RSA 3072                                      |
 * | ---------------------------------- | ------------- | --------------------------------------------- |
 * | with the key loaded                | 0.3 to 0.7 ms | writes in 14 ms, reads in 80 ms               |
 * | that loads the key first           | 0.7 ms more   | 90 ms more, most of it when it first signs    |
 * | with one for all, behind a lock    | logins wait for each other, whatever the number of workers    |
 *
 * So a server keeps a stock of loaded ones: a call takes from it or, if all are out, makes another, and gives back. There are as
 * many as calls ever ran at the same time, at most one for each worker, of 60 to 70 KiB.
 *
 * What is in the stock is a pair. `ours` sees only texts of our own, its key is unlocked. `theirs` reads what anyone may send,
 * its key is locked with a passphrase: for each session key that names our key the library asks for the passphrase, and is told
 * it once for each call. So it does one private operation, whatever is nested in a message. That is what makes RSA slow to read:
 * each time it unlocks a key the library tests that its primes are prime, for 70 ms; the operation itself takes 12. */
#include "auth/openpgp_parts.h"

#include "base/memory.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

enum { READERS_MAX = SUBKEYS_MAX + 1, PASSPHRASE_ITERATIONS = 1024 };

struct openpgp_server {
    uint8_t *secret; /* the key block, for further pairs */
    size_t secret_size;
    char *public_key;
    char fingerprint[OPENPGP_FINGERPRINT_SIZE];
    struct reader_key readers[READERS_MAX];
    size_t reader_count;
    uint64_t expires_s;   /* Unix time when the first part that is needed does; INT64_MAX: never */
    pthread_mutex_t lock; /* over the stock */
    struct rings *stock;
};

const char *openpgp_server_public_key(const struct openpgp_server *server)
{
    return server->public_key;
}

const char *openpgp_server_fingerprint(const struct openpgp_server *server)
{
    return server->fingerprint;
}

const struct reader_key *server_readers(const struct openpgp_server *server, size_t *ret_count)
{
    *ret_count = server->reader_count;
    return server->readers;
}

/* ---- the stock ---- */

static void rings_free(struct rings *rings)
{
    rnp_ffi_destroy(rings->ours);
    rnp_ffi_destroy(rings->theirs);
    OPENSSL_cleanse(rings, sizeof *rings);
    free(rings);
}

/* The library wants a passphrase: of our key, or (`key` NULL) of a message that is encrypted with one. */
static bool tell_passphrase(rnp_ffi_t ffi, void *data, rnp_key_handle_t key, const char *purpose, char *buffer, size_t size)
{
    (void)ffi;
    (void)purpose;
    struct rings *rings = data;
    if (!key || !rings->may_unlock || size < sizeof rings->passphrase) return false;
    rings->may_unlock = false;
    memcpy(buffer, rings->passphrase, sizeof rings->passphrase);
    return true;
}

static rnp_result_t lock_key(rnp_key_handle_t key, const char *passphrase)
{
    /* the passphrase has 256 random bits: nothing is gained by making its use slow */
    rnp_result_t result = rnp_key_protect(key, passphrase, "AES256", NULL, "SHA256", PASSPHRASE_ITERATIONS);
    return result ? result : rnp_key_lock(key);
}

static rnp_result_t lock_keys(rnp_key_handle_t primary, const char *passphrase)
{
    size_t count = 0;
    rnp_result_t result = lock_key(primary, passphrase);
    if (!result) result = rnp_key_get_subkey_count(primary, &count);
    for (size_t i = 0; !result && i < count; i++) {
        AUTO_KEY subkey = NULL;
        result = rnp_key_get_subkey_at(primary, i, &subkey);
        if (!result) result = lock_key(subkey, passphrase);
    }
    return result;
}

static enum err load_ours(struct op *op, const struct openpgp_server *server, struct rings *rings)
{
    rnp_result_t result = rnp_ffi_create(&rings->ours, RNP_KEYSTORE_GPG, RNP_KEYSTORE_GPG);
    if (result) return library_failed(op, "starting", result);
    AUTO_KEY primary = NULL;
    enum err e = ffi_set_time(op, rings->ours, CLOCK_SKEW_S);
    if (e) return e;
    return key_load(op, rings->ours, server->secret, server->secret_size, RNP_LOAD_SAVE_SECRET_KEYS, &primary);
}

static enum err load_theirs(struct op *op, const struct openpgp_server *server, struct rings *rings)
{
    struct digest random;
    random_bytes(&random, sizeof random);
    digest_format(rings->passphrase, &random);
    OPENSSL_cleanse(&random, sizeof random);
    rnp_result_t result = rnp_ffi_create(&rings->theirs, RNP_KEYSTORE_GPG, RNP_KEYSTORE_GPG);
    if (!result) result = rnp_ffi_set_pass_provider(rings->theirs, tell_passphrase, rings);
    if (result) return library_failed(op, "starting", result);
    AUTO_KEY primary = NULL;
    enum err e = ffi_set_time(op, rings->theirs, CLOCK_SKEW_S);
    if (!e) e = key_load(op, rings->theirs, server->secret, server->secret_size, RNP_LOAD_SAVE_SECRET_KEYS, &primary);
    if (e) return e;
    result = lock_keys(primary, rings->passphrase);
    return result ? library_failed(op, "locking the server's key", result) : ERR_OK;
}

static enum err rings_new(struct op *op, const struct openpgp_server *server, struct rings **ret_rings)
{
    struct rings *rings = memory_zalloc(sizeof *rings);
    enum err e = load_ours(op, server, rings);
    if (!e) e = load_theirs(op, server, rings);
    if (e) rings_free(rings);
    else *ret_rings = rings;
    return e;
}

enum err rings_take(struct op *op, struct openpgp_server *server, struct rings **ret_rings)
{
    if (op->now / 1000000 >= (int64_t)server->expires_s)
        return op_fail(op, ERR_STORAGE, "", "the server's OpenPGP key has expired");
    pthread_mutex_lock(&server->lock);
    struct rings *rings = server->stock;
    if (rings) server->stock = rings->next;
    pthread_mutex_unlock(&server->lock);
    if (!rings) {
        enum err e = rings_new(op, server, &rings);
        if (e) return e;
    }
    rings->may_unlock = true;
    *ret_rings = rings;
    return ERR_OK;
}

void rings_put(struct openpgp_server *server, struct rings *rings)
{
    /* the server's own key is only among the secret ones, so nothing of it is dropped */
    if (rnp_unload_keys(rings->ours, RNP_KEY_UNLOAD_PUBLIC) || rnp_unload_keys(rings->theirs, RNP_KEY_UNLOAD_PUBLIC)) {
        rings_free(rings);
        return;
    }
    pthread_mutex_lock(&server->lock);
    rings->next = server->stock;
    server->stock = rings;
    pthread_mutex_unlock(&server->lock);
}

/* ---- opening ---- */

static enum err check_is_bare(struct op *op, rnp_key_handle_t key)
{
    AUTO_RNP_TEXT protection = NULL;
    rnp_result_t result = rnp_key_get_protection_type(key, &protection);
    if (result) return op_fail(op, ERR_INVALID, "key", "the key has a part without its secret");
    if (strncmp(protection, "Encrypted", 9) == 0)
        return op_fail(op, ERR_INVALID, "key", "the secret key has a passphrase: export it without one");
    if (strcmp(protection, "None") != 0) return op_fail(op, ERR_INVALID, "key", "the key has a part without its secret");
    return ERR_OK;
}

/* Remembers a key, if messages may be encrypted to it. Expired subkeys still read. */
static enum err add_reader(struct op *op, struct openpgp_server *server, rnp_key_handle_t key)
{
    AUTO_RNP_TEXT id = NULL;
    AUTO_RNP_TEXT algorithm = NULL;
    bool encrypts = false;
    rnp_result_t result = rnp_key_allows_usage(key, "encrypt", &encrypts);
    if (!result) result = rnp_key_get_keyid(key, &id);
    if (!result) result = rnp_key_get_alg(key, &algorithm);
    if (result) return library_failed(op, "telling about a key", result);
    if (!encrypts) return ERR_OK;
    struct reader_key *reader = &server->readers[server->reader_count++];
    reader->is_rsa = strcmp(algorithm, "RSA") == 0;
    for (size_t i = 0; i < KEY_ID_SIZE; i++) {
        const char digits[3] = { id[2 * i], id[2 * i + 1], 0 };
        reader->id[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return ERR_OK;
}

static enum err take_parts(struct op *op, struct openpgp_server *server, rnp_key_handle_t primary)
{
    size_t count = 0;
    enum err e = check_is_bare(op, primary);
    if (!e) e = add_reader(op, server, primary);
    if (!e && rnp_key_get_subkey_count(primary, &count)) e = op_fail(op, ERR_INVALID, "key", "the key is damaged");
    for (size_t i = 0; !e && i < count && server->reader_count < READERS_MAX; i++) {
        AUTO_KEY subkey = NULL;
        if (rnp_key_get_subkey_at(primary, i, &subkey)) return op_fail(op, ERR_INVALID, "key", "the key is damaged");
        e = check_is_bare(op, subkey);
        if (!e) e = add_reader(op, server, subkey);
    }
    return e;
}

static enum err take_public(struct op *op, struct openpgp_server *server, rnp_key_handle_t primary)
{
    AUTO_RNP_TEXT fingerprint = NULL;
    AUTO_OUTPUT output = NULL;
    rnp_result_t result = rnp_output_to_memory(&output, OPENPGP_KEY_LIMIT);
    if (!result)
        result = rnp_key_export(primary, output, RNP_KEY_EXPORT_ARMORED | RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS);
    if (!result) result = rnp_key_get_fprint(primary, &fingerprint);
    if (result) return library_failed(op, "telling about a key", result);
    memcpy(server->fingerprint, fingerprint, OPENPGP_FINGERPRINT_SIZE);
    size_t size;
    server->public_key = memory_strdup(output_take(op, output, &size));
    return ERR_OK;
}

/* The key has a valid part for a purpose: "sign" or "encrypt". */
static enum err take_usage(struct op *op, struct openpgp_server *server, rnp_key_handle_t primary, const char *usage)
{
    enum err e = key_check_usage(op, primary, usage);
    if (e) return e;
    AUTO_KEY part = NULL;
    uint64_t expires_s;
    rnp_result_t result = rnp_key_get_default_key(primary, usage, 0, &part);
    if (!result) result = rnp_key_valid_till64(part, &expires_s);
    if (result) return library_failed(op, "telling about a key", result);
    if (expires_s < server->expires_s) server->expires_s = expires_s;
    return ERR_OK;
}

/* Everything about the server that its key says. */
static enum err take_key(struct op *op, struct openpgp_server *server)
{
    AUTO_FFI ffi = NULL;
    rnp_result_t result = rnp_ffi_create(&ffi, RNP_KEYSTORE_GPG, RNP_KEYSTORE_GPG);
    if (result) return library_failed(op, "starting", result);
    enum err e = ffi_set_time(op, ffi, CLOCK_SKEW_S);
    AUTO_KEY primary = NULL;
    if (!e)
        e = key_load(op, ffi, server->secret, server->secret_size, RNP_LOAD_SAVE_SECRET_KEYS | RNP_LOAD_SAVE_PUBLIC_KEYS,
                     &primary);
    if (!e) e = key_check_valid(op, primary);
    if (!e) e = take_parts(op, server, primary);
    if (!e) e = take_usage(op, server, primary, "sign");
    if (!e) e = take_usage(op, server, primary, "encrypt");
    if (!e) e = take_public(op, server, primary);
    return e;
}

/* A first pair for the stock: a key that cannot be used shows here and not at a login. */
static enum err fill_stock(struct op *op, struct openpgp_server *server)
{
    struct rings *rings;
    enum err e = rings_take(op, server, &rings);
    if (!e) rings_put(server, rings);
    return e;
}

struct opening {
    const char *armored;
    size_t size;
    struct openpgp_server **server;
};

static enum err open_with(struct op *op, const uint8_t *bytes, size_t size, struct openpgp_server **ret_server)
{
    struct openpgp_server *server = memory_zalloc(sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    server->expires_s = INT64_MAX;
    server->secret = memcpy(memory_alloc(size), bytes, size);
    server->secret_size = size;
    enum err e = take_key(op, server);
    if (!e) e = fill_stock(op, server);
    if (e) openpgp_server_close(server);
    else *ret_server = server;
    return e;
}

static enum err open_server(struct op *op, void *data)
{
    const struct opening *opening = data;
    if (!confine_holds()) return op_fail(op, ERR_STORAGE, "", "the OpenPGP library of this system decompresses without a bound");
    uint8_t *bytes;
    size_t size;
    struct key_outline outline;
    enum err e = packets_dearmor(op, "key", opening->armored, opening->size, OPENPGP_KEY_LIMIT, &bytes, &size);
    if (e) return e;
    e = packets_check_key(op, bytes, size, true, &outline);
    if (!e) e = open_with(op, bytes, size, opening->server);
    OPENSSL_cleanse(bytes, size);
    return e;
}

enum err openpgp_server_open(struct op *op, const char *armored, size_t size, struct openpgp_server **ret_server)
{
    struct opening opening = { armored, size, ret_server };
    return confine_run(op, 0, open_server, &opening);
}

void openpgp_server_close(struct openpgp_server *server)
{
    if (!server) return;
    while (server->stock) {
        struct rings *rings = server->stock;
        server->stock = rings->next;
        rings_free(rings);
    }
    OPENSSL_cleanse(server->secret, server->secret_size);
    free(server->secret);
    free(server->public_key);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
