/* Bold's bodies: the first byte chooses the reader. What is accepted keeps the limits that the directory relies on. */
#include "fuzz.h"

#include "api/bold/bold.h"
#include "base/fold.h"

static void check_text(const char *text, size_t max)
{
    if (text) promise(utf8_is_valid(text, strlen(text)) && utf8_length(text, strlen(text)) <= max);
}

static void read_group(struct op *op, const struct request *request, bool with_external_id)
{
    struct group group;
    field_set present;
    if (bold_read_group(op, request, with_external_id, &group, &present)) return;
    check_text(group.name, 255);
    check_text(group.description, 10000);
    check_text(group.remarks, 10000);
    check_text(group.external_id, 255);
    promise(!group.name || group.name[0]);
    promise(group.id == 0 && group.organization_id == 0 && group.deleted_at == 0);
}

static void read_lists(struct op *op, const struct request *request, bool members)
{
    struct member_request *list;
    int64_t *ids;
    size_t count;
    if (members ? bold_read_members(op, request, &list, &count) : bold_read_user_ids(op, request, &ids, &count)) return;
    promise(count <= DIRECTORY_MEMBERS_MAX);
    for (size_t i = 0; i < count; i++) {
        int64_t id = members ? list[i].user_id : ids[i];
        promise(id >= 1 && id <= NUMBER_MAX);
        if (members) promise(list[i].has_manager || !list[i].manager);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    AUTO_OP op = op_begin();
    char *body = fuzz_text(data + 1, size - 1);
    struct request request = { .body = body, .body_size = size - 1, .captures = { body, body }, .capture_count = 2 };
    int64_t id;
    switch (data[0] % 5) {
    case 0:
        read_group(&op, &request, true);
        break;
    case 1:
        read_group(&op, &request, false);
        break;
    case 2:
        read_lists(&op, &request, true);
        break;
    case 3:
        read_lists(&op, &request, false);
        break;
    default:
        if (!bold_read_group_id(&op, &request, &id)) promise(id >= 1 && id <= NUMBER_MAX);
        if (!bold_read_user_id(&op, body, &id)) promise(id >= 1 && id <= NUMBER_MAX);
    }
    struct response response = { .body = BUF_INIT(1 << 16) };
    if (op.failure.code) {
        bold_write_error(&op, &request, &response);
        promise(response.status >= 400 && utf8_is_valid(response.body.bytes, response.body.size));
    }
    buf_free(&response.body);
    free(body);
    return 0;
}
