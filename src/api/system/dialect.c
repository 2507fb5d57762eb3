#include "api/system/system.h"
#include "base/json.h"
#include "net/metrics.h"

/* The process answers: that is all a supervisor needs before it would restart it. */
static enum err get_health(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    buf_add_literal(&response->body, "{\"status\":\"ok\"}");
    return ERR_OK;
}

static void add_status(struct response *response, const char *status, const char *reason)
{
    buf_printf(&response->body, "{\"status\":\"%s\",\"reason\":\"%s\"}", status, reason);
}

/* May a load balancer send requests here? With the database away, too: a node that answers reads is better than none. An operator
 * who wants otherwise asks strictly. One that has just been started has nothing to answer with. */
static enum err get_ready(struct op *op, const struct request *request, struct response *response)
{
    int64_t strict = 0;
    enum err e = parameter_read_number(&op->failure, "strict", request_parameter(request, "strict"), 0, 1, &strict);
    if (e) return e;
    if (!op->directory) {
        response->status = 503;
        add_status(response, "starting", "the database does not answer yet: nothing is in memory");
    } else if (directory_stale(op->directory)) {
        response->status = strict ? 503 : 200;
        add_status(response, "degraded", "the database does not answer: reads are answered from memory, writes are refused");
    } else {
        buf_add_literal(&response->body, "{\"status\":\"ready\"}");
    }
    return ERR_OK;
}

static enum err get_metrics(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(&response->body);
    return ERR_OK;
}

// clang-format off
static const struct route routes[] = {
    { METHOD_GET, "/healthz", 0, ROUTE_PUBLIC | ROUTE_EARLY, get_health,  NULL },
    { METHOD_GET, "/readyz",  0, ROUTE_PUBLIC | ROUTE_EARLY, get_ready,   NULL },
    { METHOD_GET, "/metrics", 0, ROUTE_PUBLIC | ROUTE_EARLY, get_metrics, NULL },
    { 0 },
};

static const struct header headers[] = {
    { "X-Content-Type-Options", "nosniff" },
    { "Cache-Control",          "no-store" },
    { NULL, NULL },
};

static const struct {
    int status;
    const char *code;
} wordings[] = {
    [ERR_OK]              = { 500, "InternalError" },
    [ERR_INVALID]         = { 400, "InvalidInput" },
    [ERR_UNAUTHENTICATED] = { 401, "Unauthorized" },
    [ERR_FORBIDDEN]       = { 403, "Forbidden" },
    [ERR_NOT_FOUND]       = { 404, "NotFound" },
    [ERR_NO_ROUTE]        = { 404, "NotFound" },
    [ERR_METHOD]          = { 405, "MethodNotAllowed" },
    [ERR_EXISTS]          = { 409, "Conflict" },
    [ERR_STALE]           = { 503, "Unavailable" },
    [ERR_TOO_LARGE]       = { 413, "PayloadTooLarge" },
    [ERR_RATE]            = { 429, "TooManyRequests" },
    [ERR_TIMEOUT]         = { 408, "RequestTimeout" },
    [ERR_BUSY]            = { 503, "Unavailable" },
    [ERR_STORAGE]         = { 503, "Unavailable" },
    [ERR_UNKNOWN_OUTCOME] = { 503, "UnknownOutcome" },
    [ERR_DEFERRED]        = { 500, "InternalError" },
    [ERR_PENDING]         = { 500, "InternalError" },
    [ERR_MEDIA_TYPE]      = { 415, "UnsupportedMediaType" },
};
_Static_assert(sizeof wordings / sizeof *wordings == ERR_COUNT, "every error needs a wording");
// clang-format on

/* A path of no API: the sender meant one of them, so the body has the members that most clients look for. */
static void write_error(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    response->status = wordings[op->failure.code].status;
    struct buf *out = &response->body;
    for (int i = 0; i < 2; i++) {
        buf_add_text(out, i == 0 ? "{\"message\":" : ",\"errorMessage\":");
        json_add_string(out, op->failure.text);
        buf_add_text(out, i == 0 ? ",\"code\":" : ",\"errorCode\":");
        json_add_string(out, wordings[op->failure.code].code);
    }
    buf_add_char(out, '}');
}

static enum err authenticate(struct op *op, const struct request *request)
{
    (void)request;
    return op_fail(op, ERR_UNAUTHENTICATED, "", "no credential is accepted here");
}

const struct dialect dialect_system = {
    .name = "system",
    .prefix = "/",
    .routes = routes,
    .headers = headers,
    .content_type = "application/json",
    .authenticate = authenticate,
    .write_error = write_error,
};
