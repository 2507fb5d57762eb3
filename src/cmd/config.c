#include "cmd/config.h"

#include "api/dialects.h"
#include "store/store.h"

#include <string.h>
#include <unistd.h>

/* To add a setting: a field in struct config, a row here, its use in one of the functions below, a line in docs/operations.md
 * (`roster serve --help` prints the table). */
// clang-format off
#define STORE_ROWS /* `store` first, for config_demo_settings */ \
    /* name                   kind            offset                                          initial            min max       choices  when       value    help */ \
    { "store",                SETTING_TEXT,   offsetof(struct config, store),                 "sqlite:roster.db", 0, 0,        NULL,    AT_START,  "URL",   "the database: sqlite:PATH, postgres://..., or host=... dbname=...", store_check_url }, \
    { "config",               SETTING_TEXT,   offsetof(struct config, config),                NULL,              0, 0,         NULL,    AT_START,  "FILE",  "read settings from this file (default roster.conf, if there is one)" }, \
    { "busy_limit_ms",        SETTING_NUMBER, offsetof(struct config, busy_limit_ms),         "5000",            1, 600000,    NULL,    AT_START,  "N",     "how long to wait for another process's lock (SQLite) or for any answer (PostgreSQL)" },

const struct setting config_store_settings[] = {
    STORE_ROWS
    { 0 },
};

