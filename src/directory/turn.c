#include "directory/turn.h"

#include "base/clock.h"

#include <errno.h>

void turn_init(struct turn *turn)
{
    *turn = (struct turn){ 0 };
    pthread_mutex_init(&turn->mutex, NULL);
    pthread_cond_init(&turn->given, NULL);
}

void turn_destroy(struct turn *turn)
{
    pthread_mutex_destroy(&turn->mutex);
    pthread_cond_destroy(&turn->given);
}

void turn_take(struct turn *turn)
{
    pthread_mutex_lock(&turn->mutex);
    turn->threads++;
    while (turn->taken) pthread_cond_wait(&turn->given, &turn->mutex);
    turn->threads--;
    turn->taken = true;
    pthread_mutex_unlock(&turn->mutex);
}

/* Whoever was called takes the turn, also if its time is just up: the call is not lost. */
bool turn_take_within(struct turn *turn, int64_t milliseconds)
{
    struct timespec until = clock_after_ms(milliseconds);
    pthread_mutex_lock(&turn->mutex);
    turn->threads++;
    bool late = milliseconds == 0;
    while (turn->taken && !late) late = pthread_cond_clockwait(&turn->given, &turn->mutex, CLOCK_MONOTONIC, &until) == ETIMEDOUT;
    turn->threads--;
    bool ours = !turn->taken;
    turn->taken = true;
    pthread_mutex_unlock(&turn->mutex);
    return ours;
}

bool turn_try(struct turn *turn)
{
    return turn_take_within(turn, 0);
}

bool turn_take_or_queue(struct turn *turn, struct turn_waiting *waiting)
{
    pthread_mutex_lock(&turn->mutex);
    bool ours = !turn->taken && !turn->threads; /* a thread that was called and is not awake yet goes first */
    if (ours) {
        turn->taken = true;
    } else {
        waiting->next = NULL;
        if (turn->last) turn->last->next = waiting;
        else turn->first = waiting;
        turn->last = waiting;
    }
    pthread_mutex_unlock(&turn->mutex);
    return ours;
}

void turn_give(struct turn *turn, bool by_thread)
{
    pthread_mutex_lock(&turn->mutex);
    struct turn_waiting *next = NULL;
    if (turn->first && (by_thread || !turn->threads)) {
        next = turn->first; /* it stays taken, for them */
        turn->first = next->next;
        if (!turn->first) turn->last = NULL;
    } else {
        turn->taken = false;
        pthread_cond_signal(&turn->given);
    }
    pthread_mutex_unlock(&turn->mutex);
    if (next) next->op->async->again(next->op, next->start);
}
