/* Lists of users and members: what a user is called, who is listed for whom, which page, and that others may write meanwhile.
 * Groups found by their UUID. */
#include "directory_fixture.h"

#include <errno.h>
#include <sched.h>

/* A user with these values, in the organization. */
static struct user *add_person(struct world *w, struct user values)
{
    values.organization_id = w->organization_id;
    values.uuid = uuid_random();
    values.active = true;
    struct user *user = make(w->f, &values, sizeof values);
    commit_one(w, w->organization_id, USER_CREATED, NULL, user);
    return user;
}

static int64_t add_account(struct world *w, const char *first_name, const char *last_name, const char *email_address)
{
    struct account values = {
        .uuid = uuid_random(), .first_name = first_name, .last_name = last_name, .email_address = email_address
    };
    struct account *account = make(w->f, &values, sizeof values);
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, account);
    refresh(w, INSTALLATION);
    return account->id;
}

/* --- what to call a user --- */

static void a_user_is_called_by_the_first_name_there_is(void **state)
{
    struct world *w = *state;
    int64_t named = add_account(w, "Acc", "Ount", "account@example.org"), nameless = add_account(w, NULL, NULL, "x@example.org");
    const struct {
        struct user user;
        const char *with_accounts, *without, *email_address;
    } rows[] = {
        { { .display_name = "D", .first_name = "F", .last_name = "L", .account_id = named }, "D", "D", "account@example.org" },
        { { .first_name = "F", .last_name = "L", .account_id = named, .email_address = "own" }, "F L", "F L", "own" },
        { { .first_name = "F", .account_id = named, .user_name = "u" }, "F", "F", "account@example.org" },
        { { .last_name = "L" }, "L", "L", NULL },
        { { .account_id = named, .user_name = "u2" }, "Acc Ount", "u2", "account@example.org" },
        { { .account_id = named }, "Acc Ount", "", "account@example.org" },
        { { .account_id = nameless, .user_name = "u3" }, "u3", "u3", "x@example.org" },
        { { .account_id = nameless, .email_address = "own" }, "own", "own", "own" },
        { { .account_id = nameless }, "x@example.org", "", "x@example.org" },
        { { .account_id = 0 }, "", "", NULL },
        { { .display_name = "", .first_name = "", .last_name = "L" }, "L", "L", NULL },
        { { .display_name = "", .first_name = "F", .last_name = "" }, "F", "F", NULL },
        { { .first_name = "", .last_name = "", .account_id = named }, "Acc Ount", "", "account@example.org" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) add_person(w, rows[i].user);
    for (int with_accounts = 0; with_accounts < 2; with_accounts++) {
        AUTO_VIEW view;
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, with_accounts, &view));
        for (uint32_t i = 0; i < COUNT_OF(rows); i++) {
            struct user user;
            image_get_user(view.image, i, &user);
            assert_string_equal(directory_display_name(&op->arena, &view, &user),
                                with_accounts ? rows[i].with_accounts : rows[i].without);
            const char *email = directory_email_address(&view, &user);
            const char *expected = with_accounts ? rows[i].email_address : rows[i].user.email_address;
            if (expected) assert_string_equal(email, expected);
            else assert_null(email);
        }
    }
}

/* --- lists --- */

/* Users 0 to 5 are Ada 0, Bob 1, Ada 2 ...; even ones administer. Returns their numbers. */
enum { CROWD = 6 };
struct crowd {
    int64_t ids[CROWD];
};

static struct crowd add_crowd(struct world *w)
{
    struct crowd crowd;
    for (int i = 0; i < CROWD; i++) {
        char *name = arena_printf(&w->f->op.arena, "%s %d", i % 2 ? "Bob" : "Ada", i);
        char *email = arena_printf(&w->f->op.arena, "mail%d@Example.org", i);
        crowd.ids[i] = add_person(w, (struct user){ .display_name = name, .email_address = email, .super_user = i % 2 == 0 })->id;
    }
    refresh(w, w->organization_id);
    return crowd;
}

