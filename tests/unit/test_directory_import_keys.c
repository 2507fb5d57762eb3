/* Public keys in directory files: what is kept of a good one, what is said about a bad one, and when none is read at all.
 *
 * Keys are those of tests/fixtures/openpgp; tests run in the repository's root folder. */
#include "import_fixture.h"

#include "auth/openpgp.h"

#include <stdlib.h>

#define IN_2023 INT64_C(1700000000000000)
#define IN_2025 INT64_C(1750000000000000)
#define JANUARY_2023 INT64_C(1672531200000000) /* when the keys were made */

static const char *read_file(struct world *w, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be read: tests run in the repository's root folder", path);
    char *text = arena_zalloc(&w->f->op.arena, 128 << 10);
    size_t size = fread(text, 1, (128 << 10) - 1, file);
    assert_true(size > 0 && size < (128 << 10) - 1);
    fclose(file);
    return text;
}

/* The armored text; `name` as user-rsa3072.public */
static const char *key_text(struct world *w, const char *name)
{
    return read_file(w, arena_printf(&w->f->op.arena, "tests/fixtures/openpgp/%s.asc", name));
}

/* A member with the text as value. */
static const char *key_member(struct world *w, const char *text)
{
    struct buf out = BUF_INIT(1 << 20);
    buf_add_literal(&out, "'publicKey':");
    json_add_string(&out, text);
    const char *member = arena_strdup(&w->f->op.arena, buf_cstr(&out));
    buf_free(&out);
    return member;
}

static const char *user_line(struct world *w, int id, const char *members)
{
    return arena_printf(&w->f->op.arena, "{'type':'user','organizationId':@,'id':%d,%s}\n", id, members);
}

static const char *key_line(struct world *w, int id, const char *name)
{
    return user_line(w, id, key_member(w, key_text(w, name)));
}

static struct outcome import_at(struct world *w, int64_t now, const char *lines)
{
    return import_lines_at(w, now, lines, false, false);
}

static void assert_imported(struct outcome outcome, int64_t created, int64_t changed, int64_t unchanged)
{
    if (outcome.reported) print_error("line %lld: %s\n", (long long)outcome.line, outcome.text);
    assert_int_equal(outcome.e, ERR_OK);
    assert_int_equal(outcome.counts.created[NOUN_USER], created);
    assert_int_equal(outcome.counts.changed[NOUN_USER], changed);
    assert_int_equal(outcome.counts.unchanged[NOUN_USER], unchanged);
}

static const struct user *get(struct world *w, int id)
{
    return get_stored(w, NOUN_USER, id, 0).user;
}

static void assert_no_key(const struct user *user)
{
    assert_null(user->public_key);
    assert_null(user->key_fingerprint);
    assert_null(user->key_user_id);
    assert_null(user->key_type);
    assert_int_equal(user->key_bits, 0);
    assert_int_equal(user->key_created, 0);
    assert_int_equal(user->key_expires, 0);
}

static void a_key_is_kept_with_what_is_shown_of_it(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name, *user_id, *type;
        int bits;
        int64_t expires;
    } keys[] = {
        { "user-rsa3072", "Test user-rsa3072 <user-rsa3072@example.org>", "RSA", 3072, 0 },
        { "user-ed25519", "Test user-ed25519 <user-ed25519@example.org>", "EdDSA", 256, 0 },
        { "user-nistp384", "Test user-nistp384 <user-nistp384@example.org>", "ECDSA", 384, 0 },
        { "expires", "Test expires <expires@example.org>", "EdDSA", 256, JANUARY_2023 + 365 * INT64_C(86400000000) },
        { "demo-tomas", "Tomás Núñez <user6@example.org>", "EdDSA", 256, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *name = arena_printf(&w->f->op.arena, "%s.public", keys[i].name);
        assert_imported(import_at(w, IN_2023, key_line(w, (int)i + 1, name)), 1, 0, 0);
        const struct user *user = get(w, (int)i + 1);
        assert_string_equal(user->public_key, key_text(w, name));
        assert_int_equal(strspn(user->key_fingerprint, "0123456789ABCDEF"), 40);
        assert_int_equal(strlen(user->key_fingerprint), 40);
        assert_string_equal(user->key_user_id, keys[i].user_id);
        assert_string_equal(user->key_type, keys[i].type);
        assert_int_equal(user->key_bits, keys[i].bits);
        assert_int_equal(user->key_created, JANUARY_2023);
        assert_int_equal(user->key_expires, keys[i].expires);
    }
    assert_sound(w);
}

