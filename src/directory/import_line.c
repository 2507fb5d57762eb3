/* import_line.c — what one line of a directory file means, given the database and what the file brought before. */
#include "auth/credentials.h"
#include "base/fold.h"
#include "base/lookup.h"
#include "base/memory.h"
#include "directory/importer_parts.h"

/* One line under way. */
struct line {
    struct importer *importer;
    struct op *op; /* the batch's */
    enum noun noun;
    union object values; /* as the line gives them, defaults where it says nothing */
    field_set present;
    bool deletes;
    int64_t organization_id;
    struct ledger_organization *organization; /* NULL for organizations and accounts */
};

#define LL(number) ((long long)(number))

/* --- what exists --- */

/* The organization, looked up in the database when the file mentions it first. */
static enum err get_organization(struct importer *importer, struct op *op, int64_t id,
                                 struct ledger_organization **ret_organization)
{
    struct ledger_organization *known = ledger_find(&importer->ledger, id);
    if (!known) {
        bool found;
        union object object;
        enum err e = store_find(op, importer->store, NOUN_ORGANIZATION, id, id, 0, &found, &object);
        if (e) return e;
        known = ledger_add(&importer->ledger, id);
        known->exists = found;
        if (found) known->unique_group_names = object.organization->unique_group_names;
    }
    *ret_organization = known;
    return ERR_OK;
}

/* The object as the database has it. What the file made in an organization of its own cannot be there unless a batch was
 * committed; then only careful lines look. */
static enum err find_stored(struct line *line, enum noun noun, int64_t id, int64_t second_id, bool *ret_found,
                            union object *ret_object)
{
    *ret_found = false;
    bool made_here = line->organization && line->organization->created;
    const struct number_set *made = noun == NOUN_USER ? &line->organization->users : &line->organization->groups;
    bool again = line->deletes || ((noun == NOUN_USER || noun == NOUN_GROUP) && number_set_has(made, id));
    if (made_here && !line->importer->careful && !(again && line->importer->writing)) return ERR_OK;
    return store_find(line->op, line->importer->store, noun, line->organization_id, id, second_id, ret_found, ret_object);
}

static bool is_deleted(enum noun noun, union object object)
{
    return noun == NOUN_USER ? object.user->deleted_at != 0 : noun == NOUN_GROUP ? object.group->deleted_at != 0 : false;
}

/* Does a living user or group exist in the line's organization? */
static enum err check_exists(struct line *line, enum noun noun, int64_t id, const char *field)
{
    struct ledger_organization *organization = line->organization;
    const struct number_set *made = noun == NOUN_USER ? &organization->users : &organization->groups;
    const struct number_set *deleted = noun == NOUN_USER ? &organization->deleted_users : &organization->deleted_groups;
    bool found = number_set_has(made, id);
    if (!found && !number_set_has(deleted, id)) {
        union object object;
        enum err e = find_stored(line, noun, id, 0, &found, &object);
        if (e) return e;
        if (found) found = !is_deleted(noun, object);
    }
    if (found) return ERR_OK;
    return op_fail(line->op, ERR_NOT_FOUND, field, "%s: there is no %s %lld in organization %lld", field, noun_name(noun), LL(id),
                   LL(line->organization_id));
}

/* --- making changes --- */

static void count(struct line *line, int64_t counts[NOUN_COUNT])
{
    counts[line->noun]++;
}

static void add_change(struct line *line, enum change_kind kind, union object before, union object after)
{
    struct importer *importer = line->importer;
    bool installation = line->noun == NOUN_ORGANIZATION || line->noun == NOUN_ACCOUNT;
    change_add(&line->op->arena, installation ? &importer->installation : &importer->changes, kind, before, after);
}

static bool line_has(const struct line *line, const char *name)
{
    const struct field *fields = noun_fields(line->noun);
    for (int i = 0; fields[i].name; i++)
        if (strcmp(fields[i].name, name) == 0) return line->present >> i & 1;
    return false;
}

/* The three lists of grants are one in memory: those that the line does not mention are taken over from what is stored. */
static void merge_grants(struct line *line, const struct group *before)
{
    static const char *const names[] = {
        [GRANT_LANGUAGE] = "languages", [GRANT_SEGMENT] = "segments", [GRANT_BUSINESS_UNIT] = "businessUnits"
    };
    struct group *values = line->values.group;
    struct grant *merged = arena_array(&line->op->arena, before->grant_count + values->grant_count, sizeof *merged);
    size_t count = 0;
    for (int kind = GRANT_LANGUAGE; kind <= GRANT_BUSINESS_UNIT; kind++) {
        const struct group *from = line_has(line, names[kind]) ? values : before;
        for (size_t i = 0; i < from->grant_count; i++)
            if (from->grants[i].kind == kind) merged[count++] = from->grants[i];
    }
    values->grants = merged;
    values->grant_count = count;
}

