/* What an import looks up in PostgreSQL is asked for many lines at once. It is counted how often anything is sent to the
 * database, by a proxy before it. */
#include "postgres_proxy.h"

#include "directory/importer.h"

enum { ACCOUNTS = 400, USERS = 900, GROUPS = 300, MEMBERS = 2000 };

static void report(void *context, int64_t line, const char *text)
{
    (void)context;
    (void)line;
    (void)text;
}

static enum err import_lines(struct store *store, const char *lines, bool keep_going, struct import_counts *ret_counts)
{
    AUTO_OP op = op_begin();
    op.caller.system = true;
    FILE *file = fmemopen((void *)lines, strlen(lines), "r");
    assert_non_null(file);
    struct import_options options = { .keep_going = keep_going, .report = report };
    enum err e = directory_import(&op, store, file, &options, ret_counts);
    fclose(file);
    return e;
}

static struct buf make_file(int64_t organization_id)
{
    struct buf lines = BUF_INIT(1 << 20);
    long long organization = (long long)organization_id;
    long long first = organization * 10000; /* numbers are the installation's */
    for (int i = 0; i < USERS; i++) {
        long long account = first + i % ACCOUNTS;
        if (i < ACCOUNTS) buf_printf(&lines, "{\"type\":\"account\",\"id\":%lld}\n", account);
        buf_printf(&lines, "{\"type\":\"user\",\"organizationId\":%lld,\"id\":%lld,\"accountId\":%lld}\n", organization,
                   first + i, account);
    }
    for (int i = 0; i < GROUPS; i++)
        buf_printf(&lines, "{\"type\":\"group\",\"organizationId\":%lld,\"id\":%lld,\"name\":\"group %d\"}\n", organization,
                   first + i, i);
    for (int i = 0; i < MEMBERS; i++)
        buf_printf(&lines, "{\"type\":\"membership\",\"organizationId\":%lld,\"groupId\":%lld,\"userId\":%lld}\n", organization,
                   first + i % GROUPS, first + (i + i / GROUPS) % USERS);
    return lines;
}

static void what_is_known_is_looked_up_for_many_lines_at_once(void **state)
{
    struct fixture *f = *state;
    struct proxy *proxy = proxy_open(f);
    struct store *store = open_node(f, proxy->url, 0);
    struct buf lines = make_file(f->organization_id);
    struct import_counts counts;
    assert_int_equal(import_lines(store, buf_cstr(&lines), false, &counts), ERR_OK);
    assert_int_equal(counts.created[NOUN_MEMBERSHIP], MEMBERS);
    int before = atomic_load(&proxy->asked);
    assert_int_equal(import_lines(store, buf_cstr(&lines), false, &counts), ERR_OK);
    int asked = atomic_load(&proxy->asked) - before;
    assert_int_equal(counts.unchanged[NOUN_ACCOUNT], ACCOUNTS);
    assert_int_equal(counts.unchanged[NOUN_USER], USERS);
    assert_int_equal(counts.unchanged[NOUN_GROUP], GROUPS);
    assert_int_equal(counts.unchanged[NOUN_MEMBERSHIP], MEMBERS);
    assert_in_range(asked, 2, (ACCOUNTS + USERS + GROUPS + MEMBERS) / 10); /* in two readings */
    buf_free(&lines);
    store_close(store);
    proxy_close(proxy);
}

static void assert_bad_lines_ask_little(struct fixture *f, int64_t organization_id)
{
    enum { BAD = 2000 };
    struct proxy *proxy = proxy_open(f);
    struct store *store = open_node(f, proxy->url, 0);
    struct buf lines = BUF_INIT(1 << 20);
    for (int i = 0; i < BAD; i++)
        buf_printf(&lines, "{\"type\":\"membership\",\"organizationId\":%lld,\"groupId\":%d,\"userId\":1}\n",
                   (long long)organization_id, 1000000 + i);
    struct import_counts counts;
    for (int keep_going = 0; keep_going <= 1; keep_going++) {
        int before = atomic_load(&proxy->asked);
        assert_int_equal(import_lines(store, buf_cstr(&lines), keep_going, &counts), ERR_INVALID);
        assert_int_equal(counts.bad, BAD);
        assert_in_range(atomic_load(&proxy->asked) - before, 1, BAD / 10);
    }
    buf_free(&lines);
    store_close(store);
    proxy_close(proxy);
}

static void so_is_what_bad_lines_refer_to(void **state)
{
    struct fixture *f = *state;
    assert_bad_lines_ask_little(f, f->organization_id);
}

static void nor_is_each_line_of_an_organization_that_is_not_there_asked_for(void **state)
{
    assert_bad_lines_ask_little(*state, 999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(what_is_known_is_looked_up_for_many_lines_at_once),
        postgres_test(so_is_what_bad_lines_refer_to),
        postgres_test(nor_is_each_line_of_an_organization_that_is_not_there_asked_for),
    };
    return run_postgres_tests(tests);
}
