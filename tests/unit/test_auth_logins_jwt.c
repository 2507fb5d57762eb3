/* Log-in by a signed challenge, the access tokens that come of it, and every token that must not be accepted. */
#include "logins_jwt_fixture.h"

#include <openssl/pem.h>

/* ---- the challenge */

static void a_challenge_is_answered_with_tokens(void **state)
{
    struct world *w = *state;
    char *answer;
    assert_ok(w->op, try_text(w, &w->ada, text_of(w, URL, VERIFY, NOW_S + 3600), &answer));
    struct tokens tokens = read_answer(w, &w->ada, answer, VERIFY);
    struct uuid uuid;
    assert_true(uuid_parse(tokens.refresh, strlen(tokens.refresh), &uuid));
    assert_int_equal(uuid.bytes[6] >> 4, 4);
    assert_works(w, logins_check_access_token(w->op, w->logins, tokens.access, strlen(tokens.access)));
    assert_caller(w, &w->ada);
    assert_int_equal(last_login_of(w, &w->ada), NOW);
    struct logins_stats stats;
    logins_stats(w->logins, &stats);
    assert_int_equal(stats.done, 1);
    assert_int_equal(stats.refused, 0);
}

static void one_slash_at_the_end_of_the_domain_does_not_matter(void **state)
{
    struct world *w = *state;
    static const char *const same[] = { URL, URL "/" };
    char *answer;
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        assert_ok(w->op, try_text(w, &w->ada, text_of(w, same[i], random_uuid(w), NOW_S + 60), &answer));
        const char *message = challenge_of(w, &w->ada, text_of(w, same[i], random_uuid(w), NOW_S + 60));
        assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL "/", message, strlen(message), &answer));
    }
    static const char *const others[] = { URL "//", URL ".", "http://pass.example.org", URL "/x",
                                          "",       "/",     "https://PASS.example.org" };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_unauthenticated(w, try_text(w, &w->ada, text_of(w, others[i], random_uuid(w), NOW_S + 60), &answer));
}

static void a_challenge_expires_within_an_hour(void **state)
{
    struct world *w = *state;
    static const int64_t bad[] = { -1, 0, 1, NOW_S - 1, NOW_S, NOW_S + 3601, NOW_S * 1000, INT64_MAX };
    char *answer;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_unauthenticated(w, try_text(w, &w->ada, text_of(w, URL, random_uuid(w), bad[i]), &answer));
    assert_ok(w->op, try_text(w, &w->ada, text_of(w, URL, random_uuid(w), NOW_S + 1), &answer));
    assert_ok(w->op, try_text(w, &w->ada, text_of(w, URL, random_uuid(w), NOW_S + 3600), &answer));
}

static void a_malformed_challenge_is_refused(void **state)
{
    struct world *w = *state;
#define VERSION_MEMBER "\"version\":\"1.0.0\""
#define DOMAIN_MEMBER "\"domain\":\"" URL "\""
#define TOKEN_MEMBER "\"verify_token\":\"" VERIFY "\""
#define EXPIRY_MEMBER "\"verify_token_expiry\":1700000060"
    static const char *const bad[] = {
        "[]",
        "{}",
        "null",
        "not json",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER "," TOKEN_MEMBER "," EXPIRY_MEMBER,
        "{" DOMAIN_MEMBER "," TOKEN_MEMBER "," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER "," TOKEN_MEMBER "," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER "," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER "," TOKEN_MEMBER "}",
        "{\"version\":\"1.0.1\"," DOMAIN_MEMBER "," TOKEN_MEMBER "," EXPIRY_MEMBER "}",
        "{\"version\":1," DOMAIN_MEMBER "," TOKEN_MEMBER "," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER ",\"domain\":null," TOKEN_MEMBER "," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER ",\"verify_token\":\"a\"," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER ",\"verify_token\":\"" VERIFY " \"," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER ",\"verify_token\":5," EXPIRY_MEMBER "}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER "," TOKEN_MEMBER ",\"verify_token_expiry\":1700000060.5}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER "," TOKEN_MEMBER ",\"verify_token_expiry\":null}",
        "{" VERSION_MEMBER "," DOMAIN_MEMBER "," TOKEN_MEMBER "," EXPIRY_MEMBER "," TOKEN_MEMBER "}",
    };
    char *answer;
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_unauthenticated(w, try_text(w, &w->ada, bad[i], &answer));
    static const char good[] = "{" VERSION_MEMBER "," DOMAIN_MEMBER "," TOKEN_MEMBER "," EXPIRY_MEMBER ",\"more\":[]}";
    assert_ok(w->op, try_text(w, &w->ada, good, &answer)); /* nothing of all that has used up the verify_token */
}

