/* Copying a whole directory: everything arrives as it was, all of it or nothing, and the copy goes on where the source was. */
#include "store_fixture.h"

#include "base/buf.h"
#include "dice.h"
#include "store/copy.h"
#include "store/engine.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

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

static void enter(struct fixture *f, int64_t organization_id)
{
    f->organization_id = organization_id;
    assert_done(f, store_version(&f->op, f->store, organization_id, &f->versions[1]));
}

/* Not set, nothing, or something that a copy could spoil. */
static const char *any_text(struct fixture *f, struct world *w, const char *word)
{
    static const char *const odd[] = { NULL, "", "Zoë 'Ø' 日本 \\x41 \t\n\"", "NULL" };
    uint32_t which = roll(&w->dice, 6);
    return which < COUNT_OF(odd) ? odd[which] : arena_printf(&f->op.arena, "%s %u", word, roll(&w->dice, 1000));
}

static int64_t any_time(struct world *w)
{
    return roll(&w->dice, 2) ? 0 : (int64_t)(roll_bits(&w->dice) >> 12);
}

static void create_user(struct fixture *f, struct world *w)
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

static void create_group(struct fixture *f, struct world *w)
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

static void create_credential(struct fixture *f, struct world *w)
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
static void add_members(struct fixture *f, struct world *w)
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
static void fill_organization(struct fixture *f, uint64_t seed, int steps)
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
    assert_done(f, change(f, USER_DELETED, w.users[w.user_count - 1], NULL));
}

/* Of the organizations the last is deleted; the newest account too, so that its number was given and nobody has it. */
static void fill(struct fixture *f)
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
static const char *select_text(const struct copied_table *table, int list, const char *columns)
{
    static char texts[32][4][1024];
    char *text = texts[table - store_copied_tables][list];
    snprintf(text, sizeof **texts, "SELECT %s FROM %s ORDER BY %s", columns, table->name, table->order);
    return text;
}

static void add_value(struct buf *out, const struct query *query, enum db_type type, int column)
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

static void add_rows(struct fixture *f, struct buf *out, struct db *db, const struct copied_table *table, int list,
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

static const char *dump(struct fixture *f, struct store *store, bool made)
{
    struct buf out = BUF_INIT(64 << 20);
    AUTO_READER reader = { 0 };
    assert_done(f, store_reader(&f->op, store, &reader));
    for (const struct copied_table *table = store_copied_tables; table->name; table++) {
        add_rows(f, &out, reader.db, table, 0, DB_NUMBER, table->numbers);
        add_rows(f, &out, reader.db, table, 1, DB_TEXT, table->texts);
        add_rows(f, &out, reader.db, table, 2, DB_BYTES, table->bytes);
        if (made) add_rows(f, &out, reader.db, table, 3, DB_NUMBER, table->made);
    }
    const char *text = arena_strdup(&f->op.arena, buf_cstr(&out));
    buf_free(&out);
    return text;
}

/* Every row of the tables that are copied, as text: a line with its numbers, one with its texts, one with its bytes. */
static const char *rows_of(struct fixture *f, struct store *store)
{
    return dump(f, store, false);
}

/* The same with what SQLite alone has. */
static const char *all_of(struct fixture *f, struct store *store)
{
    return dump(f, store, true);
}

static enum err add_entry(void *context, struct op *op, const struct log_entry *entry)
{
    (void)op;
    buf_printf(context, "%lld %lld.%lld %lld %lld %lld %s %s\n", (long long)entry->organization_id, (long long)entry->version,
               (long long)entry->position, (long long)entry->time, (long long)entry->credential_id, (long long)entry->user_id,
               change_word(entry->kind), entry->detail);
    return ERR_OK;
}

static const char *log_of(struct fixture *f, struct store *store, int64_t organization_id, int64_t after, int64_t limit)
{
    struct buf out = BUF_INIT(64 << 20);
    assert_done(f, store_read_log(&f->op, store, organization_id, after, limit, add_entry, &out));
    const char *text = arena_strdup(&f->op.arena, buf_cstr(&out));
    buf_free(&out);
    return text;
}

static void print_finding(void *context, const char *finding)
{
    (void)context;
    print_error("finding: %s\n", finding);
}

static void assert_sound(struct fixture *f, struct store *store)
{
    int64_t findings = -1;
    assert_done(f, store_check(&f->op, store, print_finding, NULL, &findings));
    assert_int_equal(findings, 0);
}

static const char *target_path(struct fixture *f)
{
    return arena_printf(&f->op.arena, "%s/copy.db", f->directory);
}

static struct store *open_target(struct fixture *f)
{
    return open_at(f, arena_printf(&f->op.arena, "sqlite:%s", target_path(f)));
}

/* What a database has in which there is nothing yet. */
static const char *rows_of_nothing(struct fixture *f)
{
    struct store *store = open_at(f, arena_printf(&f->op.arena, "sqlite:%s/nothing.db", f->directory));
    const char *rows = rows_of(f, store);
    store_close(store);
    return rows;
}

/* --- the tests --- */

static void every_row_is_copied_as_it_is(void **state)
{
    struct fixture *f = *state;
    fill(f);
    const char *before = rows_of(f, f->store);
    static const char *const some[] = { "organization|",  "account|",     "app_user|",   "user_group|", "membership|",
                                        "group_nesting|", "group_grant|", "credential|", "login|",      "installation_secret|",
                                        "change|",        "|NULL",        "|''" };
    for (size_t i = 0; i < COUNT_OF(some); i++) assert_non_null(strstr(before, some[i]));
    struct store *target = open_target(f);
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL));
    assert_string_equal(rows_of(f, target), before);
    assert_string_equal(rows_of(f, f->store), before);
    assert_sound(f, target);
    store_close(target);
    target = open_target(f); /* and it is on disk */
    assert_string_equal(rows_of(f, target), before);
    store_close(target);
}

