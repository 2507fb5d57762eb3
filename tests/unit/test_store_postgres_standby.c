/* A primary whose commits wait for a standby that is not there: nothing is told as done, nor shown to anybody, before a standby
 * has it; not even if somebody ends the waiting, or the connection is lost meanwhile. */
#include "postgres_proxy.h"

#include "store/logins.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 60000 }; /* of the store: nothing here may end because the machine is slow */

struct cluster {
    struct fixture f;                        /* its store's own commits do not wait */
    char directory[64], files[80], url[256]; /* files: for what is not the cluster's own */
    pid_t standby;                           /* 0: it is not there */
};

/* tests/support/postgres; the URL of a cluster that starts. */
static void support(struct cluster *cluster, const char *command, const char *options)
{
    char line[256], url[256];
    snprintf(line, sizeof line, "tests/support/postgres %s %s %s", command, cluster->directory, options);
    place_run(line, url, sizeof url);
    if (*url) memcpy(cluster->url, url, sizeof url);
}

static int set_up_cluster(void **state)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    struct fixture *f = &cluster->f;
    char owner[32];
    assert_non_null(cluster);
    snprintf(cluster->directory, sizeof cluster->directory, "/tmp/roster-pg-sync-%d", (int)getpid());
    snprintf(cluster->files, sizeof cluster->files, "%s/files", cluster->directory);
    snprintf(owner, sizeof owner, "--owner %d", (int)getpid());
    support(cluster, "start", owner);
    assert_int_equal(mkdir(cluster->files, 0700), 0);
    run_beside(cluster->url, "ALTER SYSTEM SET synchronous_standby_names = 'expected'");
    support(cluster, "stop", ""); /* so that there is no moment at which it is not known yet */
    support(cluster, "start", owner);
    f->op = op_begin();
    f->url = cluster->url;
    f->directory = cluster->files;
    f->store = open_at(f, url_with(f, f->url, "options=-csynchronous_commit%3Dlocal"));
    *state = cluster;
    return 0;
}

static int tear_down_cluster(void **state)
{
    struct cluster *cluster = *state;
    store_close(cluster->f.store);
    op_end(&cluster->f.op);
    support(cluster, "remove", "");
    free(cluster);
    return 0;
}

/* ---- the standby: a program that writes down what the primary sends, and says so. It is killed when this process ends. */

static void standby_comes(struct cluster *cluster)
{
    struct fixture *f = &cluster->f;
    const char *primary = arena_printf(&f->op.arena, "host=%s user=postgres application_name=expected", cluster->directory);
    const char *log = arena_printf(&f->op.arena, "%s/receiver.log", cluster->files);
    cluster->standby = fork();
    assert_true(cluster->standby >= 0);
    if (cluster->standby == 0) {
        int errors = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (errors >= 0) dup2(errors, 2);
        execlp("setpriv", "setpriv", "--pdeathsig=KILL", "pg_receivewal", "-D", cluster->files, "--synchronous", "-d", primary,
               NULL);
        _exit(127);
    }
}

static void standby_goes(struct cluster *cluster)
{
    if (!cluster->standby) return;
    kill(cluster->standby, SIGKILL);
    waitpid(cluster->standby, NULL, 0);
    cluster->standby = 0;
}

static int begin_test(void **state)
{
    struct cluster *cluster = *state;
    void *f = &cluster->f;
    return set_up_organization(&f);
}

static int end_test(void **state)
{
    standby_goes(*state);
    return 0;
}

/* ---- who waits for it */

#define WAITING "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'"

/* The newest transaction that does, by when it began; 0: none does. */
static int64_t newest_waiting(const struct fixture *f)
{
    return run_beside(f->url, "SELECT coalesce((1000000 * extract(epoch FROM max(xact_start)))::bigint, 0) " WAITING);
}

