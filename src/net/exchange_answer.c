/* exchange_answer.c — the end of a request: its answer, from what the handler made or from what went wrong. */
#include "net/exchange_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/answer.h"

#include <gnutls/gnutls.h>
#include <sys/socket.h>

enum { KEPT_RESPONSE_BODY = 256 << 10, STATUS_UNAVAILABLE = 503 };

void exchange_reset_response(struct exchange *exchange)
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

/* Lets the dialect word the failure. What net/ promises for some errors is added to it. */
static void word_error(struct exchange *exchange, enum err code)
{
    const struct dialect *dialect = exchange->match.dialect;
    struct response *response = &exchange->response;
    exchange_reset_response(exchange);
    (void)failure_set(&exchange->op.failure, code, "", "%s", err_text(code));
    if (dialect) dialect->write_error(&exchange->op, &exchange->request, response);
    else response->status = 404;
    if (code == ERR_METHOD) response_add_header(response, "Allow", exchange->match.allow);
    if (response->status == STATUS_UNAVAILABLE) response_add_header(response, "Retry-After", "1");
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

void exchange_end_sending(struct exchange *exchange)
{
    atomic_fetch_sub_explicit(&server_of(exchange)->sending, exchange->sending, memory_order_relaxed);
    metrics_sending(-exchange->sending);
    exchange->sending = 0;
}

/* Which state of the organization is shown, so that a client can ask another node for one that is no older. A row without a
 * caller tells nobody's. */
static void add_seen(struct exchange *exchange)
{
    const struct op *op = &exchange->op;
    if (!op->looked || !exchange->request.route || exchange->request.route->flags & ROUTE_PUBLIC) return;
    response_add_header(&exchange->response, "Roster-Version", number_text(op->version, exchange->version));
    if (op->stale) response_add_header(&exchange->response, "Roster-Stale", "true");
}

static void make_response(struct exchange *exchange)
{
    if (exchange->result == ERR_STORAGE || exchange->result == ERR_UNKNOWN_OUTCOME) log_storage_failure(exchange);
    if (exchange->result) word_error(exchange, exchange->result);
    if (exchange->response.body.overflow) answer_error(exchange, ERR_TOO_LARGE, "the answer is too large, ask for less at once");
    if (exchange->response.body.size > SENDING_UNCOUNTED && !count_sending(exchange))
        answer_error(exchange, ERR_BUSY, "too much is being sent to others, try again shortly");
    add_seen(exchange);
}

enum MHD_Result exchange_answer(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    struct server *server = connection->loop->server;
    make_response(exchange);
    bool close = exchange->close || atomic_load_explicit(&server->stopping, memory_order_relaxed);
    struct response *response = &exchange->response;
    const struct dialect *dialect = exchange->match.dialect;
    bool shared = response->prepared && !dialect->id_header && !response->extra_count;
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

/* --- past the library --- */

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
    if (!exchange->match.dialect) exchange_find_route(exchange);
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
