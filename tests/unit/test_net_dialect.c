/* test_net_dialect.c — what the server keeps for a dialect that asks for it: content types, the header with the request's id,
 * statuses without a body, callers counted one by one. */
#include "net_fixture.h"

#include "base/log.h"
#include "base/uuid.h"
#include "net/metrics.h"

#include <fcntl.h>

/* ---- a dialect that asks for it, beside the usual one */

static enum err run_body(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    buf_add_literal(&response->body, "got ");
    buf_add(&response->body, request->body, request->body_size);
    return ERR_OK;
}

static enum err run_nothing(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    response->status = 204;
    if (request->query[0]) buf_add_literal(&response->body, "a handler's mistake");
    return ERR_OK;
}

static enum err run_several(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    response->status = 207;
    buf_add_literal(&response->body, "[]");
    return ERR_OK;
}

/* "Authorization: user N" is a caller without a credential, "credential N" one with. */
static enum err authenticate_by_number(struct op *op, const struct request *request)
{
    static const char user[] = "user ", credential[] = "credential ";
    const char *sent = request->authorization ? request->authorization : "";
    if (!strncmp(sent, user, strlen(user))) op->caller.user_id = strtol(sent + strlen(user), NULL, 10);
    else if (!strncmp(sent, credential, strlen(credential)))
        op->caller.credential_id = strtol(sent + strlen(credential), NULL, 10);
    else return authenticate(op, request);
    op->caller.rights = RIGHT_READ | RIGHT_WRITE;
    return ERR_OK;
}

// clang-format off
static const struct route strict_routes[] = {
    { METHOD_POST,   "/strict/body",     RIGHT_WRITE, ROUTE_BODY,                run_body,     NULL },
    { METHOD_DELETE, "/strict/body",     RIGHT_WRITE, ROUTE_BODY,                run_body,     NULL },
    { METHOD_PATCH,  "/strict/body",     RIGHT_WRITE, ROUTE_BODY,                run_body,     NULL },
    { METHOD_POST,   "/strict/open",     0,           ROUTE_BODY | ROUTE_PUBLIC, run_body,     NULL },
    { METHOD_POST,   "/strict/dropped",  RIGHT_WRITE, 0,                         run_body,     NULL },
    { METHOD_GET,    "/strict/nothing",  0,           ROUTE_PUBLIC,              run_nothing,  NULL },
    { METHOD_GET,    "/strict/several",  0,           ROUTE_PUBLIC,              run_several,  NULL },
    { METHOD_GET,    "/strict/prepared", 0,           ROUTE_PUBLIC,              run_prepared, NULL },
    { METHOD_GET,    "/strict/flood",    0,           ROUTE_PUBLIC,              run_flood,    NULL },
    { METHOD_GET,    "/strict/gate",     0,           ROUTE_PUBLIC,              run_gate,     NULL },
    { 0 },
};
// clang-format on
static const char *const json_types[] = { "application/json", "application/*+json", NULL };
static const struct dialect strict = {
    .name = "strict",
    .prefix = "/strict",
    .routes = strict_routes,
    .headers = headers,
    .content_type = "application/json",
    .body_types = json_types,
    .id_header = "X-Request",
    .authenticate = authenticate_by_number,
    .write_error = write_error,
};
static const struct dialect *const both[] = { &strict, &toy, NULL };

static struct server_options strict_options(void)
{
    struct server_options options = usual_options();
    options.dialects = both;
    return options;
}

static struct fixture start_strict(void)
{
    struct server_options options = strict_options();
    return start_with(&options);
}

/* ---- content types */

static void assert_body(int fd, const char *start, const char *type_line, int status)
{
    char text[500];
    snprintf(text, sizeof text, "%s HTTP/1.1\r\n" GOOD "%sContent-Length: 3\r\n\r\nabc", start, type_line);
    int got = ask(fd, text);
    if (got != status) fail_msg("%d, not %d, for\n%s", got, status, text);
    if (status == 200) assert_string_equal(body(), "got abc");
    else assert_has("{\"error\":\"media_type\",");
}

