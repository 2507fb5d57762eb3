/* write.c — the life of a write: check against the image, commit, apply. Readers see the change only once it is on disk.
 *
 * No thread of the server waits for the disk. Measured with 64 clients in 64 organizations on one core: with a worker waiting for
 * each commit two fifths of the time went into switching between threads. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "directory/resident.h"

#include <string.h>

/* --- catching up with the log --- */

struct pending {
    struct pending *next;
    struct change change;
    int64_t version, position, time;
    struct uuid commit_id;
};

struct catch_up {
    struct arena *arena;
    struct pending *first, **last;
    int64_t version, position; /* expected next */
    bool hole;
    size_t left;       /* changes that may still be collected */
    size_t arena_most; /* and how large the arena may become */
};

/* Of more changes an image is loaded again: each takes memory until all are applied, 250 bytes of a membership and up to 80 kB of
 * a description, and about as long as five memberships take to load. A large image is worth more of them. */
enum { CATCH_UP_LEAST = 20000, CATCH_UP_MOST = 200000, BYTES_PER_CHANGE = 400, CATCH_UP_BYTES = 64 << 20 };

static size_t changes_to_follow(struct image *image)
{
    int64_t worth = image_bytes_lately(image) / BYTES_PER_CHANGE;
    if (worth < CATCH_UP_LEAST) return CATCH_UP_LEAST;
    return worth > CATCH_UP_MOST ? CATCH_UP_MOST : (size_t)worth;
}

static enum err collect_entry(void *context, struct op *op, const struct log_entry *entry)
{
    struct catch_up *state = context;
    bool next_version = entry->version == state->version + 1 && entry->position == 0;
    bool next_position = entry->version == state->version && entry->position == state->position + 1;
    if (!next_version && !next_position) {
        state->hole = true;
        return ERR_OK;
    }
    if (!state->left-- || state->arena->total > state->arena_most)
        return op_fail(op, ERR_TOO_LARGE, "", "too many changes to follow");
    state->version = entry->version;
    state->position = entry->position;
    struct pending *pending = arena_zalloc(state->arena, sizeof *pending);
    if (change_read_detail(op, entry->kind, entry->detail, &pending->change)) { /* rows tell what this log does not */
        failure_clear(&op->failure);
        state->hole = true;
        return ERR_OK;
    }
    pending->version = entry->version;
    pending->position = entry->position;
    pending->time = entry->time;
    pending->commit_id = entry->commit_id;
    *state->last = pending;
    state->last = &pending->next;
    return ERR_OK;
}

/* What the image knows of the object that a logged update is about; false if it does not know it. */
static bool current_object(struct op *op, const struct image *image, enum noun noun, union object logged,
                           union object *ret_current)
{
    union object current = { .any = arena_zalloc(&op->arena, noun_size(noun)) };
    *ret_current = current;
    uint32_t ordinal, user;
    const struct member *member;
    switch (noun) {
    case NOUN_USER:
        if ((ordinal = image_find_user(image, logged.user->id)) == NO_ORDINAL) return false;
        image_get_user(image, ordinal, current.user);
        return true;
    case NOUN_GROUP:
        if ((ordinal = image_find_group(image, logged.group->id)) == NO_ORDINAL) return false;
        image_get_group(image, ordinal, current.group);
        return true;
    case NOUN_ACCOUNT:
        if ((ordinal = image_find_account(image, logged.account->id)) == NO_ORDINAL) return false;
        image_get_account(image, ordinal, current.account);
        return true;
    case NOUN_MEMBERSHIP:
        ordinal = image_find_group(image, logged.membership->group_id);
        user = image_find_user(image, logged.membership->user_id);
        if (ordinal == NO_ORDINAL || user == NO_ORDINAL) return false;
        member = memberlist_find(&image->groups[ordinal].members, user);
        if (!member) return false;
        image_get_membership(image, ordinal, member, current.membership);
        return true;
    case NOUN_ORGANIZATION:
    case NOUN_CREDENTIAL:
    case NOUN_NESTING:
    case NOUN_COUNT:
        return true; /* not in the image; nothing to overlay */
    }
    return false;
}

