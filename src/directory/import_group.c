/* import_group.c — what a line about a group means, and whose name is whose. */
#include "base/fold.h"
#include "base/lookup.h"
#include "directory/import_line.h"

static uint64_t name_hash(struct arena *arena, const char *name, const char **ret_folded)
{
    size_t size;
    *ret_folded = fold_text(arena, name, strlen(name), &size);
    return lookup_hash_bytes(*ret_folded, size);
}

/* What the file did to a group before this line: false if nothing; else the hash of the name it has now, 0 if it was deleted. */
static bool name_by_file(const struct ledger_organization *organization, int64_t group_id, uint64_t *ret_hash)
{
    int64_t hash;
    if (!hash_map_get(&organization->names_of, lookup_hash_bytes(&group_id, sizeof group_id), &hash)) return false;
    *ret_hash = (uint64_t)hash;
    return true;
}

/* From this line on the group has the name with this hash (0: none, it is deleted); what it had is free, unless another took it
 * already. `had`: as stored, which is also what a line has before it that is done again. */
static void note_name(struct line *line, int64_t group_id, uint64_t had, uint64_t has)
{
    struct ledger_organization *organization = line->organization;
    int64_t owner = group_id;
    if (!line->importer->careful) name_by_file(organization, group_id, &had);
    if (had && (!hash_map_get(&organization->names, had, &owner) || owner == group_id))
        hash_map_put(&organization->names, had, 0);
    if (has) hash_map_put(&organization->names, has, group_id);
    hash_map_put(&organization->names_of, lookup_hash_bytes(&group_id, sizeof group_id), (int64_t)has);
}

/* The living group that has the name where names are unique, 0 if none has. What the file gave up another process may have taken
 * since. A line that is done again finds in the database all that those before it did. */
static enum err find_holder(struct line *line, const char *folded, uint64_t hash, int64_t *ret_holder)
{
    const struct ledger_organization *organization = line->organization;
    const bool careful = line->importer->careful;
    *ret_holder = 0;
    if (!organization->unique_group_names) return ERR_OK;
    if (!careful && hash_map_get(&organization->names, hash, ret_holder) && *ret_holder) return ERR_OK;
    if (!careful && organization->created && !organization->refused) return ERR_OK;
    enum err e = store_find_group_by_name(line->op, line->importer->store, organization->id, folded, ret_holder);
    uint64_t now;
    bool gives_up = !e && *ret_holder && !careful && name_by_file(organization, *ret_holder, &now) && now != hash;
    if (gives_up) *ret_holder = 0;
    return e;
}

/* Takes the name for the group, or fails if another has it. `stored_name`: the one it has in the database, NULL if it has none.
 */
static enum err take_name(struct line *line, const char *name, const char *stored_name)
{
    const int64_t group_id = line->values.group->id, organization_id = line->organization->id;
    int64_t holder;
    const char *folded, *stored_folded;
    uint64_t hash = name_hash(&line->op->arena, name, &folded);
    enum err e = find_holder(line, folded, hash, &holder);
    if (e) return e;
    if (holder && holder != group_id)
        return op_fail(line->op, ERR_EXISTS, "name", "name: group %lld of organization %lld has this name", LL(holder),
                       LL(organization_id));
    note_name(line, group_id, stored_name ? name_hash(&line->op->arena, stored_name, &stored_folded) : 0, hash);
    return ERR_OK;
}

/* --- names become unique --- */

struct names {
    const struct ledger_organization *by_file; /* NULL: all that the file did is in the database */
    struct hash_map groups;                    /* hash of a folded name -> the group that has it */
    int64_t first, second;                     /* two that have one name; 0: there are none */
    struct arena arena;                        /* of one name */
};

static void see_name(struct names *names, uint64_t hash, int64_t group_id)
{
    if (hash_map_get(&names->groups, hash, &names->first)) names->second = group_id;
    else hash_map_put(&names->groups, hash, group_id);
}

static enum err see_stored_name(void *context, struct op *op, const struct group *group)
{
    (void)op;
    struct names *names = context;
    const char *folded;
    uint64_t hash;
    if (group->deleted_at || names->second) return ERR_OK;
    if (names->by_file && name_by_file(names->by_file, group->id, &hash)) return ERR_OK;
    see_name(names, name_hash(&names->arena, group->name, &folded), group->id);
    arena_reset(&names->arena);
    return ERR_OK;
}

