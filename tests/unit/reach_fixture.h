/* reach_fixture.h — operations that have seen a version (op->at_least), and threads that wait for one. */
#ifndef ROSTER_TESTS_REACH_FIXTURE_H
#define ROSTER_TESTS_REACH_FIXTURE_H

#include "directory_fixture.h"

/* A version that nobody commits; longer than any test may take. */
enum { FAR = 1000000, LONG_MS = 60000 };

static inline void open_with(struct world *w, int64_t wait_ms, int64_t waiters, bool background)
{
    struct directory_options options = quiet_options;
    options.at_least_wait_ms = wait_ms;
    options.at_least_waiters = waiters;
    options.background = background;
    close_directory(w);
    open_directory(w, &options);
}

/* A service key that has seen `version`. */
static inline struct op *having_seen(struct world *w, int64_t version)
{
    struct op *op = acting(w, 0);
    op->at_least = version;
    return op;
}

static inline int64_t milliseconds_since(int64_t begun)
{
    return (clock_monotonic_ns() - begun) / 1000000;
}

struct waiting {
    struct directory *directory;
    int64_t organization_id, at_least, waited_ms;
    enum err result;
    pthread_t thread;
};

static inline void *wait_and_read(void *argument)
{
    struct waiting *waiting = argument;
    int64_t begun = clock_monotonic_ns();
    AUTO_OP op = op_begin();
    AUTO_VIEW view;
    op.directory = waiting->directory;
    op.caller.organization_id = waiting->organization_id;
    op.at_least = waiting->at_least;
    waiting->result = directory_view(&op, false, &view);
    waiting->waited_ms = milliseconds_since(begun);
    return NULL;
}

static inline void begin_waiting(struct world *w, struct waiting *waiting, int64_t at_least)
{
    *waiting = (struct waiting){ .directory = w->directory, .organization_id = w->organization_id, .at_least = at_least };
    assert_int_equal(pthread_create(&waiting->thread, NULL, wait_and_read, waiting), 0);
}

static inline void await_waiters(struct world *w, int64_t count)
{
    for (int i = 0; i < 30000 && w->directory->reach.waiting != count; i++) usleep(1000);
    assert_int_equal(w->directory->reach.waiting, count);
}

#endif
