/* logins.c — opening and closing, what is shown, and what is done now and then.
 *
 * Secrets that the installation makes for itself are kept by the store under the names below: the OpenPGP key, unless a file has
 * it, the RSA key of access tokens and the key of log-in tokens. Of two servers that start at once with a new database both
 * propose, and both use what was kept. */
#include "auth/logins.h"

#include "auth/base64url.h"
#include "auth/logins_parts.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_OF_SERVER_KEY "openpgp"
#define NAME_OF_RSA_KEY "jwt-rsa"
#define NAME_OF_TOKEN_KEY "gpgauth-tokens"
#define REMOVAL_SLACK_US (INT64_C(600) * 1000000) /* longer than extensions wait to be saved, and than clocks differ */

enum { SESSION_TIMEOUT_MIN = 24, PROFILE = 5, REMOVE_BATCH = 1000, REMOVE_BATCHES = 10 };

/* --- what the files share --- */

static enum err fail(struct op *op)
{
    failure_clear(&op->failure);
    return op_fail(op, ERR_UNAUTHENTICATED, "", "the log-in is not known, has expired or was used or ended");
}

static const char *request_of(const struct op *op)
{
    return op->request_id ? op->request_id : "-";
}

enum err logins_refuse(struct op *op, const char *reason)
{
    log_debug("request %s: a session or token is refused: %s", request_of(op), reason);
    return fail(op);
}

void logins_note_refusal(struct op *op, struct logins *logins, const char *reason)
{
    atomic_fetch_add_explicit(&logins->refused, 1, memory_order_relaxed);
    log_info("request %s: a log-in is refused: %s", request_of(op), reason);
}

enum err logins_refuse_login(struct op *op, struct logins *logins, const char *reason)
{
    logins_note_refusal(op, logins, reason);
    return fail(op);
}

enum err logins_need_worker(struct op *op)
{
    return op->may_block ? ERR_OK : op_fail(op, ERR_DEFERRED, "", "this takes a worker");
}

struct caller logins_caller(int64_t organization_id, int64_t user_id, const struct uuid *user_uuid)
{
    return (struct caller){ .organization_id = organization_id,
                            .user_id = user_id,
                            .user_uuid = *user_uuid,
                            .rights = RIGHT_READ | RIGHT_WRITE | RIGHT_ALL_PERMITS };
}

bool logins_is_open_to(const struct logins *logins, int64_t organization_id)
{
    return !logins->organization || logins->organization == organization_id;
}

/* --- keys --- */

static void wipe(const char *text)
{
    if (text) OPENSSL_cleanse((char *)(uintptr_t)text, strlen(text));
}

static enum err read_key_file(struct op *op, const char *path, char **ret_text)
{
    char *text = arena_alloc(&op->arena, OPENPGP_KEY_LIMIT + 2);
    size_t size = 0;
    ssize_t got = -1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        while (size <= OPENPGP_KEY_LIMIT && (got = read(file, text + size, OPENPGP_KEY_LIMIT + 1 - size)) > 0)
            size += (size_t)got;
    }
    int error = errno;
    if (file >= 0) close(file);
    text[size] = 0;
    if (got < 0)
        return op_fail(op, ERR_INVALID, "serverKey", "passbolt.server_key: %s cannot be read: %s", path, strerror(error));
    *ret_text = text;
    return ERR_OK;
}

static enum err open_key_file(struct op *op, struct logins *logins, const char *path)
{
    char *text = NULL;
    enum err e = read_key_file(op, path, &text);
    if (e) return e;
    e = openpgp_server_open(op, text, strlen(text), &logins->server);
    wipe(text);
    if (e != ERR_INVALID) return e;
    struct failure failure = op->failure;
    failure_clear(&op->failure);
    return op_fail(op, ERR_INVALID, "serverKey", "passbolt.server_key: %s cannot be used: %s", path, failure.text);
}

/* `make` makes a new secret in the arena; what is kept is handed to `use`, then wiped. */
static enum err keep_secret(struct op *op, struct logins *logins, const char *name,
                            enum err (*make)(struct op *op, const struct logins *logins, char **ret_secret),
                            enum err (*use)(struct op *op, struct logins *logins, const char *secret))
{
    const char *kept;
    char *proposed = NULL;
    enum err e = store_secret(op, logins->store, name, NULL, &kept);
    if (!e && !kept) {
        e = make(op, logins, &proposed);
        if (!e) e = store_secret(op, logins->store, name, proposed, &kept);
        wipe(proposed);
    }
    if (e) return e;
    e = use(op, logins, kept);
    wipe(kept);
    if (e != ERR_INVALID) return e;
    struct failure failure = op->failure;
    failure_clear(&op->failure);
    return op_fail(op, ERR_STORAGE, name, "the installation's secret %s in the database cannot be used: %s", name, failure.text);
}

