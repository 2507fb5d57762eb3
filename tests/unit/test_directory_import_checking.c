/* What the first reading of an import knows of the lines before, although nothing of them is in the database yet. */
#include "import_fixture.h"

static union object get_account(struct world *w, int64_t id)
{
    return stored(w->f, NOUN_ACCOUNT, INSTALLATION, id, 0);
}

/* A dry run says what the import then does. */
static void assert_done_as_foretold(struct world *w, const char *lines)
{
    struct outcome dry = import_lines(w, lines, true, false);
    if (dry.reported) fail_msg("while checking, line %lld: %s", (long long)dry.line, dry.text);
    struct outcome wet = import(w, lines);
    wet.counts.commits = dry.counts.commits;
    assert_memory_equal(&dry.counts, &wet.counts, sizeof dry.counts);
}

/* --- accounts --- */

static void an_account_that_the_file_deletes_cannot_be_referred_to(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING "{'type':'account','id':71}\n");
    assert_bad(import_lines(w,
                            "{'type':'account','id':71,'delete':true}\n"
                            "{'type':'user','organizationId':@,'id':400,'accountId':71}\n",
                            false, false),
               2, "accountId");
    assert_non_null(get_account(w, 71).any); /* nothing of the file is kept */
}

static void an_account_deleted_and_named_again_in_one_file_is_another_one(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING "{'type':'account','id':71,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','firstName':'Old'}\n");
    assert_done_as_foretold(w, "{'type':'account','id':71,'delete':true}\n"
                               "{'type':'account','id':71,'uuid':'6a1e3f5c-3b0f-4c55-9d1b-0d6a4f1f7a10','lastName':'New'}\n"
                               "{'type':'user','organizationId':@,'id':400,'accountId':71}\n"
                               "{'type':'account','id':71,'uuid':'6a1e3f5c-3b0f-4c55-9d1b-0d6a4f1f7a10'}\n");
    struct account *account = get_account(w, 71).account;
    assert_null(account->first_name);
    assert_string_equal(account->last_name, "New");
    assert_sound(w);
}

static void an_account_of_the_file_s_own_is_counted_once_and_can_be_deleted(void **state)
{
    struct world *w = *state;
    assert_done_as_foretold(w, "{'type':'account','id':71}\n"
                               "{'type':'account','id':71}\n"
                               "{'type':'account','id':72}\n"
                               "{'type':'account','id':72,'delete':true}\n"
                               "{'type':'account','id':72,'delete':true}\n");
    assert_non_null(get_account(w, 71).any);
    assert_null(get_account(w, 72).any);
}

/* Nothing refers to it: the user was not made. */
static void a_bad_line_s_account_can_be_deleted(void **state)
{
    struct world *w = *state;
    import(w, "{'type':'account','id':71}\n");
    struct outcome outcome = import_lines(w,
                                          "{'type':'user','organizationId':@,'id':400,'accountId':71,'publicKey':'none'}\n"
                                          "{'type':'account','id':71,'delete':true}\n",
                                          false, true);
    assert_bad(outcome, 1, "publicKey");
    assert_int_equal(outcome.counts.bad, 1);
    assert_null(get_account(w, 71).any);
}

/* --- users --- */

static void a_user_made_deleted_and_named_again_in_one_file_lives(void **state)
{
    struct world *w = *state;
    for (int round = 0; round < 2; round++) { /* the second time in an organization of the file's own */
        assert_done_as_foretold(w, round ? "{'type':'organization','id':@,'name':'Second'}\n"
                                           "{'type':'user','organizationId':@,'id':@00,'userName':'x'}\n"
                                           "{'type':'user','organizationId':@,'id':@00,'delete':true}\n"
                                           "{'type':'user','organizationId':@,'id':@00,'delete':true}\n"
                                           "{'type':'user','organizationId':@,'id':@00,'userName':'x'}\n"
                                         : "{'type':'user','organizationId':@,'id':@00,'userName':'x'}\n"
                                           "{'type':'user','organizationId':@,'id':@00,'delete':true}\n"
                                           "{'type':'user','organizationId':@,'id':@00,'delete':true}\n"
                                           "{'type':'user','organizationId':@,'id':@00,'userName':'x'}\n");
        assert_int_equal(get_stored(w, NOUN_USER, w->organization_id * 100, 0).user->deleted_at, 0);
        w->organization_id = 50;
    }
    assert_sound(w);
}