const struct setting config_settings[] = {
    STORE_ROWS
    { "migrate",              SETTING_SWITCH, offsetof(struct config, migrate),               "auto",            0, 0,         NULL,    AT_START,  NULL,    "make the tables of an empty database, and bring an older one up to date; auto: of SQLite yes, of PostgreSQL no" },
    { "start_wait_s",         SETTING_NUMBER, offsetof(struct config, start_wait_s),          "60",              0, 86400,     NULL,    AT_START,  "N",     "how long a database that does not answer at the start is waited for; 0: not at all" },
    { "listen",               SETTING_TEXT,   offsetof(struct config, listen),                "127.0.0.1:8080",  0, 0,         NULL,    AT_START,  "ADDRESS", "address and port (0 picks one), or unix:PATH", server_check_address },
    { "tls_cert",             SETTING_TEXT,   offsetof(struct config, tls_cert),              NULL,              0, 0,         NULL,    ON_RELOAD, "FILE",  "certificate chain in PEM form; with it the server speaks TLS" },
    { "tls_key",              SETTING_TEXT,   offsetof(struct config, tls_key),               NULL,              0, 0,         NULL,    ON_RELOAD, "FILE",  "its private key" },
    { "log_format",           SETTING_CHOICE, offsetof(struct config, log_format),            "text",            0, 0,         "text|json", ON_RELOAD, NULL, "form of the log lines on standard error" },
    { "log_level",            SETTING_CHOICE, offsetof(struct config, log_level),             "info",            0, 0,         "error|warn|info|debug", ON_RELOAD, NULL, "which messages are logged" },
    { "request_log",          SETTING_FLAG,   offsetof(struct config, request_log),           "true",            0, 0,         NULL,    ON_RELOAD, NULL,    "log one line for each request" },
    { "threads",              SETTING_NUMBER, offsetof(struct config, threads),               "0",               0, 256,       NULL,    AT_START,  "N",     "threads that serve connections; 0: chosen by the number of cores" },
    { "workers",              SETTING_NUMBER, offsetof(struct config, workers),               "8",               1, 1024,      NULL,    AT_START,  "N",     "threads that load organizations, make large answers and do log-ins" },
    { "queue_limit",          SETTING_NUMBER, offsetof(struct config, queue_limit),           "10000",           1, 1000000,   NULL,    ON_RELOAD, "N",     "requests waiting for a worker; over it: 503" },
    { "rate_limit",           SETTING_NUMBER, offsetof(struct config, rate_limit),            "0",               0, 1000000000, "off=0|on=700", ON_RELOAD, "N", "requests of one caller in rate_period_s, over it 429; 0: no limit" },
    { "rate_period_s",        SETTING_NUMBER, offsetof(struct config, rate_period_s),         "3600",            1, 86400,     NULL,    ON_RELOAD, "N",     "the window of rate_limit" },
    { "connection_limit",     SETTING_NUMBER, offsetof(struct config, connection_limit),      "10000",           2, 1000000,   NULL,    AT_START,  "N",     "open connections" },
    { "head_limit_kib",       SETTING_NUMBER, offsetof(struct config, head_limit_kib),        "16",              4, 1024,      NULL,    AT_START,  "N",     "largest request head" },
    { "body_limit_kib",       SETTING_NUMBER, offsetof(struct config, body_limit_kib),        "1024",            1, 1048576,   NULL,    ON_RELOAD, "N",     "largest request body" },
    { "response_limit_mib",   SETTING_NUMBER, offsetof(struct config, response_limit_mib),    "512",             1, 65536,     NULL,    AT_START,  "N",     "largest answer" },
    { "sending_limit_mib",    SETTING_NUMBER, offsetof(struct config, sending_limit_mib),     "1024",            1, 1048576,   NULL,    ON_RELOAD, "N",     "memory of all answers over 128 KiB being sent at a time; over it: 503" },
    { "head_timeout_s",       SETTING_NUMBER, offsetof(struct config, head_timeout_s),        "10",              1, 3600,      NULL,    ON_RELOAD, "N",     "time for a whole request head to arrive" },
    { "body_timeout_s",       SETTING_NUMBER, offsetof(struct config, body_timeout_s),        "30",              1, 3600,      NULL,    ON_RELOAD, "N",     "time for a whole request body to arrive" },
    { "idle_timeout_s",       SETTING_NUMBER, offsetof(struct config, idle_timeout_s),        "75",              1, 86400,     NULL,    ON_RELOAD, "N",     "how long a kept-alive connection may be idle" },
    { "send_timeout_s",       SETTING_NUMBER, offsetof(struct config, send_timeout_s),        "60",              1, 86400,     NULL,    ON_RELOAD, "N",     "time for a client to take a whole answer" },
    { "shutdown_timeout_s",   SETTING_NUMBER, offsetof(struct config, shutdown_timeout_s),    "10",              0, 3600,      NULL,    ON_RELOAD, "N",     "how long requests under way may take after SIGTERM" },
    { "memory_budget_mib",    SETTING_NUMBER, offsetof(struct config, memory_budget_mib),     "4096",            1, 1048576,   NULL,    ON_RELOAD, "N",     "organizations not used longest leave memory beyond this" },
    { "fragment_budget_mib",  SETTING_NUMBER, offsetof(struct config, fragment_budget_mib),   "192",             0, 1048576,   NULL,    ON_RELOAD, "N",     "memory for rendered objects, kept for the next answer" },
    { "follow_interval_ms",   SETTING_NUMBER, offsetof(struct config, follow_interval_ms),    "50",              1, 60000,     NULL,    ON_RELOAD, "N",     "how often commits of other processes are looked for" },
    { "at_least_wait_ms",     SETTING_NUMBER, offsetof(struct config, at_least_wait_ms),      "1000",            0, 60000,     NULL,    ON_RELOAD, "N",     "how long a version asked for by Roster-At-Least is waited for; then 503" },
    { "expire_interval_s",    SETTING_NUMBER, offsetof(struct config, expire_interval_s),     "5",               1, 86400,     NULL,    ON_RELOAD, "N",     "how often ended memberships are cleared away (they end in time anyway)" },
    { "auth.jwt.issuer",      SETTING_TEXT,   offsetof(struct config, jwt_issuer),            NULL,              0, 0,         NULL,    AT_START,  "URL",   "whose tokens (JWT) are accepted as bearer credentials, as their iss has it; none: nobody's" },
    { "auth.jwt.audience",    SETTING_TEXT,   offsetof(struct config, jwt_audience),          NULL,              0, 0,         NULL,    AT_START,  "TEXT",  "what their aud must name" },
    { "auth.jwt.keys",        SETTING_TEXT,   offsetof(struct config, jwt_keys),              NULL,              0, 0,         NULL,    AT_START,  "FILE|URL", "the issuer's keys, a JSON Web Key Set (default: where the issuer's discovery document says)" },
    { "auth.jwt.ca",          SETTING_TEXT,   offsetof(struct config, jwt_ca),                NULL,              0, 0,         NULL,    AT_START,  "FILE",  "certificates (PEM) that may sign those of the server that has the keys (default: the system's)" },
    { "auth.jwt.organization", SETTING_NUMBER, offsetof(struct config, jwt_organization),     NULL,              1, NUMBER_MAX, NULL,   AT_START,  "ID",    "the organization whose users the tokens are for" },
    { "passbolt.server_key",  SETTING_TEXT,   offsetof(struct config, passbolt_server_key),   NULL,              0, 0,         NULL,    AT_START,  "FILE",  "the server's OpenPGP secret key, armored, for log-in by Passbolt's clients (default: one made at the first start, in the database)" },
    { "passbolt.url",         SETTING_TEXT,   offsetof(struct config, passbolt_url),          NULL,              0, LOGINS_URL_MAX, NULL, AT_START, "URL",  "the server's address as those clients have it (default: as each request names it)" },
    { "passbolt.organization", SETTING_NUMBER, offsetof(struct config, passbolt_organization), "0",              0, NUMBER_MAX, NULL,   AT_START,  "ID",    "the organization whose users may log in so; 0: those of any" },
    { "passbolt.profile",     SETTING_CHOICE, offsetof(struct config, passbolt_profile),      "5",               0, 0,         "5|2",   AT_START,  NULL,    "the release of Passbolt to be like" },
    { "passbolt.session_timeout_min", SETTING_NUMBER, offsetof(struct config, passbolt_session_timeout_min), "24", 1, 525600,  NULL,    AT_START,  "N",     "minutes without a request after which a session ends" },
    { "passbolt.attempts_per_address", SETTING_NUMBER, offsetof(struct config, passbolt_attempts_per_address), "240", 0, 1000000, NULL, AT_START, "N",    "log-in requests of one address in a minute, over it 429; 0: no limit" },
    { "passbolt.attempts_per_key", SETTING_NUMBER, offsetof(struct config, passbolt_attempts_per_key), "60",      0, 1000000,   NULL,    AT_START,  "N",     "log-in requests for one key in a minute, over it 429; 0: no limit" },
    { 0 },
};
// clang-format on

