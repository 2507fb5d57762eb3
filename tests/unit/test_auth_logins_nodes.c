/* Sessions when several processes have one database: what begins, is used and ends in one of them, seen from another; and that
 * nobody can have the database looked into as often as he likes. */
#include "logins_fixture.h"

#include "auth/logins_parts.h"
#include "store/engine.h"

enum { MISSES_PER_S = 500 }; /* logins_sessions.c */

/* ---- asking another process */

static enum err find(struct world *w, const struct node *node, const char *secret)
{
    w->op->caller = (struct caller){ 0 };
    return logins_find_session(w->op, node->logins, secret);
}

/* On a thread that serves connections. */
static enum err find_at_once(struct world *w, const struct node *node, const char *secret)
{
    w->op->may_block = false;
    enum err e = find(w, node, secret);
    w->op->may_block = true;
    return e;
}

/* A session that began in a process which is none of those of the test: in the database only, for some minutes. */
static const char *begin_elsewhere(struct world *w, const struct person *person, int minutes)
{
    const char *secret = logins_session_make(&w->op->arena, w->logins);
    const struct login login = { .kind = LOGIN_SESSION,
                                 .hash = digest_of(secret, LOGINS_SECRET_SIZE),
                                 .organization_id = person->user.organization_id,
                                 .user_id = person->user.user_id,
                                 .user_uuid = person->user.uuid,
                                 .created_at = w->op->now,
                                 .expires_at = w->op->now + minutes * MINUTE };
    const struct login_change change = { .now = w->op->now, .added = &login, .added_count = 1 };
    assert_works(w, store_change_logins(w->op, w->f->store, &change));
    return secret;
}

/* ---- a store that counts how often it is read, and can be away */

static const struct engine *real_engine;
static _Atomic int reads;
static bool is_away, fails;
static void (*after_read)(void *context); /* once */
static void *after_read_context;

static enum err take_reader(struct op *op, struct store *store, struct db **ret_db)
{
    reads++;
    if (fails) return op_fail(op, ERR_STORAGE, "store", "the database is lost");
    return real_engine->take_reader(op, store, ret_db);
}
static void return_reader(struct store *store, struct db *db)
{
    real_engine->return_reader(store, db);
    void (*then)(void *context) = after_read;
    after_read = NULL;
    if (then) then(after_read_context);
}
static bool reachable(const struct store *store)
{
    (void)store;
    return !is_away;
}

static struct engine watched_engine;

static void watch(struct store *store)
{
    real_engine = store->engine;
    watched_engine = *real_engine;
    watched_engine.take_reader = take_reader;
    watched_engine.return_reader = return_reader;
    watched_engine.reachable = reachable;
    store->engine = &watched_engine;
    reads = 0;
    is_away = fails = false;
    after_read = NULL;
}

/* ---- what begins elsewhere */

static void a_session_is_good_in_every_process(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *secret = log_in(w, &w->ada);
    assert_fails(w, find_at_once(w, &node, secret), ERR_DEFERRED);
    assert_works(w, find(w, &node, secret));
    assert_caller(w, &w->ada);
    assert_works(w, find_at_once(w, &node, secret)); /* from now on it is known */
    assert_caller(w, &w->ada);
    w->op->now = NOW + 24 * MINUTE;
    assert_unauthenticated(w, find(w, &node, secret));
    close_node(&node);
}

static void passbolt_organization_counts_for_sessions_from_elsewhere_too(void **state)
{
    struct world *w = *state;
    w->options.organization = w->ada.user.organization_id;
    struct node node = open_node(w);
    const char *ada = begin_elsewhere(w, &w->ada, 5), *eve = begin_elsewhere(w, &w->eve, 5);
    for (int i = 0; i < 2; i++) {
        assert_works(w, find(w, &node, ada));
        assert_unauthenticated(w, find(w, &node, eve));
        assert_int_equal(w->op->caller.user_id, 0);
    }
    close_node(&node);
}

/* ---- what nobody began */

static void what_this_installation_did_not_make_is_refused_without_a_look(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w), *here = &node;
    char *secret = arena_strdup(&w->op->arena, begin_elsewhere(w, &w->ada, 5));
    watch(node.store);
    for (int i = 0; i < LOGINS_SECRET_SIZE - 1; i++) { /* of the last character some bits mean nothing */
        const char right = secret[i];
        secret[i] = right == 'A' ? 'B' : 'A';
        assert_unauthenticated(w, find_at_once(w, here, secret));
        secret[i] = '*';
        assert_unauthenticated(w, find_at_once(w, here, secret));
        secret[i] = right;
    }
    for (int i = 0; i < 1000; i++) {
        uint8_t bytes[32];
        char text[64];
        random_bytes(bytes, sizeof bytes);
        for (int j = 0; j < LOGINS_SECRET_SIZE; j++) text[j] = (char)('a' + bytes[j % 32] % 26);
        text[LOGINS_SECRET_SIZE] = 0;
        assert_unauthenticated(w, find_at_once(w, here, text));
    }
    assert_int_equal(reads, 0);
    assert_works(w, find(w, here, secret));
    assert_int_equal(reads, 1);
    close_node(&node);
}

