/* lanes.c — threads that commit for all who wait, each with a connection of its own (group commit).
 *
 * A lane that is free takes everybody who waits, up to BATCH, into one transaction. With two lanes one transaction is written to
 * disk while the next is gathered and sent. Nobody can be in two lanes at once: an organization has one writer at a time in a
 * node, and between nodes the fence decides. */
#include "store/postgres/store.h"

#include "base/clock.h"

#include <time.h>

enum { BATCH = 64 };

static bool has(const struct waiting *first, int64_t organization_id)
{
    for (; first; first = first->next)
        if (first->commit->organization_id == organization_id) return true;
    return false;
}

/* The first that is idle: when little is written one connection has it all, and the server's caches of that are warm. NULL: none
 * is. Signalled after the lock was let go, or whoever wakes would wait for it at once. */
static pthread_cond_t *idle_lane(struct lanes *lanes)
{
    for (size_t i = 0; i < LANES; i++) {
        if (!lanes->items[i].idle) continue;
        lanes->items[i].idle = false;
        return &lanes->items[i].work;
    }
    return NULL;
}

/* At most one commit of each organization: the next one of the same waits for the next transaction. A long one is alone, and in
 * the last lane, so that the others go on; one that met a failure before is alone too. */
static bool may_take(const struct lanes *lanes, const struct lane *lane, const struct waiting *batch, const struct waiting *w,
                     int64_t now)
{
    if (w->not_before_ns > now || has(batch, w->commit->organization_id)) return false;
    if (w->alone && batch) return false;
    return !postgres_is_long(w->commit) || (!batch && lane == &lanes->items[LANES - 1]);
}

static struct waiting *collect(struct lanes *lanes, const struct lane *lane)
{
    struct waiting *first = NULL, **last = &first, **from = &lanes->first;
    int64_t now = clock_monotonic_ns();
    for (int taken = 0; *from && taken < BATCH;) {
        struct waiting *w = *from;
        if (!may_take(lanes, lane, first, w, now)) {
            from = &w->next;
            continue;
        }
        *from = w->next;
        w->next = NULL;
        *last = w;
        last = &w->next;
        taken++;
        if (w->alone || postgres_is_long(w->commit)) break;
    }
    lanes->last = &lanes->first;
    while (*lanes->last) lanes->last = &(*lanes->last)->next;
    return first;
}

/* When the first of those may be taken that are left only because they were put back. INT64_MAX: there is none. */
static int64_t next_time(const struct lanes *lanes, const struct lane *lane)
{
    int64_t next = INT64_MAX;
    for (const struct waiting *w = lanes->first; w; w = w->next)
        if (w->not_before_ns < next && may_take(lanes, lane, NULL, w, INT64_MAX)) next = w->not_before_ns;
    return next;
}

/* What was put back has its time; what is long has another lane; whoever puts something into the queue wakes one that is idle. */
static void sleep_a_while(struct lanes *lanes, struct lane *lane)
{
    enum { LEAST_NS = 1000000 };
    int64_t next = next_time(lanes, lane);
    lane->idle = true;
    if (next == INT64_MAX) {
        pthread_cond_wait(&lane->work, &lanes->lock);
    } else {
        int64_t least = clock_monotonic_ns() + LEAST_NS;
        struct timespec until = clock_timespec(next < least ? least : next);
        pthread_cond_clockwait(&lane->work, &lanes->lock, CLOCK_MONOTONIC, &until);
    }
    lane->idle = false;
}

/* NULL: it is time to stop, for all: while a lane is busy, what it tells may start another commit, and that may be for any lane.
 */
static struct waiting *take_batch(struct lanes *lanes, struct lane *lane)
{
    struct waiting *first;
    pthread_mutex_lock(&lanes->lock);
    lanes->busy -= lane->busy;
    lane->busy = false;
    while (!(first = collect(lanes, lane)) && !(lanes->stopping && !lanes->first && !lanes->busy)) {
        if (lanes->first) pthread_cond_signal(&lanes->items[LANES - 1].work); /* it may be a long one */
        sleep_a_while(lanes, lane);
    }
    lane->busy = first;
    lanes->busy += lane->busy;
    pthread_cond_t *other = lanes->first || !first ? idle_lane(lanes) : NULL;
    pthread_mutex_unlock(&lanes->lock);
    if (other) pthread_cond_signal(other);
    return first;
}

