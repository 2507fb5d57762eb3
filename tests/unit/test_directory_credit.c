/* Who gets the credit for a group: createdBy and modifiedBy, what they are called, and that an export of it can be imported. */
#include "directory_fixture.h"

static int64_t add_credential(struct world *w, const char *name, int64_t user_id)
{
    struct credential *credential = make_credential(w->f, "secret");
    credential->organization_id = w->organization_id;
    credential->kind = CREDENTIAL_KEY;
    credential->name = name;
    credential->user_id = user_id;
    commit_one(w, w->organization_id, CREDENTIAL_CREATED, NULL, credential);
    refresh(w, w->organization_id);
    return credential->id;
}

static int64_t add_person(struct world *w, struct user values)
{
    values.organization_id = w->organization_id;
    values.uuid = uuid_random();
    values.active = values.super_user = true;
    struct user *user = make(w->f, &values, sizeof values);
    commit_one(w, w->organization_id, USER_CREATED, NULL, user);
    refresh(w, w->organization_id);
    return user->id;
}

static struct op *acting_with(struct world *w, int64_t credential_id, int64_t user_id)
{
    struct op *op = acting(w, user_id);
    op->caller.credential_id = credential_id;
    return op;
}

static int64_t make_group_as(struct world *w, int64_t credential_id, int64_t user_id, const char *name)
{
    assert_ok(w, directory_create_group(acting_with(w, credential_id, user_id), &(struct group){ .name = name },
                                        group_fields("name", NULL)));
    return w->op.made->id;
}

static void describe_as(struct world *w, int64_t credential_id, int64_t user_id, int64_t group_id, const char *description)
{
    assert_ok(w, directory_update_group(acting_with(w, credential_id, user_id), group_id,
                                        &(struct group){ .description = description }, group_fields("description", NULL)));
}

static void assert_credit(struct world *w, int64_t group_id, const char *created_by, const char *modified_by)
{
    struct group group;
    assert_true(get_group(w, group_id, &group));
    if (created_by) assert_string_equal(group.created_by, created_by);
    else assert_null(group.created_by);
    if (modified_by) assert_string_equal(group.modified_by, modified_by);
    else assert_null(group.modified_by);
}

static void a_credential_s_name_goes_before_its_user_s(void **state)
{
    struct world *w = *state;
    const int64_t user_id = add_person(w, (struct user){ .display_name = "Ada" });
    const int64_t group_id = make_group_as(w, add_credential(w, "sync job", user_id), user_id, "Group");
    assert_credit(w, group_id, "sync job", NULL);
    describe_as(w, 0, user_id, group_id, "by a token of an identity provider");
    assert_credit(w, group_id, "sync job", "Ada");
    assert_sound(w);
}

static void without_a_name_it_is_the_user_s_or_nobody_s(void **state)
{
    struct world *w = *state;
    static const char *const names[] = { NULL, "" };
    const int64_t ada = add_person(w, (struct user){ .first_name = "Ada", .last_name = "L" }),
                  nameless = add_person(w, (struct user){ .display_name = "" });
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct credential *credential = make_credential(w->f, i ? "one" : "two");
        credential->organization_id = w->organization_id;
        credential->name = names[i];
        commit_one(w, w->organization_id, CREDENTIAL_CREATED, NULL, credential);
        refresh(w, w->organization_id);
        const int64_t group_id = make_group_as(w, credential->id, ada, i ? "A" : "B");
        assert_credit(w, group_id, "Ada L", NULL);
        describe_as(w, credential->id, nameless, group_id, "by somebody without a name");
        assert_credit(w, group_id, "Ada L", NULL);
        describe_as(w, credential->id, 0, group_id, "by a service key without a name");
        assert_credit(w, group_id, "Ada L", NULL);
    }
}

/* Who made the last change is not known then: the one before is not named for it. */
static void a_change_by_nobody_does_not_keep_an_older_name(void **state)
{
    struct world *w = *state;
    const int64_t named = add_credential(w, "sync job", 0);
    const int64_t group_id = make_group_as(w, named, 0, "Group");
    describe_as(w, named, 0, group_id, "one");
    assert_credit(w, group_id, "sync job", "sync job");
    describe_as(w, 0, 0, group_id, "one"); /* nothing differs */
    assert_credit(w, group_id, "sync job", "sync job");
    describe_as(w, 0, 0, group_id, "two");
    assert_credit(w, group_id, "sync job", NULL);
}

static void renaming_and_restoring_are_changes_too(void **state)
{
    struct world *w = *state;
    const int64_t maker = add_credential(w, "maker", 0), ada = add_person(w, (struct user){ .display_name = "Ada" }),
                  bob = add_person(w, (struct user){ .display_name = "Bob" });
    const int64_t group_id = make_group_as(w, maker, 0, "Group");
    assert_ok(w, directory_update_group(acting_with(w, 0, ada), group_id, &(struct group){ .name = "Other", .remarks = "r" },
                                        group_fields("name", "remarks")));
    assert_credit(w, group_id, "maker", "Ada");
    assert_ok(w, directory_delete_group(acting_with(w, 0, ada), group_id));
    assert_ok(w, directory_restore_group(acting_with(w, 0, bob), group_id, NULL));
    assert_credit(w, group_id, "maker", "Bob");
    assert_sound(w);
}

