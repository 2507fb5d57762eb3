/* Requests about groups that have managers: what is committed, dry runs, very large ones, and two at a time. */
#include "managed_fixture.h"

#include <pthread.h>
#include <semaphore.h>

/* --- what is committed --- */

static void what_is_so_already_is_not_committed(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id), boss = cast.ids[BOSS];
    assert_ok(w, change_as(w, boss, cast.group, NULL, NULL, 0));
    assert_ok(w, change_as(w, boss, cast.group, NULL, REQUEST(gives(&cast, BOSS, true), gives(&cast, MEMBER, false))));
    assert_ok(w, change_as(w, boss, cast.group, NULL, REQUEST(gives(&cast, MEMBER, true), gives(&cast, MEMBER, false))));
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.group, "Group", REQUEST(gives(&cast, DEPUTY, true))));
    assert_int_equal(version_of(w, w->organization_id), version);
}

static enum err collect_kind(void *context, struct op *op, const struct log_entry *entry)
{
    (void)op;
    int *kinds = context;
    kinds[entry->kind]++;
    return ERR_OK;
}

static void a_request_is_one_version_with_a_change_for_each_membership(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id);
    int kinds[CHANGE_KIND_COUNT] = { 0 };
    other_adds_member(w, cast.group, cast.ids[ADMIN], true);
    refresh(w, w->organization_id);
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.group, "Renamed",
                           REQUEST(adds(&cast, OTHER, false), adds(&cast, STRANGER, true), gives(&cast, MEMBER, true),
                                   gives(&cast, DEPUTY, false), removes(&cast, DEPUTY))));
    assert_int_equal(version_of(w, w->organization_id), version + 2);
    assert_done(w->f, store_read_log(&w->f->op, w->other, w->organization_id, version + 1, 0, collect_kind, kinds));
    static const struct {
        enum change_kind kind;
        int count;
    } expected[] = { { GROUP_RENAMED, 1 },  { GROUP_UPDATED, 0 },  { MEMBER_ADDED, 2 },
                     { MEMBER_CHANGED, 1 }, { MEMBER_REMOVED, 1 }, { GROUP_CREATED, 0 } };
    for (size_t i = 0; i < COUNT_OF(expected); i++) assert_int_equal(kinds[expected[i].kind], expected[i].count);
    assert_sound(w);
}

static void only_a_new_name_changes_the_group_itself(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    struct group group;
    assert_ok(w, change_as(w, cast.ids[BOSS], cast.group, "Ignored", REQUEST(adds(&cast, OTHER, true), removes(&cast, MEMBER))));
    assert_true(get_group(w, cast.group, &group));
    assert_true(!group.date_modified && !group.modified_by && !group.modified_by_user);
    assert_ok(w, change_as(w, cast.ids[ADMIN], cast.group, "Renamed", NULL, 0));
    const int64_t now = w->op.now;
    assert_true(get_group(w, cast.group, &group));
    assert_int_equal(group.date_modified, now);
    assert_int_equal(group.modified_by_user, cast.ids[ADMIN]);
}

/* --- a write that nobody waits for --- */

struct told {
    struct op_async async; /* first: an op's async leads here */
    sem_t finished;
    enum err result;
};

static void note_finished(struct op *op, enum err result)
{
    struct told *told = (struct told *)op->async;
    told->result = result;
    sem_post(&told->finished);
}

static void run_at_once(struct op *op, void (*task)(struct op *op))
{
    task(op);
}

/* Both have to wait for their turn; what they were asked with is gone by then. */
static void the_request_is_copied(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    struct told told = { .async = { .finished = note_finished, .again = run_at_once } };
    sem_init(&told.finished, 0, 0);
    assert_true(group_exists(w, "group")); /* the organization is in memory */
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    for (int i = 0; i < 2; i++) {
        char name[] = "Renamed", made[] = "Made";
        struct member_change changes[] = { removes(&cast, MEMBER), adds(&cast, OTHER, true) };
        struct group values = { .name = made };
        struct op *op = acting(w, cast.ids[ADMIN]);
        op->async = &told.async;
        turn_take(&resident->turn);
        if (i == 0) assert_int_equal(directory_change_managed_group(op, cast.group, name, changes, 1), ERR_PENDING);
        else
            assert_int_equal(directory_create_managed_group(op, &values, group_fields("name", NULL), changes + 1, 1),
                             ERR_PENDING);
        memset(name, 'x', sizeof name - 1);
        memset(made, 'x', sizeof made - 1);
        memset(changes, 0, sizeof changes);
        memset(&values, 0, sizeof values);
        turn_give(&resident->turn, true);
        sem_wait(&told.finished);
        assert_int_equal(told.result, ERR_OK);
    }
    const int64_t made_id = w->op.made->id;
    assert_true(group_exists(w, "renamed") && group_exists(w, "made"));
    assert_true(!is_member(w, cast.group, cast.ids[MEMBER]) && is_manager(w, made_id, cast.ids[OTHER]));
    sem_destroy(&told.finished);
}

