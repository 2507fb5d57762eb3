/* What is SQLite's own: files, locks, crashes, copies, and damage done behind the store's back. */
#include "store_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Runs SQL on the closed database and returns the number it gives. */
static int64_t run_sql(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    int code = sqlite3_step(statement);
    assert_true(code == SQLITE_ROW || code == SQLITE_DONE);
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

static int64_t openers(struct fixture *f)
{
    return run_sql(f, "SELECT openers FROM installation");
}

static void close_it(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static enum err try_open(struct fixture *f, const char *url, bool create, struct store **ret_store)
{
    failure_clear(&f->op.failure);
    return store_open(&f->op, &(struct store_options){ .url = url, .create = create, .busy_limit_ms = 50 }, ret_store);
}

static void a_missing_database_is_made_only_if_asked(void **state)
{
    struct fixture *f = *state;
    struct store *store;
    const char *path = arena_printf(&f->op.arena, "%s/other.db", f->directory);
    const char *url = arena_printf(&f->op.arena, "sqlite:%s", path);
    assert_int_equal(try_open(f, url, false, &store), ERR_NOT_FOUND);
    assert_string_equal(f->op.failure.text, arena_printf(&f->op.arena, "there is no database at %s", path));
    assert_int_equal(access(arena_printf(&f->op.arena, "%s-lock", path), F_OK), -1);
    assert_int_equal(try_open(f, url, true, &store), ERR_OK);
    store_close(store);
    assert_int_equal(try_open(f, url, false, &store), ERR_OK);
    store_close(store);
}

static void a_bad_address_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = { "", "sqlite:", "roster.db", "mysql://localhost/roster" };
    struct store *store;
    for (size_t i = 0; i < COUNT_OF(urls); i++) assert_int_equal(try_open(f, urls[i], true, &store), ERR_INVALID);
    assert_int_equal(try_open(f, NULL, true, &store), ERR_INVALID);
    assert_int_equal(try_open(f, "sqlite:/nowhere/at/all.db", true, &store), ERR_STORAGE);
}

static void a_newer_database_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store *store;
    close_it(f);
    run_sql(f, "UPDATE installation SET schema_version = 1000");
    assert_int_equal(try_open(f, f->url, true, &store), ERR_INVALID);
    assert_non_null(strstr(f->op.failure.text, "newer Roster"));
    assert_int_equal(openers(f), 0);
}

static void what_is_not_roster_s_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct store *store;
    close_it(f);
    place_remove(&f->place);
    assert_int_equal(mkdir(f->directory, 0700), 0);
    run_sql(f, "CREATE TABLE other (x)");
    assert_int_equal(try_open(f, f->url, true, &store), ERR_INVALID);
    assert_int_equal(run_sql(f, "SELECT count(*) FROM sqlite_master"), 1);

    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) fputs("this is not a database ", file);
    fclose(file);
    assert_int_equal(try_open(f, f->url, true, &store), ERR_STORAGE);
    const char *text = arena_printf(&f->op.arena, "%s is not a database: it was left alone", f->path);
    assert_string_equal(f->op.failure.text, text);
}

static void the_last_to_close_leaves_a_clean_file(void **state)
{
    struct fixture *f = *state;
    struct store *other = open_at(f, f->url);
    assert_int_equal(openers(f), 2);
    store_close(other);
    assert_int_equal(openers(f), 1);
    add_user(f, "ada");
    close_it(f);
    assert_int_equal(openers(f), 0);
    assert_int_equal(access(arena_printf(&f->op.arena, "%s-wal", f->path), F_OK), -1);
}

/* A child process opens the database, does something, tells a number and stays until it is killed. No store may be open in
 * this process while it forks: SQLite's idea of who holds which lock does not survive that. */
static pid_t start_child(struct fixture *f, bool add, int64_t *ret_told)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        f->store = open_at(f, f->url);
        int64_t id = add ? add_user(f, "ada")->id : 0;
        if (write(pipes[1], &id, sizeof(id)) != sizeof(id)) _exit(1);
        while (true) pause();
    }
    assert_int_equal(read(pipes[0], ret_told, sizeof(*ret_told)), sizeof(*ret_told));
    close(pipes[0]);
    close(pipes[1]);
    return child;
}

static void kill_child(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void a_commit_survives_a_crash(void **state)
{
    struct fixture *f = *state;
    close_it(f);
    int64_t id = 0;
    kill_child(start_child(f, true, &id));
    assert_int_equal(openers(f), 1);

    f->store = open_at(f, f->url);
    assert_string_equal(stored(f, NOUN_USER, f->organization_id, id, 0).user->user_name, "ada");
    close_it(f);
    assert_int_equal(openers(f), 0);
}

static void a_neighbour_s_crash_is_remembered(void **state)
{
    struct fixture *f = *state;
    close_it(f);
    int64_t none;
    pid_t child = start_child(f, false, &none);
    f->store = open_at(f, f->url);
    kill_child(child);
    close_it(f);
    assert_int_equal(openers(f), 1);
    f->store = open_at(f, f->url);
    close_it(f);
    assert_int_equal(openers(f), 0);
}

static void damage_page(struct fixture *f, int64_t page)
{
    FILE *file = fopen(f->path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)((page - 1) * 4096), SEEK_SET), 0);
    for (int i = 0; i < 4096; i++) fputc(0xee, file);
    fclose(file);
}

