/* exchange.c — the life of a request.
 *
 * The library calls three times or more: once when the head is complete, once for each piece of the body, once when the request
 * is complete; and again after a worker had it. An answer given at the first call ends the connection (the library then reads no
 * body), so an error that is known by then waits for the last call, unless the connection cannot go on anyway.
 *
 * Invariants:
 * 1. connection->exchange is the exchange from its request line until exchange_end, which the library calls for every one.
 * 2. Between begin_work and the call after it only those who work on the exchange touch it.
 * 3. The answer's body is lent to the library until exchange_end, and counts in server->sending until then. */
#include "net/exchange.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/admit.h"
#include "net/answer.h"
#include "net/request_log.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* A body this many times over the limit is still read to its end, so that the client surely sees the answer. */
enum {
    STATUS_CLIENT_GONE = 499,
    READ_AND_DROP_FACTOR = 16,
    SPARE_MAX = 256,
    KEPT_REQUEST_BODY = 64 << 10,
    KEPT_RESPONSE_BODY = 256 << 10
};

static void reset_response(struct exchange *exchange)
{
    struct response *response = &exchange->response;
    response->status = 200;
    response->content_type = NULL;
    response->extra_count = 0;
    buf_reset(&response->body);
    if (response->body.capacity > KEPT_RESPONSE_BODY) buf_free(&response->body);
    if (response->prepared) prepared_drop(response->prepared);
    response->prepared = NULL;
}

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
    exchange->op.directory = loop->server->options.directory;
    exchange->op.caller = (struct caller){ .organization_id = 0 };
    exchange->op.now = 0;
    exchange->op.request_id = exchange->request.id;
    exchange->op.may_block = false;
    exchange->op.async = NULL;
    exchange->task = NULL;
    failure_clear(&exchange->op.failure);
    exchange->response.body.max = (size_t)loop->server->options.response_limit_mib << 20;
    reset_response(exchange);
    return exchange;
}

static void find_route(struct exchange *exchange)
{
    route_find(server_of(exchange)->options.dialects, &exchange->memory, &exchange->request, &exchange->match);
}

/* Lets the dialect word the failure. What net/ promises for some errors is added to it. */
static void word_error(struct exchange *exchange, enum err code)
{
    const struct dialect *dialect = exchange->match.dialect;
    struct response *response = &exchange->response;
    reset_response(exchange);
    (void)failure_set(&exchange->op.failure, code, "", "%s", err_text(code));
    if (dialect) dialect->write_error(&exchange->op, &exchange->request, response);
    else response->status = 404;
    if (code == ERR_METHOD) response_add_header(response, "Allow", exchange->match.allow);
    if (code == ERR_BUSY) response_add_header(response, "Retry-After", "1");
    if (code == ERR_RATE)
        response_add_header(response, "Retry-After",
                            arena_printf(&exchange->memory, "%lld", (long long)exchange->op.retry_after_s));
    if (exchange->head_too_large) response->status = 431;
}

/* The client gets no details of the database; the operator needs them. Once a second is enough to be told. */
static void log_storage_failure(const struct exchange *exchange)
{
    static _Atomic int64_t last_us;
    int64_t last = atomic_load(&last_us);
    if (exchange->op.now - last < 1000000 || !atomic_compare_exchange_strong(&last_us, &last, exchange->op.now)) return;
    log_error("request %s: %s", exchange->request.id, exchange->op.failure.text);
}

/* Another answer than what the handler made. */
static void answer_error(struct exchange *exchange, enum err code, const char *text)
{
    exchange->result = code;
    failure_clear(&exchange->op.failure);
    (void)failure_set(&exchange->op.failure, code, "", "%s", text);
    word_error(exchange, code);
}

/* Clients that read slowly or not at all hold what they are sent; together no more than the limit, unless it is a single answer.
 * A write's answer is counted but never refused: the change is made, and an error would say that it is not. */
static bool count_sending(struct exchange *exchange)
{
    struct server *server = server_of(exchange);
    int64_t size = (int64_t)exchange->response.body.capacity, limit = read_setting(&server->tunables.sending_limit);
    int64_t before = atomic_fetch_add_explicit(&server->sending, size, memory_order_relaxed);
    bool is_write = exchange->request.route && exchange->request.route->flags & ROUTE_WRITES;
    if (before && before + size > limit && !is_write) {
        atomic_fetch_sub_explicit(&server->sending, size, memory_order_relaxed);
        return false;
    }
    exchange->sending = size;
    metrics_sending(size);
    return true;
}

