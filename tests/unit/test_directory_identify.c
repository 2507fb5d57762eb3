/* From a token of an identity provider to a user: which claim decides, and that nobody is taken for somebody else. */
#include "directory_fixture.h"
#include "jwt_fixture.h"

#include "auth/jwt.h"
#include "store/engine.h"

static struct arena arena;
static EVP_PKEY *key;
static const char *keys_path;
static struct jwt *jwt;

static int open_provider(void **state)
{
    (void)state;
    key = new_ec("P-256");
    keys_path = new_file(&arena, arena_printf(&arena, "{\"keys\":[%s]}", jwk_text(&arena, key, "k")));
    return 0;
}

static int close_provider(void **state)
{
    (void)state;
    unlink(keys_path);
    EVP_PKEY_free(key);
    arena_free(&arena);
    return 0;
}

/* The directory again, so that it has nothing in memory, and accepts the provider's tokens for its organization. */
static void open_with_provider(struct world *w)
{
    struct directory_options options = quiet_options;
    options.jwt = jwt;
    options.jwt_organization = w->organization_id;
    close_directory(w);
    open_directory(w, &options);
}

static int set_up_identities(void **state)
{
    AUTO_OP op = op_begin();
    op.now = NOW;
    set_up_world(state);
    assert_int_equal(jwt_open(&op, &(struct jwt_options){ .issuer = ISSUER, .audience = AUDIENCE, .keys = keys_path }, &jwt),
                     ERR_OK);
    open_with_provider(*state);
    return 0;
}

static int tear_down_identities(void **state)
{
    tear_down_world(state);
    jwt_close(jwt);
    return 0;
}

#define identity_test(function) cmocka_unit_test_setup_teardown(function, set_up_identities, tear_down_identities)

/* --- who is there --- */

static struct user *add_person_to(struct world *w, int64_t organization_id, struct user values)
{
    values.organization_id = organization_id;
    if (uuid_is_nil(&values.uuid)) values.uuid = uuid_random();
    values.active = true;
    struct user *user = make(w->f, &values, sizeof values);
    commit_one(w, organization_id, USER_CREATED, NULL, user);
    refresh(w, organization_id);
    return user;
}

static struct user *add_person(struct world *w, struct user values)
{
    return add_person_to(w, w->organization_id, values);
}

static void change_person(struct world *w, struct user *user, enum change_kind kind, bool active, bool deleted)
{
    struct user before = *user;
    user->active = active;
    user->deleted_at = deleted ? w->f->op.now : 0;
    commit_one(w, w->organization_id, kind, &before, user);
    refresh(w, w->organization_id);
}

static const char *text_of(const struct user *user)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(text, &user->uuid);
    return arena_strdup(&arena, text);
}

/* --- asking --- */

static const struct scope scopes[] = { { "Read", RIGHT_READ }, { "Groups.ReadWrite", RIGHT_READ | RIGHT_WRITE }, { NULL, 0 } };

enum { FORMS = FORM_BEARER | FORM_PERSONAL_KEY | FORM_JWT };

/* `claims`: `,"sub":"x"` and so on, behind the ones that every token has. */
static const char *token_with(const char *claims)
{
    return make_token(
        &arena, key, "{\"alg\":\"ES256\",\"kid\":\"k\"}",
        arena_printf(&arena, "{\"iss\":\"" ISSUER "\",\"aud\":\"" AUDIENCE "\",\"exp\":%lld%s}", (long long)NOW_S + 600, claims));
}

static enum err authenticate(struct world *w, const char *authorization, unsigned forms, bool may_block,
                             struct caller *ret_caller)
{
    AUTO_OP op = op_begin();
    op.now = NOW;
    op.directory = w->directory;
    op.may_block = may_block;
    enum err e = directory_authenticate(&op, authorization, forms, scopes);
    assert_int_equal(op.failure.code, e);
    if (e) assert_memory_equal(&op.caller, &(struct caller){ 0 }, sizeof op.caller);
    *ret_caller = op.caller;
    return e;
}

