/* copy_fixture.h — a directory with something of everything, and every row of a database as text. */
#ifndef ROSTER_TESTS_COPY_FIXTURE_H
#define ROSTER_TESTS_COPY_FIXTURE_H

#include "store_fixture.h"

#include "base/buf.h"
#include "dice.h"
#include "store/copy.h"
#include "store/engine.h"
#include "store/logins.h"

/* --- a directory with something of everything --- */

enum { ORGANIZATIONS = 3, OBJECTS = 200 };

struct world {
    struct dice dice;
    struct user *users[OBJECTS];
    struct group *groups[OBJECTS];
    struct membership *memberships[OBJECTS];
    struct credential *credentials[OBJECTS];
    size_t user_count, group_count, membership_count, credential_count;
};

static inline void enter(struct fixture *f, int64_t organization_id)
{
    f->organization_id = organization_id;
    assert_done(f, store_version(&f->op, f->store, organization_id, &f->versions[1]));
}

/* Not set, nothing, or something that a copy could spoil. */
static inline const char *any_text(struct fixture *f, struct world *w, const char *word)
{
    static const char *const odd[] = { NULL, "", "Zoë 'Ø' 日本 \\x41 \t\n\"", "\\N" };
    uint32_t which = roll(&w->dice, 6);
    return which < COUNT_OF(odd) ? odd[which] : arena_printf(&f->op.arena, "%s %u", word, roll(&w->dice, 1000));
}

static inline int64_t any_time(struct world *w)
{
    return roll(&w->dice, 2) ? 0 : (int64_t)(roll_bits(&w->dice) >> 12);
}

static inline void create_user(struct fixture *f, struct world *w)
{
    struct user *user = make_user(f, any_text(f, w, "user"));
    user->first_name = any_text(f, w, "first");
    user->remarks = any_text(f, w, "remark");
    user->external_id = any_text(f, w, "X");
    user->super_user = roll(&w->dice, 2);
    user->auto_remove_after = (int)roll(&w->dice, 4);
    user->auto_remove_date = any_time(w);
    user->date_created = any_time(w);
    if (roll(&w->dice, 3) == 0) {
        user->public_key = "-----BEGIN\n\nx\n";
        user->key_fingerprint = "AB";
        user->key_type = "EdDSA";
        user->key_bits = 256;
        user->key_expires = any_time(w);
    }
    assert_done(f, change(f, USER_CREATED, NULL, user));
    w->users[w->user_count++] = user;
}

static inline void create_group(struct fixture *f, struct world *w)
{
    struct grant *grants = arena_zalloc(&f->op.arena, 3 * sizeof *grants);
    grants[0] = (struct grant){ .kind = GRANT_LANGUAGE, .language_id = 9, .read_only = true };
    grants[1] = (struct grant){ .kind = GRANT_SEGMENT, .uid = uuid_random() };
    grants[2] = (struct grant){ .kind = GRANT_BUSINESS_UNIT, .uid = uuid_random(), .read_only = true };
    struct group *group = make_group(f, arena_printf(&f->op.arena, "Straße %u", roll(&w->dice, 1000)));
    group->description = any_text(f, w, "group");
    group->created_by = any_text(f, w, "eve");
    group->modified_by_user = roll(&w->dice, 9);
    group->grants = grants;
    group->grant_count = roll(&w->dice, 4);
    assert_done(f, change(f, GROUP_CREATED, NULL, group));
    w->groups[w->group_count++] = group;
}

static inline void create_credential(struct fixture *f, struct world *w)
{
    struct credential *credential =
        make_credential(f, arena_printf(&f->op.arena, "secret %llu", (unsigned long long)roll_bits(&w->dice)));
    credential->user_id = roll(&w->dice, 2) ? w->users[roll(&w->dice, (uint32_t)w->user_count)]->id : 0;
    credential->key_id = any_text(f, w, "K");
    credential->permits = roll(&w->dice, 32);
    credential->expires_at = any_time(w);
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, credential));
    w->credentials[w->credential_count++] = credential;
}

