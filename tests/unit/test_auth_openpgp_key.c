/* OpenPGP: which keys are taken, of users and for the server, and what is told about them. */
#include "openpgp_fixture.h"

/* ---- users' keys ---- */

static void a_key_is_shown_with_its_facts(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
        uint32_t bits;
        int64_t expires;
        const char *fingerprint;
    } keys[] = {
        { "user-rsa3072", "RSA", 3072, 0, "048869411437FDE9B8E79234D7AC26E457A6C6D1" },
        { "user-ed25519", "EdDSA", 256, 0, "3EBEB8155EBB4A775E4B1D3BC284F6A64B730514" },
        { "user-nistp384", "ECDSA", 384, 0, "B796192CCA3AA69FEB06EE8DCFAE9233AF4C025B" },
        { "user-subkeys", "EdDSA", 256, 0, "124D19A801E4C50C233F6CB049BFA6211D4E414E" },
        { "expires", "EdDSA", 256, 1704067200 * SECOND, "3284C5E472C0B98022985C2C9B3DA496D8ADCE32" },
    };
    AUTO_OP op = op_at(NOW);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char *text = public_of(&op, keys[i].name);
        struct openpgp_key key;
        assert_ok(&op, openpgp_read_key(&op, text, strlen(text), &key));
        assert_string_equal(key.user_id, arena_printf(&op.arena, "Test %s <%s@example.org>", keys[i].name, keys[i].name));
        assert_string_equal(key.type, keys[i].type);
        assert_int_equal(key.bits, keys[i].bits);
        assert_int_equal(key.created, 1672531200 * SECOND);
        assert_int_equal(key.expires, keys[i].expires);
        assert_string_equal(key.fingerprint, keys[i].fingerprint);
        assert_string_equal(key.key_id, keys[i].fingerprint + 24);
    }
}

static void a_key_may_have_other_line_ends_and_text_around_it(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct openpgp_key key;
    char *text = public_of(&op, "user-ed25519");
    char *lines = arena_alloc(&op.arena, 2 * strlen(text) + 1), *to = lines;
    for (const char *from = text; *from; from++) {
        if (*from == '\n') *to++ = '\r';
        *to++ = *from;
    }
    *to = 0;
    assert_ok(&op, openpgp_read_key(&op, lines, strlen(lines), &key));
    char *around = arena_printf(&op.arena, "\n\n%s\n\n", text);
    assert_ok(&op, openpgp_read_key(&op, around, strlen(around), &key));
}

static void refuse_key(struct op *op, const char *text, const char *why)
{
    struct openpgp_key key;
    assert_refused(op, openpgp_read_key(op, text, strlen(text), &key), "key", why);
}

/* A key's primary key and user ids with their signatures, of a block whose lengths are one octet. Without its subkey nothing but
 * the signature of the user id can make the key valid. */
static struct bytes without_subkeys(struct op *op, const char *name)
{
    struct bytes key = dearmored(&op->arena, public_of(op, name));
    size_t size = 0;
    while (size < key.size && key.at[size] != 0xb8) size += 2 + key.at[size + 1];
    return (struct bytes){ key.at, size };
}

/* Numbers have no zero bytes in front (RFC 4880 3.2), but Ed25519's are of 32 bytes: whoever checks has to fill them up. */
static void a_signature_may_have_a_short_number(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    static const char *const names[] = { "short-r", "short-s" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *text = public_of(&op, names[i]);
        size_t sizes[2];
        signature_numbers(dearmored(&op.arena, text), sizes);
        assert_true(sizes[i] < 32);
        struct openpgp_key key;
        assert_ok(&op, openpgp_read_key(&op, text, strlen(text), &key));
        refuse_key(&op, armored(&op.arena, without_subkeys(&op, names[i]), "public key"), "no valid part to encrypt with");
    }
}

static void keys_that_are_not_good_enough_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } keys[] = {
        { "short.public", "RSA part of 1024 bits" },
        { "dsa.public", "DSA or ElGamal" },
        { "revoked.public", "revoked" },
        { "sign-only.public", "no valid part to encrypt with" },
        { "two.public", "more than one key" },
        { "many-names.public", "32 user ids" },
        { "user-ed25519.secret", "is a secret key" },
        { "user-rsa3072.secret", "is a secret key" },
    };
    AUTO_OP op = op_at(NOW);
    for (size_t i = 0; i < COUNT_OF(keys); i++) refuse_key(&op, key_text(&op.arena, keys[i].name), keys[i].why);
}

