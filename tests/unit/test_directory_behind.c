/* An organization that cannot be followed: the others do not notice, and it is followed when it can be. */
#include "directory_fixture.h"

#include "store/engine.h"

#define SECRET "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e"

static void await_group(struct world *w, int64_t group_id)
{
    struct group found;
    int64_t begun = clock_now();
    while (!get_group(w, group_id, &found) && clock_now() - begun < 20000000) usleep(5000);
    assert_true(get_group(w, group_id, &found));
}

static void await_gone(struct world *w, int64_t organization_id)
{
    int64_t begun = clock_now();
    while (directory_find_resident(w->directory, organization_id) && clock_now() - begun < 20000000) usleep(5000);
    assert_null(directory_find_resident(w->directory, organization_id));
}

static void await_stale(struct world *w, bool stale)
{
    int64_t begun = clock_now();
    while (directory_stale(w->directory) != stale && clock_now() - begun < 20000000) usleep(5000);
    assert_true(directory_stale(w->directory) == stale);
}

static void open_with_follower(struct world *w)
{
    struct directory_options options = quiet_options;
    options.background = true;
    close_directory(w);
    open_directory(w, &options);
    await_first_round(w);
}

/* Its log has an entry that nobody can read. */
static void spoil_log(struct world *w, int64_t organization_id, int64_t version)
{
    execute(w, "UPDATE change SET kind = 'nonsense' WHERE organization_id = %lld AND version = %lld", (long long)organization_id,
            (long long)version);
}

static void one_that_cannot_be_followed_does_not_keep_others_from_anything(void **state)
{
    struct world *w = *state;
    struct organization *good = other_adds_organization(w, "good");
    int64_t bad = w->organization_id;
    close_directory(w);
    open_directory(w, &quiet_options);
    new_group(w, "the bad one is in memory");
    w->organization_id = good->id;
    new_group(w, "the good one is in memory");

    /* Both are in the follower's first round: the store tells the bad one first. */
    w->organization_id = bad;
    struct group *unseen = other_adds_group(w, "unseen");
    spoil_log(w, bad, version_of(w, bad));
    w->organization_id = good->id;
    struct group *first = other_adds_group(w, "first");
    directory_start_background(w->directory);
    await_group(w, first->id);
    for (int i = 0; i < 3; i++) {
        struct group *theirs = other_adds_group(w, i ? "later" : "at once");
        await_group(w, theirs->id);
        assert_false(directory_stale(w->directory));
        assert_ok(w, directory_delete_group(acting(w, 0), theirs->id));
    }
    other_adds_credential(w, 0, SECRET);
    await_authenticated(w, SECRET);

    /* The log leads nowhere, but what is outdated is dropped, and loaded when it is asked for. */
    w->organization_id = bad;
    await_group(w, unseen->id);
    assert_false(directory_stale(w->directory));
}

/* A held row keeps a write here waiting for seconds. */
static void a_write_that_waits_keeps_the_follower_from_its_organization_alone(void **state)
{
    struct world *w = *state;
    struct organization *other = other_adds_organization(w, "other");
    int64_t held = w->organization_id;
    open_with_follower(w);
    new_group(w, "the held one is in memory");
    w->organization_id = other->id;
    new_group(w, "the other one is in memory");

    w->organization_id = held;
    struct turn *turn = &directory_find_resident(w->directory, held)->turn;
    turn_take(turn);
    struct group *late = other_adds_group(w, "late");
    w->organization_id = other->id;
    for (int i = 0; i < 3; i++) await_group(w, other_adds_group(w, i ? "more" : "at once")->id);
    w->organization_id = held;
    other_adds_credential(w, 0, SECRET);
    await_authenticated(w, SECRET); /* nor does who may call wait for an image */
    struct group unseen;
    assert_false(get_group(w, late->id, &unseen));
    assert_false(directory_stale(w->directory));
    turn_give(turn, true);
    await_group(w, late->id);
}

enum { NOBODYS = -1 };

/* The directory's store: while a row is held each write of that organization waits, and is refused. */
static struct {
    const struct engine *real;
    _Atomic int64_t held; /* the organization, or NOBODYS; 0: none, and nobody writes any more */
    _Atomic int refused;
} holding;

static void start_commit_if_not_held(struct op *op, struct store *store, struct commit *commit, store_commit_done done,
                                     void *context)
{
    if (commit->organization_id != holding.held) {
        holding.real->commit_start(op, store, commit, done, context);
        return;
    }
    usleep(50000);
    done(context, op_fail(op, ERR_BUSY, "", "the row is held"));
}