/* The log has only what an update changed: the rest is what the image has. */
static bool complete(struct op *op, const struct image *image, struct change *change)
{
    if (change_shape(change->kind) != CHANGE_UPDATES) return true;
    union object current;
    enum noun noun = change_noun(change->kind);
    if (!current_object(op, image, noun, change->after, &current)) return false;
    fields_copy(noun, change->changed, change->after, current);
    change->after = current;
    return true;
}

/* Applies the changes of one version, seen by readers all at once; moves *next behind them. False if the image cannot take them.
 */
static bool apply_version(struct op *op, struct directory *directory, struct image *image, const struct pending **next)
{
    int64_t version = (*next)->version;
    struct uuid commit_id = (*next)->commit_id;
    bool applied = true;
    pthread_rwlock_wrlock(&image->lock);
    for (; *next && (*next)->version == version && applied; *next = (*next)->next) {
        struct change change = (*next)->change;
        applied = complete(op, image, &change) && image_apply(image, &change, (*next)->time);
    }
    if (applied) {
        image->commit_id = commit_id;
        atomic_store(&image->version, version);
    }
    if (image->organization_id == INSTALLATION) image->account_epoch = atomic_fetch_add(&directory->account_epoch, 1) + 1;
    pthread_rwlock_unlock(&image->lock);
    return applied;
}

enum err directory_catch_up(struct op *op, struct directory *directory, struct image *image, bool *ret_reload)
{
    struct catch_up state = { .arena = &op->arena, .version = image->version, .left = changes_to_follow(image) };
    state.arena_most = op->arena.total + CATCH_UP_BYTES;
    state.last = &state.first;
    enum err e = store_read_log_since(op, directory->store, image->organization_id, image->version, &image->commit_id,
                                      collect_entry, &state);
    if (e == ERR_STALE) {
        e = directory_forget(op, directory, image->organization_id, image->version);
        *ret_reload = !e;
        return e;
    }
    if (e == ERR_TOO_LARGE) {
        failure_clear(&op->failure);
        *ret_reload = true;
        return ERR_OK;
    }
    if (e) return e;
    if (image->organization_id != INSTALLATION && directory->logins) {
        struct resident *resident = directory_find_resident(directory, image->organization_id);
        if (resident) e = directory_follow_logins(op, directory, resident, state.version);
        if (e) return e;
    }
    const struct pending *next = state.first;
    *ret_reload = state.hole; /* then the last version before it may be there in part only: nothing is applied */
    while (next && !*ret_reload) *ret_reload = !apply_version(op, directory, image, &next);
    atomic_fetch_add(&directory->followed, 1);
    return ERR_OK;
}

/* --- who writes --- */

enum err directory_resolve_caller(struct op *op, const struct image *image, uint32_t *ret_caller, bool *ret_administrator)
{
    *ret_caller = NO_ORDINAL;
    *ret_administrator = true;
    if (op->caller.system || !op->caller.user_id) return ERR_OK; /* a service key acts for the organization itself */
    uint32_t user = image_find_user(image, op->caller.user_id);
    unsigned flags = user == NO_ORDINAL ? 0 : image->users[user].flags;
    if (!(flags & USER_IS_ACTIVE) || flags & USER_IS_DELETED)
        return op_fail(op, ERR_UNAUTHENTICATED, "", "the credential's user is gone or not active");
    /* Numbers come again when an organization is deleted and another imported with them. */
    if (!uuid_is_nil(&op->caller.user_uuid) && !uuid_equal(&op->caller.user_uuid, &image->users[user].uuid))
        return op_fail(op, ERR_UNAUTHENTICATED, "", "the credential's user is gone or not active");
    *ret_caller = user;
    *ret_administrator = flags & USER_IS_SUPER;
    return ERR_OK;
}

/* --- writing --- */

/* A write under way; in the op's arena. It is made of steps, because between them it waits: for its turn, and for the disk. The
 * first is on the thread that called or on a worker, `committed` on the store's thread. Whoever has the turn has the write. */
struct write {
    struct turn_waiting waiting;
    struct directory *directory;
    struct resident *resident;
    struct image *image; /* leased while a commit is under way */
    directory_rule rule;
    void *request;
    struct rule_context context;
    struct commit commit;
    int64_t begun_ns; /* its turn */
    bool caught_up;   /* with what was heard of before its turn */
};

