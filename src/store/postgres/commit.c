/* commit.c — one transaction for the commits of many organizations.
 *
 * Two round trips. The first locks the rows of the organizations that are free, tells their versions, and gets the new numbers.
 * The second has all rows, the log, the new versions and COMMIT (a third, in between, if a statement must have hit one row). What
 * is stale is known after the first and left out; what another node holds is left out and comes again in a moment, so that nobody
 * waits for somebody else's organization, and two nodes never wait for each other.
 *
 * When a statement of the second fails nothing of it is kept, and it is not known whose it was: each comes again, alone. So does
 * what met a deadlock or a lock that took too long, and then it does not wait long, because others wait for the lane. When the
 * connection was lost before COMMIT was sent all is done again. After that the commits are looked for (outcome.c): what is there
 * is there, what is not is done again. */
#include "store/postgres/store.h"

#include "base/clock.h"

#include <string.h>

enum { ATTEMPTS = 3 };

enum ending {
    ENDED,   /* every one has its result, or comes again later */
    AGAIN,   /* nothing is kept; it may succeed on another connection */
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
    return w->result == ERR_OK && !w->put_back;
}

static size_t count_open(const struct waiting *first)
{
    size_t open = 0;
    for (const struct waiting *w = first; w; w = w->next) open += is_open(w);
    return open;
}

static bool is_installation(const struct waiting *w)
{
    return w->commit->organization_id == INSTALLATION;
}

/* ---- first round trip */

