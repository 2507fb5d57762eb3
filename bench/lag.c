/* lag.c - how long after a write was answered by one node another node shows it.
 *
 *   lag PORT_A PORT_B COUNT PAUSE_US < PLAN        (clients.h)
 *
 * The plan's first client adds through node A, COUNT times, and pauses before each add. The second asks its one path of node B,
 * every POLL_US on one connection, without Roster-At-Least. All others are load: they add through A and B in turn and pause after
 * each answer. Prints one line of JSON. A lag runs from the last byte of A's answer to the last byte of B's first answer whose
 * Roster-Version is that of A's answer or a newer one; 0 if B showed it before. */
#include "clients.h"

#include <sys/prctl.h>

enum { POLL_US = 200, PATIENCE_S = 30 };

static int64_t version_of(const struct client *c)
{
    static const char name[] = "\r\nRoster-Version:";
    const char *at = strcasestr(c->answer, name);
    if (strncmp(c->answer, "HTTP/1.1 200", 12) || !at) die("not the answer that was expected", c->answer);
    return strtoll(at + sizeof name - 1, NULL, 10);
}

/* Each client's next request is due at `due_ns`, or has been sent: INT64_MAX. */
static int64_t *due_ns;

static bool send_if_due(size_t i, int64_t now)
{
    if (now < due_ns[i]) return true;
    due_ns[i] = INT64_MAX;
    return send_next(&clients[i]);
}

/* Sleeps until an answer comes or a request is due. */
static void wait_for_something(struct pollfd *polled)
{
    int64_t next = now_ns() + PATIENCE_S * INT64_C(1000000000);
    for (size_t i = 0; i < client_count; i++)
        if (due_ns[i] < next) next = due_ns[i];
    int64_t left = next - now_ns();
    if (left < 0) left = 0;
    struct timespec timeout = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
    if (ppoll(polled, client_count, &timeout, NULL) < 0) die("poll", strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc != 5) die("usage", "lag PORT_A PORT_B COUNT PAUSE_US < PLAN");
    int ports[] = { (int)strtol(argv[1], NULL, 10), (int)strtol(argv[2], NULL, 10) };
    size_t wanted = strtoul(argv[3], NULL, 10), others = 0, earlier = 0;
    int64_t pause_ns = strtoll(argv[4], NULL, 10) * 1000;
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    read_plan();
    if (client_count < 2) die("bad plan", "a writer and a reader are needed");
    struct pollfd *polled = calloc(client_count, sizeof *polled);
    due_ns = calloc(client_count, sizeof *due_ns);
    if (!polled || !due_ns) die("memory", strerror(errno));
    for (size_t i = 0; i < client_count; i++) {
        open_connection(&clients[i], ports[i % 2]);
        polled[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
        due_ns[i] = now_ns() + (int64_t)i * pause_ns / (int64_t)client_count; /* not all at once */
    }
    int64_t version = 0, newest = 0, answered_ns = 0; /* version: not shown by B yet */
    int64_t shown = 0, shown_ns = 0, began = now_ns(), last = began;
    while (took_count < wanted) {
        for (size_t i = 0; i < client_count; i++)
            if (!send_if_due(i, now_ns())) die("bad plan", "there are not enough members to add");
        wait_for_something(polled);
        for (size_t i = 0; i < client_count; i++) {
            if (!polled[i].revents || !read_answer(&clients[i])) continue;
            last = now_ns();
            int64_t seen = version_of(&clients[i]);
            if (i == 0) {
                if (seen <= newest) die("bad plan", "an add changed nothing");
                version = newest = seen;
                answered_ns = last;
                continue; /* its next request is due when this one is shown */
            }
            if (i == 1) {
                if (seen > shown) shown_ns = last;
                shown = seen;
                clients[i].at = 0;
                due_ns[i] = last + POLL_US * 1000;
                continue;
            }
            others++;
            due_ns[i] = last + pause_ns;
        }
        if (version && shown >= version) {
            earlier += shown_ns <= answered_ns;
            took_add(shown_ns > answered_ns ? shown_ns - answered_ns : 0);
            version = 0;
            due_ns[0] = last + pause_ns;
        }
    }
    double seconds = (double)(last - began) / 1e9;
    printf(
        "{\"count\":%zu,\"seconds\":%.6f,\"others_rate\":%.1f,\"earlier\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
        took_count, seconds, (double)others / seconds, earlier, took_share(0.50), took_share(0.99), took_share(1.0));
    return 0;
}
