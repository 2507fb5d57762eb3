/* metrics.c — counters without locks: each thread has its own table and is the only one to write it; printing sums the tables.
 *
 * 1. A cell's key is written before `used` is set (release) and never changes, so a reader that sees `used` sees the key.
 * 2. Tables outlive their threads (what they counted must not be lost) and are taken over by threads that start later. */
#include "net/metrics.h"

#include "base/memory.h"
#include "base/version.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COUNTER_MAX = 1024, TIMING_MAX = 256, REASON_MAX = 32, GAUGE_MAX = 8, BUCKET_COUNT = 12 };

static const int64_t bucket_limits_us[BUCKET_COUNT] = { 50,   100,   250,   500,    1000,    2500,
                                                        5000, 10000, 25000, 100000, 1000000, 10000000 };
static const char *const bucket_names[BUCKET_COUNT] = { "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025",
                                                        "0.005", "0.01",   "0.025",   "0.1",    "1",     "10" };

struct key {
    const struct dialect *dialect; /* NULL: none was found */
    const struct route *route;     /* NULL: none was found */
    enum method method;            /* counters only */
    int status;                    /* counters only */
};

struct counter {
    atomic_bool used;
    struct key key;
    _Atomic uint64_t count;
};

struct timing {
    atomic_bool used;
    struct key key;
    _Atomic uint64_t buckets[BUCKET_COUNT + 1];
    _Atomic uint64_t nanoseconds;
};

struct table {
    struct table *next;
    bool owned; /* by a living thread; with `mutex` held */
    struct counter counters[COUNTER_MAX];
    struct timing timings[TIMING_MAX];
};

/* `mutex` guards the lists, not what the tables count. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct table *tables;
static struct {
    const char *reason;
    uint64_t count;
} refused[REASON_MAX];
static struct {
    metrics_gauge write;
    void *context;
} gauges[GAUGE_MAX];
static size_t gauge_count;

static atomic_int connections;
static _Atomic int64_t sending;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t table_key; /* only for its destructor */
static _Thread_local struct table *own_table;

static void leave_table(void *table)
{
    pthread_mutex_lock(&mutex);
    ((struct table *)table)->owned = false;
    pthread_mutex_unlock(&mutex);
    own_table = NULL;
}

static void prepare(void)
{
    if (pthread_key_create(&table_key, leave_table) != 0) abort();
}

static struct table *get_table(void)
{
    if (__builtin_expect(own_table != NULL, 1)) return own_table;
    pthread_once(&once, prepare);
    pthread_mutex_lock(&mutex);
    struct table *table = tables;
    while (table && table->owned) table = table->next;
    if (!table) {
        table = memory_zalloc(sizeof *table);
        table->next = tables;
        tables = table;
    }
    table->owned = true;
    pthread_mutex_unlock(&mutex);
    if (pthread_setspecific(table_key, table) != 0) abort();
    return own_table = table;
}

static bool key_equal(const struct key *a, const struct key *b)
{
    return a->dialect == b->dialect && a->route == b->route && a->method == b->method && a->status == b->status;
}

