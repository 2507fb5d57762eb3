/* test_net_headers.c — cookies and Accept as texts, and cookies, HEAD, suffixes and TLS as a dialect gets them from a server. */
#include "net_fixture.h"

#include "net/accept.h"
#include "net/cookies.h"

#include <stdlib.h>

/* ---- reading cookies */

static void assert_cookie(const char *header, const char *name, const char *expected)
{
    struct arena arena = ARENA_INIT;
    const char *value = cookie_find(header, &arena, name);
    if (expected && (!value || strcmp(value, expected) != 0)) fail_msg("%s, not %s, for %s", value, expected, header);
    if (!expected && value) fail_msg("%s for %s", value, header);
    arena_free(&arena);
}

static void a_cookie_is_found_by_its_name(void **state)
{
    (void)state;
    assert_cookie("a=1", "a", "1");
    assert_cookie("b=2; a=1", "a", "1");
    assert_cookie("b=2;a=1", "a", "1");
    assert_cookie(" \ta = 1 \t; b=2", "a", "1");
    assert_cookie("a=1; a=2", "a", "1");
    assert_cookie("a=x=y=", "a", "x=y=");
    assert_cookie("a=", "a", "");
    assert_cookie("a=; a=2", "a", "");
    assert_cookie("a=%41+b", "a", "%41+b"); /* not decoded */
    assert_cookie("a=one, two", "a", "one, two");
    assert_cookie("aa=1; ba=2; A=3", "a", NULL);
    assert_cookie("a", "a", NULL);
    assert_cookie("", "a", NULL);
}

static void quotes_around_the_value_are_taken_off(void **state)
{
    (void)state;
    assert_cookie("a=\"1\"", "a", "1");
    assert_cookie("a= \" 1 \" ;", "a", " 1 ");
    assert_cookie("a=\"\"", "a", "");
    assert_cookie("a=\"", "a", "\"");
    assert_cookie("a=\"1", "a", "\"1");
    assert_cookie("a=1\"", "a", "1\"");
    assert_cookie("a=\"\"1\"\"", "a", "\"1\"");
    assert_cookie("a=\"1; b=2\"", "b", "2\"");
}

static void what_is_no_cookie_is_passed_over(void **state)
{
    (void)state;
    assert_cookie("=; =", "a", NULL);
    assert_cookie("=; =", "", NULL);
    assert_cookie("=1; a=2", "a", "2");
    assert_cookie(";;; ;a=2;;", "a", "2");
    assert_cookie("a; a=2", "a", "2");
    assert_cookie("a=\xC3\xA9; a=2", "a", "2");
    assert_cookie("a=x\ty; a=2", "a", "2");
    assert_cookie("a=\x7F", "a", NULL);
}

static void a_longer_value_than_must_be_allowed_is_none(void **state)
{
    (void)state;
    char header[COOKIE_VALUE_MAX + 10] = "a=", *value = header + 2;
    memset(value, 'x', COOKIE_VALUE_MAX);
    assert_cookie(header, "a", value);
    memset(value, 'x', COOKIE_VALUE_MAX + 1);
    assert_cookie(header, "a", NULL);
    memcpy(value + COOKIE_VALUE_MAX + 1, ";a=2", 5);
    assert_cookie(header, "a", "2");
}

/* ---- setting cookies */

static void assert_set(const char *name, const char *value, struct cookie_attributes attributes, const char *expected)
{
    struct arena arena = ARENA_INIT;
    struct response response = { .status = 200 };
    response_add_cookie(&response, &arena, name, value, &attributes);
    assert_int_equal(response.extra_count, 1);
    assert_string_equal(response.extra[0].name, "Set-Cookie");
    assert_string_equal(response.extra[0].value, expected);
    arena_free(&arena);
}

static void a_cookie_is_set_with_its_attributes(void **state)
{
    (void)state;
    assert_set("a", "1", (struct cookie_attributes){ 0 }, "a=1");
    assert_set("a", "", (struct cookie_attributes){ .path = "/" }, "a=; path=/");
    assert_set("a", "1", (struct cookie_attributes){ .path = "/x", .secure = true, .http_only = true },
               "a=1; path=/x; secure; httponly");
    assert_set("a", "1", (struct cookie_attributes){ "/", 60, false, true, SAME_SITE_LAX },
               "a=1; max-age=60; path=/; samesite=Lax; httponly");
    assert_set("a", "1", (struct cookie_attributes){ .max_age_s = -1, .same_site = SAME_SITE_STRICT },
               "a=1; max-age=0; samesite=Strict");
    assert_set("a", "1", (struct cookie_attributes){ .secure = true, .same_site = SAME_SITE_NONE }, "a=1; samesite=None; secure");
}

