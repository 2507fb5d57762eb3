/* clients.h - what load.c and lag.c share: the plan of some clients, their connections, their requests and answers.
 *
 * The plan, a line each:
 *
 *   client                          a new connection; the lines after it are done in order
 *   token SECRET                    sent as `Authorization: Bearer SECRET` from here on
 *   get PATH
 *   add GROUP FIRST USERS START STEP FROM
 *                                   POST /v1/user-groups/GROUP/users/U for U = FIRST + (START + i * STEP) % USERS,
 *                                   i = FROM, FROM + 1 ... USERS - 1
 *
 * Latencies are collected by took_add. */
#ifndef BENCH_CLIENTS_H
#define BENCH_CLIENTS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 512, ANSWER = 1 << 16 };

struct task {
    const char *token;
    char *path; /* of a get; NULL: adds */
    int64_t group, first, users, start, step, next;
};

struct client {
    struct task *tasks;
    size_t task_count, at;
    int fd;
    int64_t sent_ns;
    size_t got, need; /* of the answer; need 0: the head is not complete */
    char answer[ANSWER + 1];
};

static struct client *clients;
static size_t client_count;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, detail);
    exit(1);
}

static void *grow(void *list, size_t count, size_t size)
{
    if (count & (count - 1)) return list; /* room is the next power of two */
    void *bigger = realloc(list, (count ? 2 * count : 1) * size);
    if (!bigger) die("memory", strerror(errno));
    return bigger;
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made) die("memory", strerror(errno));
    return made;
}

static void read_plan(void)
{
    char line[TEXT], word[TEXT];
    const char *token = "";
    while (fgets(line, sizeof line, stdin)) {
        struct task t = { 0 };
        if (!strncmp(line, "client", 6)) {
            clients = grow(clients, client_count, sizeof *clients);
            clients[client_count++] = (struct client){ .fd = -1 };
            continue;
        }
        if (sscanf(line, "token %511s", word) == 1) {
            token = copy(word);
            continue;
        }
        if (sscanf(line, "get %511s", word) == 1) t.path = copy(word);
        else if (sscanf(line, "add %ld %ld %ld %ld %ld %ld", &t.group, &t.first, &t.users, &t.start, &t.step, &t.next) != 6)
            die("bad plan", line);
        if (!client_count) die("a plan begins with `client`", line);
        t.token = token;
        struct client *c = &clients[client_count - 1];
        c->tasks = grow(c->tasks, c->task_count, sizeof *c->tasks);
        c->tasks[c->task_count++] = t;
    }
}

static void open_connection(struct client *c, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to)) die("connect", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Sends the client's next request; false when its plan is done. */
static bool send_next(struct client *c)
{
    while (c->at < c->task_count && !c->tasks[c->at].path && c->tasks[c->at].next >= c->tasks[c->at].users) c->at++;
    if (c->at == c->task_count) return false;
    struct task *t = &c->tasks[c->at];
    char text[2 * TEXT];
    int length;
    if (t->path) {
        length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n\r\n", t->path,
                          t->token);
        c->at++;
    } else {
        long user = (long)(t->first + (t->start + t->next++ * t->step) % t->users);
        length = snprintf(text, sizeof text,
                          "POST /v1/user-groups/%ld/users/%ld HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                          "Content-Length: 0\r\n\r\n",
                          (long)t->group, user, t->token);
    }
    if (length < 0 || (size_t)length >= sizeof text) die("request too long", text);
    c->sent_ns = now_ns();
    c->got = c->need = 0;
    if (send(c->fd, text, (size_t)length, MSG_NOSIGNAL) != length) die("send", strerror(errno));
    return true;
}

/* True when the answer is complete. Of a body longer than the room only the length is looked at. */
static bool read_answer(struct client *c)
{
    size_t at = c->got < ANSWER ? c->got : ANSWER / 2;
    ssize_t n = recv(c->fd, c->answer + at, ANSWER - at, 0);
    if (n <= 0) die("the server closed a connection", n < 0 ? strerror(errno) : "end of file");
    c->got += (size_t)n;
    if (!c->need) {
        c->answer[c->got] = '\0';
        char *body = strstr(c->answer, "\r\n\r\n");
        if (!body) return false;
        char *header = strcasestr(c->answer, "\r\nContent-Length:");
        if (!header || header > body) die("an answer without Content-Length", c->answer);
        c->need = (size_t)(body + 4 - c->answer) + strtoul(header + 17, NULL, 10);
    }
    return c->got >= c->need;
}

static int64_t *took;
static size_t took_count, took_room;

static void took_add(int64_t ns)
{
    if (took_count == took_room) {
        took_room = took_room ? 2 * took_room : 65536;
        took = realloc(took, took_room * sizeof *took);
        if (!took) die("memory", strerror(errno));
    }
    took[took_count++] = ns;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* In microseconds; sorts. */
static double took_share(double share)
{
    qsort(took, took_count, sizeof *took, by_value);
    return took_count ? (double)took[(size_t)(share * (double)(took_count - 1))] / 1e3 : 0;
}

#endif
