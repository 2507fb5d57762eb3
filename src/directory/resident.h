/* resident.h — which organizations there are, which of them are in memory, and the life of a write. Private to directory/.
 *
 * INVARIANTS
 *  1. Locks are taken in this order: a resident's writer lock, the table lock, an image's lock. Never two writer locks at once;
 *     the installation's image lock is taken before another image's and only shared.
 *  2. An image is unlinked only by the holder of its resident's writer lock, so a writer's image stays linked while it writes.
 *  3. known_version is raised before the image is looked at; a loader compares it again under the table lock before it links
 *     the image: a commit that happens while an image is loading is never missed. */
#ifndef ROSTER_DIRECTORY_RESIDENT_H
#define ROSTER_DIRECTORY_RESIDENT_H

#include "directory/directory.h"
#include "directory/follow_log.h"
#include "directory/turn.h"

/* How long the background waits for the turn where a write that ends as it should must not keep it from its work. Of writes that
 * follow each other without a pause it comes between two. */
enum { BACKGROUND_WAIT_MS = 20 };

/* What an organization that is behind has to catch up with; bits. */
enum {
    BEHIND_NEWS = 1,     /* a version that was heard of */
    BEHIND_OUTDATED = 2, /* the installation's log tells of it, or the database lost that */
    BEHIND_PAST = 4,     /* perhaps commits that the database lost */
};

struct behind {
    struct resident *next; /* in the list */
    unsigned what;         /* 0: it is not in the list */
    int attempts;          /* that failed while the database answered; some few are counted */
    int64_t version;       /* heard of */
};

struct resident {
    int64_t organization_id;
    struct image *image;     /* NULL: not in memory; guarded by the table lock */
    bool deleted;            /* guarded by the table lock */
    struct loading {         /* guarded by load_mutex */
        bool busy;           /* a thread loads */
        int64_t begun;       /* how many loads were */
        int64_t waiting;     /* threads, for the one under way */
        struct image *apart; /* what the last load brought, linked or not; NULL: nothing, or nobody waits */
        int64_t apart_begun; /* which load that was */
    } loading;
    struct turn turn;                    /* to write: what the invariants call the writer lock */
    bool held;                           /* the log says that it cannot be written to; guarded by the turn */
    _Atomic int64_t known_version;       /* newest version heard of */
    _Atomic int64_t credentials_version; /* up to which the index of credentials has what the log says */
    _Atomic int64_t logins_version;      /* up to which sessions have ended as the log says; -1: not known */
    _Atomic int64_t last_used_ns;
    struct behind behind; /* the follower's own */
};

/* Threads that wait for a version of some organization: reach.c. Nothing else is locked under its mutex. */
struct reach {
    pthread_mutex_t mutex;
    pthread_cond_t news;      /* a version was heard of, or nobody shall wait any more */
    _Atomic int64_t waiting;  /* threads; changed under the mutex */
    int64_t waiting_max;      /* set when the directory is opened */
    _Atomic int64_t limit_ms; /* how long one waits */
    bool ended;               /* guarded by the mutex */
};

struct directory {
    struct store *store;
    struct credentials *credentials;
    struct jwt *jwt; /* borrowed; NULL: no tokens of an identity provider */
    int64_t jwt_organization;
    struct logins *logins; /* borrowed; NULL: none */
    pthread_rwlock_t table_lock;
    struct resident **residents; /* singly allocated, never freed before the directory: pointers stay good */
    uint32_t resident_count, resident_capacity;
    struct lookup residents_by_id;
    pthread_mutex_t load_mutex;
    pthread_cond_t load_done;
    _Atomic uint32_t account_epoch; /* the last one given to an image of the installation */

    pthread_t follower, housekeeper;
    bool background;
    pthread_mutex_t stop_mutex;
    pthread_cond_t stop_wanted;
    _Atomic bool stopping;
    _Atomic bool follow_failing;
    _Atomic int64_t follow_succeeded_ns; /* when, by clock_monotonic_ns; from the start on */
    _Atomic(const char *) follows_by;    /* store_follows_by; NULL: not known yet */
    _Atomic int64_t behind;              /* how many are on the list below */
    _Atomic int64_t held_told_ns;        /* when it was last said of an organization that it is held */
    struct reach reach;
    /* The follower's own. */
    _Atomic int64_t organizations_version; /* of the installation: up to which its log was read for organizations */
    int64_t follow_cursor;
    int64_t compared_epoch; /* of store_epoch, when memory was last compared with the database */
    bool ended_failing;     /* ended sessions cannot be followed, and that was said */
    struct follow_log follow_log;
    struct resident *behind_first, *behind_last;
    int64_t behind_pause_until_ns;
    _Atomic int64_t memory_budget, follow_interval_ms, expire_interval_s;
    _Atomic int64_t loads, load_us, evictions, reloads, followed, expired;
};