static void what_was_looked_up_in_vain_is_not_looked_up_again_for_a_moment(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *secret = log_in(w, &w->ada);
    assert_works(w, logins_end_session(w->op, w->logins, secret));
    watch(node.store);
    assert_unauthenticated(w, find(w, &node, secret));
    for (int i = 0; i < 100; i++) assert_unauthenticated(w, find_at_once(w, &node, secret));
    assert_int_equal(reads, 1);
    w->op->now += 5 * SECOND;
    assert_fails(w, find_at_once(w, &node, secret), ERR_DEFERRED);
    assert_unauthenticated(w, find(w, &node, secret));
    assert_int_equal(reads, 2);
    close_node(&node);
}

static void too_many_look_ups_in_vain_harm_nobody_who_is_known(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *known = begin_elsewhere(w, &w->ada, 5), *unknown = begin_elsewhere(w, &w->bob, 5);
    assert_works(w, find(w, &node, known));
    watch(node.store);
    for (int i = 0; i < MISSES_PER_S; i++)
        assert_unauthenticated(w, find(w, &node, logins_session_make(&w->op->arena, w->logins)));
    for (int i = 0; i < 100; i++)
        assert_fails(w, find_at_once(w, &node, logins_session_make(&w->op->arena, w->logins)), ERR_BUSY);
    assert_int_equal(reads, MISSES_PER_S);
    assert_works(w, find_at_once(w, &node, known));
    assert_fails(w, find(w, &node, unknown), ERR_BUSY); /* it may be good: so it is not refused */
    w->op->now += SECOND;
    assert_works(w, find(w, &node, unknown));
    close_node(&node);
}

static void look_ups_that_find_a_session_are_not_limited(void **state)
{
    struct world *w = *state;
    enum { COUNT = MISSES_PER_S + 100 };
    struct node node = open_node(w);
    const char *secrets[COUNT];
    for (int i = 0; i < COUNT; i++) secrets[i] = begin_elsewhere(w, &w->ada, 5);
    for (int i = 0; i < COUNT; i++) assert_works(w, find(w, &node, secrets[i]));
    close_node(&node);
}

static void while_the_database_is_away_an_unknown_session_may_be_good(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *known = begin_elsewhere(w, &w->ada, 5), *unknown = begin_elsewhere(w, &w->bob, 5);
    char *foreign = arena_strdup(&w->op->arena, unknown);
    foreign[10] = foreign[10] == 'A' ? 'B' : 'A';
    assert_works(w, find(w, &node, known));
    watch(node.store);
    is_away = true;
    assert_works(w, find_at_once(w, &node, known));
    assert_fails(w, find_at_once(w, &node, unknown), ERR_BUSY);
    assert_unauthenticated(w, find_at_once(w, &node, foreign));
    w->op->now = NOW + 5 * MINUTE;
    assert_fails(w, find_at_once(w, &node, known), ERR_BUSY); /* it may have been used elsewhere */
    w->op->now = NOW;
    is_away = false;
    fails = true;
    assert_fails(w, find(w, &node, unknown), ERR_STORAGE);
    fails = false;
    assert_works(w, find(w, &node, unknown));
    close_node(&node);
}

/* ---- what ends elsewhere */

static void a_session_that_ended_elsewhere_ends_here_when_that_is_followed(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *secret = log_in(w, &w->ada), *other = log_in(w, &w->ada);
    assert_works(w, find(w, &node, secret));
    assert_works(w, find(w, &node, other));
    assert_works(w, logins_end_session(w->op, w->logins, secret));
    assert_works(w, logins_follow_ended(w->op, node.logins));
    assert_unauthenticated(w, find(w, &node, secret));
    assert_works(w, find_at_once(w, &node, other));
    close_node(&node);
}

/* The database went back to before this node's last look, and what ends since has a place again that was told already. */
static void a_session_that_ended_in_a_database_that_went_back_ends_here(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *secret = begin_elsewhere(w, &w->ada, 5);
    assert_works(w, find(w, &node, secret));
    assert_works(w, logins_follow_ended(w->op, node.logins));
    assert_works(w, logins_end_session(w->op, w->logins, secret));
    place_number(&w->f->place, "UPDATE login_ended SET position = 0");
    assert_works(w, logins_follow_ended(w->op, node.logins));
    assert_works(w, find_at_once(w, &node, secret)); /* nobody can know */
    atomic_fetch_add(&node.store->epoch, 1);         /* as the store's follower says it */
    assert_works(w, logins_follow_ended(w->op, node.logins));
    assert_unauthenticated(w, find(w, &node, secret));
    close_node(&node);
}

