/* A line of the directory file: what was read, written and read again is equal, and is written the same. */
#include "fuzz.h"

#include "base/json.h"
#include "model/fields.h"

static union object new_object(struct op *op, enum noun noun)
{
    union object object = { .any = arena_zalloc(&op->arena, noun_size(noun)) };
    fields_set_defaults(noun, object);
    return object;
}

static enum err read_line(struct op *op, enum noun noun, const char *line, size_t size, union object object)
{
    json_t *json;
    field_set present;
    enum err e = json_parse(&op->failure, line, size, &json);
    if (e) return e;
    e = fields_read(op, noun, json, object, &present);
    json_decref(json);
    return e;
}

static void round_trip(enum noun noun, const char *line, size_t size)
{
    AUTO_OP op = op_begin();
    union object object = new_object(&op, noun), again = new_object(&op, noun);
    if (read_line(&op, noun, line, size, object)) {
        promise(op.failure.code == ERR_INVALID && op.failure.text[0]);
        return;
    }
    struct buf first = BUF_INIT(1 << 24), second = BUF_INIT(1 << 24);
    fields_write_line(&first, noun, object);
    promise(read_line(&op, noun, first.bytes, first.size, again) == ERR_OK);
    if (noun == NOUN_CREDENTIAL) again.credential->secret = object.credential->secret; /* never written */
    promise(fields_differ(noun, object, again) == 0);
    fields_write_line(&second, noun, again);
    promise(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    union object copy = object_copy(&op.arena, noun, object);
    promise(fields_differ(noun, object, copy) == 0);
    buf_free(&first);
    buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (enum noun noun = 0; noun < NOUN_COUNT; noun++) round_trip(noun, (const char *)data, size);
    return 0;
}
