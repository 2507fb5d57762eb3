/* admit.c — the checks between a request's head and its handler. */
#include "net/admit.h"

#include "net/media_type.h"

#include <string.h>

static enum err check_rights(struct exchange *exchange)
{
    const struct caller *caller = &exchange->op.caller;
    unsigned rights = exchange->request.route->rights;
    if (caller->system || (caller->rights & rights) == rights) return ERR_OK;
    return op_fail(&exchange->op, ERR_FORBIDDEN, "", "this credential does not have the right to do this");
}

/* A caller known by a token of an identity provider has no credential. */
static int64_t limiter_key(const struct caller *caller)
{
    return caller->credential_id ? caller->credential_id : -caller->user_id;
}

static enum err check_rate(struct exchange *exchange)
{
    struct server *server = server_of(exchange);
    struct op *op = &exchange->op;
    int64_t wait_s = limiter_take(&server->limiter, limiter_key(&op->caller), read_setting(&server->tunables.rate_limit),
                                  read_setting(&server->tunables.rate_period_s), op->now);
    if (!wait_s) return ERR_OK;
    op->retry_after_s = wait_s;
    return op_fail(op, ERR_RATE, "", "too many requests, try again in %lld seconds", (long long)wait_s);
}

/* "application/json, text/json" */
static const char *list_types(struct arena *arena, const char *const *types)
{
    const char *text = *types;
    for (types++; *types; types++) text = arena_printf(arena, "%s, %s", text, *types);
    return text;
}

/* What was sent is not repeated: it need not be UTF-8. */
static enum err check_media_type(struct exchange *exchange)
{
    const char *const *types = exchange->match.dialect->body_types;
    const char *given = exchange->request.content_type;
    if (!exchange->has_body || !types || !(exchange->request.route->flags & ROUTE_BODY)) return ERR_OK;
    if (media_type_is_listed(given, types)) return ERR_OK;
    return op_fail(&exchange->op, ERR_MEDIA_TYPE, "Content-Type", "the body has %s; what is read here is %s",
                   given ? "a Content-Type that is not read" : "no Content-Type", list_types(&exchange->memory, types));
}

enum err admit_caller(struct exchange *exchange)
{
    enum err e = ERR_OK;
    if (!(exchange->request.route->flags & ROUTE_PUBLIC)) {
        e = exchange->match.dialect->authenticate(&exchange->op, &exchange->request);
        if (!e) e = check_rate(exchange);
        if (!e) e = check_rights(exchange);
    }
    return e ? e : check_media_type(exchange);
}

/* A row without a caller looks at nobody's organization: to let a stranger wait for one would tell its version. */
static enum err read_at_least(struct exchange *exchange, const struct head *head)
{
    struct op *op = &exchange->op;
    if (head->at_least_repeated) return op_fail(op, ERR_INVALID, "Roster-At-Least", "Roster-At-Least was sent twice");
    size_t size = strlen(head->at_least);
    while (size && (head->at_least[size - 1] == ' ' || head->at_least[size - 1] == '\t')) size--; /* RFC 9110 section 5.5 */
    const char *text = arena_strndup(&exchange->memory, head->at_least, size);
    enum err e = parameter_read_number(&op->failure, "Roster-At-Least", text, 0, INT64_MAX, &op->at_least);
    if (!e && exchange->request.route->flags & ROUTE_PUBLIC) op->at_least = 0;
    return e;
}

enum err admit_head(struct exchange *exchange, const struct head *head)
{
    struct op *op = &exchange->op;
    int64_t limit_kib = server_of(exchange)->options.head_limit_kib;
    if ((int64_t)head->size > limit_kib << 10) {
        exchange->head_too_large = exchange->close = true;
        return op_fail(op, ERR_TOO_LARGE, "head", "the request's head is larger than %lld KiB", (long long)limit_kib);
    }
    if (head->complaint) {
        exchange->close = true;
        metrics_count_refused("bad_request");
        return op_fail(op, ERR_INVALID, "", "%s", head->complaint);
    }
    switch (exchange->match.result) {
    case ERR_OK:
        break;
    case ERR_NO_ROUTE:
        return op_fail(op, ERR_NO_ROUTE, "", "there is no such endpoint");
    case ERR_METHOD:
        return op_fail(op, ERR_METHOD, "", "this endpoint knows only %s", exchange->match.allow);
    default:
        return op_fail(op, ERR_INVALID, "path", "the path has a malformed escape");
    }
    if (!exchange->match.route) return ERR_OK;
    if (exchange->early && !(exchange->match.route->flags & ROUTE_EARLY))
        return op_fail(op, ERR_BUSY, "database", "this node has just been started and waits for the database");
    enum err e = head->at_least ? read_at_least(exchange, head) : ERR_OK;
    if (!e) e = admit_caller(exchange);
    if (e != ERR_DEFERRED) return e;
    failure_clear(&op->failure);
    exchange->authenticate = true;
    return ERR_OK;
}

enum err admit_large_body(struct exchange *exchange, int64_t limit)
{
    if (exchange->refusal) return exchange->refusal;
    return op_fail(&exchange->op, ERR_TOO_LARGE, "", "the request's body is larger than %lld KiB", (long long)limit >> 10);
}
