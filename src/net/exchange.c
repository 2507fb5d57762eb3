/* exchange.c — the life of a request.
 *
 * The library calls three times or more: once when the head is complete, once for each piece of the body, once when the request
 * is complete; and again after a worker had it (exchange_work.c). An answer (exchange_answer.c) given at the first call ends the
 * connection (the library then reads no body), so an error that is known by then waits for the last call, unless the connection
 * cannot go on anyway.
 *
 * Invariants:
 * 1. connection->exchange is the exchange from its request line until exchange_end, which the library calls for every one.
 * 2. Between exchange_defer or exchange_begin_write and the call after it only those who work on the exchange touch it.
 * 3. The answer's body is lent to the library until exchange_end, and counts in server->sending until then. */
#include "net/exchange.h"

#include "base/clock.h"
#include "base/memory.h"
#include "net/admit.h"
#include "net/exchange_parts.h"
#include "net/request_log.h"

#include <string.h>
#include <strings.h>

/* A body this many times over the limit is still read to its end, so that the client surely sees the answer. */
enum {
    STATUS_CLIENT_GONE = 499,
    READ_AND_DROP_FACTOR = 16,
    SPARE_MAX = 256,
    KEPT_REQUEST_BODY = 64 << 10,
};

static struct exchange *take_spare(struct loop *loop)
{
    struct exchange *exchange = loop->spare;
    if (!exchange) return memory_zalloc(sizeof *exchange);
    loop->spare = exchange->next;
    loop->spare_count--;
    exchange->next = NULL;
    return exchange;
}

/* Splits the target; of an absolute one (sent to proxies, RFC 9112 section 3.2.2) only the path counts. */
static void set_target(struct exchange *exchange, const char *uri)
{
    char *path = arena_strdup(&exchange->memory, uri);
    char *query = strchr(path, '?');
    if (query) *query++ = 0;
    size_t scheme = !strncasecmp(path, "http://", 7) ? 7 : !strncasecmp(path, "https://", 8) ? 8 : 0;
    if (scheme) {
        path = strchr(path + scheme, '/');
        exchange->request.path = path ? path : "/";
    } else {
        exchange->request.path = path;
    }
    exchange->request.query = query ? query : "";
}

struct exchange *exchange_begin(struct connection *connection, const char *uri)
{
    struct loop *loop = connection->loop;
    struct exchange *exchange = take_spare(loop);
    exchange->connection = connection;
    exchange->stage = STAGE_HEAD;
    exchange->refusal = exchange->result = ERR_OK;
    exchange->authenticate = exchange->head_too_large = exchange->close = false;
    exchange->body_seen = 0;
    exchange->started_us = exchange->started_ns = 0;
    exchange->sending = 0;
    exchange->status = 0;
    exchange->match.dialect = NULL;
    exchange->match.route = NULL;
    exchange->request = (struct request){ .method = METHOD_OTHER,
                                          .body = "",
                                          .secure = loop->server->tls != NULL,
                                          .client = connection->client,
                                          .connection = connection->mhd };
    request_id_next(&loop->request_ids, exchange->request.id);
    set_target(exchange, uri);
    exchange->early = !atomic_load(&loop->server->open); /* first: who is not early has a directory */
    exchange->op.directory = atomic_load(&loop->server->directory);
    exchange->op.caller = (struct caller){ .organization_id = 0 };
    exchange->op.now = 0;
    exchange->op.at_least = 0;
    exchange->op.looked = exchange->op.stale = false;
    exchange->op.request_id = exchange->request.id;
    exchange->op.may_block = false;
    exchange->op.async = NULL;
    exchange->task = NULL;
    failure_clear(&exchange->op.failure);
    exchange->response.body.max = (size_t)loop->server->options.response_limit_mib << 20;
    exchange_reset_response(exchange);
    return exchange;
}

void exchange_find_route(struct exchange *exchange)
{
    route_find(server_of(exchange)->options.dialects, &exchange->memory, &exchange->request, &exchange->match);
}

/* The request is complete. */
static enum MHD_Result dispatch(struct exchange *exchange)
{
    struct op *op = &exchange->op;
    struct request *request = &exchange->request;
    exchange->result = exchange->authenticate ? ERR_OK : exchange->refusal;
    if (exchange->result) return exchange_answer(exchange);
    if (!request->route) {
        response_add_header(&exchange->response, "Allow", exchange->match.allow);
        return exchange_answer(exchange);
    }
    if (exchange->body.size) {
        request->body = buf_cstr(&exchange->body);
        request->body_size = exchange->body.size;
    }
    if (!exchange->authenticate) {
        exchange->result = request_parse_query(&op->failure, &exchange->memory, request);
        if (exchange->result) return exchange_answer(exchange);
        if (request->route->flags & ROUTE_WRITES) {
            exchange_begin_write(exchange);
            return MHD_YES;
        }
        exchange->result = request->route->run(op, request, &exchange->response);
        if (exchange->result != ERR_DEFERRED) return exchange_answer(exchange);
    }
    exchange_defer(exchange);
    return MHD_YES;
}