/* ---- Accept */

static void json_is_wanted_when_it_is_named(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "application/json",
        "APPLICATION/JSON",
        " application/json\t",
        "text/html,application/json",
        "text/html, application/json;q=0.1, */*;q=0.8",
        "application/json;q=0.001",
        "application/json ; Q = 1",
        "application/json;charset=utf-8",
        "application/json;charset=utf-8;q=0.5",
        "application/json;q",
        "application/json;q=x",
        "application/json;a=0",
        ",,application/json,",
        "application/json;q=0,application/json",
    };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (!accept_has_json(wanted[i])) fail_msg("%s", wanted[i]);
    }
}

static void json_is_not_wanted_otherwise(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        ",",
        ";",
        ";q=1",
        "*/*",
        "application/*",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "application/json;q=0",
        "application/json; q=0.000",
        "application/json;q=",
        "application/json;q=0 ;a=b",
        "application/jsonx",
        "xapplication/json",
        "application/json x",
        "application /json",
        "application/problem+json",
        "a;application/json",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (accept_has_json(others[i])) fail_msg("%s", others[i]);
    }
}

/* ---- through a server */

static const struct cookie_attributes session_cookie = { .path = "/", .http_only = true };

/* What the handler sees: [cookie a][cookie b] json? suffix? secure? */
static enum err run_see(struct op *op, const struct request *request, struct response *response)
{
    const char *a = request_cookie(request, &op->arena, "a"), *b = request_cookie(request, &op->arena, "b");
    buf_printf(&response->body, "[%s][%s]", a ? a : "none", b ? b : "none");
    if (request_prefers_json(request)) buf_add_literal(&response->body, " json");
    if (request->has_suffix) buf_add_literal(&response->body, " suffix");
    if (request->secure) buf_add_literal(&response->body, " secure");
    if (request->route->name) buf_printf(&response->body, " %s", request->route->name);
    return ERR_OK;
}

static enum err run_set(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    response_add_cookie(response, &op->arena, "session", "abc", &session_cookie);
    response_add_cookie(response, &op->arena, "csrf", "def", &(struct cookie_attributes){ .path = "/" });
    response_add_cookie(response, &op->arena, "old", "", &(struct cookie_attributes){ .max_age_s = -1 });
    buf_add_literal(&response->body, "set");
    return ERR_OK;
}

/* As many headers as there may be, one of them long. */
static enum err run_many(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    char *value = arena_alloc(&op->arena, 6000);
    memset(value, 'v', 5999);
    value[5999] = 0;
    response_add_header(response, "X-Long", value);
    for (int i = 1; i < RESPONSE_EXTRA_MAX; i++)
        response_add_cookie(response, &op->arena, "c", arena_printf(&op->arena, "%d", i), &session_cookie);
    return ERR_OK;
}

static enum err run_status(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    buf_printf(&response->body, "OK by %s", method_name(request->method));
    return ERR_OK;
}

static enum err run_slow_status(struct op *op, const struct request *request, struct response *response)
{
    if (!op->may_block) return op_fail(op, ERR_DEFERRED, "", "not here");
    return run_status(op, request, response);
}

// clang-format off
static const struct route header_routes[] = {
    { METHOD_GET,  "/see",         0, ROUTE_PUBLIC, run_see, NULL, "See.index" },
    { METHOD_GET,  "/see/{id}",    0, ROUTE_PUBLIC, run_see, NULL, "See.view" },
    { METHOD_GET,  "/set",         0, ROUTE_PUBLIC, run_set, NULL },
    { METHOD_GET,  "/set/many",    0, ROUTE_PUBLIC, run_many, NULL },
    { METHOD_GET,  "/status",      0, ROUTE_PUBLIC, run_status, NULL },
    { METHOD_HEAD, "/status",      0, ROUTE_PUBLIC, run_status, NULL },
    { METHOD_HEAD, "/status/slow", 0, ROUTE_PUBLIC, run_slow_status, NULL },
    { 0 },
};
// clang-format on
static const char *const more_prefixes[] = { "/set", "/status", NULL };
static const struct dialect with_suffix = {
    .name = "with_suffix",
    .prefix = "/see",
    .more_prefixes = more_prefixes,
    .suffix = ".json",
    .routes = header_routes,
    .headers = headers,
    .content_type = "application/json",
    .id_header = "X-Request",
    .authenticate = authenticate,
    .write_error = write_error,
};
static const struct dialect *const both[] = { &with_suffix, &toy, NULL };

