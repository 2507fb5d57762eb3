/* cookies.h — the cookies of a request, and those an answer sets (RFC 6265). */
#ifndef ROSTER_NET_COOKIES_H
#define ROSTER_NET_COOKIES_H

#include "net/http.h"

/* As long as a cookie must be allowed to be (RFC 6265 section 6.1); how often a request may have the header. */
enum { COOKIE_VALUE_MAX = 4096, COOKIE_HEADER_MAX = 16 };

/* What the client sent as the cookie `name` (letter case counts), in the arena; NULL if it sent none. Quotes around the value are
 * taken off, nothing is decoded: what was set comes back as it was set. Only printable ASCII, at most COOKIE_VALUE_MAX bytes.
 *
 * Of several with that name the first counts. What is no cookie is passed over as if it had not been sent: a part without "=" or
 * with nothing before it, a longer value, one with other bytes. Headers behind the first COOKIE_HEADER_MAX are not read. The HTTP
 * library keeps a copy of the first header in the head's memory: at the usual head_limit_kib a request with more than about 9 KiB
 * of cookies, or 250, is answered 431 and never gets here. */
const char *request_cookie(const struct request *request, struct arena *arena, const char *name);

/* The same from the value of one Cookie header. */
const char *cookie_find(const char *header, struct arena *arena, const char *name);

enum same_site { SAME_SITE_UNSET, SAME_SITE_LAX, SAME_SITE_STRICT, SAME_SITE_NONE };

/* How long a cookie lives and where it is sent to; all zero: until the client ends, to paths beside the one that was asked. */
struct cookie_attributes {
    const char *path;  /* "/"; NULL: not said */
    int64_t max_age_s; /* 0: not said; negative: the client shall forget it now */
    bool secure;       /* only over TLS */
    bool http_only;    /* not for scripts */
    enum same_site same_site;
};

/* Adds Set-Cookie; several in one answer are several headers. `name` is a token, `value` has only characters a cookie may have
 * (RFC 6265 section 4.1.1: no blanks, quotes, commas, semicolons, backslashes), both are ours and checked by assert. */
void response_add_cookie(struct response *response, struct arena *arena, const char *name, const char *value,
                         const struct cookie_attributes *attributes);

#endif
