/* test_net_load.c — what many clients at once can take from a server, and what they cannot: its workers, its memory. */
#include "net_fixture.h"

#include "net/exchange.h"
#include "net/metrics.h"

/* ---- an API with what costs */

static atomic_int put_off;    /* requests that were about to wait for a worker */
static atomic_int mark_count; /* and those that had one, in that order: */
static const char *marks[8];

static enum err run_mark(struct op *op, const struct request *request, struct response *response)
{
    if (!op->may_block) {
        atomic_fetch_add(&put_off, 1);
        return op_fail(op, ERR_DEFERRED, "", "not here");
    }
    marks[atomic_fetch_add(&mark_count, 1)] = request->route->pattern;
    buf_add_literal(&response->body, "marked");
    return ERR_OK;
}

/* As many KiB as the path says. */
static enum err run_sized(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    static const char kib[1024] = { 'x' };
    for (long left = strtol(request->captures[0], NULL, 10); left; left--) buf_add(&response->body, kib, sizeof kib);
    return ERR_OK;
}

// clang-format off
static const struct route load_routes[] = {
    { METHOD_GET, "/hello",       0, ROUTE_PUBLIC,                run_hello, NULL },
    { METHOD_GET, "/deferred",    0, ROUTE_PUBLIC,                run_deferred, NULL },
    { METHOD_GET, "/gate",        0, ROUTE_PUBLIC,                run_gate, NULL },
    { METHOD_GET, "/mark",        0, ROUTE_PUBLIC,                run_mark, NULL },
    { METHOD_GET, "/costly/gate", 0, ROUTE_PUBLIC | ROUTE_COSTLY, run_gate, NULL },
    { METHOD_GET, "/costly/mark", 0, ROUTE_PUBLIC | ROUTE_COSTLY, run_mark, NULL },
    { METHOD_GET, "/sized/{kib}", 0, ROUTE_PUBLIC,                run_sized, NULL },
    { METHOD_GET, "/write/{kib}", 0, ROUTE_PUBLIC | ROUTE_WRITES, run_sized, NULL },
    { 0 },
};
// clang-format on
static struct dialect load;
static const struct dialect *const load_dialects[] = { &load, NULL };

enum { MANY_CONNECTIONS = COSTLY_QUEUE + 20 };

