/* trigrams.h — which names contain which three bytes, so that a search in 50,000 groups looks at a few of them.
 *
 * Built over the entries of a `names` block when it is large enough to pay; entries added later are not in it and
 * are scanned (at most TRIGRAMS_PENDING, then it is built again). A common trigram has a long list, a rare one a short
 * one: the shortest list among the needle's trigrams gives the candidates, which the caller verifies. */
#ifndef ROSTER_DIRECTORY_TRIGRAMS_H
#define ROSTER_DIRECTORY_TRIGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;
struct trigrams;

enum { TRIGRAMS_SMALLEST = 4096, TRIGRAMS_PENDING = 2048 };

/* NULL if there are fewer than TRIGRAMS_SMALLEST entries. */
struct trigrams *trigrams_build(const struct names *names);

/* Are so many entries not indexed that it pays to build again? */
bool trigrams_want_rebuild(const struct trigrams *trigrams, const struct names *names);

/* False if the index cannot help (there is none, or the needle is shorter than three bytes). Else entries, ascending, that may
 * contain the needle, and how many of the first entries of the block the index covers. */
bool trigrams_candidates(const struct trigrams *trigrams, const char *needle, size_t size, const uint32_t **ret_entries,
                         uint32_t *ret_count, uint32_t *ret_indexed);

size_t trigrams_bytes(const struct trigrams *trigrams); /* 0 for NULL */
void trigrams_free(struct trigrams *trigrams);          /* accepts NULL */

#endif