/* `expected`: digits of positions in the crowd. */
static void assert_users(struct world *w, const struct crowd *crowd, struct people_query query, const char *expected,
                         int64_t total)
{
    AUTO_VIEW view;
    struct people people;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, true, &view));
    assert_ok(w, directory_list_users(op, &view, &query, &people));
    assert_int_equal(people.total, total);
    assert_int_equal(people.count, strlen(expected));
    for (size_t i = 0; i < people.count; i++)
        assert_int_equal(view.image->users[people.ordinals[i]].id, crowd->ids[expected[i] - '0']);
}

static void users_are_listed_by_page_and_counted_as_a_whole(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    assert_users(w, &crowd, (struct people_query){ .size = 100 }, "012345", 6);
    assert_users(w, &crowd, (struct people_query){ .size = INT64_MAX }, "012345", 6);
    assert_users(w, &crowd, (struct people_query){ .size = 2 }, "01", 6);
    assert_users(w, &crowd, (struct people_query){ .size = 4, .offset = 3 }, "345", 6);
    assert_users(w, &crowd, (struct people_query){ .size = 4, .offset = 6 }, "", 6);
    assert_users(w, &crowd, (struct people_query){ .size = 4, .offset = INT64_MAX }, "", 6);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .only_administrators = true }, "024", 3);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .only_others = true }, "135", 3);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .only_others = true, .only_administrators = true }, "", 0);
    assert_users(w, &crowd, (struct people_query){ .size = 1, .offset = 1, .only_others = true }, "3", 3);
}

static void users_are_found_by_name_and_address_in_any_letter_case(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .search = "" }, "012345", 6);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .search = "aDA" }, "024", 3);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .search = "L3@EXAMPLE" }, "3", 1);
    assert_users(w, &crowd, (struct people_query){ .size = 2, .offset = 1, .search = "b" }, "35", 3);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .search = "Ada", .only_others = true }, "", 0);
    assert_users(w, &crowd, (struct people_query){ .size = 100, .search = "%" }, "", 0);
}

static void only_an_administrator_lists_users(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    static const struct people_query query = { .size = 10 };
    struct people people;
    for (int i = 0; i < 2; i++) {
        AUTO_VIEW view;
        struct op *op = acting(w, crowd.ids[i]);
        assert_ok(w, directory_view(op, true, &view));
        if (i == 0) assert_ok(w, directory_list_users(op, &view, &query, &people));
        else assert_refused(w, directory_list_users(op, &view, &query, &people), ERR_FORBIDDEN, "");
    }
}

static void a_deleted_user_is_not_listed(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    struct user before = { .id = 0 }, after;
    {
        AUTO_VIEW view;
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, false, &view));
        image_get_user(view.image, image_find_user(view.image, crowd.ids[1]), &after);
        before = *object_copy(&w->f->op.arena, NOUN_USER, (union object){ .user = &after }).user;
    }
    after = before;
    after.deleted_at = w->f->op.now;
    commit_one(w, w->organization_id, USER_DELETED, &before, &after);
    refresh(w, w->organization_id);
    assert_users(w, &crowd, (struct people_query){ .size = 100 }, "02345", 5);
}

