/* What was seen on another node is seen here: op->at_least, op->version. The other node is another handle on the same
 * store; that the follower has not heard of its commits is the usual case here, since no test lets it run but where it says so.
 */
#include "reach_fixture.h"

#include <stdio.h>

enum { WAIT_MS = 300 };

/* --- what was seen --- */

static void a_read_tells_the_version_that_it_shows(void **state)
{
    struct world *w = *state;
    new_group(w, "one");
    other_adds_group(w, "two"); /* not heard of */
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_false(op->looked);
    assert_ok(w, directory_view(op, false, &view));
    assert_true(op->looked);
    assert_false(op->stale);
    assert_int_equal(op->version, view.image->version);
    assert_int_equal(op->version, version_of(w, w->organization_id) - 1);
}

static void a_write_tells_the_version_that_it_made(void **state)
{
    struct world *w = *state;
    new_group(w, "first");
    assert_true(w->op.looked);
    assert_int_equal(w->op.version, version_of(w, w->organization_id));
    other_adds_group(w, "between"); /* the fence fails, the rule is asked again */
    new_group(w, "second");
    assert_int_equal(w->op.version, version_of(w, w->organization_id));
}

static void a_write_that_changes_nothing_tells_what_its_rule_saw(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "same");
    int64_t version = version_of(w, w->organization_id);
    struct group values = { .name = "same" };
    assert_ok(w, directory_update_group(acting(w, 0), id, &values, group_fields("name", NULL)));
    assert_true(w->op.looked);
    assert_int_equal(w->op.version, version);
    assert_refused(w, directory_delete_group(acting(w, 0), FAR), ERR_NOT_FOUND, "group");
    assert_true(w->op.looked);
    assert_int_equal(w->op.version, version);
}

/* An organization's version is nobody's business who is not in it. */
static void who_is_refused_is_told_nothing(void **state)
{
    struct world *w = *state;
    new_group(w, "loaded");
    AUTO_VIEW view;
    assert_refused(w, directory_view(acting(w, FAR), false, &view), ERR_UNAUTHENTICATED, "");
    assert_false(w->op.looked);
    assert_refused(w, directory_delete_group(acting(w, FAR), 1), ERR_UNAUTHENTICATED, "");
    assert_false(w->op.looked);
}

/* --- what was committed elsewhere is there at once --- */

static void a_read_follows_to_what_its_caller_has_seen(void **state)
{
    struct world *w = *state;
    open_with(w, 0, 0, false); /* nobody may wait: nobody has to */
    new_group(w, "loaded");
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "theirs %d", i);
        struct group *group = other_adds_group(w, name);
        int64_t version = version_of(w, w->organization_id);
        AUTO_VIEW view;
        struct op *op = having_seen(w, version);
        op->may_block = false;
        assert_refused(w, directory_view(op, false, &view), ERR_DEFERRED, "");
        failure_clear(&op->failure);
        op->may_block = true;
        assert_ok(w, directory_view(op, false, &view));
        assert_int_equal(op->version, version);
        assert_int_not_equal(image_find_group(view.image, group->id), NO_ORDINAL);
    }
    assert_sound(w);
}

static void what_is_new_enough_is_read_where_nothing_may_block(void **state)
{
    struct world *w = *state;
    new_group(w, "loaded");
    int64_t version = w->op.version;
    for (int64_t at_least = version - 1; at_least <= version; at_least++) {
        AUTO_VIEW view;
        struct op *op = having_seen(w, at_least);
        op->may_block = false;
        assert_ok(w, directory_view(op, false, &view));
    }
}

static void what_is_not_in_memory_is_loaded_as_it_is_now(void **state)
{
    struct world *w = *state;
    open_with(w, 0, 0, false);
    other_adds_group(w, "theirs");
    AUTO_VIEW view;
    assert_ok(w, directory_view(having_seen(w, version_of(w, w->organization_id)), false, &view));
}

static void what_cannot_be_followed_is_loaded_again(void **state)
{
    struct world *w = *state;
    open_with(w, 0, 0, false);
    struct group *first = make_group(w->f, "First"), *late = make_group(w->f, "Late");
    first->id = 1000;
    commit_one(w, w->organization_id, GROUP_CREATED, NULL, first);
    new_group(w, "ours");
    late->id = 500; /* between those that are in memory */
    commit_one(w, w->organization_id, GROUP_CREATED, NULL, late);
    AUTO_VIEW view;
    assert_ok(w, directory_view(having_seen(w, version_of(w, w->organization_id)), false, &view));
    assert_int_not_equal(image_find_group(view.image, 500), NO_ORDINAL);
}

