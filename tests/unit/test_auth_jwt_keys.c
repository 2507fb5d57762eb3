/* Where keys come from: a file, a URL, the issuer's discovery document; and when they are read again. Keys are told apart by
 * their kid only. */
#include "jwt_fixture.h"
#include "web_fixture.h"

#include "auth/jwt_keys.h"

#include <dirent.h>
#include <sys/stat.h>

#define SECOND INT64_C(1000000)

static struct arena arena;
static struct web web;
static EVP_PKEY *pkey;
static const struct jwk_algorithm *eddsa;

static int open_web(void **state)
{
    (void)state;
    pkey = new_ed25519();
    eddsa = jwk_algorithm_named("EdDSA");
    web_open(&web, NULL, NULL);
    return 0;
}

static int close_web(void **state)
{
    (void)state;
    web_close(&web);
    EVP_PKEY_free(pkey);
    arena_free(&arena);
    return 0;
}

/* A set with keys of these names, separated by spaces. */
static const char *set_of(const char *kids)
{
    const char *list = "";
    while (*kids) {
        size_t size = strcspn(kids, " ");
        list = arena_printf(&arena, "%s%s%s", list, *list ? "," : "", jwk_text(&arena, pkey, arena_strndup(&arena, kids, size)));
        kids += size + (kids[size] == ' ');
    }
    return arena_printf(&arena, "{\"keys\":[%s]}", list);
}

static void publish(const char *kids)
{
    web_put(&web, (struct page){ .path = "/keys", .answer = ok_answer(&arena, set_of(kids)) });
}

static int fetches(void)
{
    return atomic_load(&web.requests);
}

static struct jwt_keys *open_with(struct jwt_options options)
{
    struct failure failure = { 0 };
    struct jwt_keys *keys = NULL;
    if (!options.issuer) options.issuer = ISSUER;
    options.audience = AUDIENCE;
    if (jwt_keys_open(&failure, &options, NOW, &keys)) {
        assert_int_equal(failure.code, ERR_INVALID);
        assert_string_equal(failure.field, "keys");
        assert_true(failure.text[0]);
        return NULL;
    }
    return keys;
}

static struct jwt_keys *open_url(void)
{
    return open_with((struct jwt_options){ .keys = arena_printf(&arena, "%s/keys", web.url) });
}

static enum err find_at(struct jwt_keys *keys, const char *kid, int64_t now)
{
    struct failure reason = { 0 };
    struct jwt_key found = { 0 };
    enum err e = jwt_keys_find(&reason, keys, now, eddsa, kid, &found);
    assert_int_equal(reason.code, e);
    assert_int_equal(e == ERR_OK, found.key != NULL);
    if (!e) assert_int_equal(found.generation, jwt_keys_generation(keys));
    jwk_set_drop(found.set);
    return e;
}

/* ---- a URL */

static void keys_of_a_url_are_fetched_when_they_are_needed(void **state)
{
    (void)state;
    struct jwt_keys *keys = open_url(); /* there is nothing yet */
    assert_non_null(keys);
    assert_int_equal(fetches(), 0);
    assert_int_equal(jwt_keys_generation(keys), 0);
    assert_false(jwt_keys_is_due(keys, NOW));
    publish("a b");
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    assert_int_equal(find_at(keys, "b", NOW), ERR_OK);
    assert_int_equal(jwt_keys_generation(keys), 1);
    assert_int_equal(fetches(), 1);
    jwt_keys_close(keys);
}

