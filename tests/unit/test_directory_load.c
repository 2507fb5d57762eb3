/* Loading an organization while other processes go on changing it, and what is too much to follow instead of loading. */
#include "directory_fixture.h"

#include "store/engine.h"

static int64_t loads(struct world *w)
{
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    return stats.loads;
}

static int64_t reloads(struct world *w)
{
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    return stats.reloads;
}

static void *load_to_write(void *argument)
{
    struct world *w = argument;
    AUTO_OP op = op_begin();
    op.may_block = true;
    struct resident *resident;
    struct image *image = NULL;
    if (directory_lease(&op, w->directory, w->organization_id, &resident, &image)) return NULL;
    image_drop(image);
    return image;
}

static void *load_to_read(void *argument)
{
    struct world *w = argument;
    AUTO_OP op = op_begin();
    op.may_block = true;
    struct resident *resident;
    struct image *image = NULL;
    if (directory_lease_to_read(&op, w->directory, w->organization_id, &resident, &image)) return NULL;
    image_drop(image);
    return image;
}

/* An image takes its place under the table's lock: while somebody reads the table, a thread can load but not finish. */
static pthread_t begin_loading(struct world *w, void *(*loads_it)(void *))
{
    const int64_t before = loads(w);
    pthread_t thread;
    pthread_rwlock_rdlock(&w->directory->table_lock);
    pthread_create(&thread, NULL, loads_it, w);
    while (atomic_load(&w->directory->loads) == before) usleep(1000);
    return thread;
}

static bool end_loading(struct world *w, pthread_t thread)
{
    void *image;
    pthread_rwlock_unlock(&w->directory->table_lock);
    pthread_join(thread, &image);
    return image != NULL;
}

/* As the follower does first of all when it hears of a commit. */
static void hear_of_version(struct world *w, struct resident *resident)
{
    directory_raise(&resident->known_version, version_of(w, w->organization_id));
}

static void what_is_committed_while_an_image_loads_is_followed(void **state)
{
    struct world *w = *state;
    struct group found;
    struct group *before = other_adds_group(w, "before"), *meanwhile[3];
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    const int64_t loads_before = loads(w);

    pthread_t thread = begin_loading(w, load_to_write);
    for (int i = 0; i < 3; i++) meanwhile[i] = other_adds_group(w, (const char *[]){ "one", "two", "three" }[i]);
    hear_of_version(w, resident);
    assert_true(end_loading(w, thread));

    assert_int_equal(loads(w), loads_before + 1); /* not once more for each commit */
    assert_true(get_group(w, before->id, &found));
    for (int i = 0; i < 3; i++) assert_true(get_group(w, meanwhile[i]->id, &found));
    assert_int_equal(w->op.version, version_of(w, w->organization_id));
    assert_int_equal(loads(w), loads_before + 1);
    assert_sound(w);
}

static void what_cannot_be_followed_while_an_image_loads_makes_it_load_again(void **state)
{
    struct world *w = *state;
    struct group found;
    other_adds_group(w, "before");
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    for (int reads = 0; reads < 2; reads++) {
        directory_unlink(w->directory, resident);
        const int64_t loads_before = loads(w);
        pthread_t thread = begin_loading(w, reads ? load_to_read : load_to_write);
        struct group *meanwhile = other_adds_group(w, reads ? "meanwhile, too" : "meanwhile");
        execute(w, "UPDATE change SET kind = 'nonsense' WHERE organization_id = %lld AND version = %lld",
                (long long)w->organization_id, (long long)version_of(w, w->organization_id));
        hear_of_version(w, resident);
        assert_true(end_loading(w, thread));

        assert_true(get_group(w, meanwhile->id, &found));
        assert_int_equal(loads(w), loads_before + 2); /* the second one is everybody's */
    }
}

static void what_the_database_lost_is_not_waited_for(void **state)
{
    struct world *w = *state;
    struct group found;
    struct group *there = other_adds_group(w, "there");
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    const int64_t loads_before = loads(w), version = version_of(w, w->organization_id);
    directory_raise(&resident->known_version, version + 5); /* as if five commits had been heard of that a failover lost */

    assert_true(get_group(w, there->id, &found));
    assert_int_equal(w->op.version, version);
    assert_int_equal(loads(w), loads_before + 1);
    assert_int_equal(atomic_load(&resident->known_version), version);
}

