/* What directories do by themselves, in the background: follow each other, and drop images beyond the budget. */
#include "directory_fixture.h"

#include <stdio.h>

/* --- two directories, each with its follower --- */

static void two_directories_see_each_others_commits_within_a_moment(void **state)
{
    struct world *w = *state;
    struct directory_options options = quiet_options;
    options.background = true;
    close_directory(w);
    open_directory(w, &options);
    struct directory *ours = w->directory, *theirs;
    AUTO_OP op = op_begin();
    assert_int_equal(directory_open(&op, w->other, &options, &theirs), ERR_OK);
    for (int round = 0; round < 10; round++) {
        char name[32];
        struct group found;
        snprintf(name, sizeof name, "Round %d", round);
        w->directory = round % 2 ? ours : theirs;
        int64_t id = new_group(w, name);
        w->directory = round % 2 ? theirs : ours;
        int64_t begun = clock_now();
        while (!get_group(w, id, &found) && clock_now() - begun < 20000000) usleep(2000);
        assert_true(get_group(w, id, &found));
        assert_string_equal(found.name, name);
        assert_false(directory_stale(ours) || directory_stale(theirs));
    }
    w->directory = ours;
    directory_close(theirs);
}

/* --- memory --- */

static void images_beyond_the_budget_are_dropped_but_not_under_a_reader(void **state)
{
    struct world *w = *state;
    int64_t ids[5];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        w->organization_id = ids[i] = other_adds_organization(w, "o")->id;
        refresh(w, INSTALLATION);
        new_group(w, "kept");
    }
    struct directory_options options = quiet_options;
    options.memory_budget_mib = 0;
    options.background = true;
    close_directory(w);
    open_directory(w, &options);
    w->organization_id = ids[0];
    AUTO_VIEW view;
    struct op op = op_begin();
    op.directory = w->directory;
    op.caller.organization_id = ids[0];
    assert_int_equal(directory_view(&op, false, &view), ERR_OK);
    struct directory_stats stats = { 0 };
    for (int i = 0; i < 2000 && !stats.evictions; i++) {
        usleep(10000);
        directory_stats(w->directory, &stats);
    }
    assert_true(stats.evictions >= 1);
    assert_int_equal(view.image->living_count, 1); /* its memory is still there */
    directory_view_end(&view);
    op_end(&op);
    for (size_t i = 0; i < COUNT_OF(ids); i++) { /* and all of them can be read and written again */
        w->organization_id = ids[i];
        new_group(w, "again");
    }
    assert_sound(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(two_directories_see_each_others_commits_within_a_moment),
        world_test(images_beyond_the_budget_are_dropped_but_not_under_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