static void a_rule_sees_what_its_caller_has_seen(void **state)
{
    struct world *w = *state;
    open_with(w, 0, 0, false);
    struct group *group = other_adds_group(w, "theirs");
    new_group(w, "loaded");
    struct group *taken = make(w->f, group, sizeof *group);
    taken->name = "taken";
    commit_one(w, w->organization_id, GROUP_UPDATED, group, taken);
    int64_t version = version_of(w, w->organization_id);
    struct group values = { .name = "taken" };
    struct op *op = having_seen(w, version);
    assert_refused(w, directory_create_group(op, &values, group_fields("name", NULL)), ERR_EXISTS, "name");
    assert_int_equal(op->version,
                     version); /* without it the rule would have seen the name free, and the fence would have failed */
}

/* --- as the server's workers ask --- */

static struct {
    void (*task)(struct op *op); /* to be run */
    int finished;
    enum err result;
} steps;

static void step_finished(struct op *op, enum err result)
{
    (void)op;
    steps.finished++;
    steps.result = result;
}

static void step_again(struct op *op, void (*task)(struct op *op))
{
    (void)op;
    steps.task = task;
}

/* Who has the turn may need the worker that asks, for its next step: were it to wait here, neither would go on. */
static void no_worker_waits_for_the_turn_of_a_write(void **state)
{
    static const struct op_async async = { .finished = step_finished, .again = step_again };
    struct world *w = *state;
    memset(&steps, 0, sizeof steps);
    new_group(w, "loaded");
    other_adds_group(w, "theirs");
    int64_t version = version_of(w, w->organization_id);
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    AUTO_VIEW view;
    struct op *op = having_seen(w, version);
    op->async = &async;
    turn_take(&resident->turn); /* a write is under way */
    assert_int_equal(directory_view(op, false, &view), ERR_PENDING);
    assert_null(steps.task);
    turn_give(&resident->turn, true);
    assert_non_null(steps.task);
    assert_int_equal(steps.finished, 0);
    steps.task(op);
    assert_int_equal(steps.finished, 1);
    assert_int_equal(steps.result, ERR_DEFERRED); /* from the start */
    assert_ok(w, directory_view(op, false, &view));
    assert_int_equal(op->version, version);
    assert_true(turn_try(&resident->turn)); /* it was given back */
    turn_give(&resident->turn, true);
}

static void a_free_turn_is_taken_at_once(void **state)
{
    static const struct op_async async = { .finished = step_finished, .again = step_again };
    struct world *w = *state;
    memset(&steps, 0, sizeof steps);
    new_group(w, "loaded");
    other_adds_group(w, "theirs");
    AUTO_VIEW view;
    struct op *op = having_seen(w, version_of(w, w->organization_id));
    op->async = &async;
    assert_ok(w, directory_view(op, false, &view));
    assert_int_equal(steps.finished, 0);
    assert_true(turn_try(&directory_find_resident(w->directory, w->organization_id)->turn));
    turn_give(&directory_find_resident(w->directory, w->organization_id)->turn, true);
}

/* --- what nobody has committed --- */

static void a_version_to_come_is_waited_for_until_the_limit(void **state)
{
    struct world *w = *state;
    open_with(w, WAIT_MS, 1, false);
    new_group(w, "loaded");
    AUTO_VIEW view;
    int64_t begun = clock_monotonic_ns();
    assert_refused(w, directory_view(having_seen(w, FAR), false, &view), ERR_BUSY, "Roster-At-Least");
    assert_true(milliseconds_since(begun) >= WAIT_MS - 1);
    char text[200];
    snprintf(text, sizeof text, "this node has version %lld of the organization, not yet version %d",
             (long long)version_of(w, w->organization_id), FAR);
    assert_string_equal(w->op.failure.text, text);
    assert_refused(w, directory_delete_group(having_seen(w, FAR), 1), ERR_BUSY, "Roster-At-Least");
    new_group(w, "and nobody's turn was kept");
}

static void our_own_write_wakes_who_waits_for_it(void **state)
{
    struct world *w = *state;
    struct waiting waiting;
    open_with(w, LONG_MS, 1, false);
    new_group(w, "loaded");
    begin_waiting(w, &waiting, w->op.version + 2);
    await_waiters(w, 1);
    new_group(w, "one");
    new_group(w, "two");
    pthread_join(waiting.thread, NULL);
    assert_int_equal(waiting.result, ERR_OK);
    assert_true(waiting.waited_ms < LONG_MS);
}

static void the_follower_wakes_who_waits_for_what_it_hears(void **state)
{
    struct world *w = *state;
    struct waiting waiting;
    open_with(w, LONG_MS, 1, true);
    new_group(w, "loaded");
    begin_waiting(w, &waiting, w->op.version + 1);
    await_waiters(w, 1);
    other_adds_group(w, "theirs");
    pthread_join(waiting.thread, NULL);
    assert_int_equal(waiting.result, ERR_OK);
    assert_true(waiting.waited_ms < LONG_MS);
}