/* The directory's store, in which another process commits, and is heard of, when the directory has used a reader `at` times. */
static struct {
    struct world *w;
    const struct engine *real;
    int used, at;
} meddled;

static void return_reader_and_meddle(struct store *store, struct db *db)
{
    meddled.real->return_reader(store, db);
    if (++meddled.used != meddled.at) return;
    other_adds_group(meddled.w, "meanwhile");
    refresh(meddled.w, meddled.w->organization_id);
}

static void what_is_committed_while_what_the_database_lost_is_given_up_is_seen(void **state)
{
    struct world *w = *state;
    other_adds_group(w, "there");
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    struct engine engine = *w->f->store->engine;
    meddled.w = w;
    meddled.real = w->f->store->engine;
    engine.return_reader = return_reader_and_meddle;
    bool every_moment = false;
    for (int at = 1; !every_moment; at++) {
        directory_unlink(w->directory, resident);
        directory_raise(&resident->known_version, version_of(w, w->organization_id) + 5);
        meddled.used = 0;
        meddled.at = at;
        w->f->store->engine = &engine;
        struct group found;
        assert_false(get_group(w, 12345, &found));
        w->f->store->engine = meddled.real;
        every_moment = meddled.used < at;
        assert_int_equal(w->op.version, version_of(w, w->organization_id));
    }
}

/* The directory's store, in which another process imports: whenever a reader was used there is one more commit that the log does
 * not tell, and that was heard of. */
static struct {
    struct world *w;
    const struct engine *real;
    struct engine engine;
    int commits;
    int64_t waiting; /* so many threads must wait for the load before it goes on */
} importing;

static void await_waiting(struct world *w, int64_t least)
{
    const struct loading *loading = &directory_find_resident(w->directory, w->organization_id)->loading;
    for (int64_t waiting = -1; waiting < least; usleep(1000)) {
        pthread_mutex_lock(&w->directory->load_mutex);
        waiting = loading->waiting;
        pthread_mutex_unlock(&w->directory->load_mutex);
    }
}

static void return_reader_and_import(struct store *store, struct db *db)
{
    importing.real->return_reader(store, db);
    struct world *w = importing.w;
    await_waiting(w, importing.waiting);
    importing.waiting = 0;
    struct group *group = make_group(w->f, arena_printf(&w->f->op.arena, "imported %d", ++importing.commits));
    struct change_list list = { 0 };
    append(w->f, &list, GROUP_CREATED, NULL, group);
    struct commit commit = { .organization_id = w->organization_id, .time = w->f->op.now, .changes = &list, .bulk = true };
    assert_done(w->f, store_version(&w->f->op, w->other, w->organization_id, &commit.expected_version));
    assert_done(w->f, store_commit(&w->f->op, w->other, &commit));
    directory_raise(&directory_find_resident(w->directory, w->organization_id)->known_version, commit.version);
}

static void begin_importing(struct world *w)
{
    importing.w = w;
    importing.real = w->f->store->engine;
    importing.engine = *importing.real;
    importing.engine.return_reader = return_reader_and_import;
    importing.commits = 0;
    importing.waiting = 0;
    w->f->store->engine = &importing.engine;
}

static void end_importing(struct world *w)
{
    w->f->store->engine = importing.real;
}

static void while_it_is_imported_an_organization_can_be_read(void **state)
{
    struct world *w = *state;
    struct group *before = other_adds_group(w, "before"), found;
    begin_importing(w);
    int64_t version = version_of(w, w->organization_id);
    for (int i = 0; i < 3; i++) {
        const int64_t loads_before = loads(w);
        assert_true(get_group(w, before->id, &found));
        assert_in_range(w->op.version, version,
                        version_of(w, w->organization_id) - 1); /* all that was there, not all that came */
        version = w->op.version;
        assert_int_equal(loads(w), loads_before + 2);
        assert_null(directory_find_image(w->directory, w->organization_id)); /* nobody else may be shown it later */
    }
    end_importing(w);
    assert_true(get_group(w, before->id, &found));
    assert_int_equal(w->op.version, version_of(w, w->organization_id));
    assert_sound(w);
}

/* A change is made to what everybody sees. */
static void it_cannot_be_written_to_meanwhile(void **state)
{
    struct world *w = *state;
    other_adds_group(w, "before");
    begin_importing(w);
    enum err e = directory_create_group(acting(w, 0), &(struct group){ .name = "ours" }, group_fields("name", NULL));
    end_importing(w);
    assert_int_equal(e, ERR_BUSY);
    if (!strstr(w->op.failure.text, "loaded")) fail_msg("\"%s\": not what was loaded is at fault", w->op.failure.text);
    new_group(w, "ours");
    assert_sound(w);
}

