/* logins_gpgauth.c — GPGAuth 1.3.0 as Passbolt speaks it (passbolt.md 2.9). */
#include "auth/logins_parts.h"

#include <stdio.h>
#include <string.h>

#define BEFORE "gpgauthv1.3.0|36|"
#define AFTER "|gpgauthv1.3.0"

enum { BEFORE_SIZE = sizeof BEFORE - 1, UUID_SIZE = UUID_TEXT_SIZE - 1, TEXT_SIZE = BEFORE_SIZE + UUID_SIZE + sizeof AFTER - 1 };

static bool read_text(const char *text, size_t size, struct uuid *ret_uuid)
{
    return size == TEXT_SIZE && memcmp(text, BEFORE, BEFORE_SIZE) == 0 &&
           memcmp(text + BEFORE_SIZE + UUID_SIZE, AFTER, sizeof AFTER - 1) == 0 &&
           uuid_parse(text + BEFORE_SIZE, UUID_SIZE, ret_uuid);
}

enum err logins_check_server(struct op *op, struct logins *logins, const char *message, size_t size, char **ret_text)
{
    struct uuid uuid;
    size_t text_size;
    enum err e = logins_need_worker(op);
    if (e) return e;
    e = openpgp_decrypt(op, logins->server, message, size, ret_text, &text_size);
    if (!e && read_text(*ret_text, text_size, &uuid)) return ERR_OK;
    if (e && e != ERR_INVALID) return e;
    failure_clear(&op->failure);
    return op_fail(op, ERR_INVALID, "message", "the message is not one to this server with a token of GPGAuth 1.3.0");
}

enum err logins_begin(struct op *op, struct logins *logins, const struct login_user *user, char **ret_message)
{
    enum err e = logins_need_worker(op);
    if (e) return e;
    char uuid[UUID_TEXT_SIZE], text[TEXT_SIZE + 1];
    struct uuid token = logins_token_make(logins, user, op->now);
    uuid_format(uuid, &token);
    snprintf(text, sizeof text, BEFORE "%s" AFTER, uuid);
    return openpgp_encrypt_and_sign(op, logins->server, user->armored_key, text, TEXT_SIZE, ret_message);
}

/* What the store keeps of a token that was used. */
static struct digest hash_of_token(const struct login_user *user, const struct uuid *token)
{
    char uuid[UUID_TEXT_SIZE], text[128];
    uuid_format(uuid, token);
    int size =
        snprintf(text, sizeof text, "gpgauth:%lld:%lld:%s", (long long)user->organization_id, (long long)user->user_id, uuid);
    return digest_of(text, (size_t)size);
}

enum err logins_finish(struct op *op, struct logins *logins, const struct login_user *user, const char *text, size_t size,
                       const char **ret_secret)
{
    struct uuid token;
    int64_t token_expires_at;
    enum err e = logins_need_worker(op);
    if (e) return e;
    if (!read_text(text, size, &token)) return logins_refuse_login(op, logins, "the token is malformed");
    if (!logins_token_check(logins, user, &token, op->now, &token_expires_at))
        return logins_refuse_login(op, logins, "the token is too old, or not of this server for this user");

    const char *secret = logins_session_make(&op->arena, logins);
    const struct login added[] = {
        { LOGIN_SESSION, digest_of(secret, LOGINS_SECRET_SIZE), user->organization_id, user->user_id, user->uuid, op->now,
          op->now + logins_session_timeout_us(logins) },
        { LOGIN_USED, hash_of_token(user, &token), user->organization_id, user->user_id, user->uuid, op->now,
          token_expires_at + LOGINS_CLOCK_LEEWAY_US },
    };
    struct ended_logins ended;
    const struct login_change change = {
        .now = op->now, .added = added, .added_count = 2, .limit = LOGINS_SESSIONS_MAX, .ret_ended = &ended, .logs_in = true
    };
    e = store_change_logins(op, logins->store, &change);
    if (e == ERR_EXISTS) return logins_refuse_login(op, logins, "the token was used");
    if (e) return e;
    for (size_t i = 0; i < ended.count; i++) logins_index_remove(logins->sessions, &ended.hashes[i]);
    logins_index_put(logins->sessions, &(struct logins_entry){ .hash = added[0].hash,
                                                               .organization_id = user->organization_id,
                                                               .user_id = user->user_id,
                                                               .user_uuid = user->uuid,
                                                               .expires_at = added[0].expires_at });
    atomic_fetch_add_explicit(&logins->done, 1, memory_order_relaxed);
    op->caller = logins_caller(user->organization_id, user->user_id, &user->uuid);
    *ret_secret = secret;
    return ERR_OK;
}
