/* follow_log.c — what the log says of following. */
#include "directory/follow_log.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum { CAUSE_EVERY_S = 30, HELD_BACK_S = 60 };

/* Of two causes that take turns not each is told: that would be a line for each attempt. */
static bool is_new(const struct follow_log *log, const char *cause, int64_t now_ns)
{
    return *cause && strcmp(cause, log->cause) != 0 && now_ns - log->told_at_ns >= CAUSE_EVERY_S * INT64_C(1000000000);
}

void follow_log_result(struct follow_log *log, bool failed, const char *text, const char *cause, int64_t now_ns)
{
    bool begins = failed && !log->failed, changes = failed && log->failed && is_new(log, cause, now_ns);
    if (begins) log_error("cannot follow the database: %s%s%s", text, *cause ? ": " : "", cause);
    if (changes) log_error("still cannot follow the database, but for another reason: %s: %s", text, cause);
    if (begins || changes) {
        snprintf(log->cause, sizeof log->cause, "%s", cause);
        log->told_at_ns = now_ns;
    }
    if (!failed && log->failed) log_info("following the database again");
    log->failed = failed;
}

void follow_log_held_back(struct follow_log *log, int64_t held_back_ms, const char *text)
{
    bool held_back = held_back_ms > HELD_BACK_S * 1000;
    if (held_back && !log->held_back)
        log_warn("following is held back for more than %d s: %s; end it, if nobody needs it", HELD_BACK_S, text);
    if (!held_back && log->held_back) log_info("following is not held back any more");
    log->held_back = held_back;
}
