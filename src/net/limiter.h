/* limiter.h — so many requests per caller and window of time, then 429 until the next window begins.
 *
 * Windows are fixed and aligned to the clock, as the vendors that document a limit have them (Tedee: 700 an hour). Counts are per
 * process and forgotten at a restart. Thread-safe. */
#ifndef ROSTER_NET_LIMITER_H
#define ROSTER_NET_LIMITER_H

#include <pthread.h>
#include <stdint.h>

enum { LIMITER_SHARDS = 16 };

struct limiter {
    struct limiter_shard {
        pthread_mutex_t mutex;
        int64_t window; /* number of the window that the counts are of */
        struct limiter_count {
            int64_t caller;
            int64_t requests; /* 0: free */
        } * counts;
        uint32_t used, capacity;
    } shards[LIMITER_SHARDS];
};

void limiter_init(struct limiter *limiter);
void limiter_free(struct limiter *limiter);

/* `caller`: who is counted, any number; the server gives the id of a credential or, negative, of a user without one. Counts one
 * request at `now_us` (wall clock). Returns 0 if it is within `limit` requests per `period_s` seconds, else the whole seconds
 * until the next window (at least 1). A limit of 0 allows everything and counts nothing. */
int64_t limiter_take(struct limiter *limiter, int64_t caller, int64_t limit, int64_t period_s, int64_t now_us);

#endif
