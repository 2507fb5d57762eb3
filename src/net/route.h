/* route.h — an API is a table of routes and a few functions; the router keeps what each row promises. Knows no group. */
#ifndef ROSTER_NET_ROUTE_H
#define ROSTER_NET_ROUTE_H

#include "model/op.h"
#include "net/http.h"

enum route_flag {
    ROUTE_BODY = 1 << 0,   /* reads a request body; without the flag a body is read and dropped */
    ROUTE_WRITES = 1 << 1, /* commits: see struct dialect */
    ROUTE_PUBLIC = 1 << 2, /* no credential needed: authenticate is not called */
    ROUTE_COSTLY = 1 << 3, /* takes much processor time where it may block, and may be asked by anybody: at most a quarter of the
                              workers, but at least one, run such at a time, and they wait in a queue of their own, behind all
                              others (worker.h). Over that queue's limit: ERR_BUSY */
    ROUTE_EARLY = 1 << 4,  /* also answered while the server is not open yet (server.h); op->directory is NULL then */
};

typedef enum err (*route_handler)(struct op *op, const struct request *request, struct response *response);

/* `/v1/user-groups/{id}/users`: parts in braces match one non-empty path part. */
struct route {
    enum method method;
    const char *pattern;
    unsigned rights; /* enum right; the caller must have all of them, else ERR_FORBIDDEN */
    unsigned flags;  /* enum route_flag */
    route_handler run;
    route_handler finish; /* of a ROUTE_WRITES row: makes the answer after run returned ERR_PENDING and the write is done. Any
                             thread, so quick and without waiting; if it returns ERR_DEFERRED it is run again by a worker */
    const char *name;     /* what the API itself calls the operation ("GroupsIndex.index"), for its dialect; NULL: nothing */
};

/* One API. A handler that returns an err has its answer worded by write_error from op->failure. A handler runs on a connection
 * thread with op->may_block false; if it returns ERR_DEFERRED it is run again, from the start,
 * with a fresh op and response, on a worker thread with op->may_block true. A ROUTE_WRITES handler has op->async set
 * (model/op.h): it returns ERR_PENDING once the write has begun and must not touch op, request and response after that; the row's
 * finish makes the answer. On a worker every handler has op->async, authenticate too: a function of the directory that would wait
 * for somebody's write may return ERR_PENDING, which is handed on, touching nothing; the request then begins again from its
 * start.
 */
struct dialect {
    const char *name;   /* for logs and metrics: "bold" */
    const char *prefix; /* "/v1/user-groups": this path and all below it belong to the dialect. "/" is the fallback */
    const char *const *more_prefixes; /* besides it, NULL-terminated; or NULL */
    /* A path that ends with it (".json") belongs where it belongs without it, and patterns are compared without it; the request
     * tells that it was there. A path without it matches too. NULL: none. */
    const char *suffix;
    const struct route *routes;   /* ended by a row without pattern */
    const struct header *headers; /* on every answer, errors included; ended by a row without name */
    const char *content_type;     /* of answers with a body */
    /* The content types that ROUTE_BODY rows read, NULL-terminated ("application/json"); net/media_type.h tells how they are
     * compared. A body of another type, or without one: ERR_MEDIA_TYPE, once caller and rights are known. NULL: any. */
    const char *const *body_types;
    const char *id_header; /* on every answer, errors included: the request's id. NULL: on none */
    /* Finds out who asks and fills op->caller, or fails (ERR_UNAUTHENTICATED). */
    enum err (*authenticate)(struct op *op, const struct request *request);
    /* Sets status and body (and extra headers such as WWW-Authenticate) for op->failure; the response is empty when it is called.
     */
    void (*write_error)(struct op *op, const struct request *request, struct response *response);
};

/* What the router found for a request. */
struct route_match {
    const struct dialect *dialect; /* never NULL as long as there is a fallback */
    const struct route *route;     /* NULL: see result */
    size_t route_index;            /* of the route in its dialect's table */
    enum err result; /* ERR_OK, ERR_NO_ROUTE, ERR_METHOD (then `allow` is set), ERR_INVALID (bad escape in the path) */
    char allow[64];  /* "GET, POST, OPTIONS": the methods the path has, in table order */
};

/* Which of the dialect's prefixes the path begins with: the longest, NULL if none. */
const char *dialect_prefix_of(const struct dialect *dialect, const char *path);

/* Longest prefix wins among the dialects (a prefix matches whole path parts). Fills request->captures (decoded, in the arena),
 * request->has_suffix and request->route. OPTIONS is answered by the server itself (200, empty, dialect's headers, Allow) where a
 * path has routes and none of them is OPTIONS. A trailing slash is not the same path. */
void route_find(const struct dialect *const *dialects, struct arena *arena, struct request *request,
                struct route_match *ret_match);

#endif
