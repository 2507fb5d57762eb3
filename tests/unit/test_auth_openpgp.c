/* OpenPGP: what a login writes and reads, limits, threads. */
#include "openpgp_fixture.h"

#include <pthread.h>

static const char *const users[] = { "user-rsa3072", "user-ed25519", "user-nistp384", "user-subkeys" };

struct servers {
    struct openpgp_server *made, *given;
};

static int open_servers(void **state)
{
    AUTO_OP op = op_at(NOW);
    struct servers *servers = calloc(1, sizeof *servers);
    servers->made = new_server(&op);
    servers->given = open_server(&op, key_text(&op.arena, "server-rsa3072.secret"));
    *state = servers;
    return 0;
}

static int close_servers(void **state)
{
    struct servers *servers = *state;
    openpgp_server_close(servers->made);
    openpgp_server_close(servers->given);
    free(servers);
    return 0;
}

/* What a user reads who has the secret key and the server's public key; fails unless there is one valid signature. */
static char *read_as_user(struct op *op, const char *secret, const char *server_public, const char *message)
{
    rnp_ffi_t ffi;
    rnp_input_t input;
    rnp_output_t output;
    rnp_op_verify_t reading;
    rnp_op_verify_signature_t signature;
    size_t count, size;
    assert_int_equal(rnp_ffi_create(&ffi, "GPG", "GPG"), 0);
    assert_int_equal(rnp_set_timestamp(ffi, (uint64_t)(op->now / SECOND)), 0);
    rnp_key_handle_destroy(load_key(ffi, secret));
    rnp_key_handle_destroy(load_key(ffi, server_public));
    assert_int_equal(rnp_input_from_memory(&input, (const uint8_t *)message, strlen(message), false), 0);
    assert_int_equal(rnp_output_to_memory(&output, 0), 0);
    assert_int_equal(rnp_op_verify_create(&reading, ffi, input, output), 0);
    assert_int_equal(rnp_op_verify_execute(reading), 0);
    assert_int_equal(rnp_op_verify_get_signature_count(reading, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(rnp_op_verify_get_signature_at(reading, 0, &signature), 0);
    assert_int_equal(rnp_op_verify_signature_get_status(signature), 0);
    rnp_op_verify_destroy(reading);
    rnp_input_destroy(input);
    rnp_ffi_destroy(ffi);
    return output_text(&op->arena, output, &size);
}

static void what_the_server_writes_the_user_reads(void **state)
{
    const struct servers *servers = *state;
    struct openpgp_server *const both[] = { servers->made, servers->given };
    AUTO_OP op = op_at(NOW);
    for (size_t s = 0; s < COUNT_OF(both); s++)
        for (size_t u = 0; u < COUNT_OF(users); u++) {
            char *message;
            assert_ok(&op, openpgp_encrypt_and_sign(&op, both[s], public_of(&op, users[u]), TOKEN, strlen(TOKEN), &message));
            assert_non_null(strstr(message, "-----BEGIN PGP MESSAGE-----"));
            assert_null(strstr(message, "gpgauth"));
            char *text = read_as_user(&op, secret_of(&op, users[u]), openpgp_server_public_key(both[s]), message);
            assert_string_equal(text, TOKEN);
        }
}

static void what_a_user_writes_the_server_reads_and_verifies(void **state)
{
    const struct servers *servers = *state;
    struct openpgp_server *const both[] = { servers->made, servers->given };
    AUTO_OP op = op_at(NOW);
    for (size_t s = 0; s < COUNT_OF(both); s++)
        for (size_t u = 0; u < COUNT_OF(users); u++) {
            struct letter letter = { .to = openpgp_server_public_key(both[s]), .from = secret_of(&op, users[u]) };
            char *message = write_letter(&op.arena, letter, TOKEN, strlen(TOKEN)), *text;
            size_t size;
            assert_ok(&op, openpgp_decrypt(&op, both[s], message, strlen(message), &text, &size));
            assert_string_equal(text, TOKEN);
            assert_int_equal(size, strlen(TOKEN));
            text = NULL;
            char *public = public_of(&op, users[u]);
            assert_ok(&op, openpgp_decrypt_and_verify(&op, both[s], public, message, strlen(message), &text, &size));
            assert_string_equal(text, TOKEN);
            assert_int_equal(size, strlen(TOKEN));
        }
}

static void every_usual_way_to_write_a_message_is_read(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    const char *to = openpgp_server_public_key(servers->made);
    char *from = secret_of(&op, "user-ed25519"), *public = public_of(&op, "user-ed25519");
    const struct letter letters[] = {
        { .to = to, .from = from, .compression = "ZIP" },
        { .to = to, .from = from, .compression = "ZLIB" },
        { .to = to, .from = from, .aead = "OCB" },
        { .to = to, .from = from, .aead = "EAX" },
        { .to = to, .from = from, .hash = "SHA512" },
        { .to = to, .from = from, .also_to = public },
        { .to = public, .from = from, .also_to = to },
        { .to = to, .from = from, .from_too = secret_of(&op, "user-rsa3072") },
        { .to = to, .from = secret_of(&op, "user-rsa3072"), .from_too = from },
        { .to = to, .from = from, .signed_at = (uint32_t)(NOW / SECOND) + 60 }, /* a clock that is fast */
        { .to = to, .from = from, .signature_expires = 600 },
    };
    for (size_t i = 0; i < COUNT_OF(letters); i++) {
        char *message = write_letter(&op.arena, letters[i], TOKEN, strlen(TOKEN)), *text;
        size_t size;
        assert_ok(&op, openpgp_decrypt(&op, servers->made, message, strlen(message), &text, &size));
        assert_string_equal(text, TOKEN);
        assert_ok(&op, openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &text, &size));
        assert_string_equal(text, TOKEN);
    }
}

/* A signature of TOKEN by itself. */
static struct bytes signature_at(struct arena *arena, const char *secret, uint32_t at)
{
    rnp_ffi_t ffi;
    rnp_input_t input;
    rnp_output_t output;
    rnp_op_sign_t signing;
    assert_int_equal(rnp_ffi_create(&ffi, "GPG", "GPG"), 0);
    assert_int_equal(rnp_set_timestamp(ffi, at), 0);
    rnp_key_handle_t key = load_key(ffi, secret);
    assert_int_equal(rnp_input_from_memory(&input, (const uint8_t *)TOKEN, strlen(TOKEN), false), 0);
    assert_int_equal(rnp_output_to_memory(&output, 0), 0);
    assert_int_equal(rnp_op_sign_detached_create(&signing, ffi, input, output), 0);
    assert_int_equal(rnp_op_sign_add_signature(signing, key, NULL), 0);
    assert_int_equal(rnp_op_sign_set_hash(signing, "SHA256"), 0);
    assert_int_equal(rnp_op_sign_set_creation_time(signing, at), 0);
    assert_int_equal(rnp_op_sign_execute(signing), 0);
    rnp_op_sign_destroy(signing);
    rnp_input_destroy(input);
    rnp_key_handle_destroy(key);
    rnp_ffi_destroy(ffi);
    struct bytes bytes;
    bytes.at = (uint8_t *)output_text(arena, output, &bytes.size);
    return bytes;
}

/* One signature in 128 has a number that begins with a zero byte, which is left out. Ed25519 has no chance in it: at these
 * seconds it is so. */
static void a_signature_with_a_short_number_is_as_good_as_others(void **state)
{
    const struct servers *servers = *state;
    static const uint32_t seconds[] = { 37, 327, 550 };
    AUTO_OP op = op_at(NOW + 1000 * SECOND);
    char *secret = secret_of(&op, "user-ed25519"), *public = public_of(&op, "user-ed25519"), *read;
    size_t numbers[2], size;
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        uint32_t at = (uint32_t)(NOW / SECOND) + seconds[i];
        signature_numbers(signature_at(&op.arena, secret, at), numbers);
        assert_true(numbers[0] < 32 || numbers[1] < 32);
        struct letter letter = {
            .to = openpgp_server_public_key(servers->made), .from = secret, .hash = "SHA256", .signed_at = at
        };
        char *message = write_letter(&op.arena, letter, TOKEN, strlen(TOKEN));
        assert_ok(&op, openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &read, &size));
        assert_string_equal(read, TOKEN);
    }
}

