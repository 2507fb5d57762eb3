/* pool.c — connections that threads borrow. One that the server closed meanwhile is replaced when it is taken. */
#include "store/postgres/store.h"

#include "base/clock.h"

void connections_init(struct connections *connections, size_t count, struct server *server)
{
    pthread_mutex_init(&connections->lock, NULL);
    pthread_cond_init(&connections->returned, NULL);
    connections->count = count;
    for (size_t i = 0; i < count; i++) postgres_init(&connections->items[i], server);
}

void connections_free(struct connections *connections)
{
    for (size_t i = 0; i < connections->count; i++) postgres_free(&connections->items[i]);
    pthread_mutex_destroy(&connections->lock);
    pthread_cond_destroy(&connections->returned);
}

static struct postgres_db *take(struct connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    while (true) {
        for (size_t i = 0; i < connections->count; i++) {
            if (connections->taken[i]) continue;
            connections->taken[i] = true;
            pthread_mutex_unlock(&connections->lock);
            return &connections->items[i];
        }
        pthread_cond_wait(&connections->returned, &connections->lock);
    }
}

/* Waits for somebody to return one, but not for long. False if nobody has one that works. */
static bool wait_for_return(struct connections *connections)
{
    enum { WAIT_MS = 100 };
    const struct timespec until = clock_after_ms(WAIT_MS);
    bool any = false;
    pthread_mutex_lock(&connections->lock);
    for (size_t i = 0; i < connections->count; i++) any |= connections->taken[i];
    if (any) pthread_cond_clockwait(&connections->returned, &connections->lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&connections->lock);
    return any;
}

/* When the server takes no more connections those that there are must do. */
enum err connections_take(struct op *op, struct connections *connections, struct postgres_db **ret_db)
{
    enum { ATTEMPTS = 20 };
    for (int attempt = 1;; attempt++) {
        *ret_db = take(connections);
        const struct server *server = (*ret_db)->server;
        AUTO_OP connecting = op_begin();
        enum err e = postgres_connect(&connecting, *ret_db);
        if (!e) return ERR_OK;
        connections_return(connections, *ret_db);
        *ret_db = NULL;
        if (e != ERR_BUSY || atomic_load(&server->away) || attempt == ATTEMPTS || !wait_for_return(connections))
            return op_fail(op, e, connecting.failure.field, "%s", connecting.failure.text);
    }
}

void connections_return(struct connections *connections, struct postgres_db *db)
{
    pthread_mutex_lock(&connections->lock);
    connections->taken[db - connections->items] = false;
    pthread_cond_signal(&connections->returned);
    pthread_mutex_unlock(&connections->lock);
}
