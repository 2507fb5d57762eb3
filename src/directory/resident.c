#include "directory/resident.h"

#include "base/clock.h"
#include "base/memory.h"

/* --- the table --- */

static uint64_t hash_id(int64_t id)
{
    return lookup_hash_bytes(&id, sizeof id);
}
static uint64_t hash_of_resident(const void *context, uint32_t ordinal)
{
    return hash_id(((const struct directory *)context)->residents[ordinal]->organization_id);
}
static bool same_resident(const void *context, uint32_t ordinal, const void *key)
{
    return ((const struct directory *)context)->residents[ordinal]->organization_id == *(const int64_t *)key;
}

static struct resident *find_locked(struct directory *directory, int64_t organization_id)
{
    uint32_t at = lookup_find(&directory->residents_by_id, hash_id(organization_id), same_resident, directory, &organization_id);
    return at == LOOKUP_NONE ? NULL : directory->residents[at];
}

/* The table is locked to be changed. */
static struct resident *add_locked(struct directory *directory, int64_t organization_id)
{
    struct resident *resident = memory_zalloc(sizeof *resident);
    resident->organization_id = organization_id;
    resident->logins_version = -1; /* sessions were loaded before the directory was */
    turn_init(&resident->turn);
    if (directory->resident_count == directory->resident_capacity) {
        directory->resident_capacity = memory_next_capacity(directory->resident_capacity, directory->resident_count + 1);
        directory->residents = memory_resize(directory->residents, directory->resident_capacity, sizeof *directory->residents);
    }
    directory->residents[directory->resident_count] = resident;
    lookup_add(&directory->residents_by_id, hash_id(organization_id), directory->resident_count, hash_of_resident, directory);
    directory->resident_count++;
    return resident;
}

void directory_add_organization(struct directory *directory, int64_t organization_id, int64_t credentials_version)
{
    pthread_rwlock_wrlock(&directory->table_lock);
    struct resident *resident = find_locked(directory, organization_id);
    if (!resident) {
        resident = add_locked(directory, organization_id);
        resident->credentials_version = credentials_version;
    }
    resident->deleted = false;
    pthread_rwlock_unlock(&directory->table_lock);
}

struct resident *directory_know_resident(struct directory *directory, int64_t organization_id)
{
    pthread_rwlock_wrlock(&directory->table_lock);
    struct resident *resident = find_locked(directory, organization_id);
    if (!resident) {
        resident = add_locked(directory, organization_id);
        resident->deleted = true;
    }
    pthread_rwlock_unlock(&directory->table_lock);
    return resident;
}

struct resident *directory_find_resident(struct directory *directory, int64_t organization_id)
{
    pthread_rwlock_rdlock(&directory->table_lock);
    struct resident *resident = find_locked(directory, organization_id);
    if (resident && resident->deleted) resident = NULL;
    pthread_rwlock_unlock(&directory->table_lock);
    return resident;
}

/* The linked image with a reference, or NULL. */
static struct image *linked_image(struct directory *directory, struct resident *resident)
{
    pthread_rwlock_rdlock(&directory->table_lock);
    struct image *image = resident->image;
    if (image) image_hold(image);
    pthread_rwlock_unlock(&directory->table_lock);
    return image;
}

struct image *directory_find_image(struct directory *directory, int64_t organization_id)
{
    struct resident *resident = directory_find_resident(directory, organization_id);
    return resident ? linked_image(directory, resident) : NULL;
}

void directory_unlink(struct directory *directory, struct resident *resident)
{
    pthread_rwlock_wrlock(&directory->table_lock);
    struct image *image = resident->image;
    resident->image = NULL;
    pthread_rwlock_unlock(&directory->table_lock);
    image_drop(image);
}

void directory_raise(_Atomic int64_t *version, int64_t newer)
{
    int64_t known = atomic_load(version);
    while (known < newer && !atomic_compare_exchange_weak(version, &known, newer)) {}
}

/* --- loading --- */

