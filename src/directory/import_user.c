/* import_user.c — what a line about a user means. */
#include "directory/import_line.h"

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

enum err import_user(struct line *line)
{
    struct importer *importer = line->importer;
    struct user *values = line->values.user;
    union object before, after;
    bool found;
    enum err e = line_find_stored(line, NOUN_USER, values->id, 0, &found, &before);
    if (e) return e;
    if (line->deletes) {
        /* The memberships go with the user; import_flush finds them, so such lines are a batch of their own. */
        bool lives = found && !before.user->deleted_at;
        if (lives) line_add_change(line, USER_DELETED, before, (union object){ 0 });
        number_set_remove(&line->organization->users, values->id);
        number_set_add(&line->organization->deleted_users, values->id);
        return line_count(line, lives ? importer->counts.deleted : importer->counts.unchanged), ERR_OK;
    }
    e = check_account(line);
    if (e) return e;
    number_set_remove(&line->organization->deleted_users, values->id);
    if (!found && line_seen_while_checking(line, &line->organization->users, values->id)) return ERR_OK;
    if (!found) {
        e = line_check_new(line, values->id, &values->uuid);
        if (e) return e;
        line_fill_uuid(&values->uuid);
        if (!values->date_created) values->date_created = line->op->now;
        number_set_add(&importer->ledger.users, values->id);
        number_set_add(&line->organization->users, values->id);
        line_add_change(line, USER_CREATED, (union object){ 0 }, line->values);
        return line_count(line, importer->counts.created), ERR_OK;
    }
    field_set differ;
    e = line_merge(line, before, &after, &differ);
    if (e) return e;
    bool revived = after.user->deleted_at != 0;
    after.user->deleted_at = 0;
    if (!differ && !revived) return line_count(line, importer->counts.unchanged), ERR_OK;
    number_set_add(&line->organization->users, values->id);
    if (!line_has(line, "dateModified")) after.user->date_modified = line->op->now;
    line_add_change(line, USER_UPDATED, before, after);
    return line_count(line, importer->counts.changed), ERR_OK;
}
