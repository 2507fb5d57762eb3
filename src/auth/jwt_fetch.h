/* jwt_fetch.h — one document by HTTP, by libcurl; the only file that knows it. */
#ifndef ROSTER_AUTH_JWT_FETCH_H
#define ROSTER_AUTH_JWT_FETCH_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum { JWT_FETCH_CONNECT_MS = 2000, JWT_FETCH_WHOLE_MS = 5000, JWT_FETCH_REDIRECTS_MAX = 3 };

/* Is it an http or https URL? */
bool jwt_fetch_is_url(const char *text);
bool jwt_fetch_is_https(const char *text);

/* Gets the document behind an http or https URL; waits up to `timeout_ms`, with all redirects, and JWT_FETCH_CONNECT_MS for a
 * connection. (A name server that does not answer can hold longer: libcurl waits for the system's resolver.) Redirects are
 * followed, never from https to http nor to anything else; a certificate must be good, against `ca_file` or the system's (NULL).
 * ERR_INVALID with the reason in words, without the URL: also for any status but 200 and for more bytes than ret_body->max. */
MUST_USE enum err jwt_fetch(struct failure *failure, const char *url, const char *ca_file, int64_t timeout_ms,
                            struct buf *ret_body);

#endif
