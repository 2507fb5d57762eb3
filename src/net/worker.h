/* worker.h — threads that may wait for disk and network, and the queues before them; for net/ only.
 *
 * Requests of rows marked ROUTE_COSTLY wait in a queue of their own, of at most COSTLY_QUEUE. A worker takes from it only if
 * nothing else waits, and at most a quarter of the workers, but at least one, have such a request at a time. So the others are
 * never behind them; only if there is a single worker, they wait until it has done the one it has. */
#ifndef ROSTER_NET_WORKER_H
#define ROSTER_NET_WORKER_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct exchange;

enum { COSTLY_QUEUE = 256, COSTLY_SHARE = 4 /* one worker of so many */ };

/* In the order in which they came. */
struct work_queue {
    struct exchange *first, *last;
    size_t waiting, limit;
};

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct work_queue ordinary, costly;
    size_t costly_running, costly_max; /* workers that do what is costly */
    size_t under_way;                  /* begun and not resumed yet: waiting, running, or between the steps of a write */
    bool ending;
    size_t count;
    pthread_t *threads;
};

/* `limit`: of the queue of what is not costly; of the other too if it is lower than COSTLY_QUEUE. */
MUST_USE enum err workers_start(struct failure *failure, struct workers *workers, size_t count, size_t limit);

/* Suspends the exchange's connection: from now on the exchange belongs to whoever works on it, until workers_resume. */
void workers_begin(struct workers *workers, struct exchange *exchange);

/* Queues an exchange that was begun; false if its queue is full. */
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
