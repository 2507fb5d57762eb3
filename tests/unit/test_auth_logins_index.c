/* The index of secrets that were accepted: what is found, for how long, and while others change it. */
#include "unit.h"

#include "auth/logins_index.h"

#include <pthread.h>
#include <stdatomic.h>

static struct logins_entry entry_of(int number, int64_t expires_at)
{
    return (struct logins_entry){ .hash = digest_of(&number, sizeof number),
                                  .organization_id = 1 + number % 3,
                                  .user_id = number,
                                  .user_uuid = { { (uint8_t)number } },
                                  .expires_at = expires_at };
}

static bool has_for(struct logins_index *index, int number, int64_t now, int64_t extension)
{
    struct logins_entry expected = entry_of(number, 0), found;
    if (!logins_index_find(index, &expected.hash, now, extension, &found)) return false;
    assert_int_equal(found.user_id, number);
    assert_int_equal(found.organization_id, expected.organization_id);
    assert_true(uuid_equal(&found.user_uuid, &expected.user_uuid));
    assert_true(found.expires_at > now);
    return true;
}

static bool has(struct logins_index *index, int number, int64_t now)
{
    return has_for(index, number, now, 0);
}

static struct logins_index *filled(int count, int64_t expires_at)
{
    struct logins_index *index = logins_index_new(100000);
    for (int i = 0; i < count; i++) {
        struct logins_entry entry = entry_of(i, expires_at);
        logins_index_put(index, &entry);
    }
    return index;
}

static void what_is_put_is_found_until_it_expires(void **state)
{
    (void)state;
    struct logins_index *index = filled(1000, 100);
    for (int i = 0; i < 1000; i++) assert_true(has(index, i, 99));
    for (int i = 0; i < 1000; i++) assert_false(has(index, i, 100));
    assert_false(has(index, 1000, 0));
    assert_int_equal(logins_index_count(index), 1000);
    logins_index_free(index);
    logins_index_free(NULL);
}

static void what_is_put_twice_lives_until_the_later_end(void **state)
{
    (void)state;
    struct logins_index *index = filled(3, 100);
    struct arena arena = ARENA_INIT;
    struct session_extension *items;
    struct logins_entry again = entry_of(1, 500), earlier = entry_of(1, 200);
    logins_index_put(index, &again);
    logins_index_put(index, &earlier);
    assert_int_equal(logins_index_count(index), 3);
    assert_true(has(index, 1, 499));
    assert_false(has(index, 1, 500));
    assert_false(has(index, 0, 100));
    assert_int_equal(logins_index_extended(index, &arena, &items), 0); /* the store has it so already */
    arena_free(&arena);
    logins_index_free(index);
}

static void what_is_removed_is_gone_and_the_others_stay(void **state)
{
    (void)state;
    struct logins_index *index = filled(1000, 100);
    struct digest unknown = entry_of(1000, 0).hash;
    logins_index_remove(index, &unknown);
    assert_int_equal(logins_index_count(index), 1000);
    for (int i = 0; i < 1000; i += 2) {
        struct digest hash = entry_of(i, 0).hash;
        logins_index_remove(index, &hash);
        logins_index_remove(index, &hash);
    }
    assert_int_equal(logins_index_count(index), 500);
    for (int i = 0; i < 1000; i++) assert_int_equal(has(index, i, 0), i % 2);
    logins_index_free(index);
}

static void a_full_index_takes_no_more(void **state)
{
    (void)state;
    struct logins_index *index = logins_index_new(2);
    for (int i = 0; i < 3; i++) {
        struct logins_entry entry = entry_of(i, 100);
        logins_index_put(index, &entry);
    }
    assert_true(has(index, 0, 0) && has(index, 1, 0));
    assert_false(has(index, 2, 0));
    logins_index_free(index);
}

static void what_expired_is_dropped(void **state)
{
    (void)state;
    struct logins_index *index = filled(2000, 100); /* more than are removed at once */
    struct logins_entry living = entry_of(5000, 101);
    struct arena arena = ARENA_INIT;
    logins_index_put(index, &living);
    logins_index_drop_expired(index, &arena, 99);
    assert_int_equal(logins_index_count(index), 2001);
    logins_index_drop_expired(index, &arena, 100);
    assert_int_equal(logins_index_count(index), 1);
    assert_true(has(index, 5000, 100));
    arena_free(&arena);
    logins_index_free(index);
}

static void an_organization_is_dropped_whole(void **state)
{
    (void)state;
    struct logins_index *index = filled(300, 100);
    logins_index_drop_organization(index, 2);
    assert_int_equal(logins_index_count(index), 200);
    for (int i = 0; i < 300; i++) assert_int_equal(has(index, i, 0), i % 3 != 1);
    logins_index_free(index);
}

