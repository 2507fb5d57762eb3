/* problems.h — what is wrong with a request's data: the body of answers whose message is `Could not validate group data.`
 * (passbolt.md 2.6), such as {"name":{"_empty":"The name should not be empty."}}. */
#ifndef ROSTER_API_PASSBOLT_PROBLEMS_H
#define ROSTER_API_PASSBOLT_PROBLEMS_H

#include "api/passbolt/profile.h"
#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* The message of the answer; every problem below goes with it. */
#define PASSBOLT_PROBLEMS_MESSAGE "Could not validate group data."

struct passbolt_problem {
    const char *path; /* keys separated by dots: "groups_users.3.user_id.uuid" */
    const char *text;
    bool listed; /* the text stands in an array of one */
    struct passbolt_problem *next;
};

/* A map of maps, as the list of its ends. Lives in the arena. */
struct passbolt_problems {
    struct arena *arena;
    struct passbolt_problem *first, *last;
    size_t count;
};

#define PASSBOLT_PROBLEMS_INIT(arena_) ((struct passbolt_problems){ .arena = (arena_) })

/* Every rule of groups and memberships that can be broken; their paths and texts are the table in problems.c. In order of the
 * original's checks, in stages; of each stage all that is broken is told, of later ones nothing:
 * creating: 1. what is marked F; 2. NAME_TAKEN and NO_MANAGER; 3. the first member with USER_... (an unknown user breaks all
 * three of them, a deleted or inactive one the one or two that apply) or MEMBER_TWICE.
 * updating: 1. the first change that breaks a CHANGE_... rule, all it breaks; 2. NAME_...; 3. the first change, in order of
 * application, that breaks another rule. */
enum passbolt_rule {
    PASSBOLT_NAME_MISSING, /* F */
    PASSBOLT_NAME_EMPTY,   /* F */
    PASSBOLT_NAME_UTF8,    /* F: no text */
    PASSBOLT_NAME_LENGTH,  /* F */
    PASSBOLT_NAME_TAKEN,
    PASSBOLT_NO_MANAGER,
    /* of a member or change, by its index */
    PASSBOLT_MEMBER_ID_UUID,       /* F */
    PASSBOLT_MEMBER_USER_MISSING,  /* F */
    PASSBOLT_MEMBER_USER_EMPTY,    /* F */
    PASSBOLT_MEMBER_USER_UUID,     /* F */
    PASSBOLT_MEMBER_ADMIN_EMPTY,   /* F */
    PASSBOLT_MEMBER_ADMIN_BOOLEAN, /* F */
    PASSBOLT_USER_UNKNOWN,
    PASSBOLT_USER_DELETED,
    PASSBOLT_USER_INACTIVE,
    PASSBOLT_MEMBER_TWICE, /* is a member already */
    PASSBOLT_CHANGE_ID_EMPTY,
    PASSBOLT_CHANGE_ID_UUID,
    PASSBOLT_CHANGE_USER_EMPTY,
    PASSBOLT_CHANGE_USER_UUID,
    PASSBOLT_CHANGE_DELETE_EMPTY,
    PASSBOLT_CHANGE_DELETE_BOOLEAN,
    PASSBOLT_CHANGE_ADMIN_EMPTY,
    PASSBOLT_CHANGE_ADMIN_BOOLEAN,
    PASSBOLT_MEMBERSHIP_UNKNOWN, /* no such membership, or one of another group */
    PASSBOLT_LAST_MANAGER,
    PASSBOLT_SECRET_NOT_NEEDED, /* of a change that adds: its first secret; a group here has no resources */
    PASSBOLT_DRY_RUN_USER,      /* of a change that adds, in a dry run: no living active user */
    PASSBOLT_RULE_COUNT
};

/* Adds a broken rule; `index` is the member's place in the request, not used for rules of the group. Problems of one member are
 * added in succession: only neighbours come under one key. */
void passbolt_problems_add(struct passbolt_problems *problems, enum passbolt_profile profile, enum passbolt_rule rule,
                           size_t index);

/* Appends the map as PHP's json_encode does: in the order added; a map whose keys are exactly 0, 1 ... n-1 in that order is an
 * array, any other an object; without problems []. */
void passbolt_problems_write(const struct passbolt_problems *problems, struct buf *out);

#endif
