/* db.c — the driver: statements, parameters and results of a connection to PostgreSQL. */
#include "store/postgres/db.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct db_driver driver;

/* ---- life */

void postgres_init(struct postgres_db *db, struct server *server)
{
    *db = (struct postgres_db){ .base.driver = &driver, .server = server, .limit_ms = server->answer_limit_ms };
}

void postgres_close(struct postgres_db *db)
{
    if (!db->connection) return;
    PQfinish(db->connection);
    db->connection = NULL;
    db->in_snapshot = false;
    db->first = db->count = 0;
    for (unsigned i = 0; i < POSTGRES_STATEMENTS; i++) {
        if (!db->cache[i]) continue;
        statement_clear(db->cache[i]); /* the statement itself stays: queries may have it */
        db->cache[i]->prepared = false;
    }
}

void postgres_free(struct postgres_db *db)
{
    postgres_close(db);
    for (unsigned i = 0; i < POSTGRES_STATEMENTS; i++) {
        free(db->cache[i]);
        db->cache[i] = NULL;
    }
}

/* A connection that waits has nothing to read unless the server closed it, or said something that nobody asked for. That may be
 * why it is about to close it, so it must answer once more: postgres_settle waits for that. */
static bool seems_well(struct postgres_db *db)
{
    if (db->epoch != atomic_load(&db->server->epoch)) return false;
    struct pollfd socket = { .fd = PQsocket(db->connection), .events = POLLIN };
    AUTO_OP op = op_begin();
    bool said = false;
    for (; poll(&socket, 1, 0) > 0; said = true)
        if (!PQconsumeInput(db->connection)) return false;
    if (PQstatus(db->connection) != CONNECTION_OK) return false;
    return !said || !pipeline_synchronize(&op, db);
}

enum err postgres_connect(struct op *op, struct postgres_db *db)
{
    db->gathering = false;
    db->limit_ms = db->server->answer_limit_ms;
    failure_clear(&db->failure);
    if (db->connection && !atomic_load(&db->server->away)) {
        AUTO_OP settling = op_begin();
        if (seems_well(db) && !postgres_settle(&settling, db)) return ERR_OK;
    }
    postgres_close(db);
    return postgres_open_connection(op, db);
}

/* ---- the driver */

static void prepare(struct query *query, const char *sql, bool stream)
{
    struct postgres_db *db = postgres_of(query->db);
    unsigned slot = (unsigned)((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15) >> 56) % POSTGRES_STATEMENTS;
    while (db->cache[slot] && db->cache[slot]->sql != sql) slot = (slot + 1) % POSTGRES_STATEMENTS;
    if (!db->cache[slot]) {
        struct statement *made = memory_zalloc(sizeof *made);
        made->sql = sql;
        made->stream = stream;
        snprintf(made->name, sizeof made->name, "s%u", slot);
        db->cache[slot] = made;
        db->cached++;
        assert(db->cached < POSTGRES_STATEMENTS);
    }
    query->statement = db->cache[slot];
    db->cache[slot]->count = 0;
    assert(db->cache[slot]->stream == stream);
}

static void bulk(struct query *query, const char *sql)
{
    prepare(query, sql, false);
    ((struct statement *)query->statement)->bulk = true;
}

static enum err finish(struct op *op, struct query *query)
{
    return postgres_bulk_finish(op, postgres_of(query->db), query->statement);
}

/* A piece that was asked for and is not wanted any more still comes. */
static void end(struct query *query)
{
    struct postgres_db *db = postgres_of(query->db);
    struct statement *s = query->statement;
    AUTO_OP op = op_begin();
    if (s->bulk) postgres_bulk_end(db, s);
    while (s->waiting && db->connection && db->count)
        if (pipeline_receive(&op, db)) return;
    if (s->stream && s->begun && db->in_snapshot) pipeline_close_cursor(&op, db, s);
    statement_clear(s);
}

static void bind_value(struct query *query, Oid type, const char *value, size_t size)
{
    struct statement *s = query->statement;
    int at = query->bound - 1;
    assert(at < POSTGRES_PARAMETERS);
    s->types[at] = type;
    s->values[at] = value;
    s->sizes[at] = (int)size;
    s->count = query->bound;
}

static void bind_number(struct query *query, int64_t value)
{
    struct statement *s = query->statement;
    int64_t *number = &s->numbers[query->bound - 1];
    *number = (int64_t)htobe64((uint64_t)value);
    bind_value(query, OID_NUMBER, (const char *)number, sizeof *number);
}

static void bind_text(struct query *query, const char *text)
{
    bind_value(query, OID_TEXT, text, strlen(text));
}

static void bind_bytes(struct query *query, const void *bytes, size_t size)
{
    bind_value(query, OID_BYTES, bytes, size);
}

static void bind_null(struct query *query, enum db_type type)
{
    static const Oid types[] = { [DB_NUMBER] = OID_NUMBER, [DB_TEXT] = OID_TEXT, [DB_BYTES] = OID_BYTES };
    bind_value(query, types[type], NULL, 0);
}

