/* head.h — reading a request's head strictly, for net/ only. */
#ifndef ROSTER_NET_HEAD_H
#define ROSTER_NET_HEAD_H

#include "net/http.h"

#include <microhttpd.h>

struct head {
    const char *complaint; /* what is wrong with it, or NULL; static */
    const char *at_least;  /* Roster-At-Least, or NULL */
    bool at_least_repeated;
    const char *host, *authorization, *content_type, *content_length, *transfer_encoding;
    uint64_t body_size; /* by Content-Length */
    bool chunked;
    size_t size;          /* of the whole head, in bytes */
    const char *line_end; /* of the line read last, in the library's buffer */
};

/* Looks at every header once. `method` and `version` are what the library's access handler was given. */
void head_read(struct MHD_Connection *connection, const struct request *request, const char *method, const char *version,
               struct head *ret_head);

enum method head_method(const char *name);

#endif
