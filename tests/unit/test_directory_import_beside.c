/* An import beside another process, which commits between what the import looks at and its own commit; and lines that are done
 * again because one of their batch was refused. */
#include "import_fixture.h"

#include "store/engine.h"

/* Before the importer's first commit another process does something. */
static struct {
    struct world *w;
    const struct engine *real;
    void (*does)(struct world *w); /* NULL: it was done */
} beside;

static enum err commit_behind(struct op *op, struct store *store, struct commit *commit)
{
    void (*does)(struct world * w) = beside.does;
    beside.does = NULL;
    if (does) does(beside.w);
    return beside.real->commit(op, store, commit);
}

static struct outcome import_beside(struct world *w, void (*does)(struct world *w), const char *lines, bool keep_going)
{
    struct engine engine = *w->other->engine;
    beside.w = w;
    beside.real = w->other->engine;
    beside.does = does;
    engine.commit = commit_behind;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w, lines, false, keep_going);
    w->other->engine = beside.real;
    assert_null(beside.does);
    return outcome;
}

/* By the directory's store: the other one is the importer's. */
static void commit_by_another(struct world *w, int64_t organization_id, enum change_kind kind, const void *after)
{
    struct change_list list = { 0 };
    append(w->f, &list, kind, NULL, after);
    struct commit commit = { .organization_id = organization_id, .time = w->f->op.now, .changes = &list };
    assert_done(w->f, store_version(&w->f->op, w->f->store, organization_id, &commit.expected_version));
    assert_done(w->f, store_commit(&w->f->op, w->f->store, &commit));
}

static void add_group_same(struct world *w)
{
    struct group *group = make_group(w->f, "SAME");
    group->organization_id = w->organization_id;
    commit_by_another(w, w->organization_id, GROUP_CREATED, group);
}

static void add_the_organization_and_group_same(struct world *w)
{
    struct organization *organization = make_organization(w->f, "Theirs");
    organization->id = w->organization_id;
    commit_by_another(w, INSTALLATION, ORGANIZATION_CREATED, organization);
    add_group_same(w);
}

/* --- names become unique --- */

#define FREE_NAMES                                                                                                               \
    "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"                                                    \
    "{'type':'group','organizationId':@,'id':@00,'name':'Same'}\n"

static void names_do_not_become_unique_if_another_process_makes_two_the_same(void **state)
{
    struct world *w = *state;
    for (w->organization_id = 50; w->organization_id < 52; w->organization_id++) {
        import(w, FREE_NAMES);
        bool keep_going = w->organization_id == 51;
        assert_bad(import_beside(w, add_group_same, "{'type':'organization','id':@,'uniqueGroupNames':true,'name':'Strict'}\n",
                                 keep_going),
                   1, "uniqueGroupNames");
        assert_false(get_stored(w, NOUN_ORGANIZATION, w->organization_id, 0).organization->unique_group_names);
        assert_sound(w);
    }
}

/* The import does not go on as if they were unique. */
static void names_may_still_repeat_behind_the_line_that_was_refused(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    import(w, FREE_NAMES);
    struct outcome outcome = import_beside(w, add_group_same,
                                           "{'type':'organization','id':@,'uniqueGroupNames':true,'name':'Strict'}\n"
                                           "{'type':'group','organizationId':@,'id':@01,'name':'same'}\n",
                                           true);
    assert_bad(outcome, 1, "uniqueGroupNames");
    assert_int_equal(outcome.counts.bad, 1);
    assert_string_equal(group_name(w, 5001), "same");
}

/* The organization that the file makes is made by another process just then. */
static void a_name_is_refused_that_another_process_gave_in_an_organization_of_the_file(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    struct outcome outcome = import_beside(w, add_the_organization_and_group_same,
                                           "{'type':'organization','id':@,'name':'Ours'}\n"
                                           "{'type':'group','organizationId':@,'id':5000,'name':'Same'}\n"
                                           "{'type':'group','organizationId':@,'id':5001,'name':'Other'}\n",
                                           true);
    assert_bad(outcome, 2, "name");
    assert_int_equal(outcome.counts.bad, 1);
    assert_string_equal(group_name(w, 5001), "Other");
    assert_sound(w);
}

/* --- what a refused line took is free --- */

/* Everything, and another organization with the group and the user number 500; the account 71 is nobody's. */
static void import_taken_numbers(struct world *w)
{
    int64_t organization_id = w->organization_id;
    import(w, EVERYTHING);
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Second'}\n"
              "{'type':'account','id':71}\n"
              "{'type':'user','organizationId':@,'id':500}\n"
              "{'type':'group','organizationId':@,'id':500,'name':'Taken'}\n");
    w->organization_id = organization_id;
}

