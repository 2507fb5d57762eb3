/* web_fixture.h — a tiny web server in a thread of the test, plain or with TLS, that says exactly what a test wants said. One
 * connection at a time, one request each. */
#ifndef ROSTER_TESTS_WEB_FIXTURE_H
#define ROSTER_TESTS_WEB_FIXTURE_H

#include "unit.h"

#include "base/arena.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* No proxy for the loopback, no warnings on the screen, no signals; first thing in main(). */
static __attribute__((unused)) void be_alone(void)
{
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    log_configure(LOG_TEXT, LOG_ERROR);
    signal(SIGPIPE, SIG_IGN); /* as the server does */
}

struct web {
    char url[64]; /* http://127.0.0.1:PORT */
    int listener;
    pthread_t thread;
    gnutls_certificate_credentials_t credentials; /* NULL: without TLS */
    atomic_int requests;
    atomic_size_t said;    /* bytes of answers */
    pthread_mutex_t mutex; /* for what follows */
    pthread_cond_t changed;
    bool held; /* answers wait until this is false */
    struct page {
        const char *path, *answer; /* all of it, with its head */
        bool without_end;          /* what stands behind the first line is said again and again */
        bool silent;               /* nothing is said until the client goes */
    } pages[8];
};

/* ---- answering */

struct web_client {
    int fd;
    gnutls_session_t session; /* NULL: without TLS */
};

static bool web_say(struct web *web, struct web_client *client, const char *text)
{
    size_t size = strlen(text);
    atomic_fetch_add(&web->said, size);
    if (client->session) return gnutls_record_send(client->session, text, size) == (ssize_t)size;
    return send(client->fd, text, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static ssize_t web_hear(struct web_client *client, char *bytes, size_t size)
{
    return client->session ? gnutls_record_recv(client->session, bytes, size) : recv(client->fd, bytes, size, 0);
}

/* The path of a GET; false if there was no request. */
static bool web_hear_request(struct web_client *client, char path[256])
{
    char head[8192];
    size_t size = 0;
    while (size < sizeof head - 1) {
        ssize_t more = web_hear(client, head + size, sizeof head - 1 - size);
        if (more <= 0) return false;
        size += (size_t)more;
        head[size] = 0;
        if (strstr(head, "\r\n\r\n")) return sscanf(head, "GET %255s ", path) == 1;
    }
    return false;
}

static void web_answer(struct web *web, struct web_client *client)
{
    char path[256], byte;
    struct page page = { .answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" };
    if (!web_hear_request(client, path)) return;
    atomic_fetch_add(&web->requests, 1);
    pthread_mutex_lock(&web->mutex);
    pthread_cond_broadcast(&web->changed);
    while (web->held) pthread_cond_wait(&web->changed, &web->mutex);
    for (size_t i = 0; i < COUNT_OF(web->pages) && web->pages[i].path; i++)
        if (!strcmp(web->pages[i].path, path)) page = web->pages[i];
    pthread_mutex_unlock(&web->mutex);
    if (page.silent) {
        (void)!web_hear(client, &byte, 1);
        return;
    }
    (void)!web_say(web, client, page.answer);
    const char *head_end = strstr(page.answer, "\r\n");
    while (page.without_end && web_say(web, client, head_end + 2)) {}
}

static void web_greet(struct web *web, struct web_client *client)
{
    gnutls_init(&client->session, GNUTLS_SERVER);
    gnutls_set_default_priority(client->session);
    gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, web->credentials);
    gnutls_transport_set_int(client->session, client->fd);
    int code;
    do code = gnutls_handshake(client->session);
    while (code < 0 && !gnutls_error_is_fatal(code));
    if (code == 0) web_answer(web, client);
    (void)gnutls_bye(client->session, GNUTLS_SHUT_WR);
    gnutls_deinit(client->session);
}

static void *web_run(void *context)
{
    struct web *web = context;
    for (;;) {
        struct web_client client = { .fd = accept(web->listener, NULL, NULL) };
        if (client.fd < 0) return NULL;
        if (web->credentials) web_greet(web, &client);
        else web_answer(web, &client);
        shutdown(client.fd, SHUT_RDWR);
        close(client.fd);
    }
}

/* ---- a certificate */

static void set_name(X509 *certificate, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
}

static void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static const char *bio_text(struct arena *arena, BIO *memory)
{
    char *bytes;
    long size = BIO_get_mem_data(memory, &bytes);
    const char *text = arena_strndup(arena, bytes, (size_t)size);
    BIO_free(memory);
    return text;
}

/* A certificate for `address` (`IP:127.0.0.1`), signed by itself, of now, and its key; in PEM. */
static __attribute__((unused)) const char *new_certificate(struct arena *arena, const char *address, const char **ret_key)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *certificate = X509_new();
    BIO *certificate_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_mem());
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, pkey);
    set_name(certificate, "roster test");
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_subject_alt_name, address);
    assert_true(X509_sign(certificate, pkey, EVP_sha256()) > 0);
    PEM_write_bio_X509(certificate_text, certificate);
    PEM_write_bio_PKCS8PrivateKey(key_text, pkey, NULL, NULL, 0, NULL, NULL);
    X509_free(certificate);
    EVP_PKEY_free(pkey);
    *ret_key = bio_text(arena, key_text);
    return bio_text(arena, certificate_text);
}

