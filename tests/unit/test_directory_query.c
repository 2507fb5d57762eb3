/* Lists: filters, order and pages against a plain walk over all groups; one group and one membership by UUID. */
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
        bool deleted, has[USERS], managed_by[USERS]; /* user i is in it now, manages it now */
    } groups[GROUPS_MAX];
    size_t count;
    int64_t users[USERS]; /* the first is an administrator */
    struct uuid uuids[USERS];
};

/* Users that a list is asked for: places in the model. */
enum { NOBODY = -1, NIL = -2, PEOPLE_MAX = 4 };
struct people_asked {
    int at[PEOPLE_MAX];
    size_t count;
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
        model->uuids[i] = user->uuid;
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
            membership->manager = roll(&dice, 2);
            uint32_t dated = roll(&dice, 10);
            if (dated == 1) membership->ends_at = now - 1000;
            if (dated == 2) membership->starts_at = now + INT64_C(3600000000);
            if (dated == 3) membership->ends_at = now + INT64_C(3600000000);
            model->groups[i].has[user] = dated != 1 && dated != 2;
            model->groups[i].managed_by[user] = model->groups[i].has[user] && membership->manager;
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

static bool has_all(const bool *has, const struct people_asked *people)
{
    for (size_t i = 0; i < people->count; i++)
        if (people->at[i] < 0 || !has[people->at[i]]) return false;
    return true;
}

/* What the list must be: the positions of the groups, all of them in order. */
static size_t expect(const struct model *model, int caller, const struct group_query *query, int of_user,
                     const struct people_asked *members, const struct people_asked *managers, size_t *positions)
{
    char needle[64] = "";
    size_t count = 0;
    if (query->search) fold_into(needle, query->search);
    for (size_t i = 0; i < model->count; i++) {
        if (model->groups[i].deleted) continue;
        if (caller > 0 && !query->whole_organization && !model->groups[i].has[caller]) continue;
        if (!has_all(model->groups[i].has, members) || !has_all(model->groups[i].managed_by, managers)) continue;
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

static const struct uuid *uuids_of(const struct model *model, const struct people_asked *people, struct uuid *uuids)
{
    for (size_t i = 0; i < people->count; i++)
        uuids[i] = people->at[i] >= 0        ? model->uuids[people->at[i]]
                   : people->at[i] == NOBODY ? uuid_random()
                                             : (struct uuid){ 0 };
    return uuids;
}

/* `caller`: -1 a service key, else a user's place in the model. */
static void check_people_query(struct world *w, const struct model *model, int caller, struct group_query query, int of_user,
                               const struct people_asked *members, const struct people_asked *managers)
{
    static size_t positions[GROUPS_MAX];
    struct uuid member_uuids[PEOPLE_MAX], manager_uuids[PEOPLE_MAX];
    query.members = uuids_of(model, members, member_uuids);
    query.managers = uuids_of(model, managers, manager_uuids);
    query.member_count = members->count;
    query.manager_count = managers->count;
    query.of_user = of_user != -2;
    query.user_id = of_user >= 0 ? model->users[of_user] : 999999;
    size_t total = expect(model, caller, &query, of_user, members, managers, positions);
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
        fail_msg("caller %d, search \"%s\", of user %d, order %d, descending %d, offset %lld, size %lld, whole %d, members %zu, "
                 "managers %zu: %zu of %zu groups",
                 caller, query.search ? query.search : "", of_user, query.order, query.descending, (long long)query.offset,
                 (long long)query.size, query.whole_organization, members->count, managers->count, count, expected);
}

static void check_query(struct world *w, const struct model *model, int caller, struct group_query query, int of_user)
{
    static const struct people_asked nobody = { .count = 0 };
    check_people_query(w, model, caller, query, of_user, &nobody, &nobody);
}

/* Mostly one that is in many groups, now and then somebody twice or nobody at all. */
static struct people_asked random_people(struct dice *dice)
{
    struct people_asked people = { .count = roll(dice, PEOPLE_MAX) };
    for (size_t i = 0; i < people.count; i++)
        people.at[i] = roll(dice, 20) ? (int)roll(dice, 1 + roll(dice, USERS)) : roll(dice, 2) ? NOBODY : NIL;
    return people;
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

static void check_random_people(struct world *w, const struct model *model, int rounds, uint32_t seed)
{
    struct dice dice = DICE(seed);
    for (int i = 0; i < rounds; i++) {
        struct group_query query = { .search = roll(&dice, 3) ? NULL : "night",
                                     .whole_organization = roll(&dice, 2),
                                     .order = roll(&dice, 3) ? GROUPS_BY_NUMBER : GROUPS_BY_NAME,
                                     .descending = roll(&dice, 2),
                                     .offset = roll(&dice, 3) ? 0 : roll(&dice, 20),
                                     .size = 1 + roll(&dice, GROUPS_MAX) };
        const struct people_asked members = random_people(&dice), managers = random_people(&dice);
        int caller = (int)roll(&dice, USERS + 1) - 1;
        int of_user = roll(&dice, 4) ? -2 : (int)roll(&dice, USERS + 1) - 1;
        check_people_query(w, model, caller, query, of_user, &members, &managers);
    }
}

static void groups_of_several_members_and_managers_are_those_of_all_of_them(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, 400, 10);
    check_random_people(w, model, 4000, 11);
    free(model);
}

/* An API where everybody sees all. */
static void all_living_groups_are_listed_for_whoever_asks_if_so_wanted(void **state)
{
    struct world *w = *state;
    struct model *model = add_model(w, 60, 12);
    for (int caller = -1; caller < USERS; caller++)
        for (int variant = 0; variant < 4; variant++)
            check_query(w, model, caller,
                        (struct group_query){ .search = variant & 2 ? "n" : NULL,
                                              .whole_organization = true,
                                              .order = variant & 1 ? GROUPS_BY_NAME : GROUPS_BY_NUMBER,
                                              .size = 100 },
                        -2);
    free(model);
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

/* --- one group, one membership --- */

static void every_living_group_is_found_by_its_uuid_if_so_wanted(void **state)
{
    struct world *w = *state;
    const int64_t stranger = other_adds_user(w, "stranger")->id;
    const struct group *living = other_adds_group(w, "Living"), *deleted = other_adds_group(w, "Deleted");
    commit_one(w, w->organization_id, GROUP_DELETED, deleted, NULL);
    refresh(w, w->organization_id);
    struct op *op = acting(w, stranger);
    AUTO_VIEW view;
    uint32_t group = 0;
    assert_ok(w, directory_view(op, false, &view));
    assert_ok(w, directory_find_any_group_by_uuid(op, &view, &living->uuid, &group));
    assert_int_equal(view.image->groups[group].id, living->id);
    assert_refused(w, directory_find_group_by_uuid(op, &view, &living->uuid, &group), ERR_NOT_FOUND, "group");
    const struct uuid unknown[] = { deleted->uuid, uuid_random(), { { 0 } } };
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        failure_clear(&op->failure);
        assert_refused(w, directory_find_any_group_by_uuid(op, &view, &unknown[i], &group), ERR_NOT_FOUND, "group");
    }
}

static bool asks_as_manager(struct world *w, int64_t user_id, int64_t group_id)
{
    AUTO_VIEW view;
    struct op *op = acting(w, user_id);
    assert_ok(w, directory_view(op, false, &view));
    return directory_is_manager(op, &view, image_find_group(view.image, group_id));
}

static void who_manages_a_group_now_is_told(void **state)
{
    struct world *w = *state;
    const int64_t group_id = other_adds_group(w, "Group")->id, now = w->f->op.now, hour = INT64_C(3600000000);
    const struct {
        bool member, manager;
        int64_t starts_at, ends_at;
        bool expected;
    } rows[] = {
        { true, true, 0, 0, true },          { true, false, 0, 0, false },          { false, false, 0, 0, false },
        { true, true, now - hour, 0, true }, { true, true, now + hour, 0, false },  { true, true, 0, now - 1, false },
        { true, true, 0, now + hour, true }, { true, false, 0, now + hour, false },
    };
    int64_t ids[COUNT_OF(rows)];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ids[i] = other_adds_user(w, "u")->id;
        if (!rows[i].member) continue;
        struct membership *membership = make_membership(w->f, group_id, ids[i]);
        membership->organization_id = w->organization_id;
        membership->manager = rows[i].manager;
        membership->starts_at = rows[i].starts_at;
        membership->ends_at = rows[i].ends_at;
        commit_one(w, w->organization_id, MEMBER_ADDED, NULL, membership);
    }
    refresh(w, w->organization_id);
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_int_equal(asks_as_manager(w, ids[i], group_id), rows[i].expected);
    assert_false(asks_as_manager(w, 0, group_id)); /* a service key is no user */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(lists_of_a_small_organization_are_right),
        world_test(lists_of_a_large_organization_are_right),
        world_test(lists_of_an_empty_organization_are_empty),
        world_test(pages_put_together_are_the_whole_list),
        world_test(huge_offsets_and_sizes_are_harmless),
        world_test(groups_of_several_members_and_managers_are_those_of_all_of_them),
        world_test(all_living_groups_are_listed_for_whoever_asks_if_so_wanted),
        world_test(every_living_group_is_found_by_its_uuid_if_so_wanted),
        world_test(who_manages_a_group_now_is_told),
        world_test(many_groups_of_one_name_keep_their_order_in_both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
