/* linger.c — sockets that wait for their client to stop sending. */
#include "net/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

void linger_add(struct lingering *linger, int fd, int64_t now_ns)
{
    if (linger->count == LINGER_MAX) return;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return;
    shutdown(own, SHUT_WR);
    linger->fds[linger->count] = own;
    linger->deadlines_ns[linger->count++] = now_ns + LINGER_MS * INT64_C(1000000);
}

static bool is_over(int fd)
{
    static const int rounds = 16; /* so that one fast sender does not hold up the loop */
    char dropped[65536];
    for (int i = 0; i < rounds; i++) {
        ssize_t size = recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);
        if (size == 0) return true;
        if (size < 0) return errno != EAGAIN && errno != EINTR;
    }
    return false;
}

void linger_drain(struct lingering *linger, int64_t now_ns)
{
    for (size_t i = 0; i < linger->count;) {
        if (!is_over(linger->fds[i]) && now_ns < linger->deadlines_ns[i]) {
            i++;
            continue;
        }
        close(linger->fds[i]);
        linger->count--;
        linger->fds[i] = linger->fds[linger->count];
        linger->deadlines_ns[i] = linger->deadlines_ns[linger->count];
    }
}

void linger_close(struct lingering *linger)
{
    while (linger->count) close(linger->fds[--linger->count]);
}
