/* backup.c — a copy of the whole directory as an SQLite database: what roster serves and copies back as it is. */
#include "store/postgres/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void remove_partial(struct op *op, const char *partial)
{
    static const char *const endings[] = { "", "-wal", "-shm", "-lock" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) unlink(arena_printf(&op->arena, "%s%s", partial, endings[i]));
}

enum err postgres_backup(struct op *op, struct store *store, const char *path)
{
    if (access(path, F_OK) == 0) return op_fail(op, ERR_EXISTS, "file", "%s exists", path);
    const char *partial = arena_printf(&op->arena, "%s.partial", path);
    remove_partial(op, partial); /* of a backup that was cut short */
    struct store *copy;
    struct store_options options = { .url = arena_printf(&op->arena, "sqlite:%s", partial), .create = true, .migrate = true };
    enum err e = store_open(op, &options, &copy);
    if (e) return e;
    e = store_copy(op, store, copy, NULL, NULL);
    store_close(copy); /* checkpoints: the file is whole by itself */
    if (!e && renameat2(AT_FDCWD, partial, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
        e = errno == EEXIST ? op_fail(op, ERR_EXISTS, "file", "%s exists", path)
                            : op_fail(op, ERR_STORAGE, "file", "cannot name the copy %s: %s", path, strerror(errno));
    }
    remove_partial(op, partial);
    return e;
}
