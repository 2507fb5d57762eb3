/* Names of groups in an import: each taken once, as the lines before left them. */
#include "import_fixture.h"

#include "store/engine.h"

static void a_name_that_is_taken_is_refused(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_bad(import_lines(w, "{'type':'group','organizationId':@,'id':300,'name':'PARENTS'}\n", false, false), 1, "name");
    assert_bad(import_lines(w,
                            "{'type':'group','organizationId':@,'id':300,'name':'New'}\n"
                            "{'type':'group','organizationId':@,'id':301,'name':'NEW'}\n",
                            false, false),
               2, "name");
    assert_null(group_name(w, 300));
}

static void a_name_given_up_in_a_file_is_free(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'group','organizationId':@,'id':200,'name':'Elders'}\n"
              "{'type':'group','organizationId':@,'id':300,'name':'parents'}\n"
              "{'type':'group','organizationId':@,'id':201,'delete':true}\n"
              "{'type':'group','organizationId':@,'id':301,'name':'children'}\n");
    assert_string_equal(group_name(w, 300), "parents");
    assert_string_equal(group_name(w, 301), "children");
    assert_sound(w);
}

static void groups_can_swap_their_names_through_a_third(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'group','organizationId':@,'id':200,'name':'Between'}\n"
              "{'type':'group','organizationId':@,'id':201,'name':'Parents'}\n"
              "{'type':'group','organizationId':@,'id':200,'name':'Children'}\n");
    assert_string_equal(group_name(w, 200), "Children");
    assert_string_equal(group_name(w, 201), "Parents");
    assert_sound(w);
    /* and both names are known to be taken within the same file */
    assert_bad(import_lines(w,
                            "{'type':'group','organizationId':@,'id':200,'name':'Between'}\n"
                            "{'type':'group','organizationId':@,'id':201,'name':'Children'}\n"
                            "{'type':'group','organizationId':@,'id':200,'name':'Parents'}\n"
                            "{'type':'group','organizationId':@,'id':300,'name':'Children'}\n",
                            false, false),
               4, "name");
    assert_string_equal(group_name(w, 200), "Children"); /* and nothing of that file was kept */
}

/* A line may only rely on lines before it: names are swapped through a third one, as above. */
static void a_name_that_only_a_later_line_gives_up_is_refused(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_bad(import_lines(w,
                            "{'type':'group','organizationId':@,'id':200,'name':'Children'}\n"
                            "{'type':'group','organizationId':@,'id':201,'name':'Parents'}\n",
                            false, false),
               1, "name");
    assert_string_equal(group_name(w, 200), "Parents");
}

static void names_may_repeat_where_the_organization_wants_it(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
              "{'type':'group','organizationId':@,'id':300,'name':'Same'}\n"
              "{'type':'group','organizationId':@,'id':301,'name':'Same'}\n");
    assert_string_equal(group_name(w, 301), "Same");
    assert_sound(w);
}

static void names_cannot_become_unique_while_two_groups_share_one(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
              "{'type':'group','organizationId':@,'id':300,'name':'Same'}\n"
              "{'type':'group','organizationId':@,'id':301,'name':'Same'}\n");
    assert_bad(import_lines(w, "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n", false, false), 1,
               "uniqueGroupNames");
}

/* What the lines before it did to the groups counts, wherever they are kept at that time: in a file with a mistake nothing of it
 * is kept, with keep_going only that line is refused. The organization is there, or the file makes it. */
static void names_cannot_become_unique_behind_lines_that_make_two_the_same(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *before, *lines; /* NULL: nothing; the last line is bad */
        int64_t bad;
    } files[] = {
        { "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n",
          "{'type':'group','organizationId':@,'id':@00,'name':'Same'}\n"
          "{'type':'group','organizationId':@,'id':@01,'name':'SAME'}\n"
          "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n",
          3 },
        { NULL,
          "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
          "{'type':'group','organizationId':@,'id':@00,'name':'Same'}\n"
          "{'type':'group','organizationId':@,'id':@01,'name':'SAME'}\n"
          "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n",
          4 },
        { "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
          "{'type':'group','organizationId':@,'id':@00,'name':'Same'}\n"
          "{'type':'group','organizationId':@,'id':@01,'name':'Other'}\n",
          "{'type':'group','organizationId':@,'id':@01,'name':'SAME'}\n"
          "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n",
          2 },
        { "{'type':'organization','id':@,'name':'Strict'}\n",
          "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
          "{'type':'group','organizationId':@,'id':@00,'name':'Same'}\n"
          "{'type':'group','organizationId':@,'id':@01,'name':'SAME'}\n"
          "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n",
          4 },
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        w->organization_id = 50 + (int64_t)i;
        if (files[i].before) import(w, files[i].before);
        int64_t version = version_of(w, INSTALLATION);
        assert_bad(import_lines(w, files[i].lines, false, false), files[i].bad, "uniqueGroupNames");
        assert_int_equal(version_of(w, INSTALLATION), version);
        struct outcome outcome = import_lines(w, files[i].lines, false, true);
        assert_bad(outcome, files[i].bad, "uniqueGroupNames");
        assert_int_equal(outcome.counts.bad, 1);
        assert_false(get_stored(w, NOUN_ORGANIZATION, w->organization_id, 0).organization->unique_group_names);
        assert_string_equal(group_name(w, w->organization_id * 100 + 1), "SAME");
    }
}