static void an_empty_directory_is_copied_too(void **state)
{
    struct fixture *f = *state;
    struct store *target = open_target(f),
                 *nothing = open_at(f, arena_printf(&f->op.arena, "sqlite:%s/nothing.db", f->directory));
    assert_done(f, store_copy(&f->op, nothing, target, NULL, NULL));
    assert_string_equal(rows_of(f, target), rows_of(f, nothing));
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL)); /* which therefore is still empty */
    assert_string_equal(rows_of(f, target), rows_of(f, f->store));
    store_close(nothing);
    store_close(target);
}

static void a_copy_of_the_copy_is_the_same(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct store *target = open_target(f), *second = open_at(f, arena_printf(&f->op.arena, "sqlite:%s/second.db", f->directory));
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL));
    assert_done(f, store_copy(&f->op, target, second, NULL, NULL));
    assert_string_equal(rows_of(f, second), rows_of(f, f->store));
    assert_string_equal(all_of(f, second), all_of(f, target));
    assert_sound(f, second);
    store_close(second);
    store_close(target);
}

/* From the beginning, and in pages that begin anywhere: versions are cursors that others keep. */
static void the_log_reads_as_before(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct store *target = open_target(f);
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL));
    for (int64_t organization = 0; organization <= f->organization_id + ORGANIZATIONS; organization++) {
        const char *log = log_of(f, f->store, organization, 0, 0);
        assert_true(organization == f->organization_id || strlen(log) > 100);
        assert_string_equal(log_of(f, target, organization, 0, 0), log);
        for (int64_t after = 1; after < 160; after += 31)
            assert_string_equal(log_of(f, target, organization, after, 10), log_of(f, f->store, organization, after, 10));
    }
    store_close(target);
}

/* The fixture goes on with the other store. */
static struct store *swap_store(struct fixture *f, struct store *other)
{
    struct store *before = f->store;
    f->store = other;
    return before;
}

static enum err add_news(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    (void)op;
    buf_printf(context, "%lld:%lld ", (long long)organization_id, (long long)version);
    return ERR_OK;
}

static void a_write_to_the_copy_goes_on_with_numbers_and_versions(void **state)
{
    struct fixture *f = *state;
    fill(f);
    enter(f, f->organization_id + 1);
    int64_t cursor = 0, found;
    struct store *target = open_target(f);
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL));
    assert_done(f, store_load_credentials(&f->op, target, &(struct store_sink){ 0 }, &cursor));

    struct store *source = swap_store(f, target);
    assert_done(f, store_version(&f->op, target, f->organization_id, &found));
    assert_int_equal(found, f->versions[1]);
    const struct user *user = add_user(f, "new"); /* with the version of the source as its fence */
    assert_int_equal(f->versions[1], found + 1);
    const struct group *group = add_group(f, "new");
    struct account account = { .uuid = uuid_random() };
    assert_done(f, store_version(&f->op, target, INSTALLATION, &f->versions[0]));
    assert_done(f, change(f, ACCOUNT_CREATED, NULL, &account));
    assert_int_equal(account.id, 3); /* 2 was given to one that is deleted */
    assert_sound(f, target);
    assert_string_not_equal(log_of(f, target, f->organization_id, found, 0), "");
    struct buf news = BUF_INIT(1000);
    assert_done(f, store_follow(&f->op, target, &cursor, add_news, &news));
    assert_string_equal(buf_cstr(&news), arena_printf(&f->op.arena, "%lld:%lld 0:%lld ", (long long)f->organization_id,
                                                      (long long)found + 2, (long long)f->versions[0]));
    buf_free(&news);

    swap_store(f, source);
    enter(f, f->organization_id);
    assert_int_equal(add_user(f, "new")->id, user->id); /* the next number there is the next one here */
    assert_int_equal(add_group(f, "new")->id, group->id);
    store_close(target);
}