/* The number of the user that the claims lead to; 0: refused. */
static int64_t user_of(struct world *w, const char *claims)
{
    struct caller caller;
    enum err e = authenticate(w, arena_printf(&arena, "Bearer %s", token_with(claims)), FORMS, true, &caller);
    assert_true(e == ERR_OK || e == ERR_UNAUTHENTICATED);
    return e ? 0 : caller.user_id;
}

static const char *claim(const char *name, const char *text)
{
    return arena_printf(&arena, ",\"%s\":\"%s\"", name, text);
}

static const char *claims(const char *oid, const char *sub, const char *email)
{
    return arena_printf(&arena, "%s%s%s", oid ? claim("oid", oid) : "", sub ? claim("sub", sub) : "",
                        email ? claim("email", email) : "");
}

/* --- which user --- */

static void a_user_is_found_by_uuid_external_id_or_address(void **state)
{
    struct world *w = *state;
    const struct user *ada = add_person(w, (struct user){ .external_id = "E-1", .email_address = "Ada@Example.org" });
    add_person(w, (struct user){ .external_id = "E-2", .email_address = "bob@example.org" });
    char *upper = arena_strdup(&arena, text_of(ada));
    for (char *at = upper; *at; at++)
        if (*at >= 'a') *at = (char)(*at - 32);
    const char *const found[] = {
        claims(text_of(ada), NULL, NULL),
        claims(NULL, text_of(ada), NULL),
        claims(NULL, upper, NULL),
        claims("E-1", NULL, NULL),
        claims(NULL, "E-1", NULL),
        claims(NULL, NULL, "Ada@Example.org"),
        claims(NULL, "not known", "ADA@example.ORG"),
        claims("not known", "E-1", NULL),
        ",\"email\":\"ada@example.org\",\"email_verified\":true",
    };
    static const char *const not_found[] = {
        "",
        ",\"sub\":\"\"",
        ",\"sub\":\"e-1\"",
        ",\"sub\":\"E-1 \"",
        ",\"sub\":\"E\"",
        ",\"sub\":\"E-11\"",
        ",\"sub\":\"00000000-0000-0000-0000-000000000000\"",
        ",\"sub\":\"Ada@Example.org\"",
        ",\"email\":\"E-1\"",
        ",\"email\":\"\"",
        ",\"email\":\"ada@example.orgx\"",
        ",\"email\":\"ada@example.org\",\"email_verified\":false",
        ",\"email\":\"ada@example.org\",\"email_verified\":\"false\"",
    };
    for (size_t i = 0; i < COUNT_OF(found); i++) assert_int_equal(user_of(w, found[i]), ada->id);
    for (size_t i = 0; i < COUNT_OF(not_found); i++) assert_int_equal(user_of(w, not_found[i]), 0);
}

static void oid_goes_before_sub_and_sub_before_the_address(void **state)
{
    struct world *w = *state;
    const struct user *ada = add_person(w, (struct user){ .external_id = "ada", .email_address = "ada@example.org" }),
                      *bob = add_person(w, (struct user){ .external_id = "bob", .email_address = "bob@example.org" }),
                      *eve = add_person(w, (struct user){ .external_id = "eve", .email_address = "eve@example.org" });
    assert_int_equal(user_of(w, claims("ada", "bob", "eve@example.org")), ada->id);
    assert_int_equal(user_of(w, claims(text_of(ada), text_of(bob), "eve@example.org")), ada->id);
    assert_int_equal(user_of(w, claims("x", "bob", "eve@example.org")), bob->id);
    assert_int_equal(user_of(w, claims(NULL, "bob", "eve@example.org")), bob->id);
    assert_int_equal(user_of(w, claims("x", "y", "eve@example.org")), eve->id);
}

static void an_address_of_two_users_leads_to_neither(void **state)
{
    struct world *w = *state;
    struct user *ada = add_person(w, (struct user){ .external_id = "ada", .email_address = "team@example.org" });
    assert_int_equal(user_of(w, claims(NULL, NULL, "team@example.org")), ada->id);
    struct user *bob = add_person(w, (struct user){ .external_id = "bob", .email_address = "Team@Example.ORG" });
    assert_int_equal(user_of(w, claims(NULL, NULL, "team@example.org")), 0);
    assert_int_equal(user_of(w, claims(NULL, NULL, "Team@Example.ORG")), 0);
    assert_int_equal(user_of(w, claims(NULL, "bob", "team@example.org")), bob->id); /* that is not asked then */
    open_with_provider(w);                                                          /* and not by the order they came in */
    assert_int_equal(user_of(w, claims(NULL, NULL, "team@example.org")), 0);
    change_person(w, ada, USER_UPDATED, false, false);
    assert_int_equal(user_of(w, claims(NULL, NULL, "team@example.org")), 0);
    change_person(w, ada, USER_DELETED, false, true);
    assert_int_equal(user_of(w, claims(NULL, NULL, "team@example.org")), bob->id);
}

