/* follow.c — the background: following other processes' commits. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "directory/resident.h"

/* --- following --- */

enum err directory_collect_credential(void *context, struct op *op, const struct credential *credential)
{
    struct credential_list *list = context;
    list->items = arena_grow(&op->arena, list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count] = *credential; /* of its texts only the name is used */
    list->items[list->count++].name = arena_strdup(&op->arena, credential->name);
    return ERR_OK;
}

/* What the log after `version` says of credentials. */
struct credential_news {
    int64_t version, position; /* of the last entry */
    bool changed;              /* or something is missing */
};

static enum err collect_credential_news(void *context, struct op *op, const struct log_entry *entry)
{
    (void)op;
    struct credential_news *news = context;
    bool next_version = entry->version == news->version + 1 && entry->position == 0;
    bool next_position = entry->version == news->version && entry->position == news->position + 1;
    bool whole = entry->kind == ORGANIZATION_IMPORTED; /* with all that was in the import */
    if ((!next_version && !next_position) || whole || change_noun(entry->kind) == NOUN_CREDENTIAL) news->changed = true;
    news->version = entry->version;
    news->position = entry->position;
    return ERR_OK;
}

/* What was read has all that the log says up to `newer`: unless it was forgotten meanwhile (directory_forget), then it is read
 * again. */
static void raise_from(_Atomic int64_t *version, int64_t known, int64_t newer)
{
    atomic_compare_exchange_strong(version, &known, newer);
}

/* Most commits change no credential: one look at the log says so. */
static enum err find_credential_news(struct op *op, struct directory *directory, struct resident *resident, int64_t known,
                                     int64_t version, bool *ret_any)
{
    enum { FEW = 100 };
    struct credential_news news = { .version = known };
    *ret_any = true;
    if (news.version < 0 || version - news.version > FEW) return ERR_OK;
    enum err e =
        store_read_log(op, directory->store, resident->organization_id, news.version, FEW, collect_credential_news, &news);
    if (e == ERR_NOT_FOUND) {
        failure_clear(&op->failure);
        return ERR_OK;
    }
    if (e) return e;
    *ret_any = news.changed || news.version < version;
    if (!*ret_any) raise_from(&resident->credentials_version, known, news.version);
    return ERR_OK;
}

/* An organization has few credentials: when there may be others, reading all of them again is simpler than following them one by
 * one. */
static enum err refresh_credentials(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    const int64_t known = atomic_load(&resident->credentials_version);
    if (known >= version) return ERR_OK;
    bool any;
    enum err e = find_credential_news(op, directory, resident, known, version, &any);
    if (e || !any) return e;
    struct credential_list list = { 0 };
    struct store_sink sink = { .context = &list, .credential = directory_collect_credential };
    int64_t read_version;
    e = store_load(op, directory->store, resident->organization_id, &sink, NULL, &read_version);
    if (e == ERR_NOT_FOUND) { /* deleted meanwhile: the installation's log says so */
        failure_clear(&op->failure);
        return ERR_OK;
    }
    if (e) return e;
    credentials_replace_organization(directory->credentials, resident->organization_id, list.items, list.count);
    raise_from(&resident->credentials_version, known, read_version);
    return ERR_OK;
}

struct deleted_users {
    int64_t *ids;
    size_t count, capacity;
};

static enum err collect_deleted_user(void *context, struct op *op, const struct log_entry *entry)
{
    struct deleted_users *deleted = context;
    struct change change;
    if (entry->kind != USER_DELETED) return ERR_OK;
    enum err e = change_read_detail(op, entry->kind, entry->detail, &change);
    if (e) return e;
    deleted->ids = arena_grow(&op->arena, deleted->ids, deleted->count, &deleted->capacity, sizeof *deleted->ids);
    deleted->ids[deleted->count++] = change.before.user->id;
    return ERR_OK;
}

enum err directory_follow_logins(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    const int64_t organization_id = resident->organization_id, known = atomic_load(&resident->logins_version);
    if (!directory->logins || known >= version) return ERR_OK;
    enum err e = ERR_OK;
    if (known < 0) {
        e = logins_follow_organization(op, directory->logins, organization_id);
    } else if (logins_has_sessions(directory->logins, organization_id)) {
        struct deleted_users deleted = { 0 };
        e = store_read_log(op, directory->store, organization_id, known, 0, collect_deleted_user, &deleted);
        if (!e) e = logins_follow_users(op, directory->logins, organization_id, deleted.ids, deleted.count);
    }
    if (!e) raise_from(&resident->logins_version, known, version);
    return e;
}

enum err directory_refresh_image_in_turn(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    enum err e = ERR_OK;
    pthread_rwlock_rdlock(&directory->table_lock);
    struct image *image = resident->image;
    if (image) image_hold(image);
    pthread_rwlock_unlock(&directory->table_lock);
    if (image && image->version < version) {
        bool reload = false;
        e = directory_catch_up(op, directory, image, &reload);
        if (reload) { /* while the database is away an image that is not the newest is better than none */
            atomic_fetch_add(&directory->reloads, 1);
            directory_unlink(directory, resident);
        }
    }
    image_drop(image);
    return e;
}

