/* routes.c — what the server answers, from the tables it answers by: nothing is listed here by hand. */
#include "api/dialects.h"
#include "base/buf.h"
#include "base/json.h"
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>

enum { OUTPUT_MAX = 1 << 20, COLUMN_COUNT = 5, COLUMN_MAX = 256 };

// clang-format off
const struct setting routes_options[] = {
    { "json", SETTING_FLAG, offsetof(struct routes_flags, json), "false", 0, 0, NULL, AT_START, NULL, "one JSON object a line" },
    { 0 },
};

/* By bit of enum right. */
static const char *const right_words[] = { "read", "write", "list", "get", "create", "update", "delete" };
static const struct {
    enum route_flag flag;
    const char *word;
} flag_words[] = {
    { ROUTE_PUBLIC, "public" },
    { ROUTE_BODY,   "body" },
    { ROUTE_WRITES, "writes" },
    { ROUTE_COSTLY, "costly" },
};
// clang-format on

static void add_word(struct buf *out, const char *word, const char *quote, bool first)
{
    buf_printf(out, "%s%s%s%s", first ? "" : ",", quote, word, quote);
}

static void add_rights(struct buf *out, unsigned rights, const char *quote)
{
    for (unsigned i = 0; i < sizeof right_words / sizeof *right_words; i++) {
        if (rights >> i & 1) add_word(out, right_words[i], quote, !(rights & ((1U << i) - 1)));
    }
}

static void add_json_member(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "\"%s\":", name);
    json_add_string(out, value);
    buf_add_char(out, ',');
}

static void add_types(struct buf *out, const char *const *types)
{
    buf_add_literal(out, ",\"types\":");
    if (!types) {
        buf_add_literal(out, "null");
        return;
    }
    buf_add_char(out, '[');
    for (size_t i = 0; types[i]; i++) add_word(out, types[i], "\"", i == 0);
    buf_add_char(out, ']');
}

static void add_json(struct buf *out, const struct dialect *dialect, const struct route *route)
{
    buf_add_char(out, '{');
    add_json_member(out, "api", dialect->name);
    add_json_member(out, "method", method_name(route->method));
    add_json_member(out, "pattern", route->pattern);
    buf_add_literal(out, "\"rights\":[");
    add_rights(out, route->rights, "\"");
    buf_add_literal(out, "],");
    for (size_t i = 0; i < sizeof flag_words / sizeof *flag_words; i++) {
        buf_printf(out, "\"%s\":%s,", flag_words[i].word, route->flags & flag_words[i].flag ? "true" : "false");
    }
    buf_add_literal(out, "\"prefix\":");
    json_add_string(out, dialect_prefix_of(dialect, route->pattern));
    add_types(out, route->flags & ROUTE_BODY ? dialect->body_types : NULL);
    buf_add_literal(out, "}\n");
}

/* --- as a table for people --- */

struct row {
    char cells[COLUMN_COUNT][COLUMN_MAX];
};

static const struct row titles = { { "api", "method", "pattern", "rights", "flags" } };

static struct row make_row(const struct dialect *dialect, const struct route *route)
{
    struct row row = { 0 };
    struct buf rights = BUF_INIT(COLUMN_MAX), flags = BUF_INIT(COLUMN_MAX);
    add_rights(&rights, route->rights, "");
    for (size_t i = 0; i < sizeof flag_words / sizeof *flag_words; i++) {
        if (route->flags & flag_words[i].flag) add_word(&flags, flag_words[i].word, "", flags.size == 0);
    }
    const char *cells[COLUMN_COUNT] = { dialect->name, method_name(route->method), route->pattern, buf_cstr(&rights),
                                        buf_cstr(&flags) };
    for (int i = 0; i < COLUMN_COUNT; i++) snprintf(row.cells[i], COLUMN_MAX, "%s", cells[i][0] ? cells[i] : "-");
    buf_free(&rights);
    buf_free(&flags);
    return row;
}

static void widen(int widths[COLUMN_COUNT], const struct row *row)
{
    for (int i = 0; i < COLUMN_COUNT; i++) {
        int width = (int)strlen(row->cells[i]);
        if (width > widths[i]) widths[i] = width;
    }
}

static void add_row(struct buf *out, const int widths[COLUMN_COUNT], const struct row *row)
{
    for (int i = 0; i + 1 < COLUMN_COUNT; i++) buf_printf(out, "%-*s ", widths[i], row->cells[i]);
    buf_printf(out, "%s\n", row->cells[COLUMN_COUNT - 1]);
}

/* As wide as its widest cell; the last column needs no width. */
static void add_table(struct buf *out)
{
    int widths[COLUMN_COUNT] = { 0 };
    widen(widths, &titles);
    for (size_t i = 0; dialects[i]; i++) {
        for (const struct route *route = dialects[i]->routes; route->pattern; route++) {
            struct row row = make_row(dialects[i], route);
            widen(widths, &row);
        }
    }
    add_row(out, widths, &titles);
    for (size_t i = 0; dialects[i]; i++) {
        for (const struct route *route = dialects[i]->routes; route->pattern; route++) {
            struct row row = make_row(dialects[i], route);
            add_row(out, widths, &row);
        }
    }
}

static void add_json_lines(struct buf *out)
{
    for (size_t i = 0; dialects[i]; i++) {
        for (const struct route *route = dialects[i]->routes; route->pattern; route++) add_json(out, dialects[i], route);
    }
}

int command_routes(struct command_line *line)
{
    const struct routes_flags *flags = line->options;
    struct buf out = BUF_INIT(OUTPUT_MAX);
    if (flags->json) add_json_lines(&out);
    else add_table(&out);
    fputs(buf_cstr(&out), stdout);
    buf_free(&out);
    return EXIT_DONE;
}