static enum err load_image(struct op *op, struct directory *directory, int64_t organization_id, struct image **ret_image)
{
    int64_t begun = clock_monotonic_ns();
    struct image *image = image_new(organization_id);
    struct store_sink sink;
    image_sink(image, &sink);
    sink.ret_commit_id = &image->commit_id;
    int64_t version;
    enum err e = store_load(op, directory->store, organization_id, &sink, NULL, &version);
    if (e) {
        image_drop(image);
        return e;
    }
    image_load_done(image, version);
    if (organization_id == INSTALLATION) image->account_epoch = atomic_fetch_add(&directory->account_epoch, 1) + 1;
    atomic_fetch_add(&directory->loads, 1);
    atomic_fetch_add(&directory->load_us, (clock_monotonic_ns() - begun) / 1000);
    *ret_image = image;
    return ERR_OK;
}

/* Links the image unless something newer was heard of meanwhile. */
static bool link_image(struct directory *directory, struct resident *resident, struct image *image)
{
    pthread_rwlock_wrlock(&directory->table_lock);
    bool current = atomic_load(&image->version) >= atomic_load(&resident->known_version);
    if (current) {
        image_hold(image);
        resident->image = image;
    }
    pthread_rwlock_unlock(&directory->table_lock);
    return current;
}

/* Links an image that nobody sees yet, after what was committed while it loaded. Commits go on meanwhile, but following the few
 * of a load takes no longer than one of them. False if it must be loaded again. */
static bool catch_up_and_link(struct op *op, struct directory *directory, struct resident *resident, struct image *image)
{
    enum { ROUNDS = 20 };
    bool reload = false;
    for (int round = 0; round < ROUNDS && !reload; round++) {
        if (link_image(directory, resident, image)) return true;
        int64_t known = atomic_load(&resident->known_version);
        enum err e = directory_catch_up(op, directory, image, &reload);
        /* What was known before it was asked for is not there: the database went back. What others commit until it is forgotten
         * raises nothing and is followed into no image, so the log is read once more after it. */
        if (!e && !reload && image->version < known) {
            e = directory_forget(op, directory, resident->organization_id, known);
            if (!e) e = directory_catch_up(op, directory, image, &reload);
        }
        if (!e) continue;
        failure_clear(&op->failure); /* if the database does not answer either, the next load says so */
        reload = true;
    }
    return false;
}

/* Loads and links; *ret_image has a reference for the caller. It is loaded again only if the log cannot be followed: while the
 * organization is imported, or when the database went back. To be read the second one is good as it is: not caught up with, which
 * may have left it with half of a commit. */
static enum err load_and_link(struct op *op, struct directory *directory, struct resident *resident, bool to_read,
                              struct image **ret_image)
{
    enum { ATTEMPTS = 5, ATTEMPTS_TO_READ = 2 };
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        struct image *image;
        enum err e = load_image(op, directory, resident->organization_id, &image);
        if (e) return e;
        bool as_it_is = to_read && attempt == ATTEMPTS_TO_READ;
        bool linked = as_it_is ? link_image(directory, resident, image) : catch_up_and_link(op, directory, resident, image);
        if (linked || as_it_is) {
            *ret_image = image;
            return ERR_OK;
        }
        image_drop(image);
    }
    return op_fail(op, ERR_BUSY, "", "the organization changes faster than it can be loaded");
}

/* For who cares to drop it once load_mutex is free: an image that nobody waits for any more. */
static struct image *take_left(struct loading *loading)
{
    struct image *left = loading->waiting ? NULL : loading->apart;
    if (left) loading->apart = NULL;
    return left;
}

