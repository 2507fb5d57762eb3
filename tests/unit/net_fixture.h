/* net_fixture.h — a server with a small API in this process, and a client that speaks to it in bytes. */
#ifndef ROSTER_TESTS_NET_FIXTURE_H
#define ROSTER_TESTS_NET_FIXTURE_H

#include "unit.h"

#include "net/server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* LONG_S: far longer than anything takes that is expected to happen, on any machine. */
enum { ANSWER_MAX = 1 << 20, QUEUE_LIMIT = 2, CONNECTION_LIMIT = 8, LONG_S = 30 };

/* ---- an API to ask */

static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opens = PTHREAD_COND_INITIALIZER;
static bool gate_open = true;
static atomic_int before_gate, at_gate, deferred_runs; /* before: about to wait for a worker */
static struct prepared *prepared_answer;

static __attribute__((unused)) void set_gate(bool open)
{
    pthread_mutex_lock(&gate_mutex);
    gate_open = open;
    pthread_cond_broadcast(&gate_opens);
    pthread_mutex_unlock(&gate_mutex);
}

static enum err run_hello(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    const char *name = request_parameter(request, "name");
    buf_printf(&response->body, "hello %s",
               name                                ? name
               : request_header(request, "X-Name") ? request_header(request, "X-Name")
                                                   : "");
    return ERR_OK;
}

static enum err run_item(struct op *op, const struct request *request, struct response *response)
{
    if (!strcmp(request->captures[0], "none"))
        return op_fail(op, ERR_NOT_FOUND, "id", "no item is called %s", request->captures[0]);
    buf_add_text(&response->body, request->captures[0]);
    response_add_header(response, "Location", arena_printf(&op->arena, "/items/%s", request->captures[0]));
    response_add_header(response, "Bad", "a\r\nX-Injected: 1");
    response->content_type = "text/plain";
    return ERR_OK;
}

static enum err run_echo(struct op *op, const struct request *request, struct response *response)
{
    if (!op->may_block) return op_fail(op, ERR_DEFERRED, "", "not here");
    if (op->caller.credential_id != 12) return op_fail(op, ERR_STORAGE, "", "not the op that was promised");
    buf_add(&response->body, request->body, request->body_size);
    return ERR_OK;
}

static enum err run_deferred(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    atomic_fetch_add(&deferred_runs, 1);
    buf_add_literal(&response->body, "deferred");
    response_add_header(response, "X-Run", "1");
    if (!op->may_block) return op_fail(op, ERR_DEFERRED, "", "not here");
    return ERR_OK;
}

static enum err run_gate(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    if (!op->may_block) {
        atomic_fetch_add(&before_gate, 1);
        return op_fail(op, ERR_DEFERRED, "", "not here");
    }
    atomic_fetch_add(&at_gate, 1);
    pthread_mutex_lock(&gate_mutex);
    while (!gate_open) pthread_cond_wait(&gate_opens, &gate_mutex);
    pthread_mutex_unlock(&gate_mutex);
    buf_add_literal(&response->body, "through");
    return ERR_OK;
}

static enum err run_flood(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    char bytes[4096] = { 'x' };
    for (int i = 0; i < 1000; i++) buf_add(&response->body, bytes, sizeof bytes);
    return ERR_OK;
}

static enum err run_prepared(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    response->prepared = prepared_hold(prepared_answer);
    return ERR_OK;
}

static enum err authenticate(struct op *op, const struct request *request)
{
    const char *secret = request->authorization ? request->authorization : "";
    bool slow = !strcmp(secret, "slow") || !strcmp(secret, "slow and unknown");
    if (slow && !op->may_block) return op_fail(op, ERR_DEFERRED, "", "not here");
    if (strcmp(secret, "good") != 0 && strcmp(secret, "slow") != 0 && strcmp(secret, "weak") != 0) {
        return op_fail(op, ERR_UNAUTHENTICATED, "", "who are you");
    }
    op->caller.credential_id = 12;
    op->caller.rights = strcmp(secret, "weak") ? RIGHT_READ | RIGHT_WRITE : RIGHT_READ;
    return ERR_OK;
}

static __attribute__((unused)) void write_error(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    // clang-format off
    static const int statuses[ERR_COUNT] = {
        [ERR_INVALID] = 400, [ERR_UNAUTHENTICATED] = 401, [ERR_FORBIDDEN] = 403, [ERR_NOT_FOUND] = 404, [ERR_NO_ROUTE] = 404,
        [ERR_METHOD] = 405, [ERR_TOO_LARGE] = 413, [ERR_TIMEOUT] = 408, [ERR_BUSY] = 503, [ERR_MEDIA_TYPE] = 415,
        [ERR_RATE] = 429,
    };
    // clang-format on
    response->status = statuses[op->failure.code] ? statuses[op->failure.code] : 500;
    buf_printf(&response->body, "{\"error\":\"%s\",\"text\":\"%s\"}", err_name(op->failure.code), op->failure.text);
}

