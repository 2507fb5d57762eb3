/* find.c — point look-ups, for import and for the job that ends memberships. */
#include "store/engine.h"
#include "store/rows.h"

static enum err find_grants(struct op *op, struct db *db, struct group *group)
{
    static const char sql[] =
        "SELECT " GRANT_COLUMNS " FROM group_grant WHERE organization_id = $1 AND group_id = $2 ORDER BY position";
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) { /* first to count, then to read */
        AUTO_QUERY q = db_query(db, sql);
        query_number(&q, group->organization_id);
        query_number(&q, group->id);
        struct grant *items = pass ? arena_array(&op->arena, count, sizeof(*items)) : NULL;
        size_t i = 0;
        bool row;
        enum err e;
        while (!(e = query_step(op, &q, &row)) && row) {
            if (items) items[i] = read_grant(&q);
            i++;
        }
        if (e) return e;
        count = i;
        if (count == 0) return ERR_OK;
        group->grants = items;
        group->grant_count = count;
    }
    return ERR_OK;
}

static struct query find_query(struct db *db, enum noun noun, int64_t organization_id, int64_t id, int64_t second_id)
{
    static const char *const texts[NOUN_COUNT] = {
        [NOUN_ORGANIZATION] = "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE id = $1 AND id > 0 AND deleted_at IS NULL",
        [NOUN_ACCOUNT] = "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id = $1",
        [NOUN_USER] = "SELECT " USER_COLUMNS ", " USER_LOGIN_COLUMNS " FROM app_user WHERE id = $1 AND organization_id = $2",
        [NOUN_GROUP] = "SELECT " GROUP_COLUMNS " FROM user_group WHERE id = $1 AND organization_id = $2",
        [NOUN_MEMBERSHIP] =
            "SELECT " MEMBERSHIP_COLUMNS " FROM membership WHERE group_id = $1 AND organization_id = $2 AND user_id = $3",
        [NOUN_NESTING] =
            "SELECT " NESTING_COLUMNS " FROM group_nesting WHERE group_id = $1 AND organization_id = $2 AND child_group_id = $3",
        [NOUN_CREDENTIAL] = "SELECT " CREDENTIAL_COLUMNS " FROM credential WHERE id = $1 AND organization_id = $2",
    };
    struct query query = db_query(db, texts[noun]);
    query_number(&query, id);
    if (noun != NOUN_ORGANIZATION && noun != NOUN_ACCOUNT) query_number(&query, organization_id);
    if (noun == NOUN_MEMBERSHIP || noun == NOUN_NESTING) query_number(&query, second_id);
    return query;
}

enum err store_find(struct op *op, struct store *store, enum noun noun, int64_t organization_id, int64_t id, int64_t second_id,
                    bool *ret_found, union object *ret_object)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e && noun == NOUN_GROUP) e = store_snapshot(op, &reader); /* two statements */
    if (e) return e;
    AUTO_QUERY q = find_query(reader.db, noun, organization_id, id, second_id);
    e = query_step(op, &q, ret_found);
    if (e || !*ret_found) return e;

    union {
        struct organization organization;
        struct account account;
        struct user user;
        struct group group;
        struct membership membership;
        struct nesting nesting;
        struct credential credential;
    } row;
    switch (noun) {
    case NOUN_ORGANIZATION:
        row.organization = read_organization(&q);
        break;
    case NOUN_ACCOUNT:
        row.account = read_account(&q);
        break;
    case NOUN_USER:
        row.user = read_user(&q);
        read_user_login(&q, USER_COLUMN_COUNT, &row.user);
        break;
    case NOUN_GROUP:
        row.group = read_group(&q);
        e = find_grants(op, reader.db, &row.group);
        break;
    case NOUN_MEMBERSHIP:
        row.membership = read_membership(&q);
        break;
    case NOUN_NESTING:
        row.nesting = read_nesting(&q);
        break;
    case NOUN_CREDENTIAL:
        row.credential = read_credential(&q);
        break;
    case NOUN_COUNT:
        break;
    }
    if (!e) *ret_object = object_copy(&op->arena, noun, (union object){ .any = &row });
    return e;
}

static enum err is_taken(struct op *op, struct query *q, const char *field, const char **ret_field)
{
    bool row;
    enum err e = query_step(op, q, &row);
    if (!e && row) *ret_field = field;
    return e;
}

