/* log.h — diagnostics on standard error, as text or JSON lines.
 *
 * Only main, cmd/, the server loops and background jobs log, and auth/ why a token is refused; everything else returns its
 * failure. No secret, no body and no query string is ever logged. Thread-safe: one write(2) per line. */
#ifndef ROSTER_BASE_LOG_H
#define ROSTER_BASE_LOG_H

#include "base/buf.h"
#include "base/err.h"

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* May be called again while others log (SIGHUP). */
void log_configure(enum log_format format, enum log_level level);
bool log_enabled(enum log_level level);
enum log_format log_format(void);

/* `2026-11-22T10:00:00.123456Z warn  text` or {"time":..,"level":..,"message":..} */
PRINTF_LIKE(1, 2) void log_error(const char *format, ...);
PRINTF_LIKE(1, 2) void log_warn(const char *format, ...);
PRINTF_LIKE(1, 2) void log_info(const char *format, ...);
PRINTF_LIKE(1, 2) void log_debug(const char *format, ...);

/* Writes one line made elsewhere (the request log). Lines are collected per thread up to 64 KiB and written when
 * full or by log_flush(), which a background thread of net/ calls twice a second and before exit: a write(2) per
 * request would cost more than the request. A thread's lines stay in order. */
void log_line(const char *line, size_t size);
void log_flush(void);

#endif
