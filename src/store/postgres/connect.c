/* connect.c — getting a connection, waiting for it, and what its failures mean to Roster.
 *
 * A pooler in transaction mode (pgbouncer) gives each transaction another connection to the server: a prepared statement, LISTEN
 * or SET would be lost or, worse, left to somebody else. It is noticed by the process number, which a pooler makes up. */
#include "base/clock.h"
#include "base/uuid.h"
#include "store/postgres/db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPT_EVERY_MS = 250, ATTEMPT_LIMIT_MS = 15000 };

/* ---- what all connections know of the server */

void server_init(struct server *server, const char *url, int64_t answer_limit_ms)
{
    *server = (struct server){ .url = strdup(url), .answer_limit_ms = answer_limit_ms };
    if (!server->url) abort();
    pthread_mutex_init(&server->why_lock, NULL);
}

void server_free(struct server *server)
{
    pthread_mutex_destroy(&server->why_lock);
    free(server->url);
}

void server_why(struct server *server, char *text, size_t size)
{
    pthread_mutex_lock(&server->why_lock);
    snprintf(text, size, "%s", server->why);
    pthread_mutex_unlock(&server->why_lock);
}

/* The first line, without what follows. */
static void remember_why(struct server *server, const char *why)
{
    pthread_mutex_lock(&server->why_lock);
    snprintf(server->why, sizeof server->why, "%.*s", (int)strcspn(why, "\n"), why);
    pthread_mutex_unlock(&server->why_lock);
}

/* One attempt that fails says little while other connections have answers: there may be too many of them. */
static void server_is_away(struct server *server)
{
    enum { SILENCE_MS = 1000 };
    if (!atomic_load(&server->away) && clock_coarse_ns() - atomic_load(&server->answered_ns) < SILENCE_MS * INT64_C(1000000))
        return;
    atomic_store(&server->next_attempt_ns, clock_monotonic_ns() + ATTEMPT_EVERY_MS * INT64_C(1000000));
    atomic_store(&server->away, true);
}

bool server_may_answer(const struct server *server)
{
    return !atomic_load(&server->away) || clock_monotonic_ns() >= atomic_load(&server->next_attempt_ns);
}

/* One attempt at a time while it is away. */
static bool may_attempt(struct server *server)
{
    if (!atomic_load(&server->away)) return true;
    int64_t now = clock_monotonic_ns(), at = atomic_load(&server->next_attempt_ns);
    /* Whoever moves the time forward tries. Connecting takes its own time, several hosts one after the other: until it ends, or
     * hangs, nobody else tries. */
    return now >= at && atomic_compare_exchange_strong(&server->next_attempt_ns, &at, now + ATTEMPT_LIMIT_MS * INT64_C(1000000));
}

/* ---- failures */

enum err postgres_lose(struct op *op, struct postgres_db *db, const char *why)
{
    remember_why(db->server, why);
    db->lost = true;
    postgres_close(db);
    return op_fail(op, ERR_BUSY, "store", "the database does not answer");
}

static const char *field_of_constraint(const char *name)
{
    // clang-format off
    static const struct { const char *ending, *field; } rows[] = {
        { "_uuid",             "uuid" },
        { "credential_secret", "secret" },
        { "membership_key",    "userId" },
        { "group_nesting_key", "childGroupId" },
        { "login_secret",      "login" },
        { "login_pkey",        "login" },
    };
    // clang-format on
    size_t size = name ? strlen(name) : 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t ending = strlen(rows[i].ending);
        if (size >= ending && !strcmp(name + size - ending, rows[i].ending)) return rows[i].field;
    }
    return "id";
}