/* Somebody has the primary not wait any more. The commits of then are there, and seen, but not on a standby. */
static void stop_waiting(const struct fixture *f)
{
    assert_int_equal(run_beside(f->url, "SELECT count(pg_cancel_backend(pid)) " WAITING), 1);
}

/* ---- the tests */

static void what_the_primary_did_not_wait_for_is_not_told_as_done(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    struct store *store = open_node(f, f->url, PATIENCE_MS);
    struct attempt attempt;
    attempt_init(&attempt, f->organization_id, 0, "once");
    attempt_start(store, &attempt);
    await(newest_waiting(f));
    for (int i = 0; i < 3; i++) { /* the commit's own transaction, then those that look for it */
        int64_t before = newest_waiting(f);
        stop_waiting(f);
        await(newest_waiting(f) > before || atomic_load(&attempt.done));
        assert_false(atomic_load(&attempt.done));
        assert_int_equal(version_of(f, f->store, f->organization_id), 1); /* it is there, only */
    }
    standby_comes(cluster);
    await(atomic_load(&attempt.done));
    assert_int_equal(attempt.result, ERR_OK);
    assert_int_equal(attempt.commit.version, 1);
    assert_int_equal(version_of(f, f->store, f->organization_id), 1);
    assert_int_equal(count_users(f, f->organization_id, "once"), 1);
    attempt_end(&attempt);
    store_close(store);
    assert_sound(f, f->store);
}

struct keeping {
    struct op op;
    struct store *store;
    enum err result;
};

static void *keep_secret(void *context)
{
    struct keeping *keeping = context;
    const char *kept;
    keeping->result = store_secret(&keeping->op, keeping->store, "name", "the one", &kept);
    return NULL;
}

/* Log-ins and secrets are not looked for: nobody knows. */
static void nor_is_what_is_written_beside_the_log(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    struct keeping keeping = { .op = op_begin(), .store = open_node(f, f->url, PATIENCE_MS) };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_secret, &keeping), 0);
    await(newest_waiting(f));
    stop_waiting(f);
    pthread_join(thread, NULL);
    assert_int_equal(keeping.result, ERR_UNKNOWN_OUTCOME);
    op_end(&keeping.op);
    store_close(keeping.store);
}

/* Who looks for a commit that waits for the standby must neither end its process, which would show what may yet be lost, nor take
 * it for one that is not there. */
static void a_lost_commit_that_waits_goes_on_waiting_and_is_found(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    struct proxy *proxy = proxy_open(f);
    struct store *store = open_node(f, proxy->url, PATIENCE_MS);
    struct attempt attempt;
    attempt_init(&attempt, f->organization_id, 0, "once");
    attempt_start(store, &attempt);
    await(newest_waiting(f));
    int64_t lost = newest_waiting(f);
    proxy_set(proxy, PROXY_REFUSE);
    proxy_set(proxy, PROXY_PASS);
    static const char locked[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                 " AND wait_event_type = 'Lock'";
    await(run_beside(f->url, locked) || newest_waiting(f) != lost || atomic_load(&attempt.done));
    assert_int_equal(newest_waiting(f), lost);
    assert_int_equal(version_of(f, f->store, f->organization_id), 0);
    assert_false(atomic_load(&attempt.done));

    standby_comes(cluster);
    await(atomic_load(&attempt.done));
    assert_int_equal(attempt.result, ERR_OK);
    assert_int_equal(attempt.commit.version, 1);
    assert_int_equal(count_users(f, f->organization_id, "once"), 1);
    attempt_end(&attempt);
    store_close(store);
    proxy_close(proxy);
    assert_sound(f, f->store);
}

#define standby_test(function) cmocka_unit_test_setup_teardown(function, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        standby_test(what_the_primary_did_not_wait_for_is_not_told_as_done),
        standby_test(nor_is_what_is_written_beside_the_log),
        standby_test(a_lost_commit_that_waits_goes_on_waiting_and_is_found),
    };
    return cmocka_run_group_tests(tests, set_up_cluster, tear_down_cluster);
}
