/* Who asks: every form of an Authorization header, and everything that makes it worth nothing. */
#include "unit.h"

#include "auth/credentials.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALL_FORMS = FORM_BEARER | FORM_BASIC | FORM_RAW | FORM_PERSONAL_KEY };

#define SECRET "2ed2bfd5-f927-490b-b77a-a7e2f0685d4e"
#define NOW INT64_C(1700000000000000)

static struct credential make(int64_t id, int kind, const char *key_id, const char *secret)
{
    struct arena arena = ARENA_INIT;
    struct credential credential = {
        .organization_id = 10, .id = id, .user_id = 20, .kind = kind, .key_id = key_id, .secret = secret, .rights = RIGHT_READ
    };
    credential.secret_hash = credential_hash(&arena, &credential);
    arena_free(&arena);
    return credential;
}

static struct credentials *with(struct credential credential)
{
    struct credentials *credentials = credentials_new();
    credentials_put(credentials, &credential);
    return credentials;
}

static enum err authenticate_at(struct credentials *credentials, const char *header, unsigned forms, int64_t now,
                                struct caller *ret_caller)
{
    AUTO_OP op = op_begin();
    op.now = now;
    enum err e = credentials_authenticate(&op, credentials, header, forms);
    if (ret_caller) *ret_caller = op.caller;
    if (e) {
        assert_int_equal(op.failure.code, ERR_UNAUTHENTICATED);
        assert_int_equal(op.caller.organization_id, 0);
        assert_int_equal(op.caller.rights, 0);
    }
    return e;
}

static enum err authenticate(struct credentials *credentials, const char *header, unsigned forms)
{
    return authenticate_at(credentials, header, forms, NOW, NULL);
}

/* `Basic base64(text)`; the caller frees. */
static char *basic(const char *text)
{
    size_t size = strlen(text);
    char *header = malloc(8 + size * 4 / 3 + 8);
    memcpy(header, "Basic ", 6);
    EVP_EncodeBlock((unsigned char *)header + 6, (const unsigned char *)text, (int)size);
    return header;
}

static void every_form_finds_its_kind(void **state)
{
    (void)state;
    char *basic_header = basic("K1:" SECRET);
    const struct {
        int kind;
        unsigned form;
        const char *header;
    } forms[] = {
        { CREDENTIAL_BEARER, FORM_BEARER, "Bearer " SECRET },
        { CREDENTIAL_API_KEY, FORM_BASIC, basic_header },
        { CREDENTIAL_KEY, FORM_RAW, SECRET },
        { CREDENTIAL_PERSONAL_KEY, FORM_PERSONAL_KEY, "PersonalKey " SECRET },
    };
    for (size_t kind = 0; kind < COUNT_OF(forms); kind++) {
        struct credentials *credentials = with(make(1, forms[kind].kind, "K1", SECRET));
        for (size_t form = 0; form < COUNT_OF(forms); form++) {
            enum err expected = form == kind ? ERR_OK : ERR_UNAUTHENTICATED; /* a form of another kind is worth nothing */
            assert_int_equal(authenticate(credentials, forms[form].header, ALL_FORMS), expected);
            assert_int_equal(authenticate(credentials, forms[form].header, forms[form].form), expected);
        }
        assert_int_equal(authenticate(credentials, forms[kind].header, ALL_FORMS & ~forms[kind].form), ERR_UNAUTHENTICATED);
        assert_int_equal(authenticate(credentials, forms[kind].header, 0), ERR_UNAUTHENTICATED);
        credentials_free(credentials);
    }
    free(basic_header);
}

static void the_caller_is_what_the_credential_says(void **state)
{
    (void)state;
    struct credential credential = make(7, CREDENTIAL_BEARER, NULL, SECRET);
    credential.rights = RIGHT_READ | RIGHT_WRITE;
    struct credentials *credentials = with(credential);
    struct caller caller;
    assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW, &caller), ERR_OK);
    assert_int_equal(caller.organization_id, 10);
    assert_int_equal(caller.credential_id, 7);
    assert_int_equal(caller.user_id, 20);
    assert_int_equal(caller.rights, RIGHT_READ | RIGHT_WRITE | RIGHT_ALL_PERMITS);
    assert_false(caller.system);
    credentials_free(credentials);
}

#define PERMIT(operation) (RIGHT_##operation >> RIGHT_PERMITS_SHIFT)