/* Classes and codes: PostgreSQL's documentation, appendix A. */
enum err postgres_fail(struct op *op, struct postgres_db *db, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state) return postgres_lose(op, db, PQresultErrorMessage(result)); /* libpq's own: the connection */
    if (!message) message = "";
    if (!strcmp(state, "40001") || !strcmp(state, "40P01") || !strcmp(state, "55P03") || !strcmp(state, "57014")) {
        db->conflict = true;
        return op_fail(op, ERR_BUSY, "lock", "another session holds what this change needs");
    }
    /* Shut down, crashed, starting, or no longer the primary: what is wanted is another connection. */
    if (!strncmp(state, "57P", 3) || !strcmp(state, "25006") || !strncmp(state, "08", 2)) return postgres_lose(op, db, message);
    if (!strcmp(state, "23505")) {
        const char *field = field_of_constraint(PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
        if (!strcmp(field, "login")) return op_fail(op, ERR_EXISTS, field, "the log-in is there already");
        return op_fail(op, ERR_EXISTS, field, "the %s is taken", field);
    }
    /* A reference is a foreign key, or a look-up that found nothing (apply.c). */
    if (!strcmp(state, "23503") || !strcmp(state, "23502")) return query_fail_expected(op, ERR_INVALID, "");
    /* A value that is none, a limit of the database's: the row is bad, not the database. */
    if (!strncmp(state, "23", 2) || !strncmp(state, "22", 2) || !strncmp(state, "54", 2))
        return op_fail(op, ERR_INVALID, "", "the database refused the row: a value is too long, or not of its kind");
    if (!strcmp(state, "3F000")) /* nothing that search_path names is there */
        return op_fail(op, ERR_STORAGE, "store", "the database failed: %s; the schema must be made first, by CREATE SCHEMA",
                       message);
    return op_fail(op, ERR_STORAGE, "store", "the database failed: %s", message);
}

/* ---- waiting */

static bool is_past(int64_t deadline_ns)
{
    return deadline_ns && clock_monotonic_ns() > deadline_ns;
}

enum err postgres_wait(struct op *op, struct postgres_db *db)
{
    int64_t deadline = db->limit_ms ? clock_monotonic_ns() + db->limit_ms * 1000000 : 0;
    for (;;) {
        int unsent = PQflush(db->connection);
        if (unsent < 0) return postgres_lose(op, db, PQerrorMessage(db->connection));
        if (!unsent && !PQisBusy(db->connection)) {
            atomic_store_explicit(&db->server->answered_ns, clock_coarse_ns(), memory_order_relaxed);
            return ERR_OK;
        }
        if (is_past(deadline)) return postgres_lose(op, db, "no answer in time"); /* connecting again tells whether it is away */
        struct pollfd socket = { .fd = PQsocket(db->connection), .events = (short)(POLLIN | (unsent ? POLLOUT : 0)) };
        if (poll(&socket, 1, 100) < 0 && errno != EINTR) return postgres_lose(op, db, strerror(errno));
        if (socket.revents & (POLLIN | POLLHUP | POLLERR) && !PQconsumeInput(db->connection))
            return postgres_lose(op, db, PQerrorMessage(db->connection));
    }
}

/* ---- connecting */

/* A COMMIT that was not waited for a standby to the end succeeds with a warning, whose text is in any language. Where in the
 * server it comes from is in none. What a trigger or an extension warns of is no reason to doubt a COMMIT; what is of another
 * class of codes than warnings, above all "there is no transaction in progress", or does not say where it comes from, is. */
static bool is_doubtful(const PGresult *warning)
{
    const char *state = PQresultErrorField(warning, PG_DIAG_SQLSTATE);
    const char *file = PQresultErrorField(warning, PG_DIAG_SOURCE_FILE);
    const char *function = PQresultErrorField(warning, PG_DIAG_SOURCE_FUNCTION);
    if (!state || !file || !function) return true;
    if (strstr(file, "syncrep") || strstr(function, "SyncRep")) return true;
    return strncmp(state, "01", 2) != 0 && strcmp(function, "exec_stmt_raise") != 0; /* PL/pgSQL's RAISE may have any code */
}

static void note_warning(void *context, const PGresult *result)
{
    struct postgres_db *db = context;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && !strcmp(severity, "WARNING") && is_doubtful(result)) db->warned = true;
}

