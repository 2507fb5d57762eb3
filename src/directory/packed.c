#include "directory/packed.h"

#include <string.h>

size_t packed_size(const char *const *texts, int text_count, const int64_t *numbers, int number_count)
{
    size_t size = sizeof(uint32_t);
    for (int i = 0; i < number_count; i++)
        if (numbers[i]) size += sizeof(int64_t);
    for (int i = 0; i < text_count; i++)
        if (texts[i]) size += sizeof(uint16_t) + strlen(texts[i]) + 1;
    return size;
}

void packed_write(char *out, const char *const *texts, int text_count, const int64_t *numbers, int number_count)
{
    uint32_t mask = 0;
    char *next = out + sizeof mask;
    for (int i = 0; i < number_count; i++) {
        if (!numbers[i]) continue;
        mask |= UINT32_C(1) << (16 + i);
        memcpy(next, &numbers[i], sizeof(int64_t));
        next += sizeof(int64_t);
    }
    for (int i = 0; i < text_count; i++) {
        if (!texts[i]) continue;
        mask |= UINT32_C(1) << i;
        uint16_t size = (uint16_t)strlen(texts[i]);
        memcpy(next, &size, sizeof size);
        memcpy(next + sizeof size, texts[i], (size_t)size + 1);
        next += sizeof size + size + 1;
    }
    memcpy(out, &mask, sizeof mask);
}

void packed_read(const char *block, const char **ret_texts, int text_count, int64_t *ret_numbers, int number_count)
{
    uint32_t mask;
    memcpy(&mask, block, sizeof mask);
    const char *next = block + sizeof mask;
    for (int i = 0; i < number_count; i++) ret_numbers[i] = 0;
    for (int i = 0; i < text_count; i++) ret_texts[i] = NULL;
    /* Only what is set takes time: most of a record is not. */
    for (uint32_t rest = mask >> 16; rest; rest &= rest - 1) {
        memcpy(&ret_numbers[__builtin_ctz(rest)], next, sizeof(int64_t));
        next += sizeof(int64_t);
    }
    for (uint32_t rest = mask & 0xffff; rest; rest &= rest - 1) {
        uint16_t size;
        memcpy(&size, next, sizeof size);
        ret_texts[__builtin_ctz(rest)] = next + sizeof size;
        next += sizeof size + size + 1;
    }
}