/* The host of an URL, without user and port, as the key's address has it. */
static enum err make_server_key(struct op *op, const struct logins *logins, char **ret_armored)
{
    const char *host = logins->url ? strstr(logins->url, "://") + 3 : "localhost";
    int size = (int)strcspn(host, ":/?#@");
    return openpgp_generate_key(op, arena_printf(&op->arena, "Roster <roster@%.*s>", size > 200 ? 200 : size, host), ret_armored);
}
static enum err use_server_key(struct op *op, struct logins *logins, const char *armored)
{
    return openpgp_server_open(op, armored, strlen(armored), &logins->server);
}

static enum err make_rsa_key(struct op *op, const struct logins *logins, char **ret_pem)
{
    (void)logins;
    return logins_signer_make_key(op, ret_pem);
}
static enum err use_rsa_key(struct op *op, struct logins *logins, const char *pem)
{
    return logins_signer_open(op, pem, &logins->signer);
}

static enum err make_token_key(struct op *op, const struct logins *logins, char **ret_text)
{
    (void)logins;
    uint8_t key[LOGINS_KEY_SIZE];
    random_bytes(key, sizeof key);
    *ret_text = arena_alloc(&op->arena, base64url_encoded_max(sizeof key));
    base64url_encode(*ret_text, key, sizeof key);
    OPENSSL_cleanse(key, sizeof key);
    return ERR_OK;
}
static enum err use_token_key(struct op *op, struct logins *logins, const char *text)
{
    uint8_t key[LOGINS_KEY_SIZE + 4];
    size_t size;
    if (strlen(text) > base64url_encoded_max(LOGINS_KEY_SIZE) || !base64url_decode(key, text, strlen(text), &size) ||
        size != LOGINS_KEY_SIZE)
        return op_fail(op, ERR_INVALID, "", "it is not %d bytes in base64url", LOGINS_KEY_SIZE);
    memcpy(logins->token_key, key, LOGINS_KEY_SIZE);
    OPENSSL_cleanse(key, sizeof key);
    return ERR_OK;
}

/* --- opening --- */

static enum err check_url(struct op *op, const char *url)
{
    if (!url) return ERR_OK;
    bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    const char *host = http ? strstr(url, "://") + 3 : NULL;
    if (host && *host && !strchr("/:?#@", *host) && !strpbrk(url, "?#@\"\\<>") && logins_is_domain(url)) return ERR_OK;
    return op_fail(op, ERR_INVALID, "url", "passbolt.url is not an http or https URL of at most %d bytes", LOGINS_URL_MAX);
}

static char *copy_url(const char *url)
{
    char *copy = memory_strdup(url);
    if (copy && copy[strlen(copy) - 1] == '/') copy[strlen(copy) - 1] = 0;
    return copy;
}

static enum err open_keys(struct op *op, struct logins *logins, const char *server_key_file)
{
    enum err e = server_key_file ? open_key_file(op, logins, server_key_file)
                                 : keep_secret(op, logins, NAME_OF_SERVER_KEY, make_server_key, use_server_key);
    if (!e) e = keep_secret(op, logins, NAME_OF_RSA_KEY, make_rsa_key, use_rsa_key);
    if (!e) e = keep_secret(op, logins, NAME_OF_TOKEN_KEY, make_token_key, use_token_key);
    return e;
}

enum err logins_open(struct op *op, struct store *store, const struct logins_options *options, struct logins **ret_logins)
{
    enum err e = check_url(op, options->url);
    if (e) return e;
    struct logins *logins = memory_zalloc(sizeof *logins);
    logins->store = store;
    logins->url = copy_url(options->url);
    logins->organization = options->organization;
    logins->session_timeout_min = options->session_timeout_min ? options->session_timeout_min : SESSION_TIMEOUT_MIN;
    logins->profile = options->profile ? options->profile : PROFILE;
    logins->attempts_per_address = options->attempts_per_address;
    logins->attempts_per_key = options->attempts_per_key;
    logins->access_tokens = logins_index_new(LOGINS_ACCESS_TOKENS_MAX);
    e = open_keys(op, logins, options->server_key_file);
    if (!e) e = logins_load_sessions(op, logins);
    if (e) {
        logins_close(logins);
        return e;
    }
    *ret_logins = logins;
    return ERR_OK;
}