static void *write_until_it_is_free(void *argument)
{
    struct world *w = argument;
    while (holding.held) {
        AUTO_OP op = op_begin();
        op.directory = w->directory;
        op.caller = (struct caller){ .organization_id = w->organization_id, .rights = RIGHT_READ | RIGHT_WRITE };
        enum err e = directory_create_group(&op, &(struct group){ .name = "late" }, group_fields("name", NULL));
        if (e == ERR_BUSY) holding.refused++;
    }
    return NULL;
}

static void writes_that_follow_each_other_and_wait_do_not_keep_what_others_did_from_being_seen(void **state)
{
    enum { WRITERS = 4 };
    struct world *w = *state;
    struct engine engine = *w->f->store->engine;
    holding.real = w->f->store->engine;
    engine.commit_start = start_commit_if_not_held;
    w->f->store->engine = &engine;
    open_with_follower(w);
    new_group(w, "it is in memory");
    holding.held = w->organization_id;
    pthread_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) pthread_create(&writers[i], NULL, write_until_it_is_free, w);
    while (holding.refused < WRITERS) usleep(1000);
    struct group *theirs = other_adds_group(w, "theirs"), found;
    int64_t begun = clock_now();
    while (!get_group(w, theirs->id, &found) && clock_now() - begun < 5000000) usleep(5000);
    bool seen = get_group(w, theirs->id, &found);
    holding.held = 0;
    for (int i = 0; i < WRITERS; i++) pthread_join(writers[i], NULL);
    close_directory(w);
    w->f->store->engine = holding.real;
    assert_true(seen);
}

/* The follower looks seldom here, so that it is not by luck that it finds nobody writing. */
static void one_that_is_deleted_is_gone_however_many_write_to_it(void **state)
{
    enum { WRITERS = 8 };
    struct world *w = *state;
    struct organization *organization = other_adds_organization(w, "deleted");
    open_with_follower(w);
    struct directory_options seldom = quiet_options;
    seldom.follow_interval_ms = 1000;
    directory_reload(w->directory, &seldom);
    int64_t first = w->organization_id;
    w->organization_id = organization->id;
    new_group(w, "it is in memory");
    holding.held = NOBODYS;
    pthread_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) pthread_create(&writers[i], NULL, write_until_it_is_free, w);
    usleep(100000);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization, NULL);
    int64_t begun = clock_now();
    while (directory_find_resident(w->directory, organization->id) && clock_now() - begun < 10000000) usleep(5000);
    bool gone = !directory_find_resident(w->directory, organization->id);
    holding.held = 0;
    for (int i = 0; i < WRITERS; i++) pthread_join(writers[i], NULL);
    w->organization_id = first;
    assert_true(gone);
}

/* With PostgreSQL the follower looks again when it hears something, here of an organization that there is not, or a second later;
 * with SQLite all the time. */
static void wake_follower(struct world *w)
{
    if (w->f->place.engine == PLACE_POSTGRES) execute(w, "SELECT pg_notify('roster', '999999999:1')");
}

static void it_is_followed_when_it_can_be(void **state)
{
    struct world *w = *state;
    open_with_follower(w);
    execute(w, "ALTER TABLE credential RENAME TO hidden");
    struct group *theirs = other_adds_group(w, "theirs");
    for (int i = 0; i < 7; i++) { /* it fails some times */
        wake_follower(w);
        usleep(100000);
    }
    assert_false(directory_stale(w->directory));
    execute(w, "ALTER TABLE hidden RENAME TO credential");
    other_adds_credential(w, 0, SECRET);
    await_authenticated(w, SECRET);
    await_group(w, theirs->id);
}

enum readable { EVERYTHING, ONLY_THE_LOG, NOTHING };

/* The directory's store: what the follower can read of it, and how often it was refused the rest. */
static struct {
    const struct engine *real;
    struct engine limited;
    _Atomic enum readable readable;
    _Atomic int refused;
} reading;
static _Thread_local bool is_follower, reads_log;

static enum err follow_as_the_follower(struct op *op, struct store *store, int64_t *cursor, store_version_function function,
                                       void *context)
{
    is_follower = true;
    return reading.real->follow(op, store, cursor, function, context);
}

static enum err read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                         const struct uuid *after_commit_id, int64_t limit, store_log_function function, void *context)
{
    reads_log = true;
    enum err e = reading.real->read_log(op, store, organization_id, after_version, after_commit_id, limit, function, context);
    reads_log = false;
    return e;
}

