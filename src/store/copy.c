/* copy.c — a whole directory from one database to another, whichever engines they have.
 *
 * The source is read in one snapshot, the target is written in one transaction by the thread that writes (engine.h), row by row
 * and table by table (copy_tables.c). Nothing is looked at but types and NULL, so a row is copied as it is, deleted and
 * revoked ones too, and versions stay what they were: they are ETags and cursors of others.
 *
 * The log lies in SQLite in the order of commits, numbered (sequence) and chained (previous). PostgreSQL has neither; into SQLite
 * they are made anew, in the order of SQLite's log or, from PostgreSQL, one organization after the other: nothing depends on
 * more, and a log of any length can be read in the order of its key without sorting it.
 *
 * The numbers given last are copied last: PostgreSQL's sequences do not go back with the transaction. */
#include "store/copy.h"

#include "base/memory.h"
#include "base/plural.h"
#include "store/engine.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { PROGRESS_ROWS = 10000, NUMBERS = 5, TABLES_MAX = 32 };

/* ---- statements: a statement is cached by the address of its text, so texts are made once and stay */

struct column_list {
    const char *text;
    int count;
};

static struct texts {
    const char *select[2], *insert[2]; /* by enum db_dialect */
    const char *clear, *count_content, *count;
    struct column_list lists[3]; /* by enum db_type */
} texts[TABLES_MAX];
static struct arena texts_arena = ARENA_INIT;

static struct column_list list_of(const char *text)
{
    struct column_list list = { text, text != NULL };
    for (const char *at = text; at && *at; at++) list.count += *at == ',';
    return list;
}

static const char *join_lists(const struct column_list *lists)
{
    const char *joined = "";
    for (int type = 0; type < 3; type++)
        if (lists[type].count) joined = arena_printf(&texts_arena, "%s%s%s", joined, *joined ? ", " : "", lists[type].text);
    return joined;
}

static const char *parameters(int count)
{
    const char *list = "$1";
    for (int i = 2; i <= count; i++) list = arena_printf(&texts_arena, "%s, $%d", list, i);
    return list;
}

static void make_texts(void)
{
    for (size_t i = 0; store_copied_tables[i].name; i++) {
        const struct copied_table *table = &store_copied_tables[i];
        struct texts *t = &texts[i];
        if (i == TABLES_MAX) abort(); /* a mistake here: TABLES_MAX */
        t->lists[DB_NUMBER] = list_of(table->numbers);
        t->lists[DB_TEXT] = list_of(table->texts);
        t->lists[DB_BYTES] = list_of(table->bytes);
        const char *columns = join_lists(t->lists);
        int count = t->lists[DB_NUMBER].count + t->lists[DB_TEXT].count + t->lists[DB_BYTES].count;
        t->select[DIALECT_SQLITE] = arena_printf(&texts_arena, "SELECT %s FROM %s ORDER BY %s", columns, table->name,
                                                 table->log ? "sequence" : table->order);
        t->select[DIALECT_POSTGRES] =
            arena_printf(&texts_arena, "SELECT %s FROM %s ORDER BY %s", columns, table->name, table->order);
        t->insert[DIALECT_SQLITE] =
            arena_printf(&texts_arena, "INSERT INTO %s (%s%s) VALUES (%s)", table->name, table->log ? COPY_LOG_CHAIN ", " : "",
                         columns, parameters(count + (table->log ? 2 : 0)));
        t->insert[DIALECT_POSTGRES] = arena_printf(&texts_arena, "COPY %s (%s) FROM STDIN", table->name, columns);
        t->clear = arena_printf(&texts_arena, "DELETE FROM %s", table->name);
        t->count = arena_printf(&texts_arena, "SELECT count(*) FROM %s", table->name);
        t->count_content = table->initial ? arena_printf(&texts_arena, "%s WHERE NOT (%s)", t->count, table->initial) : t->count;
    }
}

/* ---- one copy */

/* Where the log of an organization ends in the target. */
struct log_end {
    int64_t organization_id, sequence;
};

struct copying {
    struct db *from;
    store_copy_function progress;
    void *context;
    int64_t rows[TABLES_MAX];
    struct log_end *ends; /* ordered by organization */
    size_t end_count;
    int64_t sequence; /* of the newest entry */
};