static void members_are_not_part_of_a_group_s_credit(void **state)
{
    struct world *w = *state;
    const int64_t ada = add_person(w, (struct user){ .display_name = "Ada" });
    const int64_t group_id = make_group_as(w, add_credential(w, "maker", 0), 0, "Group");
    assert_ok(w, directory_add_each_member(acting_with(w, 0, ada), group_id, &ada, 1));
    assert_credit(w, group_id, "maker", NULL);
}

/* --- the users by number --- */

static void assert_users(struct world *w, int64_t group_id, int64_t created_by_user, int64_t modified_by_user)
{
    struct group group;
    assert_true(get_group(w, group_id, &group));
    assert_int_equal(group.created_by_user, created_by_user);
    assert_int_equal(group.modified_by_user, modified_by_user);
}

static void the_user_who_made_and_the_one_who_changed_it_are_kept(void **state)
{
    struct world *w = *state;
    const int64_t ada = add_person(w, (struct user){ .display_name = "Ada" }),
                  bob = add_person(w, (struct user){ .user_name = "b" });
    const int64_t group_id = make_group_as(w, add_credential(w, "sync job", ada), ada, "Group"); /* named after the credential */
    assert_users(w, group_id, ada, 0);
    assert_credit(w, group_id, "sync job", NULL);
    describe_as(w, 0, bob, group_id, "one");
    assert_users(w, group_id, ada, bob);
    assert_ok(w, directory_update_group(acting_with(w, 0, ada), group_id, &(struct group){ .name = "Other" },
                                        group_fields("name", NULL)));
    assert_users(w, group_id, ada, ada);
    assert_ok(w, directory_delete_group(acting_with(w, 0, bob), group_id));
    assert_users(w, group_id, ada, ada);
    assert_ok(w, directory_restore_group(acting_with(w, 0, bob), group_id, NULL));
    assert_users(w, group_id, ada, bob);
    assert_ok(w, directory_add_each_member(acting_with(w, 0, ada), group_id, &ada, 1));
    assert_users(w, group_id, ada, bob);
    assert_sound(w);
}

static void a_service_key_is_no_user(void **state)
{
    struct world *w = *state;
    const int64_t key = add_credential(w, "sync job", 0), ada = add_person(w, (struct user){ .display_name = "Ada" });
    const int64_t group_id = make_group_as(w, key, 0, "Group");
    assert_users(w, group_id, 0, 0);
    describe_as(w, 0, ada, group_id, "one");
    assert_users(w, group_id, 0, ada);
    describe_as(w, key, 0, group_id, "two");
    assert_users(w, group_id, 0, 0);
}

/* A process that loads it, and one that had it and followed the log. */
static void other_processes_know_the_users_too(void **state)
{
    struct world *w = *state;
    const int64_t ada = add_person(w, (struct user){ .display_name = "Ada" }), group_id = make_group_as(w, 0, ada, "Group");
    struct directory *ours = w->directory, *theirs;
    AUTO_OP op = op_begin();
    assert_int_equal(directory_open(&op, w->other, &quiet_options, &theirs), ERR_OK);
    w->directory = theirs;
    assert_users(w, group_id, ada, 0); /* loaded */
    w->directory = ours;
    describe_as(w, 0, ada, group_id, "one");
    const int64_t second = make_group_as(w, 0, ada, "Second");
    w->directory = theirs;
    refresh(w, w->organization_id); /* followed */
    assert_users(w, group_id, ada, ada);
    assert_users(w, second, ada, 0);
    w->directory = ours;
    acting(w, 0);
    directory_close(theirs);
}

static void print_line(void *context, int64_t line, const char *text)
{
    (void)context;
    print_error("line %lld: %s\n", (long long)line, text);
}

static void import(struct world *w, const char *line)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    char *bytes = arena_strdup(&op.arena, line);
    FILE *file = fmemopen(bytes, strlen(bytes), "r");
    assert_non_null(file);
    struct import_counts counts;
    enum err e = directory_import(&op, w->other, file, &(struct import_options){ .report = print_line }, &counts);
    fclose(file);
    assert_int_equal(e, ERR_OK);
    refresh(w, w->organization_id);
}

