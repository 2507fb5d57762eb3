/* admit.h — whether a request may have its handler, for net/ only. Each failure is in exchange->op. */
#ifndef ROSTER_NET_ADMIT_H
#define ROSTER_NET_ADMIT_H

#include "net/exchange.h"
#include "net/head.h"

/* Everything that can be known from the head alone, in the order in which errors go before each other: the size of the head, its
 * form, the route, Roster-At-Least, and admit_caller. If the caller cannot be found without waiting, exchange->authenticate is
 * set and admit_caller must be called where it may block. */
MUST_USE enum err admit_head(struct exchange *exchange, const struct head *head);

/* Who asks, the caller's rate, the caller's rights, and the content type of the body that is coming. ERR_DEFERRED where the first
 * would wait. */
MUST_USE enum err admit_caller(struct exchange *exchange);

/* Refuses a body over `limit` bytes, unless the request is refused for something else already; returns the refusal. */
MUST_USE enum err admit_large_body(struct exchange *exchange, int64_t limit);

#endif
