/* query.h — query strings as PHP reads them: names with brackets become arrays of arrays.
 *
 * It works on the parameters that net/http.h has decoded, so a bracket that was sent as %5B is one, as in PHP. What PHP's
 * parse_str does with names (main/php_variables.c of php-src), and so does this:
 *
 *   a[b]=1 a[c]=2            one array a with two elements
 *   a[]=1 a[]=2              the next whole-number key: one more than the largest, from 0
 *   a[7]=1 a[-7]=1           whole-number keys: digits as PHP would write the number ("07" and "+7" are text)
 *   a=1 a=2, a[b]=1 a[b]=2   the last one wins, at the place of the first
 *   a=1 a[b]=2, and reverse  the last one wins: an array replaces a text, a text an array
 *   a[b]c=1                  what stands behind the last ] is dropped: a[b]
 *   a[b][c=1                 so is a bracket that is not closed, unless it is the first: a[b]
 *   a[b=1                    if it is the first, it becomes _: the name a_b
 *   [b]=1, =1                no name: the parameter is dropped
 *   a.b=1, a b=1             the name a_b, spaces before it are dropped; inside brackets dots and spaces are kept
 *   a[ ]=1                   one white space before the ]: as a[]
 *   more than 64 brackets    the parameter is dropped (PHP drops everything of its name)
 *
 * The number of parameters is limited by REQUEST_PARAMETER_MAX, the length of names by that of a request's head. */
#ifndef ROSTER_API_PASSBOLT_QUERY_H
#define ROSTER_API_PASSBOLT_QUERY_H

#include "base/arena.h"
#include "net/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PASSBOLT_QUERY_DEPTH_MAX = 64 };

/* A text, or an array of values with keys. */
struct passbolt_value {
    const char *key;
    bool is_index;                       /* the key is a whole number */
    const char *text;                    /* NULL: an array */
    struct passbolt_value *first, *last; /* of an array: its elements, in order */
    struct passbolt_value *next;
    int64_t next_index; /* of an array: the key of a[] */
};

/* The array of all parameters, in the arena; texts are borrowed from `parameters`. */
const struct passbolt_value *passbolt_query_parse(struct arena *arena, const struct parameter *parameters, size_t count);

/* The element with that key; NULL if there is none, or if `array` is a text or NULL. */
const struct passbolt_value *passbolt_query_find(const struct passbolt_value *array, const char *key);

#endif