/* What each operation needs, in the order of the bits. */
static const unsigned needs[] = { CAN_LIST, CAN_GET, CAN_CREATE, CAN_UPDATE, CAN_DELETE };

static void permits_allow_only_what_they_name_and_the_rights_do_too(void **state)
{
    (void)state;
    static const struct {
        unsigned rights, permits;
        const char *allowed; /* of list, get, create, update, delete */
    } rows[] = {
        { RIGHT_READ, 0, "lg" },
        { RIGHT_READ | RIGHT_WRITE, 0, "lgcud" },
        { RIGHT_READ, PERMIT(LIST), "l" },
        { RIGHT_READ | RIGHT_WRITE, PERMIT(LIST), "l" },
        { RIGHT_READ | RIGHT_WRITE, PERMIT(GET) | PERMIT(DELETE), "gd" },
        { RIGHT_READ | RIGHT_WRITE, PERMIT(CREATE), "c" },
        { RIGHT_READ | RIGHT_WRITE, PERMIT(UPDATE), "u" },
        { RIGHT_READ | RIGHT_WRITE, RIGHT_ALL_PERMITS >> RIGHT_PERMITS_SHIFT, "lgcud" },
        { RIGHT_READ, PERMIT(CREATE) | PERMIT(UPDATE) | PERMIT(DELETE), "" },
        { RIGHT_READ, PERMIT(GET) | PERMIT(DELETE), "g" },
        { RIGHT_WRITE, 0, "cud" },
        { 0, 0, "" },
        { RIGHT_READ | RIGHT_WRITE, 1U << 5, "" }, /* an operation of a later version: not all of today's */
        { RIGHT_READ | RIGHT_WRITE, 1U << 31 | PERMIT(GET), "g" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct credential credential = make(1, CREDENTIAL_BEARER, NULL, SECRET);
        credential.rights = rows[i].rights;
        credential.permits = rows[i].permits;
        struct credentials *credentials = with(credential);
        struct caller caller;
        assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW, &caller), ERR_OK);
        assert_int_equal(caller.rights, credential_rights(&credential));
        assert_int_equal(caller.rights & ~(unsigned)(RIGHT_READ | RIGHT_WRITE | RIGHT_ALL_PERMITS), 0);
        for (size_t j = 0; j < COUNT_OF(needs); j++)
            assert_int_equal((caller.rights & needs[j]) == needs[j], strchr(rows[i].allowed, "lgcud"[j]) != NULL);
        credentials_free(credentials);
    }
}

static void permits_follow_a_changed_credential(void **state)
{
    (void)state;
    struct credential credential = make(1, CREDENTIAL_BEARER, NULL, SECRET);
    struct credentials *credentials = with(credential);
    struct caller caller;
    credential.permits = PERMIT(GET);
    credentials_put(credentials, &credential);
    assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW, &caller), ERR_OK);
    assert_int_equal(caller.rights, RIGHT_READ | RIGHT_GET);
    credential.permits = 0;
    credentials_replace_organization(credentials, credential.organization_id, &credential, 1);
    assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW, &caller), ERR_OK);
    assert_int_equal(caller.rights, RIGHT_READ | RIGHT_ALL_PERMITS);
    credentials_free(credentials);
}

static void the_name_is_kept_and_told(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    char text[] = "sync job";
    struct credential credential = make(7, CREDENTIAL_BEARER, NULL, SECRET);
    struct credentials *credentials = with(credential);
    assert_null(credentials_name(credentials, &arena, 7));
    credential.name = text;
    credentials_put(credentials, &credential);
    text[0] = 'X'; /* a copy was made */
    const char *name = credentials_name(credentials, &arena, 7);
    assert_string_equal(name, "sync job");
    credential.name = "other";
    credentials_put(credentials, &credential);
    assert_string_equal(credentials_name(credentials, &arena, 7), "other");
    assert_string_equal(name, "sync job"); /* and another for who asked */
    credential.name = NULL;
    credentials_put(credentials, &credential);
    assert_null(credentials_name(credentials, &arena, 7));
    static const int64_t absent[] = { 0, -1, 8, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < COUNT_OF(absent); i++) assert_null(credentials_name(credentials, &arena, absent[i]));
    credentials_free(credentials);
    arena_free(&arena);
}