static void an_unknown_kid_is_looked_for_once(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("a b");
    assert_int_equal(find_at(keys, "b", NOW + 10 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 2);
    assert_int_equal(jwt_keys_generation(keys), 2);
    publish("b"); /* a is not known any more */
    assert_int_equal(find_at(keys, "c", NOW + 20 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "a", NOW + 20 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "b", NOW + 20 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 3);
    jwt_keys_close(keys);
}

static void made_up_kids_do_not_hammer_the_provider(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    for (int second = 0; second < 100; second++)
        for (int i = 0; i < 20; i++) {
            const char *kid = arena_printf(&arena, "made up %d %d", second, i);
            assert_int_equal(find_at(keys, kid, NOW + second * SECOND + i), ERR_UNAUTHENTICATED);
            assert_int_equal(find_at(keys, "a", NOW + second * SECOND + i), ERR_OK);
        }
    assert_int_equal(fetches(), 10);
    assert_int_equal(jwt_keys_generation(keys), 1); /* always the same keys */
    assert_int_equal(find_at(keys, "x", NOW + 100 * SECOND - 1), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 10);
    assert_int_equal(find_at(keys, "x", NOW + 100 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 11);
    jwt_keys_close(keys);
}

static void a_key_that_does_not_fit_or_is_not_alone_is_not_looked_for(void **state)
{
    (void)state;
    publish("a b b");
    struct jwt_keys *keys = open_url();
    struct failure reason = { 0 };
    struct jwt_key found;
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    int64_t later = NOW + 60 * SECOND;
    assert_int_equal(find_at(keys, "b", later), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, NULL, later), ERR_UNAUTHENTICATED);
    assert_int_equal(jwt_keys_find(&reason, keys, later, jwk_algorithm_named("ES256"), "a", &found), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 1);
    jwt_keys_close(keys);
}

static void a_clock_that_was_set_back_does_not_stop_fetching(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("b");
    assert_int_equal(find_at(keys, "b", NOW - 9 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "b", NOW - 86400 * SECOND), ERR_OK);
    jwt_keys_close(keys);
}

static void without_any_keys_nothing_is_said_about_a_token(void **state)
{
    (void)state;
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_BUSY);
    assert_int_equal(fetches(), 1);
    for (int i = 0; i < 50; i++) assert_int_equal(find_at(keys, "a", NOW + i), ERR_BUSY); /* at once */
    assert_int_equal(fetches(), 1);
    publish("a");
    assert_int_equal(find_at(keys, "a", NOW + 10 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 2);
    jwt_keys_close(keys);
}

enum { CALLERS = 1 + JWT_KEYS_WAITING_MAX, TOO_MANY = 5 };
struct call {
    struct jwt_keys *keys;
    enum err result;
    atomic_int *refused;
};

static void *find_b(void *context)
{
    struct call *call = context;
    call->result = find_at(call->keys, "b", NOW + 60 * SECOND);
    if (call->result == ERR_BUSY) atomic_fetch_add(call->refused, 1);
    return NULL;
}

static void callers_at_the_same_time_share_one_fetch(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("a b");
    web_hold(&web, true);
    pthread_t threads[CALLERS];
    struct call calls[CALLERS];
    for (size_t i = 0; i < CALLERS; i++) {
        calls[i] = (struct call){ .keys = keys, .result = ERR_COUNT };
        assert_int_equal(pthread_create(&threads[i], NULL, find_b, &calls[i]), 0);
    }
    web_wait(&web, 2);
    assert_int_equal(find_at(keys, "a", NOW + 60 * SECOND), ERR_OK); /* who has a key does not wait */
    web_hold(&web, false);
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(calls[i].result, ERR_OK);
    }
    assert_int_equal(fetches(), 2);
    assert_int_equal(jwt_keys_generation(keys), 2);
    jwt_keys_close(keys);
}

/* Threads are few: not all of them may be held by a provider that does not answer, and by who makes up kids. */
static void callers_too_many_to_wait_are_told_at_once(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    publish("a b");
    web_hold(&web, true);
    pthread_t threads[CALLERS + TOO_MANY];
    struct call calls[CALLERS + TOO_MANY];
    atomic_int refused = 0;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        calls[i] = (struct call){ .keys = keys, .result = ERR_COUNT, .refused = &refused };
        assert_int_equal(pthread_create(&threads[i], NULL, find_b, &calls[i]), 0);
    }
    for (int i = 0; i < 30000 && atomic_load(&refused) < TOO_MANY; i++) usleep(1000); /* the provider has said nothing yet */
    int told = atomic_load(&refused), found = 0;
    web_hold(&web, false);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        pthread_join(threads[i], NULL);
        found += calls[i].result == ERR_OK;
    }
    assert_int_equal(told, TOO_MANY);
    assert_int_equal(found, CALLERS);
    assert_int_equal(find_at(keys, "b", NOW + 60 * SECOND), ERR_OK);
    assert_int_equal(fetches(), 2);
    jwt_keys_close(keys);
}

