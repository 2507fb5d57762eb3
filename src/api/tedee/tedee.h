/* tedee.h — Tedee's user-group API (docs/tedee.md). Private to this folder. */
#ifndef ROSTER_API_TEDEE_TEDEE_H
#define ROSTER_API_TEDEE_TEDEE_H

#include "directory/directory.h"
#include "net/route.h"

/* groups.c, members.c: handlers, as in the route table of dialect.c. */
enum err tedee_list_organizations(struct op *op, const struct request *request, struct response *response);
enum err tedee_list_groups(struct op *op, const struct request *request, struct response *response);
enum err tedee_get_group(struct op *op, const struct request *request, struct response *response);
enum err tedee_create_group(struct op *op, const struct request *request, struct response *response);
enum err tedee_update_group(struct op *op, const struct request *request, struct response *response);
enum err tedee_delete_group(struct op *op, const struct request *request, struct response *response);
enum err tedee_list_users(struct op *op, const struct request *request, struct response *response);
enum err tedee_list_members(struct op *op, const struct request *request, struct response *response);
enum err tedee_add_members(struct op *op, const struct request *request, struct response *response);
enum err tedee_remove_members(struct op *op, const struct request *request, struct response *response);

/* Answers after a write: the id of the new group, 204 without a body, 207 with what became of each user. */
enum err tedee_answer_made(struct op *op, const struct request *request, struct response *response);
enum err tedee_answer_done(struct op *op, const struct request *request, struct response *response);
enum err tedee_answer_members(struct op *op, const struct request *request, struct response *response);

/* --- objects.c: what goes out --- */

/* The envelope of every 200: what is between the two is `result`. */
void tedee_begin_result(struct buf *out);
void tedee_end_result(struct buf *out);

/* The organization of the view, as its administrators see it. */
void tedee_write_organization(const struct view *view, struct buf *out);

/* A group of a list; and one with its details, `members` NULL if they were not asked for. */
void tedee_write_group(const struct view *view, uint32_t group, struct buf *out);
void tedee_write_group_details(struct op *op, struct view *view, uint32_t group, const struct people *members, struct buf *out);

/* Arrays. The view must have accounts. Of more than DIRECTORY_AT_ONCE those that are deleted while it is written are left out. */
void tedee_write_members(struct op *op, struct view *view, const struct people *people, struct buf *out);
void tedee_write_users(struct op *op, struct view *view, const struct people *people, struct buf *out);

/* What became of one user of several to add or remove; `problem` NULL: it was done. */
void tedee_write_outcome(int64_t user_id, const char *problem, struct buf *out);

/* --- input.c: what comes in --- */

/* The organization of the path: ERR_INVALID "organizationId" if it is no number, ERR_NOT_FOUND "organization" if it is not the
 * caller's. And the group behind it: ERR_INVALID "groupId" if it is no UUID. */
MUST_USE enum err tedee_read_organization(struct op *op, const struct request *request);
MUST_USE enum err tedee_read_group_id(struct op *op, const struct request *request, struct uuid *ret_uuid);

/* A boolean of the query in any spelling of its name; *ret_value is left alone if the parameter was not sent. */
MUST_USE enum err tedee_read_bool(struct op *op, const struct request *request, const char *name, bool *ret_value);

/* page and itemsPerPage, at most `items_max`, which is also what is taken if it is not sent; and dataScope. */
MUST_USE enum err tedee_read_page(struct op *op, const struct request *request, int64_t items_max, int64_t *ret_offset,
                                  int64_t *ret_size);
MUST_USE enum err tedee_read_data_scope(struct op *op, const struct request *request);

/* Text to look for, or NULL. */
const char *tedee_read_text(const struct request *request);

/* Filters.UserTypes, each time it was sent. */
MUST_USE enum err tedee_read_user_types(struct op *op, const struct request *request, struct people_query *query);

/* {"name":S}; unknown members are ignored. */
MUST_USE enum err tedee_read_group(struct op *op, const struct request *request, struct group *ret_values,
                                   field_set *ret_present);

/* {"organizationUserIds":[N]}. */
MUST_USE enum err tedee_read_user_ids(struct op *op, const struct request *request, int64_t **ret_ids, size_t *ret_count);

/* --- errors.c --- */
void tedee_write_error(struct op *op, const struct request *request, struct response *response);

/* dialect.c: the pair of fragment tables of this API (see image.h). */
enum { TEDEE_GROUP_FRAGMENTS = 2, TEDEE_USER_FRAGMENTS = 3 };

extern const struct dialect dialect_tedee;

#endif
