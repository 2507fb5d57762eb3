/* image_apply.c — what each kind of change does to an image. The exclusive lock is held; the change is already on disk. */
#include "base/fold.h"
#include "base/memory.h"
#include "directory/image_parts.h"

/* --- users --- */

static bool create_user(struct image *image, const struct user *user)
{
    if (image->user_count && image->users[image->user_count - 1].id >= user->id) return false;
    image_index_user(image, image_add_user(image, user, NULL));
    return true;
}

static bool update_user(struct image *image, const struct user *user)
{
    uint32_t ordinal = image_find_user(image, user->id);
    if (ordinal == NO_ORDINAL) return false;
    image_unindex_user(image, ordinal);
    user_record_fill(image, &image->users[ordinal], user, NULL);
    image_index_user(image, ordinal);
    image_drop_fragments_of(image, true, ordinal);
    return true;
}

static bool delete_user(struct image *image, const struct user *before, int64_t time)
{
    uint32_t ordinal = image_find_user(image, before->id);
    if (ordinal == NO_ORDINAL) return false;
    struct user user;
    image_get_user(image, ordinal, &user);
    user.deleted_at = time;
    return update_user(image, &user);
}

/* --- groups --- */

static void add_living(struct image *image, uint32_t ordinal, const char *name)
{
    struct arena arena = ARENA_INIT;
    size_t size;
    const char *folded = fold_text(&arena, name, strlen(name), &size);
    names_add(&image->names, ordinal, folded, size);
    arena_free(&arena);
    if (image->living_count == image->living_capacity) {
        image->living_capacity = memory_next_capacity(image->living_capacity, image->living_count + 1);
        image->living_groups = memory_resize(image->living_groups, image->living_capacity, sizeof(uint32_t));
    }
    uint32_t at = ordinals_position(image->living_groups, image->living_count, ordinal);
    memmove(&image->living_groups[at + 1], &image->living_groups[at], (image->living_count - at) * sizeof(uint32_t));
    image->living_groups[at] = ordinal;
    image->living_count++;
}

static void remove_living(struct image *image, uint32_t ordinal)
{
    names_remove(&image->names, ordinal);
    ordinals_remove(image->living_groups, &image->living_count, ordinal);
}

static bool create_group(struct image *image, const struct group *group)
{
    if (image->group_count && image->groups[image->group_count - 1].id >= group->id) return false;
    uint32_t ordinal = image_add_group(image, group, NULL);
    image_index_group(image, ordinal);
    if (!group->deleted_at) add_living(image, ordinal, group->name);
    return true;
}

/* Any change of a group's own members, deletion and restoring included. */
static bool update_group(struct image *image, const struct group *group)
{
    uint32_t ordinal = image_find_group(image, group->id);
    if (ordinal == NO_ORDINAL) return false;
    struct group_record *record = &image->groups[ordinal];
    struct group before;
    image_get_group(image, ordinal, &before);
    bool renamed = strcmp(before.name, group->name) != 0;
    bool lived = !record->deleted, lives = !group->deleted_at;
    if (lived && (renamed || !lives)) remove_living(image, ordinal);
    image_unindex_group(image, ordinal);
    group_record_fill(image, record, group, NULL);
    image_index_group(image, ordinal);
    struct group after; /* `group` may borrow texts that the record had before and that are freed by now */
    image_get_group(image, ordinal, &after);
    if (lives && (renamed || !lived)) add_living(image, ordinal, after.name);
    image_drop_fragments_of(image, false, ordinal);
    return true;
}

static bool delete_group(struct image *image, const struct group *before, int64_t time)
{
    uint32_t ordinal = image_find_group(image, before->id);
    if (ordinal == NO_ORDINAL) return false;
    struct group group;
    image_get_group(image, ordinal, &group);
    group.deleted_at = time;
    return update_group(image, &group);
}

/* --- memberships --- */

static void add_to_user(struct image *image, struct user_record *user, uint32_t group)
{
    if (user->group_count == user->group_capacity) {
        user->group_capacity = memory_next_capacity(user->group_capacity, user->group_count + 1);
        image_count_owned(image, NULL, user->flags & USER_OWNS_GROUPS ? user->groups : NULL);
        uint32_t *groups =
            memory_resize(user->flags & USER_OWNS_GROUPS ? user->groups : NULL, user->group_capacity, sizeof *groups);
        if (!(user->flags & USER_OWNS_GROUPS) && user->group_count)
            memcpy(groups, user->groups, user->group_count * sizeof *groups);
        image_count_owned(image, groups, NULL);
        user->groups = groups;
        user->flags |= USER_OWNS_GROUPS;
    }
    uint32_t at = ordinals_position(user->groups, user->group_count, group);
    memmove(&user->groups[at + 1], &user->groups[at], (user->group_count - at) * sizeof *user->groups);
    user->groups[at] = group;
    user->group_count++;
}

