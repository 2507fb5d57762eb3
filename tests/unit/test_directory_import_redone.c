/* What is counted, what is known, told and kept in memory when batches of an import are done again or not at all. */
#include "import_fixture.h"

#include "store/engine.h"

#include <malloc.h>

/* --- counts --- */

/* The batch commits its accounts and organizations before the rest, which is refused: a number is taken. */
static void accounts_and_organizations_of_a_batch_that_is_done_again_count_as_made(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    w->organization_id = 50;
    struct outcome outcome = import_lines(w,
                                          "{'type':'account','id':71}\n"
                                          "{'type':'organization','id':@,'name':'Second'}\n"
                                          "{'type':'user','organizationId':@,'id':400,'accountId':71}\n"
                                          "{'type':'user','organizationId':@,'id':100}\n",
                                          false, true);
    assert_bad(outcome, 4, "id");
    assert_int_equal(outcome.counts.created[NOUN_ACCOUNT], 1);
    assert_int_equal(outcome.counts.created[NOUN_ORGANIZATION], 1);
    assert_int_equal(outcome.counts.created[NOUN_USER], 1);
    assert_int_equal(sum(outcome.counts.unchanged), 0);
    assert_sound(w);
}

/* The importer's store, whose database goes away. */
static struct {
    const struct engine *real;
    int64_t organization_id; /* whose commits find it away */
    struct world *w;
    bool overtakes;
    int commits;        /* how many are done before it is away */
    int looks;          /* which look into the database finds it away; 0: none */
    size_t least, most; /* bytes of memory that there were at looks into the database */
} failing;

static enum err commit_failing(struct op *op, struct store *store, struct commit *commit)
{
    if (commit->organization_id == failing.organization_id) return op_fail(op, ERR_BUSY, "store", "the database is away");
    return failing.real->commit(op, store, commit);
}

static void what_was_not_committed_when_the_database_went_away_is_not_counted(void **state)
{
    struct world *w = *state;
    struct engine engine = *w->other->engine;
    failing.real = w->other->engine;
    failing.organization_id = w->organization_id;
    engine.commit = commit_failing;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w,
                                          "{'type':'account','id':71}\n"
                                          "{'type':'user','organizationId':@,'id':400,'accountId':71}\n",
                                          false, false);
    w->other->engine = failing.real;
    assert_int_equal(outcome.e, ERR_BUSY);
    assert_int_equal(outcome.counts.commits, 1);
    assert_int_equal(outcome.counts.created[NOUN_ACCOUNT], 1);
    assert_non_null(stored(w->f, NOUN_ACCOUNT, INSTALLATION, 71, 0).any);
    assert_int_equal(outcome.counts.created[NOUN_USER], 0);
    assert_int_equal(outcome.counts.lines, 2);
}

static enum err take_reader_failing(struct op *op, struct store *store, struct db **ret_db)
{
    if (failing.looks && --failing.looks == 0) return op_fail(op, ERR_BUSY, "store", "the database is away");
    return failing.real->take_reader(op, store, ret_db);
}

static void nor_is_anything_if_it_went_away_while_the_file_was_checked(void **state)
{
    enum { MANY = 1000000 };
    struct world *w = *state;
    const char *lines = "{'type':'account','id':71}\n"
                        "{'type':'user','organizationId':@,'id':400,'accountId':71}\n"
                        "{'type':'group','organizationId':@,'id':300,'name':'g'}\n";
    struct engine engine = *w->other->engine;
    failing.real = w->other->engine;
    failing.looks = MANY;
    engine.take_reader = take_reader_failing;
    w->other->engine = &engine;
    assert_int_equal(import_lines(w, lines, true, false).e, ERR_OK);
    failing.looks = MANY - failing.looks; /* the last one of the first reading */
    struct outcome outcome = import_lines(w, lines, false, false);
    w->other->engine = failing.real;
    assert_int_equal(outcome.e, ERR_BUSY);
    assert_int_equal(outcome.counts.commits, 0);
    assert_int_equal(sum(outcome.counts.created), 0);
    assert_int_equal(outcome.counts.lines, 3);
}