// clang-format off
static const struct route routes[] = {
    { METHOD_GET,    "/hello",      0,           ROUTE_PUBLIC,              run_hello, NULL },
    { METHOD_GET,    "/items/{id}", RIGHT_READ,  0,                         run_item, NULL },
    { METHOD_DELETE, "/items/{id}", RIGHT_READ,  0,                         run_item, NULL },
    { METHOD_POST,   "/echo",       RIGHT_WRITE, ROUTE_BODY | ROUTE_WRITES, run_echo, NULL },
    { METHOD_GET,    "/deferred",   0,           ROUTE_PUBLIC,              run_deferred, NULL },
    { METHOD_GET,    "/gate",       0,           ROUTE_PUBLIC|ROUTE_WRITES, run_gate, NULL },
    { METHOD_GET,    "/flood",      0,           ROUTE_PUBLIC,              run_flood, NULL },
    { METHOD_GET,    "/prepared",   0,           ROUTE_PUBLIC,              run_prepared, NULL },
    { 0 },
};
static const struct header headers[] = { { "X-One", "1" }, { "X-Two", "2; mode=\"b\"" }, { "X-Three", "3" }, { 0 } };
// clang-format on
static const struct dialect toy = {
    .name = "toy",
    .prefix = "/",
    .routes = routes,
    .headers = headers,
    .content_type = "application/json",
    .authenticate = authenticate,
    .write_error = write_error,
};
static const struct dialect *const dialects[] = { &toy, NULL };

/* ---- the server under test */

struct fixture {
    struct server *server;
    int port;
};

/* Nothing is cut for being slow: tests of that say how slow. */
static struct server_options usual_options(void)
{
    return (struct server_options){ .listen = "127.0.0.1:0",
                                    .threads = 2,
                                    .workers = 1,
                                    .queue_limit = QUEUE_LIMIT,
                                    .connection_limit = CONNECTION_LIMIT,
                                    .head_limit_kib = 16,
                                    .body_limit_kib = 64,
                                    .response_limit_mib = 1,
                                    .sending_limit_mib = 64,
                                    .head_timeout_s = LONG_S,
                                    .body_timeout_s = LONG_S,
                                    .idle_timeout_s = 60,
                                    .send_timeout_s = LONG_S,
                                    .shutdown_timeout_s = LONG_S,
                                    .dialects = dialects };
}

static __attribute__((unused)) struct fixture start_with(const struct server_options *options)
{
    struct fixture fixture;
    AUTO_OP op = op_begin();
    if (server_start(&op, options, &fixture.server)) fail_msg("%s", op.failure.text);
    const char *colon = strrchr(server_url(fixture.server), ':');
    fixture.port = (int)strtol(colon + 1, NULL, 10);
    return fixture;
}

static __attribute__((unused)) struct fixture start(void)
{
    struct server_options options = usual_options();
    return start_with(&options);
}

static __attribute__((unused)) int connect_to(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* False if the server closed while we were sending. */
static __attribute__((unused)) bool send_bytes(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0) return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static __attribute__((unused)) void send_text(int fd, const char *text)
{
    (void)send_bytes(fd, text, strlen(text));
}

static char answer[ANSWER_MAX]; /* what receive() got last */
static bool closed;             /* and whether the server then closed */

static size_t body_length(const char *head)
{
    const char *length = strcasestr(head, "\r\nContent-Length: ");
    return length ? strtoul(length + 18, NULL, 10) : 0;
}

/* Reads one answer, or until the server closes, or nothing has come for LONG_S. Bytes of a next answer stay in the socket. */
static __attribute__((unused)) int receive(int fd)
{
    size_t size = 0, wanted = ANSWER_MAX - 1;
    closed = false;
    answer[0] = 0;
    while (size < wanted) {
        struct pollfd readable = { .fd = fd, .events = POLLIN };
        if (poll(&readable, 1, LONG_S * 1000) != 1) break;
        char *end = strstr(answer, "\r\n\r\n");
        if (end) wanted = (size_t)(end + 4 - answer) + body_length(answer);
        if (size >= wanted) break;
        ssize_t got = recv(fd, answer + size, end ? wanted - size : 1, 0);
        if (got <= 0) {
            closed = true;
            break;
        }
        size += (size_t)got;
        answer[size] = 0;
        end = strstr(answer, "\r\n\r\n");
        if (end && size >= (size_t)(end + 4 - answer) + body_length(answer)) break;
    }
    int status = 0;
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

/* Or will be soon; what still comes before that is dropped. */
static __attribute__((unused)) bool is_closed(int fd)
{
    char bytes[1024];
    struct pollfd readable = { .fd = fd, .events = POLLIN };
    while (poll(&readable, 1, LONG_S * 1000) == 1) {
        if (recv(fd, bytes, sizeof bytes, 0) <= 0) return true;
    }
    return false;
}

static __attribute__((unused)) const char *body(void)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}

static __attribute__((unused)) int ask(int fd, const char *text)
{
    send_text(fd, text);
    return receive(fd);
}

static __attribute__((unused)) bool send_zeroes(int fd, size_t size)
{
    static const char zeroes[65536];
    for (; size > sizeof zeroes; size -= sizeof zeroes) {
        if (!send_bytes(fd, zeroes, sizeof zeroes)) return false;
    }
    return send_bytes(fd, zeroes, size);
}

static __attribute__((unused)) void wait_for(atomic_int *value, int expected)
{
    for (int i = 0; i < LONG_S * 1000 && atomic_load(value) != expected; i++) usleep(1000);
    assert_int_equal(atomic_load(value), expected);
}

#define GOOD "Host: a\r\nAuthorization: good\r\n"

static __attribute__((unused)) void assert_has(const char *part)
{
    if (!strstr(answer, part)) fail_msg("%s is not in\n%s", part, answer);
}

static __attribute__((unused)) int prepare_answer(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT(100);
    buf_add_literal(&bytes, "prepared");
    prepared_answer = prepared_new(headers, 200, "text/plain", &bytes);
    return 0;
}

static __attribute__((unused)) int drop_answer(void **state)
{
    (void)state;
    prepared_drop(prepared_answer);
    return 0;
}

#endif
