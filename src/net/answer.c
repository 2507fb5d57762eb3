/* answer.c — answers for libmicrohttpd.
 *
 * The library keeps each response header as three allocations and checks each of them: 13 headers cost 0.7 us, a tenth of a
 * request. So all headers travel as one: it is given the first header with a value in which the others follow, two dots standing
 * for the line breaks that it would refuse, and these are then put in place in the library's own copy, which
 * MHD_get_response_header hands out. can_join() tries once whether the library still works that way; if not, headers are added
 * one by one.
 *
 * Because of that no value may have a control character: a handler's header that has one is left out. */
#include "net/answer.h"

#include "base/memory.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { JOINED_MAX = 8192, BREAK_MAX = 64, STATUS_NO_CONTENT = 204 };

struct prepared {
    atomic_uint references;
    int status;
    const struct header *headers;
    const char *content_type;
    const char *body; /* owned by `answer` */
    size_t body_size;
    size_t size;
    struct MHD_Response *answer;
};

static bool joining; /* set by try_joining */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The first header of an answer and the text of the others behind its value. */
struct joined {
    const char *name;
    size_t size, break_count;
    size_t breaks[BREAK_MAX]; /* offsets of line breaks in text */
    char text[JOINED_MAX];
};

static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) return false;
    }
    return true;
}

/* False if it does not fit. */
static bool join(struct joined *joined, const char *name, size_t name_size, const char *value, size_t value_size)
{
    if (joined->size + name_size + value_size + 5 > JOINED_MAX || joined->break_count == BREAK_MAX) return false;
    char *to = joined->text + joined->size;
    if (joined->name) {
        joined->breaks[joined->break_count++] = joined->size;
        memcpy(to, "..", 2);
        to = mempcpy(to + 2, name, name_size);
        to = mempcpy(to, ": ", 2);
    } else {
        joined->name = name;
    }
    to = mempcpy(to, value, value_size);
    *to = 0;
    joined->size = (size_t)(to - joined->text);
    return true;
}

static bool flush(struct MHD_Response *answer, const struct joined *joined)
{
    if (!joined->name) return true;
    if (MHD_add_response_header(answer, joined->name, joined->text) != MHD_YES) return false;
    if (!joined->break_count) return true;
    char *kept = (char *)MHD_get_response_header(answer, joined->name);
    for (size_t i = 0; i < joined->break_count; i++) memcpy(kept + joined->breaks[i], "\r\n", 2);
    return true;
}

static void try_joining(void)
{
    struct MHD_Response *answer = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!answer) abort();
    struct joined joined;
    joined = (struct joined){ .size = 0 };
    bool added = join(&joined, "A", 1, "1", 1) && join(&joined, "B", 1, "2", 1) && flush(answer, &joined);
    const char *kept = MHD_get_response_header(answer, "A");
    joining = added && kept && !strcmp(kept, "1\r\nB: 2");
    MHD_destroy_response(answer);
}

/* Headers the library writes itself; a second one would contradict it. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = { "Connection", "Content-Length", "Transfer-Encoding", "Date" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcasecmp(name, names[i])) return true;
    }
    return false;
}

struct writer {
    struct MHD_Response *answer; /* NULL: text is wanted */
    struct buf *text;
    struct joined joined;
};

static void write_header(struct writer *writer, const char *name, const char *value)
{
    if (!writer->answer) {
        buf_add_text(writer->text, name);
        buf_add_literal(writer->text, ": ");
        buf_add_text(writer->text, value);
        buf_add_literal(writer->text, "\r\n");
    } else if (!joining || !join(&writer->joined, name, strlen(name), value, strlen(value))) {
        (void)MHD_add_response_header(writer->answer, name, value);
    }
}

static void write_headers(struct writer *writer, const struct header *fixed, const struct header *id, const char *content_type,
                          const struct header *extra, size_t extra_count)
{
    if (fixed) {
        for (; fixed->name; fixed++) write_header(writer, fixed->name, fixed->value);
    }
    if (id && id->name) write_header(writer, id->name, id->value);
    if (content_type) write_header(writer, "Content-Type", content_type);
    for (size_t i = 0; i < extra_count; i++) {
        if (is_plain(extra[i].value) && !is_reserved(extra[i].name)) write_header(writer, extra[i].name, extra[i].value);
    }
    if (writer->answer) (void)flush(writer->answer, &writer->joined);
}

