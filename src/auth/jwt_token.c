/* jwt_token.c — RFC 7515 section 7.1 for the parts, RFC 7519 section 4.1 for the claims. */
#include "auth/jwt_token.h"

#include "auth/base64url.h"
#include "base/json.h"

#include <string.h>
#include <strings.h>

#define SECOND_US INT64_C(1000000)
#define LATEST_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static enum err refuse(struct failure *reason, const char *text)
{
    return failure_set(reason, ERR_UNAUTHENTICATED, "", "%s", text);
}

/* --- the compact form --- */

struct parts {
    const char *header, *payload, *signature;
    size_t header_size, payload_size, signature_size;
};

static bool split(const char *text, size_t size, struct parts *ret_parts)
{
    const char *end = text + size;
    const char *first = memchr(text, '.', size);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second) return false;
    *ret_parts = (struct parts){
        .header = text,
        .payload = first + 1,
        .signature = second + 1,
        .header_size = (size_t)(first - text),
        .payload_size = (size_t)(second - first - 1),
        .signature_size = (size_t)(end - second - 1),
    };
    return true;
}

bool jwt_is_token(const char *text, size_t size)
{
    struct parts parts;
    return split(text, size, &parts) && parts.header_size >= 4 && text[0] == 'e' && text[1] == 'y' && text[2] >= 'I' &&
           text[2] <= 'L' /* `{"` and the two bits of whatever follows */
           && parts.payload_size && base64url_is_plain(parts.header, parts.header_size) &&
           base64url_is_plain(parts.payload, parts.payload_size) && base64url_is_plain(parts.signature, parts.signature_size);
}

static const unsigned char *decode(struct arena *arena, const char *text, size_t size, size_t *ret_size)
{
    unsigned char *bytes = arena_alloc(arena, base64url_decoded_max(size));
    return base64url_decode(bytes, text, size, ret_size) ? bytes : NULL;
}

/* --- the header --- */

/* RFC 7519 section 5.1, RFC 9068 section 2.1; RFC 7515 section 4.1.9: in any case, `application/` may be there. So a token for
 * something else that the same issuer signs (logout+jwt, dpop+jwt) is none for us. */
static bool is_type_of_ours(const char *type)
{
    static const char prefix[] = "application/";
    if (!type) return false;
    if (!strncasecmp(type, prefix, sizeof prefix - 1)) type += sizeof prefix - 1;
    return !strcasecmp(type, "JWT") || !strcasecmp(type, "at+jwt");
}

static enum err read_header(struct failure *reason, struct arena *arena, const char *bytes, size_t size,
                            struct jwt_token *ret_token)
{
    struct failure quotes_the_token = { 0 };
    json_auto_t *json = NULL;
    if (json_parse(&quotes_the_token, bytes, size, &json) || !json_is_object(json))
        return refuse(reason, "its header is not a JSON object");
    const char *algorithm = json_string_value(json_object_get(json, "alg"));
    const json_t *kid = json_object_get(json, "kid"), *type = json_object_get(json, "typ");
    if (!algorithm) return refuse(reason, "its header names no alg");
    ret_token->algorithm = jwk_algorithm_named(algorithm);
    if (!ret_token->algorithm) return failure_set(reason, ERR_UNAUTHENTICATED, "alg", "its alg %.20s is not accepted", algorithm);
    if (json_object_get(json, "crit")) return refuse(reason, "its header has crit");
    if (type && !is_type_of_ours(json_string_value(type))) return refuse(reason, "its typ is neither JWT nor at+jwt");
    if (kid && !json_is_string(kid)) return refuse(reason, "its kid is not a string");
    ret_token->kid = arena_strdup(arena, json_string_value(kid));
    return ERR_OK;
}

enum err jwt_token_read(struct failure *reason, struct arena *arena, const char *token, size_t size, struct jwt_token *ret_token)
{
    struct parts parts;
    size_t header_size;
    if (!split(token, size, &parts)) return refuse(reason, "it has not three parts");
    struct jwt_token read = { .signed_size = (size_t)(parts.signature - token) - 1 };
    const char *header = (const char *)decode(arena, parts.header, parts.header_size, &header_size);
    read.payload = (const char *)decode(arena, parts.payload, parts.payload_size, &read.payload_size);
    read.signature = decode(arena, parts.signature, parts.signature_size, &read.signature_size);
    if (!header || !read.payload || !read.signature) return refuse(reason, "a part of it is not base64url");
    enum err e = read_header(reason, arena, header, header_size, &read);
    if (!e) *ret_token = read;
    return e;
}

/* --- the claims --- */