static void members_are_listed_by_page_and_counted_as_a_whole(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    int64_t group_id = new_group(w, "Group");
    for (int i = CROWD - 1; i > 0; i--) put_member(w, group_id, crowd.ids[i], false);
    static const struct {
        struct people_query query;
        const char *expected;
        int64_t total;
    } rows[] = {
        { { .size = INT64_MAX }, "12345", 5 },
        { { .size = 2, .offset = 1 }, "23", 5 },
        { { .size = 2, .offset = 4 }, "5", 5 },
        { { .size = 2, .offset = 5 }, "", 5 },
        { { .size = 2, .offset = INT64_MAX }, "", 5 },
        { { .size = 9, .search = "bob" }, "135", 3 },
        { { .size = 1, .offset = 1, .search = "MAIL" }, "2", 5 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_VIEW view;
        uint32_t group;
        struct people people;
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, true, &view));
        assert_ok(w, directory_find_group(op, &view, group_id, &group));
        assert_ok(w, directory_list_members(op, &view, group, &rows[i].query, &people));
        assert_int_equal(people.total, rows[i].total);
        assert_int_equal(people.count, strlen(rows[i].expected));
        for (size_t j = 0; j < people.count; j++)
            assert_int_equal(view.image->users[people.ordinals[j]].id, crowd.ids[rows[i].expected[j] - '0']);
    }
}

/* One that begins tomorrow, one that ended yesterday, one of this very moment, one without dates. */
static void members_that_are_not_in_effect_are_not_listed(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    const int64_t group_id = new_group(w, "Group"), now = w->f->op.now, day = INT64_C(86400000000);
    const int64_t dates[][2] = { { now + day, 0 }, { now - 2 * day, now - day }, { now, now + day }, { 0, 0 } };
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        struct membership *membership = make_membership(w->f, group_id, crowd.ids[i]);
        membership->starts_at = dates[i][0];
        membership->ends_at = dates[i][1];
        commit_one(w, w->organization_id, MEMBER_ADDED, NULL, membership);
    }
    refresh(w, w->organization_id);
    static const char *const searches[] = { NULL, "", "ada" };
    static const char *const expected[] = { "23", "23", "2" };
    for (size_t i = 0; i < COUNT_OF(searches); i++) {
        const struct people_query query = { .size = 100, .search = searches[i] };
        AUTO_VIEW view;
        uint32_t group;
        struct people people;
        struct op *op = acting(w, 0);
        op->now = now;
        assert_ok(w, directory_view(op, true, &view));
        assert_ok(w, directory_find_group(op, &view, group_id, &group));
        assert_ok(w, directory_list_members(op, &view, group, &query, &people));
        assert_int_equal(people.total, strlen(expected[i]));
        assert_int_equal(people.count, strlen(expected[i]));
        for (size_t j = 0; j < people.count; j++)
            assert_int_equal(view.image->users[people.ordinals[j]].id, crowd.ids[expected[i][j] - '0']);
    }
}

/* --- long lists --- */

/* More than a thread that serves connections looks at, and enough for a search to pause. */
enum { MANY = 3000 };

static const int64_t *add_many(struct world *w, int64_t account_id)
{
    int64_t *ids = arena_array(&w->f->op.arena, MANY, sizeof *ids);
    struct user **users = arena_array(&w->f->op.arena, MANY, sizeof *users);
    struct change_list list = { 0 };
    for (int i = 0; i < MANY; i++) {
        users[i] = make_user(w->f, arena_printf(&w->f->op.arena, "somebody %d", i));
        users[i]->organization_id = w->organization_id;
        users[i]->account_id = account_id;
        append(w->f, &list, USER_CREATED, NULL, users[i]);
    }
    assert_done(w->f, commit_others(w, w->organization_id, &list));
    refresh(w, w->organization_id);
    for (int i = 0; i < MANY; i++) ids[i] = users[i]->id;
    return ids;
}

