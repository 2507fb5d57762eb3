/* Group names of an image: found by name and by part, in order; against a plain array and strstr. */
#include "unit.h"

#include "base/arena.h"
#include "dice.h"
#include "directory/names.h"
#include "directory/trigrams.h"

#include <stdio.h>
#include <stdlib.h>

enum { GROUPS_MAX = 12000, NAME_SIZE = 32 };

/* What the names must be: index is the ordinal, "" no living group. */
struct naive {
    char of[GROUPS_MAX][NAME_SIZE];
    uint32_t count; /* ordinals given */
};

static struct naive *new_naive(void)
{
    return calloc(1, sizeof(struct naive));
}

/* A few words behind one another: many names share parts, some are equal. */
static void make_name(struct dice *dice, char out[NAME_SIZE])
{
    static const char *const words[] = { "ad",    "min", "front", "b",    "stra\xC3\x9F", "night",
                                         "shift", "-",   "x",     "team", "tea",          "aaa" };
    out[0] = 0;
    uint32_t count = 1 + roll(dice, 4);
    for (uint32_t i = 0; i < count; i++) {
        const char *word = words[roll(dice, COUNT_OF(words))];
        if (strlen(out) + strlen(word) + 5 < NAME_SIZE) strcat(out, word);
    }
    if (roll(dice, 2)) snprintf(out + strlen(out), 5, "%u", roll(dice, 1000));
}

static void add(struct names *names, struct naive *naive, uint32_t ordinal, const char *name)
{
    names_add(names, ordinal, name, strlen(name));
    snprintf(naive->of[ordinal], NAME_SIZE, "%s", name);
    if (ordinal >= naive->count) naive->count = ordinal + 1;
}

static void take(struct names *names, struct naive *naive, uint32_t ordinal)
{
    names_remove(names, ordinal);
    naive->of[ordinal][0] = 0;
}

static void load(struct names *names, struct naive *naive, struct dice *dice, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        make_name(dice, naive->of[i]);
        names_load(names, i, naive->of[i], strlen(naive->of[i]));
    }
    naive->count = count;
    names_load_done(names);
}

static void assert_finds(const struct names *names, const struct naive *naive, const char *needle)
{
    struct arena arena = ARENA_INIT;
    uint32_t *found = NULL;
    size_t count = 0, at = 0;
    names_search(names, &arena, needle, strlen(needle), &found, &count);
    uint32_t estimate = names_estimate(names, needle, strlen(needle));
    for (uint32_t i = 0; i < naive->count; i++) {
        if (!naive->of[i][0]) continue;
        bool has = strstr(naive->of[i], needle) != NULL;
        assert_int_equal(names_contain(names, i, needle), has);
        if (!has) continue;
        if (at == count || found[at] != i) fail_msg("\"%s\" does not find group %u, \"%s\"", needle, i, naive->of[i]);
        at++;
    }
    assert_int_equal(at, count);
    assert_true(estimate >= count);
    arena_free(&arena);
}

static void assert_all_finds(const struct names *names, const struct naive *naive)
{
    static const char *const needles[] = { "a",    "ad",         "adm",          "admin",    "team",         "teamtea",
                                           "-",    "1",          "12",           "123",      "aaa",          "aaaa",
                                           "aaab", "nightshift", "stra\xC3\x9F", "\xC3\x9F", "none of them", "frontb",
                                           "x999" };
    for (size_t i = 0; i < COUNT_OF(needles); i++) assert_finds(names, naive, needles[i]);
}

/* Every living group once, ordered by name, then by ordinal. */
static void assert_ordered(const struct names *names, const struct naive *naive)
{
    uint32_t living = 0;
    for (uint32_t i = 0; i < naive->count; i++) {
        if (!naive->of[i][0]) continue;
        living++;
        assert_string_equal(names_get(names, i), naive->of[i]);
    }
    assert_int_equal(names->by_name_count, living);
    for (uint32_t i = 1; i < living; i++) {
        uint32_t before = names->by_name[i - 1], here = names->by_name[i];
        int order = strcmp(naive->of[before], naive->of[here]);
        assert_true(order < 0 || (order == 0 && before < here));
        assert_true(names_compare(names, before, here) < 0 && names_compare(names, here, before) > 0);
    }
}

