/* db.c — what both drivers have in common. */
#include "store/db.h"

#include <string.h>

enum err query_fail_expected(struct op *op, enum err otherwise, const char *field)
{
    switch (otherwise) {
    case ERR_NOT_FOUND:
        return op_fail(op, otherwise, field, "the stored directory has no such %s", field);
    case ERR_EXISTS:
        return op_fail(op, otherwise, field, "the %s is taken", field);
    default:
        return op_fail(op, otherwise, "", "another object is referred to that does not exist, or still refers to this one");
    }
}

struct uuid column_uuid(const struct query *query, int column)
{
    struct uuid uuid = { 0 };
    size_t size;
    const void *bytes = query->db->driver->bytes(query, column, &size);
    if (bytes && size == sizeof(uuid.bytes)) memcpy(uuid.bytes, bytes, sizeof(uuid.bytes));
    return uuid;
}

struct digest column_digest(const struct query *query, int column)
{
    struct digest digest = { 0 };
    size_t size;
    const void *bytes = query->db->driver->bytes(query, column, &size);
    if (bytes && size == sizeof(digest.bytes)) memcpy(digest.bytes, bytes, sizeof(digest.bytes));
    return digest;
}
