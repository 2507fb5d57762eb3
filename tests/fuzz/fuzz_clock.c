/* Times and durations: an accepted time is in range, and its text is accepted and means the same. */
#include "fuzz.h"

#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time = 0, again = 0, duration = 0;
    char text[CLOCK_TEXT_SIZE];
    if (clock_parse((const char *)data, size, &time)) {
        size_t length = clock_format(text, time);
        promise(length == strlen(text) && length < CLOCK_TEXT_SIZE);
        promise(clock_parse(text, length, &again) && again == time);
        promise(size >= strlen("2026-03-10T09:32:07Z"));
    } else {
        promise(time == 0);
    }
    char *word = fuzz_text(data, size);
    if (clock_parse_duration(word, &duration)) promise(duration > 0 && duration <= INT64_C(100) * 366 * 86400 * 1000000);
    free(word);
    return 0;
}
