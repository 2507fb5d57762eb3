/* Opening a database of PostgreSQL: every address that libpq reads, clear words for what cannot be used, and tables that are made
 * once however many nodes start at the same time. */
#include "postgres_fixture.h"

#include "store/migrations.h"

#include <sys/wait.h>

/* ---- addresses */

static void assert_leads_to(struct fixture *f, const char *url)
{
    struct store *store = NULL;
    failure_clear(&f->op.failure);
    enum err e = store_open(&f->op, &(struct store_options){ .url = url }, &store);
    if (e) fail_msg("%s: %s", url, f->op.failure.text);
    assert_int_equal(version_of(f, store, INSTALLATION), f->versions[0]);
    store_close(store);
}

static void every_form_of_an_url_leads_to_the_database(void **state)
{
    struct fixture *f = *state;
    const char *host = url_part(f, f->url, "host"), *name = url_part(f, f->url, "dbname"), *user = url_part(f, f->url, "user");
    const char *port = url_part(f, f->url, "port");
    if (!port) port = "5432";
    char *escaped = arena_zalloc(&f->op.arena, 3 * strlen(host) + 1); /* each byte */
    for (size_t i = 0; host[i]; i++) sprintf(escaped + 3 * i, "%%%02X", (unsigned char)host[i]);
    const char *const urls[] = {
        arena_printf(&f->op.arena, "postgres://%s@/%s?host=%s&port=%s", user, name, host, port),
        arena_printf(&f->op.arena, "postgresql://%s@/%s?host=%s&port=%s", user, name, host, port),
        arena_printf(&f->op.arena, "host=%s port=%s dbname='%s' user=%s", host, port, name, user),
        arena_printf(&f->op.arena, "postgresql://%s@%s:%s/%s", user, escaped, port, name),
        arena_printf(&f->op.arena, "postgres://?host=%s&port=%s&dbname=%s&user=%s", escaped, port, name, user),
        arena_printf(&f->op.arena, "postgres://%s:never%%20asked@/%s?host=/nowhere,%s&port=%s,%s&target_session_attrs=read-write",
                     user, name, host, port, port),
        arena_printf(&f->op.arena, "postgres://%s@/%s?host=%s&port=%s&application_name=mine&connect_timeout=9&sslmode=prefer",
                     user, name, host, port),
    };
    for (size_t i = 0; i < COUNT_OF(urls); i++) assert_leads_to(f, urls[i]);
}

static void a_database_may_have_any_name(void **state)
{
    struct fixture *f = *state;
    const char *name = arena_printf(&f->op.arena, "unit %d/a?b%%ü", (int)getpid());
    run_beside(f->url, arena_printf(&f->op.arena, "DROP DATABASE IF EXISTS \"%s\"", name));
    run_beside(f->url, arena_printf(&f->op.arena, "CREATE DATABASE \"%s\" TEMPLATE template0 STRATEGY wal_log", name));
    const char *url = arena_printf(&f->op.arena, "postgres://%s@/unit%%20%d%%2Fa%%3Fb%%25%%C3%%BC?host=%s&port=%s",
                                   url_part(f, f->url, "user"), (int)getpid(), url_part(f, f->url, "host"),
                                   url_part(f, f->url, "port") ? url_part(f, f->url, "port") : "5432");
    store_close(open_at(f, url));
    run_beside(f->url, arena_printf(&f->op.arena, "DROP DATABASE \"%s\" WITH (FORCE)", name));
}

static void a_schema_of_its_own_may_be_named(void **state)
{
    struct fixture *f = *state;
    const char *url = url_with(f, f->url, "options=-csearch_path%3Dapart");
    run_beside(f->url, "CREATE SCHEMA apart");
    struct store *apart = open_at(f, url);
    int64_t version = version_of(f, apart, INSTALLATION);
    assert_int_equal(version, 0); /* nothing of what is in the other schema */
    assert_int_equal(commit_user(apart, f->organization_id, &version, "nobody"), ERR_NOT_FOUND);
    assert_sound(f, apart);
    store_close(apart);
    assert_leads_to(f, f->url);
}

/* ---- what cannot be used */