static void a_message_must_be_signed_by_this_user_and_be_valid_now(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    const char *to = openpgp_server_public_key(servers->made);
    char *from = secret_of(&op, "user-ed25519"), *public = public_of(&op, "user-ed25519");
    uint32_t now = (uint32_t)(NOW / SECOND);
    const struct letter letters[] = {
        { .to = to },
        { .to = to, .from = secret_of(&op, "user-rsa3072") },
        { .to = to, .from = secret_of(&op, "user-rsa3072"), .from_too = secret_of(&op, "user-nistp384") },
        { .to = to, .from = from, .hash = "SHA1" },
        { .to = to, .from = from, .signed_at = now + 3600 },
        { .to = to, .from = from, .signed_at = now - 3600, .signature_expires = 60 },
        { .to = to, .from = from, .signed_at = 1672531200 - 60 }, /* before the key was made */
    };
    for (size_t i = 0; i < COUNT_OF(letters); i++) {
        char *message = write_letter(&op.arena, letters[i], TOKEN, strlen(TOKEN)), *text = NULL;
        size_t size;
        enum err e = openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &text, &size);
        assert_refused(&op, e, "message", "no valid signature");
        assert_ok(&op, openpgp_decrypt(&op, servers->made, message, strlen(message), &text, &size)); /* signed or not */
    }
}