/* Adds an organization to the table if it is not there (or was deleted). `credentials_version`: its version when the credentials
 * were read, or before; 0 if they were not. */
void directory_add_organization(struct directory *directory, int64_t organization_id, int64_t credentials_version);

/* Also if it was deleted. One that was never heard of is added as deleted. */
struct resident *directory_know_resident(struct directory *directory, int64_t organization_id);

/* NULL if there is no such organization. */
struct resident *directory_find_resident(struct directory *directory, int64_t organization_id);

/* The image of an organization with a reference (image_drop when done) if it is in memory, else NULL. */
struct image *directory_find_image(struct directory *directory, int64_t organization_id);

/* The image of an organization with a reference (image_drop when done), loaded if need be. ERR_DEFERRED if it would have to be
 * loaded and op may not block; ERR_NOT_FOUND "organization". */
MUST_USE enum err directory_lease(struct op *op, struct directory *directory, int64_t organization_id,
                                  struct resident **ret_resident, struct image **ret_image);

/* The same for who only reads. While another process imports the organization that it has made it can be loaded, but not
 * followed, so it may be older than what was heard of as soon as it is there. The image is then not the table's but the caller's,
 * and perhaps that of others who waited for it: all that the database had when the call began is in it, and it follows nothing.
 */
MUST_USE enum err directory_lease_to_read(struct op *op, struct directory *directory, int64_t organization_id,
                                          struct resident **ret_resident, struct image **ret_image);

/* Drops the image from the table; the last lease frees it. The writer lock is held. */
void directory_unlink(struct directory *directory, struct resident *resident);

/* Raises a version to a newer one; never lowers it. */
void directory_raise(_Atomic int64_t *version, int64_t newer);

/* The database has not the commits any more that this node knew of, up to version `known`; the log says so. What is known of the
 * organization becomes what the database has now, so that image, credentials and ended sessions are read again. The writer lock
 * is held, and the image is for the caller to unlink; or the caller is about to load one, or to read the log of one that nobody
 * has seen yet. */
MUST_USE enum err directory_forget(struct op *op, struct directory *directory, int64_t organization_id, int64_t known);

/* Applies what the log has after the image's version. The writer lock is held, or nobody has seen the image yet.
 * Sets *ret_reload if the image cannot be brought up to date this way, or is of commits that the database lost (directory_forget
 * was called then), or if there is too much to catch up with; after a failure it is as it was. What the installation's log says
 * of organizations is not looked at. */
MUST_USE enum err directory_catch_up(struct op *op, struct directory *directory, struct image *image, bool *ret_reload);

/* For a store_sink: appends to a struct credential_list in the operation's arena. */
struct credential_list {
    struct credential *items; /* of their texts only the name */
    size_t count, capacity;
};
MUST_USE enum err directory_collect_credential(void *list, struct op *op, const struct credential *credential);

/* Ends the sessions of users that the organization's log says were deleted, up to `version`, so that they do not live again if
 * their users do: before an image that is in memory shows these, whether one is or not. (One that is loaded shows them before the
 * follower has heard of them, for follow_interval_ms.) Reads the log only if the organization has sessions here. */
MUST_USE enum err directory_follow_logins(struct op *op, struct directory *directory, struct resident *resident, int64_t version);

/* Brings one resident organization up to date after `version` was heard of: catches up or unlinks. ERR_PENDING: a write had the
 * turn for longer than `wait_ms`, so the image is as it was and the rest is done; also from the next one and directory_compare,
 * after BACKGROUND_WAIT_MS, which have done nothing then. */
MUST_USE enum err directory_refresh(struct op *op, struct directory *directory, int64_t organization_id, int64_t version,
                                    int64_t wait_ms);

/* The same after the installation's log told that it was made, changed or deleted. */
MUST_USE enum err directory_refresh_outdated(struct op *op, struct directory *directory, int64_t organization_id);

/* Brings the image of an organization that is in memory up to date after `version` was heard of: catches up, or unlinks it if
 * that cannot be done. The writer lock is held. Unlike directory_refresh it leaves the credentials to the follower. */
