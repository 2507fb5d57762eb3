/* logins_jwt.c — log-in by a signed challenge, and the tokens that come of it (passbolt.md 2.9).
 *
 * What can fail is done before the store is asked, so nothing is spent in vain; and the store decides last, so nothing is
 * answered that was not single use. */
#include "auth/jwt.h"
#include "auth/logins_parts.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define VERSION "1.0.0"

enum { UUID_SIZE = UUID_TEXT_SIZE - 1, ANSWER_MAX = OPENPGP_TEXT_LIMIT };

/* --- what is remembered --- */

/* Of a refresh token, with whose it is: another user's uuid beside it finds nothing. */
static bool hash_of_refresh(const struct uuid *user_uuid, const char *token, struct digest *ret_hash)
{
    struct uuid uuid;
    char user[UUID_TEXT_SIZE], text[2 * UUID_TEXT_SIZE + 16];
    if (!token || !uuid_parse(token, strnlen(token, UUID_TEXT_SIZE), &uuid)) return false;
    uuid_format(user, user_uuid);
    int size = snprintf(text, sizeof text, "refresh:%s:", user);
    uuid_format(text + size, &uuid);
    *ret_hash = digest_of(text, (size_t)size + UUID_SIZE);
    return true;
}

/* Of a challenge's verify_token; in whatever case, it is used up. */
static struct digest hash_of_verify_token(const struct login_user *user, const struct uuid *token)
{
    char uuid[UUID_TEXT_SIZE], text[128];
    uuid_format(uuid, token);
    int size = snprintf(text, sizeof text, "jwt:%lld:%lld:%s", (long long)user->organization_id, (long long)user->user_id, uuid);
    return digest_of(text, (size_t)size);
}

/* --- tokens to give out --- */

struct tokens {
    const char *access, *refresh;
    struct login login; /* of the refresh token */
};

bool logins_is_domain(const char *text)
{
    size_t size = strnlen(text, LOGINS_URL_MAX + 1);
    if (size == 0 || size > LOGINS_URL_MAX) return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~') return false;
    return true;
}

static enum err make_tokens(struct op *op, const struct logins *logins, const struct caller *whose, const struct uuid *user_uuid,
                            const char *domain, struct tokens *ret_tokens)
{
    if (!logins_is_domain(domain)) return op_fail(op, ERR_INVALID, "domain", "the server's name is malformed or too long");
    const struct logins_claims claims = { .domain = domain,
                                          .user_uuid = *user_uuid,
                                          .organization_id = whose->organization_id,
                                          .user_id = whose->user_id,
                                          .expires_at = op->now + LOGINS_ACCESS_US };
    struct uuid refresh = uuid_random();
    char *text = arena_alloc(&op->arena, UUID_TEXT_SIZE);
    uuid_format(text, &refresh);
    ret_tokens->refresh = text;
    ret_tokens->login = (struct login){ .kind = LOGIN_REFRESH,
                                        .organization_id = whose->organization_id,
                                        .user_id = whose->user_id,
                                        .user_uuid = *user_uuid,
                                        .created_at = op->now,
                                        .expires_at = op->now + LOGINS_REFRESH_US };
    hash_of_refresh(user_uuid, text, &ret_tokens->login.hash);
    return logins_sign(op, logins->signer, &claims, &ret_tokens->access);
}

/* --- the challenge --- */

struct challenge {
    const char *verify_token; /* as it came */
    struct uuid token;
    int64_t expires_at;
};

static size_t size_without_slash(const char *text)
{
    size_t size = strlen(text);
    return size && text[size - 1] == '/' ? size - 1 : size;
}

static bool is_same_domain(const char *a, const char *b)
{
    size_t size = size_without_slash(a);
    return size == size_without_slash(b) && memcmp(a, b, size) == 0;
}

