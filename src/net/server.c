/* server.c — starting, changing and stopping. What happens in between is in loop.c and exchange.c. */
#include "net/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/loop.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LOG_FLUSH_MS = 500, FILES_BESIDE_CONNECTIONS = 128 };

static size_t count_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
}

/* Each connection is a file, and the usual soft limit is 1024. */
static void allow_files(int connection_limit)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)connection_limit + FILES_BESIDE_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= needed) return;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < needed) {
        log_warn("only %llu files may be open: too few for connection_limit %d", (unsigned long long)limit.rlim_cur,
                 connection_limit);
    }
}

static void tune(struct server *server, const struct server_options *options)
{
    struct tunables *tunables = &server->tunables;
    atomic_store(&tunables->body_limit, options->body_limit_kib << 10);
    atomic_store(&tunables->sending_limit, options->sending_limit_mib << 20);
    atomic_store(&tunables->head_timeout_ns, options->head_timeout_s * SECOND_NS);
    atomic_store(&tunables->body_timeout_ns, options->body_timeout_s * SECOND_NS);
    atomic_store(&tunables->idle_timeout_ns, options->idle_timeout_s * SECOND_NS);
    atomic_store(&tunables->send_timeout_ns, options->send_timeout_s * SECOND_NS);
    atomic_store(&tunables->shutdown_timeout_ns, options->shutdown_timeout_s * SECOND_NS);
    atomic_store(&tunables->rate_limit, options->rate_limit);
    atomic_store(&tunables->rate_period_s, options->rate_period_s);
    atomic_store(&tunables->request_log, options->request_log);
}

static void *run_keeper(void *argument)
{
    struct server *server = argument;
    pthread_setname_np(pthread_self(), "roster-keeper");
    pthread_mutex_lock(&server->keeper_mutex);
    while (!server->keeper_ends) {
        const struct timespec until = clock_after_ms(LOG_FLUSH_MS);
        pthread_cond_clockwait(&server->keeper_wake, &server->keeper_mutex, CLOCK_MONOTONIC, &until);
        pthread_mutex_unlock(&server->keeper_mutex);
        log_flush();
        pthread_mutex_lock(&server->keeper_mutex);
    }
    pthread_mutex_unlock(&server->keeper_mutex);
    return NULL;
}

static enum err start_keeper(struct op *op, struct server *server)
{
    pthread_mutex_init(&server->keeper_mutex, NULL);
    pthread_cond_init(&server->keeper_wake, NULL);
    if (!pthread_create(&server->keeper, NULL, run_keeper, server)) return ERR_OK;
    return op_fail(op, ERR_STORAGE, "threads", "cannot start a thread");
}

static void stop_keeper(struct server *server)
{
    pthread_mutex_lock(&server->keeper_mutex);
    server->keeper_ends = true;
    pthread_cond_signal(&server->keeper_wake);
    pthread_mutex_unlock(&server->keeper_mutex);
    pthread_join(server->keeper, NULL);
    pthread_cond_destroy(&server->keeper_wake);
    pthread_mutex_destroy(&server->keeper_mutex);
}

static void free_server(struct server *server)
{
    for (size_t i = 0; i < server->loop_count; i++) loop_close(&server->loops[i]);
    workers_free(&server->workers);
    limiter_free(&server->limiter);
    tls_close(server->tls);
    listener_close(&server->listener);
    free(server->loops);
    free(server->url);
    free(server);
}

/* The limit is shared out: a loop that has its share leaves new connections to the others, or in the kernel's queue. */
static enum err open_loops(struct op *op, struct server *server)
{
    int limit = server->options.connection_limit;
    size_t count = server->options.threads > 0 ? (size_t)server->options.threads : count_cores();
    if (count > (size_t)limit) count = limit > 0 ? (size_t)limit : 1;
    server->loops = memory_zalloc(count * sizeof *server->loops);
    for (; server->loop_count < count; server->loop_count++) {
        int share = (limit + (int)server->loop_count) / (int)count;
        enum err e = loop_open(op, &server->loops[server->loop_count], server, share);
        if (e) return e;
    }
    return ERR_OK;
}

