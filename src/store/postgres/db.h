/* db.h — a connection to PostgreSQL: the driver behind store/db.h, connecting, errors.
 *
 * A connection is always in libpq's pipeline mode: what is sent does not wait for the answer to what was sent before. A query
 * that is stepped sends itself and waits for its rows. While `gathering`, statements that are run are only sent; postgres_settle
 * waits for all of them and returns the first failure. A result of db_stream is a cursor, of which the next piece is asked for
 * while the piece before is being read.
 *
 * No wait is longer than the server's answer_limit_ms: then the connection is given up. */
#ifndef ROSTER_STORE_POSTGRES_DB_H
#define ROSTER_STORE_POSTGRES_DB_H

#include "base/buf.h"
#include "model/nouns.h"
#include "store/db.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    POSTGRES_STATEMENTS = 256, /* a power of two, well above the number of statements in store/ */
    POSTGRES_PARAMETERS = 40,
    POSTGRES_OUTSTANDING = 160,
    POSTGRES_PIECE = 4096, /* rows of a cursor at a time */
};
enum { OID_BYTES = 17, OID_NUMBER = 20, OID_TEXT = 25, OID_NUMBERS = 1016 };

/* The database as all connections of a store know it. */
struct server {
    char *url;
    int64_t answer_limit_ms;
    bool opening;                    /* the store is being opened: nothing has ever been found under this address */
    _Atomic int64_t answered_ns;     /* when any connection had an answer last */
    _Atomic bool away;               /* attempts to connect fail, and no other connection has had an answer for a second */
    _Atomic int64_t next_attempt_ns; /* while away: when somebody may try again; the others fail at once */
    _Atomic unsigned epoch;          /* one higher each time it came back: older connections are not used again */
    pthread_mutex_t why_lock;
    char why[256]; /* libpq's words for the last failure; for the log, not for clients */
};

struct statement {
    const char *sql;
    char name[16]; /* "s12"; of a cursor "c34" */
    bool prepared, stream;
    int count;
    Oid types[POSTGRES_PARAMETERS];
    const char *values[POSTGRES_PARAMETERS];
    int sizes[POSTGRES_PARAMETERS];
    int64_t numbers[POSTGRES_PARAMETERS]; /* in network order */
    PGresult *result, *next;              /* next: a piece that came while the one before was being read */
    int row, rows;                        /* the row that is read; how many in result */
    bool begun, more, waiting;            /* more: the cursor may have another piece; waiting: one was asked for */
    int64_t changed;
    bool bulk, copying;   /* of db_bulk; COPY was begun */
    struct buf rows_text; /* what is not sent yet of it */
};

/* One answer that is to come. */
struct outstanding {
    enum { ANSWER_QUERY, ANSWER_PREPARED, ANSWER_ROWS, ANSWER_SYNC } kind;
    struct statement *statement; /* NULL: nobody's */
    enum err otherwise;          /* what it is if not exactly one row changed; ERR_OK: any number may */
    const char *field;
};

struct postgres_db {
    struct db base;
    struct server *server;
    PGconn *connection; /* NULL: closed */
    unsigned epoch;
    unsigned opened; /* how often it was connected */
    bool pooled;     /* there is a pooler in between: no prepared statements, no LISTEN, no SET */
    bool gathering;
    bool in_snapshot;
    bool conflict; /* the last failure was a serialization failure, a deadlock or a lock that took too long */
    bool lost;     /* the connection was lost or given up since it was last connected */
    bool warned;   /* the server sent a warning that may be about a standby */
    bool expects;  /* something was sent since BEGIN that must change one row: its answer must be seen before COMMIT is sent */
    char name[40]; /* application_name of the last one that could be opened; nobody else has it */
    char lost_name[40];        /* of one that was lost, whose process may still have its locks; "": none */
    int64_t given[NOUN_COUNT]; /* what each sequence has reached at least, known on this connection */
    struct statement *cache[POSTGRES_STATEMENTS];
    unsigned cached, cursors;
    struct outstanding outstanding[POSTGRES_OUTSTANDING];
    unsigned first, count;
    int64_t limit_ms;       /* how long an answer may take; 0: as long as it likes */
    struct failure failure; /* of what was gathered; code 0: none */
};

/* How long a lock is waited for: the server must say that it is held before it is believed not to answer. */
static inline int64_t postgres_lock_limit_ms(const struct postgres_db *db)
{
    return (db->server->answer_limit_ms + 1) / 2;
}

