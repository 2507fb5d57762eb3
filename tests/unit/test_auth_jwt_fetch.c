/* One document by HTTP: what is followed, what is believed, and when it is given up. */
#include "web_fixture.h"

#include "auth/jwt_fetch.h"

static struct arena arena;
static struct web web;

enum { BODY_MAX = 64 << 10, SHORT_MS = 300 };

static int open_web(void **state)
{
    (void)state;
    web_open(&web, NULL, NULL);
    return 0;
}

static int close_web(void **state)
{
    (void)state;
    web_close(&web);
    arena_free(&arena);
    return 0;
}

static const char *url_of(const struct web *of, const char *path)
{
    return arena_printf(&arena, "%s%s", of->url, path);
}

/* The body, or NULL. */
static const char *fetch_with(const char *url, const char *ca_file, int64_t timeout_ms)
{
    struct failure failure = { 0 };
    struct buf body = BUF_INIT(BODY_MAX);
    enum err e = jwt_fetch(&failure, url, ca_file, timeout_ms, &body);
    const char *text = e ? NULL : arena_strdup(&arena, buf_cstr(&body));
    assert_true(e == ERR_OK || (e == ERR_INVALID && failure.text[0]));
    assert_null(strstr(failure.text, url));
    assert_true(body.size <= BODY_MAX);
    buf_free(&body);
    return text;
}

static const char *fetch(const char *url)
{
    return fetch_with(url, NULL, JWT_FETCH_WHOLE_MS);
}

static void a_document_is_fetched(void **state)
{
    (void)state;
    web_put(&web, (struct page){ .path = "/keys", .answer = ok_answer(&arena, "the keys") });
    web_put(&web, (struct page){ .path = "/until-close", .answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nthe end" });
    assert_string_equal(fetch(url_of(&web, "/keys")), "the keys");
    assert_string_equal(fetch(url_of(&web, "/until-close")), "the end");
    assert_int_equal(atomic_load(&web.requests), 2);
}

static void only_http_and_https_are_urls(void **state)
{
    (void)state;
    static const char *const others[] = { "file:///etc/hostname",
                                          "ftp://127.0.0.1/x",
                                          "gopher://127.0.0.1/x",
                                          "/etc/hostname",
                                          "dict://127.0.0.1/x",
                                          "jwks.json",
                                          "",
                                          "https:",
                                          "httpx://127.0.0.1" };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_false(jwt_fetch_is_url(others[i]));
        if (strcmp(others[i], "/etc/hostname") != 0 && strstr(others[i], "://")) assert_null(fetch(others[i]));
    }
    assert_true(jwt_fetch_is_url("http://x") && !jwt_fetch_is_https("http://x"));
    assert_true(jwt_fetch_is_url("HTTPS://x") && jwt_fetch_is_https("HTTPS://x"));
}

static void every_status_but_200_is_a_failure(void **state)
{
    (void)state;
    static const char *const lines[] = { "201 Created",      "203 Other",     "206 Partial", "304 Not Modified",
                                         "401 Unauthorized", "404 Not Found", "500 Error",   "503 Busy" };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const char *answer = arena_printf(&arena, "HTTP/1.1 %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", lines[i]);
        web_put(&web, (struct page){ .path = "/keys", .answer = answer });
        assert_null(fetch(url_of(&web, "/keys")));
    }
}

static void what_is_not_http_is_a_failure(void **state)
{
    (void)state;
    static const char *const answers[] = { "{\"keys\":[]}\r\n", "SSH-2.0-x\r\n", "HTTP/1.1\r\n\r\n",
                                           "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut" };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        web_put(&web, (struct page){ .path = "/keys", .answer = answers[i] });
        assert_null(fetch(url_of(&web, "/keys")));
    }
}

static void redirects_are_followed_three_times(void **state)
{
    (void)state;
    web_put(&web, (struct page){ .path = "/4", .answer = redirect_answer(&arena, "/3") });
    web_put(&web, (struct page){ .path = "/3", .answer = redirect_answer(&arena, url_of(&web, "/2")) });
    web_put(&web, (struct page){ .path = "/2", .answer = redirect_answer(&arena, "/1") });
    web_put(&web, (struct page){ .path = "/1", .answer = redirect_answer(&arena, "/keys") });
    web_put(&web, (struct page){ .path = "/keys", .answer = ok_answer(&arena, "the keys") });
    assert_string_equal(fetch(url_of(&web, "/3")), "the keys"); /* not what the redirects say: "move" */
    assert_null(fetch(url_of(&web, "/4")));
    web_put(&web, (struct page){ .path = "/1", .answer = redirect_answer(&arena, "/1") });
    assert_null(fetch(url_of(&web, "/1")));
}

static void a_redirect_leads_to_no_other_protocol(void **state)
{
    (void)state;
    char path[] = "/tmp/roster-web-XXXXXX";
    int file = mkstemp(path);
    assert_int_equal(write(file, "secret", 6), 6);
    close(file);
    const char *const locations[] = { arena_printf(&arena, "file://%s", path), "ftp://127.0.0.1/keys", "gopher://127.0.0.1/",
                                      "data:,keys", "dict://127.0.0.1/" };
    for (size_t i = 0; i < COUNT_OF(locations); i++) {
        web_put(&web, (struct page){ .path = "/keys", .answer = redirect_answer(&arena, locations[i]) });
        assert_null(fetch(url_of(&web, "/keys")));
    }
    unlink(path);
}