static enum MHD_Result take_head(struct exchange *exchange, const char *method, const char *version)
{
    struct connection *connection = exchange->connection;
    struct server *server = connection->loop->server;
    struct request *request = &exchange->request;
    struct head head;
    exchange->started_us = exchange->op.now = clock_now();
    exchange->started_ns = clock_monotonic_ns();
    request->method = head_method(method);
    head_read(connection->mhd, request, method, version, &head);
    request->authorization = head.authorization;
    request->content_type = head.content_type;
    exchange_find_route(exchange);
    exchange->has_body = head.chunked || head.body_size;
    exchange->refusal = admit_head(exchange, &head);
    if (!exchange->close && !exchange->has_body) {
        exchange->stage = STAGE_BODY;
        return MHD_YES;
    }

    int64_t limit = read_setting(&server->tunables.body_limit);
    connection_enter(connection, PHASE_BODY, read_setting(&server->tunables.body_timeout_ns));
    if (head.body_size > (uint64_t)limit) exchange->refusal = admit_large_body(exchange, limit);
    if (exchange->close || head.body_size / READ_AND_DROP_FACTOR > (uint64_t)limit) {
        exchange->close = true;
        exchange->result = exchange->refusal;
        return exchange_answer(exchange);
    }
    exchange->stage = STAGE_BODY;
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *exchange, const char *upload, size_t size)
{
    int64_t limit = read_setting(&server_of(exchange)->tunables.body_limit);
    exchange->body_seen += size;
    if (exchange->body_seen > (uint64_t)limit) {
        exchange->refusal = admit_large_body(exchange, limit);
        buf_free(&exchange->body);
        if (exchange->body_seen / READ_AND_DROP_FACTOR <= (uint64_t)limit) return MHD_YES;
        exchange_write_error(exchange->connection, exchange->refusal, "");
        return MHD_NO;
    }
    if (exchange->refusal || !exchange->request.route || !(exchange->request.route->flags & ROUTE_BODY)) return MHD_YES;
    exchange->body.max = (size_t)limit + 1; /* and the zero that ends it */
    buf_add(&exchange->body, upload, size);
    return MHD_YES;
}

enum MHD_Result exchange_step(struct exchange *exchange, const char *method, const char *version, const char *upload,
                              size_t *upload_size)
{
    size_t size = *upload_size;
    switch (exchange->stage) {
    case STAGE_HEAD:
        return take_head(exchange, method, version);
    case STAGE_BODY:
        if (!size) return dispatch(exchange);
        *upload_size = 0;
        return take_body(exchange, upload, size);
    case STAGE_WORKING:
        return exchange_answer(exchange);
    case STAGE_ANSWERED:
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_NO;
}

/* Refused by the library itself, with its own words. */
static void take_library_status(struct exchange *exchange)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(exchange->connection->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    if (!info || info->http_status < 400) return;
    exchange->status = (int)info->http_status;
    exchange->result = info->http_status == 413 || info->http_status == 431 ? ERR_TOO_LARGE : ERR_INVALID;
    exchange->connection->unread = true;
    metrics_count_refused("bad_request");
}

void exchange_end(struct exchange *exchange, enum MHD_RequestTerminationCode code)
{
    struct loop *loop = exchange->connection->loop;
    if (!exchange->status && code == MHD_REQUEST_TERMINATED_WITH_ERROR) take_library_status(exchange);
    if (code == MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN && exchange->stage != STAGE_HEAD) loop->cut_off++;
    if (exchange->started_ns && !exchange->status) exchange->status = STATUS_CLIENT_GONE; /* the number nginx made known */
    if (exchange->status) {
        int64_t taken_ns = exchange->started_ns ? clock_monotonic_ns() - exchange->started_ns : 0;
        if (exchange->started_ns) metrics_count(&exchange->match, exchange->request.method, exchange->status, taken_ns);
        if (atomic_load_explicit(&loop->server->tunables.request_log, memory_order_relaxed)) {
            request_log_write(loop, exchange, taken_ns / 1000);
        }
    }
    exchange_reset_response(exchange);
    if (exchange->sending) exchange_end_sending(exchange);
    arena_reset(&exchange->memory);
    arena_reset(&exchange->op.arena);
    buf_reset(&exchange->body);
    if (exchange->body.capacity > KEPT_REQUEST_BODY) buf_free(&exchange->body);
    if (loop->spare_count == SPARE_MAX) {
        exchange_free(exchange);
        return;
    }
    exchange->next = loop->spare;
    loop->spare = exchange;
    loop->spare_count++;
}

void exchange_free(struct exchange *exchange)
{
    arena_free(&exchange->memory);
    arena_free(&exchange->op.arena);
    buf_free(&exchange->body);
    buf_free(&exchange->response.body);
    free(exchange);
}
