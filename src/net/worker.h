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
    size_t under_way; /* begun and not resumed yet: waiting, running, or between the steps of a write */
    bool ending;
    size_t count;
    pthread_t *threads;
};

MUST_USE enum err workers_start(struct failure *failure, struct workers *workers, size_t count, size_t limit);

/* Suspends the exchange's connection: from now on the exchange belongs to whoever works on it, until workers_resume. */
void workers_begin(struct workers *workers, struct exchange *exchange);

/* Queues an exchange that was begun; false if the queue is full. */
bool workers_queue(struct workers *workers, struct exchange *exchange);

/* Queues the next step of a write; never refused. Any thread. */
void workers_go_on(struct workers *workers, struct exchange *exchange);

/* The exchange is done: resumes its connection. Any thread; the exchange is the loop's from then on. */
void workers_resume(struct workers *workers, struct exchange *exchange);

void workers_set_limit(struct workers *workers, size_t limit);

/* Answers what has not begun with ERR_BUSY, waits for what is under way, ends the threads. workers_queue then refuses. */
void workers_stop(struct workers *workers);

/* After workers_stop, when nobody begins any more. Accepts one that is all zeroes. */
void workers_free(struct workers *workers);

#endif