static struct server_options load_options(int workers)
{
    struct server_options options = usual_options();
    load = toy;
    load.routes = load_routes;
    options.dialects = load_dialects;
    options.workers = workers;
    options.queue_limit = 1000;
    options.connection_limit = 2 * MANY_CONNECTIONS;
    options.request_log = false;
    return options;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* A client that has asked and waits. */
static int ask_and_leave(int port, const char *text)
{
    int fd = connect_to(port);
    send_text(fd, text);
    return fd;
}

static void assert_answered(int fd, int status, const char *text)
{
    assert_int_equal(receive(fd), status);
    if (text) assert_string_equal(body(), text);
    close(fd);
}

static void close_gate(void)
{
    set_gate(false);
    atomic_store(&at_gate, 0);
}

/* ---- workers */

/* Of eight workers two have costly requests, however many come; the other six are for everybody else. */
static void test_costly_requests_have_a_quarter_of_the_workers(void **state)
{
    (void)state;
    struct server_options options = load_options(8);
    struct fixture fixture = start_with(&options);
    int costly[10], others[6];
    close_gate();
    for (int i = 0; i < 10; i++) costly[i] = ask_and_leave(fixture.port, GET("/costly/gate"));
    wait_for(&at_gate, 2);
    int fd = connect_to(fixture.port);
    for (int i = 0; i < 20; i++) assert_int_equal(ask(fd, GET("/deferred")), 200);
    assert_int_equal(atomic_load(&at_gate), 2);
    for (int i = 0; i < 6; i++) others[i] = ask_and_leave(fixture.port, GET("/gate"));
    wait_for(&at_gate, 8);
    set_gate(true);
    for (int i = 0; i < 10; i++) assert_answered(costly[i], 200, "through");
    for (int i = 0; i < 6; i++) assert_answered(others[i], 200, "through");
    assert_int_equal(atomic_load(&at_gate), 16);
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* A single worker does both, and what is not costly first, although it came later. */
static void test_other_requests_go_before_costly_ones(void **state)
{
    (void)state;
    struct server_options options = load_options(1);
    options.threads = 1; /* so that a request that is answered tells that those before it are in their queues */
    struct fixture fixture = start_with(&options);
    close_gate();
    atomic_store(&put_off, 0);
    atomic_store(&mark_count, 0);
    int holder = ask_and_leave(fixture.port, GET("/costly/gate"));
    wait_for(&at_gate, 1);
    int costly = ask_and_leave(fixture.port, GET("/costly/mark"));
    wait_for(&put_off, 1);
    int other = ask_and_leave(fixture.port, GET("/mark"));
    wait_for(&put_off, 2);
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, GET("/hello")), 200);
    set_gate(true);
    assert_answered(holder, 200, "through");
    assert_answered(costly, 200, "marked");
    assert_answered(other, 200, "marked");
    assert_string_equal(marks[0], "/mark");
    assert_string_equal(marks[1], "/costly/mark");
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* Asks `room` + 1 times more than are begun at once: one is refused, the others wait. */
static void assert_room(const struct server_options *options, int begun, int room)
{
    struct fixture fixture = start_with(options);
    struct pollfd clients[MANY_CONNECTIONS];
    int count = begun + room + 1, refused = begun;
    close_gate();
    for (int i = 0; i < count; i++) {
        clients[i] = (struct pollfd){ .fd = ask_and_leave(fixture.port, GET("/costly/gate")), .events = POLLIN };
        if (i < begun) wait_for(&at_gate, i + 1);
    }
    assert_int_equal(poll(clients, (nfds_t)count, LONG_S * 1000), 1);
    while (!clients[refused].revents) refused++;
    assert_int_equal(receive(clients[refused].fd), 503);
    assert_has("\r\nRetry-After: 1\r\n");
    assert_has("\"error\":\"busy\"");
    assert_int_equal(ask(clients[refused].fd, GET("/deferred")), 200); /* the other queue has room */
    assert_int_equal(poll(clients, (nfds_t)count, 50), 0);
    set_gate(true);
    for (int i = 0; i < count; i++) {
        if (i == refused) close(clients[i].fd);
        else assert_answered(clients[i].fd, 200, "through");
    }
    assert_true(server_stop(fixture.server));
}

static void test_queue_of_costly_requests_has_a_limit(void **state)
{
    (void)state;
    struct server_options options = load_options(8);
    assert_room(&options, 2, COSTLY_QUEUE);
}

static void test_lower_limit_of_all_requests_counts_for_costly_ones(void **state)
{
    (void)state;
    struct server_options options = load_options(2);
    options.queue_limit = 3;
    assert_room(&options, 1, 3);
}

static void *stop(void *server)
{
    return server_stop(server) ? server : NULL;
}

static void test_stop_answers_costly_requests_that_wait(void **state)
{
    (void)state;
    struct server_options options = load_options(8);
    options.shutdown_timeout_s = 0;
    options.threads = 1;
    struct fixture fixture = start_with(&options);
    int begun[2], waiting[3];
    pthread_t stopper;
    close_gate();
    atomic_store(&put_off, 0);
    for (int i = 0; i < 2; i++) begun[i] = ask_and_leave(fixture.port, GET("/costly/gate"));
    wait_for(&at_gate, 2);
    for (int i = 0; i < 3; i++) waiting[i] = ask_and_leave(fixture.port, GET("/costly/mark"));
    wait_for(&put_off, 3);
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, GET("/hello")), 200);
    pthread_create(&stopper, NULL, stop, fixture.server);
    for (int i = 0; i < 3; i++) assert_answered(waiting[i], 503, NULL);
    set_gate(true);
    pthread_join(stopper, NULL);
    for (int i = 0; i < 2; i++) close(begun[i]);
    close(fd);
}

/* ---- memory of answers */

enum { LARGE = 8 << 20 }; /* more than a socket takes of what is not read */

static struct server_options sending_options(int limit_mib)
{
    struct server_options options = load_options(1);
    options.response_limit_mib = 16;
    options.sending_limit_mib = limit_mib;
    options.send_timeout_s = 60;
    return options;
}

/* What /metrics says; 0 for what is not there yet. */
static int64_t metric(const char *name)
{
    struct buf text = BUF_INIT(1 << 20);
    char line[100];
    metrics_write(&text);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(buf_cstr(&text), line);
    int64_t value = at ? strtoll(at + strlen(line), NULL, 10) : 0;
    buf_free(&text);
    return value;
}

static int64_t sending_bytes(void)
{
    return metric("roster_http_sending_bytes");
}

static void wait_for_sending(int64_t expected)
{
    for (int i = 0; i < LONG_S * 1000 && sending_bytes() != expected; i++) usleep(1000);
    assert_int_equal(sending_bytes(), expected);
}

/* A client that asks and never reads; it has nearly no room for what comes. */
static int ask_and_never_read(int port, const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    send_text(fd, text);
    return fd;
}

