/* Following other nodes: their commits are heard of at once, found soon if hints are lost, and never missed in whatever order
 * transactions end. */
#include "postgres_fixture.h"

enum { AT_ONCE_MS = 500, SOON_MS = 2500 }; /* polls are a second apart */

/* What a follower was told: of the fixture's organization alone. */
struct told {
    int64_t organization_id, version;
    int times;
};

static enum err note_version(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    struct told *told = context;
    (void)op;
    if (organization_id != told->organization_id) return ERR_OK;
    if (version > told->version) told->version = version;
    told->times++;
    return ERR_OK;
}

static void follow(struct fixture *f, struct store *store, int64_t *cursor, struct told *told)
{
    assert_done(f, store_follow(&f->op, store, cursor, note_version, told));
}

/* Follows as the directory does, until a version was told; how long that took. */
static int64_t follow_until(struct fixture *f, struct store *store, int64_t *cursor, struct told *told, int64_t version)
{
    int64_t begun = clock_monotonic_ns();
    while (told->version < version) {
        if (milliseconds_since(begun) > 20000) fail_msg("version %lld was never told", (long long)version);
        store_wait(store, 50);
        follow(f, store, cursor, told);
    }
    return milliseconds_since(begun);
}

static void commit_here(struct fixture *f, const char *name)
{
    assert_int_equal(commit_user(f->store, f->organization_id, &f->versions[1], name), ERR_OK);
}

/* Another node that knows all there is. */
static struct store *open_follower(struct fixture *f, int64_t *ret_cursor, struct told *ret_told)
{
    struct store *node = open_node(f, f->url, 0);
    *ret_cursor = 0;
    *ret_told = (struct told){ .organization_id = f->organization_id };
    follow(f, node, ret_cursor, ret_told);
    follow(f, node, ret_cursor, ret_told);
    return node;
}

static void a_commit_is_heard_of_at_once(void **state)
{
    struct fixture *f = *state;
    int64_t cursor, quick = 0;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    for (int i = 0; i < 10; i++) {
        commit_here(f, "news");
        quick += follow_until(f, node, &cursor, &told, f->versions[1]) < AT_ONCE_MS;
    }
    assert_true(quick >= 8); /* a hint that comes while following is found by the next poll */
    store_close(node);
}

static void hints_are_heard_again_after_the_listener_was_lost(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    for (int i = 0; i < 4; i++) {
        assert_true(run_beside(f->url, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                       " WHERE datname = current_database() AND application_name LIKE 'roster %'") > 0);
        commit_here(f, "while nobody listens");
        assert_true(follow_until(f, node, &cursor, &told, f->versions[1]) < SOON_MS);
        follow(f, node, &cursor, &told);
        int quick = 0;
        for (int j = 0; j < 5; j++) {
            commit_here(f, "while somebody listens again");
            quick += follow_until(f, node, &cursor, &told, f->versions[1]) < AT_ONCE_MS;
        }
        assert_true(quick >= 3);
    }
    store_close(node);
}

static void who_hears_nothing_any_more_does_not_wait_for_long(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    follow(f, node, &cursor, &told);
    assert_true(run_beside(f->url, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                   " WHERE datname = current_database() AND application_name LIKE 'roster %'") > 0);
    commit_here(f, "while nobody listens");
    const int64_t begun = clock_monotonic_ns();
    while (told.version < f->versions[1]) {
        store_wait(node, 600000);
        follow(f, node, &cursor, &told);
    }
    assert_true(milliseconds_since(begun) < 300000); /* half of what it was told to wait */
    store_close(node);
}

static void a_poll_that_fails_is_not_repeated_without_a_pause(void **state)
{
    enum { FOR_MS = 3500, POLLS_MAX = 8 };
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    follow(f, node, &cursor, &told);
    run_beside(f->url, "ALTER TABLE change RENAME TO hidden");
    int polls = 0;
    const int64_t begun = clock_monotonic_ns();
    for (; milliseconds_since(begun) < FOR_MS; polls++) {
        store_wait(node, 60000);
        assert_failed(f, store_follow(&f->op, node, &cursor, note_version, &told), ERR_STORAGE, "store");
    }
    assert_true(polls <= POLLS_MAX);                /* one a second */
    assert_true(milliseconds_since(begun) < 30000); /* and not one a minute, as long as it was told to wait */
    run_beside(f->url, "ALTER TABLE hidden RENAME TO change");
    store_wait(node, 60000);
    follow(f, node, &cursor, &told);
    store_close(node);
}

