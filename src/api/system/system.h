/* system.h — what operators and their monitoring ask: /healthz, /readyz, /metrics; and the answer to paths of no API. */
#ifndef ROSTER_API_SYSTEM_SYSTEM_H
#define ROSTER_API_SYSTEM_SYSTEM_H

#include "directory/directory.h"
#include "net/route.h"
#include "store/store.h"

extern const struct dialect dialect_system;

/* What /metrics tells beside what net/ counts. Both are borrowed until metrics_remove_gauges(). */
struct system_sources {
    struct directory *directory;
    struct store *store;
};
void system_add_gauges(struct system_sources *sources);

#endif
