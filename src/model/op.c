/* op.c — the beginning and the end of an operation. */
#include "model/op.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

struct op op_begin(void)
{
    return (struct op){ .now = clock_now(), .may_block = true };
}

void op_end(struct op *op)
{
    arena_free(&op->arena);
}

enum err op_fail(struct op *op, enum err code, const char *field, const char *format, ...)
{
    char text[2 * sizeof op->failure.text];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = 0;
    va_end(arguments);
    return failure_set(&op->failure, code, field, "%s", text);
}