/* The url's own words win over what stands before it, not over what stands after it. */
static PGconn *begin_connection(struct postgres_db *db, char *ret_name, size_t size)
{
    struct uuid random = uuid_random();
    size_t end = (size_t)snprintf(ret_name, size, "roster ");
    for (size_t i = 0; i < 8; i++, end += 2) snprintf(ret_name + end, size - end, "%02x", random.bytes[i]);
    const char *const keywords[] = { "connect_timeout", "dbname", "application_name", "client_encoding", NULL };
    const char *const values[] = { "3", db->server->url, ret_name, "UTF8", NULL };
    return PQconnectdbParams(keywords, values, 1);
}

enum err postgres_ask(struct op *op, struct postgres_db *db, const char *sql, int64_t limit_ms, PGresult **ret_result)
{
    *ret_result = NULL;
    db->limit_ms = limit_ms;
    PQsetnonblocking(db->connection, 1);
    if (!PQsendQuery(db->connection, sql)) return postgres_lose(op, db, PQerrorMessage(db->connection));
    enum err e = ERR_OK, waited;
    PGresult *result;
    while (!(waited = postgres_wait(op, db)) && (result = PQgetResult(db->connection))) {
        PQclear(*ret_result);
        *ret_result = result;
        if (!e && PQresultStatus(result) == PGRES_FATAL_ERROR) e = postgres_fail(op, db, result);
        if (!db->connection) break;
    }
    if (!e) e = waited;
    if (e) {
        PQclear(*ret_result);
        *ret_result = NULL;
    }
    return e;
}

static const char session[] = "SELECT pg_backend_pid(), pg_is_in_recovery(), current_setting('server_encoding'),"
                              " current_setting('synchronous_commit'), current_setting('server_version_num')::int";

static enum err look_at_session(struct op *op, struct postgres_db *db)
{
    PGresult *result;
    enum err e = postgres_ask(op, db, session, db->server->answer_limit_ms, &result);
    if (e) return e;
    db->pooled = atoi(PQgetvalue(result, 0, 0)) != PQbackendPID(db->connection);
    if (!strcmp(PQgetvalue(result, 0, 1), "t"))
        e = postgres_lose(op, db, "the server is a standby: name the others too, and target_session_attrs=read-write");
    else if (strcmp(PQgetvalue(result, 0, 2), "UTF8") != 0)
        e = op_fail(op, ERR_INVALID, "store", "the database has encoding %s; Roster needs UTF8", PQgetvalue(result, 0, 2));
    else if (!strcmp(PQgetvalue(result, 0, 3), "off"))
        e = op_fail(op, ERR_INVALID, "store", "synchronous_commit is off: what was answered could be lost; set it to on");
    else if (atoi(PQgetvalue(result, 0, 4)) < 130000)
        e = op_fail(op, ERR_INVALID, "store", "the server is too old: Roster needs PostgreSQL 13 or newer");
    PQclear(result);
    return e;
}

/* A transaction that was left open would keep its locks until the network notices. Plans are made once: for an array as parameter
 * PostgreSQL would else plan at each commit, a third of the time of a single add. Warnings must come, whatever the role has
 * (is_doubtful). */
static enum err set_session(struct op *op, struct postgres_db *db)
{
    char sql[240];
    if (db->pooled) return ERR_OK;
    snprintf(sql, sizeof sql,
             "SET lock_timeout = %lld; SET idle_in_transaction_session_timeout = %lld; SET jit = off;"
             " SET plan_cache_mode = force_generic_plan; SET client_min_messages = warning",
             (long long)postgres_lock_limit_ms(db), (long long)(db->server->answer_limit_ms * 4));
    PGresult *result;
    enum err e = postgres_ask(op, db, sql, db->server->answer_limit_ms, &result);
    PQclear(result);
    return e;
}

/* Cuts the state off that the line ends with; is it one of a mistake in the address? */
static bool cut_state(char *line)
{
    enum { STATE = 8 }; /* ":  28P01" */
    const size_t size = strlen(line);
    if (size < STATE || strncmp(line + size - STATE, ":  ", 3) != 0) return false;
    char *state = line + size - STATE;
    bool mistaken = !strcmp(state, ":  28P01") || !strcmp(state, ":  3D000");
    *state = '\0';
    return mistaken;
}

