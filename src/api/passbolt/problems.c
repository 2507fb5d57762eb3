/* problems.c — the rules' paths and texts, and the map they make. */
#include "api/passbolt/problems.h"

#include "api/passbolt/encode.h"

#include <stdio.h>
#include <string.h>

/* CakePHP's own texts, where the original gives none. */
#define INVALID "The provided value is invalid"
#define REQUIRED "This field is required"
#define EMPTY "This field cannot be left empty"

struct wording {
    const char *path; /* of a member: below groups_users.N */
    const char *text;
};

/* To add a rule: a row in enum passbolt_rule, a row here (passbolt.md 2.6; a second wording only where release 2.10 differs), the
 * check that finds it broken, its case in tests/unit/test_passbolt_input.c. */
// clang-format off
static const struct row {
    bool of_member, listed;
    struct wording p5, p2;
} rows[] = {
    [PASSBOLT_NAME_MISSING] = { false, false, { "name._empty",       "The name should not be empty." },
                                              { "name._required",    "A name is required." } },
    [PASSBOLT_NAME_EMPTY]   = { false, false, { "name._empty",       "The name should not be empty." },
                                              { "name._empty",       "The name cannot be empty." } },
    [PASSBOLT_NAME_UTF8]    = { false, false, { "name.utf8Extended", "The name should be a valid UTF8 string." },
                                              { "name.utf8Extended", "The name is not a valid utf8 string." } },
    [PASSBOLT_NAME_LENGTH]  = { false, false, { "name.maxLength",    "The name length should be maximum 255 characters." },
                                              { "name.lengthBetween", "The name length should be maximum 255 characters." } },
    [PASSBOLT_NAME_TAKEN]   = { false, false, { "name.group_unique", "The name is already used by another group." },
                                              { "name.group_unique", "The name provided is already used by another group." } },
    [PASSBOLT_NO_MANAGER]   = { false, false, { "groups_users.at_least_one_group_manager",
                                                "A group manager should be provided." },
                                              { "groups_users.at_least_one_admin", "A group manager must be provided." } },

    [PASSBOLT_MEMBER_ID_UUID]        = { true, false, { "id.uuid",           "The identifier should be a valid UUID." },
                                                      { "id.uuid",           INVALID } },
    [PASSBOLT_MEMBER_USER_MISSING]   = { true, false, { "user_id._required", "A user identifier is required." },
                                                      { "user_id._required", REQUIRED } },
    [PASSBOLT_MEMBER_USER_EMPTY]     = { true, false, { "user_id._empty",    "The user identifier should not be empty." },
                                                      { "user_id._empty",    EMPTY } },
    [PASSBOLT_MEMBER_USER_UUID]      = { true, false, { "user_id.uuid",      "The user identifier should be a valid UUID." },
                                                      { "user_id.uuid",      INVALID } },
    [PASSBOLT_MEMBER_ADMIN_EMPTY]    = { true, false, { "is_admin._empty",   "The group manager status should not be empty." },
                                                      { "is_admin._empty",   EMPTY } },
    [PASSBOLT_MEMBER_ADMIN_BOOLEAN]  = { true, false, { "is_admin.boolean",
                                                        "The group manager status should be a valid boolean." },
                                                      { "is_admin.boolean",  INVALID } },

    [PASSBOLT_USER_UNKNOWN]          = { true, false, { "user_id.user_exists",              "The user does not exist." }, { 0 } },
    [PASSBOLT_USER_DELETED]          = { true, false, { "user_id.user_is_not_soft_deleted", "The user does not exist." }, { 0 } },
    [PASSBOLT_USER_INACTIVE]         = { true, false, { "user_id.user_is_active",           "The user does not exist." }, { 0 } },
    [PASSBOLT_MEMBER_TWICE]          = { true, false, { "group_id.group_user_unique",
                                                        "The user is already member of this group." }, { 0 } },

    [PASSBOLT_CHANGE_ID_EMPTY]       = { true, false, { "id._empty",        EMPTY }, { 0 } },
    [PASSBOLT_CHANGE_ID_UUID]        = { true, false, { "id.uuid",          "The identifier should be a valid UUID." }, { 0 } },
    [PASSBOLT_CHANGE_USER_EMPTY]     = { true, false, { "user_id._empty",   EMPTY }, { 0 } },
    [PASSBOLT_CHANGE_USER_UUID]      = { true, false, { "user_id.uuid",
                                                        "The user identifier should be a valid UUID." }, { 0 } },
    [PASSBOLT_CHANGE_DELETE_EMPTY]   = { true, false, { "delete._empty",    EMPTY }, { 0 } },
    [PASSBOLT_CHANGE_DELETE_BOOLEAN] = { true, false, { "delete.boolean",
                                                        "The delete status should be a valid boolean." }, { 0 } },
    [PASSBOLT_CHANGE_ADMIN_EMPTY]    = { true, false, { "is_admin._empty",  EMPTY }, { 0 } },
    [PASSBOLT_CHANGE_ADMIN_BOOLEAN]  = { true, false, { "is_admin.boolean",
                                                        "The delete status should be a valid boolean." }, { 0 } },

    [PASSBOLT_MEMBERSHIP_UNKNOWN]    = { true, false, { "id.exists", "Cannot find the group user." }, { 0 } },
    [PASSBOLT_LAST_MANAGER]          = { true, false, { "is_admin.at_least_one_group_manager",
                                                        "Cannot delete the last group manager." }, { 0 } },
    [PASSBOLT_SECRET_NOT_NEEDED]     = { true, false, { "secrets.0.resource_id.only_missing",
                                                        "The user already has a secret for the resource." }, { 0 } },
    [PASSBOLT_DRY_RUN_USER]          = { true, true,  { "user_id.user_exists", "Cannot find the user." }, { 0 } },
};
// clang-format on
_Static_assert(sizeof rows / sizeof *rows == PASSBOLT_RULE_COUNT, "every rule needs a wording");

