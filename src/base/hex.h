/* hex.h — hexadecimal digits, for the readers and writers of base/ only. */
#ifndef ROSTER_BASE_HEX_H
#define ROSTER_BASE_HEX_H

#include <stdint.h>
#include <string.h>

static inline void put_hex(char *to, uint8_t byte)
{
    static const char digits[17] = "0123456789abcdef";
    to[0] = digits[byte >> 4];
    to[1] = digits[byte & 15];
}

/* The value of a digit of any case, or -1. */
static inline int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of two digits, or negative. */
static inline int hex_pair(const char *from)
{
    return hex_value(from[0]) < 0 ? -1 : hex_value(from[0]) << 4 | hex_value(from[1]);
}

#endif
