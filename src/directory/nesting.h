/* nesting.h — the graph of nested groups of one organization, by numbers: may this group be put into that one?
 *
 * A directed acyclic graph: several parents are allowed, a cycle is not, and no path is longer than DIRECTORY_NESTING_DEPTH_MAX
 * edges. */
#ifndef ROSTER_DIRECTORY_NESTING_H
#define ROSTER_DIRECTORY_NESTING_H

#include "model/op.h"

#include <stdint.h>

struct nesting_edge {
    int64_t parent, child;
};

struct nesting_graph {
    struct nesting_edge *by_parent, *by_child; /* the same edges in two orders */
    size_t count, capacity;
};

/* False if the edge was there already. */
bool nesting_add(struct nesting_graph *graph, int64_t parent, int64_t child);
bool nesting_remove(struct nesting_graph *graph, int64_t parent, int64_t child); /* false if there was none */
bool nesting_has(const struct nesting_graph *graph, int64_t parent, int64_t child);
void nesting_free(struct nesting_graph *graph);

/* ERR_INVALID "childGroupId" if the edge would close a cycle (also parent == child) or make a path too long. */
MUST_USE enum err nesting_check(struct op *op, const struct nesting_graph *graph, int64_t parent, int64_t child);

#endif
