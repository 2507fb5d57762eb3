/* Several lines of one file about a credential: it has no number until it is committed, and each line counts. */
#include "import_fixture.h"

#define UUID "2ed2bfd5-f927-490b-b77a-a7e2f0685d@"
#define CREDENTIAL "{'type':'credential','organizationId':@,'kind':'bearer',"

struct found {
    int count;
    bool writes;
    char name[64];
};

static enum err note_credential(void *context, struct op *op, const struct credential *credential)
{
    struct found *found = context;
    (void)op;
    found->count++;
    found->writes = credential->rights & RIGHT_WRITE;
    snprintf(found->name, sizeof found->name, "%s", credential->name ? credential->name : "");
    return ERR_OK;
}

/* The organization's only one. */
static struct found get_credential(struct world *w)
{
    struct found found = { 0 };
    struct store_sink sink = { .context = &found, .credential = note_credential };
    int64_t version;
    AUTO_OP op = op_begin();
    assert_int_equal(store_load(&op, w->other, w->organization_id, &sink, NULL, &version), ERR_OK);
    assert_int_equal(found.count, 1);
    return found;
}

/* However the lines name it. */
static const char *const files[] = {
    CREDENTIAL "'rights':['read'],'secret':'s@'}\n",
    CREDENTIAL "'rights':['read'],'secret':'s@','name':'New'}\n",
    CREDENTIAL "'rights':['read','write'],'secret':'s@'}\n",

    CREDENTIAL "'rights':['read'],'secret':'s@','uuid':'" UUID "'}\n",
    CREDENTIAL "'rights':['read'],'secret':'s@','name':'New'}\n",
    CREDENTIAL "'rights':['read','write'],'secret':'s@','uuid':'" UUID "'}\n",
};

static void each_line_about_a_new_credential_counts(void **state)
{
    struct world *w = *state;
    const char *organization = "{'type':'organization','id':@,'name':'Its own'}\n";
    char lines[2048];
    for (size_t i = 0; i < 4; i++) {
        bool makes_organization = i % 2;
        const char *const *file = &files[i / 2 * 3];
        w->organization_id = 50 + (int64_t)i;
        if (!makes_organization) import(w, organization);
        snprintf(lines, sizeof lines, "%s%s%s%s", makes_organization ? organization : "", file[0], file[1], file[2]);
        struct outcome outcome = import(w, lines);
        assert_int_equal(outcome.counts.created[NOUN_CREDENTIAL], 1);
        assert_int_equal(outcome.counts.changed[NOUN_CREDENTIAL], 2);
        struct found found = get_credential(w);
        assert_string_equal(found.name, "New");
        assert_true(found.writes);
    }
    assert_sound(w);
}

/* Line by line, because another one of the batch is refused: its number is another organization's. */
static void also_where_the_batch_is_done_again(void **state)
{
    struct world *w = *state;
    import(w, "{'type':'user','organizationId':@,'id':100}\n");
    w->organization_id = 50;
    import(w, "{'type':'organization','id':@,'name':'Its own'}\n");
    char lines[2048];
    snprintf(lines, sizeof lines, "{'type':'user','organizationId':@,'id':100}\n%s%s", files[0], files[1]);
    struct outcome outcome = import_lines(w, lines, false, true);
    assert_bad(outcome, 1, "id");
    assert_int_equal(outcome.counts.bad, 1);
    assert_string_equal(get_credential(w).name, "New");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(each_line_about_a_new_credential_counts),
        world_test(also_where_the_batch_is_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