/* After a session was read in the database and before it is kept in memory it ends elsewhere, and that is followed. */
struct end_in_between {
    struct world *w;
    struct node *node;
    const char *secret;
    bool user_is_deleted; /* else the session ends alone */
};

static void end_in_between(void *context)
{
    struct end_in_between *end = context;
    AUTO_OP op = op_begin();
    op.now = NOW;
    const struct login_user *user = &end->w->ada.user;
    if (!end->user_is_deleted) {
        assert_int_equal(logins_end_session(&op, end->w->logins, end->secret), ERR_OK);
        assert_int_equal(logins_follow_ended(&op, end->node->logins), ERR_OK);
        return;
    }
    struct user ada = { .organization_id = user->organization_id, .id = user->user_id };
    assert_done(end->w->f, change(end->w->f, USER_DELETED, &ada, NULL));
    /* As the directory does it: no session here, so there is nothing more to do. */
    if (logins_has_sessions(end->node->logins, user->organization_id))
        assert_int_equal(logins_follow_users(&op, end->node->logins, user->organization_id, (int64_t[]){ user->user_id }, 1),
                         ERR_OK);
}

static void a_session_that_ends_while_it_is_looked_up_does_not_stay(void **state)
{
    (void)state;
    for (int deleted = 0; deleted < 2; deleted++) {
        struct world *w;
        assert_int_equal(open_world((void **)&w), 0);
        struct node node = open_node(w);
        const char *secret = begin_elsewhere(w, &w->ada, 5);
        watch(node.store);
        after_read = end_in_between;
        after_read_context = &(struct end_in_between){ w, &node, secret, deleted };
        assert_unauthenticated(w, find(w, &node, secret));
        assert_unauthenticated(w, find(w, &node, secret));
        struct logins_stats stats;
        logins_stats(node.logins, &stats);
        assert_int_equal(stats.sessions, 0);
        close_node(&node);
        close_world((void **)&w);
    }
}

struct looker {
    struct node *node;
    const char **secrets;
    int count;
    _Atomic bool *stop;
    int wrong;
    pthread_t thread;
};

static void *look(void *context)
{
    struct looker *self = context;
    while (!atomic_load(self->stop))
        for (int i = 0; i < self->count; i++) {
            AUTO_OP op = op_begin();
            op.now = NOW;
            enum err e = logins_find_session(&op, self->node->logins, self->secrets[i]);
            if (e && e != ERR_UNAUTHENTICATED) self->wrong++;
        }
    return NULL;
}

/* However they meet: once it was followed, a session has ended for good. */
static void sessions_end_for_good_while_others_look_them_up(void **state)
{
    struct world *w = *state;
    enum { SESSIONS = 200, LOOKERS = 4 };
    const char *secrets[SESSIONS];
    struct looker lookers[LOOKERS];
    _Atomic bool stop = false;
    struct node node = open_node(w);
    for (int i = 0; i < SESSIONS; i++) secrets[i] = begin_elsewhere(w, &w->ada, 5);
    for (int i = 0; i < LOOKERS; i++) {
        lookers[i] = (struct looker){ .node = &node, .secrets = secrets, .count = SESSIONS, .stop = &stop };
        assert_int_equal(pthread_create(&lookers[i].thread, NULL, look, &lookers[i]), 0);
    }
    for (int i = 0; i < SESSIONS; i++) {
        assert_works(w, logins_end_session(w->op, w->logins, secrets[i]));
        assert_works(w, logins_follow_ended(w->op, node.logins));
        assert_unauthenticated(w, find(w, &node, secrets[i]));
    }
    atomic_store(&stop, true);
    for (int i = 0; i < LOOKERS; i++) {
        pthread_join(lookers[i].thread, NULL);
        assert_int_equal(lookers[i].wrong, 0);
    }
    for (int i = 0; i < SESSIONS; i++) assert_unauthenticated(w, find(w, &node, secrets[i]));
    close_node(&node);
}

/* What ended is told for an hour. Who could not ask for so long believes nothing that it remembers, but what was extended in
 * memory lives on. */
