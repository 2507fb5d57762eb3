/* http.h — a request and a response, as a handler sees them. No header of the HTTP library is needed to read this. */
#ifndef ROSTER_NET_HTTP_H
#define ROSTER_NET_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER, /* anything else; never in a route */
};
const char *method_name(enum method method); /* "GET"; static; "OTHER" for METHOD_OTHER */

struct header {
    const char *name, *value;
};

/* One query parameter, percent-decoded (+ is a space), zero-terminated, valid UTF-8 without NUL. */
struct parameter {
    const char *name, *value;
};

enum { REQUEST_CAPTURE_MAX = 4, REQUEST_PARAMETER_MAX = 64, REQUEST_ID_SIZE = UUID_TEXT_SIZE };

struct route;

struct request {
    enum method method;
    const char *path;                   /* as sent, without the query, not decoded */
    const char *query;                  /* as sent, without the ?; "" if none */
    const char *authorization;          /* header value or NULL */
    const char *content_type;           /* header value or NULL */
    const struct parameter *parameters; /* in the order sent; made by request_parse_query */
    size_t parameter_count;
    const char *captures[REQUEST_CAPTURE_MAX]; /* the parts of the path that the pattern calls {name}, decoded */
    size_t capture_count;
    const char *body; /* zero-terminated, "" if none */
    size_t body_size;
    const struct route *route;
    char id[REQUEST_ID_SIZE]; /* of this request: the text of a version 4 UUID; also in the log */
    bool secure;              /* it came through this server's own TLS */
    bool has_suffix;          /* the path ended with the dialect's suffix */
    const char *client;       /* address text without port; "unix" for a unix socket */
    const void *connection;   /* net/ only */
};

/* Splits and decodes req->query into req->parameters. ERR_INVALID (field: the parameter's name, "query" if unknown) for a bad
 * escape, bad UTF-8, a NUL, more than REQUEST_PARAMETER_MAX parameters. Called by the router before the handler. */
MUST_USE enum err request_parse_query(struct failure *failure, struct arena *arena, struct request *request);

/* First parameter with that exact name, or NULL. */
const char *request_parameter(const struct request *request, const char *name);

/* The same, but the letter case of ASCII letters does not count. */
const char *request_parameter_any_case(const struct request *request, const char *name);

/* The number that `text` is: decimal digits only, no sign, no blanks, at most `max`. False if it is something else. */
bool number_parse(const char *text, int64_t max, int64_t *ret_number);

/* What a parameter says: a whole number from `min` to `max`, or true or false in any letter case. `text` NULL (not sent):
 * *ret_value is left alone. ERR_INVALID with `name` as the field. */
MUST_USE enum err parameter_read_number(struct failure *failure, const char *name, const char *text, int64_t min, int64_t max,
                                        int64_t *ret_value);
MUST_USE enum err parameter_read_bool(struct failure *failure, const char *name, const char *text, bool *ret_value);

/* The body as a JSON object or array. ERR_INVALID if it is malformed (json_parse) or of another kind. The caller owns *ret_json
 * (json_decref). */
MUST_USE enum err request_read_object(struct failure *failure, const struct request *request, json_t **ret_json);
MUST_USE enum err request_read_array(struct failure *failure, const struct request *request, json_t **ret_json);

/* A header by name, any letter case, or NULL. */
const char *request_header(const struct request *request, const char *name);

/* The values of all headers of that name, any letter case, in the order sent; returns their number. Those behind the first `room`
 * are left out. */
size_t request_header_list(const struct request *request, const char *name, const char **ret_values, size_t room);

enum { RESPONSE_EXTRA_MAX = 24 };

/* A whole answer that was made once and can be sent many times, to many connections at once. Reference counted, thread-safe. */
struct prepared;

struct response {
    int status;                              /* 200 unless set; with 204 neither body nor Content-Length is sent */
    const char *content_type;                /* static; the dialect's unless set; without a body unset, and with 204, none */
    struct header extra[RESPONSE_EXTRA_MAX]; /* names static, values static or in the op's arena */
    size_t extra_count;
    struct buf body;           /* ceiling: the setting response_limit_mib; on overflow the answer becomes an error */
    struct prepared *prepared; /* if set, sent instead of the above, `extra` aside; the response owns one reference */
};

void response_add_header(struct response *response, const char *name, const char *value);

/* Makes an answer of `body` (taken over and emptied) with the dialect's `headers` (static table, NULL-terminated names). */
struct prepared *prepared_new(const struct header *headers, int status, const char *content_type, struct buf *body);
struct prepared *prepared_hold(struct prepared *prepared);
void prepared_drop(struct prepared *prepared);         /* accepts NULL */
size_t prepared_size(const struct prepared *prepared); /* memory it takes, in bytes, about */

#endif