static void a_key_is_refused_before_and_after_its_time(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *text = public_of(&op, "expires");
    op.now = 1704067200 * SECOND + SECOND; /* a second after it expired */
    refuse_key(&op, text, "expired");
    op.now = 1672531200 * SECOND - 3600 * SECOND; /* an hour before it was made */
    refuse_key(&op, text, "from the future");
    op.now = 1672531200 * SECOND - 60 * SECOND; /* a minute: clocks differ */
    struct openpgp_key key;
    assert_ok(&op, openpgp_read_key(&op, text, strlen(text), &key));
}

static void a_key_that_does_not_sign_itself_is_told_what_is_wrong(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes key = without_subkeys(&op, "user-ed25519");
    struct bytes none = bytes_join(&op.arena, (struct bytes){ key.at, 53 }, packet(&op.arena, 13, "Eve", 3));
    refuse_key(&op, armored(&op.arena, none, "public key"), "no valid signature of its own: it has none");
    assert_int_equal(key.at[53], 0xb4); /* the user id, behind the primary key */
    key.at[55]++;
    refuse_key(&op, armored(&op.arena, key, "public key"), "no valid signature of its own: one does not fit what it signs");
    op.now = 1717300000 * SECOND; /* 2 June 2024 */
    refuse_key(&op, public_of(&op, "sha1"), "no valid signature of its own: one is made with SHA-1");
    op.now = 1672531200 * SECOND; /* the key is of now, its signature of the next day */
    refuse_key(&op, armored(&op.arena, without_subkeys(&op, "signed-once"), "public key"),
               "no valid signature of its own: one has expired, or is from the future");
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *good = public_of(&op, "user-ed25519");
    struct bytes nothing = bytes_of("hello", 5);
    refuse_key(&op, "", "not an armored");
    refuse_key(&op, "hello", "not an armored");
    refuse_key(&op, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n", "not an");
    refuse_key(&op, arena_strndup(&op.arena, good, strlen(good) / 2), "");
    refuse_key(&op, armored(&op.arena, nothing, "public key"), "not an OpenPGP key");
    refuse_key(&op, armored(&op.arena, literal(&op.arena, "hi", 2), "public key"), "not an OpenPGP key");
    char *long_text = arena_alloc(&op.arena, OPENPGP_KEY_LIMIT + 2);
    memset(long_text, '\n', OPENPGP_KEY_LIMIT + 1);
    memcpy(long_text, good, strlen(good));
    long_text[OPENPGP_KEY_LIMIT + 1] = 0;
    refuse_key(&op, long_text, "longer than 65536 bytes");
}

/* A key of user-ed25519's packets with others behind them. */
static char *key_with(struct op *op, struct bytes packets, size_t times)
{
    struct bytes key = dearmored(&op->arena, public_of(op, "user-ed25519"));
    while (times--) key = bytes_join(&op->arena, key, packets);
    return armored(&op->arena, key, "public key");
}

static void keys_with_too_much_or_strange_packets_are_refused(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct arena *arena = &op.arena;
    struct bytes own = dearmored(arena, public_of(&op, "user-ed25519"));
    uint8_t v3[] = { 3, 0, 0, 0, 1, 0, 0, 1, 8, 0, 255, 0, 1, 3 };
    uint8_t v4_big_exponent[8 + 256 + 2 + 9] = { 4, 0, 0, 0, 1, 1, 8, 0, [8] = 0x80, [264] = 0, 70, 1 };
    uint8_t v4_unknown[] = { 4, 0, 0, 0, 1, 99, 0, 1, 1 };
    uint8_t signature[4097] = { 4 };
    struct bytes subkey = packet(arena, 14, own.at + 2, 51); /* the primary key as a subkey, without a signature */

    refuse_key(&op, armored(arena, packet(arena, 6, v3, sizeof v3), "public key"), "version 3");
    refuse_key(&op, armored(arena, packet(arena, 6, v4_big_exponent, sizeof v4_big_exponent), "public key"), "exponent of 70");
    refuse_key(&op, armored(arena, packet(arena, 6, v4_unknown, sizeof v4_unknown), "public key"), "algorithm 99");
    refuse_key(&op, armored(arena, packet(arena, 6, v4_unknown, 3), "public key"), "damaged");
    refuse_key(&op, armored(arena, (struct bytes){ own.at, 53 }, "public key"), "no user id");
    refuse_key(&op, armored(arena, (struct bytes){ own.at, own.size - 1 }, "public key"), "damaged");
    refuse_key(&op, key_with(&op, packet(arena, 14, v3, sizeof v3), 1), "version 3");
    refuse_key(&op, key_with(&op, packet(arena, 7, own.at + 2, 51), 1), "mixes public and secret");
    refuse_key(&op, key_with(&op, packet(arena, 11, "x", 1), 1), "packet (11)");
    refuse_key(&op, key_with(&op, packet(arena, 2, signature, sizeof signature), 1), "too long");
    refuse_key(&op, key_with(&op, packet(arena, 2, signature, 20), 100), "100 signatures");
    refuse_key(&op, key_with(&op, packet(arena, 13, "another", 7), 32), "32 user ids");
    refuse_key(&op, key_with(&op, subkey, 16), "16 subkeys");
}

static void a_user_id_must_be_clean_text(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes key = dearmored(&op.arena, public_of(&op, "user-ed25519"));
    struct bytes primary = { key.at, 53 };
    char long_id[OPENPGP_USER_ID_LIMIT + 1];
    memset(long_id, 'a', sizeof long_id);
    const struct {
        const char *text;
        size_t size;
        const char *why;
    } ids[] = { { "", 0, "1 to 768 bytes" },         { long_id, sizeof long_id, "1 to 768 bytes" },
                { "a\xff", 2, "not UTF-8" },         { "a\0b", 3, "control characters" },
                { "a\nb", 3, "control characters" }, { "other", 5, "no valid signature of its own" } };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct bytes with = bytes_join(&op.arena, primary, packet(&op.arena, 13, ids[i].text, ids[i].size));
        refuse_key(&op, armored(&op.arena, with, "public key"), ids[i].why);
    }
}