/* --- rules that are asked again --- */

static void issues_are_those_of_the_last_call(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    struct member_change changes[] = { removes(&cast, STRANGER), adds(&cast, DELETED, false) };
    struct op *op = acting(w, cast.ids[BOSS]);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        failure_clear(&op->failure);
        assert_issue(w, directory_change_managed_group(op, cast.group, NULL, &changes[i], 1),
                     i ? ISSUE_USER_DELETED : ISSUE_MEMBERSHIP_UNKNOWN, 0);
    }
    failure_clear(&op->failure);
    assert_ok(w, directory_change_managed_group(op, cast.group, NULL, NULL, 0));
    assert_int_equal(op->issue_count, 0);
}

/* The commit is refused as stale and the rule asked again. */
static void when_another_process_was_faster_the_rule_is_asked_again(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    other_adds_member(w, cast.group, cast.ids[OTHER], false); /* the directory has not heard of it */
    assert_issue(w, change_as(w, cast.ids[BOSS], cast.group, NULL, REQUEST(adds(&cast, OTHER, true))), ISSUE_MEMBER_ALREADY, 10);
    other_adds_group(w, "Unheard of");
    assert_issue(w, create_as(w, cast.ids[ADMIN], "unheard OF", REQUEST(adds(&cast, BOSS, true))), ISSUE_NAME_TAKEN, 0);
    other_adds_group(w, "Another");
    assert_ok(w, create_as(w, cast.ids[ADMIN], "New", REQUEST(adds(&cast, BOSS, true), adds(&cast, OTHER, false))));
    const int64_t made = w->op.made->id;
    assert_true(is_manager(w, made, cast.ids[BOSS]) && is_member(w, made, cast.ids[OTHER]));
    assert_sound(w);
}

/* --- the dry run --- */

static enum err check_as(struct world *w, int64_t caller, int64_t group_id, struct member_change *changes, size_t count)
{
    AUTO_VIEW view;
    struct op *op = acting(w, caller);
    for (size_t i = 0; i < count; i++) changes[i].index = FIRST_INDEX + i;
    enum err e = directory_view(op, false, &view);
    return e ? e : directory_check_managed_group(op, &view, image_find_group(view.image, group_id), changes, count);
}

static void a_dry_run_looks_at_who_would_be_added_and_writes_nothing(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    const int64_t version = version_of(w, w->organization_id), boss = cast.ids[BOSS];
    const struct member_change good = adds(&cast, OTHER, true), lost = { .kind = MEMBER_CHANGE_REMOVE };
    const struct member_change bad[] = { adds(&cast, DELETED, false),
                                         adds(&cast, INACTIVE, false),
                                         adds(&cast, GONE, false),
                                         adds(&cast, FOREIGNER, false),
                                         { .kind = MEMBER_CHANGE_ADD } };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_issue(w, check_as(w, boss, cast.group, REQUEST(lost, good, bad[i], bad[0])), ISSUE_USER_UNKNOWN, 12);
    /* members, removals and roles are not looked at */
    assert_ok(w,
              check_as(w, boss, cast.group,
                       REQUEST(lost, good, good, adds(&cast, MEMBER, true), removes(&cast, BOSS), gives(&cast, DEPUTY, false))));
    assert_ok(w, check_as(w, boss, cast.group, NULL, 0));
    assert_ok(w, check_as(w, cast.ids[ADMIN], cast.group, REQUEST(bad[0]))); /* would add nobody */
    assert_refused(w, check_as(w, cast.ids[MEMBER], cast.group, REQUEST(good)), ERR_FORBIDDEN, "");
    assert_refused(w, check_as(w, cast.ids[STRANGER], cast.group, REQUEST(bad[0])), ERR_FORBIDDEN, "");
    assert_int_equal(version_of(w, w->organization_id), version);
}

