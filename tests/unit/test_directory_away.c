/* The database is away: memory answers and says so, nothing is written, nobody waits in vain, and nothing that is in memory is
 * lost. */
#include "reach_fixture.h"

static void memory_answers_while_the_database_is_away_and_says_so(void **state)
{
    struct world *w = *state;
    open_with(w, LONG_MS, 1, false);
    int64_t id = new_group(w, "known"), version = w->op.version;
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.degraded, 0);
    assert_false(directory_stale(w->directory));
    atomic_store(&w->directory->follow_failing, true);
    assert_true(directory_stale(w->directory));
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.degraded, 1);

    AUTO_VIEW view, other;
    struct op *op = having_seen(w, version);
    assert_ok(w, directory_view(op, false, &view));
    assert_true(op->stale);
    assert_int_equal(op->version, version);
    directory_view_end(&view);
    int64_t begun = clock_monotonic_ns(); /* what is newer cannot be had, and what is written cannot be kept: both at once */
    assert_refused(w, directory_view(having_seen(w, version + 1), false, &view), ERR_BUSY, "Roster-At-Least");
    assert_refused(w, directory_delete_group(acting(w, 0), id), ERR_BUSY, "database");
    assert_true(milliseconds_since(begun) < LONG_MS / 2);

    atomic_store(&w->directory->follow_failing, false);
    op = acting(w, 0);
    assert_ok(w, directory_view(op, false, &other));
    assert_false(op->stale);
    directory_view_end(&other);
    assert_ok(w, directory_delete_group(acting(w, 0), id));
}

static void an_image_that_cannot_be_followed_for_now_stays_and_is_followed_later(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "ours");
    struct group *theirs = other_adds_group(w, "theirs");
    struct group found;
    execute(w, "alter table change rename to hidden");
    assert_int_equal(hear_of(w, w->organization_id), ERR_STORAGE);
    assert_true(get_group(w, id, &found));
    assert_false(get_group(w, theirs->id, &found)); /* it is the image of before */
    AUTO_VIEW view;
    assert_int_equal(directory_view(having_seen(w, version_of(w, w->organization_id)), false, &view), ERR_STORAGE);
    execute(w, "alter table hidden rename to change");
    refresh(w, w->organization_id);
    assert_true(get_group(w, theirs->id, &found));
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.reloads, 0);
}

static void a_log_that_cannot_be_read_is_passed_over_by_loading_again(void **state)
{
    struct world *w = *state;
    new_group(w, "ours");
    struct group *theirs = other_adds_group(w, "theirs");
    struct group found;
    execute(w,
            "update change set detail = '{' where organization_id = %lld and version ="
            " (select max(version) from change where organization_id = %lld)",
            (long long)w->organization_id, (long long)w->organization_id);
    refresh(w, w->organization_id);
    assert_true(get_group(w, theirs->id, &found));
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    assert_int_equal(stats.reloads, 1);
}

static void who_waits_is_told_when_the_database_goes_away(void **state)
{
    struct world *w = *state;
    struct waiting waiting;
    open_with(w, LONG_MS, 1, false);
    new_group(w, "loaded");
    begin_waiting(w, &waiting, FAR);
    await_waiters(w, 1);
    atomic_store(&w->directory->follow_failing, true);
    directory_reach_news(w->directory);
    pthread_join(waiting.thread, NULL);
    assert_int_equal(waiting.result, ERR_BUSY);
    assert_true(waiting.waited_ms < LONG_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(memory_answers_while_the_database_is_away_and_says_so),
        world_test(an_image_that_cannot_be_followed_for_now_stays_and_is_followed_later),
        world_test(a_log_that_cannot_be_read_is_passed_over_by_loading_again),
        world_test(who_waits_is_told_when_the_database_goes_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
