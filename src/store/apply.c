/* apply.c — change kind to SQL. Whole objects are in memory, so an update writes every value of `after`.
 *
 * Identity comes from the commit (organization_id) and the object (id); the columns and their order are in rows.h. */
#include "store/engine.h"
#include "store/logins.h"
#include "store/rows.h"

#include "base/fold.h"

#include <string.h>

/* Runs an update or delete that must hit one row: what the caller saw and what is stored differ otherwise. */
static enum err run_on_one(struct op *op, struct query *query, enum noun noun)
{
    return query_run_on_one(op, query, ERR_NOT_FOUND, noun_name(noun));
}

/* A deleted organization's number may be used again by an import; its log goes on. */
static enum err insert_organization(struct op *op, struct db *db, const struct organization *organization)
{
    AUTO_QUERY q =
        db_query(db, "INSERT INTO organization (" ORGANIZATION_VALUES ", uuid, id) VALUES ($1, $2, $3, $4, $5)"
                     " ON CONFLICT (id) DO UPDATE SET name = excluded.name, unique_group_names = excluded.unique_group_names,"
                     " date_created = excluded.date_created, uuid = excluded.uuid, deleted_at = NULL"
                     " WHERE organization.deleted_at IS NOT NULL");
    bind_organization_values(&q, organization);
    query_uuid(&q, &organization->uuid);
    query_number(&q, organization->id);
    return query_run_on_one(op, &q, ERR_EXISTS, "id");
}

/* When names of groups become unique: whoever asks for it has looked, but under a fence that others do not need to name groups.
 * From here to the end of the transaction nobody else does. */
static enum err check_names_differ(struct op *op, struct db *db, int64_t organization_id)
{
    AUTO_QUERY q = db_query(db, "SELECT min(id), max(id) FROM user_group WHERE organization_id = $1 AND deleted_at IS NULL"
                                " GROUP BY name_folded HAVING count(*) > 1 LIMIT 1");
    query_number(&q, organization_id);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e || !row) return e;
    return op_fail(op, ERR_INVALID, "uniqueGroupNames", "uniqueGroupNames: groups %lld and %lld have the same name",
                   (long long)column_number(&q, 0), (long long)column_number(&q, 1));
}

static enum err update_organization(struct op *op, struct db *db, const struct organization *before,
                                    const struct organization *organization)
{
    if (organization->unique_group_names && !before->unique_group_names) {
        enum err e = check_names_differ(op, db, organization->id);
        if (e) return e;
    }
    AUTO_QUERY q =
        db_query(db, "UPDATE organization SET (" ORGANIZATION_VALUES ") = ($1, $2, $3) WHERE id = $4 AND deleted_at IS NULL");
    bind_organization_values(&q, organization);
    query_number(&q, organization->id);
    return run_on_one(op, &q, NOUN_ORGANIZATION);
}

/* Children before parents, so that each foreign key finds nothing in an empty range of a key. The row and the log stay. Log-ins
 * go twice, because those of users who logged in until a moment ago are in no fence: their users were locked. */
static enum err delete_organization(struct op *op, struct db *db, int64_t organization_id, int64_t time)
{
    static const char *const deletes[] = {
        "DELETE FROM membership WHERE organization_id = $1",  "DELETE FROM group_nesting WHERE organization_id = $1",
        "DELETE FROM group_grant WHERE organization_id = $1", "DELETE FROM credential WHERE organization_id = $1",
        "DELETE FROM user_group WHERE organization_id = $1",  "DELETE FROM login WHERE organization_id = $1",
        "DELETE FROM app_user WHERE organization_id = $1",    "DELETE FROM login WHERE organization_id = $1",
    };
    for (size_t i = 0; i < sizeof(deletes) / sizeof(*deletes); i++) {
        AUTO_QUERY q = db_query(db, deletes[i]);
        query_number(&q, organization_id);
        enum err e = query_run(op, &q);
        if (e) return e;
    }
    AUTO_QUERY q =
        db_query(db, "UPDATE organization SET name = '', uuid = NULL, deleted_at = $1 WHERE id = $2 AND deleted_at IS NULL");
    query_number(&q, time);
    query_number(&q, organization_id);
    return run_on_one(op, &q, NOUN_ORGANIZATION);
}

static enum err insert_account(struct op *op, struct db *db, const struct account *account)
{
    AUTO_QUERY q = db_query(db, "INSERT INTO account (" ACCOUNT_COLUMNS ") VALUES ($1, $2, $3, $4, $5)");
    bind_account_values(&q, account);
    query_uuid(&q, &account->uuid);
    query_number(&q, account->id);
    return query_run(op, &q);
}

