/* test_net_server.c — what a server answers and what it refuses, byte for byte. */
#include "net_fixture.h"

/* ---- what is answered */

static void test_answers_on_one_connection(void **state)
{
    (void)state;
    struct fixture fixture = start();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /hello?name=J%C3%B6rg HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_string_equal(body(), "hello J\xC3\xB6rg");
    assert_has("\r\nX-One: 1\r\nX-Two: 2; mode=\"b\"\r\nX-Three: 3\r\nContent-Type: application/json\r\n");
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nx-name: you\r\n\r\n"), 200);
    assert_string_equal(body(), "hello you");
    assert_int_equal(ask(fd, "GET /items/a%20b HTTP/1.1\r\n" GOOD "\r\n"), 200);
    assert_string_equal(body(), "a b");
    assert_has("\r\nContent-Type: text/plain\r\nLocation: /items/a b\r\n");
    assert_null(strstr(answer, "X-Injected"));
    assert_int_equal(ask(fd, "GET /prepared HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_string_equal(body(), "prepared");
    assert_has("\r\nX-One: 1\r\nX-Two: 2; mode=\"b\"\r\nX-Three: 3\r\nContent-Type: text/plain\r\n");
    assert_int_equal(ask(fd, "GET http://somewhere/hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    send_text(fd, "GET /hello?name=1 HTTP/1.1\r\nHost: a\r\n\r\nGET /hello?name=2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(receive(fd), 200);
    assert_string_equal(body(), "hello 1");
    assert_int_equal(receive(fd), 200);
    assert_string_equal(body(), "hello 2");
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200);
    assert_has("\r\nConnection: close\r\n");
    assert_true(is_closed(fd));
    close(fd);
    fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.0\r\n\r\n"), 200);
    assert_true(is_closed(fd));
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* Errors that leave the connection usable, in the order in which they go before each other. */
static void test_errors_are_worded_by_the_dialect(void **state)
{
    (void)state;
    struct fixture fixture = start();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
    assert_string_equal(body(), "{\"error\":\"no_route\",\"text\":\"there is no such endpoint\"}");
    assert_has("\r\nX-One: 1\r\n");
    assert_int_equal(ask(fd, "PUT /items/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), 405);
    assert_has("\r\nAllow: GET, DELETE, OPTIONS\r\n");
    assert_int_equal(ask(fd, "BREW /items/1 HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
    assert_int_equal(ask(fd, "OPTIONS /items/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), 200);
    assert_has("\r\nAllow: GET, DELETE, OPTIONS\r\n");
    assert_string_equal(body(), "");
    assert_null(strstr(answer, "Content-Type"));
    assert_int_equal(ask(fd, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
    assert_int_equal(ask(fd, "GET /items/1 HTTP/1.1\r\nHost: a\r\n\r\n"), 401);
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), 401);
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nAuthorization: weak\r\nContent-Length: 3\r\n\r\nabc"), 403);
    assert_int_equal(ask(fd, "GET /items/none?a=1 HTTP/1.1\r\n" GOOD "\r\n"), 404);
    assert_string_equal(body(), "{\"error\":\"not_found\",\"text\":\"no item is called none\"}");
    assert_int_equal(ask(fd, "GET /items/%zz HTTP/1.1\r\n" GOOD "\r\n"), 400);
    assert_int_equal(ask(fd, "GET /hello?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_int_equal(ask(fd, "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n"), 413);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    /* An answer to HEAD has a length and no body. */
    send_text(fd, "HEAD /items/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    receive(fd);
    assert_has("HTTP/1.1 405 ");
    assert_string_equal(body(), "");
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_bodies(void **state)
{
    (void)state;
    struct fixture fixture = start();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 3\r\n\r\nabc"), 200);
    assert_string_equal(body(), "abc");
    assert_int_equal(
        ask(fd, "POST /echo HTTP/1.1\r\n" GOOD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"),
        200);
    assert_string_equal(body(), "abcde");
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 0\r\n\r\n"), 200);
    assert_string_equal(body(), "");
    /* Read and dropped where none is wanted; what follows is the next request. */
    assert_int_equal(ask(fd, "DELETE /items/7 HTTP/1.1\r\n" GOOD "Content-Length: 26\r\n\r\nGET /none HTTP/1.1\r\nabc\r\n\r\n"),
                     200);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), 200);
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\n" GOOD "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"), 100);
    assert_int_equal(ask(fd, "abc"), 200);
    assert_string_equal(body(), "abc");
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nAuthorization: slow\r\nContent-Length: 3\r\n\r\nabc"), 200);
    assert_string_equal(body(), "abc");
    close(fd);
    assert_true(server_stop(fixture.server));
}

static bool send_chunks(int fd, int count)
{
    for (int i = 0; i < count; i++) {
        if (!send_bytes(fd, "10000\r\n", 7) || !send_zeroes(fd, 65536) || !send_bytes(fd, "\r\n", 2)) return false;
    }
    return send_bytes(fd, "0\r\n\r\n", 5);
}

static void test_large_bodies(void **state)
{
    (void)state;
    struct fixture fixture = start();
    int fd = connect_to(fixture.port);
    /* At the limit: taken. Over it: read to the end, refused, and the connection lives. */
    send_text(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 65536\r\n\r\n");
    assert_true(send_zeroes(fd, 65536));
    assert_int_equal(receive(fd), 200);
    send_text(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 65537\r\n\r\n");
    assert_true(send_zeroes(fd, 65537));
    assert_int_equal(receive(fd), 413);
    send_text(fd, "POST /echo HTTP/1.1\r\n" GOOD "Transfer-Encoding: chunked\r\n\r\n");
    assert_true(send_chunks(fd, 10));
    assert_int_equal(receive(fd), 413);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    /* Far over it: refused at once, and the answer arrives although we send on. */
    send_text(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 10000000\r\n\r\n");
    (void)send_zeroes(fd, 4000000);
    assert_int_equal(receive(fd), 413);
    assert_has("\r\nConnection: close\r\n");
    assert_has("\r\nX-One: 1\r\n");
    assert_true(is_closed(fd));
    close(fd);
    fd = connect_to(fixture.port);
    send_text(fd, "POST /echo HTTP/1.1\r\n" GOOD "Transfer-Encoding: chunked\r\n\r\n");
    (void)send_chunks(fd, 40);
    assert_int_equal(receive(fd), 413);
    assert_has("\r\nX-One: 1\r\n");
    assert_true(is_closed(fd));
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* ---- what is refused */

static void assert_refused(int port, const char *text, int status, bool by_dialect)
{
    int fd = connect_to(port);
    int got = ask(fd, text);
    if (got != status) fail_msg("%d, not %d, for\n%s", got, status, text);
    if (by_dialect) assert_has("\r\nX-One: 1\r\n");
    if (by_dialect) assert_has("\r\nConnection: close\r\n");
    assert_true(closed || is_closed(fd));
    close(fd);
}

static void test_http_is_read_strictly(void **state)
{
    (void)state;
    struct fixture fixture = start();
    static const char *const bad[] = {
        "GET /hello HTTP/1.1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" GOOD "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" GOOD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" GOOD "Transfer-Encoding: identity\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" GOOD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.0\r\n" GOOD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX\x01: 1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX\x7F: 1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\n:\r\n\r\n",
        "GET /hello HTTP/1.1\r\n:\r\nHost: a\r\n\r\n",
        "GET /hello HTTP/1.1\nHost: a\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\n\n",
        "GET /hello HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\nY: 2\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\x01 and some more text\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n",
        "GET /items/1 HTTP/1.1\r\n" GOOD "Authorization: good\r\n\r\n",
        "GET /hel lo HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hel\x01lo HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET hello HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused(fixture.port, bad[i], 400, true);
        assert_has("\"error\":\"invalid\"");
    }
    /* These the library answers by itself. */
    assert_refused(fixture.port, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 3x\r\n\r\nabc", 400, false);
    assert_refused(fixture.port, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: -3\r\n\r\nabc", 400, false);
    assert_refused(fixture.port, "POST /echo HTTP/1.1\r\n" GOOD "Content-Length: 99999999999999999999\r\n\r\nabc", 413, false);
    assert_refused(fixture.port, "GET /hello HTTP/1.1\r\nHost a\r\n\r\n", 400, false);
    assert_refused(fixture.port, "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505, false);
    assert_refused(fixture.port, "GET /hello\r\n\r\n", 400, false);
    int fd = connect_to(fixture.port);
    static const char zero[] = "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\0 2\r\n\r\n";
    assert_true(send_bytes(fd, zero, sizeof zero - 1));
    assert_int_equal(receive(fd), 400);
    close(fd);
    /* Unusual and right. */
    fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "\r\nGET /hello HTTP/1.1\r\nHost:\t a \r\nX: tab\tis fine\r\nEmpty:\r\nSpace: \r\n\r\n"), 200);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nCookie: a=b; c=\"d\"; e\r\nHost: a\r\nX:\r\n\r\n"), 200);
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void send_long_head(int fd, const char *before, size_t size, const char *after)
{
    static char text[120000];
    memset(text, 'a', size);
    send_text(fd, before);
    (void)send_bytes(fd, text, size);
    send_text(fd, after);
}

static void test_large_heads(void **state)
{
    (void)state;
    struct fixture fixture = start();
    int fd = connect_to(fixture.port);
    send_long_head(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", 16200, "\r\n\r\n");
    assert_int_equal(receive(fd), 200);
    send_long_head(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", 16500, "\r\n\r\n");
    assert_int_equal(receive(fd), 431);
    assert_has("\r\nX-One: 1\r\n");
    close(fd);
    fd = connect_to(fixture.port);
    send_long_head(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ", 100000, "\r\n\r\n");
    assert_int_equal(receive(fd), 431);
    close(fd);
    fd = connect_to(fixture.port);
    send_long_head(fd, "GET /", 100000, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(receive(fd), 414);
    close(fd);
    /* The library would take a long query apart into its own memory. */
    fd = connect_to(fixture.port);
    send_text(fd, "GET /hello?");
    for (int i = 0; i < 3000; i++) send_text(fd, "a&b=");
    assert_int_equal(ask(fd, " HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    close(fd);
    assert_true(server_stop(fixture.server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_on_one_connection),
        cmocka_unit_test(test_errors_are_worded_by_the_dialect),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_large_bodies),
        cmocka_unit_test(test_http_is_read_strictly),
        cmocka_unit_test(test_large_heads),
    };
    return cmocka_run_group_tests_name("net server", tests, prepare_answer, drop_answer);
}
