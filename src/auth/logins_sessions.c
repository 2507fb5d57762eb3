/* logins_sessions.c — sessions: the cookie's value, finding whose it is, and keeping up with other processes on the same
 * database.
 *
 * A session that is not in memory may have begun in another process, and one that has expired here may have been used there: both
 * are looked up in the database, once. So that nobody can load the database with cookies that are none:
 *  1. A cookie's value is 20 random bytes and 12 of an HMAC over them: what was not made by this installation is refused without
 *     a look, in a microsecond.
 *  2. What was looked up in vain is remembered for a moment.
 *  3. After MISSES_PER_S vain look-ups in a second there are none in the rest of it. It takes as many cookies of sessions that
 *     ended to come so far; who is unknown here then is told to try again (ERR_BUSY), because the session may be good.
 *
 * What ended elsewhere is told by the store (store_follow_logins). Between reading a session in the database and taking it into
 * the index it may end and the follower may have been told so: logins_index_put_undoubted notices. */
#include "auth/base64url.h"
#include "auth/logins_parts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define UNKNOWN_US (2 * SECOND_US)                          /* how long a look-up in vain is remembered */
#define SAVE_AHEAD_US (2 * LOGINS_KEEP_HOUSE_S * SECOND_US) /* what expires earlier for others is saved at once */
#define NO_SESSION "there is no such session"

enum { RANDOM_SIZE = 20, MAC_SIZE = 12, SECRET_BYTES = RANDOM_SIZE + MAC_SIZE, MISSES_PER_S = 500, LOOK_UPS = 3 };

_Static_assert((SECRET_BYTES * 8 + 5) / 6 == LOGINS_SECRET_SIZE, "the size of a secret in base64url");

/* --- secrets --- */

static void mac_of(const struct logins *logins, const uint8_t random[RANDOM_SIZE], uint8_t ret_mac[MAC_SIZE])
{
    static const char purpose[8] = "session";
    uint8_t text[sizeof purpose + RANDOM_SIZE], mac[EVP_MAX_MD_SIZE];
    memcpy(text, purpose, sizeof purpose);
    memcpy(text + sizeof purpose, random, RANDOM_SIZE);
    if (!HMAC(EVP_sha256(), logins->token_key, LOGINS_KEY_SIZE, text, sizeof text, mac, NULL)) abort();
    memcpy(ret_mac, mac, MAC_SIZE);
}

const char *logins_session_make(struct arena *arena, const struct logins *logins)
{
    uint8_t bytes[SECRET_BYTES];
    random_bytes(bytes, RANDOM_SIZE);
    mac_of(logins, bytes, bytes + RANDOM_SIZE);
    char *secret = arena_alloc(arena, base64url_encoded_max(sizeof bytes));
    base64url_encode(secret, bytes, sizeof bytes);
    return secret;
}

static bool is_ours(const struct logins *logins, const char *secret)
{
    uint8_t bytes[SECRET_BYTES + 4], mac[MAC_SIZE];
    size_t size;
    if (!base64url_decode(bytes, secret, LOGINS_SECRET_SIZE, &size) || size != SECRET_BYTES) return false;
    mac_of(logins, bytes, mac);
    return CRYPTO_memcmp(mac, bytes + RANDOM_SIZE, MAC_SIZE) == 0;
}

static bool hash_of_secret(const char *secret, struct digest *ret_hash)
{
    if (!secret || strnlen(secret, LOGINS_SECRET_SIZE + 1) != LOGINS_SECRET_SIZE) return false;
    *ret_hash = digest_of(secret, LOGINS_SECRET_SIZE);
    return true;
}

int64_t logins_session_timeout_us(const struct logins *logins)
{
    return logins->session_timeout_min * 60 * SECOND_US;
}

/* --- finding --- */

static struct logins_entry entry_of(const struct login *login)
{
    return (struct logins_entry){ .hash = login->hash,
                                  .organization_id = login->organization_id,
                                  .user_id = login->user_id,
                                  .user_uuid = login->user_uuid,
                                  .expires_at = login->expires_at };
}

/* Threads that meet here may count a few more or less. */
static bool may_miss(struct logins *logins, int64_t now)
{
    int64_t second = now / SECOND_US;
    if (atomic_exchange_explicit(&logins->miss_second, second, memory_order_relaxed) != second)
        atomic_store_explicit(&logins->misses, 0, memory_order_relaxed);
    return atomic_load_explicit(&logins->misses, memory_order_relaxed) < MISSES_PER_S;
}

static enum err note_miss(struct op *op, struct logins *logins, const struct digest *hash)
{
    atomic_fetch_add_explicit(&logins->misses, 1, memory_order_relaxed);
    logins_index_put(logins->unknown, &(struct logins_entry){ .hash = *hash, .expires_at = op->now + UNKNOWN_US });
    return logins_refuse(op, NO_SESSION);
}

static enum err refuse_for_now(struct op *op)
{
    failure_clear(&op->failure);
    return op_fail(op, ERR_BUSY, "", "whether there is such a session cannot be looked up at the moment");
}

