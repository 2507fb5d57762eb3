/* Directory files into the database: upsert, checks before anything is kept, what bad lines do. */
#include "import_fixture.h"

#include "store/engine.h"

static const char *group_name(struct world *w, int64_t id)
{
    union object group = get_stored(w, NOUN_GROUP, id, 0);
    return group.any && !group.group->deleted_at ? group.group->name : NULL;
}

static int64_t sum(const int64_t counts[NOUN_COUNT])
{
    int64_t total = 0;
    for (int noun = 0; noun < NOUN_COUNT; noun++) total += counts[noun];
    return total;
}

static enum err authenticate(struct world *w, const char *header, unsigned forms)
{
    AUTO_OP op = op_begin();
    return credentials_authenticate(&op, directory_credentials(w->directory), header, forms);
}

/* One of everything, in the organization of the test. */
#define EVERYTHING                                                                                                               \
    "{'type':'organization','id':@,'name':'Test'}\n"                                                                             \
    "{'type':'account','id':70,'firstName':'Ada'}\n"                                                                             \
    "{'type':'user','organizationId':@,'id':100,'userName':'ada','accountId':70,'dateCreated':'2026-01-01T00:00:00Z'}\n"         \
    "{'type':'user','organizationId':@,'id':101,'userName':'bob','dateCreated':'2026-01-01T00:00:00Z'}\n"                        \
    "{'type':'group','organizationId':@,'id':200,'name':'Parents','languages':[{'languageId':4,'readOnly':true}]}\n"             \
    "{'type':'group','organizationId':@,'id':201,'name':'Children'}\n"                                                           \
    "{'type':'membership','organizationId':@,'groupId':200,'userId':100,'manager':true}\n"                                       \
    "{'type':'membership','organizationId':@,'groupId':201,'userId':101,'endsAt':'2099-01-01T00:00:00Z'}\n"                      \
    "{'type':'nesting','organizationId':@,'groupId':200,'childGroupId':201}\n"                                                   \
    "{'type':'credential','organizationId':@,'kind':'bearer','secret':'s3cret','rights':['read'],'userId':100}\n"

/* --- upsert --- */

static void everything_is_imported_and_the_second_time_nothing_changes(void **state)
{
    struct world *w = *state;
    struct outcome outcome = import(w, EVERYTHING);
    assert_int_equal(sum(outcome.counts.created), 9);
    assert_int_equal(sum(outcome.counts.unchanged), 1); /* the organization */
    assert_int_equal(outcome.counts.lines, 10);
    assert_true(is_manager(w, 200, 100));
    assert_sound(w);
    int64_t versions[] = { version_of(w, INSTALLATION), version_of(w, w->organization_id) };
    outcome = import(w, EVERYTHING);
    assert_int_equal(sum(outcome.counts.unchanged), 10);
    assert_int_equal(sum(outcome.counts.created) + sum(outcome.counts.changed) + sum(outcome.counts.deleted), 0);
    assert_int_equal(version_of(w, INSTALLATION), versions[0]);
    assert_int_equal(version_of(w, w->organization_id), versions[1]);
}

static void a_new_organization_comes_with_all_it_has(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    struct outcome outcome = import(w, EVERYTHING);
    assert_int_equal(sum(outcome.counts.created), 10);
    assert_true(is_manager(w, 200, 100));
    outcome = import(w, EVERYTHING);
    assert_int_equal(sum(outcome.counts.unchanged), 10);
    assert_sound(w);
}

static void a_dry_run_says_the_same_and_changes_nothing(void **state)
{
    struct world *w = *state;
    int64_t versions[] = { version_of(w, INSTALLATION), version_of(w, w->organization_id) };
    struct outcome dry = import_lines(w, EVERYTHING, true, false);
    assert_int_equal(dry.e, ERR_OK);
    assert_int_equal(version_of(w, INSTALLATION), versions[0]);
    assert_int_equal(version_of(w, w->organization_id), versions[1]);
    struct outcome wet = import(w, EVERYTHING);
    assert_true(wet.counts.commits > 0);
    wet.counts.commits = dry.counts.commits;
    assert_memory_equal(&dry.counts, &wet.counts, sizeof dry.counts);
}

static void a_line_changes_only_what_it_names(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome = import(w, "{'type':'user','organizationId':@,'id':100,'lastName':'Lovelace'}\n"
                                       "{'type':'group','organizationId':@,'id':200,'name':'Parents','description':'d'}\n"
                                       "{'type':'membership','organizationId':@,'groupId':200,'userId':100,'manager':false}\n");
    assert_int_equal(sum(outcome.counts.changed), 3);
    struct user *user = get_stored(w, NOUN_USER, 100, 0).user;
    assert_string_equal(user->user_name, "ada");
    assert_string_equal(user->last_name, "Lovelace");
    assert_int_equal(user->account_id, 70);
    struct group *group = get_stored(w, NOUN_GROUP, 200, 0).group;
    assert_string_equal(group->description, "d");
    assert_int_equal(group->grant_count, 1);
    assert_false(is_manager(w, 200, 100));
    assert_sound(w);
}

