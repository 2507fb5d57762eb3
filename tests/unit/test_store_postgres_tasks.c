/* Log-ins whose COMMIT is not answered: they are not repeated, because what was done must not look as if it had been refused, and
 * nobody is told that they were done. What was lost before COMMIT was sent is repeated. */
#include "postgres_proxy.h"

#include "store/logins.h"

enum { MINUTE = 60000000 };

struct scene {
    struct fixture *f;
    struct proxy *proxy;
    struct store *store; /* by way of the proxy */
    struct user *user;
};

static struct scene begin(void **state)
{
    struct scene scene = { .f = *state };
    run_beside(scene.f->url, "DELETE FROM login"); /* a hash is the installation's, which the tests share */
    scene.proxy = proxy_open(scene.f);
    scene.store = open_node(scene.f, scene.proxy->url, 0);
    scene.user = add_user(scene.f, "Ada");
    return scene;
}

static void end(struct scene *scene)
{
    store_close(scene->store);
    proxy_close(scene->proxy);
    assert_sound(scene->f, scene->f->store);
}

/* A word of 32 letters is its own hash: so the proxy can see it pass. */
static struct digest hash_of(const char *word)
{
    struct digest hash;
    assert_int_equal(strlen(word), sizeof hash.bytes);
    memcpy(hash.bytes, word, sizeof hash.bytes);
    return hash;
}
static const char first[] = "the first refresh token of Ada's", second[] = "the second refresh token of hers";

static struct login login_of(const struct scene *scene, const char *word)
{
    return (struct login){ .kind = LOGIN_REFRESH,
                           .hash = hash_of(word),
                           .organization_id = scene->f->organization_id,
                           .user_id = scene->user->id,
                           .user_uuid = scene->user->uuid,
                           .created_at = scene->f->op.now,
                           .expires_at = scene->f->op.now + MINUTE };
}

/* Takes one, unless it is NULL, and adds one. */
static enum err exchange(struct op *op, const struct scene *scene, const char *taken, const char *added)
{
    struct login login = login_of(scene, added);
    struct login_change change = { .now = op->now, .takes = taken, .added = &login, .added_count = 1 };
    if (taken) change.taken = login_of(scene, taken);
    return store_change_logins(op, scene->store, &change);
}

static bool lives(const struct scene *scene, const char *word)
{
    struct digest hash = hash_of(word);
    struct login login;
    bool found;
    assert_done(scene->f,
                store_find_login(&scene->f->op, scene->f->store, LOGIN_REFRESH, &hash, scene->f->op.now, &found, &login));
    return found;
}

static void a_token_whose_use_was_not_answered_is_not_used_again(void **state)
{
    struct scene scene = begin(state);
    struct op *op = &scene.f->op;
    assert_done(scene.f, exchange(op, &scene, NULL, first));
    proxy_strike_next(scene.proxy, STRIKE_ANSWER, second, NULL, NULL);
    assert_failed(scene.f, exchange(op, &scene, first, second), ERR_UNKNOWN_OUTCOME, "store");
    assert_int_equal(atomic_load(&scene.proxy->strikes), 1);
    assert_false(lives(&scene, first)); /* it was done, and once more would have found none to take */
    assert_true(lives(&scene, second));
    end(&scene);
}

static void a_token_whose_use_never_arrived_is_still_good(void **state)
{
    struct scene scene = begin(state);
    struct op *op = &scene.f->op;
    assert_done(scene.f, exchange(op, &scene, NULL, first));
    proxy_strike_next(scene.proxy, STRIKE_COMMIT, second, NULL, NULL);
    assert_failed(scene.f, exchange(op, &scene, first, second), ERR_UNKNOWN_OUTCOME, "store");
    assert_int_equal(atomic_load(&scene.proxy->strikes), 1);
    assert_true(lives(&scene, first)); /* whoever was told that nobody knows may try again */
    assert_false(lives(&scene, second));
    assert_done(scene.f, exchange(op, &scene, first, second));
    assert_false(lives(&scene, first));
    end(&scene);
}

static void a_log_in_that_was_not_answered_is_not_refused_as_one_that_is_there(void **state)
{
    struct scene scene = begin(state);
    struct op *op = &scene.f->op;
    proxy_strike_next(scene.proxy, STRIKE_ANSWER, first, NULL, NULL);
    assert_failed(scene.f, exchange(op, &scene, NULL, first), ERR_UNKNOWN_OUTCOME, "store");
    assert_true(lives(&scene, first));
    assert_failed(scene.f, exchange(op, &scene, NULL, first), ERR_EXISTS, "login");
    end(&scene);
}

/* ---- before COMMIT */

struct exchanging {
    struct op op;
    const struct scene *scene;
    enum err result;
};

static void *run_exchange(void *context)
{
    struct exchanging *exchanging = context;
    exchanging->result = exchange(&exchanging->op, exchanging->scene, first, second);
    return NULL;
}

/* Its process is ended while it waits for the table, in the middle of its transaction. */
static void what_was_lost_before_commit_is_done_again(void **state)
{
    static const char terminate[] = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                    " WHERE datname = current_database() AND wait_event_type = 'Lock'";
    struct scene scene = begin(state);
    struct fixture *f = scene.f;
    struct exchanging exchanging = { .op = op_begin(), .scene = &scene };
    pthread_t thread;
    assert_done(f, exchange(&f->op, &scene, NULL, first));
    PGconn *blocking = open_session(f->url);
    session_run(blocking, "BEGIN; LOCK TABLE login IN EXCLUSIVE MODE");
    assert_int_equal(pthread_create(&thread, NULL, run_exchange, &exchanging), 0);
    await(run_beside(f->url, terminate) == 1);
    session_run(blocking, "ROLLBACK");
    PQfinish(blocking);
    pthread_join(thread, NULL);
    assert_int_equal(exchanging.result, ERR_OK);
    assert_false(lives(&scene, first));
    assert_true(lives(&scene, second));
    op_end(&exchanging.op);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(a_token_whose_use_was_not_answered_is_not_used_again),
        postgres_test(a_token_whose_use_never_arrived_is_still_good),
        postgres_test(a_log_in_that_was_not_answered_is_not_refused_as_one_that_is_there),
        postgres_test(what_was_lost_before_commit_is_done_again),
    };
    return run_postgres_tests(tests);
}
