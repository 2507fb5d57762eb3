/* Log-in by GPGAuth, from the first message to the end of the session, and what is kept of the server. */
#include "logins_fixture.h"

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

/* ---- sessions */

static void a_session_ends_when_it_is_not_used(void **state)
{
    struct world *w = *state;
    const char *secret = log_in(w, &w->ada);
    for (int i = 1; i <= 5; i++) { /* longer than 24 minutes, never 24 minutes at once */
        w->op->now = NOW + i * 20 * MINUTE;
        assert_works(w, use_session(w, secret));
    }
    w->op->now += 24 * MINUTE;
    assert_unauthenticated(w, use_session(w, secret));
}

static void a_session_lives_longer_only_by_who_is_told_to_be_active(void **state)
{
    struct world *w = *state;
    const char *secret = log_in(w, &w->ada);
    w->op->now = NOW + 24 * MINUTE - 1;
    assert_works(w, logins_find_session(w->op, w->logins, secret));
    logins_touch_session(w->op, w->logins, "nonsense");
    logins_touch_session(w->op, w->logins, NULL);
    w->op->now++;
    assert_unauthenticated(w, logins_find_session(w->op, w->logins, secret));
    logins_touch_session(w->op, w->logins, secret); /* too late */
    assert_unauthenticated(w, logins_find_session(w->op, w->logins, secret));
}

/* The setting may come later than the session. */
static void sessions_of_another_organization_than_that_of_the_setting_are_refused(void **state)
{
    struct world *w = *state;
    const char *ada = log_in(w, &w->ada), *eve = log_in(w, &w->eve);
    w->options.organization = w->eve.user.organization_id;
    restart(w);
    w->op->caller = (struct caller){ 0 };
    assert_unauthenticated(w, use_session(w, ada));
    assert_int_equal(w->op->caller.user_id, 0);
    assert_works(w, use_session(w, eve));
    w->options.organization = 0;
    restart(w);
    assert_works(w, use_session(w, ada));
    assert_caller(w, &w->ada);
}

static void the_oldest_session_ends_when_there_are_too_many(void **state)
{
    struct world *w = *state;
    const char *secrets[LOGINS_SESSIONS_MAX + 2], *others = log_in(w, &w->bob);
    struct logins_stats stats;
    for (int i = 0; i < LOGINS_SESSIONS_MAX + 2; i++) {
        w->op->now = NOW + i * SECOND;
        secrets[i] = log_in(w, &w->ada);
    }
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < 2; i++) assert_unauthenticated(w, use_session(w, secrets[i]));
        for (int i = 2; i < LOGINS_SESSIONS_MAX + 2; i++) assert_works(w, use_session(w, secrets[i]));
        assert_works(w, use_session(w, others));
        logins_stats(w->logins, &stats);
        assert_int_equal(stats.sessions, LOGINS_SESSIONS_MAX + 1);
        restart(w);
    }
}

static void the_timeout_is_a_setting(void **state)
{
    struct world *w = *state;
    w->options.session_timeout_min = 2;
    restart(w);
    assert_int_equal(logins_session_timeout_min(w->logins), 2);
    const char *secret = log_in(w, &w->ada);
    w->op->now += 2 * MINUTE;
    assert_unauthenticated(w, use_session(w, secret));
}

static void an_unknown_secret_is_refused(void **state)
{
    struct world *w = *state;
    const char *secret = log_in(w, &w->ada);
    char *other = arena_strdup(&w->op->arena, secret);
    other[10] = other[10] == 'A' ? 'B' : 'A';
    w->op->caller = (struct caller){ 0 };
    assert_unauthenticated(w, use_session(w, NULL));
    assert_unauthenticated(w, use_session(w, ""));
    assert_unauthenticated(w, use_session(w, other));
    assert_unauthenticated(w, use_session(w, arena_printf(&w->op->arena, "%sA", secret)));
    assert_unauthenticated(w, use_session(w, arena_strndup(&w->op->arena, secret, 42)));
    assert_int_equal(w->op->caller.user_id, 0);
}

static void an_ended_session_is_ended_for_ever(void **state)
{
    struct world *w = *state;
    const char *secret = log_in(w, &w->ada), *other = log_in(w, &w->ada);
    assert_works(w, logins_end_session(w->op, w->logins, secret));
    assert_unauthenticated(w, use_session(w, secret));
    assert_works(w, logins_end_session(w->op, w->logins, secret));
    assert_works(w, logins_end_session(w->op, w->logins, "nonsense"));
    restart(w);
    assert_unauthenticated(w, use_session(w, secret));
    assert_works(w, use_session(w, other));
}

static void a_session_that_was_only_extended_in_memory_is_ended_too(void **state)
{
    struct world *w = *state;
    const char *secret = log_in(w, &w->ada);
    w->op->now = NOW + 20 * MINUTE;
    assert_works(w, use_session(w, secret));
    w->op->now = NOW + 30 * MINUTE; /* the store thinks it has expired */
    assert_works(w, logins_end_session(w->op, w->logins, secret));
    assert_unauthenticated(w, use_session(w, secret));
    w->op->now = NOW;
    restart(w);
    assert_unauthenticated(w, use_session(w, secret));
}

static void sessions_survive_a_restart_with_what_was_saved(void **state)
{
    struct world *w = *state;
    const char *saved = log_in(w, &w->ada), *unsaved = log_in(w, &w->bob);
    w->op->now = NOW + 10 * MINUTE;
    assert_works(w, use_session(w, saved));
    assert_works(w, logins_keep_house(w->op, w->logins));
    assert_works(w, use_session(w, unsaved));
    restart(w);
    w->op->now = NOW + 24 * MINUTE - 1;
    assert_works(w, use_session(w, saved));
    assert_caller(w, &w->ada);
    assert_works(w, use_session(w, unsaved));
    assert_caller(w, &w->bob);
    restart(w);
    w->op->now = NOW + 34 * MINUTE - 1;
    assert_works(w, use_session(w, saved));
    assert_unauthenticated(w, use_session(w, unsaved));
}