static void identity_cannot_be_changed(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_bad(import_lines(w, "{'type':'user','organizationId':@,'id':100,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e'}\n",
                            false, false),
               1, "uuid");
}

/* --- several lines about one object --- */

static void two_lines_about_one_user_both_count(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'user','organizationId':@,'id':100,'firstName':'Ada'}\n"
              "{'type':'user','organizationId':@,'id':100,'lastName':'Lovelace'}\n");
    struct user *user = get_stored(w, NOUN_USER, 100, 0).user;
    assert_non_null(user->first_name);
    assert_string_equal(user->first_name, "Ada");
    assert_non_null(user->last_name);
    assert_string_equal(user->last_name, "Lovelace");
    assert_sound(w);
}

static void two_lines_about_a_new_user_both_count(void **state)
{
    struct world *w = *state;
    for (int round = 0; round < 2; round++) { /* the second time in an organization of the file's own */
        import(w, "{'type':'organization','id':@,'name':'Test'}\n"
                  "{'type':'user','organizationId':@,'id':@00,'firstName':'Ada'}\n"
                  "{'type':'user','organizationId':@,'id':@00,'lastName':'Lovelace'}\n");
        struct user *user = get_stored(w, NOUN_USER, w->organization_id * 100, 0).user;
        assert_string_equal(user->first_name, "Ada");
        assert_string_equal(user->last_name, "Lovelace");
        w->organization_id = 50;
    }
    assert_sound(w);
}

static void a_member_removed_and_added_again_is_a_member(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'membership','organizationId':@,'groupId':200,'userId':100,'delete':true}\n"
              "{'type':'membership','organizationId':@,'groupId':200,'userId':100}\n");
    assert_non_null(get_stored(w, NOUN_MEMBERSHIP, 200, 100).any);
    assert_sound(w);
}

static void a_member_added_and_removed_again_is_none(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'membership','organizationId':@,'groupId':200,'userId':101}\n"
              "{'type':'membership','organizationId':@,'groupId':200,'userId':101,'delete':true}\n");
    assert_null(get_stored(w, NOUN_MEMBERSHIP, 200, 101).any);
    assert_sound(w);
}

static void a_group_deleted_and_named_again_lives(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'group','organizationId':@,'id':201,'delete':true}\n"
              "{'type':'group','organizationId':@,'id':201,'name':'Children'}\n");
    assert_non_null(group_name(w, 201));
    assert_sound(w);
}

static void a_group_made_and_deleted_in_one_file_is_gone(void **state)
{
    struct world *w = *state;
    import(w, "{'type':'group','organizationId':@,'id':300,'name':'Short'}\n"
              "{'type':'group','organizationId':@,'id':300,'delete':true}\n");
    assert_null(group_name(w, 300));
    assert_sound(w);
}

static void an_object_made_twice_is_counted_once_in_a_dry_run_too(void **state)
{
    struct world *w = *state;
    const char *lines = "{'type':'group','organizationId':@,'id':300,'name':'Twice'}\n"
                        "{'type':'group','organizationId':@,'id':300,'name':'Twice'}\n";
    struct outcome dry = import_lines(w, lines, true, false), wet = import(w, lines);
    assert_int_equal(wet.counts.created[NOUN_GROUP], 1);
    assert_int_equal(wet.counts.unchanged[NOUN_GROUP], 1);
    assert_int_equal(dry.counts.created[NOUN_GROUP], 1);
}

/* Wherever a batch ends, and a dry run says the same. */
static void two_lines_about_a_new_organization_both_count(void **state)
{
    struct world *w = *state;
    static const char *const files[] = {
        "{'type':'organization','id':@,'name':'First','uniqueGroupNames':false}\n"
        "{'type':'organization','id':@,'name':'Second'}\n"
        "{'type':'organization','id':@,'name':'Second'}\n",
        "{'type':'account','id':@}\n"
        "{'type':'organization','id':@,'name':'First','uniqueGroupNames':false}\n"
        "{'type':'group','organizationId':@,'id':@,'name':'A'}\n"
        "{'type':'account','id':@00}\n"
        "{'type':'organization','id':@,'name':'Second'}\n"
        "{'type':'group','organizationId':@,'id':@00,'name':'A'}\n"
        "{'type':'organization','id':@,'name':'Second','uniqueGroupNames':false}\n",
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        w->organization_id = 50 + (int64_t)i;
        struct outcome dry = import_lines(w, files[i], true, false), wet = import(w, files[i]);
        assert_int_equal(wet.counts.created[NOUN_ORGANIZATION], 1);
        assert_int_equal(wet.counts.changed[NOUN_ORGANIZATION], 1);
        assert_int_equal(wet.counts.unchanged[NOUN_ORGANIZATION], 1);
        wet.counts.commits = dry.counts.commits;
        assert_memory_equal(&dry.counts, &wet.counts, sizeof dry.counts);
        const struct organization *organization = get_stored(w, NOUN_ORGANIZATION, w->organization_id, 0).organization;
        assert_string_equal(organization->name, "Second");
        assert_false(organization->unique_group_names); /* the second line does not name it */
    }
    assert_sound(w);
}