/* The object after the line: what is stored, with the line's members over it. Fails if the line would change what cannot change.
 */
static enum err merge(struct line *line, union object before, union object *ret_after, field_set *ret_differ)
{
    union object after = object_copy(&line->op->arena, line->noun, before);
    if (line->noun == NOUN_GROUP) merge_grants(line, before.group);
    fields_copy(line->noun, line->present, line->values, after);
    *ret_differ = fields_differ(line->noun, before, after);
    field_set fixed = *ret_differ & fields_with(line->noun, FIELD_FIXED);
    if (fixed) {
        const char *name = noun_fields(line->noun)[__builtin_ctzll(fixed)].name;
        return op_fail(line->op, ERR_INVALID, name, "%s of %s cannot be changed", name, noun_name(line->noun));
    }
    *ret_after = after;
    return ERR_OK;
}

static void fill_uuid(struct uuid *uuid)
{
    if (uuid_is_nil(uuid)) *uuid = uuid_random();
}

/* While checking: nothing new may have a number or uuid that something else has, in the database or in the file before. While
 * writing the database itself says so. */
static enum err check_new(struct line *line, int64_t id, const struct uuid *uuid)
{
    struct importer *importer = line->importer;
    struct ledger *ledger = &importer->ledger;
    if (importer->writing) return ERR_OK;
    const struct number_set *made = line->noun == NOUN_USER ? &ledger->users : line->noun == NOUN_GROUP ? &ledger->groups : NULL;
    const struct number_set *here = line->noun == NOUN_ORGANIZATION ? NULL
                                    : line->noun == NOUN_ACCOUNT    ? &ledger->accounts
                                    : line->noun == NOUN_USER       ? &line->organization->users
                                                                    : &line->organization->groups;
    if (here && number_set_has(here, id)) return ERR_OK; /* the file has it twice: the second is a change of the first */
    const char *field = made && number_set_has(made, id) ? "id" : NULL;
    enum err e = ERR_OK;
    int64_t *largest = &ledger->largest[line->noun];
    if (!*largest) e = store_largest_number(line->op, importer->store, line->noun, largest);
    if (!e && !*largest) *largest = -1; /* there is none */
    /* Larger than any and in an organization that the file makes: the database cannot have it. So it is for nearly all lines of a
     * large file. */
    bool is_new = id > *largest && line->organization && line->organization->created;
    if (!e && !field && !is_new)
        e = store_find_conflict(line->op, importer->store, line->noun, line->organization_id, id, uuid, &field);
    if (e) return e;
    struct {
        struct uuid uuid;
        int64_t noun, organization_id;
    } key = { *uuid, line->noun, line->organization_id };
    if (!field && !uuid_is_nil(uuid) && !hash_set_add(&ledger->uuids, lookup_hash_bytes(&key, sizeof key))) field = "uuid";
    if (!field) return ERR_OK;
    return op_fail(line->op, ERR_EXISTS, field, "%s: another %s has it", field, noun_name(line->noun));
}

/* While checking, what the file made is nowhere to be compared with: a second line about it counts as one that changes nothing.
 */
static bool seen_while_checking(struct line *line, const struct number_set *made, int64_t id)
{
    bool seen = !line->importer->writing && number_set_has(made, id);
    if (seen) count(line, line->importer->counts.unchanged);
    return seen;
}

/* --- organizations and accounts --- */

struct names_seen {
    struct hash_set hashes;
    struct arena arena;
    int64_t twice; /* a group whose name another has; 0: none */
};

static enum err see_name(void *context, struct op *op, const struct group *group)
{
    (void)op;
    struct names_seen *seen = context;
    if (group->deleted_at) return ERR_OK;
    size_t size;
    const char *folded = fold_text(&seen->arena, group->name, strlen(group->name), &size);
    if (!hash_set_add(&seen->hashes, lookup_hash_bytes(folded, size))) seen->twice = group->id;
    arena_reset(&seen->arena);
    return ERR_OK;
}

