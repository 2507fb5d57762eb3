/* log.c — reading the log of an organization, and noticing what others committed.
 *
 * Entries of an organization are chained backwards by `previous`. To read what came after a version: start at the newest
 * entry (or, with a limit, at the first milestone behind the last version wanted), walk back to the version, remembering the
 * sequence numbers, and then read them forwards. Milestones stand at every 64th version, so a page costs its own length plus at
 * most 64 commits. Entries never change, so no snapshot is needed. */
#include "base/memory.h"
#include "store/sqlite/store.h"

#include <inttypes.h>

struct sequences {
    int64_t *items;
    size_t count, capacity;
};

static void free_sequences(struct sequences *sequences)
{
    free(sequences->items);
}
#define AUTO_SEQUENCES __attribute__((cleanup(free_sequences))) struct sequences

static void add_sequence(struct sequences *sequences, int64_t sequence)
{
    sequences->items = memory_grow(sequences->items, sequences->count, &sequences->capacity, sizeof *sequences->items);
    sequences->items[sequences->count++] = sequence;
}

/* Where to begin walking back so that `last_version` is met; *ret_sequence 0: the log is empty. A deleted organization's log
 * can be read too. */
static enum err find_start(struct op *op, struct db *db, int64_t organization_id, int64_t last_version, int64_t *ret_sequence)
{
    bool row;
    if (last_version != INT64_MAX) {
        AUTO_QUERY milestone =
            db_query(db, "SELECT sequence FROM change WHERE organization_id = $1 AND version > $2 AND position = 0"
                         " AND version & 63 = 0 ORDER BY version LIMIT 1");
        query_number(&milestone, organization_id);
        query_number(&milestone, last_version);
        enum err e = query_step(op, &milestone, &row);
        if (e) return e;
        if (row) {
            *ret_sequence = column_number(&milestone, 0);
            return ERR_OK;
        }
    }
    AUTO_QUERY newest = db_query(db, "SELECT last_sequence FROM organization WHERE id = $1");
    query_number(&newest, organization_id);
    enum err e = query_step(op, &newest, &row);
    if (e) return e;
    if (!row) return op_fail(op, ERR_NOT_FOUND, "organization", "there is no organization %" PRId64, organization_id);
    *ret_sequence = column_number(&newest, 0);
    return ERR_OK;
}

/* *ret_commit_id becomes the commit of after_version, nil if the log has no such version. */
static enum err walk_back(struct op *op, struct db *db, int64_t sequence, int64_t after_version, int64_t last_version,
                          struct sequences *ret_sequences, struct uuid *ret_commit_id)
{
    *ret_commit_id = (struct uuid){ 0 };
    while (sequence) {
        AUTO_QUERY q = db_query(db, "SELECT version, previous, commit_id FROM change WHERE sequence = $1");
        query_number(&q, sequence);
        bool row;
        enum err e = query_step(op, &q, &row);
        if (e) return e;
        if (!row) return op_fail(op, ERR_STORAGE, "store", "the log has no entry %" PRId64, sequence);
        int64_t version = column_number(&q, 0), previous = column_number(&q, 1);
        if (version == after_version) *ret_commit_id = column_uuid(&q, 2);
        if (version <= after_version) break;
        if (version <= last_version) add_sequence(ret_sequences, sequence);
        if (previous >= sequence)
            return op_fail(op, ERR_STORAGE, "store", "the log's entry %" PRId64 " is not after its previous one", sequence);
        sequence = previous;
    }
    return ERR_OK;
}