/* ---- age */

static void keys_are_fetched_again_after_an_hour(void **state)
{
    (void)state;
    publish("a b");
    struct jwt_keys *keys = open_url();
    const int64_t hour = NOW + 3600 * SECOND;
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    assert_false(jwt_keys_is_due(keys, hour - 1));
    jwt_keys_refresh_if_due(keys, hour - 1);
    assert_int_equal(fetches(), 1);
    publish("b");
    assert_true(jwt_keys_is_due(keys, hour));
    jwt_keys_refresh_if_due(keys, hour);
    assert_int_equal(fetches(), 2);
    assert_int_equal(find_at(keys, "a", hour), ERR_UNAUTHENTICATED); /* the issuer took it back */
    assert_int_equal(fetches(), 2);
    assert_false(jwt_keys_is_due(keys, 2 * hour - NOW - 1));
    assert_true(jwt_keys_is_due(keys, 2 * hour - NOW));
    jwt_keys_close(keys);
}

static void the_same_keys_are_not_new_keys(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    jwt_keys_refresh_if_due(keys, NOW + 3600 * SECOND);
    assert_int_equal(fetches(), 2);
    assert_int_equal(jwt_keys_generation(keys), 1);
    jwt_keys_close(keys);
}

/* Everything a provider can do wrong; what was good goes on. */
static void old_keys_go_on_while_the_provider_fails(void **state)
{
    (void)state;
    const char *const answers[] = {
        "HTTP/1.1 500 Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ok_answer(&arena, ""),
        ok_answer(&arena, "<html>maintenance</html>"),
        ok_answer(&arena, "{\"keys\":[]}"),
        ok_answer(&arena, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"b\",\"k\":\"c2VjcmV0\"}]}"),
        ok_answer(&arena, "{}"),
        redirect_answer(&arena, "file:///etc/hostname"),
        redirect_answer(&arena, "/keys"),
        "nonsense",
        "",
    };
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    int64_t now = NOW + 3600 * SECOND;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        web_put(&web, (struct page){ .path = "/keys", .answer = answers[i] });
        assert_true(jwt_keys_is_due(keys, now));
        jwt_keys_refresh_if_due(keys, now);
        assert_false(jwt_keys_is_due(keys, now));
        assert_int_equal(find_at(keys, "a", now), ERR_OK);
        now += 60 * SECOND; /* it is tried again, but not at once */
        assert_false(jwt_keys_is_due(keys, now - 1));
    }
    web_close(&web);
    jwt_keys_refresh_if_due(keys, now);
    assert_int_equal(find_at(keys, "a", now), ERR_OK);
    assert_int_equal(find_at(keys, "b", now + 30 * SECOND), ERR_UNAUTHENTICATED);
    assert_int_equal(jwt_keys_generation(keys), 1);
    jwt_keys_close(keys);
}

static void *refresh_keys(void *keys)
{
    jwt_keys_refresh_if_due(keys, NOW + 3600 * SECOND);
    return NULL;
}

static void nobody_waits_for_keys_that_are_only_due(void **state)
{
    (void)state;
    publish("a");
    struct jwt_keys *keys = open_url();
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    web_hold(&web, true);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, refresh_keys, keys), 0);
    web_wait(&web, 2);
    assert_false(jwt_keys_is_due(keys, NOW + 3600 * SECOND));
    refresh_keys(keys); /* comes back although the other has not */
    jwt_keys_refresh_if_due(keys, NOW + 7200 * SECOND);
    assert_true(jwt_keys_is_due(keys, NOW + 3660 * SECOND)); /* did nothing, also when its turn would have come again */
    assert_int_equal(find_at(keys, "a", NOW + 3600 * SECOND), ERR_OK);
    web_hold(&web, false);
    pthread_join(thread, NULL);
    assert_int_equal(fetches(), 2);
    jwt_keys_close(keys);
}

