/* Readers, writers, another process, eviction and following at the same time; for the sanitizers, and for what must stay true:
 * a commit is seen whole or not at all, and at the end memory says what the database says. */
#include "directory_fixture.h"

#include "api/bold/bold.h"
#include "dice.h"

#include <stdio.h>

enum { ORGANIZATIONS = 4, USERS = 24, GROUPS = 8, READERS = 3, WRITERS = 3, OTHERS = 2, RUN_MS = 2000 };

/* What the threads share. The last group of each organization has pairs: users 2i and 2i + 1 are in it together or not at all. */
struct arena_of_threads {
    struct directory *directories[2]; /* ours, and another process's */
    struct {
        int64_t id, users[USERS], groups[GROUPS];
    } organizations[ORGANIZATIONS];
    atomic_bool stop;
    atomic_long reads, writes, refused, evictions, pairs_torn, wrong;
};

struct actor_thread {
    struct arena_of_threads *shared;
    int number;
    pthread_t thread;
};

static struct op begin_op(struct directory *directory, int64_t organization_id, int64_t user_id)
{
    struct op op = op_begin();
    op.directory = directory;
    op.caller = (struct caller){ .organization_id = organization_id, .user_id = user_id, .rights = RIGHT_READ | RIGHT_WRITE };
    return op;
}

/* --- readers --- */

static void read_page(struct arena_of_threads *shared, struct dice *dice)
{
    static const struct parameter choices[][3] = {
        { { "includeUsers", "true" }, { "size", "100" }, { "sortBy", "name" } },
        { { "search", "group" }, { "includeUsers", "true" }, { "sortDirection", "Desc" } },
        { { "size", "5" }, { "offset", "2" }, { "search", "renamed" } },
    };
    uint32_t at = roll(dice, ORGANIZATIONS);
    const int64_t *users = shared->organizations[at].users;
    AUTO_OP op = begin_op(shared->directories[0], shared->organizations[at].id, roll(dice, 2) ? 0 : users[roll(dice, USERS)]);
    struct request request = { .parameters = choices[roll(dice, COUNT_OF(choices))], .parameter_count = 3 };
    struct response response = { .body = BUF_INIT(1 << 22) };
    if (bold_list_groups(&op, &request, &response)) shared->wrong++;
    else if (response.body.size < 2 || response.body.bytes[0] != '[' || response.body.bytes[response.body.size - 1] != ']')
        shared->wrong++;
    buf_free(&response.body);
}

static void look_at_pairs(struct arena_of_threads *shared, struct dice *dice)
{
    uint32_t at = roll(dice, ORGANIZATIONS);
    const int64_t *users = shared->organizations[at].users;
    AUTO_OP op = begin_op(shared->directories[roll(dice, 2)], shared->organizations[at].id, 0);
    AUTO_VIEW view;
    if (directory_view(&op, true, &view)) {
        shared->wrong++;
        return;
    }
    uint32_t group = image_find_group(view.image, shared->organizations[at].groups[GROUPS - 1]);
    for (int i = 0; i < USERS; i += 2) {
        uint32_t one = image_find_user(view.image, users[i]), two = image_find_user(view.image, users[i + 1]);
        if (image_is_member(view.image, group, one, op.now, NULL) != image_is_member(view.image, group, two, op.now, NULL))
            shared->pairs_torn++;
    }
}

/* Under the shared lock, as several do it while others read the user: the time never goes back. */
static void log_in(struct arena_of_threads *shared, struct dice *dice)
{
    uint32_t at = roll(dice, ORGANIZATIONS);
    int64_t user_id = shared->organizations[at].users[roll(dice, USERS)], times[2];
    AUTO_OP op = begin_op(shared->directories[0], shared->organizations[at].id, 0);
    AUTO_VIEW view;
    if (directory_view(&op, false, &view)) {
        shared->wrong++;
        return;
    }
    uint32_t ordinal = image_find_user(view.image, user_id);
    for (int i = 0; i < 2; i++) {
        struct user user;
        image_get_user(view.image, ordinal, &user);
        times[i] = user.last_login_at;
        image_set_last_login(view.image, ordinal, (1 + roll(dice, 1000)) * INT64_C(1000000));
    }
    if (!times[1] || times[1] < times[0]) shared->wrong++;
}

