/* OpenPGP messages as only an attacker sends them: changed, cut off, put together, signed by somebody else. */
#include "openpgp_hostile.h"

/* ---- changed ---- */

static void no_changed_octet_changes_the_text(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes message = token_message(&op);
    size_t data_at = behind_session_key(message);
    for (size_t at = 0; at < message.size; at++) {
        const uint8_t masks[] = { 0x01, 0x80, 0xff };
        for (size_t i = 0; i < COUNT_OF(masks); i++) {
            message.at[at] ^= masks[i];
            char *changed = armor(&op, message), *text;
            size_t size;
            enum err e = openpgp_decrypt(&op, server, changed, strlen(changed), &text, &size);
            if (e) assert_int_equal(e, ERR_INVALID);
            else assert_string_equal(text, TOKEN); /* a number's length in bits, before the encrypted data */
            if (at >= data_at) assert_int_equal(e, ERR_INVALID);
            failure_clear(&op.failure);
            message.at[at] ^= masks[i];
        }
        arena_reset(&op.arena);
        message = at + 1 < message.size ? token_message(&op) : message;
    }
}

static void a_cut_off_message_is_refused(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes message = token_message(&op);
    for (size_t size = 1; size < message.size; size++) refuse(&op, armor(&op, (struct bytes){ message.at, size }), "");
    char *text = armor(&op, message);
    for (size_t size = 0; size < strlen(text); size += 7) {
        char *cut = arena_strndup(&op.arena, text, size), *ret_text;
        size_t ret_size;
        assert_refused(&op, openpgp_decrypt(&op, server, cut, size, &ret_text, &ret_size), "message", "");
    }
}

static void what_follows_a_message_is_not_overlooked(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes message = token_message(&op);
    refuse(&op, armor(&op, bytes_join(&op.arena, message, literal(&op.arena, "more", 4))), "something behind");
    refuse(&op, armor(&op, bytes_join(&op.arena, message, bytes_of("x", 1))), "something behind");
    refuse(&op, armor(&op, bytes_join(&op.arena, message, message)), "something behind");
    refuse(&op, armor(&op, bytes_join(&op.arena, literal(&op.arena, "more", 4), message)), "not an encrypted");
}

static void a_message_in_parts_is_read_and_must_be_whole(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char longer[700], *text;
    memset(longer, 'a', sizeof longer);
    struct bytes message = dearmored(&op.arena, write_letter(&op.arena, (struct letter){ .to = to }, longer, sizeof longer));
    size_t data_at = behind_session_key(message), size;
    const uint8_t *data = message.at + data_at;
    assert_true(data[0] == 0xd2 && data[1] >= 192 && data[1] < 224); /* a length of two octets */
    size_t data_size = message.size - data_at - 3;
    size_t rest = data_size - 512 - 192;
    const uint8_t last_length[] = { (uint8_t)(192 + (rest >> 8)), (uint8_t)rest };

    struct bytes parts = bytes_join(&op.arena, bytes_of(message.at, data_at + 1), bytes_of("\xe9", 1)); /* 512 octets */
    parts = bytes_join(&op.arena, parts, bytes_of(data + 3, 512));
    struct bytes whole = bytes_join(&op.arena, parts, bytes_of(last_length, 2));
    whole = bytes_join(&op.arena, whole, bytes_of(data + 3 + 512, data_size - 512));
    char *armored_parts = armor(&op, whole);
    assert_ok(&op, openpgp_decrypt(&op, server, armored_parts, strlen(armored_parts), &text, &size));
    assert_int_equal(size, sizeof longer);

    refuse(&op, armor(&op, parts), "damaged");
    refuse(&op, armor(&op, bytes_of(whole.at, whole.size - 1)), "damaged");
    parts.at[data_at + 1] = 0xfe; /* 1 GiB */
    refuse(&op, armor(&op, parts), "damaged");
}

/* ---- for somebody else, or in another way ---- */

