/* people.c — lists of users, and what to call them. */
#include "base/fold.h"
#include "directory/resident.h"

/* In a long list writers get their chance after so many users, of which one that is searched counts for several: a millisecond
 * or so. More than DIRECTORY_AT_ONCE searched ones, so that a thread that serves connections never waits here. */
enum { BETWEEN_PAUSES = 1 << 16, SEARCHED_COUNTS = 32 };

static const struct account *find_account(const struct view *view, const struct user *user, struct account *room)
{
    if (!view->installation || !user->account_id) return NULL;
    uint32_t ordinal = image_find_account(view->installation, user->account_id);
    if (ordinal == NO_ORDINAL) return NULL;
    image_get_account(view->installation, ordinal, room);
    return room;
}

/* An empty name is none. */
static const char *filled(const char *text)
{
    return text && *text ? text : NULL;
}

static const char *full_name(struct arena *arena, const char *first, const char *last)
{
    first = filled(first);
    last = filled(last);
    if (first && last) return arena_printf(arena, "%s %s", first, last);
    return first ? first : last;
}

const char *directory_display_name(struct arena *arena, const struct view *view, const struct user *user)
{
    struct account room;
    if (filled(user->display_name)) return user->display_name;
    const char *name = full_name(arena, user->first_name, user->last_name);
    if (name) return name;
    const struct account *account = find_account(view, user, &room);
    if (account) name = full_name(arena, account->first_name, account->last_name);
    if (!name) name = user->user_name;
    if (!name) name = user->email_address;
    if (!name && account) name = account->email_address;
    return name ? name : "";
}

const char *directory_email_address(const struct view *view, const struct user *user)
{
    struct account room;
    if (user->email_address) return user->email_address;
    const struct account *account = find_account(view, user, &room);
    return account ? account->email_address : NULL;
}

/* --- lists --- */

struct listing {
    struct view *view;
    const struct people_query *query;
    const char *needle; /* folded; NULL: no filter */
    struct people *people;
    size_t room;          /* of people->ordinals */
    struct arena scratch; /* for one user at a time */
    uint32_t since_pause;
};

static bool contains(struct listing *listing, const char *text)
{
    size_t size;
    return text && strstr(fold_text(&listing->scratch, text, strlen(text), &size), listing->needle);
}

static bool fits(struct listing *listing, uint32_t ordinal)
{
    if (!listing->needle) return true;
    struct user user;
    arena_reset(&listing->scratch);
    image_get_user(listing->view->image, ordinal, &user);
    return contains(listing, directory_display_name(&listing->scratch, listing->view, &user)) ||
           contains(listing, directory_email_address(listing->view, &user));
}

static void take(struct listing *listing, uint32_t ordinal)
{
    struct people *people = listing->people;
    int64_t position = people->total++;
    if (position >= listing->query->offset && people->count < listing->room) people->ordinals[people->count++] = ordinal;
}

static enum err begin(struct op *op, struct listing *listing, struct view *view, uint32_t candidates,
                      const struct people_query *query, struct people *ret_people)
{
    *listing = (struct listing){ .view = view, .query = query, .people = ret_people };
    if (candidates > DIRECTORY_AT_ONCE && !op->may_block) return op_fail(op, ERR_DEFERRED, "", "many users to look at");
    listing->room = query->size < candidates ? (size_t)query->size : candidates;
    *ret_people = (struct people){ .ordinals = arena_array(&op->arena, listing->room, sizeof *ret_people->ordinals) };
    size_t size;
    if (query->search && *query->search) listing->needle = fold_text(&op->arena, query->search, strlen(query->search), &size);
    return ERR_OK;
}

static void pause_sometimes(struct listing *listing)
{
    listing->since_pause += listing->needle ? SEARCHED_COUNTS : 1;
    if (listing->since_pause < BETWEEN_PAUSES) return;
    listing->since_pause = 0;
    directory_let_writers_in(listing->view);
}

static bool is_wanted(const struct people_query *query, unsigned flags)
{
    if (flags & USER_IS_DELETED) return false;
    if (query->only_administrators && !(flags & USER_IS_SUPER)) return false;
    if (query->only_active && !(flags & USER_IS_ACTIVE)) return false;
    return !query->only_others || !(flags & USER_IS_SUPER);
}

enum err directory_list_users(struct op *op, struct view *view, const struct people_query *query, struct people *ret_people)
{
    struct listing listing;
    if (!view->administrator && !query->whole_organization)
        return op_fail(op, ERR_FORBIDDEN, "", "only an administrator may list the organization's users");
    uint32_t candidates = view->image->user_count; /* who comes while this pauses is not of this list */
    enum err e = begin(op, &listing, view, candidates, query, ret_people);
    if (e) return e;
    for (uint32_t i = 0; i < candidates; i++) {
        if (is_wanted(query, view->image->users[i].flags) && fits(&listing, i)) take(&listing, i);
        pause_sometimes(&listing);
    }
    arena_free(&listing.scratch);
    return ERR_OK;
}

/* All of a group's members are in it now, and all are wanted: only the page is looked at. */
static void take_page(struct people *people, const struct memberlist *members, const struct people_query *query)
{
    people->total = members->count;
    if (query->offset >= members->count) return;
    struct member_cursor cursor = memberlist_at(members, (uint32_t)query->offset);
    const struct member *member;
    while ((int64_t)people->count < query->size && (member = memberlist_next(&cursor)))
        people->ordinals[people->count++] = member->user;
}

/* Of all members those that are in it now: the list itself is not the same after a pause. */
static uint32_t *copy_present(struct op *op, const struct image *image, uint32_t group, uint32_t *ret_count)
{
    const struct memberlist *members = &image->groups[group].members;
    uint32_t *present = arena_array(&op->arena, members->count, sizeof *present), count = 0;
    struct member_cursor cursor = memberlist_at(members, 0);
    for (const struct member *member; (member = memberlist_next(&cursor));)
        if (image_in_effect(image, group, member, op->now)) present[count++] = member->user;
    *ret_count = count;
    return present;
}

enum err directory_list_members(struct op *op, struct view *view, uint32_t group, const struct people_query *query,
                                struct people *ret_people)
{
    struct listing listing;
    const struct memberlist *members = &view->image->groups[group].members;
    bool all = !view->image->dates_count && !(query->search && *query->search);
    uint32_t candidates = all && query->size < members->count ? (uint32_t)query->size : members->count;
    enum err e = begin(op, &listing, view, candidates, query, ret_people);
    if (e) return e;
    if (all) {
        take_page(ret_people, members, query);
        return ERR_OK;
    }
    uint32_t count, *present = copy_present(op, view->image, group, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (fits(&listing, present[i])) take(&listing, present[i]);
        pause_sometimes(&listing);
    }
    arena_free(&listing.scratch);
    return ERR_OK;
}
