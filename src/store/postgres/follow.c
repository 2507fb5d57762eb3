/* follow.c — the log, and noticing what other nodes committed.
 *
 * Hints come by LISTEN; the truth is asked for every POLL_MS, after each new connection, and all the time where there can be no
 * LISTEN. The cursor is a transaction number: everything before it has ended and was told.
 *
 * One transaction that stays open, anywhere in the cluster, holds the cursor where it is, for hours perhaps. So the follower also
 * remembers how far it has come: everything before a number was told, but for the transactions that had not ended then. Only
 * these, and what has a number from there on, are asked for, a page at a time; nothing is missed whatever the order in which
 * transactions end, and nothing is read again because somebody forgot a transaction. */
#include "store/postgres/store.h"

#include "base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
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
/* Of a page all is in memory at once; an entry may take 160 kB: a description and remarks, as they were and as they are. */
enum { LOG_PAGE = 256, LAST_POSITION = INT32_MAX };

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
static bool take_news(struct postgres_store *store, int *ret_socket, bool *ret_pooled)
{
    struct follower *follower = &store->follower;
    pthread_mutex_lock(&follower->lock);
    take_notifications(store);
    bool listens = follower->listening && follower->db.connection && PQstatus(follower->db.connection) == CONNECTION_OK;
    bool due = follower->more || poll_is_due(follower);
    bool hears = listens && !follower->poll_failed; /* what hints lead to says nothing of a log that cannot be read */
    follower->heard_only = hears && follower->heard.count && !due;
    *ret_socket = listens ? PQsocket(follower->db.connection) : -1;
    *ret_pooled = follower->db.pooled;
    bool asks = hears || *ret_pooled; /* else a connection or a poll is tried for when the time has come, whatever was heard */
    bool news = (asks && (follower->heard.count || follower->more)) || (listens && due);
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
    bool pooled;
    while (!take_news(store, &fds[1].fd, &pooled) && !(fds[0].revents & POLLIN)) {
        bool listens = fds[1].fd >= 0;
        bool till_poll = listens || (!pooled && until_poll < until); /* who listens hears, and polls all the same */
        int64_t left_ms = milliseconds_until(till_poll ? until_poll : until);
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

/* $1: from where on; $2: the transactions before that had not ended. The place to go on from is of the snapshot that finds the
 * rows: one statement. Row -1 has it. Entries of one transaction are never on two pages. */
static const char news_since[] =
    "SELECT organization_id, max(version), max(number) AS newest, count(*) FILTER (WHERE paged),"
    " max(number) FILTER (WHERE paged), NULL::text FROM ("
    "(SELECT organization_id, version, transaction::text::bigint AS number, true AS paged FROM change"
    " WHERE position = 0 AND transaction >= $1::text::xid8 ORDER BY transaction FETCH FIRST 4096 ROWS WITH TIES)"
    " UNION ALL SELECT organization_id, version, transaction::text::bigint, false FROM change"
    " WHERE position = 0 AND transaction = ANY ($2::text::xid8[])) AS news GROUP BY organization_id"
    " UNION ALL SELECT -1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint,"
    " (1000000 * extract(epoch FROM pg_postmaster_start_time()))::bigint, 0,"
    " ARRAY(SELECT pg_snapshot_xip(pg_current_snapshot()))::text ORDER BY newest";
enum { NEWS_PAGE = 4096, PAGES_AT_ONCE = 8 };

/* What a page says beside its news: of the snapshot, and of the server. */
struct page {
    int64_t oldest, next, server_started; /* the oldest transaction that is open, the next that begins */
    const char *open;                     /* in the op's arena */
    int64_t count, last;                  /* entries from the place on; the number of the last one */
};

static enum err read_news(struct op *op, struct follower *follower, const struct place *place, struct hint_list *news,
                          struct page *ret_page)
{
    AUTO_QUERY q = db_query(&follower->db.base, news_since);
    query_text(&q, arena_printf(&op->arena, "%" PRId64, place->from));
    query_text(&q, place->open);
    *ret_page = (struct page){ .open = "{}" };
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        if (column_number(&q, 0) < 0) {
            ret_page->oldest = column_number(&q, 1);
            ret_page->next = column_number(&q, 2);
            ret_page->server_started = column_number(&q, 3);
            ret_page->open = arena_strdup(&op->arena, column_text(&q, 5));
            continue;
        }
        hint_list_append(news, column_number(&q, 0), column_number(&q, 1));
        ret_page->count += column_number(&q, 3);
        if (column_number(&q, 4) > ret_page->last) ret_page->last = column_number(&q, 4);
    }
    return e;
}

/* Since when is it the same transaction that is the oldest? */
static void note_oldest(struct follower *follower, const struct page *page)
{
    int64_t oldest = page->oldest < page->next ? page->oldest : 0; /* 0: none is open */
    if (oldest != follower->oldest) follower->oldest_since_ns = clock_monotonic_ns();
    follower->oldest = oldest;
}

/* From the place on, which is moved; ret_more: there is more than is read at once. */
static enum err poll_versions(struct op *op, struct follower *follower, struct place *place, struct hint_list *news,
                              _Atomic int64_t *epoch, bool *ret_more)
{
    enum err e = ERR_OK;
    *ret_more = true;
    for (int i = 0; i < PAGES_AT_ONCE && *ret_more && !e; i++) {
        struct page page;
        e = read_news(op, follower, place, news, &page);
        if (e) break;
        /* A pooler may keep the connection while the server behind it becomes another one. */
        bool other = follower->renewed || page.oldest < place->cursor || page.server_started != follower->server_started;
        if (other) atomic_fetch_add(epoch, 1);
        follower->renewed = false;
        follower->server_started = page.server_started;
        note_oldest(follower, &page);
        *ret_more = page.count >= NEWS_PAGE;
        place->from = *ret_more ? page.last + 1 : page.next;
        place->cursor = page.oldest < place->from ? page.oldest : place->from;
        place->open = page.open;
    }
    return e;
}

/* Whoever may connect may notify: a hint says where to look, the database what is there. */
static enum err look_up_hints(struct op *op, struct follower *follower, struct hint_list *news)
{
    int64_t *ids = arena_array(&op->arena, follower->heard.count, sizeof *ids);
    for (size_t i = 0; i < follower->heard.count; i++) ids[i] = follower->heard.items[i].organization_id;
    AUTO_QUERY q = db_query(&follower->db.base, "SELECT id, version FROM organization WHERE id = ANY ($1)");
    query_numbers(op, &q, ids, follower->heard.count);
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) hint_list_add(news, column_number(&q, 0), column_number(&q, 1));
    if (!e) follower->heard.count = 0;
    return e;
}

