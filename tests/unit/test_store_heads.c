/* The newest commits of organizations, and a log that is read on from a commit that somebody remembers. */
#include "store_fixture.h"

static enum err count_entry(void *context, struct op *op, const struct log_entry *entry)
{
    (void)op;
    int64_t *last_version = context;
    assert_true(entry->version > *last_version);
    *last_version = entry->version;
    return ERR_OK;
}

static enum err read_since(struct fixture *f, int64_t version, const struct uuid *commit_id, int64_t *ret_last_version)
{
    *ret_last_version = version;
    failure_clear(&f->op.failure);
    return store_read_log_since(&f->op, f->store, f->organization_id, version, commit_id, count_entry, ret_last_version);
}

/* Adds a user; the commit's id. */
static struct uuid add_and_tell(struct fixture *f, const char *name)
{
    struct change_list list = { 0 };
    struct commit commit;
    append(f, &list, USER_CREATED, NULL, make_user(f, name));
    assert_done(f, commit_list(f, f->organization_id, f->versions[1], &list, &commit));
    f->versions[1] = commit.version;
    assert_false(uuid_is_nil(&commit.ret_commit_id));
    return commit.ret_commit_id;
}

static struct uuid loaded_commit(struct fixture *f, int64_t *ret_version)
{
    struct uuid commit_id = uuid_random();
    struct store_sink sink = { .ret_commit_id = &commit_id };
    assert_done(f, store_load(&f->op, f->store, f->organization_id, &sink, NULL, ret_version));
    return commit_id;
}

static void the_log_is_read_on_from_the_commit_that_is_there(void **state)
{
    struct fixture *f = *state;
    int64_t last;
    struct uuid first = add_and_tell(f, "a");
    assert_int_equal(read_since(f, 1, &first, &last), ERR_OK);
    assert_int_equal(last, 1);
    add_and_tell(f, "b");
    struct uuid third = add_and_tell(f, "c");
    assert_int_equal(read_since(f, 1, &first, &last), ERR_OK);
    assert_int_equal(last, 3);
    assert_int_equal(read_since(f, 3, &third, &last), ERR_OK);
    assert_int_equal(last, 3);
}

static void another_commit_or_none_is_told_before_anything_else(void **state)
{
    struct fixture *f = *state;
    struct uuid other = uuid_random(), first = add_and_tell(f, "a"), second = add_and_tell(f, "b");
    int64_t last;
    assert_int_equal(read_since(f, 1, &other, &last), ERR_STALE);
    assert_int_equal(last, 1);
    assert_int_equal(read_since(f, 1, &second, &last), ERR_STALE);
    assert_int_equal(read_since(f, 2, &first, &last), ERR_STALE);
    assert_int_equal(read_since(f, 3, &other, &last), ERR_STALE); /* the log has no such version */
    assert_int_equal(read_since(f, 900, &other, &last), ERR_STALE);
    assert_int_equal(read_since(f, 1, &first, &last), ERR_OK);
}

static void who_remembers_no_commit_is_told_all(void **state)
{
    struct fixture *f = *state;
    int64_t last;
    assert_int_equal(read_since(f, 0, &(struct uuid){ 0 }, &last), ERR_OK);
    assert_int_equal(last, 0);
    add_and_tell(f, "a");
    assert_int_equal(read_since(f, 0, &(struct uuid){ 0 }, &last), ERR_OK);
    assert_int_equal(last, 1);
    f->organization_id = 999999;
    assert_int_equal(read_since(f, 1, &(struct uuid){ .bytes = { 1 } }, &last), ERR_NOT_FOUND);
}

static void a_load_tells_the_commit_of_its_version(void **state)
{
    struct fixture *f = *state;
    int64_t version;
    struct uuid none = loaded_commit(f, &version);
    assert_true(uuid_is_nil(&none));
    assert_int_equal(version, 0);
    struct uuid made = add_and_tell(f, "a"), told = loaded_commit(f, &version);
    assert_true(uuid_equal(&made, &told));
    assert_int_equal(version, 1);
}

struct heads {
    struct store_head items[8];
    size_t count;
};

static enum err keep_head(void *context, struct op *op, const struct store_head *head)
{
    (void)op;
    struct heads *heads = context;
    assert_true(heads->count < COUNT_OF(heads->items));
    heads->items[heads->count++] = *head;
    return ERR_OK;
}

static void heads_are_the_newest_commits_of_those_that_live(void **state)
{
    struct fixture *f = *state;
    struct organization *empty = make_organization(f, "Empty"), *gone = make_organization(f, "Gone");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, empty));
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, gone));
    assert_done(f, change(f, ORGANIZATION_DELETED, gone, NULL));
    add_and_tell(f, "a");
    struct uuid newest = add_and_tell(f, "b");
    struct heads heads = { 0 };
    assert_done(f, store_list_heads(&f->op, f->store, keep_head, &heads));
    assert_int_equal(heads.count, 3);
    assert_int_equal(heads.items[0].organization_id, INSTALLATION);
    assert_int_equal(heads.items[0].version, f->versions[0]);
    assert_false(uuid_is_nil(&heads.items[0].commit_id));
    assert_int_equal(heads.items[1].organization_id, f->organization_id);
    assert_int_equal(heads.items[1].version, 2);
    assert_true(uuid_equal(&heads.items[1].commit_id, &newest));
    assert_int_equal(heads.items[2].organization_id, empty->id);
    assert_int_equal(heads.items[2].version, 0);
    assert_true(uuid_is_nil(&heads.items[2].commit_id));
}

/* ---- a database that may have gone back */

static enum err ignore_version(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    (void)context, (void)op, (void)organization_id, (void)version;
    return ERR_OK;
}

static void an_epoch_lasts_as_long_as_the_connection(void **state)
{
    struct fixture *f = *state;
    int64_t cursor = 0;
    assert_done(f, store_follow(&f->op, f->store, &cursor, ignore_version, NULL));
    int64_t epoch = store_epoch(f->store);
    add_and_tell(f, "a");
    for (int i = 0; i < 3; i++) {
        store_wait(f->store, 20);
        assert_done(f, store_follow(&f->op, f->store, &cursor, ignore_version, NULL));
    }
    assert_int_equal(store_epoch(f->store), epoch);
    if (f->place.engine != PLACE_POSTGRES) return;
    place_number(&f->place, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                            " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    for (int i = 0; i < 500 && store_epoch(f->store) == epoch; i++) {
        store_wait(f->store, 20);
        if (store_follow(&f->op, f->store, &cursor, ignore_version, NULL)) failure_clear(&f->op.failure);
    }
    assert_int_equal(store_epoch(f->store), epoch + 1);
    cursor += 1000000; /* as one of a server that was ahead */
    for (int i = 0; i < 500 && store_epoch(f->store) == epoch + 1; i++) {
        store_wait(f->store, 20);
        assert_done(f, store_follow(&f->op, f->store, &cursor, ignore_version, NULL));
    }
    assert_int_equal(store_epoch(f->store), epoch + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(the_log_is_read_on_from_the_commit_that_is_there),
        store_test(another_commit_or_none_is_told_before_anything_else),
        store_test(who_remembers_no_commit_is_told_all),
        store_test(a_load_tells_the_commit_of_its_version),
        store_test(heads_are_the_newest_commits_of_those_that_live),
        store_test(an_epoch_lasts_as_long_as_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
