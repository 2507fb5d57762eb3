/* Folding names: idempotent, valid UTF-8, at most three times longer, the same for what differs only in ASCII case. */
#include "fuzz.h"

#include "base/fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    char *text = fuzz_text(data, size);
    size_t folded_size, again_size, upper_size;
    const char *folded = fold_text(&arena, text, size, &folded_size);
    promise(folded[folded_size] == 0 && folded_size <= 3 * size);
    bool valid = utf8_is_valid(text, size);
    promise(utf8_length(text, size) <= size);
    if (valid) {
        promise(utf8_is_valid(folded, folded_size));
        promise(strlen(folded) == folded_size);
        const char *again = fold_text(&arena, folded, folded_size, &again_size);
        promise(again_size == folded_size && memcmp(again, folded, again_size) == 0);
        for (size_t i = 0; i < size; i++)
            if (text[i] >= 'a' && text[i] <= 'z') text[i] = (char)(text[i] - 32);
        const char *upper = fold_text(&arena, text, size, &upper_size);
        promise(upper_size == folded_size && memcmp(upper, folded, upper_size) == 0);
    }
    free(text);
    arena_free(&arena);
    return 0;
}
