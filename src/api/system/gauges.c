/* gauges.c — the directory's and the store's figures for /metrics, a row each. */
#include "api/system/system.h"
#include "net/metrics.h"

struct figures {
    struct directory_stats directory;
    struct store_stats store;
    struct logins_stats logins;
    int64_t reachable, reconnects;
};

// clang-format off
static const struct {
    const char *name, *kind, *help;
    size_t offset;
    double factor;
} rows[] = {
    { "roster_organizations",            "gauge",   "Organizations known",                                offsetof(struct figures, directory.organizations),  1 },
    { "roster_resident_organizations",   "gauge",   "Images in memory, the installation's included",      offsetof(struct figures, directory.resident),       1 },
    { "roster_resident_bytes",           "gauge",   "Memory of images, rendered bytes included",          offsetof(struct figures, directory.resident_bytes), 1 },
    { "roster_fragment_bytes",           "gauge",   "Memory of rendered bytes",                           offsetof(struct figures, directory.fragment_bytes), 1 },
    { "roster_image_loads_total",        "counter", "Images loaded",                                      offsetof(struct figures, directory.loads),          1 },
    { "roster_image_load_seconds_total", "counter", "Time spent loading images",                          offsetof(struct figures, directory.load_us),        1e-6 },
    { "roster_image_evictions_total",    "counter", "Images dropped to stay within the memory budget",    offsetof(struct figures, directory.evictions),      1 },
    { "roster_image_reloads_total",      "counter", "Images dropped because the log could not be followed", offsetof(struct figures, directory.reloads),      1 },
    { "roster_followed_total",           "counter", "Times other processes' commits were applied",        offsetof(struct figures, directory.followed),       1 },
    { "roster_expired_members_total",    "counter", "Memberships that ended and were cleared away",       offsetof(struct figures, directory.expired),        1 },
    { "roster_credentials",              "gauge",   "Credentials known, revoked ones included",           offsetof(struct figures, directory.credentials),    1 },
    { "roster_degraded",                 "gauge",   "1 while the database does not answer, else 0",       offsetof(struct figures, directory.degraded),       1 },
    { "roster_database_reachable",       "gauge",   "0 while the database is known not to answer, else 1", offsetof(struct figures, reachable),               1 },
    { "roster_database_reconnects_total", "counter", "Times following went on with another connection or server", offsetof(struct figures, reconnects),       1 },
    { "roster_follow_age_seconds",       "gauge",   "Since following last succeeded",                     offsetof(struct figures, directory.follow_age_us),  1e-6 },
    { "roster_organizations_behind",     "gauge",   "Organizations that are yet to be brought up to date", offsetof(struct figures, directory.behind),        1 },
    { "roster_logins_total",             "counter", "Log-ins with a key, and refreshes, that succeeded",   offsetof(struct figures, logins.done),              1 },
    { "roster_login_refusals_total",     "counter", "Log-ins with a key, and refreshes, that were refused", offsetof(struct figures, logins.refused),          1 },
    { "roster_login_sessions",           "gauge",   "Sessions of people who logged in",                   offsetof(struct figures, logins.sessions),          1 },
    { "roster_commits_total",            "counter", "Commits made durable",                               offsetof(struct figures, store.commits),            1 },
    { "roster_transactions_total",       "counter", "Database transactions; commits share them",          offsetof(struct figures, store.transactions),       1 },
    { "roster_commit_failures_total",    "counter", "Commits that failed",                                offsetof(struct figures, store.failures),           1 },
    { "roster_changes_total",            "counter", "Changes committed",                                  offsetof(struct figures, store.changes),            1 },
    { "roster_sync_seconds_count",       "counter", "Durable transactions",                               offsetof(struct figures, store.sync_count),         1 },
    { "roster_sync_seconds_sum",         "counter", "Time spent making them durable",                     offsetof(struct figures, store.sync_total_us),      1e-6 },
};
// clang-format on

static void write_gauges(void *context, struct buf *out)
{
    const struct system_sources *sources = context;
    struct figures figures;
    directory_stats(sources->directory, &figures.directory);
    store_stats(sources->store, &figures.store);
    logins_stats(directory_logins(sources->directory), &figures.logins);
    int64_t epoch = store_epoch(sources->store);
    figures.reconnects = epoch > 1 ? epoch - 1 : 0; /* the first is the one it began with */
    figures.reachable = store_reachable(sources->store);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value;
        memcpy(&value, (const char *)&figures + rows[i].offset, sizeof value);
        metrics_add_value(out, rows[i].name, rows[i].kind, rows[i].help, (double)value * rows[i].factor);
    }
    if (!figures.directory.follows_by) return;
    buf_printf(out,
               "# HELP roster_follow_info How commits of other processes are learnt of\n# TYPE roster_follow_info gauge\n"
               "roster_follow_info{by=\"%s\"} 1\n",
               figures.directory.follows_by);
}

void system_add_gauges(struct system_sources *sources)
{
    metrics_add_gauge(write_gauges, sources);
}