static void what_expired_is_cleared_away(void **state)
{
    struct world *w = *state;
    struct logins_stats stats;
    struct store_stats before, after;
    for (int i = 0; i < 3; i++) log_in(w, &w->ada);
    w->op->now = NOW + 23 * MINUTE;
    const char *living = log_in(w, &w->bob);
    w->op->now = NOW + 40 * MINUTE;
    assert_works(w, logins_keep_house(w->op, w->logins));
    logins_stats(w->logins, &stats);
    assert_int_equal(stats.sessions, 1);
    assert_works(w, use_session(w, living));
    assert_works(w, logins_keep_house(w->op, w->logins));
    store_stats(w->f->store, &before);
    assert_works(w, logins_keep_house(w->op, w->logins)); /* nothing is left to do, so nothing is written */
    store_stats(w->f->store, &after);
    assert_int_equal(after.transactions, before.transactions);
    w->op->now = NOW; /* the row is gone, too */
    restart(w);
    logins_stats(w->logins, &stats);
    assert_int_equal(stats.sessions, 1);
}

static void sessions_that_the_store_has_no_longer_are_forgotten(void **state)
{
    struct world *w = *state;
    const char *ada = log_in(w, &w->ada), *eve = log_in(w, &w->eve);
    const int64_t organization_id = w->ada.user.organization_id;
    w->op->now = NOW + 20 * MINUTE;
    assert_works(w, use_session(w, ada));
    w->op->now = NOW + 30 * MINUTE; /* extended in memory only */
    assert_works(w, logins_follow_organization(w->op, w->logins, organization_id));
    assert_works(w, use_session(w, ada));
    w->op->now = NOW;
    struct organization organization = { .id = organization_id, .uuid = uuid_random(), .name = "Test" };
    assert_done(w->f, change(w->f, ORGANIZATION_DELETED, &organization, NULL));
    assert_works(w, logins_follow_organization(w->op, w->logins, organization_id));
    assert_unauthenticated(w, use_session(w, ada));
    assert_works(w, use_session(w, eve));
    assert_caller(w, &w->eve);
}

static void sessions_of_deleted_users_are_forgotten_for_good(void **state)
{
    struct world *w = *state;
    const char *ada = log_in(w, &w->ada), *bob = log_in(w, &w->bob), *eve = log_in(w, &w->eve), *later;
    const int64_t organization_id = w->ada.user.organization_id;
    int64_t ids[] = { 999, w->eve.user.user_id, w->bob.user.user_id, w->ada.user.user_id };
    struct user user = { .organization_id = organization_id, .id = w->ada.user.user_id, .uuid = w->ada.user.uuid };
    struct user deleted = user;
    deleted.deleted_at = NOW;
    assert_true(logins_has_sessions(w->logins, organization_id));
    assert_false(logins_has_sessions(w->logins, organization_id + 10));
    assert_done(w->f, change(w->f, USER_DELETED, &user, NULL));
    assert_done(w->f, change(w->f, USER_UPDATED, &deleted, &user)); /* and lives again */
    later = log_in(w, &w->ada);
    assert_works(w, logins_follow_users(w->op, w->logins, organization_id, NULL, 0));
    assert_works(w, use_session(w, ada)); /* nothing was told of her */
    assert_works(w, logins_follow_users(w->op, w->logins, organization_id, ids, COUNT_OF(ids)));
    assert_unauthenticated(w, use_session(w, ada));
    assert_works(w, use_session(w, later));
    assert_works(w, use_session(w, bob));
    assert_works(w, use_session(w, eve));
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
    struct store *store = open_at(w->f, w->f->url);
    struct logins *other;
    assert_works(w, logins_open(w->op, store, &w->options, &other));
    assert_string_equal(logins_server_fingerprint(w->logins), logins_server_fingerprint(other));
    const char *text = begin(w, &w->ada), *secret, *none;
    assert_works(w, logins_finish(w->op, other, &w->ada.user, text, strlen(text), &secret));
    assert_unauthenticated(w, finish(w, &w->ada, text, &none));
    logins_close(other);
    store_close(store);
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
        logins_test(a_session_ends_when_it_is_not_used),
        logins_test(a_session_lives_longer_only_by_who_is_told_to_be_active),
        logins_test(sessions_of_another_organization_than_that_of_the_setting_are_refused),
        logins_test(the_oldest_session_ends_when_there_are_too_many),
        logins_test(the_timeout_is_a_setting),
        logins_test(an_unknown_secret_is_refused),
        logins_test(an_ended_session_is_ended_for_ever),
        logins_test(a_session_that_was_only_extended_in_memory_is_ended_too),
        logins_test(sessions_survive_a_restart_with_what_was_saved),
        logins_test(what_expired_is_cleared_away),
        logins_test(sessions_that_the_store_has_no_longer_are_forgotten),
        logins_test(sessions_of_deleted_users_are_forgotten_for_good),
        logins_test(keys_are_made_once),
        logins_test(two_processes_have_the_same_keys_and_use_a_token_once),
        logins_test(the_servers_key_may_be_a_file),
        logins_test(a_bad_setting_is_said_at_the_start),
        cmocka_unit_test(what_is_kept_and_damaged_is_said),
        logins_test(settings_are_shown_as_they_were_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