/* The words for it. The address has the password "sesame", which is not in them. */
static const char *refusal(struct fixture *f, const char *url, enum err code)
{
    struct store *store = NULL;
    failure_clear(&f->op.failure);
    enum err e = store_open(&f->op, &(struct store_options){ .url = url, .create = true }, &store);
    if (e != code) fail_msg("%s: %s: %s", url, err_name(e), f->op.failure.text);
    assert_null(store);
    assert_string_equal(f->op.failure.field, "store");
    if (strstr(f->op.failure.text, "sesame")) fail_msg("the password is told: %s", f->op.failure.text);
    return f->op.failure.text;
}

static void assert_says(const char *text, const char *words)
{
    if (!strstr(text, words)) fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static const char *base(struct fixture *f, const char *database)
{
    const char *port = url_part(f, f->url, "port");
    return arena_printf(&f->op.arena, "postgres://%s:sesame@/%s?host=%s&port=%s", url_part(f, f->url, "user"), database,
                        url_part(f, f->url, "host"), port ? port : "5432");
}

static void what_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    assert_says(refusal(f, "postgres://me:sesame@/x?host=/nowhere", ERR_BUSY), "No such file");
    assert_says(refusal(f, "postgres://me:sesame@127.0.0.1:1/x", ERR_BUSY), "refused");
}

static const char *as_role(struct fixture *f, const char *role)
{
    const char *port = url_part(f, f->url, "port");
    return arena_printf(&f->op.arena, "postgres://%s:sesame@/%s?host=%s&port=%s", role, url_part(f, f->url, "dbname"),
                        url_part(f, f->url, "host"), port ? port : "5432");
}

/* The cluster's roles are those of all tests. */
static const char *make_role(struct fixture *f, const char *name, const char *attributes)
{
    const char *role = arena_printf(&f->op.arena, "unit_%d_%s", (int)getpid(), name);
    run_beside(f->url, arena_printf(&f->op.arena, "DROP ROLE IF EXISTS %s", role));
    run_beside(f->url, arena_printf(&f->op.arena, "CREATE ROLE %s %s", role, attributes));
    return role;
}

static void drop_role(struct fixture *f, const char *role)
{
    run_beside(f->url, arena_printf(&f->op.arena, "DROP ROLE %s", role));
}

static void what_waiting_does_not_mend_is_no_database_that_is_away(void **state)
{
    struct fixture *f = *state;
    const char *elsewhere =
        arena_printf(&f->op.arena, "postgres://%s:sesame@/nowhere?host=/nowhere,%s&port=5432,%s", url_part(f, f->url, "user"),
                     url_part(f, f->url, "host"), url_part(f, f->url, "port") ? url_part(f, f->url, "port") : "5432");
    const char *role = make_role(f, "idle", "NOLOGIN");
    assert_says(refusal(f, base(f, "nowhere"), ERR_INVALID), "cannot connect to the database: ");
    assert_says(refusal(f, base(f, "nowhere"), ERR_INVALID), "database \"nowhere\" does not exist");
    refusal(f, elsewhere, ERR_BUSY); /* of several hosts the right one may be down */
    /* 28000 is also the code when a service that is asked for passwords is away */
    assert_says(refusal(f, as_role(f, "never_made"), ERR_BUSY), "role \"never_made\" does not exist");
    assert_says(refusal(f, as_role(f, role), ERR_BUSY), role);
    drop_role(f, role);
}

static void what_a_server_refuses_for_now_is(void **state)
{
    struct fixture *f = *state;
    const char *role = make_role(f, "crowded", "LOGIN CONNECTION LIMIT 0");
    assert_says(refusal(f, as_role(f, role), ERR_BUSY), "too many connections");
    drop_role(f, role);
}

/* Then it may be a server that is not the right one yet: what runs goes on asking. */
static void so_is_one_that_refuses_who_was_welcome_before(void **state)
{
    struct fixture *f = *state;
    const char *role = make_role(f, "leaving", "LOGIN SUPERUSER");
    struct store *store = open_at(f, as_role(f, role));
    int64_t version;
    assert_done(f, store_version(&f->op, store, INSTALLATION, &version));
    run_beside(f->url, arena_printf(&f->op.arena, "ALTER ROLE %s NOLOGIN", role));
    run_beside(f->url, arena_printf(&f->op.arena,
                                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                                    " WHERE usename = '%s'",
                                    role));
    assert_failed(f, store_version(&f->op, store, INSTALLATION, &version), ERR_BUSY, "store");
    run_beside(f->url, arena_printf(&f->op.arena, "ALTER ROLE %s LOGIN", role));
    enum err e = ERR_BUSY;
    for (int i = 0; i < 500 && e; i++) {
        sleep_ms(20);
        failure_clear(&f->op.failure);
        e = store_version(&f->op, store, INSTALLATION, &version);
    }
    assert_int_equal(e, ERR_OK);
    store_close(store);
    drop_role(f, role);
}