/* names_find gives the smallest ordinal of a name. */
static void assert_found_by_name(const struct names *names, const struct naive *naive, const char *name)
{
    uint32_t expected = NAMES_REMOVED;
    if (!name[0]) return;
    for (uint32_t i = 0; i < naive->count && expected == NAMES_REMOVED; i++)
        if (strcmp(naive->of[i], name) == 0) expected = i;
    assert_int_equal(names_find(names, name), expected);
}

static void an_empty_image_has_no_names(void **state)
{
    (void)state;
    struct names names = { 0 };
    struct naive *naive = new_naive();
    names_load_done(&names);
    assert_all_finds(&names, naive);
    assert_int_equal(names_find(&names, "a"), NAMES_REMOVED);
    names_free(&names);
    free(naive);
}

static void groups_are_ordered_by_name_then_by_number(void **state)
{
    (void)state;
    struct names names = { 0 };
    struct naive *naive = new_naive();
    static const char *const given[] = { "night", "b", "night", "admin", "a", "night" };
    for (uint32_t i = 0; i < COUNT_OF(given); i++) add(&names, naive, i, given[i]);
    static const uint32_t expected[] = { 4, 3, 1, 0, 2, 5 };
    assert_memory_equal(names.by_name, expected, sizeof expected);
    assert_int_equal(names_find(&names, "night"), 0);
    take(&names, naive, 0);
    assert_int_equal(names_find(&names, "night"), 2);
    assert_int_equal(names_compare(&names, 2, 2), 0);
    names_free(&names);
    free(naive);
}

static void loaded_names_are_found_and_ordered(void **state)
{
    (void)state;
    const uint32_t counts[] = { 1, 50, TRIGRAMS_SMALLEST - 1, TRIGRAMS_SMALLEST, 9000 };
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct dice dice = DICE(i);
        struct names names = { 0 };
        struct naive *naive = new_naive();
        load(&names, naive, &dice, counts[i]);
        assert_int_equal(names.trigrams != NULL, counts[i] >= TRIGRAMS_SMALLEST);
        assert_ordered(&names, naive);
        assert_all_finds(&names, naive);
        for (int n = 0; n < 200; n++) assert_found_by_name(&names, naive, naive->of[roll(&dice, naive->count)]);
        names_free(&names);
        free(naive);
    }
}

/* Renaming is removing and adding; ordinals are added behind the last and in between (a restored group). */
static void random_changes_agree_with_a_plain_array(void **state)
{
    (void)state;
    const uint32_t begin_with[] = { 0, 300, 6000 };
    for (uint32_t seed = 0; seed < COUNT_OF(begin_with); seed++) {
        struct dice dice = DICE(40 + seed);
        struct names names = { 0 };
        struct naive *naive = new_naive();
        load(&names, naive, &dice, begin_with[seed]);
        for (int step = 0; step < 9000; step++) {
            char name[NAME_SIZE];
            make_name(&dice, name);
            uint32_t ordinal = roll(&dice, naive->count + 1);
            if (ordinal == GROUPS_MAX) continue;
            if (ordinal < naive->count && naive->of[ordinal][0]) {
                take(&names, naive, ordinal);
                if (roll(&dice, 3) == 0) continue;
            }
            add(&names, naive, ordinal, name);
            if (step % 1500 == 1499) {
                assert_ordered(&names, naive);
                assert_all_finds(&names, naive);
                for (int n = 0; n < 50; n++) assert_found_by_name(&names, naive, naive->of[roll(&dice, naive->count)]);
            }
        }
        names_free(&names);
        free(naive);
    }
}

static void removed_names_are_swept_out(void **state)
{
    (void)state;
    struct names names = { 0 };
    struct naive *naive = new_naive();
    for (uint32_t i = 0; i < 10; i++) add(&names, naive, i, "a group");
    for (int step = 0; step < 50000; step++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "renamed %d", step);
        take(&names, naive, 3);
        add(&names, naive, 3, name);
    }
    assert_true(names_bytes(&names) < 16384);
    assert_ordered(&names, naive);
    assert_finds(&names, naive, "group");
    assert_finds(&names, naive, "renamed 49999");
    assert_finds(&names, naive, "renamed 49998");
    names_free(&names);
    free(naive);
}