/* NULL, or what is wrong with it. */
static const char *read_challenge(struct op *op, const char *domain, const char *text, size_t size,
                                  struct challenge *ret_challenge)
{
    struct failure failure = { 0 };
    json_auto_t *json = NULL;
    if (json_parse(&failure, text, size, &json)) return "the challenge is not JSON";
    const char *version = json_string_value(json_object_get(json, "version"));
    const char *its_domain = json_string_value(json_object_get(json, "domain"));
    const json_t *token = json_object_get(json, "verify_token"), *expiry = json_object_get(json, "verify_token_expiry");
    if (!version || strcmp(version, VERSION) != 0) return "the challenge's version is not " VERSION;
    if (!its_domain || !is_same_domain(its_domain, domain)) return "the challenge's domain is another (see passbolt.url)";
    if (!json_is_string(token) || !uuid_parse(json_string_value(token), json_string_length(token), &ret_challenge->token))
        return "the challenge's verify_token is no UUID";
    if (!json_is_integer(expiry)) return "the challenge's verify_token_expiry is no whole number";
    json_int_t seconds = json_integer_value(expiry), now = op->now / SECOND_US;
    if (seconds <= now) return "the challenge has expired";
    if (seconds > now + LOGINS_CHALLENGE_MAX_US / SECOND_US) return "the challenge expires too late";
    ret_challenge->verify_token = arena_strdup(&op->arena, json_string_value(token));
    ret_challenge->expires_at = (int64_t)seconds * SECOND_US;
    return NULL;
}

static enum err write_answer(struct op *op, const struct logins *logins, const struct login_user *user, const char *domain,
                             const struct challenge *challenge, const struct tokens *tokens, char **ret_answer)
{
    struct buf text = BUF_INIT(ANSWER_MAX);
    buf_add_literal(&text, "{\"version\":\"" VERSION "\",\"domain\":");
    json_add_string(&text, domain);
    buf_printf(&text, ",\"access_token\":\"%s\",\"refresh_token\":\"%s\",\"verify_token\":\"%s\"}", tokens->access,
               tokens->refresh, challenge->verify_token);
    enum err e = text.overflow
                     ? op_fail(op, ERR_INVALID, "domain", "the server's name is too long")
                     : openpgp_encrypt_and_sign(op, logins->server, user->armored_key, text.bytes, text.size, ret_answer);
    buf_free(&text);
    return e;
}

static enum err keep_login(struct op *op, struct logins *logins, const struct login_user *user, const struct challenge *challenge,
                           const struct tokens *tokens)
{
    const struct login added[] = {
        tokens->login,
        { LOGIN_USED, hash_of_verify_token(user, &challenge->token), user->organization_id, user->user_id, user->uuid, op->now,
          challenge->expires_at + LOGINS_CLOCK_LEEWAY_US },
    };
    const struct login_change change = {
        .now = op->now, .added = added, .added_count = 2, .limit = LOGINS_REFRESH_TOKENS_MAX, .logs_in = true
    };
    enum err e = store_change_logins(op, logins->store, &change);
    if (e == ERR_EXISTS) return logins_refuse_login(op, logins, "the challenge's verify_token was used");
    if (!e) atomic_fetch_add_explicit(&logins->done, 1, memory_order_relaxed);
    return e;
}

enum err logins_jwt_login(struct op *op, struct logins *logins, const struct login_user *user, const char *domain,
                          const char *message, size_t size, char **ret_challenge)
{
    char *text, *answer;
    size_t text_size;
    struct challenge challenge;
    struct tokens tokens;
    enum err e = logins_need_worker(op);
    if (e) return e;
    e = openpgp_decrypt_and_verify(op, logins->server, user->armored_key, message, size, &text, &text_size);
    if (e == ERR_INVALID && strcmp(op->failure.field, "message") == 0)
        return logins_refuse_login(op, logins, "the challenge cannot be decrypted, or is not signed by the user");
    if (e) return e;
    const char *reason = read_challenge(op, domain, text, text_size, &challenge);
    if (reason) return logins_refuse_login(op, logins, reason);

    const struct caller whose = logins_caller(user->organization_id, user->user_id, &user->uuid);
    e = make_tokens(op, logins, &whose, &user->uuid, domain, &tokens);
    if (!e) e = write_answer(op, logins, user, domain, &challenge, &tokens, &answer);
    if (!e) e = keep_login(op, logins, user, &challenge, &tokens);
    if (!e) *ret_challenge = answer;
    return e;
}

/* --- refresh tokens --- */

enum err logins_find_refresh(struct op *op, struct logins *logins, const struct uuid *user_uuid, const char *refresh_token)
{
    struct digest hash;
    struct login login;
    bool found = false;
    enum err e = logins_need_worker(op);
    if (!e && hash_of_refresh(user_uuid, refresh_token, &hash))
        e = store_find_login(op, logins->store, LOGIN_REFRESH, &hash, op->now, &found, &login);
    if (e) return e;
    if (!found) return logins_refuse_login(op, logins, "the refresh token is not known, or another user's");
    if (!logins_is_open_to(logins, login.organization_id)) return logins_refuse_login(op, logins, LOGINS_OF_ANOTHER_ORGANIZATION);
    op->caller = logins_caller(login.organization_id, login.user_id, &login.user_uuid);
    return ERR_OK;
}