static void names_become_unique_behind_lines_that_make_them_differ(void **state)
{
    struct world *w = *state;
    for (w->organization_id = 50; w->organization_id < 52; w->organization_id++) {
        const char *before = "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
                             "{'type':'group','organizationId':@,'id':@00,'name':'A'}\n"
                             "{'type':'group','organizationId':@,'id':@01,'name':'a'}\n"
                             "{'type':'group','organizationId':@,'id':@02,'name':'A'}\n";
        const char *after = "{'type':'group','organizationId':@,'id':@01,'delete':true}\n"
                            "{'type':'group','organizationId':@,'id':@02,'name':'B'}\n"
                            "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n";
        char lines[1024];
        if (w->organization_id == 50) import(w, before);
        snprintf(lines, sizeof lines, "%s%s%s", w->organization_id == 50 ? "" : before, after,
                 "{'type':'group','organizationId':@,'id':@03,'name':'a'}\n"); /* of the first group it is still the name */
        for (int keep_going = 0; keep_going < 2; keep_going++)
            assert_bad(import_lines(w, lines, false, keep_going), w->organization_id == 50 ? 4 : 8, "name");
        assert_true(get_stored(w, NOUN_ORGANIZATION, w->organization_id, 0).organization->unique_group_names);
        assert_string_equal(group_name(w, w->organization_id * 100 + 2), "B");
        assert_null(group_name(w, w->organization_id * 100 + 3));
    }
}

/* The importer's store: another process commits something just before the importer's next commit of the organization. */
static struct {
    struct world *w;
    const struct engine *real;
    int64_t organization_id; /* whose commit; 0: that was done */
    void (*commits)(struct world *w);
} overtaking;

static enum err commit_after_another(struct op *op, struct store *store, struct commit *commit)
{
    if (overtaking.organization_id == commit->organization_id) {
        overtaking.organization_id = 0;
        overtaking.commits(overtaking.w);
    }
    return overtaking.real->commit(op, store, commit);
}

/* The second of two lines names a group as one is named by now. */
static void assert_name_is_taken_meanwhile(struct world *w, void (*commits)(struct world *w))
{
    struct engine engine = *w->other->engine;
    overtaking.w = w;
    overtaking.real = w->other->engine;
    overtaking.organization_id = w->organization_id;
    overtaking.commits = commits;
    engine.commit = commit_after_another;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w,
                                          "{'type':'group','organizationId':@,'id':301,'name':'Other'}\n"
                                          "{'type':'group','organizationId':@,'id':302,'name':'SAME'}\n",
                                          false, true);
    w->other->engine = overtaking.real;
    assert_int_equal(overtaking.organization_id, 0);
    assert_bad(outcome, 2, "name");
    assert_string_equal(group_name(w, 301), "Other");
    assert_null(group_name(w, 302));
    assert_sound(w);
}

static void commit_here(struct world *w, int64_t organization_id, enum change_kind kind, const void *before, const void *after)
{
    struct change_list list = { 0 };
    struct commit commit = { .organization_id = organization_id, .time = w->f->op.now, .changes = &list };
    append(w->f, &list, kind, before, after);
    assert_done(w->f, store_version(&w->f->op, w->f->store, organization_id, &commit.expected_version));
    assert_done(w->f, store_commit(&w->f->op, w->f->store, &commit));
}

static void take_the_name(struct world *w)
{
    struct group *group = make_group(w->f, "Same");
    group->organization_id = w->organization_id;
    commit_here(w, w->organization_id, GROUP_CREATED, NULL, group);
}

/* Line 2 gives the name up and is committed, for line 3 is of another kind. */
static enum err commit_before_another(struct op *op, struct store *store, struct commit *commit)
{
    enum err e = overtaking.real->commit(op, store, commit);
    bool given_up = !e && commit->changes->count && commit->changes->items[0].kind == GROUP_DELETED;
    if (given_up) overtaking.commits(overtaking.w);
    return e;
}

static void a_name_that_the_file_gave_up_and_another_process_took_is_taken(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct engine engine = *w->other->engine;
    overtaking.w = w;
    overtaking.real = w->other->engine;
    overtaking.commits = take_the_name;
    engine.commit = commit_before_another;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w,
                                          "{'type':'group','organizationId':@,'id':301,'name':'Same'}\n"
                                          "{'type':'group','organizationId':@,'id':301,'delete':true}\n"
                                          "{'type':'group','organizationId':@,'id':300,'name':'SAME'}\n",
                                          false, true);
    w->other->engine = overtaking.real;
    assert_bad(outcome, 3, "name");
    assert_null(group_name(w, 300));
    assert_sound(w);
}

static void a_name_that_another_process_took_meanwhile_is_taken(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_name_is_taken_meanwhile(w, take_the_name);
}

static void make_names_unique(struct world *w)
{
    const struct organization *before = get_stored(w, NOUN_ORGANIZATION, w->organization_id, 0).organization;
    struct organization *after = make(w->f, before, sizeof *before);
    after->unique_group_names = true;
    commit_here(w, INSTALLATION, ORGANIZATION_UPDATED, before, after);
}

/* That moves no version of the organization. */
static void names_that_another_process_made_unique_meanwhile_are_taken(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
              "{'type':'group','organizationId':@,'id':300,'name':'Same'}\n");
    assert_name_is_taken_meanwhile(w, make_names_unique);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_name_that_is_taken_is_refused),
        world_test(a_name_given_up_in_a_file_is_free),
        world_test(groups_can_swap_their_names_through_a_third),
        world_test(a_name_that_only_a_later_line_gives_up_is_refused),
        world_test(names_may_repeat_where_the_organization_wants_it),
        world_test(names_cannot_become_unique_while_two_groups_share_one),
        world_test(names_cannot_become_unique_behind_lines_that_make_two_the_same),
        world_test(names_become_unique_behind_lines_that_make_them_differ),
        world_test(a_name_that_another_process_took_meanwhile_is_taken),
        world_test(a_name_that_the_file_gave_up_and_another_process_took_is_taken),
        world_test(names_that_another_process_made_unique_meanwhile_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
