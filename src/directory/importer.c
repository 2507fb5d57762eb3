/* importer.c — reading the file, batches, commits. What a line means is in import_line.c and its neighbours. */
#include "base/clock.h"
#include "base/lines.h"
#include "base/memory.h"
#include "directory/importer_parts.h"

#include <errno.h>

/* The line itself is wrong, as against the database being away. */
static bool is_line_error(enum err e)
{
    return e == ERR_INVALID || e == ERR_NOT_FOUND || e == ERR_EXISTS || e == ERR_TOO_LARGE;
}

enum err import_see_version(struct importer *importer, int64_t organization_id)
{
    if (!importer->writing) return ERR_OK;
    int64_t version = 0;
    enum err e = store_version(importer->batch, importer->store, organization_id, &version);
    if (e == ERR_NOT_FOUND) {
        failure_clear(&importer->batch->failure);
        version = 0;
        e = ERR_OK;
    }
    if (organization_id == INSTALLATION) importer->installation_version = version;
    else importer->version = version;
    return e;
}

/* --- batches --- */

static void free_lines(struct batch_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(lines[i].text);
        free(lines[i].refused);
    }
}

static void begin_batch(struct importer *importer)
{
    free_lines(importer->lines, importer->line_count);
    importer->line_count = importer->line_bytes = importer->refused_bytes = 0;
    importer->changes = importer->installation = (struct change_list){ 0 };
    importer->organization_id = NO_ORGANIZATION;
    importer->kind = BATCH_PUTS;
    importer->installed = false;
    hash_set_free(&importer->touched);
    importer->counts_before = importer->counts;
    ledger_keep(&importer->ledger);
    import_forget_ahead(importer);
    arena_reset(&importer->batch->arena);
}

/* A bad line may have said what the batch is of. What was asked ahead stays good, or a file of bad lines would ask for each. */
static void begin_empty_batch_again(struct importer *importer)
{
    if (importer->line_count) return;
    importer->organization_id = NO_ORGANIZATION;
    importer->kind = BATCH_PUTS;
    hash_set_free(&importer->touched);
}

struct leaving {
    struct op *op;
    struct number_set users;
    struct change_list changes; /* the users' memberships, removed */
};

static enum err collect_leaving(void *context, struct op *op, const struct membership *membership)
{
    (void)op;
    struct leaving *leaving = context;
    if (!number_set_has(&leaving->users, membership->user_id)) return ERR_OK;
    union object before = object_copy(&leaving->op->arena, NOUN_MEMBERSHIP, (union object){ .any = membership });
    change_add(&leaving->op->arena, &leaving->changes, MEMBER_REMOVED, before, (union object){ 0 });
    return ERR_OK;
}

/* A deleted user leaves its groups first, as changes of their own, so that feeds and history tell it. */
static enum err add_leaving(struct importer *importer)
{
    struct leaving leaving = { .op = importer->batch };
    for (size_t i = 0; i < importer->changes.count; i++)
        number_set_add(&leaving.users, importer->changes.items[i].before.user->id);
    struct store_sink sink = { .context = &leaving, .membership = collect_leaving };
    int64_t version;
    enum err e = store_load(importer->batch, importer->store, importer->organization_id, &sink, NULL, &version);
    for (size_t i = 0; i < importer->changes.count && !e; i++) {
        const struct change *deletion = &importer->changes.items[i];
        change_add(&importer->batch->arena, &leaving.changes, deletion->kind, deletion->before, deletion->after);
    }
    importer->changes = leaving.changes;
    number_set_free(&leaving.users);
    return e;
}

/* As far as the importer knows. */
static bool names_may_repeat(struct importer *importer, int64_t organization_id)
{
    const struct ledger_organization *organization = ledger_find(&importer->ledger, organization_id);
    return organization && organization->exists && !organization->unique_group_names;
}

static enum err commit_list(struct importer *importer, int64_t organization_id, int64_t expected_version,
                            struct change_list *changes, bool bulk)
{
    if (!changes->count) return ERR_OK;
    struct commit commit = { .organization_id = organization_id,
                             .expected_version = expected_version,
                             .time = importer->batch->now,
                             .changes = changes,
                             .names_may_repeat = names_may_repeat(importer, organization_id),
                             .bulk = bulk };
    enum err e = store_commit(importer->batch, importer->store, &commit);
    if (!e) importer->counts.commits++;
    changes->count = 0; /* done, or done again line by line */
    return e;
}

static enum err commit_batch(struct importer *importer)
{
    enum err e = ERR_OK;
    if (importer->kind == BATCH_DELETES_USERS && importer->changes.count) e = add_leaving(importer);
    if (!e) e = commit_list(importer, INSTALLATION, importer->installation_version, &importer->installation, false);
    importer->installed = !e;
    if (!e) ledger_keep_installation(&importer->ledger);
    if (e || !importer->changes.count) return e;
    const struct ledger_organization *organization = ledger_find(&importer->ledger, importer->organization_id);
    bool bulk = organization && organization->created && importer->kind == BATCH_PUTS && !importer->careful;
    /* What the file made has the version its making gave it: not 0 where an organization with this number was deleted before. */
    if (bulk) e = import_see_version(importer, importer->organization_id);
    if (e) return e;
    return commit_list(importer, importer->organization_id, importer->version, &importer->changes, bulk);
}

