/* jwt.h — bearer tokens made by an identity provider: JSON Web Tokens (RFC 7519), signed, in compact form (RFC 7515).
 *
 * A token is accepted if one of the issuer's keys signed it, by RS256, ES256 or EdDSA (Ed25519) and by the algorithm of that key;
 * if it is the issuer's (iss), for us (aud), and of now (exp, which it must have, nbf and iat). Everything that is malformed or
 * unclear is refused: padding, members named twice, `crit`, a `typ` other than JWT or at+jwt. Who the user is, is for the
 * directory to say.
 *
 * A file with keys is read at the start, and again when a token names a key that is not known and the file has changed. Keys
 * behind a URL are fetched when they are first needed, again for a key that is not known, but not more often than every 10 s
 * whatever arrives, and when they are older than an hour. When that fails the old keys go on. Proxies are taken from the
 * environment (https_proxy, no_proxy), as curl does it.
 *
 * Verified tokens are remembered (jwt_cache.h), so a token's signature is checked once: 40 to 150 us, and about 1 us from then
 * on. */
#ifndef ROSTER_AUTH_JWT_H
#define ROSTER_AUTH_JWT_H

#include "model/op.h"

enum { JWT_SIZE_MAX = 8 << 10 }; /* bytes of a token */

#define JWT_LEEWAY_US INT64_C(60000000) /* for clocks that differ: exp, nbf, iat */

struct jwt; /* one issuer; thread-safe */

struct jwt_options {
    const char *issuer;   /* iss, exactly */
    const char *audience; /* what aud is or contains */
    const char *keys;     /* a file with a JSON Web Key Set, or its http or https URL; NULL: jwks_uri of the issuer's discovery
                           * document, ISSUER/.well-known/openid-configuration (OpenID Connect Discovery 1.0, 4) */
    const char *ca_file;  /* certificates (PEM) that may sign those of the URL's server; NULL: the system's */
};

/* Copies the options. ERR_INVALID with the field issuer, audience or keys: a text is empty, a file cannot be read or has no
 * usable keys, the issuer is no URL although the keys are to be found through it. A URL is not fetched: the provider may start
 * later. */
MUST_USE enum err jwt_open(struct op *op, const struct jwt_options *options, struct jwt **ret_jwt);

/* When nobody uses it any more; accepts NULL. */
void jwt_close(struct jwt *jwt);

struct jwt_claims {
    const char *oid, *sub, *email; /* NULL: not there, or empty */
    bool email_verified;           /* true unless email_verified says otherwise */
    const char *scopes;            /* scp, else scope; separated by spaces also if it was an array; NULL: none */
    int64_t expires_at;            /* microseconds UTC */
};

/* Does this look like one: three parts of base64url (the last may be empty), the first begins with `{"`? So that other secrets
 * are not taken for one. */
bool jwt_is_token(const char *text, size_t size);

/* The claims of a good token, texts in the op's arena. Everything else is
 *   ERR_UNAUTHENTICATED  with one text for all reasons; the log has the reason (debug)
 *   ERR_DEFERRED         the token is new, or keys have to be fetched: on a thread that may not block
 *   ERR_BUSY             no key of the issuer could be had yet, or many wait already for newer ones: this says nothing about the
 *                        token */
MUST_USE enum err jwt_verify(struct op *op, struct jwt *jwt, const char *token, size_t size, struct jwt_claims *ret_claims);

#endif
