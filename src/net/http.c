/* http.c — what a handler asks of its request and adds to its response.
 *
 * The query is decoded in one copy: a decoded text is never longer than the sent one, so every name and value is written
 * over the place where its sent form was. */
#include "net/http.h"

#include "base/fold.h"
#include "net/percent.h"

#include <microhttpd.h>
#include <string.h>

const char *method_name(enum method method)
{
    static const char *const names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER" };
    return names[method];
}

/* Decodes `size` bytes at `from` to `to` (which may be the same place) and ends them with a zero. */
static enum err decode(struct failure *failure, const char *name, const char *from, size_t size, char *to)
{
    ssize_t length = percent_decode(to, from, size, true);
    if (length < 0) return failure_set(failure, ERR_INVALID, name, "the query has a %% that is not followed by two digits");
    to[length] = 0;
    if (!utf8_is_valid(to, (size_t)length)) {
        return failure_set(failure, ERR_INVALID, name, "the query is not UTF-8 or has a zero character");
    }
    return ERR_OK;
}

static enum err parse_parameter(struct failure *failure, char *text, struct parameter *ret_parameter)
{
    char *value = strchr(text, '=');
    size_t name_size = value ? (size_t)(value - text) : strlen(text);
    size_t value_size = value ? strlen(value + 1) : 0;
    enum err e = decode(failure, "query", text, name_size, text);
    if (e) return e;
    *ret_parameter = (struct parameter){ text, "" };
    if (!value) return ERR_OK;
    ret_parameter->value = value + 1;
    return decode(failure, text, value + 1, value_size, value + 1);
}

enum err request_parse_query(struct failure *failure, struct arena *arena, struct request *request)
{
    request->parameters = NULL;
    request->parameter_count = 0;
    if (!request->query[0]) return ERR_OK;

    size_t room = 1;
    for (const char *at = request->query; *at; at++) room += *at == '&';
    if (room > REQUEST_PARAMETER_MAX) room = REQUEST_PARAMETER_MAX;
    struct parameter *parameters = arena_alloc(arena, room * sizeof *parameters);
    size_t count = 0;
    for (char *text = arena_strdup(arena, request->query), *next; text; text = next) {
        next = strchr(text, '&');
        if (next) *next++ = 0;
        if (!*text) continue;
        if (count == REQUEST_PARAMETER_MAX) {
            return failure_set(failure, ERR_INVALID, "query", "the query has more than %d parameters", REQUEST_PARAMETER_MAX);
        }
        enum err e = parse_parameter(failure, text, &parameters[count++]);
        if (e) return e;
    }
    request->parameters = parameters;
    request->parameter_count = count;
    return ERR_OK;
}

const char *request_parameter(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (!strcmp(request->parameters[i].name, name)) return request->parameters[i].value;
    }
    return NULL;
}

const char *request_header(const struct request *request, const char *name)
{
    if (!request->connection) return NULL;
    return MHD_lookup_connection_value((struct MHD_Connection *)request->connection, MHD_HEADER_KIND, name);
}

void response_add_header(struct response *response, const char *name, const char *value)
{
    if (response->extra_count < RESPONSE_EXTRA_MAX) response->extra[response->extra_count++] = (struct header){ name, value };
}