/* What a line's own mistake is, in the batch's memory; it is no failure any more. */
static const char *take_mistake(struct importer *importer)
{
    struct failure *failure = &importer->batch->failure;
    bool named = !failure->field[0] || strncmp(failure->text, failure->field, strlen(failure->field)) == 0;
    const char *text =
        arena_printf(&importer->batch->arena, "%s%s%s", named ? "" : failure->field, named ? "" : ": ", failure->text);
    failure_clear(failure);
    return text;
}

static void report_bad(struct importer *importer, int64_t number, const char *text)
{
    importer->counts.bad++;
    importer->options->report(importer->options->context, number, text);
}

static void report_refused(struct importer *importer)
{
    for (size_t i = 0; i < importer->line_count; i++)
        if (importer->lines[i].refused) report_bad(importer, importer->lines[i].number, importer->lines[i].refused);
}

/* What the ledger took from changes that were not committed is taken back, or read from the database again. */
static void forget_pending(struct importer *importer)
{
    ledger_undo(&importer->ledger);
    struct ledger_organization *organization = ledger_find(&importer->ledger, importer->organization_id);
    if (organization) ledger_forget_pending(organization);
}

/* Of the batch under way nothing was made, except accounts and organizations once they are committed; its bad lines stay bad. */
static void take_counts_back(struct importer *importer)
{
    struct import_counts counts = importer->counts, *back = &importer->counts;
    *back = importer->counts_before;
    back->lines = counts.lines;
    back->bad = counts.bad;
    back->commits = counts.commits;
    for (enum noun noun = 0; noun < NOUN_COUNT && importer->installed; noun++) {
        if (noun != NOUN_ORGANIZATION && noun != NOUN_ACCOUNT) continue;
        back->created[noun] = counts.created[noun];
        back->changed[noun] = counts.changed[noun];
        back->unchanged[noun] = counts.unchanged[noun];
        back->deleted[noun] = counts.deleted[noun];
    }
}

/* A server that writes without a pause is often faster: each attempt then has its chance, a number of them would be too few. */
static enum err import_one(struct importer *importer, const char *text, size_t size)
{
    const int64_t deadline_ns = clock_monotonic_ns() + INT64_C(10000000000);
    enum err e = ERR_STALE;
    struct import_counts counts = importer->counts;
    while (e == ERR_STALE && clock_monotonic_ns() < deadline_ns) {
        failure_clear(&importer->batch->failure);
        importer->counts = counts;
        begin_batch(importer);
        e = import_line(importer, text, size);
        if (e) {
            ledger_undo(&importer->ledger);
            continue;
        }
        e = commit_batch(importer);
        if (e) forget_pending(importer);
    }
    if (e) importer->counts = counts; /* it made nothing */
    return e;
}

/* A line of a batch that was refused. When the database is away, what is known of it is told as it is of any other batch. */
static enum err import_again(struct importer *importer, const struct batch_line *line, bool is_away)
{
    if (!line->text || is_away) {
        if (line->refused) report_bad(importer, line->number, line->refused);
        return ERR_OK;
    }
    enum err e = import_one(importer, line->text, line->size);
    if (!is_line_error(e)) return e;
    report_bad(importer, line->number, take_mistake(importer));
    return ERR_OK;
}

/* The batch was refused as a whole, by another process's commit or by a row that is there already: each line again, against the
 * database as it is now. Not those whose changes are committed already. */
static enum err import_carefully(struct importer *importer)
{
    struct batch_line *lines = importer->lines;
    size_t count = importer->line_count;
    const bool installed = importer->installed;
    importer->lines = memory_alloc(IMPORT_BATCH_LINES * sizeof *importer->lines);
    importer->line_count = 0;
    take_counts_back(importer);
    forget_pending(importer);
    importer->careful = true;
    enum err e = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        if (lines[i].installs && installed) continue;
        enum err failed = import_again(importer, &lines[i], e != ERR_OK);
        if (failed) e = failed;
    }
    importer->careful = false;
    free_lines(lines, count);
    free(lines);
    return e;
}

enum err import_flush(struct importer *importer)
{
    enum err e = ERR_OK;
    if (importer->writing && !importer->careful) {
        e = commit_batch(importer);
        if (is_line_error(e) || e == ERR_STALE) {
            failure_clear(&importer->batch->failure);
            e = import_carefully(importer);
        }
    }
    if (!e) report_refused(importer);
    if (!e) begin_batch(importer);
    return e;
}

/* --- reading --- */

