/* test_net_http.c — query strings, routes, prepared answers, the text of metrics: everything of net/ that needs no socket. */
#include "unit.h"

#include "net/http.h"
#include "net/metrics.h"
#include "net/route.h"

/* ---- query strings */

struct parsed {
    struct arena arena;
    struct failure failure;
    struct request request;
    enum err result;
};

static struct parsed parse(const char *query)
{
    struct parsed parsed = { .request.query = query };
    parsed.result = request_parse_query(&parsed.failure, &parsed.arena, &parsed.request);
    return parsed;
}

static void assert_value(const char *query, const char *name, const char *expected)
{
    struct parsed parsed = parse(query);
    assert_int_equal(parsed.result, ERR_OK);
    const char *value = request_parameter(&parsed.request, name);
    if (expected) assert_string_equal(value, expected);
    else assert_null(value);
    arena_free(&parsed.arena);
}

static void assert_refused(const char *query, const char *field)
{
    struct parsed parsed = parse(query);
    assert_int_equal(parsed.result, ERR_INVALID);
    assert_string_equal(parsed.failure.field, field);
    arena_free(&parsed.arena);
}

static void test_query_is_decoded(void **state)
{
    (void)state;
    assert_value("", "a", NULL);
    assert_value("a=1&b=2", "b", "2");
    assert_value("a=1&a=2", "a", "1");
    assert_value("a", "a", "");
    assert_value("a=", "a", "");
    assert_value("a=b=c", "a", "b=c");
    assert_value("&&a=1&", "a", "1");
    assert_value("a=one+two%20three%2B", "a", "one two three+");
    assert_value("na%6De=x", "name", "x");
    assert_value("a=%C3%a9t%C3%A9", "a", "\xC3\xA9t\xC3\xA9");
    assert_value("a=\xC3\xA9", "a", "\xC3\xA9");
    assert_value("A=1", "a", NULL);
}

static void test_a_parameter_is_found_in_any_case(void **state)
{
    (void)state;
    struct parsed parsed = parse("ITEMSPerPage=5&page=1&Page=2&filters.TEXT=%C3%89&\xC3\xA9=3&%C3%89=4");
    assert_int_equal(parsed.result, ERR_OK);
    assert_string_equal(request_parameter_any_case(&parsed.request, "itemsPerPage"), "5");
    assert_string_equal(request_parameter_any_case(&parsed.request, "Page"), "1"); /* the first, though another is exact */
    assert_string_equal(request_parameter_any_case(&parsed.request, "filters.text"), "\xC3\x89");
    assert_string_equal(request_parameter_any_case(&parsed.request, "\xC3\x89"), "4"); /* only ASCII letters */
    assert_null(request_parameter_any_case(&parsed.request, "pag"));
    assert_null(request_parameter_any_case(&parsed.request, "pages"));
    arena_free(&parsed.arena);
}

static void test_bad_query_names_the_parameter(void **state)
{
    (void)state;
    assert_refused("size=%", "size");
    assert_refused("size=%2", "size");
    assert_refused("size=%zz", "size");
    assert_refused("a=1&size=%00", "size");
    assert_refused("size=%C3", "size");
    assert_refused("size=%ED%A0%80", "size");
    assert_refused("%zz=1", "query");
    assert_refused("%FF=1", "query");
}

static void test_query_has_a_limit(void **state)
{
    (void)state;
    char query[3 * REQUEST_PARAMETER_MAX + 4];
    size_t size = 0;
    for (int i = 0; i < REQUEST_PARAMETER_MAX; i++, size += 2) memcpy(query + size, "a&", 3);
    struct parsed parsed = parse(query);
    assert_int_equal(parsed.result, ERR_OK);
    assert_int_equal(parsed.request.parameter_count, REQUEST_PARAMETER_MAX);
    arena_free(&parsed.arena);
    memcpy(query + size, "b", 2);
    assert_refused(query, "query");
}

