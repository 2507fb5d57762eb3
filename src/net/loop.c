/* loop.c — a thread that serves connections: the library's callbacks, deadlines, and the end.
 *
 * The library only knows a time without any traffic, and a client can keep that at bay with a byte now and then. So each
 * connection has a phase with a deadline for the whole of it; the loop looks at all of its connections every SWEEP_MS and cuts
 * those that are over by shutting their sockets down, which the library sees and treats like a client that left. Everything
 * happens on the loop's own thread, hence a descriptor can not have been closed and given to another connection meanwhile. */
#include "net/loop.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/memory.h"
#include "net/exchange.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the library needs for itself beside a head of the largest size: its lists of headers and the head of the answer. It clears
 * all of this memory for each request, so more of it costs time. */
enum { MEMORY_BESIDE_HEAD = 4 << 10 };

#define IDLE_CHECK_NS SECOND_NS
#define IDLE_SLACK_MS 50

void connection_enter(struct connection *connection, enum phase phase, int64_t timeout_ns)
{
    connection->phase = phase;
    connection->deadline_ns = clock_coarse_ns() + timeout_ns;
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void enter_head(struct connection *connection)
{
    connection_enter(connection, PHASE_HEAD,
                     atomic_load_explicit(&connection->loop->server->tunables.head_timeout_ns, memory_order_relaxed));
}

static void enter_idle(struct connection *connection)
{
    connection_enter(connection, PHASE_IDLE,
                     atomic_load_explicit(&connection->loop->server->tunables.idle_timeout_ns, memory_order_relaxed));
    connection->since_ns = clock_coarse_ns();
}

static void write_client(struct connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    const char *text = NULL;
    size_t room = sizeof connection->client;
    if (address && address->sa_family == AF_INET) {
        text = inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, connection->client,
                         (socklen_t)room);
    } else if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *inner = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(inner)) text = inet_ntop(AF_INET, inner->s6_addr + 12, connection->client, (socklen_t)room);
        else text = inet_ntop(AF_INET6, inner, connection->client, (socklen_t)room);
    }
    connection->is_unix = !text;
    if (!text) snprintf(connection->client, room, "unix");
}

static struct connection *open_connection(struct loop *loop, struct MHD_Connection *mhd)
{
    struct connection *connection = memory_zalloc(sizeof *connection);
    connection->loop = loop;
    connection->mhd = mhd;
    connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    write_client(connection);
    enter_head(connection);
    connection->next = loop->connections;
    if (connection->next) connection->next->previous = connection;
    loop->connections = connection;
    atomic_store_explicit(&loop->connection_count, loop->connection_count + 1, memory_order_relaxed);
    metrics_connections(+1);
    return connection;
}

static bool has_unread(int fd)
{
    int size = 0;
    return !ioctl(fd, FIONREAD, &size) && size > 0;
}

static void close_connection(struct connection *connection)
{
    struct loop *loop = connection->loop;
    if (connection->unread || has_unread(connection->fd)) linger_add(&loop->lingering, connection->fd, clock_coarse_ns());
    if (connection->previous) connection->previous->next = connection->next;
    else loop->connections = connection->next;
    if (connection->next) connection->next->previous = connection->previous;
    certificate_drop(connection->certificate);
    free(connection);
    loop->closed_some = true;
    atomic_store_explicit(&loop->connection_count, loop->connection_count - 1, memory_order_relaxed);
    metrics_connections(-1);
}

static void notify_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                              enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = open_connection(context, mhd);
    } else if (*socket_context) {
        close_connection(*socket_context);
        *socket_context = NULL;
    }
}

/* The request line is there. The library is about to take the query apart into its memory (and gets lost when there is too
 * little of it); it has no switch for that, so the query is ended before it begins, in the library's own buffer. */
static void *see_request_line(void *context, const char *uri, struct MHD_Connection *mhd)
{
    (void)context;
    struct connection *connection = connection_of(mhd);
    if (!connection || !uri) return NULL;
    connection->exchange = exchange_begin(connection, uri);
    if (connection->phase == PHASE_IDLE) enter_head(connection);
    char *query = strchr((char *)uri, '?');
    if (query) query[1] = 0;
    return connection->exchange;
}