static enum err refresh_image(struct op *op, struct directory *directory, struct resident *resident, int64_t version,
                              int64_t wait_ms)
{
    if (!turn_take_within(&resident->turn, wait_ms)) return ERR_PENDING;
    enum err e = directory_refresh_image_in_turn(op, directory, resident, version);
    turn_give(&resident->turn, true);
    return e;
}

enum err directory_refresh_image(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    directory_raise(&resident->known_version, version);
    return directory_refresh_image_in_turn(op, directory, resident, version);
}

static bool image_is_current(struct directory *directory, struct resident *resident, int64_t version)
{
    pthread_rwlock_rdlock(&directory->table_lock);
    bool current = resident->image && resident->image->version >= version;
    pthread_rwlock_unlock(&directory->table_lock);
    return current;
}

enum err directory_refresh_outdated(struct op *op, struct directory *directory, int64_t organization_id)
{
    struct resident *resident = directory_find_resident(directory, organization_id);
    if (resident) {
        if (!turn_take_within(&resident->turn, BACKGROUND_WAIT_MS)) return ERR_PENDING;
        directory_unlink(directory, resident);
        turn_give(&resident->turn, true);
    }
    int64_t version;
    enum err e = store_version(op, directory->store, organization_id, &version);
    if (e == ERR_OK) {
        directory_add_organization(directory, organization_id, 0);
        resident = directory_find_resident(directory, organization_id);
        atomic_store(&resident->credentials_version, -1); /* it may be another one with the same number */
        e = refresh_credentials(op, directory, resident, version);
    } else if (e == ERR_NOT_FOUND) {
        failure_clear(&op->failure);
        e = ERR_OK;
        credentials_drop_organization(directory->credentials, organization_id);
        pthread_rwlock_wrlock(&directory->table_lock);
        if (resident) resident->deleted = true;
        pthread_rwlock_unlock(&directory->table_lock);
    }
    if (!e && directory->logins) e = logins_follow_organization(op, directory->logins, organization_id);
    return e;
}

struct organization_news {
    int64_t *ids;
    size_t count, capacity;
    int64_t version; /* of the last entry */
};

static int64_t organization_of(const struct change *change)
{
    switch (change_shape(change->kind)) {
    case CHANGE_CREATES:
    case CHANGE_UPDATES:
    case CHANGE_MARKS:
        return change->after.any ? change->after.organization->id : 0;
    case CHANGE_DELETES:
        return change->before.organization->id;
    default:
        return 0;
    }
}

static enum err collect_organization(void *context, struct op *op, const struct log_entry *entry)
{
    struct organization_news *news = context;
    struct change change;
    news->version = entry->version;
    if (change_noun(entry->kind) != NOUN_ORGANIZATION) return ERR_OK;
    enum err e = change_read_detail(op, entry->kind, entry->detail, &change);
    int64_t organization_id = e ? 0 : organization_of(&change);
    if (!organization_id) return e;
    news->ids = arena_grow(&op->arena, news->ids, news->count, &news->capacity, sizeof *news->ids);
    news->ids[news->count++] = organization_id;
    return ERR_OK;
}

/* Which organizations were made, changed or deleted: by the log, whatever the installation's image has. That may have been loaded
 * with these changes in it, and then nobody would tell of them again. */
static enum err refresh_organizations(struct op *op, struct directory *directory, int64_t version)
{
    struct organization_news news = { .version = atomic_load(&directory->organizations_version) };
    if (news.version >= version) {
        atomic_store(&directory->organizations_version, version); /* lower: the database lost some */
        return ERR_OK;
    }
    enum err e = store_read_log(op, directory->store, INSTALLATION, news.version, 0, collect_organization, &news);
    if (e) return e;
    for (size_t i = 0; i < news.count; i++) {
        if (!directory_refresh_outdated(op, directory, news.ids[i])) continue;
        failure_clear(&op->failure);
        directory_note_behind(directory, news.ids[i], BEHIND_OUTDATED, 0); /* it is tried again */
    }
    atomic_store(&directory->organizations_version, news.version);
    return ERR_OK;
}

/* The installation is always resident: when its log cannot be followed it is loaded again at once. */
static enum err refresh_installation(struct op *op, struct directory *directory, struct resident *resident, int64_t version,
                                     int64_t wait_ms)
{
    enum err e = refresh_image(op, directory, resident, version, wait_ms);
    struct image *image;
    enum err leased = directory_lease(op, directory, INSTALLATION, &resident, &image);
    if (!leased) image_drop(image);
    return e ? e : leased;
}