/* ---- the discovery document */

static void describe(const char *document)
{
    web_put(&web, (struct page){ .path = "/.well-known/openid-configuration", .answer = ok_answer(&arena, document) });
}

static void keys_are_found_through_the_issuer(void **state)
{
    (void)state;
    static const char *const endings[] = { "", "/" };
    publish("a");
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        const char *issuer = arena_printf(&arena, "%s%s", web.url, endings[i]);
        int before = fetches();
        struct jwt_keys *keys = open_with((struct jwt_options){ .issuer = issuer });
        assert_int_equal(fetches(), before);
        describe(arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\",\"x\":1}", issuer, web.url));
        assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
        assert_int_equal(fetches(), before + 2);
        jwt_keys_close(keys);
    }
}

static void a_discovery_document_must_be_the_issuers_and_name_a_url(void **state)
{
    (void)state;
    const char *const documents[] = {
        "",
        "{}",
        "[]",
        "nonsense",
        arena_printf(&arena, "{\"issuer\":\"%s\"}", web.url),
        arena_printf(&arena, "{\"jwks_uri\":\"%s/keys\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s/\",\"jwks_uri\":\"%s/keys\"}", web.url, web.url),
        arena_printf(&arena, "{\"issuer\":\"https://evil.example\",\"jwks_uri\":\"%s/keys\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"file:///etc/hostname\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"/keys\"}", web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}", web.url, web.url + strlen("http://")),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":[\"%s/keys\"]}", web.url, web.url),
        arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/elsewhere\"}", web.url, web.url),
    };
    publish("a");
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct jwt_keys *keys = open_with((struct jwt_options){ .issuer = web.url });
        describe(documents[i]);
        if (find_at(keys, "a", NOW) != ERR_BUSY) fail_msg("accepted: %s", documents[i]);
        jwt_keys_close(keys);
    }
}

static void https_does_not_lead_to_keys_by_http(void **state)
{
    (void)state;
    struct web secure;
    const char *key, *certificate = new_certificate(&arena, "IP:127.0.0.1", &key), *ca_file = new_file(&arena, certificate);
    web_open(&secure, certificate, key);
    publish("a");
    web_put(&secure, (struct page){ .path = "/keys", .answer = ok_answer(&arena, set_of("a")) });
    const char *const places[] = { web.url, secure.url };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        const char *document = arena_printf(&arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}", secure.url, places[i]);
        struct jwt_keys *keys = open_with((struct jwt_options){ .issuer = secure.url, .ca_file = ca_file });
        web_put(&secure, (struct page){ .path = "/.well-known/openid-configuration", .answer = ok_answer(&arena, document) });
        assert_int_equal(find_at(keys, "a", NOW), i == 0 ? ERR_BUSY : ERR_OK);
        jwt_keys_close(keys);
    }
    assert_int_equal(fetches(), 0);
    web_close(&secure);
    unlink(ca_file);
}

/* ---- a file */

static void a_file_is_read_at_once(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    assert_non_null(keys);
    assert_int_equal(jwt_keys_generation(keys), 1);
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    unlink(path);
    assert_int_equal(find_at(keys, "b", NOW), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    jwt_keys_close(keys);
}

static void a_bad_file_is_an_error(void **state)
{
    (void)state;
    char *large = arena_alloc(&arena, JWK_SET_SIZE_MAX + 10000);
    memset(large, ' ', JWK_SET_SIZE_MAX + 10000);
    large[JWK_SET_SIZE_MAX + 9999] = 0;
    memcpy(large, set_of("a"), strlen(set_of("a")));
    const char *const texts[] = { "", " ", "{}", "{\"keys\":[]}", "{\"keys\":[{}]}", "-----BEGIN PUBLIC KEY-----\n", large };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *path = new_file(&arena, texts[i]);
        assert_null(open_with((struct jwt_options){ .keys = path }));
        unlink(path);
    }
    const char *pipe_path = arena_printf(&arena, "%s.pipe", new_file(&arena, ""));
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_null(open_with((struct jwt_options){ .keys = pipe_path })); /* and does not wait for a writer */
    unlink(pipe_path);
    *strrchr(pipe_path, '.') = 0;
    unlink(pipe_path);
    static const char *const places[] = { "/nowhere/keys.json", "/", "", "file:///etc/hostname", "ftp://127.0.0.1/keys" };
    for (size_t i = 0; i < COUNT_OF(places); i++) assert_null(open_with((struct jwt_options){ .keys = places[i] }));
    assert_null(open_with((struct jwt_options){ .issuer = "not a URL" }));
}