/* The pair must be new; two in one commit, where there are two. */
static inline void add_members(struct fixture *f, struct world *w)
{
    struct group *group = w->groups[w->group_count - 1];
    struct change_list list = { 0 };
    struct commit commit;
    for (size_t i = 0; i < w->user_count && list.count < 1 + roll(&w->dice, 2); i += 1 + roll(&w->dice, 3)) {
        struct membership *membership = make_membership(f, group->id, w->users[i]->id);
        membership->manager = roll(&w->dice, 2);
        membership->ends_at = any_time(w);
        membership->added_by_user = roll(&w->dice, 3);
        if (roll(&w->dice, 3) == 0) membership->uuid = (struct uuid){ 0 };
        bool is_new = true;
        for (size_t j = 0; j < w->membership_count; j++)
            is_new &= w->memberships[j]->group_id != group->id || w->memberships[j]->user_id != membership->user_id;
        if (!is_new) continue;
        append(f, &list, MEMBER_ADDED, NULL, membership);
        w->memberships[w->membership_count++] = membership;
    }
    if (!list.count) return;
    assert_done(f, commit_list(f, f->organization_id, f->versions[1], &list, &commit));
    f->versions[1] = commit.version;
}

/* 80 steps at least: the log has milestones at every 64th version. */
static inline void fill_organization(struct fixture *f, uint64_t seed, int steps)
{
    struct world w = { .dice = DICE(seed) };
    create_user(f, &w);
    create_group(f, &w);
    for (int i = 0; i < steps; i++) {
        uint32_t what = roll(&w.dice, 10);
        f->op.now += roll(&w.dice, 3);
        if (what < 2) create_user(f, &w);
        else if (what < 4) create_group(f, &w);
        else if (what < 8) add_members(f, &w);
        else create_credential(f, &w);
    }
    struct nesting nesting = { f->organization_id, w.groups[0]->id, w.groups[1]->id };
    assert_done(f, change(f, NESTING_ADDED, NULL, &nesting));
    assert_done(f, change(f, GROUP_DELETED, w.groups[0], NULL));
    assert_done(f, change(f, MEMBER_REMOVED, w.memberships[0], NULL));
    if (w.credential_count) {
        struct credential revoked = *w.credentials[0];
        revoked.revoked_at = f->op.now;
        assert_done(f, change(f, CREDENTIAL_REVOKED, w.credentials[0], &revoked));
        struct last_used used = { w.credentials[w.credential_count - 1]->id, f->op.now };
        assert_done(f, store_save_last_used(&f->op, f->store, &used, 1));
    }
    struct login logins[] = { { .kind = LOGIN_SESSION }, { .kind = LOGIN_USED }, { .kind = LOGIN_REFRESH } };
    for (size_t i = 0; i < COUNT_OF(logins); i++) {
        logins[i].hash = digest_of(&(uint64_t){ seed * 10 + i }, sizeof(uint64_t));
        logins[i].organization_id = f->organization_id;
        logins[i].user_id = w.users[0]->id;
        logins[i].user_uuid = w.users[0]->uuid;
        logins[i].created_at = f->op.now;
        logins[i].expires_at = f->op.now + 60000000;
    }
    struct login_change change_logins = { .now = f->op.now, .added = logins, .added_count = COUNT_OF(logins), .logs_in = true };
    assert_done(f, store_change_logins(&f->op, f->store, &change_logins));
    for (uint64_t i = 0; i < 2; i++) { /* sessions that ended, as many as are told of */
        struct login session = logins[0];
        session.hash = digest_of(&(uint64_t){ seed * 10 + 5 + i }, sizeof(uint64_t));
        change_logins =
            (struct login_change){ .now = f->op.now, .ends = true, .ended = session, .added = &session, .added_count = 1 };
        assert_done(f, store_change_logins(&f->op, f->store, &change_logins));
    }
    assert_done(f, change(f, USER_DELETED, w.users[w.user_count - 1], NULL));
}