static void the_scheme_may_be_in_any_letter_case_the_secret_not(void **state)
{
    (void)state;
    struct credentials *credentials = with(make(1, CREDENTIAL_BEARER, NULL, SECRET));
    assert_int_equal(authenticate(credentials, "bearer " SECRET, FORM_BEARER), ERR_OK);
    assert_int_equal(authenticate(credentials, "BEARER   " SECRET, FORM_BEARER), ERR_OK);
    assert_int_equal(authenticate(credentials, "Bearer 2ED2BFD5-F927-490B-B77A-A7E2F0685D4E", FORM_BEARER), ERR_UNAUTHENTICATED);
    credentials_free(credentials);
}

static void what_is_malformed_is_not_authenticated(void **state)
{
    (void)state;
    static const char *const headers[] = { "",           " ",
                                           "Bearer",     "Bearer ",
                                           "Bearer  ",   "Bearer" SECRET,
                                           "Basic",      "Basic ",
                                           "Basic ====", "Basic a",
                                           "Basic ab",   "Basic abc",
                                           "Basic ab=c", "Basic !!!!",
                                           "Basic SzE=", "Basic \x80\x81\xFF\xFE",
                                           "Digest x",   "Bearer " SECRET " x" };
    struct credentials *credentials = with(make(1, CREDENTIAL_BEARER, NULL, SECRET));
    assert_int_equal(authenticate(credentials, NULL, ALL_FORMS), ERR_UNAUTHENTICATED);
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        assert_int_equal(authenticate(credentials, headers[i], ALL_FORMS), ERR_UNAUTHENTICATED);
        assert_int_equal(authenticate(credentials, headers[i], FORM_BASIC | FORM_BEARER), ERR_UNAUTHENTICATED);
    }
    credentials_free(credentials);
}

/* The paddings of base64: lengths 3n, 3n + 1, 3n + 2. */
static void basic_credentials_of_any_length_are_read(void **state)
{
    (void)state;
    for (size_t length = 1; length <= 255; length++) {
        char secret[256], pair[300];
        memset(secret, 's', length);
        secret[length] = 0;
        snprintf(pair, sizeof pair, "key:%s", secret);
        struct credentials *credentials = with(make(1, CREDENTIAL_API_KEY, "key", secret));
        char *header = basic(pair);
        assert_int_equal(authenticate(credentials, header, FORM_BASIC), ERR_OK);
        free(header);
        credentials_free(credentials);
    }
}

static void an_api_key_needs_its_own_key_id(void **state)
{
    (void)state;
    struct credentials *credentials = with(make(1, CREDENTIAL_API_KEY, "K1", "a:secret:with:colons"));
    char *right = basic("K1:a:secret:with:colons"), *wrong = basic("K2:a:secret:with:colons"),
         *none = basic(":a:secret:with:colons");
    assert_int_equal(authenticate(credentials, right, FORM_BASIC), ERR_OK);
    assert_int_equal(authenticate(credentials, wrong, FORM_BASIC), ERR_UNAUTHENTICATED);
    assert_int_equal(authenticate(credentials, none, FORM_BASIC), ERR_UNAUTHENTICATED);
    free(right);
    free(wrong);
    free(none);
    credentials_free(credentials);
}

static void a_huge_header_is_not_authenticated(void **state)
{
    (void)state;
    const size_t sizes[] = { 1000, 1024, 1025, 1028, 1032, 4096, 1 << 20 };
    static const char *const schemes[] = { "", "Bearer ", "Basic ", "PersonalKey " };
    struct credentials *credentials = with(make(1, CREDENTIAL_BEARER, NULL, SECRET));
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t j = 0; j < COUNT_OF(schemes); j++) {
            char *header = malloc(sizes[i] + 1);
            memset(header, 'A', sizes[i]);
            memcpy(header, schemes[j], strlen(schemes[j]));
            header[sizes[i]] = 0;
            assert_int_equal(authenticate(credentials, header, ALL_FORMS), ERR_UNAUTHENTICATED);
            free(header);
        }
    credentials_free(credentials);
}

static void a_credential_expires_at_the_exact_microsecond(void **state)
{
    (void)state;
    struct credential credential = make(1, CREDENTIAL_BEARER, NULL, SECRET);
    credential.expires_at = NOW;
    struct credentials *credentials = with(credential);
    assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW - 1, NULL), ERR_OK);
    assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW, NULL), ERR_UNAUTHENTICATED);
    assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW + 1, NULL), ERR_UNAUTHENTICATED);
    credentials_free(credentials);
}

