/* Log-in by GPGAuth, from the first message to the session, and the server's keys and settings. */
#include "logins_fixture.h"

#include "auth/logins_parts.h"

static struct uuid uuid_in(const char *text)
{
    struct uuid uuid;
    assert_true(uuid_parse(text + strlen("gpgauthv1.3.0|36|"), 36, &uuid));
    return uuid;
}

static const char *text_with(struct world *w, const struct uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(text, uuid);
    return arena_printf(&w->op->arena, "gpgauthv1.3.0|36|%s|gpgauthv1.3.0", text);
}

/* ---- log-in */

static void who_decrypts_the_token_gets_a_session(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *secret = NULL;
    struct uuid token = uuid_in(text);
    assert_string_equal(text, text_with(w, &token));
    assert_int_equal(token.bytes[6] >> 4, 4); /* clients look: uuid4 */
    assert_int_equal(token.bytes[8] >> 6, 2);
    w->op->caller = (struct caller){ 0 };
    assert_works(w, finish(w, &w->ada, text, &secret));
    assert_caller(w, &w->ada);
    assert_int_equal(strlen(secret), LOGINS_SECRET_SIZE);
    w->op->caller = (struct caller){ 0 };
    assert_works(w, use_session(w, secret));
    assert_caller(w, &w->ada);
    assert_int_equal(last_login_of(w, &w->ada), NOW);
    assert_int_equal(last_login_of(w, &w->bob), 0);
    struct logins_stats stats;
    logins_stats(w->logins, &stats);
    assert_int_equal(stats.done, 1);
    assert_int_equal(stats.refused, 0);
    assert_int_equal(stats.sessions, 1);
    logins_stats(NULL, &stats);
    assert_int_equal(stats.done, 0);
}

static void a_token_is_used_once(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *first, *second = NULL;
    assert_works(w, finish(w, &w->ada, text, &first));
    assert_unauthenticated(w, finish(w, &w->ada, text, &second));
    assert_null(second);
    restart(w);
    assert_unauthenticated(w, finish(w, &w->ada, text, &second));
    assert_works(w, use_session(w, first));
    struct uuid token = uuid_in(text);
    char upper[128];
    snprintf(upper, sizeof upper, "%s", text_with(w, &token));
    for (char *at = upper + 17; at < upper + 53; at++)
        if (*at >= 'a' && *at <= 'f') *at -= 'a' - 'A';
    assert_unauthenticated(w, finish(w, &w->ada, upper, &second));
}

struct attempt {
    struct world *w;
    const char *text;
    pthread_barrier_t *start;
    enum err result;
    char secret[64];
    pthread_t thread;
};

static void *attempt(void *context)
{
    struct attempt *self = context;
    AUTO_OP op = op_begin();
    op.now = NOW;
    const char *secret = "";
    pthread_barrier_wait(self->start);
    self->result = logins_finish(&op, self->w->logins, &self->w->ada.user, self->text, strlen(self->text), &secret);
    snprintf(self->secret, sizeof self->secret, "%s", secret);
    return NULL;
}

static void of_many_that_use_a_token_at_once_one_gets_a_session(void **state)
{
    struct world *w = *state;
    enum { THREADS = 8 };
    struct attempt attempts[THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    const char *text = begin(w, &w->ada);
    for (int i = 0; i < THREADS; i++) {
        attempts[i] = (struct attempt){ .w = w, .text = text, .start = &start };
        assert_int_equal(pthread_create(&attempts[i].thread, NULL, attempt, &attempts[i]), 0);
    }
    int won = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(attempts[i].thread, NULL);
        if (attempts[i].result == ERR_OK) {
            won++;
            assert_works(w, use_session(w, attempts[i].secret));
        } else {
            assert_int_equal(attempts[i].result, ERR_UNAUTHENTICATED);
        }
    }
    assert_int_equal(won, 1);
    pthread_barrier_destroy(&start);
}

