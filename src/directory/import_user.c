/* import_user.c — what a line about a user means.
 *
 * A public key is read here, once, when it comes; everything else takes what is known of it from the user. */
#include "auth/openpgp.h"
#include "directory/import_line.h"

_Static_assert((int)PUBLIC_KEY_MAX < (int)OPENPGP_KEY_LIMIT, "a key that fits a user can be read");

static enum err check_account(struct line *line)
{
    int64_t account_id = line->values.user->account_id;
    if (!account_id || number_set_has(&line->importer->ledger.accounts, account_id)) return ERR_OK;
    bool found;
    union object object;
    enum err e = line_find_account(line, account_id, &found, &object);
    if (e || found) return e;
    line->importer->misses_account = true;
    return op_fail(line->op, ERR_NOT_FOUND, "accountId", "accountId: there is no account %lld", LL(account_id));
}

/* Memory that the library's answer takes goes at once: a batch may have thousands of keys. */
static enum err read_key(struct line *line, struct user *values)
{
    AUTO_OP op = op_begin();
    op.now = line->op->now;
    struct openpgp_key key;
    enum err e = openpgp_read_key(&op, values->public_key, strlen(values->public_key), &key);
    if (e == ERR_INVALID) return op_fail(line->op, e, "publicKey", "publicKey: %s", op.failure.text);
    if (e) return op_fail(line->op, e, op.failure.field, "%s", op.failure.text);
    struct arena *arena = &line->op->arena;
    values->key_fingerprint = arena_strdup(arena, key.fingerprint);
    values->key_user_id = arena_strdup(arena, key.user_id);
    values->key_type = key.type;
    values->key_bits = key.bits;
    values->key_created = key.created;
    values->key_expires = key.expires;
    return ERR_OK;
}

static void copy_key_facts(const struct user *from, struct user *to)
{
    to->key_fingerprint = from->key_fingerprint;
    to->key_user_id = from->key_user_id;
    to->key_type = from->key_type;
    to->key_bits = from->key_bits;
    to->key_created = from->key_created;
    to->key_expires = from->key_expires;
}

/* Completes what the line says with what is shown of its key. `before`: the user as stored, or NULL. The key that it has is not
 * read again: it may have expired since. */
static enum err take_key(struct line *line, const struct user *before)
{
    struct user *values = line->values.user;
    if (!values->public_key) return ERR_OK;
    bool known = before && before->public_key && strcmp(before->public_key, values->public_key) == 0;
    if (!known) return read_key(line, values);
    copy_key_facts(before, values);
    return ERR_OK;
}

static enum err delete_user(struct line *line, bool found, union object before, bool made, bool gone)
{
    struct import_counts *counts = &line->importer->counts;
    struct ledger_organization *organization = line->organization;
    const int64_t id = line->values.user->id;
    bool lives = made || (found && !before.user->deleted_at && !gone);
    /* The memberships go with the user; import_flush finds them, so such lines are a batch of their own. */
    if (lives && found) line_add_change(line, USER_DELETED, before, (union object){ 0 });
    number_set_remove(&organization->users, id);
    if (made || found) number_set_add(&organization->deleted_users, id);
    return line_count(line, lives ? counts->deleted : counts->unchanged), ERR_OK;
}

static enum err take_user(struct line *line)
{
    struct importer *importer = line->importer;
    struct ledger_organization *organization = line->organization;
    struct user *values = line->values.user;
    union object before, after;
    bool found;
    enum err e = line_find_stored(line, NOUN_USER, values->id, 0, &found, &before);
    if (e) return e;
    /* While checking, the lines before did what the database does not have. */
    const bool made = !importer->writing && number_set_has(&organization->users, values->id);
    const bool gone = !importer->writing && number_set_has(&organization->deleted_users, values->id);
    if (line->deletes) return delete_user(line, found, before, made, gone);
    e = check_account(line);
    if (!e) e = take_key(line, found ? before.user : NULL);
    if (e) return e;
    number_set_remove(&organization->deleted_users, values->id);
    if (!found && line_seen_while_checking(line, &organization->users, values->id)) return ERR_OK;
    if (!found && gone) { /* made by the file and deleted by it */
        number_set_add(&organization->users, values->id);
        return line_count(line, importer->counts.changed), ERR_OK;
    }
    if (!found) {
        e = line_check_new(line, values->id, &values->uuid);
        if (e) return e;
        line_fill_uuid(&values->uuid);
        if (!values->date_created) values->date_created = line->op->now;
        number_set_add(&importer->ledger.users, values->id);
        number_set_add(&organization->users, values->id);
        line_add_change(line, USER_CREATED, (union object){ 0 }, line->values);
        return line_count(line, importer->counts.created), ERR_OK;
    }
    field_set differ;
    e = line_merge(line, before, &after, &differ);
    if (e) return e;
    if (line_has(line, "publicKey")) copy_key_facts(values, after.user);
    bool revived = gone || (after.user->deleted_at != 0 && !made);
    after.user->deleted_at = 0;
    if (!differ && !revived) return line_count(line, importer->counts.unchanged), ERR_OK;
    number_set_add(&organization->users, values->id);
    if (!line_has(line, "dateModified")) after.user->date_modified = line->op->now;
    line_add_change(line, USER_UPDATED, before, after);
    return line_count(line, importer->counts.changed), ERR_OK;
}

enum err import_user(struct line *line)
{
    enum err e = take_user(line);
    int64_t account_id = line->values.user->account_id;
    if (!e && !line->deletes && account_id) number_set_add(&line->importer->ledger.accounts_used, account_id);
    return e;
}