static bool is_url(const char *text)
{
    return !strncmp(text, "https://", 8) || !strncmp(text, "http://", 7);
}

/* Settings that are nothing without each other. An empty text is none. */
static enum err check_jwt(struct failure *failure, struct config *config)
{
    const char **texts[] = { &config->jwt_issuer, &config->jwt_audience, &config->jwt_keys, &config->jwt_ca };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i] && !**texts[i]) *texts[i] = NULL;
    bool others = config->jwt_audience || config->jwt_keys || config->jwt_ca || config->jwt_organization;
    const char *missing = NULL;
    if (!config->jwt_issuer && others) missing = "auth.jwt.issuer";
    if (config->jwt_issuer && !config->jwt_organization) missing = "auth.jwt.organization";
    if (config->jwt_issuer && !config->jwt_audience) missing = "auth.jwt.audience";
    if (missing)
        return failure_set(failure, ERR_INVALID, missing,
                           "%s is not set: issuer, audience and organization of auth.jwt belong together", missing);
    if (!config->jwt_issuer || config->jwt_keys || is_url(config->jwt_issuer)) return ERR_OK;
    return failure_set(failure, ERR_INVALID, "auth.jwt.keys",
                       "auth.jwt.keys is not set: they cannot be found through an auth.jwt.issuer that is no URL");
}

