/* postgres_proxy.h — a thread between a store and PostgreSQL's unix socket, which passes everything on until it is told not to.
 *
 * With a strike it lets everything pass until a transaction with a given word in it sends COMMIT; its connection then loses the
 * COMMIT, or the answer to it, and is closed, and all others stay. What happens then is as certain as in a debugger. */
#ifndef ROSTER_TESTS_POSTGRES_PROXY_H
#define ROSTER_TESTS_POSTGRES_PROXY_H

#include "postgres_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum proxy_mode {
    PROXY_PASS,
    PROXY_REFUSE,     /* closes all connections, new ones at once */
    PROXY_HANG,       /* both sides believe that the other one is silent */
    PROXY_HANG_LATER, /* connecting works, no statement is answered: a pooler whose database is gone */
};

enum proxy_strike { STRIKE_NONE, STRIKE_COMMIT, STRIKE_ANSWER };

struct proxy_pair {
    int client, server;
    bool marked;  /* the word was seen in this transaction */
    bool damaged; /* bytes of it were swallowed */
    bool struck;  /* the answer to its COMMIT is not passed on */
};

struct proxy {
    pthread_t thread;
    char path[108];
    char *url; /* of the database, by way of the proxy */
    struct sockaddr_un database;
    int listener;
    struct proxy_pair pairs[64];
    atomic_int mode, strike, strikes; /* strikes: how many there were */
    atomic_int begun;                 /* transactions that write, of all connections */
    atomic_llong told;                /* bytes that came from the database */
    atomic_int asked;                 /* how often anything came from a client: round trips, of who waits for each answer */
    const char *word;                 /* whose COMMIT it is */
    atomic_bool stopping;
    void (*struck)(void *context); /* on the proxy's thread, when the database has ended what was struck and the store does not
                                    * know yet; NULL: nothing */
    void *context;
};

static inline void proxy_close_pair(struct proxy_pair *pair)
{
    if (pair->server >= 0) close(pair->server);
    if (pair->client >= 0) close(pair->client);
    *pair = (struct proxy_pair){ .client = -1, .server = -1 };
}

static inline void proxy_accept(struct proxy *proxy, int mode)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) return;
    for (size_t i = 0; i < COUNT_OF(proxy->pairs) && mode != PROXY_REFUSE; i++) {
        struct proxy_pair *pair = &proxy->pairs[i];
        if (pair->client >= 0) continue;
        *pair = (struct proxy_pair){ .client = client, .server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
        if (connect(pair->server, (struct sockaddr *)&proxy->database, sizeof proxy->database)) proxy_close_pair(pair);
        return;
    }
    close(client);
}

/* The database's end is closed first and it is waited until its process is gone, so that what was not committed will not be. */
static inline void proxy_strike(struct proxy *proxy, struct proxy_pair *pair)
{
    char rest[4096];
    shutdown(pair->server, SHUT_WR);
    while (recv(pair->server, rest, sizeof rest, 0) > 0) continue;
    if (proxy->struck) proxy->struck(proxy->context);
    atomic_fetch_add(&proxy->strikes, 1);
    proxy_close_pair(pair);
}

static inline void proxy_pass(struct proxy *proxy, struct proxy_pair *pair, bool from_client, int mode)
{
    static char bytes[1 << 16];
    ssize_t size = recv(from_client ? pair->client : pair->server, bytes, sizeof bytes, 0);
    if (size <= 0) {
        if (mode == PROXY_PASS) proxy_close_pair(pair);
        else pair->damaged = true;
        if (mode != PROXY_PASS && from_client) proxy_close_pair(pair);
        return;
    }
    if (mode == PROXY_HANG || (mode == PROXY_HANG_LATER && from_client && bytes[0])) { /* only a start-up begins with zero */
        pair->damaged = true;
        return;
    }
    if (from_client) atomic_fetch_add(&proxy->asked, 1);
    else atomic_fetch_add(&proxy->told, size);
    bool commits = memmem(bytes, (size_t)size, "COMMIT", sizeof "COMMIT"); /* the statement, or what answers it */
    int strike = atomic_load(&proxy->strike);
    if (from_client && memmem(bytes, (size_t)size, "READ WRITE", sizeof "READ WRITE")) atomic_fetch_add(&proxy->begun, 1);
    if (from_client && strike && memmem(bytes, (size_t)size, proxy->word, strlen(proxy->word))) pair->marked = true;
    if (from_client && commits && pair->marked) {
        pair->marked = false;
        atomic_store(&proxy->strike, STRIKE_NONE);
        if (strike == STRIKE_COMMIT) {
            proxy_strike(proxy, pair);
            return;
        }
        if (strike == STRIKE_ANSWER) pair->struck = true;
    }
    if (!from_client && pair->struck) {
        if (commits) proxy_strike(proxy, pair);
        return;
    }
    if (send(from_client ? pair->server : pair->client, bytes, (size_t)size, MSG_NOSIGNAL) != size) proxy_close_pair(pair);
}

