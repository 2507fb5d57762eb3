/* listen.h — the listening socket, for net/ only. */
#ifndef ROSTER_NET_LISTEN_H
#define ROSTER_NET_LISTEN_H

#include "base/err.h"

#include <sys/types.h>

struct listener {
    int fd;
    char *address; /* "127.0.0.1:40123", "[::1]:40123", "unix:PATH"; with the port that was chosen */
    char *path;    /* of a unix socket, removed by listener_close; or NULL */
    dev_t device;  /* of that path when it was made */
    ino_t inode;
};

/* server_check_address. */
const char *listener_check(const char *address);

/* Binds to "HOST:PORT", "[IPV6]:PORT" or "unix:PATH" and listens. A path where a socket lies that nobody answers is taken over.
 */
MUST_USE enum err listener_open(struct failure *failure, const char *address, struct listener *ret_listener);

/* Accepts one that was never opened (fd -1). */
void listener_close(struct listener *listener);

#endif