/* ---- its life */

/* `certificate` NULL: without TLS. */
static __attribute__((unused)) void web_open(struct web *web, const char *certificate, const char *key)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    *web = (struct web){ .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    pthread_mutex_init(&web->mutex, NULL);
    pthread_cond_init(&web->changed, NULL);
    if (certificate) {
        const gnutls_datum_t pem = { (unsigned char *)certificate, (unsigned)strlen(certificate) };
        const gnutls_datum_t key_pem = { (unsigned char *)key, (unsigned)strlen(key) };
        gnutls_certificate_allocate_credentials(&web->credentials);
        assert_int_equal(gnutls_certificate_set_x509_key_mem(web->credentials, &pem, &key_pem, GNUTLS_X509_FMT_PEM), 0);
    }
    assert_int_equal(bind(web->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(web->listener, 64), 0);
    getsockname(web->listener, (struct sockaddr *)&address, &size);
    snprintf(web->url, sizeof web->url, "%s://127.0.0.1:%d", certificate ? "https" : "http", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&web->thread, NULL, web_run, web), 0);
}

static __attribute__((unused)) void web_hold(struct web *web, bool held)
{
    pthread_mutex_lock(&web->mutex);
    web->held = held;
    pthread_cond_broadcast(&web->changed);
    pthread_mutex_unlock(&web->mutex);
}

/* Until so many requests have come. */
static __attribute__((unused)) void web_wait(struct web *web, int requests)
{
    pthread_mutex_lock(&web->mutex);
    while (atomic_load(&web->requests) < requests) pthread_cond_wait(&web->changed, &web->mutex);
    pthread_mutex_unlock(&web->mutex);
}

/* Nobody answers at its address any more. */
static __attribute__((unused)) void web_close(struct web *web)
{
    if (web->listener < 0) return;
    shutdown(web->listener, SHUT_RDWR);
    pthread_join(web->thread, NULL);
    close(web->listener);
    web->listener = -1;
    if (web->credentials) gnutls_certificate_free_credentials(web->credentials);
    pthread_cond_destroy(&web->changed);
    pthread_mutex_destroy(&web->mutex);
}

/* Puts a page there, in the place of one of the same path. */
static __attribute__((unused)) void web_put(struct web *web, struct page page)
{
    pthread_mutex_lock(&web->mutex);
    size_t at = 0;
    while (web->pages[at].path && strcmp(web->pages[at].path, page.path) != 0) at++;
    assert_true(at < COUNT_OF(web->pages));
    web->pages[at] = page;
    pthread_mutex_unlock(&web->mutex);
}

static __attribute__((unused)) const char *ok_answer(struct arena *arena, const char *body)
{
    return arena_printf(arena, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(body), body);
}

static __attribute__((unused)) const char *redirect_answer(struct arena *arena, const char *location)
{
    return arena_printf(arena, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmove",
                        location);
}

#endif