static inline void *proxy_run(void *context)
{
    struct proxy *proxy = context;
    while (!atomic_load(&proxy->stopping)) {
        struct pollfd fds[1 + 2 * COUNT_OF(proxy->pairs)];
        int mode = atomic_load(&proxy->mode);
        fds[0] = (struct pollfd){ .fd = proxy->listener, .events = POLLIN };
        for (size_t i = 0; i < COUNT_OF(proxy->pairs); i++) {
            struct proxy_pair *pair = &proxy->pairs[i];
            if (mode == PROXY_REFUSE || (mode == PROXY_PASS && pair->damaged)) proxy_close_pair(pair);
            bool ended = pair->damaged && mode != PROXY_PASS; /* the database's end: nothing to read any more */
            fds[1 + 2 * i] = (struct pollfd){ .fd = pair->client, .events = POLLIN };
            fds[2 + 2 * i] = (struct pollfd){ .fd = ended ? -1 : pair->server, .events = POLLIN };
        }
        poll(fds, COUNT_OF(fds), 5);
        mode = atomic_load(&proxy->mode);
        if (mode == PROXY_REFUSE) {
            if (fds[0].revents) proxy_accept(proxy, mode);
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(proxy->pairs); i++) {
            if (fds[1 + 2 * i].revents && proxy->pairs[i].client >= 0) proxy_pass(proxy, &proxy->pairs[i], true, mode);
            if (fds[2 + 2 * i].revents && proxy->pairs[i].server >= 0) proxy_pass(proxy, &proxy->pairs[i], false, mode);
        }
        if (fds[0].revents) proxy_accept(proxy, mode);
    }
    for (size_t i = 0; i < COUNT_OF(proxy->pairs); i++) proxy_close_pair(&proxy->pairs[i]);
    close(proxy->listener);
    unlink(proxy->path);
    return NULL;
}

/* Before the fixture's database, which must be reached by a unix socket. Stores that use it are closed first. */
static inline struct proxy *proxy_open(struct fixture *f)
{
    const char *host = url_part(f, f->url, "host"), *port = url_part(f, f->url, "port"), *directory = f->directory;
    if (!host || host[0] != '/') fail_msg("the cluster of tests is reached by a unix socket");
    struct proxy *proxy = arena_zalloc(&f->op.arena, sizeof *proxy);
    for (size_t i = 0; i < COUNT_OF(proxy->pairs); i++) proxy->pairs[i].client = proxy->pairs[i].server = -1;
    snprintf(proxy->path, sizeof proxy->path, "%s/.s.PGSQL.5432", directory);
    proxy->url = arena_printf(&f->op.arena, "postgres://%s@/%s?host=%s&port=5432", url_part(f, f->url, "user"),
                              url_part(f, f->url, "dbname"), directory);
    proxy->database.sun_family = AF_UNIX;
    snprintf(proxy->database.sun_path, sizeof proxy->database.sun_path, "%s/.s.PGSQL.%s", host, port ? port : "5432");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, proxy->path, sizeof address.sun_path);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(proxy->path); /* of a test that failed */
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(proxy->listener, 64), 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_run, proxy), 0);
    return proxy;
}

static inline void proxy_close(struct proxy *proxy)
{
    atomic_store(&proxy->stopping, true);
    pthread_join(proxy->thread, NULL);
}

/* Does so to everything from now on; waits until it does. */
static inline void proxy_set(struct proxy *proxy, enum proxy_mode mode)
{
    atomic_store(&proxy->mode, mode);
    sleep_ms(20);
}

/* Does so to the next COMMIT of a transaction that has the word in it. */
static inline void proxy_strike_next(struct proxy *proxy, enum proxy_strike strike, const char *word,
                                     void (*struck)(void *context), void *context)
{
    proxy->word = word;
    proxy->struck = struck;
    proxy->context = context;
    atomic_store(&proxy->strike, strike);
}

#endif
