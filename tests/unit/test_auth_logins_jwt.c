/* Log-in by a signed challenge, the tokens that come of it, and every token that must not be accepted. */
#include "jwt_fixture.h"
#undef NOW /* both fixtures have it, the same */
#include "logins_fixture.h"

#include <openssl/pem.h>

#define VERIFY "A0E2074B-f610-42be-8525-100d4e68c481" /* in both cases: kept as it is */

struct tokens {
    const char *access, *refresh;
    json_t *answer; /* freed by who asked for it */
};

static char *challenge_of(struct world *w, const struct person *from, const char *text)
{
    char *message;
    const char *key = logins_server_key(w->logins);
    assert_works(w, openpgp_encrypt_and_sign(w->op, from->key, key, text, strlen(text), &message));
    return message;
}

static const char *text_of(struct world *w, const char *domain, const char *verify_token, int64_t expiry_s)
{
    return arena_printf(&w->op->arena,
                        "{\"version\":\"1.0.0\",\"domain\":\"%s\",\"verify_token\":\"%s\",\"verify_token_expiry\":%lld}", domain,
                        verify_token, (long long)expiry_s);
}

static enum err try_text(struct world *w, const struct person *person, const char *text, char **ret_answer)
{
    const char *message = challenge_of(w, person, text);
    failure_clear(&w->op->failure);
    return logins_jwt_login(w->op, w->logins, &person->user, URL, message, strlen(message), ret_answer);
}

static const char *member(struct world *w, const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    assert_non_null(text);
    return arena_strdup(&w->op->arena, text);
}

static const char *random_uuid(struct world *w)
{
    char *text = arena_alloc(&w->op->arena, UUID_TEXT_SIZE);
    struct uuid uuid = uuid_random();
    uuid_format(text, &uuid);
    return text;
}

static struct tokens read_answer(struct world *w, const struct person *person, const char *answer, const char *verify_token)
{
    char *text = opened(w, person, answer);
    json_t *json;
    struct failure failure = { 0 };
    assert_int_equal(json_parse(&failure, text, strlen(text), &json), ERR_OK);
    assert_int_equal(json_object_size(json), 5);
    assert_string_equal(member(w, json, "version"), "1.0.0");
    assert_string_equal(member(w, json, "domain"), URL);
    assert_string_equal(member(w, json, "verify_token"), verify_token);
    struct tokens tokens = { .access = member(w, json, "access_token"), .refresh = member(w, json, "refresh_token") };
    json_decref(json);
    return tokens;
}

static struct tokens jwt_log_in(struct world *w, const struct person *person)
{
    const char *verify_token = random_uuid(w);
    char *answer;
    assert_ok(w->op, try_text(w, person, text_of(w, URL, verify_token, w->op->now / SECOND + 60), &answer));
    return read_answer(w, person, answer, verify_token);
}

static enum err check(struct world *w, const char *token)
{
    w->op->caller = (struct caller){ 0 };
    failure_clear(&w->op->failure);
    return logins_check_access_token(w->op, w->logins, token, strlen(token));
}

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

/* ---- refresh tokens */

static enum err refresh(struct world *w, const struct person *person, const char *token, struct tokens *ret_tokens)
{
    failure_clear(&w->op->failure);
    return logins_refresh(w->op, w->logins, &person->user.uuid, token, URL, &ret_tokens->access, &ret_tokens->refresh);
}

static enum err find(struct world *w, const struct person *person, const char *token)
{
    failure_clear(&w->op->failure);
    w->op->caller = (struct caller){ 0 };
    return logins_find_refresh(w->op, w->logins, &person->user.uuid, token);
}

static void a_refresh_token_is_spent_for_new_tokens(void **state)
{
    struct world *w = *state;
    struct tokens old = jwt_log_in(w, &w->ada), new = { 0 }, none = { 0 };
    w->op->now = NOW + 10 * MINUTE;
    assert_ok(w->op, find(w, &w->ada, old.refresh));
    assert_caller(w, &w->ada);
    assert_ok(w->op, find(w, &w->ada, old.refresh)); /* finding spends nothing */
    assert_ok(w->op, refresh(w, &w->ada, old.refresh, &new));
    assert_string_not_equal(new.refresh, old.refresh);
    assert_ok(w->op, check(w, new.access));
    assert_caller(w, &w->ada);
    assert_unauthenticated(w, refresh(w, &w->ada, old.refresh, &none));
    assert_unauthenticated(w, find(w, &w->ada, old.refresh));
    assert_null(none.access);
    restart(w);
    assert_unauthenticated(w, find(w, &w->ada, old.refresh));
    assert_ok(w->op, find(w, &w->ada, new.refresh));
    assert_ok(w->op, refresh(w, &w->ada, new.refresh, &none));
}