static void a_stored_user_deleted_and_named_again_is_counted_as_changed(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    assert_done_as_foretold(w, "{'type':'user','organizationId':@,'id':101,'delete':true}\n"
                               "{'type':'user','organizationId':@,'id':101,'delete':true}\n"
                               "{'type':'user','organizationId':@,'id':101}\n");
    assert_sound(w);
}

/* It is told as well who refers to the user then. */
static void a_bad_line_does_not_bring_a_deleted_user_back(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome =
        import_lines(w,
                     "{'type':'user','organizationId':@,'id':101,'delete':true}\n"
                     "{'type':'user','organizationId':@,'id':101,'uuid':'00000000-0000-4000-8000-000000000001'}\n"
                     "{'type':'membership','organizationId':@,'groupId':200,'userId':101}\n",
                     true, false);
    assert_bad(outcome, 2, "uuid");
    assert_int_equal(outcome.counts.bad, 2);
    assert_string_equal(outcome.last_text, "userId: there is no user 101 in organization 1");
}

/* Not by deleting it where it never was. */
static void a_number_is_not_free_for_a_user_because_the_file_deletes_it_elsewhere(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    assert_bad(import_lines(w,
                            "{'type':'organization','id':50,'name':'Second'}\n"
                            "{'type':'organization','id':51,'name':'Third'}\n"
                            "{'type':'user','organizationId':50,'id':500}\n"
                            "{'type':'user','organizationId':51,'id':500,'delete':true}\n"
                            "{'type':'user','organizationId':51,'id':500}\n",
                            false, false),
               5, "id");
}

static void nor_for_a_group(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    assert_bad(import_lines(w,
                            "{'type':'organization','id':50,'name':'Second'}\n"
                            "{'type':'organization','id':51,'name':'Third'}\n"
                            "{'type':'group','organizationId':50,'id':500,'name':'A'}\n"
                            "{'type':'group','organizationId':51,'id':500,'delete':true}\n"
                            "{'type':'group','organizationId':51,'id':500,'name':'B'}\n",
                            false, false),
               5, "id");
    assert_null(get_stored(w, NOUN_ORGANIZATION, 50, 0).any); /* nothing of the file is kept */
}

/* --- uuids --- */

static void two_organizations_with_one_uuid_are_found_before_anything_is_kept(void **state)
{
    struct world *w = *state;
    w->organization_id = 50;
    assert_bad(import_lines(w,
                            "{'type':'organization','id':50,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','name':'Second'}\n"
                            "{'type':'organization','id':51,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','name':'Third'}\n",
                            false, false),
               2, "uuid");
    assert_null(get_stored(w, NOUN_ORGANIZATION, 50, 0).any);
}

static void a_group_refused_for_its_name_keeps_no_uuid(void **state)
{
    struct world *w = *state;
    import(w, EVERYTHING);
    struct outcome outcome =
        import_lines(w,
                     "{'type':'group','organizationId':@,'id':300,'name':'A'}\n"
                     "{'type':'group','organizationId':@,'id':301,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','name':'A'}\n"
                     "{'type':'group','organizationId':@,'id':301,'uuid':'2ed2bfd5-f927-490b-b77a-a7e2f0685d4e','name':'B'}\n",
                     true, false);
    assert_bad(outcome, 2, "name");
    assert_int_equal(outcome.counts.bad, 1);
    assert_int_equal(outcome.counts.created[NOUN_GROUP], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(an_account_that_the_file_deletes_cannot_be_referred_to),
        world_test(an_account_deleted_and_named_again_in_one_file_is_another_one),
        world_test(an_account_of_the_file_s_own_is_counted_once_and_can_be_deleted),
        world_test(a_bad_line_s_account_can_be_deleted),
        world_test(a_user_made_deleted_and_named_again_in_one_file_lives),
        world_test(a_stored_user_deleted_and_named_again_is_counted_as_changed),
        world_test(a_bad_line_does_not_bring_a_deleted_user_back),
        world_test(a_number_is_not_free_for_a_user_because_the_file_deletes_it_elsewhere),
        world_test(nor_for_a_group),
        world_test(two_organizations_with_one_uuid_are_found_before_anything_is_kept),
        world_test(a_group_refused_for_its_name_keeps_no_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
