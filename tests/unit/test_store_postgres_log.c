/* Reading the log: between limits, and a piece at a time. What is true of both engines is in test_store_log.c. */
#include "postgres_proxy.h"

struct entries {
    int64_t versions[16], positions[16];
    int count, stop_at;
};

static enum err note_entry(void *context, struct op *op, const struct log_entry *entry)
{
    struct entries *entries = context;
    entries->versions[entries->count] = entry->version;
    entries->positions[entries->count++] = entry->position;
    return entries->count == entries->stop_at ? op_fail(op, ERR_RATE, "", "enough") : ERR_OK;
}

static void the_log_is_read_between_limits(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        struct change_list list = { 0 };
        struct commit commit;
        append(f, &list, USER_CREATED, NULL, make_user(f, "one"));
        append(f, &list, USER_CREATED, NULL, make_user(f, "two"));
        assert_done(f, commit_list(f, f->organization_id, i, &list, &commit));
    }
    static const struct {
        int64_t after, limit;
        int first, count;
    } rows[] = { { 0, 0, 1, 6 }, { 1, 0, 2, 4 }, { 0, 1, 1, 2 }, { 1, 1, 2, 2 },         { 1, 100, 2, 4 },
                 { 3, 0, 0, 0 }, { 9, 5, 0, 0 }, { 0, 3, 1, 6 }, { 0, INT64_MAX, 1, 6 }, { INT64_MAX, INT64_MAX, 0, 0 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct entries entries = { 0 };
        assert_done(f, store_read_log(&f->op, f->store, f->organization_id, rows[i].after, rows[i].limit, note_entry, &entries));
        assert_int_equal(entries.count, rows[i].count);
        for (int j = 0; j < entries.count; j++) {
            assert_int_equal(entries.versions[j], rows[i].first + j / 2);
            assert_int_equal(entries.positions[j], j % 2);
        }
    }
    struct entries stopped = { .stop_at = 3 };
    failure_clear(&f->op.failure);
    assert_int_equal(store_read_log(&f->op, f->store, f->organization_id, 0, 0, note_entry, &stopped), ERR_RATE);
    assert_int_equal(stopped.count, 3);
    assert_failed(f, store_read_log(&f->op, f->store, 999999999, 0, 0, note_entry, &stopped), ERR_NOT_FOUND, "organization");
}

static enum err have_enough(void *context, struct op *op, const struct log_entry *entry)
{
    (void)entry;
    ++*(int *)context;
    return op_fail(op, ERR_TOO_LARGE, "", "that is enough");
}

/* Who has enough of a log was not sent, and does not have in memory, very much more. */
static void a_log_is_read_in_small_pieces_however_large_its_entries_are(void **state)
{
    enum { ENTRIES = 1500, LETTERS = 10000, MOST = 10 << 20 };
    struct fixture *f = *state;
    struct group *before = add_group(f, "described");
    struct change_list list = { 0 };
    int64_t version = f->versions[1];
    for (int i = 0; i < ENTRIES; i++) {
        struct group *after = make(f, before, sizeof *before);
        after->description = arena_printf(&f->op.arena, "%*d", LETTERS, i);
        append(f, &list, GROUP_UPDATED, before, after);
        before = after;
    }
    struct commit commit;
    assert_done(f, commit_list(f, f->organization_id, version, &list, &commit));
    struct proxy *proxy = proxy_open(f);
    struct store *store = open_node(f, proxy->url, 0);
    int entries = 0;
    int64_t told = atomic_load(&proxy->told);
    failure_clear(&f->op.failure);
    assert_int_equal(store_read_log(&f->op, store, f->organization_id, version, 0, have_enough, &entries), ERR_TOO_LARGE);
    assert_int_equal(entries, 1);
    assert_in_range(atomic_load(&proxy->told) - told, LETTERS, MOST);
    store_close(store);
    proxy_close(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(the_log_is_read_between_limits),
        postgres_test(a_log_is_read_in_small_pieces_however_large_its_entries_are),
    };
    return run_postgres_tests(tests);
}