static void a_user_who_is_there_gets_changes_and_loses_a_key(void **state)
{
    struct world *w = *state;
    assert_imported(import_at(w, IN_2023, user_line(w, 1, "'userName':'ada'")), 1, 0, 0);
    assert_no_key(get(w, 1));
    assert_imported(import_at(w, IN_2023, key_line(w, 1, "user-rsa3072.public")), 0, 1, 0);
    assert_string_equal(get(w, 1)->key_type, "RSA");
    assert_string_equal(get(w, 1)->user_name, "ada");
    assert_imported(import_at(w, IN_2023, key_line(w, 1, "expires.public")), 0, 1, 0);
    assert_string_equal(get(w, 1)->key_type, "EdDSA");
    assert_int_not_equal(get(w, 1)->key_expires, 0);
    assert_imported(import_at(w, IN_2023, key_line(w, 1, "user-nistp384.public")), 0, 1, 0);
    assert_int_equal(get(w, 1)->key_expires, 0);
    assert_imported(import_at(w, IN_2023, user_line(w, 1, "'userName':'eve'")), 0, 1, 0); /* says nothing of the key */
    assert_string_equal(get(w, 1)->key_type, "ECDSA");
    assert_imported(import_at(w, IN_2023, user_line(w, 1, "'publicKey':null")), 0, 1, 0);
    assert_no_key(get(w, 1));
    assert_imported(import_at(w, IN_2023, user_line(w, 1, "'publicKey':null")), 0, 0, 1);
    assert_sound(w);
}

/* An image that follows the log knows what one that is loaded knows: fingerprints are found, what went is gone. */
static void a_directory_follows_keys_that_others_import(void **state)
{
    struct world *w = *state;
    assert_imported(import_at(w, IN_2023, user_line(w, 1, "'userName':'ada'")), 1, 0, 0);
    struct resident *resident;
    struct image *image;
    assert_ok(w, directory_lease(acting(w, 0), w->directory, w->organization_id, &resident, &image));
    image_drop(image);
    static const char *const names[] = { "user-rsa3072.public", "expires.public", "user-ed25519.public" };
    for (size_t i = 0; i <= COUNT_OF(names); i++) {
        bool takes = i == COUNT_OF(names);
        assert_imported(import_at(w, IN_2023, takes ? user_line(w, 1, "'publicKey':null") : key_line(w, 1, names[i])), 0, 1, 0);
        refresh(w, w->organization_id);
        AUTO_VIEW view;
        assert_ok(w, directory_view(acting(w, 0), false, &view));
        assert_ptr_equal(view.image, image); /* followed, not loaded again */
        struct user held;
        image_get_user(view.image, 0, &held);
        assert_int_equal(fields_differ(NOUN_USER, (union object){ .any = get(w, 1) }, (union object){ .user = &held }), 0);
    }
}

static void importing_a_key_twice_changes_nothing(void **state)
{
    struct world *w = *state;
    const char *line = key_line(w, 1, "user-rsa3072.public");
    assert_imported(import_at(w, IN_2023, line), 1, 0, 0);
    int64_t version = version_of(w, w->organization_id);
    assert_imported(import_at(w, IN_2025, line), 0, 0, 1);
    assert_int_equal(version_of(w, w->organization_id), version);
}

/* It was good when it came, and it is not read again; who is given it now does not get it. */
static void a_key_that_expired_since_is_left_alone(void **state)
{
    struct world *w = *state;
    const char *line = key_line(w, 1, "expires.public");
    assert_imported(import_at(w, IN_2023, line), 1, 0, 0);
    const struct user *before = get(w, 1);
    assert_imported(import_at(w, IN_2025, line), 0, 0, 1);
    assert_bad(import_at(w, IN_2025, key_line(w, 2, "expires.public")), 1, "publicKey: the key has expired");
    assert_imported(
        import_at(
            w, IN_2025,
            user_line(w, 1, arena_printf(&w->f->op.arena, "'remarks':'r',%s", key_member(w, key_text(w, "expires.public"))))),
        0, 1, 0);
    assert_string_equal(get(w, 1)->remarks, "r");
    assert_string_equal(get(w, 1)->key_fingerprint, before->key_fingerprint);
    assert_int_equal(get(w, 1)->key_expires, before->key_expires);
}

