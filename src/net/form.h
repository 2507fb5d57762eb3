/* form.h — bodies as a browser's form sends them: application/x-www-form-urlencoded, and multipart/form-data (RFC 7578). */
#ifndef ROSTER_NET_FORM_H
#define ROSTER_NET_FORM_H

#include "net/http.h"

/* Is the body of such a type? Its parameters (charset, boundary) are not looked at here. */
bool request_has_form(const struct request *request);

/* The fields of a form, in the order sent, in the arena: names and values as in a query, at most REQUEST_PARAMETER_MAX of them.
 * A file is a field like others, by its content. ERR_INVALID "body" for what is not well-formed, has no field at all, bad UTF-8,
 * a NUL, more fields, a name longer than FORM_NAME_MAX bytes. A boundary has two characters or more. */
enum { FORM_NAME_MAX = 2048 };
MUST_USE enum err request_parse_form(struct failure *failure, struct arena *arena, const struct request *request,
                                     const struct parameter **ret_fields, size_t *ret_count);

#endif