static enum err update_account(struct op *op, struct db *db, const struct account *account)
{
    AUTO_QUERY q = db_query(db, "UPDATE account SET (" ACCOUNT_VALUES ") = ($1, $2, $3) WHERE id = $4");
    bind_account_values(&q, account);
    query_number(&q, account->id);
    return run_on_one(op, &q, NOUN_ACCOUNT);
}

static enum err delete_account(struct op *op, struct db *db, const struct account *account)
{
    AUTO_QUERY used = db_query(db, "SELECT 1 FROM app_user WHERE account_id = $1 LIMIT 1");
    query_number(&used, account->id);
    bool found;
    enum err e = query_step(op, &used, &found);
    if (e) return e;
    if (found) return op_fail(op, ERR_INVALID, "account", "users still refer to the account");

    AUTO_QUERY q = db_query(db, "DELETE FROM account WHERE id = $1");
    query_number(&q, account->id);
    return run_on_one(op, &q, NOUN_ACCOUNT);
}

static enum err insert_user(struct op *op, struct db *db, int64_t organization_id, const struct user *user)
{
    AUTO_QUERY q =
        db_query(db, "INSERT INTO app_user (" USER_COLUMNS ", " USER_LOGIN_COLUMNS
                     ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
                     " $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)");
    bind_user_values(&q, user);
    query_uuid(&q, &user->uuid);
    query_number(&q, organization_id);
    query_number(&q, user->id);
    bind_user_key_values(&q, user);
    query_optional(&q, user->last_login_at);
    return query_run(op, &q);
}

static enum err update_user(struct op *op, struct db *db, int64_t organization_id, const struct user *user)
{
    AUTO_QUERY q =
        db_query(db, "UPDATE app_user SET (" USER_VALUES ", " USER_KEY_VALUES ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
                     " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)"
                     " WHERE organization_id = $29 AND id = $30");
    bind_user_values(&q, user);
    bind_user_key_values(&q, user);
    query_number(&q, organization_id);
    query_number(&q, user->id);
    return run_on_one(op, &q, NOUN_USER);
}

/* Used tokens stay: they must not be used again if the user is made to live once more. */
static enum err end_logins(struct op *op, struct db *db, int64_t organization_id, int64_t user_id)
{
    AUTO_QUERY q = db_query(db, "DELETE FROM login WHERE organization_id = $1 AND user_id = $2 AND kind <> $3");
    query_number(&q, organization_id);
    query_number(&q, user_id);
    query_number(&q, LOGIN_USED);
    return query_run(op, &q);
}

static enum err delete_user(struct op *op, struct db *db, int64_t organization_id, const struct user *user, int64_t time)
{
    {
        AUTO_QUERY q = db_query(db, "UPDATE app_user SET deleted_at = $1 WHERE organization_id = $2 AND id = $3");
        query_number(&q, time);
        query_number(&q, organization_id);
        query_number(&q, user->id);
        enum err e = run_on_one(op, &q, NOUN_USER);
        if (e) return e;
    }
    return end_logins(op, db, organization_id, user->id); /* the row is locked now: nobody logs in any more */
}

static enum err insert_grants(struct op *op, struct db *db, int64_t organization_id, const struct group *group)
{
    for (size_t i = 0; i < group->grant_count; i++) {
        const struct grant *grant = &group->grants[i];
        AUTO_QUERY q = db_query(db, "INSERT INTO group_grant (organization_id, position, " GRANT_COLUMNS ") VALUES"
                                    " ($1, $2, $3, $4, $5, $6, $7)");
        query_number(&q, organization_id);
        query_number(&q, (int64_t)i);
        query_number(&q, group->id);
        query_number(&q, grant->kind);
        query_number(&q, grant->language_id);
        query_uuid(&q, &grant->uid);
        query_number(&q, grant->read_only);
        enum err e = query_run(op, &q);
        if (e) return e;
    }
    return ERR_OK;
}

static const char *fold_name(struct op *op, const char *name)
{
    size_t size;
    return name ? fold_text(&op->arena, name, strlen(name), &size) : NULL;
}

static enum err insert_group(struct op *op, struct db *db, int64_t organization_id, const struct group *group)
{
    AUTO_QUERY q = db_query(db, "INSERT INTO user_group (" GROUP_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
                                " $12, $13, $14, $15)");
    bind_group_values(&q, group, fold_name(op, group->name));
    query_uuid(&q, &group->uuid);
    query_number(&q, organization_id);
    query_number(&q, group->id);
    enum err e = query_run(op, &q);
    return e ? e : insert_grants(op, db, organization_id, group);
}

