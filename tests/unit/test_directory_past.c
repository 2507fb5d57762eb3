/* The database went back: it has not the commits any more that this node knew of, and perhaps others with their numbers. */
#include "directory_fixture.h"

#include "capture.h"

#include <stdarg.h>

#define SECRET "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e"

static enum err authenticate(struct world *w, const char *header)
{
    AUTO_OP op = op_begin();
    return credentials_authenticate(&op, directory_credentials(w->directory), header, FORM_BEARER);
}

static void lose_newest_version(struct world *w, int64_t organization_id)
{
    execute(w, "DELETE FROM change WHERE organization_id = %lld AND version = %lld", (long long)organization_id,
            (long long)version_of(w, organization_id));
    execute(w, "UPDATE organization SET version = version - 1 WHERE id = %lld", (long long)organization_id);
    if (w->f->place.engine == PLACE_SQLITE)
        execute(w,
                "UPDATE organization SET last_sequence = (SELECT coalesce(max(sequence), 0) FROM change WHERE organization_id ="
                " %lld) WHERE id = %lld",
                (long long)organization_id, (long long)organization_id);
}

/* A group whose commit the database loses. */
static int64_t add_lost_group(struct world *w)
{
    int64_t id = new_group(w, "lost");
    execute(w, "DELETE FROM user_group WHERE id = %lld", (long long)id);
    lose_newest_version(w, w->organization_id);
    return id;
}

static bool shows(struct world *w, int64_t group_id)
{
    struct group group;
    return get_group(w, group_id, &group);
}

static void drop_image(struct world *w)
{
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    turn_take(&resident->turn);
    directory_unlink(w->directory, resident);
    turn_give(&resident->turn, true);
}

/* What the follower does when the store says that the database may have gone back. */
static void compare_all(struct world *w)
{
    AUTO_OP op = op_begin();
    assert_int_equal(directory_compare_all(&op, w->directory), ERR_OK);
    directory_follow_behind(w->directory);
    assert_null(w->directory->behind_first);
}

static int64_t reloads(struct world *w)
{
    struct directory_stats stats;
    directory_stats(w->directory, &stats);
    return stats.reloads;
}

/* --- noticed by whoever needs the log --- */

static void a_write_is_not_kept_from_going_on_by_a_lost_commit(void **state)
{
    struct world *w = *state;
    int64_t kept = new_group(w, "kept"), lost = add_lost_group(w);
    assert_true(shows(w, lost));
    int64_t id = new_group(w, "new");
    assert_true(shows(w, kept) && shows(w, id));
    assert_false(shows(w, lost));
    assert_int_equal(reloads(w), 1);
    assert_sound(w);
}

static void other_commits_with_the_lost_numbers_are_noticed(void **state)
{
    struct world *w = *state;
    new_group(w, "kept");
    int64_t lost = add_lost_group(w);
    struct group *first = other_adds_group(w, "first"), *second = other_adds_group(w, "second");
    refresh(w, w->organization_id);
    assert_false(shows(w, lost));
    assert_true(shows(w, first->id) && shows(w, second->id));
    assert_refused(w, directory_create_group(acting(w, 0), &(struct group){ .name = "first" }, group_fields("name", NULL)),
                   ERR_EXISTS, "name");
    assert_sound(w);
}

/* The same when the image did not come by commits of this node, but was loaded, or followed others. */
static void a_loaded_image_is_compared_too(void **state)
{
    struct world *w = *state;
    for (int followed = 0; followed < 2; followed++) {
        new_group(w, followed ? "in memory" : "kept");
        struct group *lost = other_adds_group(w, "lost");
        if (followed) refresh(w, w->organization_id);
        else drop_image(w);
        assert_true(shows(w, lost->id));
        execute(w, "DELETE FROM user_group WHERE id = %lld", (long long)lost->id);
        lose_newest_version(w, w->organization_id);
        struct group *theirs = other_adds_group(w, "theirs"), *more = other_adds_group(w, "more");
        refresh(w, w->organization_id);
        assert_false(shows(w, lost->id));
        assert_true(shows(w, theirs->id) && shows(w, more->id));
        commit_one(w, w->organization_id, GROUP_DELETED, theirs, NULL);
        commit_one(w, w->organization_id, GROUP_DELETED, more, NULL);
        refresh(w, w->organization_id);
    }
    assert_int_equal(reloads(w), 2);
    assert_sound(w);
}

