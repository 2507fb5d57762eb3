/* exchange.h — one request and its answer, for net/ only. Made when the request line is there, ended when the answer was sent. */
#ifndef ROSTER_NET_EXCHANGE_H
#define ROSTER_NET_EXCHANGE_H

#include "net/loop.h"

enum stage {
    STAGE_HEAD,     /* the head is under way */
    STAGE_BODY,     /* route and caller are known, the body is under way */
    STAGE_WORKING,  /* a worker has it */
    STAGE_ANSWERED, /* the answer is queued */
};

/* A body up to so many bytes is always sent, and not counted: the counter is shared by all threads. */
enum { SENDING_UNCOUNTED = 128 << 10 };

struct exchange {
    struct exchange *next; /* in the loop's spare list or the workers' queue */
    struct connection *connection;
    struct arena memory; /* of the request; op.arena is the handler's */
    struct op op;
    struct request request;
    struct route_match match;
    struct response response;
    struct buf body; /* of the request */
    enum stage stage;
    enum err refusal;            /* known before the body came: the answer once it is read */
    enum err result;             /* of the handler; for the log */
    bool authenticate;           /* the worker has to do it: the caller could not be found without blocking */
    void (*task)(struct op *op); /* the next step of a write, for a worker; NULL: the handler */
    bool head_too_large;
    bool early;                     /* it began before the server was open */
    bool has_body;                  /* a body comes, though it may turn out to be empty */
    bool close;                     /* the connection is no longer usable */
    uint64_t body_seen;             /* bytes, also those dropped */
    int64_t started_us, started_ns; /* end of the head; 0 before */
    int64_t sending;                /* bytes of server->sending that are this one's */
    int status;
    char version[NUMBER_TEXT_SIZE]; /* room for Roster-Version */
};

static inline struct server *server_of(const struct exchange *exchange)
{
    return exchange->connection->loop->server;
}

/* A setting that may change while it is read. */
static inline int64_t read_setting(_Atomic int64_t *setting)
{
    return atomic_load_explicit(setting, memory_order_relaxed);
}

struct exchange *exchange_begin(struct connection *connection, const char *uri);

/* The library's access handler. */
enum MHD_Result exchange_step(struct exchange *exchange, const char *method, const char *version, const char *upload,
                              size_t *upload_size);

/* The answer was sent or the request was given up. Frees it. */
void exchange_end(struct exchange *exchange, enum MHD_RequestTerminationCode code);

/* Runs the handler, or the next step of a write, where it may block; called by workers. False if it goes on by itself. */
bool exchange_work(struct exchange *exchange);

/* Writes the text of an error answer past the library, as far as the socket takes it at once, for when the library would take
 * none. */
void exchange_write_error(struct connection *connection, enum err code, const char *text);

void exchange_free(struct exchange *exchange);

#endif
