/* test_net_versions.c — Roster-At-Least in a request, Roster-Version and Roster-Stale in an answer, Retry-After in every 503
 * after which a request may be repeated. */
#include "net_fixture.h"

/* ---- an API whose organization has the second largest version there can be */

static enum err show(struct op *op, const struct request *request, struct response *response, bool stale)
{
    (void)request;
    op->looked = true;
    op->version = INT64_MAX - 1;
    op->stale = stale;
    buf_printf(&response->body, "%lld", (long long)op->at_least);
    return ERR_OK;
}

static enum err run_shown(struct op *op, const struct request *request, struct response *response)
{
    return show(op, request, response, false);
}

static enum err run_stale(struct op *op, const struct request *request, struct response *response)
{
    return show(op, request, response, true);
}

static enum err run_blind(struct op *op, const struct request *request, struct response *response)
{
    (void)request;
    buf_printf(&response->body, "%lld", (long long)op->at_least);
    return ERR_OK;
}

/* Looks on the thread of the connection only: what is answered is what the worker saw. */
static enum err run_twice(struct op *op, const struct request *request, struct response *response)
{
    if (op->may_block) return run_blind(op, request, response);
    (void)show(op, request, response, true);
    return op_fail(op, ERR_DEFERRED, "", "not here");
}

static enum err run_seen_prepared(struct op *op, const struct request *request, struct response *response)
{
    enum err e = show(op, request, response, false);
    return e ? e : run_prepared(op, request, response);
}

static enum err run_missing(struct op *op, const struct request *request, struct response *response)
{
    (void)show(op, request, response, false);
    return op_fail(op, ERR_NOT_FOUND, "group", "there is none");
}

static enum err run_failing(struct op *op, const struct request *request, struct response *response)
{
    (void)response;
    const char *what = request->captures[0];
    enum err code = !strcmp(what, "busy") ? ERR_BUSY : !strcmp(what, "storage") ? ERR_STORAGE : ERR_UNKNOWN_OUTCOME;
    return op_fail(op, code, "", "no");
}

static void write_unavailable(struct op *op, const struct request *request, struct response *response)
{
    write_error(op, request, response);
    if (op->failure.code == ERR_STORAGE || op->failure.code == ERR_UNKNOWN_OUTCOME) response->status = 503;
}

// clang-format off
static const struct route version_routes[] = {
    { METHOD_GET,  "/seen/shown",          RIGHT_READ,  0,            run_shown,         NULL },
    { METHOD_HEAD, "/seen/shown",          RIGHT_READ,  0,            run_shown,         NULL },
    { METHOD_GET,  "/seen/stale",          RIGHT_READ,  0,            run_stale,         NULL },
    { METHOD_GET,  "/seen/public",         0,           ROUTE_PUBLIC, run_stale,         NULL },
    { METHOD_GET,  "/seen/blind",          RIGHT_READ,  0,            run_blind,         NULL },
    { METHOD_GET,  "/seen/twice",          RIGHT_READ,  0,            run_twice,         NULL },
    { METHOD_GET,  "/seen/prepared",       RIGHT_READ,  0,            run_seen_prepared, NULL },
    { METHOD_GET,  "/seen/missing",        RIGHT_READ,  0,            run_missing,       NULL },
    { METHOD_GET,  "/seen/failing/{what}", RIGHT_READ,  0,            run_failing,       NULL },
    { 0 },
};
// clang-format on
static const struct dialect seen = {
    .name = "seen",
    .prefix = "/seen",
    .routes = version_routes,
    .headers = headers,
    .content_type = "application/json",
    .authenticate = authenticate,
    .write_error = write_unavailable,
};
static const struct dialect *const both[] = { &seen, &toy, NULL };

static struct fixture start_seen(void)
{
    struct server_options options = usual_options();
    options.dialects = both;
    return start_with(&options);
}

static int get(int fd, const char *path, const char *lines)
{
    char text[1000];
    snprintf(text, sizeof text, "GET /seen/%s HTTP/1.1\r\n" GOOD "%s\r\n", path, lines);
    return ask(fd, text);
}

static void assert_has_not(const char *part)
{
    if (strstr(answer, part)) fail_msg("%s is in\n%s", part, answer);
}

/* ---- answers */

