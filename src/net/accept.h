/* accept.h — what a client wants to be answered in, by its Accept header. */
#ifndef ROSTER_NET_ACCEPT_H
#define ROSTER_NET_ACCEPT_H

#include "net/http.h"

/* Is application/json among what the client accepts? That is CakePHP's rule (Http/ContentTypeNegotiation.php): of the types a
 * server offers the one with the highest weight is taken, and there JSON is the only one offered. So whatever else is accepted,
 * and however much more, does not count; only a weight of 0 (RFC 9110 section 12.4.2) says no. A wildcard is no wish for JSON.
 * Letter case and parameters other than q do not count. The header may come up to ACCEPT_HEADER_MAX times; false without it. */
bool request_prefers_json(const struct request *request);

/* The same for the value of one Accept header. */
bool accept_has_json(const char *header);

enum { ACCEPT_HEADER_MAX = 16 };

#endif
