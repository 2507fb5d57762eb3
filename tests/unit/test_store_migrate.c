/* Databases of older versions: what happens to one when this version opens it.
 *
 * An older database is made here by running the first migrations by hand, with rows in every table; so each new migration is
 * tested by the tests that are here, and adds those of what it brings. */
#include "store_fixture.h"

#include "base/buf.h"
#include "store/migrations.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

/* --- by hand --- */

static sqlite3 *open_by_hand(struct fixture *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    return db;
}

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message)) fail_msg("%s: %s", message, sql);
}

static int64_t number(struct fixture *f, const char *sql)
{
    sqlite3 *db = open_by_hand(f);
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t result = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return result;
}

#define ZEROES "00000000000000000000000000000000000000000000000000000000000000" /* of 31 bytes */

/* What Roster 0.1 could have left: an organization with a row in every table, and its log. */
static const char rows_of_0001[] =
    "INSERT INTO account VALUES (1, x'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', 'Ada', NULL, 'ada@example.org');"
    "INSERT INTO organization VALUES (1, 'Acme', 1, 11, x'01010101010101010101010101010101', NULL, 5, 25, 7);"
    "INSERT INTO app_user VALUES (1, 1, x'02020202020202020202020202020202', 1, 'ada', NULL, NULL, NULL, NULL, '+31201234567',"
    " NULL, 'r', 'E-1', 0, 0, 1, 0, 1, 1, 2, NULL, 12, NULL, NULL);"
    "INSERT INTO user_group VALUES (1, 1, x'03030303030303030303030303030303', 'Red', 'red', 'd', NULL, NULL, 13, NULL, 'eve', "
    "NULL,"
    " NULL), (2, 1, x'04040404040404040404040404040404', 'Gone', 'gone', NULL, NULL, NULL, 13, NULL, NULL, NULL, 14);"
    "INSERT INTO membership VALUES (1, 1, 1, x'05050505050505050505050505050505', 1, NULL, 99, 14, 1, NULL);"
    "INSERT INTO group_nesting VALUES (1, 1, 2);"
    "INSERT INTO group_grant VALUES (1, 1, 0, 0, 7, NULL, 1);"
    "INSERT INTO credential VALUES"
    " (1, 1, x'06060606060606060606060606060606', 'reader', 1, 0, NULL, x'" ZEROES "01', 1, NULL, NULL, 15, 16),"
    " (2, 1, x'07070707070707070707070707070707', NULL, NULL, 1, 'K', x'" ZEROES "02', 3, 99, NULL, 15, NULL),"
    " (3, 1, x'08080808080808080808080808080808', 'old', NULL, 2, NULL, x'" ZEROES "03', 3, NULL, 17, 15, NULL);"
    "INSERT INTO change VALUES"
    " (1, 0, 0, 1, 0, 20, 'account_created', 0, 0, 0, 0, 1, zeroblob(16), '{\"after\":{\"id\":1}}'),"
    " (2, 1, 0, 2, 0, 20, 'organization_created', 0, 0, 0, 0, 1, zeroblob(16), '{\"after\":{\"id\":1,\"name\":\"Acme\"}}'),"
    " (3, 0, 1, 1, 0, 21, 'user_created', 0, 0, 0, 1, 0, zeroblob(16), '{\"after\":{\"organizationId\":1,\"id\":1}}'),"
    " (4, 3, 1, 2, 0, 22, 'group_created', 0, 0, 1, 0, 0, zeroblob(16), '{\"after\":{\"organizationId\":1,\"id\":1}}'),"
    " (5, 4, 1, 3, 0, 23, 'credential_created', 0, 0, 0, 0, 2, zeroblob(16), '{\"after\":{\"organizationId\":1,\"id\":2,"
    "\"kind\":\"api-key\",\"rights\":[\"read\",\"write\"]}}'),"
    " (6, 5, 1, 4, 0, 24, 'member_added', 2, 0, 1, 1, 0, zeroblob(16), '{\"after\":{\"organizationId\":1,\"groupId\":1}}'),"
    " (7, 6, 1, 5, 0, 25, 'credential_revoked', 0, 0, 0, 0, 3, zeroblob(16), '{\"after\":{\"revokedAt\":null}}');"
    "UPDATE organization SET version = 2, last_time = 20, last_sequence = 2 WHERE id = 0;"
    "UPDATE installation SET last_organization = 1, last_account = 1, last_user = 1, last_group = 2, last_credential = 3;";