static void those_of_an_organization_or_of_some_users_are_listed(void **state)
{
    (void)state;
    struct logins_index *index = filled(300, 100);
    struct arena arena = ARENA_INIT;
    struct digest *hashes;
    const int64_t users[] = { -7, 2, 4, 7, 8, 298, 5000 }; /* of organization 2: 4, 7, 298 */
    assert_int_equal(logins_index_list(index, &arena, 2, NULL, 0, &hashes), 100);
    assert_int_equal(logins_index_list(index, &arena, 4, NULL, 0, &hashes), 0);
    assert_int_equal(logins_index_list(index, &arena, 2, users, COUNT_OF(users), &hashes), 3);
    for (int i = 0; i < 3; i++) {
        struct digest expected = entry_of((int[]){ 4, 7, 298 }[i], 0).hash;
        assert_true(digest_equal(&hashes[i], &expected));
    }
    assert_int_equal(logins_index_list(index, &arena, 2, users, 0, &hashes), 0);
    assert_true(logins_index_has(index, 3));
    assert_false(logins_index_has(index, 4));
    arena_free(&arena);
    logins_index_free(index);
}

static void what_was_extended_is_told_until_it_was_saved(void **state)
{
    (void)state;
    enum { SECOND = 1000000 };
    struct logins_index *index = filled(3, 100 * SECOND);
    struct arena arena = ARENA_INIT;
    struct session_extension *items;
    assert_true(has_for(index, 1, 50 * SECOND, 50 * SECOND)); /* no longer than it lives already */
    assert_true(has_for(index, 1, 51 * SECOND, 50 * SECOND)); /* nor by a second */
    assert_int_equal(logins_index_extended(index, &arena, &items), 0);
    assert_true(has_for(index, 1, 60 * SECOND, 50 * SECOND));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(logins_index_extended(index, &arena, &items), 1);
        assert_int_equal(items[0].expires_at, 110 * SECOND);
        struct digest expected = entry_of(1, 0).hash;
        assert_true(digest_equal(&items[0].hash, &expected));
    }
    assert_true(has_for(index, 1, 70 * SECOND, 50 * SECOND)); /* between being told and being saved */
    logins_index_saved(index, items, 1);
    assert_int_equal(logins_index_extended(index, &arena, &items), 1);
    assert_int_equal(items[0].expires_at, 120 * SECOND);
    logins_index_saved(index, items, 1);
    assert_int_equal(logins_index_extended(index, &arena, &items), 0);
    assert_true(has(index, 1, 120 * SECOND - 1));
    assert_false(has(index, 0, 100 * SECOND));
    arena_free(&arena);
    logins_index_free(index);
}

struct crowd {
    struct logins_index *index;
    atomic_bool stop;
    atomic_int wrong;
};
enum { STAYING = 200, COMING = 400 };

/* Those who stay are found at every moment, whatever comes and goes beside them. */
static void *look(void *context)
{
    struct crowd *crowd = context;
    for (int64_t now = 1; !crowd->stop; now += 1000) {
        struct logins_entry found;
        for (int i = 0; i < STAYING; i++) {
            struct digest hash = entry_of(i, 0).hash;
            if (!logins_index_find(crowd->index, &hash, now, INT64_C(1) << 50, &found) || found.user_id != i) crowd->wrong++;
        }
    }
    return NULL;
}

static void *keep_house(void *context)
{
    struct crowd *crowd = context;
    while (!crowd->stop) {
        struct arena arena = ARENA_INIT;
        struct session_extension *items;
        size_t count = logins_index_extended(crowd->index, &arena, &items);
        logins_index_saved(crowd->index, items, count);
        logins_index_drop_expired(crowd->index, &arena, 0);
        arena_free(&arena);
    }
    return NULL;
}

static void who_looks_is_not_disturbed_by_who_comes_and_goes(void **state)
{
    (void)state;
    struct crowd crowd = { .index = filled(STAYING, INT64_C(1) << 50) };
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, i ? look : keep_house, &crowd), 0);
    for (int round = 0; round < 20; round++) {
        for (int i = STAYING; i < STAYING + COMING; i++) {
            struct logins_entry entry = entry_of(i, i % 5 ? INT64_C(1) << 50 : -1);
            logins_index_put(crowd.index, &entry);
        }
        for (int i = STAYING; i < STAYING + COMING; i++) {
            struct digest hash = entry_of(i, 0).hash;
            logins_index_remove(crowd.index, &hash);
        }
    }
    crowd.stop = true;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_int_equal(crowd.wrong, 0);
    assert_int_equal(logins_index_count(crowd.index), STAYING);
    logins_index_free(crowd.index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_it_expires),
        cmocka_unit_test(what_is_put_twice_lives_until_the_later_end),
        cmocka_unit_test(what_is_removed_is_gone_and_the_others_stay),
        cmocka_unit_test(a_full_index_takes_no_more),
        cmocka_unit_test(what_expired_is_dropped),
        cmocka_unit_test(an_organization_is_dropped_whole),
        cmocka_unit_test(those_of_an_organization_or_of_some_users_are_listed),
        cmocka_unit_test(what_was_extended_is_told_until_it_was_saved),
        cmocka_unit_test(who_looks_is_not_disturbed_by_who_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
