/* metrics.h — what net/ counts, and a place where others hang their gauges; printed in Prometheus' text format 0.0.4. */
#ifndef ROSTER_NET_METRICS_H
#define ROSTER_NET_METRICS_H

#include "base/buf.h"
#include "net/route.h"

#include <stdint.h>

/* Appends roster_http_requests_total{api,route,method,status}, roster_http_request_seconds (histogram by api and route; buckets
 * 50us 100us 250us 500us 1ms 2.5ms 5ms 10ms 25ms 100ms 1s 10s), roster_http_connections, roster_http_sending_bytes,
 * roster_http_refused_total{reason}, process_resident_memory_bytes, roster_build_info{version}, then what the gauges add. */
void metrics_write(struct buf *out);

/* Called by metrics_write; appends complete lines with # HELP and # TYPE. At most 8; called once at start each. */
typedef void (*metrics_gauge)(void *context, struct buf *out);
void metrics_add_gauge(metrics_gauge gauge, void *context);
void metrics_remove_gauges(void);

/* Counts one finished request (lock-free, per-thread counters summed when printing). */
void metrics_count(const struct route_match *match, enum method method, int status, int64_t nanoseconds);

/* A request or connection refused before it had a route: "head_timeout", "body_timeout", "bad_request" ... (static text) */
void metrics_count_refused(const char *reason);

void metrics_connections(int change); /* +1 or -1 */
void metrics_sending(int64_t change); /* bytes of large answers that are being sent: more, or less */

/* One gauge or counter line group; `kind` is "gauge" or "counter". */
void metrics_add_value(struct buf *out, const char *name, const char *kind, const char *help, double value);

#endif
