/* clock.h — time is microseconds since 1970-01-01T00:00:00Z, UTC, in an int64_t; 0 means "not set".
 *
 * Accepted range: years 1900 to 9999. */
#ifndef ROSTER_BASE_CLOCK_H
#define ROSTER_BASE_CLOCK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The wall clock. */
int64_t clock_now(void);

/* A clock for measuring durations, in nanoseconds; never goes back. */
int64_t clock_monotonic_ns(void);

/* The same from the kernel's last tick (about 4 ms old at most, a few ns to read). */
int64_t clock_coarse_ns(void);

/* A time of the same clock, or the one `milliseconds` from now, for pthread_cond_clockwait(..., CLOCK_MONOTONIC, ...): somebody
 * may set the wall clock, which pthread_cond_timedwait looks at. */
struct timespec clock_timespec(int64_t monotonic_ns);
struct timespec clock_after_ms(int64_t milliseconds);

/* Longest text clock_format writes, with the terminating zero. */
enum { CLOCK_TEXT_SIZE = 32 };

/* Writes `2026-03-10T09:32:07.03552Z`: as many fraction digits as needed, trailing zeros trimmed, no dot when
 * the fraction is 0 (java.time ISO_OFFSET_DATE_TIME; bold.md 1.5). Returns the length; adds a zero byte. */
size_t clock_format(char out[CLOCK_TEXT_SIZE], int64_t time_us);

/* Appends the same in quotes. */
void clock_add_json(struct buf *out, int64_t time_us);

/* Appends it in quotes with exactly three fraction digits, later ones cut off: `"2026-03-10T09:32:07.035Z"`. */
void clock_add_json_milliseconds(struct buf *out, int64_t time_us);

/* Reads ISO 8601: date, `T` or `t`, hours:minutes:seconds, optional fraction of 1 to 9 digits (cut to
 * microseconds), then `Z`, `z` or +hh:mm / -hh:mm / +hhmm / +hh. Checks every field's range (leap years; second 60
 * is refused). False if malformed; then *ret_us is not written. */
bool clock_parse(const char *text, size_t size, int64_t *ret_us);

/* Reads `90d`, `12h`, `30m`, `45s`, `2w` into microseconds (positive, at most 100 years); false if malformed. */
bool clock_parse_duration(const char *text, int64_t *ret_us);

#endif
