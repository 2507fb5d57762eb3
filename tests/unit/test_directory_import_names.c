/* Names of groups in an import: each taken once, as the lines before left them. */
#include "import_fixture.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
