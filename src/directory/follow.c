/* follow.c — the background: following other processes' commits, ended memberships, memory, last uses and log-ins. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "directory/resident.h"

#include <errno.h>
#include <time.h>

/* --- following --- */

struct credential_list {
    struct credential *items;
    size_t count, capacity;
};

static enum err collect_credential(void *context, struct op *op, const struct credential *credential)
{
    struct credential_list *list = context;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct credential *items = arena_alloc(&op->arena, capacity * sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
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
    if ((!next_version && !next_position) || change_noun(entry->kind) == NOUN_CREDENTIAL) news->changed = true;
    news->version = entry->version;
    news->position = entry->position;
    return ERR_OK;
}

/* Most commits change no credential: one look at the log says so. */
static enum err find_credential_news(struct op *op, struct directory *directory, struct resident *resident, int64_t version,
                                     bool *ret_any)
{
    enum { FEW = 100 };
    struct credential_news news = { .version = atomic_load(&resident->credentials_version) };
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
    if (!*ret_any) directory_raise(&resident->credentials_version, news.version);
    return ERR_OK;
}

/* An organization has few credentials: when there may be others, reading all of them again is simpler than following them one by
 * one. */
static enum err refresh_credentials(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    if (atomic_load(&resident->credentials_version) >= version) return ERR_OK;
    bool any;
    enum err e = find_credential_news(op, directory, resident, version, &any);
    if (e || !any) return e;
    struct credential_list list = { 0 };
    struct store_sink sink = { .context = &list, .credential = collect_credential };
    int64_t read_version;
    e = store_load(op, directory->store, resident->organization_id, &sink, NULL, &read_version);
    if (e == ERR_NOT_FOUND) { /* deleted meanwhile: the installation's log says so */
        failure_clear(&op->failure);
        return ERR_OK;
    }
    if (e) return e;
    credentials_replace_organization(directory->credentials, resident->organization_id, list.items, list.count);
    atomic_store(&resident->credentials_version, read_version);
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
    if (deleted->count == deleted->capacity) {
        deleted->capacity = deleted->capacity ? deleted->capacity * 2 : 16;
        int64_t *ids = arena_array(&op->arena, deleted->capacity, sizeof *ids);
        if (deleted->count) memcpy(ids, deleted->ids, deleted->count * sizeof *ids);
        deleted->ids = ids;
    }
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
    if (!e) directory_raise(&resident->logins_version, version);
    return e;
}

enum err directory_refresh_image_in_turn(struct op *op, struct directory *directory, struct resident *resident, int64_t version,
                                         struct organization_list *ret_outdated)
{
    enum err e = ERR_OK;
    pthread_rwlock_rdlock(&directory->table_lock);
    struct image *image = resident->image;
    if (image) image_hold(image);
    pthread_rwlock_unlock(&directory->table_lock);
    if (image && image->version < version) {
        bool reload = false;
        e = directory_catch_up(op, directory, image, &reload, ret_outdated);
        if (reload) { /* while the database is away an image that is not the newest is better than none */
            atomic_fetch_add(&directory->reloads, 1);
            directory_unlink(directory, resident);
        }
    }
    image_drop(image);
    return e;
}

static enum err refresh_image(struct op *op, struct directory *directory, struct resident *resident, int64_t version,
                              struct organization_list *outdated)
{
    turn_take(&resident->turn);
    enum err e = directory_refresh_image_in_turn(op, directory, resident, version, outdated);
    turn_give(&resident->turn, true);
    return e;
}

enum err directory_refresh_image(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    struct organization_list none = { 0 };
    directory_raise(&resident->known_version, version);
    return directory_refresh_image_in_turn(op, directory, resident, version, &none);
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
        turn_take(&resident->turn);
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

/* The installation is always resident: when its log cannot be followed it is loaded again at once. */
static enum err refresh_installation(struct op *op, struct directory *directory, struct resident *resident, int64_t version)
{
    struct organization_list outdated = { 0 };
    enum err e = refresh_image(op, directory, resident, version, &outdated);
    /* The image has these changes by now, so nobody tells of them again: who fails is remembered. */
    for (size_t i = 0; i < outdated.count; i++) {
        enum err failed = directory_refresh_outdated(op, directory, outdated.ids[i]);
        if (failed) directory_note_behind(directory, outdated.ids[i], BEHIND_OUTDATED, 0);
        if (!e) e = failed;
    }
    struct image *image;
    enum err leased = directory_lease(op, directory, INSTALLATION, &resident, &image);
    if (!leased) image_drop(image);
    return e ? e : leased;
}

enum err directory_refresh(struct op *op, struct directory *directory, int64_t organization_id, int64_t version)
{
    struct resident *resident = directory_find_resident(directory, organization_id);
    if (!resident) {
        /* Made by another process just now; the installation's log may tell of it only after this. */
        directory_add_organization(directory, organization_id, 0);
        resident = directory_find_resident(directory, organization_id);
        atomic_store(&resident->credentials_version, -1);
    }
    directory_raise(&resident->known_version, version);
    directory_reach_news(directory);
    enum err e = ERR_OK;
    if (organization_id != INSTALLATION) e = directory_follow_logins(op, directory, resident, version);
    if (!e && !image_is_current(directory, resident, version)) {
        if (organization_id == INSTALLATION) return refresh_installation(op, directory, resident, version);
        struct organization_list none = { 0 };
        e = refresh_image(op, directory, resident, version, &none);
    }
    if (!e && organization_id != INSTALLATION) e = directory_follow_logins(op, directory, resident, version); /* if forgotten */
    /* Apart from the image: it may have met this commit already, while loading or before a write of its own. */
    if (!e && organization_id != INSTALLATION) e = refresh_credentials(op, directory, resident, version);
    return e;
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
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        struct heard *items = arena_alloc(&op->arena, capacity * sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct heard){ organization_id, version };
    return ERR_OK;
}

/* Others are not to wait for one that cannot be followed, nor for a database that went away: it is tried again later. */
static void follow_news(struct op *op, struct directory *directory, const struct heard *heard)
{
    bool behind = directory_is_behind(directory, heard->organization_id) || !store_reachable(directory->store);
    if (!behind && !directory_refresh(op, directory, heard->organization_id, heard->version)) return;
    failure_clear(&op->failure);
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
    for (size_t i = 0; i < list.count; i++) follow_news(op, directory, &list.items[i]);
    if (!e && epoch != directory->compared_epoch) {
        e = directory_compare_all(op, directory);
        if (!e) directory->compared_epoch = epoch;
    }
    if (!e) directory_follow_behind(op, directory);
    return e;
}

/* Waits; true when it is time to stop. */
static bool pause_for(struct directory *directory, int64_t milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&directory->stop_mutex);
    while (!directory->stopping && pthread_cond_timedwait(&directory->stop_wanted, &directory->stop_mutex, &until) != ETIMEDOUT) {
    }
    bool stopping = directory->stopping;
    pthread_mutex_unlock(&directory->stop_mutex);
    return stopping;
}

static void tell_following(struct directory *directory, enum err e, const struct failure *failure)
{
    bool failed_before = atomic_exchange(&directory->follow_failing, e != ERR_OK);
    if (e && !failed_before) {
        char trouble[256];
        store_trouble(directory->store, trouble, sizeof trouble);
        log_error("cannot follow the database: %s%s%s", failure->text, *trouble ? ": " : "", trouble);
        directory_reach_news(directory);
    }
    if (!e && failed_before) log_info("following the database again");
}

static void *run_follower(void *argument)
{
    struct directory *directory = argument;
    const char *by = NULL;
    while (!atomic_load(&directory->stopping)) {
        store_wait(directory->store, directory->follow_interval_ms);
        AUTO_OP op = op_begin();
        op.caller.system = true;
        enum err e = follow_once(&op, directory);
        tell_following(directory, e, &op.failure);
        follow_ended(directory);
        const char *now = e ? by : store_follows_by(directory->store);
        if (now != by) log_info("other processes are followed by %s", now);
        by = now;
    }
    return NULL;
}

/* --- ended memberships --- */

struct ended {
    struct membership *items;
    size_t count;
    int64_t organization_id; /* for the rule: of which organization */
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
    const struct ended *ended = request;
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
        change_add(&op->arena, &context->changes, MEMBER_EXPIRED, before, (union object){ 0 });
    }
    return ERR_OK;
}

