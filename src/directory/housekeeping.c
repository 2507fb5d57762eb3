/* housekeeping.c — the background besides following: ended memberships, memory, last uses and log-ins. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "directory/resident.h"

#include <errno.h>

/* --- sessions that other nodes believe to end soon --- */

static enum err save_logins(struct op *op, struct directory *directory)
{
    bool must = directory->logins && logins_must_save(directory->logins) && store_reachable(directory->store);
    return must ? logins_save_sessions(op, directory->logins) : ERR_OK;
}

/* In between what takes long; if they cannot be saved their own job tells so. */
static void save_urgent_sessions(struct directory *directory)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    (void)!save_logins(&op, directory);
}

/* --- ended memberships --- */

struct ended {
    struct membership *items;
    size_t count;
    int64_t organization_id; /* for the rule: of which organization */
    size_t found;            /* by the rule: other nodes may have been faster */
};
enum { ENDED_BATCH = 1000 };

static enum err collect_ended(void *context, struct op *op, const struct membership *membership)
{
    (void)op;
    struct ended *ended = context;
    if (ended->count < ENDED_BATCH) ended->items[ended->count++] = *membership;
    return ERR_OK;
}

static enum err expire_members(struct op *op, struct rule_context *context, void *request)
{
    struct ended *ended = request;
    ended->found = 0;
    for (size_t i = 0; i < ended->count; i++) {
        if (ended->items[i].organization_id != ended->organization_id) continue;
        uint32_t group = image_find_group(context->image, ended->items[i].group_id);
        uint32_t user = image_find_user(context->image, ended->items[i].user_id);
        if (group == NO_ORDINAL || user == NO_ORDINAL) continue;
        const struct member *member = memberlist_find(&context->image->groups[group].members, user);
        if (!member) continue;
        union object before = { .any = arena_alloc(&op->arena, sizeof(struct membership)) };
        image_get_membership(context->image, group, member, before.membership);
        if (!before.membership->ends_at || before.membership->ends_at > op->now) continue; /* prolonged meanwhile */
        ended->found++;
        change_add(&op->arena, &context->changes, MEMBER_EXPIRED, before, (union object){ 0 });
    }
    return ERR_OK;
}

static bool is_first_of_its_organization(const struct ended *ended, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (ended->items[i].organization_id == ended->items[at].organization_id) return false;
    return true;
}

static enum err expire_organization(struct op *op, struct directory *directory, struct ended *ended, int64_t organization_id)
{
    AUTO_OP own = op_begin(); /* its failure is not the next one's */
    own.caller.system = true;
    ended->organization_id = organization_id;
    enum err e = directory_write(&own, directory, organization_id, expire_members, ended);
    if (!e) atomic_fetch_add(&directory->expired, (int64_t)ended->found);
    return e ? op_fail(op, e, "", "organization %lld: %s", (long long)organization_id, own.failure.text) : ERR_OK;
}

/* Organizations that could not be written to. */
struct refusing {
    int64_t *ids;
    size_t count, capacity;
};

static void expire_batch(struct op *op, struct directory *directory, struct ended *ended, struct refusing *refusing)
{
    for (size_t i = 0; i < ended->count && !atomic_load(&directory->stopping); i++) {
        int64_t id = ended->items[i].organization_id;
        if (!is_first_of_its_organization(ended, i) || !expire_organization(op, directory, ended, id)) continue;
        save_urgent_sessions(directory); /* what was refused may have taken seconds */
        refusing->ids = arena_grow(&op->arena, refusing->ids, refusing->count, &refusing->capacity, sizeof id);
        refusing->ids[refusing->count++] = id;
    }
}

/* One organization that cannot be written to has its turn once in a round, and keeps neither the others nor the end of the
 * program waiting for more than one write. However much of it has ended: while a batch is full and something in it was refused,
 * the round looks past that. The first failure is told. */
static enum err expire_ended(struct op *op, struct directory *directory)
{
    struct ended ended = { .items = arena_array(&op->arena, ENDED_BATCH, sizeof *ended.items) };
    struct refusing refusing = { 0 };
    bool looks_past = true;
    while (looks_past && !atomic_load(&directory->stopping)) {
        const size_t refused = refusing.count;
        ended.count = 0;
        enum err e = store_list_ended(op, directory->store, op->now, ENDED_BATCH, refusing.ids, refused, collect_ended, &ended);
        if (e) return e;
        expire_batch(op, directory, &ended, &refusing);
        looks_past = ended.count == ENDED_BATCH && refusing.count > refused && store_reachable(directory->store);
    }
    return op->failure.code;
}

/* --- memory --- */

/* The resident that was not used longest, the installation aside; with or without fragments. */
static struct resident *find_idle(struct directory *directory, bool with_fragments, int64_t *ret_total)
{
    struct resident *idle = NULL;
    *ret_total = 0;
    pthread_rwlock_rdlock(&directory->table_lock);
    for (uint32_t i = 0; i < directory->resident_count; i++) {
        struct resident *resident = directory->residents[i];
        if (!resident->image) continue;
        *ret_total += image_bytes(resident->image);
        if (resident->organization_id == INSTALLATION || (with_fragments && !resident->image->fragment_bytes)) continue;
        if (!idle || resident->last_used_ns < idle->last_used_ns) idle = resident;
    }
    pthread_rwlock_unlock(&directory->table_lock);
    return idle;
}