static void what_was_not_lost_is_not_read_again(void **state)
{
    struct world *w = *state;
    int64_t id = new_group(w, "ours");
    other_adds_group(w, "theirs");
    refresh(w, w->organization_id);
    compare_all(w);
    new_group(w, "ours too");
    compare_all(w);
    drop_image(w);
    assert_true(shows(w, id));
    other_adds_group(w, "theirs too");
    refresh(w, w->organization_id);
    assert_int_equal(reloads(w), 0);
}

/* --- noticed because the store says that the database may have gone back --- */

static void an_organization_can_be_read_although_a_lost_version_was_heard_of(void **state)
{
    struct world *w = *state;
    int64_t kept = new_group(w, "kept");
    add_lost_group(w);
    drop_image(w);
    compare_all(w);
    assert_true(shows(w, kept));
}

static void an_image_of_lost_commits_is_read_again(void **state)
{
    struct world *w = *state;
    new_group(w, "kept");
    int64_t lost = add_lost_group(w);
    compare_all(w);
    assert_false(shows(w, lost));
    lost = add_lost_group(w);
    struct group *theirs = other_adds_group(w, "the same number");
    compare_all(w);
    assert_false(shows(w, lost));
    assert_true(shows(w, theirs->id));
}

/* This node made it, or read it, before the database lost it; and one that it dropped came back. */
static void credentials_are_as_the_database_has_them(void **state)
{
    struct world *w = *state;
    struct credential *lost = other_adds_credential(w, 0, SECRET);
    refresh(w, w->organization_id);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_OK);
    execute(w, "DELETE FROM credential WHERE id = %lld", (long long)lost->id);
    lose_newest_version(w, w->organization_id);
    other_adds_group(w, "the same number");
    compare_all(w);
    assert_int_equal(authenticate(w, "Bearer " SECRET), ERR_UNAUTHENTICATED);

    struct credential *kept = other_adds_credential(w, 0, SECRET "2"), *revoked = make(w->f, kept, sizeof *kept);
    revoked->revoked_at = w->f->op.now;
    commit_one(w, w->organization_id, CREDENTIAL_REVOKED, kept, revoked);
    refresh(w, w->organization_id);
    assert_int_equal(authenticate(w, "Bearer " SECRET "2"), ERR_UNAUTHENTICATED);
    execute(w, "UPDATE credential SET revoked_at = NULL WHERE id = %lld", (long long)kept->id);
    lose_newest_version(w, w->organization_id);
    compare_all(w);
    assert_int_equal(authenticate(w, "Bearer " SECRET "2"), ERR_OK);
}

static void organizations_are_those_that_the_database_has(void **state)
{
    struct world *w = *state;
    struct organization *lost = other_adds_organization(w, "lost");
    refresh(w, INSTALLATION);
    assert_non_null(directory_find_resident(w->directory, lost->id));
    execute(w, "DELETE FROM organization WHERE id = %lld", (long long)lost->id);
    lose_newest_version(w, INSTALLATION);
    compare_all(w);
    assert_null(directory_find_resident(w->directory, lost->id));
    struct organization *theirs = other_adds_organization(w, "of the same number of a version");
    compare_all(w);
    assert_non_null(directory_find_resident(w->directory, theirs->id));
    w->organization_id = theirs->id;
    new_group(w, "it can be written to");
    assert_sound(w);
}

/* --- what the log says of it --- */

static char said[4096]; /* since begin_capture */

static void end_capture(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    ssize_t size = pread(fileno(captured), said, sizeof said - 1, 0);
    said[size > 0 ? size : 0] = '\0';
    fclose(captured);
}

static int count_of(const char *words, const char *text)
{
    int count = 0;
    for (; (text = strstr(text, words)); text++) count++;
    return count;
}

