/* Whose turn it is to write: one at a time, nobody is forgotten; and writes that keep no thread waiting. */
#include "directory_fixture.h"

#include "directory/turn.h"

#include <pthread.h>
#include <stdio.h>

/* --- a thread that runs what `again` is given, as the server's workers do --- */

struct runner {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct {
        struct op *op;
        void (*task)(struct op *op);
    } tasks[4096];
    size_t first, last;
    bool ending;
    pthread_t thread;
};

static struct runner runner;

static void run_again(struct op *op, void (*task)(struct op *op))
{
    pthread_mutex_lock(&runner.mutex);
    runner.tasks[runner.last % COUNT_OF(runner.tasks)].op = op;
    runner.tasks[runner.last++ % COUNT_OF(runner.tasks)].task = task;
    pthread_cond_signal(&runner.wake);
    pthread_mutex_unlock(&runner.mutex);
}

static void *run_tasks(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&runner.mutex);
    for (;;) {
        while (runner.first == runner.last && !runner.ending) pthread_cond_wait(&runner.wake, &runner.mutex);
        if (runner.first == runner.last) break;
        size_t at = runner.first++ % COUNT_OF(runner.tasks);
        struct op *op = runner.tasks[at].op;
        void (*task)(struct op *) = runner.tasks[at].task;
        pthread_mutex_unlock(&runner.mutex);
        op->may_block = true;
        task(op);
        pthread_mutex_lock(&runner.mutex);
    }
    pthread_mutex_unlock(&runner.mutex);
    return NULL;
}

static void start_runner(void)
{
    runner = (struct runner){ 0 };
    pthread_mutex_init(&runner.mutex, NULL);
    pthread_cond_init(&runner.wake, NULL);
    assert_int_equal(pthread_create(&runner.thread, NULL, run_tasks, NULL), 0);
}

static void stop_runner(void)
{
    pthread_mutex_lock(&runner.mutex);
    runner.ending = true;
    pthread_cond_signal(&runner.wake);
    pthread_mutex_unlock(&runner.mutex);
    pthread_join(runner.thread, NULL);
    pthread_mutex_destroy(&runner.mutex);
    pthread_cond_destroy(&runner.wake);
}

/* --- the turn by itself --- */

enum { THREADS = 4, ROUNDS = 2000 };

static struct turn turn;
static int64_t counted; /* guarded by the turn and nothing else */
static atomic_bool inside;
static atomic_int overlaps, queued_done;

static void use_turn(void)
{
    if (atomic_exchange(&inside, true)) overlaps++;
    counted++;
    inside = false;
}

static void *take_turns(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        bool ours = true;
        switch ((i + (int)(intptr_t)argument) % 4) {
        case 0:
            ours = turn_try(&turn);
            break;
        case 1:
            ours = turn_take_within(&turn, 1);
            break;
        default:
            turn_take(&turn);
        }
        if (!ours) {
            i--;
            sched_yield();
            continue;
        }
        use_turn();
        turn_give(&turn, true);
    }
    return NULL;
}

static void queued_start(struct op *op)
{
    (void)op;
    use_turn();
    queued_done++;
    turn_give(&turn, false);
}

static void one_at_a_time_and_nobody_is_forgotten(void **state)
{
    (void)state;
    static const struct op_async async = { .again = run_again };
    struct op *ops = calloc(ROUNDS, sizeof *ops);
    struct turn_waiting *waiting = calloc(ROUNDS, sizeof *waiting);
    pthread_t threads[THREADS];
    start_runner();
    turn_init(&turn);
    counted = 0;
    for (intptr_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_turns, (void *)i), 0);
    for (int i = 0; i < ROUNDS; i++) {
        ops[i].async = &async;
        waiting[i] = (struct turn_waiting){ .op = &ops[i], .start = queued_start };
        if (turn_take_or_queue(&turn, &waiting[i])) queued_start(&ops[i]);
        if (i % 16 == 0) usleep(100);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 30000 && queued_done < ROUNDS; i++) usleep(1000);
    stop_runner();
    assert_int_equal(queued_done, ROUNDS);
    assert_int_equal(overlaps, 0);
    assert_int_equal(counted, (THREADS + 1) * ROUNDS);
    assert_true(turn_try(&turn)); /* it is free at the end */
    turn_give(&turn, true);
    turn_destroy(&turn);
    free(ops);
    free(waiting);
}

