/* A cluster of the test's own: TLS, a standby, and a server that stops and starts again. */
#include "postgres_fixture.h"

#include <time.h>

struct cluster {
    struct fixture f; /* with a store on the cluster, by its unix socket */
    char directory[64], standby[64], url[256], tcp_url[256];
};

/* tests/support/postgres, with the cluster's or the standby's directory. */
static void support(const char *command, const char *directory, const char *arguments, char *ret_line, size_t size)
{
    char line[512];
    snprintf(line, sizeof line, "tests/support/postgres %s %s %s", command, directory, arguments);
    place_run(line, ret_line, size);
}

static int set_up_cluster(void **state)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    struct fixture *f = &cluster->f;
    char owner[64];
    assert_non_null(cluster);
    snprintf(cluster->directory, sizeof cluster->directory, "/tmp/roster-pg-own-%d", (int)getpid());
    snprintf(cluster->standby, sizeof cluster->standby, "/tmp/roster-pg-copy-%d", (int)getpid());
    snprintf(owner, sizeof owner, "--tls --owner %d", (int)getpid());
    support("start", cluster->directory, owner, cluster->url, sizeof cluster->url);
    support("tcp-url", cluster->directory, "", cluster->tcp_url, sizeof cluster->tcp_url);
    f->op = op_begin();
    f->url = cluster->url;
    f->store = open_at(f, f->url);
    *state = cluster;
    return 0;
}

static int tear_down_cluster(void **state)
{
    struct cluster *cluster = *state;
    char nothing[8];
    store_close(cluster->f.store);
    op_end(&cluster->f.op);
    support("remove", cluster->directory, "", nothing, sizeof nothing);
    support("remove", cluster->standby, "", nothing, sizeof nothing);
    free(cluster);
    return 0;
}

static const char *refusal(struct fixture *f, const char *url, enum err expected)
{
    struct store *store;
    failure_clear(&f->op.failure);
    assert_int_equal(store_open(&f->op, &(struct store_options){ .url = url }, &store), expected);
    return f->op.failure.text;
}

/* From a moment after this on the server lets the role in only by TCP, with TLS and with the password "open". */
static void demand_password(struct cluster *cluster, const char *role)
{
    struct fixture *f = &cluster->f;
    char command[512], nothing[8];
    snprintf(command, sizeof command, "sed -i '1i hostssl all %s all scram-sha-256' %s/data/pg_hba.conf", role,
             cluster->directory);
    place_run(command, nothing, sizeof nothing);
    run_beside(f->url, arena_printf(&f->op.arena, "CREATE ROLE %s LOGIN PASSWORD 'open'", role));
    run_beside(f->url, "SELECT pg_reload_conf()::int");
}

/* Until then the role is let in with any password, and may look at nothing. */
static const struct failure *await_refusal(struct fixture *f, const char *url, const char *words)
{
    struct store *store;
    failure_clear(&f->op.failure);
    for (int i = 0; i < 500 && !strstr(f->op.failure.text, words); i++) {
        sleep_ms(20);
        failure_clear(&f->op.failure);
        if (!store_open(&f->op, &(struct store_options){ .url = url }, &store)) store_close(store);
    }
    if (!strstr(f->op.failure.text, words)) fail_msg("\"%s\" does not say \"%s\"", f->op.failure.text, words);
    return &f->op.failure;
}

/* libpq then tries once more without TLS, and the last that it heard is that there is no entry for that. */
static void a_wrong_password_is_told_though_the_server_demands_tls(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    demand_password(cluster, "guarded");
    const char *url = arena_printf(&f->op.arena, "postgres://guarded:sesame%s", strchr(cluster->tcp_url, '@'));
    const struct failure *failure = await_refusal(f, url, "password authentication failed");
    assert_int_equal(failure->code, ERR_INVALID);
    assert_null(strstr(failure->text, "sesame"));
    /* The other way round: without TLS first. */
    const char *last = refusal(f, url_with(f, url, "sslmode=allow"), ERR_INVALID);
    if (!strstr(last, "password authentication failed")) fail_msg("\"%s\" is of another attempt", last);
}

static void so_is_a_missing_one_where_there_is_one_host(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    const char *address = strchr(cluster->tcp_url, '@') + 1;
    demand_password(cluster, "asked");
    const char *url = arena_printf(&f->op.arena, "postgres://asked@%s", address);
    assert_int_equal(await_refusal(f, url, "no password supplied")->code, ERR_INVALID);
    /* The right one may be the first, which is down. */
    assert_non_null(
        strstr(refusal(f, arena_printf(&f->op.arena, "postgres://asked@127.0.0.1:1,%s", address), ERR_BUSY), "refused"));
}

static void tls_proves_who_the_server_is(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    const char *verified = url_with(f, cluster->tcp_url, "sslmode=verify-full&sslrootcert=");
    store_close(open_node(f, arena_printf(&f->op.arena, "%s%s/root.crt", verified, cluster->directory), 0));

    char command[512], nothing[8]; /* the same name, another key */
    const char *other = arena_printf(&f->op.arena, "/tmp/roster-other-%d", (int)getpid());
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
             " -addext subjectAltName=IP:127.0.0.1 -keyout %s.key -out %s.crt 2>/dev/null",
             other, other);
    place_run(command, nothing, sizeof nothing);
    const char *text = refusal(f, arena_printf(&f->op.arena, "%s%s.crt", verified, other), ERR_BUSY);
    assert_non_null(strstr(text, "certificate verify failed"));
    assert_non_null(strstr(refusal(f, url_with(f, cluster->tcp_url, "sslmode=disable"), ERR_BUSY), "no encryption"));
    snprintf(command, sizeof command, "rm %s.key %s.crt", other, other);
    place_run(command, nothing, sizeof nothing);
}

