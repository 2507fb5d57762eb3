/* answer.h — from a struct response to what the HTTP library sends; for net/ only. */
#ifndef ROSTER_NET_ANSWER_H
#define ROSTER_NET_ANSWER_H

#include "net/route.h"

struct MHD_Response;

/* The library's object for `response`, with the headers of `dialect` (may be NULL) first. The body is borrowed: it must stay
 * until the answer was sent. `close` adds Connection: close. Never NULL. */
struct MHD_Response *answer_new(const struct dialect *dialect, const struct response *response, bool close);

/* What a prepared answer sends; borrowed. */
struct MHD_Response *answer_of_prepared(const struct prepared *prepared, int *ret_status);

/* The same as text, from status line to body, closing the connection: for when the library takes no answer from us. */
void answer_write(struct buf *out, const struct dialect *dialect, const struct response *response);

#endif
