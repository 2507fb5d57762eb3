/* Lists: filters, order and pages against a plain walk over all groups. */
#include "directory_fixture.h"

#include "base/fold.h"
#include "dice.h"

#include <stdio.h>

enum { GROUPS_MAX = 6000, USERS = 12 };

/* All there is, in the order of numbers. */
struct model {
    struct {
        int64_t id;
        char name[48], folded[64];
        bool deleted, has[USERS]; /* user i is in it now */
    } groups[GROUPS_MAX];
    size_t count;
    int64_t users[USERS]; /* the first is an administrator */
};

static void fold_into(char out[64], const char *name)
{
    struct arena arena = ARENA_INIT;
    size_t size;
    snprintf(out, 64, "%s", fold_text(&arena, name, strlen(name), &size));
    arena_free(&arena);
}

static void make_name(struct dice *dice, char out[48])
{
    static const char *const words[] = {
        "Night", "SHIFT ", "stra\xC3\x9F", "STRASSE", "Admin", "\xC3\x89quipe", "b", "Team", "-"
    };
    out[0] = 0;
    for (uint32_t i = 0, count = 1 + roll(dice, 3); i < count; i++) strcat(out, words[roll(dice, COUNT_OF(words))]);
    if (roll(dice, 3)) snprintf(out + strlen(out), 8, "%u", roll(dice, 40));
}

static struct model *add_model(struct world *w, size_t group_count, uint32_t seed)
{
    struct dice dice = DICE(seed);
    struct model *model = calloc(1, sizeof *model);
    struct organization *organization = make_organization(w->f, "Free");
    organization->unique_group_names = false;
    commit_one(w, INSTALLATION, ORGANIZATION_CREATED, NULL, organization);
    refresh(w, INSTALLATION);
    w->organization_id = organization->id;
    for (int i = 0; i < USERS; i++) {
        struct user *user = make_user(w->f, "u");
        user->organization_id = w->organization_id;
        user->super_user = i == 0;
        commit_one(w, w->organization_id, USER_CREATED, NULL, user);
        model->users[i] = user->id;
    }
    struct change_list groups = { 0 }, rest = { 0 };
    struct group *made[GROUPS_MAX];
    model->count = group_count;
    if (!group_count) return refresh(w, w->organization_id), model;
    for (size_t i = 0; i < group_count; i++) {
        make_name(&dice, model->groups[i].name);
        fold_into(model->groups[i].folded, model->groups[i].name);
        made[i] = make_group(w->f, model->groups[i].name);
        made[i]->organization_id = w->organization_id;
        append(w->f, &groups, GROUP_CREATED, NULL, made[i]);
    }
    assert_done(w->f, commit_others(w, w->organization_id, &groups));
    int64_t now = w->f->op.now;
    for (size_t i = 0; i < group_count; i++) {
        model->groups[i].id = made[i]->id;
        for (int user = 0; user < USERS; user++) {
            if (roll(&dice, 1 + (uint32_t)user)) continue; /* the first is everywhere, the last nearly nowhere */
            struct membership *membership = make_membership(w->f, made[i]->id, model->users[user]);
            membership->organization_id = w->organization_id;
            uint32_t dated = roll(&dice, 10);
            if (dated == 1) membership->ends_at = now - 1000;
            if (dated == 2) membership->starts_at = now + INT64_C(3600000000);
            if (dated == 3) membership->ends_at = now + INT64_C(3600000000);
            model->groups[i].has[user] = dated != 1 && dated != 2;
            append(w->f, &rest, MEMBER_ADDED, NULL, membership);
        }
        if (roll(&dice, 8) == 0) {
            model->groups[i].deleted = true;
            append(w->f, &rest, GROUP_DELETED, made[i], NULL);
        }
    }
    assert_done(w->f, commit_others(w, w->organization_id, &rest));
    refresh(w, w->organization_id);
    return model;
}

static const struct model *sorted_model; /* for qsort's comparison */
static bool sorted_by_name, sorted_descending;

static int compare_positions(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    int order = sorted_by_name ? strcmp(sorted_model->groups[left].folded, sorted_model->groups[right].folded) : 0;
    if (!sorted_by_name) return sorted_descending == (left < right) ? 1 : -1;
    if (order) return sorted_descending ? -order : order;
    return left < right ? -1 : 1; /* ties of names by ascending number in both directions */
}

/* What the list must be: the positions of the groups, all of them in order. */
static size_t expect(const struct model *model, int caller, const struct group_query *query, int of_user, size_t *positions)
{
    char needle[64] = "";
    size_t count = 0;
    if (query->search) fold_into(needle, query->search);
    for (size_t i = 0; i < model->count; i++) {
        if (model->groups[i].deleted) continue;
        if (caller > 0 && !model->groups[i].has[caller]) continue;
        if (query->of_user && (of_user < 0 || !model->groups[i].has[of_user])) continue;
        if (needle[0] && !strstr(model->groups[i].folded, needle)) continue;
        positions[count++] = i;
    }
    sorted_model = model;
    sorted_by_name = query->order == GROUPS_BY_NAME;
    sorted_descending = query->descending;
    qsort(positions, count, sizeof *positions, compare_positions);
    return count;
}