/* Threads are started last, when nothing else can fail but they. */
static enum err start_threads(struct op *op, struct server *server)
{
    size_t workers = server->options.workers > 0 ? (size_t)server->options.workers : 1;
    size_t queue = server->options.queue_limit > 0 ? (size_t)server->options.queue_limit : 0;
    enum err e = workers_start(&op->failure, &server->workers, workers, queue);
    if (e) return e;
    e = start_keeper(op, server);
    size_t started = 0;
    for (; !e && started < server->loop_count; started++) e = loop_start(op, &server->loops[started]);
    if (!e) return ERR_OK;
    atomic_store(&server->quit, true);
    for (size_t i = 0; i + 1 < started; i++) loop_join(&server->loops[i]);
    if (started) stop_keeper(server);
    workers_stop(&server->workers);
    return e;
}

static char *make_url(const struct server *server)
{
    const char *scheme = server->listener.path ? "" : server->tls ? "https://" : "http://";
    char *url;
    if (asprintf(&url, "%s%s", scheme, server->listener.address) < 0) abort();
    return url;
}

static enum err check_tls_options(struct op *op, const struct server_options *options)
{
    if (!options->tls_cert == !options->tls_key) return ERR_OK;
    return op_fail(op, ERR_INVALID, "tls_cert", "tls_cert and tls_key belong together");
}

const char *server_check_address(const char *address)
{
    return listener_check(address);
}

enum err server_check_certificate(struct op *op, const struct server_options *options)
{
    enum err e = check_tls_options(op, options);
    return e || !options->tls_cert ? e : tls_check(&op->failure, options->tls_cert, options->tls_key);
}

static enum err open_server(struct op *op, struct server *server)
{
    const struct server_options *options = &server->options;
    enum err e = check_tls_options(op, options);
    if (!e && options->tls_cert) e = tls_open(&op->failure, options->tls_cert, options->tls_key, &server->tls);
    if (!e) e = listener_open(&op->failure, options->listen, &server->listener);
    if (!e) e = open_loops(op, server);
    return e ? e : start_threads(op, server);
}

enum err server_start(struct op *op, const struct server_options *options, struct server **ret_server)
{
    struct server *server = memory_zalloc(sizeof *server);
    server->options = *options;
    server->listener.fd = -1;
    allow_files(options->connection_limit);
    tune(server, options);
    atomic_store(&server->directory, options->directory);
    atomic_store(&server->open, !options->opens_later);
    limiter_init(&server->limiter);

    /* Signals are for the thread that started us: ours inherit a mask without any. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    enum err e = open_server(op, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e) {
        free_server(server);
        return e;
    }
    server->url = make_url(server);
    *ret_server = server;
    return ERR_OK;
}

void server_open(struct server *server, struct directory *directory)
{
    atomic_store(&server->directory, directory);
    atomic_store(&server->open, true);
}

const char *server_url(const struct server *server)
{
    return server->url;
}

enum err server_reload(struct op *op, struct server *server, const struct server_options *options)
{
    enum err e = check_tls_options(op, options);
    if (!e && server->tls && options->tls_cert) e = tls_reload(&op->failure, server->tls, options->tls_cert, options->tls_key);
    if (e) return e;
    tune(server, options);
    workers_set_limit(&server->workers, options->queue_limit > 0 ? (size_t)options->queue_limit : 0);
    return ERR_OK;
}

static size_t count_connections(struct server *server)
{
    size_t count = 0;
    for (size_t i = 0; i < server->loop_count; i++) {
        count += atomic_load_explicit(&server->loops[i].connection_count, memory_order_relaxed);
    }
    return count;
}

bool server_stop(struct server *server)
{
    if (!server) return true;
    int64_t until_ns = clock_monotonic_ns() + atomic_load(&server->tunables.shutdown_timeout_ns);
    atomic_store(&server->stopping, true);
    for (size_t i = 0; i < server->loop_count; i++) loop_wake(&server->loops[i]);
    while (count_connections(server) && clock_monotonic_ns() < until_ns) usleep(STOP_POLL_MS * 1000 / 2);
    /* A suspended connection must be resumed before its daemon stops, and only the workers can do that. */
    workers_stop(&server->workers);
    atomic_store(&server->quit, true);
    size_t cut_off = 0;
    for (size_t i = 0; i < server->loop_count; i++) {
        loop_join(&server->loops[i]);
        cut_off += server->loops[i].cut_off;
    }
    stop_keeper(server);
    log_flush();
    free_server(server);
    return cut_off == 0;
}
