/* commit.c — what one commit writes: fence, numbers, rows, log.
 *
 * Numbers come from counters in the row of the installation, read and written once in a transaction that needs them. An
 * explicit number (import) raises its counter. A number that is given twice is impossible; gaps are harmless. */
#include "store/sqlite/writer.h"

static const enum noun number_order[] = { NOUN_ORGANIZATION, NOUN_ACCOUNT, NOUN_USER, NOUN_GROUP, NOUN_CREDENTIAL };
enum { NUMBER_COUNT = sizeof number_order / sizeof *number_order };

static enum err read_numbers(struct op *op, struct writer *writer)
{
    if (writer->numbers_read) return ERR_OK;
    AUTO_QUERY q = db_query(&writer->db.base, "SELECT last_organization, last_account, last_user, last_group, last_credential"
                                              " FROM installation");
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e) return e;
    for (int i = 0; i < NUMBER_COUNT; i++) writer->numbers[number_order[i]] = column_number(&q, i);
    writer->numbers_read = true;
    writer->numbers_changed = false;
    return ERR_OK;
}

enum err sqlite_write_numbers(struct op *op, struct writer *writer)
{
    if (!writer->numbers_read || !writer->numbers_changed) return ERR_OK;
    AUTO_QUERY q = db_query(&writer->db.base, "UPDATE installation SET last_organization = $1, last_account = $2, last_user = $3,"
                                              " last_group = $4, last_credential = $5");
    for (int i = 0; i < NUMBER_COUNT; i++) query_number(&q, writer->numbers[number_order[i]]);
    return query_run(op, &q);
}

static enum err raise_number(void *context, struct op *op, enum noun noun, int64_t number)
{
    struct writer *writer = context;
    enum err e = read_numbers(op, writer);
    if (e || number <= writer->numbers[noun]) return e;
    writer->numbers[noun] = number;
    writer->numbers_changed = true;
    return ERR_OK;
}

static enum err next_number(void *context, struct op *op, enum noun noun, int64_t *ret_number)
{
    struct writer *writer = context;
    enum err e = read_numbers(op, writer);
    if (e) return e;
    *ret_number = ++writer->numbers[noun];
    writer->numbers_changed = true;
    return ERR_OK;
}

static enum err write_log(struct writer *writer, struct waiting *w, int64_t previous)
{
    struct organization organization;
    struct change mark;
    struct change_list list = commit_logged(w->commit, &organization, &mark);
    w->commit_id = uuid_random();
    for (size_t i = 0; i < list.count; i++) {
        AUTO_QUERY q = db_query(&writer->db.base, "INSERT INTO change (sequence, previous, " LOG_COLUMNS ")"
                                                  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
        query_number(&q, writer->next_sequence);
        query_number(&q, previous);
        commit_bind_entry(&q, w, &list.items[i], i);
        enum err e = query_run(w->op, &q);
        if (e) return e;
        previous = writer->next_sequence++;
    }
    w->last_sequence = previous;
    return ERR_OK;
}

static enum err check_fence(struct writer *writer, struct waiting *w, int64_t *ret_last_sequence)
{
    AUTO_QUERY q = db_query(&writer->db.base, "SELECT version, last_time, last_sequence, unique_group_names FROM organization"
                                              " WHERE id = $1 AND deleted_at IS NULL");
    query_number(&q, w->commit->organization_id);
    bool row;
    enum err e = query_step(w->op, &q, &row);
    if (e) return e;
    *ret_last_sequence = column_number(&q, 2);
    const struct fence fence = { row, column_number(&q, 0), column_number(&q, 1), column_number(&q, 3) };
    return commit_check_fence(w, &fence);
}

static enum err move_fence(struct writer *writer, struct waiting *w)
{
    AUTO_QUERY q = db_query(&writer->db.base, "UPDATE organization SET version = version + 1, last_time = $1, last_sequence = $2"
                                              " WHERE id = $3 AND version = $4");
    query_number(&q, w->time);
    query_number(&q, w->last_sequence);
    query_number(&q, w->commit->organization_id);
    query_number(&q, w->commit->expected_version);
    return query_run(w->op, &q);
}

enum err sqlite_commit_run(struct writer *writer, struct waiting *w)
{
    const struct number_source numbers = { .context = writer, .next = next_number, .raise = raise_number };
    int64_t last_sequence = 0;
    enum err e = check_fence(writer, w, &last_sequence);
    if (!e) e = commit_number(w, &numbers);
    if (!e) e = commit_render(w);
    if (!e) e = commit_write_rows(w, &writer->db.base);
    if (!e) e = write_log(writer, w, last_sequence);
    return e ? e : move_fence(writer, w);
}
