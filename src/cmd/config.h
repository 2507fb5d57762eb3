/* config.h — the settings of Roster: one table gives flags, environment variables, the file and --help. */
#ifndef ROSTER_CMD_CONFIG_H
#define ROSTER_CMD_CONFIG_H

#include "auth/logins.h"
#include "base/settings.h"
#include "directory/directory.h"
#include "net/server.h"

struct config {
    const char *config; /* the file the others were read from; NULL: none */
    const char *store;
    const char *listen;
    const char *tls_cert, *tls_key;
    int log_format, log_level; /* enum log_format, enum log_level */
    bool request_log;
    int migrate; /* enum setting_switch */
    int64_t rate_limit, rate_period_s;
    int64_t threads, workers, queue_limit, connection_limit;
    int64_t head_limit_kib, body_limit_kib, response_limit_mib, sending_limit_mib;
    int64_t head_timeout_s, body_timeout_s, idle_timeout_s, send_timeout_s, shutdown_timeout_s;
    int64_t memory_budget_mib, fragment_budget_mib;
    int64_t follow_interval_ms, at_least_wait_ms, expire_interval_s, busy_limit_ms, start_wait_s;
    /* Issuer, audience and organization are set together or not at all; NULL keys: found through the issuer. */
    const char *jwt_issuer, *jwt_audience, *jwt_keys, *jwt_ca;
    int64_t jwt_organization;
    const char *passbolt_server_key, *passbolt_url;
    int64_t passbolt_organization, passbolt_session_timeout_min, passbolt_attempts_per_address, passbolt_attempts_per_key;
    int passbolt_profile; /* index into its choices: 0 is 5, 1 is 2 */
};

/* All of them, and those that every command takes. */
extern const struct setting config_settings[];
extern const struct setting config_store_settings[];
#define config_demo_settings (config_settings + 1) /* without `store`: a demo has its own */

/* Fills `config` from the file, the environment and the flags in `flags` (argc words), in rising order of strength. `options` is
 * the command's own table and target. Words that are no flags go to positional[]. ERR_INVALID also for settings that contradict.
 */
MUST_USE enum err config_read(struct failure *failure, struct config *config, struct arena *arena, const struct setting *flags,
                              const struct settings_target *options, int argc, char *const *argv, const char **positional,
                              size_t positional_max, size_t *ret_positional_count);

/* The parts of it that others take. */
struct server_options config_server_options(const struct config *config, struct directory *directory);
struct directory_options config_directory_options(const struct config *config);
struct logins_options config_logins_options(const struct config *config);

#endif