/* `caller`: -1 a service key, else a user's place in the model. */
static void check_query(struct world *w, const struct model *model, int caller, struct group_query query, int of_user)
{
    static size_t positions[GROUPS_MAX];
    query.of_user = of_user != -2;
    query.user_id = of_user >= 0 ? model->users[of_user] : 999999;
    size_t total = expect(model, caller, &query, of_user, positions);
    size_t first = (uint64_t)query.offset < total ? (size_t)query.offset : total;
    size_t expected = total - first < (size_t)query.size ? total - first : (size_t)query.size;

    struct op *op = acting(w, caller < 0 ? 0 : model->users[caller]);
    AUTO_VIEW view;
    uint32_t *ordinals;
    size_t count;
    assert_ok(w, directory_view(op, false, &view));
    assert_ok(w, directory_list_groups(op, &view, &query, &ordinals, &count));
    bool same = count == expected;
    for (size_t i = 0; i < count && same; i++)
        same = view.image->groups[ordinals[i]].id == model->groups[positions[first + i]].id;
    if (!same)
        fail_msg("caller %d, search \"%s\", of user %d, order %d, descending %d, offset %lld, size %lld: %zu of %zu groups",
                 caller, query.search ? query.search : "", of_user, query.order, query.descending, (long long)query.offset,
                 (long long)query.size, count, expected);
}

static void check_random_queries(struct world *w, const struct model *model, int rounds, uint32_t seed)
{
    static const char *const searches[] = { NULL,    "",       "NIGHT",     "strasse",         "STRA\xC3\x9F",
                                            "a",     "admin1", "\xC3\xA9q", "e\xCC\x81q",      "-",
                                            "team-", "b2",     "ss",        "nothing like it", "shift b" };
    struct dice dice = DICE(seed);
    for (int i = 0; i < rounds; i++) {
        struct group_query query = { .search = searches[roll(&dice, COUNT_OF(searches))],
                                     .order = roll(&dice, 2) ? GROUPS_BY_NAME : GROUPS_BY_NUMBER,
                                     .descending = roll(&dice, 2),
                                     .offset = roll(&dice, 3) ? 0 : roll(&dice, (uint32_t)model->count),
                                     .size = 1 + roll(&dice, roll(&dice, 4) ? 100 : GROUPS_MAX) };
        int caller = (int)roll(&dice, USERS + 1) - 1;
        int of_user = roll(&dice, 2) ? -2 : (int)roll(&dice, USERS + 1) - 1;
        check_query(w, model, caller, query, of_user);
    }
}

static void lists_of_a_small_organization_are_right(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, 60, 1);
    check_random_queries(w, model, 3000, 2);
    free(model);
}

/* Large enough for the trigram index, and for walking instead of searching when many names match. */
static void lists_of_a_large_organization_are_right(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, GROUPS_MAX, 3);
    check_random_queries(w, model, 400, 4);
    free(model);
}

static void lists_of_an_empty_organization_are_empty(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, 0, 5);
    check_random_queries(w, model, 100, 6);
    free(model);
}

static void pages_put_together_are_the_whole_list(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, 300, 7);
    for (int variant = 0; variant < 4; variant++)
        for (int64_t offset = 0; offset < 310; offset += 7)
            check_query(w, model, -1,
                        (struct group_query){ .order = variant & 1 ? GROUPS_BY_NAME : GROUPS_BY_NUMBER,
                                              .descending = variant & 2,
                                              .offset = offset,
                                              .size = 7 },
                        -2);
    free(model);
}

static void huge_offsets_and_sizes_are_harmless(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, 50, 8);
    const int64_t numbers[] = { 1, 50, INT64_C(1) << 32, NUMBER_MAX };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        for (size_t j = 0; j < COUNT_OF(numbers); j++)
            for (int variant = 0; variant < 4; variant++)
                check_query(w, model, -1,
                            (struct group_query){ .search = variant & 2 ? "n" : NULL,
                                                  .order = variant & 1 ? GROUPS_BY_NAME : GROUPS_BY_NUMBER,
                                                  .descending = variant & 1,
                                                  .offset = numbers[i],
                                                  .size = numbers[j] },
                            -2);
    free(model);
}

static void many_groups_of_one_name_keep_their_order_in_both_directions(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, 0, 9);
    for (int i = 0; i < 40; i++) {
        snprintf(model->groups[i].name, 48, "%s", i % 3 == 0 ? "SAME" : i % 3 == 1 ? "same" : "other");
        fold_into(model->groups[i].folded, model->groups[i].name);
        model->groups[i].id = new_group(w, model->groups[i].name);
        model->count++;
    }
    for (int64_t offset = 0; offset < 40; offset++)
        for (int variant = 0; variant < 4; variant++)
            check_query(w, model, -1,
                        (struct group_query){ .search = variant & 2 ? "e" : NULL,
                                              .order = GROUPS_BY_NAME,
                                              .descending = variant & 1,
                                              .offset = offset,
                                              .size = 5 },
                        -2);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(lists_of_a_small_organization_are_right),
        world_test(lists_of_a_large_organization_are_right),
        world_test(lists_of_an_empty_organization_are_empty),
        world_test(pages_put_together_are_the_whole_list),
        world_test(huge_offsets_and_sizes_are_harmless),
        world_test(many_groups_of_one_name_keep_their_order_in_both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