static void a_refresh_token_is_found_in_any_case(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    char *upper = arena_strdup(&w->op->arena, tokens.refresh);
    for (char *at = upper; *at; at++)
        if (*at >= 'a' && *at <= 'f') *at -= 'a' - 'A';
    assert_ok(w->op, find(w, &w->ada, upper));
    assert_ok(w->op, refresh(w, &w->ada, upper, &tokens));
}

static void a_refresh_token_is_of_one_user(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada), none;
    assert_unauthenticated(w, find(w, &w->bob, tokens.refresh));
    assert_unauthenticated(w, find(w, &w->eve, tokens.refresh));
    assert_int_equal(w->op->caller.user_id, 0);
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &none)); /* nobody has found it */
    w->op->caller = (struct caller){ .organization_id = w->ada.user.organization_id, .user_id = w->bob.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &none));
    assert_unauthenticated(w, refresh(w, &w->bob, tokens.refresh, &none));
    w->op->caller = (struct caller){ .organization_id = w->eve.user.organization_id, .user_id = w->ada.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &none));
    assert_ok(w->op, find(w, &w->ada, tokens.refresh)); /* none of that spent it */
    assert_ok(w->op, refresh(w, &w->ada, tokens.refresh, &none));
}

static void a_refresh_token_lives_thirty_days(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    w->op->now = NOW + 30 * 24 * 60 * MINUTE;
    assert_unauthenticated(w, find(w, &w->ada, tokens.refresh));
    w->op->caller = (struct caller){ .organization_id = w->ada.user.organization_id, .user_id = w->ada.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &tokens));
    w->op->now--;
    assert_ok(w->op, find(w, &w->ada, tokens.refresh));
}

static void what_is_no_refresh_token_is_refused(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada), none;
    const char *const bad[] = { NULL, "", "nonsense", random_uuid(w), arena_printf(&w->op->arena, "%s ", tokens.refresh) };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_unauthenticated(w, find(w, &w->ada, bad[i]));
        assert_unauthenticated(w, refresh(w, &w->ada, bad[i], &none));
    }
}

struct spender {
    struct world *w;
    const char *token;
    pthread_barrier_t *start;
    pthread_t thread;
    enum err result;
};

static void *spend(void *context)
{
    struct spender *self = context;
    const struct login_user *user = &self->w->ada.user;
    AUTO_OP op = op_begin();
    op.now = NOW;
    op.caller = (struct caller){ .organization_id = user->organization_id, .user_id = user->user_id };
    const char *access, *new;
    pthread_barrier_wait(self->start);
    self->result = logins_refresh(&op, self->w->logins, &user->uuid, self->token, URL, &access, &new);
    return NULL;
}

/* The setting may come later than the tokens. */
static void tokens_of_another_organization_than_that_of_the_setting_are_refused(void **state)
{
    struct world *w = *state;
    struct tokens ada = jwt_log_in(w, &w->ada), eve = jwt_log_in(w, &w->eve), new;
    w->options.organization = w->eve.user.organization_id;
    restart(w);
    assert_unauthenticated(w, check(w, ada.access));
    assert_unauthenticated(w, find(w, &w->ada, ada.refresh));
    w->op->caller = (struct caller){ .organization_id = w->ada.user.organization_id, .user_id = w->ada.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, ada.refresh, &new));
    assert_ok(w->op, check(w, eve.access));
    assert_ok(w->op, find(w, &w->eve, eve.refresh));
    assert_ok(w->op, refresh(w, &w->eve, eve.refresh, &new));
    w->options.organization = 0;
    restart(w);
    assert_ok(w->op, check(w, ada.access));
    assert_ok(w->op, find(w, &w->ada, ada.refresh)); /* it was not spent */
}