static void a_revoked_credential_stops_working(void **state)
{
    (void)state;
    struct credential credential = make(1, CREDENTIAL_BEARER, NULL, SECRET);
    struct credentials *credentials = with(credential);
    assert_int_equal(authenticate(credentials, "Bearer " SECRET, FORM_BEARER), ERR_OK);
    credential.revoked_at = NOW - 1;
    credentials_put(credentials, &credential);
    assert_int_equal(authenticate(credentials, "Bearer " SECRET, FORM_BEARER), ERR_UNAUTHENTICATED);
    assert_int_equal(credentials_count(credentials), 1);
    credentials_free(credentials);
}

static void a_new_secret_replaces_the_old_one(void **state)
{
    (void)state;
    struct credentials *credentials = with(make(1, CREDENTIAL_BEARER, NULL, "old"));
    struct credential changed = make(1, CREDENTIAL_BEARER, NULL, "new");
    credentials_put(credentials, &changed);
    assert_int_equal(authenticate(credentials, "Bearer old", FORM_BEARER), ERR_UNAUTHENTICATED);
    assert_int_equal(authenticate(credentials, "Bearer new", FORM_BEARER), ERR_OK);
    credentials_free(credentials);
}

static void a_dropped_organization_takes_only_its_own_credentials_along(void **state)
{
    (void)state;
    struct credentials *credentials = with(make(1, CREDENTIAL_BEARER, NULL, "mine"));
    struct credential other = make(2, CREDENTIAL_BEARER, NULL, "theirs");
    other.organization_id = 11;
    credentials_put(credentials, &other);
    credentials_drop_organization(credentials, 10);
    assert_int_equal(authenticate(credentials, "Bearer mine", FORM_BEARER), ERR_UNAUTHENTICATED);
    assert_int_equal(authenticate(credentials, "Bearer theirs", FORM_BEARER), ERR_OK);
    credentials_free(credentials);
}

static void a_dropped_credential_works_again_when_it_is_put_again(void **state)
{
    (void)state;
    struct credential credential = make(1, CREDENTIAL_BEARER, NULL, SECRET);
    struct credentials *credentials = with(credential);
    credentials_drop_organization(credentials, 10);
    credentials_put(credentials, &credential);
    assert_int_equal(authenticate(credentials, "Bearer " SECRET, FORM_BEARER), ERR_OK);
    credentials_free(credentials);
}

/* An organization is deleted and imported again: the same secret has a new number. */
static void a_secret_of_a_dropped_organization_can_be_used_again(void **state)
{
    (void)state;
    struct credentials *credentials = with(make(1, CREDENTIAL_BEARER, NULL, SECRET));
    credentials_drop_organization(credentials, 10);
    struct credential again = make(2, CREDENTIAL_BEARER, NULL, SECRET);
    credentials_put(credentials, &again);
    struct caller caller;
    assert_int_equal(authenticate_at(credentials, "Bearer " SECRET, FORM_BEARER, NOW, &caller), ERR_OK);
    assert_int_equal(caller.credential_id, 2);
    credentials_free(credentials);
}

static void many_credentials_are_told_apart(void **state)
{
    (void)state;
    struct credentials *credentials = credentials_new();
    char secret[32], header[48];
    for (int64_t id = 1; id <= 3000; id++) {
        snprintf(secret, sizeof secret, "secret-%lld", (long long)id);
        struct credential credential = make(id, CREDENTIAL_BEARER, NULL, secret);
        credentials_put(credentials, &credential);
    }
    for (int64_t id = 1; id <= 3000; id++) {
        struct caller caller;
        snprintf(header, sizeof header, "Bearer secret-%lld", (long long)id);
        assert_int_equal(authenticate_at(credentials, header, FORM_BEARER, NOW, &caller), ERR_OK);
        assert_int_equal(caller.credential_id, id);
    }
    assert_int_equal(authenticate(credentials, "Bearer secret-0", FORM_BEARER), ERR_UNAUTHENTICATED);
    credentials_free(credentials);
}