/* The database of the fixture becomes one that a Roster of that schema has left, without a neighbour or a crash. */
static void make_database_of(struct fixture *f, int version)
{
    store_close(f->store);
    f->store = NULL;
    place_remove(&f->place);
    assert_int_equal(mkdir(f->directory, 0700), 0);
    sqlite3 *db = open_by_hand(f);
    run(db, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON");
    for (const struct migration *m = sqlite_migrations; m->number && m->number <= version; m++) {
        run(db, m->text);
        if (m->number == 1) run(db, rows_of_0001);
    }
    run(db, arena_printf(&f->op.arena, "UPDATE installation SET schema_version = %d; PRAGMA application_id = %d", version,
                         0x526f7374));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    f->organization_id = 1;
    f->versions[0] = 2;
    f->versions[1] = 5;
}

/* What the last try_open was told. */
static int schema_found;
static char migrations_told[500];

static void note_migration(void *context, const char *name)
{
    size_t length = strlen(context);
    snprintf((char *)context + length, sizeof migrations_told - length, "%s ", name);
}

static enum err try_open(struct fixture *f, bool migrate)
{
    failure_clear(&f->op.failure);
    schema_found = -1;
    *migrations_told = 0;
    const struct store_options options = { .url = f->url,
                                           .create = true,
                                           .migrate = migrate,
                                           .busy_limit_ms = 50,
                                           .ret_schema = &schema_found,
                                           .migrated = note_migration,
                                           .context = migrations_told };
    return store_open(&f->op, &options, &f->store);
}

static int newest(void)
{
    int number = 0;
    for (const struct migration *m = sqlite_migrations; m->number; m++) number = m->number;
    return number;
}

/* --- every row of every table, as text --- */

/* One line of the first column for each row. */
static void add_lines(sqlite3 *db, const char *sql, struct buf *out)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL)) fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    while (sqlite3_step(statement) == SQLITE_ROW) buf_printf(out, "%s\n", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
}

/* A query for each table that writes its rows, of the columns that it has now; what a program that opens it may change is left
 * out. */
static const char *queries_of(struct fixture *f)
{
    sqlite3 *db = open_by_hand(f);
    struct buf queries = BUF_INIT(1 << 20);
    add_lines(
        db,
        "SELECT 'SELECT ''' || t.name || ': ''|| ' || group_concat('quote(' || c.name || ')', ' || '','' || ') || ' FROM ' || "
        "t.name || ' ORDER BY 1' FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND "
        "c.name NOT IN ('schema_version', 'openers') GROUP BY t.name ORDER BY t.name",
        &queries);
    const char *text = arena_strdup(&f->op.arena, buf_cstr(&queries));
    buf_free(&queries);
    sqlite3_close(db);
    return text;
}

static const char *rows_by(struct fixture *f, const char *queries)
{
    sqlite3 *db = open_by_hand(f);
    struct buf rows = BUF_INIT(1 << 20);
    for (const char *at = queries; *at; at += strcspn(at, "\n") + 1)
        add_lines(db, arena_strndup(&f->op.arena, at, strcspn(at, "\n")), &rows);
    const char *text = arena_strdup(&f->op.arena, buf_cstr(&rows));
    buf_free(&rows);
    sqlite3_close(db);
    return text;
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++) count += *text == '\n';
    return count;
}

static void print_finding(void *context, const char *finding)
{
    (void)context;
    print_error("finding: %s\n", finding);
}

static void assert_sound(struct fixture *f)
{
    int64_t findings = -1;
    assert_done(f, store_check(&f->op, f->store, print_finding, NULL, &findings));
    assert_int_equal(findings, 0);
}

/* --- the tests --- */

