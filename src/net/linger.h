/* linger.h — closing without taking the answer back, for net/ only.
 *
 * A socket closed while bytes from the client are unread makes the kernel send a reset, and a client that is still sending (a
 * body that was refused, a head that was too long) then loses the answer too. So the socket is kept for a moment under a
 * descriptor of our own, and what comes is read and dropped until the client closes. */
#ifndef ROSTER_NET_LINGER_H
#define ROSTER_NET_LINGER_H

#include <stddef.h>
#include <stdint.h>

enum { LINGER_MAX = 64, LINGER_MS = 2000, LINGER_POLL_MS = 20 };

struct lingering {
    size_t count;
    int fds[LINGER_MAX];
    int64_t deadlines_ns[LINGER_MAX];
};

/* Takes a duplicate of a socket that is about to be closed. Does nothing when too many linger already. */
void linger_add(struct lingering *linger, int fd, int64_t now_ns);

/* Reads and drops; closes those whose client has closed or whose time is over. */
void linger_drain(struct lingering *linger, int64_t now_ns);

void linger_close(struct lingering *linger);

#endif
