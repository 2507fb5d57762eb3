/* The database was lost while it committed, and nobody knows whether it did: the caller is told so, and what is read and written
 * from then on goes by what the database has, without waiting for a follower. */
#include "directory_fixture.h"

#include "store/engine.h"

/* --- a store whose commits end so that nobody knows --- */

static struct engine doubtful, sound;
static bool commits;     /* what becomes of them: they are made, or they are not */
static atomic_int asked; /* how many there were */

/* The answer of the commit itself is not for who asked. */
struct hidden {
    struct op *op;
    store_commit_done done;
    void *context;
    struct commit commit; /* what it would be told of the version is not told */
};

static void tell_nobody(void *context, enum err result)
{
    struct hidden *hidden = context;
    assert_int_equal(result, ERR_OK);
    hidden->done(hidden->context, op_fail(hidden->op, ERR_UNKNOWN_OUTCOME, "store", "the answer is lost"));
}

static void commit_in_doubt(struct op *op, struct store *store, struct commit *commit, store_commit_done done, void *context)
{
    atomic_fetch_add(&asked, 1);
    struct hidden *hidden = arena_zalloc(&op->arena, sizeof *hidden);
    *hidden = (struct hidden){ .op = op, .done = done, .context = context, .commit = *commit };
    if (commits) sound.commit_start(op, store, &hidden->commit, tell_nobody, hidden);
    else done(context, op_fail(op, ERR_UNKNOWN_OUTCOME, "store", "the question is lost"));
}

static void begin_doubt(struct world *w, bool made)
{
    sound = *w->f->store->engine;
    doubtful = sound;
    doubtful.commit_start = commit_in_doubt;
    w->f->store->engine = &doubtful;
    commits = made;
    atomic_store(&asked, 0);
}

static void end_doubt(struct world *w)
{
    w->f->store->engine = &sound;
}

static int64_t reading_version(struct world *w)
{
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, false, &view));
    assert_true(op->looked);
    return op->version;
}

/* --- the tests --- */

static const struct group renamed = { .name = "renamed" };

static void what_was_made_is_read_at_once(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "known"), version = w->op.version;
    struct group found;
    begin_doubt(w, true);
    assert_refused(w, directory_update_group(acting(w, 0), id, &renamed, group_fields("name", NULL)), ERR_UNKNOWN_OUTCOME,
                   "store");
    assert_int_equal(atomic_load(&asked), 1); /* once: perhaps it was made */
    assert_int_equal(version_of(w, w->organization_id), version + 1);
    assert_true(get_group(w, id, &found));
    assert_string_equal(found.name, "renamed");
    assert_int_equal(reading_version(w), version + 1);
    end_doubt(w);

    assert_ok(w, directory_delete_group(acting(w, 0), id)); /* and written upon */
    assert_int_equal(w->op.version, version + 2);
    assert_sound(w);
}

static void what_was_not_made_is_not_read_and_can_be_written_again(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "known"), version = w->op.version;
    struct group found;
    begin_doubt(w, false);
    assert_refused(w, directory_update_group(acting(w, 0), id, &renamed, group_fields("name", NULL)), ERR_UNKNOWN_OUTCOME,
                   "store");
    assert_int_equal(atomic_load(&asked), 1);
    end_doubt(w);
    assert_true(get_group(w, id, &found));
    assert_string_equal(found.name, "known");
    assert_int_equal(reading_version(w), version);
    assert_ok(w, directory_update_group(acting(w, 0), id, &renamed, group_fields("name", NULL)));
    assert_int_equal(w->op.version, version + 1);
    assert_true(get_group(w, id, &found));
    assert_string_equal(found.name, "renamed");
    assert_sound(w);
}

/* The next write would learn of it from the log by itself: also when it is the first to come. */
static void who_writes_next_does_not_make_it_twice(void **state)
{
    struct world *w = *state;
    new_group(w, "known");
    struct group named = { .name = "once" };
    begin_doubt(w, true);
    assert_refused(w, directory_create_group(acting(w, 0), &named, group_fields("name", NULL)), ERR_UNKNOWN_OUTCOME, "store");
    end_doubt(w);
    assert_refused(w, directory_create_group(acting(w, 0), &named, group_fields("name", NULL)), ERR_EXISTS, "name");
    assert_sound(w);
}

/* The version that the rule saw may not be the organization's any more. */
static void no_version_is_told_with_an_unknown_outcome(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "known"), version = w->op.version;
    assert_true(w->op.looked);
    assert_refused(w, directory_delete_group(acting(w, 0), id + 1), ERR_NOT_FOUND, "group"); /* others are told what was seen */
    assert_true(w->op.looked);
    assert_int_equal(w->op.version, version);
    for (int made = 0; made < 2; made++) {
        begin_doubt(w, made);
        assert_refused(w, directory_update_group(acting(w, 0), id, &renamed, group_fields("name", NULL)), ERR_UNKNOWN_OUTCOME,
                       "store");
        assert_false(w->op.looked);
        end_doubt(w);
    }
}

/* Who reads meanwhile has the image of before, whole, until it is done. */
static void who_was_reading_goes_on(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "known");
    AUTO_VIEW view;
    AUTO_OP reading = op_begin();
    reading.directory = w->directory;
    reading.caller = (struct caller){ .organization_id = w->organization_id, .rights = RIGHT_READ };
    assert_int_equal(directory_view(&reading, false, &view), ERR_OK);
    const struct image *image = view.image;
    begin_doubt(w, false);
    assert_refused(w, directory_delete_group(acting(w, 0), id), ERR_UNKNOWN_OUTCOME, "store");
    end_doubt(w);
    assert_int_not_equal(image_find_group(image, id), NO_ORDINAL);
    directory_view_end(&view);
    struct group found;
    assert_true(get_group(w, id, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_was_made_is_read_at_once),
        world_test(what_was_not_made_is_not_read_and_can_be_written_again),
        world_test(who_writes_next_does_not_make_it_twice),
        world_test(no_version_is_told_with_an_unknown_outcome),
        world_test(who_was_reading_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
