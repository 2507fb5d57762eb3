/* lines.h — the lines of a file of any size, with a limit for one line. */
#ifndef ROSTER_BASE_LINES_H
#define ROSTER_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct lines {
    FILE *file; /* borrowed; read with fread from where it is */
    size_t max; /* bytes of a line, its end not counted */
    char *bytes;
    size_t start, end; /* what was read and not yet given */
    int64_t total;     /* bytes given so far, ends of lines included */
    bool at_end;
};

#define LINES_INIT(open_file, longest) ((struct lines){ .file = (open_file), .max = (longest) })

enum lines_result { LINES_ONE, LINES_TOO_LONG, LINES_END, LINES_FAILED };

/* The next line without its end (\n or \r\n); good until the next call. The last line needs no end. LINES_TOO_LONG: it was passed
 * over, *ret_text is not written. LINES_FAILED: errno tells. */
enum lines_result lines_next(struct lines *lines, const char **ret_text, size_t *ret_size);

void lines_free(struct lines *lines);

#endif
