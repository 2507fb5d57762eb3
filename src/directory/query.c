/* query.c — what a caller may see. Nothing here scans what is not asked for. */
#include "base/fold.h"
#include "directory/image_parts.h"
#include "directory/resident.h"

enum err directory_view(struct op *op, bool with_accounts, struct view *ret_view)
{
    *ret_view = (struct view){ .caller = NO_ORDINAL };
    struct view view = { .caller = NO_ORDINAL };
    struct resident *resident;
    enum err e = directory_reach(op, op->directory, op->caller.organization_id);
    if (!e) e = directory_lease_to_read(op, op->directory, op->caller.organization_id, &resident, &view.image);
    if (e) return e;
    if (with_accounts) {
        e = directory_lease(op, op->directory, INSTALLATION, &resident, &view.installation);
        if (e) {
            image_drop(view.image);
            return e;
        }
        pthread_rwlock_rdlock(&view.installation->lock);
        view.account_epoch = view.installation->account_epoch;
    }
    pthread_rwlock_rdlock(&view.image->lock);
    e = directory_resolve_caller(op, view.image, &view.caller, &view.administrator);
    if (e) {
        directory_view_end(&view);
        return e;
    }
    directory_note_seen(op, op->directory, view.image);
    *ret_view = view;
    return ERR_OK;
}

void directory_view_end(struct view *view)
{
    struct image *images[] = { view->image, view->installation };
    for (int i = 0; i < 2; i++) {
        if (!images[i]) continue;
        pthread_rwlock_unlock(&images[i]->lock);
        image_drop(images[i]);
    }
    *view = (struct view){ .caller = NO_ORDINAL };
}

/* Ordinals stay what they are (image.h, invariants 1 and 2), and there are no fewer users. */
void directory_let_writers_in(struct view *view)
{
    pthread_rwlock_unlock(&view->image->lock);
    if (view->installation) {
        pthread_rwlock_unlock(&view->installation->lock);
        pthread_rwlock_rdlock(&view->installation->lock);
        view->account_epoch = view->installation->account_epoch;
    }
    pthread_rwlock_rdlock(&view->image->lock);
}

static bool is_visible(const struct op *op, const struct image *image, uint32_t group, uint32_t caller, bool administrator)
{
    if (group == NO_ORDINAL || image->groups[group].deleted) return false;
    return administrator || (caller != NO_ORDINAL && image_is_member(image, group, caller, op->now, NULL));
}

enum err directory_visible_group(struct op *op, const struct image *image, int64_t group_id, uint32_t caller, bool administrator,
                                 uint32_t *ret_group)
{
    uint32_t group = image_find_group(image, group_id);
    if (!is_visible(op, image, group, caller, administrator))
        return op_fail(op, ERR_NOT_FOUND, "group", "there is no group %lld", (long long)group_id);
    *ret_group = group;
    return ERR_OK;
}

enum err directory_find_group(struct op *op, const struct view *view, int64_t group_id, uint32_t *ret_ordinal)
{
    return directory_visible_group(op, view->image, group_id, view->caller, view->administrator, ret_ordinal);
}

enum err directory_find_group_by_uuid(struct op *op, const struct view *view, const struct uuid *uuid, uint32_t *ret_ordinal)
{
    uint32_t group = image_find_group_by_uuid(view->image, uuid);
    /* The same words for a group that is not there and for one that is not seen: its number would tell them apart. */
    if (!is_visible(op, view->image, group, view->caller, view->administrator))
        return op_fail(op, ERR_NOT_FOUND, "group", "there is no such group");
    *ret_ordinal = group;
    return ERR_OK;
}

enum err directory_find_any_group_by_uuid(struct op *op, const struct view *view, const struct uuid *uuid, uint32_t *ret_ordinal)
{
    uint32_t group = image_find_group_by_uuid(view->image, uuid);
    if (!is_visible(op, view->image, group, NO_ORDINAL, true))
        return op_fail(op, ERR_NOT_FOUND, "group", "there is no such group");
    *ret_ordinal = group;
    return ERR_OK;
}

enum err directory_find_group_number(struct op *op, const struct uuid *uuid, int64_t *ret_group_id)
{
    AUTO_VIEW view;
    uint32_t group;
    enum err e = directory_view(op, false, &view);
    if (!e) e = directory_find_group_by_uuid(op, &view, uuid, &group);
    if (!e) *ret_group_id = view.image->groups[group].id;
    return e;
}

/* --- members --- */

