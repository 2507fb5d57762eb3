/* server.h — an HTTP/1.1 server around libmicrohttpd: connections, limits, deadlines, worker threads, the request log.
 *
 * Only net/ includes microhttpd.h. */
#ifndef ROSTER_NET_SERVER_H
#define ROSTER_NET_SERVER_H

#include "base/err.h"
#include "net/route.h"

struct server;

struct server_options {
    const char *listen;             /* "127.0.0.1:8080", "[::1]:0", "unix:PATH" */
    const char *tls_cert, *tls_key; /* PEM files, both or neither */
    int threads;                    /* that serve connections; 0: one for each core this process may use */
    int workers;                    /* that may wait for disk and network */
    int64_t rate_limit; /* requests of one credential in rate_period_s; over it: ERR_RATE (429 with Retry-After). 0: no limit */
    int64_t rate_period_s;
    int queue_limit; /* requests waiting for a worker; over it: ERR_BUSY (503 with Retry-After: 1) */
    int connection_limit;
    int64_t head_limit_kib, body_limit_kib, response_limit_mib;
    int64_t sending_limit_mib;  /* bodies being sent at a time, small ones not counted; over it: ERR_BUSY. One goes always */
    int64_t head_timeout_s;     /* from the first byte (or the connection's start) to the end of the head */
    int64_t body_timeout_s;     /* from the end of the head to the end of the body */
    int64_t idle_timeout_s;     /* a kept-alive connection without a request */
    int64_t send_timeout_s;     /* from the answer's start to its end */
    int64_t shutdown_timeout_s; /* how long server_stop waits for requests under way */
    bool request_log;           /* one line per request */
    const struct dialect *const *dialects; /* NULL-terminated; one must have the prefix "/" */
    struct directory *directory;           /* handed to every op, never looked at here */
    bool opens_later;                      /* until server_open only ROUTE_EARLY rows are answered; all else: ERR_BUSY (503) */
};

/* NULL, or what is wrong with `listen`, whether it can be had or not; static. */
const char *server_check_address(const char *address);

/* Whether the certificate of the options, if any, can be read and belongs to its key; op->failure says why not. For before
 * anything is touched: server_start finds the same. */
MUST_USE enum err server_check_certificate(struct op *op, const struct server_options *options);

/* Binds, starts the threads. op->failure says what is wrong with an address, a certificate or a port in use. */
MUST_USE enum err server_start(struct op *op, const struct server_options *options, struct server **ret_server);

/* From now on everything is answered, with this directory: for a server that was started with opens_later. Once. */
void server_open(struct server *server, struct directory *directory);

/* The address as a URL ("http://127.0.0.1:40123", "https://...", "unix:PATH"); lives as long as the server. */
const char *server_url(const struct server *server);

/* What may change while running (SIGHUP): body_limit_kib, sending_limit_mib, timeouts, rate_limit, request_log, queue_limit,
 * and the certificate files, which are read again. If they are bad everything stays as it was. */
MUST_USE enum err server_reload(struct op *op, struct server *server, const struct server_options *options);

/* Stops accepting, finishes what is under way (at most shutdown_timeout_s), closes, frees. Accepts NULL.
 * Returns false if requests had to be cut off. */
bool server_stop(struct server *server);

#endif
