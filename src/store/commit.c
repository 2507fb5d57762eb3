/* commit.c — the parts of a commit that do not depend on the engine. */
#include "store/commit.h"

#include "base/memory.h"

static int64_t *object_id(enum noun noun, union object object)
{
    switch (noun) {
    case NOUN_ORGANIZATION:
        return &object.organization->id;
    case NOUN_ACCOUNT:
        return &object.account->id;
    case NOUN_USER:
        return &object.user->id;
    case NOUN_GROUP:
        return &object.group->id;
    case NOUN_CREDENTIAL:
        return &object.credential->id;
    case NOUN_MEMBERSHIP:
    case NOUN_NESTING:
    case NOUN_COUNT:
        break;
    }
    return NULL;
}

static int64_t *object_group_id(enum noun noun, union object object)
{
    if (noun == NOUN_MEMBERSHIP) return &object.membership->group_id;
    if (noun == NOUN_NESTING) return &object.nesting->group_id;
    return NULL;
}

/* Unless a number is still to be given. */
static bool can_render_early(const struct commit *commit)
{
    if (commit->bulk) return true;
    for (size_t i = 0; i < commit->changes->count; i++) {
        const struct change *change = &commit->changes->items[i];
        if (change_shape(change->kind) != CHANGE_CREATES) continue;
        const int64_t *id = object_id(change_noun(change->kind), change->after);
        if (!id) id = object_group_id(change_noun(change->kind), change->after);
        if (id && *id == 0) return false;
    }
    return true;
}

static void give_number(struct waiting *w, int64_t *id, int64_t number)
{
    w->numbered = memory_grow(w->numbered, w->numbered_count, &w->numbered_capacity, sizeof *w->numbered);
    w->numbered[w->numbered_count++] = id;
    *id = number;
}

void commit_take_numbers_back(struct waiting *w)
{
    for (size_t i = 0; i < w->numbered_count; i++) *w->numbered[i] = 0;
    if (w->numbered_count) w->rendered = false;
    w->numbered_count = 0;
}

static enum err number_object(struct waiting *w, const struct number_source *source, enum noun noun, int64_t *id)
{
    if (*id > NUMBER_MAX || *id < 0) return op_fail(w->op, ERR_INVALID, "id", "the id is out of range");
    if (*id) return source->raise ? source->raise(source->context, w->op, noun, *id) : ERR_OK;
    int64_t number = 0;
    enum err e = source->next(source->context, w->op, noun, &number);
    if (e) return e;
    if (number > NUMBER_MAX) return op_fail(w->op, ERR_STORAGE, "id", "there are no numbers left");
    give_number(w, id, number);
    return ERR_OK;
}

enum err commit_number(struct waiting *w, const struct number_source *source)
{
    int64_t group_id = 0; /* created last */
    for (size_t i = 0; i < w->commit->changes->count; i++) {
        const struct change *change = &w->commit->changes->items[i];
        if (change_shape(change->kind) != CHANGE_CREATES) continue;
        enum noun noun = change_noun(change->kind);
        int64_t *id = object_id(noun, change->after);
        if (!id) {
            id = object_group_id(noun, change->after);
            if (*id == 0 && group_id == 0)
                return op_fail(w->op, ERR_INVALID, "groupId", "no group was created before its member");
            if (*id == 0) give_number(w, id, group_id);
            continue;
        }
        enum err e = number_object(w, source, noun, id);
        if (e) return e;
        if (noun == NOUN_GROUP) group_id = *id;
    }
    return ERR_OK;
}

void commit_count_numbers(const struct commit *commit, size_t ret_needed[NOUN_COUNT], int64_t ret_largest[NOUN_COUNT])
{
    for (size_t i = 0; i < commit->changes->count; i++) {
        const struct change *change = &commit->changes->items[i];
        enum noun noun = change_noun(change->kind);
        if (change_shape(change->kind) != CHANGE_CREATES) continue;
        const int64_t *id = object_id(noun, change->after);
        if (!id) continue;
        if (*id == 0) ret_needed[noun]++;
        else if (*id > ret_largest[noun]) ret_largest[noun] = *id;
    }
}

