/* packed.h — the texts and rare numbers of a record in one block of bytes.
 *
 * A million users with ten optional texts each would take 80 MB of pointers alone; packed, what is not set takes one
 * bit. Layout: a 32-bit mask (bit i: text i is there; bit 16+i: number i is there), the numbers (8 bytes each), then each text as
 * a 16-bit length, its bytes and a zero byte, so that a reader gets C strings without copying. */
#ifndef ROSTER_DIRECTORY_PACKED_H
#define ROSTER_DIRECTORY_PACKED_H

#include <stddef.h>
#include <stdint.h>

enum { PACKED_TEXTS_MAX = 16, PACKED_NUMBERS_MAX = 16, PACKED_TEXT_MAX = 65535 };

/* Bytes that pack() will write. Texts are NULL and numbers 0 where not set; a text is at most PACKED_TEXT_MAX bytes. */
size_t packed_size(const char *const *texts, int text_count, const int64_t *numbers, int number_count);

/* Writes the block. */
void packed_write(char *out, const char *const *texts, int text_count, const int64_t *numbers, int number_count);

/* Reads all of them; the texts point into the block. The counts are those it was written with. */
void packed_read(const char *block, const char **ret_texts, int text_count, int64_t *ret_numbers, int number_count);

#endif
