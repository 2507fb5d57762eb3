/* import_organization.c — what a line about an organization or an account means. */
#include "directory/import_line.h"

/* The organization as it is at this line. What was pending when the line came is in the database, if the import writes; if it
 * only checks the ledger has it. */
static enum err find_organization(struct line *line, const struct ledger_organization *organization, bool *ret_found,
                                  union object *ret_object)
{
    struct importer *importer = line->importer;
    *ret_found = organization->exists && organization->by_file;
    if (*ret_found) {
        union object by_file = { .organization = organization->by_file };
        *ret_object = object_copy(&line->op->arena, NOUN_ORGANIZATION, by_file);
        return ERR_OK;
    }
    /* A careful line is here again: another process may have made the organization since. */
    if (!organization->exists && !importer->careful) return ERR_OK;
    return store_find(line->op, importer->store, NOUN_ORGANIZATION, organization->id, organization->id, 0, ret_found, ret_object);
}

static enum err delete_organization(struct line *line, struct ledger_organization *organization, bool found, union object before)
{
    struct importer *importer = line->importer;
    if (organization->created)
        return op_fail(line->op, ERR_INVALID, "delete", "the same file makes and deletes organization %lld",
                       LL(organization->id));
    if (!found) return line_count(line, importer->counts.unchanged), ERR_OK;
    line_add_change(line, ORGANIZATION_DELETED, before, (union object){ 0 });
    ledger_set_flag(&importer->ledger, &organization->exists, false);
    ledger_set_flag(&importer->ledger, &organization->deleted, true);
    return line_count(line, importer->counts.deleted), ERR_OK;
}

static enum err create_organization(struct line *line, struct ledger_organization *organization)
{
    struct importer *importer = line->importer;
    struct organization *values = line->values.organization;
    if (organization->deleted)
        return op_fail(line->op, ERR_INVALID, "id",
                       "id: the same file deletes organization %lld before: make it again with another file", LL(values->id));
    enum err e = line_check_new(line, values->id, &values->uuid);
    if (e) return e;
    line_fill_uuid(&values->uuid);
    values->date_created = line->op->now;
    ledger_set_flag(&importer->ledger, &organization->exists, true);
    ledger_set_flag(&importer->ledger, &organization->created, true);
    ledger_set_flag(&importer->ledger, &organization->unique_group_names, values->unique_group_names);
    if (!importer->writing) ledger_note_organization(organization, values);
    line_add_change(line, ORGANIZATION_CREATED, (union object){ 0 }, line->values);
    return line_count(line, importer->counts.created), ERR_OK;
}

enum err import_organization(struct line *line)
{
    struct importer *importer = line->importer;
    struct ledger_organization *organization;
    union object before = { 0 }, after;
    bool found;
    enum err e = line_get_organization(importer, line->op, line->organization_id, &organization);
    if (!e) e = find_organization(line, organization, &found, &before);
    if (e) return e;
    if (found) organization->exists = true; /* whatever becomes of the line */
    if (line->deletes) return delete_organization(line, organization, found, before);
    if (!found) return create_organization(line, organization);
    field_set differ;
    e = line_merge(line, before, &after, &differ);
    if (e) return e;
    if (after.organization->unique_group_names && !before.organization->unique_group_names) {
        e = line_make_names_unique(line, organization);
        if (e) return e;
    }
    ledger_set_flag(&importer->ledger, &organization->unique_group_names, after.organization->unique_group_names);
    if (differ && !importer->writing) ledger_note_organization(organization, after.organization);
    if (differ) line_add_change(line, ORGANIZATION_UPDATED, before, after);
    return line_count(line, differ ? importer->counts.changed : importer->counts.unchanged), ERR_OK;
}

/* While writing, all that lines before did to users is in the database: the deletion stands alone. */
static enum err delete_account(struct line *line, bool found, union object before)
{
    struct importer *importer = line->importer;
    struct ledger *ledger = &importer->ledger;
    int64_t id = line->values.account->id;
    bool made = !importer->writing && number_set_has(&ledger->accounts, id);
    bool used = !importer->writing && number_set_has(&ledger->accounts_used, id);
    enum err e = used ? ERR_OK : store_account_is_used(line->op, importer->store, id, &used);
    if (e) return e;
    if (used) return op_fail(line->op, ERR_INVALID, "account", "account %lld is used by users", LL(id));
    if (found) line_add_change(line, ACCOUNT_DELETED, before, (union object){ 0 });
    number_set_remove(&ledger->accounts, id);
    if (found || made) number_set_add(&ledger->deleted_accounts, id);
    return line_count(line, found || made ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
}

enum err import_account(struct line *line)
{
    struct importer *importer = line->importer;
    struct ledger *ledger = &importer->ledger;
    struct account *values = line->values.account;
    union object before, after;
    bool found;
    enum err e = line_find_account(line, values->id, &found, &before);
    if (e) return e;
    if (line->deletes) return delete_account(line, found, before);
    if (!found && line_seen_while_checking(line, &ledger->accounts, values->id)) return ERR_OK;
    if (!found) {
        bool again = !importer->writing && number_set_has(&ledger->deleted_accounts, values->id);
        e = again ? ERR_OK : line_check_new(line, values->id, &values->uuid);
        if (e) return e;
        line_fill_uuid(&values->uuid);
        number_set_add(&ledger->accounts, values->id);
        number_set_remove(&ledger->deleted_accounts, values->id);
        line_add_change(line, ACCOUNT_CREATED, (union object){ 0 }, line->values);
        return line_count(line, importer->counts.created), ERR_OK;
    }
    field_set differ;
    e = line_merge(line, before, &after, &differ);
    if (!e && differ) line_add_change(line, ACCOUNT_UPDATED, before, after);
    if (!e) line_count(line, differ ? importer->counts.changed : importer->counts.unchanged);
    return e;
}
