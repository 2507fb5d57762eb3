/* jwt_keys.c — one thread refreshes at a time, and reads disk and network without the mutex.
 *
 * To make up a kid that nobody knows costs nothing, so it may start a fetch only now and then, however many come. */
#include "auth/jwt_keys.h"

#include "auth/jwt_fetch.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

/* What tells that a file is another or has changed. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct jwt_keys {
    char *issuer, *ca_file;
    char *path, *url, *discovery_url; /* one of them, the others are NULL */
    struct stamp stamp;               /* of the file when it was read; only who refreshes looks at this and the next */
    struct digest digest;             /* of the text of `set` */
    pthread_mutex_t mutex;            /* for all below */
    pthread_cond_t refreshed;
    bool refreshing;
    unsigned waiting;    /* threads, for the refresh under way */
    bool failed;         /* the last refresh */
    uint64_t refreshes;  /* that have ended */
    int64_t begun_at;    /* the last refresh; 0: none */
    struct jwk_set *set; /* NULL: none yet */
    _Atomic uint64_t generation;
    _Atomic int64_t due_at;
};

static enum err fail(struct failure *failure, const char *what, const char *why)
{
    return failure_set(failure, ERR_INVALID, "keys", "%s: %s", what, why);
}

/* --- reading them --- */

static struct stamp stamp_of(const struct stat *found)
{
    struct stamp stamp; /* cleared with its gaps: it is compared as bytes */
    memset(&stamp, 0, sizeof stamp);
    stamp.device = found->st_dev;
    stamp.inode = found->st_ino;
    stamp.size = found->st_size;
    stamp.modified = found->st_mtim;
    stamp.changed = found->st_ctim;
    return stamp;
}

static enum err read_all(struct failure *failure, int file, const char *path, struct buf *out)
{
    for (;;) {
        char *room = buf_room(out, 4096);
        if (!room) return fail(failure, path, "it is too large for a key set");
        ssize_t size = read(file, room, 4096);
        if (size < 0) return fail(failure, path, strerror(errno));
        if (size == 0) return ERR_OK;
        buf_wrote(out, (size_t)size);
    }
}

