/* head.h — reading a request's head strictly, for net/ only. */
#ifndef ROSTER_NET_HEAD_H
#define ROSTER_NET_HEAD_H

#include "net/http.h"

#include <microhttpd.h>

struct head {
    const char *complaint; /* what is wrong with it, or NULL; static */
    const char *host, *authorization, *content_type, *content_length, *transfer_encoding;
    uint64_t body_size; /* by Content-Length */
    bool chunked;
};

/* Looks at every header once. */
void head_read(struct MHD_Connection *connection, const struct request *request, const char *version, struct head *ret_head);

enum method head_method(const char *name);

#endif
