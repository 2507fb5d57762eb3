/* Refresh tokens: spent once, by their user, while they live. */
#include "logins_jwt_fixture.h"

static enum err refresh(struct world *w, const struct person *person, const char *token, struct tokens *ret_tokens)
{
    failure_clear(&w->op->failure);
    return logins_refresh(w->op, w->logins, &person->user.uuid, token, URL, &ret_tokens->access, &ret_tokens->refresh);
}

static enum err find(struct world *w, const struct person *person, const char *token)
{
    failure_clear(&w->op->failure);
    w->op->caller = (struct caller){ 0 };
    return logins_find_refresh(w->op, w->logins, &person->user.uuid, token);
}

static void a_refresh_token_is_spent_for_new_tokens(void **state)
{
    struct world *w = *state;
    struct tokens old = jwt_log_in(w, &w->ada), new = { 0 }, none = { 0 };
    w->op->now = NOW + 10 * MINUTE;
    assert_ok(w->op, find(w, &w->ada, old.refresh));
    assert_caller(w, &w->ada);
    assert_ok(w->op, find(w, &w->ada, old.refresh)); /* finding spends nothing */
    assert_ok(w->op, refresh(w, &w->ada, old.refresh, &new));
    assert_string_not_equal(new.refresh, old.refresh);
    assert_ok(w->op, check(w, new.access));
    assert_caller(w, &w->ada);
    assert_unauthenticated(w, refresh(w, &w->ada, old.refresh, &none));
    assert_unauthenticated(w, find(w, &w->ada, old.refresh));
    assert_null(none.access);
    restart(w);
    assert_unauthenticated(w, find(w, &w->ada, old.refresh));
    assert_ok(w->op, find(w, &w->ada, new.refresh));
    assert_ok(w->op, refresh(w, &w->ada, new.refresh, &none));
}

static void a_refresh_token_is_found_in_any_case(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    char *upper = arena_strdup(&w->op->arena, tokens.refresh);
    for (char *at = upper; *at; at++)
        if (*at >= 'a' && *at <= 'f') *at -= 'a' - 'A';
    assert_ok(w->op, find(w, &w->ada, upper));
    assert_ok(w->op, refresh(w, &w->ada, upper, &tokens));
}

static void a_refresh_token_is_of_one_user(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada), none;
    assert_unauthenticated(w, find(w, &w->bob, tokens.refresh));
    assert_unauthenticated(w, find(w, &w->eve, tokens.refresh));
    assert_int_equal(w->op->caller.user_id, 0);
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &none)); /* nobody has found it */
    w->op->caller = (struct caller){ .organization_id = w->ada.user.organization_id, .user_id = w->bob.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &none));
    assert_unauthenticated(w, refresh(w, &w->bob, tokens.refresh, &none));
    w->op->caller = (struct caller){ .organization_id = w->eve.user.organization_id, .user_id = w->ada.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &none));
    assert_ok(w->op, find(w, &w->ada, tokens.refresh)); /* none of that spent it */
    assert_ok(w->op, refresh(w, &w->ada, tokens.refresh, &none));
}

static void a_refresh_token_lives_thirty_days(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    w->op->now = NOW + 30 * 24 * 60 * MINUTE;
    assert_unauthenticated(w, find(w, &w->ada, tokens.refresh));
    w->op->caller = (struct caller){ .organization_id = w->ada.user.organization_id, .user_id = w->ada.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, tokens.refresh, &tokens));
    w->op->now--;
    assert_ok(w->op, find(w, &w->ada, tokens.refresh));
}

static void what_is_no_refresh_token_is_refused(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada), none;
    const char *const bad[] = { NULL, "", "nonsense", random_uuid(w), arena_printf(&w->op->arena, "%s ", tokens.refresh) };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_unauthenticated(w, find(w, &w->ada, bad[i]));
        assert_unauthenticated(w, refresh(w, &w->ada, bad[i], &none));
    }
}

struct spender {
    struct world *w;
    const char *token;
    pthread_barrier_t *start;
    pthread_t thread;
    enum err result;
};

static void *spend(void *context)
{
    struct spender *self = context;
    const struct login_user *user = &self->w->ada.user;
    AUTO_OP op = op_begin();
    op.now = NOW;
    op.caller = (struct caller){ .organization_id = user->organization_id, .user_id = user->user_id };
    const char *access, *new;
    pthread_barrier_wait(self->start);
    self->result = logins_refresh(&op, self->w->logins, &user->uuid, self->token, URL, &access, &new);
    return NULL;
}

/* The setting may come later than the tokens. */
static void tokens_of_another_organization_than_that_of_the_setting_are_refused(void **state)
{
    struct world *w = *state;
    struct tokens ada = jwt_log_in(w, &w->ada), eve = jwt_log_in(w, &w->eve), new;
    w->options.organization = w->eve.user.organization_id;
    restart(w);
    assert_unauthenticated(w, check(w, ada.access));
    assert_unauthenticated(w, find(w, &w->ada, ada.refresh));
    w->op->caller = (struct caller){ .organization_id = w->ada.user.organization_id, .user_id = w->ada.user.user_id };
    assert_unauthenticated(w, refresh(w, &w->ada, ada.refresh, &new));
    assert_ok(w->op, check(w, eve.access));
    assert_ok(w->op, find(w, &w->eve, eve.refresh));
    assert_ok(w->op, refresh(w, &w->eve, eve.refresh, &new));
    w->options.organization = 0;
    restart(w);
    assert_ok(w->op, check(w, ada.access));
    assert_ok(w->op, find(w, &w->ada, ada.refresh)); /* it was not spent */
}