static void finish(struct op *op, struct write *write, enum err e)
{
    image_drop(write->image);
    turn_give(&write->resident->turn, false);
    op->async->finished(op, e); /* the op, and the write with it, may be gone from here on */
}

/* After a commit that the image cannot follow nobody may read it any more. */
static void apply_or_unlink(const struct write *write)
{
    struct image *image = write->image;
    const struct commit *commit = &write->commit;
    bool applied = true;
    directory_raise(&write->resident->known_version, commit->version);
    /* Our own writes neither touch credentials nor delete users: what was up to date with that before still is. */
    int64_t before = commit->expected_version;
    atomic_compare_exchange_strong(&write->resident->credentials_version, &before, commit->version);
    before = commit->expected_version;
    atomic_compare_exchange_strong(&write->resident->logins_version, &before, commit->version);
    pthread_rwlock_wrlock(&image->lock);
    for (size_t i = 0; i < commit->changes->count && applied; i++)
        applied = image_apply(image, &commit->changes->items[i], commit->ret_time);
    if (applied) {
        image->commit_id = commit->ret_commit_id;
        atomic_store(&image->version, commit->version);
    }
    pthread_rwlock_unlock(&image->lock);
    directory_reach_news(write->directory);
    if (applied) return;
    atomic_fetch_add(&write->directory->reloads, 1);
    directory_unlink(write->directory, write->resident);
}

static void start_attempt(struct op *op);

/* Another process was faster: learn what it did and ask the rule, again or for the first time. */
static void start_again(struct op *op)
{
    struct write *write = op->write;
    bool reload = false;
    const int64_t version = write->image->version;
    failure_clear(&op->failure);
    enum err e = directory_catch_up(op, write->directory, write->image, &reload);
    /* With no commit to learn from it is the organization itself that changed: an image is loaded with that. */
    if (!e && write->commit.names_may_repeat && write->image->version == version) reload = true;
    if (reload) {
        atomic_fetch_add(&write->directory->reloads, 1);
        directory_unlink(write->directory, write->resident);
    }
    if (e) {
        finish(op, write, e);
        return;
    }
    image_drop(write->image);
    write->image = NULL;
    start_attempt(op);
}

/* Somebody keeps a lock for longer than a write waits: the log tells once of which organization, and when it can be written to
 * again. Of a lock that many need not each line is of use. The turn is ours. */
static void tell_held(const struct op *op, const struct write *write, enum err e)
{
    enum { HELD_EVERY_S = 5 };
    struct resident *resident = write->resident;
    _Atomic int64_t *told_ns = &write->directory->held_told_ns;
    const int64_t now = clock_monotonic_ns(), last = atomic_load(told_ns);
    if (e == ERR_OK && resident->held) {
        resident->held = false;
        log_info("organization %lld can be written to again", (long long)resident->organization_id);
    }
    if (e != ERR_BUSY || strcmp(op->failure.field, "lock") != 0 || resident->held) return;
    if (last && now - last < HELD_EVERY_S * INT64_C(1000000000)) return;
    atomic_store(told_ns, now);
    resident->held = true;
    log_warn("organization %lld cannot be written to: %s", (long long)resident->organization_id, op->failure.text);
}

static void committed(void *context, enum err e)
{
    struct op *op = context;
    struct write *write = op->write;
    tell_held(op, write, e);
    if (e == ERR_STALE) {
        op->async->again(op, start_again);
        return;
    }
    if (e == ERR_OK) {
        apply_or_unlink(write);
        op->version = write->commit.version;
    }
    if (e == ERR_UNKNOWN_OUTCOME) {
        directory_unlink(write->directory, write->resident);
        op->looked = false; /* nobody knows which version it is */
    }
    finish(op, write, e);
}