static enum err expire_once(struct op *op, struct directory *directory)
{
    struct ended ended = { .items = arena_array(&op->arena, ENDED_BATCH, sizeof *ended.items) };
    enum err e = store_list_ended(op, directory->store, op->now, ENDED_BATCH, collect_ended, &ended);
    for (size_t i = 0; i < ended.count && !e; i++) {
        if (ended.items[i].organization_id == ended.organization_id) continue;
        ended.organization_id = ended.items[i].organization_id;
        e = directory_write(op, directory, ended.organization_id, expire_members, &ended);
    }
    atomic_fetch_add(&directory->expired, (int64_t)ended.count);
    return e;
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
        turn_take(&idle->turn);
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

static enum err save_last_used(struct op *op, struct directory *directory)
{
    struct last_used *items;
    size_t count = credentials_take_last_used(directory->credentials, &op->arena, &items);
    return count ? store_save_last_used(op, directory->store, items, count) : ERR_OK;
}

static enum err keep_logins(struct op *op, struct directory *directory)
{
    return directory->logins ? logins_keep_house(op, directory->logins) : ERR_OK;
}

static enum err save_logins(struct op *op, struct directory *directory)
{
    bool must = directory->logins && logins_must_save(directory->logins) && store_reachable(directory->store);
    return must ? logins_save_sessions(op, directory->logins) : ERR_OK;
}

static void *run_housekeeper(void *argument)
{
    enum { SAVE_LAST_USED_EVERY_S = 30 };
    struct directory *directory = argument;
    for (int64_t second = 1; !pause_for(directory, 1000); second++) {
        AUTO_OP op = op_begin();
        op.caller.system = true;
        enum err e = ERR_OK;
        if (second % directory->expire_interval_s == 0) e = expire_once(&op, directory);
        if (!e && second % SAVE_LAST_USED_EVERY_S == 0) e = save_last_used(&op, directory);
        if (!e) e = second % LOGINS_KEEP_HOUSE_S == 0 ? keep_logins(&op, directory) : save_logins(&op, directory);
        if (e) log_warn("housekeeping: %s", op.failure.text);
        drop_idle_images(directory);
        drop_idle_fragments(directory, fragments_budget());
    }
    return NULL;
}

void directory_start_background(struct directory *directory)
{
    directory->background = true;
    if (pthread_create(&directory->follower, NULL, run_follower, directory) != 0) abort();
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
    if (save_last_used(&op, directory)) log_warn("last uses of credentials were not saved: %s", op.failure.text);
    failure_clear(&op.failure);
    if (keep_logins(&op, directory)) log_warn("last uses of sessions were not saved: %s", op.failure.text);
}
