/* tls.h — the server's certificate, exchangeable while connections use it; for net/ only. */
#ifndef ROSTER_NET_TLS_H
#define ROSTER_NET_TLS_H

#include "base/err.h"

#include <gnutls/abstract.h>

/* TLS 1.2 and 1.3. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls;

/* A chain and its key, reference counted. */
struct certificate {
    gnutls_pcert_st *chain;
    unsigned chain_size;
    gnutls_privkey_t key;
    unsigned references; /* guarded by the tls's mutex */
    struct tls *tls;
};

/* Reads two PEM files. The failure names the file, or says that the two do not belong together. */
MUST_USE enum err tls_open(struct failure *failure, const char *cert_path, const char *key_path, struct tls **ret_tls);

/* The same, and forgets what it read. */
MUST_USE enum err tls_check(struct failure *failure, const char *cert_path, const char *key_path);

/* Reads them again, perhaps from other paths. After a failure the old certificate stays in use. */
MUST_USE enum err tls_reload(struct failure *failure, struct tls *tls, const char *cert_path, const char *key_path);

/* The current certificate; to be dropped. */
struct certificate *tls_hold(struct tls *tls);
void certificate_drop(struct certificate *certificate); /* accepts NULL */

/* After every certificate was dropped. Accepts NULL. */
void tls_close(struct tls *tls);

#endif
