/* Directory files into the database: upsert, several lines about one object, deleting, credentials, size. */
#include "import_fixture.h"

#include "store/engine.h"

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
        world_test(deleting_is_told_and_the_second_time_nothing_changes),
        world_test(a_deleted_user_leaves_its_groups),
        world_test(a_deleted_user_comes_back_without_its_groups),
        world_test(a_user_deleted_and_named_again_in_one_file_lives),
        world_test(importing_a_deleted_group_restores_it_with_its_members),
        world_test(a_deleted_group_whose_name_is_taken_is_not_restored),
        world_test(an_organization_is_deleted_and_imported_again),
        world_test(an_organization_is_not_deleted_and_made_again_in_one_file),
        world_test(an_account_that_is_used_is_not_deleted_and_nothing_is_kept),
        world_test(an_imported_secret_is_accepted),
        world_test(a_credential_is_known_again_by_its_secret_or_hash),
        world_test(a_new_secret_for_a_known_uuid_replaces_the_old_one),
        world_test(a_file_of_several_batches_is_imported),
        world_test(bad_lines_do_not_add_up_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