/* Before names have to be unique they must be. */
static enum err check_names_differ(struct line *line, int64_t organization_id)
{
    struct names_seen seen = { .twice = 0 };
    struct store_sink sink = { .context = &seen, .group = see_name };
    int64_t version;
    enum err e = store_load(line->op, line->importer->store, organization_id, &sink, NULL, &version);
    hash_set_free(&seen.hashes);
    arena_free(&seen.arena);
    if (e || !seen.twice) return e;
    return op_fail(line->op, ERR_INVALID, "uniqueGroupNames", "uniqueGroupNames: another group has the name of group %lld",
                   LL(seen.twice));
}

static enum err import_organization(struct line *line)
{
    struct importer *importer = line->importer;
    struct organization *values = line->values.organization;
    struct ledger_organization *organization;
    enum err e = get_organization(importer, line->op, values->id, &organization);
    if (e) return e;
    union object before;
    bool found = false;
    if (organization->exists && (!organization->created || importer->careful))
        e = store_find(line->op, importer->store, NOUN_ORGANIZATION, values->id, values->id, 0, &found, &before);
    if (e) return e;
    if (line->deletes) {
        if (!organization->exists) return count(line, importer->counts.unchanged), ERR_OK;
        if (!found)
            return op_fail(line->op, ERR_INVALID, "delete", "the same file makes and deletes organization %lld", LL(values->id));
        add_change(line, ORGANIZATION_DELETED, before, (union object){ 0 });
        organization->exists = false;
        organization->deleted = true;
        return count(line, importer->counts.deleted), ERR_OK;
    }
    if (!found && organization->deleted)
        return op_fail(line->op, ERR_INVALID, "id",
                       "id: the same file deletes organization %lld before: make it again with another file", LL(values->id));
    if (!found) {
        /* The line is in the file twice; a careful one is here again because its batch was not committed. */
        if (organization->created && !importer->careful) return count(line, importer->counts.unchanged), ERR_OK;
        e = check_new(line, values->id, &values->uuid);
        if (e) return e;
        fill_uuid(&values->uuid);
        values->date_created = line->op->now;
        organization->exists = organization->created = true;
        organization->unique_group_names = values->unique_group_names;
        add_change(line, ORGANIZATION_CREATED, (union object){ 0 }, line->values);
        return count(line, importer->counts.created), ERR_OK;
    }
    union object after;
    field_set differ;
    e = merge(line, before, &after, &differ);
    if (e) return e;
    if (after.organization->unique_group_names && !before.organization->unique_group_names) {
        e = check_names_differ(line, values->id);
        if (e) return e;
    }
    organization->unique_group_names = after.organization->unique_group_names;
    if (differ) add_change(line, ORGANIZATION_UPDATED, before, after);
    return count(line, differ ? importer->counts.changed : importer->counts.unchanged), ERR_OK;
}

