/* pool.c — connections that threads borrow. One that the server closed meanwhile is replaced when it is taken. */
#include "store/postgres/store.h"

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

enum err connections_take(struct op *op, struct connections *connections, struct postgres_db **ret_db)
{
    *ret_db = take(connections);
    enum err e = postgres_connect(op, *ret_db);
    if (!e) return ERR_OK;
    connections_return(connections, *ret_db);
    *ret_db = NULL;
    return e;
}

void connections_return(struct connections *connections, struct postgres_db *db)
{
    pthread_mutex_lock(&connections->lock);
    connections->taken[db - connections->items] = false;
    pthread_cond_signal(&connections->returned);
    pthread_mutex_unlock(&connections->lock);
}