static void test_numbers_are_digits_within_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t max, expected; /* -1: refused */
    } rows[] = {
        { "0", 0, 0 },
        { "1", 0, -1 },
        { "007", 7, 7 },
        { "8", 7, -1 },
        { "15", 14, -1 },
        { "15", 15, 15 },
        { "9223372036854775807", INT64_MAX, INT64_MAX },
        { "9223372036854775808", INT64_MAX, -1 },
        { "99999999999999999999999", INT64_MAX, -1 },
        { "", 9, -1 },
        { "-1", 9, -1 },
        { "+1", 9, -1 },
        { "1 ", 9, -1 },
        { "1a", 99, -1 },
        { "\xB2", 9, -1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t number = -1;
        assert_int_equal(number_parse(rows[i].text, rows[i].max, &number), rows[i].expected >= 0);
        assert_int_equal(number, rows[i].expected);
    }
    struct failure failure = { 0 };
    int64_t number = 5;
    assert_int_equal(parameter_read_number(&failure, "page", NULL, 1, 9, &number), ERR_OK);
    assert_int_equal(number, 5);
    assert_int_equal(parameter_read_number(&failure, "page", "0", 1, 9, &number), ERR_INVALID);
    assert_string_equal(failure.field, "page");
    assert_string_equal(failure.text, "page must be a whole number from 1 to 9");
    assert_int_equal(number, 5);
}

static void test_a_body_is_of_the_kind_that_is_wanted(void **state)
{
    (void)state;
    struct request object = { .body = "{\"a\":1}", .body_size = 7 }, array = { .body = "[]", .body_size = 2 };
    struct failure failure = { 0 };
    json_t *json;
    assert_int_equal(request_read_object(&failure, &object, &json), ERR_OK);
    assert_int_equal(json_object_size(json), 1);
    json_decref(json);
    assert_int_equal(request_read_array(&failure, &array, &json), ERR_OK);
    json_decref(json);
    assert_int_equal(request_read_object(&failure, &array, &json), ERR_INVALID);
    assert_string_equal(failure.text, "the body must be a JSON object, not an array");
    failure_clear(&failure);
    assert_int_equal(request_read_array(&failure, &object, &json), ERR_INVALID);
    assert_string_equal(failure.text, "the body must be a JSON array, not an object");
    failure_clear(&failure);
    array.body_size = 1;
    assert_int_equal(request_read_array(&failure, &array, &json), ERR_INVALID);
}

/* ---- routes */

static enum err run_nothing(struct op *op, const struct request *request, struct response *response)
{
    (void)op;
    (void)request;
    (void)response;
    return ERR_OK;
}

// clang-format off
static const struct route group_routes[] = {
    { METHOD_GET,    "/v1/groups",                       RIGHT_READ,  0,            run_nothing, NULL },
    { METHOD_POST,   "/v1/groups",                       RIGHT_WRITE, ROUTE_BODY,   run_nothing, NULL },
    { METHOD_GET,    "/v1/groups/{id}",                  RIGHT_READ,  0,            run_nothing, NULL },
    { METHOD_DELETE, "/v1/groups/{id}",                  RIGHT_WRITE, ROUTE_WRITES, run_nothing, NULL },
    { METHOD_POST,   "/v1/groups/{id}/users/{userId}",   RIGHT_WRITE, ROUTE_WRITES, run_nothing, NULL },
    { METHOD_GET,    "/v1/groups/{id}/pictures/{n}.png", RIGHT_READ,  0,            run_nothing, NULL },
    { 0 },
};
static const struct route page_routes[] = {
    { METHOD_GET,     "/",        0, ROUTE_PUBLIC, run_nothing, NULL },
    { METHOD_GET,     "/healthz", 0, ROUTE_PUBLIC, run_nothing, NULL },
    { METHOD_OPTIONS, "/own",     0, ROUTE_PUBLIC, run_nothing, NULL },
    { 0 },
};
// clang-format on
static const struct dialect groups = { .name = "groups", .prefix = "/v1/groups", .routes = group_routes };
static const struct dialect pages = { .name = "pages", .prefix = "/", .routes = page_routes };

/* Paths at several places, with or without a suffix. */
// clang-format off
static const struct route account_routes[] = {
    { METHOD_GET,    "/accounts",           RIGHT_READ,  0,            run_nothing, NULL, "Accounts.index" },
    { METHOD_GET,    "/accounts/{id}",      RIGHT_READ,  0,            run_nothing, NULL, "Accounts.view" },
    { METHOD_DELETE, "/accounts/{id}/dry-run", RIGHT_READ, 0,          run_nothing, NULL, "Accounts.dryRun" },
    { METHOD_POST,   "/auth/login",         0,           ROUTE_PUBLIC, run_nothing, NULL },
    { METHOD_GET,    "/auth/deep/er/{id}",  0,           ROUTE_PUBLIC, run_nothing, NULL },
    { 0 },
};
// clang-format on
static const char *const account_prefixes[] = { "/auth", "/auth/deep", "/v1/groups/accounts", NULL };
static const struct dialect accounts = {
    .name = "accounts", .prefix = "/accounts", .more_prefixes = account_prefixes, .suffix = ".json", .routes = account_routes
};
static const struct dialect *const dialects[] = { &groups, &pages, &accounts, NULL };

