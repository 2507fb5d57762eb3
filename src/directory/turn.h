/* turn.h — whose turn it is to write to an organization: a lock that can be waited for without keeping a thread.
 *
 * Writes of one organization go one after the other, and each waits for the disk. Were threads to wait for a mutex, one busy
 * organization would take all workers and stop the writes of all others; so a write that is not next is queued, and started by
 * the one before it. Threads of the background (and commands) wait as for a mutex; they and the queue take turns. */
#ifndef ROSTER_DIRECTORY_TURN_H
#define ROSTER_DIRECTORY_TURN_H

#include "model/op.h"

#include <pthread.h>
#include <stdbool.h>

/* A write that waits for its turn. */
struct turn_waiting {
    struct turn_waiting *next;
    struct op *op;
    void (*start)(struct op *op); /* run through op->async->again when its turn has come */
};

struct turn {
    pthread_mutex_t mutex;
    pthread_cond_t given;
    bool taken;
    int threads; /* that wait */
    struct turn_waiting *first, *last;
};

void turn_init(struct turn *turn);
void turn_destroy(struct turn *turn);

/* Waits for the turn. */
void turn_take(struct turn *turn);

/* Waits for at most so long, or not at all; false if somebody else has it then. */
bool turn_take_within(struct turn *turn, int64_t milliseconds);
bool turn_try(struct turn *turn);

/* True: it is ours now. False: `waiting` is queued, its `start` will be run with the turn taken for it. */
bool turn_take_or_queue(struct turn *turn, struct turn_waiting *waiting);

/* Gives it to the next. `by_thread`: it was taken by one of the first three. */
void turn_give(struct turn *turn, bool by_thread);

#endif