static struct fixture start_both(void)
{
    struct server_options options = usual_options();
    options.dialects = both;
    return start_with(&options);
}

static void assert_seen(int fd, const char *path, const char *lines, const char *expected)
{
    char text[1000];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, lines);
    assert_int_equal(ask(fd, text), 200);
    if (strcmp(body(), expected) != 0) fail_msg("%s, not %s, for\n%s", body(), expected, text);
}

static void a_handler_sees_cookies_accept_and_suffix(void **state)
{
    (void)state;
    struct fixture fixture = start_both();
    int fd = connect_to(fixture.port);
    assert_seen(fd, "/see", "", "[none][none] See.index");
    assert_seen(fd, "/see", "Cookie: a=1; b=\"2\"\r\n", "[1][2] See.index");
    assert_seen(fd, "/see", "cookie: b=2\r\nX: y\r\nCOOKIE: a=1; b=3\r\n", "[1][2] See.index");
    assert_seen(fd, "/see", "Cookie: =; =\r\nX-CSRF-Token:\r\n", "[none][none] See.index");
    assert_seen(fd, "/see", "Cookie:\r\nCookie: ;\r\nCookie: a=1\r\n", "[1][none] See.index");
    assert_seen(fd, "/see", "Cookie: $Version=1; a=\"x\"; $Path=\"/\"\r\n", "[x][none] See.index");
    assert_seen(fd, "/see", "Cookie: a=\"un;closed\r\n", "[\"un][none] See.index");
    assert_seen(fd, "/see.json", "", "[none][none] suffix See.index");
    assert_seen(fd, "/see/7.json?x=1", "Accept: */*\r\n", "[none][none] suffix See.view");
    assert_seen(fd, "/see", "Accept: text/html\r\naccept: application/json\r\n", "[none][none] json See.index");
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void send_cookies(int fd, int count, int size)
{
    static char text[16 << 10];
    char *at = text + snprintf(text, sizeof text, "GET /see HTTP/1.1\r\nHost: a\r\nCookie: ");
    for (int i = 0; i < count; i++) at += snprintf(at, 1000, "%0*d=x; ", size - 4, i);
    snprintf(at, 100, "a=1\r\n\r\n");
    send_text(fd, text);
}

static void many_and_long_cookies_are_read_within_the_head(void **state)
{
    (void)state;
    struct fixture fixture = start_both();
    int fd = connect_to(fixture.port);
    static char text[16 << 10];
    char *at = text + snprintf(text, sizeof text, "GET /see HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < COOKIE_HEADER_MAX - 1; i++) {
        at += snprintf(at, 1000, "Cookie: x%d=", i);
        memset(at, 'x', 900);
        at += 900;
        at += snprintf(at, 1000, "\r\n");
    }
    snprintf(at, 1000, "Cookie: a=last\r\nCookie: b=one too many\r\n\r\n");
    assert_int_equal(ask(fd, text), 200);
    assert_string_equal(body(), "[last][none] See.index");
    /* And within what the library has for its own copy; over that it answers itself. */
    send_cookies(fd, 16, 500);
    assert_int_equal(receive(fd), 200);
    assert_string_equal(body(), "[1][none] See.index");
    send_cookies(fd, 100, 50);
    assert_int_equal(receive(fd), 200);
    assert_string_equal(body(), "[1][none] See.index");
    send_cookies(fd, 1000, 5);
    assert_int_equal(receive(fd), 431);
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void several_cookies_are_several_headers(void **state)
{
    (void)state;
    struct fixture fixture = start_both();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /set HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_string_equal(body(), "set");
    assert_has(
        "\r\nSet-Cookie: session=abc; path=/; httponly\r\nSet-Cookie: csrf=def; path=/\r\nSet-Cookie: old=; max-age=0\r\n");
    assert_int_equal(ask(fd, "GET /set/many HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    char line[100];
    for (int i = 1; i < RESPONSE_EXTRA_MAX; i++) {
        snprintf(line, sizeof line, "\r\nSet-Cookie: c=%d; path=/; httponly\r\n", i);
        assert_has(line);
    }
    assert_has("vvv\r\nSet-Cookie");
    assert_int_equal(ask(fd, "GET /see HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_null(strstr(answer, "Set-Cookie"));
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* RFC 9110 section 9.3.2: as GET, without the body; the next answer on the connection follows at once. */
static void assert_head(int fd, const char *path, int status, const char *line)
{
    char text[200], expected[20];
    snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\nHost: a\r\n\r\nGET /see HTTP/1.1\r\nHost: a\r\n\r\n", path);
    send_text(fd, text);
    size_t size = 0;
    while (size < 4 || memcmp(answer + size - 4, "\r\n\r\n", 4) != 0) {
        assert_int_equal(recv(fd, answer + size, 1, 0), 1);
        answer[++size] = 0;
    }
    snprintf(expected, sizeof expected, "HTTP/1.1 %d ", status);
    assert_memory_equal(answer, expected, strlen(expected));
    assert_has(line);
    assert_has("\r\nContent-Type: application/json\r\n");
    assert_int_equal(receive(fd), 200);
    assert_string_equal(body(), "[none][none] See.index");
}

static void head_is_answered_with_a_length_and_no_body(void **state)
{
    (void)state;
    struct fixture fixture = start_both();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /status.json HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_string_equal(body(), "OK by GET");
    assert_head(fd, "/status.json", 200, "\r\nContent-Length: 10\r\n"); /* OK by HEAD */
    assert_head(fd, "/status", 200, "\r\nX-One: 1\r\n");
    assert_head(fd, "/status/slow", 200, "\r\nContent-Length: 10\r\n");
    assert_head(fd, "/see", 405, "\r\nAllow: GET, OPTIONS\r\n");
    assert_head(fd, "/status/none", 404, "\r\nContent-Length: ");
    assert_int_equal(ask(fd, "OPTIONS /status.json HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_has("\r\nAllow: GET, HEAD, OPTIONS\r\n");
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* A TLS client that everybody has; what it was answered is in `answer`. */
static void ask_over_tls(int port, const char *folder, const char *path)
{
    char command[500];
    snprintf(command, sizeof command,
             "printf 'GET %s HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' |"
             " timeout 20 openssl s_client -quiet -connect 127.0.0.1:%d -CAfile %s/cert.pem 2>/dev/null",
             path, port, folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    answer[fread(answer, 1, sizeof answer - 1, pipe)] = 0;
    pclose(pipe);
}

static void a_handler_sees_whether_it_came_over_tls(void **state)
{
    (void)state;
    char folder[] = "/tmp/roster-net-tls-XXXXXX", command[500], cert[100], key[100];
    assert_non_null(mkdtemp(folder));
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=roster -keyout %s -out %s"
        " 2>/dev/null",
        key, cert);
    assert_int_equal(system(command), 0);
    struct server_options options = usual_options();
    options.dialects = both;
    options.tls_cert = cert;
    options.tls_key = key;
    struct fixture fixture = start_with(&options);
    ask_over_tls(fixture.port, folder, "/see.json");
    assert_true(server_stop(fixture.server));
    unlink(cert);
    unlink(key);
    rmdir(folder);
    assert_has("HTTP/1.1 200 ");
    assert_string_equal(body(), "[none][none] suffix secure See.index");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_is_found_by_its_name),
        cmocka_unit_test(quotes_around_the_value_are_taken_off),
        cmocka_unit_test(what_is_no_cookie_is_passed_over),
        cmocka_unit_test(a_longer_value_than_must_be_allowed_is_none),
        cmocka_unit_test(a_cookie_is_set_with_its_attributes),
        cmocka_unit_test(json_is_wanted_when_it_is_named),
        cmocka_unit_test(json_is_not_wanted_otherwise),
        cmocka_unit_test(a_handler_sees_cookies_accept_and_suffix),
        cmocka_unit_test(many_and_long_cookies_are_read_within_the_head),
        cmocka_unit_test(several_cookies_are_several_headers),
        cmocka_unit_test(head_is_answered_with_a_length_and_no_body),
        cmocka_unit_test(a_handler_sees_whether_it_came_over_tls),
    };
    return cmocka_run_group_tests_name("net headers", tests, prepare_answer, drop_answer);
}