static void a_target_with_anything_in_it_is_refused_and_left_as_it_is(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct store *target = open_target(f);
    const char *kept;
    assert_done(f, store_secret(&f->op, target, "one", "another", &kept));
    for (int round = 0; round < 2; round++) {
        const char *before = rows_of(f, target);
        assert_failed(f, store_copy(&f->op, f->store, target, NULL, NULL), ERR_EXISTS, "to");
        assert_non_null(strstr(f->op.failure.text, round ? "it has rows in organization" : "it has rows in installation_secret"));
        assert_string_equal(rows_of(f, target), before);

        struct store *source = swap_store(f, target);
        assert_done(f, store_version(&f->op, target, INSTALLATION, &f->versions[0]));
        assert_done(f, change(f, ORGANIZATION_CREATED, NULL, make_organization(f, "There")));
        swap_store(f, source);
    }
    assert_failed(f, store_copy(&f->op, f->store, f->store, NULL, NULL), ERR_EXISTS, "to");
    store_close(target);
}

/* Progress: the rows of each table, and where to stop. */
struct watch {
    const char *stop_at;
    int64_t rows;
    int tables;
    void (*meanwhile)(struct fixture *f);
    struct fixture *f;
};

static enum err watch(void *context, struct op *op, const char *table, int64_t rows, bool done)
{
    struct watch *w = context;
    if (w->meanwhile && w->tables == 0) w->meanwhile(w->f);
    w->tables += done;
    if (done) w->rows += rows;
    return w->stop_at && !strcmp(table, w->stop_at) ? op_fail(op, ERR_STORAGE, "watch", "enough") : ERR_OK;
}

static void progress_tells_the_rows_of_each_table(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct watch w = { 0 };
    struct store *target = open_target(f);
    assert_done(f, store_copy(&f->op, f->store, target, watch, &w));
    int tables = 0;
    while (store_copied_tables[tables].name) tables++;
    assert_int_equal(w.tables, tables);
    assert_true(w.rows > 300);
    store_close(target);
}

static void a_copy_that_is_stopped_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct store *target = open_target(f);
    const char *nothing = rows_of_nothing(f);
    for (const struct copied_table *table = store_copied_tables; table->name; table++) {
        struct watch w = { .stop_at = table->name };
        assert_failed(f, store_copy(&f->op, f->store, target, watch, &w), ERR_STORAGE, "watch");
        assert_string_equal(rows_of(f, target), nothing);
    }
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL));
    assert_string_equal(rows_of(f, target), rows_of(f, f->store));
    store_close(target);
}

