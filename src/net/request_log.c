/* request_log.c — the request log. Appends only, no format is interpreted: a line costs 0.2 us, and a request 6. */
#include "net/request_log.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

static void add_time(struct loop *loop, struct buf *line, int64_t time_us)
{
    int64_t second = time_us / 1000000;
    if (second != loop->log_second || !loop->log_time_size) {
        char text[CLOCK_TEXT_SIZE];
        loop->log_time_size = clock_format(text, second * 1000000) - 1; /* without the Z */
        memcpy(loop->log_time, text, loop->log_time_size);
        loop->log_second = second;
    }
    buf_add(line, loop->log_time, loop->log_time_size);
    char fraction[8] = ".000000Z";
    for (int64_t rest = time_us % 1000000, i = 6; i > 0; i--, rest /= 10) fraction[i] = (char)('0' + rest % 10);
    buf_add(line, fraction, sizeof fraction);
}

/* Words are the program's own or an address: nothing in them needs escaping. */
static void add_word(struct buf *line, const char *word)
{
    buf_add(line, word, strlen(word));
}

static void add_json_word(struct buf *line, const char *word)
{
    if (!word) {
        buf_add_literal(line, "null");
        return;
    }
    buf_add_char(line, '"');
    add_word(line, word);
    buf_add_char(line, '"');
}

static void write_json(struct loop *loop, struct buf *line, const struct exchange *exchange, int64_t started_us, int64_t taken_us)
{
    buf_add_literal(line, "{\"time\":\"");
    add_time(loop, line, started_us);
    buf_add_literal(line, "\",\"level\":\"info\",\"message\":\"request\",\"id\":\"");
    buf_add(line, exchange->request.id, REQUEST_ID_SIZE - 1);
    buf_add_literal(line, "\",\"client\":");
    add_json_word(line, exchange->request.client);
    buf_add_literal(line, ",\"api\":");
    add_json_word(line, exchange->match.dialect ? exchange->match.dialect->name : NULL);
    buf_add_literal(line, ",\"method\":");
    add_json_word(line, method_name(exchange->request.method));
    buf_add_literal(line, ",\"route\":");
    add_json_word(line, exchange->match.route ? exchange->match.route->pattern : NULL);
    buf_add_literal(line, ",\"status\":");
    buf_add_number(line, exchange->status);
    buf_add_literal(line, ",\"us\":");
    buf_add_number(line, taken_us);
    buf_add_literal(line, ",\"credential\":");
    if (exchange->op.caller.credential_id) buf_add_number(line, exchange->op.caller.credential_id);
    else buf_add_literal(line, "null");
    buf_add_literal(line, ",\"user\":");
    if (exchange->op.caller.user_id) buf_add_number(line, exchange->op.caller.user_id);
    else buf_add_literal(line, "null");
    buf_add_literal(line, ",\"error\":");
    add_json_word(line, exchange->result ? err_name(exchange->result) : NULL);
    buf_add_char(line, '}');
}

static void write_text(struct loop *loop, struct buf *line, const struct exchange *exchange, int64_t started_us, int64_t taken_us)
{
    add_time(loop, line, started_us);
    buf_add_literal(line, " request id=");
    buf_add(line, exchange->request.id, REQUEST_ID_SIZE - 1);
    buf_add_literal(line, " client=");
    add_word(line, exchange->request.client);
    buf_add_literal(line, " api=");
    add_word(line, exchange->match.dialect ? exchange->match.dialect->name : "-");
    buf_add_literal(line, " method=");
    add_word(line, method_name(exchange->request.method));
    buf_add_literal(line, " route=");
    add_word(line, exchange->match.route ? exchange->match.route->pattern : "-");
    buf_add_literal(line, " status=");
    buf_add_number(line, exchange->status);
    buf_add_literal(line, " us=");
    buf_add_number(line, taken_us);
    buf_add_literal(line, " credential=");
    if (exchange->op.caller.credential_id) buf_add_number(line, exchange->op.caller.credential_id);
    else buf_add_char(line, '-');
    buf_add_literal(line, " user=");
    if (exchange->op.caller.user_id) buf_add_number(line, exchange->op.caller.user_id);
    else buf_add_char(line, '-');
    buf_add_literal(line, " error=");
    add_word(line, exchange->result ? err_name(exchange->result) : "-");
}

void request_log_write(struct loop *loop, const struct exchange *exchange, int64_t taken_us)
{
    struct buf *line = &loop->log_line;
    int64_t started_us = exchange->started_us ? exchange->started_us : clock_now();
    buf_reset(line);
    if (log_format() == LOG_JSON) write_json(loop, line, exchange, started_us, taken_us);
    else write_text(loop, line, exchange, started_us, taken_us);
    log_line(line->bytes, line->size);
}
