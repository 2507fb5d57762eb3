/* image_load.c — an image from the rows of one snapshot. Rows arrive ordered by number, which makes ordinals ascend. */
#include "base/fold.h"
#include "base/memory.h"
#include "directory/image_parts.h"
#include "store/store.h"

static void load_name(struct image *image, uint32_t ordinal, const char *name)
{
    struct arena *scratch = &image->loading->scratch;
    size_t size;
    const char *folded = fold_text(scratch, name, strlen(name), &size);
    names_load(&image->names, ordinal, folded, size);
    arena_reset(scratch);
}

static enum err load_organization(void *context, struct op *op, const struct organization *organization)
{
    (void)op;
    struct image *image = context;
    if (organization->id != image->organization_id) return ERR_OK;
    free(image->name);
    image->name = strdup(organization->name ? organization->name : "");
    if (!image->name) abort();
    image->uuid = organization->uuid;
    image->unique_group_names = organization->unique_group_names;
    return ERR_OK;
}

static enum err load_account(void *context, struct op *op, const struct account *account)
{
    (void)op;
    struct image *image = context;
    image_add_account(image, account, &image->pool);
    return ERR_OK;
}

static enum err load_user(void *context, struct op *op, const struct user *user)
{
    (void)op;
    struct image *image = context;
    image_add_user(image, user, &image->pool);
    image->loading->user_names += user->user_name != NULL;
    image->loading->emails += user->email_address != NULL;
    image->loading->user_external_ids += user->external_id != NULL;
    return ERR_OK;
}

static enum err load_group(void *context, struct op *op, const struct group *group)
{
    (void)op;
    struct image *image = context;
    uint32_t ordinal = image_add_group(image, group, &image->pool);
    image->loading->group_external_ids += group->external_id != NULL;
    if (group->deleted_at) return ERR_OK;
    load_name(image, ordinal, group->name);
    if (image->living_count == image->living_capacity) {
        image->living_capacity = memory_next_capacity(image->living_capacity, image->living_count + 1);
        image->living_groups = memory_resize(image->living_groups, image->living_capacity, sizeof(uint32_t));
    }
    image->living_groups[image->living_count++] = ordinal;
    return ERR_OK;
}

/* The rows of one group are complete: they go into its list at once. */
static void finish_group(struct image *image)
{
    struct image_loading *loading = image->loading;
    if (!loading->member_count) return;
    memberlist_load(&image->groups[loading->group].members, loading->members, loading->member_count, &image->pool);
    image->membership_count += loading->member_count;
    loading->member_count = 0;
}

static void load_dates(struct image *image, uint32_t user, const struct membership *membership)
{
    struct image_loading *loading = image->loading;
    if (image->dates_count == loading->dates_capacity) {
        loading->dates_capacity = memory_next_capacity(loading->dates_capacity, image->dates_count + 1);
        image->dates = memory_resize(image->dates, loading->dates_capacity, sizeof *image->dates);
    }
    image->dates[image->dates_count++] = (struct dates){ loading->group, user, membership->starts_at, membership->ends_at };
}

static enum err load_membership(void *context, struct op *op, const struct membership *membership)
{
    struct image *image = context;
    struct image_loading *loading = image->loading;
    if (!loading->member_count || image->groups[loading->group].id != membership->group_id) {
        finish_group(image);
        loading->group = image_find_group(image, membership->group_id);
    }
    uint32_t user = image_find_user(image, membership->user_id);
    if (loading->group == NO_ORDINAL || user == NO_ORDINAL)
        return op_fail(op, ERR_STORAGE, "membership", "membership of user %lld in group %lld has no user or group",
                       (long long)membership->user_id, (long long)membership->group_id);
    if (loading->member_count == loading->member_capacity) {
        loading->member_capacity = memory_next_capacity(loading->member_capacity * 2, 64);
        loading->members = memory_resize(loading->members, loading->member_capacity, sizeof *loading->members);
    }
    struct member member = image_member(image, user, membership);
    if (member_flags(&member) & MEMBER_DATED) load_dates(image, user, membership);
    loading->members[loading->member_count++] = member;
    image->users[user].group_count++;
    return ERR_OK;
}

static enum err load_nesting(void *context, struct op *op, const struct nesting *nesting)
{
    struct image *image = context;
    uint32_t parent = image_find_group(image, nesting->group_id), child = image_find_group(image, nesting->child_group_id);
    if (parent == NO_ORDINAL || child == NO_ORDINAL)
        return op_fail(op, ERR_STORAGE, "nesting", "nesting of group %lld in group %lld has no group",
                       (long long)nesting->child_group_id, (long long)nesting->group_id);
    ordinals_insert(&image->groups[parent].children, &image->groups[parent].child_count, child);
    ordinals_insert(&image->groups[child].parents, &image->groups[child].parent_count, parent);
    return ERR_OK;
}

void image_sink(struct image *image, struct store_sink *ret_sink)
{
    image->loading = memory_zalloc(sizeof *image->loading);
    *ret_sink = (struct store_sink){
        .context = image,
        .organization = load_organization,
        .account = load_account,
        .user = load_user,
        .group = load_group,
        .membership = load_membership,
        .nesting = load_nesting,
    };
}

/* Each user's list of groups: counted while the rows came in, now filled; groups are visited in order, so lists ascend. */
static void link_users(struct image *image)
{
    for (uint32_t i = 0; i < image->user_count; i++) {
        struct user_record *user = &image->users[i];
        if (!user->group_count) continue;
        user->groups = pool_alloc(&image->pool, user->group_count * sizeof(uint32_t), _Alignof(uint32_t));
        user->group_capacity = user->group_count;
        user->group_count = 0;
    }
    for (uint32_t group = 0; group < image->group_count; group++) {
        struct member_cursor cursor = memberlist_at(&image->groups[group].members, 0);
        for (const struct member *member; (member = memberlist_next(&cursor));) {
            struct user_record *user = &image->users[member->user];
            user->groups[user->group_count++] = group;
        }
    }
}

void image_load_done(struct image *image, int64_t version)
{
    finish_group(image);
    link_users(image);
    names_load_done(&image->names);
    image_reserve_lookups(image);
    for (uint32_t i = 0; i < image->user_count; i++) image_index_user(image, i);
    for (uint32_t i = 0; i < image->group_count; i++) image_index_group(image, i);
    /* What growing left over goes back: most organizations change little after they were loaded. */
    if (image->user_count)
        image->users = memory_resize(image->users, image->user_capacity = image->user_count, sizeof *image->users);
    if (image->group_count)
        image->groups = memory_resize(image->groups, image->group_capacity = image->group_count, sizeof *image->groups);
    free(image->loading->members);
    arena_free(&image->loading->scratch);
    free(image->loading);
    image->loading = NULL;
    atomic_store(&image->version, version);
}
