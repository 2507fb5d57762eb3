/* form.c — the HTTP library reads forms; here are the limits, and what it passes over in silence. */
#include "net/form.h"

#include "base/fold.h"
#include "net/media_type.h"

#include <microhttpd.h>
#include <string.h>

static const char *const form_types[] = { "application/x-www-form-urlencoded", "multipart/form-data", NULL };

bool request_has_form(const struct request *request)
{
    return media_type_is_listed(request->content_type, form_types);
}

/* A form that is being read. Values are written one behind the other: all together are shorter than the body. */
struct reader {
    struct arena *arena;
    struct parameter *fields;
    size_t count;
    char *at; /* where the next byte goes */
    const char *complaint;
};

static enum MHD_Result refuse(struct reader *reader, const char *complaint)
{
    reader->complaint = complaint;
    return MHD_NO;
}

static enum MHD_Result begin_field(struct reader *reader, const char *name)
{
    if (reader->count == REQUEST_PARAMETER_MAX) return refuse(reader, "the form has too many fields");
    if (!name || !utf8_is_valid(name, strlen(name))) return refuse(reader, "the name of a field is not UTF-8");
    if (reader->count) reader->at++; /* behind the zero that ends the value before */
    reader->fields[reader->count++] = (struct parameter){ arena_strdup(reader->arena, name), reader->at };
    return MHD_YES;
}

/* A value may come in pieces; `offset` tells how much of it came before. */
static enum MHD_Result take_piece(void *context, enum MHD_ValueKind kind, const char *name, const char *filename,
                                  const char *content_type, const char *encoding, const char *piece, uint64_t offset, size_t size)
{
    struct reader *reader = context;
    (void)kind, (void)filename, (void)content_type, (void)encoding;
    if (offset == 0 && begin_field(reader, name) == MHD_NO) return MHD_NO;
    if (size && memchr(piece, 0, size)) return refuse(reader, "a field has a zero character");
    if (size) reader->at = mempcpy(reader->at, piece, size);
    *reader->at = 0;
    return MHD_YES;
}

static bool are_utf8(const struct reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        if (!utf8_is_valid(reader->fields[i].value, strlen(reader->fields[i].value))) return false;
    return true;
}

enum err request_parse_form(struct failure *failure, struct arena *arena, const struct request *request,
                            const struct parameter **ret_fields, size_t *ret_count)
{
    struct reader reader = { .arena = arena,
                             .fields = arena_array(arena, REQUEST_PARAMETER_MAX, sizeof(struct parameter)),
                             .at = arena_zalloc(arena, request->body_size + REQUEST_PARAMETER_MAX + 1) };
    struct MHD_PostProcessor *processor =
        MHD_create_post_processor((struct MHD_Connection *)request->connection, FORM_NAME_MAX, take_piece, &reader);
    bool read = processor && MHD_post_process(processor, request->body, request->body_size) == MHD_YES;
    if (processor && MHD_destroy_post_processor(processor) != MHD_YES) read = false; /* it tells what is left unfinished */
    if (request->body_size && reader.count == 0) read = false; /* what stands before the first part of a form is nothing to it */
    if (!read || reader.complaint)
        return failure_set(failure, ERR_INVALID, "body", "%s", reader.complaint ? reader.complaint : "the form is malformed");
    if (!are_utf8(&reader)) return failure_set(failure, ERR_INVALID, "body", "a field is not UTF-8");
    *ret_fields = reader.fields;
    *ret_count = reader.count;
    return ERR_OK;
}