static void a_token_is_of_one_user_of_one_organization(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *secret;
    assert_unauthenticated(w, finish(w, &w->bob, text, &secret));
    assert_unauthenticated(w, finish(w, &w->eve, text, &secret));
    struct person elsewhere = w->ada;
    elsewhere.user.organization_id = w->eve.user.organization_id;
    assert_unauthenticated(w, finish(w, &elsewhere, text, &secret));
    assert_works(w, finish(w, &w->ada, text, &secret)); /* and others' attempts do not spend it */
}

static void a_token_lives_five_minutes(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *secret;
    w->op->now = NOW + 5 * MINUTE;
    assert_unauthenticated(w, finish(w, &w->ada, text, &secret));
    w->op->now = NOW - 2 * MINUTE; /* more than clocks of servers differ */
    assert_unauthenticated(w, finish(w, &w->ada, text, &secret));
    w->op->now = NOW + 5 * MINUTE - 1;
    assert_works(w, finish(w, &w->ada, text, &secret));
}

static void a_token_that_is_changed_anywhere_is_refused(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *secret;
    for (int bit = 0; bit < 128; bit++) {
        struct uuid token = uuid_in(text);
        token.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_unauthenticated(w, finish(w, &w->ada, text_with(w, &token), &secret));
    }
    for (int i = 0; i < 100; i++) {
        struct uuid token = uuid_random();
        assert_unauthenticated(w, finish(w, &w->ada, text_with(w, &token), &secret));
    }
    struct logins_stats stats;
    logins_stats(w->logins, &stats);
    assert_int_equal(stats.refused, 228);
    assert_int_equal(stats.sessions, 0);
}

static void a_text_of_another_form_is_refused(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *secret;
    const struct uuid token = uuid_in(text);
    char uuid[UUID_TEXT_SIZE];
    uuid_format(uuid, &token);
    const char *texts[] = {
        "",
        uuid,
        arena_printf(&w->op->arena, "%s ", text),
        arena_printf(&w->op->arena, " %s", text),
        arena_printf(&w->op->arena, "%s\n", text),
        arena_strndup(&w->op->arena, text, strlen(text) - 1),
        arena_printf(&w->op->arena, "gpgauthv1.3.1|36|%s|gpgauthv1.3.0", uuid),
        arena_printf(&w->op->arena, "gpgauthv1.3.0|36|%s|gpgauthv1.3.1", uuid),
        arena_printf(&w->op->arena, "gpgauthv1.3.0|37|%s|gpgauthv1.3.0", uuid),
        "gpgauthv1.3.0|36|00000000-0000-0000-0000-000000000000|gpgauthv1.3.0",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) assert_unauthenticated(w, finish(w, &w->ada, texts[i], &secret));
    assert_works(w, finish(w, &w->ada, text, &secret));
}

static void a_token_of_another_installation_is_refused(void **state)
{
    struct world *w = *state;
    struct world *other;
    assert_int_equal(open_world((void **)&other), 0);
    assert_int_equal(other->ada.user.user_id, w->ada.user.user_id); /* the same numbers */
    assert_int_equal(other->ada.user.organization_id, w->ada.user.organization_id);
    const char *text = begin(other, &other->ada), *secret;
    assert_unauthenticated(w, finish(w, &w->ada, text, &secret));
    assert_works(other, finish(other, &other->ada, text, &secret));
    assert_unauthenticated(w, use_session(w, secret));
    close_world((void **)&other);
}

static void who_does_not_log_in_is_not_remembered(void **state)
{
    struct world *w = *state;
    struct store_stats before, after;
    store_stats(w->f->store, &before);
    for (int i = 0; i < 3; i++) begin(w, &w->ada);
    store_stats(w->f->store, &after);
    assert_int_equal(after.transactions, before.transactions);
}

