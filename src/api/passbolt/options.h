/* options.h — what a request for groups asks for in its query: contain, filter, order, api-version (passbolt.md 2.2, 2.4, 2.5).
 */
#ifndef ROSTER_API_PASSBOLT_OPTIONS_H
#define ROSTER_API_PASSBOLT_OPTIONS_H

#include "api/passbolt/profile.h"
#include "api/passbolt/query.h"
#include "base/uuid.h"
#include "model/op.h"

/* What is added to each group. A deeper bit never comes without the shallower ones. */
enum passbolt_contain {
    CONTAIN_MODIFIER = 1 << 0,
    CONTAIN_MODIFIER_PROFILE = 1 << 1,
    CONTAIN_USERS = 1 << 2,
    CONTAIN_MY_GROUP_USER = 1 << 3,
    CONTAIN_MEMBERS = 1 << 4, /* groups_users */
    CONTAIN_MEMBER_USERS = 1 << 5,
    CONTAIN_MEMBER_PROFILES = 1 << 6,
    CONTAIN_MEMBER_KEYS = 1 << 7, /* gpgkey */
};

/* What a contain option is known to. */
enum passbolt_place {
    PASSBOLT_LIST = 1 << 0,
    PASSBOLT_VIEW = 1 << 1,
    PASSBOLT_CREATE = 1 << 2,
};

/* One known name of contain[NAME]. A table of them ends with a row without name. */
struct passbolt_contain_row {
    const char *name;
    unsigned bits;     /* what it adds, with what that needs */
    unsigned p5, p2;   /* places that know it, by profile */
    bool when_present; /* contain[NAME]=0 adds it, too (in profile 2 all are like that) */
};

enum passbolt_order { PASSBOLT_ORDER_NONE, PASSBOLT_ORDER_NAME, PASSBOLT_ORDER_NAME_DESCENDING };

struct passbolt_group_options {
    unsigned contain; /* enum passbolt_contain */
    enum passbolt_order order;
    struct uuid *has_users; /* groups that have all of these as members; in the arena. Ids may repeat, or be nil: nobody's */
    size_t has_user_count;
    struct uuid *has_managers; /* and all of these as managers */
    size_t has_manager_count;
};

/* Reads what a request for groups asks for. Names that are not known are dropped, with whatever they say; filter and order are
 * known to PASSBOLT_LIST only, order in profile 2 only. filter[has-manager] is has-managers (release 2.10's documentation has it
 * so, its code ignores it). Several of one list count together. A view in profile 2, and the answer to a creation in both, has
 * more than was asked for: that is in `contain`.
 *
 * ERR_INVALID, field "contain", "filter" or "order", with the original's text to the letter; as there the first one in order of
 * the query, but a filter or contain that is no array comes first. */
MUST_USE enum err passbolt_read_group_options(struct op *op, enum passbolt_profile profile, enum passbolt_place place,
                                              const struct passbolt_value *query, struct passbolt_group_options *ret_options);

/* contain[...] by a table of one's own, for objects that are no groups. */
MUST_USE enum err passbolt_read_contain(struct op *op, enum passbolt_profile profile, enum passbolt_place place,
                                        const struct passbolt_contain_row *rows, const struct passbolt_value *query,
                                        unsigned *ret_bits);

/* api-version v1 (or 1) asks for the layout of objects that release 2 had before: ERR_INVALID "api-version" in both profiles,
 * with the text of profile 5. Whatever else it says, or if it is not sent, the layout is v2: also in profile 2, where the
 * original took its absence for v1. */
MUST_USE enum err passbolt_check_api_version(struct op *op, const struct passbolt_value *query);

#endif
