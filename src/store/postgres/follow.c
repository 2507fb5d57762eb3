/* follow.c — the log, and noticing what other nodes committed.
 *
 * Hints come by LISTEN; the truth is asked for every POLL_MS, after each new connection, and all the time where there can be no
 * LISTEN. The cursor is a transaction number: everything before it has ended and was told. What has a number from the cursor on
 * is told once more at the next poll: that is harmless, and nothing is missed whatever the order in which transactions end. */
#include "store/postgres/store.h"

#include "base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { POLL_MS = 1000 };

/* ---- the log */

static enum err find_organization(struct op *op, struct db *db, int64_t organization_id)
{
    AUTO_QUERY q = db_query(db, "SELECT 1 FROM organization WHERE id = $1");
    query_number(&q, organization_id);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (e || row) return e;
    return op_fail(op, ERR_NOT_FOUND, "organization", "there is no organization %" PRId64, organization_id);
}

#define ENTRY_COLUMNS "organization_id, version, position, time, credential_id, user_id, kind, detail, commit_id"
#define ENTRIES_AFTER                                                                                                            \
    "SELECT " ENTRY_COLUMNS " FROM change WHERE organization_id = $1 AND (version, position) > ($2, $3) AND version <= $4"       \
    " ORDER BY version, position LIMIT $5"
static const char after[] = ENTRIES_AFTER;
/* The first row is of the version itself, if the log has it. */
static const char since[] = "SELECT " ENTRY_COLUMNS " FROM change WHERE organization_id = $1 AND version = $2 AND position = 0"
                            " UNION ALL (" ENTRIES_AFTER ") ORDER BY version, position";

/* What is read of a log, a page at a time: what comes behind the place. */
struct log_reading {
    struct db *db;
    int64_t organization_id, version, position, last_version;
    const struct uuid *commit_id; /* of the version that the first page begins with; NULL: not to be compared */
    store_log_function function;
    void *context;
    bool any; /* there was an entry */
};
enum { LOG_PAGE = 4096, LAST_POSITION = INT32_MAX };

static enum err read_entry(struct op *op, struct query *q, struct log_entry *ret_entry)
{
    *ret_entry = (struct log_entry){
        .organization_id = column_number(q, 0),
        .version = column_number(q, 1),
        .position = column_number(q, 2),
        .time = column_number(q, 3),
        .credential_id = column_number(q, 4),
        .user_id = column_number(q, 5),
        .detail = column_text(q, 7),
        .commit_id = column_uuid(q, 8),
    };
    const char *word = column_text(q, 6);
    if (word && change_find(word, &ret_entry->kind)) return ERR_OK;
    return op_fail(op, ERR_STORAGE, "store", "the log of organization %" PRId64 " has an unknown kind at version %" PRId64,
                   ret_entry->organization_id, ret_entry->version);
}

static enum err take_entry(struct op *op, struct log_reading *reading, const struct log_entry *entry)
{
    if (reading->commit_id) {
        bool same = entry->version == reading->version && uuid_equal(&entry->commit_id, reading->commit_id);
        reading->commit_id = NULL;
        return same ? ERR_OK : store_fail_past(op, reading->organization_id, reading->version);
    }
    reading->version = entry->version;
    reading->position = entry->position;
    return reading->function(reading->context, op, entry);
}

static enum err read_page(struct op *op, struct log_reading *reading, int *ret_count)
{
    AUTO_QUERY q = db_query(reading->db, reading->commit_id ? since : after);
    query_number(&q, reading->organization_id);
    query_number(&q, reading->version);
    query_number(&q, reading->position);
    query_number(&q, reading->last_version);
    query_number(&q, LOG_PAGE);
    bool row;
    enum err e;
    for (*ret_count = 0; !(e = query_step(op, &q, &row)) && row; ++*ret_count) {
        struct log_entry entry;
        e = read_entry(op, &q, &entry);
        if (!e) e = take_entry(op, reading, &entry);
        if (e) break;
        reading->any = true;
    }
    return e;
}