/* ---- the server's key ---- */

static void a_new_server_key_is_an_armored_pair(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    char *secret;
    assert_ok(&op, openpgp_generate_key(&op, "Roster <roster@example.org>", &secret));
    assert_non_null(strstr(secret, "-----BEGIN PGP PRIVATE KEY BLOCK-----"));
    struct openpgp_server *server = open_server(&op, secret);
    struct openpgp_key key;
    const char *public = openpgp_server_public_key(server);
    assert_non_null(strstr(public, "-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    assert_ok(&op, openpgp_read_key(&op, public, strlen(public), &key));
    assert_string_equal(key.user_id, "Roster <roster@example.org>");
    assert_string_equal(key.fingerprint, openpgp_server_fingerprint(server));
    assert_int_equal(key.expires, 0);
    assert_int_equal(key.created, NOW);
    assert_int_equal(strspn(key.fingerprint, "0123456789ABCDEF"), 40);
    openpgp_server_close(server);

    char *other;
    assert_ok(&op, openpgp_generate_key(&op, "Roster <roster@example.org>", &other));
    assert_string_not_equal(secret, other);
    char long_id[257] = { 0 };
    memset(long_id, 'a', 256);
    assert_refused(&op, openpgp_generate_key(&op, "", &other), "userId", "1 to 255");
    assert_refused(&op, openpgp_generate_key(&op, long_id, &other), "userId", "1 to 255");
    assert_refused(&op, openpgp_generate_key(&op, "a\xff", &other), "userId", "UTF-8");
}

static void a_given_server_key_must_be_a_bare_secret_key(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } keys[] = {
        { "passphrase.secret", "has a passphrase" },
        { "without-primary.secret", "without its secret" },
        { "user-rsa3072.public", "the secret key is needed" },
        { "revoked.public", "the secret key is needed" },
    };
    AUTO_OP op = op_at(NOW);
    struct openpgp_server *server = NULL;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        char *text = key_text(&op.arena, keys[i].name);
        assert_refused(&op, openpgp_server_open(&op, text, strlen(text), &server), "key", keys[i].why);
    }
    char *text = secret_of(&op, "expires");
    op.now = NOW + 365 * 86400 * SECOND;
    assert_refused(&op, openpgp_server_open(&op, text, strlen(text), &server), "key", "expired");
    assert_refused(&op, openpgp_server_open(&op, "hello", 5, &server), "key", "not an armored");
    assert_null(server);
    openpgp_server_close(NULL);

    op.now = NOW;
    server = open_server(&op, text);
    char *public = public_of(&op, "user-ed25519"), *message;
    assert_ok(&op, openpgp_encrypt_and_sign(&op, server, public, TOKEN, strlen(TOKEN), &message));
    op.now = 1704067200 * SECOND;
    assert_int_equal(openpgp_encrypt_and_sign(&op, server, public, TOKEN, strlen(TOKEN), &message), ERR_STORAGE);
    openpgp_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_shown_with_its_facts),
        cmocka_unit_test(a_key_may_have_other_line_ends_and_text_around_it),
        cmocka_unit_test(a_signature_may_have_a_short_number),
        cmocka_unit_test(keys_that_are_not_good_enough_are_refused),
        cmocka_unit_test(a_key_is_refused_before_and_after_its_time),
        cmocka_unit_test(a_key_that_does_not_sign_itself_is_told_what_is_wrong),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(keys_with_too_much_or_strange_packets_are_refused),
        cmocka_unit_test(a_user_id_must_be_clean_text),
        cmocka_unit_test(a_new_server_key_is_an_armored_pair),
        cmocka_unit_test(a_given_server_key_must_be_a_bare_secret_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