/* --- accounts and organizations of a batch are committed before the rest, which is refused --- */

/* In the second organization everybody has the number 500. */
static void import_two_organizations(struct world *w)
{
    int64_t organization_id = w->organization_id;
    import(w, EVERYTHING);
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Second'}\n"
              "{'type':'user','organizationId':@,'id':500}\n"
              "{'type':'group','organizationId':@,'id':500,'name':'Taken'}\n");
    w->organization_id = organization_id;
}

static void whether_names_are_unique_stays_as_it_was_committed(void **state)
{
    struct world *w = *state;
    import_two_organizations(w);
    w->organization_id = 60;
    struct outcome outcome = import_lines(w,
                                          "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
                                          "{'type':'group','organizationId':@,'id':300,'name':'Same'}\n"
                                          "{'type':'group','organizationId':@,'id':500,'name':'Other'}\n"
                                          "{'type':'group','organizationId':@,'id':301,'name':'SAME'}\n",
                                          false, true);
    assert_bad(outcome, 3, "id");
    assert_int_equal(outcome.counts.bad, 1);
    assert_string_equal(group_name(w, 301), "SAME");
    outcome = import_lines(w,
                           "{'type':'group','organizationId':@,'id':301,'name':'Another'}\n"
                           "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n"
                           "{'type':'group','organizationId':@,'id':500,'name':'Other'}\n"
                           "{'type':'group','organizationId':@,'id':302,'name':'New'}\n"
                           "{'type':'group','organizationId':@,'id':303,'name':'NEW'}\n",
                           false, true);
    assert_bad(outcome, 3, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_string_equal(outcome.last_text, "name: group 302 of organization 60 has this name");
    assert_sound(w);
}

static void what_the_rest_took_is_free_all_the_same(void **state)
{
    struct world *w = *state;
    import_two_organizations(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'account','id':72}\n"
                                          "{'type':'group','organizationId':@,'id':500,'name':'New'}\n"
                                          "{'type':'group','organizationId':@,'id':300,'name':'new'}\n"
                                          "{'type':'user','organizationId':@,'id':400,'accountId':72}\n",
                                          false, true);
    assert_bad(outcome, 2, "id");
    assert_int_equal(outcome.counts.bad, 1);
    assert_int_equal(outcome.counts.created[NOUN_ACCOUNT], 1);
    assert_int_equal(outcome.counts.created[NOUN_GROUP], 1);
    assert_int_equal(outcome.counts.created[NOUN_USER], 1);
    assert_string_equal(group_name(w, 300), "new");
    assert_sound(w);
}

static void a_bad_line_about_an_account_is_told_among_those_that_are_committed(void **state)
{
    struct world *w = *state;
    import_two_organizations(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'account','id':72}\n"
                                          "{'type':'user','organizationId':@,'id':500}\n"
                                          "{'type':'account','id':70,'uuid':'00000000-0000-4000-8000-000000000001'}\n"
                                          "{'type':'account','id':73}\n",
                                          false, true);
    assert_bad(outcome, 2, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_string_equal(outcome.last_text, "uuid of account cannot be changed");
    assert_int_equal(outcome.counts.created[NOUN_ACCOUNT], 2);
    assert_int_equal(outcome.counts.changed[NOUN_ACCOUNT], 0);
}

static void an_account_is_not_there_for_a_line_before_its_own(void **state)
{
    struct world *w = *state;
    import_two_organizations(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':400}\n"
                                          "{'type':'user','organizationId':@,'id':401,'accountId':72}\n"
                                          "{'type':'account','id':72}\n"
                                          "{'type':'user','organizationId':@,'id':500}\n"
                                          "{'type':'user','organizationId':@,'id':402,'accountId':72}\n",
                                          false, true);
    assert_bad(outcome, 2, "accountId");
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.counts.created[NOUN_USER], 2);
    assert_null(get_stored(w, NOUN_USER, 401, 0).any);
    assert_sound(w);
}

