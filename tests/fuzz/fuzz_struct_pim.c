/* Struct PIM's path and bodies: the first byte chooses the reader. What is accepted keeps the limits that the directory relies
 * on. */
#include "fuzz.h"

#include "api/struct_pim/struct_pim.h"
#include "base/fold.h"

#include <strings.h>

static void check_grants(const struct group *group, enum grant_kind kind)
{
    size_t count;
    const struct grant *grants = group_grants(group, kind, &count);
    promise(count <= GRANTS_MAX);
    for (size_t i = 0; i < count; i++)
        promise(kind == GRANT_LANGUAGE ? grants[i].language_id >= 1 : !uuid_is_nil(&grants[i].uid));
}

static void read_group(struct op *op, const struct request *request)
{
    struct group group;
    field_set present;
    if (struct_pim_read_group(op, request, &group, &present)) return;
    size_t size = strlen(group.name);
    promise(size && utf8_is_valid(group.name, size) && utf8_length(group.name, size) <= 255);
    promise(group.id == 0 && group.organization_id == 0 && !group.description && !group.created_by && !group.date_created);
    promise(__builtin_popcountll(present) >= 4); /* the name and the lists, which replace what is there */
    for (int kind = GRANT_LANGUAGE; kind <= GRANT_BUSINESS_UNIT; kind++) check_grants(&group, (enum grant_kind)kind);
}

static void read_path(struct op *op, const struct request *request)
{
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    if (struct_pim_read_group_id(op, request, &uuid)) return;
    uuid_format(text, &uuid);
    promise(strcasecmp(text, request->captures[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    AUTO_OP op = op_begin();
    char *text = fuzz_text(data + 1, size - 1);
    struct request request = { .body = text, .body_size = size - 1, .captures = { text }, .capture_count = 1 };
    if (data[0] % 2) read_path(&op, &request);
    else read_group(&op, &request);
    struct response response = { .body = BUF_INIT(1 << 16) };
    if (op.failure.code) {
        struct_pim_write_error(&op, &request, &response);
        promise(response.status == 400 && utf8_is_valid(response.body.bytes, response.body.size));
    }
    buf_free(&response.body);
    free(text);
    return 0;
}
