/* commit.c — one transaction for the commits of many organizations.
 *
 * Two round trips. The first locks the rows of all organizations in the order of their numbers (so that two nodes never wait for
 * each other crosswise), tells their versions, and gets the new numbers. The second has all rows, the log, the new versions and
 * COMMIT. What is stale is known after the first and left out.
 *
 * When a statement of the second fails nothing of it is kept, and it is not known whose it was: each is then done again alone.
 * Serialization failures and deadlocks are tried again as they are, and so is everything when the connection was lost before
 * COMMIT was sent. After that each commit is looked for (outcome.c): what is there is there, what is not is done again. */
#include "store/postgres/store.h"

#include "base/clock.h"

#include <string.h>

enum { ATTEMPTS = 5 };

enum ending {
    ENDED,   /* every one has its result */
    AGAIN,   /* nothing is kept; it may succeed the next time */
    APART,   /* nothing is kept; one of them spoils it for all */
    IN_DOUBT /* COMMIT was sent and not answered */
};

struct numbers {
    int64_t *items[NOUN_COUNT];
    size_t count[NOUN_COUNT], used[NOUN_COUNT];
    struct postgres_db *db;
};

static const char *const sequences[NOUN_COUNT] = {
    [NOUN_ORGANIZATION] = "organization_number",
    [NOUN_ACCOUNT] = "account_number",
    [NOUN_USER] = "user_number",
    [NOUN_GROUP] = "group_number",
    [NOUN_CREDENTIAL] = "credential_number",
};

static bool is_open(const struct waiting *w)
{
    return w->result == ERR_OK;
}

/* ---- first round trip */

enum err postgres_begin(struct op *op, struct postgres_db *db)
{
    db->gathering = true;
    db->conflict = db->warned = db->expects = false;
    enum err e = postgres_run(op, db, "BEGIN");
    if (!e && db->pooled) /* for the others connect.c has set it */
        e = postgres_run(op, db,
                         arena_printf(&op->arena,
                                      "SELECT set_config('lock_timeout', '%lld', true),"
                                      " set_config('idle_in_transaction_session_timeout', '%lld', true)",
                                      (long long)db->server->answer_limit_ms, (long long)db->server->answer_limit_ms * 4));
    return e;
}

/* What callers brought first, so that it is not given again. A number that a sequence has passed it has passed for ever. */
static enum err raise_number(struct op *op, struct numbers *numbers, enum noun noun, int64_t largest)
{
    if (largest > NUMBER_MAX || largest <= numbers->db->given[noun]) return ERR_OK; /* too large: refused below */
    AUTO_QUERY q = db_query(&numbers->db->base, "SELECT raise_number($1, $2)");
    query_text(&q, sequences[noun]);
    query_number(&q, largest);
    bool row;
    enum err e = query_step(op, &q, &row);
    if (!e) numbers->db->given[noun] = column_number(&q, 0);
    return e;
}

static enum err draw_numbers(struct op *op, struct numbers *numbers, enum noun noun, size_t needed)
{
    AUTO_QUERY q = db_query(&numbers->db->base, "SELECT nextval($1::text::regclass) FROM generate_series(1, $2)");
    query_text(&q, sequences[noun]);
    query_number(&q, (int64_t)needed);
    numbers->items[noun] = arena_array(&op->arena, needed, sizeof **numbers->items);
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) numbers->items[noun][numbers->count[noun]++] = column_number(&q, 0);
    return e;
}

static enum err fetch_numbers(struct op *op, struct numbers *numbers, const struct waiting *first)
{
    size_t needed[NOUN_COUNT] = { 0 };
    int64_t largest[NOUN_COUNT] = { 0 };
    for (const struct waiting *w = first; w; w = w->next)
        if (is_open(w)) commit_count_numbers(w->commit, needed, largest);
    enum err e = ERR_OK;
    for (enum noun noun = 0; noun < NOUN_COUNT && !e; noun++) {
        if (largest[noun]) e = raise_number(op, numbers, noun, largest[noun]);
        if (!e && needed[noun]) e = draw_numbers(op, numbers, noun, needed[noun]);
    }
    return e;
}

static enum err next_number(void *context, struct op *op, enum noun noun, int64_t *ret_number)
{
    struct numbers *numbers = context;
    if (numbers->used[noun] == numbers->count[noun]) return op_fail(op, ERR_STORAGE, "id", "there are no numbers left");
    *ret_number = numbers->items[noun][numbers->used[noun]++];
    return ERR_OK;
}

