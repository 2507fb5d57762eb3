#include "directory/nesting.h"

#include "base/memory.h"
#include "directory/directory.h"

/* The first edge that is not before (key, other); `by_child` tells which of the two numbers is the key. */
static size_t position(const struct nesting_edge *edges, size_t count, bool by_child, int64_t key, int64_t other)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t first = by_child ? edges[middle].child : edges[middle].parent;
        int64_t second = by_child ? edges[middle].parent : edges[middle].child;
        if (first < key || (first == key && second < other)) low = middle + 1;
        else high = middle;
    }
    return low;
}

bool nesting_has(const struct nesting_graph *graph, int64_t parent, int64_t child)
{
    size_t at = position(graph->by_parent, graph->count, false, parent, child);
    return at < graph->count && graph->by_parent[at].parent == parent && graph->by_parent[at].child == child;
}

static void insert(struct nesting_edge *edges, size_t count, bool by_child, int64_t parent, int64_t child)
{
    size_t at = position(edges, count, by_child, by_child ? child : parent, by_child ? parent : child);
    memmove(&edges[at + 1], &edges[at], (count - at) * sizeof *edges);
    edges[at] = (struct nesting_edge){ parent, child };
}

static void cut(struct nesting_edge *edges, size_t count, bool by_child, int64_t parent, int64_t child)
{
    size_t at = position(edges, count, by_child, by_child ? child : parent, by_child ? parent : child);
    memmove(&edges[at], &edges[at + 1], (count - at - 1) * sizeof *edges);
}

bool nesting_add(struct nesting_graph *graph, int64_t parent, int64_t child)
{
    if (nesting_has(graph, parent, child)) return false;
    if (graph->count == graph->capacity) {
        graph->capacity = graph->capacity ? graph->capacity * 2 : 16;
        graph->by_parent = memory_resize(graph->by_parent, graph->capacity, sizeof *graph->by_parent);
        graph->by_child = memory_resize(graph->by_child, graph->capacity, sizeof *graph->by_child);
    }
    insert(graph->by_parent, graph->count, false, parent, child);
    insert(graph->by_child, graph->count, true, parent, child);
    graph->count++;
    return true;
}

bool nesting_remove(struct nesting_graph *graph, int64_t parent, int64_t child)
{
    if (!nesting_has(graph, parent, child)) return false;
    cut(graph->by_parent, graph->count, false, parent, child);
    cut(graph->by_child, graph->count, true, parent, child);
    graph->count--;
    return true;
}

void nesting_free(struct nesting_graph *graph)
{
    free(graph->by_parent);
    free(graph->by_child);
    *graph = (struct nesting_graph){ 0 };
}

static int compare_numbers(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static size_t keep_distinct(int64_t *numbers, size_t count)
{
    if (count) qsort(numbers, count, sizeof *numbers, compare_numbers);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || numbers[i] != numbers[kept - 1]) numbers[kept++] = numbers[i];
    return kept;
}

/* Walks level by level from `from` (down to children, or up to parents). A group reached again on a deeper level is visited
 * again, so that the number of levels is the longest path; the depth limit bounds the walk. */
static int count_levels(const struct nesting_graph *graph, bool up, int64_t from, int64_t look_for, bool *ret_found)
{
    int64_t *level = memory_resize(NULL, graph->count + 1, sizeof *level);
    int64_t *next = memory_resize(NULL, graph->count + 1, sizeof *next);
    size_t count = 1;
    level[0] = from;
    int levels = 0;
    *ret_found = from == look_for;
    while (count && levels <= DIRECTORY_NESTING_DEPTH_MAX && !*ret_found) {
        size_t next_count = 0;
        const struct nesting_edge *edges = up ? graph->by_child : graph->by_parent;
        for (size_t i = 0; i < count; i++) {
            for (size_t at = position(edges, graph->count, up, level[i], INT64_MIN); at < graph->count; at++) {
                if ((up ? edges[at].child : edges[at].parent) != level[i]) break;
                int64_t reached = up ? edges[at].parent : edges[at].child;
                if (reached == look_for) *ret_found = true;
                next[next_count++] = reached; /* level entries are distinct, so an edge is met once: it fits */
            }
        }
        next_count = keep_distinct(next, next_count);
        int64_t *swapped = level;
        level = next;
        next = swapped;
        count = next_count;
        if (count) levels++;
    }
    free(level);
    free(next);
    return levels;
}

enum err nesting_check(struct op *op, const struct nesting_graph *graph, int64_t parent, int64_t child)
{
    bool found;
    int below = count_levels(graph, false, child, parent, &found);
    if (found)
        return op_fail(op, ERR_INVALID, "childGroupId", "group %lld already contains group %lld, or is the same: a cycle",
                       (long long)child, (long long)parent);
    int above = count_levels(graph, true, parent, child, &found);
    if (above + 1 + below > DIRECTORY_NESTING_DEPTH_MAX)
        return op_fail(op, ERR_INVALID, "childGroupId", "groups would be nested deeper than %d", DIRECTORY_NESTING_DEPTH_MAX);
    return ERR_OK;
}
