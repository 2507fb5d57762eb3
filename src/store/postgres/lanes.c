/* lanes.c — threads that commit for all who wait, each with a connection of its own (group commit).
 *
 * A lane that is free takes everybody who waits, up to BATCH, into one transaction. With two lanes one transaction is written to
 * disk while the next is gathered and sent. Nobody can be in two lanes at once: an organization has one writer at a time in a
 * node, and between nodes the fence decides. */
#include "store/postgres/store.h"

enum { BATCH = 64 };

static bool has(const struct waiting *first, int64_t organization_id)
{
    for (; first; first = first->next)
        if (first->commit->organization_id == organization_id) return true;
    return false;
}

/* The first that is idle: when little is written one connection has it all, and the server's caches of that are warm. */
static void wake_lane(struct lanes *lanes)
{
    for (size_t i = 0; i < LANES; i++) {
        if (!lanes->items[i].idle) continue;
        lanes->items[i].idle = false;
        pthread_cond_signal(&lanes->items[i].work);
        return;
    }
}

/* At most one commit of each organization: the next one of the same waits for the next transaction. */
static struct waiting *take_batch(struct lanes *lanes, struct lane *lane)
{
    struct waiting *first = NULL, **last = &first;
    pthread_mutex_lock(&lanes->lock);
    while (!lanes->first && !lanes->stopping) {
        lane->idle = true;
        pthread_cond_wait(&lane->work, &lanes->lock);
    }
    lane->idle = false;
    struct waiting **from = &lanes->first;
    for (int taken = 0; *from && taken < BATCH;) {
        struct waiting *w = *from;
        if (has(first, w->commit->organization_id)) {
            from = &w->next;
            continue;
        }
        *from = w->next;
        w->next = NULL;
        *last = w;
        last = &w->next;
        taken++;
    }
    lanes->last = &lanes->first;
    while (*lanes->last) lanes->last = &(*lanes->last)->next;
    if (lanes->first) wake_lane(lanes);
    pthread_mutex_unlock(&lanes->lock);
    return first;
}

static void *run_lane(void *context)
{
    struct lane *lane = context;
    struct postgres_store *store = lane->store;
    for (struct waiting *first; (first = take_batch(&store->lanes, lane));) {
        postgres_commit_batch(store, &lane->db, first);
        commit_count(&store->base, first);
        postgres_hint(store, first);
        for (struct waiting *w = first, *next; w; w = next) {
            next = w->next;
            commit_finish(w);
            commit_free(w);
            w->done(w->context, w->result); /* w may be gone from here on */
        }
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
    if (!store_reachable(base)) {
        done(context, op_fail(op, ERR_BUSY, "store", "the database does not answer"));
        return;
    }
    struct waiting *w = arena_zalloc(&op->arena, sizeof *w);
    *w = (struct waiting){
        .op = op, .commit = commit, .details = BUF_INIT(COMMIT_DETAIL_CEILING), .done = done, .context = context
    };
    commit_prepare(w);
    pthread_mutex_lock(&lanes->lock);
    *lanes->last = w;
    lanes->last = &w->next;
    wake_lane(lanes);
    pthread_mutex_unlock(&lanes->lock);
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