static void see_names_by_file(struct names *names)
{
    const struct number_set *groups = &names->by_file->groups;
    for (size_t i = 0; i < groups->count; i++) {
        for (int64_t id = groups->ranges[i].first; id <= groups->ranges[i].last && !names->second; id++) {
            uint64_t hash;
            if (name_by_file(names->by_file, id, &hash) && hash) see_name(names, hash, id);
        }
    }
}

enum err line_make_names_unique(struct line *line, struct ledger_organization *organization)
{
    struct importer *importer = line->importer;
    struct names names = { .by_file = importer->writing ? NULL : organization };
    struct store_sink sink = { .context = &names, .group = see_stored_name };
    int64_t version;
    enum err e = ERR_OK;
    if (importer->writing || !organization->created)
        e = store_load(line->op, importer->store, organization->id, &sink, NULL, &version);
    if (!e && names.by_file) see_names_by_file(&names);
    if (!e && names.second)
        e = op_fail(line->op, ERR_INVALID, "uniqueGroupNames", "uniqueGroupNames: groups %lld and %lld have the same name",
                    LL(names.first), LL(names.second));
    /* While names could repeat, the ledger knew only who took one last. */
    for (size_t i = 0; i < names.groups.capacity && !e; i++) {
        const struct hash_entry *entry = &names.groups.entries[i];
        if (entry->hash) hash_map_learn(&organization->names, entry->hash, entry->value);
    }
    hash_map_free(&names.groups);
    arena_free(&names.arena);
    return e;
}

/* --- lines --- */

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
    enum err e = line_merge(line, before, &after, &differ);
    if (e) return e;
    uint64_t by_file;
    bool in_file = name_by_file(line->organization, after.group->id, &by_file);
    bool was_deleted = in_file && !importer->writing ? !by_file : before.group->deleted_at != 0;
    bool renamed = strcmp(before.group->name, after.group->name) != 0;
    if (was_deleted || renamed || in_file) {
        e = take_name(line, after.group->name, was_deleted ? NULL : before.group->name);
        if (e) return e;
    }
    if (!differ && !was_deleted) return line_count(line, importer->counts.unchanged), ERR_OK;
    number_set_add(&line->organization->groups, after.group->id);
    if (!line_has(line, "dateModified")) after.group->date_modified = line->op->now;
    after.group->deleted_at = 0;
    credit_import(before.group, after.group);
    if (renamed && !was_deleted) {
        union object between = object_copy(&line->op->arena, NOUN_GROUP, before);
        between.group->name = after.group->name;
        between.group->date_modified = after.group->date_modified;
        line_add_change(line, GROUP_RENAMED, before, between);
        before = between;
    }
    line_add_change(line, was_deleted ? GROUP_RESTORED : GROUP_UPDATED, before, after);
    return line_count(line, importer->counts.changed), ERR_OK;
}

enum err import_group(struct line *line)
{
    struct importer *importer = line->importer;
    struct group *values = line->values.group;
    union object before;
    bool found;
    enum err e = line_find_stored(line, NOUN_GROUP, values->id, 0, &found, &before);
    if (e) return e;
    uint64_t by_file = 0;
    bool in_file = name_by_file(line->organization, values->id, &by_file);
    if (line->deletes) {
        if (!found && !in_file) return line_count(line, importer->counts.unchanged), ERR_OK;
        bool lives = in_file && !importer->writing ? by_file != 0 : found && !before.group->deleted_at;
        if (lives && found) line_add_change(line, GROUP_DELETED, before, (union object){ 0 });
        const char *folded;
        note_name(line, values->id, lives && found ? name_hash(&line->op->arena, before.group->name, &folded) : 0, 0);
        number_set_remove(&line->organization->groups, values->id);
        number_set_add(&line->organization->deleted_groups, values->id);
        return line_count(line, lives ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    if (found) {
        number_set_remove(&line->organization->deleted_groups, values->id);
        return update_group(line, before);
    }
    bool again = in_file && !importer->writing; /* made by the file and nowhere to be compared with */
    e = take_name(line, values->name, NULL);    /* can be taken back, which the uuid cannot */
    if (!e && !again) e = line_check_new(line, values->id, &values->uuid);
    if (e) return e;
    number_set_remove(&line->organization->deleted_groups, values->id);
    number_set_add(&importer->ledger.groups, values->id);
    number_set_add(&line->organization->groups, values->id);
    if (again) return line_count(line, by_file ? importer->counts.unchanged : importer->counts.changed), ERR_OK;
    line_fill_uuid(&values->uuid);
    if (!values->date_created) values->date_created = line->op->now;
    line_add_change(line, GROUP_CREATED, (union object){ 0 }, line->values);
    return line_count(line, importer->counts.created), ERR_OK;
}