static enum err count_rows(struct op *op, struct db *db, const char *sql, int64_t *ret_count)
{
    AUTO_QUERY q = db_query(db, sql);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (!e) *ret_count = column_number(&q, 0);
    return e;
}

static enum err check_is_empty(struct op *op, struct db *to)
{
    for (size_t i = 0; store_copied_tables[i].name; i++) {
        int64_t count;
        enum err e = count_rows(op, to, texts[i].count_content, &count);
        if (e) return e;
        if (count)
            return op_fail(op, ERR_EXISTS, "to", "the database is not empty, it has rows in %s: copy into a new one",
                           store_copied_tables[i].name);
    }
    return ERR_OK;
}

static void bind_column(struct query *insert, const struct query *row, enum db_type type, int column)
{
    size_t size;
    const void *bytes;
    if (column_is_null(row, column)) {
        query_null(insert, type);
        return;
    }
    switch (type) {
    case DB_NUMBER:
        query_number(insert, column_number(row, column));
        return;
    case DB_TEXT:
        query_text(insert, column_text(row, column));
        return;
    case DB_BYTES:
        bytes = column_bytes(row, column, &size);
        query_bytes(insert, bytes ? bytes : "", size); /* none: no bytes, which is not NULL */
        return;
    }
}

static struct log_end *find_end(const struct copying *c, int64_t organization_id)
{
    size_t low = 0, high = c->end_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->ends[middle].organization_id < organization_id) low = middle + 1;
        else high = middle;
    }
    return low < c->end_count && c->ends[low].organization_id == organization_id ? &c->ends[low] : NULL;
}

/* Binds the columns of COPY_LOG_CHAIN; the entry's first column is its organization. */
static enum err bind_chain(struct op *op, struct copying *c, struct query *insert, const struct query *row)
{
    struct log_end *end = find_end(c, column_number(row, 0));
    if (!end)
        return op_fail(op, ERR_STORAGE, "from", "the log has entries of an organization %" PRId64 " that does not exist",
                       column_number(row, 0));
    query_number(insert, ++c->sequence);
    query_number(insert, end->sequence);
    end->sequence = c->sequence;
    return ERR_OK;
}

static enum err copy_row(struct op *op, struct copying *c, size_t table, struct query *insert, const struct query *row)
{
    bool chain = store_copied_tables[table].log && insert->db->driver->dialect == DIALECT_SQLITE;
    enum err e = chain ? bind_chain(op, c, insert, row) : ERR_OK;
    if (e) return e;
    int column = 0;
    for (int type = DB_NUMBER; type <= DB_BYTES; type++)
        for (int i = 0; i < texts[table].lists[type].count; i++) bind_column(insert, row, type, column++);
    e = query_run(op, insert);
    query_again(insert);
    return e;
}

static enum err tell(struct op *op, const struct copying *c, size_t table, bool done)
{
    return c->progress ? c->progress(c->context, op, store_copied_tables[table].name, c->rows[table], done) : ERR_OK;
}

static enum err copy_table(struct op *op, struct copying *c, struct db *to, size_t table)
{
    c->rows[table] = 0;
    if (store_copied_tables[table].initial) {
        AUTO_QUERY clear = db_query(to, texts[table].clear);
        enum err e = query_run(op, &clear);
        if (e) return e;
    }
    AUTO_QUERY q = db_stream(c->from, texts[table].select[c->from->driver->dialect]);
    AUTO_QUERY insert = db_bulk(to, texts[table].insert[to->driver->dialect]);
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        e = copy_row(op, c, table, &insert, &q);
        if (!e && ++c->rows[table] % PROGRESS_ROWS == 0) e = tell(op, c, table, false);
        if (e) return e;
    }
    if (!e) e = query_finish(op, &insert);
    return e ? e : tell(op, c, table, true);
}

static enum err list_ends(struct op *op, struct copying *c)
{
    size_t capacity = 0;
    c->end_count = 0;
    c->sequence = 0;
    AUTO_QUERY q = db_stream(c->from, "SELECT id FROM organization ORDER BY id");
    bool row;
    enum err e;
    free(c->ends);
    c->ends = NULL;
    while (!(e = query_step(op, &q, &row)) && row) {
        c->ends = memory_grow(c->ends, c->end_count, &capacity, sizeof *c->ends);
        c->ends[c->end_count++] = (struct log_end){ column_number(&q, 0), 0 };
    }
    return e;
}

