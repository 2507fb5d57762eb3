/* bold.h — Bold's user-group API (docs/bold.md). Private to this folder. */
#ifndef ROSTER_API_BOLD_BOLD_H
#define ROSTER_API_BOLD_BOLD_H

#include "directory/directory.h"
#include "net/route.h"

/* groups.c, members.c: handlers, as in the route table of dialect.c. */
enum err bold_list_groups(struct op *op, const struct request *request, struct response *response);
enum err bold_get_group(struct op *op, const struct request *request, struct response *response);
enum err bold_create_group(struct op *op, const struct request *request, struct response *response);
enum err bold_update_group(struct op *op, const struct request *request, struct response *response);
enum err bold_delete_group(struct op *op, const struct request *request, struct response *response);
enum err bold_add_member(struct op *op, const struct request *request, struct response *response);
enum err bold_add_members(struct op *op, const struct request *request, struct response *response);
enum err bold_remove_member(struct op *op, const struct request *request, struct response *response);
enum err bold_remove_members(struct op *op, const struct request *request, struct response *response);

/* Answers after a write: the number of the new group, the number in the path, {}. */
enum err bold_answer_made(struct op *op, const struct request *request, struct response *response);
enum err bold_answer_id(struct op *op, const struct request *request, struct response *response);
enum err bold_answer_done(struct op *op, const struct request *request, struct response *response);

/* --- objects.c: what goes out --- */

/* Appends a group; `users` is filled if with_users, else []. The view must have accounts then. */
void bold_write_group(struct op *op, const struct view *view, uint32_t group, bool with_users, struct buf *out);

/* How many users bold_write_group would write at most: rendering very many is not for a connection thread. */
uint32_t bold_count_users(const struct view *view, uint32_t group);

/* --- input.c: what comes in --- */

/* A path part that must be a number; ERR_NOT_FOUND "group" or ERR_INVALID "userId" if it is none. */
MUST_USE enum err bold_read_group_id(struct op *op, const struct request *request, int64_t *ret_id);
MUST_USE enum err bold_read_user_id(struct op *op, const char *text, int64_t *ret_id);

/* A boolean or whole number of the query; *ret_value is left alone if the parameter was not sent. */
MUST_USE enum err bold_read_bool(struct op *op, const struct request *request, const char *name, bool *ret_value);
MUST_USE enum err bold_read_number(struct op *op, const struct request *request, const char *name, int64_t min, int64_t max,
                                   int64_t *ret_value);

/* group-create, group-update: unknown members are ignored. */
MUST_USE enum err bold_read_group(struct op *op, const struct request *request, bool with_external_id, struct group *ret_values,
                                  field_set *ret_present);

/* [{"userId":N,"groupAdmin":B}] and [N]. */
MUST_USE enum err bold_read_members(struct op *op, const struct request *request, struct member_request **ret_members,
                                    size_t *ret_count);
MUST_USE enum err bold_read_user_ids(struct op *op, const struct request *request, int64_t **ret_ids, size_t *ret_count);

/* --- errors.c --- */
void bold_write_error(struct op *op, const struct request *request, struct response *response);

/* dialect.c: the pair of fragment tables of this API (see image.h). */
enum { BOLD_GROUP_FRAGMENTS = 0, BOLD_USER_FRAGMENTS = 1 };

extern const struct dialect dialect_bold;

#endif
