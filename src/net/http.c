/* http.c — what a handler asks of its request and adds to its response.
 *
 * The query is decoded in one copy: a decoded text is never longer than the sent one, so every name and value is written
 * over the place where its sent form was. */
#include "net/http.h"

#include "base/fold.h"
#include "net/percent.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

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

const char *request_parameter_any_case(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (!strcasecmp(request->parameters[i].name, name)) return request->parameters[i].value;
    }
    return NULL;
}

bool number_parse(const char *text, int64_t max, int64_t *ret_number)
{
    int64_t number = 0;
    if (!*text) return false;
    for (; *text; text++) {
        int64_t digit = *text - '0';
        if (digit < 0 || digit > 9 || digit > max || number > (max - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

enum err parameter_read_number(struct failure *failure, const char *name, const char *text, int64_t min, int64_t max,
                               int64_t *ret_value)
{
    int64_t number;
    if (!text) return ERR_OK;
    if (!number_parse(text, max, &number) || number < min)
        return failure_set(failure, ERR_INVALID, name, "%s must be a whole number from %lld to %lld", name, (long long)min,
                           (long long)max);
    *ret_value = number;
    return ERR_OK;
}

enum err parameter_read_bool(struct failure *failure, const char *name, const char *text, bool *ret_value)
{
    if (!text) return ERR_OK;
    bool value = strcasecmp(text, "true") == 0;
    if (!value && strcasecmp(text, "false") != 0)
        return failure_set(failure, ERR_INVALID, name, "%s must be true or false", name);
    *ret_value = value;
    return ERR_OK;
}

static enum err read_body(struct failure *failure, const struct request *request, json_type type, const char *expected,
                          json_t **ret_json)
{
    json_t *json;
    enum err e = json_parse(failure, request->body, request->body_size, &json);
    if (e) return e;
    if (json_typeof(json) != type) {
        e = failure_set(failure, ERR_INVALID, "", "the body must be %s, not %s", expected, json_kind_name(json));
        json_decref(json);
        return e;
    }
    *ret_json = json;
    return ERR_OK;
}

enum err request_read_object(struct failure *failure, const struct request *request, json_t **ret_json)
{
    return read_body(failure, request, JSON_OBJECT, "a JSON object", ret_json);
}

enum err request_read_array(struct failure *failure, const struct request *request, json_t **ret_json)
{
    return read_body(failure, request, JSON_ARRAY, "a JSON array", ret_json);
}

const char *request_header(const struct request *request, const char *name)
{
    if (!request->connection) return NULL;
    return MHD_lookup_connection_value((struct MHD_Connection *)request->connection, MHD_HEADER_KIND, name);
}

struct header_list {
    const char *name;
    const char **values;
    size_t count, room;
};

static enum MHD_Result add_to_list(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct header_list *list = context;
    (void)kind;
    if (!strcasecmp(name, list->name) && list->count < list->room) list->values[list->count++] = value ? value : "";
    return MHD_YES;
}

size_t request_header_list(const struct request *request, const char *name, const char **ret_values, size_t room)
{
    struct header_list list = { name, ret_values, 0, room };
    if (request->connection)
        MHD_get_connection_values((struct MHD_Connection *)request->connection, MHD_HEADER_KIND, add_to_list, &list);
    return list.count;
}

void response_add_header(struct response *response, const char *name, const char *value)
{
    if (response->extra_count < RESPONSE_EXTRA_MAX) response->extra[response->extra_count++] = (struct header){ name, value };
}