static void an_external_id_of_two_users_leads_to_neither(void **state)
{
    struct world *w = *state;
    struct user *ada = add_person(w, (struct user){ .external_id = "E-1", .email_address = "ada@example.org" }),
                *bob = add_person(w, (struct user){ .external_id = "E-1", .email_address = "bob@example.org" });
    assert_int_equal(user_of(w, claims("E-1", NULL, NULL)), 0);
    assert_int_equal(user_of(w, claims(NULL, "E-1", NULL)), 0);
    /* Nor does a claim that is asked later decide between them. */
    assert_int_equal(user_of(w, claims("E-1", text_of(bob), "bob@example.org")), 0);
    change_person(w, ada, USER_DELETED, true, true);
    assert_int_equal(user_of(w, claims("E-1", NULL, NULL)), bob->id);
}

/* Whoever may set an external id could else take another user's place. */
static void an_external_id_that_is_another_s_uuid_leads_to_neither(void **state)
{
    struct world *w = *state;
    const struct user *ada = add_person(w, (struct user){ .email_address = "ada@example.org" });
    assert_int_equal(user_of(w, claims(NULL, text_of(ada), NULL)), ada->id);
    struct user *mallory = add_person(w, (struct user){ .external_id = text_of(ada) });
    assert_int_equal(user_of(w, claims(NULL, text_of(ada), NULL)), 0);
    assert_int_equal(user_of(w, claims(NULL, text_of(mallory), NULL)), mallory->id);
    change_person(w, mallory, USER_DELETED, true, true);
    assert_int_equal(user_of(w, claims(NULL, text_of(ada), NULL)), ada->id);

    struct uuid uuid = uuid_random();
    char own[UUID_TEXT_SIZE];
    uuid_format(own, &uuid);
    const struct user *both = add_person(w, (struct user){ .uuid = uuid, .external_id = own });
    assert_int_equal(user_of(w, claims(NULL, own, NULL)), both->id);
}

static void who_is_not_active_does_not_come_in_by_another_claim(void **state)
{
    struct world *w = *state;
    struct user *ada = add_person(w, (struct user){ .external_id = "ada", .email_address = "ada@example.org" });
    const struct user *bob = add_person(w, (struct user){ .external_id = "bob", .email_address = "bob@example.org" });
    change_person(w, ada, USER_UPDATED, false, false);
    assert_int_equal(user_of(w, claims(text_of(ada), NULL, NULL)), 0);
    assert_int_equal(user_of(w, claims(NULL, "ada", NULL)), 0);
    assert_int_equal(user_of(w, claims(NULL, NULL, "ada@example.org")), 0);
    assert_int_equal(user_of(w, claims("ada", "bob", "bob@example.org")), 0);
    assert_int_equal(user_of(w, claims("bob", "ada", "ada@example.org")), bob->id);
    change_person(w, ada, USER_UPDATED, true, false);
    assert_int_equal(user_of(w, claims("ada", "bob", NULL)), ada->id);
}

static void a_deleted_user_is_nobody(void **state)
{
    struct world *w = *state;
    struct user *ada = add_person(w, (struct user){ .external_id = "ada", .email_address = "ada@example.org" });
    const char *const all[] = { claims(text_of(ada), NULL, NULL), claims("ada", NULL, NULL),
                                claims(NULL, NULL, "ada@example.org") };
    for (size_t i = 0; i < COUNT_OF(all); i++) assert_int_equal(user_of(w, all[i]), ada->id);
    change_person(w, ada, USER_DELETED, true, true);
    for (size_t i = 0; i < COUNT_OF(all); i++) assert_int_equal(user_of(w, all[i]), 0);
    const struct user *again = add_person(w, (struct user){ .external_id = "ada", .email_address = "ada@example.org" });
    assert_int_equal(user_of(w, claims(text_of(ada), "ada", NULL)), again->id);
}