static void an_address_that_cannot_be_read_is_refused_without_repeating_it(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = {
        "postgres://me:sesame%zz@/x",
        "postgres://me:sesame%00@/x",
        "postgres://me:ses@me@localhost/x",
        "postgres://me:sesame/1@host/x",
        "postgres://me:sesame@[::1/x",
        "postgres://me:sesame@/x?nonsense=1",
        "postgres://me:sesame@h/x?host=y=",
        "postgres://me:sesame@[::1]sesame/x",
        "postgres://me:sesame@host:many/x",
        "postgres://me@h/x?password=sesame=",
        "postgres://me:pass@sesame@localhost/x",
    };
    for (size_t i = 0; i < COUNT_OF(urls); i++) refusal(f, urls[i], ERR_INVALID);
}

static void a_database_that_would_not_keep_what_was_promised_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *name = arena_printf(&f->op.arena, "unit_%d_latin", (int)getpid());
    assert_says(
        refusal(f, url_with(f, base(f, url_part(f, f->url, "dbname")), "options=-csynchronous_commit%3Doff"), ERR_INVALID),
        "synchronous_commit");
    run_beside(f->url, arena_printf(&f->op.arena, "DROP DATABASE IF EXISTS %s", name));
    run_beside(f->url, arena_printf(&f->op.arena,
                                    "CREATE DATABASE %s TEMPLATE template0 STRATEGY wal_log ENCODING 'LATIN1' LOCALE 'C'", name));
    assert_says(refusal(f, base(f, name), ERR_INVALID), "LATIN1");
    run_beside(f->url, arena_printf(&f->op.arena, "DROP DATABASE %s", name));
}

static void a_newer_schema_is_refused_and_told(void **state)
{
    struct fixture *f = *state;
    run_beside(f->url, "UPDATE installation SET schema_version = 99");
    assert_says(refusal(f, f->url, ERR_INVALID), "newer Roster");
    int schema = -1;
    struct store *store;
    failure_clear(&f->op.failure);
    assert_int_equal(store_open(&f->op, &(struct store_options){ .url = f->url, .migrate = true, .ret_schema = &schema }, &store),
                     ERR_INVALID);
    assert_int_equal(schema, 99);
    assert_int_equal(run_beside(f->url, "SELECT schema_version FROM installation"), 99);
    run_beside(f->url, arena_printf(&f->op.arena, "UPDATE installation SET schema_version = %d", store_schema_version()));
}

/* ---- empty databases: a schema without tables is as good */

static const char *new_schema(struct fixture *f, const char *name)
{
    run_beside(f->url, arena_printf(&f->op.arena, "CREATE SCHEMA %s", name));
    return url_with(f, f->url, arena_printf(&f->op.arena, "options=-csearch_path%%3D%s", name));
}