static void *read_pages(void *argument)
{
    struct actor_thread *actor = argument;
    struct dice dice = DICE(actor->number);
    while (!actor->shared->stop) {
        if (roll(&dice, 3)) read_page(actor->shared, &dice);
        else if (roll(&dice, 2)) log_in(actor->shared, &dice);
        else look_at_pairs(actor->shared, &dice);
        actor->shared->reads++;
    }
    return NULL;
}

/* --- writers --- */

static enum err write_something(struct arena_of_threads *shared, struct dice *dice, struct directory *directory)
{
    uint32_t at = roll(dice, ORGANIZATIONS);
    const int64_t *users = shared->organizations[at].users;
    int64_t group = shared->organizations[at].groups[roll(dice, GROUPS - 1)],
            pairs = shared->organizations[at].groups[GROUPS - 1];
    int64_t first = users[roll(dice, USERS / 2) * 2];
    AUTO_OP op = begin_op(directory, shared->organizations[at].id, 0);
    struct member_request requests[] = { { .user_id = first }, { .user_id = first + 1 } };
    char name[32];
    switch (roll(dice, 7)) {
    case 0:
        return directory_put_members(&op, pairs, requests, 2);
    case 1:
        return directory_remove_members(&op, pairs, (int64_t[]){ first, first + 1 }, 2);
    case 2:
        return directory_put_members(&op, group, requests, 2);
    case 3:
        return directory_remove_members(&op, group, &first, 1);
    case 4:
        snprintf(name, sizeof name, "Renamed %u", roll(dice, 30));
        return directory_update_group(&op, group, &(struct group){ .name = name, .description = name },
                                      group_fields("name", "description"));
    case 5:
        return directory_delete_group(&op, group);
    default:
        return directory_restore_group(&op, group, NULL);
    }
}

static void write_all_the_time(struct actor_thread *actor, struct directory *directory)
{
    struct dice dice = DICE(100 + actor->number);
    while (!actor->shared->stop) {
        enum err e = write_something(actor->shared, &dice, directory);
        if (e == ERR_OK) actor->shared->writes++;
        else if (e == ERR_NOT_FOUND || e == ERR_EXISTS || e == ERR_BUSY) actor->shared->refused++;
        else actor->shared->wrong++;
    }
}

static void *write_here(void *argument)
{
    struct actor_thread *actor = argument;
    write_all_the_time(actor, actor->shared->directories[0]);
    return NULL;
}

static void *write_elsewhere(void *argument)
{
    struct actor_thread *actor = argument;
    write_all_the_time(actor, actor->shared->directories[1]);
    return NULL;
}

/* --- the evictor: what the housekeeper does, all the time --- */

static void *evict(void *argument)
{
    struct actor_thread *actor = argument;
    struct dice dice = DICE(7);
    while (!actor->shared->stop) {
        uint32_t at = roll(&dice, ORGANIZATIONS);
        struct directory *directory = actor->shared->directories[0];
        struct resident *resident = directory_find_resident(directory, actor->shared->organizations[at].id);
        if (turn_try(&resident->turn)) {
            directory_unlink(directory, resident);
            turn_give(&resident->turn, true);
            actor->shared->evictions++;
        }
        struct directory_stats stats;
        directory_stats(directory, &stats);
        usleep(3000);
    }
    return NULL;
}

/* --- the whole --- */

static void add_organizations(struct world *w, struct arena_of_threads *shared)
{
    for (int i = 0; i < ORGANIZATIONS; i++) {
        shared->organizations[i].id = w->organization_id = w->f->organization_id = other_adds_organization(w, "o")->id;
        struct change_list list = { 0 };
        struct user *users[USERS];
        struct group *groups[GROUPS];
        for (int n = 0; n < USERS; n++) append(w->f, &list, USER_CREATED, NULL, users[n] = make_user(w->f, "u"));
        for (int n = 0; n < GROUPS; n++)
            append(w->f, &list, GROUP_CREATED, NULL, groups[n] = make_group(w->f, arena_printf(&w->f->op.arena, "Group %d", n)));
        assert_done(w->f, commit_others(w, w->organization_id, &list));
        for (int n = 0; n < USERS; n++) shared->organizations[i].users[n] = users[n]->id;
        for (int n = 0; n < GROUPS; n++) shared->organizations[i].groups[n] = groups[n]->id;
    }
    refresh(w, INSTALLATION);
}