static void drop_idle_images(struct directory *directory)
{
    int64_t total;
    for (struct resident *idle; (idle = find_idle(directory, false, &total)) && total > directory->memory_budget;) {
        if (!turn_try(&idle->turn)) return; /* somebody writes to it: then it is not idle; next time */
        directory_unlink(directory, idle);
        turn_give(&idle->turn, true);
        atomic_fetch_add(&directory->evictions, 1);
    }
}

/* Fragments are kept until the budget is full; then those of the organizations that were not used longest make room. */
static void drop_idle_fragments(struct directory *directory, int64_t budget)
{
    int64_t total;
    while (fragments_total() > budget - budget / 8) {
        struct resident *idle = find_idle(directory, true, &total);
        if (!idle) return;
        if (!turn_take_within(&idle->turn, BACKGROUND_WAIT_MS)) return; /* a write waits for a held row; next time */
        pthread_rwlock_rdlock(&directory->table_lock);
        struct image *image = idle->image;
        if (image) image_hold(image);
        pthread_rwlock_unlock(&directory->table_lock);
        if (image) {
            pthread_rwlock_wrlock(&image->lock);
            image_drop_all_fragments(image);
            pthread_rwlock_unlock(&image->lock);
            image_drop(image);
        }
        turn_give(&idle->turn, true);
    }
}

/* --- last uses, of credentials and sessions --- */

enum err directory_save_last_used(struct op *op, struct directory *directory)
{
    struct last_used *items;
    size_t count = credentials_take_last_used(directory->credentials, &op->arena, &items);
    enum err e = count ? store_save_last_used(op, directory->store, items, count) : ERR_OK;
    if (e) credentials_give_back_last_used(directory->credentials, items, count);
    return e;
}

static enum err keep_logins(struct op *op, struct directory *directory)
{
    return directory->logins ? logins_keep_house(op, directory->logins) : ERR_OK;
}

/* Waits; true when it is time to stop. */
static bool pause_for(struct directory *directory, int64_t milliseconds)
{
    const struct timespec until = clock_after_ms(milliseconds);
    pthread_mutex_lock(&directory->stop_mutex);
    while (!directory->stopping &&
           pthread_cond_clockwait(&directory->stop_wanted, &directory->stop_mutex, CLOCK_MONOTONIC, &until) != ETIMEDOUT) {}
    bool stopping = directory->stopping;
    pthread_mutex_unlock(&directory->stop_mutex);
    return stopping;
}

struct job {
    const char *name;
    enum err (*run)(struct op *op, struct directory *directory);
    int64_t every_s; /* 0: expire_interval_s */
};

static const struct job jobs[] = {
    { "ended memberships", expire_ended, 0 },
    { "last uses of credentials", directory_save_last_used, 30 },
    { "sessions", save_logins, 1 },
    { "old log-ins", keep_logins, LOGINS_KEEP_HOUSE_S },
};

/* Each job by itself: one that fails keeps no other from its turn. */
static void run_job(struct directory *directory, const struct job *job)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    enum err e = job->run(&op, directory);
    if (e && store_reachable(directory->store))
        log_warn("housekeeping: %s: %s", job->name, op.failure.text); /* else the follower tells */
}

static void *run_housekeeper(void *argument)
{
    struct directory *directory = argument;
    for (int64_t second = 1; !pause_for(directory, 1000); second++) {
        for (size_t i = 0; i < sizeof jobs / sizeof *jobs && !atomic_load(&directory->stopping); i++) {
            int64_t every_s = jobs[i].every_s ? jobs[i].every_s : atomic_load(&directory->expire_interval_s);
            if (second % every_s == 0) run_job(directory, &jobs[i]);
        }
        drop_idle_images(directory);
        drop_idle_fragments(directory, fragments_budget());
    }
    return NULL;
}

/* --- the threads --- */

void directory_start_background(struct directory *directory)
{
    directory->background = true;
    atomic_store(&directory->follow_succeeded_ns, clock_monotonic_ns());
    if (pthread_create(&directory->follower, NULL, directory_run_follower, directory) != 0) abort();
    if (pthread_create(&directory->housekeeper, NULL, run_housekeeper, directory) != 0) abort();
}

void directory_stop_background(struct directory *directory)
{
    pthread_mutex_lock(&directory->stop_mutex);
    directory->stopping = true;
    pthread_cond_broadcast(&directory->stop_wanted);
    pthread_mutex_unlock(&directory->stop_mutex);
    store_stop_waiting(directory->store);
    pthread_join(directory->follower, NULL);
    pthread_join(directory->housekeeper, NULL);
    AUTO_OP op = op_begin();
    if (directory_save_last_used(&op, directory)) log_warn("last uses of credentials were not saved: %s", op.failure.text);
    failure_clear(&op.failure);
    if (keep_logins(&op, directory)) log_warn("last uses of sessions were not saved: %s", op.failure.text);
}
