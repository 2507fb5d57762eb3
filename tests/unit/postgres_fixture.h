/* postgres_fixture.h — for tests of what is PostgreSQL's own: they are always on PostgreSQL, whatever ROSTER_TEST_ENGINE says.
 *
 * The tests of a file share one database, because it takes PostgreSQL a second to remove one; each has an organization of its
 * own. A second store on the database is another node. A session is somebody who speaks to the database beside Roster. */
#ifndef ROSTER_TESTS_POSTGRES_FIXTURE_H
#define ROSTER_TESTS_POSTGRES_FIXTURE_H

#include "store_fixture.h"

#include "base/clock.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

static inline int set_up_postgres(void **state)
{
    return set_up_on(state, PLACE_POSTGRES);
}

static inline int set_up_organization(void **state)
{
    struct fixture *f = *state;
    struct organization *organization = make_organization(f, "Test");
    assert_done(f, store_version(&f->op, f->store, INSTALLATION, &f->versions[0]));
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, organization));
    f->organization_id = organization->id;
    f->versions[1] = 0;
    return 0;
}

#define postgres_test(function) cmocka_unit_test_setup_teardown(function, set_up_organization, NULL)
#define run_postgres_tests(tests) cmocka_run_group_tests(tests, set_up_postgres, tear_down)

static inline struct store *open_node(struct fixture *f, const char *url, int64_t busy_limit_ms)
{
    struct store *store = NULL;
    assert_done(
        f, store_open(&f->op, &(struct store_options){ .url = url, .create = true, .busy_limit_ms = busy_limit_ms }, &store));
    return store;
}

/* ---- sessions */

static inline PGconn *open_session(const char *url)
{
    PGconn *session = PQconnectdb(url);
    if (PQstatus(session) != CONNECTION_OK) fail_msg("%s: %s", url, PQerrorMessage(session));
    return session;
}

/* Runs statements; what the last one says first, as a number. */
static inline int64_t session_run(PGconn *session, const char *sql)
{
    PGresult *result = PQexec(session, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    int64_t number = status == PGRES_TUPLES_OK && PQntuples(result) ? atoll(PQgetvalue(result, 0, 0)) : 0;
    PQclear(result);
    return number;
}

/* The same in a session of its own. */
static inline int64_t run_beside(const char *url, const char *sql)
{
    PGconn *session = open_session(url);
    int64_t number = session_run(session, sql);
    PQfinish(session);
    return number;
}

/* Somebody who has a number of a transaction, and does nothing with it. */
static inline PGconn *hold_back(struct fixture *f)
{
    PGconn *session = open_session(f->url);
    session_run(session, "BEGIN; SELECT pg_current_xact_id()");
    return session;
}

/* One of the parts of an URL: "host", "dbname"; in the op's arena. */
static inline char *url_part(struct fixture *f, const char *url, const char *keyword)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    assert_non_null(options);
    char *found = NULL;
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (!strcmp(o->keyword, keyword) && o->val) found = arena_strdup(&f->op.arena, o->val);
    PQconninfoFree(options);
    return found;
}

static inline char *url_with(struct fixture *f, const char *url, const char *parameter)
{
    return arena_printf(&f->op.arena, "%s%c%s", url, strchr(url, '?') ? '&' : '?', parameter);
}

/* ---- time */

static inline int64_t milliseconds_since(int64_t begun_ns)
{
    return (clock_monotonic_ns() - begun_ns) / 1000000;
}

static inline void sleep_ms(int64_t ms)
{
    usleep((useconds_t)ms * 1000);
}