static void an_organization_is_not_made_and_deleted_in_one_file(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    for (int keep_going = 0; keep_going < 2; keep_going++) {
        struct outcome outcome = import_lines(w,
                                              "{'type':'organization','id':@,'name':'First'}\n"
                                              "{'type':'organization','id':@,'name':'Second'}\n"
                                              "{'type':'organization','id':@,'delete':true}\n",
                                              false, keep_going);
        assert_bad(outcome, 3, "delete");
        assert_int_equal(get_stored(w, NOUN_ORGANIZATION, 50, 0).any != NULL, keep_going);
    }
}

/* --- names --- */

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

/* --- deleting --- */

static void deleting_is_told_and_the_second_time_nothing_changes(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    const char *lines = "{'type':'nesting','organizationId':@,'groupId':200,'childGroupId':201,'delete':true}\n"
                        "{'type':'membership','organizationId':@,'groupId':200,'userId':100,'delete':true}\n"
                        "{'type':'group','organizationId':@,'id':201,'delete':true}\n"
                        "{'type':'user','organizationId':@,'id':101,'delete':true}\n";
    struct outcome outcome = import(w, lines);
    assert_int_equal(sum(outcome.counts.deleted), 4);
    assert_null(group_name(w, 201));
    assert_true(get_stored(w, NOUN_USER, 101, 0).user->deleted_at != 0);
    assert_sound(w);
    outcome = import(w, lines);
    assert_int_equal(sum(outcome.counts.unchanged), 4);
}

static void a_deleted_user_leaves_its_groups(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'user','organizationId':@,'id':100,'delete':true}\n");
    assert_null(get_stored(w, NOUN_MEMBERSHIP, 200, 100).any);
    assert_false(is_member(w, 200, 100));
    assert_sound(w);
}

static void a_deleted_user_comes_back_without_its_groups(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'user','organizationId':@,'id':100,'delete':true}\n");
    struct outcome outcome = import(w, "{'type':'user','organizationId':@,'id':100}\n"
                                       "{'type':'membership','organizationId':@,'groupId':201,'userId':100}\n");
    assert_int_equal(outcome.counts.changed[NOUN_USER], 1);
    assert_int_equal(get_stored(w, NOUN_USER, 100, 0).user->deleted_at, 0);
    assert_true(is_member(w, 201, 100));
    assert_false(is_member(w, 200, 100));
    assert_sound(w);
}

static void a_user_deleted_and_named_again_in_one_file_lives(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'user','organizationId':@,'id':100,'delete':true}\n"
              "{'type':'user','organizationId':@,'id':100}\n"
              "{'type':'membership','organizationId':@,'groupId':201,'userId':100}\n");
    assert_int_equal(get_stored(w, NOUN_USER, 100, 0).user->deleted_at, 0);
    assert_true(is_member(w, 201, 100));
    assert_sound(w);
}

static void importing_a_deleted_group_restores_it_with_its_members(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'group','organizationId':@,'id':200,'delete':true}\n");
    assert_null(group_name(w, 200));
    struct outcome outcome = import(w, "{'type':'group','organizationId':@,'id':200,'name':'Back'}\n");
    assert_int_equal(outcome.counts.changed[NOUN_GROUP], 1);
    assert_string_equal(group_name(w, 200), "Back");
    assert_true(is_manager(w, 200, 100));
    assert_sound(w);
}

static void a_deleted_group_whose_name_is_taken_is_not_restored(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    import(w, "{'type':'group','organizationId':@,'id':200,'delete':true}\n"
              "{'type':'group','organizationId':@,'id':300,'name':'Parents'}\n");
    assert_bad(import_lines(w, "{'type':'group','organizationId':@,'id':200,'name':'PARENTS'}\n", false, false), 1, "name");
}

static void an_organization_is_deleted_and_imported_again(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, EVERYTHING);
    struct outcome outcome = import_lines(w, "{'type':'organization','id':@,'delete':true}\n", false, false);
    assert_int_equal(outcome.e, ERR_OK);
    assert_int_equal(outcome.counts.deleted[NOUN_ORGANIZATION], 1);
    outcome = import(w, EVERYTHING);
    assert_int_equal(outcome.counts.created[NOUN_USER], 2);
    assert_sound(w);
}

static void an_organization_is_not_deleted_and_made_again_in_one_file(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, EVERYTHING);
    assert_bad(import_lines(w,
                            "{'type':'organization','id':@,'delete':true}\n"
                            "{'type':'organization','id':@,'name':'Anew'}\n",
                            false, false),
               2, "id");
    assert_non_null(group_name(w, 200));
}

static void an_account_that_is_used_is_not_deleted_and_nothing_is_kept(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_bad(import_lines(w,
                            "{'type':'group','organizationId':@,'id':300,'name':'New'}\n"
                            "{'type':'account','id':70,'delete':true}\n",
                            false, false),
               2, "account");
    assert_null(group_name(w, 300));
}

/* --- bad lines --- */