static void the_log_says_what_was_seen_and_what_there_is(void **state)
{
    struct world *w = *state;
    const int64_t id = w->organization_id;
    AUTO_OP op = op_begin();
    new_group(w, "version 1");
    add_lost_group(w);
    begin_capture();
    compare_all(w);
    end_capture();
    assert_int_equal(count_of("went back", said), 1);
    assert_non_null(strstr(said, arena_printf(&op.arena,
                                              "organization %lld: the database went back: this node had seen version 2,"
                                              " the database has version 1 now;",
                                              (long long)id)));

    add_lost_group(w);
    other_adds_group(w, "another version 2");
    other_adds_group(w, "version 3");
    begin_capture();
    refresh(w, id);
    end_capture();
    assert_non_null(strstr(said, " had seen version 2, in the database that is another commit, and version 3 is the newest;"));

    add_lost_group(w);
    execute(w, "UPDATE organization SET deleted_at = 1, name = '', uuid = NULL WHERE id = %lld", (long long)id);
    begin_capture();
    enum err e = directory_refresh(&op, w->directory, id, 5, 60000);
    end_capture();
    assert_int_equal(e, ERR_OK);
    assert_non_null(strstr(said, " had seen version 4, the database does not have the organization any more;"));
}

/* Under the same number. Whatever is heard of first. */
static void nothing_went_back_when_an_organization_is_deleted_and_made_again(void **state)
{
    struct world *w = *state;
    for (int itself_first = 0; itself_first < 2; itself_first++) {
        struct organization *old = other_adds_organization(w, "old"), *new = make(w->f, old, sizeof *old);
        w->organization_id = old->id;
        refresh(w, INSTALLATION);
        other_adds_group(w, "old");
        new_group(w, "in memory");
        commit_one(w, INSTALLATION, ORGANIZATION_DELETED, old, NULL);
        new->uuid = uuid_random();
        commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, new);
        struct group *theirs = other_adds_group(w, "new");
        begin_capture();
        refresh(w, itself_first ? new->id : INSTALLATION);
        refresh(w, itself_first ? INSTALLATION : new->id);
        compare_all(w);
        end_capture();
        assert_string_equal(said, "");
        assert_true(shows(w, theirs->id));
    }
    assert_sound(w);
}

/* --- by the follower itself --- */

static bool is_shown_for(struct world *w, int64_t group_id, int64_t limit_us)
{
    int64_t begun = clock_now();
    bool shown;
    while ((shown = shows(w, group_id)) && clock_now() - begun < limit_us) usleep(5000);
    return shown;
}

static void a_follower_that_lost_its_connection_compares(void **state)
{
    struct world *w = *state;
    if (w->f->place.engine != PLACE_POSTGRES) skip(); /* SQLite's file does not go back under a server */
    struct directory_options options = quiet_options;
    options.background = true;
    close_directory(w);
    open_directory(w, &options);
    await_first_round(w);
    new_group(w, "kept");
    int64_t lost = add_lost_group(w);
    assert_true(is_shown_for(w, lost, 300000)); /* nobody can know */
    execute(w, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
               " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    int64_t begun = clock_now();
    while (!reloads(w) && clock_now() - begun < 20000000) usleep(5000);
    assert_int_equal(reloads(w), 1);
    assert_false(shows(w, lost));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_write_is_not_kept_from_going_on_by_a_lost_commit),
        world_test(other_commits_with_the_lost_numbers_are_noticed),
        world_test(a_loaded_image_is_compared_too),
        world_test(what_was_not_lost_is_not_read_again),
        world_test(an_organization_can_be_read_although_a_lost_version_was_heard_of),
        world_test(an_image_of_lost_commits_is_read_again),
        world_test(credentials_are_as_the_database_has_them),
        world_test(organizations_are_those_that_the_database_has),
        world_test(the_log_says_what_was_seen_and_what_there_is),
        world_test(nothing_went_back_when_an_organization_is_deleted_and_made_again),
        world_test(a_follower_that_lost_its_connection_compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