/* Paths are decoded by the router, part by part. */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

static enum MHD_Result handle_access(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                                     const char *version, const char *upload, size_t *upload_size, void **request_context)
{
    (void)context;
    (void)mhd;
    (void)url;
    struct exchange *exchange = *request_context;
    return exchange ? exchange_step(exchange, method, version, upload, upload_size) : MHD_NO;
}

static void notify_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                             enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)mhd;
    struct exchange *exchange = *request_context;
    if (!exchange) return;
    struct connection *connection = exchange->connection;
    exchange_end(exchange, code);
    connection->exchange = NULL;
    *request_context = NULL;
    if (connection->phase != PHASE_CUT) enter_idle(connection);
}

static int choose_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
                              const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **ret_chain,
                              unsigned *ret_chain_size, gnutls_privkey_t *ret_key)
{
    (void)authorities;
    (void)authority_count;
    (void)algorithms;
    (void)algorithm_count;
    struct connection *connection = connection_of(gnutls_session_get_ptr(session));
    if (!connection) return -1;
    if (!connection->certificate) connection->certificate = tls_hold(connection->loop->server->tls);
    *ret_chain = connection->certificate->chain;
    *ret_chain_size = connection->certificate->chain_size;
    *ret_key = connection->certificate->key;
    return 0;
}

/* Shuts a connection's socket; the library then sees it closed, at once. */
static void cut(struct connection *connection, const char *reason)
{
    metrics_count_refused(reason);
    connection->phase = PHASE_CUT;
    connection->deadline_ns = INT64_MAX;
    shutdown(connection->fd, SHUT_RDWR);
}

static void pass_deadline(struct connection *connection)
{
    switch (connection->phase) {
    case PHASE_HEAD:
        exchange_write_error(connection, ERR_TIMEOUT, "the request's head did not arrive in time");
        cut(connection, "head_timeout");
        break;
    case PHASE_BODY:
        exchange_write_error(connection, ERR_TIMEOUT, "the request's body did not arrive in time");
        cut(connection, "body_timeout");
        break;
    case PHASE_SENDING:
        cut(connection, "send_timeout");
        break;
    case PHASE_IDLE:
        cut(connection, "idle_timeout");
        break;
    case PHASE_WORKING:
    case PHASE_CUT:
        break;
    }
}

/* The library does not tell when a next request begins to arrive, only when its first line is complete; the kernel knows. */
static void check_idle(struct connection *connection, int64_t now_ns)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    int64_t idle_ms = (now_ns - connection->since_ns) / 1000000;
    if (connection->is_unix || idle_ms < 2 * IDLE_SLACK_MS) return;
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size)) return;
    if ((int64_t)info.tcpi_last_data_recv + IDLE_SLACK_MS < idle_ms) enter_head(connection);
}

/* Ends what is kept alive: what has already arrived is still read, behind it the library finds the end. */
static void tell_stop(struct connection *connection)
{
    if (connection->phase != PHASE_IDLE && (connection->phase != PHASE_HEAD || connection->stop_seen)) return;
    connection->stop_seen = true;
    shutdown(connection->fd, SHUT_RD);
}

static void sweep(struct loop *loop, int64_t now_ns, bool stopping)
{
    bool check = now_ns - loop->idle_checked_ns >= IDLE_CHECK_NS;
    if (check) loop->idle_checked_ns = now_ns;
    loop->swept_ns = now_ns;
    for (struct connection *connection = loop->connections; connection; connection = connection->next) {
        if (check && connection->phase == PHASE_IDLE) check_idle(connection, now_ns);
        if (stopping) tell_stop(connection);
        if (now_ns >= connection->deadline_ns) pass_deadline(connection);
    }
}

