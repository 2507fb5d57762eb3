/* OpenPGP with GnuPG on the other side: it takes the server's key, reads what the server writes, and writes what the server
 * reads. */
#include "gpg_fixture.h"

static const char *const users[] = { "user-rsa3072", "user-ed25519", "user-nistp384" };
static struct openpgp_server *servers[2]; /* a new one, and one made by GnuPG */

static int make_home(void **state)
{
    (void)state;
    make_gpg_home();
    AUTO_OP op = op_begin();
    servers[0] = new_server(&op);
    servers[1] = open_server(&op, key_text(&op.arena, "server-rsa3072.secret"));
    for (size_t i = 0; i < COUNT_OF(users); i++) assert_run(run(GPG "--import tests/fixtures/openpgp/%s.secret.asc", users[i]));
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        write_file("server.asc", openpgp_server_public_key(servers[i]));
        assert_run(run(GPG "--import %s/server.asc", home));
    }
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(servers); i++) openpgp_server_close(servers[i]);
    return remove_gpg_home();
}

static void gnupg_reads_what_the_server_writes(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(servers); s++)
        for (size_t u = 0; u < COUNT_OF(users); u++) {
            AUTO_OP op = op_begin();
            char *key = key_text(&op.arena, arena_printf(&op.arena, "%s.public", users[u])), *message;
            assert_ok(&op, openpgp_encrypt_and_sign(&op, servers[s], key, TOKEN, strlen(TOKEN), &message));
            write_file("message.asc", message);
            assert_run(run(GPG "--status-fd 1 --output %s/text --yes --decrypt %s/message.asc", home, home));
            assert_string_equal(output_of(&op.arena, "text"), TOKEN);
            char *status = output_of(&op.arena, "out");
            assert_non_null(strstr(status, "[GNUPG:] GOODSIG "));
            assert_non_null(strstr(status, "[GNUPG:] DECRYPTION_OKAY"));
            assert_non_null(strstr(status, "[GNUPG:] GOODMDC"));
            const char *valid = arena_printf(&op.arena, "[GNUPG:] VALIDSIG %s ", openpgp_server_fingerprint(servers[s]));
            assert_non_null(strstr(status, valid));
        }
}

/* How a client may call gpg; all are read. */
static const char *const ways[] = {
    "",
    "--compress-algo zlib -z 9",
    "--compress-algo none --digest-algo SHA512",
    "--cipher-algo AES128 --textmode",
    "--cipher-algo CAMELLIA256 --no-emit-version",
    "--encrypt-to user-ed25519@example.org",
};

static void the_server_reads_and_verifies_what_gnupg_writes(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(servers); s++)
        for (size_t u = 0; u < COUNT_OF(users); u++) {
            AUTO_OP op = op_begin();
            write_file("text", TOKEN);
            const char *way = ways[(s * COUNT_OF(users) + u) % COUNT_OF(ways)];
            assert_run(run(GPG
                           "--armor %s --local-user %s@example.org --recipient %s --sign --encrypt --yes --output %s/message.asc "
                           "%s/text",
                           way, users[u], openpgp_server_fingerprint(servers[s]), home, home));
            char *key = key_text(&op.arena, arena_printf(&op.arena, "%s.public", users[u])), *text;
            char *message = output_of(&op.arena, "message.asc");
            size_t size;
            assert_ok(&op, openpgp_decrypt_and_verify(&op, servers[s], key, message, strlen(message), &text, &size));
            assert_string_equal(text, TOKEN);
            key = key_text(&op.arena, "user-subkeys.public");
            enum err e = openpgp_decrypt_and_verify(&op, servers[s], key, message, strlen(message), &text, &size);
            assert_refused(&op, e, "message", "no valid signature");
        }
}

static void what_gnupg_writes_without_mdc_or_as_bzip2_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *way, *why;
    } refused[] = {
        { "--rfc2440 --cipher-algo 3DES --recipient", "no MDC" },
        { "--compress-algo bzip2 --recipient", "cannot be decrypted" },
        { "--hidden-recipient", "not encrypted to the server" },
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        AUTO_OP op = op_begin();
        write_file("text", TOKEN);
        assert_run(run(GPG "--armor --yes --output %s/message.asc %s %s --encrypt %s/text", home, refused[i].way,
                       openpgp_server_fingerprint(servers[0]), home));
        char *message = output_of(&op.arena, "message.asc"), *text;
        size_t size;
        assert_refused(&op, openpgp_decrypt(&op, servers[0], message, strlen(message), &text, &size), "message", refused[i].why);
    }
}

static void gnupg_finds_nothing_wrong_with_a_new_server_key(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    assert_run(run(GPG "--with-colons --check-signatures %s", openpgp_server_fingerprint(servers[0])));
    char *listing = output_of(&op.arena, "out");
    assert_non_null(strstr(listing, "uid:"));
    assert_non_null(strstr(listing, "Roster <roster@example.org>"));
    assert_non_null(strstr(listing, "\nsig:!:"));
    assert_null(strstr(listing, "\nsig:-:"));
    assert_non_null(strstr(listing, ":cv25519:"));
    assert_non_null(strstr(listing, ":ed25519:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gnupg_finds_nothing_wrong_with_a_new_server_key),
        cmocka_unit_test(gnupg_reads_what_the_server_writes),
        cmocka_unit_test(the_server_reads_and_verifies_what_gnupg_writes),
        cmocka_unit_test(what_gnupg_writes_without_mdc_or_as_bzip2_is_refused),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
