/* check.h — does an image made from the rows say what the rows say? */
#ifndef ROSTER_DIRECTORY_CHECK_H
#define ROSTER_DIRECTORY_CHECK_H

#include "model/op.h"
#include "store/store.h"

struct check_counts {
    int64_t organizations, users, groups, memberships, findings;
};

/* Loads each organization's image, reads its rows again and compares every object; checks that both directions of each membership
 * and nesting agree, that names are ordered and (where the organization asks for it) unique, that nothing is nested in a cycle,
 * that every account that a user refers to exists. Each finding is told to `report`. An organization that changes while it is
 * compared is compared again. */
MUST_USE enum err directory_check(struct op *op, struct store *store, store_report_function report, void *context,
                                  struct check_counts *ret_counts);

#endif
