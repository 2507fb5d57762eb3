/* request_log.h — one line for each request, for net/ only. Never path, query or secrets. */
#ifndef ROSTER_NET_REQUEST_LOG_H
#define ROSTER_NET_REQUEST_LOG_H

#include "net/exchange.h"

void request_log_write(struct loop *loop, const struct exchange *exchange, int64_t taken_us);

#endif
