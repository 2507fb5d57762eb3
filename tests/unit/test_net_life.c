/* test_net_life.c — how long things take and how they end: deadlines, workers, limits, addresses, stopping. */
#include "net_fixture.h"

#include "base/clock.h"
#include "net/metrics.h"

#include <sys/stat.h>
#include <sys/un.h>

/* ---- deadlines */

static int64_t refused_count(const char *reason)
{
    struct buf text = BUF_INIT(1 << 20);
    char line[100];
    metrics_write(&text);
    snprintf(line, sizeof line, "roster_http_refused_total{reason=\"%s\"} ", reason);
    const char *at = strstr(buf_cstr(&text), line);
    int64_t count = at ? strtoll(at + strlen(line), NULL, 10) : 0;
    buf_free(&text);
    return count;
}

/* Sends a byte every 100 ms until the server answers or closes; it would go on for LONG_S. */
static int drip(int fd, const char *start)
{
    send_text(fd, start);
    for (int i = 0; i < LONG_S * 10; i++) {
        struct pollfd readable = { .fd = fd, .events = POLLIN };
        if (poll(&readable, 1, 100) == 1) break;
        send_text(fd, "a");
    }
    return receive(fd);
}

static void assert_cut(int port, const char *first, const char *start, const char *reason, int status)
{
    int64_t before = refused_count(reason);
    int fd = connect_to(port);
    if (first) assert_int_equal(ask(fd, first), 200);
    int64_t began = clock_monotonic_ns();
    assert_int_equal(drip(fd, start), status);
    assert_in_range(clock_monotonic_ns() - began, 800000000, LONG_S * INT64_C(1000000000) / 2);
    if (status) assert_has("\r\nX-One: 1\r\n");
    assert_true(closed || is_closed(fd));
    assert_int_equal(refused_count(reason), before + 1);
    close(fd);
}