/* aud is a string or an array of strings. */
static bool is_for(const json_t *audiences, const char *audience)
{
    if (json_is_string(audiences)) return strcmp(json_string_value(audiences), audience) == 0;
    bool found = false;
    for (size_t i = 0; i < json_array_size(audiences); i++) {
        const char *text = json_string_value(json_array_get(audiences, i));
        if (!text) return false;
        found |= strcmp(text, audience) == 0;
    }
    return found;
}

/* A NumericDate, with or without a fraction, in a time that clock.h knows. An absent one is left as it is. */
static bool read_time(const json_t *value, int64_t *ret_us)
{
    if (!value) return true;
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds >= 0 && seconds <= (double)LATEST_S)) return false;
    *ret_us = json_is_integer(value) ? (int64_t)json_integer_value(value) * SECOND_US : (int64_t)(seconds * (double)SECOND_US);
    return true;
}

static bool read_text(struct arena *arena, const json_t *claims, const char *name, const char **ret_text)
{
    const json_t *value = json_object_get(claims, name);
    if (value && !json_is_string(value)) return false;
    *ret_text = json_string_length(value) ? arena_strdup(arena, json_string_value(value)) : NULL;
    return true;
}

static bool read_scopes(struct arena *arena, const json_t *claims, const char *name, const char **ret_scopes)
{
    const json_t *value = json_object_get(claims, name);
    if (!json_is_array(value)) return read_text(arena, claims, name, ret_scopes);
    struct buf joined = BUF_INIT(JWT_SIZE_MAX);
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(value); i++) {
        const char *scope = json_string_value(json_array_get(value, i));
        good = scope && *scope && !strchr(scope, ' '); /* else it would become several */
        if (!good) break;
        if (i) buf_add_char(&joined, ' ');
        buf_add_text(&joined, scope);
    }
    *ret_scopes = joined.size ? arena_strdup(arena, buf_cstr(&joined)) : NULL;
    good = good && !joined.overflow;
    buf_free(&joined);
    return good;
}

/* Some providers write it as a string. */
static bool is_verified(const json_t *value)
{
    const char *text = json_string_value(value);
    return !value || json_is_true(value) || (text && strcmp(text, "true") == 0);
}

static enum err read_claims(struct failure *reason, struct arena *arena, const json_t *json, struct jwt_verified *ret_verified)
{
    struct jwt_claims claims = { .email_verified = is_verified(json_object_get(json, "email_verified")), .expires_at = -1 };
    int64_t issued_at = 0, not_before = 0;
    if (!read_time(json_object_get(json, "exp"), &claims.expires_at) || claims.expires_at < 0)
        return refuse(reason, "its exp is missing or malformed");
    if (!read_time(json_object_get(json, "nbf"), &not_before)) return refuse(reason, "its nbf is malformed");
    if (!read_time(json_object_get(json, "iat"), &issued_at)) return refuse(reason, "its iat is malformed");
    if (!read_text(arena, json, "oid", &claims.oid) || !read_text(arena, json, "sub", &claims.sub) ||
        !read_text(arena, json, "email", &claims.email))
        return refuse(reason, "its oid, sub or email is not a string");
    if (!read_scopes(arena, json, json_object_get(json, "scp") ? "scp" : "scope", &claims.scopes))
        return refuse(reason, "its scopes are neither a string nor an array of words");
    ret_verified->claims = claims;
    ret_verified->valid_from = not_before > issued_at ? not_before : issued_at;
    return ERR_OK;
}

enum err jwt_claims_read(struct failure *reason, struct arena *arena, const struct jwt_token *token, const char *issuer,
                         const char *audience, struct jwt_verified *ret_verified)
{
    struct failure quotes_the_token = { 0 };
    json_auto_t *json = NULL;
    if (json_parse(&quotes_the_token, token->payload, token->payload_size, &json) || !json_is_object(json))
        return refuse(reason, "its claims are not a JSON object");
    const char *iss = json_string_value(json_object_get(json, "iss"));
    if (!iss || strcmp(iss, issuer) != 0) return refuse(reason, "its iss is another");
    if (!is_for(json_object_get(json, "aud"), audience)) return refuse(reason, "its aud is another");
    return read_claims(reason, arena, json, ret_verified);
}

enum err jwt_times_check(struct failure *reason, const struct jwt_verified *verified, int64_t now)
{
    if (now >= verified->claims.expires_at + JWT_LEEWAY_US) return refuse(reason, "it has expired");
    if (now < verified->valid_from - JWT_LEEWAY_US) return refuse(reason, "its time has not come");
    return ERR_OK;
}
