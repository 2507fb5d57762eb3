/* worker.h — threads that may wait for disk and network, and the queue before them; for net/ only. */
#ifndef ROSTER_NET_WORKER_H
#define ROSTER_NET_WORKER_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct exchange;

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct exchange *first, *last;
    size_t waiting, limit;
    bool ending;
    size_t count;
    pthread_t *threads;
};

MUST_USE enum err workers_start(struct failure *failure, struct workers *workers, size_t count, size_t limit);

/* Suspends the exchange's connection and queues it; false, with nothing done, if the queue is full. */
bool workers_take(struct workers *workers, struct exchange *exchange);

void workers_set_limit(struct workers *workers, size_t limit);

/* Answers what still waits with ERR_BUSY, waits for what runs, ends the threads. workers_take then refuses. */
void workers_stop(struct workers *workers);

/* After workers_stop, when nobody calls workers_take any more. Accepts one that is all zeroes. */
void workers_free(struct workers *workers);

#endif
