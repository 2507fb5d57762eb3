/* struct_pim.h — Struct PIM's user-group API (docs/struct-pim.md). Private to this folder. */
#ifndef ROSTER_API_STRUCT_PIM_STRUCT_PIM_H
#define ROSTER_API_STRUCT_PIM_STRUCT_PIM_H

#include "directory/directory.h"
#include "net/route.h"

/* groups.c: handlers, as in the route table of dialect.c. The API knows no members, so there is no members.c. */
enum err struct_pim_list_groups(struct op *op, const struct request *request, struct response *response);
enum err struct_pim_get_group(struct op *op, const struct request *request, struct response *response);
enum err struct_pim_create_group(struct op *op, const struct request *request, struct response *response);
enum err struct_pim_update_group(struct op *op, const struct request *request, struct response *response);
enum err struct_pim_delete_group(struct op *op, const struct request *request, struct response *response);

/* The answer after every write: 200 without a body. */
enum err struct_pim_answer_done(struct op *op, const struct request *request, struct response *response);

/* --- objects.c: what goes out --- */

void struct_pim_write_group(const struct view *view, uint32_t group, struct buf *out);

/* An array. Of more than DIRECTORY_AT_ONCE those that are deleted while it is written are left out. */
void struct_pim_write_groups(struct view *view, const uint32_t *groups, size_t count, struct buf *out);

/* --- input.c: what comes in --- */

/* The group of the path: ERR_INVALID "uid" if it is no UUID. The UUID of zeroes is one, of no group. */
MUST_USE enum err struct_pim_read_group_id(struct op *op, const struct request *request, struct uuid *ret_uuid);

/* The model of create and update: a name and the three lists, which replace what is there; ret_values->uuid is nil if there is no
 * Uid. Unknown members are ignored, names count in any letter case. */
MUST_USE enum err struct_pim_read_group(struct op *op, const struct request *request, struct group *ret_values,
                                        field_set *ret_present);

/* What Struct calls a member that is `name` to the directory ("uuid": "Uid"); static. NULL if it has none. */
const char *struct_pim_member_name(const char *name);

/* Gives the members of a list's items their names in Struct ("languageId": "LanguageId") wherever the text has them. */
void struct_pim_rename_subjects(char *text);

/* --- errors.c --- */
void struct_pim_write_error(struct op *op, const struct request *request, struct response *response);

/* dialect.c: the pair of fragment tables of this API (see image.h); none of users is needed. */
enum { STRUCT_PIM_GROUP_FRAGMENTS = 4 };

extern const struct dialect dialect_struct_pim;

#endif