static void check_one(struct waiting *w, struct query *q, bool row)
{
    bool found = row && column_number(q, 0) == w->commit->organization_id;
    w->result = commit_check_fence(w, found, column_number(q, 1), column_number(q, 2));
}

static int by_organization(const void *a, const void *b)
{
    int64_t x = (*(struct waiting *const *)a)->commit->organization_id,
            y = (*(struct waiting *const *)b)->commit->organization_id;
    return (x > y) - (x < y);
}

/* Locks all organizations, and says who is stale. */
static enum err check_fences(struct op *op, struct postgres_db *db, struct waiting *first)
{
    size_t count = 0;
    for (struct waiting *w = first; w; w = w->next) count++;
    struct waiting **order = arena_array(&op->arena, count, sizeof *order);
    int64_t *ids = arena_array(&op->arena, count, sizeof *ids);
    count = 0;
    for (struct waiting *w = first; w; w = w->next) order[count++] = w;
    qsort(order, count, sizeof *order, by_organization);
    for (size_t i = 0; i < count; i++) ids[i] = order[i]->commit->organization_id;

    AUTO_QUERY q =
        db_query(&db->base, "SELECT id, version, last_time FROM organization WHERE id = ANY ($1) AND deleted_at IS NULL"
                            " ORDER BY id FOR NO KEY UPDATE");
    postgres_bind_numbers(op, &q, ids, count);
    bool row = false;
    enum err e = query_step(op, &q, &row);
    for (size_t i = 0; i < count && !e; i++) {
        while (row && column_number(&q, 0) < ids[i] && !e) e = query_step(op, &q, &row);
        if (e) break;
        check_one(order[i], &q, row);
    }
    return e;
}

/* ---- second round trip */

