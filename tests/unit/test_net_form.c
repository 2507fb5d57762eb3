/* test_net_form.c — forms as a handler reads them from a request. */
#include "net_fixture.h"

#include "net/form.h"

#include <stdlib.h>

/* [name=value] for each field, or why not. */
static enum err run_form(struct op *op, const struct request *request, struct response *response)
{
    const struct parameter *fields;
    size_t count;
    if (!request_has_form(request)) {
        buf_add_literal(&response->body, "no form");
        return ERR_OK;
    }
    enum err e = request_parse_form(&op->failure, &op->arena, request, &fields, &count);
    for (size_t i = 0; !e && i < count; i++) buf_printf(&response->body, "[%s=%s]", fields[i].name, fields[i].value);
    return e;
}

/* What has to be read on a thread that may block. */
static enum err run_slow_form(struct op *op, const struct request *request, struct response *response)
{
    return op->may_block ? run_form(op, request, response) : op_fail(op, ERR_DEFERRED, "", "not here");
}

// clang-format off
static const struct route form_routes[] = {
    { METHOD_POST, "/form", 0, ROUTE_PUBLIC | ROUTE_BODY, run_form, NULL },
    { METHOD_POST, "/slow", 0, ROUTE_PUBLIC | ROUTE_BODY, run_slow_form, NULL },
    { 0 },
};
// clang-format on
static const struct dialect with_forms = {
    .name = "with_forms",
    .prefix = "/",
    .routes = form_routes,
    .headers = headers,
    .content_type = "text/plain",
    .authenticate = authenticate,
    .write_error = write_error,
};
static const struct dialect *const form_dialects[] = { &with_forms, NULL };

static struct fixture fixture;

static int start_forms(void **state)
{
    (void)state;
    struct server_options options = usual_options();
    options.dialects = form_dialects;
    fixture = start_with(&options);
    return 0;
}

static int stop_forms(void **state)
{
    (void)state;
    return server_stop(fixture.server) ? 0 : -1;
}

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=line"

static int post(const char *path, const char *type, const char *bytes, size_t size)
{
    char head[300];
    int fd = connect_to(fixture.port);
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", path, type,
             size);
    send_text(fd, head);
    (void)send_bytes(fd, bytes, size);
    int status = receive(fd);
    close(fd);
    return status;
}

static void assert_read(const char *type, const char *text, const char *expected)
{
    assert_int_equal(post("/form", type, text, strlen(text)), 200);
    if (strcmp(body(), expected) != 0) fail_msg("%s, not %s, for\n%s", body(), expected, text);
    assert_int_equal(post("/slow", type, text, strlen(text)), 200);
    assert_string_equal(body(), expected);
}

static void assert_refused(const char *type, const char *bytes, size_t size)
{
    if (post("/form", type, bytes, size) != 400) fail_msg("%s for\n%s", answer, bytes);
    assert_has("{\"error\":\"invalid\"");
}

static void fields_of_an_urlencoded_form_are_read(void **state)
{
    (void)state;
    assert_read(URLENCODED, "a=1&b=2", "[a=1][b=2]");
    assert_read(URLENCODED "; charset=UTF-8", "a=1", "[a=1]");
    assert_read("Application/X-WWW-Form-Urlencoded", "a=1", "[a=1]");
    assert_read(URLENCODED, "data%5Bgpg_auth%5D%5Bkeyid%5D=A+B%2B%0AC", "[data[gpg_auth][keyid]=A B+\nC]");
    assert_read(URLENCODED, "a=1&a=2", "[a=1][a=2]");
    assert_read(URLENCODED, "a=%C3%A9", "[a=\xC3\xA9]");
    assert_read(URLENCODED, "a=&b=2", "[a=][b=2]");
}

#define PART(name, value) "--line\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define END "--line--\r\n"

static void fields_of_a_multipart_form_are_read(void **state)
{
    (void)state;
    assert_read(MULTIPART, PART("a", "1") PART("data[gpg_auth][keyid]", "two\r\nlines") END,
                "[a=1][data[gpg_auth][keyid]=two\r\nlines]");
    assert_read(MULTIPART, PART("a", "\xC3\xA9 --x") END, "[a=\xC3\xA9 --x]");
    assert_read(
        MULTIPART,
        "--line\r\nContent-Disposition: form-data; name=\"f\"; filename=\"g\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n" END,
        "[f=file]");
}

/* The library hands it over in pieces. */
static void a_long_field_is_whole(void **state)
{
    (void)state;
    enum { LONG = 20000 };
    static char text[LONG + 200], expected[LONG + 10];
    memset(expected, 'v', sizeof expected);
    memcpy(expected, "[a=", 3);
    memcpy(expected + LONG + 3, "][b=1]", 7);
    size_t size = (size_t)snprintf(text, sizeof text, "--line\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n");
    memset(text + size, 'v', LONG);
    snprintf(text + size + LONG, sizeof text - size - LONG, "\r\n" PART("b", "1") END);
    assert_read(MULTIPART, text, expected);
}

static void what_is_no_form_is_told(void **state)
{
    (void)state;
    assert_read("application/json", "a=1", "no form");
    assert_read("multipart/mixed; boundary=line", PART("a", "1") END, "no form");
}

static void malformed_forms_are_refused(void **state)
{
    (void)state;
#define REFUSED(type, text) assert_refused(type, text, sizeof(text) - 1)
    REFUSED(URLENCODED, "a=%FF");
    REFUSED(URLENCODED, "a=%00");
    REFUSED(URLENCODED, "%FF=a");
    REFUSED("multipart/form-data", PART("a", "1") END);
    REFUSED(MULTIPART, "nothing of the kind");
    REFUSED(MULTIPART, PART("a", "1"));
    REFUSED(MULTIPART, PART("a", "\xFF") END);
    REFUSED(MULTIPART, PART("a", "1\0") END);
}

static void more_fields_than_may_be_are_refused(void **state)
{
    (void)state;
    char text[8 * REQUEST_PARAMETER_MAX + 20], *at = text;
    for (int i = 0; i < REQUEST_PARAMETER_MAX; i++) at += snprintf(at, 8, "%sa%d=1", i ? "&" : "", i);
    assert_int_equal(post("/form", URLENCODED, text, strlen(text)), 200);
    memcpy(at, "&b=1", 5);
    assert_refused(URLENCODED, text, strlen(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_an_urlencoded_form_are_read),
        cmocka_unit_test(fields_of_a_multipart_form_are_read),
        cmocka_unit_test(a_long_field_is_whole),
        cmocka_unit_test(what_is_no_form_is_told),
        cmocka_unit_test(malformed_forms_are_refused),
        cmocka_unit_test(more_fields_than_may_be_are_refused),
    };
    return cmocka_run_group_tests(tests, start_forms, stop_forms);
}
