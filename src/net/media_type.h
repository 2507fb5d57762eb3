/* media_type.h — is a Content-Type one of those that are read? For net/ only. */
#ifndef ROSTER_NET_MEDIA_TYPE_H
#define ROSTER_NET_MEDIA_TYPE_H

#include <stdbool.h>

/* `types`: NULL-terminated, as in struct dialect. Parameters behind a ; and letter case do not count (RFC 9110 section 8.3.1); a
 * * in the list stands for one or more characters of a token. `content_type` NULL: false. */
bool media_type_is_listed(const char *content_type, const char *const *types);

#endif