static void a_version_can_be_asked_for_meanwhile(void **state)
{
    struct world *w = *state;
    other_adds_group(w, "before");
    begin_importing(w);
    const int64_t version = version_of(w, w->organization_id);
    AUTO_VIEW view;
    struct op *op = acting(w, 0);
    op->at_least = version;
    op->may_block = true;
    assert_ok(w, directory_view(op, false, &view));
    assert_true(op->version >= version);
    end_importing(w);
}

/* Many wait for one load, and then for another that began after they came: not for one each. */
static void who_waits_to_read_shares_what_cannot_be_linked(void **state)
{
    enum { READERS = 8 };
    struct world *w = *state;
    other_adds_group(w, "before");
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    pthread_t threads[READERS];
    const int64_t loads_before = loads(w);
    begin_importing(w);
    importing.waiting = READERS - 1;
    for (int i = 0; i < READERS; i++) pthread_create(&threads[i], NULL, load_to_read, w);
    for (int i = 0; i < READERS; i++) {
        void *image;
        pthread_join(threads[i], &image);
        assert_non_null(image);
    }
    end_importing(w);
    assert_int_equal(loads(w) - loads_before, 4); /* two attempts each: the first may be older than those who came meanwhile */
    assert_null(resident->loading.apart);
}

/* Who came last mostly waits for a second reader, but may be the next to load. */
static void who_waits_to_write_is_not_given_what_cannot_be_linked(void **state)
{
    enum { READERS = 6 };
    struct world *w = *state;
    other_adds_group(w, "before");
    pthread_t readers[READERS], writer;
    void *image;
    begin_importing(w);
    importing.waiting = READERS;
    for (int i = 0; i < READERS; i++) pthread_create(&readers[i], NULL, load_to_read, w);
    await_waiting(w, READERS - 1);
    pthread_create(&writer, NULL, load_to_write, w);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], &image);
        assert_non_null(image);
    }
    pthread_join(writer, &image);
    end_importing(w);
    assert_null(image);
    assert_null(directory_find_resident(w->directory, w->organization_id)->loading.apart);
}

/* One commit with `count` changes of the group's description; the last one is "count", behind as many blanks as make `width`. */
static void describe_widely(struct world *w, const struct group *group, int count, int width)
{
    struct change_list list = { 0 };
    const char *description = NULL;
    for (int i = 1; i <= count; i++) {
        struct group *before = arena_alloc(&w->f->op.arena, sizeof *before), *after = arena_alloc(&w->f->op.arena, sizeof *after);
        *before = *after = *group;
        before->description = description;
        after->description = description = arena_printf(&w->f->op.arena, "%*d", width, i);
        append(w->f, &list, GROUP_UPDATED, before, after);
    }
    assert_done(w->f, commit_others(w, w->organization_id, &list));
}

static void describe_often(struct world *w, const struct group *group, int count)
{
    describe_widely(w, group, count, 1);
}

static void assert_described(struct world *w, const struct group *group, const char *description)
{
    struct group found;
    assert_true(get_group(w, group->id, &found));
    assert_string_equal(found.description, description);
}

static void few_changes_are_followed_and_very_many_are_loaded(void **state)
{
    struct world *w = *state;
    struct group *group = other_adds_group(w, "often");
    struct group found;
    assert_true(get_group(w, group->id, &found));

    describe_often(w, group, 1000);
    refresh(w, w->organization_id);
    assert_described(w, group, "1000");
    assert_int_equal(reloads(w), 0);

    for (int i = 0; i < 3; i++) describe_often(w, group, 7000 + i);
    refresh(w, w->organization_id);
    assert_described(w, group, "7002");
    assert_int_equal(reloads(w), 1);
}

/* Counting is a look at each group. */
static void an_image_is_not_counted_for_each_commit_of_others(void **state)
{
    struct world *w = *state;
    struct group *group = other_adds_group(w, "often");
    struct group found;
    assert_true(get_group(w, group->id, &found));
    struct image *image = directory_find_image(w->directory, w->organization_id);
    (void)image_bytes(image);
    const int64_t counted_version = image->counted_version;
    for (int i = 1; i <= 2; i++) {
        describe_often(w, group, i);
        refresh(w, w->organization_id);
        assert_int_equal(image->version, counted_version + i);
    }
    assert_int_equal(image->counted_version, counted_version);
    image_drop(image);
}