static void every_older_database_is_brought_up_to_date_and_keeps_its_rows(void **state)
{
    struct fixture *f = *state;
    for (int version = 1; version < newest(); version++) {
        make_database_of(f, version);
        const char *queries = queries_of(f), *before = rows_by(f, queries);
        assert_true(lines_of(queries) >= 10 && lines_of(before) >= 20); /* tables, rows: those of 0001 */
        assert_int_equal(try_open(f, true), ERR_OK);
        assert_sound(f);
        store_close(f->store);
        f->store = NULL;
        assert_string_equal(rows_by(f, queries), before);
        assert_int_equal(number(f, "SELECT schema_version FROM installation"), newest());
        assert_int_equal(number(f, "SELECT openers FROM installation"), 0);
        assert_int_equal(try_open(f, false), ERR_OK); /* nothing is left to do */
    }
}

static void what_was_in_it_is_loaded_and_can_be_written(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    assert_int_equal(try_open(f, true), ERR_OK);
    const struct loaded *loaded = load(f, 1);
    assert_int_equal(loaded->version, 5);
    assert_int_equal(loaded->count[NOUN_USER], 1);
    assert_int_equal(loaded->count[NOUN_GROUP], 2);
    assert_int_equal(loaded->count[NOUN_MEMBERSHIP], 1);
    assert_int_equal(loaded->count[NOUN_NESTING], 1);
    assert_string_equal(loaded->objects[NOUN_USER][0].user->external_id, "E-1");
    assert_string_equal(loaded->objects[NOUN_GROUP][0].group->created_by, "eve");
    assert_int_equal(loaded->objects[NOUN_GROUP][0].group->grants[0].language_id, 7);
    assert_int_equal(loaded->objects[NOUN_GROUP][1].group->deleted_at, 14);
    assert_int_equal(loaded->objects[NOUN_MEMBERSHIP][0].membership->ends_at, 99);
    const struct user *bob = add_user(f, "bob");
    assert_int_equal(bob->id, 2);
    assert_sound(f);
}

/* 0002: a credential made before there were permits may do what it could. */
static void older_credentials_are_permitted_what_their_rights_allow(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    assert_int_equal(try_open(f, true), ERR_OK);
    struct store_sink sink;
    struct loaded *loaded = new_loaded(f, &sink);
    int64_t cursor;
    assert_done(f, store_load_credentials(&f->op, f->store, &sink, &cursor));
    assert_int_equal(loaded->count[NOUN_CREDENTIAL], 3);
    static const struct credential expected[] = {
        { .id = 1, .name = "reader", .user_id = 1, .kind = CREDENTIAL_BEARER, .rights = RIGHT_READ, .last_used_at = 16 },
        { .id = 2, .key_id = "K", .kind = CREDENTIAL_API_KEY, .rights = RIGHT_READ | RIGHT_WRITE, .expires_at = 99 },
        { .id = 3, .name = "old", .kind = CREDENTIAL_KEY, .rights = RIGHT_READ | RIGHT_WRITE, .revoked_at = 17 },
    };
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        union object found = loaded->objects[NOUN_CREDENTIAL][i];
        struct credential wanted = expected[i];
        wanted.organization_id = 1;
        wanted.date_created = 15;
        memset(wanted.uuid.bytes, (int)(6 + i), sizeof wanted.uuid.bytes);
        wanted.secret_hash.bytes[31] = (unsigned char)(1 + i);
        assert_same(NOUN_CREDENTIAL, found, (union object){ .credential = &wanted });
        assert_int_equal(found.credential->permits, 0);
        assert_int_equal(found.credential->last_used_at, wanted.last_used_at);
    }
}

static void permits_are_kept_from_then_on(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    assert_int_equal(try_open(f, true), ERR_OK);
    union object before = stored(f, NOUN_CREDENTIAL, 1, 2, 0), after = object_copy(&f->op.arena, NOUN_CREDENTIAL, before);
    after.credential->permits = 0x15;
    assert_done(f, change(f, CREDENTIAL_UPDATED, before.any, after.any));
    struct credential *created = make_credential(f, "another");
    created->permits = 0x1f;
    assert_done(f, change(f, CREDENTIAL_CREATED, NULL, created));
    assert_int_equal(created->id, 4);
    reopen(f);
    assert_same(NOUN_CREDENTIAL, stored(f, NOUN_CREDENTIAL, 1, 2, 0), after);
    assert_same(NOUN_CREDENTIAL, stored(f, NOUN_CREDENTIAL, 1, 4, 0), (union object){ .credential = created });
    assert_int_equal(stored(f, NOUN_CREDENTIAL, 1, 1, 0).credential->permits, 0);
    assert_sound(f);
}