MUST_USE enum err directory_refresh_image(struct op *op, struct directory *directory, struct resident *resident, int64_t version);

/* The same, except that known_version is left. */
MUST_USE enum err directory_refresh_image_in_turn(struct op *op, struct directory *directory, struct resident *resident,
                                                  int64_t version);

/* --- behind.c; for the follower --- */

/* Puts an organization on the list of those that are behind, or adds to what it has to catch up with. */
void directory_note_behind(struct directory *directory, int64_t organization_id, unsigned what, int64_t version);

bool directory_is_behind(struct directory *directory, int64_t organization_id);

/* Brings those on the list up to date, oldest first, for about a second at most; after a failure not again for a moment. Who
 * fails stays on the list. */
void directory_follow_behind(struct directory *directory);

/* Compares what is known of an organization with what the database has now: catches up, or forgets and unlinks. */
MUST_USE enum err directory_compare(struct op *op, struct directory *directory, struct resident *resident);

/* Reads the newest commits of all organizations and all credentials, and lists who differs as behind. Credentials are as the
 * database has them afterwards. */
MUST_USE enum err directory_compare_all(struct op *op, struct directory *directory);

/* --- reach.c --- */

void directory_reach_open(struct directory *directory, const struct directory_options *options);
void directory_reach_close(struct directory *directory);

/* Wakes those that wait for a version: resident->known_version was raised, or the database went away. Costs one load when nobody
 * waits. */
void directory_reach_news(struct directory *directory);

/* See directory_reach. op->at_least is not 0. */
MUST_USE enum err directory_wait_for_version(struct op *op, struct directory *directory, int64_t organization_id);

/* ERR_OK once the image of the organization that is leased next has op->at_least, now and as long as the op lives: versions only
 * rise. No lock or turn may be held. ERR_DEFERRED if that takes waiting and op may not block; ERR_PENDING, with op->async, if the
 * turn has to be waited for: finished is called with ERR_DEFERRED then, and the request begins again from its start; ERR_BUSY
 * "Roster-At-Least" if it takes longer than the limit, if too many wait, or if the database is away; what directory_lease says.
 */
MUST_USE static inline enum err directory_reach(struct op *op, struct directory *directory, int64_t organization_id)
{
    return op->at_least ? directory_wait_for_version(op, directory, organization_id) : ERR_OK;
}

/* Which state an op saw. */
static inline void directory_note_seen(struct op *op, const struct directory *directory, const struct image *image)
{
    op->looked = true;
    op->version = atomic_load_explicit(&image->version, memory_order_relaxed);
    op->stale = directory_stale(directory);
}

/* A rule looks at the image and appends changes, or fails. It may run several times. `caller` and `administrator` are as in
 * struct view. */
struct rule_context {
    struct image *image;
    uint32_t caller;
    bool administrator;
    struct change_list changes;
};
typedef enum err (*directory_rule)(struct op *op, struct rule_context *context, void *request);

/* The life of a write: turn, rule, commit, apply. Nothing is committed if the rule makes no changes. `request` must live as long
 * as the op. With op->async it returns ERR_PENDING at once, and op->async->finished tells the result. */
MUST_USE enum err directory_write(struct op *op, struct directory *directory, int64_t organization_id, directory_rule rule,
                                  void *request);

/* Who is op->caller in this image? ERR_UNAUTHENTICATED if its user is gone, not active, or another one than caller.user_uuid. */
MUST_USE enum err directory_resolve_caller(struct op *op, const struct image *image, uint32_t *ret_caller,
                                           bool *ret_administrator);

/* A living group that the caller may see: administrators see all, others the groups they are in now. ERR_NOT_FOUND "group" else.
 */
MUST_USE enum err directory_visible_group(struct op *op, const struct image *image, int64_t group_id, uint32_t caller,
                                          bool administrator, uint32_t *ret_group);

/* Is the user (NO_ORDINAL: nobody) a manager of the group now? */
bool directory_manages(const struct op *op, const struct image *image, uint32_t group, uint32_t user);

/* housekeeping.c: saves when credentials were used last; what cannot be saved is saved the next time. */
MUST_USE enum err directory_save_last_used(struct op *op, struct directory *directory);

/* follow.c: the thread that follows, until directory->stopping. */
void *directory_run_follower(void *directory);

void directory_start_background(struct directory *directory);
void directory_stop_background(struct directory *directory);

#endif