/* The line of the message about the mistake; NULL if there is none. `states`: the same with states instead of words, line by
 * line. Lines of one server may begin the same: with TLS and without. */
static const char *find_line(struct op *op, const char *message, const char *states)
{
    char *rest = arena_strdup(&op->arena, states);
    for (char *line; (line = strsep(&rest, "\n"));) {
        bool mistaken = cut_state(line);
        const char *found = strstr(message, line);
        if (found && mistaken) return found;
        if (found) message = found + strlen(line);
    }
    return NULL;
}

static bool has_one_host(PGconn *connection)
{
    bool one = true;
    PQconninfoOption *options = PQconninfo(connection);
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (!strncmp(o->keyword, "host", 4) && o->val && strchr(o->val, ',')) one = false;
    PQconninfoFree(options);
    return one;
}

/* The last line of the message, which is of the server that was tried last. */
static const char *last_line(const char *message)
{
    const char *last = message;
    for (const char *end; (end = strchr(last, '\n')) && end[1];) last = end + 1;
    return last;
}

/* An address with a mistake in it is told at once, instead of being waited for: a password that is missing or that the server
 * refuses (28P01), a database that it does not have (3D000). Not so with several hosts: the right one may be down. Nor what else
 * keeps somebody from logging in (28000): a service that is asked for passwords may be away. Of a connection that failed libpq
 * has the SQLSTATE only in messages that are asked to be nothing else, so it is tried once more; only if a server has said
 * something, which has its severity before it. What to tell, or NULL. */
static const char *find_mistake(struct op *op, PGconn *connection, const char *message)
{
    if (!has_one_host(connection)) return NULL;
    if (PQconnectionNeedsPassword(connection)) return last_line(message);
    if (!strstr(message, ":  ")) return NULL;
    PQsetErrorVerbosity(connection, PQERRORS_SQLSTATE);
    PQreset(connection);
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    return find_line(op, message, PQerrorMessage(connection));
}

static enum err fail_to_connect(struct op *op, struct postgres_db *db)
{
    const char *message = arena_strdup(&op->arena, PQerrorMessage(db->connection));
    const char *mistake = db->server->opening ? find_mistake(op, db->connection, message) : NULL;
    if (!mistake) return postgres_lose(op, db, message);
    postgres_close(db);
    return op_fail(op, ERR_INVALID, "store", "cannot connect to the database: %.*s", (int)strcspn(mistake, "\n"), mistake);
}

enum err postgres_open_connection(struct op *op, struct postgres_db *db)
{
    struct server *server = db->server;
    if (!may_attempt(server)) return op_fail(op, ERR_BUSY, "store", "the database does not answer");
    char name[sizeof db->name];
    db->connection = begin_connection(db, name, sizeof name);
    if (!db->connection) abort();
    enum err e = ERR_OK;
    if (PQstatus(db->connection) != CONNECTION_OK) e = fail_to_connect(op, db);
    else PQsetNoticeReceiver(db->connection, note_warning, db);
    if (!e) e = look_at_session(op, db);
    if (!e) e = set_session(op, db);
    if (!e && !PQenterPipelineMode(db->connection)) e = postgres_lose(op, db, PQerrorMessage(db->connection));
    if (e) {
        server_is_away(server);
        postgres_close(db);
        return e;
    }
    if (atomic_exchange(&server->away, false)) atomic_fetch_add(&server->epoch, 1);
    db->epoch = atomic_load(&server->epoch);
    db->opened++;
    /* One that is not ended yet has more to lose than the one that was to end it. */
    if (db->lost && !*db->lost_name) memcpy(db->lost_name, db->name, sizeof name);
    memcpy(db->name, name, sizeof name);
    db->lost = db->conflict = db->warned = false;
    memset(db->given, 0, sizeof db->given); /* after a crash a sequence may be where it was before */
    return ERR_OK;
}