/* Reads an answer of any size and forgets its body; returns the bytes of it. */
static size_t receive_long(int fd)
{
    size_t size = 0, got = 0;
    while (size < 4 || memcmp(answer + size - 4, "\r\n\r\n", 4) != 0) {
        assert_int_equal(recv(fd, answer + size, 1, 0), 1);
        answer[++size] = 0;
    }
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    while (got < body_length(answer)) {
        static char dropped[65536];
        ssize_t more = recv(fd, dropped, sizeof dropped, 0);
        assert_true(more > 0);
        got += (size_t)more;
    }
    return got;
}

static void assert_sent(int fd, const char *text, size_t size)
{
    send_text(fd, text);
    assert_int_equal(receive_long(fd), size);
}

static void assert_refused(int fd, const char *text)
{
    assert_int_equal(ask(fd, text), 503);
    assert_has("\r\nRetry-After: 1\r\n");
    assert_has("too much is being sent");
}

static void test_answers_that_nobody_reads_take_so_much_memory_at_most(void **state)
{
    (void)state;
    struct server_options options = sending_options(20);
    struct fixture fixture = start_with(&options);
    int silent[2], fd = connect_to(fixture.port);
    for (int i = 0; i < 2; i++) silent[i] = ask_and_never_read(fixture.port, GET("/sized/8192"));
    wait_for_sending(2 * LARGE);
    assert_refused(fd, GET("/sized/8192"));
    assert_int_equal(sending_bytes(), 2 * LARGE);
    assert_int_equal(ask(fd, GET("/hello")), 200);
    close(silent[0]);
    wait_for_sending(LARGE);
    assert_sent(fd, GET("/sized/8192"), LARGE);
    close(silent[1]);
    wait_for_sending(0);
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* One that is the only one goes even if it is larger than all may be; beside it small ones, and what tells of a write, go. */
static void test_what_is_sent_whatever_is_being_sent(void **state)
{
    (void)state;
    struct server_options options = sending_options(1);
    struct fixture fixture = start_with(&options);
    int fd = connect_to(fixture.port);
    assert_sent(fd, GET("/sized/8192"), LARGE);
    wait_for_sending(0);
    int silent = ask_and_never_read(fixture.port, GET("/sized/8192"));
    wait_for_sending(LARGE);
    assert_sent(fd, GET("/sized/128"), SENDING_UNCOUNTED);
    assert_refused(fd, GET("/sized/129"));
    assert_sent(fd, GET("/write/8192"), LARGE);
    wait_for_sending(LARGE);
    close(silent);
    wait_for_sending(0);
    assert_sent(fd, GET("/sized/129"), 129 << 10);
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_who_does_not_read_in_time_gives_the_memory_back(void **state)
{
    (void)state;
    struct server_options options = sending_options(1);
    options.send_timeout_s = 1;
    struct fixture fixture = start_with(&options);
    static const char cut[] = "roster_http_refused_total{reason=\"send_timeout\"}";
    int64_t before = metric(cut);
    int silent = ask_and_never_read(fixture.port, GET("/sized/8192"));
    for (int i = 0; i < LONG_S * 1000 && metric(cut) == before; i++) usleep(1000);
    assert_int_equal(metric(cut), before + 1);
    wait_for_sending(0);
    int fd = connect_to(fixture.port);
    assert_sent(fd, GET("/sized/8192"), LARGE);
    close(fd);
    close(silent);
    assert_true(server_stop(fixture.server));
}

static void test_reload_changes_what_may_be_sent(void **state)
{
    (void)state;
    struct server_options options = sending_options(1);
    struct fixture fixture = start_with(&options);
    AUTO_OP op = op_begin();
    int fd = connect_to(fixture.port), silent = ask_and_never_read(fixture.port, GET("/sized/8192"));
    wait_for_sending(LARGE);
    assert_refused(fd, GET("/sized/8192"));
    options.sending_limit_mib = 16;
    assert_int_equal(server_reload(&op, fixture.server, &options), ERR_OK);
    assert_sent(fd, GET("/sized/8192"), LARGE);
    close(silent);
    close(fd);
    assert_true(server_stop(fixture.server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costly_requests_have_a_quarter_of_the_workers),
        cmocka_unit_test(test_other_requests_go_before_costly_ones),
        cmocka_unit_test(test_queue_of_costly_requests_has_a_limit),
        cmocka_unit_test(test_lower_limit_of_all_requests_counts_for_costly_ones),
        cmocka_unit_test(test_stop_answers_costly_requests_that_wait),
        cmocka_unit_test(test_answers_that_nobody_reads_take_so_much_memory_at_most),
        cmocka_unit_test(test_what_is_sent_whatever_is_being_sent),
        cmocka_unit_test(test_who_does_not_read_in_time_gives_the_memory_back),
        cmocka_unit_test(test_reload_changes_what_may_be_sent),
    };
    return cmocka_run_group_tests_name("net load", tests, prepare_answer, drop_answer);
}