/* Of the organizations the last is deleted; the newest account too, so that its number was given and nobody has it. */
static inline void fill(struct fixture *f)
{
    const char *kept;
    int64_t first = f->organization_id;
    for (int i = 0; i < ORGANIZATIONS; i++) {
        struct organization *organization = make_organization(f, arena_printf(&f->op.arena, "Organization %d", i));
        assert_done(f, change(f, ORGANIZATION_CREATED, NULL, organization));
        enter(f, organization->id);
        fill_organization(f, (uint64_t)i, i == 0 ? 150 : 20);
        if (i == ORGANIZATIONS - 1) assert_done(f, change(f, ORGANIZATION_DELETED, organization, NULL));
    }
    for (int i = 0; i < 2; i++) {
        struct account account = { .uuid = uuid_random(), .first_name = i ? "Eve" : "", .email_address = "x@example.org" };
        assert_done(f, change(f, ACCOUNT_CREATED, NULL, &account));
        if (i) assert_done(f, change(f, ACCOUNT_DELETED, &account, NULL));
    }
    assert_done(f, store_secret(&f->op, f->store, "one", "line\nline\n", &kept));
    assert_done(f, store_secret(&f->op, f->store, "two", "x", &kept));
    enter(f, first);
}

/* --- what is in a database --- */

/* Statements are cached by the address of their text. */
static inline const char *select_text(const struct copied_table *table, int list, const char *columns)
{
    static char texts[32][4][1024];
    char *text = texts[table - store_copied_tables][list];
    snprintf(text, sizeof **texts, "SELECT %s FROM %s ORDER BY %s", columns, table->name, table->order);
    return text;
}

static inline void add_value(struct buf *out, const struct query *query, enum db_type type, int column)
{
    size_t size;
    const unsigned char *bytes = column_bytes(query, column, &size);
    if (column_is_null(query, column)) {
        buf_printf(out, "|NULL");
    } else if (type == DB_BYTES) {
        buf_printf(out, "|");
        for (size_t i = 0; i < size; i++) buf_printf(out, "%02x", bytes[i]);
    } else if (type == DB_TEXT) {
        buf_printf(out, "|'%s'", column_text(query, column));
    } else {
        buf_printf(out, "|%lld", (long long)column_number(query, column));
    }
}

static inline void add_rows(struct fixture *f, struct buf *out, struct db *db, const struct copied_table *table, int list,
                            enum db_type type, const char *columns)
{
    if (!columns) return;
    int count = 1;
    for (const char *at = columns; *at; at++) count += *at == ',';
    AUTO_QUERY q = db_query(db, select_text(table, list, columns));
    while (true) {
        bool row;
        assert_done(f, query_step(&f->op, &q, &row));
        if (!row) return;
        buf_printf(out, "%s", table->name);
        for (int i = 0; i < count; i++) add_value(out, &q, type, i);
        buf_printf(out, "\n");
    }
}

static inline const char *dump(struct fixture *f, struct store *store, bool made)
{
    struct buf out = BUF_INIT(64 << 20);
    AUTO_READER reader = { 0 };
    assert_done(f, store_reader(&f->op, store, &reader));
    for (const struct copied_table *table = store_copied_tables; table->name; table++) {
        add_rows(f, &out, reader.db, table, 0, DB_NUMBER, table->numbers);
        add_rows(f, &out, reader.db, table, 1, DB_TEXT, table->texts);
        add_rows(f, &out, reader.db, table, 2, DB_BYTES, table->bytes);
        if (made) add_rows(f, &out, reader.db, table, 3, DB_NUMBER, table->made[DIALECT_SQLITE]);
    }
    const char *text = arena_strdup(&f->op.arena, buf_cstr(&out));
    buf_free(&out);
    return text;
}

/* Every row of the tables that are copied, as text: a line with its numbers, one with its texts, one with its bytes. */
static inline const char *rows_of(struct fixture *f, struct store *store)
{
    return dump(f, store, false);
}

/* The same with what SQLite alone has. */
static inline const char *all_of(struct fixture *f, struct store *store)
{
    return dump(f, store, true);
}

#endif
