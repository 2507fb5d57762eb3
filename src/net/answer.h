/* answer.h — from a struct response to what the HTTP library sends; for net/ only. */
#ifndef ROSTER_NET_ANSWER_H
#define ROSTER_NET_ANSWER_H

#include "net/route.h"

struct MHD_Response;

/* The library's object for `response`, with the headers of `dialect` (may be NULL) first, `id` in the header the dialect has for
 * it. The body is borrowed: it must stay until the answer was sent. `close` adds Connection: close. Never NULL. */
struct MHD_Response *answer_new(const struct dialect *dialect, const char *id, const struct response *response, bool close);

/* What a prepared answer sends; borrowed. Only where the dialect has no header for the id and the response no extra ones. */
struct MHD_Response *answer_of_prepared(const struct prepared *prepared);
int prepared_status(const struct prepared *prepared);

/* The same as text, from status line to body, closing the connection: for when the library takes no answer from us. */
void answer_write(struct buf *out, const struct dialect *dialect, const char *id, const struct response *response);

#endif