static void start(struct arena_of_threads *shared, struct actor_thread *actors, int count, void *(*run)(void *))
{
    for (int i = 0; i < count; i++) {
        actors[i] = (struct actor_thread){ .shared = shared, .number = i };
        assert_int_equal(pthread_create(&actors[i].thread, NULL, run, &actors[i]), 0);
    }
}

static void join(struct actor_thread *actors, int count)
{
    for (int i = 0; i < count; i++) assert_int_equal(pthread_join(actors[i].thread, NULL), 0);
}

/* What a directory says of a group's members, as one number. */
static uint64_t fingerprint(struct directory *directory, int64_t organization_id)
{
    AUTO_OP op = begin_op(directory, organization_id, 0);
    AUTO_VIEW view;
    assert_int_equal(directory_view(&op, true, &view), ERR_OK);
    struct buf out = BUF_INIT(1 << 22);
    for (uint32_t i = 0; i < view.image->living_count; i++)
        bold_write_group(&op, &view, view.image->living_groups[i], true, &out);
    uint64_t hash = lookup_hash_bytes(out.bytes, out.size);
    buf_free(&out);
    return hash;
}

/* To mean anything. */
static bool did_enough(const struct arena_of_threads *shared)
{
    return shared->reads > 100 && shared->writes > 20 && shared->evictions > 20;
}

static void readers_writers_another_process_and_an_evictor_work_together(void **state)
{
    struct world *w = *state;
    struct arena_of_threads shared = { 0 };
    struct actor_thread readers[READERS], writers[WRITERS], others[OTHERS], evictor[1];
    struct directory_options options = quiet_options;
    add_organizations(w, &shared);
    close_directory(w);
    options.background = true;
    options.fragment_budget_mib = 1;
    options.memory_budget_mib = 1;
    open_directory(w, &options);
    shared.directories[0] = w->directory;
    AUTO_OP op = op_begin();
    assert_int_equal(directory_open(&op, w->other, &options, &shared.directories[1]), ERR_OK);

    start(&shared, readers, READERS, read_pages);
    start(&shared, writers, WRITERS, write_here);
    start(&shared, others, OTHERS, write_elsewhere);
    start(&shared, evictor, 1, evict);
    for (int i = 0; i < RUN_MS / 100 || (i < 600 && !did_enough(&shared)); i++) {
        usleep(100000);
        options.fragment_budget_mib = i % 2 ? 1 : 8;
        directory_reload(w->directory, &options);
    }
    shared.stop = true;
    join(readers, READERS);
    join(writers, WRITERS);
    join(others, OTHERS);
    join(evictor, 1);

    assert_false(directory_stale(shared.directories[0]) || directory_stale(shared.directories[1]));
    for (int i = 0; i < ORGANIZATIONS; i++) {
        int64_t id = shared.organizations[i].id;
        refresh(w, id);
        assert_int_equal(directory_refresh(&op, shared.directories[1], id, version_of(w, id), 60000), ERR_OK);
        assert_true(fingerprint(shared.directories[0], id) == fingerprint(shared.directories[1], id));
    }
    directory_close(shared.directories[1]);
    close_directory(w);
    print_message("%ld reads, %ld writes, %ld refused, %ld evictions\n", shared.reads, shared.writes, shared.refused,
                  shared.evictions);
    assert_int_equal(shared.wrong, 0);
    assert_int_equal(shared.pairs_torn, 0);
    assert_true(did_enough(&shared));
    assert_sound(w);
    open_directory(w, &quiet_options);
}

/* --- one version, thousands of changes --- */

struct torn {
    struct directory *directory;
    int64_t organization_id, group;
    uint32_t whole;
    atomic_bool stop;
    atomic_long looks, torn;
};

static void *look_for_half_a_version(void *argument)
{
    struct torn *torn = argument;
    while (!torn->stop) {
        AUTO_OP op = begin_op(torn->directory, torn->organization_id, 0);
        AUTO_VIEW view;
        if (directory_view(&op, false, &view)) continue;
        uint32_t count = view.image->groups[image_find_group(view.image, torn->group)].members.count;
        torn->torn += count != 0 && count != torn->whole;
        torn->looks++;
    }
    return NULL;
}

