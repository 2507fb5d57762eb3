/* find.c — point look-ups, for import and for the job that ends memberships. */
#include "store/engine.h"
#include "store/rows.h"

#include <assert.h>
#include <stdlib.h>

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

union row {
    struct organization organization;
    struct account account;
    struct user user;
    struct group group;
    struct membership membership;
    struct nesting nesting;
    struct credential credential;
};

/* A group without its grants. */
static void read_row(const struct query *q, enum noun noun, union row *row)
{
    switch (noun) {
    case NOUN_ORGANIZATION:
        row->organization = read_organization(q);
        break;
    case NOUN_ACCOUNT:
        row->account = read_account(q);
        break;
    case NOUN_USER:
        row->user = read_user(q);
        read_user_login(q, USER_COLUMN_COUNT, &row->user);
        break;
    case NOUN_GROUP:
        row->group = read_group(q);
        break;
    case NOUN_MEMBERSHIP:
        row->membership = read_membership(q);
        break;
    case NOUN_NESTING:
        row->nesting = read_nesting(q);
        break;
    case NOUN_CREDENTIAL:
        row->credential = read_credential(q);
        break;
    case NOUN_COUNT:
        break;
    }
}

static enum err find_one(struct op *op, struct db *db, enum noun noun, int64_t organization_id, int64_t id, int64_t second_id,
                         bool *ret_found, union object *ret_object)
{
    AUTO_QUERY q = find_query(db, noun, organization_id, id, second_id);
    enum err e = query_step(op, &q, ret_found);
    if (e || !*ret_found) return e;
    union row row;
    read_row(&q, noun, &row);
    if (noun == NOUN_GROUP) e = find_grants(op, db, &row.group);
    if (!e) *ret_object = object_copy(&op->arena, noun, (union object){ .any = &row });
    return e;
}

enum err store_find(struct op *op, struct store *store, enum noun noun, int64_t organization_id, int64_t id, int64_t second_id,
                    bool *ret_found, union object *ret_object)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e && noun == NOUN_GROUP) e = store_snapshot(op, &reader); /* two statements */
    return e ? e : find_one(op, reader.db, noun, organization_id, id, second_id, ret_found, ret_object);
}

static int compare_lookups(const void *a, const void *b)
{
    const struct store_lookup *one = a, *other = b;
    if (one->id != other->id) return one->id < other->id ? -1 : 1;
    return (one->second_id > other->second_id) - (one->second_id < other->second_id);
}

size_t store_sort_lookups(struct store_lookup *lookups, size_t count)
{
    size_t kept = 0;
    if (count) qsort(lookups, count, sizeof *lookups, compare_lookups);
    for (size_t i = 0; i < count; i++)
        if (!kept || compare_lookups(&lookups[kept - 1], &lookups[i]) != 0) lookups[kept++] = lookups[i];
    return kept;
}

struct store_lookup *store_find_lookup(struct store_lookup *lookups, size_t count, int64_t id, int64_t second_id)
{
    const struct store_lookup key = { .id = id, .second_id = second_id };
    return count ? bsearch(&key, lookups, count, sizeof key, compare_lookups) : NULL;
}

/* The numbers of all, or the second ones; in the arena. */
static int64_t *numbers_of(struct op *op, const struct store_lookup *lookups, size_t count, bool second)
{
    int64_t *numbers = arena_array(&op->arena, count, sizeof *numbers);
    for (size_t i = 0; i < count; i++) numbers[i] = second ? lookups[i].second_id : lookups[i].id;
    return numbers;
}

/* Gives each group that was found its grants. */
static enum err find_all_grants(struct op *op, struct db *db, int64_t organization_id, const int64_t *ids,
                                struct store_lookup *lookups, size_t count)
{
    AUTO_QUERY q = db_query(db, "SELECT " GRANT_COLUMNS " FROM group_grant WHERE organization_id = $1 AND group_id = ANY ($2)"
                                " ORDER BY group_id, position");
    query_number(&q, organization_id);
    query_numbers(op, &q, ids, count);
    struct group *group = NULL;
    struct grant *grants = NULL;
    size_t capacity = 0;
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        int64_t id = column_number(&q, 0);
        if (!group || group->id != id) {
            const struct store_lookup *lookup = store_find_lookup(lookups, count, id, 0);
            group = lookup && lookup->found ? lookup->object.group : NULL;
            grants = NULL;
            capacity = 0;
        }
        if (!group) continue;
        grants = arena_grow(&op->arena, grants, group->grant_count, &capacity, sizeof *grants);
        grants[group->grant_count++] = read_grant(&q);
        group->grants = grants;
    }
    return e;
}

