/* Sessions of one process: until when they live, who ends them, and what is kept of them. */
#include "logins_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