/* Waits while a thread loads. NULL: it is for the caller to load. */
static struct image *await_image(struct directory *directory, struct resident *resident, bool to_read)
{
    struct loading *loading = &resident->loading;
    struct image *image;
    pthread_mutex_lock(&directory->load_mutex);
    const int64_t begun = loading->begun; /* what these bring may be older than the call */
    loading->waiting++;
    while (!(image = linked_image(directory, resident))) {
        if (to_read && loading->apart && loading->apart_begun > begun) {
            image = loading->apart;
            image_hold(image);
            break;
        }
        if (!loading->busy) break;
        pthread_cond_wait(&directory->load_done, &directory->load_mutex);
    }
    loading->waiting--;
    if (!image) {
        loading->busy = true;
        loading->begun++;
    }
    struct image *left = take_left(loading);
    pthread_mutex_unlock(&directory->load_mutex);
    image_drop(left);
    return image;
}

/* One thread loads, the others that want the same organization wait for it: for one load or two, whether it can be linked or not,
 * if they only read. */
static enum err load_shared(struct op *op, struct directory *directory, struct resident *resident, bool to_read,
                            struct image **ret_image)
{
    struct loading *loading = &resident->loading;
    *ret_image = await_image(directory, resident, to_read);
    if (*ret_image) return ERR_OK;

    enum err e = load_and_link(op, directory, resident, to_read, ret_image);
    pthread_mutex_lock(&directory->load_mutex);
    struct image *before = e ? NULL : loading->apart;
    if (!e) {
        image_hold(*ret_image);
        loading->apart = *ret_image;
        loading->apart_begun = loading->begun;
    }
    struct image *left = take_left(loading);
    loading->busy = false;
    pthread_cond_broadcast(&directory->load_done);
    pthread_mutex_unlock(&directory->load_mutex);
    image_drop(before);
    image_drop(left);
    return e;
}

static enum err lease(struct op *op, struct directory *directory, int64_t organization_id, bool to_read,
                      struct resident **ret_resident, struct image **ret_image)
{
    pthread_rwlock_rdlock(&directory->table_lock);
    struct resident *resident = find_locked(directory, organization_id);
    struct image *image = NULL;
    if (resident && resident->deleted) resident = NULL;
    if (resident) image = resident->image;
    if (image) image_hold(image);
    pthread_rwlock_unlock(&directory->table_lock);

    if (!resident) return op_fail(op, ERR_NOT_FOUND, "organization", "there is no organization %lld", (long long)organization_id);
    atomic_store_explicit(&resident->last_used_ns, clock_coarse_ns(), memory_order_relaxed);
    *ret_resident = resident;
    *ret_image = image;
    if (image) return ERR_OK;
    if (!op->may_block) return op_fail(op, ERR_DEFERRED, "", "the organization is not in memory");
    return load_shared(op, directory, resident, to_read, ret_image);
}

enum err directory_lease(struct op *op, struct directory *directory, int64_t organization_id, struct resident **ret_resident,
                         struct image **ret_image)
{
    return lease(op, directory, organization_id, false, ret_resident, ret_image);
}

enum err directory_lease_to_read(struct op *op, struct directory *directory, int64_t organization_id,
                                 struct resident **ret_resident, struct image **ret_image)
{
    return lease(op, directory, organization_id, true, ret_resident, ret_image);
}

/* --- open and close --- */

static enum err open_organization(void *context, struct op *op, const struct organization *organization)
{
    (void)op;
    directory_add_organization(context, organization->id, organization->version);
    return ERR_OK;
}

static enum err open_credential(void *context, struct op *op, const struct credential *credential)
{
    (void)op;
    credentials_put(((struct directory *)context)->credentials, credential);
    return ERR_OK;
}

static enum err load_everything_resident(struct op *op, struct directory *directory)
{
    /* Versions before credentials: what is committed in between is read, and followed once more. */
    struct store_sink organizations = { .context = directory, .organization = open_organization };
    int64_t version;
    enum err e = store_load(op, directory->store, INSTALLATION, &organizations, NULL, &version);
    if (e) return e;
    atomic_store(&directory->organizations_version, version);
    struct store_sink credentials = { .context = directory, .credential = open_credential };
    e = store_load_credentials(op, directory->store, &credentials, &directory->follow_cursor);
    if (e) return e;
    directory_add_organization(directory, INSTALLATION, 0);
    struct resident *resident;
    struct image *installation;
    e = directory_lease(op, directory, INSTALLATION, &resident, &installation);
    if (!e) image_drop(installation);
    return e;
}