static inline struct postgres_db *postgres_of(struct db *db)
{
    return (struct postgres_db *)db;
}

void server_init(struct server *server, const char *url, int64_t answer_limit_ms);
void server_free(struct server *server);

/* False: it is away, and it is not yet time to try again. */
bool server_may_answer(const struct server *server);

/* Copies libpq's words for the last failure to `text`. */
void server_why(struct server *server, char *text, size_t size);

/* Makes `db` a closed connection of a server. */
void postgres_init(struct postgres_db *db, struct server *server);

/* Connects, unless it is connected and seems well. ERR_BUSY at once while the server is away and somebody tried a moment ago;
 * ERR_INVALID for a database that Roster cannot use (encoding, synchronous_commit off), and while opening for a password or
 * database that the server does not know. */
MUST_USE enum err postgres_connect(struct op *op, struct postgres_db *db);

/* Closes; a closed connection is ignored. Connecting again is possible. */
void postgres_close(struct postgres_db *db);

/* Closes, and frees what is kept from one connection to the next. */
void postgres_free(struct postgres_db *db);

/* Runs one statement without parameters and result, for those that are rare or need no plan (BEGIN ...): gathered like others. */
MUST_USE enum err postgres_run(struct op *op, struct postgres_db *db, const char *sql);

/* Waits for all that was sent. The first failure is returned and forgotten. */
MUST_USE enum err postgres_settle(struct op *op, struct postgres_db *db);

/* A read-only transaction that sees one state. Both only send: the answers are met by what comes next. */
MUST_USE enum err postgres_begin_snapshot(struct op *op, struct postgres_db *db);
void postgres_end_snapshot(struct postgres_db *db);

/* COMMIT, and waits for its answer. *ret_sent: it was sent, so that when the connection is lost nobody knows. */
MUST_USE enum err postgres_commit_transaction(struct op *op, struct postgres_db *db, bool *ret_sent);

/* ROLLBACK if a transaction is open; whatever happens the connection is then without one, or closed. */
void postgres_roll_back(struct postgres_db *db);

/* bulk.c: a statement of db_bulk. A row of what is bound; the end of all; what query_end does, with or without that. */
MUST_USE enum err postgres_bulk_row(struct op *op, struct postgres_db *db, struct statement *statement);
MUST_USE enum err postgres_bulk_finish(struct op *op, struct postgres_db *db, struct statement *statement);
void postgres_bulk_end(struct postgres_db *db, struct statement *statement);

/* pipeline.c, for the driver. An error of these is the connection's, which is then lost. */
void statement_clear(struct statement *statement);
void statement_show(struct statement *statement, PGresult *result); /* the rows that are read from now on; takes the result */
/* Sends a statement with what is bound, a cursor together with the request for its first piece. `otherwise`: see
 * query_run_on_one. */
MUST_USE enum err pipeline_send(struct op *op, struct postgres_db *db, struct statement *s, int bound, int kind,
                                enum err otherwise, const char *field);
/* Asks for the next piece of a cursor. */
MUST_USE enum err pipeline_fetch(struct op *op, struct postgres_db *db, struct statement *s);
/* Forgets a cursor, so that one snapshot may have many of them after each other. What fails is told by what comes next. */
void pipeline_close_cursor(struct op *op, struct postgres_db *db, const struct statement *s);
/* Lets the server answer what was sent. */
MUST_USE enum err pipeline_synchronize(struct op *op, struct postgres_db *db);
/* Takes the next answer that is to come. */
MUST_USE enum err pipeline_receive(struct op *op, struct postgres_db *db);

/* connect.c: the raw connection. */
MUST_USE enum err postgres_open_connection(struct op *op, struct postgres_db *db);
/* Asks outside of pipeline mode: one or several statements, without parameters. The result is the last one's, in text form, the
 * caller's; NULL with an error. */
MUST_USE enum err postgres_ask(struct op *op, struct postgres_db *db, const char *sql, int64_t limit_ms, PGresult **ret_result);
/* Closes the connection, remembers why, returns ERR_BUSY. */
enum err postgres_lose(struct op *op, struct postgres_db *db, const char *why);
/* Translates a failed result. */
enum err postgres_fail(struct op *op, struct postgres_db *db, const PGresult *result);
/* Sends what is buffered and waits until the connection has an answer, or is given up. */
MUST_USE enum err postgres_wait(struct op *op, struct postgres_db *db);

#endif
