/* jwt_fetch.c — a handle for each fetch: they are minutes apart. */
#include "auth/jwt_fetch.h"

#include "base/version.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

static void prepare(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) abort();
}

bool jwt_fetch_is_https(const char *text)
{
    return strncasecmp(text, "https://", 8) == 0;
}

bool jwt_fetch_is_url(const char *text)
{
    return jwt_fetch_is_https(text) || strncasecmp(text, "http://", 7) == 0;
}

/* Less than was given ends the transfer. (libcurl itself bounds the head.) */
static size_t take_body(char *bytes, size_t one, size_t size, void *context)
{
    struct buf *body = context;
    (void)one; /* is 1 */
    buf_add(body, bytes, size);
    return body->overflow ? 0 : size;
}

static void set_options(CURL *curl, const char *url, const char *ca_file, int64_t timeout_ms, struct buf *body)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, jwt_fetch_is_https(url) ? "https" : "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)JWT_FETCH_REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)JWT_FETCH_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (ca_file) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    if (ca_file) curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "roster/" ROSTER_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
}

static enum err judge(struct failure *failure, CURL *curl, CURLcode code, const char *details, const struct buf *body)
{
    long status = 0;
    if (body->overflow) return failure_set(failure, ERR_INVALID, "", "the answer is over %zu bytes", body->max);
    if (code) return failure_set(failure, ERR_INVALID, "", "%s", details[0] ? details : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return failure_set(failure, ERR_INVALID, "", "the answer has the status %ld", status);
    return ERR_OK;
}

enum err jwt_fetch(struct failure *failure, const char *url, const char *ca_file, int64_t timeout_ms, struct buf *ret_body)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char details[CURL_ERROR_SIZE] = "";
    if (timeout_ms <= 0) return failure_set(failure, ERR_INVALID, "", "it takes too long");
    pthread_once(&once, prepare);
    CURL *curl = curl_easy_init();
    if (!curl) abort();
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
    set_options(curl, url, ca_file, timeout_ms, ret_body);
    CURLcode code = curl_easy_perform(curl);
    enum err e = judge(failure, curl, code, details, ret_body);
    curl_easy_cleanup(curl);
    return e;
}
