/* serve.c — the server from start to stop. */
#include "api/system/system.h"
#include "base/log.h"
#include "base/version.h"
#include "cmd/command.h"
#include "net/metrics.h"

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

/* What may change takes effect; what is bad leaves everything as it was. */
static void reload(struct command_line *line, struct server *server, struct directory *directory)
{
    AUTO_OP op = op_begin();
    struct config config;
    const char *words[COMMAND_WORDS_MAX];
    size_t word_count;
    struct settings_target none = { NULL, NULL };
    /* The texts go to the line's arena: the server keeps pointers to them. */
    enum err e = config_read(&op.failure, &config, line->arena, config_settings, &none, line->argc, line->argv, words,
                             COMMAND_WORDS_MAX, &word_count);
    struct server_options server_options = config_server_options(&config, directory);
    if (!e) e = server_reload(&op, server, &server_options);
    if (e) {
        log_error("settings were not reloaded: %s", op.failure.text);
        return;
    }
    struct directory_options directory_options = config_directory_options(&config);
    directory_reload(directory, &directory_options);
    log_configure(config.log_format, config.log_level);
    config.store = line->config.store; /* a demo has its own, whatever the settings say */
    settings_compare(config_settings, &line->config, &config, warn_of_change, NULL);
    log_info("settings reloaded");
}

static void wait_for_stop(struct command_line *line, const sigset_t *signals, struct server *server, struct directory *directory)
{
    for (;;) {
        int number;
        if (sigwait(signals, &number) != 0) continue;
        if (number != SIGHUP) {
            log_info("stopping on %s", strsignal(number));
            return;
        }
        reload(line, server, directory);
    }
}

static int serve_directory(struct command_line *line, struct op *op, const sigset_t *signals, const char *database,
                           struct directory *directory, void (*ready)(void *context, const char *url), void *context)
{
    struct server_options options = config_server_options(&line->config, directory);
    struct server *server;
    if (server_start(op, &options, &server)) return command_fail_op(op);
    log_info("roster " ROSTER_VERSION " serves %s on %s", database, server_url(server));
    ready(context, server_url(server));
    wait_for_stop(line, signals, server, directory);
    directory_end_waits(directory);
    if (!server_stop(server)) log_warn("requests that took longer than shutdown_timeout_s were cut off");
    return EXIT_DONE;
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

int command_run_server(struct command_line *line, struct op *op, struct store *store,
                       void (*ready)(void *context, const char *url), void *context)
{
    sigset_t signals = server_signals();
    log_configure(line->config.log_format, line->config.log_level);
    struct directory_options options = config_directory_options(&line->config);
    struct directory *directory;
    enum err e = open_issuer(op, &line->config, &options.jwt);
    if (!e) e = open_logins(op, &line->config, store, &options.logins);
    if (!e) e = directory_open(op, store, &options, &directory);
    if (e) {
        logins_close(options.logins);
        jwt_close(options.jwt);
        store_close(store);
        return command_fail_op(op);
    }
    struct system_sources sources = { directory, store };
    system_add_gauges(&sources);
    int code = serve_directory(line, op, &signals, store_name(store), directory, ready, context);
    metrics_remove_gauges();
    directory_close(directory);
    logins_close(options.logins);
    jwt_close(options.jwt);
    store_close(store);
    log_flush();
    return code;
}

static void print_listening(void *context, const char *url)
{
    (void)context;
    printf("listening on %s\n", url);
    fflush(stdout);
}

int command_serve(struct command_line *line)
{
    command_block_signals();
    AUTO_OP op = op_begin();
    op.caller.system = true;
    struct store *store;
    if (command_open_store(&op, line, true, &store)) return command_fail_op(&op);
    return command_run_server(line, &op, store, print_listening, NULL);
}
