/* test_api_long_answers.c — answers that take long to write let writers in, and stay whole when what they tell of changes. */
#include "directory_fixture.h"

#include "api/struct_pim/struct_pim.h"
#include "api/tedee/tedee.h"
#include "base/json.h"

#include <errno.h>

/* Enough for a pause, and some more. */
enum { MANY = DIRECTORY_AT_ONCE + 500 };

/* --- somebody who waits to write to an image while this thread reads it --- */

struct writer {
    struct world *w;
    pthread_t thread;
};

static void *write_now(void *context)
{
    struct writer *writer = context;
    assert_int_equal(hear_of(writer->w, writer->w->organization_id), ERR_OK);
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

/* --- many --- */

static const struct group *add_groups(struct world *w)
{
    struct change_list list = { 0 };
    struct group *last = NULL;
    for (int i = 0; i < MANY; i++) {
        last = make_group(w->f, arena_printf(&w->f->op.arena, "group %d", i));
        last->organization_id = w->organization_id;
        append(w->f, &list, GROUP_CREATED, NULL, last);
    }
    assert_done(w->f, commit_others(w, w->organization_id, &list));
    refresh(w, w->organization_id);
    return last;
}

static int64_t add_group_of_many(struct world *w)
{
    struct user **users = arena_array(&w->f->op.arena, MANY, sizeof *users);
    int64_t *ids = arena_array(&w->f->op.arena, MANY, sizeof *ids), group_id;
    struct change_list list = { 0 };
    for (int i = 0; i < MANY; i++) {
        users[i] = make_user(w->f, arena_printf(&w->f->op.arena, "user %d", i));
        users[i]->organization_id = w->organization_id;
        append(w->f, &list, USER_CREATED, NULL, users[i]);
    }
    assert_done(w->f, commit_others(w, w->organization_id, &list));
    refresh(w, w->organization_id);
    for (int i = 0; i < MANY; i++) ids[i] = users[i]->id;
    group_id = new_group(w, "Old");
    assert_ok(w, directory_add_each_member(acting(w, 0), group_id, ids, MANY));
    return group_id;
}

/* --- */

static json_t *parse(const struct buf *text)
{
    struct failure failure = { 0 };
    json_t *json = NULL;
    assert_int_equal(json_parse(&failure, text->bytes, text->size, &json), ERR_OK);
    return json;
}

static void all_groups_of_struct_pim_without_one_that_is_deleted_meanwhile(void **state)
{
    struct world *w = *state;
    const struct group *last = add_groups(w);
    struct writer writer = { w, 0 };
    struct buf out = BUF_INIT(64 << 20);
    {
        AUTO_VIEW view;
        static const struct group_query all = { .size = INT64_MAX };
        uint32_t *groups;
        size_t count;
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, false, &view));
        assert_ok(w, directory_list_groups(op, &view, &all, &groups, &count));
        assert_true(count >= MANY);
        commit_one(w, w->organization_id, GROUP_DELETED, last, NULL);
        start_writer(&writer, &view.image->lock);
        int64_t version = view.image->version;
        struct_pim_write_groups(&view, groups, count, &out);
        assert_int_equal(view.image->version, version + 1);
        json_t *json = parse(&out);
        assert_int_equal(json_array_size(json), count - 1);
        assert_null(strstr(buf_cstr(&out), last->name));
        json_decref(json);
    }
    pthread_join(writer.thread, NULL);
    buf_free(&out);
}

static void all_members_of_tedee_and_the_name_that_the_group_has_by_then(void **state)
{
    struct world *w = *state;
    const int64_t group_id = add_group_of_many(w);
    struct group before, after;
    assert_true(get_group(w, group_id, &before));
    before = *object_copy(&w->f->op.arena, NOUN_GROUP, (union object){ .group = &before }).group;
    after = before;
    after.name = "New";
    struct writer writer = { w, 0 };
    struct buf out = BUF_INIT(64 << 20);
    {
        AUTO_VIEW view;
        static const struct people_query all = { .size = INT64_MAX };
        struct people members;
        uint32_t group;
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, true, &view));
        assert_ok(w, directory_find_group(op, &view, group_id, &group));
        assert_ok(w, directory_list_members(op, &view, group, &all, &members));
        assert_int_equal(members.count, MANY);
        commit_one(w, w->organization_id, GROUP_RENAMED, &before, &after);
        start_writer(&writer, &view.image->lock);
        int64_t version = view.image->version;
        tedee_write_group_details(op, &view, group, &members, &out);
        assert_int_equal(view.image->version, version + 1);
        json_t *json = parse(&out);
        assert_int_equal(json_array_size(json_object_get(json, "members")), MANY);
        assert_string_equal(json_string_value(json_object_get(json, "name")), "New");
        json_decref(json);
    }
    pthread_join(writer.thread, NULL);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(all_groups_of_struct_pim_without_one_that_is_deleted_meanwhile),
        world_test(all_members_of_tedee_and_the_name_that_the_group_has_by_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
