/* behind.c — organizations that this node has yet to bring up to date, and what happens when the database went back.
 *
 * One that cannot be followed must not keep the node from following the others: it is put on a list and tried again, oldest
 * first. Once it has failed twice while the database answers, an image of it that is outdated is dropped: who asks for the
 * organization then gets what can be loaded, or its own error. The list, and what residents keep for it, are the follower's own.
 *
 * A database goes back when it fails over to a copy without its last commits, or when a backup is restored. What this node knew
 * may then be of commits that never were. The store says when that may have happened (store_epoch): everything in memory is then
 * compared with the newest commit of each organization, and what differs is put on the list. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "directory/resident.h"

#include <stdio.h>

/* --- the list --- */

static void put_last(struct directory *directory, struct resident *resident, const struct behind *behind)
{
    resident->behind = *behind;
    resident->behind.next = NULL;
    if (directory->behind_last) directory->behind_last->behind.next = resident;
    else directory->behind_first = resident;
    directory->behind_last = resident;
    atomic_fetch_add(&directory->behind, 1);
}

static struct resident *take_first(struct directory *directory, struct behind *ret_behind)
{
    struct resident *resident = directory->behind_first;
    *ret_behind = resident->behind;
    resident->behind = (struct behind){ 0 };
    directory->behind_first = ret_behind->next;
    if (!directory->behind_first) directory->behind_last = NULL;
    atomic_fetch_sub(&directory->behind, 1);
    return resident;
}

void directory_note_behind(struct directory *directory, int64_t organization_id, unsigned what, int64_t version)
{
    struct resident *resident = directory_know_resident(directory, organization_id);
    if (!resident->behind.what) put_last(directory, resident, &(struct behind){ .what = what, .version = version });
    resident->behind.what |= what;
    if (version > resident->behind.version) resident->behind.version = version;
}

bool directory_is_behind(struct directory *directory, int64_t organization_id)
{
    return directory->behind_first && directory_know_resident(directory, organization_id)->behind.what;
}

/* What is done is not done again when the rest fails. */
static enum err bring_up(struct op *op, struct directory *directory, struct resident *resident, struct behind *behind)
{
    enum err e = ERR_OK;
    bool outdated = behind->what & BEHIND_OUTDATED;
    if (outdated) e = directory_refresh_outdated(op, directory, resident->organization_id);
    if (!e) behind->what &= ~BEHIND_OUTDATED;
    bool lives = !outdated || directory_find_resident(directory, resident->organization_id);
    if (!e && lives && behind->what & BEHIND_PAST) e = directory_compare(op, directory, resident);
    if (!e) behind->what &= ~BEHIND_PAST;
    if (!e && lives) e = directory_refresh(op, directory, resident->organization_id, behind->version, 0);
    return e;
}

/* Without the installation nobody could be answered. */
static void unlink_outdated(struct directory *directory, struct resident *resident)
{
    if (resident->organization_id == INSTALLATION) return;
    if (!turn_try(&resident->turn)) return; /* the next failure finds it outdated, too */
    struct image *image = directory_find_image(directory, resident->organization_id);
    if (image && atomic_load(&image->version) < atomic_load(&resident->known_version)) directory_unlink(directory, resident);
    image_drop(image);
    turn_give(&resident->turn, true);
}

/* While the database does not answer, an image that is not the newest is better than none. */
static void note_failure(struct op *op, struct directory *directory, struct resident *resident)
{
    enum { PATIENCE = 2 };
    if (!store_reachable(directory->store)) return;
    if (resident->behind.attempts < PATIENCE && ++resident->behind.attempts == PATIENCE)
        log_warn("organization %lld cannot be followed: %s", (long long)resident->organization_id, op->failure.text);
    if (resident->behind.attempts == PATIENCE) unlink_outdated(directory, resident);
}

/* The oldest of the list. If it fails it goes to the end. */
static enum err bring_up_first(struct directory *directory)
{
    AUTO_OP op = op_begin(); /* what it takes of memory is not kept for all of them */
    op.caller.system = true;
    struct behind behind;
    struct resident *resident = take_first(directory, &behind);
    enum err e = bring_up(&op, directory, resident, &behind);
    if (e) {
        directory_note_behind(directory, resident->organization_id, behind.what | BEHIND_NEWS, behind.version);
        resident->behind.attempts = behind.attempts;
        if (e == ERR_PENDING) return ERR_OK; /* that is no failure: its write ends, or brings the image up to date itself */
        note_failure(&op, directory, resident);
    } else if (behind.attempts > 1) {
        log_info("organization %lld is followed again", (long long)resident->organization_id);
    }
    return e;
}

void directory_follow_behind(struct directory *directory)
{
    enum { PAUSE_MS = 250, ROUND_MS = 1000 };
    const int64_t begun = clock_monotonic_ns();
    if (begun < directory->behind_pause_until_ns) return;
    const struct resident *last = directory->behind_last;
    bool failed = false, all = !last;
    while (!all && store_reachable(directory->store) && clock_monotonic_ns() - begun < ROUND_MS * INT64_C(1000000)) {
        all = directory->behind_first == last;
        if (bring_up_first(directory)) failed = true;
    }
    if (failed) directory->behind_pause_until_ns = clock_monotonic_ns() + PAUSE_MS * INT64_C(1000000);
}

/* --- the database went back --- */