/* The log cannot be read, and whatever is heard of meanwhile: what it leads to can. */
static void hints_do_not_make_it_seem_that_a_log_can_be_read(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    follow(f, node, &cursor, &told);
    run_beside(f->url, "ALTER TABLE change RENAME TO hidden");
    assert_failed(f, store_follow(&f->op, node, &cursor, note_version, &told), ERR_STORAGE, "store");
    for (int i = 0; i < 3; i++) {
        run_beside(f->url, "NOTIFY roster, '0:0'");
        store_wait(node, 60000);
        assert_failed(f, store_follow(&f->op, node, &cursor, note_version, &told), ERR_STORAGE, "store");
    }
    run_beside(f->url, "ALTER TABLE hidden RENAME TO change");
    commit_here(f, "news");
    follow_until(f, node, &cursor, &told, f->versions[1]);
    store_close(node);
}

static void what_nobody_hinted_at_is_found_by_polling(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    run_beside(f->url, arena_printf(&f->op.arena,
                                    "BEGIN; UPDATE organization SET version = 1 WHERE id = %lld;"
                                    " INSERT INTO change (organization_id, version, position, time, kind, credential_id, user_id,"
                                    " group_id, subject_id, object_id, commit_id, detail)"
                                    " VALUES (%lld, 1, 0, 1, 'organization_imported', 0, 0, 0, 0, 0, '', '{}'); COMMIT",
                                    (long long)f->organization_id, (long long)f->organization_id));
    assert_true(follow_until(f, node, &cursor, &told, 1) < SOON_MS);
    store_close(node);
}

/* The transaction with the smallest number ends last. */
static void transactions_that_end_in_another_order_are_not_missed(void **state)
{
    struct fixture *f = *state;
    int64_t cursor, late_id = f->organization_id, other_id = add_organization(f, "other"), version = 0;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    PGconn *session = open_session(f->url);
    session_run(session, "BEGIN; SELECT pg_current_xact_id()");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(commit_user(f->store, other_id, &version, "before"), ERR_OK);
        follow(f, node, &cursor, &told);
    }
    session_run(session, arena_printf(&f->op.arena,
                                      "UPDATE organization SET version = 1 WHERE id = %lld;"
                                      " INSERT INTO change (organization_id, version, position, time, kind, credential_id,"
                                      " user_id, group_id, subject_id, object_id, commit_id, detail)"
                                      " VALUES (%lld, 1, 0, 1, 'organization_imported', 0, 0, 0, 0, 0, '', '{}')",
                                      (long long)late_id, (long long)late_id));
    follow(f, node, &cursor, &told);
    assert_int_equal(told.times, 0); /* not before it is committed */
    assert_int_equal(commit_user(f->store, other_id, &version, "meanwhile"), ERR_OK);
    follow(f, node, &cursor, &told);
    session_run(session, "COMMIT");
    PQfinish(session);
    assert_true(follow_until(f, node, &cursor, &told, 1) < SOON_MS);
    store_close(node);
}

static void a_cursor_is_good_for_the_next_store(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    commit_here(f, "known");
    follow_until(f, node, &cursor, &told, f->versions[1]);
    store_close(node);
    commit_here(f, "while it was closed");
    node = open_node(f, f->url, 0);
    follow(f, node, &cursor, &told);
    assert_int_equal(told.version, f->versions[1]);

    int64_t from_credentials;
    struct told later = { .organization_id = f->organization_id };
    assert_done(f, store_load_credentials(&f->op, node, &(struct store_sink){ 0 }, &from_credentials));
    commit_here(f, "after the credentials were read");
    follow(f, node, &from_credentials, &later);
    follow_until(f, node, &from_credentials, &later, f->versions[1]);
    store_close(node);
}