enum err directory_refresh(struct op *op, struct directory *directory, int64_t organization_id, int64_t version, int64_t wait_ms)
{
    struct resident *resident = directory_find_resident(directory, organization_id);
    if (!resident) {
        int64_t now;
        enum err there = store_version(op, directory->store, organization_id, &now);
        if (there == ERR_NOT_FOUND) { /* deleted, and its last commits are told again */
            failure_clear(&op->failure);
            return ERR_OK;
        }
        if (there) return there;
        /* Made by another process just now; the installation's log may tell of it only after this. */
        directory_add_organization(directory, organization_id, 0);
        resident = directory_find_resident(directory, organization_id);
        atomic_store(&resident->credentials_version, -1);
    }
    directory_raise(&resident->known_version, version);
    directory_reach_news(directory);
    enum err e = ERR_OK;
    if (organization_id != INSTALLATION) e = directory_follow_logins(op, directory, resident, version);
    else e = refresh_organizations(op, directory, version);
    bool held = false;
    if (!e && !image_is_current(directory, resident, version)) {
        if (organization_id == INSTALLATION) return refresh_installation(op, directory, resident, version, wait_ms);
        e = refresh_image(op, directory, resident, version, wait_ms);
        held = e == ERR_PENDING; /* what is not the image's does not wait for it */
        if (held) e = ERR_OK;
    }
    if (!e && organization_id != INSTALLATION) e = directory_follow_logins(op, directory, resident, version); /* if forgotten */
    /* Apart from the image: it may have met this commit already, while loading or before a write of its own. */
    if (!e && organization_id != INSTALLATION) e = refresh_credentials(op, directory, resident, version);
    return !e && held ? ERR_PENDING : e;
}

struct heard {
    int64_t organization_id, version;
};
struct heard_list {
    struct heard *items;
    size_t count, capacity;
};

static enum err hear(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    struct heard_list *list = context;
    list->items = arena_grow(&op->arena, list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = (struct heard){ organization_id, version };
    return ERR_OK;
}

/* Others are not to wait for one that cannot be followed, nor for a write of it that a held row keeps from ending, nor for a
 * database that went away: it is tried again later. Nor is what one takes of memory kept for all of a round, which may be
 * thousands. */
static void follow_news(struct directory *directory, const struct heard *heard)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    bool behind = directory_is_behind(directory, heard->organization_id) || !store_reachable(directory->store);
    if (!behind && !directory_refresh(&op, directory, heard->organization_id, heard->version, BACKGROUND_WAIT_MS)) return;
    directory_note_behind(directory, heard->organization_id, BEHIND_NEWS, heard->version);
    directory_raise(&directory_know_resident(directory, heard->organization_id)->known_version, heard->version);
    directory_reach_news(directory);
}

/* Whoever logged out is out, also if nothing else can be followed. */
static void follow_ended(struct directory *directory)
{
    if (!directory->logins) return;
    AUTO_OP op = op_begin();
    op.caller.system = true;
    bool failed = logins_follow_ended(&op, directory->logins) != ERR_OK;
    if (failed && !directory->ended_failing) log_warn("the ends of sessions cannot be followed: %s", op.failure.text);
    if (!failed && directory->ended_failing) log_info("the ends of sessions are followed again");
    directory->ended_failing = failed;
}

/* It fails only if the database as a whole cannot be followed. */
static enum err follow_once(struct op *op, struct directory *directory)
{
    struct heard_list list = { 0 };
    enum err e = store_follow(op, directory->store, &directory->follow_cursor, hear, &list);
    int64_t epoch = store_epoch(directory->store);
    for (size_t i = 0; i < list.count; i++) follow_news(directory, &list.items[i]);
    if (!e && epoch != directory->compared_epoch) {
        e = directory_compare_all(op, directory);
        if (!e) directory->compared_epoch = epoch;
    }
    if (!e) directory_follow_behind(directory);
    return e;
}

static void tell_following(struct directory *directory, enum err e, const struct failure *failure)
{
    char text[256] = "";
    bool failed_before = atomic_exchange(&directory->follow_failing, e != ERR_OK);
    if (e && !failed_before) directory_reach_news(directory);
    if (e) store_trouble(directory->store, text, sizeof text);
    follow_log_result(&directory->follow_log, e != ERR_OK, failure->text, text, clock_monotonic_ns());
    if (e) return;
    int64_t held_back_ms = store_held_back_ms(directory->store, text, sizeof text);
    follow_log_held_back(&directory->follow_log, held_back_ms, text);
}

static void note_success(struct directory *directory)
{
    const char *by = store_follows_by(directory->store);
    if (by != atomic_exchange(&directory->follows_by, by)) log_info("other processes are followed by %s", by);
    atomic_store(&directory->follow_succeeded_ns, clock_monotonic_ns());
}

void *directory_run_follower(void *argument)
{
    enum { RETRY_MS = 1000 }; /* writes are refused until it succeeds */
    struct directory *directory = argument;
    while (!atomic_load(&directory->stopping)) {
        AUTO_OP op = op_begin();
        op.caller.system = true;
        enum err e = follow_once(&op, directory);
        tell_following(directory, e, &op.failure);
        follow_ended(directory);
        if (!e) note_success(directory);
        bool soon = e && directory->follow_interval_ms > RETRY_MS;
        store_wait(directory->store, soon ? RETRY_MS : directory->follow_interval_ms);
    }
    return NULL;
}