static void of_a_file_with_a_bad_line_nothing_is_kept(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *line, *member;
    } bad[] = {
        { "not json", "" },
        { "[]", "object" },
        { "{}", "type" },
        { "{'type':'thing'}", "type" },
        { "{'type':'group','organizationId':@,'id':2,'name':5}", "name" },
        { "{'type':'group','organizationId':@,'id':2}", "name" },
        { "{'type':'group','id':2,'name':'n'}", "organizationId" },
        { "{'type':'group','organizationId':@,'id':2,'name':'n','surprise':1}", "surprise" },
        { "{'type':'group','organizationId':@,'id':2,'name':'n','delete':'yes'}", "delete" },
        { "{'type':'group','organizationId':@,'id':0,'name':'n'}", "id" },
        { "{'type':'group','organizationId':999,'id':2,'name':'n'}", "organizationId" },
        { "{'type':'user','organizationId':@,'id':2,'accountId':999}", "accountId" },
        { "{'type':'user','organizationId':@,'id':2,'autoRemoveAfter':'DAY'}", "autoRemoveAfter" },
        { "{'type':'membership','organizationId':@,'groupId':999,'userId':100}", "groupId" },
        { "{'type':'membership','organizationId':@,'groupId':200,'userId':999}", "userId" },
        { "{'type':'membership','organizationId':@,'groupId':200,'userId':101,'startsAt':'2027-01-01T00:00:00Z','endsAt':'2027-"
          "01-01T00:00:00Z'}",
          "endsAt" },
        { "{'type':'membership','organizationId':@,'groupId':200,'userId':101,'endsAt':'soon'}", "endsAt" },
        { "{'type':'nesting','organizationId':@,'groupId':201,'childGroupId':200}", "childGroupId" },
        { "{'type':'nesting','organizationId':@,'groupId':200,'childGroupId':200}", "childGroupId" },
        { "{'type':'nesting','organizationId':@,'groupId':999,'childGroupId':200}", "groupId" },
        { "{'type':'nesting','organizationId':@,'groupId':200,'childGroupId':999}", "childGroupId" },
        { "{'type':'credential','organizationId':@,'kind':'bearer','rights':['read']}", "secret" },
        { "{'type':'credential','organizationId':@,'kind':'api-key','secret':'s','rights':['read']}", "keyId" },
        { "{'type':'credential','organizationId':@,'kind':'bearer','secret':'s','rights':['read'],'userId':999}", "userId" },
        { "{'type':'credential','organizationId':@,'kind':'bearer','secret':'s','rights':[]}", "rights" },
        { "{'type':'credential','organizationId':@,'kind':'bearer','secret':'s','rights':['read'],'delete':true}", "delete" },
    };
    import(w, EVERYTHING);
    int64_t before = version_of(w, w->organization_id);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char lines[1024];
        snprintf(lines, sizeof lines, "{'type':'group','organizationId':@,'id':300,'name':'New'}\n%s\n", bad[i].line);
        assert_bad(import_lines(w, lines, false, false), 2, bad[i].member);
        assert_int_equal(version_of(w, w->organization_id), before);
    }
}

static void a_line_may_only_refer_to_lines_before_it(void **state)
{
    struct world *w = *state;
    assert_bad(import_lines(w,
                            "{'type':'group','organizationId':@,'id':300,'name':'g'}\n"
                            "{'type':'membership','organizationId':@,'groupId':300,'userId':400}\n"
                            "{'type':'user','organizationId':@,'id':400}\n",
                            false, false),
               2, "userId");
}

static void what_a_file_deleted_cannot_be_referred_to(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_bad(import_lines(w,
                            "{'type':'user','organizationId':@,'id':101,'delete':true}\n"
                            "{'type':'membership','organizationId':@,'groupId':200,'userId':101}\n",
                            false, false),
               2, "userId");
    assert_bad(import_lines(w,
                            "{'type':'group','organizationId':@,'id':201,'delete':true}\n"
                            "{'type':'membership','organizationId':@,'groupId':201,'userId':101}\n",
                            false, false),
               2, "groupId");
}

/* Numbers are unique in the installation, uuids and secrets too: found out before anything is kept. */
static void what_another_object_has_is_refused_and_nothing_is_kept(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *line, *member;
    } bad[] = {
        { "{'type':'user','organizationId':@,'id':100,'userName':'x'}", "id" },
        { "{'type':'group','organizationId':@,'id':200,'name':'x'}", "id" },
        { "{'type':'credential','organizationId':@,'kind':'bearer','secret':'s3cret','rights':['read']}", "" },
        { "{'type':'user','organizationId':@,'id':500,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e'}", "uuid" },
        { "{'type':'group','organizationId':@,'id':500,'name':'n','uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e'}", "uuid" },
    };
    import(w, EVERYTHING);
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Second'}\n"
              "{'type':'user','organizationId':@,'id':499,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e'}\n"
              "{'type':'group','organizationId':@,'id':499,'name':'g','uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e'}\n");
    int64_t before = version_of(w, w->organization_id);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char lines[1024];
        snprintf(lines, sizeof lines, "{'type':'group','organizationId':@,'id':300,'name':'New'}\n%s\n", bad[i].line);
        assert_bad(import_lines(w, lines, false, false), 2, bad[i].member);
        assert_int_equal(version_of(w, w->organization_id), before);
    }
}

