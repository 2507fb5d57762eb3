/* lock.c — who else has the database open, so that a crash can be told from a neighbour.
 *
 * A store that is alone holds PATH-lock exclusively while it recovers and migrates, then shared for as long as it is open.
 * The kernel drops the lock of a process that dies. Open-file-description locks, because they change from exclusive to
 * shared without a gap and two stores in one process see each other. Not on the database file itself: closing any
 * descriptor of it would drop the locks SQLite holds there. The file stays, since removing a lock file is a race. */
#include "store/sqlite/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool set_lock(int fd, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

enum err sqlite_lock_open(struct op *op, struct sqlite_store *store, bool *ret_alone)
{
    const char *path = arena_printf(&op->arena, "%s-lock", store->path);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0) return op_fail(op, ERR_STORAGE, "store", "cannot open %s: %s", path, strerror(errno));

    /* Whoever holds it exclusively is recovering or migrating and will soon be done. */
    for (int64_t waited_ms = 0;; waited_ms += 5) {
        *ret_alone = set_lock(store->lock_fd, F_WRLCK);
        if (*ret_alone || set_lock(store->lock_fd, F_RDLCK)) return ERR_OK;
        if (waited_ms >= store->busy_limit_ms) {
            return op_fail(op, ERR_BUSY, "store", "another process is checking or migrating the database");
        }
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
}

void sqlite_lock_share(struct sqlite_store *store)
{
    set_lock(store->lock_fd, F_RDLCK);
}

bool sqlite_lock_alone(struct sqlite_store *store)
{
    /* Letting go first: of two stores that close together, the later one then finds itself alone. */
    set_lock(store->lock_fd, F_UNLCK);
    return set_lock(store->lock_fd, F_WRLCK);
}

void sqlite_sync_directory(const char *path)
{
    struct arena arena = ARENA_INIT;
    const char *slash = strrchr(path, '/');
    const char *directory = !slash ? "." : slash == path ? "/" : arena_strndup(&arena, path, (size_t)(slash - path));
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* some file systems refuse this for directories; there is nothing better to do then */
        close(fd);
    }
    arena_free(&arena);
}