struct found {
    struct arena arena;
    struct request request;
    struct route_match match;
};

static struct found find(enum method method, const char *path)
{
    struct found found = { .request = { .method = method, .path = path, .query = "" } };
    route_find(dialects, &found.arena, &found.request, &found.match);
    return found;
}

static void assert_route(enum method method, const char *path, const struct dialect *dialect, const struct route *route)
{
    struct found found = find(method, path);
    assert_int_equal(found.match.result, ERR_OK);
    assert_ptr_equal(found.match.dialect, dialect);
    assert_ptr_equal(found.match.route, route);
    assert_ptr_equal(found.request.route, route);
    if (route) assert_int_equal(found.match.route_index, route - dialect->routes);
    arena_free(&found.arena);
}

static void assert_no_route(enum method method, const char *path, const struct dialect *dialect, enum err result,
                            const char *allow)
{
    struct found found = find(method, path);
    assert_int_equal(found.match.result, result);
    assert_ptr_equal(found.match.dialect, dialect);
    assert_null(found.match.route);
    assert_string_equal(found.match.allow, allow);
    arena_free(&found.arena);
}

static void test_routes_are_found(void **state)
{
    (void)state;
    assert_route(METHOD_GET, "/v1/groups", &groups, &group_routes[0]);
    assert_route(METHOD_POST, "/v1/groups", &groups, &group_routes[1]);
    assert_route(METHOD_GET, "/v1/groups/7", &groups, &group_routes[2]);
    assert_route(METHOD_POST, "/v1/groups/7/users/8", &groups, &group_routes[4]);
    assert_route(METHOD_GET, "/", &pages, &page_routes[0]);
    assert_route(METHOD_GET, "/healthz", &pages, &page_routes[1]);
}

static void test_prefix_ends_with_a_path_part(void **state)
{
    (void)state;
    assert_no_route(METHOD_GET, "/v1/groupsies", &pages, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/v1/groups/", &groups, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/v1/groups/7/", &groups, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/v1/groups/7/users", &groups, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/v1/groups/7/users/8/9", &groups, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_POST, "/v1/groups//users/8", &groups, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "*", &pages, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "", &pages, ERR_NO_ROUTE, "");
}

static void test_wrong_method_lists_the_right_ones(void **state)
{
    (void)state;
    assert_no_route(METHOD_PUT, "/v1/groups", &groups, ERR_METHOD, "GET, POST, OPTIONS");
    assert_no_route(METHOD_HEAD, "/v1/groups/7", &groups, ERR_METHOD, "GET, DELETE, OPTIONS");
    assert_no_route(METHOD_OTHER, "/v1/groups/7/users/8", &groups, ERR_METHOD, "POST, OPTIONS");
    assert_no_route(METHOD_OPTIONS, "/v1/groups/7", &groups, ERR_OK, "GET, DELETE, OPTIONS");
    assert_no_route(METHOD_GET, "/own", &pages, ERR_METHOD, "OPTIONS");
    assert_route(METHOD_OPTIONS, "/own", &pages, &page_routes[2]);
}

static void test_captures_are_decoded(void **state)
{
    (void)state;
    struct found found = find(METHOD_POST, "/v1/groups/a%20b%2Fc+d/users/%C3%A9");
    assert_int_equal(found.match.result, ERR_OK);
    assert_int_equal(found.request.capture_count, 2);
    assert_string_equal(found.request.captures[0], "a b/c+d");
    assert_string_equal(found.request.captures[1], "\xC3\xA9");
    arena_free(&found.arena);

    static const char *const bad[] = { "/v1/groups/%", "/v1/groups/%1", "/v1/groups/%0g", "/v1/groups/%00", "/v1/groups/%ff" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        found = find(METHOD_GET, bad[i]);
        assert_int_equal(found.match.result, ERR_INVALID);
        arena_free(&found.arena);
    }
}

