/* Tedee's paths, queries and bodies: the first byte chooses the reader. What is accepted keeps the limits that the directory
 * relies on. */
#include "fuzz.h"

#include "api/tedee/tedee.h"
#include "base/fold.h"

static void read_group(struct op *op, const struct request *request)
{
    struct group group;
    field_set present;
    if (tedee_read_group(op, request, &group, &present)) return;
    promise(group.name && group.name[0]);
    promise(utf8_is_valid(group.name, strlen(group.name)) && utf8_length(group.name, strlen(group.name)) <= 255);
    promise(group.id == 0 && uuid_is_nil(&group.uuid) && !group.description && __builtin_popcountll(present) == 1);
}

static void read_user_ids(struct op *op, const struct request *request)
{
    int64_t *ids;
    size_t count;
    if (tedee_read_user_ids(op, request, &ids, &count)) return;
    promise(count <= DIRECTORY_MEMBERS_MAX);
    for (size_t i = 0; i < count; i++) promise(ids[i] >= 1 && ids[i] <= NUMBER_MAX);
}

static void read_query(struct op *op, struct request *request)
{
    int64_t offset, size;
    bool flag = false;
    struct people_query query = { .size = 1 };
    if (request_parse_query(&op->failure, &op->arena, request)) return;
    enum err e = tedee_read_page(op, request, 100, &offset, &size);
    promise(e || (offset >= 0 && offset % size == 0 && size >= 1 && size <= 100));
    if (!e) e = tedee_read_user_types(op, request, &query);
    if (!e) e = tedee_read_bool(op, request, "includeMembers", &flag);
    if (!e) e = tedee_read_data_scope(op, request);
    const char *text = tedee_read_text(request);
    if (text) promise(utf8_is_valid(text, strlen(text)));
}

static void read_path(struct op *op, const struct request *request)
{
    struct uuid uuid = { { 0 } };
    enum err e = tedee_read_group_id(op, request, &uuid);
    promise(e ? e == ERR_INVALID || e == ERR_NOT_FOUND : !uuid_is_nil(&uuid));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    AUTO_OP op = op_begin();
    op.caller.organization_id = 7;
    char *text = fuzz_text(data + 1, size - 1);
    struct request request = {
        .body = text, .body_size = size - 1, .query = text, .captures = { "7", text }, .capture_count = 2
    };
    switch (data[0] % 5) {
    case 0:
        read_group(&op, &request);
        break;
    case 1:
        read_user_ids(&op, &request);
        break;
    case 2:
        read_query(&op, &request);
        break;
    case 3:
        read_path(&op, &request);
        break;
    default:
        request.captures[0] = text;
        read_path(&op, &request);
    }
    struct response response = { .body = BUF_INIT(1 << 16) };
    if (op.failure.code) {
        tedee_write_error(&op, &request, &response);
        promise(response.status >= 400 && utf8_is_valid(response.body.bytes, response.body.size));
    }
    buf_free(&response.body);
    free(text);
    return 0;
}