static void the_last_use_is_told_once(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct last_used *items;
    struct credentials *credentials = with(make(1, CREDENTIAL_BEARER, NULL, "used"));
    struct credential other = make(2, CREDENTIAL_BEARER, NULL, "not used");
    credentials_put(credentials, &other);
    assert_int_equal(credentials_take_last_used(credentials, &arena, &items), 0);
    assert_int_equal(authenticate(credentials, "Bearer used", FORM_BEARER), ERR_OK);
    assert_int_equal(authenticate(credentials, "Bearer not known", FORM_BEARER), ERR_UNAUTHENTICATED);
    assert_int_equal(credentials_take_last_used(credentials, &arena, &items), 1);
    assert_int_equal(items[0].credential_id, 1);
    assert_int_equal(items[0].time, NOW);
    struct last_used *again;
    assert_int_equal(credentials_take_last_used(credentials, &arena, &again), 0);

    struct last_used unsaved[] = { { 1, NOW - 5 }, { 12345, NOW } };
    credentials_give_back_last_used(credentials, unsaved, COUNT_OF(unsaved));
    assert_int_equal(credentials_take_last_used(credentials, &arena, &again), 1);
    assert_int_equal(again[0].time, NOW - 5);
    assert_int_equal(authenticate(credentials, "Bearer used", FORM_BEARER), ERR_OK);
    credentials_give_back_last_used(credentials, unsaved, COUNT_OF(unsaved)); /* the use after it counts */
    assert_int_equal(credentials_take_last_used(credentials, &arena, &again), 1);
    assert_int_equal(again[0].time, NOW);
    arena_free(&arena);
    credentials_free(credentials);
}

static void a_made_secret_is_accepted_and_no_two_are_alike(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    static const struct {
        int kind;
        unsigned form;
        size_t length;
    } kinds[] = { { CREDENTIAL_BEARER, FORM_BEARER, 36 },
                  { CREDENTIAL_API_KEY, FORM_BASIC, 43 },
                  { CREDENTIAL_KEY, FORM_RAW, 43 },
                  { CREDENTIAL_PERSONAL_KEY, FORM_PERSONAL_KEY, 43 } };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct credential one = { .organization_id = 1, .id = 1, .kind = kinds[i].kind }, two = one;
        credential_make_secret(&arena, &one);
        credential_make_secret(&arena, &two);
        assert_int_equal(strlen(one.secret), kinds[i].length);
        assert_string_not_equal(one.secret, two.secret);
        assert_int_equal(strspn(one.secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), kinds[i].length);
        struct credentials *credentials = with(one);
        char *header = kinds[i].form == FORM_BASIC ? basic(arena_printf(&arena, "%s:%s", one.key_id, one.secret)) : NULL;
        const char *scheme = kinds[i].form == FORM_BEARER ? "Bearer " : kinds[i].form == FORM_PERSONAL_KEY ? "PersonalKey " : "";
        assert_int_equal(
            authenticate(credentials, header ? header : arena_printf(&arena, "%s%s", scheme, one.secret), kinds[i].form), ERR_OK);
        free(header);
        credentials_free(credentials);
    }
    arena_free(&arena);
}

static void a_given_key_id_is_kept(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct credential credential = { .kind = CREDENTIAL_API_KEY, .key_id = "mine" };
    credential_make_secret(&arena, &credential);
    assert_string_equal(credential.key_id, "mine");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_finds_its_kind),
        cmocka_unit_test(the_caller_is_what_the_credential_says),
        cmocka_unit_test(permits_allow_only_what_they_name_and_the_rights_do_too),
        cmocka_unit_test(permits_follow_a_changed_credential),
        cmocka_unit_test(the_name_is_kept_and_told),
        cmocka_unit_test(the_scheme_may_be_in_any_letter_case_the_secret_not),
        cmocka_unit_test(what_is_malformed_is_not_authenticated),
        cmocka_unit_test(basic_credentials_of_any_length_are_read),
        cmocka_unit_test(an_api_key_needs_its_own_key_id),
        cmocka_unit_test(a_huge_header_is_not_authenticated),
        cmocka_unit_test(a_credential_expires_at_the_exact_microsecond),
        cmocka_unit_test(a_revoked_credential_stops_working),
        cmocka_unit_test(a_new_secret_replaces_the_old_one),
        cmocka_unit_test(a_dropped_organization_takes_only_its_own_credentials_along),
        cmocka_unit_test(a_dropped_credential_works_again_when_it_is_put_again),
        cmocka_unit_test(a_secret_of_a_dropped_organization_can_be_used_again),
        cmocka_unit_test(many_credentials_are_told_apart),
        cmocka_unit_test(the_last_use_is_told_once),
        cmocka_unit_test(a_made_secret_is_accepted_and_no_two_are_alike),
        cmocka_unit_test(a_given_key_id_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