/* That the number is taken is known only when the batch is committed. */
static void a_name_is_free_that_a_refused_line_would_have_had(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'group','organizationId':@,'id':500,'name':'New'}\n"
                                          "{'type':'group','organizationId':@,'id':300,'name':'new'}\n"
                                          "{'type':'group','organizationId':@,'id':301,'name':'NEW'}\n",
                                          false, true);
    assert_bad(outcome, 1, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.counts.created[NOUN_GROUP], 1);
    assert_string_equal(group_name(w, 300), "new");
    assert_null(group_name(w, 301));
    assert_sound(w);
}

/* Also for a line of a later batch: lines about one group are never in the same. */
static void so_it_is_in_a_later_batch(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'group','organizationId':@,'id':500,'name':'New'}\n"
                                          "{'type':'group','organizationId':@,'id':300,'name':'Other'}\n"
                                          "{'type':'group','organizationId':@,'id':300,'name':'New'}\n",
                                          false, true);
    assert_bad(outcome, 1, "id");
    assert_int_equal(outcome.counts.bad, 1);
    assert_string_equal(group_name(w, 300), "New");
    assert_sound(w);
}

/* What was refused only because of that is done again as well, whatever it is: here a user's line before its own. */
static void a_user_can_be_referred_to_only_once_it_is_there(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':500}\n"
                                          "{'type':'membership','organizationId':@,'groupId':200,'userId':500}\n"
                                          "{'type':'membership','organizationId':@,'groupId':200,'userId':101}\n",
                                          false, true);
    assert_bad(outcome, 1, "id");
    assert_int_equal(outcome.counts.bad, 2);
    if (!strstr(outcome.last_text, "there is no user 500")) fail_msg("\"%s\" names no user", outcome.last_text);
    assert_int_equal(outcome.counts.created[NOUN_MEMBERSHIP], 1);
    assert_sound(w);
}

static void an_account_is_not_used_by_a_user_whose_line_is_bad(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':400,'accountId':71,'publicKey':'none'}\n"
                                          "{'type':'account','id':71,'delete':true}\n",
                                          false, true);
    assert_bad(outcome, 1, "publicKey");
    assert_int_equal(outcome.counts.bad, 1);
    assert_int_equal(outcome.counts.deleted[NOUN_ACCOUNT], 1);
}

/* Nor if that line is done again because another one was refused. */
static void nor_by_one_that_is_bad_once_more(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':500}\n"
                                          "{'type':'user','organizationId':@,'id':400,'accountId':71,'publicKey':'none'}\n"
                                          "{'type':'account','id':71,'delete':true}\n",
                                          false, true);
    assert_bad(outcome, 1, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.counts.deleted[NOUN_ACCOUNT], 1);
}

/* --- and nothing else is --- */

static void a_bad_line_takes_nothing_back_of_the_lines_before_it(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome = import_lines(w,
                                          "{'type':'group','organizationId':@,'id':300,'name':'New'}\n"
                                          "{'type':'user','organizationId':@,'id':400,'accountId':999}\n"
                                          "{'type':'group','organizationId':@,'id':301,'name':'NEW'}\n",
                                          false, true);
    assert_bad(outcome, 2, "accountId");
    assert_int_equal(outcome.counts.bad, 2);
    assert_string_equal(group_name(w, 300), "New");
    assert_null(group_name(w, 301));
    assert_sound(w);
}

static void a_refused_batch_takes_nothing_back_of_the_batches_before_it(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    w->organization_id = 60;
    struct outcome outcome = import_lines(w,
                                          "{'type':'organization','id':@,'name':'Third'}\n"
                                          "{'type':'user','organizationId':@,'id':6000}\n"
                                          "{'type':'group','organizationId':@,'id':6000,'name':'A'}\n"
                                          "{'type':'group','organizationId':@,'id':6001,'name':'B'}\n"
                                          "{'type':'group','organizationId':@,'id':6001,'name':'C'}\n"
                                          "{'type':'user','organizationId':@,'id':500}\n"
                                          "{'type':'user','organizationId':@,'id':999,'delete':true}\n"
                                          "{'type':'membership','organizationId':@,'groupId':6000,'userId':6000}\n",
                                          false, true);
    assert_bad(outcome, 6, "id");
    assert_int_equal(outcome.counts.bad, 1);
    assert_int_equal(outcome.counts.created[NOUN_MEMBERSHIP], 1);
    assert_sound(w);
}