enum err postgres_read_log(struct op *op, struct store *store, int64_t organization_id, int64_t after_version,
                           const struct uuid *after_commit_id, int64_t limit, store_log_function function, void *context)
{
    AUTO_READER reader = { 0 };
    int count = LOG_PAGE;
    enum err e = store_reader(op, store, &reader);
    struct log_reading reading = {
        .db = reader.db,
        .organization_id = organization_id,
        .version = after_version,
        .position = LAST_POSITION,
        .last_version = limit > 0 && after_version < INT64_MAX - limit ? after_version + limit : INT64_MAX,
        .commit_id = after_commit_id,
        .function = function,
        .context = context,
    };
    while (!e && count >= LOG_PAGE) e = read_page(op, &reading, &count);
    if (e || reading.any) return e;
    e = find_organization(op, reader.db, organization_id);
    return !e && after_commit_id ? store_fail_past(op, organization_id, after_version) : e;
}

/* ---- news */

enum err postgres_cursor(struct op *op, struct db *db, int64_t *ret_cursor)
{
    AUTO_QUERY q = db_query(db, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint");
    bool row;
    enum err e = query_step(op, &q, &row);
    if (!e) *ret_cursor = column_number(&q, 0);
    return e;
}

/* Each connection must be told anew that it listens. */
static enum err connect_follower(struct op *op, struct follower *follower)
{
    unsigned before = follower->db.opened;
    enum err e = postgres_connect(op, &follower->db);
    if (follower->db.opened != before) {
        follower->listening = false;
        follower->renewed = true;
    }
    if (e || follower->listening || follower->db.pooled) return e;
    e = postgres_run(op, &follower->db, "LISTEN roster");
    follower->listening = !e;
    return e;
}

/* "12:345 13:7" */
static void hear(struct postgres_store *store, const char *payload)
{
    int64_t organization_id, version;
    int read;
    while (sscanf(payload, "%" SCNd64 ":%" SCNd64 "%n", &organization_id, &version, &read) == 2) {
        hint_list_add(&store->follower.heard, organization_id, version);
        payload += read;
    }
}

static void take_notifications(struct postgres_store *store)
{
    struct postgres_db *db = &store->follower.db;
    if (!db->connection) return;
    PQconsumeInput(db->connection);
    for (PGnotify *notification; (notification = PQnotifies(db->connection)); PQfreemem(notification))
        if (notification->be_pid != atomic_load(&store->hinter.pid)) hear(store, notification->extra);
}

static bool poll_is_due(const struct follower *follower)
{
    return clock_monotonic_ns() - follower->polled_ns >= POLL_MS * INT64_C(1000000);
}

/* True when there is something to do: hints of others, a poll that is due, a connection to be made. Ours are no news. */
static bool take_news(struct postgres_store *store, int *ret_socket)
{
    struct follower *follower = &store->follower;
    pthread_mutex_lock(&follower->lock);
    take_notifications(store);
    bool listens = follower->listening && follower->db.connection && PQstatus(follower->db.connection) == CONNECTION_OK;
    bool due = poll_is_due(follower);
    follower->heard_only = listens && follower->heard.count && !due;
    *ret_socket = listens ? PQsocket(follower->db.connection) : -1;
    bool news = follower->heard.count || (listens && due);
    pthread_mutex_unlock(&follower->lock);
    return news;
}

static int64_t milliseconds_until(int64_t ns)
{
    int64_t left = ns - clock_monotonic_ns();
    return left <= 0 ? 0 : (left + 999999) / 1000000;
}

void postgres_wait_for_news(struct store *base, int64_t timeout_ms)
{
    struct postgres_store *store = postgres_store_of(base);
    int64_t now = clock_monotonic_ns(), until = now + timeout_ms * 1000000, until_poll = now + POLL_MS * INT64_C(1000000);
    struct pollfd fds[2] = { { .fd = base->stop_fd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
    while (!take_news(store, &fds[1].fd) && !(fds[0].revents & POLLIN)) {
        int64_t left_ms = milliseconds_until(fds[1].fd >= 0 && until_poll > until ? until_poll : until);
        if (left_ms == 0) return;
        poll(fds, 2, (int)left_ms);
    }
}

const char *postgres_follows_by(struct store *base)
{
    struct follower *follower = &postgres_store_of(base)->follower;
    pthread_mutex_lock(&follower->lock);
    bool pooled = follower->db.pooled;
    pthread_mutex_unlock(&follower->lock);
    return pooled ? "polling only, because a pooler is in between" : "LISTEN, and polling every second";
}

static enum err poll_versions(struct op *op, struct follower *follower, int64_t *cursor, struct hint_list *news,
                              _Atomic int64_t *epoch)
{
    /* The cursor is of the snapshot that finds the rows: one statement. Row -1 has it. */
    AUTO_QUERY q =
        db_query(&follower->db.base,
                 "SELECT organization_id, max(version), max(transaction::text::bigint) AS newest, 0::bigint FROM change"
                 " WHERE position = 0 AND transaction >= $1::text::xid8 GROUP BY organization_id"
                 " UNION ALL SELECT -1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0,"
                 " (1000000 * extract(epoch FROM pg_postmaster_start_time()))::bigint ORDER BY newest");
    query_text(&q, arena_printf(&op->arena, "%" PRId64, *cursor));
    int64_t next = *cursor, server_started = 0;
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        if (column_number(&q, 0) < 0) next = column_number(&q, 1), server_started = column_number(&q, 3);
        else hint_list_add(news, column_number(&q, 0), column_number(&q, 1));
    }
    if (e) return e;
    /* A pooler may keep the connection while the server behind it becomes another one. */
    bool other = follower->renewed || next < *cursor || server_started != follower->server_started;
    if (other) atomic_fetch_add(epoch, 1);
    follower->renewed = false;
    follower->server_started = server_started;
    *cursor = next;
    follower->polled_ns = clock_monotonic_ns();
    return ERR_OK;
}

/* Whoever may connect may notify: a hint says where to look, the database what is there. */
static enum err look_up_hints(struct op *op, struct follower *follower, struct hint_list *news)
{
    int64_t *ids = arena_array(&op->arena, follower->heard.count, sizeof *ids);
    for (size_t i = 0; i < follower->heard.count; i++) ids[i] = follower->heard.items[i].organization_id;
    AUTO_QUERY q = db_query(&follower->db.base, "SELECT id, version FROM organization WHERE id = ANY ($1)");
    postgres_bind_numbers(op, &q, ids, follower->heard.count);
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) hint_list_add(news, column_number(&q, 0), column_number(&q, 1));
    if (!e) follower->heard.count = 0;
    return e;
}

enum err postgres_follow(struct op *op, struct store *base, int64_t *cursor, store_version_function function, void *context)
{
    struct postgres_store *store = postgres_store_of(base);
    struct follower *follower = &store->follower;
    struct hint_list news = { 0 };
    int64_t next = *cursor;
    pthread_mutex_lock(&follower->lock);
    enum err e = connect_follower(op, follower);
    take_notifications(store);
    bool heard_only = follower->heard_only && !follower->renewed && !e;
    follower->heard_only = false;
    if (heard_only) {
        e = look_up_hints(op, follower, &news);
    } else if (!e) {
        follower->heard.count = 0; /* the poll finds them too */
        e = poll_versions(op, follower, &next, &news, &base->epoch);
    }
    pthread_mutex_unlock(&follower->lock);

    for (size_t i = 0; i < news.count && !e; i++) e = function(context, op, news.items[i].organization_id, news.items[i].version);
    free(news.items);
    if (!e) *cursor = next;
    return e;
}
