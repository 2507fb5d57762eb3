/* load.c — the rows of one snapshot, streamed to a sink. Texts are the engine's own, nothing is copied.
 *
 * Each noun is one scan in the order of a key. Grants are read by a second scan that moves along with the groups, keys by one
 * that moves along with the users. */
#include "base/memory.h"
#include "store/engine.h"
#include "store/rows.h"

struct loading {
    struct op *op;
    struct db *db;
    const struct store_sink *sink;
};

static enum err load_organizations(const struct loading *l, bool all, int64_t organization_id)
{
    if (!l->sink->organization) return ERR_OK;
    AUTO_QUERY q = db_stream(l->db, "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE id BETWEEN $1 AND $2 AND id > 0"
                                    " AND deleted_at IS NULL ORDER BY id");
    query_number(&q, all ? 1 : organization_id);
    query_number(&q, all ? INT64_MAX : organization_id);
    bool row;
    enum err e;
    while (!(e = query_step(l->op, &q, &row)) && row) {
        struct organization organization = read_organization(&q);
        e = l->sink->organization(l->sink->context, l->op, &organization);
        if (e) break;
    }
    return e;
}

static enum err load_accounts(const struct loading *l)
{
    if (!l->sink->account) return ERR_OK;
    AUTO_QUERY q = db_stream(l->db, "SELECT " ACCOUNT_COLUMNS " FROM account ORDER BY id");
    bool row;
    enum err e;
    while (!(e = query_step(l->op, &q, &row)) && row) {
        struct account account = read_account(&q);
        e = l->sink->account(l->sink->context, l->op, &account);
        if (e) break;
    }
    return e;
}

static enum err load_users(const struct loading *l, int64_t organization_id)
{
    if (!l->sink->user) return ERR_OK;
    AUTO_QUERY logins = db_stream(l->db, "SELECT id, " USER_LOGIN_COLUMNS " FROM app_user WHERE organization_id = $1"
                                         " AND (key_fingerprint IS NOT NULL OR last_login_at IS NOT NULL) ORDER BY id");
    query_number(&logins, organization_id);
    bool row, login;
    enum err e = query_step(l->op, &logins, &login);
    if (e) return e;

    AUTO_QUERY q = db_stream(l->db, "SELECT " USER_COLUMNS " FROM app_user WHERE organization_id = $1 ORDER BY id");
    query_number(&q, organization_id);
    while (!(e = query_step(l->op, &q, &row)) && row) {
        struct user user = read_user(&q);
        bool has_login = login && column_number(&logins, 0) == user.id;
        if (has_login) read_user_login(&logins, 1, &user);
        e = l->sink->user(l->sink->context, l->op, &user);
        if (!e && has_login) e = query_step(l->op, &logins, &login);
        if (e) break;
    }
    return e;
}

/* The grants of all groups of an organization, one step ahead of the groups. */
struct grants {
    struct query query;
    bool row;
    struct grant *items;
    size_t count, capacity;
};

static enum err read_grants(const struct loading *l, struct grants *grants, int64_t group_id)
{
    grants->count = 0;
    while (grants->row && column_number(&grants->query, 0) <= group_id) {
        grants->items = memory_grow(grants->items, grants->count, &grants->capacity, sizeof *grants->items);
        grants->items[grants->count++] = read_grant(&grants->query);
        enum err e = query_step(l->op, &grants->query, &grants->row);
        if (e) return e;
    }
    return ERR_OK;
}

static void end_grants(struct grants *grants)
{
    query_end(&grants->query);
    free(grants->items);
}

static enum err load_groups(const struct loading *l, int64_t organization_id)
{
    if (!l->sink->group) return ERR_OK;
    __attribute__((cleanup(end_grants))) struct grants grants = {
        .query =
            db_stream(l->db, "SELECT " GRANT_COLUMNS " FROM group_grant WHERE organization_id = $1 ORDER BY group_id, position"),
    };
    query_number(&grants.query, organization_id);
    enum err e = query_step(l->op, &grants.query, &grants.row);
    if (e) return e;

