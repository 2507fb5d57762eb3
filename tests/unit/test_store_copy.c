/* Copying a whole directory: everything arrives as it was, all of it or nothing, and the copy goes on where the source was. */
#include "copy_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

/* --- what else is looked at --- */

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

/* The fixture goes on with the other store. */
static struct store *swap_store(struct fixture *f, struct store *other)
{
    struct store *before = f->store;
    f->store = other;
    return before;
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

/* --- the tests --- */

static void every_row_is_copied_as_it_is(void **state)
{
    struct fixture *f = *state;
    fill(f);
    const char *before = rows_of(f, f->store);
    static const char *const some[] = { "organization|",  "account|",     "app_user|",   "user_group|", "membership|",
                                        "group_nesting|", "group_grant|", "credential|", "login|",      "installation_secret|",
                                        "login_ended|",   "change|",      "|NULL",       "|''" };
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

/* Into the engine that the tests are run for, and on from it. */
static void into_the_other_engine_and_back_nothing_is_another(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct store_place place;
    place_make(&place, place_engine());
    struct store *target = open_target(f), *other = open_at(f, place.url);
    const char *nothing = rows_of(f, other), *before = rows_of(f, f->store);
    assert_done(f, store_copy(&f->op, f->store, target, NULL, NULL));
    for (const struct copied_table *table = store_copied_tables; table->name; table++) {
        struct watch w = { .stop_at = table->name };
        assert_failed(f, store_copy(&f->op, target, other, watch, &w), ERR_STORAGE, "watch");
        assert_string_equal(rows_of(f, other), nothing);
    }
    assert_done(f, store_copy(&f->op, target, other, NULL, NULL));
    assert_string_equal(rows_of(f, other), before);
    assert_sound(f, other);
    assert_failed(f, store_copy(&f->op, target, other, NULL, NULL), ERR_EXISTS, "to");

    struct store *source = swap_store(f, other);
    enter(f, f->organization_id + 1);
    int64_t user_id = add_user(f, "new")->id;
    swap_store(f, source);
    enter(f, f->organization_id);
    assert_int_equal(add_user(f, "new")->id, user_id);
    store_close(other);
    store_close(target);
    place_remove(&place);
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
    struct store_place place;
    place_make(&place, place_engine());
    struct store *target = open_at(f, place.url);
    const char *nothing = rows_of(f, target);
    store_close(target);
    place_number(&place,
                 place.engine == PLACE_SQLITE
                     ? "CREATE TRIGGER bad BEFORE INSERT ON change WHEN new.version = 70 BEGIN SELECT RAISE(ABORT, 'no'); END"
                     : "ALTER TABLE change ADD CHECK (version <> 70)");
    target = open_at(f, place.url);
    for (int i = 0; i < 2; i++) {
        assert_failed(f, store_copy(&f->op, f->store, target, NULL, NULL), ERR_INVALID, "");
        assert_non_null(strstr(f->op.failure.text, "refused the row"));
        assert_string_equal(rows_of(f, target), nothing);
    }
    store_close(target);
    place_remove(&place);
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

/* A line "table.column type" for each. */
static void add_columns(struct fixture *f, struct buf *out, const char *table, const char *columns, const char *type)
{
    while (columns && *columns) {
        size_t size = strcspn(columns, ",");
        buf_printf(out, "%s.%s %s\n", table, arena_strndup(&f->op.arena, columns, size), type);
        columns += size + strspn(columns + size, ", ");
    }
}

/* The same from the database. */
static const char columns_of_sqlite[] =
    "SELECT t.name || '.' || c.name || CASE c.type WHEN 'INTEGER' THEN ' number' WHEN 'TEXT' THEN ' text' ELSE ' bytes' END"
    " FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT IN ('installation', "
    "'sqlite_sequence')";
static const char columns_of_postgres[] =
    "SELECT table_name || '.' || column_name || CASE data_type WHEN 'text' THEN ' text' WHEN 'bytea' THEN ' bytes' ELSE ' "
    "number' END"
    " FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'installation'";

static void no_table_and_no_column_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct buf copied = BUF_INIT(1 << 20);
    AUTO_READER reader = { 0 };
    assert_done(f, store_reader(&f->op, f->store, &reader));
    for (const struct copied_table *table = store_copied_tables; table->name; table++) {
        add_columns(f, &copied, table->name, table->numbers, "number");
        add_columns(f, &copied, table->name, table->texts, "text");
        add_columns(f, &copied, table->name, table->bytes, "bytes");
        add_columns(f, &copied, table->name, table->made[reader.db->driver->dialect], "number");
    }
    size_t count = 0, lines = 0;
    AUTO_QUERY q = db_query(reader.db, db_text(reader.db, columns_of_sqlite, columns_of_postgres));
    while (true) {
        bool row;
        assert_done(f, query_step(&f->op, &q, &row));
        if (!row) break;
        count++;
        const char *line = arena_printf(&f->op.arena, "%s\n", column_text(&q, 0));
        if (!strstr(buf_cstr(&copied), line)) fail_msg("copy_tables.c does not know %s", line);
    }
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
        store_test(into_the_other_engine_and_back_nothing_is_another),
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