/* While another transaction is open it could still hide something, in any database of the cluster; they all end. */
static void what_was_told_is_not_told_for_ever(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    commit_here(f, "news");
    follow_until(f, node, &cursor, &told, f->versions[1]);
    await((told.times = 0, follow(f, node, &cursor, &told), told.times == 0));
    store_close(node);
}

static void what_was_told_is_told_once_however_long_a_transaction_stays_open(void **state)
{
    struct fixture *f = *state;
    int64_t cursor, here;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    PGconn *session = hold_back(f);
    here = session_run(session, "SELECT pg_current_xact_id()::text::bigint");
    for (int i = 0; i < 3; i++) {
        commit_here(f, "news");
        sleep_ms(1100); /* a poll is due */
        follow(f, node, &cursor, &told);
        assert_int_equal(told.version, f->versions[1]);
        assert_int_equal(told.times, i + 1);
        for (int j = 0; j < 2; j++) {
            sleep_ms(1100);
            follow(f, node, &cursor, &told);
        }
        assert_int_equal(told.times, i + 1);
    }
    assert_true(cursor <= here); /* who begins there misses nothing */
    struct told later = { .organization_id = f->organization_id };
    struct store *other = open_node(f, f->url, 0);
    follow(f, other, &cursor, &later);
    assert_int_equal(later.version, f->versions[1]);
    store_close(other);
    session_run(session, "COMMIT");
    PQfinish(session);
    store_close(node);
}

static void it_can_be_asked_what_holds_the_follower_back(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    char text[256], number[32];
    struct store *node = open_follower(f, &cursor, &told);
    PGconn *session = hold_back(f);
    snprintf(number, sizeof number, "transaction %lld ",
             (long long)session_run(session, "SELECT pg_current_xact_id()::text::bigint"));
    commit_here(f, "news"); /* only others after it show that it is in the way */
    await((sleep_ms(100), follow(f, node, &cursor, &told), store_held_back_ms(node, text, sizeof text) > 500) &&
          strstr(text, number));
    assert_non_null(strstr(text, "pg_prepared_xacts"));
    session_run(session, "COMMIT");
    PQfinish(session);
    await((sleep_ms(100), follow(f, node, &cursor, &told), !strstr((store_held_back_ms(node, text, sizeof text), text), number)));
    store_close(node);
}

/* What is told of others' organizations, counted. */
static enum err count_told(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    (void)op, (void)version;
    int64_t *counts = context;
    if (organization_id >= 1000000000) counts[organization_id - 1000000000]++;
    return ERR_OK;
}

