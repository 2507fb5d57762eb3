/* Bad lines of an import, and batches that are done again because one was refused. */
#include "import_fixture.h"

#include "store/engine.h"

/* Behind a good line; the member is at fault. */
static void assert_nothing_is_kept(struct world *w, const char *bad_line, const char *member)
{
    int64_t before = version_of(w, w->organization_id);
    char lines[1024];
    snprintf(lines, sizeof lines, "{'type':'group','organizationId':@,'id':300,'name':'New'}\n%s\n", bad_line);
    assert_bad(import_lines(w, lines, false, false), 2, member);
    assert_int_equal(version_of(w, w->organization_id), before);
}

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
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_nothing_is_kept(w, bad[i].line, bad[i].member);
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
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_nothing_is_kept(w, bad[i].line, bad[i].member);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
