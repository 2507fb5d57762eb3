/* rules.h — what the files of rules share: groups.c, members.c, group_members.c. Private to directory/.
 *
 * A rule looks at the image of its context and appends changes to it (struct rule_context); what is made here lives in the op's
 * arena. */
#ifndef ROSTER_DIRECTORY_RULES_H
#define ROSTER_DIRECTORY_RULES_H

#include "directory/resident.h"

/* --- groups.c --- */

MUST_USE enum err directory_check_administrator(struct op *op, const struct rule_context *context);

/* A name may be taken once, whatever its case, unless the organization switched that off. The living group that has it;
 * NO_ORDINAL if it is free. `except` may have it. */
uint32_t directory_find_name_holder(struct op *op, const struct image *image, const char *name, uint32_t except);

/* A deep copy: applying the first of two changes frees the texts that the image had. */
struct group *directory_copy_group(struct op *op, const struct image *image, uint32_t ordinal);

/* A new group from the members of `values` that are in `present`, made by the caller, its number still to be given. The name is
 * not looked at. ERR_EXISTS "uuid". */
MUST_USE enum err directory_prepare_group(struct op *op, const struct rule_context *context, const struct group *values,
                                          field_set present, struct group **ret_group);

/* The caller is who changed it last, now. */
void directory_credit_change(struct op *op, const struct rule_context *context, struct group *group);

/* --- members.c --- */

/* Before anything is copied: ERR_INVALID "members" for more than DIRECTORY_MEMBERS_MAX; ERR_DEFERRED for more than some hundred
 * on a thread that may not block. */
MUST_USE enum err directory_check_member_count(struct op *op, size_t count);

/* A new membership, added by the caller. group_id 0: of the group made before it in the same commit. */
struct membership *directory_prepare_membership(struct op *op, const struct image *image, int64_t group_id, uint32_t user,
                                                bool manager);

/* One that has ended and was not cleared away yet, or that has not begun, is none to who adds the user: it begins now, without an
 * end, and nothing of what it was is given anew. */
void directory_begin_membership(struct membership *membership, bool manager);

#endif