static void with_keep_going_good_lines_are_kept_and_bad_ones_counted(void **state)
{
    struct world *w = *state;
    struct outcome outcome = import_lines(w,
                                          "{'type':'group','organizationId':@,'id':300,'name':'One'}\n"
                                          "{'type':'group','organizationId':@,'id':301,'name':'ONE'}\n"
                                          "nonsense\n"
                                          "{'type':'group','organizationId':@,'id':302,'name':'Two'}\n",
                                          false, true);
    assert_int_equal(outcome.e, ERR_INVALID);
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.reported, 2);
    assert_int_equal(outcome.line, 2);
    assert_int_equal(outcome.counts.created[NOUN_GROUP], 2);
    assert_string_equal(group_name(w, 300), "One");
    assert_string_equal(group_name(w, 302), "Two");
    assert_sound(w);
}

/* The batch fails as a whole (a number is taken) and is done again line by line: the bad line before it still counts. */
static void bad_lines_are_counted_although_their_batch_is_done_again(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Second'}\n");
    struct outcome outcome = import_lines(w,
                                          "nonsense\n"
                                          "{'type':'user','organizationId':@,'id':400}\n"
                                          "{'type':'user','organizationId':@,'id':100}\n"
                                          "{'type':'user','organizationId':@,'id':401}\n",
                                          false, true);
    assert_int_equal(outcome.e, ERR_INVALID);
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.counts.lines, 4);
    assert_int_equal(outcome.counts.created[NOUN_USER], 2);
    assert_non_null(get_stored(w, NOUN_USER, 401, 0).any);
    assert_sound(w);
}

/* A line about what only a bad line was about before ends no batch. */
static void a_bad_line_has_no_part_in_the_batch(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':400,'accountId':999}\n"
                                          "{'type':'user','organizationId':@,'id':401}\n"
                                          "{'type':'user','organizationId':@,'id':400}\n",
                                          false, true);
    assert_bad(outcome, 1, "accountId");
    assert_int_equal(outcome.counts.created[NOUN_USER], 2);
    assert_int_equal(outcome.counts.commits, 1);
}

static void a_deleted_user_leaves_its_groups_although_the_line_before_was_bad(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome = import_lines(w,
                                          "{'type':'group','organizationId':@,'id':300,'name':'PARENTS'}\n"
                                          "{'type':'user','organizationId':@,'id':100,'delete':true}\n",
                                          false, true);
    assert_bad(outcome, 1, "name");
    assert_true(get_stored(w, NOUN_USER, 100, 0).user->deleted_at != 0);
    assert_null(get_stored(w, NOUN_MEMBERSHIP, 200, 100).any);
}

/* What the file did to a group counts while checking, not what is stored of it. */
static void names_are_checked_as_the_lines_before_left_them(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_bad(import_lines(w,
                            "{'type':'group','organizationId':@,'id':200,'delete':true}\n"
                            "{'type':'group','organizationId':@,'id':201,'name':'Parents'}\n"
                            "{'type':'group','organizationId':@,'id':200,'name':'Parents','description':'restored'}\n",
                            false, false),
               3, "name");
    assert_non_null(group_name(w, 200));
    import(w, "{'type':'group','organizationId':@,'id':300,'name':'New'}\n"
              "{'type':'group','organizationId':@,'id':300,'delete':true}\n"
              "{'type':'group','organizationId':@,'id':301,'name':'New'}\n");
    assert_string_equal(group_name(w, 301), "New");
}

/* Done again line by line, what the first attempt remembered of them must not count as there. */
static void nestings_and_credentials_of_a_batch_that_is_done_again_are_kept(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome =
        import_lines(w,
                     "{'type':'user','organizationId':@,'id':400}\n"
                     "{'type':'user','organizationId':@,'id':400,'lastName':'Twice'}\n"
                     "{'type':'group','organizationId':@,'id':300,'name':'Grandchildren'}\n"
                     "{'type':'nesting','organizationId':@,'groupId':201,'childGroupId':300}\n"
                     "{'type':'credential','organizationId':@,'kind':'bearer','secret':'second','rights':['read']}\n",
                     false, false);
    assert_int_equal(outcome.e, ERR_OK);
    assert_int_equal(outcome.counts.created[NOUN_NESTING], 1);
    assert_int_equal(outcome.counts.created[NOUN_CREDENTIAL], 1);
    assert_non_null(get_stored(w, NOUN_NESTING, 201, 300).any);
    refresh(w, w->organization_id);
    assert_int_equal(authenticate(w, "Bearer second", FORM_BEARER), ERR_OK);
}

/* The importer's store, in which another process is faster than some of its commits. */
static struct {
    struct world *w;
    const struct engine *real;
    int commits;
    const char *faster_than; /* digits: which of the commits */
} overtaking;