static void more_changes_of_a_large_image_are_followed(void **state)
{
    struct world *w = *state;
    struct group *group = other_adds_group(w, "often");
    struct group found;
    assert_true(get_group(w, group->id, &found));
    struct image *image = directory_find_image(w->directory, w->organization_id);
    atomic_store(&image->counted_version, image->version); /* as if it were large */
    atomic_store(&image->counted_bytes, INT64_C(50000000));
    for (int i = 0; i < 3; i++) describe_often(w, group, 7000 + i);
    refresh(w, w->organization_id);
    assert_described(w, group, "7002");
    assert_int_equal(reloads(w), 0);
    image_drop(image);
}

static void few_changes_that_are_large_are_loaded(void **state)
{
    enum { WIDTH = 10000, OFTEN = 8, EACH = 1000 };
    struct world *w = *state;
    struct group *group = other_adds_group(w, "often");
    struct group found;
    assert_true(get_group(w, group->id, &found));
    describe_widely(w, group, EACH, WIDTH);
    refresh(w, w->organization_id);
    assert_int_equal(reloads(w), 0);

    for (int i = 0; i < OFTEN; i++) describe_widely(w, group, EACH, WIDTH);
    refresh(w, w->organization_id);
    assert_int_equal(reloads(w), 1);
    assert_true(get_group(w, group->id, &found));
    assert_int_equal(strlen(found.description), WIDTH);
}

/* How large the arena is with which a log is read. */
static struct {
    const struct engine *real;
    _Atomic size_t largest;
} arena_seen;

static enum err see_arena(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                          const struct uuid *after_commit_id, int64_t limit, store_log_function function, void *context)
{
    if (op->arena.total > arena_seen.largest) arena_seen.largest = op->arena.total;
    return arena_seen.real->read_log(op, store, organization_id, after_version, after_commit_id, limit, function, context);
}

static void what_one_organization_takes_is_free_again_for_the_next(void **state)
{
    enum { WIDTH = 10000, OFTEN = 100, ORGANIZATIONS = 4, OF_TWO = 2 * OFTEN * 2 * WIDTH };
    struct world *w = *state;
    struct group *groups[ORGANIZATIONS], found;
    for (int i = 0; i < ORGANIZATIONS; i++) {
        w->organization_id = other_adds_organization(w, "o")->id;
        refresh(w, INSTALLATION);
        groups[i] = other_adds_group(w, "often");
        assert_true(get_group(w, groups[i]->id, &found));
    }
    for (int i = 0; i < ORGANIZATIONS; i++) {
        w->organization_id = groups[i]->organization_id;
        describe_widely(w, groups[i], OFTEN, WIDTH);
    }
    struct engine engine = *w->f->store->engine;
    arena_seen.real = w->f->store->engine;
    engine.read_log = see_arena;
    w->f->store->engine = &engine;
    directory_start_background(w->directory);
    int64_t begun = clock_monotonic_ns();
    for (int i = 0; i < ORGANIZATIONS; i++) {
        w->organization_id = groups[i]->organization_id;
        do assert_true(get_group(w, groups[i]->id, &found) && clock_monotonic_ns() - begun < INT64_C(60000000000));
        while (!found.description && !usleep(1000));
    }
    close_directory(w);
    w->f->store->engine = arena_seen.real;
    assert_in_range(arena_seen.largest, 1, OF_TWO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_is_committed_while_an_image_loads_is_followed),
        world_test(what_cannot_be_followed_while_an_image_loads_makes_it_load_again),
        world_test(what_the_database_lost_is_not_waited_for),
        world_test(what_is_committed_while_what_the_database_lost_is_given_up_is_seen),
        world_test(while_it_is_imported_an_organization_can_be_read),
        world_test(it_cannot_be_written_to_meanwhile),
        world_test(a_version_can_be_asked_for_meanwhile),
        world_test(who_waits_to_read_shares_what_cannot_be_linked),
        world_test(who_waits_to_write_is_not_given_what_cannot_be_linked),
        world_test(few_changes_are_followed_and_very_many_are_loaded),
        world_test(an_image_is_not_counted_for_each_commit_of_others),
        world_test(more_changes_of_a_large_image_are_followed),
        world_test(few_changes_that_are_large_are_loaded),
        world_test(what_one_organization_takes_is_free_again_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