static void who_waits_for_a_while_gives_up_or_has_it(void **state)
{
    (void)state;
    turn_init(&turn);
    assert_true(turn_take_within(&turn, 1000));
    int64_t begun = clock_monotonic_ns();
    assert_false(turn_take_within(&turn, 20));
    assert_true(clock_monotonic_ns() - begun >= 20 * INT64_C(1000000));
    turn_give(&turn, true);
    assert_true(turn_take_within(&turn, 0)); /* who gave up is not waited for */
    turn_give(&turn, true);
    turn_destroy(&turn);
}

static void those_that_queue_are_served_in_their_order(void **state)
{
    (void)state;
    struct op ops[8] = { 0 };
    struct turn_waiting waiting[8];
    static const struct op_async async = { .again = run_again };
    start_runner();
    turn_init(&turn);
    queued_done = 0;
    assert_true(turn_try(&turn));
    assert_false(turn_try(&turn));
    for (int i = 0; i < 8; i++) {
        ops[i].async = &async;
        waiting[i] = (struct turn_waiting){ .op = &ops[i], .start = queued_start };
        assert_false(turn_take_or_queue(&turn, &waiting[i]));
        assert_ptr_equal(turn.last, &waiting[i]);
    }
    assert_ptr_equal(turn.first, &waiting[0]);
    turn_give(&turn, true);
    for (int i = 0; i < 30000 && queued_done < 8; i++) usleep(1000);
    stop_runner();
    assert_int_equal(queued_done, 8);
    assert_null(turn.first);
    turn_destroy(&turn);
}

/* --- writes that keep no thread waiting --- */

struct write_under_way {
    struct op op; /* first: `finished` is given it */
    enum err result;
    atomic_int finished;
};

static void note_finished(struct op *op, enum err result)
{
    struct write_under_way *write = (struct write_under_way *)op;
    write->result = result;
    write->finished++;
}

static const struct op_async write_async = { .finished = note_finished, .again = run_again };

static void begin_write(struct world *w, struct write_under_way *write, bool may_block)
{
    *write = (struct write_under_way){ .op = op_begin() };
    write->op.directory = w->directory;
    write->op.caller = (struct caller){ .organization_id = w->organization_id, .rights = RIGHT_READ | RIGHT_WRITE };
    write->op.async = &write_async;
    write->op.may_block = may_block;
}

static void wait_for(struct write_under_way *write)
{
    for (int i = 0; i < 60000 && !write->finished; i++) usleep(500);
    assert_int_equal(write->finished, 1);
}

static enum err begin_create(struct write_under_way *write, const char *name)
{
    return directory_create_group(&write->op, &(struct group){ .name = name }, group_fields("name", NULL));
}

static void an_asynchronous_write_is_told_when_it_is_done(void **state)
{
    struct world *w = *state;
    struct write_under_way write;
    start_runner();
    begin_write(w, &write, true);
    char name[] = "Given by a caller that goes on";
    assert_int_equal(begin_create(&write, name), ERR_PENDING);
    memset(name, 'x', sizeof name - 1); /* the text was copied */
    wait_for(&write);
    assert_int_equal(write.result, ERR_OK);
    struct group group;
    assert_true(get_group(w, write.op.made->id, &group));
    assert_string_equal(group.name, "Given by a caller that goes on");
    op_end(&write.op);
    stop_runner();
}

