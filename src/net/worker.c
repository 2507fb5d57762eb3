/* worker.c — a queue of exchanges and the threads that take from it.
 *
 * While a worker has an exchange its connection is suspended: the loop does not touch either until MHD_resume_connection, whose
 * lock also makes what the worker wrote visible to the loop. */
#include "net/worker.h"

#include "base/memory.h"
#include "net/exchange.h"

static struct exchange *take_first(struct workers *workers)
{
    struct exchange *exchange = workers->first;
    workers->first = exchange->next;
    if (!workers->first) workers->last = NULL;
    workers->waiting--;
    exchange->next = NULL;
    return exchange;
}

static void *run_worker(void *argument)
{
    struct workers *workers = argument;
    pthread_setname_np(pthread_self(), "roster-worker");
    for (;;) {
        pthread_mutex_lock(&workers->mutex);
        while (!workers->first && !(workers->ending && !workers->under_way)) pthread_cond_wait(&workers->wake, &workers->mutex);
        struct exchange *exchange = workers->first ? take_first(workers) : NULL;
        pthread_mutex_unlock(&workers->mutex);
        if (!exchange) return NULL;
        if (exchange_work(exchange)) workers_resume(workers, exchange);
    }
}

enum err workers_start(struct failure *failure, struct workers *workers, size_t count, size_t limit)
{
    *workers = (struct workers){ .limit = limit, .threads = memory_alloc(count * sizeof(pthread_t)) };
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->wake, NULL);
    for (; workers->count < count; workers->count++) {
        if (pthread_create(&workers->threads[workers->count], NULL, run_worker, workers) == 0) continue;
        workers_stop(workers);
        workers_free(workers);
        return failure_set(failure, ERR_STORAGE, "workers", "cannot start %zu worker threads", count);
    }
    return ERR_OK;
}

static void append(struct workers *workers, struct exchange *exchange)
{
    exchange->next = NULL;
    if (workers->last) workers->last->next = exchange;
    else workers->first = exchange;
    workers->last = exchange;
    workers->waiting++;
    pthread_cond_signal(&workers->wake); /* under the lock: behind it the workers may be stopped and gone */
}

void workers_go_on(struct workers *workers, struct exchange *exchange)
{
    pthread_mutex_lock(&workers->mutex);
    append(workers, exchange);
    pthread_mutex_unlock(&workers->mutex);
}

void workers_begin(struct workers *workers, struct exchange *exchange)
{
    pthread_mutex_lock(&workers->mutex);
    MHD_suspend_connection(exchange->connection->mhd); /* before anybody can resume it */
    workers->under_way++;
    pthread_mutex_unlock(&workers->mutex);
}

bool workers_queue(struct workers *workers, struct exchange *exchange)
{
    pthread_mutex_lock(&workers->mutex);
    bool taken = workers->waiting < workers->limit && !workers->ending;
    if (taken) append(workers, exchange);
    pthread_mutex_unlock(&workers->mutex);
    return taken;
}

void workers_resume(struct workers *workers, struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    loop_resume(connection->loop, connection->mhd);
    pthread_mutex_lock(&workers->mutex);
    if (--workers->under_way == 0 && workers->ending) pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->mutex);
}

void workers_set_limit(struct workers *workers, size_t limit)
{
    pthread_mutex_lock(&workers->mutex);
    workers->limit = limit;
    pthread_mutex_unlock(&workers->mutex);
}

void workers_stop(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    workers->ending = true;
    struct exchange *exchange = workers->first;
    workers->first = workers->last = NULL;
    workers->waiting = 0;
    for (struct exchange *next; exchange; exchange = next) {
        next = exchange->next;
        if (exchange->task) { /* a write that has begun goes on to its end */
            append(workers, exchange);
            continue;
        }
        exchange->result = failure_set(&exchange->op.failure, ERR_BUSY, "", "the server is stopping");
        workers->under_way--;
        loop_resume(exchange->connection->loop, exchange->connection->mhd);
    }
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->mutex);
    for (size_t i = 0; i < workers->count; i++) pthread_join(workers->threads[i], NULL);
    workers->count = 0;
}

void workers_free(struct workers *workers)
{
    if (!workers->threads) return;
    pthread_cond_destroy(&workers->wake);
    pthread_mutex_destroy(&workers->mutex);
    free(workers->threads);
    workers->threads = NULL;
}
