/* listen.c — addresses and the listening socket.
 *
 * A path is removed in two cases only: at the start if a socket lies there and nobody answers on it, and at the end if it is
 * still the socket that we made. */
#include "net/listen.h"

#include "base/memory.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, HOST_MAX = 256, PATH_MODE = 0660 };

static enum err fail(struct failure *failure, const char *address, int error)
{
    return failure_set(failure, ERR_INVALID, "listen", "cannot listen on %s: %s", address, strerror(error));
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text);
    if (!copy) abort();
    return copy;
}

static bool is_path(const char *address)
{
    return !strncmp(address, "unix:", 5);
}

static bool split(const char *address, char host[HOST_MAX], const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    const char *start = address, *end = colon;
    if (colon && *start == '[' && end > start + 1 && end[-1] == ']') start++, end--;
    bool good =
        colon && end > start && end - start < HOST_MAX && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    if (good && start == address && memchr(start, ':', (size_t)(end - start))) good = false; /* IPv6 needs its brackets */
    if (good && (strlen(colon + 1) > 5 || strtol(colon + 1, NULL, 10) > 65535)) good = false;
    if (!good) return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = 0;
    *ret_port = colon + 1;
    return true;
}

const char *listener_check(const char *address)
{
    char host[HOST_MAX];
    const char *port, *path = address + 5;
    if (!is_path(address))
        return split(address, host, &port) ? NULL : "that is not an address: it should be HOST:PORT, [IPV6]:PORT or unix:PATH";
    _Static_assert(sizeof((struct sockaddr_un *)NULL)->sun_path == 108, "what is said below");
    return *path && strlen(path) < 108 ? NULL : "the path is empty or longer than 107 bytes";
}

static int bind_any(const struct addrinfo *found, int *ret_error)
{
    for (; found; found = found->ai_next) {
        int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int on = 1;
        if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (fd >= 0 && !bind(fd, found->ai_addr, found->ai_addrlen) && !listen(fd, BACKLOG)) return fd;
        *ret_error = errno;
        if (fd >= 0) close(fd);
    }
    return -1;
}

static char *make_address(int fd)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[HOST_MAX], port[8], text[HOST_MAX + 16];
    if (getsockname(fd, (struct sockaddr *)&bound, &size)) abort();
    if (getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        abort();
    snprintf(text, sizeof text, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return copy_text(text);
}

static enum err open_internet(struct failure *failure, const char *address, struct listener *listener)
{
    char host[HOST_MAX];
    const char *port = NULL;
    (void)split(address, host, &port); /* listener_check was content */
    struct addrinfo *found, hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    int error = getaddrinfo(host, port, &hints, &found);
    if (error) {
        return failure_set(failure, ERR_INVALID, "listen", "cannot listen on %s: %s", address, gai_strerror(error));
    }
    listener->fd = bind_any(found, &error);
    freeaddrinfo(found);
    if (listener->fd < 0) return fail(failure, address, error);
    listener->address = make_address(listener->fd);
    return ERR_OK;
}

/* 0 if the path is free now, else an errno. */
static int clear_path(const struct sockaddr_un *name)
{
    struct stat found;
    if (lstat(name->sun_path, &found)) return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(found.st_mode)) return EEXIST;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 || !connect(fd, (const struct sockaddr *)name, sizeof *name) || errno != ECONNREFUSED ? EADDRINUSE : 0;
    if (fd >= 0) close(fd);
    return error ? error : unlink(name->sun_path) ? errno : 0;
}

static enum err open_unix(struct failure *failure, const char *address, struct listener *listener)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    const char *path = address + 5;
    memcpy(name.sun_path, path, strlen(path));
    int error = clear_path(&name);
    if (error) return fail(failure, address, error);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct stat made;
    /* The mode is set before anybody can connect: a socket that does not listen yet refuses. */
    bool good = listener->fd >= 0 && !bind(listener->fd, (struct sockaddr *)&name, sizeof name) && !chmod(path, PATH_MODE) &&
                !stat(path, &made) && !listen(listener->fd, BACKLOG);
    if (!good) {
        error = errno;
        listener_close(listener);
        return fail(failure, address, error);
    }
    listener->path = copy_text(path);
    listener->device = made.st_dev;
    listener->inode = made.st_ino;
    listener->address = copy_text(address);
    return ERR_OK;
}

enum err listener_open(struct failure *failure, const char *address, struct listener *ret_listener)
{
    *ret_listener = (struct listener){ .fd = -1 };
    const char *wrong = listener_check(address);
    if (wrong) return failure_set(failure, ERR_INVALID, "listen", "%s", wrong);
    if (is_path(address)) return open_unix(failure, address, ret_listener);
    return open_internet(failure, address, ret_listener);
}

void listener_close(struct listener *listener)
{
    struct stat found;
    if (listener->fd >= 0) close(listener->fd);
    if (listener->path && !lstat(listener->path, &found) && found.st_dev == listener->device && found.st_ino == listener->inode) {
        unlink(listener->path);
    }
    free(listener->path);
    free(listener->address);
    *listener = (struct listener){ .fd = -1 };
}
