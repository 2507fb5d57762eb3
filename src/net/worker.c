/* worker.c — two queues of exchanges and the threads that take from them.
 *
 * While a worker has an exchange its connection is suspended: the loop does not touch either until MHD_resume_connection, whose
 * lock also makes what the worker wrote visible to the loop. */
#include "net/worker.h"

#include "base/memory.h"
#include "net/exchange.h"

static struct exchange *take_first(struct work_queue *queue)
{
    struct exchange *exchange = queue->first;
    queue->first = exchange->next;
    if (!queue->first) queue->last = NULL;
    queue->waiting--;
    exchange->next = NULL;
    return exchange;
}

/* What a worker may do now; NULL: nothing. */
static struct exchange *take_next(struct workers *workers, bool *ret_costly)
{
    *ret_costly = !workers->ordinary.first;
    if (!*ret_costly) return take_first(&workers->ordinary);
    if (!workers->costly.first || workers->costly_running == workers->costly_max) return NULL;
    workers->costly_running++;
    return take_first(&workers->costly);
}

/* NULL: the end. */
static struct exchange *wait_for_work(struct workers *workers, bool *ret_costly)
{
    struct exchange *exchange;
    pthread_mutex_lock(&workers->mutex);
    while (!(exchange = take_next(workers, ret_costly)) && !(workers->ending && !workers->under_way))
        pthread_cond_wait(&workers->wake, &workers->mutex);
    pthread_mutex_unlock(&workers->mutex);
    return exchange;
}

/* The next costly one may be for another worker, which found nothing to do before. */
static void end_costly(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    workers->costly_running--;
    if (workers->costly.first) pthread_cond_signal(&workers->wake);
    pthread_mutex_unlock(&workers->mutex);
}

static void *run_worker(void *argument)
{
    struct workers *workers = argument;
    pthread_setname_np(pthread_self(), "roster-worker");
    bool costly;
    for (struct exchange *exchange; (exchange = wait_for_work(workers, &costly));) {
        bool done = exchange_work(exchange);
        if (costly) end_costly(workers);
        if (done) workers_resume(workers, exchange);
    }
    return NULL;
}

static size_t costly_limit(size_t limit)
{
    return limit < COSTLY_QUEUE ? limit : COSTLY_QUEUE;
}

enum err workers_start(struct failure *failure, struct workers *workers, size_t count, size_t limit)
{
    *workers = (struct workers){ .ordinary.limit = limit,
                                 .costly.limit = costly_limit(limit),
                                 .costly_max = count < COSTLY_SHARE ? 1 : count / COSTLY_SHARE,
                                 .threads = memory_alloc(count * sizeof(pthread_t)) };
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

static void append(struct workers *workers, struct work_queue *queue, struct exchange *exchange)
{
    exchange->next = NULL;
    if (queue->last) queue->last->next = exchange;
    else queue->first = exchange;
    queue->last = exchange;
    queue->waiting++;
    pthread_cond_signal(&workers->wake); /* under the lock: behind it the workers may be stopped and gone */
}

void workers_go_on(struct workers *workers, struct exchange *exchange)
{
    pthread_mutex_lock(&workers->mutex);
    append(workers, &workers->ordinary, exchange); /* also of a costly row: what has begun is not held up */
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
    struct work_queue *queue = exchange->request.route->flags & ROUTE_COSTLY ? &workers->costly : &workers->ordinary;
    pthread_mutex_lock(&workers->mutex);
    bool taken = queue->waiting < queue->limit && !workers->ending;
    if (taken) append(workers, queue, exchange);
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
    workers->ordinary.limit = limit;
    workers->costly.limit = costly_limit(limit);
    pthread_mutex_unlock(&workers->mutex);
}

/* A write that has begun stays: it goes on to its end. */
static void answer_waiting(struct workers *workers, struct work_queue *queue)
{
    for (size_t left = queue->waiting; left; left--) {
        struct exchange *exchange = take_first(queue);
        if (exchange->task) {
            append(workers, queue, exchange);
            continue;
        }
        exchange->result = failure_set(&exchange->op.failure, ERR_BUSY, "", "the server is stopping");
        workers->under_way--;
        loop_resume(exchange->connection->loop, exchange->connection->mhd);
    }
}

void workers_stop(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    workers->ending = true;
    answer_waiting(workers, &workers->ordinary);
    answer_waiting(workers, &workers->costly);
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