static void keep_line(struct importer *importer, int64_t number, struct ahead_line *read, const char *refused)
{
    struct batch_line *line = &importer->lines[importer->line_count++];
    bool installs = !refused && (importer->noun == NOUN_ORGANIZATION || importer->noun == NOUN_ACCOUNT);
    if (refused) importer->refused_bytes += read->size;
    else importer->line_bytes += read->size;
    *line = (struct batch_line){ .number = number, .size = read->size, .installs = installs, .refused = memory_strdup(refused) };
    if (!importer->writing || (refused && importer->misses_account)) return;
    line->text = read->text;
    read->text = NULL;
}

/* It is told at once if nothing that may be refused itself can be why. */
static void refuse_line(struct importer *importer, int64_t number, struct ahead_line *read)
{
    const char *mistake = take_mistake(importer);
    ledger_undo_line(&importer->ledger);
    if (importer->writing && importer->line_count) {
        keep_line(importer, number, read, mistake);
        return;
    }
    report_bad(importer, number, mistake);
    begin_empty_batch_again(importer);
}

static enum err take_line(struct importer *importer, int64_t number, struct ahead_line *line)
{
    if (line->result == LINES_FAILED)
        return op_fail(importer->batch, ERR_STORAGE, "", "the file cannot be read: %s", strerror(line->error));
    if (line->result == LINES_ONE && !line->size) return ERR_OK;
    importer->counts.lines++;
    ledger_begin_line(&importer->ledger);
    importer->misses_account = false;
    enum err e = line->result == LINES_TOO_LONG
                     ? op_fail(importer->batch, ERR_TOO_LARGE, "", "the line is longer than %d bytes", IMPORT_LINE_MAX)
                     : import_line(importer, line->text, line->size);
    if (is_line_error(e)) refuse_line(importer, number, line);
    else if (e) return e;
    else keep_line(importer, number, line, NULL);
    bool full = importer->line_count == IMPORT_BATCH_LINES || importer->line_bytes >= IMPORT_BATCH_BYTES;
    return full ? import_flush(importer) : ERR_OK;
}

static enum err read_file(struct importer *importer, FILE *file, int reading)
{
    enum { PROGRESS_EVERY = 5000 };
    struct lines lines = LINES_INIT(file, IMPORT_LINE_MAX);
    struct ahead *ahead = &importer->ahead;
    int64_t number = 0;
    enum err e = ERR_OK;
    do {
        /* What bad lines took goes as well; here no line was read ahead in vain. */
        bool large = importer->batch->arena.total + importer->refused_bytes >= IMPORT_BATCH_MEMORY;
        if (!importer->line_count || large) e = import_flush(importer);
        import_fill_ahead(importer, &lines);
        for (; !e && ahead->at < ahead->count && ahead->lines[ahead->at].result != LINES_END; ahead->at++) {
            e = take_line(importer, ++number, &ahead->lines[ahead->at]);
            if (!e && importer->options->progress && number % PROGRESS_EVERY == 0)
                importer->options->progress(importer->options->context, reading, number, ahead->lines[ahead->at].total);
        }
    } while (!e && ahead->at == ahead->count);
    lines_free(&lines);
    return e ? e : import_flush(importer);
}

static enum err run_reading(struct op *op, struct importer *importer, FILE *file, bool writing)
{
    AUTO_OP batch = op_begin();
    batch.caller.system = true;
    batch.now = op->now;
    importer->batch = &batch;
    importer->writing = writing;
    ledger_open(&importer->ledger);
    importer->counts = (struct import_counts){ 0 };
    importer->lines = memory_alloc(IMPORT_BATCH_LINES * sizeof *importer->lines);
    importer->ahead = (struct ahead){ .lines = memory_alloc(AHEAD_LINES * sizeof *importer->ahead.lines) };
    rewind(file);
    enum err e = read_file(importer, file, writing);
    if (e) {
        op->failure = batch.failure;
        take_counts_back(importer);
        if (!writing) importer->counts = (struct import_counts){ .lines = importer->counts.lines, .bad = importer->counts.bad };
    }
    report_refused(importer);
    begin_batch(importer);
    import_free_ahead(importer);
    free(importer->ahead.lines);
    free(importer->lines);
    ledger_free(&importer->ledger);
    return e;
}

enum err directory_import(struct op *op, struct store *store, FILE *file, const struct import_options *options,
                          struct import_counts *ret_counts)
{
    struct importer importer = { .store = store, .options = options };
    enum err e = ERR_OK;
    bool check_first = options->dry_run || !options->keep_going;
    if (check_first) e = run_reading(op, &importer, file, false);
    bool write = !options->dry_run && (options->keep_going || !importer.counts.bad);
    if (!e && write) e = run_reading(op, &importer, file, true);
    *ret_counts = importer.counts;
    if (!e && importer.counts.bad)
        e = op_fail(op, ERR_INVALID, "", "%lld bad line%s", (long long)importer.counts.bad, importer.counts.bad == 1 ? "" : "s");
    return e;
}
