/* capture.h — what a program writes to standard error goes to a temporary file, from begin_capture until the test takes it back.
 */
#ifndef ROSTER_TESTS_CAPTURE_H
#define ROSTER_TESTS_CAPTURE_H

#include <stdio.h>
#include <unistd.h>

static FILE *captured;
static int real_stderr;

static inline void begin_capture(void)
{
    captured = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(captured), STDERR_FILENO);
}

#endif