/* --- many --- */

static struct uuid *add_users(struct world *w, size_t count, const struct user *const **ret_users)
{
    struct uuid *uuids = arena_array(&w->f->op.arena, count, sizeof *uuids);
    struct user **users = arena_array(&w->f->op.arena, count, sizeof *users);
    struct change_list list = { 0 };
    for (size_t i = 0; i < count; i++) {
        append(w->f, &list, USER_CREATED, NULL, users[i] = make_user(w->f, "u"));
        uuids[i] = users[i]->uuid;
    }
    assert_done(w->f, commit_others(w, w->organization_id, &list));
    refresh(w, w->organization_id);
    if (ret_users) *ret_users = (const struct user *const *)users;
    return uuids;
}

static void ten_thousand_changes_are_one_commit_and_more_are_refused(void **state)
{
    struct world *w = *state;
    enum { MANY = DIRECTORY_MEMBERS_MAX };
    const struct uuid *uuids = add_users(w, MANY, NULL);
    struct member_change *changes = arena_array(&w->f->op.arena, MANY + 1, sizeof *changes);
    for (int i = 0; i < MANY; i++) changes[i] = (struct member_change){ .user = uuids[i], .manager = i == MANY - 1 };
    assert_refused(w, create_as(w, 0, "Large", changes, MANY + 1), ERR_INVALID, "members");
    const int64_t version = version_of(w, w->organization_id);
    assert_ok(w, create_as(w, 0, "Large", changes, MANY));
    const int64_t group_id = w->op.made->id;
    assert_int_equal(version_of(w, w->organization_id), version + 1);
    {
        AUTO_VIEW view;
        struct op *op = acting(w, 0);
        assert_ok(w, directory_view(op, false, &view));
        struct member_cursor cursor = memberlist_at(&view.image->groups[image_find_group(view.image, group_id)].members, 0);
        size_t count = 0;
        for (const struct member *member; (member = memberlist_next(&cursor));)
            changes[count++] = (struct member_change){ .kind = MEMBER_CHANGE_REMOVE, .membership = member->uuid };
        assert_int_equal(count, MANY);
    }
    assert_refused(w, change_as(w, 0, group_id, NULL, changes, MANY + 1), ERR_INVALID, "members");
    assert_refused(w, check_as(w, 0, group_id, changes, MANY + 1), ERR_INVALID, "members");
    assert_issue(w, change_as(w, 0, group_id, NULL, changes, MANY), ISSUE_LAST_MANAGER, FIRST_INDEX + MANY - 1);
    assert_ok(w, change_as(w, 0, group_id, NULL, changes, MANY - 1));
    assert_int_equal(version_of(w, w->organization_id), version + 2);
    assert_sound(w);
}

static void a_large_request_is_not_for_a_thread_that_may_not_wait(void **state)
{
    struct world *w = *state;
    const struct cast cast = add_cast(w);
    struct member_change changes[501];
    assert_true(group_exists(w, "group")); /* the organization is in memory */
    for (size_t i = 0; i < COUNT_OF(changes); i++) changes[i] = gives(&cast, MEMBER, true);
    acting(w, 0)->may_block = false;
    assert_refused(w, directory_change_managed_group(&w->op, cast.group, NULL, changes, 501), ERR_DEFERRED, "");
    acting(w, 0)->may_block = false;
    assert_refused(
        w, directory_create_managed_group(&w->op, &(struct group){ .name = "N" }, group_fields("name", NULL), changes, 501),
        ERR_DEFERRED, "");
    acting(w, 0)->may_block = false;
    assert_ok(w, directory_change_managed_group(&w->op, cast.group, NULL, changes, 500));
    assert_true(is_manager(w, cast.group, cast.ids[MEMBER]));
}