/* If it ends all the time that something is ended elsewhere while it is read, it is used once and not kept. */
static enum err read_session(struct op *op, struct logins *logins, const struct digest *hash, struct logins_entry *ret_session)
{
    bool kept = false;
    for (int i = 0; i < LOOK_UPS && !kept; i++) {
        struct login login;
        bool found;
        uint64_t doubts = logins_index_doubts(logins->sessions);
        enum err e = store_find_login(op, logins->store, LOGIN_SESSION, hash, op->now, &found, &login);
        if (e) return store_reachable(logins->store) ? e : refuse_for_now(op);
        if (!found) return note_miss(op, logins, hash);
        *ret_session = entry_of(&login);
        kept = logins_index_put_undoubted(logins->sessions, ret_session, doubts);
    }
    return ERR_OK;
}

static enum err look_up(struct op *op, struct logins *logins, const char *secret, const struct digest *hash,
                        struct logins_entry *ret_session)
{
    struct logins_entry unknown;
    if (!is_ours(logins, secret) || logins_index_find(logins->unknown, hash, op->now, 0, &unknown))
        return logins_refuse(op, NO_SESSION);
    if (!store_reachable(logins->store) || !may_miss(logins, op->now)) return refuse_for_now(op);
    enum err e = logins_need_worker(op);
    return e ? e : read_session(op, logins, hash, ret_session);
}

enum err logins_find_session(struct op *op, struct logins *logins, const char *secret)
{
    struct digest hash;
    struct logins_entry session;
    if (!hash_of_secret(secret, &hash)) return logins_refuse(op, NO_SESSION);
    if (!logins_index_find(logins->sessions, &hash, op->now, 0, &session)) {
        enum err e = look_up(op, logins, secret, &hash, &session);
        if (e) return e;
    }
    if (!logins_is_open_to(logins, session.organization_id)) return logins_refuse(op, LOGINS_OF_ANOTHER_ORGANIZATION);
    op->caller = logins_caller(session.organization_id, session.user_id, &session.user_uuid);
    return ERR_OK;
}

/* --- while it is used --- */

void logins_touch_session(const struct op *op, struct logins *logins, const char *secret)
{
    struct digest hash;
    struct logins_entry session;
    int64_t timeout_us = logins_session_timeout_us(logins);
    int64_t ahead_us = timeout_us / 2 < SAVE_AHEAD_US ? timeout_us / 2 : SAVE_AHEAD_US;
    if (!hash_of_secret(secret, &hash) || !logins_index_find(logins->sessions, &hash, op->now, timeout_us, &session)) return;
    if (session.saved < op->now + ahead_us && session.saved < session.expires_at)
        atomic_store_explicit(&logins->must_save, true, memory_order_relaxed);
}

enum err logins_save_sessions(struct op *op, struct logins *logins)
{
    enum { BATCH = 1000 };
    struct session_extension *items;
    bool urgent = atomic_exchange(&logins->must_save, false);
    size_t count = logins_index_extended(logins->sessions, &op->arena, &items);
    for (size_t begin = 0; begin < count; begin += BATCH) {
        size_t batch = count - begin < BATCH ? count - begin : BATCH;
        enum err e = store_extend_sessions(op, logins->store, items + begin, batch);
        if (e && urgent) atomic_store(&logins->must_save, true); /* other nodes still believe that it ends */
        if (e) return e;
        logins_index_saved(logins->sessions, items + begin, batch);
    }
    return ERR_OK;
}

bool logins_must_save(const struct logins *logins)
{
    return atomic_load_explicit(&logins->must_save, memory_order_relaxed);
}

/* --- its end --- */

enum err logins_end_session(struct op *op, struct logins *logins, const char *secret)
{
    struct digest hash;
    enum err e = logins_need_worker(op);
    if (e) return e;
    if (!hash_of_secret(secret, &hash)) return ERR_OK;
    e = store_end_login(op, logins->store, LOGIN_SESSION, &hash);
    if (!e) logins_index_remove(logins->sessions, &hash);
    return e;
}

static void forget(void *context, const struct digest *hash)
{
    struct logins *logins = context;
    logins_index_remove(logins->sessions, hash);
}

/* If it was so long that what ended since may not be told any more, nothing in memory is believed. */
enum err logins_follow_ended(struct op *op, struct logins *logins)
{
    int64_t silence_us = op->now - logins->followed_at, epoch = store_epoch(logins->store);
    /* The database may have gone back: places that it gives now may be before the cursor. */
    if (epoch != logins->ended_epoch) logins->ended_cursor = (struct ended_cursor){ 0 };
    logins->ended_epoch = epoch;
    enum err e = store_follow_logins(op, logins->store, &logins->ended_cursor, forget, logins);
    if (!e && silence_us > LOGINS_ENDED_KEPT_US / 2) {
        e = logins_save_sessions(op, logins);
        if (!e) logins_index_drop_all(logins->sessions);
    }
    if (!e) logins->followed_at = op->now;
    return e;
}

/* --- all of them --- */

static enum err load_session(void *context, struct op *op, const struct login *login)
{
    (void)op;
    struct logins *logins = context;
    const struct logins_entry session = entry_of(login);
    logins_index_put(logins->sessions, &session);
    return ERR_OK;
}

enum err logins_load_sessions(struct op *op, struct logins *logins)
{
    logins->sessions = logins_index_new(UINT32_MAX - 2);
    logins->unknown = logins_index_new(2 * MISSES_PER_S * LOGINS_KEEP_HOUSE_S);
    logins->followed_at = op->now;
    return store_load_logins(op, logins->store, LOGIN_SESSION, op->now, load_session, logins);
}