    AUTO_QUERY q = db_stream(l->db, "SELECT " GROUP_COLUMNS " FROM user_group WHERE organization_id = $1 ORDER BY id");
    query_number(&q, organization_id);
    bool row;
    while (!(e = query_step(l->op, &q, &row)) && row) {
        struct group group = read_group(&q);
        e = read_grants(l, &grants, group.id);
        if (e) break;
        group.grants = grants.items;
        group.grant_count = grants.count;
        e = l->sink->group(l->sink->context, l->op, &group);
        if (e) break;
    }
    return e;
}

static enum err load_memberships(const struct loading *l, int64_t organization_id)
{
    if (!l->sink->membership) return ERR_OK;
    AUTO_QUERY q =
        db_stream(l->db, "SELECT " MEMBERSHIP_COLUMNS " FROM membership WHERE organization_id = $1 ORDER BY group_id, user_id");
    query_number(&q, organization_id);
    bool row;
    enum err e;
    while (!(e = query_step(l->op, &q, &row)) && row) {
        struct membership membership = read_membership(&q);
        e = l->sink->membership(l->sink->context, l->op, &membership);
        if (e) break;
    }
    return e;
}

static enum err load_nestings(const struct loading *l, int64_t organization_id)
{
    if (!l->sink->nesting) return ERR_OK;
    AUTO_QUERY q = db_stream(l->db, "SELECT " NESTING_COLUMNS " FROM group_nesting WHERE organization_id = $1"
                                    " ORDER BY group_id, child_group_id");
    query_number(&q, organization_id);
    bool row;
    enum err e;
    while (!(e = query_step(l->op, &q, &row)) && row) {
        struct nesting nesting = read_nesting(&q);
        e = l->sink->nesting(l->sink->context, l->op, &nesting);
        if (e) break;
    }
    return e;
}

static enum err send_credentials(const struct loading *l, struct query *query)
{
    bool row;
    enum err e;
    while (!(e = query_step(l->op, query, &row)) && row) {
        struct credential credential = read_credential(query);
        e = l->sink->credential(l->sink->context, l->op, &credential);
        if (e) break;
    }
    return e;
}

static enum err load_credentials(const struct loading *l, int64_t organization_id)
{
    if (!l->sink->credential) return ERR_OK;
    AUTO_QUERY q = db_stream(l->db, "SELECT " CREDENTIAL_COLUMNS " FROM credential WHERE organization_id = $1 ORDER BY id");
    query_number(&q, organization_id);
    return send_credentials(l, &q);
}

static enum err load_content(const struct loading *l, int64_t organization_id)
{
    enum err e = load_users(l, organization_id);
    if (!e) e = load_groups(l, organization_id);
    if (!e) e = load_memberships(l, organization_id);
    if (!e) e = load_nestings(l, organization_id);
    return e ? e : load_credentials(l, organization_id);
}

static enum err read_version(struct op *op, struct db *db, int64_t organization_id, int64_t *ret_version)
{
    AUTO_QUERY q = db_query(db, "SELECT version FROM organization WHERE id = $1 AND deleted_at IS NULL");
    query_number(&q, organization_id);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e) return e;
    if (!row) return op_fail(op, ERR_NOT_FOUND, "organization", "there is no organization %lld", (long long)organization_id);
    *ret_version = column_number(&q, 0);
    return ERR_OK;
}

/* By the engine's own way to the newest entry of a log. */
static enum err read_commit_id(struct op *op, struct db *db, int64_t organization_id, struct uuid *ret_commit_id)
{
    AUTO_QUERY q = db_query(db, db_text(db,
                                        "SELECT commit_id FROM change WHERE sequence ="
                                        " (SELECT last_sequence FROM organization WHERE id = $1)",
                                        "SELECT commit_id FROM change WHERE organization_id = $1 AND position = 0 AND version ="
                                        " (SELECT version FROM organization WHERE id = $1)"));
    query_number(&q, organization_id);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (!e) *ret_commit_id = row ? column_uuid(&q, 0) : (struct uuid){ 0 };
    return e;
}