/* Until something is so; far longer than it should take. */
#define await(condition)                                                                                                         \
    do {                                                                                                                         \
        int64_t begun_ = clock_monotonic_ns();                                                                                   \
        while (!(condition)) {                                                                                                   \
            if (milliseconds_since(begun_) > 120000) fail_msg("this did not come true: %s", #condition);                         \
            sleep_ms(2);                                                                                                         \
        }                                                                                                                        \
    } while (0)

/* ---- commits of any thread */

/* A commit of its own, with a new user of its own; nobody waits for it until `done`. */
struct attempt {
    struct op op;
    struct change_list changes;
    struct commit commit;
    struct user user;
    struct credential credential; /* for who wants more than a user */
    enum err result;
    atomic_bool done;
};

static inline void attempt_init(struct attempt *attempt, int64_t organization_id, int64_t version, const char *name)
{
    *attempt = (struct attempt){ .op = op_begin(), .result = ERR_PENDING };
    attempt->user = (struct user){ .organization_id = organization_id,
                                   .uuid = uuid_random(),
                                   .user_name = arena_strdup(&attempt->op.arena, name) };
    change_add(&attempt->op.arena, &attempt->changes, USER_CREATED, (union object){ 0 },
               (union object){ .user = &attempt->user });
    attempt->commit = (struct commit){
        .organization_id = organization_id, .expected_version = version, .time = attempt->op.now, .changes = &attempt->changes
    };
}

static inline void attempt_end(struct attempt *attempt)
{
    op_end(&attempt->op);
}

static inline void note_result(void *context, enum err result)
{
    struct attempt *attempt = context;
    attempt->result = result;
    atomic_store(&attempt->done, true);
}

static inline void attempt_start(struct store *store, struct attempt *attempt)
{
    store_commit_start(&attempt->op, store, &attempt->commit, note_result, attempt);
}

/* Commits one user and waits; *version is then the new one. */
static inline enum err commit_user(struct store *store, int64_t organization_id, int64_t *version, const char *name)
{
    struct attempt attempt;
    attempt_init(&attempt, organization_id, *version, name);
    enum err e = store_commit(&attempt.op, store, &attempt.commit);
    if (!e) *version = attempt.commit.version;
    attempt_end(&attempt);
    return e;
}

/* ---- what is there */

static inline int64_t version_of(struct fixture *f, struct store *store, int64_t organization_id)
{
    int64_t version = -1;
    assert_done(f, store_version(&f->op, store, organization_id, &version));
    return version;
}

static inline int64_t add_organization(struct fixture *f, const char *name)
{
    struct organization *organization = make_organization(f, name);
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, organization));
    return organization->id;
}

static inline int64_t count_users(struct fixture *f, int64_t organization_id, const char *name)
{
    return run_beside(f->url, arena_printf(&f->op.arena,
                                           "SELECT count(*) FROM app_user WHERE organization_id = %lld AND user_name = '%s'",
                                           (long long)organization_id, name));
}

static inline void print_finding(void *context, const char *finding)
{
    (void)context;
    print_error("%s\n", finding);
}

static inline void assert_sound(struct fixture *f, struct store *store)
{
    int64_t findings = -1;
    assert_done(f, store_check(&f->op, store, print_finding, NULL, &findings));
    assert_int_equal(findings, 0);
}

/* ---- making commits share a transaction */

/* Locks the table of the log, and has the store's two lanes wait for it: what is started meanwhile comes together. */
struct gathering {
    PGconn *session;
    struct attempt waiting[2];
};

static inline void gathering_begin(struct fixture *f, struct store *store, struct gathering *gathering)
{
    int64_t ids[2] = { add_organization(f, "first"), add_organization(f, "first") };
    gathering->session = open_session(f->url);
    session_run(gathering->session, "BEGIN; LOCK TABLE change IN SHARE MODE");
    for (int i = 0; i < 2; i++) {
        attempt_init(&gathering->waiting[i], ids[i], 0, "first");
        attempt_start(store, &gathering->waiting[i]);
        await(run_beside(f->url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                 " AND wait_event_type = 'Lock'") == i + 1);
    }
}

/* Lets them all go, and waits for the two: how they ended. */
static inline void gathering_release(struct gathering *gathering, enum err ret_results[2])
{
    session_run(gathering->session, "ROLLBACK");
    PQfinish(gathering->session);
    for (int i = 0; i < 2; i++) {
        await(atomic_load(&gathering->waiting[i].done));
        ret_results[i] = gathering->waiting[i].result;
        attempt_end(&gathering->waiting[i]);
    }
}

static inline void gathering_end(struct gathering *gathering)
{
    enum err results[2];
    gathering_release(gathering, results);
    for (int i = 0; i < 2; i++) assert_int_equal(results[i], ERR_OK);
}

#endif