static void a_long_list_is_not_for_a_thread_that_may_not_wait(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_many(w, 0), group_id = new_group(w, "Group");
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, ids, MANY));
    static const struct people_query page = { .size = 10 }, all = { .size = MANY }, searched = { .size = 10, .search = "body 1" };
    AUTO_VIEW view;
    uint32_t group;
    struct people people;
    struct op *op = acting(w, 0);
    assert_ok(w, directory_view(op, true, &view));
    assert_ok(w, directory_find_group(op, &view, group_id, &group));
    op->may_block = false;
    assert_refused(w, directory_list_users(op, &view, &page, &people), ERR_DEFERRED, "");
    failure_clear(&op->failure);
    assert_refused(w, directory_list_members(op, &view, group, &all, &people), ERR_DEFERRED, "");
    failure_clear(&op->failure);
    assert_refused(w, directory_list_members(op, &view, group, &searched, &people), ERR_DEFERRED, "");
    failure_clear(&op->failure);
    assert_ok(w, directory_list_members(op, &view, group, &page, &people)); /* a page needs no look at the others */
    assert_int_equal(people.count, 10);
    assert_int_equal(people.total, MANY);
    op->may_block = true;
    assert_ok(w, directory_list_users(op, &view, &page, &people));
    assert_int_equal(people.total, MANY);
    assert_ok(w, directory_list_members(op, &view, group, &searched, &people));
    assert_int_equal(people.count, 10);
    assert_int_equal(people.total, 1111); /* 1, 10 to 19, 100 to 199, 1000 to 1999 */
}

/* Somebody who waits to write to an image while this thread reads it. */
struct writer {
    struct world *w;
    int64_t organization_id;
    pthread_t thread;
};

static void *write_now(void *context)
{
    struct writer *writer = context;
    assert_int_equal(hear_of(writer->w, writer->organization_id), ERR_OK);
    return NULL;
}

/* Returns when it waits: readers who come now would wait behind it. */
static void start_writer(struct writer *writer, pthread_rwlock_t *lock)
{
    assert_int_equal(pthread_create(&writer->thread, NULL, write_now, writer), 0);
    while (pthread_rwlock_tryrdlock(lock) != EBUSY) {
        pthread_rwlock_unlock(lock);
        sched_yield();
    }
}

static void a_long_search_lets_writers_of_users_in(void **state)
{
    struct world *w = *state;
    add_many(w, 0);
    struct writer writer = { w, w->organization_id, 0 };
    const int64_t version = version_of(w, w->organization_id);
    {
        AUTO_VIEW view;
        struct people people;
        static const struct people_query query = { .size = INT64_MAX, .search = "somebody" };
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, true, &view));
        other_adds_user(w, "somebody else");
        start_writer(&writer, &view.image->lock);
        assert_int_equal(view.image->version, version);
        assert_ok(w, directory_list_users(op, &view, &query, &people));
        assert_int_equal(view.image->version, version + 1);
        assert_int_equal(view.image->user_count, MANY + 1);
        assert_int_equal(people.total, MANY); /* who came meanwhile is not of this list */
        assert_int_equal(people.count, MANY);
    }
    pthread_join(writer.thread, NULL);
}

static void a_long_search_lets_writers_of_accounts_in(void **state)
{
    struct world *w = *state;
    struct account before = { .id = add_account(w, "Old", NULL, "old@example.org") }, after;
    add_many(w, before.id);
    struct writer writer = { w, INSTALLATION, 0 };
    {
        AUTO_VIEW view;
        struct people people;
        static const struct people_query query = { .size = 1, .search = "example" };
        struct user user;
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, true, &view));
        const uint32_t epoch = view.account_epoch;
        image_get_account(view.installation, image_find_account(view.installation, before.id), &after);
        before = *object_copy(&w->f->op.arena, NOUN_ACCOUNT, (union object){ .account = &after }).account;
        after = before;
        after.email_address = "new@example.org";
        commit_one(w, INSTALLATION, ACCOUNT_UPDATED, &before, &after);
        start_writer(&writer, &view.installation->lock);
        assert_ok(w, directory_list_users(op, &view, &query, &people));
        assert_int_equal(people.total, MANY);
        image_get_user(view.image, people.ordinals[0], &user);
        assert_string_equal(directory_email_address(&view, &user), "new@example.org");
        assert_int_not_equal(view.account_epoch, epoch); /* else bytes made of the old address would be kept as new ones */
    }
    pthread_join(writer.thread, NULL);
}

