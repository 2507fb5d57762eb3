/* tls.c — certificates by GnuTLS.
 *
 * The library asks for a certificate at every handshake, so a new one is simply the one handed out from then on. An old one lives
 * until the last connection that began with it has ended. */
#include "net/tls.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHAIN_MAX = 16 };

struct tls {
    pthread_mutex_t mutex;
    struct certificate *current;
    bool warned; /* about the key's permissions */
};

static void free_certificate(struct certificate *certificate)
{
    for (unsigned i = 0; i < certificate->chain_size; i++) gnutls_pcert_deinit(&certificate->chain[i]);
    free(certificate->chain);
    if (certificate->key) gnutls_privkey_deinit(certificate->key);
    free(certificate);
}

static enum err fail(struct failure *failure, const char *field, const char *path, int code)
{
    return failure_set(failure, ERR_INVALID, field, "%s: cannot read %s: %s", field, path, gnutls_strerror(code));
}

/* For the reason: the library only knows that there was one. */
static enum err check_readable(struct failure *failure, const char *field, const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool readable = fd >= 0 && read(fd, &byte, 1) >= 0; /* a directory can be opened */
    int error = errno;
    if (fd >= 0) close(fd);
    return readable ? ERR_OK : failure_set(failure, ERR_INVALID, field, "%s: cannot read %s: %s", field, path, strerror(error));
}

/* Only credentials check that key and certificate belong together. */
static enum err check_pair(struct failure *failure, const char *cert_path, const char *key_path)
{
    gnutls_certificate_credentials_t credentials;
    if (gnutls_certificate_allocate_credentials(&credentials) < 0) abort();
    int code = gnutls_certificate_set_x509_key_file(credentials, cert_path, key_path, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(credentials);
    if (code >= 0) return ERR_OK;
    return failure_set(failure, ERR_INVALID, "tls_cert", "tls_cert, tls_key: %s and %s are not used: %s", cert_path, key_path,
                       gnutls_strerror(code));
}

static enum err read_chain(struct failure *failure, const char *path, struct certificate *certificate)
{
    enum err e = check_readable(failure, "tls_cert", path);
    if (e) return e;
    certificate->chain = memory_zalloc(CHAIN_MAX * sizeof *certificate->chain);
    unsigned size = CHAIN_MAX;
    int code = gnutls_pcert_list_import_x509_file(certificate->chain, &size, path, GNUTLS_X509_FMT_PEM, NULL, NULL, 0);
    if (code < 0) return fail(failure, "tls_cert", path, code);
    certificate->chain_size = size;
    return ERR_OK;
}

static enum err read_key(struct failure *failure, const char *path, struct certificate *certificate)
{
    gnutls_datum_t pem;
    enum err e = check_readable(failure, "tls_key", path);
    if (e) return e;
    int code = gnutls_load_file(path, &pem);
    if (code < 0) return fail(failure, "tls_key", path, code);
    if (gnutls_privkey_init(&certificate->key) < 0) abort();
    code = gnutls_privkey_import_x509_raw(certificate->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    return code < 0 ? fail(failure, "tls_key", path, code) : ERR_OK;
}

static enum err read_pair(struct failure *failure, const char *cert_path, const char *key_path,
                          struct certificate **ret_certificate)
{
    struct certificate *certificate = memory_zalloc(sizeof *certificate);
    enum err e = read_chain(failure, cert_path, certificate);
    if (!e) e = read_key(failure, key_path, certificate);
    if (!e) e = check_pair(failure, cert_path, key_path);
    if (e) {
        free_certificate(certificate);
        return e;
    }
    certificate->references = 1;
    *ret_certificate = certificate;
    return ERR_OK;
}

enum err tls_check(struct failure *failure, const char *cert_path, const char *key_path)
{
    struct certificate *certificate;
    enum err e = read_pair(failure, cert_path, key_path, &certificate);
    if (!e) free_certificate(certificate);
    return e;
}

static void warn_if_open(struct tls *tls, const char *key_path)
{
    struct stat found;
    if (tls->warned || stat(key_path, &found) || !(found.st_mode & S_IROTH)) return;
    tls->warned = true;
    log_warn("%s can be read by every user of this machine", key_path);
}

enum err tls_reload(struct failure *failure, struct tls *tls, const char *cert_path, const char *key_path)
{
    struct certificate *fresh;
    enum err e = read_pair(failure, cert_path, key_path, &fresh);
    if (e) return e;
    warn_if_open(tls, key_path);
    fresh->tls = tls;
    pthread_mutex_lock(&tls->mutex);
    struct certificate *old = tls->current;
    tls->current = fresh;
    pthread_mutex_unlock(&tls->mutex);
    certificate_drop(old);
    return ERR_OK;
}

enum err tls_open(struct failure *failure, const char *cert_path, const char *key_path, struct tls **ret_tls)
{
    struct tls *tls = memory_zalloc(sizeof *tls);
    pthread_mutex_init(&tls->mutex, NULL);
    enum err e = tls_reload(failure, tls, cert_path, key_path);
    if (e) {
        tls_close(tls);
        return e;
    }
    *ret_tls = tls;
    return ERR_OK;
}

struct certificate *tls_hold(struct tls *tls)
{
    pthread_mutex_lock(&tls->mutex);
    struct certificate *certificate = tls->current;
    certificate->references++;
    pthread_mutex_unlock(&tls->mutex);
    return certificate;
}

void certificate_drop(struct certificate *certificate)
{
    if (!certificate) return;
    pthread_mutex_lock(&certificate->tls->mutex);
    bool last = --certificate->references == 0;
    pthread_mutex_unlock(&certificate->tls->mutex);
    if (last) free_certificate(certificate);
}

void tls_close(struct tls *tls)
{
    if (!tls) return;
    certificate_drop(tls->current);
    pthread_mutex_destroy(&tls->mutex);
    free(tls);
}