/* An account for want of which a line was refused ends no batch: a file of such pairs would have a commit for each. */
static void nor_is_it_committed_apart(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':400}\n"
                                          "{'type':'user','organizationId':@,'id':401,'accountId':72}\n"
                                          "{'type':'account','id':72}\n"
                                          "{'type':'user','organizationId':@,'id':402,'accountId':73}\n"
                                          "{'type':'account','id':73}\n",
                                          false, true);
    assert_bad(outcome, 2, "accountId");
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.counts.created[NOUN_ACCOUNT], 2);
    assert_int_equal(outcome.counts.commits, 2); /* of the accounts, of the user */
    assert_null(get_stored(w, NOUN_USER, 401, 0).any);
    assert_sound(w);
}

/* --- bad lines --- */

static enum err commit_some(struct op *op, struct store *store, struct commit *commit)
{
    if (failing.commits-- <= 0) return op_fail(op, ERR_BUSY, "store", "the database is away");
    return failing.real->commit(op, store, commit);
}

/* Whether it went away when their batch was committed, or when that was done again. */
static void bad_lines_are_told_if_the_database_went_away(void **state)
{
    struct world *w = *state;
    import_two_organizations(w);
    for (int commits = 0; commits < 2; commits++) {
        struct engine engine = *w->other->engine;
        failing.real = w->other->engine;
        failing.commits = commits;
        engine.commit = commit_some;
        w->other->engine = &engine;
        struct outcome outcome = import_lines(w,
                                              "{'type':'user','organizationId':@,'id':400}\n"
                                              "{'type':'user','organizationId':@,'id':500}\n"
                                              "{'type':'user','organizationId':@,'id':401,'accountId':999}\n",
                                              false, true);
        w->other->engine = failing.real;
        assert_int_equal(outcome.e, ERR_BUSY);
        assert_int_equal(outcome.reported, 1);
        assert_int_equal(outcome.line, 3);
        assert_int_equal(outcome.counts.bad, 1);
        assert_int_equal(outcome.counts.lines, 3);
        assert_int_equal(outcome.counts.created[NOUN_USER], 0);
    }
}

/* --- names --- */

/* Another process is faster than the first commit of the installation. */
static enum err commit_overtaken(struct op *op, struct store *store, struct commit *commit)
{
    struct world *w = failing.w;
    if (commit->organization_id == INSTALLATION && failing.overtakes) {
        struct account *account = make(w->f, &(struct account){ .id = 90, .uuid = uuid_random() }, sizeof *account);
        struct change_list list = { 0 };
        struct commit theirs = { .organization_id = INSTALLATION, .time = op->now, .changes = &list };
        failing.overtakes = false;
        append(w->f, &list, ACCOUNT_CREATED, NULL, account);
        assert_done(w->f, store_version(&w->f->op, w->f->store, INSTALLATION, &theirs.expected_version));
        assert_done(w->f, store_commit(&w->f->op, w->f->store, &theirs));
    }
    return failing.real->commit(op, store, commit);
}

/* The first line looks at the names once more, before the second has given its own up once more. */
static void a_name_given_up_in_a_batch_that_is_done_again_is_free(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
              "{'type':'group','organizationId':@,'id':300,'name':'B'}\n");
    struct engine engine = *w->other->engine;
    failing.w = w;
    failing.real = w->other->engine;
    failing.overtakes = true;
    engine.commit = commit_overtaken;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w,
                                          "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n"
                                          "{'type':'group','organizationId':@,'id':300,'name':'A'}\n"
                                          "{'type':'user','organizationId':@,'id':400,'delete':true}\n"
                                          "{'type':'group','organizationId':@,'id':301,'name':'B'}\n",
                                          false, true);
    w->other->engine = failing.real;
    if (outcome.reported) fail_msg("line %lld: %s", (long long)outcome.line, outcome.text);
    assert_false(failing.overtakes);
    assert_string_equal(group_name(w, 300), "A");
    assert_string_equal(group_name(w, 301), "B");
    assert_sound(w);
}

/* --- memory --- */

static enum err take_reader_measured(struct op *op, struct store *store, struct db **ret_db)
{
    struct mallinfo2 memory = mallinfo2(); /* all zeros with a sanitizer */
    size_t bytes = memory.uordblks + memory.hblkhd;
    if (bytes < failing.least) failing.least = bytes;
    if (bytes > failing.most) failing.most = bytes;
    return failing.real->take_reader(op, store, ret_db);
}