static enum err write_log(struct waiting *w, struct postgres_db *db)
{
    struct organization organization;
    struct change mark;
    struct change_list list = commit_logged(w->commit, &organization, &mark);
    enum err e = ERR_OK;
    for (size_t i = 0; i < list.count && !e; i++) {
        AUTO_QUERY q = db_query(&db->base, "INSERT INTO change (" LOG_COLUMNS
                                           ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
        commit_bind_entry(&q, w, &list.items[i], i);
        e = query_run(w->op, &q);
    }
    return e;
}

static enum err move_fence(struct waiting *w, struct postgres_db *db)
{
    AUTO_QUERY q =
        db_query(&db->base, "UPDATE organization SET version = version + 1, last_time = $1 WHERE id = $2 AND version = $3");
    query_number(&q, w->time);
    query_number(&q, w->commit->organization_id);
    query_number(&q, w->commit->expected_version);
    return query_run(w->op, &q); /* the row is locked and was looked at */
}

/* A commit that deletes much, or has many rows, may take its time. */
static int64_t patience(const struct postgres_db *db, const struct waiting *w)
{
    enum { MANY = 1000, LONG = 60 };
    const struct change_list *changes = w->commit->changes;
    bool deletes = changes->count && changes->items[0].kind == ORGANIZATION_DELETED;
    return db->server->answer_limit_ms * (deletes || changes->count > MANY ? LONG : 1);
}

/* Sets w->result where it is the commit itself that is bad, before anything of it was sent. */
static enum err write_one(struct waiting *w, struct numbers *numbers)
{
    const struct number_source source = { .context = numbers, .next = next_number };
    struct postgres_db *db = numbers->db;
    int64_t limit_ms = patience(db, w);
    if (limit_ms > db->limit_ms) db->limit_ms = limit_ms;
    enum err e = commit_number(w, &source);
    if (!e) e = commit_render(w);
    if (e) return e;
    w->commit_id = uuid_random();
    e = commit_write_rows(w, &db->base);
    if (!e) e = write_log(w, db);
    return e ? e : move_fence(w, db);
}

static void fail_open(struct waiting *first, const struct failure *failure)
{
    for (struct waiting *w = first; w; w = w->next)
        if (is_open(w)) w->result = op_fail(w->op, failure->code, failure->field, "%s", failure->text);
}

/* Nothing was kept: what was given or failed on the way is forgotten. */
static void take_back(struct waiting *first)
{
    for (struct waiting *w = first; w; w = w->next) commit_take_numbers_back(w);
}

static enum ending after_failure(struct postgres_db *db, struct waiting *first, bool may_wait, enum err e,
                                 const struct failure *failure)
{
    bool again = db->conflict || db->lost;
    postgres_roll_back(db);
    take_back(first);
    if (again && may_wait) return AGAIN;
    size_t open = 0;
    for (struct waiting *w = first; w; w = w->next) open += is_open(w);
    if (open > 1 && !again && e != ERR_STORAGE) return APART;
    fail_open(first, failure);
    return ENDED;
}

static enum err send_commit(struct op *op, struct postgres_store *store, struct postgres_db *db, bool *ret_sent)
{
    int64_t started = clock_monotonic_ns();
    enum err e = postgres_commit_transaction(op, db, ret_sent);
    atomic_fetch_add_explicit(&store->base.stats.sync_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->base.stats.sync_total_us, (clock_monotonic_ns() - started) / 1000, memory_order_relaxed);
    return e;
}

static enum ending run_transaction(struct op *op, struct postgres_store *store, struct postgres_db *db, struct waiting *first,
                                   bool may_wait)
{
    enum err e = postgres_connect(op, db);
    if (e) {
        fail_open(first, &op->failure);
        return ENDED;
    }
    struct numbers numbers = { .db = db };
    e = postgres_begin(op, db);
    if (!e) e = check_fences(op, db, first);
    if (!e) e = fetch_numbers(op, &numbers, first);
    bool any = false, alone = !first->next;
    for (struct waiting *w = first; w && !e; w = w->next) {
        if (!is_open(w)) continue;
        e = write_one(w, &numbers);
        if (e && !alone && w->op->failure.code) { /* its own: it is told apart below */
            failure_clear(&w->op->failure);
            e = op_fail(op, e, "", "one of several commits failed");
        } else if (e) {
            e = op_fail(op, e, w->op->failure.field, "%s", w->op->failure.text);
        }
        any = true;
    }
    if (e || !any) {
        if (any || e) return after_failure(db, first, may_wait, e, &op->failure);
        postgres_roll_back(db);
        return ENDED;
    }
    bool sent;
    e = send_commit(op, store, db, &sent);
    db->gathering = false;
    if (!e && !db->warned) return ENDED;
    if (e && (!db->lost || !sent)) return after_failure(db, first, may_wait, e, &op->failure);
    postgres_close(db);
    return IN_DOUBT;
}

/* ---- what became of it */

static void run_until_ended(struct postgres_store *store, struct postgres_db *db, struct waiting *first);

static void run_apart(struct postgres_store *store, struct postgres_db *db, struct waiting *first)
{
    for (struct waiting *w = first, *next; w; w = next) {
        next = w->next;
        w->next = NULL;
        if (is_open(w)) run_until_ended(store, db, w);
        w->next = next;
    }
}

/* What is there keeps its result, ERR_OK; what is not is done again, once. */
static void find_outcomes(struct postgres_store *store, struct postgres_db *db, struct waiting *first)
{
    char lost[sizeof db->name];
    memcpy(lost, db->name, sizeof lost);
    for (struct waiting *w = first, *next; w; w = next) {
        next = w->next;
        if (!is_open(w)) continue;
        bool committed = false;
        enum err e = postgres_find_outcome(store, db, lost, w, &committed);
        if (!e && committed) continue;
        commit_take_numbers_back(w);
        if (e) {
            w->result = e;
            continue;
        }
        AUTO_OP op = op_begin();
        w->next = NULL;
        if (run_transaction(&op, store, db, w, false) == IN_DOUBT)
            w->result = op_fail(w->op, ERR_UNKNOWN_OUTCOME, "store", "the database was lost while committing");
        w->next = next;
    }
}

static void run_until_ended(struct postgres_store *store, struct postgres_db *db, struct waiting *first)
{
    for (int attempt = 1;; attempt++) {
        AUTO_OP op = op_begin();
        switch (run_transaction(&op, store, db, first, attempt < ATTEMPTS)) {
        case ENDED:
            return;
        case AGAIN:
            continue;
        case APART:
            run_apart(store, db, first);
            return;
        case IN_DOUBT:
            find_outcomes(store, db, first);
            return;
        }
    }
}

void postgres_commit_batch(struct postgres_store *store, struct postgres_db *db, struct waiting *first)
{
    run_until_ended(store, db, first);
}