/* Nobody told of it, but the database has it when the time is up. */
static void at_the_limit_the_database_has_the_last_word(void **state)
{
    struct world *w = *state;
    struct waiting waiting;
    open_with(w, 3000, 1, false); /* time enough, on any machine, for the commit of somebody else */
    new_group(w, "loaded");
    begin_waiting(w, &waiting, w->op.version + 1);
    await_waiters(w, 1);
    other_adds_group(w, "theirs");
    pthread_join(waiting.thread, NULL);
    assert_int_equal(waiting.result, ERR_OK);
}

static void only_so_many_wait_and_the_others_are_refused_at_once(void **state)
{
    struct world *w = *state;
    struct waiting waiting[2];
    open_with(w, LONG_MS, COUNT_OF(waiting), false);
    new_group(w, "loaded");
    for (size_t i = 0; i < COUNT_OF(waiting); i++) begin_waiting(w, &waiting[i], FAR);
    await_waiters(w, COUNT_OF(waiting));
    int64_t begun = clock_monotonic_ns();
    AUTO_VIEW view, other;
    assert_refused(w, directory_view(having_seen(w, FAR), false, &view), ERR_BUSY, "Roster-At-Least");
    assert_true(milliseconds_since(begun) < LONG_MS / 2);
    other_adds_group(w, "theirs"); /* what the database has is no waiting */
    assert_ok(w, directory_view(having_seen(w, version_of(w, w->organization_id)), false, &other));
    directory_view_end(&other);
    directory_end_waits(w->directory); /* the server stops */
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        pthread_join(waiting[i].thread, NULL);
        assert_int_equal(waiting[i].result, ERR_BUSY);
        assert_true(waiting[i].waited_ms < LONG_MS);
    }
    assert_refused(w, directory_view(having_seen(w, FAR), false, &view), ERR_BUSY, "Roster-At-Least");
}

/* --- all at once --- */

enum { ROUNDS = 300, READERS = 4 };

struct chase {
    struct directory *directory;
    int64_t organization_id;
    _Atomic int64_t told; /* version that the writer was told */
    atomic_bool stop;
    atomic_long older, refused, reads;
};

static void *chase(void *argument)
{
    struct chase *chase = argument;
    while (!chase->stop) {
        AUTO_OP op = op_begin();
        AUTO_VIEW view;
        op.directory = chase->directory;
        op.caller.organization_id = chase->organization_id;
        op.at_least = chase->told;
        if (directory_view(&op, false, &view)) chase->refused++;
        else if (view.image->version < op.at_least || op.version < op.at_least) chase->older++;
        chase->reads++;
    }
    return NULL;
}

/* The first directory writes, threads read the second one, which follows too. Nobody may wait, so that whoever would have to is
 * counted. */
static void nobody_reads_what_is_older_than_what_was_told(void **state)
{
    struct world *w = *state;
    struct directory_options options = quiet_options;
    struct chase shared = { .organization_id = w->organization_id };
    pthread_t threads[READERS];
    AUTO_OP op = op_begin();
    options.background = true;
    assert_int_equal(directory_open(&op, w->other, &options, &shared.directory), ERR_OK);
    for (size_t i = 0; i < READERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, chase, &shared), 0);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "group %d", i);
        new_group(w, name);
        atomic_store(&shared.told, w->op.version);
    }
    while (shared.reads < ROUNDS) usleep(1000);
    shared.stop = true;
    for (size_t i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    directory_close(shared.directory);
    assert_int_equal(shared.older, 0);
    assert_int_equal(shared.refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_read_tells_the_version_that_it_shows),
        world_test(a_write_tells_the_version_that_it_made),
        world_test(a_write_that_changes_nothing_tells_what_its_rule_saw),
        world_test(who_is_refused_is_told_nothing),
        world_test(a_read_follows_to_what_its_caller_has_seen),
        world_test(what_is_new_enough_is_read_where_nothing_may_block),
        world_test(what_is_not_in_memory_is_loaded_as_it_is_now),
        world_test(what_cannot_be_followed_is_loaded_again),
        world_test(a_rule_sees_what_its_caller_has_seen),
        world_test(no_worker_waits_for_the_turn_of_a_write),
        world_test(a_free_turn_is_taken_at_once),
        world_test(a_version_to_come_is_waited_for_until_the_limit),
        world_test(our_own_write_wakes_who_waits_for_it),
        world_test(the_follower_wakes_who_waits_for_what_it_hears),
        world_test(at_the_limit_the_database_has_the_last_word),
        world_test(only_so_many_wait_and_the_others_are_refused_at_once),
        world_test(nobody_reads_what_is_older_than_what_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
