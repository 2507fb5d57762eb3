/* logins_index.h — secrets that were accepted, by their SHA-256: sessions, and access tokens whose signature was checked. For
 * logins*.c only.
 *
 * Thread-safe: who looks shares a lock, nothing is waited for under it. Times are microseconds UTC. */
#ifndef ROSTER_AUTH_LOGINS_INDEX_H
#define ROSTER_AUTH_LOGINS_INDEX_H

#include "base/digest.h"
#include "base/uuid.h"
#include "model/op.h"
#include "store/logins.h"

struct logins_index;

/* What a secret stands for. */
struct logins_entry {
    struct digest hash;
    int64_t organization_id, user_id;
    struct uuid user_uuid;
    int64_t expires_at;
    int64_t saved; /* how much of it the store has; only told */
};

/* Keeps at most `max` entries. */
struct logins_index *logins_index_new(uint32_t max);
void logins_index_free(struct logins_index *index); /* accepts NULL */

/* Adds one, if there is room. One that is there lives until the later of both ends. What the store says of its end is the same.
 */
void logins_index_put(struct logins_index *index, const struct logins_entry *entry);

/* The same for what was read from the store while others may have ended it: false, and nothing is put, if there were doubts since
 * `doubts` was told, before it was read. What makes doubts is said below. */
MUST_USE bool logins_index_put_undoubted(struct logins_index *index, const struct logins_entry *entry, uint64_t doubts);
uint64_t logins_index_doubts(const struct logins_index *index);

/* False if it is not there or has expired at `now`. With `extension_us` it lives at least so long from now on. */
bool logins_index_find(struct logins_index *index, const struct digest *hash, int64_t now, int64_t extension_us,
                       struct logins_entry *ret_entry);

/* Makes doubts, whether it is there or not. */
void logins_index_remove(struct logins_index *index, const struct digest *hash);
/* Has the organization any? Makes doubts, for who will not look again if it has none. */
bool logins_index_has(struct logins_index *index, int64_t organization_id);
/* The hashes of an organization's, in the arena; with `user_ids` (ascending, else NULL) only those of these users. Makes
 * doubts, for who looks each of them up. */
size_t logins_index_list(struct logins_index *index, struct arena *arena, int64_t organization_id, const int64_t *user_ids,
                         size_t user_count, struct digest **ret_hashes);
void logins_index_drop_all(struct logins_index *index); /* makes doubts */
void logins_index_drop_organization(struct logins_index *index, int64_t organization_id);
/* Removes what has expired at `now`; the lock is held for some hundred at a time. */
void logins_index_drop_expired(struct logins_index *index, struct arena *arena, int64_t now);

/* Those that were extended since logins_index_saved was last told of them, in the arena. */
size_t logins_index_extended(struct logins_index *index, struct arena *arena, struct session_extension **ret_items);
/* The store has these now. */
void logins_index_saved(struct logins_index *index, const struct session_extension *items, size_t count);

size_t logins_index_count(struct logins_index *index);

#endif
