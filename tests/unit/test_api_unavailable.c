/* What each API says when the database is away, or is asked for a version that it does not have: always 503, always in its own
 * form, and never in the engine's words. That Retry-After comes with it is in test_net_versions.c. */
#include "directory_fixture.h"

#include "api/dialects.h"

#define ENGINE "disk I/O error at page 17"

/* What the body has to have in it. */
// clang-format off
static const struct {
    const char *api;
    enum err code;
    const char *field, *expected;
} cases[] = {
    { "bold",       ERR_BUSY,            "",                "\"message\":\"Try again shortly\",\"code\":\"Unavailable\"" },
    { "bold",       ERR_STORAGE,         "store",           "\"message\":\"The directory could not be reached\",\"code\":\"Unavailable\"" },
    { "bold",       ERR_UNKNOWN_OUTCOME, "store",           "may or may not have been made\",\"code\":\"UnknownOutcome\"" },
    { "tedee",      ERR_BUSY,            "",                "\"errorMessages\":[\"Try again shortly.\"],\"statusCode\":503" },
    { "tedee",      ERR_STORAGE,         "store",           "\"errorMessages\":[\"The directory could not be reached.\"],\"statusCode\":503" },
    { "tedee",      ERR_UNKNOWN_OUTCOME, "store",           "may or may not have been made.\"],\"statusCode\":503" },
    { "struct-pim", ERR_BUSY,            "",                "\"Status\":503,\"Detail\":\"Try again shortly.\"" },
    { "struct-pim", ERR_STORAGE,         "store",           "\"Status\":503,\"Detail\":\"The directory could not be reached.\"" },
    { "struct-pim", ERR_UNKNOWN_OUTCOME, "store",           "\"Status\":503,\"Detail\":\"The database was lost while saving: the change may or may not" },
    { "passbolt",   ERR_BUSY,            "",                "\"status\":\"error\"" },
    { "passbolt",   ERR_BUSY,            "",                "\"message\":\"Try again shortly.\"" },
    { "passbolt",   ERR_STORAGE,         "store",           "\"message\":\"The directory could not be reached.\"" },
    { "passbolt",   ERR_UNKNOWN_OUTCOME, "store",           "may or may not have been made.\"" },
    { "system",     ERR_STORAGE,         "store",           "\"code\":\"Unavailable\"" },
};
// clang-format on

static const struct dialect *find_dialect(const char *name)
{
    for (size_t i = 0; dialects[i]; i++)
        if (strcmp(dialects[i]->name, name) == 0) return dialects[i];
    fail_msg("there is no API %s", name);
    return NULL;
}

static int word(struct world *w, const struct dialect *dialect, enum err code, const char *field, const char *text,
                struct response *response)
{
    struct op *op = acting(w, 0);
    struct request request = { .path = "/", .query = "", .body = "", .id = "0f8fad5b-d9cb-469f-a165-70867728950e" };
    *response = (struct response){ .status = 200, .body = BUF_INIT(1 << 16) };
    assert_int_equal(op_fail(op, code, field, "%s", text), code);
    dialect->write_error(op, &request, response);
    return response->status;
}

static void the_database_that_is_away_is_503_in_every_api(void **state)
{
    struct response response;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(word(*state, find_dialect(cases[i].api), cases[i].code, cases[i].field, ENGINE, &response), 503);
        const char *body = buf_cstr(&response.body);
        if (!strstr(body, cases[i].expected)) fail_msg("%s has no %s", body, cases[i].expected);
        if (strcmp(cases[i].api, "system") != 0) assert_null(strstr(body, "disk")); /* no path of it asks the database */
        buf_free(&response.body);
    }
}

/* These sentences are ours, and a client can do something about them. */
static void what_was_asked_for_and_what_there_is_is_told_in_every_api(void **state)
{
    static const char *const fields[] = { "Roster-At-Least", "database" };
    struct response response;
    for (size_t i = 0; dialects[i]; i++) {
        for (size_t j = 0; j < COUNT_OF(fields); j++) {
            assert_int_equal(word(*state, dialects[i], ERR_BUSY, fields[j], "has 7, not yet 8", &response), 503);
            if (!strcasestr(buf_cstr(&response.body), "has 7, not yet 8"))
                fail_msg("%s: %s", dialects[i]->name, buf_cstr(&response.body));
            buf_free(&response.body);
        }
    }
}

static void a_version_that_is_no_number_is_400_in_every_api(void **state)
{
    struct response response;
    for (size_t i = 0; dialects[i]; i++) {
        assert_int_equal(word(*state, dialects[i], ERR_INVALID, "Roster-At-Least", "Roster-At-Least is bad", &response), 400);
        if (!strstr(buf_cstr(&response.body), "Roster-At-Least is bad"))
            fail_msg("%s: %s", dialects[i]->name, buf_cstr(&response.body));
        buf_free(&response.body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(the_database_that_is_away_is_503_in_every_api),
        world_test(what_was_asked_for_and_what_there_is_is_told_in_every_api),
        world_test(a_version_that_is_no_number_is_400_in_every_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
