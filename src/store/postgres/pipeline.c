/* pipeline.c — what is sent to the server, and its answers in the same order. Everything is sent and received in binary form. */
#include "store/postgres/db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINARY = 1 };

void statement_clear(struct statement *statement)
{
    PQclear(statement->result);
    PQclear(statement->next);
    statement->result = statement->next = NULL;
    statement->begun = statement->more = statement->waiting = false;
    statement->row = statement->rows = 0;
}

/* ---- answers */

static struct outstanding *expect(struct postgres_db *db, int kind, struct statement *statement)
{
    assert(db->count < POSTGRES_OUTSTANDING);
    struct outstanding *slot = &db->outstanding[(db->first + db->count++) % POSTGRES_OUTSTANDING];
    *slot = (struct outstanding){ .kind = (unsigned)kind, .statement = statement };
    return slot;
}

/* What was gathered fails later: the first failure is kept with the connection. */
static void keep_failure(struct postgres_db *db, enum err e, const struct failure *failure)
{
    if (!db->failure.code) failure_set(&db->failure, e, failure->field, "%s", failure->text);
}

void statement_show(struct statement *statement, PGresult *result)
{
    PQclear(statement->result);
    statement->result = result;
    statement->row = 0;
    statement->rows = PQntuples(result);
}

static void take_rows(struct statement *statement, PGresult *result)
{
    statement->waiting = false;
    statement->more = statement->stream && PQntuples(result) == POSTGRES_PIECE;
    if (statement->row < statement->rows) statement->next = result;
    else statement_show(statement, result);
}

static void take_answer(struct postgres_db *db, struct op *op, const struct outstanding *slot, PGresult *result)
{
    struct statement *statement = slot->statement;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK && slot->kind == ANSWER_ROWS) {
        take_rows(statement, result);
        return;
    }
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        int64_t changed = atoll(PQcmdTuples(result));
        if (statement) statement->changed = changed;
        if (slot->otherwise && changed != 1) {
            query_fail_expected(op, slot->otherwise, slot->field);
            keep_failure(db, op->failure.code, &op->failure);
        }
    } else {
        if (statement && slot->kind == ANSWER_PREPARED) statement->prepared = false;
        if (statement) statement->waiting = statement->more = false;
        if (status != PGRES_PIPELINE_ABORTED) {
            enum err e = postgres_fail(op, db, result);
            keep_failure(db, e, &op->failure);
        }
    }
    PQclear(result);
}

/* Takes the next answer that is to come. An error: the connection is lost. */
enum err pipeline_receive(struct op *op, struct postgres_db *db)
{
    struct outstanding slot = db->outstanding[db->first];
    enum err e = postgres_wait(op, db);
    if (e) return e;
    PGresult *result = PQgetResult(db->connection);
    if (!result) return postgres_lose(op, db, "the answers are out of step");
    db->first = (db->first + 1) % POSTGRES_OUTSTANDING;
    db->count--;
    if (slot.kind == ANSWER_SYNC) {
        bool expected = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        return expected ? ERR_OK : postgres_lose(op, db, PQerrorMessage(db->connection));
    }
    AUTO_OP answer = op_begin();
    take_answer(db, &answer, &slot, result);
    if (!db->connection) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    e = postgres_wait(op, db);
    if (!e && (result = PQgetResult(db->connection))) { /* each answer is followed by nothing */
        PQclear(result);
        e = postgres_lose(op, db, "the answers are out of step");
    }
    return e;
}

enum err pipeline_synchronize(struct op *op, struct postgres_db *db)
{
    if (!PQpipelineSync(db->connection)) return postgres_lose(op, db, PQerrorMessage(db->connection));
    expect(db, ANSWER_SYNC, NULL);
    return ERR_OK;
}

enum err postgres_settle(struct op *op, struct postgres_db *db)
{
    enum err e = ERR_OK;
    if (!db->connection) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    if (db->count && db->outstanding[(db->first + db->count - 1) % POSTGRES_OUTSTANDING].kind != ANSWER_SYNC)
        e = pipeline_synchronize(op, db);
    while (!e && db->count) e = pipeline_receive(op, db);
    if (!db->failure.code) return e;
    e = op_fail(op, db->failure.code, db->failure.field, "%s", db->failure.text);
    failure_clear(&db->failure);
    return e;
}

/* ---- sending */

static enum err make_room(struct op *op, struct postgres_db *db)
{
    if (db->count + 8 < POSTGRES_OUTSTANDING) return ERR_OK;
    enum err e = pipeline_synchronize(op, db);
    while (!e && db->count) e = pipeline_receive(op, db);
    if (!e && db->failure.code) e = op_fail(op, db->failure.code, db->failure.field, "%s", db->failure.text);
    return e;
}