static void test_the_version_that_was_looked_at_is_told(void **state)
{
    (void)state;
    struct fixture fixture = start_seen();
    int fd = connect_to(fixture.port);
    assert_int_equal(get(fd, "shown", ""), 200);
    assert_has("\r\nRoster-Version: 9223372036854775806\r\n");
    assert_has_not("Roster-Stale");
    assert_int_equal(get(fd, "stale", ""), 200);
    assert_has("\r\nRoster-Version: 9223372036854775806\r\nRoster-Stale: true\r\n");
    assert_int_equal(get(fd, "missing", ""), 404); /* also with an error */
    assert_has("\r\nRoster-Version: 9223372036854775806\r\n");
    assert_int_equal(get(fd, "blind", ""), 200); /* nothing of the request before it is left */
    assert_has_not("Roster-Version");
    assert_int_equal(get(fd, "twice", ""), 200);
    assert_has_not("Roster-Version");
    assert_has_not("Roster-Stale");
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_a_prepared_answer_has_it_too(void **state)
{
    (void)state;
    struct fixture fixture = start_seen();
    int fd = connect_to(fixture.port);
    assert_int_equal(get(fd, "prepared", ""), 200);
    assert_has("\r\nX-Three: 3\r\nContent-Type: text/plain\r\nRoster-Version: 9223372036854775806\r\n");
    assert_string_equal(body(), "prepared");
    assert_int_equal(ask(fd, "GET /prepared HTTP/1.1\r\nHost: a\r\n\r\n"), 200); /* the one that others share has not */
    assert_has_not("Roster-Version");
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_a_head_has_it_too(void **state)
{
    (void)state;
    struct fixture fixture = start_seen();
    int fd = connect_to(fixture.port);
    send_text(fd, "HEAD /seen/shown HTTP/1.1\r\n" GOOD "Connection: close\r\n\r\n");
    assert_int_equal(receive(fd), 200);
    assert_has("\r\nRoster-Version: 9223372036854775806\r\n");
    assert_string_equal(body(), "");
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* Whoever asks it is nobody yet: an organization's version is not for strangers. */
static void test_a_public_row_tells_no_version_and_waits_for_none(void **state)
{
    (void)state;
    struct fixture fixture = start_seen();
    int fd = connect_to(fixture.port);
    assert_int_equal(get(fd, "public", "Roster-At-Least: 9\r\n"), 200);
    assert_string_equal(body(), "0");
    assert_has_not("Roster-Version");
    assert_has_not("Roster-Stale");
    assert_int_equal(get(fd, "public", "Roster-At-Least: x\r\n"), 400);
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* ---- requests */

static void test_the_version_asked_for_reaches_the_handler(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        { "", "0" },
        { "Roster-At-Least: 0\r\n", "0" },
        { "Roster-At-Least: 7\r\n", "7" },
        { "rOSTER-aT-lEAST:8\r\n", "8" },
        { "Roster-At-Least:  9 \t\r\n", "9" },
        { "Roster-At-Least: 9223372036854775807\r\n", "9223372036854775807" },
        { "", "0" },
        { "Roster-At-Lease: 7\r\n", "0" },
    };
    struct fixture fixture = start_seen();
    int fd = connect_to(fixture.port);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(get(fd, "blind", good[i][0]), 200);
        assert_string_equal(body(), good[i][1]);
        assert_int_equal(get(fd, "twice", good[i][0]), 200);
        assert_string_equal(body(), good[i][1]);
    }
    close(fd);
    assert_true(server_stop(fixture.server));
}

static void test_what_is_no_version_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "-1",
                                       "+1",
                                       "1.0",
                                       "0x10",
                                       "9223372036854775808",
                                       "1e3",
                                       "",
                                       "seven",
                                       "1, 2",
                                       "1 2",
                                       "\"1\"",
                                       "99999999999999999999999999999999" };
    struct fixture fixture = start_seen();
    int fd = connect_to(fixture.port);
    char line[100];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        snprintf(line, sizeof line, "Roster-At-Least: %s\r\n", bad[i]);
        if (get(fd, "blind", line) != 400) fail_msg("%s is taken", bad[i]);
        assert_has("{\"error\":\"invalid\",\"text\":\"Roster-At-Least must be a whole number from 0 to 9223372036854775807\"}");
    }
    assert_int_equal(get(fd, "blind", "Roster-At-Least: 1\r\nRoster-At-Least: 1\r\n"), 400);
    assert_has("Roster-At-Least was sent twice");
    assert_int_equal(get(fd, "blind", "Roster-At-Least: 1\r\nX: 1\r\nroster-at-least: x\r\nRoster-At-Least: 1\r\n"), 400);
    assert_int_equal(get(fd, "blind", ""), 200); /* the connection is as good as before */
    close(fd);
    assert_true(server_stop(fixture.server));
}

/* ---- 503 */

static void test_a_503_says_when_to_try_again_also_when_it_may_be_done_already(void **state)
{
    (void)state;
    struct fixture fixture = start_seen();
    int fd = connect_to(fixture.port);
    assert_int_equal(get(fd, "failing/busy", ""), 503);
    assert_has("\r\nRetry-After: 1\r\n");
    assert_int_equal(get(fd, "failing/storage", ""), 503);
    assert_has("\r\nRetry-After: 1\r\n");
    assert_int_equal(get(fd, "failing/unknown", ""), 503);
    assert_has("\r\nRetry-After: 1\r\n");
    close(fd);
    assert_true(server_stop(fixture.server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_version_that_was_looked_at_is_told),
        cmocka_unit_test_setup_teardown(test_a_prepared_answer_has_it_too, prepare_answer, drop_answer),
        cmocka_unit_test(test_a_head_has_it_too),
        cmocka_unit_test(test_a_public_row_tells_no_version_and_waits_for_none),
        cmocka_unit_test(test_the_version_asked_for_reaches_the_handler),
        cmocka_unit_test(test_what_is_no_version_is_refused),
        cmocka_unit_test(test_a_503_says_when_to_try_again_also_when_it_may_be_done_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
