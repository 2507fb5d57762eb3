/* info.c — what clients ask besides: the CSRF token, settings, health, and the passwords that are not here. */
#include "api/passbolt/passbolt.h"

#include "api/passbolt/encode.h"
#include "base/version.h"

#include <string.h>

/* The token that goes with the cookie, which is set here if the client has none (passbolt.md 2.9). */
enum err passbolt_show_csrf_token(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    const char *token = passbolt_csrf_token(op, request, response);
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    passbolt_add_string(&response->body, token);
    passbolt_end_answer(response);
    return ERR_OK;
}

/* Roster keeps no passwords: there are none for anybody. */
enum err passbolt_list_resources(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    e = passbolt_check_caller(op);
    if (e) return e;
    passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    buf_add_literal(&response->body, "[]");
    passbolt_end_answer(response);
    return ERR_OK;
}

enum err passbolt_show_health(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    enum err e = passbolt_begin(op, request, &call);
    if (e) return e;
    passbolt_begin_answer(op, request, response, "OK");
    buf_add_literal(&response->body, "\"OK\"");
    passbolt_end_answer(response);
    return ERR_OK;
}

/* --- settings --- */

/* Releases as clients compare them. */
static const char *version_of(enum passbolt_profile profile)
{
    return profile == PASSBOLT_2 ? "2.10.0" : "5.12.0";
}

/* Does somebody ask who is logged in? The route is public, so nobody has looked yet. */
static enum err find_caller(struct op *op, const struct request *request, bool *ret_known)
{
    enum err e = dialect_passbolt.authenticate(op, request);
    if (!e) e = passbolt_check_caller(op);
    if (e == ERR_DEFERRED || e == ERR_BUSY) return e;
    *ret_known = e == ERR_OK;
    failure_clear(&op->failure);
    return ERR_OK;
}

static void write_settings(struct op *op, const struct request *request, const struct passbolt_call *call, bool known,
                           struct buf *out)
{
    buf_add_literal(out, "{\"app\":{");
    if (known) {
        buf_add_literal(out, "\"version\":{\"number\":");
        passbolt_add_string(out, version_of(call->profile));
        buf_add_literal(out, ",\"name\":\"Roster " ROSTER_VERSION "\"},");
    }
    buf_add_literal(out, "\"url\":");
    passbolt_add_string(out, arena_printf(&op->arena, "%s/", passbolt_base_url(op, request)));
    if (known) {
        buf_add_literal(out, ",\"debug\":0,\"server_timezone\":\"UTC\",\"session_timeout\":");
        passbolt_add_number(out, logins_session_timeout_min(call->logins));
        buf_add_literal(out, ",\"image_storage\":{\"public_path\":\"img\\/public\\/\"}");
    }
    buf_add_literal(out,
                    ",\"locale\":\"en-UK\"},\"passbolt\":{\"legal\":{\"privacy_policy\":{\"url\":\"\"},\"terms\":{\"url\":\"\"}},"
                    "\"edition\":\"ce\",\"plugins\":{");
    if (call->profile == PASSBOLT_5) buf_add_literal(out, "\"jwtAuthentication\":{\"version\":\"1.0.0\",\"enabled\":true}");
    buf_add_literal(out, "}}}");
}

/* ?contain[header]=0 */
static bool wants_no_header(const struct passbolt_call *call)
{
    const struct passbolt_value *value = passbolt_query_find(passbolt_query_find(call->query, "contain"), "header");
    return value && value->text && strcmp(value->text, "0") == 0;
}

enum err passbolt_show_settings(struct op *op, const struct request *request, struct response *response)
{
    struct passbolt_call call;
    bool known;
    enum err e = passbolt_begin(op, request, &call);
    if (!e) e = find_caller(op, request, &known);
    if (e) return e;
    bool bare = wants_no_header(&call);
    if (bare) passbolt_add_headers(op, request, response);
    else passbolt_begin_answer(op, request, response, PASSBOLT_DONE);
    write_settings(op, request, &call, known, &response->body);
    if (!bare) passbolt_end_answer(response);
    return ERR_OK;
}
