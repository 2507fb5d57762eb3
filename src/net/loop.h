/* loop.h — the parts of a running server, for net/ only.
 *
 * A loop is a thread with an MHD_Daemon of its own that it runs itself (the library's "external" mode): all callbacks of a
 * connection, its deadlines and its end happen on that one thread, so nothing about connections is locked. All loops wait on the
 * same listening socket. Only workers and the thread that stops the server come from outside. */
#ifndef ROSTER_NET_LOOP_H
#define ROSTER_NET_LOOP_H

#include "net/limiter.h"
#include "net/linger.h"
#include "net/listen.h"
#include "net/metrics.h"
#include "net/request_id.h"
#include "net/server.h"
#include "net/tls.h"
#include "net/worker.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SWEEP_MS = 250, STOP_POLL_MS = 10 };

#define SECOND_NS INT64_C(1000000000)

/* What server_reload may change while loops read it. */
struct tunables {
    _Atomic int64_t body_limit, sending_limit; /* bytes */
    _Atomic int64_t rate_limit, rate_period_s;
    _Atomic int64_t head_timeout_ns, body_timeout_ns, idle_timeout_ns, send_timeout_ns, shutdown_timeout_ns;
    atomic_bool request_log;
};

struct server {
    struct server_options options; /* texts that outlive server_start are in the fields below */
    struct tunables tunables;
    char *url;
    struct listener listener;
    struct tls *tls; /* NULL: plain */
    struct workers workers;
    struct limiter limiter;
    _Atomic int64_t sending; /* memory of the bodies on their way, in bytes; only of those over SENDING_UNCOUNTED */
    struct loop *loops;
    size_t loop_count;
    _Atomic(struct directory *) directory;
    atomic_bool open;     /* the directory is there; before that, server.h: opens_later */
    atomic_bool stopping; /* no new requests; kept-alive connections end */
    atomic_bool quit;     /* loops end now */
    pthread_t keeper;     /* flushes the log */
    pthread_mutex_t keeper_mutex;
    pthread_cond_t keeper_wake;
    bool keeper_ends;
};

/* What a connection is doing, and so which deadline it has. */
enum phase {
    PHASE_HEAD,    /* a head is expected or under way */
    PHASE_BODY,    /* the head is there, the body is not */
    PHASE_WORKING, /* a handler or a worker has it: no deadline */
    PHASE_SENDING, /* the answer is on its way */
    PHASE_IDLE,    /* kept alive, nothing asked */
    PHASE_CUT,     /* its deadline has passed: the library is about to close it */
};

struct connection {
    struct connection *next, *previous;
    struct loop *loop;
    struct MHD_Connection *mhd;
    struct exchange *exchange; /* the request under way, or NULL */
    int fd;
    enum phase phase;
    int64_t since_ns;    /* PHASE_IDLE: when it began */
    int64_t deadline_ns; /* of the phase, by clock_coarse_ns */
    bool is_unix;
    bool unread;                     /* was answered before all of its request was read */
    bool stop_seen;                  /* was told that the server stops */
    struct certificate *certificate; /* TLS: held as long as the session may use it */
    char client[INET6_ADDRSTRLEN];
};

struct loop {
    struct server *server;
    struct MHD_Daemon *daemon;
    int epoll_fd;      /* the daemon's */
    int wake_fd;       /* an eventfd */
    atomic_bool woken; /* it was written to: once is enough */
    bool closed_some;  /* the library may accept again, once it is run */
    pthread_t thread;
    struct connection *connections;
    atomic_size_t connection_count;
    struct exchange *spare; /* used last is used first: it is the one in the processor's cache */
    size_t spare_count;
    struct request_ids request_ids;
    size_t cut_off; /* requests that stopping the server ended */
    int64_t swept_ns, idle_checked_ns;
    struct lingering lingering;
    struct buf log_line;
    int64_t log_second; /* whose text log_time is */
    char log_time[24];  /* 2026-11-22T10:00:00 */
    size_t log_time_size;
};

/* Starts the daemon of a loop on its own descriptor of the listening socket. `connection_limit` is the loop's share. */
MUST_USE enum err loop_open(struct op *op, struct loop *loop, struct server *server, int connection_limit);
/* Starts its thread. */
MUST_USE enum err loop_start(struct op *op, struct loop *loop);
/* Waits for the thread, which ends when server->quit is set. */
void loop_join(struct loop *loop);
/* Frees what loop_open made. */
void loop_close(struct loop *loop);

/* Makes it look at server->stopping and server->quit now. From any thread. */
void loop_wake(struct loop *loop);
/* Gives a suspended connection back to its loop. From any thread. */
void loop_resume(struct loop *loop, struct MHD_Connection *mhd);

/* Puts a connection into a phase that ends after `timeout_ns`. */
void connection_enter(struct connection *connection, enum phase phase, int64_t timeout_ns);

#endif