void logins_close(struct logins *logins)
{
    if (!logins) return;
    openpgp_server_close(logins->server);
    logins_signer_close(logins->signer);
    logins_index_free(logins->sessions);
    logins_index_free(logins->unknown);
    logins_index_free(logins->access_tokens);
    OPENSSL_cleanse(logins->token_key, sizeof logins->token_key);
    free(logins->url);
    free(logins);
}

/* --- what is shown --- */

const char *logins_server_key(const struct logins *logins)
{
    return openpgp_server_public_key(logins->server);
}
const char *logins_server_fingerprint(const struct logins *logins)
{
    return openpgp_server_fingerprint(logins->server);
}
const char *logins_url(const struct logins *logins)
{
    return logins->url;
}
int64_t logins_organization(const struct logins *logins)
{
    return logins->organization;
}
int64_t logins_profile(const struct logins *logins)
{
    return logins->profile;
}
int64_t logins_session_timeout_min(const struct logins *logins)
{
    return logins->session_timeout_min;
}
int64_t logins_attempts_per_address(const struct logins *logins)
{
    return logins->attempts_per_address;
}
int64_t logins_attempts_per_key(const struct logins *logins)
{
    return logins->attempts_per_key;
}

/* --- now and then --- */

/* Not all of them end: whoever was deleted may live again since, and have logged in. */
static enum err forget_ended(struct op *op, struct logins *logins, const struct digest *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct login login;
        bool found;
        enum err e = store_find_login(op, logins->store, LOGIN_SESSION, &hashes[i], 0, &found, &login);
        if (e) return e;
        if (!found) logins_index_remove(logins->sessions, &hashes[i]);
    }
    return ERR_OK;
}

enum err logins_follow_organization(struct op *op, struct logins *logins, int64_t organization_id)
{
    struct digest *hashes;
    size_t count = logins_index_list(logins->sessions, &op->arena, organization_id, NULL, 0, &hashes);
    logins_index_drop_organization(logins->access_tokens, organization_id);
    return forget_ended(op, logins, hashes, count);
}

bool logins_has_sessions(struct logins *logins, int64_t organization_id)
{
    return logins_index_has(logins->sessions, organization_id);
}

static int compare_numbers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum err logins_follow_users(struct op *op, struct logins *logins, int64_t organization_id, int64_t *user_ids, size_t count)
{
    struct digest *hashes;
    if (count == 0) return ERR_OK;
    qsort(user_ids, count, sizeof *user_ids, compare_numbers);
    count = logins_index_list(logins->sessions, &op->arena, organization_id, user_ids, count, &hashes);
    return forget_ended(op, logins, hashes, count);
}

typedef enum err (*removal)(struct op *op, struct store *store, int64_t before, int64_t limit, int64_t *ret_removed);

static enum err remove_old(struct op *op, struct logins *logins, removal remove_some, int64_t before)
{
    int64_t removed = REMOVE_BATCH;
    enum err e = ERR_OK;
    for (int i = 0; i < REMOVE_BATCHES && !e && removed == REMOVE_BATCH; i++)
        e = remove_some(op, logins->store, before, REMOVE_BATCH, &removed);
    return e;
}

enum err logins_keep_house(struct op *op, struct logins *logins)
{
    enum err e = logins_save_sessions(op, logins);
    logins_index_drop_expired(logins->sessions, &op->arena, op->now);
    logins_index_drop_expired(logins->unknown, &op->arena, op->now);
    logins_index_drop_expired(logins->access_tokens, &op->arena, op->now);
    if (!e) e = remove_old(op, logins, store_remove_expired_logins, op->now - REMOVAL_SLACK_US);
    if (!e) e = remove_old(op, logins, store_forget_ended_logins, op->now - LOGINS_ENDED_KEPT_US);
    return e;
}

void logins_stats(struct logins *logins, struct logins_stats *ret_stats)
{
    *ret_stats = (struct logins_stats){ 0 };
    if (!logins) return;
    ret_stats->done = atomic_load_explicit(&logins->done, memory_order_relaxed);
    ret_stats->refused = atomic_load_explicit(&logins->refused, memory_order_relaxed);
    ret_stats->sessions = (int64_t)logins_index_count(logins->sessions);
}
