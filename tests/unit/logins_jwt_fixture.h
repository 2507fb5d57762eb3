/* logins_jwt_fixture.h — what a client of JWT log-in does: it signs a challenge, reads the answer and uses the tokens in it. */
#ifndef ROSTER_TESTS_LOGINS_JWT_FIXTURE_H
#define ROSTER_TESTS_LOGINS_JWT_FIXTURE_H

#include "jwt_fixture.h"
#undef NOW /* both fixtures have it, the same */
#include "logins_fixture.h"

#define VERIFY "A0E2074B-f610-42be-8525-100d4e68c481" /* in both cases: kept as it is */

struct tokens {
    const char *access, *refresh;
    json_t *answer; /* freed by who asked for it */
};

static inline char *challenge_of(struct world *w, const struct person *from, const char *text)
{
    char *message;
    const char *key = logins_server_key(w->logins);
    assert_works(w, openpgp_encrypt_and_sign(w->op, from->key, key, text, strlen(text), &message));
    return message;
}

static inline const char *text_of(struct world *w, const char *domain, const char *verify_token, int64_t expiry_s)
{
    return arena_printf(&w->op->arena,
                        "{\"version\":\"1.0.0\",\"domain\":\"%s\",\"verify_token\":\"%s\",\"verify_token_expiry\":%lld}", domain,
                        verify_token, (long long)expiry_s);
}

static inline enum err try_text(struct world *w, const struct person *person, const char *text, char **ret_answer)
{
    const char *message = challenge_of(w, person, text);
    failure_clear(&w->op->failure);
    return logins_jwt_login(w->op, w->logins, &person->user, URL, message, strlen(message), ret_answer);
}

static inline const char *member(struct world *w, const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    assert_non_null(text);
    return arena_strdup(&w->op->arena, text);
}

static inline const char *random_uuid(struct world *w)
{
    char *text = arena_alloc(&w->op->arena, UUID_TEXT_SIZE);
    struct uuid uuid = uuid_random();
    uuid_format(text, &uuid);
    return text;
}

static inline struct tokens read_answer(struct world *w, const struct person *person, const char *answer,
                                        const char *verify_token)
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

static inline struct tokens jwt_log_in(struct world *w, const struct person *person)
{
    const char *verify_token = random_uuid(w);
    char *answer;
    assert_ok(w->op, try_text(w, person, text_of(w, URL, verify_token, w->op->now / SECOND + 60), &answer));
    return read_answer(w, person, answer, verify_token);
}

static inline enum err check(struct world *w, const char *token)
{
    w->op->caller = (struct caller){ 0 };
    failure_clear(&w->op->failure);
    return logins_check_access_token(w->op, w->logins, token, strlen(token));
}

#endif