static size_t key_hash(const struct key *key)
{
    uint64_t mixed = ((uintptr_t)key->dialect >> 3) + ((uintptr_t)key->route >> 3) * 31;
    return (size_t)((mixed + (uint64_t)key->method * 7 + (uint64_t)key->status * 131) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* One writer: no locked instruction is needed. */
static void add(_Atomic uint64_t *sum, uint64_t more)
{
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + more, memory_order_relaxed);
}

static bool claim(atomic_bool *used, struct key *cell_key, const struct key *key)
{
    if (atomic_load_explicit(used, memory_order_acquire)) return key_equal(cell_key, key);
    *cell_key = *key;
    atomic_store_explicit(used, true, memory_order_release);
    return true;
}

void metrics_count(const struct route_match *match, enum method method, int status, int64_t nanoseconds)
{
    struct table *table = get_table();
    struct key key = { match->dialect, match->route, method, status };
    size_t at = key_hash(&key);
    for (size_t i = 0; i < COUNTER_MAX; i++) {
        struct counter *counter = &table->counters[(at + i) % COUNTER_MAX];
        if (!claim(&counter->used, &counter->key, &key)) continue;
        add(&counter->count, 1);
        break;
    }
    key.method = METHOD_OTHER;
    key.status = 0;
    at = key_hash(&key);
    size_t bucket = 0;
    while (bucket < BUCKET_COUNT && nanoseconds > bucket_limits_us[bucket] * 1000) bucket++;
    for (size_t i = 0; i < TIMING_MAX; i++) {
        struct timing *timing = &table->timings[(at + i) % TIMING_MAX];
        if (!claim(&timing->used, &timing->key, &key)) continue;
        add(&timing->buckets[bucket], 1);
        add(&timing->nanoseconds, (uint64_t)nanoseconds);
        break;
    }
}

void metrics_count_refused(const char *reason)
{
    pthread_mutex_lock(&mutex);
    size_t i = 0;
    while (i < REASON_MAX - 1 && refused[i].reason && strcmp(refused[i].reason, reason) != 0) i++;
    if (!refused[i].reason) refused[i].reason = reason;
    refused[i].count++;
    pthread_mutex_unlock(&mutex);
}

void metrics_connections(int change)
{
    atomic_fetch_add_explicit(&connections, change, memory_order_relaxed);
}

void metrics_sending(int64_t change)
{
    atomic_fetch_add_explicit(&sending, change, memory_order_relaxed);
}

void metrics_add_gauge(metrics_gauge gauge, void *context)
{
    pthread_mutex_lock(&mutex);
    if (gauge_count == GAUGE_MAX) abort();
    gauges[gauge_count].write = gauge;
    gauges[gauge_count++].context = context;
    pthread_mutex_unlock(&mutex);
}

void metrics_remove_gauges(void)
{
    pthread_mutex_lock(&mutex);
    gauge_count = 0;
    pthread_mutex_unlock(&mutex);
}

static void add_head(struct buf *out, const char *name, const char *kind, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void metrics_add_value(struct buf *out, const char *name, const char *kind, const char *help, double value)
{
    add_head(out, name, kind, help);
    buf_printf(out, "%s %.15g\n", name, value);
}

static const char *api_label(const struct key *key)
{
    return key->dialect ? key->dialect->name : "-";
}
static const char *route_label(const struct key *key)
{
    return key->route ? key->route->pattern : "-";
}

static const char *method_of(const struct key *key)
{
    return key->route ? method_name(key->route->method) : "-";
}

/* The tables' counters summed by key; malloc'ed. */
static struct counter *sum_counters(size_t *ret_count)
{
    size_t count = 0, capacity = 64;
    struct counter *sums = memory_resize(NULL, capacity, sizeof *sums);
    for (struct table *table = tables; table; table = table->next) {
        for (size_t i = 0; i < COUNTER_MAX; i++) {
            struct counter *counter = &table->counters[i];
            if (!atomic_load_explicit(&counter->used, memory_order_acquire)) continue;
            size_t at = 0;
            while (at < count && !key_equal(&sums[at].key, &counter->key)) at++;
            if (at == capacity) sums = memory_resize(sums, capacity *= 2, sizeof *sums);
            if (at == count) {
                sums[count].key = counter->key;
                sums[count++].count = 0;
            }
            sums[at].count += atomic_load_explicit(&counter->count, memory_order_relaxed);
        }
    }
    *ret_count = count;
    return sums;
}

static void write_counters(struct buf *out)
{
    size_t count;
    struct counter *sums = sum_counters(&count);
    add_head(out, "roster_http_requests_total", "counter", "Requests answered.");
    for (size_t i = 0; i < count; i++) {
        const struct key *key = &sums[i].key;
        buf_printf(out, "roster_http_requests_total{api=\"%s\",route=\"%s\",method=\"%s\",status=\"%d\"} %llu\n", api_label(key),
                   route_label(key), method_name(key->method), key->status, (unsigned long long)sums[i].count);
    }
    free(sums);
}

static struct timing *sum_timings(size_t *ret_count)
{
    size_t count = 0, capacity = 64;
    struct timing *sums = memory_resize(NULL, capacity, sizeof *sums);
    for (struct table *table = tables; table; table = table->next) {
        for (size_t i = 0; i < TIMING_MAX; i++) {
            struct timing *timing = &table->timings[i];
            if (!atomic_load_explicit(&timing->used, memory_order_acquire)) continue;
            size_t at = 0;
            while (at < count && !key_equal(&sums[at].key, &timing->key)) at++;
            if (at == capacity) sums = memory_resize(sums, capacity *= 2, sizeof *sums);
            if (at == count) {
                memset(&sums[count], 0, sizeof sums[count]);
                sums[count++].key = timing->key;
            }
            for (size_t b = 0; b <= BUCKET_COUNT; b++) {
                sums[at].buckets[b] += atomic_load_explicit(&timing->buckets[b], memory_order_relaxed);
            }
            sums[at].nanoseconds += atomic_load_explicit(&timing->nanoseconds, memory_order_relaxed);
        }
    }
    *ret_count = count;
    return sums;
}

static void write_timings(struct buf *out)
{
    static const char name[] = "roster_http_request_seconds";
    size_t count;
    struct timing *sums = sum_timings(&count);
    add_head(out, name, "histogram", "Time from the end of a request's head to the end of its answer.");
    for (size_t i = 0; i < count; i++) {
        const char *api = api_label(&sums[i].key), *route = route_label(&sums[i].key), *method = method_of(&sums[i].key);
        unsigned long long total = 0;
        for (size_t b = 0; b <= BUCKET_COUNT; b++) {
            total += sums[i].buckets[b];
            buf_printf(out, "%s_bucket{api=\"%s\",route=\"%s\",method=\"%s\",le=\"%s\"} %llu\n", name, api, route, method,
                       b < BUCKET_COUNT ? bucket_names[b] : "+Inf", total);
        }
        buf_printf(out, "%s_sum{api=\"%s\",route=\"%s\",method=\"%s\"} %.9g\n", name, api, route, method,
                   (double)sums[i].nanoseconds / 1e9);
        buf_printf(out, "%s_count{api=\"%s\",route=\"%s\",method=\"%s\"} %llu\n", name, api, route, method, total);
    }
    free(sums);
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return NAN;
    if (fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void metrics_write(struct buf *out)
{
    pthread_mutex_lock(&mutex);
    write_counters(out);
    write_timings(out);
    metrics_add_value(out, "roster_http_connections", "gauge", "Open connections.", atomic_load(&connections));
    metrics_add_value(out, "roster_http_sending_bytes", "gauge", "Memory of large answers that are being sent.",
                      (double)atomic_load(&sending));
    add_head(out, "roster_http_refused_total", "counter", "Connections and requests refused before they had a route.");
    for (size_t i = 0; i < REASON_MAX && refused[i].reason; i++) {
        buf_printf(out, "roster_http_refused_total{reason=\"%s\"} %llu\n", refused[i].reason,
                   (unsigned long long)refused[i].count);
    }
    metrics_add_value(out, "process_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
    add_head(out, "roster_build_info", "gauge", "The running program.");
    buf_printf(out, "roster_build_info{version=\"%s\"} 1\n", ROSTER_VERSION);
    size_t count = gauge_count;
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < count; i++) gauges[i].write(gauges[i].context, out);
}