/* Nor is looking for one membership among very many; adding one is. */
static void a_very_large_group_is_not_searched_by_a_thread_that_may_not_wait(void **state)
{
    enum { MEMBERS = 50001 };
    struct world *w = *state;
    struct cast cast = add_cast(w);
    const struct user *const *users;
    add_users(w, MEMBERS, &users);
    struct change_list list = { 0 };
    struct membership *membership = NULL;
    for (int i = 0; i < MEMBERS; i++)
        append(w->f, &list, MEMBER_ADDED, NULL, membership = make_membership(w->f, cast.group, users[i]->id));
    assert_done(w->f, commit_others(w, w->organization_id, &list));
    refresh(w, w->organization_id);
    assert_true(group_exists(w, "group")); /* the organization is in memory */
    const struct member_change add = adds(&cast, OTHER, false),
                               remove = { .kind = MEMBER_CHANGE_REMOVE, .membership = membership->uuid };
    acting(w, cast.ids[BOSS])->may_block = false;
    assert_refused(w, directory_change_managed_group(&w->op, cast.group, NULL, &remove, 1), ERR_DEFERRED, "");
    acting(w, cast.ids[BOSS])->may_block = false;
    assert_ok(w, directory_change_managed_group(&w->op, cast.group, NULL, &add, 1));
    assert_ok(w, directory_change_managed_group(acting(w, cast.ids[BOSS]), cast.group, NULL, &remove, 1));
    assert_false(is_member(w, cast.group, users[MEMBERS - 1]->id));
}

/* --- two at a time --- */

struct remover {
    struct directory *directory;
    int64_t organization_id, group_id;
    struct uuid membership;
    pthread_barrier_t *start;
    enum err e;
    bool last_manager;
    pthread_t thread;
};

static void *remove_one(void *argument)
{
    struct remover *remover = argument;
    AUTO_OP op = op_begin();
    op.directory = remover->directory;
    op.caller = (struct caller){ .organization_id = remover->organization_id, .rights = RIGHT_READ | RIGHT_WRITE };
    const struct member_change change = { .kind = MEMBER_CHANGE_REMOVE, .membership = remover->membership };
    pthread_barrier_wait(remover->start);
    remover->e = directory_change_managed_group(&op, remover->group_id, NULL, &change, 1);
    remover->last_manager = op.issue_count == 1 && op.issues[0].kind == ISSUE_LAST_MANAGER;
    return NULL;
}

/* In one process, and in two that share the database. */
static void of_two_that_each_remove_one_of_two_managers_one_wins(void **state)
{
    enum { ROUNDS = 60 };
    struct world *w = *state;
    struct cast cast = add_cast(w);
    struct directory *directories[2] = { w->directory };
    AUTO_OP op = op_begin();
    assert_int_equal(directory_open(&op, w->other, &quiet_options, &directories[1]), ERR_OK);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_t start;
        struct remover removers[2];
        pthread_barrier_init(&start, NULL, 2);
        for (int i = 0; i < 2; i++) {
            removers[i] = (struct remover){ .directory = directories[round % 2 ? i : 0],
                                            .organization_id = w->organization_id,
                                            .group_id = cast.group,
                                            .membership = cast.memberships[i ? DEPUTY : BOSS],
                                            .start = &start };
            assert_int_equal(pthread_create(&removers[i].thread, NULL, remove_one, &removers[i]), 0);
        }
        for (int i = 0; i < 2; i++) pthread_join(removers[i].thread, NULL);
        pthread_barrier_destroy(&start);
        const int winner = removers[0].e == ERR_OK ? 0 : 1;
        assert_int_equal(removers[winner].e, ERR_OK);
        assert_int_equal(removers[!winner].e, ERR_INVALID);
        assert_true(removers[!winner].last_manager);
        refresh(w, w->organization_id);
        const enum who lost = winner ? DEPUTY : BOSS;
        assert_false(is_member(w, cast.group, cast.ids[lost]));
        cast.memberships[lost] = other_adds_member(w, cast.group, cast.ids[lost], true)->uuid;
        const int64_t version = version_of(w, w->organization_id);
        for (int i = 0; i < 2; i++)
            assert_int_equal(directory_refresh(&op, directories[i], w->organization_id, version, 60000), ERR_OK);
    }
    directory_close(directories[1]);
    assert_sound(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_is_so_already_is_not_committed),
        world_test(a_request_is_one_version_with_a_change_for_each_membership),
        world_test(only_a_new_name_changes_the_group_itself),
        world_test(the_request_is_copied),
        world_test(issues_are_those_of_the_last_call),
        world_test(when_another_process_was_faster_the_rule_is_asked_again),
        world_test(a_dry_run_looks_at_who_would_be_added_and_writes_nothing),
        world_test(ten_thousand_changes_are_one_commit_and_more_are_refused),
        world_test(a_large_request_is_not_for_a_thread_that_may_not_wait),
        world_test(a_very_large_group_is_not_searched_by_a_thread_that_may_not_wait),
        world_test(of_two_that_each_remove_one_of_two_managers_one_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
