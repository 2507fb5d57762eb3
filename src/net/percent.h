/* percent.h — percent-encoding of URLs, for net/ only. */
#ifndef ROSTER_NET_PERCENT_H
#define ROSTER_NET_PERCENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

static inline int percent_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes `size` bytes; `to` may be `from`. Returns the decoded size, or -1 for a % without two digits. */
static inline ssize_t percent_decode(char *to, const char *from, size_t size, bool plus_is_space)
{
    char *start = to;
    for (const char *end = from + size; from < end; from++) {
        if (*from == '%') {
            if (end - from < 3) return -1;
            int high = percent_digit(from[1]), low = percent_digit(from[2]);
            if (high < 0 || low < 0) return -1;
            *to++ = (char)(high << 4 | low);
            from += 2;
        } else {
            *to++ = *from == '+' && plus_is_space ? ' ' : *from;
        }
    }
    return to - start;
}

#endif
