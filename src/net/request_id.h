/* request_id.h — the id of a request: the text of a version 4 UUID, for net/ only. */
#ifndef ROSTER_NET_REQUEST_ID_H
#define ROSTER_NET_REQUEST_ID_H

#include "net/http.h"

/* Where a loop's ids come from; both words start at random. One thread uses it. */
struct request_ids {
    uint64_t number; /* of the next request */
    uint64_t key;    /* keeps loops (and processes) apart should their numbers meet */
};

/* The next id: 36 characters and a zero. Ids of one source differ until 2^64 were made. */
void request_id_next(struct request_ids *ids, char out[REQUEST_ID_SIZE]);

#endif