static void end_sending(struct exchange *exchange)
{
    atomic_fetch_sub_explicit(&server_of(exchange)->sending, exchange->sending, memory_order_relaxed);
    metrics_sending(-exchange->sending);
    exchange->sending = 0;
}

static void make_response(struct exchange *exchange)
{
    if (exchange->result == ERR_STORAGE || exchange->result == ERR_UNKNOWN_OUTCOME) log_storage_failure(exchange);
    if (exchange->result) word_error(exchange, exchange->result);
    if (exchange->response.body.overflow) answer_error(exchange, ERR_TOO_LARGE, "the answer is too large, ask for less at once");
    if (exchange->response.body.size > SENDING_UNCOUNTED && !count_sending(exchange))
        answer_error(exchange, ERR_BUSY, "too much is being sent to others, try again shortly");
}

static enum MHD_Result answer(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    struct server *server = connection->loop->server;
    make_response(exchange);
    bool close = exchange->close || atomic_load_explicit(&server->stopping, memory_order_relaxed);
    struct response *response = &exchange->response;
    const struct dialect *dialect = exchange->match.dialect;
    bool shared = response->prepared && !dialect->id_header;
    struct MHD_Response *message =
        shared ? answer_of_prepared(response->prepared) : answer_new(dialect, exchange->request.id, response, close);
    exchange->status = response->prepared ? prepared_status(response->prepared) : response->status;
    if (exchange->stage == STAGE_HEAD) connection->unread = true;
    exchange->stage = STAGE_ANSWERED;
    connection_enter(connection, PHASE_SENDING, read_setting(&server->tunables.send_timeout_ns));
    enum MHD_Result queued = MHD_queue_response(connection->mhd, (unsigned)exchange->status, message);
    if (!shared) MHD_destroy_response(message);
    return queued;
}

/* --- where it may take longer than a moment --- */

static void begin_work(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    exchange->stage = STAGE_WORKING;
    connection->phase = PHASE_WORKING;
    connection->deadline_ns = INT64_MAX;
    workers_begin(&server_of(exchange)->workers, exchange);
}

/* To a worker, which runs the handler from its start. */
static void queue_work(struct exchange *exchange)
{
    struct workers *workers = &server_of(exchange)->workers;
    failure_clear(&exchange->op.failure);
    if (workers_queue(workers, exchange)) return;
    exchange->result = op_fail(&exchange->op, ERR_BUSY, "", "too many requests are waiting, try again shortly");
    workers_resume(workers, exchange);
}

static struct exchange *exchange_of(struct op *op)
{
    return (struct exchange *)((char *)op - offsetof(struct exchange, op));
}

/* The row's answer to a write that is done, on a thread that may block. */
static void finish_on_worker(struct op *op)
{
    struct exchange *exchange = exchange_of(op);
    reset_response(exchange);
    failure_clear(&op->failure);
    exchange->result = exchange->request.route->finish(op, &exchange->request, &exchange->response);
    workers_resume(&server_of(exchange)->workers, exchange);
}

static void write_finished(struct op *op, enum err result)
{
    struct exchange *exchange = exchange_of(op);
    const struct route *route = exchange->request.route;
    if (result == ERR_DEFERRED) { /* it turned out that a disk is needed before the write can begin */
        queue_work(exchange);
        return;
    }
    op->may_block = false; /* this may be the store's thread */
    if (!result && route->finish) result = route->finish(op, &exchange->request, &exchange->response);
    if (result == ERR_DEFERRED) {
        op->async->again(op, finish_on_worker);
        return;
    }
    exchange->result = result;
    workers_resume(&server_of(exchange)->workers, exchange);
}

static void write_again(struct op *op, void (*task)(struct op *op))
{
    struct exchange *exchange = exchange_of(op);
    exchange->task = task;
    workers_go_on(&server_of(exchange)->workers, exchange);
}

static const struct op_async write_async = { .finished = write_finished, .again = write_again };

/* What could not be known from the head without waiting, and what comes behind it in the order of errors. */
static enum err admit_late(struct exchange *exchange)
{
    enum err e = admit_caller(exchange);
    if (e) return e;
    if (exchange->refusal) { /* the body was too large; its words are gone */
        exchange->refusal = ERR_OK;
        return admit_large_body(exchange, read_setting(&server_of(exchange)->tunables.body_limit));
    }
    return request_parse_query(&exchange->op.failure, &exchange->memory, &exchange->request);
}