static void who_could_not_follow_for_long_looks_everything_up_again(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *ended = begin_elsewhere(w, &w->ada, 600), *used = begin_elsewhere(w, &w->bob, 130);
    w->options.session_timeout_min = 600;
    logins_close(node.logins);
    assert_works(w, logins_open(w->op, node.store, &w->options, &node.logins));
    assert_works(w, logins_end_session(w->op, w->logins, ended));
    w->op->now = NOW + 120 * MINUTE;
    assert_works(w, logins_keep_house(w->op, w->logins)); /* nobody is told any more */
    assert_works(w, find(w, &node, ended));
    assert_works(w, find(w, &node, used));
    logins_touch_session(w->op, node.logins, used);
    assert_works(w, logins_follow_ended(w->op, node.logins));
    assert_unauthenticated(w, find(w, &node, ended));
    w->op->now = NOW + 140 * MINUTE;
    assert_works(w, find(w, &node, used));
    assert_works(w, logins_follow_ended(w->op, node.logins));
    assert_works(w, find_at_once(w, &node, used)); /* it was not long this time */
    close_node(&node);
}

/* ---- what is used elsewhere */

static void a_session_that_is_used_elsewhere_does_not_expire_here(void **state)
{
    struct world *w = *state;
    struct node here = { w->f->store, w->logins }, there = open_node(w);
    struct node *nodes[] = { &here, &there };
    const char *secret = log_in(w, &w->ada);
    assert_works(w, find(w, &there, secret));
    for (int i = 1; i <= 6; i++) { /* an hour here, then an hour there, and so on */
        struct node *user = nodes[i % 2], *other = nodes[1 - i % 2];
        for (int j = 0; j < 3; j++) {
            w->op->now += 20 * MINUTE;
            assert_works(w, find(w, user, secret));
            logins_touch_session(w->op, user->logins, secret);
            assert_works(w, logins_keep_house(w->op, user->logins));
            if (i > 2) assert_works(w, logins_keep_house(w->op, other->logins)); /* whether it was cleared away or not */
        }
        assert_works(w, find(w, other, secret));
        assert_works(w, find_at_once(w, other, secret)); /* from now on it is known until when it lives */
    }
    w->op->now += 24 * MINUTE;
    for (int i = 0; i < 2; i++) assert_unauthenticated(w, find(w, nodes[i], secret));
    close_node(&there);
}

static void what_will_soon_have_expired_for_others_is_saved_at_once(void **state)
{
    struct world *w = *state;
    struct node node = open_node(w);
    const char *secret = log_in(w, &w->ada);
    w->op->now = NOW + 10 * MINUTE;
    assert_works(w, use_session(w, secret));
    assert_false(logins_must_save(w->logins)); /* there is time */
    w->op->now = NOW + 24 * MINUTE - 20 * SECOND;
    assert_works(w, use_session(w, secret));
    assert_true(logins_must_save(w->logins));
    place_number(&w->f->place, "ALTER TABLE login RENAME TO hidden");
    assert_fails(w, logins_save_sessions(w->op, w->logins), ERR_STORAGE);
    assert_true(logins_must_save(w->logins)); /* as before */
    place_number(&w->f->place, "ALTER TABLE hidden RENAME TO login");
    assert_works(w, logins_save_sessions(w->op, w->logins));
    assert_false(logins_must_save(w->logins));
    w->op->now = NOW + 40 * MINUTE;
    assert_works(w, find(w, &node, secret));
    close_node(&node);
}

/* Nor does it write for every request. */
static void short_sessions_are_not_saved_all_the_time(void **state)
{
    struct world *w = *state;
    w->options.session_timeout_min = 1;
    restart(w);
    const char *secret = log_in(w, &w->ada);
    for (int i = 0; i < 25; i++) {
        w->op->now += SECOND;
        assert_works(w, use_session(w, secret));
        assert_false(logins_must_save(w->logins));
    }
    w->op->now = NOW + 45 * SECOND;
    assert_works(w, use_session(w, secret));
    assert_true(logins_must_save(w->logins));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        logins_test(a_session_is_good_in_every_process),
        logins_test(passbolt_organization_counts_for_sessions_from_elsewhere_too),
        logins_test(what_this_installation_did_not_make_is_refused_without_a_look),
        logins_test(what_was_looked_up_in_vain_is_not_looked_up_again_for_a_moment),
        logins_test(too_many_look_ups_in_vain_harm_nobody_who_is_known),
        logins_test(look_ups_that_find_a_session_are_not_limited),
        logins_test(while_the_database_is_away_an_unknown_session_may_be_good),
        logins_test(a_session_that_ended_elsewhere_ends_here_when_that_is_followed),
        logins_test(a_session_that_ended_in_a_database_that_went_back_ends_here),
        cmocka_unit_test(a_session_that_ends_while_it_is_looked_up_does_not_stay),
        logins_test(sessions_end_for_good_while_others_look_them_up),
        logins_test(who_could_not_follow_for_long_looks_everything_up_again),
        logins_test(a_session_that_is_used_elsewhere_does_not_expire_here),
        logins_test(what_will_soon_have_expired_for_others_is_saved_at_once),
        logins_test(short_sessions_are_not_saved_all_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