static void a_message_must_be_encrypted_to_the_server_once(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *other = key_text(&op.arena, "user-ed25519.public"), *secret = key_text(&op.arena, "user-ed25519.secret");
    refuse(&op, write_letter(&op.arena, (struct letter){ .to = other }, TOKEN, strlen(TOKEN)), "not encrypted to the server");
    refuse(&op, write_letter(&op.arena, (struct letter){ .to = to, .also_to = to }, TOKEN, strlen(TOKEN)), "not encrypted to");
    struct letter letter = { .to = to, .password = "password" };
    refuse(&op, write_letter(&op.arena, letter, TOKEN, strlen(TOKEN)), "with a password");
    letter = (struct letter){ .password = "password" };
    refuse(&op, write_letter(&op.arena, letter, TOKEN, strlen(TOKEN)), "with a password");
    refuse(&op, armor(&op, literal(&op.arena, TOKEN, strlen(TOKEN))), "not an encrypted");
    refuse(&op, armor(&op, compressed(&op.arena, literal(&op.arena, TOKEN, strlen(TOKEN)))), "not an encrypted");
    refuse(&op, other, "not an encrypted");
    refuse(&op, secret, "not an encrypted");
    refuse(&op, armor(&op, packet(&op.arena, 18, "\1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 41)),
           "not encrypted to the server");
}

static void a_session_key_of_another_algorithm_or_version_is_not_for_us(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes message = token_message(&op);
    message.at[2] = 2; /* version */
    refuse(&op, armor(&op, message), "not encrypted to the server");
    message.at[2] = 3;
    assert_int_equal(message.at[11], 18); /* ECDH: as RSA the library would take the key's numbers for others */
    message.at[11] = 1;
    refuse(&op, armor(&op, message), "not encrypted to the server");
    message.at[11] = 16;
    refuse(&op, armor(&op, message), "not encrypted to the server");
    message.at[11] = 18;
    memset(message.at + 3, 0, 8); /* for nobody in particular */
    refuse(&op, armor(&op, message), "not encrypted to the server");
}

static void other_recipients_are_few(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    const struct bytes other = packet(&op.arena, 1, "\3OTHERKEY\1\0\1\1", 13);
    struct bytes message = token_message(&op);
    for (int i = 0; i < 7; i++) message = bytes_join(&op.arena, other, message);
    char *text, *good = armor(&op, message);
    size_t size;
    assert_ok(&op, openpgp_decrypt(&op, server, good, strlen(good), &text, &size));
    assert_string_equal(text, TOKEN);
    refuse(&op, armor(&op, bytes_join(&op.arena, other, message)), "too many recipients");
}

static void a_message_without_protection_against_changes_is_refused(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes message = token_message(&op);
    size_t data_at = behind_session_key(message);
    /* the same data as a packet without MDC: that is what an attacker makes of a message */
    message.at[data_at] = 0xc9;
    refuse(&op, armor(&op, message), "no MDC");
    message.at[data_at] = 0xa7; /* the same tag in the old format, until the end */
    refuse(&op, armor(&op, message), "no MDC");
    message.at[data_at] = 0xd2;
    message.at[data_at + 2] = 2; /* another version of the packet with MDC */
    refuse(&op, armor(&op, message), "cannot be decrypted");
    refuse_packets(&op, packet(&op.arena, 9, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 40));
}

/* ---- signed by somebody else ---- */

static size_t replace(struct bytes in, const uint8_t *old, const uint8_t *new, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at + size <= in.size; at++)
        if (memcmp(in.at + at, old, size) == 0) {
            memcpy(in.at + at, new, size);
            count++;
        }
    return count;
}

static void the_servers_own_signature_is_not_a_users(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *secret;
    assert_ok(&op, openpgp_generate_key(&op, "Roster", &secret));
    struct openpgp_server *usual = server;
    server = open_server(&op, secret);
    to = openpgp_server_public_key(server);
    struct bytes packets = signed_packets(&op, secret);
    refuse_signature(&op, wrapped(&op, packets));

    /* the issuer's key id stands where nothing is signed: it may name the user */
    uint8_t own[8], users[8] = { 0xC2, 0x84, 0xF6, 0xA6, 0x4B, 0x73, 0x05, 0x14 };
    const char *id = openpgp_server_fingerprint(server) + 24;
    for (size_t i = 0; i < sizeof own; i++) {
        const char digits[3] = { id[2 * i], id[2 * i + 1], 0 };
        own[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    struct bytes last = { packets.at + packets.size - 90, 90 }; /* the end of the signature, behind the issuer's fingerprint */
    assert_int_equal(replace(last, own, users, 8), 1);
    refuse_signature(&op, wrapped(&op, packets));
    openpgp_server_close(server);
    server = usual;
    to = openpgp_server_public_key(server);
}

static void a_signature_of_another_text_is_refused(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *secret = key_text(&op.arena, "user-ed25519.secret"), *text;
    char *public = key_text(&op.arena, "user-ed25519.public");
    size_t size;
    struct bytes packets = signed_packets(&op, secret);
    char *message = wrapped(&op, packets);
    assert_ok(&op, openpgp_decrypt_and_verify(&op, server, public, message, strlen(message), &text, &size));
    assert_int_equal(replace(packets, (const uint8_t *)"gpgauthv1.3.0|36", (const uint8_t *)"gpgauthv1.3.0|37", 16), 1);
    refuse_signature(&op, wrapped(&op, packets));
}

static void a_good_signature_is_found_among_bad_ones(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *public = key_text(&op.arena, "user-ed25519.public"), *text;
    size_t size;
    struct bytes good = signed_packets(&op, key_text(&op.arena, "user-ed25519.secret"));
    /* one-pass packet, text, signature: the last is as long as it says in its second octet */
    size_t signature_size = 130;
    struct bytes signature = { good.at + good.size - signature_size, signature_size };
    while (signature.at[0] != 0xc2 || signature.at[1] != signature.size - 2) {
        signature.at++;
        assert_true(--signature.size > 100);
    }
    struct bytes bad = bytes_join(&op.arena, signature, (struct bytes){ NULL, 0 });
    bad.at[bad.size - 1] ^= 1;
    struct bytes many = good;
    for (int i = 0; i < 50; i++) many = bytes_join(&op.arena, many, bad);
    char *message = wrapped(&op, many);
    assert_ok(&op, openpgp_decrypt_and_verify(&op, server, public, message, strlen(message), &text, &size));
    assert_string_equal(text, TOKEN);
    memcpy(signature.at + signature.size - 1, bad.at + bad.size - 1, 1);
    refuse_signature(&op, wrapped(&op, good));
}

static void nothing_of_a_message_is_printed(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *key = key_text(&op.arena, "revoked.public"), *text;
    struct openpgp_key facts;
    size_t size;
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int usual = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    char *message = wrapped(&op, bytes_of("nonsense", 8));
    enum err decrypted = openpgp_decrypt(&op, server, message, strlen(message), &text, &size);
    enum err read = openpgp_read_key(&op, key, strlen(key), &facts);
    fflush(stderr);
    dup2(usual, STDERR_FILENO);
    close(usual);
    assert_int_equal(decrypted, ERR_INVALID);
    assert_int_equal(read, ERR_INVALID);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_int_equal(ftell(file), 0);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_changed_octet_changes_the_text),
        cmocka_unit_test(a_cut_off_message_is_refused),
        cmocka_unit_test(what_follows_a_message_is_not_overlooked),
        cmocka_unit_test(a_message_in_parts_is_read_and_must_be_whole),
        cmocka_unit_test(a_message_must_be_encrypted_to_the_server_once),
        cmocka_unit_test(a_session_key_of_another_algorithm_or_version_is_not_for_us),
        cmocka_unit_test(other_recipients_are_few),
        cmocka_unit_test(a_message_without_protection_against_changes_is_refused),
        cmocka_unit_test(the_servers_own_signature_is_not_a_users),
        cmocka_unit_test(a_signature_of_another_text_is_refused),
        cmocka_unit_test(a_good_signature_is_found_among_bad_ones),
        cmocka_unit_test(nothing_of_a_message_is_printed),
    };
    return cmocka_run_group_tests(tests, open_one, close_one);
}