static void test_slow_clients_are_cut(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    options.head_timeout_s = 1;
    options.body_timeout_s = 1;
    struct fixture fixture = start_with(&options);
    int other = connect_to(fixture.port);
    assert_int_equal(ask(other, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_cut(fixture.port, NULL, "GET /hel", "head_timeout", 408);
    assert_cut(fixture.port, NULL, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", "head_timeout", 408);
    assert_cut(fixture.port, NULL, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 100\r\n\r\n", "body_timeout", 408);
    assert_cut(fixture.port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", "head_timeout",
               408);
    assert_int_equal(ask(other, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    /* The next request's first line drips: the kernel tells that it has begun. */
    assert_cut(fixture.port, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hel", "head_timeout", 408);
    close(other);
    assert_true(server_stop(fixture.server));
}

static void test_idle_connections_are_closed(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    options.idle_timeout_s = 1;
    struct fixture fixture = start_with(&options);
    int64_t before = refused_count("idle_timeout");
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_true(is_closed(fd));
    assert_int_equal(refused_count("idle_timeout"), before + 1);
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* ---- workers */

static void test_deferred_requests_run_again(void **state)
{
    (void)state;
    struct fixture fixture = start();
    int fd = connect_to(fixture.port);
    atomic_store(&deferred_runs, 0);
    assert_int_equal(ask(fd, "GET /deferred HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_string_equal(body(), "deferred");
    assert_null(strstr(strstr(answer, "X-Run") + 1, "X-Run"));
    assert_int_equal(atomic_load(&deferred_runs), 2);
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* The one worker has the first request. Of the others, whichever come first, all but one find room in the queue. */
static void test_queue_has_a_limit(void **state)
{
    (void)state;
    struct fixture fixture = start();
    struct pollfd clients[2 + QUEUE_LIMIT];
    set_gate(false);
    atomic_store(&at_gate, 0);
    for (int i = 0; i < 2 + QUEUE_LIMIT; i++) {
        clients[i] = (struct pollfd){ .fd = connect_to(fixture.port), .events = POLLIN };
        send_text(clients[i].fd, "GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
        if (i == 0) wait_for(&at_gate, 1);
    }
    assert_int_equal(poll(clients, 2 + QUEUE_LIMIT, LONG_S * 1000), 1);
    int refused = 1;
    while (!clients[refused].revents) refused++;
    assert_int_equal(receive(clients[refused].fd), 503);
    assert_has("\r\nRetry-After: 1\r\n");
    assert_has("\"error\":\"busy\"");
    assert_int_equal(ask(clients[refused].fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200); /* readers are not behind */
    set_gate(true);
    for (int i = 0; i < 2 + QUEUE_LIMIT; i++) {
        if (i != refused) assert_int_equal(receive(clients[i].fd), 200);
        if (i != refused) assert_string_equal(body(), "through");
        close(clients[i].fd);
    }
    assert_true(server_stop(fixture.server));
}

static void test_client_leaves_while_a_worker_has_its_request(void **state)
{
    (void)state;
    struct fixture fixture = start();
    set_gate(false);
    atomic_store(&at_gate, 0);
    int fd = connect_to(fixture.port);
    send_text(fd, "GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(&at_gate, 1);
    close(fd);
    usleep(50000); /* so that the server mostly knows of it; what is asserted holds anyway */
    set_gate(true);
    fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /gate HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* ---- connections, addresses, ends */

static void test_connection_limit(void **state)
{
    (void)state;
    struct fixture fixture = start();
    int fds[CONNECTION_LIMIT], late[4];
    for (int i = 0; i < CONNECTION_LIMIT; i++) {
        fds[i] = connect_to(fixture.port);
        assert_int_equal(ask(fds[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    }
    for (int i = 0; i < 4; i++) { /* they wait in the kernel's queue */
        late[i] = connect_to(fixture.port);
        send_text(late[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for (int i = 0; i < CONNECTION_LIMIT; i++) assert_int_equal(ask(fds[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    struct pollfd readable = { .fd = late[0], .events = POLLIN };
    assert_int_equal(poll(&readable, 1, 100), 0);
    for (int i = 0; i < CONNECTION_LIMIT; i++) close(fds[i]);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(receive(late[i]), 200);
        close(late[i]);
    }
    assert_true(server_stop(fixture.server));
}

static void *stop(void *server)
{
    return server_stop(server) ? server : NULL;
}

static void test_stop_finishes_what_is_under_way(void **state)
{
    (void)state;
    struct fixture fixture = start();
    set_gate(false);
    atomic_store(&at_gate, 0);
    int busy = connect_to(fixture.port), idle = connect_to(fixture.port), fresh = connect_to(fixture.port);
    assert_int_equal(ask(idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    send_text(busy, "GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(&at_gate, 1);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop, fixture.server);
    assert_true(is_closed(idle));
    assert_true(is_closed(fresh));
    set_gate(true);
    assert_int_equal(receive(busy), 200);
    assert_has("\r\nConnection: close\r\n");
    assert_true(is_closed(busy));
    void *whole;
    pthread_join(stopper, &whole);
    assert_non_null(whole);
    close(busy);
    close(idle);
    close(fresh);
}

static void test_stop_cuts_what_takes_too_long(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    options.shutdown_timeout_s = 1;
    options.body_timeout_s = 60;
    struct fixture fixture = start_with(&options);
    int fd = connect_to(fixture.port);
    /* What is expected is told as soon as the head was read. */
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\n" GOOD "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"), 100);
    send_text(fd, "abc");
    assert_false(server_stop(fixture.server));
    assert_true(is_closed(fd));
    close(fd);
}

static void test_stop_answers_what_still_waits_for_a_worker(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    options.shutdown_timeout_s = 0;
    options.threads = 1; /* so that a request that is answered tells that those before it are in the queue */
    struct fixture fixture = start_with(&options);
    set_gate(false);
    atomic_store(&before_gate, 0);
    atomic_store(&at_gate, 0);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = connect_to(fixture.port);
        send_text(fds[i], "GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
        wait_for(&at_gate, 1);
    }
    wait_for(&before_gate, 2);
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop, fixture.server);
    assert_int_equal(receive(fds[1]), 503);
    set_gate(true);
    pthread_join(stopper, NULL);
    for (int i = 0; i < 2; i++) close(fds[i]);
    close(fd);
}

static void test_stop_accepts_null(void **state)
{
    (void)state;
    assert_true(server_stop(NULL));
}

static void test_reload_changes_limits(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    struct fixture fixture = start_with(&options);
    AUTO_OP op = op_begin();
    options.body_limit_kib = 1;
    assert_int_equal(server_reload(&op, fixture.server, &options), ERR_OK);
    int fd = connect_to(fixture.port);
    send_text(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 1025\r\n\r\n");
    assert_true(send_zeroes(fd, 1025));
    assert_int_equal(receive(fd), 413);
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_what_is_bad_at_a_reload_changes_nothing(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    struct fixture fixture = start_with(&options);
    AUTO_OP op = op_begin();
    options.body_limit_kib = 1;
    options.tls_cert = "cert.pem"; /* without its key */
    assert_int_equal(server_reload(&op, fixture.server, &options), ERR_INVALID);
    assert_string_equal(op.failure.text, "tls_cert and tls_key belong together");
    int fd = connect_to(fixture.port);
    send_text(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 1025\r\n\r\n");
    assert_true(send_zeroes(fd, 1025));
    assert_int_equal(receive(fd), 200);
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void assert_not_started(const char *listen_address, const char *part)
{
    struct server_options options = usual_options();
    options.listen = listen_address;
    struct server *server;
    AUTO_OP op = op_begin();
    assert_int_equal(server_start(&op, &options, &server), ERR_INVALID);
    if (!strstr(op.failure.text, part)) fail_msg("%s is not in %s", part, op.failure.text);
}

static void test_bad_addresses_are_told(void **state)
{
    (void)state;
    assert_not_started("8080", "is not an address");
    assert_not_started(":8080", "is not an address");
    assert_not_started("::1:8080", "is not an address");
    assert_not_started("127.0.0.1:", "is not an address");
    assert_not_started("127.0.0.1:70000", "is not an address");
    assert_not_started("127.0.0.1:x", "is not an address");
    assert_not_started("256.0.0.1:80", "cannot listen on 256.0.0.1:80");
    assert_not_started("unix:", "path");
    assert_not_started("unix:/nowhere/at/all", "No such file");
    struct fixture fixture = start();
    assert_not_started(server_url(fixture.server) + strlen("http://"), "in use");
    assert_true(server_stop(fixture.server));
    struct server_options options = usual_options();
    options.listen = "[::1]:0";
    fixture = start_with(&options);
    assert_int_equal(strncmp(server_url(fixture.server), "http://[::1]:", 13), 0);
    assert_true(server_stop(fixture.server));
}

static int connect_to_path(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void test_unix_socket(void **state)
{
    (void)state;
    char directory[] = "/tmp/roster-net-XXXXXX", path[64], address[80];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    snprintf(address, sizeof address, "unix:%s", path);
    struct server_options options = usual_options();
    options.listen = address;
    /* A socket that its owner left behind is taken over; a file is not. */
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    memcpy(name.sun_path, path, strlen(path));
    assert_int_equal(bind(stale, (struct sockaddr *)&name, sizeof name), 0);
    close(stale);
    struct fixture fixture = start_with(&options);
    assert_string_equal(server_url(fixture.server), address);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0660);
    int fd = connect_to_path(path);
    assert_int_equal(ask(fd, "GET /hello?name=unix HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_string_equal(body(), "hello unix");
    assert_not_started(address, "in use");
    assert_int_equal(ask(fd, "GET /gate HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    close(fd);
    assert_true(server_stop(fixture.server));
    assert_int_equal(stat(path, &found), -1);
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_not_started(address, "exists");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* ---- many at once */

static void *ask_often(void *context)
{
    int port = *(int *)context;
    for (int round = 0; round < 20; round++) {
        int fd = connect_to(port);
        for (int i = 0; i < 20; i++) {
            static const char *const texts[] = { "GET /hello?name=x HTTP/1.1\r\nHost: a\r\n\r\n",
                                                 "GET /deferred HTTP/1.1\r\nHost: a\r\n\r\n",
                                                 "GET /prepared HTTP/1.1\r\nHost: a\r\n\r\n",
                                                 "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 3\r\n\r\nabc" };
            const char *text = texts[i % 4];
            char got[4096];
            size_t size = 0;
            if (!send_bytes(fd, text, strlen(text))) return (void *)"cannot send";
            do {
                ssize_t more = recv(fd, got + size, sizeof got - 1 - size, 0);
                if (more <= 0) return (void *)"closed";
                got[size += (size_t)more] = 0;
            } while (!strstr(got, "\r\n\r\n") || strlen(strstr(got, "\r\n\r\n") + 4) < body_length(got));
            if (strncmp(got, "HTTP/1.1 200 ", 13) != 0 && strncmp(got, "HTTP/1.1 503 ", 13) != 0)
                return (void *)"unexpected status";
        }
        close(fd);
    }
    return NULL;
}

static void test_many_clients(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    options.workers = 3;
    options.request_log = false;
    struct fixture fixture = start_with(&options);
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) pthread_create(&threads[i], NULL, ask_often, &fixture.port);
    for (int i = 0; i < 6; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        if (complaint) fail_msg("%s", (char *)complaint);
    }
    assert_true(server_stop(fixture.server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_clients_are_cut),
        cmocka_unit_test(test_idle_connections_are_closed),
        cmocka_unit_test(test_deferred_requests_run_again),
        cmocka_unit_test(test_queue_has_a_limit),
        cmocka_unit_test(test_client_leaves_while_a_worker_has_its_request),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_stop_finishes_what_is_under_way),
        cmocka_unit_test(test_stop_cuts_what_takes_too_long),
        cmocka_unit_test(test_stop_answers_what_still_waits_for_a_worker),
        cmocka_unit_test(test_stop_accepts_null),
        cmocka_unit_test(test_reload_changes_limits),
        cmocka_unit_test(test_what_is_bad_at_a_reload_changes_nothing),
        cmocka_unit_test(test_bad_addresses_are_told),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_many_clients),
    };
    return cmocka_run_group_tests_name("net life", tests, prepare_answer, drop_answer);
}