static void a_verify_token_is_used_once_by_a_user_in_whatever_case(void **state)
{
    struct world *w = *state;
    char *answer;
    const char *message = challenge_of(w, &w->ada, text_of(w, URL, VERIFY, NOW_S + 60));
    assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
    assert_unauthenticated(w, try_text(w, &w->ada, text_of(w, URL, "a0e2074b-f610-42be-8525-100d4e68c481", NOW_S + 60), &answer));
    assert_ok(w->op, try_text(w, &w->bob, text_of(w, URL, VERIFY, NOW_S + 60), &answer)); /* another user's is another */
    restart(w);
    w->op->now = NOW + 59 * SECOND;
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
    assert_works(w, logins_keep_house(w->op, w->logins));
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
}

static void a_challenge_must_be_signed_by_the_user(void **state)
{
    struct world *w = *state;
    char *answer;
    const char *text = text_of(w, URL, VERIFY, NOW_S + 60), *message = challenge_of(w, &w->bob, text);
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
    message = write_letter(&w->op->arena, (struct letter){ .to = logins_server_key(w->logins) }, text, strlen(text));
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, text, strlen(text), &answer));
    assert_unauthenticated(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, "", 0, &answer));
    message = challenge_of(w, &w->ada, text);
    assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
}

static void a_name_of_the_server_that_is_none_is_refused(void **state)
{
    struct world *w = *state;
    char long_name[LOGINS_URL_MAX + 2];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    const char *const bad[] = { "", "a b", "a\nb", "\xC3\xA4", long_name };
    char *answer;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *escaped = strchr(bad[i], '\n') ? "a\\nb" : bad[i];
        const char *message = challenge_of(w, &w->ada, text_of(w, escaped, random_uuid(w), NOW_S + 60));
        assert_fails(w, logins_jwt_login(w->op, w->logins, &w->ada.user, bad[i], message, strlen(message), &answer), ERR_INVALID);
        assert_string_equal(w->op->failure.field, "domain");
    }
    const char *longest = long_name + 1;
    const char *message = challenge_of(w, &w->ada, text_of(w, longest, VERIFY, NOW_S + 60));
    assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, longest, message, strlen(message), &answer));
}

/* ---- access tokens */

static void an_access_token_lives_five_minutes(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    w->op->now = NOW + 5 * MINUTE - 1;
    assert_ok(w->op, check(w, tokens.access));
    w->op->now = NOW + 5 * MINUTE;
    assert_unauthenticated(w, check(w, tokens.access)); /* it was remembered */
    restart(w);
    assert_unauthenticated(w, check(w, tokens.access)); /* it was not */
    w->op->now = NOW + 5 * MINUTE - 1;
    assert_ok(w->op, check(w, tokens.access));
}

static void an_access_token_needs_a_worker_once(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    w->op->may_block = false;
    assert_fails(w, check(w, tokens.access), ERR_DEFERRED);
    assert_unauthenticated(w, check(w, "nonsense"));
    w->op->may_block = true;
    assert_ok(w->op, check(w, tokens.access));
    w->op->may_block = false;
    assert_ok(w->op, check(w, tokens.access));
    assert_caller(w, &w->ada);
}

/* The parts of a token as the client reads it. */
static void an_access_token_is_rs256_with_issuer_subject_and_expiry(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    const char *dot = strchr(tokens.access, '.');
    const char *header =
        arena_printf(&w->op->arena, "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"%s\"}", logins_rsa_kid(w->logins));
    char uuid[UUID_TEXT_SIZE];
    uuid_format(uuid, &w->ada.user.uuid);
    const char *payload =
        arena_printf(&w->op->arena, "{\"iss\":\"" URL "\",\"sub\":\"%s\",\"exp\":%lld,\"org\":%lld,\"user\":%lld}", uuid,
                     (long long)NOW_S + 300, (long long)w->ada.user.organization_id, (long long)w->ada.user.user_id);
    const char *expected = unsigned_token(&w->op->arena, header, payload);
    assert_int_equal(strncmp(tokens.access, expected, strlen(expected)), 0);
    assert_true(tokens.access + strlen(expected) == strchr(dot + 1, '.'));
    assert_non_null(strstr(logins_rsa_pem(w->logins), "-----BEGIN PUBLIC KEY-----"));
    assert_string_equal(logins_rsa_e(w->logins), "AQAB");
    assert_int_equal(strlen(logins_rsa_n(w->logins)), 342); /* 256 bytes */
    assert_int_equal(strlen(logins_rsa_kid(w->logins)), 43);
}

/* What only who has the private key can make. */
static EVP_PKEY *private_key(struct world *w)
{
    const char *pem;
    assert_done(w->f, store_secret(w->op, w->f->store, "jwt-rsa", NULL, &pem));
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key);
    return key;
}