static void test_a_dialect_may_have_several_prefixes(void **state)
{
    (void)state;
    assert_route(METHOD_GET, "/accounts", &accounts, &account_routes[0]);
    assert_route(METHOD_GET, "/accounts/7", &accounts, &account_routes[1]);
    assert_route(METHOD_POST, "/auth/login", &accounts, &account_routes[3]);
    assert_route(METHOD_GET, "/auth/deep/er/7", &accounts, &account_routes[4]);
    assert_no_route(METHOD_GET, "/auth", &accounts, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/auth/login", &accounts, ERR_METHOD, "POST, OPTIONS");
    assert_no_route(METHOD_GET, "/auth/deeper", &accounts, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/authors", &pages, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/v1/groups/accounts", &accounts, ERR_NO_ROUTE, ""); /* the longest prefix of all dialects */
    assert_no_route(METHOD_GET, "/v1/groups/accounting/x", &groups, ERR_NO_ROUTE, "");
    assert_string_equal(dialect_prefix_of(&accounts, "/auth/deep/er/{id}"), "/auth/deep");
    assert_string_equal(dialect_prefix_of(&accounts, "/accounts.json"), "/accounts");
    assert_null(dialect_prefix_of(&accounts, "/v1/groups"));
    assert_string_equal(dialect_prefix_of(&pages, "/v1/groups"), "/");
}

static void assert_suffix(enum method method, const char *path, const struct route *route, const char *capture, bool has_suffix)
{
    struct found found = find(method, path);
    assert_int_equal(found.match.result, ERR_OK);
    assert_ptr_equal(found.match.route, route);
    assert_int_equal(found.request.has_suffix, has_suffix);
    assert_int_equal(found.request.capture_count, capture ? 1 : 0);
    if (capture) assert_string_equal(found.request.captures[0], capture);
    assert_string_equal(found.request.path, path);
    arena_free(&found.arena);
}

static void test_a_suffix_is_no_part_of_the_path(void **state)
{
    (void)state;
    assert_suffix(METHOD_GET, "/accounts.json", &account_routes[0], NULL, true);
    assert_suffix(METHOD_GET, "/accounts", &account_routes[0], NULL, false);
    assert_suffix(METHOD_GET, "/accounts/7.json", &account_routes[1], "7", true);
    assert_suffix(METHOD_GET, "/accounts/7", &account_routes[1], "7", false);
    assert_suffix(METHOD_GET, "/accounts/7.json.json", &account_routes[1], "7.json", true); /* once */
    assert_suffix(METHOD_GET, "/accounts/7.JSON", &account_routes[1], "7.JSON", false);
    assert_suffix(METHOD_GET, "/accounts/7%2Ejson", &account_routes[1], "7.json", false); /* as sent */
    assert_suffix(METHOD_DELETE, "/accounts/7/dry-run.json", &account_routes[2], "7", true);
    assert_suffix(METHOD_POST, "/auth/login.json", &account_routes[3], NULL, true);
    assert_no_route(METHOD_GET, "/accounts/.json", &accounts, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, "/accounts.json/7", &pages, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_PUT, "/accounts/7.json", &accounts, ERR_METHOD, "GET, OPTIONS");
    assert_no_route(METHOD_OPTIONS, "/accounts/7.json", &accounts, ERR_OK, "GET, OPTIONS");
    assert_no_route(METHOD_GET, "/.json", &pages, ERR_NO_ROUTE, "");
    assert_no_route(METHOD_GET, ".json", &pages, ERR_NO_ROUTE, "");
    /* A dialect without a suffix takes it for a part of the path. */
    assert_no_route(METHOD_GET, "/healthz.json", &pages, ERR_NO_ROUTE, "");
    struct found found = find(METHOD_GET, "/v1/groups/7.json");
    assert_string_equal(found.request.captures[0], "7.json");
    assert_false(found.request.has_suffix);
    arena_free(&found.arena);
}

/* ---- answers */

static void test_prepared_answers_are_counted(void **state)
{
    (void)state;
    static const struct header headers[] = { { "X-One", "1" }, { "X-Two", "2" }, { 0 } };
    struct buf body = BUF_INIT(1000);
    buf_add_literal(&body, "hello");
    struct prepared *prepared = prepared_new(headers, 200, "text/plain", &body);
    assert_null(body.bytes);
    assert_int_equal(body.size, 0);
    assert_in_range(prepared_size(prepared), 5, 5000);
    assert_ptr_equal(prepared_hold(prepared), prepared);
    prepared_drop(prepared);
    prepared_drop(prepared); /* the sanitizer tells if this is not the end of it */
    prepared_drop(NULL);
    prepared = prepared_new(headers, 204, NULL, &body);
    prepared_drop(prepared);
}

static void test_too_many_extra_headers_are_left_out(void **state)
{
    (void)state;
    struct response response = { .status = 200 };
    for (int i = 0; i < RESPONSE_EXTRA_MAX + 2; i++) response_add_header(&response, "X", "y");
    assert_int_equal(response.extra_count, RESPONSE_EXTRA_MAX);
}

/* ---- metrics */

static void write_gauge(void *context, struct buf *out)
{
    metrics_add_value(out, "test_gauge", "gauge", "A test.", *(double *)context);
}

static void assert_line(struct buf *out, const char *line)
{
    if (!strstr(buf_cstr(out), line)) fail_msg("%s is not in\n%s", line, buf_cstr(out));
}

static void test_metrics_are_printed(void **state)
{
    (void)state;
    struct found found = find(METHOD_GET, "/v1/groups/7");
    metrics_count(&found.match, METHOD_GET, 200, 60 * 1000);
    metrics_count(&found.match, METHOD_GET, 200, 50 * 1000);
    metrics_count(&found.match, METHOD_GET, 404, 20 * INT64_C(1000000000));
    arena_free(&found.arena);
    metrics_count_refused("test_reason");
    metrics_connections(+2);
    metrics_connections(-1);
    double value = 12.5;
    metrics_add_gauge(write_gauge, &value);

    struct buf out = BUF_INIT(1 << 20);
    metrics_write(&out);
    assert_line(&out, "# TYPE roster_http_requests_total counter\n");
    assert_line(&out, "roster_http_requests_total{api=\"groups\",route=\"/v1/groups/{id}\",method=\"GET\",status=\"200\"} 2\n");
    assert_line(&out, "roster_http_requests_total{api=\"groups\",route=\"/v1/groups/{id}\",method=\"GET\",status=\"404\"} 1\n");
    assert_line(&out,
                "roster_http_request_seconds_bucket{api=\"groups\",route=\"/v1/groups/{id}\",method=\"GET\",le=\"5e-05\"} 1\n");
    assert_line(&out,
                "roster_http_request_seconds_bucket{api=\"groups\",route=\"/v1/groups/{id}\",method=\"GET\",le=\"0.0001\"} 2\n");
    assert_line(&out,
                "roster_http_request_seconds_bucket{api=\"groups\",route=\"/v1/groups/{id}\",method=\"GET\",le=\"10\"} 2\n");
    assert_line(&out,
                "roster_http_request_seconds_bucket{api=\"groups\",route=\"/v1/groups/{id}\",method=\"GET\",le=\"+Inf\"} 3\n");
    assert_line(&out, "roster_http_request_seconds_count{api=\"groups\",route=\"/v1/groups/{id}\",method=\"GET\"} 3\n");
    assert_line(&out, "roster_http_connections 1\n");
    assert_line(&out, "roster_http_refused_total{reason=\"test_reason\"} 1\n");
    assert_line(&out, "process_resident_memory_bytes ");
    assert_line(&out, "roster_build_info{version=\"");
    assert_line(&out, "test_gauge 12.5\n");
    metrics_remove_gauges();
    buf_reset(&out);
    metrics_write(&out);
    assert_null(strstr(buf_cstr(&out), "test_gauge"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_is_decoded),
        cmocka_unit_test(test_a_parameter_is_found_in_any_case),
        cmocka_unit_test(test_bad_query_names_the_parameter),
        cmocka_unit_test(test_query_has_a_limit),
        cmocka_unit_test(test_numbers_are_digits_within_bounds),
        cmocka_unit_test(test_a_body_is_of_the_kind_that_is_wanted),
        cmocka_unit_test(test_routes_are_found),
        cmocka_unit_test(test_prefix_ends_with_a_path_part),
        cmocka_unit_test(test_wrong_method_lists_the_right_ones),
        cmocka_unit_test(test_captures_are_decoded),
        cmocka_unit_test(test_a_dialect_may_have_several_prefixes),
        cmocka_unit_test(test_a_suffix_is_no_part_of_the_path),
        cmocka_unit_test(test_prepared_answers_are_counted),
        cmocka_unit_test(test_too_many_extra_headers_are_left_out),
        cmocka_unit_test(test_metrics_are_printed),
    };
    return cmocka_run_group_tests_name("net without sockets", tests, NULL, NULL);
}