/* Reads nothing if the file is as it was when it was read last. */
static enum err read_file(struct failure *failure, struct jwt_keys *keys, struct buf *out, bool *ret_unchanged)
{
    struct stat found;
    int file = open(keys->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for the writer of a pipe */
    if (file < 0) return fail(failure, keys->path, strerror(errno));
    enum err e = ERR_OK;
    if (fstat(file, &found)) e = fail(failure, keys->path, strerror(errno));
    else if (!S_ISREG(found.st_mode)) e = fail(failure, keys->path, "it is not a file");
    struct stamp stamp = { 0 };
    if (!e) stamp = stamp_of(&found);
    *ret_unchanged = !e && memcmp(&stamp, &keys->stamp, sizeof stamp) == 0;
    if (!e && !*ret_unchanged) e = read_all(failure, file, keys->path, out);
    if (!e) keys->stamp = stamp;
    close(file);
    return e;
}

/* OpenID Connect Discovery 1.0, sections 4.2 and 4.3. *ret_url is malloc'ed. */
static enum err read_discovery(struct failure *failure, const struct jwt_keys *keys, const struct buf *document, char **ret_url)
{
    static const char what[] = "the issuer's discovery document";
    struct failure malformed = { 0 };
    json_auto_t *json = NULL;
    if (json_parse(&malformed, document->bytes, document->size, &json)) return fail(failure, what, malformed.text);
    const char *issuer = json_string_value(json_object_get(json, "issuer"));
    const char *url = json_string_value(json_object_get(json, "jwks_uri"));
    if (!issuer || strcmp(issuer, keys->issuer) != 0) return fail(failure, what, "it is of another issuer");
    if (!url || !jwt_fetch_is_url(url)) return fail(failure, what, "it has no jwks_uri that is a URL");
    if (jwt_fetch_is_https(keys->discovery_url) && !jwt_fetch_is_https(url))
        return fail(failure, what, "its jwks_uri is not https");
    *ret_url = memory_strdup(url);
    return ERR_OK;
}

static enum err fetch(struct failure *failure, const struct jwt_keys *keys, struct buf *out)
{
    if (keys->url) return jwt_fetch(failure, keys->url, keys->ca_file, JWT_FETCH_WHOLE_MS, out);
    int64_t began_ns = clock_monotonic_ns();
    struct buf document = BUF_INIT(JWK_SET_SIZE_MAX);
    char *url = NULL;
    enum err e = jwt_fetch(failure, keys->discovery_url, keys->ca_file, JWT_FETCH_WHOLE_MS, &document);
    if (!e) e = read_discovery(failure, keys, &document, &url);
    int64_t taken_ms = (clock_monotonic_ns() - began_ns) / 1000000;
    if (!e) e = jwt_fetch(failure, url, keys->ca_file, JWT_FETCH_WHOLE_MS - taken_ms, out);
    buf_free(&document);
    free(url);
    return e;
}

static enum err parse(struct failure *failure, struct jwt_keys *keys, const struct buf *text, struct jwk_set **ret_set)
{
    struct failure reason = { 0 };
    struct digest digest = digest_of(text->bytes, text->size);
    if (keys->set && digest_equal(&digest, &keys->digest)) return ERR_OK;
    if (jwk_set_parse(&reason, text->bytes, text->size, ret_set))
        return fail(failure, keys->path ? keys->path : "the key set", reason.text);
    keys->digest = digest;
    return ERR_OK;
}

/* *ret_set stays NULL if nothing is new. */
static enum err read_set(struct failure *failure, struct jwt_keys *keys, struct jwk_set **ret_set)
{
    struct buf text = BUF_INIT(JWK_SET_SIZE_MAX + 4096); /* read_all wants room for what may not come */
    bool unchanged = false;
    enum err e = keys->path ? read_file(failure, keys, &text, &unchanged) : fetch(failure, keys, &text);
    if (!e && !unchanged) e = parse(failure, keys, &text, ret_set);
    buf_free(&text);
    return e;
}

/* --- when --- */

/* With the mutex, which is let go of while reading. */
static void refresh(struct jwt_keys *keys, int64_t now)
{
    struct failure failure = { 0 };
    struct jwk_set *fresh = NULL, *old = NULL;
    keys->refreshing = true;
    keys->begun_at = now;
    atomic_store(&keys->due_at, now + JWT_KEYS_RETRY_US); /* who comes meanwhile need not */
    pthread_mutex_unlock(&keys->mutex);
    enum err e = read_set(&failure, keys, &fresh);
    if (e)
        log_warn("auth.jwt: the keys of %s were not read: %s; %s", keys->issuer, failure.text,
                 keys->set ? "the ones from before go on" : "there are none yet");
    if (fresh) log_info("auth.jwt: %zu new keys of %s", jwk_set_count(fresh), keys->issuer);
    pthread_mutex_lock(&keys->mutex);
    if (fresh) {
        old = keys->set;
        keys->set = fresh;
        atomic_fetch_add(&keys->generation, 1);
    }
    if (!e) atomic_store(&keys->due_at, now + JWT_KEYS_AGE_MAX_US);
    keys->failed = e != ERR_OK;
    keys->refreshing = false;
    keys->refreshes++;
    pthread_cond_broadcast(&keys->refreshed);
    jwk_set_drop(old);
}

/* To look at a file costs little, but to log each time that it is not there would be a gift. A clock that was set back counts as
 * time that has passed. */
static bool may_refresh(const struct jwt_keys *keys, int64_t now)
{
    int64_t since = now > keys->begun_at ? now - keys->begun_at : keys->begun_at - now;
    return (keys->path && !keys->failed) || !keys->begun_at || since >= JWT_KEYS_INTERVAL_US;
}

enum awaited { REFRESHED, NOT_REFRESHED, TOO_MANY_WAIT };

/* With the mutex. Was there a refresh, by this thread or another? */
static enum awaited await_refresh(struct jwt_keys *keys, int64_t now)
{
    if (keys->refreshing) {
        if (keys->waiting == JWT_KEYS_WAITING_MAX) return TOO_MANY_WAIT;
        keys->waiting++;
        for (uint64_t seen = keys->refreshes; seen == keys->refreshes;) pthread_cond_wait(&keys->refreshed, &keys->mutex);
        keys->waiting--;
        return REFRESHED;
    }
    if (!may_refresh(keys, now)) return NOT_REFRESHED;
    refresh(keys, now);
    return REFRESHED;
}

uint64_t jwt_keys_generation(struct jwt_keys *keys)
{
    return atomic_load_explicit(&keys->generation, memory_order_relaxed);
}

bool jwt_keys_is_due(struct jwt_keys *keys, int64_t now)
{
    return now >= atomic_load_explicit(&keys->due_at, memory_order_relaxed);
}

void jwt_keys_refresh_if_due(struct jwt_keys *keys, int64_t now)
{
    if (!jwt_keys_is_due(keys, now)) return;
    pthread_mutex_lock(&keys->mutex);
    if (jwt_keys_is_due(keys, now) && !keys->refreshing && may_refresh(keys, now)) refresh(keys, now);
    pthread_mutex_unlock(&keys->mutex);
}

static enum jwk_found look_up(const struct jwt_keys *keys, const struct jwk_algorithm *algorithm, const char *kid,
                              const struct jwk **ret_key)
{
    return keys->set ? jwk_set_find(keys->set, algorithm, kid, ret_key) : JWK_UNKNOWN;
}

enum err jwt_keys_find(struct failure *reason, struct jwt_keys *keys, int64_t now, const struct jwk_algorithm *algorithm,
                       const char *kid, struct jwt_key *ret_key)
{
    static const char *const reasons[] = {
        [JWK_FOUND] = "",
        [JWK_UNKNOWN] = "no key has its kid",
        [JWK_MISFIT] = "the key with its kid is for another alg",
        [JWK_AMBIGUOUS] = "several keys fit",
    };
    const struct jwk *key = NULL;
    pthread_mutex_lock(&keys->mutex);
    enum jwk_found found = look_up(keys, algorithm, kid, &key);
    enum awaited awaited = found == JWK_UNKNOWN ? await_refresh(keys, now) : NOT_REFRESHED;
    if (awaited == REFRESHED) found = look_up(keys, algorithm, kid, &key);
    bool unavailable = awaited == TOO_MANY_WAIT || !keys->set;
    if (found == JWK_FOUND)
        *ret_key =
            (struct jwt_key){ key, jwk_set_hold(keys->set), atomic_load_explicit(&keys->generation, memory_order_relaxed) };
    pthread_mutex_unlock(&keys->mutex);
    if (found == JWK_FOUND) return ERR_OK;
    if (unavailable)
        return failure_set(reason, ERR_BUSY, "", "the keys to check the token with are not available, try again shortly");
    return failure_set(reason, ERR_UNAUTHENTICATED, "kid", "%s (%.60s)", reasons[found], kid ? kid : "it has none");
}

/* --- the beginning and the end --- */

static enum err choose_source(struct failure *failure, const struct jwt_options *options, struct jwt_keys *keys)
{
    static const char behind_issuer[] = "/.well-known/openid-configuration";
    if (options->keys && jwt_fetch_is_url(options->keys)) {
        keys->url = memory_strdup(options->keys);
    } else if (options->keys && strstr(options->keys, "://")) {
        return fail(failure, options->keys, "a URL of keys must be https or http");
    } else if (options->keys) {
        keys->path = memory_strdup(options->keys);
    } else if (jwt_fetch_is_url(options->issuer)) {
        size_t size = strlen(options->issuer);
        while (size && options->issuer[size - 1] == '/') size--; /* section 4.1 */
        keys->discovery_url = memory_alloc(size + sizeof behind_issuer);
        memcpy(keys->discovery_url, options->issuer, size);
        memcpy(keys->discovery_url + size, behind_issuer, sizeof behind_issuer);
    } else {
        return fail(failure, options->issuer, "keys cannot be found through an issuer that is no URL");
    }
    const char *url = keys->url ? keys->url : keys->discovery_url;
    if (url && !jwt_fetch_is_https(url))
        log_warn("auth.jwt: the keys of %s come without TLS: who sits between can exchange them", keys->issuer);
    return ERR_OK;
}

enum err jwt_keys_open(struct failure *failure, const struct jwt_options *options, int64_t now, struct jwt_keys **ret_keys)
{
    struct jwt_keys *keys = memory_zalloc(sizeof *keys);
    pthread_mutex_init(&keys->mutex, NULL);
    pthread_cond_init(&keys->refreshed, NULL);
    keys->issuer = memory_strdup(options->issuer);
    keys->ca_file = memory_strdup(options->ca_file);
    atomic_init(&keys->due_at, INT64_MAX); /* the first refresh is for the first token */
    enum err e = choose_source(failure, options, keys);
    if (!e && keys->path) {
        e = read_set(failure, keys, &keys->set);
        atomic_init(&keys->generation, 1);
        atomic_init(&keys->due_at, now + JWT_KEYS_AGE_MAX_US);
    }
    if (e) jwt_keys_close(keys);
    else *ret_keys = keys;
    return e;
}

void jwt_keys_close(struct jwt_keys *keys)
{
    if (!keys) return;
    jwk_set_drop(keys->set);
    pthread_cond_destroy(&keys->refreshed);
    pthread_mutex_destroy(&keys->mutex);
    free(keys->issuer);
    free(keys->ca_file);
    free(keys->path);
    free(keys->url);
    free(keys->discovery_url);
    free(keys);
}
