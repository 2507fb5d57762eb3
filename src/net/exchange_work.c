/* exchange_work.c — the part of a request that may take longer than a moment: by a worker, or by the steps of a write. */
#include "net/exchange_parts.h"

#include "base/clock.h"
#include "net/admit.h"

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

void exchange_defer(struct exchange *exchange)
{
    begin_work(exchange);
    queue_work(exchange);
}

static struct exchange *exchange_of(struct op *op)
{
    return (struct exchange *)((char *)op - offsetof(struct exchange, op));
}

/* The row's answer to a write that is done, on a thread that may block. */
static void finish_on_worker(struct op *op)
{
    struct exchange *exchange = exchange_of(op);
    exchange_reset_response(exchange);
    failure_clear(&op->failure);
    exchange->result = exchange->request.route->finish(op, &exchange->request, &exchange->response);
    workers_resume(&server_of(exchange)->workers, exchange);
}

static void step_finished(struct op *op, enum err result)
{
    struct exchange *exchange = exchange_of(op);
    const struct route *route = exchange->request.route;
    if (result == ERR_DEFERRED) { /* a disk is needed before the write can begin; or what had to be waited for is done */
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

static void step_again(struct op *op, void (*task)(struct op *op))
{
    struct exchange *exchange = exchange_of(op);
    exchange->task = task;
    workers_go_on(&server_of(exchange)->workers, exchange);
}

static const struct op_async step_async = { .finished = step_finished, .again = step_again };

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
    exchange_reset_response(exchange);
    op->now = clock_now();
    op->looked = op->stale = false;
    op->may_block = true;
    op->async = &step_async;
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

void exchange_begin_write(struct exchange *exchange)
{
    struct op *op = &exchange->op;
    begin_work(exchange);
    op->async = &step_async;
    enum err e = exchange->request.route->run(op, &exchange->request, &exchange->response);
    if (e == ERR_PENDING) return; /* the exchange may be somebody else's already */
    exchange->result = e;
    if (e == ERR_DEFERRED) queue_work(exchange);
    else workers_resume(&server_of(exchange)->workers, exchange);
}
