/* base64url.c — four letters are three bytes; a rest of two letters is one byte, of three letters two. */
#include "auth/base64url.h"

/* The value of a letter and one more; 0: not a letter. */
// clang-format off
static const unsigned char values[256] = {
    ['A'] =  1, ['B'] =  2, ['C'] =  3, ['D'] =  4, ['E'] =  5, ['F'] =  6, ['G'] =  7, ['H'] =  8, ['I'] =  9, ['J'] = 10,
    ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20,
    ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26,
    ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46,
    ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
    ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
    ['-'] = 63, ['_'] = 64,
};
// clang-format on

bool base64url_is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!values[(unsigned char)text[i]]) return false;
    return true;
}

static unsigned value_of(char letter)
{
    return values[(unsigned char)letter] - 1u;
}

bool base64url_decode(unsigned char *out, const char *text, size_t size, size_t *ret_size)
{
    size_t rest = size % 4;
    if (rest == 1 || !base64url_is_plain(text, size)) return false;
    unsigned char *at = out;
    const char *end = text + size - rest;
    for (; text < end; text += 4) {
        unsigned bits = value_of(text[0]) << 18 | value_of(text[1]) << 12 | value_of(text[2]) << 6 | value_of(text[3]);
        *at++ = (unsigned char)(bits >> 16);
        *at++ = (unsigned char)(bits >> 8);
        *at++ = (unsigned char)bits;
    }
    if (rest) {
        unsigned bits = value_of(text[0]) << 18 | value_of(text[1]) << 12 | (rest == 3 ? value_of(text[2]) << 6 : 0);
        if (bits & (rest == 3 ? 0xFFu : 0xFFFFu)) return false;
        *at++ = (unsigned char)(bits >> 16);
        if (rest == 3) *at++ = (unsigned char)(bits >> 8);
    }
    *ret_size = (size_t)(at - out);
    return true;
}

size_t base64url_encode(char *out, const void *bytes, size_t size)
{
    static const char letters[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = bytes;
    char *at = out;
    for (; size >= 3; size -= 3, from += 3) {
        *at++ = letters[from[0] >> 2];
        *at++ = letters[(from[0] << 4 | from[1] >> 4) & 63];
        *at++ = letters[(from[1] << 2 | from[2] >> 6) & 63];
        *at++ = letters[from[2] & 63];
    }
    if (size) {
        *at++ = letters[from[0] >> 2];
        *at++ = letters[(from[0] << 4 | (size == 2 ? from[1] >> 4 : 0)) & 63];
        if (size == 2) *at++ = letters[from[1] << 2 & 63];
    }
    *at = 0;
    return (size_t)(at - out);
}
