/* settings_find.h — what settings.c and settings_read.c share. */
#ifndef ROSTER_BASE_SETTINGS_FIND_H
#define ROSTER_BASE_SETTINGS_FIND_H

#include "base/settings.h"

/* The row of that name, or NULL. */
const struct setting *settings_find(const struct setting *table, const char *name, size_t size);

/* Checks `value` and stores it. ERR_INVALID with `where` before the sentence. */
MUST_USE enum err settings_store(struct failure *failure, const struct setting *setting, void *target, struct arena *arena,
                                 const char *where, const char *value);

#endif