/* A failover and a restored backup look alike from here, and so does a database that was made anew from an export: the log says
 * what there was and what there is, and whoever knows which it was knows whether anything is lost. */
static void tell_of_past(int64_t organization_id, int64_t known, bool there, int64_t version)
{
    char now[100] = "the database does not have the organization any more";
    if (there && version < known) snprintf(now, sizeof now, "the database has version %lld now", (long long)version);
    else if (there)
        snprintf(now, sizeof now, "in the database that is another commit, and version %lld is the newest", (long long)version);
    log_warn("organization %lld: the database went back: this node had seen version %lld, %s; what is in memory is read again. "
             "If no backup was restored and no database made anew, changes that were answered with success are lost",
             (long long)organization_id, (long long)known, now);
}

enum err directory_forget(struct op *op, struct directory *directory, int64_t organization_id, int64_t known)
{
    struct resident *resident = directory_know_resident(directory, organization_id);
    int64_t version = 0;
    failure_clear(&op->failure);
    enum err e = store_version(op, directory->store, organization_id, &version);
    bool there = e == ERR_OK;
    if (e == ERR_NOT_FOUND) failure_clear(&op->failure); /* gone with what was lost: whoever asks for it is told so */
    else if (e) return e;
    tell_of_past(organization_id, known, there, version);
    atomic_store(&resident->known_version, version);
    atomic_store(&resident->credentials_version, -1);
    atomic_store(&resident->logins_version, -1);
    return ERR_OK;
}

enum err directory_compare(struct op *op, struct directory *directory, struct resident *resident)
{
    if (!turn_take_within(&resident->turn, BACKGROUND_WAIT_MS)) return ERR_PENDING;
    enum err e = directory_refresh_image_in_turn(op, directory, resident, INT64_MAX);
    int64_t version, known = atomic_load(&resident->known_version);
    if (!e) e = store_version(op, directory->store, resident->organization_id, &version);
    if (!e && known > version) e = directory_forget(op, directory, resident->organization_id, known);
    turn_give(&resident->turn, true);
    if (e == ERR_NOT_FOUND) { /* the installation's log says so */
        failure_clear(&op->failure);
        e = ERR_OK;
    }
    return e;
}

struct past {
    struct directory *directory;
    struct store_head *heads; /* by organization */
    size_t head_count, head_capacity;
};

static enum err add_head(void *context, struct op *op, const struct store_head *head)
{
    struct past *past = context;
    past->heads = arena_grow(&op->arena, past->heads, past->head_count, &past->head_capacity, sizeof *past->heads);
    past->heads[past->head_count++] = *head;
    return ERR_OK;
}

static int compare_heads(const void *a, const void *b)
{
    const struct store_head *x = a, *y = b;
    return (x->organization_id > y->organization_id) - (x->organization_id < y->organization_id);
}

static struct resident *resident_at(struct directory *directory, uint32_t index)
{
    pthread_rwlock_rdlock(&directory->table_lock);
    struct resident *resident = index < directory->resident_count ? directory->residents[index] : NULL;
    pthread_rwlock_unlock(&directory->table_lock);
    return resident;
}

static bool image_is_at(struct directory *directory, int64_t organization_id, const struct store_head *head)
{
    struct image *image = directory_find_image(directory, organization_id);
    if (!image) return true;
    pthread_rwlock_rdlock(&image->lock);
    bool same = image->version == head->version && uuid_equal(&image->commit_id, &head->commit_id);
    pthread_rwlock_unlock(&image->lock);
    image_drop(image);
    return same;
}

/* What can be told of a resident without asking the database. */
static void compare_resident(struct past *past, struct resident *resident)
{
    const int64_t id = resident->organization_id;
    const struct store_head *head =
        bsearch(&(struct store_head){ .organization_id = id }, past->heads, past->head_count, sizeof *head, compare_heads);
    bool lives = directory_find_resident(past->directory, id) != NULL;
    if (!head) {
        if (lives) directory_note_behind(past->directory, id, BEHIND_OUTDATED, 0);
        return;
    }
    atomic_store(&resident->credentials_version, head->version);
    if (atomic_load(&resident->logins_version) > head->version) atomic_store(&resident->logins_version, -1);
    if (resident->behind.version > head->version) resident->behind.version = head->version;
    if (!lives) directory_note_behind(past->directory, id, BEHIND_OUTDATED, head->version);
    else if (atomic_load(&resident->known_version) > head->version || !image_is_at(past->directory, id, head))
        directory_note_behind(past->directory, id, BEHIND_PAST, head->version);
}

enum err directory_compare_all(struct op *op, struct directory *directory)
{
    struct past past = { .directory = directory };
    enum err e = store_list_heads(op, directory->store, add_head, &past);
    /* Credentials after the heads: what is committed in between is read, and followed once more. */
    struct credential_list credentials = { 0 };
    struct store_sink sink = { .context = &credentials, .credential = directory_collect_credential };
    int64_t cursor;
    if (!e) e = store_load_credentials(op, directory->store, &sink, &cursor);
    if (e) return e;
    credentials_replace_all(directory->credentials, credentials.items, credentials.count);
    for (size_t i = 0; i < past.head_count; i++) directory_know_resident(directory, past.heads[i].organization_id);
    struct resident *resident;
    for (uint32_t i = 0; (resident = resident_at(directory, i)); i++) compare_resident(&past, resident);
    return ERR_OK;
}