static struct query find_all_query(struct op *op, struct db *db, enum noun noun, int64_t organization_id, const int64_t *ids,
                                   const struct store_lookup *lookups, size_t count)
{
    static const char *const texts[NOUN_COUNT] = {
        [NOUN_ACCOUNT] = "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id = ANY ($1)",
        [NOUN_USER] =
            "SELECT " USER_COLUMNS ", " USER_LOGIN_COLUMNS " FROM app_user WHERE id = ANY ($1) AND organization_id = $2",
        [NOUN_GROUP] = "SELECT " GROUP_COLUMNS " FROM user_group WHERE id = ANY ($1) AND organization_id = $2",
        [NOUN_MEMBERSHIP] = "SELECT " MEMBERSHIP_COLUMNS " FROM unnest($1, $2) AS wanted (wanted_group, wanted_user)"
                            " JOIN membership ON group_id = wanted_group AND user_id = wanted_user AND organization_id = $3",
    };
    assert(texts[noun]);
    struct query query = db_query(db, texts[noun]);
    query_numbers(op, &query, ids, count);
    if (noun == NOUN_MEMBERSHIP) query_numbers(op, &query, numbers_of(op, lookups, count, true), count);
    if (noun != NOUN_ACCOUNT) query_number(&query, organization_id);
    return query;
}

/* All with one question: what takes long is the way to the database. */
static enum err find_all(struct op *op, struct db *db, enum noun noun, int64_t organization_id, struct store_lookup *lookups,
                         size_t count)
{
    const int64_t *ids = numbers_of(op, lookups, count, false);
    AUTO_QUERY q = find_all_query(op, db, noun, organization_id, ids, lookups, count);
    bool step;
    enum err e;
    while (!(e = query_step(op, &q, &step)) && step) {
        union row row;
        read_row(&q, noun, &row);
        int64_t id = noun == NOUN_ACCOUNT ? row.account.id
                     : noun == NOUN_USER  ? row.user.id
                     : noun == NOUN_GROUP ? row.group.id
                                          : row.membership.group_id;
        int64_t second_id = noun == NOUN_MEMBERSHIP ? row.membership.user_id : 0;
        struct store_lookup *lookup = store_find_lookup(lookups, count, id, second_id);
        if (!lookup) continue;
        lookup->found = true;
        lookup->object = object_copy(&op->arena, noun, (union object){ .any = &row });
    }
    return e || noun != NOUN_GROUP ? e : find_all_grants(op, db, organization_id, ids, lookups, count);
}

enum err store_find_many(struct op *op, struct store *store, enum noun noun, int64_t organization_id,
                         struct store_lookup *lookups, size_t count)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e && (noun == NOUN_GROUP || store->engine->embedded)) e = store_snapshot(op, &reader);
    if (e) return e;
    for (size_t i = 0; i < count; i++) lookups[i].found = false;
    if (!store->engine->embedded) return find_all(op, reader.db, noun, organization_id, lookups, count);
    for (size_t i = 0; i < count && !e; i++) /* there is no way, and each is as fast by itself */
        e = find_one(op, reader.db, noun, organization_id, lookups[i].id, lookups[i].second_id, &lookups[i].found,
                     &lookups[i].object);
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

enum err store_list_ended(struct op *op, struct store *store, int64_t now, int64_t limit, const int64_t *passed_over,
                          size_t passed_over_count, store_membership_function function, void *context)
{
#define ENDED                                                                                                                    \
    "SELECT " MEMBERSHIP_COLUMNS " FROM membership WHERE ends_at <= $1 AND NOT EXISTS"                                           \
    " (SELECT 1 FROM user_group g WHERE g.id = membership.group_id AND g.deleted_at IS NOT NULL) AND organization_id "
    static const char sqlite[] = ENDED "NOT IN (SELECT value FROM json_each($2)) ORDER BY ends_at LIMIT $3";
    static const char postgres[] = ENDED "<> ALL ($2) ORDER BY ends_at LIMIT $3";
#undef ENDED
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    AUTO_QUERY q = db_query(reader.db, db_text(reader.db, sqlite, postgres));
    query_number(&q, now);
    query_numbers(op, &q, passed_over, passed_over_count);
    query_number(&q, limit);
    bool row;
    while (!(e = query_step(op, &q, &row)) && row) {
        struct membership membership = read_membership(&q);
        e = function(context, op, &membership);
        if (e) break;
    }
    return e;
}
