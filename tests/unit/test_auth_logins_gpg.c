/* The log-ins with GnuPG as the client, which knows the server's public key and its own secret key and nothing of this program.
 */
#include "gpg_fixture.h"
#include "logins_fixture.h"

static int open_world_and_home(void **state)
{
    if (open_world(state)) return 1;
    struct world *w = *state;
    w->op->now = clock_now(); /* GnuPG has a clock of its own */
    logins_close(w->logins);
    w->logins = NULL;
    assert_works(w, logins_open(w->op, w->f->store, &w->options, &w->logins));
    make_gpg_home();
    assert_run(run(GPG "--import tests/fixtures/openpgp/user-ed25519.secret.asc"));
    write_file("server.asc", logins_server_key(w->logins));
    assert_run(run(GPG "--import %s/server.asc", home));
    return 0;
}

static int close_world_and_home(void **state)
{
    int result = remove_gpg_home();
    return close_world(state) || result;
}

/* What the message says; the server must have signed it. */
static const char *decrypted(struct world *w, const char *message)
{
    write_file("message.asc", message);
    assert_run(run(GPG "--status-fd 1 --output %s/text --yes --decrypt %s/message.asc", home, home));
    const char *valid = arena_printf(&w->op->arena, "[GNUPG:] VALIDSIG %s ", logins_server_fingerprint(w->logins));
    assert_non_null(strstr(output_of(&w->op->arena, "out"), valid));
    return output_of(&w->op->arena, "text");
}

static const char *encrypted(struct world *w, const char *text, const char *how)
{
    write_file("text", text);
    assert_run(run(GPG "--armor %s --recipient %s --encrypt --yes --output %s/message.asc %s/text", how,
                   logins_server_fingerprint(w->logins), home, home));
    return output_of(&w->op->arena, "message.asc");
}

static void gnupg_logs_in_by_gpgauth(void **state)
{
    struct world *w = *state;
    char *message, *text;
    const char *secret, *proof = encrypted(w, TOKEN, "");
    assert_works(w, logins_check_server(w->op, w->logins, proof, strlen(proof), &text));
    assert_string_equal(text, TOKEN);
    assert_works(w, logins_begin(w->op, w->logins, &w->ada.user, &message));
    assert_works(w, finish(w, &w->ada, decrypted(w, message), &secret));
    assert_works(w, logins_find_session(w->op, w->logins, secret));
    assert_caller(w, &w->ada);
}

static void gnupg_logs_in_by_a_challenge(void **state)
{
    struct world *w = *state;
    const char *text = arena_printf(
        &w->op->arena, "{\"version\":\"1.0.0\",\"domain\":\"" URL "\",\"verify_token\":\"%s\",\"verify_token_expiry\":%lld}",
        "10e2074b-f610-42be-8525-100d4e68c481", (long long)(w->op->now / SECOND + 120));
    const char *challenge = encrypted(w, text, "--sign --local-user user-ed25519@example.org");
    char *answer;
    assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, challenge, strlen(challenge), &answer));
    const char *said = decrypted(w, answer);
    json_auto_t *json = NULL;
    struct failure failure = { 0 };
    assert_int_equal(json_parse(&failure, said, strlen(said), &json), ERR_OK);
    const char *token = json_string_value(json_object_get(json, "access_token"));
    assert_works(w, logins_check_access_token(w->op, w->logins, token, strlen(token)));
    assert_caller(w, &w->ada);

    challenge = encrypted(w, text, "");
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, challenge, strlen(challenge), &answer));
}

/* OpenSSL's program checks the signature with the public key that is shown. */
static void openssl_verifies_an_access_token(void **state)
{
    struct world *w = *state;
    const char *text = arena_printf(
        &w->op->arena, "{\"version\":\"1.0.0\",\"domain\":\"" URL "\",\"verify_token\":\"%s\",\"verify_token_expiry\":%lld}",
        "20e2074b-f610-42be-8525-100d4e68c481", (long long)(w->op->now / SECOND + 120));
    const char *challenge = encrypted(w, text, "--sign --local-user user-ed25519@example.org");
    char *answer;
    assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, challenge, strlen(challenge), &answer));
    const char *said = decrypted(w, answer);
    const char *token = strstr(said, "\"access_token\":\"") + strlen("\"access_token\":\"");
    write_file("token", arena_strndup(&w->op->arena, token, strcspn(token, "\"")));
    write_file("rsa.pem", logins_rsa_pem(w->logins));
    assert_run(run("cd %s && cut -d. -f1,2 token | tr -d '\\n' >signed && { cut -d. -f3 token | tr -- '-_' '+/' | tr -d '\\n'; "
                   "echo ==; } | base64 -d >signature && openssl dgst -sha256 -verify rsa.pem -signature signature signed",
                   home));
    assert_non_null(strstr(output_of(&w->op->arena, "out"), "Verified OK"));
}

#define gpg_test(function) cmocka_unit_test_setup_teardown(function, open_world_and_home, close_world_and_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        gpg_test(gnupg_logs_in_by_gpgauth),
        gpg_test(gnupg_logs_in_by_a_challenge),
        gpg_test(openssl_verifies_an_access_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