static void a_standby_is_for_those_who_name_the_others_too(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    char owner[128], url[256], nothing[8];
    snprintf(owner, sizeof owner, "%s --owner %d", cluster->directory, (int)getpid());
    support("standby", cluster->standby, owner, url, sizeof url);
    assert_non_null(strstr(refusal(f, url, ERR_BUSY), "standby"));
    assert_non_null(strstr(f->op.failure.text, "target_session_attrs=read-write"));
    const char *port = url_part(f, f->url, "port");
    store_close(open_node(f,
                          arena_printf(&f->op.arena,
                                       "postgres://postgres@/postgres?host=%s,%s&port=5432,%s&target_session_attrs=read-write",
                                       cluster->standby, cluster->directory, port ? port : "5432"),
                          0));
    run_beside(f->url, "ALTER SYSTEM RESET synchronous_standby_names");
    run_beside(f->url, "SELECT pg_reload_conf()");
    support("remove", cluster->standby, "", nothing, sizeof nothing);
}

/* ---- a standby that does not answer */

/* Somebody cancels the statement while COMMIT waits for a standby: PostgreSQL then says COMMIT, and warns, though the role wants
 * no warnings. */
static void a_commit_that_no_standby_confirmed_is_no_success(void **state)
{
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    static const char waits[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    struct store *store = open_node(f, url_with(f, f->url, "options=-cclient_min_messages%3Derror"), 0);
    struct attempt attempt;
    int64_t version = version_of(f, f->store, f->organization_id);
    attempt_init(&attempt, f->organization_id, version, "unconfirmed");
    run_beside(f->url, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    run_beside(f->url, "SELECT pg_reload_conf()");
    await(run_beside(f->url, "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting = 'nobody'"));
    attempt_start(store, &attempt);
    await(run_beside(f->url, waits) > 0);
    int64_t process = run_beside(f->url, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    const char *waits_still = arena_printf(&f->op.arena, "%s AND pid = %lld", waits, (long long)process);
    run_beside(f->url, arena_printf(&f->op.arena, "SELECT pg_cancel_backend(%lld)", (long long)process));
    await(run_beside(f->url, waits_still) == 0);
    await(atomic_load(&attempt.done) || run_beside(f->url, waits) > 0); /* who looks for it */
    assert_false(atomic_load(&attempt.done));
    run_beside(f->url, "ALTER SYSTEM RESET synchronous_standby_names");
    run_beside(f->url, "SELECT pg_reload_conf()");
    await(atomic_load(&attempt.done));
    assert_int_equal(attempt.result, ERR_OK);
    assert_int_equal(attempt.commit.version, version + 1);
    assert_int_equal(version_of(f, f->store, f->organization_id), version + 1);
    assert_int_equal(count_users(f, f->organization_id, "unconfirmed"), 1);
    attempt_end(&attempt);
    store_close(store);
}

/* ---- the server stops */

static void assert_fails_at_once(struct fixture *f)
{
    struct store_sink sink = { 0 };
    int64_t begun = clock_monotonic_ns(), version = f->versions[1], cursor = 0;
    assert_int_equal(commit_user(f->store, f->organization_id, &version, "lost"), ERR_BUSY);
    assert_int_equal(store_version(&f->op, f->store, f->organization_id, &version), ERR_BUSY);
    assert_int_equal(store_load(&f->op, f->store, f->organization_id, &sink, NULL, &version), ERR_BUSY);
    assert_int_equal(store_follow(&f->op, f->store, &cursor, NULL, NULL), ERR_BUSY);
    assert_int_equal(store_save_last_used(&f->op, f->store, &(struct last_used){ 1, 1 }, 1), ERR_BUSY);
    assert_true(milliseconds_since(begun) < 1000);
    assert_false(store_reachable(f->store));
}

static void a_server_that_is_gone_is_noticed_and_found_again(void **state)
{
    static const char *const ways[] = { "stop", "kill" };
    struct cluster *cluster = *state;
    struct fixture *f = &cluster->f;
    char nothing[8], again[64], url[256];
    snprintf(again, sizeof again, "--owner %d -c port=%s", (int)getpid(), url_part(f, f->url, "port"));
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        add_user(f, "before");
        assert_true(store_reachable(f->store));
        support(ways[i], cluster->directory, "", nothing, sizeof nothing);
        for (int j = 0; j < 3; j++) assert_fails_at_once(f);

        support("start", cluster->directory, again, url, sizeof url);
        assert_string_equal(url, f->url);
        int64_t version = -1, begun = clock_monotonic_ns();
        await(store_version(&f->op, f->store, f->organization_id, &version) == ERR_OK);
        assert_true(milliseconds_since(begun) < 3000);
        assert_true(store_reachable(f->store));
        assert_int_equal(version, f->versions[1]);
        add_user(f, "after");
        assert_int_equal(count_users(f, f->organization_id, "lost"), 0);
        assert_sound(f, f->store);
    }
}

static int begin_test(void **state)
{
    struct cluster *cluster = *state;
    void *f = &cluster->f;
    return set_up_organization(&f);
}

#define cluster_test(function) cmocka_unit_test_setup_teardown(function, begin_test, NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(tls_proves_who_the_server_is),
        cluster_test(a_wrong_password_is_told_though_the_server_demands_tls),
        cluster_test(so_is_a_missing_one_where_there_is_one_host),
        cluster_test(a_standby_is_for_those_who_name_the_others_too),
        cluster_test(a_commit_that_no_standby_confirmed_is_no_success),
        cluster_test(a_server_that_is_gone_is_noticed_and_found_again),
    };
    return cmocka_run_group_tests(tests, set_up_cluster, tear_down_cluster);
}
