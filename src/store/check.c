/* check.c — is what is stored sound? What the engine checks itself, and the logs.
 *
 * The logs are read once, in the order of each, with a few numbers remembered for each organization. All in one snapshot. */
#include "base/memory.h"
#include "store/engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What was last seen of an organization's log. */
struct seen {
    int64_t organization_id, version, position, time, sequence;
};

struct checking {
    struct op *op;
    struct db *db;
    store_report_function report;
    void *context;
    int64_t findings;
    struct seen *seen; /* ordered by organization */
    size_t seen_count;
};

static void free_checking(struct checking *c)
{
    free(c->seen);
}

PRINTF_LIKE(2, 3) static void find(struct checking *c, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    c->findings++;
    if (c->report) c->report(c->context, text);
}

static void report_finding(void *context, const char *finding)
{
    find(context, "%s", finding);
}

static enum err list_organizations(struct checking *c)
{
    size_t capacity = 0;
    AUTO_QUERY q = db_stream(c->db, "SELECT id FROM organization ORDER BY id");
    bool row;
    enum err e;
    while (!(e = query_step(c->op, &q, &row)) && row) {
        c->seen = memory_grow(c->seen, c->seen_count, &capacity, sizeof *c->seen);
        c->seen[c->seen_count++] = (struct seen){ .organization_id = column_number(&q, 0), .position = -1 };
    }
    return e;
}

static struct seen *find_seen(const struct checking *c, int64_t organization_id)
{
    size_t low = 0, high = c->seen_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->seen[middle].organization_id < organization_id) low = middle + 1;
        else high = middle;
    }
    return low < c->seen_count && c->seen[low].organization_id == organization_id ? &c->seen[low] : NULL;
}

static void check_entry(struct checking *c, const struct seen *now, int64_t previous, const char *kind)
{
    struct seen *before = find_seen(c, now->organization_id);
    enum change_kind known;
    if (!before) {
        find(c, "log: entry %" PRId64 " is of unknown organization %" PRId64, now->sequence, now->organization_id);
        return;
    }
    bool next_position = now->version == before->version && now->position == before->position + 1;
    bool next_version = now->version == before->version + 1 && now->position == 0;
    if (!next_position && !next_version) {
        find(c,
             "log of organization %" PRId64 ": version %" PRId64 " position %" PRId64 " follows version %" PRId64
             " position %" PRId64,
             now->organization_id, now->version, now->position, before->version, before->position);
    }
    if (now->time < before->time) {
        find(c, "log of organization %" PRId64 ": time goes back at version %" PRId64, now->organization_id, now->version);
    }
    if (previous != before->sequence) {
        find(c, "log of organization %" PRId64 ": the chain is broken at version %" PRId64, now->organization_id, now->version);
    }
    if (!kind || !change_find(kind, &known)) {
        find(c, "log of organization %" PRId64 ": unknown kind at version %" PRId64, now->organization_id, now->version);
    }
    *before = *now;
}

static enum err check_logs(struct checking *c)
{
    static const char by_sequence[] =
        "SELECT organization_id, version, position, time, sequence, previous, kind FROM change ORDER BY sequence";
    static const char by_version[] = "SELECT organization_id, version, position, time, 0::bigint, 0::bigint, kind FROM change"
                                     " ORDER BY organization_id, version, position";
    AUTO_QUERY q = db_stream(c->db, db_text(c->db, by_sequence, by_version));
    bool row;
    enum err e;
    while (!(e = query_step(c->op, &q, &row)) && row) {
        struct seen now = {
            .organization_id = column_number(&q, 0),
            .version = column_number(&q, 1),
            .position = column_number(&q, 2),
            .time = column_number(&q, 3),
            .sequence = column_number(&q, 4),
        };
        check_entry(c, &now, column_number(&q, 5), column_text(&q, 6));
    }
    return e;
}

/* The log must end where the organization says. */
static enum err check_ends(struct checking *c)
{
    AUTO_QUERY q = db_stream(c->db, db_text(c->db, "SELECT id, version, last_sequence FROM organization ORDER BY id",
                                            "SELECT id, version, 0::bigint FROM organization ORDER BY id"));
    bool row;
    enum err e;
    while (!(e = query_step(c->op, &q, &row)) && row) {
        const struct seen *seen = find_seen(c, column_number(&q, 0));
        if (!seen) continue;
        if (seen->version != column_number(&q, 1) || seen->sequence != column_number(&q, 2)) {
            find(c, "organization %" PRId64 " has version %" PRId64 " but its log ends at version %" PRId64,
                 seen->organization_id, column_number(&q, 1), seen->version);
        }
    }
    return e;
}

enum err store_check(struct op *op, struct store *store, store_report_function report, void *context, int64_t *ret_findings)
{
    AUTO_READER reader = { 0 };
    enum err e = store_reader(op, store, &reader);
    if (!e) e = store_snapshot(op, &reader);
    __attribute__((
        cleanup(free_checking))) struct checking c = { .op = op, .db = reader.db, .report = report, .context = context };
    if (!e) e = store->engine->check(op, reader.db, report_finding, &c);
    if (!e) e = list_organizations(&c);
    if (!e) e = check_logs(&c);
    if (!e) e = check_ends(&c);
    *ret_findings = c.findings;
    return e;
}