static void a_key_that_cannot_be_used_is_said(void **state)
{
    struct world *w = *state;
    struct login_user user = w->ada.user;
    char *message;
    user.armored_key = public_of(w->op, "revoked");
    assert_fails(w, logins_begin(w->op, w->logins, &user, &message), ERR_INVALID);
    assert_string_equal(w->op->failure.field, "key");
}

static void a_user_who_is_gone_gets_no_session(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *secret;
    struct person another = w->ada; /* who had the number before, as an image may still have it */
    another.user.uuid = uuid_random();
    assert_fails(w, finish(w, &another, text, &secret), ERR_NOT_FOUND);
    assert_string_equal(w->op->failure.field, "user");
    struct user ada = { .organization_id = w->ada.user.organization_id, .id = w->ada.user.user_id };
    assert_done(w->f, change(w->f, USER_DELETED, &ada, NULL));
    assert_fails(w, finish(w, &w->ada, text, &secret), ERR_NOT_FOUND);
    assert_string_equal(w->op->failure.field, "user");
}

static void what_costs_is_left_to_a_worker(void **state)
{
    struct world *w = *state;
    const char *text = begin(w, &w->ada), *secret, *session = log_in(w, &w->bob);
    char *message;
    w->op->may_block = false;
    assert_fails(w, logins_begin(w->op, w->logins, &w->ada.user, &message), ERR_DEFERRED);
    assert_fails(w, finish(w, &w->ada, text, &secret), ERR_DEFERRED);
    assert_fails(w, logins_check_server(w->op, w->logins, "", 0, &message), ERR_DEFERRED);
    assert_fails(w, logins_end_session(w->op, w->logins, session), ERR_DEFERRED);
    assert_works(w, use_session(w, session));
    w->op->may_block = true;
    assert_works(w, finish(w, &w->ada, text, &secret)); /* it had changed nothing */
}

/* ---- stage 0 */

static void the_server_proves_its_key_by_decrypting(void **state)
{
    struct world *w = *state;
    char *message, *text;
    assert_works(w, openpgp_encrypt_and_sign(w->op, w->ada.key, logins_server_key(w->logins), TOKEN, strlen(TOKEN), &message));
    assert_works(w, logins_check_server(w->op, w->logins, message, strlen(message), &text));
    assert_string_equal(text, TOKEN);
}

static void the_server_decrypts_nothing_else(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "secret",
        TOKEN "\r\nSet-Cookie: a=b",
        "gpgauthv1.3.0|36|10e2074b-f610-42be-8525-100d4e68c48\n|gpgauthv1.3.0",
    };
    char *message, *text;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *key = logins_server_key(w->logins);
        assert_works(w, openpgp_encrypt_and_sign(w->op, w->ada.key, key, texts[i], strlen(texts[i]), &message));
        assert_fails(w, logins_check_server(w->op, w->logins, message, strlen(message), &text), ERR_INVALID);
        assert_string_equal(w->op->failure.field, "message");
    }
    assert_works(w, openpgp_encrypt_and_sign(w->op, w->ada.key, w->bob.user.armored_key, TOKEN, strlen(TOKEN), &message));
    assert_fails(w, logins_check_server(w->op, w->logins, message, strlen(message), &text), ERR_INVALID);
    assert_fails(w, logins_check_server(w->op, w->logins, TOKEN, strlen(TOKEN), &text), ERR_INVALID);
}

/* ---- the server's keys and settings */

static void keys_are_made_once(void **state)
{
    struct world *w = *state;
    const char *fingerprint = arena_strdup(&w->op->arena, logins_server_fingerprint(w->logins));
    const char *pem = arena_strdup(&w->op->arena, logins_rsa_pem(w->logins)), *text = begin(w, &w->ada), *secret;
    restart(w);
    assert_string_equal(logins_server_fingerprint(w->logins), fingerprint);
    assert_string_equal(logins_rsa_pem(w->logins), pem);
    assert_works(w, finish(w, &w->ada, text, &secret)); /* the key of log-in tokens */
    struct openpgp_key key;
    const char *armored = logins_server_key(w->logins);
    assert_works(w, openpgp_read_key(w->op, armored, strlen(armored), &key));
    assert_string_equal(key.fingerprint, fingerprint);
    assert_string_equal(key.user_id, "Roster <roster@pass.example.org>");
}