static void a_changed_file_is_read_for_an_unknown_kid(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    assert_int_equal(find_at(keys, "b", NOW), ERR_UNAUTHENTICATED);
    replace_file(&arena, path, set_of("b"));
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK); /* nothing was missed yet */
    assert_int_equal(find_at(keys, "b", NOW), ERR_OK);
    assert_int_equal(find_at(keys, "a", NOW), ERR_UNAUTHENTICATED);
    assert_int_equal(jwt_keys_generation(keys), 2);
    unlink(path);
    jwt_keys_close(keys);
}

static void a_changed_file_is_read_when_it_is_due(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    replace_file(&arena, path, set_of("b"));
    jwt_keys_refresh_if_due(keys, NOW + 3600 * SECOND);
    assert_int_equal(find_at(keys, "a", NOW + 3600 * SECOND), ERR_UNAUTHENTICATED);
    unlink(path);
    jwt_keys_close(keys);
}

static void a_file_that_went_bad_is_not_taken(void **state)
{
    (void)state;
    const char *path = new_file(&arena, set_of("a"));
    struct jwt_keys *keys = open_with((struct jwt_options){ .keys = path });
    replace_file(&arena, path, "half a");
    assert_int_equal(find_at(keys, "b", NOW), ERR_UNAUTHENTICATED);
    assert_int_equal(find_at(keys, "a", NOW), ERR_OK);
    replace_file(&arena, path, set_of("b"));
    assert_int_equal(find_at(keys, "b", NOW + 9 * SECOND), ERR_UNAUTHENTICATED); /* not each time after a failure */
    assert_int_equal(find_at(keys, "b", NOW + 10 * SECOND), ERR_OK);
    unlink(path);
    jwt_keys_close(keys);
}

/* ---- through the front door */

static enum err verify(struct jwt *jwt, const char *token, int64_t now, bool may_block)
{
    AUTO_OP op = op_begin();
    struct jwt_claims claims;
    op.now = now;
    op.may_block = may_block;
    return jwt_verify(&op, jwt, token, strlen(token), &claims);
}

static const char *token_of(const char *kid, const char *issuer)
{
    return make_token(&arena, pkey, arena_printf(&arena, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid),
                      arena_printf(&arena, "{\"iss\":\"%s\",\"aud\":\"roster\",\"exp\":1700090000}", issuer));
}

static void tokens_of_a_key_that_was_taken_back_are_forgotten(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct jwt *jwt;
    const struct jwt_options options = { .issuer = ISSUER,
                                         .audience = AUDIENCE,
                                         .keys = arena_printf(&arena, "%s/keys", web.url) };
    assert_int_equal(jwt_open(&op, &options, &jwt), ERR_OK);
    publish("a b");
    const char *a = token_of("a", ISSUER), *b = token_of("b", ISSUER);
    assert_int_equal(verify(jwt, a, NOW, false), ERR_DEFERRED);
    assert_int_equal(fetches(), 0);
    assert_int_equal(verify(jwt, a, NOW, true), ERR_OK);
    assert_int_equal(verify(jwt, b, NOW, true), ERR_OK);
    assert_int_equal(verify(jwt, a, NOW, false), ERR_OK);
    publish("b");
    const int64_t hour = NOW + 3600 * SECOND;
    assert_int_equal(verify(jwt, a, hour, false), ERR_DEFERRED); /* the keys are due */
    assert_int_equal(fetches(), 1);
    assert_int_equal(verify(jwt, b, hour, true), ERR_OK);
    assert_int_equal(verify(jwt, a, hour, true), ERR_UNAUTHENTICATED);
    assert_int_equal(verify(jwt, b, hour, false), ERR_OK);
    assert_int_equal(fetches(), 2);
    jwt_close(jwt);
}