/* Folded by Unicode's rules the Kelvin sign is a k, and a long s an s. */
static void an_address_that_only_looks_the_same_is_another(void **state)
{
    struct world *w = *state;
    const struct user *kas = add_person(w, (struct user){ .email_address = "kas@example.org" }),
                      *jose = add_person(w, (struct user){ .email_address = "jos\u00E9@example.org" });
    static const char *const others[] = { "\u212Aas@example.org", "ka\u017F@example.org", "kas@example.org.",
                                          " kas@example.org",     "jose@example.org",     "jos\u00C9@example.org" };
    assert_int_equal(user_of(w, claims(NULL, NULL, "KAS@example.org")), kas->id);
    assert_int_equal(user_of(w, claims(NULL, NULL, "JOS\u00E9@example.org")), jose->id);
    for (size_t i = 0; i < COUNT_OF(others); i++) assert_int_equal(user_of(w, claims(NULL, NULL, others[i])), 0);
}

/* An account is a person's, in any organization, and its address was not said to be this user's. */
static void an_account_s_address_leads_to_nobody(void **state)
{
    struct world *w = *state;
    struct account *account =
        make(w->f, &(struct account){ .uuid = uuid_random(), .email_address = "ada@example.org" }, sizeof(struct account));
    commit_one(w, INSTALLATION, ACCOUNT_CREATED, NULL, account);
    refresh(w, INSTALLATION);
    add_person(w, (struct user){ .account_id = account->id });
    assert_int_equal(user_of(w, claims(NULL, NULL, "ada@example.org")), 0);
}

static void users_of_other_organizations_are_not_looked_at(void **state)
{
    struct world *w = *state;
    const struct organization *others = other_adds_organization(w, "Others");
    refresh(w, INSTALLATION);
    const struct user *theirs =
        add_person_to(w, others->id, (struct user){ .external_id = "E-1", .email_address = "ada@example.org" });
    const struct user *ours = add_person(w, (struct user){ .external_id = "E-2" });
    assert_int_equal(user_of(w, claims(text_of(theirs), "E-1", "ada@example.org")), 0);
    assert_int_equal(user_of(w, claims("E-1", "E-2", NULL)), ours->id);
}

static void nobody_is_in_an_organization_that_was_deleted(void **state)
{
    struct world *w = *state;
    add_person(w, (struct user){ .external_id = "E-1" });
    assert_int_not_equal(user_of(w, claims(NULL, "E-1", NULL)), 0);
    union object organization;
    bool found;
    assert_done(w->f,
                store_find(&w->f->op, w->other, NOUN_ORGANIZATION, INSTALLATION, w->organization_id, 0, &found, &organization));
    assert_true(found);
    commit_one(w, INSTALLATION, ORGANIZATION_DELETED, organization.any, NULL);
    refresh(w, INSTALLATION);
    assert_int_equal(user_of(w, claims(NULL, "E-1", NULL)), 0);
}

/* --- what the caller may do --- */