static void a_sender_whose_key_is_not_valid_any_more_is_refused(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    struct letter letter = { .to = openpgp_server_public_key(servers->made), .from = secret_of(&op, "expires") };
    char *message = write_letter(&op.arena, letter, TOKEN, strlen(TOKEN)), *public = public_of(&op, "expires"), *text;
    size_t size;
    assert_ok(&op, openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &text, &size));
    op.now = 1704067200 * SECOND;
    enum err e = openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &text, &size);
    assert_refused(&op, e, "key", "expired");
    e = openpgp_encrypt_and_sign(&op, servers->made, public, TOKEN, strlen(TOKEN), &text);
    assert_refused(&op, e, "key", "expired");
}

static void a_subkey_signs_until_it_expires(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    struct letter letter = { .to = openpgp_server_public_key(servers->made), .from = secret_of(&op, "subkey-expires") };
    char *message = write_letter(&op.arena, letter, TOKEN, strlen(TOKEN)), *public = public_of(&op, "subkey-expires"), *text;
    size_t size;
    assert_ok(&op, openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &text, &size));
    op.now = 1704067200 * SECOND;
    enum err e = openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &text, &size);
    assert_refused(&op, e, "message", "no valid signature");
}

static void a_key_that_may_not_sign_signs_nothing(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    struct letter letter = { .to = openpgp_server_public_key(servers->made), .from = secret_of(&op, "signed-once") };
    char *message = write_letter(&op.arena, letter, TOKEN, strlen(TOKEN)), *public = public_of(&op, "signed-once"), *text;
    size_t size;
    enum err e = openpgp_decrypt_and_verify(&op, servers->made, public, message, strlen(message), &text, &size);
    assert_refused(&op, e, "message", "no valid signature");
    assert_ok(&op, openpgp_encrypt_and_sign(&op, servers->made, public, TOKEN, strlen(TOKEN), &message));
}

static void a_call_leaves_nothing_for_the_next(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    const char *to = openpgp_server_public_key(servers->made);
    char *ed = public_of(&op, "user-ed25519"), *rsa = public_of(&op, "user-rsa3072"), *text;
    struct letter letter = { .to = to, .from = secret_of(&op, "user-ed25519") };
    char *message = write_letter(&op.arena, letter, TOKEN, strlen(TOKEN));
    size_t size;
    for (int round = 0; round < 3; round++) {
        assert_ok(&op, openpgp_decrypt_and_verify(&op, servers->made, ed, message, strlen(message), &text, &size));
        /* the key of the call before would do */
        enum err e = openpgp_decrypt_and_verify(&op, servers->made, rsa, message, strlen(message), &text, &size);
        assert_refused(&op, e, "message", "no valid signature");
        e = openpgp_encrypt_and_sign(&op, servers->made, "nonsense", TOKEN, strlen(TOKEN), &text);
        assert_refused(&op, e, "key", "not an armored");
        e = openpgp_decrypt(&op, servers->made, "nonsense", 8, &text, &size);
        assert_refused(&op, e, "message", "not an armored");
        /* the server's own key as a user's: of it nothing is lost either */
        assert_ok(&op, openpgp_encrypt_and_sign(&op, servers->made, to, TOKEN, strlen(TOKEN), &text));
        assert_ok(&op, openpgp_decrypt_and_verify(&op, servers->made, to, text, strlen(text), &text, &size));
        assert_string_equal(text, TOKEN);
    }
}