static void a_token_that_is_not_for_us_makes_nobody_fetch(void **state)
{
    (void)state;
    AUTO_OP op = op_begin();
    struct jwt *jwt;
    const struct jwt_options options = { .issuer = ISSUER,
                                         .audience = AUDIENCE,
                                         .keys = arena_printf(&arena, "%s/keys", web.url) };
    assert_int_equal(jwt_open(&op, &options, &jwt), ERR_OK);
    publish("a");
    assert_int_equal(verify(jwt, token_of("a", "https://other.example"), NOW, true), ERR_UNAUTHENTICATED);
    assert_int_equal(verify(jwt, token_of("a", ISSUER), NOW + 86400 * 365 * SECOND, true), ERR_UNAUTHENTICATED);
    assert_int_equal(fetches(), 0);
    assert_int_equal(verify(jwt, token_of("a", ISSUER), NOW, true), ERR_OK);
    assert_int_equal(fetches(), 1);
    jwt_close(jwt);
}

static void opening_needs_an_issuer_an_audience_and_good_keys(void **state)
{
    (void)state;
    static const struct {
        struct jwt_options options;
        const char *field;
    } cases[] = {
        { { .issuer = NULL, .audience = "a", .keys = "https://x/" }, "issuer" },
        { { .issuer = "", .audience = "a", .keys = "https://x/" }, "issuer" },
        { { .issuer = "i", .audience = NULL, .keys = "https://x/" }, "audience" },
        { { .issuer = "i", .audience = "", .keys = "https://x/" }, "audience" },
        { { .issuer = "i", .audience = "a", .keys = NULL }, "keys" },
        { { .issuer = "i", .audience = "a", .keys = "/nowhere" }, "keys" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_OP op = op_begin();
        struct jwt *jwt = NULL;
        assert_int_equal(jwt_open(&op, &cases[i].options, &jwt), ERR_INVALID);
        assert_string_equal(op.failure.field, cases[i].field);
        assert_null(jwt);
    }
    jwt_close(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_web, close_web)
    const struct CMUnitTest tests[] = {
        TEST(keys_of_a_url_are_fetched_when_they_are_needed),
        TEST(an_unknown_kid_is_looked_for_once),
        TEST(made_up_kids_do_not_hammer_the_provider),
        TEST(a_key_that_does_not_fit_or_is_not_alone_is_not_looked_for),
        TEST(a_clock_that_was_set_back_does_not_stop_fetching),
        TEST(without_any_keys_nothing_is_said_about_a_token),
        TEST(callers_at_the_same_time_share_one_fetch),
        TEST(callers_too_many_to_wait_are_told_at_once),
        TEST(keys_are_fetched_again_after_an_hour),
        TEST(the_same_keys_are_not_new_keys),
        TEST(old_keys_go_on_while_the_provider_fails),
        TEST(nobody_waits_for_keys_that_are_only_due),
        TEST(keys_are_found_through_the_issuer),
        TEST(a_discovery_document_must_be_the_issuers_and_name_a_url),
        TEST(https_does_not_lead_to_keys_by_http),
        TEST(a_file_is_read_at_once),
        TEST(a_bad_file_is_an_error),
        TEST(a_changed_file_is_read_for_an_unknown_kid),
        TEST(a_changed_file_is_read_when_it_is_due),
        TEST(a_file_that_went_bad_is_not_taken),
        TEST(tokens_of_a_key_that_was_taken_back_are_forgotten),
        TEST(a_token_that_is_not_for_us_makes_nobody_fetch),
        TEST(opening_needs_an_issuer_an_audience_and_good_keys),
    };
    be_alone();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