static enum err take_reader_if_it_may_read(struct op *op, struct store *store, struct db **ret_db)
{
    enum readable readable = reading.readable;
    if (!is_follower || readable == EVERYTHING || (readable == ONLY_THE_LOG && reads_log))
        return reading.real->take_reader(op, store, ret_db);
    reading.refused++;
    return op_fail(op, ERR_STORAGE, "", "the follower cannot read this now");
}

static void limit_reading(struct store *store)
{
    reading.real = store->engine;
    reading.limited = *store->engine;
    reading.limited.follow = follow_as_the_follower;
    reading.limited.read_log = read_log;
    reading.limited.take_reader = take_reader_if_it_may_read;
    reading.readable = EVERYTHING;
    reading.refused = 0;
    store->engine = &reading.limited;
}

/* The follower is told of them once. From then on it fails until each was tried some times. */
static void follow_organizations_that_came_and_went(struct world *w, enum readable readable)
{
    enum { REFUSALS = 14 };
    struct organization *gone = other_adds_organization(w, "gone"), *also_gone = other_adds_organization(w, "also gone");
    w->organization_id = gone->id;
    other_adds_credential(w, 0, SECRET);
    w->organization_id = also_gone->id;
    other_adds_credential(w, 0, SECRET "2");
    limit_reading(w->f->store);
    open_with_follower(w);
    await_authenticated(w, SECRET);

    reading.readable = readable;
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, gone, NULL);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, also_gone, NULL);
    struct organization *made = other_adds_organization(w, "made");
    w->organization_id = made->id;
    other_adds_credential(w, 0, SECRET "3");
    int64_t begun = clock_now();
    while (reading.refused < REFUSALS && clock_now() - begun < 60000000) {
        wake_follower(w);
        usleep(20000);
    }
    assert_true(reading.refused >= REFUSALS);
    reading.readable = EVERYTHING;

    await_authenticated(w, SECRET "3");
    await_gone(w, gone->id);
    await_gone(w, also_gone->id);
    assert_int_equal(authenticate_bearer(w, SECRET), ERR_UNAUTHENTICATED);
    assert_int_equal(authenticate_bearer(w, SECRET "2"), ERR_UNAUTHENTICATED);
}

static void organizations_that_came_and_went_are_not_forgotten_if_the_log_cannot_be_read(void **state)
{
    follow_organizations_that_came_and_went(*state, NOTHING);
}

static void organizations_that_came_and_went_are_not_forgotten_if_they_cannot_be_read(void **state)
{
    follow_organizations_that_came_and_went(*state, ONLY_THE_LOG);
}

static void what_was_committed_before_the_follower_began_is_followed_at_once(void **state)
{
    struct world *w = *state;
    struct directory_options options = quiet_options;
    options.follow_interval_ms = 60000;
    directory_reload(w->directory, &options);
    new_group(w, "it is in memory");
    struct group *theirs = other_adds_group(w, "theirs");
    directory_start_background(w->directory);
    await_group(w, theirs->id);
}

/* While nothing can be followed nobody may write. */
static void what_failed_is_tried_again_soon_however_seldom_is_followed(void **state)
{
    struct world *w = *state;
    struct directory_options options = quiet_options;
    options.follow_interval_ms = 60000;
    directory_reload(w->directory, &options);
    new_group(w, "it is in memory");
    struct group *theirs = other_adds_group(w, "theirs");
    execute(w, "ALTER TABLE change RENAME TO hidden");
    directory_start_background(w->directory);
    await_stale(w, true);
    execute(w, "ALTER TABLE hidden RENAME TO change");
    await_stale(w, false);
    await_group(w, theirs->id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_was_committed_before_the_follower_began_is_followed_at_once),
        world_test(what_failed_is_tried_again_soon_however_seldom_is_followed),
        world_test(one_that_cannot_be_followed_does_not_keep_others_from_anything),
        world_test(a_write_that_waits_keeps_the_follower_from_its_organization_alone),
        world_test(writes_that_follow_each_other_and_wait_do_not_keep_what_others_did_from_being_seen),
        world_test(one_that_is_deleted_is_gone_however_many_write_to_it),
        world_test(it_is_followed_when_it_can_be),
        world_test(organizations_that_came_and_went_are_not_forgotten_if_the_log_cannot_be_read),
        world_test(organizations_that_came_and_went_are_not_forgotten_if_they_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