static void rights_are_those_of_the_scopes(void **state)
{
    struct world *w = *state;
    enum { READS = RIGHT_READ | RIGHT_ALL_PERMITS, WRITES = READS | RIGHT_WRITE };
    static const struct {
        const char *claims;
        unsigned rights;
    } rows[] = {
        { "", 0 },
        { ",\"scp\":\"\"", 0 },
        { ",\"scp\":\"   \"", 0 },
        { ",\"scp\":\"Read\"", READS },
        { ",\"scp\":\"read\"", 0 },
        { ",\"scp\":\"Reader\"", 0 },
        { ",\"scp\":\"Rea\"", 0 },
        { ",\"scp\":\"Groups.ReadWrite\"", WRITES },
        { ",\"scp\":\"openid  Read profile\"", READS },
        { ",\"scp\":\"Read Groups.ReadWrite\"", WRITES },
        { ",\"scp\":\"https://api.example.org/Groups.ReadWrite\"", WRITES },
        { ",\"scp\":\"https://api.example.org/Read/\"", 0 },
        { ",\"scp\":\"Read/Write\"", 0 },
        { ",\"scp\":\"/Read\"", READS },
        { ",\"scp\":\"x/ Read\"", READS },
        { ",\"scp\":\"x/Read y\"", READS },
        { ",\"scp\":[\"Read\",\"other\"]", READS },
        { ",\"scope\":\"other Read\"", READS },
        { ",\"roles\":[\"Read\"]", 0 },
    };
    const struct user *ada = add_person(w, (struct user){ .external_id = "E-1", .super_user = true });
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct caller caller;
        const char *token = token_with(arena_printf(&arena, ",\"sub\":\"E-1\"%s", rows[i].claims));
        assert_int_equal(authenticate(w, arena_printf(&arena, "Bearer %s", token), FORMS, true, &caller), ERR_OK);
        assert_int_equal(caller.rights, rows[i].rights);
        assert_int_equal(caller.user_id, ada->id);
        assert_int_equal(caller.organization_id, w->organization_id);
        assert_int_equal(caller.credential_id, 0);
        assert_false(caller.system);
    }
}

/* --- the header --- */

static void tokens_are_accepted_where_the_form_is(void **state)
{
    struct world *w = *state;
    add_person(w, (struct user){ .external_id = "E-1" });
    const char *token = token_with(",\"sub\":\"E-1\"");
    const struct {
        const char *format;
        unsigned forms;
        enum err expected;
    } rows[] = {
        { "Bearer %s", FORMS, ERR_OK },
        { "bearer %s", FORM_JWT, ERR_OK },
        { "BEARER   %s \t ", FORM_JWT, ERR_OK },
        { "Bearer %s", FORM_BEARER | FORM_BASIC | FORM_RAW | FORM_PERSONAL_KEY, ERR_UNAUTHENTICATED },
        { "Bearer %s", 0, ERR_UNAUTHENTICATED },
        { "%s", FORMS | FORM_RAW, ERR_UNAUTHENTICATED },
        { "PersonalKey %s", FORMS, ERR_UNAUTHENTICATED },
        { "Bearer\t%s", FORMS, ERR_UNAUTHENTICATED },
        { "Bearer x%s", FORMS, ERR_UNAUTHENTICATED },
        { "Bearer %sA", FORMS, ERR_UNAUTHENTICATED },
        { "Bearer %s x", FORMS, ERR_UNAUTHENTICATED },
        { "Bearer %s,", FORMS, ERR_UNAUTHENTICATED },
    };
    struct caller caller;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *at = strchr(rows[i].format, '%');
        const char *header =
            arena_printf(&arena, "%.*s%s%s", (int)(at - rows[i].format), rows[i].format, token, at + strlen("%s"));
        assert_int_equal(authenticate(w, header, rows[i].forms, true, &caller), rows[i].expected);
    }
    assert_int_equal(authenticate(w, NULL, FORMS, true, &caller), ERR_UNAUTHENTICATED);
    close_directory(w);
    open_directory(w, &quiet_options); /* no issuer */
    assert_int_equal(authenticate(w, arena_printf(&arena, "Bearer %s", token), FORMS, true, &caller), ERR_UNAUTHENTICATED);
}

static void other_credentials_work_beside_tokens(void **state)
{
    struct world *w = *state;
    const int64_t id = other_adds_credential(w, 0, "a plain secret")->id;
    refresh(w, w->organization_id);
    struct caller caller;
    assert_int_equal(authenticate(w, "Bearer a plain secret", FORMS, false, &caller), ERR_OK);
    assert_int_equal(caller.credential_id, id);
    assert_int_equal(authenticate(w, "Bearer another", FORMS, false, &caller), ERR_UNAUTHENTICATED);
    assert_int_equal(authenticate(w, "Bearer eyJ.e30.", FORMS, true, &caller), ERR_UNAUTHENTICATED);
}