/* An import is no user's change; and who made the group is another if the file says so. */
static void an_import_credits_no_user(void **state)
{
    struct world *w = *state;
    const int64_t ada = add_person(w, (struct user){ .display_name = "Ada" }), group_id = make_group_as(w, 0, ada, "Group");
    const struct {
        const char *members;
        int64_t created_by_user, modified_by_user;
    } rows[] = {
        { "\"name\":\"Group\",\"createdBy\":\"Ada\",\"modifiedBy\":\"Ada\"", ada, ada }, /* nothing differs */
        { "\"name\":\"Group\",\"description\":\"imported\"", ada, 0 },
        { "\"name\":\"Renamed\"", ada, 0 },
        { "\"name\":\"Group\",\"createdBy\":\"somebody else\"", 0, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        describe_as(w, 0, ada, group_id, arena_printf(&w->f->op.arena, "%zu", i));
        import(w, arena_printf(&w->f->op.arena, "{\"type\":\"group\",\"organizationId\":%lld,\"id\":%lld,%s}\n",
                               (long long)w->organization_id, (long long)group_id, rows[i].members));
        assert_users(w, group_id, rows[i].created_by_user, rows[i].modified_by_user);
    }
    assert_sound(w);
}

/* --- an export can be imported --- */

/* `unit` so many times. */
static const char *times(struct world *w, const char *unit, int count)
{
    const size_t size = strlen(unit);
    char *text = arena_zalloc(&w->f->op.arena, size * (size_t)count + 1);
    for (int i = 0; i < count; i++) memcpy(text + (size_t)i * size, unit, size);
    return text;
}

/* The group's line is read back as an import reads it, and is the same group. */
static void assert_importable(struct world *w, int64_t group_id)
{
    AUTO_OP op = op_begin();
    struct group group, again = { 0 };
    field_set present;
    assert_true(get_group(w, group_id, &group));
    struct buf line = BUF_INIT(1 << 20);
    fields_write_line(&line, NOUN_GROUP, (union object){ .group = &group });
    json_auto_t *json = json_loads(buf_cstr(&line), 0, NULL);
    buf_free(&line);
    assert_non_null(json);
    enum err e = fields_read(&op, NOUN_GROUP, json, (union object){ .group = &again }, &present);
    if (e) print_error("%s\n", op.failure.text);
    assert_int_equal(e, ERR_OK);
    field_set differ = fields_differ(NOUN_GROUP, (union object){ .group = &group }, (union object){ .group = &again });
    assert_int_equal(differ & ~fields_with(NOUN_GROUP, FIELD_LOG_ONLY), 0);
}

static void a_name_of_two_parts_or_an_address_is_cut_at_255_characters(void **state)
{
    struct world *w = *state;
    const char *max_ascii = times(w, "x", 255), *max_wide = times(w, "\xE4\xBD\xB0", 255);
    const struct {
        struct user user;
        const char *expected;
    } rows[] = {
        { { .first_name = max_ascii, .last_name = max_wide }, max_ascii },
        { { .first_name = max_wide, .last_name = max_ascii }, max_wide },
        { { .first_name = "x", .last_name = max_wide }, arena_printf(&w->f->op.arena, "x %s", times(w, "\xE4\xBD\xB0", 253)) },
        { { .first_name = times(w, "x", 254), .last_name = "y" }, arena_printf(&w->f->op.arena, "%s ", times(w, "x", 254)) },
        { { .first_name = times(w, "x", 253), .last_name = "y" }, arena_printf(&w->f->op.arena, "%s y", times(w, "x", 253)) },
        { { .email_address = times(w, "\xF0\x9F\x91\xA9", 320) }, times(w, "\xF0\x9F\x91\xA9", 255) },
        { { .display_name = max_wide }, max_wide },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int64_t group_id = make_group_as(w, 0, add_person(w, rows[i].user), arena_printf(&w->f->op.arena, "Group %zu", i));
        assert_credit(w, group_id, rows[i].expected, NULL);
        assert_importable(w, group_id);
    }
    const int64_t key = add_credential(w, max_wide, 0), group_id = make_group_as(w, key, 0, "By the key");
    assert_credit(w, group_id, max_wide, NULL);
    assert_importable(w, group_id);
    assert_sound(w);
}

/* Neither an import nor token create accepts them, but an older log may have them. */
static void control_characters_become_blanks(void **state)
{
    struct world *w = *state;
    const int64_t group_id = make_group_as(w, add_credential(w, "a\nb\tc\x01", 0), 0, "Group");
    assert_credit(w, group_id, "a b c ", NULL);
    assert_importable(w, group_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_credential_s_name_goes_before_its_user_s),
        world_test(without_a_name_it_is_the_user_s_or_nobody_s),
        world_test(a_change_by_nobody_does_not_keep_an_older_name),
        world_test(renaming_and_restoring_are_changes_too),
        world_test(members_are_not_part_of_a_group_s_credit),
        world_test(the_user_who_made_and_the_one_who_changed_it_are_kept),
        world_test(a_service_key_is_no_user),
        world_test(other_processes_know_the_users_too),
        world_test(an_import_credits_no_user),
        world_test(a_name_of_two_parts_or_an_address_is_cut_at_255_characters),
        world_test(control_characters_become_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