static void the_oldest_refresh_token_ends_when_there_are_too_many(void **state)
{
    struct world *w = *state;
    struct tokens tokens[LOGINS_REFRESH_TOKENS_MAX], others = jwt_log_in(w, &w->bob), new;
    for (int i = 0; i < LOGINS_REFRESH_TOKENS_MAX; i++) {
        w->op->now = NOW + i * SECOND;
        tokens[i] = jwt_log_in(w, &w->ada);
    }
    w->op->now += SECOND;
    assert_ok(w->op, find(w, &w->ada, tokens[1].refresh));
    assert_ok(w->op, refresh(w, &w->ada, tokens[1].refresh, &new)); /* one for another: there are not more */
    assert_ok(w->op, find(w, &w->ada, tokens[0].refresh));
    w->op->now += SECOND;
    jwt_log_in(w, &w->ada);
    assert_unauthenticated(w, find(w, &w->ada, tokens[0].refresh));
    for (int i = 2; i < LOGINS_REFRESH_TOKENS_MAX; i++) assert_ok(w->op, find(w, &w->ada, tokens[i].refresh));
    assert_ok(w->op, find(w, &w->ada, new.refresh));
    assert_ok(w->op, find(w, &w->bob, others.refresh));
}

static void of_many_that_spend_it_at_once_one_succeeds(void **state)
{
    struct world *w = *state;
    enum { THREADS = 8 };
    struct spender spenders[THREADS];
    struct tokens tokens = jwt_log_in(w, &w->ada);
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        spenders[i] = (struct spender){ .w = w, .token = tokens.refresh, .start = &start };
        assert_int_equal(pthread_create(&spenders[i].thread, NULL, spend, &spenders[i]), 0);
    }
    int won = 0, lost = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(spenders[i].thread, NULL);
        won += spenders[i].result == ERR_OK;
        lost += spenders[i].result == ERR_UNAUTHENTICATED;
    }
    assert_int_equal(won, 1);
    assert_int_equal(lost, THREADS - 1);
    pthread_barrier_destroy(&start);
}

static void one_refresh_token_or_all_of_a_user_are_ended(void **state)
{
    struct world *w = *state;
    struct tokens first = jwt_log_in(w, &w->ada), second = jwt_log_in(w, &w->ada), third = jwt_log_in(w, &w->ada);
    struct tokens others = jwt_log_in(w, &w->bob);
    const struct uuid *uuid = &w->ada.user.uuid;
    assert_ok(w->op, find(w, &w->ada, first.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, first.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, first.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, others.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, &w->bob.user.uuid, others.refresh)); /* the caller is not bob */
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, "nonsense"));
    assert_unauthenticated(w, find(w, &w->ada, first.refresh));
    assert_ok(w->op, find(w, &w->bob, others.refresh));
    assert_ok(w->op, find(w, &w->ada, second.refresh));
    assert_works(w, logins_end_refresh(w->op, w->logins, uuid, NULL));
    assert_unauthenticated(w, find(w, &w->ada, second.refresh));
    assert_unauthenticated(w, find(w, &w->ada, third.refresh));
    assert_ok(w->op, find(w, &w->bob, others.refresh));
}

static void a_user_who_is_gone_gets_nothing(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada);
    char *answer;
    struct user ada = { .organization_id = w->ada.user.organization_id, .id = w->ada.user.user_id };
    assert_done(w->f, change(w->f, USER_DELETED, &ada, NULL));
    assert_unauthenticated(w, find(w, &w->ada, tokens.refresh));
    assert_int_equal(try_text(w, &w->ada, text_of(w, URL, VERIFY, NOW_S + 60), &answer), ERR_NOT_FOUND);
    assert_string_equal(w->op->failure.field, "user");
}

static void what_costs_is_left_to_a_worker(void **state)
{
    struct world *w = *state;
    struct tokens tokens = jwt_log_in(w, &w->ada), none;
    char *answer;
    const char *message = challenge_of(w, &w->ada, text_of(w, URL, VERIFY, NOW_S + 60));
    w->op->may_block = false;
    assert_fails(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer), ERR_DEFERRED);
    assert_fails(w, find(w, &w->ada, tokens.refresh), ERR_DEFERRED);
    assert_fails(w, refresh(w, &w->ada, tokens.refresh, &none), ERR_DEFERRED);
    assert_fails(w, logins_end_refresh(w->op, w->logins, &w->ada.user.uuid, NULL), ERR_DEFERRED);
    w->op->may_block = true;
    assert_works(w, logins_jwt_login(w->op, w->logins, &w->ada.user, URL, message, strlen(message), &answer));
    assert_ok(w->op, find(w, &w->ada, tokens.refresh));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        logins_test(a_refresh_token_is_spent_for_new_tokens),
        logins_test(a_refresh_token_is_found_in_any_case),
        logins_test(a_refresh_token_is_of_one_user),
        logins_test(a_refresh_token_lives_thirty_days),
        logins_test(what_is_no_refresh_token_is_refused),
        logins_test(tokens_of_another_organization_than_that_of_the_setting_are_refused),
        logins_test(the_oldest_refresh_token_ends_when_there_are_too_many),
        logins_test(of_many_that_spend_it_at_once_one_succeeds),
        logins_test(one_refresh_token_or_all_of_a_user_are_ended),
        logins_test(a_user_who_is_gone_gets_nothing),
        logins_test(what_costs_is_left_to_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