static void a_thread_that_may_not_wait_only_asks_what_is_in_memory(void **state)
{
    struct world *w = *state;
    add_person(w, (struct user){ .external_id = "E-1" });
    const char *header = arena_printf(&arena, "Bearer %s", token_with(",\"sub\":\"E-1\""));
    struct caller caller;
    assert_int_equal(authenticate(w, header, FORMS, false, &caller), ERR_DEFERRED); /* the token is new */
    assert_int_equal(authenticate(w, header, FORMS, true, &caller), ERR_OK);
    assert_int_equal(authenticate(w, header, FORMS, false, &caller), ERR_OK);
    open_with_provider(w);
    assert_int_equal(authenticate(w, header, FORMS, false, &caller), ERR_DEFERRED); /* the organization is not loaded */
    assert_int_equal(authenticate(w, header, FORMS, true, &caller), ERR_OK);
    assert_int_equal(authenticate(w, header, FORMS, false, &caller), ERR_OK);
}

/* A token that was remembered says who its bearer is, not that the user is still there. */
static void a_remembered_token_does_not_outlive_its_user(void **state)
{
    struct world *w = *state;
    struct user *ada = add_person(w, (struct user){ .external_id = "E-1" });
    const char *header = arena_printf(&arena, "Bearer %s", token_with(",\"sub\":\"E-1\""));
    struct caller caller;
    assert_int_equal(authenticate(w, header, FORMS, true, &caller), ERR_OK);
    change_person(w, ada, USER_UPDATED, false, false);
    assert_int_equal(authenticate(w, header, FORMS, false, &caller), ERR_UNAUTHENTICATED);
    change_person(w, ada, USER_UPDATED, true, false);
    assert_int_equal(authenticate(w, header, FORMS, false, &caller), ERR_OK);
    change_person(w, ada, USER_DELETED, true, true);
    assert_int_equal(authenticate(w, header, FORMS, false, &caller), ERR_UNAUTHENTICATED);
}

static enum err fail_to_read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                                 const struct uuid *after_commit_id, int64_t limit, store_log_function function, void *context)
{
    (void)store, (void)organization_id, (void)after_version, (void)after_commit_id, (void)limit, (void)function, (void)context;
    return op_fail(op, ERR_STORAGE, "", "the log leads nowhere");
}

/* As while another process imports the organization: something newer is heard of whenever it is loaded, and cannot be followed.
 */
static void who_calls_is_known_while_the_organization_can_be_loaded_but_not_followed(void **state)
{
    struct world *w = *state;
    const struct user *ada = add_person(w, (struct user){ .external_id = "E-1" });
    struct resident *resident = directory_find_resident(w->directory, w->organization_id);
    directory_unlink(w->directory, resident);
    directory_raise(&resident->known_version, version_of(w, w->organization_id) + 1);
    const struct engine *real = w->f->store->engine;
    struct engine engine = *real;
    engine.read_log = fail_to_read_log;
    w->f->store->engine = &engine;
    struct caller caller;
    enum err e = authenticate(w, arena_printf(&arena, "Bearer %s", token_with(",\"sub\":\"E-1\"")), FORMS, true, &caller);
    w->f->store->engine = real;
    assert_int_equal(e, ERR_OK);
    assert_int_equal(caller.user_id, ada->id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        identity_test(a_user_is_found_by_uuid_external_id_or_address),
        identity_test(oid_goes_before_sub_and_sub_before_the_address),
        identity_test(an_address_of_two_users_leads_to_neither),
        identity_test(an_external_id_of_two_users_leads_to_neither),
        identity_test(an_external_id_that_is_another_s_uuid_leads_to_neither),
        identity_test(who_is_not_active_does_not_come_in_by_another_claim),
        identity_test(a_deleted_user_is_nobody),
        identity_test(an_address_that_only_looks_the_same_is_another),
        identity_test(an_account_s_address_leads_to_nobody),
        identity_test(users_of_other_organizations_are_not_looked_at),
        identity_test(nobody_is_in_an_organization_that_was_deleted),
        identity_test(rights_are_those_of_the_scopes),
        identity_test(tokens_are_accepted_where_the_form_is),
        identity_test(other_credentials_work_beside_tokens),
        identity_test(a_thread_that_may_not_wait_only_asks_what_is_in_memory),
        identity_test(a_remembered_token_does_not_outlive_its_user),
        identity_test(who_calls_is_known_while_the_organization_can_be_loaded_but_not_followed),
    };
    return cmocka_run_group_tests(tests, open_provider, close_provider);
}
