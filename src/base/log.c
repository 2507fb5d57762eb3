/* log.c — lines on standard error.
 *
 * 1. A diagnostic (log_error ...) is written at once; what its thread has collected goes first, so that a thread's
 *    lines stay in order.
 * 2. Each thread that calls log_line has a buffer in a list. `list_mutex` guards the list, each buffer's own mutex its
 *    content; whoever needs both takes the list first. The owner's lock is contended only while log_flush passes by.
 * 3. A thread that ends writes its buffer and takes it off the list. */
#include "base/log.h"

#include "base/clock.h"
#include "base/fold.h"
#include "base/json.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLLECTED_MAX = 64 << 10, MESSAGE_MAX = 4096 };

struct collector {
    pthread_mutex_t mutex;
    struct collector *next, **link; /* link: the pointer that points here */
    size_t size;
    char lines[COLLECTED_MAX];
};

static atomic_int chosen_format = LOG_TEXT;
static atomic_int chosen_level = LOG_INFO;

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct collector *collectors;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t collector_key; /* only for its destructor */
static _Thread_local struct collector *own_collector;

void log_configure(enum log_format format, enum log_level level)
{
    atomic_store_explicit(&chosen_format, (int)format, memory_order_relaxed);
    atomic_store_explicit(&chosen_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&chosen_level, memory_order_relaxed);
}

enum log_format log_format(void)
{
    return (enum log_format)atomic_load_explicit(&chosen_format, memory_order_relaxed);
}

/* There is nowhere to report that the log cannot be written; the lines are dropped. */
static void write_all(const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(STDERR_FILENO, bytes, size);
        if (written >= 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){ .fd = STDERR_FILENO, .events = POLLOUT }, 1, 1000);
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* With its mutex held. */
static void write_collected(struct collector *collector)
{
    write_all(collector->lines, collector->size);
    collector->size = 0;
}

static void end_collector(void *ending)
{
    struct collector *collector = ending;
    pthread_mutex_lock(&list_mutex);
    *collector->link = collector->next;
    if (collector->next) collector->next->link = collector->link;
    pthread_mutex_unlock(&list_mutex);
    write_collected(collector);
    pthread_mutex_destroy(&collector->mutex);
    free(collector);
    own_collector = NULL;
}

static void prepare(void)
{
    if (pthread_key_create(&collector_key, end_collector) != 0) abort();
}

static struct collector *get_collector(void)
{
    if (own_collector) return own_collector;
    pthread_once(&once, prepare);
    struct collector *collector = malloc(sizeof *collector);
    if (!collector) abort();
    pthread_mutex_init(&collector->mutex, NULL);
    collector->size = 0;
    pthread_mutex_lock(&list_mutex);
    collector->next = collectors;
    collector->link = &collectors;
    if (collectors) collectors->link = &collector->next;
    collectors = collector;
    pthread_mutex_unlock(&list_mutex);
    if (pthread_setspecific(collector_key, collector) != 0) abort();
    return own_collector = collector;
}

void log_line(const char *line, size_t size)
{
    if (size && line[size - 1] == '\n') size--;
    struct collector *collector = get_collector();
    pthread_mutex_lock(&collector->mutex);
    if (size + 1 > COLLECTED_MAX - collector->size) write_collected(collector);
    if (size + 1 > COLLECTED_MAX) {
        write_all(line, size);
        size = 0;
    }
    if (size) memcpy(collector->lines + collector->size, line, size);
    collector->lines[collector->size + size] = '\n';
    collector->size += size + 1;
    pthread_mutex_unlock(&collector->mutex);
}

void log_flush(void)
{
    pthread_mutex_lock(&list_mutex);
    for (struct collector *collector = collectors; collector; collector = collector->next) {
        pthread_mutex_lock(&collector->mutex);
        write_collected(collector);
        pthread_mutex_unlock(&collector->mutex);
    }
    pthread_mutex_unlock(&list_mutex);
}

/* A message may quote input: it must neither break its line nor, as JSON, be malformed. */
static void make_harmless(char *message, bool keep_controls)
{
    bool valid = utf8_is_valid(message, strlen(message));
    for (char *at = message; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c < 0x20 || c == 0x7F) && !keep_controls) *at = ' ';
        if (c >= 0x80 && !valid) *at = '?';
    }
}

__attribute__((format(printf, 2, 0))) static void write_message(enum log_level level, const char *format, va_list arguments)
{
    static const char *const words[] = { "error", "warn", "info", "debug" };
    if (!log_enabled(level)) return;
    bool json = log_format() == LOG_JSON;
    char message[MESSAGE_MAX];
    if (vsnprintf(message, sizeof message, format, arguments) < 0) return;
    make_harmless(message, json);

    struct buf line = BUF_INIT(8 * MESSAGE_MAX);
    char time[CLOCK_TEXT_SIZE];
    clock_format(time, clock_now());
    if (json) {
        buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time, words[level]);
        json_add_string(&line, message);
        buf_add_literal(&line, "}\n");
    } else {
        buf_printf(&line, "%s %-5s %s\n", time, words[level], message);
    }
    if (own_collector) {
        pthread_mutex_lock(&own_collector->mutex);
        write_collected(own_collector);
        pthread_mutex_unlock(&own_collector->mutex);
    }
    write_all(line.bytes, line.size);
    buf_free(&line);
}

/* The four verbs differ only in their level. */
#define LOG_VERB(name, level)                                                                                                    \
    void name(const char *format, ...)                                                                                           \
    {                                                                                                                            \
        va_list arguments;                                                                                                       \
        va_start(arguments, format);                                                                                             \
        write_message(level, format, arguments);                                                                                 \
        va_end(arguments);                                                                                                       \
    }

LOG_VERB(log_error, LOG_ERROR)
LOG_VERB(log_warn, LOG_WARN)
LOG_VERB(log_info, LOG_INFO)
LOG_VERB(log_debug, LOG_DEBUG)