static void after_a_crash_a_damaged_file_is_refused(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ada");
    close_it(f);
    int64_t page = run_sql(f, "SELECT rootpage FROM sqlite_master WHERE name = 'app_user'");
    run_sql(f, "UPDATE installation SET openers = 1");
    damage_page(f, page);
    struct store *store;
    assert_int_equal(try_open(f, f->url, false, &store), ERR_STORAGE);
    assert_non_null(strstr(f->op.failure.text, "damaged"));
}

static void a_backup_is_a_store_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct user *user = add_user(f, "ada");
    const char *path = arena_printf(&f->op.arena, "%s/copy.db", f->directory);
    assert_done(f, store_backup(&f->op, f->store, path));
    assert_failed(f, store_backup(&f->op, f->store, path), ERR_EXISTS, "file");
    assert_int_equal(access(arena_printf(&f->op.arena, "%s.partial", path), F_OK), -1);
    assert_int_equal(access(arena_printf(&f->op.arena, "%s-wal", path), F_OK), -1);
    struct user *later = add_user(f, "later");

    close_it(f);
    f->path = path;
    assert_int_equal(openers(f), 0);
    f->store = open_at(f, arena_printf(&f->op.arena, "sqlite:%s", path));
    assert_non_null(stored(f, NOUN_USER, f->organization_id, user->id, 0).any);
    assert_null(stored(f, NOUN_USER, f->organization_id, later->id, 0).any);
    assert_failed(f, store_backup(&f->op, f->store, "/nowhere/at/all.db"), ERR_STORAGE, "file");
}

static void keep_finding(void *context, const char *finding)
{
    strncat(context, finding, 1000 - strlen(context) - 1);
}

static int64_t findings_after(struct fixture *f, const char *sql, char findings[1000])
{
    close_it(f);
    run_sql(f, sql);
    f->store = open_at(f, f->url);
    findings[0] = '\0';
    int64_t count = -1;
    assert_done(f, store_check(&f->op, f->store, keep_finding, findings, &count));
    return count;
}

static void check_finds_what_is_wrong_with_a_log(void **state)
{
    struct fixture *f = *state;
    char findings[1000];
    for (int i = 0; i < 4; i++) add_user(f, "u");
    assert_int_equal(findings_after(f, "SELECT 1", findings), 0);
    assert_int_equal(findings_after(f, "UPDATE change SET time = 5 WHERE organization_id > 0 AND version = 4", findings), 1);
    assert_non_null(strstr(findings, "time goes back at version 4"));
    assert_int_equal(
        findings_after(f, "UPDATE change SET kind = 'x', time = (SELECT max(time) FROM change) WHERE version = 4", findings), 1);
    assert_non_null(strstr(findings, "unknown kind at version 4"));
    assert_true(findings_after(f, "DELETE FROM change WHERE organization_id > 0 AND version = 2", findings) >= 1);
    assert_non_null(strstr(findings, "version 3 position 0 follows version 1 position 0"));
    assert_true(findings_after(f, "UPDATE organization SET version = 9 WHERE id > 0", findings) >= 2);
    assert_non_null(strstr(findings, "has version 9 but its log ends at version 4"));
}

static void check_finds_a_reference_to_nothing(void **state)
{
    struct fixture *f = *state;
    char findings[1000];
    int64_t user = add_user(f, "u")->id, group = add_group(f, "g")->id;
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, group, user)));
    assert_int_equal(findings_after(f, "DELETE FROM app_user", findings), 1);
    assert_non_null(strstr(findings, "a row of membership refers to a missing app_user"));
}

static void a_database_held_by_another_is_busy(void **state)
{
    struct fixture *f = *state;
    close_it(f);
    assert_int_equal(try_open(f, f->url, false, &f->store), ERR_OK);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct user *user = make_user(f, "ada");
    assert_failed(f, change(f, USER_CREATED, NULL, user), ERR_BUSY, "lock");
    assert_int_equal(user->id, 0);
    assert_int_equal(load(f, f->organization_id)->count[NOUN_USER], 0);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_done(f, change(f, USER_CREATED, NULL, user));
}

/* A limit on the size of files stands in for a full disk. */
static void a_full_disk_fails_the_commit_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 16384; /* less than the write-ahead log has already */
    signal(SIGXFSZ, SIG_IGN);
    add_user(f, "before");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct user *user = make_user(f, "ada");
    assert_failed(f, change(f, USER_CREATED, NULL, user), ERR_STORAGE, "store");
    assert_int_equal(user->id, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    assert_int_equal(load(f, f->organization_id)->count[NOUN_USER], 1);
    assert_done(f, change(f, USER_CREATED, NULL, user));
    reopen(f);
    assert_int_equal(load(f, f->organization_id)->count[NOUN_USER], 2);
    int64_t findings = -1;
    assert_done(f, store_check(&f->op, f->store, NULL, NULL, &findings));
    assert_int_equal(findings, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sqlite_test(a_missing_database_is_made_only_if_asked),
        sqlite_test(a_bad_address_is_refused),
        sqlite_test(a_newer_database_is_refused),
        sqlite_test(what_is_not_roster_s_is_left_alone),
        sqlite_test(the_last_to_close_leaves_a_clean_file),
        sqlite_test(a_commit_survives_a_crash),
        sqlite_test(after_a_crash_a_damaged_file_is_refused),
        sqlite_test(a_neighbour_s_crash_is_remembered),
        sqlite_test(a_backup_is_a_store_of_its_own),
        sqlite_test(check_finds_what_is_wrong_with_a_log),
        sqlite_test(check_finds_a_reference_to_nothing),
        sqlite_test(a_database_held_by_another_is_busy),
        sqlite_test(a_full_disk_fails_the_commit_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