static void start_attempt(struct op *op)
{
    enum { PATIENCE_MS = 5000 }; /* other nodes may be faster again and again: how often says little */
    struct write *write = op->write;
    enum err e = ERR_OK;
    int64_t now = clock_monotonic_ns();
    if (!write->begun_ns) write->begun_ns = now;
    if (now - write->begun_ns > PATIENCE_MS * INT64_C(1000000))
        e = op_fail(op, ERR_BUSY, "", "others change this organization too fast, try again");
    if (!e) e = directory_lease(op, write->directory, write->resident->organization_id, &write->resident, &write->image);
    /* What was heard of is not left to the follower: it may never have the turn while writes follow each other and all wait for a
     * held row. Nor would a commit succeed. */
    if (!e && !write->caught_up && write->image->version < atomic_load(&write->resident->known_version)) {
        write->caught_up = true; /* once: the database may have lost it */
        op->async->again(op, start_again);
        return;
    }
    write->context = (struct rule_context){ .image = write->image };
    if (!e) e = directory_resolve_caller(op, write->image, &write->context.caller, &write->context.administrator);
    if (!e) directory_note_seen(op, write->directory, write->image);
    if (!e) e = write->rule(op, &write->context, write->request);
    if (e || !write->context.changes.count) {
        finish(op, write, e);
        return;
    }
    write->commit = (struct commit){ .organization_id = write->image->organization_id,
                                     .expected_version = write->image->version,
                                     .time = op->now,
                                     .credential_id = op->caller.credential_id,
                                     .user_id = op->caller.user_id,
                                     .changes = &write->context.changes,
                                     .names_may_repeat = !write->image->unique_group_names };
    store_commit_start(op, write->directory->store, &write->commit, committed, op);
}

/* --- writing for a thread that waits: the same steps, run by it --- */

struct waiter {
    struct op_async async; /* first: an op's async leads here */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    void (*task)(struct op *op);
    bool done;
    enum err result;
};

static void wake_finished(struct op *op, enum err result)
{
    struct waiter *waiter = (struct waiter *)op->async;
    pthread_mutex_lock(&waiter->mutex);
    waiter->result = result;
    waiter->done = true;
    pthread_cond_signal(&waiter->wake);
    pthread_mutex_unlock(&waiter->mutex);
}

static void wake_again(struct op *op, void (*task)(struct op *op))
{
    struct waiter *waiter = (struct waiter *)op->async;
    pthread_mutex_lock(&waiter->mutex);
    waiter->task = task;
    pthread_cond_signal(&waiter->wake);
    pthread_mutex_unlock(&waiter->mutex);
}

static enum err write_and_wait(struct op *op, struct write *write)
{
    struct waiter waiter = { .async = { .finished = wake_finished, .again = wake_again } };
    pthread_mutex_init(&waiter.mutex, NULL);
    pthread_cond_init(&waiter.wake, NULL);
    op->async = &waiter.async;
    bool ours = turn_take_or_queue(&write->resident->turn, &write->waiting);
    if (ours) start_attempt(op);
    pthread_mutex_lock(&waiter.mutex);
    while (!waiter.done) {
        void (*task)(struct op * op) = waiter.task;
        waiter.task = NULL;
        if (!task) {
            pthread_cond_wait(&waiter.wake, &waiter.mutex);
            continue;
        }
        pthread_mutex_unlock(&waiter.mutex);
        task(op);
        pthread_mutex_lock(&waiter.mutex);
    }
    pthread_mutex_unlock(&waiter.mutex);
    op->async = NULL;
    pthread_mutex_destroy(&waiter.mutex);
    pthread_cond_destroy(&waiter.wake);
    return waiter.result;
}

enum err directory_write(struct op *op, struct directory *directory, int64_t organization_id, directory_rule rule, void *request)
{
    struct resident *resident = directory_find_resident(directory, organization_id);
    if (!resident) return op_fail(op, ERR_NOT_FOUND, "organization", "there is no organization %lld", (long long)organization_id);
    if (directory_stale(directory)) return op_fail(op, ERR_BUSY, "database", "the database does not answer, nothing was changed");
    enum err e = directory_reach(op, directory, organization_id); /* here, because under the turn nobody may wait */
    if (e) return e;
    struct write *write = arena_zalloc(&op->arena, sizeof *write);
    *write = (struct write){ .waiting = { .op = op, .start = start_attempt },
                             .directory = directory,
                             .resident = resident,
                             .rule = rule,
                             .request = request };
    op->write = write;
    if (!op->async) return write_and_wait(op, write);
    if (turn_take_or_queue(&resident->turn, &write->waiting)) start_attempt(op);
    return ERR_PENDING;
}
