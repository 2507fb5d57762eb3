/* hints.c — telling other nodes what was committed here, after the commit.
 *
 * NOTIFY inside the commit would be simpler, but PostgreSQL takes one lock for the whole cluster from a NOTIFY to the end of its
 * COMMIT: commits would wait for each other's disk. A hint that gets lost is made up for by polling. */
#include "store/postgres/store.h"

#include "base/clock.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* PostgreSQL takes up to 8,000 bytes. A hint wakes every node: who commits all the time tells of many commits at once. */
enum { PAYLOAD = 7900, HINTS_MAX = 100000, PAUSE_MS = 2 };

void hint_list_append(struct hint_list *list, int64_t organization_id, int64_t version)
{
    list->items = memory_grow(list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = (struct hint){ organization_id, version };
}

void hint_list_add(struct hint_list *list, int64_t organization_id, int64_t version)
{
    if (list->count < HINTS_MAX) hint_list_append(list, organization_id, version);
}

void postgres_hint(struct postgres_store *store, const struct waiting *first)
{
    struct hinter *hinter = &store->hinter;
    pthread_mutex_lock(&hinter->lock);
    for (const struct waiting *w = first; w; w = w->next)
        if (!w->result) hint_list_add(&hinter->list, w->commit->organization_id, w->commit->expected_version + 1);
    pthread_mutex_unlock(&hinter->lock);
}

void postgres_hinter_wake(struct postgres_store *store)
{
    pthread_cond_signal(&store->hinter.work);
}

static enum err notify(struct op *op, struct postgres_db *db, const struct hint_list *list)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < list->count && !e;) {
        char payload[PAYLOAD + 1];
        size_t size = 0;
        for (; i < list->count && size + 48 < PAYLOAD; i++)
            size += (size_t)snprintf(payload + size, sizeof payload - size, "%s%" PRId64 ":%" PRId64, size ? " " : "",
                                     list->items[i].organization_id, list->items[i].version);
        AUTO_QUERY q = db_query(&db->base, "SELECT pg_notify('roster', $1)");
        query_text(&q, payload);
        e = query_run(op, &q);
    }
    return e;
}

/* A hint need not be on disk. */
static void tell(struct postgres_store *store, const struct hint_list *list)
{
    AUTO_OP op = op_begin();
    struct postgres_db *db = &store->hinter.db;
    enum err e = postgres_connect(&op, db);
    if (e) return;
    atomic_store(&store->hinter.pid, PQbackendPID(db->connection));
    db->gathering = true;
    e = postgres_run(&op, db, "BEGIN");
    if (!e) e = postgres_run(&op, db, "SET LOCAL synchronous_commit = off");
    if (!e) e = notify(&op, db, list);
    if (!e) e = postgres_run(&op, db, "COMMIT");
    if (!e) e = postgres_settle(&op, db);
    db->gathering = false;
    if (e) postgres_roll_back(db);
}

/* What is committed meanwhile is told together. The lock is held, and let go while waiting. */
static void pause_after(struct hinter *hinter)
{
    int64_t left_ns = hinter->told_ns + PAUSE_MS * INT64_C(1000000) - clock_monotonic_ns();
    if (left_ns > 0 && !hinter->stopping) {
        pthread_mutex_unlock(&hinter->lock);
        nanosleep(&(struct timespec){ .tv_nsec = left_ns }, NULL);
        pthread_mutex_lock(&hinter->lock);
    }
    hinter->told_ns = clock_monotonic_ns();
}

static void *run_hinter(void *context)
{
    struct postgres_store *store = context;
    struct hinter *hinter = &store->hinter;
    pthread_mutex_lock(&hinter->lock);
    for (;;) {
        while (!hinter->list.count && !hinter->stopping) pthread_cond_wait(&hinter->work, &hinter->lock);
        if (!hinter->list.count) break;
        pause_after(hinter);
        struct hint_list list = hinter->list;
        hinter->list = (struct hint_list){ 0 };
        pthread_mutex_unlock(&hinter->lock);
        tell(store, &list);
        free(list.items);
        pthread_mutex_lock(&hinter->lock);
    }
    pthread_mutex_unlock(&hinter->lock);
    return NULL;
}

void postgres_hinter_start(struct postgres_store *store)
{
    if (pthread_create(&store->hinter.thread, NULL, run_hinter, store) != 0) abort();
}

void postgres_hinter_stop(struct postgres_store *store)
{
    pthread_mutex_lock(&store->hinter.lock);
    store->hinter.stopping = true;
    pthread_cond_signal(&store->hinter.work);
    pthread_mutex_unlock(&store->hinter.lock);
    pthread_join(store->hinter.thread, NULL);
}