bool directory_manages(const struct op *op, const struct image *image, uint32_t group, uint32_t user)
{
    const struct member *member;
    return user != NO_ORDINAL && image_is_member(image, group, user, op->now, &member) && member_flags(member) & MEMBER_MANAGER;
}

bool directory_is_manager(const struct op *op, const struct view *view, uint32_t group)
{
    return directory_manages(op, view->image, group, view->caller);
}

/* --- lists --- */

struct candidates {
    const uint32_t *ordinals;
    size_t count;
    bool by_name; /* in name order already; else ascending ordinals */
};

/* The candidates so far, and whether they are few: not all of the organization. */
struct narrowed {
    struct candidates list;
    bool few;
};

/* Moves *at on to the first candidate that is not before the group; true if that is the group. Groups ascend from call to call.
 */
static bool reaches(const struct candidates *list, size_t *at, uint32_t group)
{
    while (*at < list->count && list->ordinals[*at] < group) (*at)++;
    return *at < list->count && list->ordinals[*at] == group;
}

/* Keeps the living groups that a user is in now, or manages now. */
static void narrow(struct op *op, const struct image *image, struct narrowed *narrowed, uint32_t user, bool managed)
{
    static const struct user_record nobody = { .group_count = 0 };
    const struct user_record *record = user == NO_ORDINAL ? &nobody : &image->users[user];
    const struct candidates before = narrowed->list;
    size_t room = narrowed->few && before.count < record->group_count ? before.count : record->group_count;
    uint32_t *ordinals = arena_array(&op->arena, room, sizeof *ordinals);
    size_t count = 0, at = 0;
    for (uint32_t i = 0; i < record->group_count; i++) {
        uint32_t group = record->groups[i];
        if (narrowed->few ? !reaches(&before, &at, group) : image->groups[group].deleted) continue;
        if (managed && !directory_manages(op, image, group, user)) continue;
        if (!managed && image->dates_count && !image_is_member(image, group, user, op->now, NULL)) continue;
        ordinals[count++] = group;
    }
    *narrowed = (struct narrowed){ { ordinals, count, false }, true };
}

/* Naming a user again costs next to nothing. */
static bool is_repeated(const struct uuid *uuids, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (uuid_equal(&uuids[i], &uuids[at])) return true;
    return false;
}

static void narrow_to_all(struct op *op, const struct image *image, struct narrowed *narrowed, const struct uuid *uuids,
                          size_t count, bool managed)
{
    for (size_t i = 0; i < count && !(narrowed->few && !narrowed->list.count); i++) {
        uint32_t user = uuid_is_nil(&uuids[i]) ? NO_ORDINAL : image_find_user_by_uuid(image, &uuids[i]);
        if (!is_repeated(uuids, i)) narrow(op, image, narrowed, user, managed);
    }
}

/* Walks groups in the wanted order and stops when the page is full; groups of one name are taken together, because ties
 * are ordered by number in both directions. */
static struct candidates walk(struct op *op, const struct image *image, struct candidates all, const char *needle,
                              const struct group_query *query)
{
    size_t wanted = (size_t)(query->offset + query->size);
    bool ties = all.by_name && query->descending;
    uint32_t *ordinals = arena_array(&op->arena, ties || wanted > all.count ? all.count : wanted, sizeof *ordinals);
    size_t count = 0;
    for (size_t i = 0; i < all.count; i++) {
        uint32_t group = all.ordinals[query->descending ? all.count - 1 - i : i];
        bool full = count >= wanted;
        if (full &&
            !(ties && count && strcmp(names_get(&image->names, ordinals[count - 1]), names_get(&image->names, group)) == 0))
            break;
        if (names_contain(&image->names, group, needle)) ordinals[count++] = group;
    }
    if (query->descending) /* back to ascending, as all candidates are */
        for (size_t i = 0; i < count / 2; i++) {
            uint32_t swapped = ordinals[i];
            ordinals[i] = ordinals[count - 1 - i];
            ordinals[count - 1 - i] = swapped;
        }
    return (struct candidates){ ordinals, count, all.by_name };
}

static struct candidates filter(struct op *op, const struct image *image, struct candidates few, const char *needle)
{
    uint32_t *ordinals = arena_array(&op->arena, few.count, sizeof *ordinals);
    size_t count = 0;
    for (size_t i = 0; i < few.count; i++)
        if (names_contain(&image->names, few.ordinals[i], needle)) ordinals[count++] = few.ordinals[i];
    return (struct candidates){ ordinals, count, few.by_name };
}