static void test_a_body_of_another_type_is_refused(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    assert_body(fd, "POST /strict/body", "Content-Type: application/json\r\n", 200);
    assert_body(fd, "POST /strict/body", "content-type: Application/JSON; charset=utf-8\r\n", 200);
    assert_body(fd, "PATCH /strict/body", "Content-Type: application/merge-patch+json\r\n", 200);
    assert_body(fd, "DELETE /strict/body", "Content-Type: application/json\r\n", 200);
    assert_body(fd, "POST /strict/open", "Content-Type: application/json\r\n", 200);
    assert_body(fd, "POST /strict/body", "", 415);
    assert_has("the body has no Content-Type; what is read here is application/json, application/*+json");
    assert_body(fd, "POST /strict/body", "Content-Type: text/plain\r\n", 415);
    assert_has("the body has a Content-Type that is not read; what is read here is application/json, application/*+json");
    assert_body(fd, "POST /strict/body", "Content-Type:\r\n", 415);
    assert_body(fd, "PATCH /strict/body", "Content-Type: application/xml; charset=utf-8\r\n", 415);
    assert_body(fd, "DELETE /strict/body", "", 415);
    assert_body(fd, "POST /strict/open", "Content-Type: text/json\r\n", 415);
    assert_int_equal(ask(fd, "POST /strict/body HTTP/1.1\r\n" GOOD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
                     415);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200); /* the body was read: the connection is usable */
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_without_a_body_no_type_is_needed(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "POST /strict/body HTTP/1.1\r\n" GOOD "Content-Length: 0\r\n\r\n"), 200);
    assert_int_equal(ask(fd, "POST /strict/body HTTP/1.1\r\n" GOOD "\r\n"), 200);
    assert_int_equal(ask(fd, "POST /strict/body HTTP/1.1\r\n" GOOD "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n"), 200);
    /* A row that reads none, a path that only has OPTIONS answered, a dialect that reads anything. */
    assert_int_equal(ask(fd, "POST /strict/dropped HTTP/1.1\r\n" GOOD "Content-Length: 3\r\n\r\nabc"), 200);
    assert_int_equal(ask(fd, "OPTIONS /strict/body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), 200);
    assert_int_equal(ask(fd, "POST /echo HTTP/1.1\r\n" GOOD "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc"), 200);
    close(fd);
    assert_true(server_stop(fixture.server));
}

#define BODY_AS(who) "POST /strict/body HTTP/1.1\r\nHost: a\r\nAuthorization: " who "\r\n"

static void test_caller_and_rights_come_before_the_type_and_the_type_before_the_size(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, BODY_AS("nobody") "Content-Length: 3\r\n\r\nabc"), 401);
    assert_int_equal(ask(fd, BODY_AS("weak") "Content-Length: 3\r\n\r\nabc"), 403);
    assert_int_equal(ask(fd, "PUT /strict/body HTTP/1.1\r\n" GOOD "Content-Length: 3\r\n\r\nabc"), 405);
    /* The caller is found by a worker. */
    assert_int_equal(ask(fd, BODY_AS("slow") "Content-Length: 3\r\n\r\nabc"), 415);
    assert_int_equal(ask(fd, BODY_AS("slow") "Content-Type: application/json\r\nContent-Length: 3\r\n\r\nabc"), 200);
    assert_string_equal(body(), "got abc");
    send_text(fd, BODY_AS("good") "Content-Length: 65537\r\n\r\n");
    assert_true(send_zeroes(fd, 65537));
    assert_int_equal(receive(fd), 415);
    send_text(fd, BODY_AS("slow") "Content-Type: application/json\r\nContent-Length: 65537\r\n\r\n");
    assert_true(send_zeroes(fd, 65537));
    assert_int_equal(receive(fd), 413);
    assert_has("the request's body is larger than 64 KiB");
    send_text(fd, BODY_AS("slow and unknown") "Content-Type: application/json\r\nContent-Length: 65537\r\n\r\n");
    assert_true(send_zeroes(fd, 65537));
    assert_int_equal(receive(fd), 401);
    send_text(fd, BODY_AS("slow") "Content-Length: 65537\r\n\r\n");
    assert_true(send_zeroes(fd, 65537));
    assert_int_equal(receive(fd), 415);
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_the_caller_comes_before_the_query(void **state)
{
    (void)state;
    static const char *const callers[] = { "good", "slow" }, *const strangers[] = { "nobody", "slow and unknown" };
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    char text[200];
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        snprintf(text, sizeof text, "POST /strict/body?a=%%zz HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n", callers[i]);
        assert_int_equal(ask(fd, text), 400);
        assert_has("the query has a % that is not followed by two digits");
        snprintf(text, sizeof text, "POST /strict/body?a=%%zz HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n", strangers[i]);
        assert_int_equal(ask(fd, text), 401);
    }
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* ---- the header with the request's id */

static char last_id[UUID_TEXT_SIZE];

static void assert_new_id(void)
{
    static const char name[] = "\r\nX-Request: ";
    const char *at = strstr(answer, name);
    if (!at) fail_msg("no id in\n%s", answer);
    at += strlen(name);
    struct uuid uuid;
    assert_true(uuid_parse(at, 36, &uuid));
    assert_memory_equal(at + 36, "\r\n", 2);
    assert_null(strstr(at, name));
    assert_memory_not_equal(at, last_id, 36);
    memcpy(last_id, at, 36);
}