static void run_on_target(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(target_path(f), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    sqlite3_close(db);
}

static void a_target_that_refuses_a_row_has_none(void **state)
{
    struct fixture *f = *state;
    fill(f);
    store_close(open_target(f));
    run_on_target(f, "CREATE TRIGGER bad BEFORE INSERT ON change WHEN new.version = 70 BEGIN SELECT RAISE(ABORT, 'no'); END");
    struct store *target = open_target(f);
    failure_clear(&f->op.failure);
    assert_int_not_equal(store_copy(&f->op, f->store, target, NULL, NULL), ERR_OK);
    assert_string_equal(rows_of(f, target), rows_of_nothing(f));
    store_close(target);
}

/* A row that is lost on the way is noticed. */
static void a_target_that_loses_a_row_is_told(void **state)
{
    struct fixture *f = *state;
    fill(f);
    store_close(open_target(f));
    run_on_target(f, "CREATE TRIGGER bad AFTER INSERT ON membership WHEN new.manager = 1 BEGIN"
                     " DELETE FROM membership WHERE group_id = new.group_id AND user_id = new.user_id; END");
    struct store *target = open_target(f);
    assert_failed(f, store_copy(&f->op, f->store, target, NULL, NULL), ERR_STORAGE, "to");
    assert_non_null(strstr(f->op.failure.text, "membership has"));
    store_close(target);
}

static void write_meanwhile(struct fixture *f)
{
    AUTO_OP op = op_begin();
    struct change_list list = { 0 };
    struct user user = { .organization_id = f->organization_id, .uuid = uuid_random(), .user_name = "late" };
    assert_true(change_add(&op.arena, &list, USER_CREATED, (union object){ 0 }, (union object){ .user = &user }));
    struct commit commit = {
        .organization_id = f->organization_id, .expected_version = COMMIT_ANY_VERSION, .time = op.now, .changes = &list
    };
    assert_int_equal(store_commit(&op, f->store, &commit), ERR_OK);
}

static void what_is_committed_meanwhile_is_not_copied(void **state)
{
    struct fixture *f = *state;
    fill(f);
    const char *before = rows_of(f, f->store);
    struct watch w = { .meanwhile = write_meanwhile, .f = f };
    struct store *target = open_target(f);
    assert_done(f, store_copy(&f->op, f->store, target, watch, &w));
    assert_string_equal(rows_of(f, target), before);
    assert_non_null(strstr(rows_of(f, f->store), "'late'"));
    assert_sound(f, target);
    store_close(target);
}

static enum err die(void *context, struct op *op, const char *table, int64_t rows, bool done)
{
    (void)context, (void)op, (void)rows, (void)done;
    if (!strcmp(table, "change")) kill(getpid(), SIGKILL);
    return ERR_OK;
}

/* No store may be open here while the process forks. */
static void a_copy_that_is_killed_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    fill(f);
    store_close(f->store);
    f->store = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *source = open_at(f, f->url), *target = open_target(f);
        _exit(store_copy(&f->op, source, target, die, NULL) ? 1 : 0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    f->store = open_at(f, f->url);
    struct store *target = open_target(f);
    assert_string_equal(rows_of(f, target), rows_of_nothing(f));
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL));
    assert_string_equal(rows_of(f, target), rows_of(f, f->store));
    store_close(target);
}

/* A line "table.column" for each. */
static void add_columns(struct fixture *f, struct buf *out, const char *table, const char *columns)
{
    while (columns && *columns) {
        size_t size = strcspn(columns, ",");
        buf_printf(out, "%s.%s\n", table, arena_strndup(&f->op.arena, columns, size));
        columns += size + strspn(columns + size, ", ");
    }
}

static const char every_column[] = "SELECT t.name || '.' || c.name FROM sqlite_master t, pragma_table_info(t.name) c"
                                   " WHERE t.type = 'table' AND t.name <> 'installation'";

static void no_table_and_no_column_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct buf copied = BUF_INIT(1 << 20);
    for (const struct copied_table *table = store_copied_tables; table->name; table++) {
        add_columns(f, &copied, table->name, table->numbers);
        add_columns(f, &copied, table->name, table->texts);
        add_columns(f, &copied, table->name, table->bytes);
        add_columns(f, &copied, table->name, table->made);
    }
    size_t count = 0;
    {
        AUTO_READER reader = { 0 };
        assert_done(f, store_reader(&f->op, f->store, &reader));
        AUTO_QUERY q = db_query(reader.db, every_column);
        for (bool row;;) {
            assert_done(f, query_step(&f->op, &q, &row));
            if (!row) break;
            count++;
            const char *line = arena_printf(&f->op.arena, "%s\n", column_text(&q, 0));
            if (!strstr(buf_cstr(&copied), line)) fail_msg("copy_tables.c does not know %s", line);
        }
    }
    size_t lines = 0;
    for (const char *at = buf_cstr(&copied); *at; at++) lines += *at == '\n';
    assert_int_equal(lines, count);
    buf_free(&copied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(every_row_is_copied_as_it_is),
        store_test(an_empty_directory_is_copied_too),
        store_test(a_copy_of_the_copy_is_the_same),
        store_test(the_log_reads_as_before),
        store_test(a_write_to_the_copy_goes_on_with_numbers_and_versions),
        store_test(a_target_with_anything_in_it_is_refused_and_left_as_it_is),
        store_test(progress_tells_the_rows_of_each_table),
        store_test(a_copy_that_is_stopped_leaves_nothing),
        store_test(a_target_that_refuses_a_row_has_none),
        store_test(a_target_that_loses_a_row_is_told),
        store_test(what_is_committed_meanwhile_is_not_copied),
        store_test(a_copy_that_is_killed_leaves_nothing),
        store_test(no_table_and_no_column_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
