/* err.h — every way an operation can fail, in one list.
 *
 * To add an error: add a row here; the compiler then points at each table that must place it
 * (every dialect's errors.c has a static assertion on the number of rows). */
#ifndef ROSTER_BASE_ERR_H
#define ROSTER_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* name, text for logs and metrics */
#define ERR_LIST(X)                                                                                                              \
    X(OK, "ok")                                                                                                                  \
    X(INVALID, "the request is malformed or breaks a rule")                                                                      \
    X(UNAUTHENTICATED, "the caller is not known")                                                                                \
    X(FORBIDDEN, "the caller may not do this")                                                                                   \
    X(NOT_FOUND, "there is no such object")                                                                                      \
    X(NO_ROUTE, "there is no such endpoint")                                                                                     \
    X(METHOD, "the endpoint does not know this method")                                                                          \
    X(EXISTS, "another object has that name or number")                                                                          \
    X(STALE, "the object changed since it was read")                                                                             \
    X(TOO_LARGE, "the request is over a configured limit")                                                                       \
    X(RATE, "too many requests, wait")                                                                                           \
    X(TIMEOUT, "the request did not arrive in time")                                                                             \
    X(BUSY, "try again shortly")                                                                                                 \
    X(STORAGE, "the database failed")                                                                                            \
    X(UNKNOWN_OUTCOME, "the database was lost while committing")                                                                 \
    X(DEFERRED, "internal: run this again on a thread that may wait")                                                            \
    X(PENDING, "internal: begun, the end will be told")                                                                          \
    X(MEDIA_TYPE, "the body's content type is not one this endpoint reads")

enum err {
#define X(name, text) ERR_##name,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))

/* What went wrong, told to a person. Lives on the caller's stack or in an op. */
struct failure {
    enum err code;
    char field[48]; /* the member, parameter or kind of object at fault ("name", "group"); "" if none */
    char text[256]; /* one sentence for the caller, without secrets; no full stop */
};

/* Records the failure and returns `code`, so that a check is one statement:
 *     return failure_set(f, ERR_INVALID, "name", "name is empty");
 * The first failure is kept: it is the cause, later ones are consequences. Long texts are cut. */
PRINTF_LIKE(4, 5)
enum err failure_set(struct failure *failure, enum err code, const char *field, const char *format, ...);

/* Forgets what was recorded. */
void failure_clear(struct failure *failure);

/* Short lower-case name for logs and metrics ("not_found"); static. */
const char *err_name(enum err code);

/* The sentence of ERR_LIST; static. */
const char *err_text(enum err code);

#endif
