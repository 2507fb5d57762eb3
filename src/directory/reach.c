/* reach.c — a client that saw a version of its organization on one node sees none older on another.
 *
 * Whoever was told a version was told it after the commit, so the database has it: an image that is older is brought up to date
 * from there at once, whatever the follower has heard of, and any number of threads may do that. What the database does not have
 * either is a version to come: a client may ask for it so as to be answered after the next change. It is waited for until the
 * limit, and only by some threads at a time, so that the others go on. */
#include "directory/resident.h"

#include "base/clock.h"

#include <errno.h>

void directory_reach_open(struct directory *directory, const struct directory_options *options)
{
    struct reach *reach = &directory->reach;
    pthread_mutex_init(&reach->mutex, NULL);
    pthread_cond_init(&reach->news, NULL);
    reach->waiting_max = options->at_least_waiters;
}

void directory_reach_close(struct directory *directory)
{
    pthread_mutex_destroy(&directory->reach.mutex);
    pthread_cond_destroy(&directory->reach.news);
}

void directory_end_waits(struct directory *directory)
{
    pthread_mutex_lock(&directory->reach.mutex);
    directory->reach.ended = true;
    pthread_cond_broadcast(&directory->reach.news);
    pthread_mutex_unlock(&directory->reach.mutex);
}

/* Who begins to wait counts itself before it looks at what was heard, who has heard something looks at the count afterwards: one
 * of both sees the other. */
void directory_reach_news(struct directory *directory)
{
    struct reach *reach = &directory->reach;
    if (!atomic_load(&reach->waiting)) return;
    pthread_mutex_lock(&reach->mutex);
    pthread_cond_broadcast(&reach->news);
    pthread_mutex_unlock(&reach->mutex);
}

/* The version of the image that is in memory, or is loaded now. */
static enum err read_version(struct op *op, struct directory *directory, int64_t organization_id, struct resident **ret_resident,
                             int64_t *ret_version)
{
    struct image *image;
    enum err e = directory_lease_to_read(op, directory, organization_id, ret_resident, &image);
    if (e) return e;
    *ret_version = atomic_load(&image->version);
    image_drop(image);
    return ERR_OK;
}

/* A request that waits for the turn to bring an image up to date; in the op's arena. */
struct catching_up {
    struct turn_waiting waiting;
    struct directory *directory;
    struct resident *resident;
    int64_t version;
};

static void catch_up_and_begin_again(struct op *op)
{
    struct catching_up *catching_up = op->write;
    enum err e = directory_refresh_image(op, catching_up->directory, catching_up->resident, catching_up->version);
    turn_give(&catching_up->resident->turn, false);
    op->async->finished(op, e ? e : ERR_DEFERRED);
}

/* With op->async no thread waits for the turn: who has it may need just this thread for its next step. */
static enum err follow_to(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    bool by_thread = !op->async;
    if (by_thread) {
        turn_take(&resident->turn);
    } else {
        struct catching_up *catching_up = arena_zalloc(&op->arena, sizeof *catching_up);
        *catching_up = (struct catching_up){ { .op = op, .start = catch_up_and_begin_again }, directory, resident, version };
        op->write = catching_up;
        if (!turn_take_or_queue(&resident->turn, &catching_up->waiting)) return ERR_PENDING;
    }
    enum err e = directory_refresh_image(op, directory, resident, version);
    turn_give(&resident->turn, by_thread);
    return e;
}

/* Asks the database, and follows it if it has what is wanted. */
static enum err ask_store(struct op *op, struct directory *directory, struct resident *resident, int64_t *version)
{
    int64_t newest;
    enum err e = store_version(op, directory->store, resident->organization_id, &newest);
    if (e || newest < op->at_least) return e;
    e = follow_to(op, directory, resident, newest);
    return e ? e : read_version(op, directory, resident->organization_id, &resident, version);
}

/* Until the version was heard of or the time is up; false if too many wait already. */
static bool wait_for_news(struct directory *directory, struct resident *resident, int64_t version)
{
    struct reach *reach = &directory->reach;
    struct timespec until = clock_after_ms(atomic_load(&reach->limit_ms));
    pthread_mutex_lock(&reach->mutex);
    bool admitted = reach->waiting < reach->waiting_max && !reach->ended;
    if (admitted) {
        reach->waiting++;
        while (atomic_load(&resident->known_version) < version && !reach->ended && !directory_stale(directory) &&
               pthread_cond_clockwait(&reach->news, &reach->mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT) {}
        reach->waiting--;
    }
    pthread_mutex_unlock(&reach->mutex);
    return admitted;
}

/* Which version there is, is told to who belongs to the organization: not to somebody whose token has not led to a user yet
 * (identify.c), nor to a user who is gone or not active. */
static enum err refuse(struct op *op, struct directory *directory, int64_t organization_id)
{
    struct resident *resident;
    struct image *image;
    uint32_t caller;
    bool administrator;
    if (op->caller.organization_id != organization_id)
        return op_fail(op, ERR_BUSY, "Roster-At-Least", "this node has not got the version yet that was asked for");
    enum err e = directory_lease_to_read(op, directory, organization_id, &resident, &image);
    if (e) return e;
    pthread_rwlock_rdlock(&image->lock);
    e = directory_resolve_caller(op, image, &caller, &administrator);
    if (!e) directory_note_seen(op, directory, image);
    pthread_rwlock_unlock(&image->lock);
    image_drop(image);
    if (e || op->version >= op->at_least) return e; /* it has just come */
    return op_fail(op, ERR_BUSY, "Roster-At-Least", "this node has version %lld of the organization, not yet version %lld",
                   (long long)op->version, (long long)op->at_least);
}

enum err directory_wait_for_version(struct op *op, struct directory *directory, int64_t organization_id)
{
    struct resident *resident;
    int64_t version;
    enum err e = read_version(op, directory, organization_id, &resident, &version);
    if (e || version >= op->at_least) return e;
    if (!op->may_block) return op_fail(op, ERR_DEFERRED, "", "a newer version of the organization is asked for");
    bool away = directory_stale(directory);
    if (!away) e = ask_store(op, directory, resident, &version);
    if (!e && !away && version < op->at_least && wait_for_news(directory, resident, op->at_least))
        e = ask_store(op, directory, resident, &version); /* the last word, also if nothing was heard */
    return e || version >= op->at_least ? e : refuse(op, directory, organization_id);
}