static int64_t count_tables(const char *url)
{
    return run_beside(url, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()");
}

static void tables_of_another_program_are_left_alone(void **state)
{
    struct fixture *f = *state;
    const char *url = new_schema(f, "other_program");
    run_beside(url, "CREATE TABLE theirs (id int)");
    assert_says(refusal(f, url, ERR_INVALID), "theirs");
    assert_int_equal(count_tables(url), 1);
}

static void an_empty_database_is_only_filled_by_who_may(void **state)
{
    struct fixture *f = *state;
    const char *url = new_schema(f, "empty");
    struct store *store;
    int schema = -1;
    failure_clear(&f->op.failure);
    assert_int_equal(store_open(&f->op, &(struct store_options){ .url = url, .ret_schema = &schema }, &store), ERR_INVALID);
    assert_says(f->op.failure.text, "roster migrate");
    assert_int_equal(schema, 0);
    assert_int_equal(count_tables(url), 0);
}

static void a_schema_that_is_not_there_must_be_made_first(void **state)
{
    struct fixture *f = *state;
    const char *url = url_with(f, f->url, "options=-csearch_path%3Dnowhere");
    assert_says(refusal(f, url, ERR_STORAGE), "the schema must be made first, by CREATE SCHEMA");
    (void)new_schema(f, "nowhere");
    struct store *store;
    failure_clear(&f->op.failure);
    assert_int_equal(store_open(&f->op, &(struct store_options){ .url = url, .create = true }, &store), ERR_OK);
    store_close(store);
}

static void who_may_not_make_tables_is_told(void **state)
{
    struct fixture *f = *state;
    const char *url = new_schema(f, "foreign_schema"), *port = url_part(f, f->url, "port");
    const char *role = arena_printf(&f->op.arena, "unit_%d", (int)getpid());
    run_beside(url, arena_printf(&f->op.arena, "CREATE ROLE %s LOGIN; GRANT USAGE ON SCHEMA foreign_schema TO %s", role, role));
    const char *theirs =
        arena_printf(&f->op.arena, "postgres://%s:sesame@/%s?host=%s&port=%s&options=-csearch_path%%3Dforeign_schema", role,
                     url_part(f, url, "dbname"), url_part(f, url, "host"), port ? port : "5432");
    assert_says(refusal(f, theirs, ERR_STORAGE), "permission denied");
    assert_int_equal(count_tables(url), 0);
    run_beside(url, arena_printf(&f->op.arena, "DROP OWNED BY %s; DROP ROLE %s", role, role));
}

static void count_migration(void *context, const char *name)
{
    (void)name;
    atomic_fetch_add((atomic_int *)context, 1);
}

struct opener {
    const char *url;
    atomic_int *migrated;
    enum err result;
};

static void *open_and_close(void *context)
{
    struct opener *opener = context;
    AUTO_OP op = op_begin();
    struct store *store = NULL;
    int64_t version = -1;
    opener->result = store_open(
        &op,
        &(struct store_options){
            .url = opener->url, .create = true, .migrate = true, .migrated = count_migration, .context = opener->migrated },
        &store);
    if (!opener->result) opener->result = store_version(&op, store, INSTALLATION, &version);
    if (opener->result) print_error("%s\n", op.failure.text);
    store_close(store);
    return NULL;
}

static void nodes_that_start_at_once_make_the_tables_once(void **state)
{
    enum { PROCESSES = 3, THREADS = 4 };
    struct fixture *f = *state;
    const char *url = new_schema(f, "race");
    store_close(f->store); /* a process with threads had better not fork */
    atomic_int migrated = 0;
    pid_t processes[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        processes[i] = fork();
        assert_true(processes[i] >= 0);
        if (processes[i]) continue;
        struct opener opener = { .url = url, .migrated = &migrated };
        open_and_close(&opener);
        _exit(opener.result ? 100 : atomic_load(&migrated));
    }
    pthread_t threads[THREADS];
    struct opener openers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        openers[i] = (struct opener){ .url = url, .migrated = &migrated };
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &openers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(openers[i].result, ERR_OK);
    }
    int told = atomic_load(&migrated);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 100);
        told += WEXITSTATUS(status);
    }
    int all = 0;
    for (const struct migration *m = postgres_migrations; m->number; m++) all++;
    assert_int_equal(told, all);
    struct store *store = open_at(f, url);
    assert_sound(f, store);
    store_close(store);
    f->store = open_at(f, f->url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(every_form_of_an_url_leads_to_the_database),
        postgres_test(a_database_may_have_any_name),
        postgres_test(a_schema_of_its_own_may_be_named),
        postgres_test(what_is_not_there_is_told),
        postgres_test(what_waiting_does_not_mend_is_no_database_that_is_away),
        postgres_test(what_a_server_refuses_for_now_is),
        postgres_test(so_is_one_that_refuses_who_was_welcome_before),
        postgres_test(an_address_that_cannot_be_read_is_refused_without_repeating_it),
        postgres_test(a_database_that_would_not_keep_what_was_promised_is_refused),
        postgres_test(a_newer_schema_is_refused_and_told),
        postgres_test(tables_of_another_program_are_left_alone),
        postgres_test(an_empty_database_is_only_filled_by_who_may),
        postgres_test(a_schema_that_is_not_there_must_be_made_first),
        postgres_test(who_may_not_make_tables_is_told),
        postgres_test(nodes_that_start_at_once_make_the_tables_once),
    };
    return run_postgres_tests(tests);
}
