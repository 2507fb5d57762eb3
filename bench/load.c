/* load.c - HTTP clients that each do one request after another: for durable writes and for single passes over many
 * organizations, where a load generator that repeats one request is of no use.
 *
 *   load PORT SECONDS < PLAN        (clients.h) 0 seconds: until every client has done its plan
 *
 * Prints one line of JSON: answers with status 200, others, seconds, rate, latencies in microseconds. A latency runs from the
 * first byte sent to the last byte received; clients share one thread, so measure with few requests under way. */
#include "clients.h"

static size_t failed;

static void count_answer(struct client *c, int64_t now)
{
    if (strncmp(c->answer, "HTTP/1.1 200", 12)) {
        if (!failed++) fprintf(stderr, "load: %.*s\n", 200, c->answer);
        return;
    }
    took_add(now - c->sent_ns);
}

int main(int argc, char **argv)
{
    if (argc != 3) die("usage", "load PORT SECONDS < PLAN");
    int port = (int)strtol(argv[1], NULL, 10);
    double limit = strtod(argv[2], NULL);
    read_plan();
    struct pollfd *polled = calloc(client_count + 1, sizeof *polled);
    if (!polled) die("memory", strerror(errno));
    for (size_t i = 0; i < client_count; i++) open_connection(&clients[i], port);

    int64_t began = now_ns(), end = limit > 0 ? began + (int64_t)(limit * 1e9) : INT64_MAX;
    size_t running = 0;
    for (size_t i = 0; i < client_count; i++) {
        bool sent = send_next(&clients[i]);
        polled[i] = (struct pollfd){ .fd = sent ? clients[i].fd : -1, .events = POLLIN };
        running += sent;
    }
    int64_t last = began;
    while (running) {
        if (poll(polled, client_count, 30000) <= 0) die("poll", "no answer for 30 seconds");
        for (size_t i = 0; i < client_count; i++) {
            if (!polled[i].revents || !read_answer(&clients[i])) continue;
            last = now_ns();
            count_answer(&clients[i], last);
            if (last < end && send_next(&clients[i])) continue;
            polled[i] = (struct pollfd){ .fd = -1 };
            running--;
        }
    }
    double seconds = (double)(last - began) / 1e9;
    printf("{\"count\":%zu,\"failed\":%zu,\"seconds\":%.6f,\"rate\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           took_count, failed, seconds, seconds > 0 ? (double)took_count / seconds : 0, took_share(0.50), took_share(0.99),
           took_share(1.0));
    return failed != 0;
}