bool exchange_work(struct exchange *exchange)
{
    struct op *op = &exchange->op;
    if (exchange->task) {
        void (*task)(struct op * op) = exchange->task;
        exchange->task = NULL;
        op->may_block = true;
        task(op);
        return false;
    }
    arena_reset(&op->arena);
    failure_clear(&op->failure);
    reset_response(exchange);
    op->now = clock_now();
    op->may_block = true;
    op->async = exchange->request.route->flags & ROUTE_WRITES ? &write_async : NULL;
    enum err e = ERR_OK;
    if (exchange->authenticate) {
        op->caller = (struct caller){ .organization_id = 0 };
        e = admit_late(exchange);
    }
    if (!e) e = exchange->request.route->run(op, &exchange->request, &exchange->response);
    if (e == ERR_PENDING) return false; /* the exchange may be gone already */
    if (e == ERR_DEFERRED) {
        failure_clear(&op->failure);
        e = op_fail(op, ERR_STORAGE, "", "the request was put off where it may not be");
    }
    exchange->result = e;
    return true;
}

/* A write's first step, the rule, is done at once; then the store goes on with it. Only what would wait goes to a worker. */
static void begin_write(struct exchange *exchange)
{
    struct op *op = &exchange->op;
    begin_work(exchange);
    op->async = &write_async;
    enum err e = exchange->request.route->run(op, &exchange->request, &exchange->response);
    if (e == ERR_PENDING) return; /* the exchange may be somebody else's already */
    exchange->result = e;
    if (e == ERR_DEFERRED) queue_work(exchange);
    else workers_resume(&server_of(exchange)->workers, exchange);
}

/* The request is complete. */
static enum MHD_Result dispatch(struct exchange *exchange)
{
    struct op *op = &exchange->op;
    struct request *request = &exchange->request;
    exchange->result = exchange->authenticate ? ERR_OK : exchange->refusal;
    if (exchange->result) return answer(exchange);
    if (!request->route) {
        response_add_header(&exchange->response, "Allow", exchange->match.allow);
        return answer(exchange);
    }
    if (exchange->body.size) {
        request->body = buf_cstr(&exchange->body);
        request->body_size = exchange->body.size;
    }
    if (!exchange->authenticate) {
        exchange->result = request_parse_query(&op->failure, &exchange->memory, request);
        if (exchange->result) return answer(exchange);
        if (request->route->flags & ROUTE_WRITES) {
            begin_write(exchange);
            return MHD_YES;
        }
        exchange->result = request->route->run(op, request, &exchange->response);
        if (exchange->result != ERR_DEFERRED) return answer(exchange);
    }
    begin_work(exchange);
    queue_work(exchange);
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
    find_route(exchange);
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
        return answer(exchange);
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
        return answer(exchange);
    case STAGE_ANSWERED:
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_NO;
}

static void send_at_once(struct connection *connection, const struct buf *text)
{
    if (!connection->loop->server->tls) {
        (void)!send(connection->fd, text->bytes, text->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info && connection->exchange) (void)!gnutls_record_send(info->tls_session, text->bytes, text->size);
}

void exchange_write_error(struct connection *connection, enum err code, const char *text)
{
    struct exchange *exchange = connection->exchange ? connection->exchange : exchange_begin(connection, "/");
    if (exchange->stage == STAGE_ANSWERED || exchange->stage == STAGE_WORKING) return;
    if (!exchange->op.now) exchange->op.now = clock_now(); /* the head is not complete: nobody has looked */
    if (!exchange->match.dialect) find_route(exchange);
    if (text[0]) {
        failure_clear(&exchange->op.failure);
        (void)failure_set(&exchange->op.failure, code, "", "%s", text);
    }
    exchange->result = code;
    word_error(exchange, code);
    struct buf message = BUF_INIT(1 << 20);
    answer_write(&message, exchange->match.dialect, exchange->request.id, &exchange->response);
    send_at_once(connection, &message);
    buf_free(&message);
    exchange->status = exchange->response.status;
    exchange->stage = STAGE_ANSWERED;
    connection->unread = true;
    if (!connection->exchange) exchange_end(exchange, MHD_REQUEST_TERMINATED_WITH_ERROR);
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
    reset_response(exchange);
    if (exchange->sending) end_sending(exchange);
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
