/* bulk.c — many rows into one table by COPY, in its text format: unlike the binary one it does not ask for each column's own
 * width of a number. Copying a directory with 5 million memberships from a SQLite file took 58 s so, and 141 s with a prepared
 * INSERT for each row, on two cores that others used too.
 *
 * COPY is not for pipeline mode, which is left for it and entered again when the query ends. Rows are gathered and sent some
 * hundred KiB at a time. */
#include "store/postgres/db.h"

#include <endian.h>
#include <string.h>

enum { PIECE_SIZE = 256 << 10, ROW_CEILING = 256 << 20 };

/* Sends what is asked for by `sql` and waits until it may be answered. */
static enum err begin_copy(struct op *op, struct postgres_db *db, struct statement *s)
{
    enum err e = postgres_settle(op, db);
    if (e) return e;
    if (!PQexitPipelineMode(db->connection) || !PQsendQuery(db->connection, s->sql))
        return postgres_lose(op, db, PQerrorMessage(db->connection));
    s->copying = true;
    s->rows_text = BUF_INIT(ROW_CEILING);
    e = postgres_wait(op, db);
    if (e) return e;
    PGresult *result = PQgetResult(db->connection);
    if (PQresultStatus(result) != PGRES_COPY_IN) e = postgres_fail(op, db, result);
    PQclear(result);
    return e;
}

static enum err send_piece(struct op *op, struct postgres_db *db, struct statement *s)
{
    if (s->rows_text.overflow) return op_fail(op, ERR_TOO_LARGE, "", "a row has more than %d bytes", ROW_CEILING);
    if (PQputCopyData(db->connection, s->rows_text.bytes, (int)s->rows_text.size) != 1)
        return postgres_lose(op, db, PQerrorMessage(db->connection));
    buf_reset(&s->rows_text);
    return postgres_wait(op, db);
}

/* What has a meaning of its own is escaped; \N alone is NULL. */
static void add_text(struct buf *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        switch (text[i]) {
        case '\\':
            buf_add_literal(out, "\\\\");
            break;
        case '\n':
            buf_add_literal(out, "\\n");
            break;
        case '\r':
            buf_add_literal(out, "\\r");
            break;
        case '\t':
            buf_add_literal(out, "\\t");
            break;
        default:
            buf_add_char(out, text[i]);
        }
    }
}

static void add_bytes(struct buf *out, const char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    buf_add_literal(out, "\\\\x");
    char *room = buf_room(out, 2 * size);
    if (!room) return;
    for (size_t i = 0; i < size; i++) {
        room[2 * i] = digits[(unsigned char)bytes[i] >> 4];
        room[2 * i + 1] = digits[bytes[i] & 15];
    }
    buf_wrote(out, 2 * size);
}

static void add_value(struct buf *out, const struct statement *s, int i)
{
    uint64_t number;
    if (!s->values[i]) {
        buf_add_literal(out, "\\N");
        return;
    }
    switch (s->types[i]) {
    case OID_NUMBER:
        memcpy(&number, s->values[i], sizeof number);
        buf_add_number(out, (int64_t)be64toh(number));
        return;
    case OID_BYTES:
        add_bytes(out, s->values[i], (size_t)s->sizes[i]);
        return;
    default:
        add_text(out, s->values[i], (size_t)s->sizes[i]);
    }
}

enum err postgres_bulk_row(struct op *op, struct postgres_db *db, struct statement *s)
{
    if (!db->connection) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    enum err e = s->copying ? ERR_OK : begin_copy(op, db, s);
    if (e) return e;
    for (int i = 0; i < s->count; i++) {
        if (i) buf_add_char(&s->rows_text, '\t');
        add_value(&s->rows_text, s, i);
    }
    buf_add_char(&s->rows_text, '\n');
    return s->rows_text.size < PIECE_SIZE && !s->rows_text.overflow ? ERR_OK : send_piece(op, db, s);
}

/* Ends the COPY, in vain if there is a reason, and takes the connection back to pipeline mode. */
static enum err end_copy(struct op *op, struct postgres_db *db, struct statement *s, const char *reason)
{
    enum err e = ERR_OK;
    s->copying = false;
    buf_free(&s->rows_text);
    if (PQputCopyEnd(db->connection, reason) < 0) e = postgres_lose(op, db, PQerrorMessage(db->connection));
    if (!e) e = postgres_wait(op, db);
    for (PGresult *result; db->connection && (result = PQgetResult(db->connection));) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && !e) e = postgres_fail(op, db, result);
        PQclear(result);
    }
    if (db->connection && !PQenterPipelineMode(db->connection)) e = postgres_lose(op, db, PQerrorMessage(db->connection));
    return e;
}

enum err postgres_bulk_finish(struct op *op, struct postgres_db *db, struct statement *s)
{
    if (!s->copying) return ERR_OK; /* there was no row */
    if (!db->connection) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    enum err e = s->rows_text.size || s->rows_text.overflow ? send_piece(op, db, s) : ERR_OK;
    return e ? e : end_copy(op, db, s, NULL);
}

void postgres_bulk_end(struct postgres_db *db, struct statement *s)
{
    AUTO_OP op = op_begin();
    if (s->copying && db->connection && end_copy(&op, db, s, "not all rows came")) return; /* which was to be expected */
    buf_free(&s->rows_text);
    s->copying = false;
}