static const char *content_type_of(const struct dialect *dialect, const struct response *response)
{
    if (response->status == STATUS_NO_CONTENT) return NULL; /* the library leaves out body and Content-Length */
    if (response->content_type || !response->body.size || !dialect) return response->content_type;
    return dialect->content_type;
}

static struct MHD_Response *new_answer(const char *body, size_t size, enum MHD_ResponseMemoryMode mode)
{
    pthread_once(&once, try_joining);
    struct MHD_Response *answer = MHD_create_response_from_buffer(size, (void *)body, mode);
    if (!answer) abort();
    return answer;
}

static void begin(struct writer *writer, struct MHD_Response *answer)
{
    writer->answer = answer;
    writer->joined.name = NULL;
    writer->joined.size = writer->joined.break_count = 0;
}

struct MHD_Response *answer_new(const struct dialect *dialect, const char *id, const struct response *response, bool close)
{
    struct writer writer;
    struct header id_header = { dialect ? dialect->id_header : NULL, id };
    const struct prepared *prepared = response->prepared;
    if (prepared) {
        begin(&writer, new_answer(prepared->body, prepared->body_size, MHD_RESPMEM_PERSISTENT));
        write_headers(&writer, prepared->headers, &id_header, prepared->content_type, response->extra, response->extra_count);
    } else {
        begin(&writer, new_answer(response->body.bytes, response->body.size, MHD_RESPMEM_PERSISTENT));
        write_headers(&writer, dialect ? dialect->headers : NULL, &id_header, content_type_of(dialect, response), response->extra,
                      response->extra_count);
    }
    if (close) (void)MHD_add_response_header(writer.answer, "Connection", "close");
    return writer.answer;
}

void answer_write(struct buf *out, const struct dialect *dialect, const char *id, const struct response *response)
{
    char date[40];
    time_t now = time(NULL);
    struct tm parts;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
    buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\n", response->status,
               MHD_get_reason_phrase_for((unsigned)response->status), date);
    struct writer writer = { .text = out };
    struct header id_header = { dialect ? dialect->id_header : NULL, id };
    write_headers(&writer, dialect ? dialect->headers : NULL, &id_header, content_type_of(dialect, response), response->extra,
                  response->extra_count);
    buf_printf(out, "Content-Length: %zu\r\n\r\n", response->body.size);
    buf_add(out, response->body.bytes, response->body.size);
}

struct prepared *prepared_new(const struct header *headers, int status, const char *content_type, struct buf *body)
{
    struct prepared *prepared = memory_alloc(sizeof *prepared);
    size_t size;
    char *bytes = buf_detach(body, &size);
    struct writer writer;
    begin(&writer, new_answer(bytes, size, bytes ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT));
    write_headers(&writer, headers, NULL, content_type, NULL, 0);
    atomic_init(&prepared->references, 1);
    prepared->status = status;
    prepared->headers = headers;
    prepared->content_type = content_type;
    prepared->body = bytes;
    prepared->body_size = size;
    prepared->answer = writer.answer;
    prepared->size = sizeof *prepared + size + 512 + writer.joined.size;
    return prepared;
}

struct prepared *prepared_hold(struct prepared *prepared)
{
    atomic_fetch_add_explicit(&prepared->references, 1, memory_order_relaxed);
    return prepared;
}

void prepared_drop(struct prepared *prepared)
{
    if (!prepared || atomic_fetch_sub_explicit(&prepared->references, 1, memory_order_acq_rel) > 1) return;
    MHD_destroy_response(prepared->answer); /* those being sent hold it too */
    free(prepared);
}

size_t prepared_size(const struct prepared *prepared)
{
    return prepared->size;
}

struct MHD_Response *answer_of_prepared(const struct prepared *prepared)
{
    return prepared->answer;
}

int prepared_status(const struct prepared *prepared)
{
    return prepared->status;
}