/* The binary form of an array: dimensions, has nulls, type of elements; length, first index; size and value of each. */
static void bind_numbers(struct op *op, struct query *query, const int64_t *numbers, size_t count)
{
    size_t size = 20 + 12 * count;
    unsigned char *out = arena_alloc(&op->arena, size);
    uint32_t head[5] = { htonl(1), 0, htonl(OID_NUMBER), htonl((uint32_t)count), htonl(1) };
    memcpy(out, head, sizeof head);
    for (size_t i = 0; i < count; i++) {
        uint32_t width = htonl(8);
        uint64_t number = htobe64((uint64_t)numbers[i]);
        memcpy(out + 20 + 12 * i, &width, sizeof width);
        memcpy(out + 24 + 12 * i, &number, sizeof number);
    }
    bind_value(query, OID_NUMBERS, (const char *)out, size);
}

/* Shows the next piece of a cursor, and asks for the one after it. */
static enum err next_piece(struct op *op, struct postgres_db *db, struct statement *s)
{
    enum err e = ERR_OK;
    while (!e && s->waiting && db->count) e = pipeline_receive(op, db);
    if (e) return e;
    if (db->failure.code) return postgres_settle(op, db);
    if (s->next) {
        statement_show(s, s->next);
        s->next = NULL;
    }
    if (!s->more) return ERR_OK;
    e = pipeline_fetch(op, db, s);
    return e ? e : pipeline_synchronize(op, db);
}

static enum err step(struct op *op, struct query *query, bool *ret_row)
{
    struct postgres_db *db = postgres_of(query->db);
    struct statement *s = query->statement;
    *ret_row = false;
    if (!db->connection) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    enum err e = ERR_OK;
    if (!s->begun) {
        e = pipeline_send(op, db, s, query->bound, ANSWER_ROWS, ERR_OK, NULL);
        if (!e) e = s->stream ? pipeline_synchronize(op, db) : postgres_settle(op, db);
        if (!e) s->begun = true;
        if (!e && s->stream) e = next_piece(op, db, s);
        if (e) return e;
    } else {
        s->row++;
    }
    if (s->row >= s->rows && (s->waiting || s->next)) e = next_piece(op, db, s);
    *ret_row = !e && s->row < s->rows;
    return e;
}

static enum err run_expecting(struct op *op, struct query *query, enum err otherwise, const char *field)
{
    struct postgres_db *db = postgres_of(query->db);
    struct statement *s = query->statement;
    if (s->bulk) return postgres_bulk_row(op, db, s);
    enum err e = pipeline_send(op, db, s, query->bound, ANSWER_QUERY, otherwise, field);
    if (e || db->gathering) return e;
    return postgres_settle(op, db);
}

static enum err run(struct op *op, struct query *query)
{
    return run_expecting(op, query, ERR_OK, NULL);
}

static enum err run_on_one(struct op *op, struct query *query, enum err otherwise, const char *field)
{
    return run_expecting(op, query, otherwise, field);
}

static int64_t changed(const struct query *query)
{
    AUTO_OP op = op_begin();
    struct postgres_db *db = postgres_of(query->db);
    while (db->gathering && db->connection && db->count) { /* its failure is told by what comes next */
        if (pipeline_synchronize(&op, db)) break;
        while (db->connection && db->count)
            if (pipeline_receive(&op, db)) break;
    }
    return ((const struct statement *)query->statement)->changed;
}

static bool is_null(const struct query *query, int column)
{
    const struct statement *s = query->statement;
    return s->row >= s->rows || PQgetisnull(s->result, s->row, column);
}

static int64_t number(const struct query *query, int column)
{
    const struct statement *s = query->statement;
    if (s->row >= s->rows) return 0;
    const char *value = PQgetvalue(s->result, s->row, column);
    uint64_t eight;
    uint32_t four;
    uint16_t two;
    switch (PQgetlength(s->result, s->row, column)) { /* of NULL: 0 */
    case 8:
        memcpy(&eight, value, sizeof eight);
        return (int64_t)be64toh(eight);
    case 4:
        memcpy(&four, value, sizeof four);
        return (int32_t)ntohl(four);
    case 2:
        memcpy(&two, value, sizeof two);
        return (int16_t)ntohs(two);
    default:
        return 0;
    }
}

static const char *text(const struct query *query, int column)
{
    const struct statement *s = query->statement;
    if (s->row >= s->rows || PQgetisnull(s->result, s->row, column)) return NULL;
    return PQgetvalue(s->result, s->row, column);
}

static const void *bytes(const struct query *query, int column, size_t *ret_size)
{
    const struct statement *s = query->statement;
    *ret_size = 0;
    if (s->row >= s->rows || PQgetisnull(s->result, s->row, column)) return NULL;
    *ret_size = (size_t)PQgetlength(s->result, s->row, column);
    return PQgetvalue(s->result, s->row, column);
}

static const struct db_driver driver = {
    .dialect = DIALECT_POSTGRES,
    .prepare = prepare,
    .bulk = bulk,
    .finish = finish,
    .end = end,
    .bind_number = bind_number,
    .bind_text = bind_text,
    .bind_bytes = bind_bytes,
    .bind_null = bind_null,
    .bind_numbers = bind_numbers,
    .step = step,
    .run = run,
    .run_on_one = run_on_one,
    .changed = changed,
    .is_null = is_null,
    .number = number,
    .text = text,
    .bytes = bytes,
};