/* An empty text is none, also here. */
static void clear_empty(struct config *config)
{
    const char **texts[] = { &config->passbolt_server_key, &config->passbolt_url, &config->tls_cert, &config->tls_key };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i] && !**texts[i]) *texts[i] = NULL;
}

static enum err check_tls(struct failure *failure, const struct config *config)
{
    if (!config->tls_cert == !config->tls_key) return ERR_OK;
    const char *missing = config->tls_cert ? "tls_key" : "tls_cert";
    return failure_set(failure, ERR_INVALID, missing, "%s is not set: tls_cert and tls_key belong together", missing);
}

/* The flags are read twice: first to learn which file, then over what file and environment say. */
enum err config_read(struct failure *failure, struct config *config, struct arena *arena, const struct setting *flags,
                     const struct settings_target *options, int argc, char *const *argv, const char **positional,
                     size_t positional_max, size_t *ret_positional_count)
{
    settings_defaults(config_settings, config, arena);
    struct settings_target targets[] = { { flags, config }, *options, { NULL, NULL } };
    if (options->table) settings_defaults(options->table, options->target, arena);
    enum err e = settings_read_flags(failure, targets, arena, argc, argv, positional, positional_max, ret_positional_count);
    if (e) return e;
    const char *file = config->config ? config->config : getenv("ROSTER_CONFIG");
    if (!file && access("roster.conf", F_OK) == 0) file = "roster.conf";

    settings_defaults(config_settings, config, arena);
    if (file) e = settings_read_file(failure, config_settings, config, arena, file);
    if (!e) e = settings_read_environment(failure, config_settings, config, arena, environ);
    if (!e) e = settings_read_flags(failure, targets, arena, argc, argv, positional, positional_max, ret_positional_count);
    config->config = file;
    clear_empty(config);
    if (!e) e = check_tls(failure, config);
    return e ? e : check_jwt(failure, config);
}

struct server_options config_server_options(const struct config *config, struct directory *directory)
{
    return (struct server_options){
        .listen = config->listen,
        .tls_cert = config->tls_cert,
        .tls_key = config->tls_key,
        .threads = (int)config->threads,
        .workers = (int)config->workers,
        .queue_limit = (int)config->queue_limit,
        .rate_limit = config->rate_limit,
        .rate_period_s = config->rate_period_s,
        .connection_limit = (int)config->connection_limit,
        .head_limit_kib = config->head_limit_kib,
        .body_limit_kib = config->body_limit_kib,
        .response_limit_mib = config->response_limit_mib,
        .sending_limit_mib = config->sending_limit_mib,
        .head_timeout_s = config->head_timeout_s,
        .body_timeout_s = config->body_timeout_s,
        .idle_timeout_s = config->idle_timeout_s,
        .send_timeout_s = config->send_timeout_s,
        .shutdown_timeout_s = config->shutdown_timeout_s,
        .request_log = config->request_log,
        .dialects = dialects,
        .directory = directory,
    };
}

struct directory_options config_directory_options(const struct config *config)
{
    return (struct directory_options){
        .memory_budget_mib = config->memory_budget_mib,
        .fragment_budget_mib = config->fragment_budget_mib,
        .follow_interval_ms = config->follow_interval_ms,
        .expire_interval_s = config->expire_interval_s,
        .at_least_wait_ms = config->at_least_wait_ms,
        .at_least_waiters = config->workers > 1 ? config->workers / 2 : 1,
        .background = true,
        .jwt_organization = config->jwt_organization,
    };
}

struct logins_options config_logins_options(const struct config *config)
{
    static const int64_t profiles[] = { 5, 2 };
    return (struct logins_options){
        .server_key_file = config->passbolt_server_key,
        .url = config->passbolt_url,
        .organization = config->passbolt_organization,
        .session_timeout_min = config->passbolt_session_timeout_min,
        .profile = profiles[config->passbolt_profile],
        .attempts_per_address = config->passbolt_attempts_per_address,
        .attempts_per_key = config->passbolt_attempts_per_key,
    };
}
