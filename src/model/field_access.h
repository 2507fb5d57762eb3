/* field_access.h — one member of one object by its row; private to model/. */
#ifndef ROSTER_MODEL_FIELD_ACCESS_H
#define ROSTER_MODEL_FIELD_ACCESS_H

#include "model/fields.h"

/* Where the member lies in the object. */
static inline const void *field_at(const struct field *field, const void *object)
{
    return (const char *)object + field->offset;
}

/* Has it the value it has when absent? */
bool field_is_default(const struct field *field, const void *object);

/* Gives it that value; FIELD_GRANTS rows are left alone. */
void field_reset(const struct field *field, void *object);

#endif