static enum err commit_overtaken(struct op *op, struct store *store, struct commit *commit)
{
    char number = (char)('0' + ++overtaking.commits);
    if (strchr(overtaking.faster_than, number)) {
        struct world *w = overtaking.w;
        struct group *group = make_group(w->f, "faster");
        group->organization_id = w->organization_id;
        static struct account account = { .id = 90, .uuid = { { 90 } } };
        bool installation = commit->organization_id == INSTALLATION;
        struct change_list list = { 0 };
        if (installation) append(w->f, &list, ACCOUNT_CREATED, NULL, &account);
        else append(w->f, &list, GROUP_CREATED, NULL, group);
        struct commit theirs = { .organization_id = installation ? INSTALLATION : w->organization_id,
                                 .time = op->now,
                                 .changes = &list };
        assert_done(w->f, store_version(&w->f->op, w->f->store, theirs.organization_id, &theirs.expected_version));
        assert_done(w->f, store_commit(&w->f->op, w->f->store, &theirs));
    }
    return overtaking.real->commit(op, store, commit);
}

/* Nor must what the attempt remembered that another process was faster than. */
static void so_they_are_if_a_line_of_it_has_to_be_tried_again(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct engine engine = *w->other->engine;
    overtaking.w = w;
    overtaking.real = w->other->engine;
    overtaking.commits = 0;
    overtaking.faster_than = "124"; /* the batch, and the first attempt of each line */
    engine.commit = commit_overtaken;
    w->other->engine = &engine;
    struct outcome outcome =
        import_lines(w,
                     "{'type':'nesting','organizationId':@,'groupId':200,'childGroupId':201,'delete':true}\n"
                     "{'type':'credential','organizationId':@,'kind':'bearer','secret':'second','rights':['read']}\n",
                     false, true);
    w->other->engine = overtaking.real;
    assert_int_equal(outcome.e, ERR_OK);
    assert_int_equal(outcome.counts.deleted[NOUN_NESTING], 1);
    assert_int_equal(outcome.counts.created[NOUN_CREDENTIAL], 1);
    assert_null(get_stored(w, NOUN_NESTING, 200, 201).any);
    refresh(w, w->organization_id);
    assert_int_equal(authenticate(w, "Bearer second", FORM_BEARER), ERR_OK);
}

static void an_organization_is_deleted_although_it_has_to_be_tried_again(void **state)
{
    struct world *w = *state;
    int64_t installed = w->organization_id;
    w->organization_id = 50;
    import(w, EVERYTHING);
    struct engine engine = *w->other->engine;
    overtaking.w = w;
    overtaking.real = w->other->engine;
    overtaking.commits = 0;
    overtaking.faster_than = "1";
    engine.commit = commit_overtaken;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w, "{'type':'organization','id':@,'delete':true}\n", false, false);
    w->other->engine = overtaking.real;
    assert_int_equal(outcome.e, ERR_OK);
    assert_int_equal(outcome.counts.deleted[NOUN_ORGANIZATION], 1);
    assert_null(get_stored(w, NOUN_ORGANIZATION, 50, 0).any);
    w->organization_id = installed;
}