static void two_processes_have_the_same_keys_and_use_a_token_once(void **state)
{
    struct world *w = *state;
    struct node other = open_node(w);
    assert_string_equal(logins_server_fingerprint(w->logins), logins_server_fingerprint(other.logins));
    const char *text = begin(w, &w->ada), *secret, *none;
    assert_works(w, logins_finish(w->op, other.logins, &w->ada.user, text, strlen(text), &secret));
    assert_unauthenticated(w, finish(w, &w->ada, text, &none));
    close_node(&other);
}

static void the_servers_key_may_be_a_file(void **state)
{
    struct world *w = *state;
    w->options.server_key_file = "tests/fixtures/openpgp/server-rsa3072.secret.asc";
    restart(w);
    struct openpgp_server *server = open_server(w->op, key_text(&w->op->arena, "server-rsa3072.secret"));
    assert_string_equal(logins_server_fingerprint(w->logins), openpgp_server_fingerprint(server));
    openpgp_server_close(server);
    log_in(w, &w->ada);
}

static void a_bad_setting_is_said_at_the_start(void **state)
{
    struct world *w = *state;
    static const struct {
        struct logins_options options;
        const char *field, *text;
    } bad[] = {
        { { .server_key_file = "tests/fixtures/openpgp/none.asc" }, "serverKey", "cannot be read: No such file" },
        { { .server_key_file = "tests/fixtures/openpgp" }, "serverKey", "cannot be read" },
        { { .server_key_file = "tests/fixtures/openpgp/user-ed25519.public.asc" }, "serverKey", "cannot be used" },
        { { .server_key_file = "tests/fixtures/openpgp/passphrase.secret.asc" }, "serverKey", "cannot be used" },
        { { .server_key_file = "/dev/null" }, "serverKey", "cannot be used" },
        { { .server_key_file = "/dev/zero" }, "serverKey", "cannot be used" },
        { { .url = "pass.example.org" }, "url", "http" },
        { { .url = "https://" }, "url", "http" },
        { { .url = "https:///" }, "url", "http" },
        { { .url = "https://pass.example.org/?a=b" }, "url", "http" },
        { { .url = "https://pass example.org" }, "url", "http" },
        { { .url = "" }, "url", "http" },
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct logins *logins = NULL;
        assert_fails(w, logins_open(w->op, w->f->store, &bad[i].options, &logins), ERR_INVALID);
        assert_string_equal(w->op->failure.field, bad[i].field);
        assert_non_null(strstr(w->op->failure.text, bad[i].text));
        assert_null(logins);
    }
}

static void what_is_kept_and_damaged_is_said(void **state)
{
    (void)state;
    static const char *const names[] = { "openpgp", "jwt-rsa", "gpgauth-tokens" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct fixture *f;
        struct logins *logins = NULL;
        const char *kept;
        assert_int_equal(set_up((void **)&f), 0);
        f->op.now = NOW;
        assert_done(f, store_secret(&f->op, f->store, names[i], "nonsense", &kept));
        failure_clear(&f->op.failure);
        assert_int_equal(logins_open(&f->op, f->store, &(struct logins_options){ 0 }, &logins), ERR_STORAGE);
        assert_null(logins);
        tear_down((void **)&f);
    }
}

