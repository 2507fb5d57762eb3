/* attempts.c — log-ins cost milliseconds of processor time and can be tried without being anybody: so many a minute. */
#include "net/attempts.h"
#include "api/passbolt/passbolt.h"

enum { PERIOD_S = 60 };

static struct attempts by_address = ATTEMPTS_INIT, by_key = ATTEMPTS_INIT;

enum err passbolt_count_attempt(struct op *op, const struct request *request, struct logins *logins, const char *key)
{
    if (op->may_block) return ERR_OK; /* counted before it came to this worker */
    char address[ATTEMPT_CLIENT_SIZE];
    attempts_client_key(request->client, address);
    int64_t wait_s = attempts_take(&by_address, address, logins_attempts_per_address(logins), PERIOD_S, op->now);
    const char *which = "address";
    if (!wait_s && key) {
        wait_s = attempts_take(&by_key, key, logins_attempts_per_key(logins), PERIOD_S, op->now);
        which = key;
    }
    if (!wait_s) return op_fail(op, ERR_DEFERRED, "", "a log-in takes its time");
    logins_note_refusal(op, logins, arena_printf(&op->arena, "too many attempts of %s", which));
    op->retry_after_s = wait_s;
    return op_fail(op, ERR_RATE, "", "Too many attempts, try again in %lld seconds.", (long long)wait_s);
}
