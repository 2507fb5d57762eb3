/* follow_log.c — what the log says of following. */
#include "directory/follow_log.h"

#include "base/log.h"

enum { HELD_BACK_S = 60 };

void follow_log_result(struct follow_log *log, bool failed, const char *text, const char *cause)
{
    if (failed && !log->failed) log_error("cannot follow the database: %s%s%s", text, *cause ? ": " : "", cause);
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