static void a_bad_key_is_refused_by_name_and_changes_nothing(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name, *says;
    } keys[] = {
        { "dsa.public", "publicKey: the key has a DSA or ElGamal part" },
        { "revoked.public", "publicKey: the key is revoked" },
        { "short.public", "publicKey: the key has an RSA part of 1024 bits" },
        { "sign-only.public", "publicKey: the key has no valid part to encrypt with" },
        { "two.public", "publicKey: the block has more than one key" },
        { "many-names.public", "publicKey: the key has more than 16 subkeys" },
        { "user-ed25519.secret", "publicKey: " },
    };
    assert_imported(import_at(w, IN_2023, key_line(w, 1, "user-rsa3072.public")), 1, 0, 0);
    const char *fingerprint = get(w, 1)->key_fingerprint;
    int64_t version = version_of(w, w->organization_id);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *good = user_line(w, 3, "'userName':'eve'"), *new = key_line(w, 2, keys[i].name);
        assert_bad(import_at(w, IN_2023, arena_printf(&w->f->op.arena, "%s%s", good, new)), 2, keys[i].says);
        assert_bad(import_at(w, IN_2023, key_line(w, 1, keys[i].name)), 1, keys[i].says);
    }
    assert_int_equal(version_of(w, w->organization_id), version);
    assert_string_equal(get(w, 1)->key_fingerprint, fingerprint);
    assert_null(get(w, 2));
    assert_null(get(w, 3));
}

static void what_is_no_key_is_refused(void **state)
{
    struct world *w = *state;
    char *longest = arena_zalloc(&w->f->op.arena, PUBLIC_KEY_MAX + 2);
    memset(longest, 'x', PUBLIC_KEY_MAX + 1);
    assert_bad(import_at(w, IN_2023, user_line(w, 1, "'publicKey':''")), 1, "publicKey is empty");
    assert_bad(import_at(w, IN_2023, user_line(w, 1, "'publicKey':7")), 1, "publicKey must be a string");
    assert_bad(import_at(w, IN_2023, user_line(w, 1, "'publicKey':'no key'")), 1,
               "publicKey: the key is not an armored OpenPGP block");
    assert_bad(import_at(w, IN_2023, user_line(w, 1, key_member(w, longest))), 1, "publicKey is longer than 65535 bytes");
    longest[PUBLIC_KEY_MAX] = 0;
    assert_bad(import_at(w, IN_2023, user_line(w, 1, key_member(w, longest))), 1,
               "publicKey: the key is not an armored OpenPGP block");
    assert_bad(import_at(w, IN_2023, user_line(w, 1, "'keyFingerprint':'AB'")), 1, "keyFingerprint");
    assert_null(get(w, 1));
}

/* The file's first reading finds it, although the user is only made by the line before. */
static void a_bad_key_in_a_second_line_about_a_new_user_is_found_before_anything_is_written(void **state)
{
    struct world *w = *state;
    const char *lines = arena_printf(&w->f->op.arena,
                                     "{'type':'organization','id':77,'name':'New'}\n"
                                     "{'type':'user','organizationId':77,'id':5,'userName':'a'}\n"
                                     "{'type':'user','organizationId':77,'id':5,%s}\n",
                                     key_member(w, key_text(w, "dsa.public")));
    struct outcome outcome = import_at(w, IN_2023, lines);
    assert_bad(outcome, 3, "publicKey: the key has a DSA or ElGamal part");
    assert_int_equal(outcome.counts.commits, 0);
}

static void good_lines_are_kept_beside_a_bad_key_if_that_is_wanted(void **state)
{
    struct world *w = *state;
    const char *lines = arena_printf(&w->f->op.arena, "%s%s%s", key_line(w, 1, "user-ed25519.public"),
                                     key_line(w, 2, "dsa.public"), user_line(w, 3, "'userName':'eve'"));
    struct outcome outcome = import_lines_at(w, IN_2023, lines, false, true);
    assert_bad(outcome, 2, "publicKey");
    assert_int_equal(outcome.counts.created[NOUN_USER], 2);
    assert_non_null(get(w, 1)->key_fingerprint);
    assert_null(get(w, 2));
}

