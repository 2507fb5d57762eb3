/* The log: what was committed can be read again in order, and other stores on the same database notice. */
#include "store_fixture.h"

struct entries {
    struct log_entry items[600];
    size_t count;
    struct arena *arena;
    enum err answer;
};

static enum err keep_entry(void *context, struct op *op, const struct log_entry *entry)
{
    (void)op;
    struct entries *entries = context;
    assert_true(entries->count < COUNT_OF(entries->items));
    struct log_entry *kept = &entries->items[entries->count++];
    *kept = *entry;
    kept->detail = arena_strdup(entries->arena, entry->detail);
    return entries->answer;
}

static struct entries *read_log(struct fixture *f, int64_t organization_id, int64_t after, int64_t limit)
{
    struct entries *entries = arena_zalloc(&f->op.arena, sizeof(*entries));
    entries->arena = &f->op.arena;
    assert_done(f, store_read_log(&f->op, f->store, organization_id, after, limit, keep_entry, entries));
    return entries;
}

static void an_entry_tells_who_when_and_what(void **state)
{
    struct fixture *f = *state;
    struct user *before = add_user(f, "ada"), *after = make(f, before, sizeof(*before));
    after->display_name = "Ada";
    assert_done(f, change(f, USER_UPDATED, before, after));

    struct entries *entries = read_log(f, f->organization_id, 1, 0);
    assert_int_equal(entries->count, 1);
    struct log_entry *entry = &entries->items[0];
    assert_int_equal(entry->organization_id, f->organization_id);
    assert_int_equal(entry->version, 2);
    assert_int_equal(entry->position, 0);
    assert_int_equal(entry->time, f->op.now);
    assert_int_equal(entry->credential_id, 3);
    assert_int_equal(entry->user_id, 7);
    assert_int_equal(entry->kind, USER_UPDATED);
    struct change change;
    assert_done(f, change_read_detail(&f->op, entry->kind, entry->detail, &change));
    assert_int_equal(change.after.user->id, before->id);
    assert_string_equal(change.after.user->display_name, "Ada");
}

static void a_number_given_by_the_store_is_in_the_log(void **state)
{
    struct fixture *f = *state;
    struct group *group = add_group(f, "g");
    struct entries *entries = read_log(f, f->organization_id, 0, 0);
    struct change change;
    assert_done(f, change_read_detail(&f->op, GROUP_CREATED, entries->items[0].detail, &change));
    assert_int_equal(change.after.group->id, group->id);
}

static void a_commit_of_many_changes_is_one_version(void **state)
{
    struct fixture *f = *state;
    struct change_list list = { 0 };
    for (int i = 0; i < 5; i++) append(f, &list, USER_CREATED, NULL, make_user(f, "u"));
    struct commit commit;
    assert_done(f, commit_list(f, f->organization_id, 0, &list, &commit));
    struct entries *entries = read_log(f, f->organization_id, 0, 0);
    assert_int_equal(entries->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(entries->items[i].version, 1);
        assert_int_equal(entries->items[i].position, i);
    }
    assert_int_equal(read_log(f, f->organization_id, 1, 0)->count, 0);
}

/* Versions 1 to 200 of two changes each; pages end before, at and behind the milestones of the log. */
static void any_part_of_the_log_can_be_read_in_order(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 200; i++) {
        struct change_list list = { 0 };
        append(f, &list, USER_CREATED, NULL, make_user(f, "a"));
        append(f, &list, USER_CREATED, NULL, make_user(f, "b"));
        struct commit commit;
        assert_done(f, commit_list(f, f->organization_id, i, &list, &commit));
    }
    static const int64_t afters[] = { 0, 1, 62, 63, 64, 65, 127, 128, 150, 198, 199, 200, 1000 },
                         limits[] = { 0, 1, 2, 63, 64, 65, 500 };
    for (size_t a = 0; a < COUNT_OF(afters); a++) {
        for (size_t l = 0; l < COUNT_OF(limits); l++) {
            struct entries *entries = read_log(f, f->organization_id, afters[a], limits[l]);
            int64_t versions = afters[a] < 200 ? 200 - afters[a] : 0;
            if (limits[l] && versions > limits[l]) versions = limits[l];
            assert_int_equal(entries->count, versions * 2);
            for (size_t i = 0; i < entries->count; i++) {
                assert_int_equal(entries->items[i].version, afters[a] + 1 + (int64_t)i / 2);
                assert_int_equal(entries->items[i].position, i % 2);
            }
        }
    }
}

static void organizations_do_not_see_each_others_log(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ada");
    struct organization *other = make_organization(f, "Other");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, other));
    assert_int_equal(read_log(f, other->id, 0, 0)->count, 0);
    assert_int_equal(read_log(f, f->organization_id, 0, 0)->count, 1);
    struct entries *installation = read_log(f, INSTALLATION, 0, 0);
    assert_int_equal(installation->count, 2);
    assert_int_equal(installation->items[1].kind, ORGANIZATION_CREATED);
    struct entries entries = { 0 };
    assert_failed(f, store_read_log(&f->op, f->store, 999999, 0, 0, keep_entry, &entries), ERR_NOT_FOUND, "organization");
}

