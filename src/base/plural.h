/* plural.h — the ending of a word beside its number: printf("%lld finding%s", count, plural(count)). */
#ifndef ROSTER_BASE_PLURAL_H
#define ROSTER_BASE_PLURAL_H

#include <stdint.h>

static inline const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

#endif