/* A batch without nestings is done again: those that the file made before it still count. */
static void a_cycle_is_found_behind_a_batch_that_is_done_again(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    w->organization_id = 50;
    struct outcome outcome = import_lines(w,
                                          "{'type':'organization','id':@,'name':'Second'}\n"
                                          "{'type':'group','organizationId':@,'id':500,'name':'A'}\n"
                                          "{'type':'group','organizationId':@,'id':501,'name':'B'}\n"
                                          "{'type':'nesting','organizationId':@,'groupId':500,'childGroupId':501}\n"
                                          "{'type':'user','organizationId':@,'id':999,'delete':true}\n"
                                          "{'type':'user','organizationId':@,'id':100}\n"
                                          "{'type':'user','organizationId':@,'id':999,'delete':true}\n"
                                          "{'type':'nesting','organizationId':@,'groupId':501,'childGroupId':500}\n",
                                          false, true);
    assert_bad(outcome, 6, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_null(get_stored(w, NOUN_NESTING, 501, 500).any);
    assert_sound(w);
}

/* Not that of a line before, which was found when its batch was done again. */
static void of_each_bad_line_its_own_mistake_is_told(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Second'}\n");
    struct outcome outcome =
        import_lines(w,
                     "{'type':'user','organizationId':@,'id':100}\n"
                     "{'type':'credential','organizationId':@,'kind':'bearer','secret':'second','delete':true}\n",
                     false, true);
    assert_bad(outcome, 1, "id");
    assert_int_equal(outcome.counts.bad, 2);
    if (!strstr(outcome.last_text, "revoke")) fail_msg("\"%s\" is another line's mistake", outcome.last_text);
}

static void long_and_empty_lines_and_any_line_end_are_read(void **state)
{
    struct world *w = *state;
    struct outcome outcome = import(w, "\n\r\n{'type':'group','organizationId':@,'id':300,'name':'One'}\r\n\n"
                                       "{'type':'group','organizationId':@,'id':301,'name':'Two'}");
    assert_int_equal(outcome.counts.created[NOUN_GROUP], 2);
    assert_int_equal(outcome.counts.lines, 2);
    size_t size = IMPORT_LINE_MAX + 100;
    char *bytes = malloc(size);
    memset(bytes, ' ', size);
    assert_bad(import_bytes(w, bytes, size, false, false), 1, "long");
    free(bytes);
}

/* --- credentials --- */

static void an_imported_secret_is_accepted(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_int_equal(authenticate(w, "Bearer s3cret", FORM_BEARER), ERR_OK);
    import(w, "{'type':'credential','organizationId':@,'kind':'api-key','keyId':'K1','secret':'abc','rights':['read']}\n");
    assert_int_equal(authenticate(w, "Basic SzE6YWJj", FORM_BASIC), ERR_OK);
}

static void a_credential_is_known_again_by_its_secret_or_hash(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    char lines[512], hash[DIGEST_HEX_SIZE];
    struct digest digest = digest_of("s3cret", 6);
    digest_format(hash, &digest);
    snprintf(lines, sizeof lines,
             "{'type':'credential','organizationId':@,'kind':'bearer','secretHash':'%s','rights':['read'],'userId':100}\n", hash);
    struct outcome outcome = import(w, lines);
    assert_int_equal(outcome.counts.unchanged[NOUN_CREDENTIAL], 1);
    outcome = import(
        w, "{'type':'credential','organizationId':@,'kind':'bearer','secret':'s3cret','rights':['read','write'],'userId':100}\n");
    assert_int_equal(outcome.counts.changed[NOUN_CREDENTIAL], 1);
}

static void a_new_secret_for_a_known_uuid_replaces_the_old_one(void **state)
{
    struct world *w = *state;
#define LINE(secret)                                                                                                             \
    "{'type':'credential','organizationId':@,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','kind':'bearer','secret':'" secret    \
    "','rights':['read']}\n"
    import(w, LINE("old"));
    assert_int_equal(authenticate(w, "Bearer old", FORM_BEARER), ERR_OK);
    struct outcome outcome = import(w, LINE("new"));
#undef LINE
    assert_int_equal(outcome.counts.changed[NOUN_CREDENTIAL], 1);
    assert_int_equal(authenticate(w, "Bearer old", FORM_BEARER), ERR_UNAUTHENTICATED);
    assert_int_equal(authenticate(w, "Bearer new", FORM_BEARER), ERR_OK);
}

/* --- size --- */

static size_t add_line(char *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static size_t add_line(char *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsprintf(to, format, arguments);
    va_end(arguments);
    return (size_t)size;
}

/* More lines than one batch, of an organization of the file's own and of one that was there. */
static void a_file_of_several_batches_is_imported(void **state)
{
    enum { USERS = 12000, MEMBERS = 15000 };
    struct world *w = *state;
    char *bytes = malloc((size_t)(USERS + MEMBERS) * 120);
    for (int64_t organization = w->organization_id; organization; organization = organization == 50 ? 0 : 50) {
        size_t size = add_line(bytes, "{\"type\":\"organization\",\"id\":%lld,\"name\":\"Large\"}\n", (long long)organization);
        long long first = (long long)organization * 100000;
        for (int i = 0; i < USERS; i++)
            size += add_line(bytes + size, "{\"type\":\"user\",\"organizationId\":%lld,\"id\":%lld}\n", (long long)organization,
                             first + i);
        for (int i = 0; i < 2; i++)
            size += add_line(bytes + size, "{\"type\":\"group\",\"organizationId\":%lld,\"id\":%lld,\"name\":\"g%d\"}\n",
                             (long long)organization, first + i, i);
        for (int i = 0; i < MEMBERS; i++)
            size += add_line(bytes + size, "{\"type\":\"membership\",\"organizationId\":%lld,\"groupId\":%lld,\"userId\":%lld}\n",
                             (long long)organization, first + i / USERS, first + i % USERS);
        struct outcome outcome = import_bytes(w, bytes, size, false, false);
        assert_int_equal(outcome.e, ERR_OK);
        assert_int_equal(outcome.counts.created[NOUN_MEMBERSHIP], MEMBERS);
        outcome = import_bytes(w, bytes, size, true, false);
        assert_int_equal(outcome.counts.unchanged[NOUN_MEMBERSHIP], MEMBERS);
    }
    free(bytes);
    assert_sound(w);
}

/* The importer's store, which notes how much memory there is at each look into the database. */
static struct {
    const struct engine *real;
    size_t largest;
} watching;

static enum err take_reader_watched(struct op *op, struct store *store, struct db **ret_db)
{
    if (op->arena.total > watching.largest) watching.largest = op->arena.total;
    return watching.real->take_reader(op, store, ret_db);
}

/* Neither while checking nor while writing, and although a good line waits for its commit. */
static void bad_lines_do_not_add_up_in_memory(void **state)
{
    enum { LINES = 3000, LANGUAGES = 1000 };
    struct world *w = *state;
    import(w, EVERYTHING);
    long long organization = (long long)w->organization_id;
    char *bytes = malloc((size_t)LINES * LANGUAGES * 20);
    size_t size = add_line(bytes, "{\"type\":\"user\",\"organizationId\":%lld,\"id\":400}\n", organization);
    for (int i = 0; i < LINES; i++) {
        size +=
            add_line(bytes + size, "{\"type\":\"group\",\"organizationId\":%lld,\"id\":%d,\"name\":\"PARENTS\",\"languages\":[",
                     organization, 300 + i);
        for (int language = 1; language <= LANGUAGES; language++)
            size += add_line(bytes + size, "%s{\"languageId\":%d}", language > 1 ? "," : "", language);
        size += add_line(bytes + size, "]}\n");
    }
    size += add_line(bytes + size, "{\"type\":\"user\",\"organizationId\":%lld,\"id\":401}\n", organization);
    struct engine engine = *w->other->engine;
    watching.real = w->other->engine;
    engine.take_reader = take_reader_watched;
    w->other->engine = &engine;
    for (int dry_run = 0; dry_run < 2; dry_run++) {
        watching.largest = 0;
        struct outcome outcome = import_bytes(w, bytes, size, dry_run, true);
        assert_bad(outcome, 2, "name");
        assert_int_equal(outcome.counts.bad, LINES);
        assert_int_equal(outcome.counts.commits, dry_run ? 0 : 2); /* one because of the memory, one at the end */
        assert_in_range(watching.largest, IMPORT_BATCH_MEMORY / 2, IMPORT_BATCH_MEMORY + (16 << 20));
    }
    w->other->engine = watching.real;
    free(bytes);
    assert_non_null(get_stored(w, NOUN_USER, 400, 0).any);
    assert_non_null(get_stored(w, NOUN_USER, 401, 0).any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(everything_is_imported_and_the_second_time_nothing_changes),
        world_test(a_new_organization_comes_with_all_it_has),
        world_test(a_dry_run_says_the_same_and_changes_nothing),
        world_test(a_line_changes_only_what_it_names),
        world_test(identity_cannot_be_changed),
        world_test(two_lines_about_one_user_both_count),
        world_test(two_lines_about_a_new_user_both_count),
        world_test(a_member_removed_and_added_again_is_a_member),
        world_test(a_member_added_and_removed_again_is_none),
        world_test(a_group_deleted_and_named_again_lives),
        world_test(a_group_made_and_deleted_in_one_file_is_gone),
        world_test(an_object_made_twice_is_counted_once_in_a_dry_run_too),
        world_test(two_lines_about_a_new_organization_both_count),
        world_test(an_organization_is_not_made_and_deleted_in_one_file),
        world_test(a_name_that_is_taken_is_refused),
        world_test(a_name_given_up_in_a_file_is_free),
        world_test(groups_can_swap_their_names_through_a_third),
        world_test(a_name_that_only_a_later_line_gives_up_is_refused),
        world_test(names_may_repeat_where_the_organization_wants_it),
        world_test(names_cannot_become_unique_while_two_groups_share_one),
        world_test(names_cannot_become_unique_behind_lines_that_make_two_the_same),
        world_test(names_become_unique_behind_lines_that_make_them_differ),
        world_test(deleting_is_told_and_the_second_time_nothing_changes),
        world_test(a_deleted_user_leaves_its_groups),
        world_test(a_deleted_user_comes_back_without_its_groups),
        world_test(a_user_deleted_and_named_again_in_one_file_lives),
        world_test(importing_a_deleted_group_restores_it_with_its_members),
        world_test(a_deleted_group_whose_name_is_taken_is_not_restored),
        world_test(an_organization_is_deleted_and_imported_again),
        world_test(an_organization_is_not_deleted_and_made_again_in_one_file),
        world_test(an_account_that_is_used_is_not_deleted_and_nothing_is_kept),
        world_test(of_a_file_with_a_bad_line_nothing_is_kept),
        world_test(a_line_may_only_refer_to_lines_before_it),
        world_test(what_a_file_deleted_cannot_be_referred_to),
        world_test(what_another_object_has_is_refused_and_nothing_is_kept),
        world_test(with_keep_going_good_lines_are_kept_and_bad_ones_counted),
        world_test(bad_lines_are_counted_although_their_batch_is_done_again),
        world_test(a_bad_line_has_no_part_in_the_batch),
        world_test(a_deleted_user_leaves_its_groups_although_the_line_before_was_bad),
        world_test(names_are_checked_as_the_lines_before_left_them),
        world_test(nestings_and_credentials_of_a_batch_that_is_done_again_are_kept),
        world_test(so_they_are_if_a_line_of_it_has_to_be_tried_again),
        world_test(an_organization_is_deleted_although_it_has_to_be_tried_again),
        world_test(a_cycle_is_found_behind_a_batch_that_is_done_again),
        world_test(of_each_bad_line_its_own_mistake_is_told),
        world_test(long_and_empty_lines_and_any_line_end_are_read),
        world_test(an_imported_secret_is_accepted),
        world_test(a_credential_is_known_again_by_its_secret_or_hash),
        world_test(a_new_secret_for_a_known_uuid_replaces_the_old_one),
        world_test(a_file_of_several_batches_is_imported),
        world_test(bad_lines_do_not_add_up_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