void passbolt_problems_add(struct passbolt_problems *problems, enum passbolt_profile profile, enum passbolt_rule rule,
                           size_t index)
{
    const struct row *row = &rows[rule];
    struct wording wording = profile == PASSBOLT_2 && row->p2.path ? row->p2 : row->p5;
    struct passbolt_problem *problem = arena_alloc(problems->arena, sizeof *problem);
    *problem = (struct passbolt_problem){ .path = wording.path, .text = wording.text, .listed = row->listed };
    if (row->of_member) problem->path = arena_printf(problems->arena, "groups_users.%zu.%s", index, wording.path);
    if (problems->last) problems->last->next = problem;
    else problems->first = problem;
    problems->last = problem;
    problems->count++;
}

/* --- the map --- */

/* The key that a path has behind `skip` bytes. */
struct key {
    const char *text;
    size_t size;
};

static struct key key_of(const struct passbolt_problem *problem, size_t skip)
{
    const char *text = problem->path + skip;
    return (struct key){ text, strcspn(text, ".") };
}

/* The first problem from `problem` on that has another key; `end` if there is none. */
static const struct passbolt_problem *next_key(const struct passbolt_problem *problem, const struct passbolt_problem *end,
                                               size_t skip)
{
    struct key key = key_of(problem, skip);
    do {
        struct key other = key_of(problem, skip);
        if (other.size != key.size || memcmp(other.text, key.text, key.size) != 0) break;
        problem = problem->next;
    } while (problem != end);
    return problem;
}

static bool is_list(const struct passbolt_problem *from, const struct passbolt_problem *end, size_t skip)
{
    size_t index = 0;
    for (; from != end; from = next_key(from, end, skip), index++) {
        char expected[24];
        struct key key = key_of(from, skip);
        int size = snprintf(expected, sizeof expected, "%zu", index);
        if (key.size != (size_t)size || memcmp(key.text, expected, key.size) != 0) return false;
    }
    return true;
}

/* Writes the problems up to `end`, which all have the same first `skip` bytes. A path has six keys at most. */
static void write_map(const struct passbolt_problem *from, const struct passbolt_problem *end, size_t skip, struct buf *out)
{
    bool list = is_list(from, end, skip), first = true;
    buf_add_char(out, list ? '[' : '{');
    for (const struct passbolt_problem *next; from != end; from = next, first = false) {
        struct key key = key_of(from, skip);
        next = next_key(from, end, skip);
        if (!first) buf_add_char(out, ',');
        if (!list) {
            passbolt_add_text(out, key.text, key.size);
            buf_add_char(out, ':');
        }
        if (key.text[key.size]) {
            write_map(from, next, skip + key.size + 1, out);
        } else {
            if (from->listed) buf_add_char(out, '[');
            passbolt_add_string(out, from->text);
            if (from->listed) buf_add_char(out, ']');
        }
    }
    buf_add_char(out, list ? ']' : '}');
}

void passbolt_problems_write(const struct passbolt_problems *problems, struct buf *out)
{
    write_map(problems->first, NULL, 0, out);
}