static bool same_grants(const struct group *a, const struct group *b)
{
    if (a->grant_count != b->grant_count) return false;
    for (size_t i = 0; i < a->grant_count; i++) {
        const struct grant *x = &a->grants[i], *y = &b->grants[i];
        if (x->kind != y->kind || x->language_id != y->language_id || x->read_only != y->read_only ||
            !uuid_equal(&x->uid, &y->uid))
            return false;
    }
    return true;
}

static enum err update_group(struct op *op, struct db *db, int64_t organization_id, const struct group *before,
                             const struct group *after)
{
    AUTO_QUERY q = db_query(db, "UPDATE user_group SET (" GROUP_VALUES ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
                                " $11, $12) WHERE organization_id = $13 AND id = $14");
    bind_group_values(&q, after, fold_name(op, after->name));
    query_number(&q, organization_id);
    query_number(&q, after->id);
    enum err e = run_on_one(op, &q, NOUN_GROUP);
    if (e || same_grants(before, after)) return e;

    AUTO_QUERY grants = db_query(db, "DELETE FROM group_grant WHERE organization_id = $1 AND group_id = $2");
    query_number(&grants, organization_id);
    query_number(&grants, after->id);
    e = query_run(op, &grants);
    return e ? e : insert_grants(op, db, organization_id, after);
}

static enum err delete_group(struct op *op, struct db *db, int64_t organization_id, const struct group *group, int64_t time)
{
    AUTO_QUERY q = db_query(db, "UPDATE user_group SET deleted_at = $1 WHERE organization_id = $2 AND id = $3");
    query_number(&q, time);
    query_number(&q, organization_id);
    query_number(&q, group->id);
    return run_on_one(op, &q, NOUN_GROUP);
}

static void bind_membership_key(struct query *query, int64_t organization_id, const struct membership *membership)
{
    query_number(query, organization_id);
    query_number(query, membership->group_id);
    query_number(query, membership->user_id);
}

static enum err insert_membership(struct op *op, struct db *db, int64_t organization_id, const struct membership *membership)
{
    static const char checked_by_keys[] =
        "INSERT INTO membership (" MEMBERSHIP_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    /* What is not there is NULL, which these columns refuse. */
    static const char checked_here[] = "INSERT INTO membership (" MEMBERSHIP_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
                                       " (SELECT id FROM user_group WHERE organization_id = $8 AND id = $9),"
                                       " (SELECT id FROM app_user WHERE organization_id = $8 AND id = $10))";
    AUTO_QUERY q = db_query(db, db_text(db, checked_by_keys, checked_here));
    bind_membership_values(&q, membership);
    bind_membership_key(&q, organization_id, membership);
    return query_run(op, &q);
}

static enum err update_membership(struct op *op, struct db *db, int64_t organization_id, const struct membership *membership)
{
    AUTO_QUERY q = db_query(db, "UPDATE membership SET (" MEMBERSHIP_VALUES ") = ($1, $2, $3, $4, $5, $6, $7)"
                                " WHERE organization_id = $8 AND group_id = $9 AND user_id = $10");
    bind_membership_values(&q, membership);
    bind_membership_key(&q, organization_id, membership);
    return run_on_one(op, &q, NOUN_MEMBERSHIP);
}

static enum err delete_membership(struct op *op, struct db *db, int64_t organization_id, const struct membership *membership)
{
    AUTO_QUERY q = db_query(db, "DELETE FROM membership WHERE organization_id = $1 AND group_id = $2 AND user_id = $3");
    bind_membership_key(&q, organization_id, membership);
    return run_on_one(op, &q, NOUN_MEMBERSHIP);
}

static void bind_nesting(struct query *query, int64_t organization_id, const struct nesting *nesting)
{
    query_number(query, organization_id);
    query_number(query, nesting->group_id);
    query_number(query, nesting->child_group_id);
}

static enum err insert_nesting(struct op *op, struct db *db, int64_t organization_id, const struct nesting *nesting)
{
    static const char checked_by_keys[] = "INSERT INTO group_nesting (" NESTING_COLUMNS ") VALUES ($1, $2, $3)";
    static const char checked_here[] = "INSERT INTO group_nesting (" NESTING_COLUMNS ") VALUES ($1,"
                                       " (SELECT id FROM user_group WHERE organization_id = $1 AND id = $2),"
                                       " (SELECT id FROM user_group WHERE organization_id = $1 AND id = $3))";
    AUTO_QUERY q = db_query(db, db_text(db, checked_by_keys, checked_here));
    bind_nesting(&q, organization_id, nesting);
    return query_run(op, &q);
}