/* Where a cursor stands: where the last poll left it, or, if it is another one, nothing after it was told. */
static struct place find_place(struct op *op, const struct follower *follower, int64_t cursor)
{
    if (!follower->told.open || follower->told.cursor != cursor)
        return (struct place){ .cursor = cursor, .from = cursor, .open = "{}" };
    struct place place = follower->told;
    place.open = arena_strdup(&op->arena, place.open);
    return place;
}

static void keep_place(struct follower *follower, const struct place *place, bool more)
{
    char *open = strdup(place->open);
    if (!open) abort();
    pthread_mutex_lock(&follower->lock);
    free(follower->told_open);
    follower->told = *place;
    follower->told.open = follower->told_open = open;
    follower->more = more;
    pthread_mutex_unlock(&follower->lock);
}

enum err postgres_follow(struct op *op, struct store *base, int64_t *cursor, store_version_function function, void *context)
{
    struct postgres_store *store = postgres_store_of(base);
    struct follower *follower = &store->follower;
    struct hint_list news = { 0 };
    bool more = false;
    pthread_mutex_lock(&follower->lock);
    struct place place = find_place(op, follower, *cursor);
    enum err e = connect_follower(op, follower);
    take_notifications(store);
    bool heard_only = follower->heard_only && !follower->renewed && !e;
    follower->heard_only = false;
    if (heard_only) {
        e = look_up_hints(op, follower, &news);
    } else if (!e) {
        follower->heard.count = 0; /* the poll finds them too */
        e = poll_versions(op, follower, &place, &news, &base->epoch, &more);
        follower->poll_failed = e != ERR_OK;
    }
    if (!heard_only || e) follower->polled_ns = clock_monotonic_ns();
    if (e) { /* the next poll, a second later, finds what these would have led to */
        follower->heard.count = 0;
        follower->more = false;
    }
    pthread_mutex_unlock(&follower->lock);

    for (size_t i = 0; i < news.count && !e; i++) e = function(context, op, news.items[i].organization_id, news.items[i].version);
    free(news.items);
    if (e || heard_only) return e;
    keep_place(follower, &place, more);
    *cursor = place.cursor;
    return ERR_OK;
}

int64_t postgres_held_back_ms(struct store *base, char *text, size_t size)
{
    struct follower *follower = &postgres_store_of(base)->follower;
    pthread_mutex_lock(&follower->lock);
    int64_t oldest = follower->oldest, since_ns = follower->oldest_since_ns;
    pthread_mutex_unlock(&follower->lock);
    *text = '\0';
    if (!oldest) return 0;
    snprintf(text, size,
             "transaction %" PRId64 " of the cluster stays open; pg_stat_activity (backend_xid) or pg_prepared_xacts has it",
             oldest);
    return (clock_monotonic_ns() - since_ns) / 1000000;
}
