/* serve.c — the server from start to stop.
 *
 * What a node knows it has from the database, so it can only answer once that does. While it waits for it, it listens already: a
 * supervisor sees that it lives, a balancer that nothing can be sent to it yet. */
#include "api/system/system.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "cmd/command.h"
#include "net/metrics.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static sigset_t server_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    return signals;
}

void command_block_signals(void)
{
    sigset_t signals = server_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void warn_of_change(void *context, const struct setting *setting)
{
    (void)context;
    if (setting->change == AT_START) log_warn("%s is another now: that takes effect at the next start", setting->name);
}

/* What a server stands on. */
struct standing {
    struct command_line *line;
    struct store *store;
    struct directory_options options; /* with the identity provider and the log-ins */
    struct directory *directory;
    struct server *server;
    struct config reloaded; /* while there was no directory that could take it */
    bool is_reloaded;
};

/* What may change takes effect; what is bad leaves everything as it was. */
static void reload(struct standing *standing)
{
    struct command_line *line = standing->line;
    AUTO_OP op = op_begin();
    struct config config;
    const char *words[COMMAND_WORDS_MAX];
    size_t word_count;
    struct settings_target none = { NULL, NULL };
    /* The texts go to the line's arena: the server keeps pointers to them. */
    enum err e = config_read(&op.failure, &config, line->arena, config_settings, &none, line->argc, line->argv, words,
                             COMMAND_WORDS_MAX, &word_count);
    struct server_options server_options = config_server_options(&config, standing->directory);
    if (!e) e = server_reload(&op, standing->server, &server_options);
    if (e) {
        log_error("settings were not reloaded: %s", op.failure.text);
        return;
    }
    struct directory_options directory_options = config_directory_options(&config);
    if (standing->directory) directory_reload(standing->directory, &directory_options);
    standing->reloaded = config;
    standing->is_reloaded = true;
    log_configure(config.log_format, config.log_level);
    config.store = line->config.store; /* a demo has its own, whatever the settings say */
    settings_compare(config_settings, &line->config, &config, warn_of_change, NULL);
    log_info("settings reloaded");
}

/* True when it is time to stop, false after limit_ms; -1: no limit. */
static bool wait_for_stop(struct standing *standing, int64_t limit_ms)
{
    const sigset_t signals = server_signals();
    const int64_t until = clock_monotonic_ns() + limit_ms * 1000000;
    for (;;) {
        int64_t left_ns = until - clock_monotonic_ns();
        if (left_ns < 0) left_ns = 0;
        struct timespec left = { .tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000 };
        int number = limit_ms < 0 ? sigwaitinfo(&signals, NULL) : sigtimedwait(&signals, NULL, &left);
        if (number < 0 && errno == EAGAIN) return false;
        if (number < 0) continue;
        if (number != SIGHUP) {
            log_info("stopping on %s", strsignal(number));
            return true;
        }
        reload(standing);
    }
}

/* The identity provider of the settings; NULL if there is none. */
static enum err open_issuer(struct op *op, const struct config *config, struct jwt **ret_jwt)
{
    *ret_jwt = NULL;
    if (!config->jwt_issuer) return ERR_OK;
    struct jwt_options options = {
        .issuer = config->jwt_issuer, .audience = config->jwt_audience, .keys = config->jwt_keys, .ca_file = config->jwt_ca
    };
    return jwt_open(op, &options, ret_jwt);
}

static enum err open_logins(struct op *op, const struct config *config, struct store *store, struct logins **ret_logins)
{
    struct logins_options options = config_logins_options(config);
    struct stat found;
    *ret_logins = NULL;
    enum err e = logins_open(op, store, &options, ret_logins);
    if (e) return e;
    log_info("log-ins are answered with the OpenPGP key %s", logins_server_fingerprint(*ret_logins));
    if (options.server_key_file && !stat(options.server_key_file, &found) && found.st_mode & S_IROTH)
        log_warn("%s can be read by every user of this machine", options.server_key_file);
    return ERR_OK;
}

static void close_standing(struct standing *standing)
{
    directory_close(standing->directory);
    logins_close(standing->options.logins);
    jwt_close(standing->options.jwt);
    store_close(standing->store);
    standing->directory = NULL;
    standing->options.logins = NULL;
    standing->options.jwt = NULL;
    standing->store = NULL;
}

/* All that needs the database; after an error nothing of it is open. */
static enum err open_standing(struct op *op, struct standing *standing)
{
    const struct config *config = &standing->line->config;
    enum err e = standing->store ? ERR_OK : command_open_store(op, standing->line, STORE_FILL, &standing->store);
    standing->options = config_directory_options(config);
    if (!e) e = open_issuer(op, config, &standing->options.jwt);
    if (!e) e = open_logins(op, config, standing->store, &standing->options.logins);
    if (!e) e = directory_open(op, standing->store, &standing->options, &standing->directory);
    if (e) close_standing(standing);
    return e;
}

static enum err start_server(struct op *op, struct standing *standing)
{
    struct server_options options = config_server_options(&standing->line->config, standing->directory);
    options.opens_later = !standing->directory;
    return server_start(op, &options, &standing->server);
}

/* What was told last of why it waits. */
struct told {
    char text[sizeof((struct failure *)NULL)->text];
    int64_t at_ns;
};

/* Another reason is told too, but the same attempt may fail in several words. */
static void tell_waiting(const struct standing *standing, const struct failure *failure, struct told *told)
{
    enum { PAUSE_S = 15 };
    const int64_t now = clock_monotonic_ns();
    bool another = strcmp(told->text, failure->text) != 0;
    if (told->at_ns && (!another || now - told->at_ns < PAUSE_S * INT64_C(1000000000))) return;
    memcpy(told->text, failure->text, sizeof told->text);
    told->at_ns = now;
    log_warn("%s; trying again for up to %lld s, meanwhile %s answers only /healthz, /readyz and /metrics", failure->text,
             (long long)standing->line->config.start_wait_s, server_url(standing->server));
}

/* Tries again what found the database away, until it answers or start_wait_s is over. *ret_stopped: it was told to stop. */
static enum err wait_for_database(struct op *op, struct standing *standing, bool *ret_stopped)
{
    enum { PAUSE_FIRST_MS = 250, PAUSE_MAX_MS = 4000 };
    const int64_t until = clock_monotonic_ns() + standing->line->config.start_wait_s * 1000000000;
    struct told told = { 0 };
    AUTO_OP starting = op_begin();
    enum err e = start_server(&starting, standing) ? starting.failure.code : ERR_BUSY;
    if (e != ERR_BUSY) op->failure = starting.failure;
    for (int64_t pause_ms = PAUSE_FIRST_MS; e == ERR_BUSY && clock_monotonic_ns() < until; pause_ms *= 2) {
        tell_waiting(standing, &op->failure, &told);
        *ret_stopped = wait_for_stop(standing, pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS);
        if (*ret_stopped) return ERR_OK;
        AUTO_OP again = op_begin(); /* of its own: its memory is not kept until the end */
        again.caller.system = true;
        e = open_standing(&again, standing);
        op->failure = again.failure;
    }
    if (!e) log_info("the database answers");
    return e;
}

static void serve_directory(struct standing *standing, void (*ready)(void *context, const char *url), void *context)
{
    struct system_sources sources = { standing->directory, standing->store };
    if (standing->is_reloaded) {
        struct directory_options options = config_directory_options(&standing->reloaded);
        directory_reload(standing->directory, &options);
    }
    system_add_gauges(&sources);
    server_open(standing->server, standing->directory);
    const char *url = server_url(standing->server);
    log_info("roster " ROSTER_VERSION " serves %s on %s", store_name(standing->store), url);
    ready(context, url);
    (void)wait_for_stop(standing, -1);
    directory_end_waits(standing->directory);
    if (!server_stop(standing->server)) log_warn("requests that took longer than shutdown_timeout_s were cut off");
    standing->server = NULL;
    metrics_remove_gauges();
}

int command_check_server(const struct command_line *line)
{
    AUTO_OP op = op_begin();
    struct server_options options = config_server_options(&line->config, NULL);
    return server_check_certificate(&op, &options) ? command_fail(EXIT_USAGE, "%s", op.failure.text) : EXIT_DONE;
}

int command_run_server(struct command_line *line, struct op *op, struct store *store,
                       void (*ready)(void *context, const char *url), void *context)
{
    struct standing standing = { .line = line, .store = store };
    bool stopped = false;
    log_configure(line->config.log_format, line->config.log_level);
    enum err e = open_standing(op, &standing);
    if (!e) e = start_server(op, &standing);
    else if (e == ERR_BUSY && line->config.start_wait_s) e = wait_for_database(op, &standing, &stopped);
    if (!e && !stopped) serve_directory(&standing, ready, context);
    (void)server_stop(standing.server);
    close_standing(&standing);
    log_flush();
    return e ? command_fail_op(op) : EXIT_DONE;
}

static void print_listening(void *context, const char *url)
{
    (void)context;
    printf("listening on %s\n", url);
    fflush(stdout);
}

int command_serve(struct command_line *line)
{
    if (command_check_server(line)) return EXIT_USAGE;
    command_block_signals();
    AUTO_OP op = op_begin();
    op.caller.system = true;
    return command_run_server(line, &op, NULL, print_listening, NULL);
}