/* Long before the time is over: by then gigabytes would have been said. */
static void an_answer_without_end_is_given_up(void **state)
{
    (void)state;
    enum { MUCH = 32 << 20 };
    char line[8001];
    memset(line, 'x', sizeof line);
    line[8000] = 0;
    /* The fixture repeats what stands behind the first line: these are bodies, for the head has ended there. */
    const char *endless = arena_printf(&arena, "HTTP/1.0 200 OK\r\n\r\n%s", line);
    web_put(&web, (struct page){ .path = "/body", .answer = endless, .without_end = true });
    assert_null(fetch(url_of(&web, "/body")));
    web_put(&web, (struct page){ .path = "/said", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" });
    assert_null(fetch(url_of(&web, "/said")));
    const char *header = arena_printf(&arena, "HTTP/1.1 200 OK\r\nX: %s\r\n", line);
    web_put(&web, (struct page){ .path = "/head", .answer = header, .without_end = true });
    assert_null(fetch(url_of(&web, "/head")));
    web_close(&web);
    assert_true(atomic_load(&web.said) < MUCH);
}

static void a_body_may_have_the_whole_size(void **state)
{
    (void)state;
    for (size_t size = BODY_MAX; size <= BODY_MAX + 1; size++) {
        char *body = arena_alloc(&arena, size + 1);
        memset(body, 'x', size);
        body[size] = 0;
        web_put(&web, (struct page){ .path = "/keys", .answer = ok_answer(&arena, body) });
        assert_int_equal(fetch(url_of(&web, "/keys")) != NULL, size == BODY_MAX);
    }
}

/* If it did not give up this would not end. */
static void a_server_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    web_put(&web, (struct page){ .path = "/keys", .silent = true });
    assert_null(fetch_with(url_of(&web, "/keys"), NULL, SHORT_MS));
    assert_null(fetch_with(url_of(&web, "/keys"), NULL, 0));
    assert_null(fetch_with(url_of(&web, "/keys"), NULL, -5));
    assert_int_equal(atomic_load(&web.requests), 1);
}

static void nobody_there_is_a_failure(void **state)
{
    (void)state;
    const char *url = url_of(&web, "/keys");
    web_close(&web);
    assert_null(fetch(url));
    assert_null(fetch("http://127.0.0.1:0/"));
    assert_null(fetch("http://"));
    assert_null(fetch("http://[::1"));
    assert_null(fetch("http://127.0.0.1:99999/"));
}

/* ---- TLS */

static const char *put_in_file(const char *text)
{
    char *path = arena_strdup(&arena, "/tmp/roster-web-XXXXXX");
    int file = mkstemp(path);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    return path;
}

static void a_certificate_must_be_good(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool right;
    } cases[] = { { "IP:127.0.0.1", true }, { "IP:127.0.0.2", false }, { "DNS:issuer.example", false } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct web secure;
        const char *key, *certificate = new_certificate(&arena, cases[i].name, &key);
        const char *ca_file = put_in_file(certificate);
        const char *other_key, *other_ca_file = put_in_file(new_certificate(&arena, cases[i].name, &other_key));
        web_open(&secure, certificate, key);
        web_put(&secure, (struct page){ .path = "/keys", .answer = ok_answer(&arena, "the keys") });
        assert_null(fetch_with(url_of(&secure, "/keys"), NULL, JWT_FETCH_WHOLE_MS)); /* the system does not know it */
        assert_null(fetch_with(url_of(&secure, "/keys"), other_ca_file, JWT_FETCH_WHOLE_MS));
        assert_null(fetch_with(url_of(&secure, "/keys"), "/nowhere", JWT_FETCH_WHOLE_MS));
        assert_int_equal(atomic_load(&secure.requests), 0);
        assert_int_equal(fetch_with(url_of(&secure, "/keys"), ca_file, JWT_FETCH_WHOLE_MS) != NULL, cases[i].right);
        web_close(&secure);
        unlink(ca_file);
        unlink(other_ca_file);
    }
}

static void https_does_not_lead_to_http(void **state)
{
    (void)state;
    struct web secure;
    const char *key, *certificate = new_certificate(&arena, "IP:127.0.0.1", &key);
    const char *ca_file = put_in_file(certificate);
    web_open(&secure, certificate, key);
    web_put(&secure, (struct page){ .path = "/down", .answer = redirect_answer(&arena, url_of(&web, "/keys")) });
    web_put(&secure, (struct page){ .path = "/same", .answer = redirect_answer(&arena, url_of(&secure, "/keys")) });
    web_put(&secure, (struct page){ .path = "/keys", .answer = ok_answer(&arena, "the keys") });
    web_put(&web, (struct page){ .path = "/keys", .answer = ok_answer(&arena, "forged keys") });
    web_put(&web, (struct page){ .path = "/up", .answer = redirect_answer(&arena, url_of(&secure, "/keys")) });
    assert_null(fetch_with(url_of(&secure, "/down"), ca_file, JWT_FETCH_WHOLE_MS));
    assert_int_equal(atomic_load(&web.requests), 0);
    assert_string_equal(fetch_with(url_of(&secure, "/same"), ca_file, JWT_FETCH_WHOLE_MS), "the keys");
    assert_string_equal(fetch_with(url_of(&web, "/up"), ca_file, JWT_FETCH_WHOLE_MS), "the keys");
    web_close(&secure);
    unlink(ca_file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_web, close_web)
    const struct CMUnitTest tests[] = {
        TEST(a_document_is_fetched),
        TEST(only_http_and_https_are_urls),
        TEST(every_status_but_200_is_a_failure),
        TEST(what_is_not_http_is_a_failure),
        TEST(redirects_are_followed_three_times),
        TEST(a_redirect_leads_to_no_other_protocol),
        TEST(an_answer_without_end_is_given_up),
        TEST(a_body_may_have_the_whole_size),
        TEST(a_server_that_says_nothing_is_given_up),
        TEST(nobody_there_is_a_failure),
        TEST(a_certificate_must_be_good),
        TEST(https_does_not_lead_to_http),
    };
    be_alone();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