static void the_oldest_refresh_token_ends_when_there_are_too_many(void **state)
{
    struct world *w = *state;
    struct tokens tokens[LOGINS_REFRESH_TOKENS_MAX], others = jwt_log_in(w, &w->bob), new;
    for (int i = 0; i < LOGINS_REFRESH_TOKENS_MAX; i++) {
        w->op->now = NOW + i * SECOND;
        tokens[i] = jwt_log_in(w, &w->ada);
    }
    w->op->now += SECOND;
    assert_ok(w->op, find(w, &w->ada, tokens[1].refresh));
    assert_ok(w->op, refresh(w, &w->ada, tokens[1].refresh, &new)); /* one for another: there are not more */
    assert_ok(w->op, find(w, &w->ada, tokens[0].refresh));
    w->op->now += SECOND;
    jwt_log_in(w, &w->ada);
    assert_unauthenticated(w, find(w, &w->ada, tokens[0].refresh));
    for (int i = 2; i < LOGINS_REFRESH_TOKENS_MAX; i++) assert_ok(w->op, find(w, &w->ada, tokens[i].refresh));
    assert_ok(w->op, find(w, &w->ada, new.refresh));
    assert_ok(w->op, find(w, &w->bob, others.refresh));
}

static void of_many_that_spend_it_at_once_one_succeeds(void **state)
{
    struct world *w = *state;
    enum { THREADS = 8 };
    struct spender spenders[THREADS];
    struct tokens tokens = jwt_log_in(w, &w->ada);
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        spenders[i] = (struct spender){ .w = w, .token = tokens.refresh, .start = &start };
        assert_int_equal(pthread_create(&spenders[i].thread, NULL, spend, &spenders[i]), 0);
    }
    int won = 0, lost = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(spenders[i].thread, NULL);
        won += spenders[i].result == ERR_OK;
        lost += spenders[i].result == ERR_UNAUTHENTICATED;
    }
    assert_int_equal(won, 1);
    assert_int_equal(lost, THREADS - 1);
    pthread_barrier_destroy(&start);
}

static void one_refresh_token_or_all_of_a_user_are_ended(void **state)
{
    struct world *w = *state;
    struct tokens first = jwt_log_in(w, &w->ada), second = jwt_log_in(w, &w->ada), third = jwt_log_in(w, &w->ada);
    struct tokens others = jwt_log_in(w, &w->bob);
    const struct uuid *uuid = &w->ada.user.uuid;
    assert_ok(w->op, find(w, &w->ada, first.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, first.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, first.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, others.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, &w->bob.user.uuid, others.refresh)); /* the caller is not bob */
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, "nonsense"));
    assert_unauthenticated(w, find(w, &w->ada, first.refresh));
    assert_ok(w->op, find(w, &w->bob, others.refresh));
    assert_ok(w->op, find(w, &w->ada, second.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, NULL));
    assert_unauthenticated(w, find(w, &w->ada, second.refresh));
    assert_unauthenticated(w, find(w, &w->ada, third.refresh));
    assert_ok(w->op, find(w, &w->bob, others.refresh));
}

static void a_user_who_is_gone_gets_nothing(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    char *answer;
    struct user ada = { .organization_id = w->ada.user.organization_id, .id = w->ada.user.user_id };
    assert_done(w->f, change(w->f, USER_DELETED, &ada, NULL));
    assert_unauthenticated(w, find(w, &w->ada, tokens.refresh));
    assert_int_equal(try_text(w, &w->ada, text_of(w, URL, VERIFY, NOW_S + 60), &answer), ERR_NOT_FOUND);
    assert_string_equal(w->op->failure.field, "user");
}

static void what_costs_is_left_to_a_worker(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada), none;
    char *answer;
    const char *message = challenge_of(w, &w->ada, text_of(w, URL, VERIFY, NOW_S + 60));
    w->op->may_block = false;
    assert_fails(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer), ERR_DEFERRED);
    assert_fails(w, find(w, &w->ada, tokens.refresh), ERR_DEFERRED);
    assert_fails(w, refresh(w, &w->ada, tokens.refresh, &none), ERR_DEFERRED);
    assert_fails(w, logins_end_refresh(w->op, w->logins, &w->ada.user.uuid, NULL), ERR_DEFERRED);
    w->op->may_block = true;
    assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
    assert_ok(w->op, find(w, &w->ada, tokens.refresh));
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
        logins_test(a_refresh_token_is_spent_for_new_tokens),
        logins_test(a_refresh_token_is_found_in_any_case),
        logins_test(a_refresh_token_is_of_one_user),
        logins_test(a_refresh_token_lives_thirty_days),
        logins_test(what_is_no_refresh_token_is_refused),
        logins_test(tokens_of_another_organization_than_that_of_the_setting_are_refused),
        logins_test(the_oldest_refresh_token_ends_when_there_are_too_many),
        logins_test(of_many_that_spend_it_at_once_one_succeeds),
        logins_test(one_refresh_token_or_all_of_a_user_are_ended),
        logins_test(a_user_who_is_gone_gets_nothing),
        logins_test(what_costs_is_left_to_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