static void the_log_of_a_deleted_organization_can_be_read(void **state)
{
    struct fixture *f = *state;
    add_user(f, "ada");
    struct organization *gone = load(f, f->organization_id)->objects[NOUN_ORGANIZATION][0].organization;
    assert_done(f, change(f, ORGANIZATION_DELETED, gone, NULL));
    assert_int_equal(read_log(f, f->organization_id, 0, 0)->count, 1);
}

static void a_reader_can_stop(void **state)
{
    struct fixture *f = *state;
    add_user(f, "a");
    add_user(f, "b");
    struct entries entries = { .arena = &f->op.arena, .answer = ERR_TOO_LARGE };
    assert_int_equal(store_read_log(&f->op, f->store, f->organization_id, 0, 0, keep_entry, &entries), ERR_TOO_LARGE);
    assert_int_equal(entries.count, 1);
}

/* ---- following */

/* Who follows. PostgreSQL may tell once more of what was told already, while anybody in the cluster has a transaction open: that
 * is no news. */
struct listener {
    const struct fixture *f;
    struct store *store;
    int64_t cursor;
    int64_t told[2]; /* the newest version of the installation, and of the fixture's organization */
};

struct news {
    struct listener *listener;
    int64_t organization_id[8], version[8];
    size_t count;
};

static enum err keep_news(void *context, struct op *op, int64_t organization_id, int64_t version)
{
    (void)op;
    struct news *news = context;
    int64_t *told = &news->listener->told[organization_id != INSTALLATION];
    if (news->listener->f->place.engine == PLACE_POSTGRES && version <= *told) return ERR_OK;
    *told = version;
    assert_true(news->count < COUNT_OF(news->version));
    news->organization_id[news->count] = organization_id;
    news->version[news->count++] = version;
    return ERR_OK;
}

static struct news follow(struct fixture *f, struct listener *listener)
{
    struct news news = { .listener = listener };
    assert_done(f, store_follow(&f->op, listener->store, &listener->cursor, keep_news, &news));
    return news;
}

static void another_store_on_the_same_database_notices_each_organization_once(void **state)
{
    struct fixture *f = *state;
    struct store *other = open_at(f, f->url);
    struct store_sink sink = { 0 };
    struct listener listener = { .f = f, .store = other, .told = { f->versions[0], f->versions[1] } };
    assert_done(f, store_load_credentials(&f->op, other, &sink, &listener.cursor));
    assert_int_equal(follow(f, &listener).count, 0);

    add_user(f, "a");
    add_user(f, "b");
    assert_done(f, change(f, ORGANIZATION_CREATED, NULL, make_organization(f, "New")));
    struct listener again = listener;
    struct news news = follow(f, &listener);
    assert_int_equal(news.count, 2);
    assert_int_equal(news.organization_id[0], f->organization_id);
    assert_int_equal(news.version[0], 2);
    assert_int_equal(news.organization_id[1], INSTALLATION);
    assert_int_equal(news.version[1], f->versions[0]);
    assert_int_equal(follow(f, &listener).count, 0);
    /* Another cursor of the same store. An open transaction may have held both on the same number: all of that was told. */
    assert_true(again.cursor != listener.cursor || f->place.engine == PLACE_POSTGRES);
    size_t news_of_another = again.cursor != listener.cursor ? 2 : 0;
    assert_int_equal(follow(f, &again).count, news_of_another);
    struct listener elsewhere = listener; /* the cursor is of the database, not of a store */
    elsewhere.store = f->store;
    assert_int_equal(follow(f, &elsewhere).count, 0);

    add_user(f, "c");
    assert_int_equal(follow(f, &listener).version[0], 3);
    store_close(other);
}

static void two_stores_write_through_the_same_fence(void **state)
{
    struct fixture *f = *state;
    struct store *mine = f->store, *other = open_at(f, f->url);
    struct user *first = add_user(f, "a");
    f->store = other;
    struct user *second = add_user(f, "b");
    assert_int_equal(second->id, first->id + 1);
    f->store = mine;
    struct change_list list = { 0 };
    append(f, &list, USER_CREATED, NULL, make_user(f, "late"));
    struct commit commit;
    assert_failed(f, commit_list(f, f->organization_id, 1, &list, &commit), ERR_STALE, "");
    assert_int_equal(add_user(f, "c")->id, first->id + 2);
    store_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(an_entry_tells_who_when_and_what),
        store_test(a_number_given_by_the_store_is_in_the_log),
        store_test(a_commit_of_many_changes_is_one_version),
        store_test(any_part_of_the_log_can_be_read_in_order),
        store_test(organizations_do_not_see_each_others_log),
        store_test(the_log_of_a_deleted_organization_can_be_read),
        store_test(a_reader_can_stop),
        store_test(another_store_on_the_same_database_notices_each_organization_once),
        store_test(two_stores_write_through_the_same_fence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