static struct candidates search_all(struct op *op, const struct image *image, const char *needle, size_t size,
                                    const struct group_query *query)
{
    /* Many names have it: walking in the wanted order fills a page soon. Few have it: find them all. */
    if (names_estimate(&image->names, needle, size) > image->names.by_name_count / 8) {
        struct candidates all = query->order == GROUPS_BY_NAME
                                    ? (struct candidates){ image->names.by_name, image->names.by_name_count, true }
                                    : (struct candidates){ image->living_groups, image->living_count, false };
        return walk(op, image, all, needle, query);
    }
    uint32_t *found;
    size_t count;
    names_search(&image->names, &op->arena, needle, size, &found, &count);
    return (struct candidates){ found, count, false };
}

static int compare_names(const void *a, const void *b, void *names)
{
    return names_compare(names, *(const uint32_t *)a, *(const uint32_t *)b);
}

static struct candidates sort_by_name(struct op *op, const struct image *image, struct candidates list)
{
    uint32_t *ordinals = arena_array(&op->arena, list.count, sizeof *ordinals);
    if (list.count) memcpy(ordinals, list.ordinals, list.count * sizeof *ordinals);
    qsort_r(ordinals, list.count, sizeof *ordinals, compare_names, (void *)&image->names);
    return (struct candidates){ ordinals, list.count, true };
}

static bool have_one_name(const struct image *image, uint32_t a, uint32_t b)
{
    return strcmp(names_get(&image->names, a), names_get(&image->names, b)) == 0;
}

/* Ties of names are broken by ascending number in both directions (the sort is stable), so a descending page is not simply the
 * reverse: equal names keep their order. Each run of them is looked for once, however long it is. */
static void cut_descending_names(const struct image *image, struct candidates list, size_t offset, uint32_t *page, size_t count)
{
    size_t mirrored = list.count - 1 - offset, first = mirrored, last = mirrored;
    while (last + 1 < list.count && have_one_name(image, list.ordinals[last + 1], list.ordinals[mirrored])) last++;
    while (first > 0 && have_one_name(image, list.ordinals[first - 1], list.ordinals[mirrored])) first--;
    size_t at = first + (last - mirrored);
    for (size_t i = 0; i < count; i++) {
        page[i] = list.ordinals[at++];
        if (at <= last || first == 0) continue;
        last = --first;
        while (first > 0 && have_one_name(image, list.ordinals[first - 1], list.ordinals[last])) first--;
        at = first;
    }
}

static void cut_page(struct op *op, const struct image *image, struct candidates list, const struct group_query *query,
                     uint32_t **ret_ordinals, size_t *ret_count)
{
    size_t count = 0;
    if ((uint64_t)query->offset < list.count) {
        size_t rest = list.count - (size_t)query->offset;
        count = (uint64_t)query->size < rest ? (size_t)query->size : rest;
    }
    uint32_t *page = arena_array(&op->arena, count, sizeof *page);
    *ret_ordinals = page;
    *ret_count = count;
    if (count && query->descending && list.by_name) {
        cut_descending_names(image, list, (size_t)query->offset, page, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t position = (size_t)query->offset + i;
        page[i] = list.ordinals[query->descending ? list.count - 1 - position : position];
    }
}

enum err directory_list_groups(struct op *op, const struct view *view, const struct group_query *query, uint32_t **ret_ordinals,
                               size_t *ret_count)
{
    const struct image *image = view->image;
    const char *needle = NULL;
    size_t needle_size = 0;
    if (query->search && *query->search) needle = fold_text(&op->arena, query->search, strlen(query->search), &needle_size);

    struct narrowed narrowed = { .list = { image->living_groups, image->living_count, false } };
    if (!view->administrator && !query->whole_organization) narrow(op, image, &narrowed, view->caller, false);
    if (query->of_user) narrow(op, image, &narrowed, image_find_user(image, query->user_id), false);
    narrow_to_all(op, image, &narrowed, query->managers, query->manager_count, true);
    narrow_to_all(op, image, &narrowed, query->members, query->member_count, false);

    struct candidates list = narrowed.list;
    const bool few = narrowed.few;
    if (needle_size) list = few ? filter(op, image, list, needle) : search_all(op, image, needle, needle_size, query);
    else if (!few && query->order == GROUPS_BY_NAME)
        list = (struct candidates){ image->names.by_name, image->names.by_name_count, true };
    bool sorts = query->order == GROUPS_BY_NAME && !list.by_name;
    if (sorts && list.count > DIRECTORY_AT_ONCE && !op->may_block) return op_fail(op, ERR_DEFERRED, "", "many groups to sort");
    if (sorts) list = sort_by_name(op, image, list);
    cut_page(op, image, list, query, ret_ordinals, ret_count);
    return ERR_OK;
}