/* A poll tells a part at a time, and all of it in the end. */
static void very_much_is_told_in_parts(void **state)
{
    enum { NEWS = 110000, PART = 40000 };
    struct fixture *f = *state;
    int64_t cursor = 0, *counts = calloc(NEWS, sizeof *counts), newest, told = 0;
    assert_non_null(counts);
    newest = run_beside(f->url, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1");
    run_beside(f->url, arena_printf(&f->op.arena,
                                    "INSERT INTO change (organization_id, version, position, time, kind, credential_id, user_id,"
                                    " group_id, subject_id, object_id, commit_id, detail, transaction)"
                                    " SELECT 1000000000 + n, 1, 0, 1, 'organization_imported', 0, 0, 0, 0, 0, '', '{}',"
                                    " (%lld - n / 200)::text::xid8 FROM generate_series(0, %d) AS n",
                                    (long long)newest, NEWS - 1));
    struct store *node = open_node(f, f->url, 0);
    int rounds = 0;
    for (; told < NEWS && rounds < 20; rounds++) {
        assert_done(f, store_follow(&f->op, node, &cursor, count_told, counts));
        int64_t before = told;
        told = 0;
        for (int i = 0; i < NEWS; i++) told += counts[i] > 0;
        assert_true(told - before < PART);
        int64_t begun = clock_monotonic_ns();
        if (told < NEWS) store_wait(node, 60000);
        assert_true(milliseconds_since(begun) < 900); /* for the rest nobody waits */
    }
    assert_int_equal(told, NEWS);
    run_beside(f->url, "DELETE FROM change WHERE organization_id >= 1000000000");
    store_close(node);
    free(counts);
}

static void waiting_ends_when_it_is_told_to(void **state)
{
    struct fixture *f = *state;
    int64_t cursor;
    struct told told;
    struct store *node = open_follower(f, &cursor, &told);
    int64_t begun = clock_monotonic_ns();
    store_wait(node, 10);
    assert_true(milliseconds_since(begun) < 3000); /* at least a second where hints end it: that is all that is promised */
    store_stop_waiting(node);
    begun = clock_monotonic_ns();
    store_wait(node, 60000);
    store_wait(node, 60000);
    assert_true(milliseconds_since(begun) < 3000);
    store_close(node);
}

/* ---- many nodes at once */

enum { NODES = 3, ORGANIZATIONS = 6, COMMITS = 40 };

struct node {
    struct fixture *f;
    struct store *store;
    int64_t organizations[ORGANIZATIONS], told[ORGANIZATIONS];
    atomic_int *writing;
    int failures;
};

static enum err note_newest(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    struct node *node = context;
    (void)op;
    for (int i = 0; i < ORGANIZATIONS; i++)
        if (node->organizations[i] == organization_id && version > node->told[i]) node->told[i] = version;
    return ERR_OK;
}

static void *write_all(void *context)
{
    struct node *node = context;
    for (int i = 0; i < COMMITS; i++) {
        AUTO_OP op = op_begin();
        int64_t version, id = node->organizations[i % ORGANIZATIONS];
        if (store_version(&op, node->store, id, &version)) node->failures++;
        else commit_user(node->store, id, &version, "news"); /* may well be stale */
    }
    atomic_fetch_sub(node->writing, 1);
    return NULL;
}

static void *follow_all(void *context)
{
    struct node *node = context;
    int64_t cursor = 0;
    for (bool last = false; !last;) {
        last = !atomic_load(node->writing);
        AUTO_OP op = op_begin();
        if (!last) store_wait(node->store, 100);
        else sleep_ms(1200); /* longer than hints are believed without a poll */
        if (store_follow(&op, node->store, &cursor, note_newest, node)) node->failures++;
    }
    return NULL;
}

static void all_nodes_hear_of_all_commits_of_all_nodes(void **state)
{
    struct fixture *f = *state;
    struct node nodes[NODES];
    pthread_t threads[2 * NODES];
    atomic_int writing = NODES;
    int64_t ids[ORGANIZATIONS];
    for (int i = 0; i < ORGANIZATIONS; i++) ids[i] = add_organization(f, "shared");
    for (int i = 0; i < NODES; i++) {
        nodes[i] = (struct node){ .f = f, .store = open_node(f, f->url, 0), .writing = &writing };
        memcpy(nodes[i].organizations, ids, sizeof ids);
        assert_int_equal(pthread_create(&threads[i], NULL, write_all, &nodes[i]), 0);
        assert_int_equal(pthread_create(&threads[NODES + i], NULL, follow_all, &nodes[i]), 0);
    }
    for (int i = 0; i < 2 * NODES; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(nodes[i].failures, 0);
        for (int j = 0; j < ORGANIZATIONS; j++) assert_int_equal(nodes[i].told[j], version_of(f, f->store, ids[j]));
        store_close(nodes[i].store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(a_commit_is_heard_of_at_once),
        postgres_test(hints_are_heard_again_after_the_listener_was_lost),
        postgres_test(who_hears_nothing_any_more_does_not_wait_for_long),
        postgres_test(a_poll_that_fails_is_not_repeated_without_a_pause),
        postgres_test(hints_do_not_make_it_seem_that_a_log_can_be_read),
        postgres_test(what_nobody_hinted_at_is_found_by_polling),
        postgres_test(transactions_that_end_in_another_order_are_not_missed),
        postgres_test(a_cursor_is_good_for_the_next_store),
        postgres_test(what_was_told_is_not_told_for_ever),
        postgres_test(what_was_told_is_told_once_however_long_a_transaction_stays_open),
        postgres_test(it_can_be_asked_what_holds_the_follower_back),
        postgres_test(very_much_is_told_in_parts),
        postgres_test(waiting_ends_when_it_is_told_to),
        postgres_test(all_nodes_hear_of_all_commits_of_all_nodes),
    };
    return run_postgres_tests(tests);
}