enum err postgres_run(struct op *op, struct postgres_db *db, const char *sql)
{
    if (!db->connection) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    enum err e = make_room(op, db);
    if (e) return e;
    if (!PQsendQueryParams(db->connection, sql, 0, NULL, NULL, NULL, NULL, BINARY))
        return postgres_lose(op, db, PQerrorMessage(db->connection));
    expect(db, ANSWER_QUERY, NULL);
    return db->gathering ? ERR_OK : postgres_settle(op, db);
}

static bool send_prepared(struct postgres_db *db, struct statement *s)
{
    static const int binary[POSTGRES_PARAMETERS] = {
        [0 ... POSTGRES_PARAMETERS - 1] = BINARY,
    };
    if (db->pooled || s->stream)
        return PQsendQueryParams(db->connection, s->sql, s->count, s->types, s->values, s->sizes, binary, BINARY);
    if (!s->prepared) {
        if (!PQsendPrepare(db->connection, s->name, s->sql, s->count, s->types)) return false;
        expect(db, ANSWER_PREPARED, s);
        s->prepared = true;
    }
    return PQsendQueryPrepared(db->connection, s->name, s->count, s->values, s->sizes, binary, BINARY);
}

enum err pipeline_fetch(struct op *op, struct postgres_db *db, struct statement *s)
{
    char sql[64];
    snprintf(sql, sizeof sql, "FETCH %d FROM %s", POSTGRES_PIECE, s->name);
    if (!PQsendQueryParams(db->connection, sql, 0, NULL, NULL, NULL, NULL, BINARY))
        return postgres_lose(op, db, PQerrorMessage(db->connection));
    expect(db, ANSWER_ROWS, s);
    s->waiting = true;
    return ERR_OK;
}

void pipeline_close_cursor(struct op *op, struct postgres_db *db, const struct statement *s)
{
    char sql[32];
    snprintf(sql, sizeof sql, "CLOSE %s", s->name);
    bool gathering = db->gathering;
    db->gathering = true;
    enum err e = postgres_run(op, db, sql);
    db->gathering = gathering;
    (void)e;
}

enum err pipeline_send(struct op *op, struct postgres_db *db, struct statement *s, int bound, int kind, enum err otherwise,
                       const char *field)
{
    if (!db->connection) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    enum err e = make_room(op, db);
    if (e) return e;
    assert(bound == s->count);
    (void)bound;
    char declare[4096];
    const char *sql = s->sql;
    if (s->stream) {
        snprintf(s->name, sizeof s->name, "c%u", db->cursors++);
        size_t size = (size_t)snprintf(declare, sizeof declare, "DECLARE %s NO SCROLL CURSOR FOR %s", s->name, sql);
        assert(size < sizeof declare);
        (void)size;
        s->sql = declare;
        kind = ANSWER_QUERY;
    }
    bool sent = send_prepared(db, s);
    s->sql = sql;
    if (!sent) return postgres_lose(op, db, PQerrorMessage(db->connection));
    struct outstanding *slot = expect(db, kind, s);
    slot->otherwise = otherwise;
    if (otherwise) db->expects = true;
    slot->field = field;
    s->waiting = kind == ANSWER_ROWS;
    return s->stream ? pipeline_fetch(op, db, s) : ERR_OK;
}

/* ---- transactions */

enum err postgres_begin_snapshot(struct op *op, struct postgres_db *db)
{
    db->gathering = true;
    enum err e = postgres_run(op, db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    /* All rows of a cursor are wanted, not the first few soon. */
    if (!e) e = postgres_run(op, db, "SET LOCAL cursor_tuple_fraction = 1");
    db->gathering = false;
    db->in_snapshot = !e;
    return e;
}

void postgres_end_snapshot(struct postgres_db *db)
{
    AUTO_OP op = op_begin();
    db->in_snapshot = false;
    if (!db->connection) return;
    db->gathering = true;
    enum err e = postgres_run(&op, db, "COMMIT");
    if (!e) e = pipeline_synchronize(&op, db);
    if (e || PQflush(db->connection) < 0) postgres_close(db);
    db->gathering = false;
}

enum err postgres_commit_transaction(struct op *op, struct postgres_db *db, bool *ret_sent)
{
    enum err e = db->expects ? postgres_settle(op, db) : ERR_OK;
    *ret_sent = !e;
    if (!e) e = postgres_run(op, db, "COMMIT");
    if (!e) e = postgres_settle(op, db);
    return e;
}

void postgres_roll_back(struct postgres_db *db)
{
    if (!db->connection) return;
    AUTO_OP op = op_begin();
    db->gathering = false;
    if (postgres_settle(&op, db) && !db->connection) return;
    failure_clear(&op.failure);
    if (PQtransactionStatus(db->connection) == PQTRANS_IDLE) return;
    if (postgres_run(&op, db, "ROLLBACK")) postgres_close(db);
}