static enum err import_account(struct line *line)
{
    struct importer *importer = line->importer;
    struct account *values = line->values.account;
    union object before, after;
    bool found;
    enum err e = store_find(line->op, importer->store, NOUN_ACCOUNT, INSTALLATION, values->id, 0, &found, &before);
    if (e) return e;
    if (line->deletes) {
        bool used = number_set_has(&importer->ledger.accounts_used, values->id);
        if (!used) e = store_account_is_used(line->op, importer->store, values->id, &used);
        if (e) return e;
        if (used) return op_fail(line->op, ERR_INVALID, "account", "account %lld is used by users", LL(values->id));
        if (found) add_change(line, ACCOUNT_DELETED, before, (union object){ 0 });
        number_set_remove(&importer->ledger.accounts, values->id);
        return count(line, found ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    if (!found) {
        e = check_new(line, values->id, &values->uuid);
        if (e) return e;
        fill_uuid(&values->uuid);
        number_set_add(&importer->ledger.accounts, values->id);
        add_change(line, ACCOUNT_CREATED, (union object){ 0 }, line->values);
        return count(line, importer->counts.created), ERR_OK;
    }
    field_set differ;
    e = merge(line, before, &after, &differ);
    if (!e && differ) add_change(line, ACCOUNT_UPDATED, before, after);
    if (!e) count(line, differ ? importer->counts.changed : importer->counts.unchanged);
    return e;
}

/* --- users --- */

static enum err check_account(struct line *line)
{
    int64_t account_id = line->values.user->account_id;
    if (account_id) number_set_add(&line->importer->ledger.accounts_used, account_id);
    if (!account_id || number_set_has(&line->importer->ledger.accounts, account_id)) return ERR_OK;
    bool found;
    union object object;
    enum err e = store_find(line->op, line->importer->store, NOUN_ACCOUNT, INSTALLATION, account_id, 0, &found, &object);
    if (!e && !found) e = op_fail(line->op, ERR_NOT_FOUND, "accountId", "accountId: there is no account %lld", LL(account_id));
    return e;
}

static enum err import_user(struct line *line)
{
    struct importer *importer = line->importer;
    struct user *values = line->values.user;
    union object before, after;
    bool found;
    enum err e = find_stored(line, NOUN_USER, values->id, 0, &found, &before);
    if (e) return e;
    if (line->deletes) {
        /* The memberships go with the user; import_flush finds them, so such lines are a batch of their own. */
        bool lives = found && !before.user->deleted_at;
        if (lives) add_change(line, USER_DELETED, before, (union object){ 0 });
        number_set_remove(&line->organization->users, values->id);
        number_set_add(&line->organization->deleted_users, values->id);
        return count(line, lives ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    e = check_account(line);
    if (e) return e;
    number_set_remove(&line->organization->deleted_users, values->id);
    if (!found && seen_while_checking(line, &line->organization->users, values->id)) return ERR_OK;
    if (!found) {
        e = check_new(line, values->id, &values->uuid);
        if (e) return e;
        fill_uuid(&values->uuid);
        if (!values->date_created) values->date_created = line->op->now;
        number_set_add(&importer->ledger.users, values->id);
        number_set_add(&line->organization->users, values->id);
        add_change(line, USER_CREATED, (union object){ 0 }, line->values);
        return count(line, importer->counts.created), ERR_OK;
    }
    field_set differ;
    e = merge(line, before, &after, &differ);
    if (e) return e;
    bool revived = after.user->deleted_at != 0;
    after.user->deleted_at = 0;
    if (!differ && !revived) return count(line, importer->counts.unchanged), ERR_OK;
    number_set_add(&line->organization->users, values->id);
    if (!line_has(line, "dateModified")) after.user->date_modified = line->op->now;
    add_change(line, USER_UPDATED, before, after);
    return count(line, importer->counts.changed), ERR_OK;
}

/* --- groups --- */

static uint64_t name_hash(struct op *op, const char *name, const char **ret_folded)
{
    size_t size;
    *ret_folded = fold_text(&op->arena, name, strlen(name), &size);
    return lookup_hash_bytes(*ret_folded, size);
}

/* What the file did to a group before this line: false if nothing; else the hash of the name it has now, 0 if it was deleted. */
static bool name_by_file(const struct line *line, int64_t group_id, uint64_t *ret_hash)
{
    int64_t hash;
    if (!hash_map_get(&line->organization->names_of, lookup_hash_bytes(&group_id, sizeof group_id), &hash)) return false;
    *ret_hash = (uint64_t)hash;
    return true;
}

/* From this line on the group has the name with this hash (0: none, it is deleted); what it had is free, unless another took it
 * already. */
static void note_name(struct line *line, int64_t group_id, uint64_t had, uint64_t has)
{
    struct ledger_organization *organization = line->organization;
    int64_t owner = group_id;
    name_by_file(line, group_id, &had);
    if (had && (!hash_map_get(&organization->names, had, &owner) || owner == group_id))
        hash_map_put(&organization->names, had, 0);
    if (has) hash_map_put(&organization->names, has, group_id);
    hash_map_put(&organization->names_of, lookup_hash_bytes(&group_id, sizeof group_id), (int64_t)has);
}

/* Takes the name for the group, or fails if another has it. `stored_name`: the one it has in the database, NULL if it has none.
 */
static enum err take_name(struct line *line, const char *name, const char *stored_name)
{
    struct ledger_organization *organization = line->organization;
    int64_t group_id = line->values.group->id, holder = 0;
    const char *folded, *stored_folded;
    uint64_t hash = name_hash(line->op, name, &folded);
    bool known = hash_map_get(&organization->names, hash, &holder);
    if (!known && !organization->created && organization->unique_group_names) {
        enum err e = store_find_group_by_name(line->op, line->importer->store, organization->id, folded, &holder);
        if (e) return e;
    }
    if (organization->unique_group_names && holder && holder != group_id)
        return op_fail(line->op, ERR_EXISTS, "name", "name: group %lld of organization %lld has this name", LL(holder),
                       LL(organization->id));
    note_name(line, group_id, stored_name ? name_hash(line->op, stored_name, &stored_folded) : 0, hash);
    return ERR_OK;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Users are credited with what they did themselves: not with this change, nor with a making that the file says another did. */
static void credit_import(const struct group *before, struct group *after)
{
    after->modified_by_user = 0;
    if (!same_text(before->created_by, after->created_by)) after->created_by_user = 0;
}

static enum err update_group(struct line *line, union object before)
{
    struct importer *importer = line->importer;
    union object after;
    field_set differ;
    enum err e = merge(line, before, &after, &differ);
    if (e) return e;
    uint64_t by_file;
    bool in_file = name_by_file(line, after.group->id, &by_file);
    bool was_deleted = in_file && !importer->writing ? !by_file : before.group->deleted_at != 0;
    bool renamed = strcmp(before.group->name, after.group->name) != 0;
    if (was_deleted || renamed || in_file) {
        e = take_name(line, after.group->name, was_deleted ? NULL : before.group->name);
        if (e) return e;
    }
    if (!differ && !was_deleted) return count(line, importer->counts.unchanged), ERR_OK;
    number_set_add(&line->organization->groups, after.group->id);
    if (!line_has(line, "dateModified")) after.group->date_modified = line->op->now;
    after.group->deleted_at = 0;
    credit_import(before.group, after.group);
    if (renamed && !was_deleted) {
        union object between = object_copy(&line->op->arena, NOUN_GROUP, before);
        between.group->name = after.group->name;
        between.group->date_modified = after.group->date_modified;
        add_change(line, GROUP_RENAMED, before, between);
        before = between;
    }
    add_change(line, was_deleted ? GROUP_RESTORED : GROUP_UPDATED, before, after);
    return count(line, importer->counts.changed), ERR_OK;
}

static enum err import_group(struct line *line)
{
    struct importer *importer = line->importer;
    struct group *values = line->values.group;
    union object before;
    bool found;
    enum err e = find_stored(line, NOUN_GROUP, values->id, 0, &found, &before);
    if (e) return e;
    uint64_t by_file = 0;
    bool in_file = name_by_file(line, values->id, &by_file);
    if (line->deletes) {
        bool lives = in_file && !importer->writing ? by_file != 0 : found && !before.group->deleted_at;
        if (lives && found) add_change(line, GROUP_DELETED, before, (union object){ 0 });
        const char *folded;
        note_name(line, values->id, lives && found ? name_hash(line->op, before.group->name, &folded) : 0, 0);
        number_set_remove(&line->organization->groups, values->id);
        number_set_add(&line->organization->deleted_groups, values->id);
        return count(line, lives ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    if (found) {
        number_set_remove(&line->organization->deleted_groups, values->id);
        return update_group(line, before);
    }
    bool again = in_file && !importer->writing; /* made by the file and nowhere to be compared with */
    e = again ? ERR_OK : check_new(line, values->id, &values->uuid);
    if (!e) e = take_name(line, values->name, NULL);
    if (e) return e;
    number_set_remove(&line->organization->deleted_groups, values->id);
    number_set_add(&importer->ledger.groups, values->id);
    number_set_add(&line->organization->groups, values->id);
    if (again) return count(line, by_file ? importer->counts.unchanged : importer->counts.changed), ERR_OK;
    fill_uuid(&values->uuid);
    if (!values->date_created) values->date_created = line->op->now;
    add_change(line, GROUP_CREATED, (union object){ 0 }, line->values);
    return count(line, importer->counts.created), ERR_OK;
}

/* --- memberships, nestings --- */

static enum err import_membership(struct line *line)
{
    struct importer *importer = line->importer;
    struct membership *values = line->values.membership;
    union object before, after;
    bool found;
    if (!line->deletes) {
        enum err e = check_exists(line, NOUN_GROUP, values->group_id, "groupId");
        if (!e) e = check_exists(line, NOUN_USER, values->user_id, "userId");
        if (!e && values->starts_at && values->ends_at && values->ends_at <= values->starts_at)
            e = op_fail(line->op, ERR_INVALID, "endsAt", "endsAt: a membership must end after it starts");
        if (e) return e;
    }
    enum err e = find_stored(line, NOUN_MEMBERSHIP, values->group_id, values->user_id, &found, &before);
    if (e) return e;
    if (line->deletes) {
        if (found) add_change(line, MEMBER_REMOVED, before, (union object){ 0 });
        return count(line, found ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    if (!found) {
        fill_uuid(&values->uuid);
        if (!values->date_created) values->date_created = line->op->now;
        add_change(line, MEMBER_ADDED, (union object){ 0 }, line->values);
        return count(line, importer->counts.created), ERR_OK;
    }
    field_set differ;
    e = merge(line, before, &after, &differ);
    if (!e && differ) add_change(line, MEMBER_CHANGED, before, after);
    if (!e) count(line, differ ? importer->counts.changed : importer->counts.unchanged);
    return e;
}

static enum err load_nesting(void *context, struct op *op, const struct nesting *nesting)
{
    (void)op;
    nesting_add(context, nesting->group_id, nesting->child_group_id);
    return ERR_OK;
}

static enum err import_nesting(struct line *line)
{
    struct importer *importer = line->importer;
    const struct nesting *values = line->values.nesting;
    struct ledger_organization *organization = line->organization;
    if (!organization->nestings_loaded && (!organization->created || importer->careful)) {
        struct store_sink sink = { .context = &organization->nestings, .nesting = load_nesting };
        int64_t version;
        enum err e = store_load(line->op, importer->store, organization->id, &sink, NULL, &version);
        if (e) return e;
    }
    organization->nestings_loaded = true;
    if (line->deletes) {
        bool removed = nesting_remove(&organization->nestings, values->group_id, values->child_group_id);
        if (removed) add_change(line, NESTING_REMOVED, line->values, (union object){ 0 });
        return count(line, removed ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    enum err e = check_exists(line, NOUN_GROUP, values->group_id, "groupId");
    if (!e) e = check_exists(line, NOUN_GROUP, values->child_group_id, "childGroupId");
    if (e) return e;
    if (nesting_has(&organization->nestings, values->group_id, values->child_group_id))
        return count(line, importer->counts.unchanged), ERR_OK;
    e = nesting_check(line->op, &organization->nestings, values->group_id, values->child_group_id);
    if (e) return e;
    nesting_add(&organization->nestings, values->group_id, values->child_group_id);
    add_change(line, NESTING_ADDED, (union object){ 0 }, line->values);
    return count(line, importer->counts.created), ERR_OK;
}

/* --- credentials: known again by uuid, or by secret where the line has no uuid --- */

static void remember_credential(struct ledger *ledger, struct ledger_organization *organization,
                                const struct credential *credential)
{
    if (organization->credential_count == organization->credential_capacity) {
        organization->credential_capacity = organization->credential_capacity ? organization->credential_capacity * 2 : 8;
        organization->credentials =
            memory_resize(organization->credentials, organization->credential_capacity, sizeof *organization->credentials);
    }
    union object copy = object_copy(&ledger->arena, NOUN_CREDENTIAL, (union object){ .any = credential });
    organization->credentials[organization->credential_count++] = *copy.credential;
}

struct remembering {
    struct ledger *ledger;
    struct ledger_organization *organization;
};

static enum err load_credential(void *context, struct op *op, const struct credential *credential)
{
    (void)op;
    const struct remembering *remembering = context;
    remember_credential(remembering->ledger, remembering->organization, credential);
    return ERR_OK;
}

static enum err load_credentials(struct line *line)
{
    struct ledger_organization *organization = line->organization;
    if (organization->credentials_loaded || (organization->created && !line->importer->careful)) return ERR_OK;
    struct remembering remembering = { &line->importer->ledger, organization };
    struct store_sink sink = { .context = &remembering, .credential = load_credential };
    int64_t version;
    organization->credentials_loaded = true;
    return store_load(line->op, line->importer->store, organization->id, &sink, NULL, &version);
}

static enum err note_secret(void *context, struct op *op, const struct credential *credential)
{
    (void)op;
    hash_set_add(context, lookup_hash_bytes(credential->secret_hash.bytes, sizeof credential->secret_hash.bytes));
    return ERR_OK;
}

/* While checking: a secret finds one credential, whatever organization it belongs to. */
static enum err check_secret(struct line *line)
{
    struct ledger *ledger = &line->importer->ledger;
    if (line->importer->writing) return ERR_OK;
    if (!ledger->secrets_loaded) {
        struct store_sink sink = { .context = &ledger->secrets, .credential = note_secret };
        int64_t cursor;
        enum err e = store_load_credentials(line->op, line->importer->store, &sink, &cursor);
        if (e) return e;
        ledger->secrets_loaded = true;
    }
    const struct digest *hash = &line->values.credential->secret_hash;
    if (hash_set_add(&ledger->secrets, lookup_hash_bytes(hash->bytes, sizeof hash->bytes))) return ERR_OK;
    return op_fail(line->op, ERR_EXISTS, "secret", "secret: another credential has it");
}

static enum err import_credential(struct line *line)
{
    struct importer *importer = line->importer;
    struct credential *values = line->values.credential;
    struct ledger_organization *organization = line->organization;
    bool has_secret = values->secret != NULL, has_hash = line_has(line, "secretHash");
    if (has_secret) values->secret_hash = credential_hash(&line->op->arena, values);
    else if (!has_hash && !line->deletes)
        return op_fail(line->op, ERR_INVALID, "secret", "secret: secret or secretHash is required");
    if (values->kind == CREDENTIAL_API_KEY && !values->key_id && !line->deletes)
        return op_fail(line->op, ERR_INVALID, "keyId", "keyId is required for an api-key");
    enum err e = load_credentials(line);
    if (!e && values->user_id && !line->deletes) e = check_exists(line, NOUN_USER, values->user_id, "userId");
    if (e) return e;

    struct credential *known = NULL;
    for (size_t i = 0; i < organization->credential_count && !known; i++) {
        struct credential *candidate = &organization->credentials[i];
        bool same = line_has(line, "uuid") ? uuid_equal(&candidate->uuid, &values->uuid)
                                           : digest_equal(&candidate->secret_hash, &values->secret_hash);
        if (same) known = candidate;
    }
    if (line->deletes)
        return op_fail(line->op, ERR_INVALID, "delete", "credentials are revoked (roster token revoke), not deleted");
    if (!known) {
        e = check_secret(line);
        if (e) return e;
        fill_uuid(&values->uuid);
        values->date_created = line->op->now;
        add_change(line, CREDENTIAL_CREATED, (union object){ 0 }, line->values);
        remember_credential(&importer->ledger, organization, values);
        return count(line, importer->counts.created), ERR_OK;
    }
    union object before = object_copy(&line->op->arena, NOUN_CREDENTIAL, (union object){ .credential = known }), after;
    field_set differ;
    e = merge(line, before, &after, &differ);
    if (e) return e;
    after.credential->secret_hash = values->secret_hash;
    after.credential->secret = NULL;
    before.credential->secret = NULL;
    differ = fields_differ(NOUN_CREDENTIAL, before, after);
    if (differ) add_change(line, CREDENTIAL_UPDATED, before, after);
    *known = *object_copy(&importer->ledger.arena, NOUN_CREDENTIAL, after).credential;
    return count(line, differ ? importer->counts.changed : importer->counts.unchanged), ERR_OK;
}

/* --- a line --- */

static enum err (*const importers[NOUN_COUNT])(struct line *line) = {
    [NOUN_ORGANIZATION] = import_organization,
    [NOUN_ACCOUNT] = import_account,
    [NOUN_USER] = import_user,
    [NOUN_GROUP] = import_group,
    [NOUN_MEMBERSHIP] = import_membership,
    [NOUN_NESTING] = import_nesting,
    [NOUN_CREDENTIAL] = import_credential,
};

static int64_t organization_of(enum noun noun, union object object)
{
    switch (noun) {
    case NOUN_ORGANIZATION:
        return object.organization->id;
    case NOUN_USER:
        return object.user->organization_id;
    case NOUN_GROUP:
        return object.group->organization_id;
    case NOUN_MEMBERSHIP:
        return object.membership->organization_id;
    case NOUN_NESTING:
        return object.nesting->organization_id;
    case NOUN_CREDENTIAL:
        return object.credential->organization_id;
    case NOUN_ACCOUNT:
    case NOUN_COUNT:
        return INSTALLATION;
    }
    return INSTALLATION;
}

/* What a line that deletes must name: the members that identify the object, not what a new one would need. */
static enum err check_required(struct line *line)
{
    if (!line->deletes) return fields_check_required(line->op, line->noun, line->present);
    const struct field *fields = noun_fields(line->noun);
    field_set identity = fields_with(line->noun, FIELD_FIXED) & fields_with(line->noun, FIELD_REQUIRED);
    field_set missing = identity & ~line->present;
    if (!missing) return ERR_OK;
    const char *name = fields[__builtin_ctzll(missing)].name;
    return op_fail(line->op, ERR_INVALID, name, "%s is missing", name);
}

static enum err read_line(struct line *line, const json_t *json)
{
    struct op *op = line->op;
    if (!json_is_object(json)) return op_fail(op, ERR_INVALID, "", "a line must be a JSON object, not %s", json_kind_name(json));
    const json_t *type = json_object_get(json, "type"), *deletes = json_object_get(json, "delete");
    if (!json_is_string(type)) return op_fail(op, ERR_INVALID, "type", "type is missing");
    if (!noun_find(json_string_value(type), &line->noun))
        return op_fail(op, ERR_INVALID, "type",
                       "type: \"%.40s\" is none of organization, account, user, group, membership, nesting, credential",
                       json_string_value(type));
    if (deletes && !json_is_boolean(deletes)) return op_fail(op, ERR_INVALID, "delete", "delete must be true or false");
    line->deletes = json_is_true(deletes);
    line->values = (union object){ .any = arena_zalloc(&op->arena, noun_size(line->noun)) };
    fields_set_defaults(line->noun, line->values);
    enum err e = fields_read(op, line->noun, json, line->values, &line->present);
    return e ? e : check_required(line);
}

/* What the line is about, as a hash: a second line about the same object must see what the first did. */
static uint64_t object_key(const struct line *line)
{
    const union object values = line->values;
    int64_t key[4] = { line->noun, 0, 0, 0 };
    switch (line->noun) {
    case NOUN_ORGANIZATION:
        key[1] = values.organization->id;
        break;
    case NOUN_ACCOUNT:
        key[1] = values.account->id;
        break;
    case NOUN_USER:
        key[1] = values.user->id;
        break;
    case NOUN_GROUP:
        key[1] = values.group->id;
        break;
    case NOUN_MEMBERSHIP:
        key[1] = values.membership->group_id;
        key[2] = values.membership->user_id;
        break;
    case NOUN_NESTING:
        key[1] = values.nesting->group_id;
        key[2] = values.nesting->child_group_id;
        break;
    case NOUN_CREDENTIAL: /* the ledger knows those of the batch */
    case NOUN_COUNT:
        return 0;
    }
    return lookup_hash_bytes(key, sizeof key);
}

static enum batch_kind kind_of(const struct line *line)
{
    if (!line->deletes) return BATCH_PUTS;
    return line->noun == NOUN_USER ? BATCH_DELETES_USERS : BATCH_DELETES;
}

/* One batch has one organization and one kind; deletions of an organization or account stand alone. */
static bool fits_batch(const struct line *line)
{
    const struct importer *importer = line->importer;
    if (!importer->line_count) return true;
    if (line->deletes && (line->noun == NOUN_ORGANIZATION || line->noun == NOUN_ACCOUNT)) return false;
    if (line->noun == NOUN_ACCOUNT) return true; /* accounts come between an organization's users */
    if (importer->organization_id == NO_ORGANIZATION) return true;
    return importer->organization_id == line->organization_id && importer->kind == kind_of(line);
}

static enum err enter_batch(struct line *line)
{
    struct importer *importer = line->importer;
    if (!importer->line_count) {
        enum err e = import_see_version(importer, INSTALLATION);
        if (e) return e;
    }
    if (line->noun == NOUN_ACCOUNT || importer->organization_id == line->organization_id) return ERR_OK;
    importer->organization_id = line->organization_id;
    importer->kind = kind_of(line);
    return import_see_version(importer, line->organization_id);
}

static enum err parse_line(struct line *line, const char *text, size_t size)
{
    json_t *json;
    enum err e = json_parse(&line->op->failure, text, size, &json);
    if (e) return e;
    e = read_line(line, json);
    json_decref(json);
    if (!e) line->organization_id = organization_of(line->noun, line->values);
    return e;
}

enum err import_line(struct importer *importer, const char *text, size_t size)
{
    struct line line = { .importer = importer, .op = importer->batch };
    enum err e = parse_line(&line, text, size);
    uint64_t key = e ? 0 : object_key(&line);
    if (!e && (!fits_batch(&line) || (importer->writing && key && !hash_set_add(&importer->touched, key)))) {
        e = import_flush(importer); /* frees the memory of the batch, so this line is read again into the next one */
        if (!e) e = parse_line(&line, text, size);
        if (!e && key) hash_set_add(&importer->touched, key);
    }
    if (!e) e = enter_batch(&line);
    if (!e && line.noun != NOUN_ORGANIZATION && line.noun != NOUN_ACCOUNT) {
        e = get_organization(importer, line.op, line.organization_id, &line.organization);
        if (!e && !line.organization->exists)
            e = op_fail(line.op, ERR_NOT_FOUND, "organizationId", "organizationId: there is no organization %lld",
                        LL(line.organization_id));
    }
    return e ? e : importers[line.noun](&line);
}