/* 0005: who made a group before that is not known, and kept of those that are made from then on. */
static void older_groups_were_made_by_no_user_that_is_known(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    assert_int_equal(try_open(f, true), ERR_OK);
    union object before = stored(f, NOUN_GROUP, 1, 1, 0), after = object_copy(&f->op.arena, NOUN_GROUP, before);
    assert_string_equal(before.group->created_by, "eve");
    assert_int_equal(before.group->created_by_user, 0);
    assert_int_equal(before.group->modified_by_user, 0);
    after.group->modified_by_user = 1;
    assert_done(f, change(f, GROUP_UPDATED, before.any, after.any));
    struct group *created = make_group(f, "another");
    created->created_by_user = 1;
    assert_done(f, change(f, GROUP_CREATED, NULL, created));
    reopen(f);
    assert_same(NOUN_GROUP, stored(f, NOUN_GROUP, 1, 1, 0), after);
    assert_same(NOUN_GROUP, stored(f, NOUN_GROUP, 1, created->id, 0), (union object){ .group = created });
    assert_sound(f);
}

/* 0003: users made before there were keys have none, never logged in, and can be given one. */
static void older_users_have_no_key_until_they_are_given_one(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 2);
    assert_int_equal(try_open(f, true), ERR_OK);
    union object before = load(f, 1)->objects[NOUN_USER][0], after = object_copy(&f->op.arena, NOUN_USER, before);
    assert_string_equal(before.user->user_name, "ada");
    assert_null(before.user->public_key);
    assert_null(before.user->key_fingerprint);
    assert_int_equal(before.user->key_bits, 0);
    assert_int_equal(before.user->last_login_at, 0);
    after.user->public_key = "the key";
    after.user->key_fingerprint = "AB";
    after.user->key_bits = 256;
    assert_done(f, change(f, USER_UPDATED, before.any, after.any));
    reopen(f);
    assert_same(NOUN_USER, stored(f, NOUN_USER, 1, 1, 0), after);
    assert_same(NOUN_USER, load(f, 1)->objects[NOUN_USER][0], after);
    assert_sound(f);
}