static void texts_and_messages_have_limits(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    char *public = public_of(&op, "user-ed25519"), *secret = secret_of(&op, "user-ed25519"), *message, *text;
    const char *to = openpgp_server_public_key(servers->made);
    size_t size;
    char *full = arena_alloc(&op.arena, OPENPGP_TEXT_LIMIT + 2);
    for (size_t i = 0; i < OPENPGP_TEXT_LIMIT + 1; i++) full[i] = (char)('a' + i * i % 23);
    full[OPENPGP_TEXT_LIMIT + 1] = 0;

    assert_int_equal(openpgp_encrypt_and_sign(&op, servers->made, public, full, OPENPGP_TEXT_LIMIT + 1, &message), ERR_STORAGE);
    failure_clear(&op.failure);
    full[OPENPGP_TEXT_LIMIT] = 0;
    assert_ok(&op, openpgp_encrypt_and_sign(&op, servers->made, public, full, OPENPGP_TEXT_LIMIT, &message));
    assert_string_equal(read_as_user(&op, secret, to, message), full);

    message = write_letter(&op.arena, (struct letter){ .to = to }, full, OPENPGP_TEXT_LIMIT);
    assert_ok(&op, openpgp_decrypt(&op, servers->made, message, strlen(message), &text, &size));
    assert_string_equal(text, full);
    message = write_letter(&op.arena, (struct letter){ .to = to }, full, OPENPGP_TEXT_LIMIT + 1);
    assert_refused(&op, openpgp_decrypt(&op, servers->made, message, strlen(message), &text, &size), "message", "cannot be");
    char *long_message = arena_alloc(&op.arena, OPENPGP_MESSAGE_LIMIT + 1);
    memset(long_message, '\n', OPENPGP_MESSAGE_LIMIT + 1);
    enum err e = openpgp_decrypt(&op, servers->made, long_message, OPENPGP_MESSAGE_LIMIT + 1, &text, &size);
    assert_refused(&op, e, "message", "longer than 16384 bytes");

    assert_int_equal(openpgp_encrypt_and_sign(&op, servers->made, public, "", 0, &message), ERR_STORAGE);
}

static void nothing_is_done_where_one_may_not_block(void **state)
{
    const struct servers *servers = *state;
    AUTO_OP op = op_at(NOW);
    char *public = public_of(&op, "user-ed25519"), *text = NULL;
    struct openpgp_server *server = NULL;
    struct openpgp_key key;
    size_t size;
    op.may_block = false;
    assert_int_equal(openpgp_generate_key(&op, "Roster", &text), ERR_DEFERRED);
    assert_int_equal(openpgp_server_open(&op, "", 0, &server), ERR_DEFERRED);
    assert_int_equal(openpgp_read_key(&op, public, strlen(public), &key), ERR_DEFERRED);
    assert_int_equal(openpgp_encrypt_and_sign(&op, servers->made, public, TOKEN, strlen(TOKEN), &text), ERR_DEFERRED);
    assert_int_equal(openpgp_decrypt(&op, servers->made, "", 0, &text, &size), ERR_DEFERRED);
    assert_int_equal(openpgp_decrypt_and_verify(&op, servers->made, public, "", 0, &text, &size), ERR_DEFERRED);
    assert_int_equal(op.failure.code, ERR_OK);
    assert_null(text);
    assert_null(server);
}

/* ---- threads ---- */

struct logins {
    struct openpgp_server *server;
    const char *user;
    int done;
};

static void *log_in(void *data)
{
    struct logins *logins = data;
    for (int round = 0; round < 8; round++) {
        AUTO_OP op = op_at(NOW);
        char *public = public_of(&op, logins->user), *message, *text;
        size_t size;
        struct letter letter = { .to = openpgp_server_public_key(logins->server), .from = secret_of(&op, logins->user) };
        message = write_letter(&op.arena, letter, logins->user, strlen(logins->user));
        if (openpgp_decrypt_and_verify(&op, logins->server, public, message, strlen(message), &text, &size)) break;
        if (strcmp(text, logins->user) != 0) break;
        if (openpgp_encrypt_and_sign(&op, logins->server, public, text, size, &message)) break;
        if (openpgp_decrypt(&op, logins->server, message, strlen(message), &text, &size) != ERR_INVALID) break;
        logins->done++;
    }
    return NULL;
}

static void users_log_in_at_the_same_time(void **state)
{
    const struct servers *servers = *state;
    struct logins logins[8];
    pthread_t threads[COUNT_OF(logins)];
    for (size_t i = 0; i < COUNT_OF(logins); i++) {
        logins[i] = (struct logins){ .server = servers->made, .user = users[i % COUNT_OF(users)] };
        assert_int_equal(pthread_create(&threads[i], NULL, log_in, &logins[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(logins); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(logins[i].done, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_server_writes_the_user_reads),
        cmocka_unit_test(what_a_user_writes_the_server_reads_and_verifies),
        cmocka_unit_test(every_usual_way_to_write_a_message_is_read),
        cmocka_unit_test(a_signature_with_a_short_number_is_as_good_as_others),
        cmocka_unit_test(a_message_must_be_signed_by_this_user_and_be_valid_now),
        cmocka_unit_test(a_sender_whose_key_is_not_valid_any_more_is_refused),
        cmocka_unit_test(a_subkey_signs_until_it_expires),
        cmocka_unit_test(a_key_that_may_not_sign_signs_nothing),
        cmocka_unit_test(a_call_leaves_nothing_for_the_next),
        cmocka_unit_test(texts_and_messages_have_limits),
        cmocka_unit_test(nothing_is_done_where_one_may_not_block),
        cmocka_unit_test(users_log_in_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, open_servers, close_servers);
}