/* ---- fence and rows */

enum err commit_check_fence(struct waiting *w, const struct fence *fence)
{
    struct commit *commit = w->commit;
    if (!fence->found)
        return op_fail(w->op, ERR_NOT_FOUND, "organization", "there is no organization %lld", (long long)commit->organization_id);
    if (commit->expected_version == COMMIT_ANY_VERSION) w->any_version = true;
    if (w->any_version) commit->expected_version = fence->version; /* also when it is tried once more */
    if (fence->version != commit->expected_version || (commit->names_may_repeat && fence->unique_group_names))
        return op_fail(w->op, ERR_STALE, "", "the organization changed since it was read");
    w->time = commit->time > fence->last_time ? commit->time : fence->last_time;
    return ERR_OK;
}

enum err commit_write_rows(struct waiting *w, struct db *db)
{
    const struct change_list *changes = w->commit->changes;
    enum err e = ERR_OK;
    w->wrote = true;
    for (size_t i = 0; i < changes->count && !e; i++) {
        e = store_apply(w->op, db, w->commit->organization_id, &changes->items[i], w->time);
    }
    return e;
}

/* ---- log entries */

struct change_list commit_logged(const struct commit *commit, struct organization *organization, struct change *mark)
{
    if (!commit->bulk) return *commit->changes;
    *organization = (struct organization){ .id = commit->organization_id };
    *mark = (struct change){ .kind = ORGANIZATION_IMPORTED, .after.organization = organization };
    return (struct change_list){ .items = mark, .count = 1 };
}

static void render(struct waiting *w)
{
    struct organization organization;
    struct change mark;
    struct change_list list = commit_logged(w->commit, &organization, &mark);
    buf_reset(&w->details);
    if (!w->starts) w->starts = arena_array(&w->op->arena, list.count, sizeof(*w->starts));
    for (size_t i = 0; i < list.count; i++) {
        w->starts[i] = w->details.size;
        change_write_detail(&w->details, &list.items[i]);
        buf_add_char(&w->details, '\0');
    }
    w->rendered = true;
}

void commit_prepare(struct waiting *w)
{
    if (can_render_early(w->commit)) render(w);
}

enum err commit_render(struct waiting *w)
{
    if (!w->rendered) render(w);
    return w->details.overflow ? op_fail(w->op, ERR_TOO_LARGE, "", "the commit's log entries are too large") : ERR_OK;
}

void commit_bind_entry(struct query *query, const struct waiting *w, const struct change *change, size_t position)
{
    int64_t group_id, subject_id, subject_object_id;
    change_subjects(change, &group_id, &subject_id, &subject_object_id);
    query_number(query, w->commit->organization_id);
    query_number(query, w->commit->expected_version + 1);
    query_number(query, (int64_t)position);
    query_number(query, w->time);
    query_text(query, change_word(change->kind));
    query_number(query, w->commit->credential_id);
    query_number(query, w->commit->user_id);
    query_number(query, group_id);
    query_number(query, subject_id);
    query_number(query, subject_object_id);
    query_bytes(query, w->commit_id.bytes, sizeof(w->commit_id.bytes));
    query_text(query, w->details.bytes + w->starts[position]);
}

/* ---- afterwards */

void commit_finish(struct waiting *w)
{
    if (w->result || !w->commit) return;
    w->commit->version = w->commit->expected_version + 1;
    w->commit->ret_time = w->time;
    w->commit->ret_commit_id = w->commit_id;
}

void commit_free(struct waiting *w)
{
    buf_free(&w->details);
    free(w->numbered);
}

void commit_count(struct store *store, const struct waiting *first)
{
    int64_t commits = 0, failures = 0, changes = 0;
    for (const struct waiting *w = first; w; w = w->next) {
        if (w->result) failures++;
        else if (w->commit) commits++, changes += (int64_t)w->commit->changes->count;
    }
    atomic_fetch_add_explicit(&store->stats.transactions, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->stats.commits, commits, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->stats.failures, failures, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->stats.changes, changes, memory_order_relaxed);
}