/* After each that is refused those of the organization are read again. */
static void refused_credentials_do_not_add_up_in_memory(void **state)
{
    enum { CREDENTIALS = 300 };
    struct world *w = *state;
    int64_t first = w->organization_id;
    struct buf lines = BUF_INIT(1 << 20);
    for (int i = 0; i < CREDENTIALS; i++)
        buf_printf(&lines, "{'type':'credential','organizationId':@,'kind':'bearer','secret':'secret %d','rights':['read']}\n",
                   i);
    import(w, buf_cstr(&lines));
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Second'}\n");
    buf_reset(&lines);
    for (int i = 0; i < CREDENTIALS; i++)
        buf_printf(&lines,
                   "{'type':'credential','organizationId':@,'kind':'bearer','secret':'another %d','rights':['read'],"
                   "'name':'%0200d'}\n",
                   i, i);
    import(w, buf_cstr(&lines));
    buf_reset(&lines);
    for (int i = 0; i < CREDENTIALS; i++) /* they are those of the first organization */
        buf_printf(&lines, "{'type':'credential','organizationId':@,'kind':'bearer','secret':'secret %d','rights':['read']}\n",
                   i);
    struct engine engine = *w->other->engine;
    failing.real = w->other->engine;
    failing.least = SIZE_MAX;
    failing.most = 0;
    engine.take_reader = take_reader_measured;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w, buf_cstr(&lines), false, true);
    w->other->engine = failing.real;
    buf_free(&lines);
    assert_bad(outcome, 1, "secret");
    assert_int_equal(outcome.counts.bad, CREDENTIALS);
    assert_in_range(failing.most - failing.least, 0, 8 << 20);
    w->organization_id = first;
}

/* Its uuid is another's, which is found out when it is committed, together with the lines behind it. */
static void an_organization_that_was_refused_is_not_there_for_later_lines(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, "{'type':'organization','id':49,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','name':'First'}\n");
    struct outcome outcome =
        import_lines(w,
                     "{'type':'organization','id':@,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','name':'Second'}\n"
                     "{'type':'group','organizationId':@,'id':500,'name':'A'}\n"
                     "{'type':'group','organizationId':@,'id':501,'delete':true}\n"
                     "{'type':'nesting','organizationId':@,'groupId':500,'childGroupId':501,'delete':true}\n"
                     "{'type':'organization','id':@,'delete':true}\n"
                     "{'type':'group','organizationId':@,'id':502,'name':'A'}\n",
                     false, true);
    assert_bad(outcome, 1, "uuid");
    assert_int_equal(outcome.counts.bad, 5);
    assert_string_equal(outcome.last_text, "organizationId: there is no organization 50");
    assert_int_equal(outcome.counts.unchanged[NOUN_GROUP], 0);
    assert_int_equal(outcome.counts.unchanged[NOUN_ORGANIZATION], 1);
    outcome = import(w, "{'type':'organization','id':@,'name':'Second'}\n");
    assert_int_equal(outcome.counts.created[NOUN_ORGANIZATION], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(accounts_and_organizations_of_a_batch_that_is_done_again_count_as_made),
        world_test(what_was_not_committed_when_the_database_went_away_is_not_counted),
        world_test(nor_is_anything_if_it_went_away_while_the_file_was_checked),
        world_test(whether_names_are_unique_stays_as_it_was_committed),
        world_test(what_the_rest_took_is_free_all_the_same),
        world_test(a_bad_line_about_an_account_is_told_among_those_that_are_committed),
        world_test(an_account_is_not_there_for_a_line_before_its_own),
        world_test(nor_is_it_committed_apart),
        world_test(bad_lines_are_told_if_the_database_went_away),
        world_test(a_name_given_up_in_a_batch_that_is_done_again_is_free),
        world_test(refused_credentials_do_not_add_up_in_memory),
        world_test(an_organization_that_was_refused_is_not_there_for_later_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
