/* dialects.h — the list of APIs this server speaks. */
#ifndef ROSTER_API_DIALECTS_H
#define ROSTER_API_DIALECTS_H

#include "net/route.h"

/* NULL-terminated; the fallback for paths of no API is the last. To add an API: a folder with the same file names as
 * api/bold/, its row in dialects.c, a pair of fragment tables of its own (image.h), a page in docs/. */
extern const struct dialect *const dialects[];

#endif