static void it_is_not_migrated_unless_that_is_allowed(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    assert_int_equal(try_open(f, false), ERR_INVALID);
    assert_string_equal(f->op.failure.text, arena_printf(&f->op.arena,
                                                         "the database has schema 1 and must be migrated to %d first: "
                                                         "run roster migrate",
                                                         newest()));
    assert_int_equal(schema_found, 1);
    assert_string_equal(migrations_told, "");
    assert_int_equal(number(f, "SELECT schema_version FROM installation"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM pragma_table_info('credential') WHERE name = 'permits'"), 0);
    assert_int_equal(number(f, "SELECT openers FROM installation"), 0);
}

static void it_is_told_what_was_found_and_what_was_done(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 2);
    assert_int_equal(try_open(f, true), ERR_OK);
    assert_int_equal(schema_found, 2);
    const char *all = "";
    for (const struct migration *m = sqlite_migrations; m->number; m++)
        if (m->number > 2) all = arena_printf(&f->op.arena, "%s%s ", all, m->name);
    assert_string_equal(migrations_told, all);
    store_close(f->store);
    assert_int_equal(try_open(f, true), ERR_OK);
    assert_int_equal(schema_found, newest());
    assert_int_equal(schema_found, store_schema_version());
    assert_string_equal(migrations_told, "");
}

/* A file that is there without tables: neither made nor changed unless that is allowed. */
static void tables_are_made_only_if_that_is_allowed(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    f->store = NULL;
    place_remove(&f->place);
    assert_int_equal(mkdir(f->directory, 0700), 0);
    sqlite3 *db = open_by_hand(f);
    run(db, "PRAGMA journal_mode = WAL");
    sqlite3_close(db);
    struct store_options options = { .url = f->url, .ret_schema = &schema_found };
    failure_clear(&f->op.failure);
    assert_int_equal(store_open(&f->op, &options, &f->store), ERR_INVALID);
    assert_string_equal(f->op.failure.text, "the database has no tables yet: run roster migrate");
    assert_int_equal(schema_found, 0);
    assert_int_equal(number(f, "SELECT count(*) FROM sqlite_master"), 0);
    assert_int_equal(try_open(f, true), ERR_OK);
    assert_int_equal(schema_found, 0);
    assert_sound(f);
}

struct starter {
    struct fixture *f;
    enum err result;
    char told[sizeof migrations_told];
    pthread_barrier_t *barrier;
};

static void *start_one(void *context)
{
    struct starter *starter = context;
    AUTO_OP op = op_begin();
    struct store *store;
    const struct store_options options = {
        .url = starter->f->url, .migrate = true, .create = true, .migrated = note_migration, .context = starter->told
    };
    pthread_barrier_wait(starter->barrier);
    starter->result = store_open(&op, &options, &store);
    if (starter->result) print_error("%s\n", op.failure.text);
    pthread_barrier_wait(starter->barrier); /* nobody closes before all have it open */
    store_close(store);
    return NULL;
}

/* One of them migrates, the others wait for it. */
static void several_that_start_at_once_do_not_collide(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    struct starter starters[6] = { 0 };
    pthread_t threads[COUNT_OF(starters)];
    pthread_barrier_t barrier;
    int told = 0;
    pthread_barrier_init(&barrier, NULL, COUNT_OF(starters));
    for (size_t i = 0; i < COUNT_OF(starters); i++) {
        starters[i].f = f;
        starters[i].barrier = &barrier;
        assert_int_equal(pthread_create(&threads[i], NULL, start_one, &starters[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(starters); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(starters[i].result, ERR_OK);
        told += *starters[i].told != 0;
    }
    assert_int_equal(told, 1);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(number(f, "SELECT openers FROM installation"), 0);
}

/* An older Roster that is running does not know the new columns. */
static void it_is_not_migrated_under_another_process(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    struct flock shared = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
    int file = open(arena_printf(&f->op.arena, "%s-lock", f->path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(fcntl(file, F_OFD_SETLK, &shared), 0);
    assert_int_equal(try_open(f, true), ERR_BUSY);
    assert_string_equal(f->op.failure.field, "store");
    assert_int_equal(number(f, "SELECT schema_version FROM installation"), 1);
    close(file);
    assert_int_equal(try_open(f, true), ERR_OK);
}

static void after_a_crash_it_is_migrated_too(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    number(f, "UPDATE installation SET openers = 1 RETURNING openers");
    assert_int_equal(try_open(f, true), ERR_OK);
    assert_int_equal(load(f, 1)->count[NOUN_USER], 1);
    assert_sound(f);
}

/* The column of 0002 is there, and 0002 never ran: whoever did that. */
static void a_migration_that_fails_leaves_the_database_as_it_was(void **state)
{
    struct fixture *f = *state;
    make_database_of(f, 1);
    sqlite3 *db = open_by_hand(f);
    run(db, "ALTER TABLE credential ADD COLUMN permits TEXT");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    const char *queries = queries_of(f), *before = rows_by(f, queries);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(try_open(f, true), ERR_STORAGE);
        assert_null(f->store);
        assert_int_equal(number(f, "SELECT schema_version FROM installation"), 1);
        assert_string_equal(rows_by(f, queries), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sqlite_test(every_older_database_is_brought_up_to_date_and_keeps_its_rows),
        sqlite_test(what_was_in_it_is_loaded_and_can_be_written),
        sqlite_test(older_credentials_are_permitted_what_their_rights_allow),
        sqlite_test(permits_are_kept_from_then_on),
        sqlite_test(older_groups_were_made_by_no_user_that_is_known),
        sqlite_test(older_users_have_no_key_until_they_are_given_one),
        sqlite_test(it_is_not_migrated_unless_that_is_allowed),
        sqlite_test(it_is_told_what_was_found_and_what_was_done),
        sqlite_test(tables_are_made_only_if_that_is_allowed),
        sqlite_test(several_that_start_at_once_do_not_collide),
        sqlite_test(it_is_not_migrated_under_another_process),
        sqlite_test(after_a_crash_it_is_migrated_too),
        sqlite_test(a_migration_that_fails_leaves_the_database_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