static void assert_id_at(int port, const char *text, int status)
{
    int fd = connect_to(port);
    int got = ask(fd, text);
    if (got != status) fail_msg("%d, not %d, for\n%s", got, status, text);
    assert_new_id();
    close(fd);
}

static void test_every_answer_has_the_id(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    assert_id_at(fixture.port, "POST /strict/body HTTP/1.1\r\n" GOOD "\r\n", 200);
    assert_id_at(fixture.port, "GET /strict/nothing HTTP/1.1\r\nHost: a\r\n\r\n", 204);
    assert_id_at(fixture.port, "GET /strict/several HTTP/1.1\r\nHost: a\r\n\r\n", 207);
    assert_id_at(fixture.port, "OPTIONS /strict/body HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    assert_id_at(fixture.port, "GET /strict/gate HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    assert_id_at(fixture.port, "GET /strict/prepared HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    assert_string_equal(body(), "prepared");
    assert_has("\r\nX-Three: 3\r\nX-Request: ");
    assert_has("\r\nContent-Type: text/plain\r\n");
    assert_id_at(fixture.port, "GET /strict/unknown HTTP/1.1\r\nHost: a\r\n\r\n", 404);
    assert_id_at(fixture.port, "PUT /strict/body HTTP/1.1\r\nHost: a\r\n\r\n", 405);
    assert_id_at(fixture.port, "POST /strict/body HTTP/1.1\r\nHost: a\r\n\r\n", 401);
    assert_id_at(fixture.port, BODY_AS("weak") "\r\n", 403);
    assert_id_at(fixture.port, BODY_AS("good") "Content-Length: 3\r\n\r\nabc", 415);
    assert_id_at(fixture.port, "GET /strict/several?a=% HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_id_at(fixture.port, "GET /strict/flood HTTP/1.1\r\nHost: a\r\n\r\n", 413);
    assert_id_at(fixture.port, "GET /strict/several HTTP/1.1\r\n\r\n", 400);
    assert_id_at(fixture.port, BODY_AS("good") "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n", 413);
    assert_true(server_stop(fixture.server));

    /* Written past the library, when the deadlines of head and body are over. */
    struct server_options options = strict_options();
    options.head_timeout_s = 1;
    options.body_timeout_s = 1;
    fixture = start_with(&options);
    assert_id_at(fixture.port, "GET /strict/several HTTP/1.1\r\nHost: a\r\n", 408);
    assert_id_at(fixture.port, BODY_AS("good") "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n", 408);
    assert_true(server_stop(fixture.server));
}

static void test_a_dialect_that_names_no_header_sends_no_id(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_null(strstr(answer, "X-Request"));
    assert_int_equal(ask(fd, "GET /prepared HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_null(strstr(answer, "X-Request"));
    assert_int_equal(ask(fd, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
    assert_null(strstr(answer, "X-Request"));
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* ---- statuses and methods */

/* RFC 9110 section 8.6: a server must not send Content-Length with 204. */
static void test_204_has_no_body_and_nothing_about_one(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /strict/nothing HTTP/1.1\r\nHost: a\r\n\r\n"), 204);
    assert_has("HTTP/1.1 204 No Content\r\n");
    assert_string_equal(body(), "");
    assert_null(strcasestr(answer, "Content-Length"));
    assert_null(strcasestr(answer, "Content-Type"));
    assert_null(strcasestr(answer, "Transfer-Encoding"));
    assert_int_equal(ask(fd, "GET /strict/nothing?body HTTP/1.1\r\nHost: a\r\n\r\n"), 204);
    assert_string_equal(body(), "");
    assert_null(strcasestr(answer, "Content-Length"));
    assert_null(strcasestr(answer, "Content-Type"));
    assert_int_equal(ask(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200); /* nothing was left in between */
    close(fd);
    fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /strict/nothing HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 204);
    assert_null(strcasestr(answer, "Content-Length"));
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_207_has_its_phrase(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, "GET /strict/several HTTP/1.1\r\nHost: a\r\n\r\n"), 207);
    assert_has("HTTP/1.1 207 Multi-Status\r\n");
    assert_string_equal(body(), "[]");
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_patch_is_routed_and_counted(void **state)
{
    (void)state;
    struct fixture fixture = start_strict();
    int fd = connect_to(fixture.port);
    assert_body(fd, "PATCH /strict/body", "Content-Type: application/json\r\n", 200);
    assert_int_equal(ask(fd, "PUT /strict/body HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
    assert_has("\r\nAllow: POST, DELETE, PATCH, OPTIONS\r\n");
    close(fd);
    assert_true(server_stop(fixture.server));
    struct buf text = BUF_INIT(1 << 20);
    metrics_write(&text);
    assert_non_null(strstr(buf_cstr(&text), "{api=\"strict\",route=\"/strict/body\",method=\"PATCH\",status=\"200\"} "));
    buf_free(&text);
}

/* ---- callers */

#define AS(who) "POST /strict/body HTTP/1.1\r\nHost: a\r\nAuthorization: " who "\r\n\r\n"

static void test_a_caller_without_a_credential_is_counted_by_the_user(void **state)
{
    (void)state;
    struct server_options options = strict_options();
    options.rate_limit = 2;
    options.rate_period_s = 86400;
    struct fixture fixture = start_with(&options);
    int fd = connect_to(fixture.port);
    assert_int_equal(ask(fd, AS("user 34")), 200);
    assert_int_equal(ask(fd, AS("user 34")), 200);
    assert_int_equal(ask(fd, AS("user 34")), 429);
    assert_has("\r\nRetry-After: ");
    assert_new_id();
    assert_int_equal(ask(fd, AS("user 35")), 200);
    assert_int_equal(ask(fd, AS("credential 34")), 200); /* another kind of number */
    assert_int_equal(ask(fd, AS("credential 34")), 200);
    assert_int_equal(ask(fd, AS("credential 34")), 429);
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* What is written to standard error from here to end_capture. */
static int begin_capture(int *ret_saved)
{
    char path[] = "/tmp/roster-net-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    *ret_saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    return fd;
}

static void end_capture(int fd, int saved, char *text, size_t room)
{
    log_flush();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t size = pread(fd, text, room - 1, 0);
    text[size > 0 ? size : 0] = 0;
    close(fd);
}

static void assert_logged(enum log_format format, const char *by_user, const char *by_credential, const char *by_nobody)
{
    char ids[3][UUID_TEXT_SIZE], log[4096], expected[200];
    const char *const parts[3] = { by_user, by_credential, by_nobody };
    static const char *const requests[3] = { AS("user 34"), AS("credential 56"), AS("nobody") };
    struct server_options options = strict_options();
    options.request_log = true;
    log_configure(format, LOG_INFO);
    int saved, captured = begin_capture(&saved);
    struct fixture fixture = start_with(&options);
    int fd = connect_to(fixture.port);
    for (int i = 0; i < 3; i++) {
        (void)ask(fd, requests[i]);
        assert_new_id();
        memcpy(ids[i], last_id, sizeof ids[i]);
    }
    close(fd);
    bool whole = server_stop(fixture.server);
    end_capture(captured, saved, log, sizeof log);
    log_configure(LOG_TEXT, LOG_INFO);
    assert_true(whole);
    for (int i = 0; i < 3; i++) {
        const char *line = strstr(log, ids[i]);
        if (!line) fail_msg("%s is not in\n%s", ids[i], log);
        snprintf(expected, sizeof expected, "%.*s", (int)strcspn(line, "\n"), line);
        if (!strstr(expected, parts[i])) fail_msg("%s is not in\n%s", parts[i], expected);
    }
}

static void test_the_log_has_the_id_and_tells_who_asked(void **state)
{
    (void)state;
    assert_logged(LOG_TEXT, " credential=- user=34 error=-", " credential=56 user=- error=-",
                  " credential=- user=- error=unauthenticated");
    assert_logged(LOG_JSON, ",\"credential\":null,\"user\":34,\"error\":null}",
                  ",\"credential\":56,\"user\":null,\"error\":null}",
                  ",\"credential\":null,\"user\":null,\"error\":\"unauthenticated\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_of_another_type_is_refused),
        cmocka_unit_test(test_without_a_body_no_type_is_needed),
        cmocka_unit_test(test_caller_and_rights_come_before_the_type_and_the_type_before_the_size),
        cmocka_unit_test(test_the_caller_comes_before_the_query),
        cmocka_unit_test(test_every_answer_has_the_id),
        cmocka_unit_test(test_a_dialect_that_names_no_header_sends_no_id),
        cmocka_unit_test(test_204_has_no_body_and_nothing_about_one),
        cmocka_unit_test(test_207_has_its_phrase),
        cmocka_unit_test(test_patch_is_routed_and_counted),
        cmocka_unit_test(test_a_caller_without_a_credential_is_counted_by_the_user),
        cmocka_unit_test(test_the_log_has_the_id_and_tells_who_asked),
    };
    return cmocka_run_group_tests_name("net dialect", tests, prepare_answer, drop_answer);
}
