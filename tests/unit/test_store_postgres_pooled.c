/* Behind pgbouncer in transaction mode every transaction is another connection: nothing that Roster does may count on the one
 * before. */
#include "postgres_fixture.h"

#include "store/logins.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* A pgbouncer of two connections for everybody, which ends with the test. */
struct pooler {
    struct fixture *f;
    char *url;
    pid_t process;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* It may not be root, and is killed when this process ends, however it does. */
static void start_pooler(struct pooler *pooler)
{
    struct fixture *f = pooler->f;
    const char *directory = f->directory, *user = url_part(f, f->url, "user");
    const char *host = url_part(f, f->url, "host"), *port = url_part(f, f->url, "port");
    char *settings = arena_printf(&f->op.arena, "%s/pgbouncer.ini", directory), nothing[8];
    write_file(arena_printf(&f->op.arena, "%s/users", directory), arena_printf(&f->op.arena, "\"%s\" \"\"\n", user));
    write_file(settings, arena_printf(&f->op.arena,
                                      "[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_port = 6432\nunix_socket_dir = %s\n"
                                      "auth_type = trust\nauth_file = %s/users\npool_mode = transaction\ndefault_pool_size = 2\n"
                                      "max_client_conn = 200\n",
                                      host, port ? port : "5432", directory, directory));
    if (!geteuid()) place_run(arena_printf(&f->op.arena, "chown -R postgres '%s'", directory), nothing, sizeof nothing);
    setenv("PATH", arena_printf(&f->op.arena, "%s:/usr/sbin", getenv("PATH")), 1);
    pooler->process = fork();
    assert_true(pooler->process >= 0);
    if (pooler->process == 0) {
        int log = open(arena_printf(&f->op.arena, "%s/log", directory), O_WRONLY | O_CREAT, 0644);
        if (log >= 0) dup2(log, 2);
        if (geteuid()) execlp("setpriv", "setpriv", "--pdeathsig=KILL", "pgbouncer", "-q", settings, NULL);
        execlp("setpriv", "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL", "pgbouncer",
               "-q", settings, NULL);
        _exit(127);
    }
    pooler->url =
        arena_printf(&f->op.arena, "postgres://%s@/%s?host=%s&port=6432", user, url_part(f, f->url, "dbname"), directory);
    await(PQping(pooler->url) == PQPING_OK);
}

static int set_up_pooler(void **state)
{
    if (set_up_postgres(state)) return -1;
    struct fixture *f = *state;
    struct pooler *pooler = arena_zalloc(&f->op.arena, sizeof *pooler);
    pooler->f = f;
    start_pooler(pooler);
    *state = pooler;
    return 0;
}

static int tear_down_pooler(void **state)
{
    struct pooler *pooler = *state;
    struct fixture *f = pooler->f;
    kill(pooler->process, SIGKILL);
    waitpid(pooler->process, NULL, 0);
    *state = f;
    return tear_down(state);
}

static int begin_test(void **state)
{
    struct pooler *pooler = *state;
    void *f = pooler->f;
    return set_up_organization(&f);
}

static enum err note_version(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    struct fixture *f = context;
    (void)op;
    if (organization_id == f->organization_id) f->versions[1] = version;
    return ERR_OK;
}

static enum err count_login(void *context, struct op *op, const struct login *login)
{
    (void)op, (void)login;
    ++*(int *)context;
    return ERR_OK;
}

static void everything_works_behind_a_pooler(void **state)
{
    struct pooler *pooler = *state;
    struct fixture *f = pooler->f;
    struct store *direct = f->store, *pooled = open_node(f, pooler->url, 0);
    int64_t cursor = 0;
    f->store = pooled; /* what the fixture does is done behind the pooler now */
    assert_done(f, store_follow(&f->op, pooled, &cursor, note_version, f));
    struct user *user = add_user(f, "somebody");
    struct group *group = add_group(f, "some");
    assert_done(f, change(f, MEMBER_ADDED, NULL, make_membership(f, group->id, user->id)));
    const struct loaded *loaded = load(f, f->organization_id);
    assert_string_equal(loaded->order, "ougm");
    assert_same(NOUN_USER, stored(f, NOUN_USER, f->organization_id, user->id, 0), (union object){ .user = user });
    assert_same(NOUN_GROUP, stored(f, NOUN_GROUP, f->organization_id, group->id, 0), (union object){ .group = group });

    struct login login = { .kind = LOGIN_SESSION,
                           .hash = digest_of("s", 1),
                           .organization_id = f->organization_id,
                           .user_id = user->id,
                           .user_uuid = user->uuid,
                           .created_at = 1,
                           .expires_at = INT64_MAX };
    bool found = false;
    int logins = 0;
    assert_done(f, store_change_logins(&f->op, pooled, &(struct login_change){ .added = &login, .added_count = 1 }));
    assert_failed(f, store_change_logins(&f->op, pooled, &(struct login_change){ .added = &login, .added_count = 1 }), ERR_EXISTS,
                  "login");
    assert_done(f, store_find_login(&f->op, pooled, LOGIN_SESSION, &login.hash, 2, &found, &login));
    assert_true(found);
    assert_done(f, store_load_logins(&f->op, pooled, LOGIN_SESSION, 2, count_login, &logins));
    assert_int_equal(logins, 1);
    assert_sound(f, pooled);

    f->store = direct; /* another node's commits are found by polling */
    int64_t version = f->versions[1];
    assert_int_equal(commit_user(direct, f->organization_id, &version, "from elsewhere"), ERR_OK);
    f->versions[1] = 0;
    for (int i = 0; f->versions[1] != version; i++) {
        assert_true(i < 200);
        int64_t begun = clock_monotonic_ns();
        store_wait(pooled, 20);
        assert_true(milliseconds_since(begun) < 900);
        assert_done(f, store_follow(&f->op, pooled, &cursor, note_version, f));
    }
    store_close(pooled);
}

/* What the log says; it is known once the store has followed. */
static void who_follows_says_how(void **state)
{
    struct pooler *pooler = *state;
    struct fixture *f = pooler->f;
    struct store *pooled = open_node(f, pooler->url, 0);
    int64_t cursor = 0, direct_cursor = 0;
    assert_done(f, store_follow(&f->op, pooled, &cursor, note_version, f));
    assert_string_equal(store_follows_by(pooled), "polling only, because a pooler is in between");
    assert_done(f, store_follow(&f->op, f->store, &direct_cursor, note_version, f));
    assert_string_equal(store_follows_by(f->store), "LISTEN, and polling every second");
    store_close(pooled);
}

/* ---- many at once */

enum { THREADS = 8, OPERATIONS = 125 };

struct client {
    struct store *store;
    int64_t organization_id;
    int number, failures;
    int64_t version;
};

static enum err count_user(void *context, struct op *op, const struct user *user)
{
    (void)op, (void)user;
    ++*(int64_t *)context;
    return ERR_OK;
}

static enum err operate(struct op *op, struct client *client, int i)
{
    struct store_sink sink = { 0 };
    struct login login = { .kind = LOGIN_USED, .organization_id = client->organization_id };
    union object object;
    int64_t users = 0, version;
    bool found;
    enum err e;
    switch (i % 5) {
    case 0:
        return commit_user(client->store, client->organization_id, &client->version, "mixed");
    case 1:
        sink = (struct store_sink){ .context = &users, .user = count_user };
        e = store_load(op, client->store, client->organization_id, &sink, NULL, &version);
        if (!e && (users != version || version != client->version)) e = op_fail(op, ERR_STORAGE, "", "rows are missing");
        return e;
    case 2:
        return store_find(op, client->store, NOUN_ORGANIZATION, 0, client->organization_id, 0, &found, &object);
    case 3:
        login.hash = digest_of(&i, sizeof i);
        return store_find_login(op, client->store, LOGIN_USED, &login.hash, 1, &found, &login);
    default:
        return store_end_login(op, client->store, LOGIN_SESSION, &login.hash);
    }
}

static void *operate_often(void *context)
{
    struct client *client = context;
    for (int i = 0; i < OPERATIONS; i++) {
        AUTO_OP op = op_begin();
        enum err e = operate(&op, client, i);
        if (!e) continue;
        print_error("operation %d: %s: %s\n", i, err_name(e), op.failure.text);
        client->failures++;
    }
    return NULL;
}

static void many_share_two_connections(void **state)
{
    struct pooler *pooler = *state;
    struct fixture *f = pooler->f;
    struct store *stores[2] = { open_node(f, pooler->url, 0), open_node(f, pooler->url, 0) };
    struct client clients[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        clients[i] = (struct client){ .store = stores[i % 2], .number = i, .organization_id = add_organization(f, "pooled") };
        assert_int_equal(pthread_create(&threads[i], NULL, operate_often, &clients[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(clients[i].failures, 0);
        assert_int_equal(version_of(f, f->store, clients[i].organization_id), OPERATIONS / 5);
    }
    assert_sound(f, f->store);
    for (int i = 0; i < 2; i++) store_close(stores[i]);
}

#define pooled_test(function) cmocka_unit_test_setup_teardown(function, begin_test, NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        pooled_test(everything_works_behind_a_pooler),
        pooled_test(who_follows_says_how),
        pooled_test(many_share_two_connections),
    };
    return cmocka_run_group_tests(tests, set_up_pooler, tear_down_pooler);
}
