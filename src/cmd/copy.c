/* copy.c — a whole directory into another database, and whether it arrived.
 *
 * The copy compares the rows it counted; then the target is checked as `roster check` does with the database, and the exports of
 * both are compared, by their digests. */
#include "base/plural.h"
#include "cmd/command.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

// clang-format off
const struct setting copy_options[] = {
    { "from", SETTING_TEXT, offsetof(struct copy_flags, from), NULL, 0, 0, NULL, AT_START, "URL", "the database that is copied; stop its servers first: what they write meanwhile is not copied, and what they write later is not there", store_check_url },
    { "to",   SETTING_TEXT, offsetof(struct copy_flags, to),   NULL, 0, 0, NULL, AT_START, "URL", "the database that everything is copied into: there must be nothing in it", store_check_url },
    { 0 },
};
// clang-format on

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* While the copy runs SIGINT and SIGTERM end it in order; a second one, or one before or after, just ends the program. */
static void take_signals(void (*handler)(int number))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* One line for each table, which counts up if a person watches. */
static enum err show_progress(void *context, struct op *op, const char *table, int64_t rows, bool done)
{
    bool *watched = context;
    if (done || *watched) fprintf(stderr, "%s%-20s%12" PRId64 "%s", *watched ? "\r" : "", table, rows, done ? "\n" : "");
    return interrupted ? op_fail(op, ERR_STORAGE, "", "interrupted: nothing was copied") : ERR_OK;
}

static void report(void *context, const char *finding)
{
    (void)context;
    fprintf(stderr, "%s\n", finding);
}

static ssize_t hash_piece(void *stream, const char *bytes, size_t size)
{
    digest_stream_add(stream, bytes, size);
    return (ssize_t)size;
}

/* The SHA-256 of what `roster export` would write. */
static enum err hash_export(struct op *op, struct store *store, struct digest *ret_digest)
{
    struct digest_stream *stream = digest_stream_new();
    FILE *file = fopencookie(stream, "w", (cookie_io_functions_t){ .write = hash_piece });
    if (!file) abort();
    enum err e = command_export_all(op, store, file);
    fclose(file);
    *ret_digest = digest_stream_end(stream);
    return e;
}

static enum err compare_exports(struct op *op, struct store *from, struct store *to)
{
    struct digest copied, arrived;
    enum err e = hash_export(op, from, &copied);
    if (!e) e = hash_export(op, to, &arrived);
    if (e || digest_equal(&copied, &arrived)) return e;
    return op_fail(
        op, ERR_STORAGE, "",
        "the exports of both are not the same; if somebody wrote to the source meanwhile, stop that and copy again into "
        "an empty database");
}

static enum err check_target(struct op *op, struct store *to)
{
    int64_t findings = 0;
    enum err e = store_check(op, to, report, NULL, &findings);
    if (e || findings == 0) return e;
    return op_fail(op, ERR_STORAGE, "", "%" PRId64 " finding%s in the copy", findings, plural(findings));
}

static int copy(struct op *op, struct store *from, struct store *to)
{
    bool watched = isatty(STDERR_FILENO);
    take_signals(interrupt);
    enum err e = store_copy(op, from, to, show_progress, &watched);
    take_signals(SIG_DFL);
    if (!e) e = check_target(op, to);
    if (!e) e = compare_exports(op, from, to);
    if (e && !strcmp(op->failure.field, "to")) return command_fail(EXIT_BAD, "--to: %s", op->failure.text);
    if (e) return command_fail_op(op);
    printf("copied; the copy is sound and its export the same\n");
    return EXIT_DONE;
}

/* Nobody waits for an answer here, and on a large database a single statement takes long: counting rows, above all. */
enum { PATIENCE_MS = 600000 };

static enum err open_one(struct op *op, const char *url, bool create, struct store **ret_store)
{
    return store_open(op, &(struct store_options){ .url = url, .create = create, .busy_limit_ms = PATIENCE_MS }, ret_store);
}

/* Whoever copies a database that is in use may well lose what is written to it from now on. */
static enum err open_source(struct op *op, const char *url, struct store **ret_store)
{
    int64_t others = 0;
    enum err e = open_one(op, url, false, ret_store);
    if (!e) e = store_count_others(op, *ret_store, &others);
    if (others > 0)
        fprintf(stderr, "roster: warning: somebody has the source open: what is written to it from now on is not copied\n");
    return e;
}

int command_copy(struct command_line *line)
{
    const struct copy_flags *flags = line->options;
    AUTO_OP op = op_begin();
    op.caller.system = true;
    if (!flags->from || !flags->to) return command_fail(EXIT_USAGE, "copy needs --from URL and --to URL");
    struct store *from = NULL, *to = NULL;
    int code;
    if (open_source(&op, flags->from, &from)) code = command_fail(EXIT_BAD, "--from: %s", op.failure.text);
    else if (open_one(&op, flags->to, true, &to)) code = command_fail(EXIT_BAD, "--to: %s", op.failure.text);
    else code = copy(&op, from, to);
    store_close(to);
    store_close(from);
    return code;
}