static void settings_are_shown_as_they_were_given(void **state)
{
    struct world *w = *state;
    assert_string_equal(logins_url(w->logins), URL);
    assert_int_equal(logins_session_timeout_min(w->logins), 24);
    assert_int_equal(logins_profile(w->logins), 5);
    w->options = (struct logins_options){ .url = URL "/",
                                          .organization = 3,
                                          .session_timeout_min = 7,
                                          .profile = 2,
                                          .attempts_per_address = 11,
                                          .attempts_per_key = 12 };
    restart(w);
    assert_string_equal(logins_url(w->logins), URL);
    assert_int_equal(logins_organization(w->logins), 3);
    assert_int_equal(logins_session_timeout_min(w->logins), 7);
    assert_int_equal(logins_profile(w->logins), 2);
    assert_int_equal(logins_attempts_per_address(w->logins), 11);
    assert_int_equal(logins_attempts_per_key(w->logins), 12);
    w->options.url = NULL;
    restart(w);
    assert_null(logins_url(w->logins));
}

/* ---- the first start */

struct starter {
    struct world *w;
    struct node node;
    pthread_barrier_t *start;
    enum err result;
    pthread_t thread;
};

static void *start_one(void *context)
{
    struct starter *self = context;
    AUTO_OP op = op_begin();
    op.now = NOW;
    pthread_barrier_wait(self->start);
    self->result = logins_open(&op, self->node.store, &self->w->options, &self->node.logins);
    return NULL;
}

static void processes_that_start_at_once_have_the_same_keys(void **state)
{
    struct world *w = *state;
    enum { STARTERS = 3 };
    struct starter starters[STARTERS];
    pthread_barrier_t start;
    struct store_place place; /* where nothing is yet */
    place_make(&place, w->f->place.engine);
    pthread_barrier_init(&start, NULL, STARTERS);
    for (int i = 0; i < STARTERS; i++) {
        starters[i] = (struct starter){ .w = w, .start = &start, .node.store = open_at(w->f, place.url) };
        assert_int_equal(pthread_create(&starters[i].thread, NULL, start_one, &starters[i]), 0);
    }
    for (int i = 0; i < STARTERS; i++) pthread_join(starters[i].thread, NULL);
    for (int i = 0; i < STARTERS; i++) {
        const struct logins *first = starters[0].node.logins, *logins = starters[i].node.logins;
        assert_int_equal(starters[i].result, ERR_OK);
        assert_string_equal(logins_server_fingerprint(logins), logins_server_fingerprint(first));
        assert_string_equal(logins_rsa_kid(logins), logins_rsa_kid(first));
        assert_memory_equal(logins->token_key, first->token_key, LOGINS_KEY_SIZE);
    }
    for (int i = 0; i < STARTERS; i++) close_node(&starters[i].node);
    place_remove(&place);
    pthread_barrier_destroy(&start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        logins_test(who_decrypts_the_token_gets_a_session),
        logins_test(a_token_is_used_once),
        logins_test(of_many_that_use_a_token_at_once_one_gets_a_session),
        logins_test(a_token_is_of_one_user_of_one_organization),
        logins_test(a_token_lives_five_minutes),
        logins_test(a_token_that_is_changed_anywhere_is_refused),
        logins_test(a_text_of_another_form_is_refused),
        logins_test(a_token_of_another_installation_is_refused),
        logins_test(who_does_not_log_in_is_not_remembered),
        logins_test(a_key_that_cannot_be_used_is_said),
        logins_test(a_user_who_is_gone_gets_no_session),
        logins_test(what_costs_is_left_to_a_worker),
        logins_test(the_server_proves_its_key_by_decrypting),
        logins_test(the_server_decrypts_nothing_else),
        logins_test(keys_are_made_once),
        logins_test(two_processes_have_the_same_keys_and_use_a_token_once),
        logins_test(the_servers_key_may_be_a_file),
        logins_test(a_bad_setting_is_said_at_the_start),
        cmocka_unit_test(what_is_kept_and_damaged_is_said),
        logins_test(settings_are_shown_as_they_were_given),
        logins_test(processes_that_start_at_once_have_the_same_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