static const char *header_with(struct world *w, const char *algorithm)
{
    return arena_printf(&w->op->arena, "{\"alg\":\"%s\",\"kid\":\"%s\"}", algorithm, logins_rsa_kid(w->logins));
}

static const char *payload_of(struct world *w, const struct person *person)
{
    char uuid[UUID_TEXT_SIZE];
    uuid_format(uuid, &person->user.uuid);
    return arena_printf(&w->op->arena, "{\"iss\":\"" URL "\",\"sub\":\"%s\",\"exp\":%lld,\"org\":%lld,\"user\":%lld}", uuid,
                        (long long)NOW_S + 300, (long long)person->user.organization_id, (long long)person->user.user_id);
}

static void a_token_that_our_key_did_not_sign_is_refused(void **state)
{
    struct world *w = *state;
    struct arena *arena = &w->op->arena;
    const char *payload = payload_of(w, &w->ada), *pem = logins_rsa_pem(w->logins);
    EVP_PKEY *ours = private_key(w), *rsa = new_rsa(2048), *ec = new_ec("P-256");
    assert_ok(w->op, check(w, make_token(arena, ours, header_with(w, "RS256"), payload))); /* what follows differs in one thing */

    const char *none = unsigned_token(arena, header_with(w, "none"), payload);
    assert_unauthenticated(w, check(w, arena_printf(arena, "%s.", none)));
    none = unsigned_token(arena, header_with(w, "RS256"), payload);
    assert_unauthenticated(w, check(w, arena_printf(arena, "%s.", none)));

    const char *symmetric = unsigned_token(arena, header_with(w, "HS256"), payload);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_size;
    HMAC(EVP_sha256(), pem, (int)strlen(pem), (const unsigned char *)symmetric, strlen(symmetric), mac, &mac_size);
    assert_unauthenticated(w, check(w, arena_printf(arena, "%s.%s", symmetric, base64url(arena, mac, mac_size))));

    assert_unauthenticated(w, check(w, make_token(arena, rsa, header_with(w, "RS256"), payload)));
    assert_unauthenticated(w, check(w, make_token(arena, ec, header_with(w, "ES256"), payload)));
    assert_unauthenticated(w, check(w, make_token(arena, ours, header_with(w, "RS512"), payload)));
    assert_unauthenticated(w, check(w, make_token(arena, ours, "{\"alg\":\"RS256\"}", payload)));
    assert_unauthenticated(w, check(w, make_token(arena, ours, "{\"alg\":\"RS256\",\"kid\":\"other\"}", payload)));
    EVP_PKEY_free(ours);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void a_token_whose_claims_are_incomplete_is_refused(void **state)
{
    struct world *w = *state;
    EVP_PKEY *ours = private_key(w);
#define SUB "\"sub\":\"10e2074b-f610-42be-8525-100d4e68c481\""
    static const char *const bad[] = {
        "[]",
        "{}",
        "{" SUB ",\"org\":1,\"user\":1}",
        "{" SUB ",\"exp\":1700000100,\"user\":1}",
        "{" SUB ",\"exp\":1700000100,\"org\":1}",
        "{\"exp\":1700000100,\"org\":1,\"user\":1}",
        "{\"sub\":\"ada\",\"exp\":1700000100,\"org\":1,\"user\":1}",
        "{\"sub\":1,\"exp\":1700000100,\"org\":1,\"user\":1}",
        "{" SUB ",\"exp\":\"1700000100\",\"org\":1,\"user\":1}",
        "{" SUB ",\"exp\":1700000000,\"org\":1,\"user\":1}",
        "{" SUB ",\"exp\":9223372036854775807,\"org\":1,\"user\":1}",
        "{\"sub\":\"00000000-0000-0000-0000-000000000000\",\"exp\":1700000100,\"org\":1,\"user\":1}",
        "{" SUB ",\"exp\":1700000100,\"org\":0,\"user\":1}",
        "{" SUB ",\"exp\":1700000100,\"org\":-1,\"user\":1}",
        "{" SUB ",\"exp\":1700000100,\"org\":1,\"user\":1.5}",
        "{" SUB ",\"exp\":1700000100,\"org\":1,\"user\":1,\"org\":2}",
    };
    w->op->may_block = false; /* none of them is worth a worker */
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_unauthenticated(w, check(w, make_token(&w->op->arena, ours, header_with(w, "RS256"), bad[i])));
    w->op->may_block = true;
    static const char good[] = "{" SUB ",\"exp\":1700000001,\"org\":1,\"user\":1}";
    assert_ok(w->op, check(w, make_token(&w->op->arena, ours, header_with(w, "RS256"), good)));
    EVP_PKEY_free(ours);
}

/* What anybody can make keeps no worker busy but by a signature, which only a check tells from a good one. */
static void only_a_signature_takes_a_worker(void **state)
{
    struct world *w = *state;
    struct arena *arena = &w->op->arena;
    const char *payload = payload_of(w, &w->ada), *elsewhere = payload_of(w, &w->eve);
    EVP_PKEY *rsa = new_rsa(2048), *large = new_rsa(3072), *ec = new_ec("P-256");
    w->op->may_block = false;
    assert_unauthenticated(w, check(w, "eyJhbGciOiJub25lIn0.e30."));
    assert_unauthenticated(w, check(w, make_token(arena, rsa, "{\"alg\":\"RS256\"}", payload)));
    assert_unauthenticated(w, check(w, make_token(arena, rsa, "{\"alg\":\"RS256\",\"kid\":\"other\"}", payload)));
    assert_unauthenticated(w, check(w, make_token(arena, rsa, header_with(w, "RS512"), payload)));
    assert_unauthenticated(w, check(w, make_token(arena, ec, header_with(w, "ES256"), payload)));
    assert_unauthenticated(w, check(w, make_token(arena, large, header_with(w, "RS256"), payload)));
    assert_fails(w, check(w, make_token(arena, rsa, header_with(w, "RS256"), payload)), ERR_DEFERRED);
    w->op->now = NOW + 5 * MINUTE;
    assert_unauthenticated(w, check(w, make_token(arena, rsa, header_with(w, "RS256"), payload)));
    w->op->now = NOW;
    w->op->may_block = true;
    w->options.organization = w->ada.user.organization_id;
    restart(w);
    w->op->may_block = false;
    assert_unauthenticated(w, check(w, make_token(arena, rsa, header_with(w, "RS256"), elsewhere)));
    assert_fails(w, check(w, make_token(arena, rsa, header_with(w, "RS256"), payload)), ERR_DEFERRED);
    w->op->may_block = true;
    assert_unauthenticated(w, check(w, make_token(arena, rsa, header_with(w, "RS256"), payload)));
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(large);
    EVP_PKEY_free(ec);
}

static void a_token_that_is_changed_anywhere_is_refused(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    size_t size = strlen(tokens.access);
    assert_ok(w->op, check(w, tokens.access)); /* that it is remembered must not help */
    for (size_t i = 0; i < size; i += 7) {
        char *changed = arena_strdup(&w->op->arena, tokens.access);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_unauthenticated(w, check(w, changed));
    }
    assert_unauthenticated(w, check(w, arena_printf(&w->op->arena, "%sA", tokens.access)));
    assert_unauthenticated(w, check(w, arena_strndup(&w->op->arena, tokens.access, size - 1)));
    assert_unauthenticated(w, check(w, arena_printf(&w->op->arena, "%s=", tokens.access)));
    char *long_token = arena_alloc(&w->op->arena, 100000);
    memset(long_token, 'A', 99999);
    memcpy(long_token, tokens.access, size);
    long_token[99999] = 0;
    assert_unauthenticated(w, check(w, long_token));
    assert_unauthenticated(w, check(w, ""));
}

static void a_token_of_another_installation_is_refused(void **state)
{
    struct world *w = *state, *other;
    assert_int_equal(open_world((void **)&other), 0);
    struct tokens tokens = jwt_log_in(other, &other->ada);
    assert_unauthenticated(w, check(w, tokens.access));
    assert_unauthenticated(w, logins_find_refresh(w->op, w->logins, &w->ada.user.uuid, tokens.refresh));
    assert_ok(other->op, check(other, tokens.access));
    close_world((void **)&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        logins_test(a_challenge_is_answered_with_tokens),
        logins_test(one_slash_at_the_end_of_the_domain_does_not_matter),
        logins_test(a_challenge_expires_within_an_hour),
        logins_test(a_malformed_challenge_is_refused),
        logins_test(a_verify_token_is_used_once_by_a_user_in_whatever_case),
        logins_test(a_challenge_must_be_signed_by_the_user),
        logins_test(a_name_of_the_server_that_is_none_is_refused),
        logins_test(an_access_token_lives_five_minutes),
        logins_test(an_access_token_needs_a_worker_once),
        logins_test(an_access_token_is_rs256_with_issuer_subject_and_expiry),
        logins_test(a_token_that_our_key_did_not_sign_is_refused),
        logins_test(a_token_whose_claims_are_incomplete_is_refused),
        logins_test(only_a_signature_takes_a_worker),
        logins_test(a_token_that_is_changed_anywhere_is_refused),
        logins_test(a_token_of_another_installation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