enum err directory_open(struct op *op, struct store *store, const struct directory_options *options,
                        struct directory **ret_directory)
{
    struct directory *directory = memory_zalloc(sizeof *directory);
    directory->store = store;
    directory->credentials = credentials_new();
    directory->jwt = options->jwt;
    directory->jwt_organization = options->jwt_organization;
    directory->logins = options->logins;
    pthread_rwlock_init(&directory->table_lock, NULL);
    pthread_mutex_init(&directory->load_mutex, NULL);
    pthread_cond_init(&directory->load_done, NULL);
    pthread_mutex_init(&directory->stop_mutex, NULL);
    pthread_cond_init(&directory->stop_wanted, NULL);
    directory_reach_open(directory, options);
    directory_reload(directory, options);

    enum err e = load_everything_resident(op, directory);
    if (e) {
        directory_close(directory);
        return e;
    }
    if (options->background) directory_start_background(directory);
    *ret_directory = directory;
    return ERR_OK;
}

void directory_close(struct directory *directory)
{
    if (!directory) return;
    if (directory->background) directory_stop_background(directory);
    for (uint32_t i = 0; i < directory->resident_count; i++) {
        image_drop(directory->residents[i]->image);
        turn_destroy(&directory->residents[i]->turn);
        free(directory->residents[i]);
    }
    free(directory->residents);
    lookup_free(&directory->residents_by_id);
    credentials_free(directory->credentials);
    pthread_rwlock_destroy(&directory->table_lock);
    pthread_mutex_destroy(&directory->load_mutex);
    pthread_cond_destroy(&directory->load_done);
    pthread_mutex_destroy(&directory->stop_mutex);
    pthread_cond_destroy(&directory->stop_wanted);
    directory_reach_close(directory);
    free(directory);
}

void directory_reload(struct directory *directory, const struct directory_options *options)
{
    fragments_set_budget(options->fragment_budget_mib << 20);
    atomic_store(&directory->memory_budget, options->memory_budget_mib << 20);
    atomic_store(&directory->follow_interval_ms, options->follow_interval_ms);
    atomic_store(&directory->expire_interval_s, options->expire_interval_s);
    atomic_store(&directory->reach.limit_ms, options->at_least_wait_ms);
}

struct logins *directory_logins(struct directory *directory)
{
    return directory ? directory->logins : NULL;
}

struct credentials *directory_credentials(struct directory *directory)
{
    return directory->credentials;
}

bool directory_stale(const struct directory *directory)
{
    return atomic_load_explicit(&directory->follow_failing, memory_order_relaxed) || !store_reachable(directory->store);
}

void directory_stats(struct directory *directory, struct directory_stats *ret_stats)
{
    *ret_stats = (struct directory_stats){ .fragment_bytes = fragments_total(),
                                           .loads = directory->loads,
                                           .load_us = directory->load_us,
                                           .evictions = directory->evictions,
                                           .reloads = directory->reloads,
                                           .followed = directory->followed,
                                           .expired = directory->expired,
                                           .credentials = (int64_t)credentials_count(directory->credentials),
                                           .degraded = directory_stale(directory),
                                           .behind = directory->behind,
                                           .follows_by = directory->follows_by };
    if (directory->background) ret_stats->follow_age_us = (clock_monotonic_ns() - directory->follow_succeeded_ns) / 1000;
    pthread_rwlock_rdlock(&directory->table_lock);
    for (uint32_t i = 0; i < directory->resident_count; i++) {
        const struct resident *resident = directory->residents[i];
        if (resident->organization_id != INSTALLATION && !resident->deleted) ret_stats->organizations++;
        if (!resident->image) continue;
        ret_stats->resident++;
        ret_stats->resident_bytes += image_bytes(resident->image);
    }
    pthread_rwlock_unlock(&directory->table_lock);
}