enum err store_find_conflict(struct op *op, struct store *store, enum noun noun, int64_t organization_id, int64_t id,
                             const struct uuid *uuid, const char **ret_field)
{
    static const char *const by_id[NOUN_COUNT] = {
        [NOUN_ORGANIZATION] = "SELECT 1 FROM organization WHERE id = $1 AND deleted_at IS NULL",
        [NOUN_ACCOUNT] = "SELECT 1 FROM account WHERE id = $1",
        [NOUN_USER] = "SELECT 1 FROM app_user WHERE id = $1",
        [NOUN_GROUP] = "SELECT 1 FROM user_group WHERE id = $1",
    };
    static const char *const by_uuid[NOUN_COUNT] = {
        [NOUN_ORGANIZATION] = "SELECT 1 FROM organization WHERE uuid = $1",
        [NOUN_ACCOUNT] = "SELECT 1 FROM account WHERE uuid = $1",
        [NOUN_USER] = "SELECT 1 FROM app_user WHERE uuid = $1 AND organization_id = $2",
        [NOUN_GROUP] = "SELECT 1 FROM user_group WHERE uuid = $1 AND organization_id = $2",
    };
    *ret_field = NULL;
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY number = db_query(reader.db, by_id[noun]);
    query_number(&number, id);
    e = is_taken(op, &number, "id", ret_field);
    if (e || *ret_field || uuid_is_nil(uuid)) return e;
    AUTO_QUERY text = db_query(reader.db, by_uuid[noun]);
    query_uuid(&text, uuid);
    if (noun == NOUN_USER || noun == NOUN_GROUP) query_number(&text, organization_id);
    return is_taken(op, &text, "uuid", ret_field);
}

enum err store_largest_number(struct op *op, struct store *store, enum noun noun, int64_t *ret_number)
{
    static const char *const texts[NOUN_COUNT] = {
        [NOUN_ORGANIZATION] = "SELECT max(id) FROM organization",
        [NOUN_ACCOUNT] = "SELECT max(id) FROM account",
        [NOUN_USER] = "SELECT max(id) FROM app_user",
        [NOUN_GROUP] = "SELECT max(id) FROM user_group",
    };
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY q = db_query(reader.db, texts[noun]);
    bool row;
    e = query_step(op, &q, &row);
    *ret_number = !e && row ? column_number(&q, 0) : 0;
    return e;
}

enum err store_account_is_used(struct op *op, struct store *store, int64_t account_id, bool *ret_used)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY q = db_query(reader.db, "SELECT 1 FROM app_user WHERE account_id = $1");
    query_number(&q, account_id);
    return query_step(op, &q, ret_used);
}

enum err store_find_group_by_name(struct op *op, struct store *store, int64_t organization_id, const char *folded,
                                  int64_t *ret_id)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY q = db_query(reader.db, "SELECT id FROM user_group WHERE organization_id = $1 AND name_folded = $2"
                                       " AND deleted_at IS NULL ORDER BY id LIMIT 1");
    query_number(&q, organization_id);
    query_text(&q, folded);
    bool row;
    e = query_step(op, &q, &row);
    *ret_id = !e && row ? column_number(&q, 0) : 0;
    return e;
}

enum err store_find_key_holders(struct op *op, struct store *store, const char *fingerprint, const struct uuid *uuid,
                                struct key_holder *ret_holders, size_t room, size_t *ret_count)
{
#define HOLDERS                                                                                                                  \
    "SELECT u.organization_id, u.id FROM app_user u JOIN organization o ON o.id = u.organization_id"                             \
    " WHERE u.key_fingerprint IS NOT NULL AND u.deleted_at IS NULL AND u.active <> 0 AND o.deleted_at IS NULL AND "
    static const char by_fingerprint[] = HOLDERS "u.key_fingerprint = $1 ORDER BY u.organization_id, u.id";
    static const char by_uuid[] = HOLDERS "u.uuid = $1 ORDER BY u.organization_id, u.id";
#undef HOLDERS
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY q = db_query(reader.db, fingerprint ? by_fingerprint : by_uuid);
    if (fingerprint) query_text(&q, fingerprint);
    else query_uuid(&q, uuid);
    size_t count = 0;
    bool row;
    while (!(e = query_step(op, &q, &row)) && row) {
        if (count < room) ret_holders[count] = (struct key_holder){ column_number(&q, 0), column_number(&q, 1) };
        count++;
    }
    *ret_count = count;
    return e;
}

enum err store_list_ended(struct op *op, struct store *store, int64_t now, int64_t limit, store_membership_function function,
                          void *context)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY q =
        db_query(reader.db, "SELECT " MEMBERSHIP_COLUMNS " FROM membership WHERE ends_at <= $1 AND NOT EXISTS"
                            " (SELECT 1 FROM user_group g WHERE g.id = membership.group_id AND g.deleted_at IS NOT NULL)"
                            " ORDER BY ends_at LIMIT $2");
    query_number(&q, now);
    query_number(&q, limit);
    bool row;
    while (!(e = query_step(op, &q, &row)) && row) {
        struct membership membership = read_membership(&q);
        e = function(context, op, &membership);
        if (e) break;
    }
    return e;
}