static void set_dates(struct image *image, uint32_t group, uint32_t user, int64_t starts_at, int64_t ends_at)
{
    bool found;
    uint32_t at = image_dates_position(image, group, user, &found);
    if (!starts_at && !ends_at) {
        if (!found) return;
        memmove(&image->dates[at], &image->dates[at + 1], (image->dates_count - at - 1) * sizeof *image->dates);
        image->dates_count--;
        return;
    }
    if (!found) {
        image->dates = memory_resize(image->dates, (size_t)image->dates_count + 1, sizeof *image->dates);
        memmove(&image->dates[at + 1], &image->dates[at], (image->dates_count - at) * sizeof *image->dates);
        image->dates_count++;
    }
    image->dates[at] = (struct dates){ group, user, starts_at, ends_at };
}

static bool put_member(struct image *image, const struct membership *membership, bool is_new)
{
    uint32_t group = image_find_group(image, membership->group_id), user = image_find_user(image, membership->user_id);
    if (group == NO_ORDINAL || user == NO_ORDINAL) return false;
    struct memberlist *members = &image->groups[group].members;
    if ((memberlist_find(members, user) == NULL) != is_new) return false;
    struct member member = image_member(image, user, membership);
    set_dates(image, group, user, membership->starts_at, membership->ends_at);
    if (is_new) {
        memberlist_add(members, &member);
        add_to_user(image, &image->users[user], group);
        image->membership_count++;
    } else {
        memberlist_replace(members, &member);
    }
    return true;
}

static bool remove_member(struct image *image, const struct membership *before)
{
    uint32_t group = image_find_group(image, before->group_id), user = image_find_user(image, before->user_id);
    if (group == NO_ORDINAL || user == NO_ORDINAL || !memberlist_remove(&image->groups[group].members, user)) return false;
    set_dates(image, group, user, 0, 0);
    ordinals_remove(image->users[user].groups, &image->users[user].group_count, group);
    image->membership_count--;
    return true;
}

/* --- nesting --- */

static bool change_nesting(struct image *image, const struct nesting *nesting, bool add)
{
    uint32_t parent = image_find_group(image, nesting->group_id), child = image_find_group(image, nesting->child_group_id);
    if (parent == NO_ORDINAL || child == NO_ORDINAL) return false;
    struct group_record *above = &image->groups[parent], *below = &image->groups[child];
    if (add) {
        ordinals_insert(&above->children, &above->child_count, child);
        ordinals_insert(&below->parents, &below->parent_count, parent);
        return true;
    }
    return ordinals_remove(above->children, &above->child_count, child) &&
           ordinals_remove(below->parents, &below->parent_count, parent);
}

/* --- accounts: in the installation's image --- */

static bool create_account(struct image *image, const struct account *account)
{
    if (image->account_count && image->accounts[image->account_count - 1].id >= account->id) return false;
    image_add_account(image, account, NULL);
    return true;
}

static bool update_account(struct image *image, const struct account *account)
{
    uint32_t ordinal = image_find_account(image, account->id);
    if (ordinal == NO_ORDINAL) return false;
    account_record_fill(image, &image->accounts[ordinal], account, NULL);
    return true;
}

bool image_apply(struct image *image, const struct change *change, int64_t time)
{
    switch (change->kind) { /* no default: a new kind must be placed here */
    case USER_CREATED:
        return create_user(image, change->after.user);
    case USER_UPDATED:
        return update_user(image, change->after.user);
    case USER_DELETED:
        return delete_user(image, change->before.user, time);
    case GROUP_CREATED:
        return create_group(image, change->after.group);
    case GROUP_RENAMED:
    case GROUP_UPDATED:
    case GROUP_RESTORED:
        return update_group(image, change->after.group);
    case GROUP_DELETED:
        return delete_group(image, change->before.group, time);
    case MEMBER_ADDED:
        return put_member(image, change->after.membership, true);
    case MEMBER_CHANGED:
        return put_member(image, change->after.membership, false);
    case MEMBER_REMOVED:
    case MEMBER_EXPIRED:
        return remove_member(image, change->before.membership);
    case NESTING_ADDED:
        return change_nesting(image, change->after.nesting, true);
    case NESTING_REMOVED:
        return change_nesting(image, change->before.nesting, false);
    case ACCOUNT_CREATED:
        return create_account(image, change->after.account);
    case ACCOUNT_UPDATED:
        return update_account(image, change->after.account);
    /* An import into a new organization logs no rows; a deleted account leaves a hole in the array: load again. */
    case ORGANIZATION_IMPORTED:
    case ACCOUNT_DELETED:
        return false;
    /* Not part of an image: the directory keeps the list of organizations, auth the credentials. */
    case ORGANIZATION_CREATED:
    case ORGANIZATION_UPDATED:
    case ORGANIZATION_DELETED:
    case CREDENTIAL_CREATED:
    case CREDENTIAL_UPDATED:
    case CREDENTIAL_REVOKED:
    case CHANGE_KIND_COUNT:
        return true;
    }
    return false;
}
