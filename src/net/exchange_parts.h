/* exchange_parts.h — what the files of an exchange share: exchange.c, exchange_work.c, exchange_answer.c. Private to them. */
#ifndef ROSTER_NET_EXCHANGE_PARTS_H
#define ROSTER_NET_EXCHANGE_PARTS_H

#include "net/exchange.h"

/* --- exchange.c --- */

/* Fills exchange->match and what it says in exchange->request. */
void exchange_find_route(struct exchange *exchange);

/* --- exchange_work.c --- */

/* Suspends the connection; a worker runs the handler from its start. */
void exchange_defer(struct exchange *exchange);

/* A write's first step, the rule, is done at once; then the store goes on with it. Only what would wait goes to a worker. The
 * connection is suspended; the exchange may be somebody else's when it returns. */
void exchange_begin_write(struct exchange *exchange);

/* --- exchange_answer.c --- */

/* Empty and with status 200, as a handler finds it. */
void exchange_reset_response(struct exchange *exchange);

/* Makes the answer of exchange->result and exchange->response and queues it in the library. */
enum MHD_Result exchange_answer(struct exchange *exchange);

/* What was counted for the answer in server->sending is no longer: it was sent. */
void exchange_end_sending(struct exchange *exchange);

#endif
