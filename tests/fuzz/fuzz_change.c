/* The detail of a log entry: the first byte chooses the kind. What is read, written and read again is equal. */
#include "fuzz.h"

#include "model/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    enum change_kind kind = data[0] % CHANGE_KIND_COUNT;
    AUTO_OP op = op_begin();
    struct change change, again;
    char *detail = fuzz_text(data + 1, size - 1);
    if (change_read_detail(&op, kind, detail, &change)) {
        promise(op.failure.code == ERR_STORAGE && op.failure.text[0]);
        free(detail);
        return 0;
    }
    int64_t group_id, user_id, object_id;
    change_subjects(&change, &group_id, &user_id, &object_id);
    struct buf out = BUF_INIT(1 << 24);
    change_write_detail(&out, &change);
    enum err e = change_read_detail(&op, kind, buf_cstr(&out), &again);
    /* What no rule makes need not be read again: an object all of whose members are default, a required member that is not set.
     */
    bool whole = strstr(buf_cstr(&out), "before") || strstr(buf_cstr(&out), "after");
    if (change_shape(kind) == CHANGE_MARKS) whole = !change.after.any || change.after.organization->id;
    if (change_shape(kind) == CHANGE_UPDATES) whole = change.changed && !strstr(buf_cstr(&out), ":null");
    promise(!whole || e == ERR_OK);
    if (!e && whole) promise(again.changed == change.changed);
    if (!e && change.after.any && again.after.any && change_shape(kind) != CHANGE_MARKS)
        promise(fields_differ(change_noun(kind), change.after, again.after) == 0);
    buf_free(&out);
    free(detail);
    return 0;
}