/* A deleted user keeps its key as it keeps all else, but nobody finds it by it until it is revived. */
static void a_user_that_is_revived_has_its_key_again(void **state)
{
    struct world *w = *state;
    const struct user *user;
    AUTO_OP op = op_begin();
    op.directory = w->directory;
    struct key_holder holder;
    assert_imported(import_at(w, IN_2023, key_line(w, 1, "user-ed25519.public")), 1, 0, 0);
    user = get(w, 1);
    assert_int_equal(import_at(w, IN_2023, user_line(w, 1, "'delete':true")).e, ERR_OK);
    assert_int_equal(directory_find_key_holder(&op, user->key_fingerprint, NULL, 0, &holder), ERR_NOT_FOUND);
    assert_imported(import_at(w, IN_2023, user_line(w, 1, "'userName':'ada'")), 0, 1, 0);
    failure_clear(&op.failure);
    assert_int_equal(directory_find_key_holder(&op, user->key_fingerprint, NULL, 0, &holder), ERR_OK);
    assert_int_equal(holder.user_id, 1);
}

/* Lines may be long: what a batch holds is bounded in bytes as well, and a bulk import is several commits then. */
static void a_file_of_long_lines_is_imported_in_batches(void **state)
{
    enum { USERS = 250, TEXT = 9999 };
    struct world *w = *state;
    struct buf out = BUF_INIT(32 << 20);
    char text[TEXT * 4 + 1];
    for (int i = 0; i < TEXT; i++) memcpy(text + (size_t)i * 4, "\U0001F642", 5);
    buf_add_literal(&out, "{\"type\":\"organization\",\"id\":77,\"name\":\"New\"}\n");
    for (int i = 0; i < USERS; i++)
        buf_printf(&out, "{\"type\":\"user\",\"organizationId\":77,\"id\":%d,\"description\":\"%s\",\"remarks\":\"%s\"}\n", i + 1,
                   text, text);
    assert_true(out.size > IMPORT_BATCH_BYTES && out.size < 2 * IMPORT_BATCH_BYTES);
    struct outcome outcome = import_bytes(w, out.bytes, out.size, false, false);
    buf_free(&out);
    assert_imported(outcome, USERS, 0, 0);
    assert_int_equal(outcome.counts.commits, 3); /* the organization, two batches */
    assert_sound(w);
}

/* The demo's users can log in with the keys that lie beside: each secret key is that of the line. */
static void the_demo_s_keys_are_those_of_the_fixtures(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name, *user_id;
        int id;
    } people[] = { { "demo-ada", "Ada Lindqvist <user1@example.org>", 1 },
                   { "demo-noor", "Noor de Vries <user2@example.org>", 2 },
                   { "demo-tomas", "Tomás Núñez <user6@example.org>", 6 } };
    const char *demo = read_file(w, "src/cmd/demo.ndjson");
    AUTO_OP op = op_begin();
    int64_t keys = 0;
    assert_int_equal(import_lines_at(w, IN_2023, "{'type':'organization','id':@,'delete':true}\n", false, false).e, ERR_OK);
    assert_int_equal(import_bytes_at(w, IN_2023, (char *)(uintptr_t)demo, strlen(demo), false, false).e, ERR_OK);
    for (const char *at = demo; (at = strstr(at, "\"publicKey\":")); at++) keys++;
    assert_int_equal(keys, COUNT_OF(people));
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        const struct user *user = stored(w->f, NOUN_USER, 1, people[i].id, 0).user;
        const char *secret = key_text(w, arena_printf(&op.arena, "%s.secret", people[i].name));
        struct openpgp_server *server;
        assert_string_equal(user->key_user_id, people[i].user_id);
        assert_string_equal(user->public_key, key_text(w, arena_printf(&op.arena, "%s.public", people[i].name)));
        assert_int_equal(openpgp_server_open(&op, secret, strlen(secret), &server), ERR_OK);
        assert_string_equal(openpgp_server_fingerprint(server), user->key_fingerprint);
        openpgp_server_close(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_key_is_kept_with_what_is_shown_of_it),
        world_test(a_user_who_is_there_gets_changes_and_loses_a_key),
        world_test(a_directory_follows_keys_that_others_import),
        world_test(importing_a_key_twice_changes_nothing),
        world_test(a_key_that_expired_since_is_left_alone),
        world_test(a_bad_key_is_refused_by_name_and_changes_nothing),
        world_test(what_is_no_key_is_refused),
        world_test(a_bad_key_in_a_second_line_about_a_new_user_is_found_before_anything_is_written),
        world_test(good_lines_are_kept_beside_a_bad_key_if_that_is_wanted),
        world_test(a_user_that_is_revived_has_its_key_again),
        world_test(a_file_of_long_lines_is_imported_in_batches),
        world_test(the_demo_s_keys_are_those_of_the_fixtures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