static enum err tell_entry(struct op *op, struct db *db, int64_t sequence, store_log_function function, void *context)
{
    AUTO_QUERY q = db_query(db, "SELECT organization_id, version, position, time, credential_id, user_id, kind, detail,"
                                " commit_id FROM change WHERE sequence = $1");
    query_number(&q, sequence);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e) return e;
    struct log_entry entry = {
        .organization_id = column_number(&q, 0),
        .version = column_number(&q, 1),
        .position = column_number(&q, 2),
        .time = column_number(&q, 3),
        .credential_id = column_number(&q, 4),
        .user_id = column_number(&q, 5),
        .detail = column_text(&q, 7),
        .commit_id = column_uuid(&q, 8),
    };
    const char *word = column_text(&q, 6);
    if (!row || !word || !change_find(word, &entry.kind)) {
        return op_fail(op, ERR_STORAGE, "store", "the log's entry %" PRId64 " is of an unknown kind", sequence);
    }
    return function(context, op, &entry);
}

enum err sqlite_read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                         const struct uuid *after_commit_id, int64_t limit, store_log_function function, void *context)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (e) return e;
    int64_t last_version = limit > 0 && after_version < INT64_MAX - limit ? after_version + limit : INT64_MAX;
    int64_t start = 0;
    AUTO_SEQUENCES sequences = { 0 };
    e = find_start(op, reader.db, organization_id, last_version, &start);
    struct uuid commit_id;
    if (!e) e = walk_back(op, reader.db, start, after_version, last_version, &sequences, &commit_id);
    if (!e && after_commit_id && !uuid_equal(&commit_id, after_commit_id))
        e = store_fail_past(op, organization_id, after_version);
    for (size_t i = sequences.count; i-- > 0 && !e;) e = tell_entry(op, reader.db, sequences.items[i], function, context);
    return e;
}

/* ---- following */

struct follow_news {
    struct {
        int64_t organization_id, version;
    } * items;
    size_t count, capacity;
    int64_t newest;
};

static void free_news(struct follow_news *news)
{
    free(news->items);
}

static enum err read_data_version(struct op *op, struct db *db, int64_t *ret_version)
{
    AUTO_QUERY q = db_query(db, "PRAGMA data_version");
    bool row;
    enum err e = query_step(op, &q, &row);
    if (!e) *ret_version = column_number(&q, 0);
    return e;
}

static enum err read_news(struct op *op, struct db *db, int64_t cursor, struct follow_news *news)
{
    AUTO_QUERY q = db_query(db, "SELECT organization_id, max(version), max(sequence) FROM change WHERE sequence > $1"
                                " GROUP BY organization_id ORDER BY 3");
    query_number(&q, cursor);
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        news->items = memory_grow(news->items, news->count, &news->capacity, sizeof *news->items);
        news->items[news->count].organization_id = column_number(&q, 0);
        news->items[news->count++].version = column_number(&q, 1);
        news->newest = column_number(&q, 2);
    }
    return e;
}

enum err sqlite_cursor(struct op *op, struct db *db, int64_t *ret_cursor)
{
    AUTO_QUERY newest = db_query(db, "SELECT max(sequence) FROM change");
    bool row;
    enum err e = query_step(op, &newest, &row);
    if (!e) *ret_cursor = column_number(&newest, 0);
    return e;
}

enum err sqlite_follow(struct op *op, struct store *store, int64_t *cursor, store_version_function function, void *context)
{
    struct follower *follower = &sqlite_of(store)->follower;
    __attribute__((cleanup(free_news))) struct follow_news news = { .newest = *cursor };

    /* data_version is read first: what is committed in between is found now and looked for again next time. */
    pthread_mutex_lock(&follower->lock);
    int64_t data_version = 0;
    enum err e = read_data_version(op, &follower->db.base, &data_version);
    if (!e && (data_version != follower->data_version || *cursor != follower->cursor)) {
        e = read_news(op, &follower->db.base, *cursor, &news);
        follower->data_version = e ? 0 : data_version;
        follower->cursor = news.newest;
    }
    pthread_mutex_unlock(&follower->lock);

    for (size_t i = 0; i < news.count && !e; i++) e = function(context, op, news.items[i].organization_id, news.items[i].version);
    if (!e) *cursor = news.newest;
    return e;
}
