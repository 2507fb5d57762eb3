/* err.c — recording a failure; names of errors. */
#include "base/err.h"

#include <ctype.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const upper_names[ERR_COUNT] = {
#define X(name, text) #name,
    ERR_LIST(X)
#undef X
};

static const char *const texts[ERR_COUNT] = {
#define X(name, text) text,
    ERR_LIST(X)
#undef X
};

enum { NAME_SIZE = 24 };
static char names[ERR_COUNT][NAME_SIZE];

/* A sentence cut inside a character would make the whole answer invalid UTF-8. */
static void cut_whole_characters(char *text, size_t size)
{
    size_t end = size - 1;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) end--;
    text[end] = 0;
}

enum err failure_set(struct failure *failure, enum err code, const char *field, const char *format, ...)
{
    if (failure->code) return code;
    failure->code = code;
    snprintf(failure->field, sizeof failure->field, "%s", field);
    if (strlen(field) >= sizeof failure->field) {
        memcpy(failure->field, field, sizeof failure->field);
        cut_whole_characters(failure->field, sizeof failure->field);
    }

    char text[sizeof failure->text + 1]; /* one more, to see where the last character that fits ends */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0) length = 0, text[0] = 0;
    if ((size_t)length >= sizeof failure->text) cut_whole_characters(text, sizeof failure->text);
    memcpy(failure->text, text, strlen(text) + 1);
    return code;
}

void failure_clear(struct failure *failure)
{
    *failure = (struct failure){ 0 };
}

static void lower_names(void)
{
    for (size_t i = 0; i < ERR_COUNT; i++)
        for (size_t j = 0; upper_names[i][j] && j < NAME_SIZE - 1; j++)
            names[i][j] = (char)tolower((unsigned char)upper_names[i][j]);
}

const char *err_name(enum err code)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, lower_names);
    return (size_t)code < ERR_COUNT ? names[code] : "unknown";
}

const char *err_text(enum err code)
{
    return (size_t)code < ERR_COUNT ? texts[code] : "unknown error";
}
