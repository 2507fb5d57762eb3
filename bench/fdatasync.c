/* fdatasync.c - how long this disk takes to make 4 KiB safe: the yardstick for a durable write.
 *
 *   fdatasync FILE SECONDS
 *
 * Appends 4 KiB and calls fdatasync, again and again, as a write-ahead log does; prints one line of JSON. The file is
 * removed afterwards. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    enum { MOST = 1000000 };
    if (argc != 3) return fprintf(stderr, "usage: fdatasync FILE SECONDS\n"), 2;
    int64_t *took = malloc(MOST * sizeof *took);
    int fd = open(argv[1], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (!took || fd < 0) return perror(argv[1]), 1;
    char page[4096];
    memset(page, 'x', sizeof page);
    size_t count = 0;
    int64_t end = now_ns() + (int64_t)(strtod(argv[2], NULL) * 1e9);
    for (int64_t began = now_ns(); began < end && count < MOST; began = now_ns()) {
        if (write(fd, page, sizeof page) != (ssize_t)sizeof page || fdatasync(fd)) return perror(argv[1]), 1;
        took[count++] = now_ns() - began;
    }
    close(fd);
    unlink(argv[1]);
    if (!count) return 1;
    qsort(took, count, sizeof *took, by_value);
    printf("{\"count\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f}\n", count, (double)took[count / 2] / 1e3,
           (double)took[count - 1 - count / 100] / 1e3);
    free(took);
    return 0;
}
