/* What is kept in memory when batches of an import are done again. */
#include "import_fixture.h"

#include "store/engine.h"

#include <malloc.h>

/* The importer's store, which notes how much memory there is at each look into the database. */
static struct {
    const struct engine *real;
    size_t least, most; /* bytes */
} watching;

/* --- memory --- */

static enum err take_reader_measured(struct op *op, struct store *store, struct db **ret_db)
{
    struct mallinfo2 memory = mallinfo2(); /* all zeros with a sanitizer */
    size_t bytes = memory.uordblks + memory.hblkhd;
    if (bytes < watching.least) watching.least = bytes;
    if (bytes > watching.most) watching.most = bytes;
    return watching.real->take_reader(op, store, ret_db);
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
    watching.real = w->other->engine;
    watching.least = SIZE_MAX;
    watching.most = 0;
    engine.take_reader = take_reader_measured;
    w->other->engine = &engine;
    struct outcome outcome = import_lines(w, buf_cstr(&lines), false, true);
    w->other->engine = watching.real;
    buf_free(&lines);
    assert_bad(outcome, 1, "secret");
    assert_int_equal(outcome.counts.bad, CREDENTIALS);
    assert_in_range(watching.most - watching.least, 0, 8 << 20);
    w->organization_id = first;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(refused_credentials_do_not_add_up_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