enum err postgres_begin(struct op *op, struct postgres_db *db)
{
    db->gathering = true;
    db->conflict = db->warned = db->expects = false;
    enum err e = postgres_run(op, db, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"); /* whatever the role has */
    if (!e && db->pooled) /* for the others connect.c has set it */
        e = postgres_run(op, db,
                         arena_printf(&op->arena,
                                      "SELECT set_config('lock_timeout', '%lld', true),"
                                      " set_config('idle_in_transaction_session_timeout', '%lld', true),"
                                      " set_config('client_min_messages', 'warning', true)",
                                      (long long)postgres_lock_limit_ms(db), (long long)db->server->answer_limit_ms * 4));
    return e;
}

/* What callers bring is taken out of the sequences, so that it is not given again. Before the transaction, because the lock that
 * this takes is kept to the end of one; what is undone there is not undone here. A number that a sequence has passed it has
 * passed for ever. */
static enum err raise_numbers(struct op *op, struct postgres_db *db, const struct waiting *first)
{
    size_t needed[NOUN_COUNT] = { 0 };
    int64_t largest[NOUN_COUNT] = { 0 };
    for (const struct waiting *w = first; w; w = w->next)
        if (is_open(w)) commit_count_numbers(w->commit, needed, largest);
    enum err e = ERR_OK;
    for (enum noun noun = 0; noun < NOUN_COUNT && !e; noun++) {
        if (largest[noun] > NUMBER_MAX || largest[noun] <= db->given[noun]) continue; /* too large: refused later */
        AUTO_QUERY q = db_query(&db->base, "SELECT raise_number($1, $2)");
        query_text(&q, sequences[noun]);
        query_number(&q, largest[noun]);
        bool row;
        e = query_step(op, &q, &row);
        if (!e) db->given[noun] = column_number(&q, 0);
    }
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
    for (enum noun noun = 0; noun < NOUN_COUNT && !e; noun++)
        if (needed[noun]) e = draw_numbers(op, numbers, noun, needed[noun]);
    return e;
}

static enum err next_number(void *context, struct op *op, enum noun noun, int64_t *ret_number)
{
    struct numbers *numbers = context;
    if (numbers->used[noun] == numbers->count[noun]) return op_fail(op, ERR_STORAGE, "id", "there are no numbers left");
    *ret_number = numbers->items[noun][numbers->used[noun]++];
    return ERR_OK;
}

/* The organizations that a batch needs: those it writes to, and those that the installation's commits change or delete. */
struct locks {
    int64_t *ids; /* ascending */
    struct fence *fences;
    size_t count;
};

static int64_t changed_organization(const struct change *change)
{
    if (change_noun(change->kind) != NOUN_ORGANIZATION || !change->before.any) return INSTALLATION;
    return change->before.organization->id;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void list_locks(struct op *op, const struct waiting *first, struct locks *locks)
{
    size_t room = 0;
    for (const struct waiting *w = first; w; w = w->next) room += 1 + (is_installation(w) ? w->commit->changes->count : 0);
    *locks = (struct locks){ .ids = arena_array(&op->arena, room, sizeof *locks->ids),
                             .fences = arena_zalloc(&op->arena, room * sizeof *locks->fences) };
    for (const struct waiting *w = first; w; w = w->next) {
        locks->ids[locks->count++] = w->commit->organization_id;
        for (size_t i = 0; is_installation(w) && i < w->commit->changes->count; i++) {
            int64_t id = changed_organization(&w->commit->changes->items[i]);
            if (id) locks->ids[locks->count++] = id;
        }
    }
    qsort(locks->ids, locks->count, sizeof *locks->ids, ascending);
    size_t unique = 0;
    for (size_t i = 0; i < locks->count; i++)
        if (!i || locks->ids[i] != locks->ids[i - 1]) locks->ids[unique++] = locks->ids[i];
    locks->count = unique;
}

static size_t find_lock(const struct locks *locks, int64_t id)
{
    const int64_t *found = bsearch(&id, locks->ids, locks->count, sizeof *locks->ids, ascending);
    return (size_t)(found - locks->ids);
}

/* Locks those that are free, and reads them. */
static enum err take_locks(struct op *op, struct postgres_db *db, struct locks *locks)
{
    AUTO_QUERY q = db_query(&db->base, "SELECT id, version, last_time, unique_group_names FROM organization"
                                       " WHERE id = ANY ($1) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE SKIP LOCKED");
    query_numbers(op, &q, locks->ids, locks->count);
    bool row;
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        size_t at = find_lock(locks, column_number(&q, 0));
        locks->fences[at] = (struct fence){ true, column_number(&q, 1), column_number(&q, 2), column_number(&q, 3) };
    }
    return e;
}

/* What is there and was not locked, somebody else has. ret_busy: for each. */
static enum err find_busy(struct op *op, struct postgres_db *db, const struct locks *locks, bool **ret_busy)
{
    bool all = true, row;
    *ret_busy = arena_zalloc(&op->arena, locks->count * sizeof **ret_busy);
    for (size_t i = 0; i < locks->count; i++) all &= locks->fences[i].found;
    if (all) return ERR_OK;
    AUTO_QUERY q = db_query(&db->base, "SELECT id FROM organization WHERE id = ANY ($1) AND deleted_at IS NULL");
    query_numbers(op, &q, locks->ids, locks->count);
    enum err e;
    while (!(e = query_step(op, &q, &row)) && row) {
        size_t at = find_lock(locks, column_number(&q, 0));
        (*ret_busy)[at] = !locks->fences[at].found;
    }
    return e;
}

static bool is_busy(const struct waiting *w, const struct locks *locks, const bool *busy)
{
    bool any = busy[find_lock(locks, w->commit->organization_id)];
    for (size_t i = 0; is_installation(w) && i < w->commit->changes->count && !any; i++) {
        int64_t id = changed_organization(&w->commit->changes->items[i]);
        any = id && busy[find_lock(locks, id)];
    }
    return any;
}

/* It is tried again in a moment, so that nobody else waits for it; for as long as an answer may take. The pauses grow,
 * because each costs a transaction. Not much: where two nodes write to one organization without a pause it is free only for
 * moments, and who looks every 50 ms waits for seconds. */
static void put_back(struct postgres_db *db, struct waiting *w)
{
    enum { PAUSE_MS = 2, LONGEST_MS = 10 };
    int64_t now = clock_monotonic_ns();
    if (!w->since_ns) w->since_ns = now;
    if (now - w->since_ns > db->server->answer_limit_ms * 1000000) {
        w->result = op_fail(w->op, ERR_BUSY, "lock", "another session holds what this change needs");
        return;
    }
    w->pause_ms = !w->pause_ms ? PAUSE_MS : w->pause_ms > LONGEST_MS / 2 ? LONGEST_MS : 2 * w->pause_ms;
    w->put_back = true;
    w->not_before_ns = now + w->pause_ms * INT64_C(1000000);
}

/* Locks the organizations, and says who is stale, who has to come again, and for whom there is none. */
static enum err check_fences(struct op *op, struct postgres_db *db, struct waiting *first)
{
    struct locks locks;
    bool *busy;
    list_locks(op, first, &locks);
    enum err e = take_locks(op, db, &locks);
    if (!e) e = find_busy(op, db, &locks, &busy);
    for (struct waiting *w = first; w && !e; w = w->next) {
        size_t at = find_lock(&locks, w->commit->organization_id);
        if (is_busy(w, &locks, busy)) put_back(db, w);
        else w->result = commit_check_fence(w, &locks.fences[at]);
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

bool postgres_is_long(const struct commit *commit)
{
    enum { MANY = 1000 };
    const struct change_list *changes = commit->changes;
    return changes->count > MANY || (changes->count && changes->items[0].kind == ORGANIZATION_DELETED);
}

/* Sets w->result where it is the commit itself that is bad, before anything of it was sent. */
static enum err write_one(struct waiting *w, struct numbers *numbers)
{
    const struct number_source source = { .context = numbers, .next = next_number };
    struct postgres_db *db = numbers->db;
    enum { LONG_FACTOR = 60 };
    if (postgres_is_long(w->commit)) db->limit_ms = db->server->answer_limit_ms * LONG_FACTOR;
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

/* Nothing is kept. Several come again one by one, at once, to find out whose failure it was. */
static enum ending after_failure(struct postgres_db *db, struct waiting *first, bool may_repeat, const struct failure *failure)
{
    bool lost = db->lost, conflict = db->conflict, shared = count_open(first) > 1;
    postgres_roll_back(db);
    take_back(first);
    if (lost && may_repeat) return AGAIN;
    for (struct waiting *w = first; w && !lost; w = w->next) {
        if (!is_open(w) || (!shared && !conflict)) continue;
        w->alone = true;
        if (shared) w->put_back = true;
        else put_back(db, w);
    }
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

/* Everything up to COMMIT. The failure of one that is alone is its own; of several it is told apart later. */
static enum err write_all(struct op *op, struct postgres_db *db, struct waiting *first)
{
    struct numbers numbers = { .db = db };
    size_t open = count_open(first);
    enum err e = open ? fetch_numbers(op, &numbers, first) : ERR_OK;
    for (struct waiting *w = first; w && !e; w = w->next) {
        if (!is_open(w)) continue;
        e = write_one(w, &numbers);
        if (!e) continue;
        struct failure failure = w->op->failure;
        failure_clear(&w->op->failure); /* it is told at the end, if it is still its */
        e = op_fail(op, e, failure.field, "%s", failure.text);
    }
    return e;
}

/* One that met a conflict, or whose batch did, comes again often enough; what has much to write rather waits. */
static enum err wait_little(struct op *op, struct postgres_db *db, const struct waiting *first)
{
    enum { LITTLE_MS = 100 };
    if (!first->alone || postgres_is_long(first->commit) || postgres_lock_limit_ms(db) <= LITTLE_MS) return ERR_OK;
    return postgres_run(op, db, arena_printf(&op->arena, "SET LOCAL lock_timeout = %d", LITTLE_MS));
}

static enum ending run_transaction(struct op *op, struct postgres_store *store, struct postgres_db *db, struct waiting *first,
                                   bool may_repeat)
{
    enum err e = postgres_connect(op, db);
    if (e) {
        /* The server may take no more connections, and another lane have one. */
        for (struct waiting *w = first; w && !atomic_load(&db->server->away); w = w->next)
            if (is_open(w)) put_back(db, w);
        fail_open(first, &op->failure);
        return ENDED;
    }
    db->conflict = false;
    e = postgres_end_lost(op, db);
    if (!e) e = raise_numbers(op, db, first);
    if (!e) e = postgres_begin(op, db);
    if (!e) e = wait_little(op, db, first);
    if (!e) e = check_fences(op, db, first);
    if (!e) e = write_all(op, db, first);
    if (e) return after_failure(db, first, may_repeat, &op->failure);
    if (!count_open(first)) {
        postgres_roll_back(db);
        return ENDED;
    }
    bool sent;
    e = send_commit(op, store, db, &sent);
    db->gathering = false;
    if (!e && !db->warned) return ENDED;
    if (e && (!db->lost || !sent)) return after_failure(db, first, may_repeat, &op->failure);
    postgres_close(db);
    return IN_DOUBT;
}

/* ---- what became of it */

/* What is there keeps its result, ERR_OK; what is not comes again. */
static void find_outcomes(struct postgres_store *store, struct postgres_db *db, struct waiting *first)
{
    AUTO_OP op = op_begin();
    size_t count = 0;
    for (struct waiting *w = first; w; w = w->next) count++;
    struct waiting **open = arena_array(&op.arena, count, sizeof *open);
    bool *committed = arena_zalloc(&op.arena, count * sizeof *committed);
    count = 0;
    for (struct waiting *w = first; w; w = w->next)
        if (is_open(w)) open[count++] = w;
    enum err e = postgres_find_outcomes(&op, store, db, open, count, committed);
    for (size_t i = 0; i < count; i++) {
        if (!e && committed[i]) continue;
        commit_take_numbers_back(open[i]);
        if (e) open[i]->result = op_fail(open[i]->op, e, op.failure.field, "%s", op.failure.text);
        else put_back(db, open[i]);
    }
}

void postgres_commit_batch(struct postgres_store *store, struct postgres_db *db, struct waiting *first)
{
    enum ending ending = AGAIN;
    for (int attempt = 1; ending == AGAIN; attempt++) {
        AUTO_OP op = op_begin();
        ending = run_transaction(&op, store, db, first, attempt < ATTEMPTS);
    }
    if (ending == IN_DOUBT) find_outcomes(store, db, first);
}