static enum err write_ends(struct op *op, const struct copying *c, struct db *to)
{
    if (to->driver->dialect != DIALECT_SQLITE) return ERR_OK;
    for (size_t i = 0; i < c->end_count; i++) {
        AUTO_QUERY q = db_query(to, "UPDATE organization SET last_sequence = $1 WHERE id = $2");
        query_number(&q, c->ends[i].sequence);
        query_number(&q, c->ends[i].organization_id);
        enum err e = query_run(op, &q);
        if (e) return e;
    }
    return ERR_OK;
}

/* The numbers given last, of organizations, accounts, users, groups, credentials. */
static enum err read_numbers(struct op *op, struct db *from, int64_t *ret_numbers)
{
    static const char columns[] =
        "SELECT last_organization, last_account, last_user, last_group, last_credential FROM installation";
#define GIVEN(sequence) "(SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM " sequence ")"
    static const char sequences[] = "SELECT " GIVEN("organization_number") ", " GIVEN("account_number") ", " GIVEN(
        "user_number") ", " GIVEN("group_number") ", " GIVEN("credential_number");
#undef GIVEN
    AUTO_QUERY q = db_query(from, db_text(from, columns, sequences));
    bool row;
    enum err e = query_step(op, &q, &row);
    for (int i = 0; i < NUMBERS && !e; i++) ret_numbers[i] = column_number(&q, i);
    return e;
}

static enum err write_numbers(struct op *op, struct db *to, const int64_t *numbers)
{
    static const char columns[] = "UPDATE installation SET last_organization = $1, last_account = $2, last_user = $3,"
                                  " last_group = $4, last_credential = $5";
#define GIVE(sequence, number) "setval('" sequence "', greatest(" number "::bigint, 1), " number "::bigint > 0)"
    static const char sequences[] = "SELECT " GIVE("organization_number", "$1") ", " GIVE("account_number", "$2") ", " GIVE(
        "user_number", "$3") ", " GIVE("group_number", "$4") ", " GIVE("credential_number", "$5");
#undef GIVE
    AUTO_QUERY q = db_query(to, db_text(to, columns, sequences));
    for (int i = 0; i < NUMBERS; i++) query_number(&q, numbers[i]);
    bool row;
    return query_step(op, &q, &row);
}

static enum err run_copy(struct op *op, struct db *to, void *context, bool *ret_wrote)
{
    struct copying *c = context;
    int64_t numbers[NUMBERS];
    enum err e = check_is_empty(op, to);
    if (!e) e = list_ends(op, c);
    *ret_wrote = !e;
    for (size_t i = 0; store_copied_tables[i].name && !e; i++) e = copy_table(op, c, to, i);
    if (!e) e = write_ends(op, c, to);
    if (!e) e = read_numbers(op, c->from, numbers);
    return e ? e : write_numbers(op, to, numbers);
}

static enum err check_counts(struct op *op, const struct copying *c, struct store *to)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, to, &reader);
    for (size_t i = 0; store_copied_tables[i].name && !e; i++) {
        int64_t count = 0;
        e = count_rows(op, reader.db, texts[i].count, &count);
        if (!e && count != c->rows[i])
            e = op_fail(op, ERR_STORAGE, "to", "%s has %" PRId64 " row%s, %" PRId64 " were copied", store_copied_tables[i].name,
                        count, plural(count), c->rows[i]);
    }
    return e;
}

static void free_copying(struct copying *c)
{
    free(c->ends);
}

/* Our own connections are younger. */
enum err store_count_others(struct op *op, struct store *store, int64_t *ret_count)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    return count_rows(op, reader.db,
                      db_text(reader.db, "SELECT openers - 1 FROM installation",
                              "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE"
                              " 'roster %' AND backend_start < clock_timestamp() - interval '2 seconds'"),
                      ret_count);
}

enum err store_copy(struct op *op, struct store *from, struct store *to, store_copy_function progress, void *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_texts);

    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, from, &reader);
    if (!e) e = store_snapshot(op, &reader);
    if (e) return e;
    __attribute__((cleanup(free_copying))) struct copying c = { .from = reader.db, .progress = progress, .context = context };
    e = store_run_task(op, to, run_copy, &c);
    return e ? e : check_counts(op, &c, to);
}
