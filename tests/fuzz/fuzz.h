/* fuzz.h — what every fuzz target needs. A target is one file with the function libFuzzer calls; tests/fuzz/corpus/NAME/ is what
 * it begins with. A broken promise aborts. */
#ifndef ROSTER_TESTS_FUZZ_H
#define ROSTER_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define promise(condition)                                                                                                       \
    do {                                                                                                                         \
        if (!(condition)) {                                                                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                      \
            abort();                                                                                                             \
        }                                                                                                                        \
    } while (0)

/* The input as a C string; the caller frees. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (size) memcpy(text, data, size);
    text[size] = 0;
    return text;
}

#endif
