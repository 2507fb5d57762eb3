/* fold.c — UTF-8 checks and case folding.
 *
 * Most names are ASCII, so each function looks at eight bytes at a time first and calls utf8proc only for the rest. */
#include "base/fold.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t load_word(const char *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Bytes of the well-formed sequence at `at` (Unicode 15, table 3-7), 0 if there is none. Not called for ASCII. */
static size_t sequence_size(const unsigned char *at, size_t left)
{
    unsigned char first = at[0];
    size_t size = first >= 0xC2 && first <= 0xDF ? 2 : (first & 0xF0) == 0xE0 ? 3 : first >= 0xF0 && first <= 0xF4 ? 4 : 0;
    if (size == 0 || size > left) return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    if (first == 0xE0 && at[1] < 0xA0) return 0; /* over-long */
    if (first == 0xED && at[1] > 0x9F) return 0; /* surrogate */
    if (first == 0xF0 && at[1] < 0x90) return 0; /* over-long */
    if (first == 0xF4 && at[1] > 0x8F) return 0; /* beyond U+10FFFF */
    return size;
}

bool utf8_is_valid(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        if (size - at >= 8) {
            uint64_t word = load_word(text + at);
            if (((word | (word - EACH(1))) & EACH(0x80)) == 0) { /* no byte is 0 or above 0x7F */
                at += 8;
                continue;
            }
        }
        unsigned char c = (unsigned char)text[at];
        size_t step = c == 0 ? 0 : c < 0x80 ? 1 : sequence_size((const unsigned char *)text + at, size - at);
        if (step == 0) return false;
        at += step;
    }
    return true;
}

size_t utf8_length(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

size_t utf8_prefix(const char *text, size_t count)
{
    size_t size = 0;
    for (; text[size]; size++)
        if (((unsigned char)text[size] & 0xC0) != 0x80 && count-- == 0) break;
    return size;
}

bool utf8_is_blank(const char *text, size_t size)
{
    utf8proc_ssize_t step;
    for (size_t at = 0; at < size; at += (size_t)step) {
        utf8proc_int32_t c;
        step = utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(size - at), &c);
        if (step <= 0) return false;
        utf8proc_category_t category = utf8proc_category(c);
        bool space = (c >= '\t' && c <= '\r') || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
                     category == UTF8PROC_CATEGORY_ZP;
        if (!space) return false;
    }
    return true;
}

size_t utf8_first_upper(const char *text, char out[4])
{
    utf8proc_int32_t c;
    if (!*text || utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &c) < 1) return 0;
    return (size_t)utf8proc_encode_char(utf8proc_toupper(c), (utf8proc_uint8_t *)out);
}

static bool is_ascii(const char *text, size_t size)
{
    uint64_t seen = 0;
    size_t at = 0;
    for (; size - at >= 8; at += 8) seen |= load_word(text + at);
    for (; at < size; at++) seen |= (unsigned char)text[at];
    return (seen & EACH(0x80)) == 0;
}

static uint64_t lower_word(uint64_t word)
{
    uint64_t low_bits = word & EACH(0x7F);
    uint64_t from_a = low_bits + EACH(0x80 - 'A'); /* high bit: 'A' or above */
    uint64_t past_z = low_bits + EACH(0x7F - 'Z'); /* high bit: above 'Z' */
    return word | ((from_a ^ past_z) & ~word & EACH(0x80)) >> 2;
}

static const char *lower_ascii(struct arena *arena, const char *text, size_t size, size_t *ret_size)
{
    char *folded = arena_alloc(arena, size + 1);
    size_t at = 0;
    for (; size - at >= 8; at += 8) {
        uint64_t word = lower_word(load_word(text + at));
        memcpy(folded + at, &word, sizeof word);
    }
    for (; at < size; at++) folded[at] = (char)(text[at] >= 'A' && text[at] <= 'Z' ? text[at] | 0x20 : text[at]);
    folded[size] = 0;
    *ret_size = size;
    return folded;
}

/* Room for the code points of one step; names fit the fixed part. */
struct scratch {
    int32_t fixed[512];
    int32_t *code_points;
};

/* Normalizes into scratch->code_points, which then holds UTF-8; its length, or negative if `text` is malformed. */
static utf8proc_ssize_t normalize(struct scratch *scratch, const void *text, size_t size, utf8proc_option_t options)
{
    const utf8proc_ssize_t fixed_count = sizeof scratch->fixed / sizeof *scratch->fixed - 1; /* reencode adds a zero */
    scratch->code_points = scratch->fixed;
    utf8proc_ssize_t count = utf8proc_decompose(text, (utf8proc_ssize_t)size, scratch->fixed, fixed_count, options);
    if (count > fixed_count) {
        scratch->code_points = malloc(((size_t)count + 1) * sizeof *scratch->code_points);
        if (!scratch->code_points) abort();
        count = utf8proc_decompose(text, (utf8proc_ssize_t)size, scratch->code_points, count, options);
    }
    return count < 0 ? count : utf8proc_reencode(scratch->code_points, count, options);
}

static void free_scratch(struct scratch *scratch)
{
    if (scratch->code_points != scratch->fixed) free(scratch->code_points);
}

static const char *fold_unicode(struct arena *arena, const char *text, size_t size, size_t *ret_size)
{
    struct scratch composed, folded;
    const char *result = NULL;
    utf8proc_ssize_t composed_size = normalize(&composed, text, size, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (composed_size >= 0) {
        utf8proc_ssize_t folded_size = normalize(&folded, composed.code_points, (size_t)composed_size,
                                                 UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
        if (folded_size >= 0) {
            result = arena_strndup(arena, (const char *)folded.code_points, (size_t)folded_size);
            *ret_size = (size_t)folded_size;
        }
        free_scratch(&folded);
    }
    free_scratch(&composed);
    return result;
}

const char *fold_text(struct arena *arena, const char *text, size_t size, size_t *ret_size)
{
    const char *folded = is_ascii(text, size) ? NULL : fold_unicode(arena, text, size, ret_size);
    return folded ? folded : lower_ascii(arena, text, size, ret_size);
}