static void a_long_search_of_members_goes_on_when_some_are_removed(void **state)
{
    struct world *w = *state;
    const int64_t *ids = add_many(w, 0), group_id = new_group(w, "Group");
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, ids, MANY));
    struct change_list list = { 0 };
    for (int i = MANY - 500; i < MANY; i++) {
        struct membership membership;
        assert_true(get_membership(w, group_id, ids[i], &membership));
        append(w->f, &list, MEMBER_REMOVED, make(w->f, &membership, sizeof membership), NULL);
    }
    struct writer writer = { w, w->organization_id, 0 };
    {
        AUTO_VIEW view;
        uint32_t group;
        struct people people;
        static const struct people_query query = { .size = INT64_MAX, .search = "somebody" };
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, true, &view));
        assert_ok(w, directory_find_group(op, &view, group_id, &group));
        assert_done(w->f, commit_others(w, w->organization_id, &list));
        start_writer(&writer, &view.image->lock);
        assert_ok(w, directory_list_members(op, &view, group, &query, &people));
        assert_int_equal(view.image->groups[group].members.count, MANY - 500);
        assert_int_equal(people.total, MANY);
        assert_int_equal(people.count, MANY);
    }
    pthread_join(writer.thread, NULL);
}

/* --- groups by UUID --- */

/* Else the words would tell a stranger that the group exists. */
static void a_group_that_is_not_seen_is_refused_as_one_that_is_not_there(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    int64_t found;
    new_group(w, "Group");
    const struct uuid uuids[] = { w->op.made->uuid, uuid_random() };
    for (size_t i = 0; i < COUNT_OF(uuids); i++) {
        assert_refused(w, directory_find_group_number(acting(w, crowd.ids[1]), &uuids[i], &found), ERR_NOT_FOUND, "group");
        assert_string_equal(w->op.failure.text, "there is no such group");
    }
}

static void a_group_is_found_by_its_uuid_by_who_may_see_it(void **state)
{
    struct world *w = *state;
    struct crowd crowd = add_crowd(w);
    int64_t group_id = new_group(w, "Group"), found = 0;
    struct uuid uuid = w->op.made->uuid, other = uuid_random();
    assert_ok(w, directory_find_group_number(acting(w, 0), &uuid, &found));
    assert_int_equal(found, group_id);
    assert_ok(w, directory_find_group_number(acting(w, crowd.ids[0]), &uuid, &found));
    assert_refused(w, directory_find_group_number(acting(w, crowd.ids[1]), &uuid, &found), ERR_NOT_FOUND, "group");
    assert_refused(w, directory_find_group_number(acting(w, 0), &other, &found), ERR_NOT_FOUND, "group");
    put_member(w, group_id, crowd.ids[1], false);
    assert_ok(w, directory_find_group_number(acting(w, crowd.ids[1]), &uuid, &found));
    assert_ok(w, directory_delete_group(acting(w, 0), group_id));
    assert_refused(w, directory_find_group_number(acting(w, 0), &uuid, &found), ERR_NOT_FOUND, "group");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_user_is_called_by_the_first_name_there_is),
        world_test(users_are_listed_by_page_and_counted_as_a_whole),
        world_test(users_are_found_by_name_and_address_in_any_letter_case),
        world_test(only_an_administrator_lists_users),
        world_test(a_deleted_user_is_not_listed),
        world_test(members_are_listed_by_page_and_counted_as_a_whole),
        world_test(a_group_is_found_by_its_uuid_by_who_may_see_it),
        world_test(members_that_are_not_in_effect_are_not_listed),
        world_test(a_group_that_is_not_seen_is_refused_as_one_that_is_not_there),
        world_test(a_long_list_is_not_for_a_thread_that_may_not_wait),
        world_test(a_long_search_lets_writers_of_users_in),
        world_test(a_long_search_lets_writers_of_accounts_in),
        world_test(a_long_search_of_members_goes_on_when_some_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