enum err logins_refresh(struct op *op, struct logins *logins, const struct uuid *user_uuid, const char *refresh_token,
                        const char *domain, const char **ret_access_token, const char **ret_refresh_token)
{
    struct tokens tokens;
    struct login_change change = {
        .now = op->now, .takes = true, .added = &tokens.login, .added_count = 1, .limit = LOGINS_REFRESH_TOKENS_MAX
    };
    enum err e = logins_need_worker(op);
    if (e) return e;
    if (!logins_is_open_to(logins, op->caller.organization_id))
        return logins_refuse_login(op, logins, LOGINS_OF_ANOTHER_ORGANIZATION);
    change.taken =
        (struct login){ .kind = LOGIN_REFRESH, .organization_id = op->caller.organization_id, .user_id = op->caller.user_id };
    if (!hash_of_refresh(user_uuid, refresh_token, &change.taken.hash))
        return logins_refuse_login(op, logins, "the refresh token is no UUID");
    e = make_tokens(op, logins, &op->caller, user_uuid, domain, &tokens);
    if (!e) e = store_change_logins(op, logins->store, &change);
    if (e == ERR_NOT_FOUND && strcmp(op->failure.field, "login") == 0)
        return logins_refuse_login(op, logins, "the refresh token was spent meanwhile, or is not the caller's");
    if (e) return e;
    atomic_fetch_add_explicit(&logins->done, 1, memory_order_relaxed);
    *ret_access_token = tokens.access;
    *ret_refresh_token = tokens.refresh;
    return ERR_OK;
}

enum err logins_end_refresh(struct op *op, struct logins *logins, const struct uuid *user_uuid, const char *refresh_token)
{
    const struct login whose = { .kind = LOGIN_REFRESH,
                                 .organization_id = op->caller.organization_id,
                                 .user_id = op->caller.user_id };
    struct login_change change = { .now = op->now, .ends = !refresh_token, .ended = whose, .takes = refresh_token };
    change.taken = whose;
    enum err e = logins_need_worker(op);
    if (e) return e;
    if (refresh_token && !hash_of_refresh(user_uuid, refresh_token, &change.taken.hash)) return ERR_OK;
    e = store_change_logins(op, logins->store, &change);
    if (e != ERR_NOT_FOUND) return e;
    failure_clear(&op->failure); /* there was none: that is what was wanted */
    return ERR_OK;
}

/* --- access tokens --- */

/* A worker is asked for the signature only: what anybody sends, in whatever number, is mostly refused before. */
static enum err check_new_token(struct op *op, struct logins *logins, const char *token, size_t size,
                                struct logins_claims *ret_claims)
{
    struct logins_signed parts;
    const char *reason = logins_read_token(&op->arena, logins->signer, token, size, ret_claims, &parts);
    if (!reason && op->now >= ret_claims->expires_at) reason = "it has expired";
    if (!reason && !logins_is_open_to(logins, ret_claims->organization_id)) reason = LOGINS_OF_ANOTHER_ORGANIZATION;
    if (reason) return logins_refuse(op, reason);
    enum err e = logins_need_worker(op);
    if (e) return e;
    return logins_has_signature(&parts, token) ? ERR_OK : logins_refuse(op, "its signature is wrong");
}

enum err logins_check_access_token(struct op *op, struct logins *logins, const char *token, size_t size)
{
    struct logins_claims claims;
    struct logins_entry entry;
    if (size > LOGINS_ACCESS_TOKEN_MAX || !jwt_is_token(token, size)) return logins_refuse(op, "it has not the form of a token");
    struct digest hash = digest_of(token, size);
    if (!logins_index_find(logins->access_tokens, &hash, op->now, 0, &entry)) {
        enum err e = check_new_token(op, logins, token, size, &claims);
        if (e) return e;
        entry = (struct logins_entry){ hash, claims.organization_id, claims.user_id, claims.user_uuid, claims.expires_at };
        logins_index_put(logins->access_tokens, &entry);
    }
    op->caller = logins_caller(entry.organization_id, entry.user_id, &entry.user_uuid);
    return ERR_OK;
}