static void an_image_may_lose_all_its_groups(void **state)
{
    (void)state;
    struct dice dice = DICE(8);
    struct names names = { 0 };
    struct naive *naive = new_naive();
    load(&names, naive, &dice, 5000);
    for (uint32_t i = 0; i < 5000; i++) take(&names, naive, (i * 1237) % 5000);
    assert_ordered(&names, naive);
    assert_all_finds(&names, naive);
    add(&names, naive, 77, "again");
    assert_finds(&names, naive, "gai");
    names_free(&names);
    free(naive);
}

/* The index alone: whatever contains the needle is among the candidates, as far as the index reaches. */
static void trigram_candidates_never_miss(void **state)
{
    (void)state;
    struct dice dice = DICE(77);
    struct names names = { 0 };
    struct naive *naive = new_naive();
    load(&names, naive, &dice, 7000);
    for (int n = 0; n < 300; n++) {
        const char *from = naive->of[roll(&dice, 7000)];
        size_t length = strlen(from);
        if (length < 3) continue;
        char needle[NAME_SIZE];
        size_t start = roll(&dice, (uint32_t)length - 2), size = 3 + roll(&dice, (uint32_t)(length - start) - 2);
        memcpy(needle, from + start, size);
        needle[size] = 0;
        const uint32_t *entries;
        uint32_t count, indexed, at = 0;
        assert_true(trigrams_candidates(names.trigrams, needle, size, &entries, &count, &indexed));
        assert_int_equal(indexed, 7000);
        for (uint32_t i = 0; i < 7000; i++) { /* nothing was changed: entry i is ordinal i */
            if (!strstr(naive->of[i], needle)) continue;
            while (at < count && entries[at] < i) at++;
            assert_true(at < count && entries[at] == i);
        }
    }
    names_free(&names);
    free(naive);
}

static void a_short_needle_has_no_trigram(void **state)
{
    (void)state;
    struct dice dice = DICE(1);
    struct names names = { 0 };
    struct naive *naive = new_naive();
    const uint32_t *entries;
    uint32_t count, indexed;
    load(&names, naive, &dice, 5000);
    assert_false(trigrams_candidates(names.trigrams, "ad", 2, &entries, &count, &indexed));
    assert_false(trigrams_candidates(NULL, "admin", 5, &entries, &count, &indexed));
    assert_int_equal(trigrams_bytes(NULL), 0);
    names_free(&names);
    free(naive);
}

static void the_index_is_built_again_when_many_names_are_new(void **state)
{
    (void)state;
    struct dice dice = DICE(6);
    struct names names = { 0 };
    struct naive *naive = new_naive();
    load(&names, naive, &dice, 5000);
    for (uint32_t i = 5000; i < 5000 + 2 * TRIGRAMS_PENDING + 10; i++) {
        char name[NAME_SIZE];
        make_name(&dice, name);
        add(&names, naive, i, name);
    }
    const uint32_t *entries;
    uint32_t count, indexed;
    assert_true(trigrams_candidates(names.trigrams, "adm", 3, &entries, &count, &indexed));
    assert_true(names.count - indexed < TRIGRAMS_PENDING);
    assert_all_finds(&names, naive);
    names_free(&names);
    free(naive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_image_has_no_names),
        cmocka_unit_test(groups_are_ordered_by_name_then_by_number),
        cmocka_unit_test(loaded_names_are_found_and_ordered),
        cmocka_unit_test(random_changes_agree_with_a_plain_array),
        cmocka_unit_test(removed_names_are_swept_out),
        cmocka_unit_test(an_image_may_lose_all_its_groups),
        cmocka_unit_test(trigram_candidates_never_miss),
        cmocka_unit_test(a_short_needle_has_no_trigram),
        cmocka_unit_test(the_index_is_built_again_when_many_names_are_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