static enum err delete_nesting(struct op *op, struct db *db, int64_t organization_id, const struct nesting *nesting)
{
    AUTO_QUERY q = db_query(db, "DELETE FROM group_nesting WHERE organization_id = $1 AND group_id = $2 AND child_group_id = $3");
    bind_nesting(&q, organization_id, nesting);
    return run_on_one(op, &q, NOUN_NESTING);
}

static enum err insert_credential(struct op *op, struct db *db, int64_t organization_id, const struct credential *credential)
{
    static const char checked_by_keys[] = "INSERT INTO credential (" CREDENTIAL_COLUMNS ") VALUES"
                                          " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    static const char checked_here[] = "INSERT INTO credential (" CREDENTIAL_COLUMNS ") SELECT"
                                       " $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE $2 IS NULL"
                                       " OR EXISTS (SELECT 1 FROM app_user WHERE organization_id = $12 AND id = $2)";
    AUTO_QUERY q = db_query(db, db_text(db, checked_by_keys, checked_here));
    bind_credential_values(&q, credential);
    query_uuid(&q, &credential->uuid);
    query_number(&q, organization_id);
    query_number(&q, credential->id);
    query_optional(&q, credential->last_used_at);
    return query_run_on_one(op, &q, ERR_INVALID, "");
}

static enum err update_credential(struct op *op, struct db *db, int64_t organization_id, struct credential credential)
{
    AUTO_QUERY q = db_query(db, "UPDATE credential SET (" CREDENTIAL_VALUES ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
                                " WHERE organization_id = $11 AND id = $12");
    bind_credential_values(&q, &credential);
    query_number(&q, organization_id);
    query_number(&q, credential.id);
    return run_on_one(op, &q, NOUN_CREDENTIAL);
}

static enum err revoke_credential(struct op *op, struct db *db, int64_t organization_id, const struct credential *after,
                                  int64_t time)
{
    struct credential credential = *after;
    if (!credential.revoked_at) credential.revoked_at = time;
    return update_credential(op, db, organization_id, credential);
}

enum err store_apply(struct op *op, struct db *db, int64_t organization_id, const struct change *change, int64_t time)
{
    union object before = change->before, after = change->after;
    switch (change->kind) { /* no default: a new kind must be placed here */
    case ORGANIZATION_CREATED:
        return insert_organization(op, db, after.organization);
    case ORGANIZATION_UPDATED:
        return update_organization(op, db, before.organization, after.organization);
    case ORGANIZATION_DELETED:
        return delete_organization(op, db, before.organization->id, time);
    case ORGANIZATION_IMPORTED:
        return ERR_OK;
    case ACCOUNT_CREATED:
        return insert_account(op, db, after.account);
    case ACCOUNT_UPDATED:
        return update_account(op, db, after.account);
    case ACCOUNT_DELETED:
        return delete_account(op, db, before.account);
    case USER_CREATED:
        return insert_user(op, db, organization_id, after.user);
    case USER_UPDATED:
        return update_user(op, db, organization_id, after.user);
    case USER_DELETED:
        return delete_user(op, db, organization_id, before.user, time);
    case GROUP_CREATED:
        return insert_group(op, db, organization_id, after.group);
    case GROUP_RENAMED:
    case GROUP_UPDATED:
    case GROUP_RESTORED:
        return update_group(op, db, organization_id, before.group, after.group);
    case GROUP_DELETED:
        return delete_group(op, db, organization_id, before.group, time);
    case MEMBER_ADDED:
        return insert_membership(op, db, organization_id, after.membership);
    case MEMBER_CHANGED:
        return update_membership(op, db, organization_id, after.membership);
    case MEMBER_REMOVED:
    case MEMBER_EXPIRED:
        return delete_membership(op, db, organization_id, before.membership);
    case NESTING_ADDED:
        return insert_nesting(op, db, organization_id, after.nesting);
    case NESTING_REMOVED:
        return delete_nesting(op, db, organization_id, before.nesting);
    case CREDENTIAL_CREATED:
        return insert_credential(op, db, organization_id, after.credential);
    case CREDENTIAL_UPDATED:
        return update_credential(op, db, organization_id, *after.credential);
    case CREDENTIAL_REVOKED:
        return revoke_credential(op, db, organization_id, after.credential, time);
    case CHANGE_KIND_COUNT:
        break;
    }
    return op_fail(op, ERR_INVALID, "", "there is no change kind %d", (int)change->kind);
}