static void a_followed_version_is_seen_whole_or_not_at_all(void **state)
{
    enum { MEMBERS = 4000, ROUNDS = 10 };
    struct world *w = *state;
    struct change_list users = { 0 }, add = { 0 }, take = { 0 };
    struct user **made = arena_array(&w->f->op.arena, MEMBERS, sizeof *made);
    for (int i = 0; i < MEMBERS; i++) append(w->f, &users, USER_CREATED, NULL, made[i] = make_user(w->f, "u"));
    assert_done(w->f, commit_others(w, w->organization_id, &users));
    struct torn torn = { .directory = w->directory, .organization_id = w->organization_id, .whole = MEMBERS };
    torn.group = new_group(w, "Large");
    for (int i = 0; i < MEMBERS; i++) {
        struct membership *membership = make_membership(w->f, torn.group, made[i]->id);
        append(w->f, &add, MEMBER_ADDED, NULL, membership);
        append(w->f, &take, MEMBER_REMOVED, membership, NULL);
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, look_for_half_a_version, &torn), 0);
    for (int i = 0; i < ROUNDS || (i < 100 * ROUNDS && !torn.looks); i++) {
        assert_done(w->f, commit_others(w, w->organization_id, i % 2 ? &take : &add));
        refresh(w, w->organization_id);
    }
    torn.stop = true;
    pthread_join(thread, NULL);
    assert_true(torn.looks > 0);
    assert_int_equal(torn.torn, 0);
}

/* --- accounts and what was rendered with them --- */

enum { EPOCHS = 4096 };

struct watched {
    struct directory *directory;
    int64_t organization_id, account_id;
    atomic_bool stop;
    atomic_long looks, ambiguous;
    _Atomic uint64_t seen[EPOCHS]; /* by epoch: the epoch and the name seen first with it */
};

/* Bytes kept with an epoch are used as long as it lasts: with one epoch one name must be seen. The name counts the account's
 * updates. */
static void *look_at_account(void *argument)
{
    struct watched *watched = argument;
    while (!watched->stop) {
        AUTO_OP op = begin_op(watched->directory, watched->organization_id, 0);
        AUTO_VIEW view;
        if (directory_view(&op, true, &view)) continue;
        struct account account;
        image_get_account(view.installation, image_find_account(view.installation, watched->account_id), &account);
        uint64_t now = (uint64_t)view.account_epoch << 32 | (uint32_t)strtol(account.first_name, NULL, 10);
        uint64_t before = atomic_exchange(&watched->seen[view.account_epoch % EPOCHS], now);
        watched->ambiguous += before >> 32 == now >> 32 && before != now;
        watched->looks++;
    }
    return NULL;
}

static void with_one_epoch_an_account_has_one_name(void **state)
{
    enum { LOOKERS = 3, UPDATES = 150 };
    struct world *w = *state;
    struct account accounts[2] = { { .uuid = uuid_random(), .first_name = "0" } };
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, &accounts[0]);
    refresh(w, INSTALLATION);
    struct watched watched = { .directory = w->directory, .organization_id = w->organization_id, .account_id = accounts[0].id };
    pthread_t threads[LOOKERS];
    for (int i = 0; i < LOOKERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, look_at_account, &watched), 0);
    for (int i = 1; i <= UPDATES; i++) {
        accounts[i % 2] = accounts[(i + 1) % 2];
        accounts[i % 2].first_name = arena_printf(&w->f->op.arena, "%d", i);
        commit_one(w, INSTALLATION, ACCOUNT_UPDATED, &accounts[(i + 1) % 2], &accounts[i % 2]);
        if (i % 10 == 0) refresh(w, INSTALLATION); /* several versions at once, applied one by one */
    }
    watched.stop = true;
    for (int i = 0; i < LOOKERS; i++) pthread_join(threads[i], NULL);
    assert_true(watched.looks > 0);
    assert_int_equal(watched.ambiguous, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(readers_writers_another_process_and_an_evictor_work_together),
        world_test(a_followed_version_is_seen_whole_or_not_at_all),
        world_test(with_one_epoch_an_account_has_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