static void an_asynchronous_write_that_is_refused_is_told_too(void **state)
{
    struct world *w = *state;
    struct write_under_way write;
    start_runner();
    new_group(w, "Taken");
    begin_write(w, &write, true);
    assert_int_equal(begin_create(&write, "TAKEN"), ERR_PENDING);
    wait_for(&write);
    assert_int_equal(write.result, ERR_EXISTS);
    assert_string_equal(write.op.failure.field, "name");
    op_end(&write.op);
    new_group(w, "the turn is free again");
    stop_runner();
}

static void a_write_that_would_have_to_load_is_deferred_where_it_may_not_block(void **state)
{
    struct world *w = *state;
    struct write_under_way write;
    start_runner();
    begin_write(w, &write, false); /* nothing but the installation is in memory */
    enum err e = begin_create(&write, "x");
    if (e == ERR_PENDING) wait_for(&write);
    assert_int_equal(e == ERR_PENDING ? write.result : e, ERR_DEFERRED);
    op_end(&write.op);
    new_group(w, "loads it");
    begin_write(w, &write, false);
    assert_int_equal(begin_create(&write, "y"), ERR_PENDING);
    wait_for(&write);
    assert_int_equal(write.result, ERR_OK);
    op_end(&write.op);
    assert_int_equal(version_of(w, w->organization_id), 2);
    stop_runner();
}

static void very_many_members_are_not_looked_at_where_it_may_not_block(void **state)
{
    struct world *w = *state;
    int64_t user = other_adds_user(w, "u")->id, group = new_group(w, "g");
    struct member_request *requests = calloc(5000, sizeof *requests);
    for (int i = 0; i < 5000; i++) requests[i].user_id = user;
    struct op *op = acting(w, 0);
    op->may_block = false;
    assert_int_equal(directory_put_members(op, group, requests, 5000), ERR_DEFERRED);
    assert_ok(w, directory_put_members(acting(w, 0), group, requests, 5000));
    free(requests);
}

/* Asynchronous ones, a thread that waits, and another process: all of them come to their end, all are there. */
static void writes_of_every_sort_take_turns(void **state)
{
    enum { ASYNC = 150, BLOCKING = 20, OTHERS = 20 };
    struct world *w = *state;
    struct write_under_way *writes = calloc(ASYNC, sizeof *writes);
    char name[32];
    start_runner();
    new_group(w, "the image is in memory");
    for (int i = 0; i < ASYNC; i++) {
        snprintf(name, sizeof name, "async %d", i);
        begin_write(w, &writes[i], false);
        assert_int_equal(begin_create(&writes[i], name), ERR_PENDING);
        if (i % (ASYNC / BLOCKING) == 0) {
            snprintf(name, sizeof name, "blocking %d", i);
            new_group(w, name);
        }
        if (i % (ASYNC / OTHERS) == 0) {
            struct group *group = make_group(w->f, arena_printf(&w->f->op.arena, "other %d", i));
            enum err e = ERR_STALE;
            while (e == ERR_STALE) {
                struct change_list list = { 0 };
                append(w->f, &list, GROUP_CREATED, NULL, group);
                e = commit_others(w, w->organization_id, &list);
            }
            assert_int_equal(e, ERR_OK);
        }
    }
    int done = 0;
    for (int i = 0; i < ASYNC; i++) {
        wait_for(&writes[i]);
        done += writes[i].result == ERR_OK;
        if (writes[i].result) assert_int_equal(writes[i].result, ERR_BUSY); /* others were too fast, ten times */
        op_end(&writes[i].op);
    }
    stop_runner();
    free(writes);
    assert_true(done > ASYNC / 2);
    assert_sound(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_a_time_and_nobody_is_forgotten),
        cmocka_unit_test(who_waits_for_a_while_gives_up_or_has_it),
        cmocka_unit_test(those_that_queue_are_served_in_their_order),
        world_test(an_asynchronous_write_is_told_when_it_is_done),
        world_test(an_asynchronous_write_that_is_refused_is_told_too),
        world_test(a_write_that_would_have_to_load_is_deferred_where_it_may_not_block),
        world_test(very_many_members_are_not_looked_at_where_it_may_not_block),
        world_test(writes_of_every_sort_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