/* The library can not be woken from outside when it is run this way, hence the second descriptor. */
static void wait_for_events(struct loop *loop, int wait_ms)
{
    MHD_UNSIGNED_LONG_LONG library_ms;
    if (loop->closed_some || (MHD_get_timeout(loop->daemon, &library_ms) == MHD_YES && !library_ms)) wait_ms = 0;
    loop->closed_some = false;
    struct pollfd events[] = { { .fd = loop->epoll_fd, .events = POLLIN }, { .fd = loop->wake_fd, .events = POLLIN } };
    uint64_t count;
    if (wait_ms && poll(events, 2, wait_ms) > 0 && events[1].revents) (void)!read(loop->wake_fd, &count, sizeof count);
    atomic_store(&loop->woken, false); /* before the library is run: who wakes from now on writes again */
}

void loop_wake(struct loop *loop)
{
    if (!atomic_exchange(&loop->woken, true)) (void)!write(loop->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void loop_resume(struct loop *loop, struct MHD_Connection *mhd)
{
    MHD_resume_connection(mhd);
    loop_wake(loop);
}

static void *run_loop(void *argument)
{
    struct loop *loop = argument;
    struct server *server = loop->server;
    pthread_setname_np(pthread_self(), "roster-net");
    bool quiesced = false;
    while (!atomic_load(&server->quit)) {
        bool stopping = atomic_load_explicit(&server->stopping, memory_order_relaxed);
        if (stopping && !quiesced) {
            int fd = MHD_quiesce_daemon(loop->daemon);
            if (fd >= 0) close(fd);
            quiesced = true;
        }
        wait_for_events(loop, stopping ? STOP_POLL_MS : loop->lingering.count ? LINGER_POLL_MS : SWEEP_MS);
        MHD_run(loop->daemon);
        int64_t now_ns = clock_coarse_ns();
        if (loop->lingering.count) linger_drain(&loop->lingering, now_ns);
        if (stopping || now_ns - loop->swept_ns >= SWEEP_MS * INT64_C(1000000)) sweep(loop, now_ns, stopping);
    }
    MHD_stop_daemon(loop->daemon);
    loop->daemon = NULL;
    return NULL;
}

enum err loop_open(struct op *op, struct loop *loop, struct server *server, int connection_limit)
{
    loop->server = server;
    loop->log_line = BUF_INIT(16 << 10);
    random_bytes(&loop->request_ids, sizeof loop->request_ids);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int fd = fcntl(server->listener.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || loop->wake_fd < 0) return op_fail(op, ERR_STORAGE, "listen", "too many open files");
    size_t memory = ((size_t)server->options.head_limit_kib << 10) + MEMORY_BESIDE_HEAD;
    struct MHD_OptionItem tls_options[] = {
        { MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)choose_certificate },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem no_options[] = { { MHD_OPTION_END, 0, NULL } };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (server->tls ? MHD_USE_TLS : 0);
    // clang-format off
    loop->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle_access, loop,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)connection_limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U,
        MHD_OPTION_NOTIFY_CONNECTION, notify_connection, loop,
        MHD_OPTION_NOTIFY_COMPLETED, notify_completed, loop,
        MHD_OPTION_URI_LOG_CALLBACK, see_request_line, loop,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, loop,
        MHD_OPTION_ARRAY, server->tls ? tls_options : no_options,
        MHD_OPTION_END);
    // clang-format on
    if (loop->daemon) {
        loop->epoll_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
        return ERR_OK;
    }
    close(fd);
    return op_fail(op, ERR_STORAGE, "listen", "the HTTP library cannot serve %s", server->listener.address);
}

enum err loop_start(struct op *op, struct loop *loop)
{
    loop->swept_ns = loop->idle_checked_ns = clock_coarse_ns();
    if (pthread_create(&loop->thread, NULL, run_loop, loop) == 0) return ERR_OK;
    return op_fail(op, ERR_STORAGE, "threads", "cannot start a thread");
}

void loop_join(struct loop *loop)
{
    pthread_join(loop->thread, NULL);
}

void loop_close(struct loop *loop)
{
    if (loop->daemon) MHD_stop_daemon(loop->daemon); /* its thread never ran */
    if (loop->wake_fd >= 0) close(loop->wake_fd);
    linger_close(&loop->lingering);
    while (loop->spare) {
        struct exchange *exchange = loop->spare;
        loop->spare = exchange->next;
        exchange_free(exchange);
    }
    buf_free(&loop->log_line);
}
