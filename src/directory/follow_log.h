/* follow_log.h — what the log says of following: that it fails, why, and that it goes on; what holds it back. Each once, not each
 * time. The follower's own; not thread-safe. */
#ifndef ROSTER_DIRECTORY_FOLLOW_LOG_H
#define ROSTER_DIRECTORY_FOLLOW_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct follow_log {
    bool failed, held_back;
    char cause[256];    /* that was told last */
    int64_t told_at_ns; /* when */
};

/* After each round of following. `cause`: what the engine said; "" if nothing. A failure is told when it begins, and later only
 * if the cause is another one than was told last, at most every 30 s. `now_ns`: of the monotonic clock. */
void follow_log_result(struct follow_log *log, bool failed, const char *text, const char *cause, int64_t now_ns);

/* After each round that succeeded: for how long a transaction of somebody else has been holding back the store's cursor, and what
 * the store says of it. Told when it is more than a minute, and when it is over. */
void follow_log_held_back(struct follow_log *log, int64_t held_back_ms, const char *text);

#endif