static void put(struct lanes *lanes, struct waiting *w)
{
    w->next = NULL;
    w->put_back = false;
    pthread_mutex_lock(&lanes->lock);
    *lanes->last = w;
    lanes->last = &w->next;
    pthread_cond_t *lane = idle_lane(lanes);
    pthread_mutex_unlock(&lanes->lock);
    if (lane) pthread_cond_signal(lane);
}

/* Gives back to the queue what has to come again; returns the others. */
static struct waiting *sort_out(struct lanes *lanes, struct waiting *first)
{
    struct waiting *done = NULL, **last = &done;
    for (struct waiting *w = first, *next; w; w = next) {
        next = w->next;
        w->next = NULL;
        if (w->put_back) {
            put(lanes, w);
            continue;
        }
        *last = w;
        last = &w->next;
    }
    return done;
}

static void *run_lane(void *context)
{
    struct lane *lane = context;
    struct postgres_store *store = lane->store;
    for (struct waiting *first; (first = take_batch(&store->lanes, lane));) {
        postgres_commit_batch(store, &lane->db, first);
        first = sort_out(&store->lanes, first);
        if (first) commit_count(&store->base, first);
        postgres_hint(store, first);
        for (struct waiting *w = first, *next; w; w = next) {
            next = w->next;
            commit_finish(w);
            commit_free(w);
            w->done(w->context, w->result); /* w may be gone from here on */
        }
        postgres_hinter_wake(store); /* after the answers: whoever waits for them comes first */
    }
    return NULL;
}

void postgres_lanes_start(struct postgres_store *store)
{
    struct lanes *lanes = &store->lanes;
    lanes->last = &lanes->first;
    for (size_t i = 0; i < LANES; i++) {
        lanes->items[i].store = store;
        if (pthread_create(&lanes->items[i].thread, NULL, run_lane, &lanes->items[i]) != 0) abort();
    }
}

void postgres_lanes_stop(struct postgres_store *store)
{
    struct lanes *lanes = &store->lanes;
    pthread_mutex_lock(&lanes->lock);
    lanes->stopping = true;
    for (size_t i = 0; i < LANES; i++) pthread_cond_signal(&lanes->items[i].work);
    pthread_mutex_unlock(&lanes->lock);
    for (size_t i = 0; i < LANES; i++) pthread_join(lanes->items[i].thread, NULL);
}

void postgres_commit_start(struct op *op, struct store *base, struct commit *commit, store_commit_done done, void *context)
{
    struct lanes *lanes = &postgres_store_of(base)->lanes;
    if (!server_may_answer(&postgres_store_of(base)->server)) {
        done(context, op_fail(op, ERR_BUSY, "store", "the database does not answer"));
        return;
    }
    struct waiting *w = arena_zalloc(&op->arena, sizeof *w);
    *w = (struct waiting){
        .op = op, .commit = commit, .details = BUF_INIT(COMMIT_DETAIL_CEILING), .done = done, .context = context
    };
    commit_prepare(w);
    put(lanes, w);
}

/* ---- for a thread that waits */

struct sleeper {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
    enum err result;
};

static void wake(void *context, enum err result)
{
    struct sleeper *sleeper = context;
    pthread_mutex_lock(&sleeper->lock);
    sleeper->result = result;
    sleeper->done = true;
    pthread_cond_signal(&sleeper->wake);
    pthread_mutex_unlock(&sleeper->lock);
}

enum err postgres_commit(struct op *op, struct store *store, struct commit *commit)
{
    struct sleeper sleeper = { 0 };
    pthread_mutex_init(&sleeper.lock, NULL);
    pthread_cond_init(&sleeper.wake, NULL);
    postgres_commit_start(op, store, commit, wake, &sleeper);
    pthread_mutex_lock(&sleeper.lock);
    while (!sleeper.done) pthread_cond_wait(&sleeper.wake, &sleeper.lock);
    pthread_mutex_unlock(&sleeper.lock);
    pthread_cond_destroy(&sleeper.wake);
    pthread_mutex_destroy(&sleeper.lock);
    return sleeper.result;
}