/* Names became unique, which was committed, and only then a group of the same batch was refused. */
static void names_are_known_that_were_read_when_they_became_unique(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    w->organization_id = 60;
    struct outcome outcome = import_lines(w,
                                          "{'type':'organization','id':@,'name':'Free','uniqueGroupNames':false}\n"
                                          "{'type':'group','organizationId':@,'id':6000,'name':'Same'}\n"
                                          "{'type':'group','organizationId':@,'id':6001,'name':'Same'}\n"
                                          "{'type':'group','organizationId':@,'id':6001,'name':'Other'}\n"
                                          "{'type':'organization','id':@,'name':'Strict','uniqueGroupNames':true}\n"
                                          "{'type':'group','organizationId':@,'id':500,'name':'Taken'}\n"
                                          "{'type':'group','organizationId':@,'id':6002,'name':'SAME'}\n",
                                          false, true);
    assert_bad(outcome, 6, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_null(group_name(w, 6002));
    assert_sound(w);
}

/* --- how they are told --- */

/* A user whose number is taken, and `count` lines of `width` bytes that are no lines. */
static struct outcome import_nonsense(struct world *w, const char *user, size_t count, size_t width)
{
    struct buf bytes = BUF_INIT(count * (width + 1) + 1024);
    buf_printf(&bytes, "{\"type\":\"user\",\"organizationId\":%lld,\"id\":%s}\n", (long long)w->organization_id, user);
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < width; at++) buf_add_char(&bytes, 'x');
        buf_add_char(&bytes, '\n');
    }
    buf_printf(&bytes, "{\"type\":\"user\",\"organizationId\":%lld,\"id\":401}\n", (long long)w->organization_id);
    struct outcome outcome = import_bytes(w, bytes.bytes, bytes.size, false, true);
    assert_non_null(get_stored(w, NOUN_USER, 401, 0).any);
    buf_free(&bytes);
    return outcome;
}

static void a_line_that_is_too_long_is_told_although_its_batch_is_done_again(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    struct outcome outcome = import_nonsense(w, "500", 1, IMPORT_LINE_MAX + 1);
    assert_bad(outcome, 1, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.counts.lines, 3);
    if (!strstr(outcome.last_text, "longer")) fail_msg("\"%s\" is another mistake", outcome.last_text);
}

/* Bad lines behind a good one are kept until it is committed: if they take much memory that is soon. */
static void bad_lines_that_are_kept_do_not_add_up_in_memory(void **state)
{
    enum { WIDTH = IMPORT_LINE_MAX - 100, LINES = IMPORT_BATCH_MEMORY / WIDTH + 10 };
    struct world *w = *state;
    struct outcome outcome = import_nonsense(w, "400", LINES, WIDTH);
    assert_int_equal(outcome.counts.bad, LINES);
    assert_int_equal(outcome.counts.commits, 2); /* one because of the memory, one at the end */
}

/* In the order of their lines, whether they were found while reading or while committing. */
static void bad_lines_are_told_in_their_order(void **state)
{
    struct world *w = *state;
    import_taken_numbers(w);
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':400}\n"
                                          "{'type':'user','organizationId':@,'id':500}\n"
                                          "nonsense\n",
                                          false, true);
    assert_bad(outcome, 2, "id");
    assert_int_equal(outcome.counts.bad, 2);
    assert_int_equal(outcome.counts.lines, 3);
    assert_int_equal(outcome.counts.created[NOUN_USER], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(names_do_not_become_unique_if_another_process_makes_two_the_same),
        world_test(names_may_still_repeat_behind_the_line_that_was_refused),
        world_test(a_name_is_refused_that_another_process_gave_in_an_organization_of_the_file),
        world_test(a_name_is_free_that_a_refused_line_would_have_had),
        world_test(so_it_is_in_a_later_batch),
        world_test(a_user_can_be_referred_to_only_once_it_is_there),
        world_test(an_account_is_not_used_by_a_user_whose_line_is_bad),
        world_test(nor_by_one_that_is_bad_once_more),
        world_test(a_bad_line_takes_nothing_back_of_the_lines_before_it),
        world_test(a_refused_batch_takes_nothing_back_of_the_batches_before_it),
        world_test(names_are_known_that_were_read_when_they_became_unique),
        world_test(a_line_that_is_too_long_is_told_although_its_batch_is_done_again),
        world_test(bad_lines_that_are_kept_do_not_add_up_in_memory),
        world_test(bad_lines_are_told_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