static enum err count_rows(const struct loading *l, const char *sql, int64_t organization_id, int64_t *ret_count)
{
    AUTO_QUERY q = db_query(l->db, sql);
    query_number(&q, organization_id);
    bool row;
    enum err e = query_step(l->op, &q, &row);
    if (!e) *ret_count = column_number(&q, 0);
    return e;
}

enum err store_load(struct op *op, struct store *store, int64_t organization_id, const struct store_sink *sink,
                    struct store_counts *counts, int64_t *ret_version)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = store_snapshot(op, &reader);
    if (!e) e = read_version(op, reader.db, organization_id, ret_version);
    if (!e && sink->ret_commit_id) e = read_commit_id(op, reader.db, organization_id, sink->ret_commit_id);
    if (e) return e;

    struct loading l = { .op = op, .db = reader.db, .sink = sink };
    if (counts) {
        *counts = (struct store_counts){ 0 };
        e = count_rows(&l, "SELECT count(*) FROM app_user WHERE organization_id = $1", organization_id, &counts->users);
        if (!e)
            e = count_rows(&l, "SELECT count(*) FROM user_group WHERE organization_id = $1", organization_id, &counts->groups);
        if (e) return e;
    }
    if (organization_id == INSTALLATION) {
        e = load_organizations(&l, true, 0);
        return e ? e : load_accounts(&l);
    }
    e = load_organizations(&l, false, organization_id);
    return e ? e : load_content(&l, organization_id);
}

enum err store_load_all(struct op *op, struct store *store, const struct store_sink *sink)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = store_snapshot(op, &reader);
    struct loading l = { .op = op, .db = reader.db, .sink = sink };
    if (!e) e = load_organizations(&l, true, 0);
    if (!e) e = load_accounts(&l);
    if (e) return e;

    AUTO_QUERY q = db_stream(l.db, "SELECT id FROM organization WHERE id > 0 AND deleted_at IS NULL ORDER BY id");
    bool row;
    while (!(e = query_step(op, &q, &row)) && row) {
        e = load_content(&l, column_number(&q, 0));
        if (e) break;
    }
    return e;
}

enum err store_load_credentials(struct op *op, struct store *store, const struct store_sink *sink, int64_t *ret_cursor)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = store_snapshot(op, &reader);
    if (e) return e;

    e = store->engine->cursor(op, reader.db, ret_cursor);
    if (e || !sink->credential) return e;

    struct loading l = { .op = op, .db = reader.db, .sink = sink };
    AUTO_QUERY q = db_stream(reader.db, "SELECT " CREDENTIAL_COLUMNS " FROM credential ORDER BY id");
    return send_credentials(&l, &q);
}

/* One look at the log for each organization: a join may choose to read all of the log. */
enum err store_list_heads(struct op *op, struct store *store, store_head_function function, void *context)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = store_snapshot(op, &reader);
    if (e) return e;
    AUTO_QUERY q =
        db_stream(reader.db, db_text(reader.db,
                                     "SELECT id, version, (SELECT commit_id FROM change WHERE sequence = last_sequence)"
                                     " FROM organization WHERE deleted_at IS NULL ORDER BY id",
                                     "SELECT id, version, (SELECT commit_id FROM change c WHERE c.organization_id = o.id"
                                     " AND c.version = o.version AND c.position = 0)"
                                     " FROM organization o WHERE deleted_at IS NULL ORDER BY id"));
    bool row;
    while (!(e = query_step(op, &q, &row)) && row) {
        struct store_head head = { .organization_id = column_number(&q, 0),
                                   .version = column_number(&q, 1),
                                   .commit_id = column_uuid(&q, 2) };
        e = function(context, op, &head);
        if (e) break;
    }
    return e;
}

enum err store_version(struct op *op, struct store *store, int64_t organization_id, int64_t *ret_version)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    return e ? e : read_version(op, reader.db, organization_id, ret_version);
}
