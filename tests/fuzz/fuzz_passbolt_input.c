/* Passbolt's bodies: the first byte chooses profile and reader. What is accepted keeps the limits that the directory relies on;
 * what is refused has an answer that is JSON in ASCII. */
#include "fuzz.h"

#include "api/passbolt/encode.h"
#include "api/passbolt/input.h"
#include "base/fold.h"
#include "directory/directory.h"

static void check_name(const char *name)
{
    promise(name[0] && utf8_is_valid(name, strlen(name)) && utf8_length(name, strlen(name)) <= 255);
}

static void check_problems(const struct op *op, const struct passbolt_problems *problems)
{
    struct failure failure = { 0 };
    struct buf out = BUF_INIT(64 << 20);
    json_t *json;
    promise(op->failure.code == ERR_INVALID && op->failure.text[0]);
    passbolt_problems_write(problems, &out);
    promise(!out.overflow && !json_parse(&failure, out.bytes, out.size, &json));
    promise(json_is_object(json) == (problems->count > 0));
    json_decref(json);
    for (size_t i = 0; i < out.size; i++) promise(out.bytes[i] >= 0x20 && out.bytes[i] < 0x7f);
    buf_free(&out);
}

static void read_new_group(struct op *op, enum passbolt_profile profile, const json_t *body)
{
    struct passbolt_problems problems = PASSBOLT_PROBLEMS_INIT(&op->arena);
    struct passbolt_new_group group;
    if (passbolt_read_new_group(op, profile, body, &group, &problems)) {
        check_problems(op, &problems);
        return;
    }
    promise(problems.count == 0 && group.member_count <= DIRECTORY_MEMBERS_MAX);
    check_name(group.name);
}

static void read_update(struct op *op, enum passbolt_profile profile, const json_t *body, bool may_rename)
{
    struct passbolt_problems problems = PASSBOLT_PROBLEMS_INIT(&op->arena);
    struct passbolt_group_update update;
    if (passbolt_read_group_update(op, profile, body, may_rename, &update, &problems)) {
        check_problems(op, &problems);
        return;
    }
    promise(problems.count == 0 && update.change_count <= DIRECTORY_MEMBERS_MAX);
    if (update.name) check_name(update.name);
    promise(may_rename || !update.name);
    for (size_t i = 0; i < update.change_count; i++) {
        const struct passbolt_change *change = &update.changes[i];
        promise(change->kind <= PASSBOLT_CHANGE_REMOVE && change->index < DIRECTORY_MEMBERS_MAX);
        promise(!i || change->kind >= update.changes[i - 1].kind);
        promise(change->kind == PASSBOLT_CHANGE_ADD ? uuid_is_nil(&change->membership_id) : uuid_is_nil(&change->user_id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    AUTO_OP op = op_begin();
    char *text = fuzz_text(data + 1, size - 1);
    struct request request = { .body = text, .body_size = size - 1 };
    enum passbolt_profile profile = data[0] & 1 ? PASSBOLT_2 : PASSBOLT_5;
    json_t *body;
    if (!passbolt_read_body(&op, &request, &body)) {
        if (data[0] & 2) read_new_group(&op, profile, body);
        else read_update(&op, profile, body, data[0] & 4);
        json_decref(body);
    } else {
        promise(strcmp(op.failure.text, "Bad Request") == 0);
    }
    free(text);
    return 0;
}
