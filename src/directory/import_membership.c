/* import_membership.c — what a line about a membership or a nesting means. */
#include "directory/import_line.h"

enum err import_membership(struct line *line)
{
    struct importer *importer = line->importer;
    struct membership *values = line->values.membership;
    union object before, after;
    bool found;
    if (!line->deletes) {
        enum err e = line_check_exists(line, NOUN_GROUP, values->group_id, "groupId");
        if (!e) e = line_check_exists(line, NOUN_USER, values->user_id, "userId");
        if (!e && values->starts_at && values->ends_at && values->ends_at <= values->starts_at)
            e = op_fail(line->op, ERR_INVALID, "endsAt", "endsAt: a membership must end after it starts");
        if (e) return e;
    }
    enum err e = line_find_stored(line, NOUN_MEMBERSHIP, values->group_id, values->user_id, &found, &before);
    if (e) return e;
    if (line->deletes) {
        if (found) line_add_change(line, MEMBER_REMOVED, before, (union object){ 0 });
        return line_count(line, found ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    if (!found) {
        line_fill_uuid(&values->uuid);
        if (!values->date_created) values->date_created = line->op->now;
        line_add_change(line, MEMBER_ADDED, (union object){ 0 }, line->values);
        return line_count(line, importer->counts.created), ERR_OK;
    }
    field_set differ;
    e = line_merge(line, before, &after, &differ);
    if (!e && differ) line_add_change(line, MEMBER_CHANGED, before, after);
    if (!e) line_count(line, differ ? importer->counts.changed : importer->counts.unchanged);
    return e;
}

static enum err load_nesting(void *context, struct op *op, const struct nesting *nesting)
{
    (void)op;
    nesting_add(context, nesting->group_id, nesting->child_group_id);
    return ERR_OK;
}

enum err import_nesting(struct line *line)
{
    struct importer *importer = line->importer;
    const struct nesting *values = line->values.nesting;
    struct ledger_organization *organization = line->organization;
    if (!organization->nestings_loaded && (!organization->created || organization->forgotten)) {
        struct store_sink sink = { .context = &organization->nestings, .nesting = load_nesting };
        int64_t version;
        enum err e = store_load(line->op, importer->store, organization->id, &sink, NULL, &version);
        if (e) return e;
    }
    organization->nestings_loaded = true;
    if (line->deletes) {
        bool removed = nesting_remove(&organization->nestings, values->group_id, values->child_group_id);
        if (removed) line_add_change(line, NESTING_REMOVED, line->values, (union object){ 0 });
        return line_count(line, removed ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    enum err e = line_check_exists(line, NOUN_GROUP, values->group_id, "groupId");
    if (!e) e = line_check_exists(line, NOUN_GROUP, values->child_group_id, "childGroupId");
    if (e) return e;
    if (nesting_has(&organization->nestings, values->group_id, values->child_group_id))
        return line_count(line, importer->counts.unchanged), ERR_OK;
    e = nesting_check(line->op, &organization->nestings, values->group_id, values->child_group_id);
    if (e) return e;
    nesting_add(&organization->nestings, values->group_id, values->child_group_id);
    line_add_change(line, NESTING_ADDED, (union object){ 0 }, line->values);
    return line_count(line, importer->counts.created), ERR_OK;
}
