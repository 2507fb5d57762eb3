/* directory.h — what front ends may call: who may see what, what may be done, and what follows from it.
 *
 * Reading: begin a view (which finds the organization's image, takes its shared lock and finds out who asks), look, end it.
 * Writing: one call is one request and one commit; when it returns ERR_OK the change is on disk and in the image. With op->async
 * it returns ERR_PENDING and op->async->finished tells the rest; arguments are copied.
 *
 * Both tell in op->looked, op->version and op->stale which state of the caller's organization they saw, and see none older than
 * op->at_least: an image that is older is brought up to date, and a version that nobody has committed yet is waited for, for
 * at_least_wait_ms; then ERR_BUSY "Roster-At-Least". (directory/reach.c)
 *
 * A view too returns ERR_PENDING with op->async if it has to wait for somebody's write first; finished is then called with
 * ERR_DEFERRED: the request has to begin again from its start.
 *
 * Errors all functions share: ERR_DEFERRED on a thread that may not block; ERR_NOT_FOUND with field "group", "user",
 * "organization" (also for what the caller may not see); ERR_FORBIDDEN; ERR_UNAUTHENTICATED when the caller's user is gone or not
 * active; ERR_STORAGE, ERR_BUSY, ERR_UNKNOWN_OUTCOME from the store. While the database is known to be away, writes are refused
 * with ERR_BUSY "database" before anything is tried, and what is in memory is read as it is. */
#ifndef ROSTER_DIRECTORY_DIRECTORY_H
#define ROSTER_DIRECTORY_DIRECTORY_H

#include "auth/credentials.h"
#include "auth/jwt.h"
#include "auth/logins.h"
#include "directory/image.h"
#include "model/op.h"
#include "store/store.h"

struct directory;

struct directory_options {
    int64_t memory_budget_mib;   /* images that were not used longest are dropped beyond it */
    int64_t fragment_budget_mib; /* rendered bytes kept beside the records */
    int64_t follow_interval_ms;  /* how often other processes' commits are looked for */
    int64_t expire_interval_s;   /* how often ended memberships become member_expired */
    int64_t at_least_wait_ms;    /* how long op->at_least is waited for */
    int64_t at_least_waiters;    /* threads that wait so at a time; more are refused at once */
    bool background;             /* run the follower and the housekeeper (serve); commands need none */
    struct jwt *jwt;             /* whose tokens are accepted, borrowed; NULL: none */
    int64_t jwt_organization;    /* the organization whose users those tokens are for */
    struct logins *logins;       /* log-in with OpenPGP keys, borrowed; NULL: none */
};

/* Loads the installation and the credentials, starts the background threads. The store is borrowed. */
MUST_USE enum err directory_open(struct op *op, struct store *store, const struct directory_options *options,
                                 struct directory **ret_directory);

/* Stops the threads, remembers last uses, frees. No view may be open. Accepts NULL. */
void directory_close(struct directory *directory);

/* What may change while running: budgets and intervals. */
void directory_reload(struct directory *directory, const struct directory_options *options);

struct credentials *directory_credentials(struct directory *directory);
struct logins *directory_logins(struct directory *directory); /* NULL: nobody logs in here, or there is no directory yet */

/* Is the database away, as far as this node knows: it cannot be followed? Then answers may be stale. Costs one load. */
bool directory_stale(const struct directory *directory);

/* From now on nobody waits for a version (op->at_least): who does, and who would, gets ERR_BUSY. For a server that stops. */
void directory_end_waits(struct directory *directory);

struct directory_stats {
    int64_t organizations, resident, resident_bytes, fragment_bytes, loads, load_us, evictions, reloads, followed, expired,
        credentials;
    int64_t degraded;       /* 1: directory_stale, else 0 */
    int64_t behind;         /* organizations that are yet to be brought up to date, because it failed or the database went back */
    int64_t follow_age_us;  /* since following last succeeded: what others committed before that is known here */
    const char *follows_by; /* store_follows_by; NULL: not known yet */
};
void directory_stats(struct directory *directory, struct directory_stats *ret_stats);

/* --- who asks --- */

/* What a word in a token's scope allows: RIGHT_READ, RIGHT_WRITE. In a token the URI of what the word is for may stand before it,
 * up to a slash ("https://api.example.org/Groups.Read" for "Groups.Read"). Tables end with a row without word. */
struct scope {
    const char *word;
    unsigned rights;
};

/* credentials_authenticate, and with FORM_JWT also the tokens of the issuer of the settings. The claim oid leads to the living
 * user of the issuer's organization with that uuid or external id; if there is none, sub does, or else the email, unless said to
 * be not verified, to the user whose own address it is (not that of the account; letters A to Z in any case). The first claim
 * that leads to anybody decides: ERR_UNAUTHENTICATED if those are several, if it is not active, or if no claim does. The caller's
 * rights are those of the token's scopes. */
MUST_USE enum err directory_authenticate(struct op *op, const char *authorization, unsigned forms, const struct scope *scopes);

/* --- log-ins by an OpenPGP key: directory/key_holders.c --- */

/* Whose key is this, or who has this uuid and a key? Exactly one of `fingerprint` (40 upper-case hexadecimal digits) and `uuid`
 * is given, the other is NULL; `organization_id` is the only one that is looked at, 0 for any. Asks the database, so that it
 * knows what any process committed: ERR_DEFERRED if the op may not block. Users that are deleted or not active are nobody:
 * ERR_NOT_FOUND "user". What several users have is nobody's, too: ERR_INVALID "user". */
MUST_USE enum err directory_find_key_holder(struct op *op, const char *fingerprint, const struct uuid *uuid,
                                            int64_t organization_id, struct key_holder *ret_holder);

/* Shows in the organization's image, if that is in memory, that the user logged in at `time` (microseconds). The database is not
 * concerned: an image that is loaded later shows what is stored. Never waits for a disk. */
void directory_note_login(struct op *op, int64_t organization_id, int64_t user_id, int64_t time);

/* --- reading --- */

struct view {
    struct image *image;        /* shared lock held, lease held */
    struct image *installation; /* the same, if accounts were asked for; else NULL */
    uint32_t caller;            /* ordinal of the caller's user; NO_ORDINAL for a service key or the system */
    bool administrator;         /* sees and manages everything of the organization */
    uint32_t account_epoch;     /* goes up when any account changes: what was rendered with another is outdated */
};

/* Begins a view of the caller's organization (op->caller) from op->directory. */
MUST_USE enum err directory_view(struct op *op, bool with_accounts, struct view *ret_view);
void directory_view_end(struct view *view);
#define AUTO_VIEW __attribute__((cleanup(directory_view_end))) struct view

/* As many items are looked at or written without a pause; it takes a millisecond or so. More are not for a thread that may not
 * block: ERR_DEFERRED. */
enum { DIRECTORY_AT_ONCE = 2000 };

/* Between so many items of a long answer: lets waiting writers in, those of accounts too, because behind one that waits for this
 * organization all others wait for the disk. What was read from the view before must be read again; ordinals stay what they are,
 * but what has one may be deleted meanwhile. */
void directory_let_writers_in(struct view *view);

enum group_order { GROUPS_BY_NUMBER, GROUPS_BY_NAME };

struct group_query {
    const char *search;      /* part of the name in any letter case; NULL or "": no filter */
    bool whole_organization; /* all living groups, whoever asks: for APIs where everybody sees all */
    bool of_user;            /* only groups that user_id is in */
    int64_t user_id;
    const struct uuid *members;  /* only groups in which all of these users are now; who is not known or nil is in none */
    const struct uuid *managers; /* the same for those that manage the group */
    size_t member_count, manager_count;
    enum group_order order;
    bool descending;
    int64_t offset, size;
};

/* Ordinals of one page of the groups the caller may see, in the arena. With of_user, members or managers it costs what these
 * users' lists of groups cost, not what the organization's does. */
MUST_USE enum err directory_list_groups(struct op *op, const struct view *view, const struct group_query *query,
                                        uint32_t **ret_ordinals, size_t *ret_count);

/* A living group the caller may see; else ERR_NOT_FOUND "group". */
MUST_USE enum err directory_find_group(struct op *op, const struct view *view, int64_t group_id, uint32_t *ret_ordinal);
MUST_USE enum err directory_find_group_by_uuid(struct op *op, const struct view *view, const struct uuid *uuid,
                                               uint32_t *ret_ordinal);

/* The same whoever asks, for APIs where everybody sees all living groups. */
MUST_USE enum err directory_find_any_group_by_uuid(struct op *op, const struct view *view, const struct uuid *uuid,
                                                   uint32_t *ret_ordinal);

/* Is the caller's user a manager of the group now? False for a service key. */
bool directory_is_manager(const struct op *op, const struct view *view, uint32_t group);

/* The number of a group the caller may see, for a write that follows: neither ever belongs to another group. */
MUST_USE enum err directory_find_group_number(struct op *op, const struct uuid *uuid, int64_t *ret_group_id);

/* --- users: directory/people.c --- */

struct people_query {
    const char *search; /* part of the shown name or of the e-mail address, in any letter case; NULL or "": no filter */
    bool only_administrators, only_others, only_active; /* directory_list_users */
    bool whole_organization;                            /* directory_list_users: also for who is no administrator */
    int64_t offset, size;
};

/* Ordinals of one page of users, ascending by number, in the arena; `total` counts all that fit the query.
 *
 * Lists of more than some thousand users let writers in between: what was read from the view before must be read again, and the
 * list tells of each user what was true when its turn came. Who came meanwhile is not in it. ERR_DEFERRED for such lists. */
struct people {
    uint32_t *ordinals;
    size_t count;
    int64_t total;
};

/* The living users of the organization; ERR_FORBIDDEN for who is no administrator of it, unless the API shows all users to
 * everybody (whole_organization). */
MUST_USE enum err directory_list_users(struct op *op, struct view *view, const struct people_query *query,
                                       struct people *ret_people);

/* The users that are in a group now. */
MUST_USE enum err directory_list_members(struct op *op, struct view *view, uint32_t group, const struct people_query *query,
                                         struct people *ret_people);

/* What to call a user: the display name, else first and last name, else those of the account (if the view has accounts), else
 * the user name, else the e-mail address, else "". In the arena or as long as the view. */
const char *directory_display_name(struct arena *arena, const struct view *view, const struct user *user);

/* The user's address, else the account's (if the view has accounts), else NULL. */
const char *directory_email_address(const struct view *view, const struct user *user);

/* --- writing --- */

/* A new group from the members of `values` that are in `present` (name required; checked by fields_read). The uuid is random
 * unless given. op->made is the group afterwards. The actor's name is kept as the maker's: that of the credential, else the
 * user's. */
MUST_USE enum err directory_create_group(struct op *op, const struct group *values, field_set present);

/* Sets the members of `values` that are in `present`; others are kept. Nothing is committed if nothing differs; else the actor's
 * name is kept as the last changer's. */
MUST_USE enum err directory_update_group(struct op *op, int64_t group_id, const struct group *values, field_set present);

/* Soft: it can be restored with its members. */
MUST_USE enum err directory_delete_group(struct op *op, int64_t group_id);

/* ERR_EXISTS "name" if its name is taken meanwhile and `new_name` is NULL. */
MUST_USE enum err directory_restore_group(struct op *op, int64_t group_id, const char *new_name);

struct member_request {
    int64_t user_id;
    bool has_manager, manager; /* not given: false for a new member, kept for a known one */
};

enum { DIRECTORY_MEMBERS_MAX = 10000, DIRECTORY_NESTING_DEPTH_MAX = 64 };

/* Adds members or sets their manager flag, all or none; the last of several for one user wins. ERR_NOT_FOUND "user" if one is not
 * a living user of the organization; ERR_INVALID for more than DIRECTORY_MEMBERS_MAX. */
MUST_USE enum err directory_put_members(struct op *op, int64_t group_id, const struct member_request *members, size_t count);

/* Removes members, all or none; users that are no members are passed over. */
MUST_USE enum err directory_remove_members(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count);

/* The same for each user by itself, in one commit: op->outcomes tells of each what became of it. Numbers that are no living user
 * of the organization change nothing (MEMBER_UNKNOWN), nor do members to be added, others to be removed, and repetitions
 * (MEMBER_WAS_SO). A membership that has ended is none; one that has not begun begins now or is removed (MEMBER_DONE). */
MUST_USE enum err directory_add_each_member(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count);
MUST_USE enum err directory_remove_each_member(struct op *op, int64_t group_id, const int64_t *user_ids, size_t count);

/* --- groups that have managers: directory/group_members.c ---
 *
 * For APIs in which every group has a manager and everybody sees all living groups (passbolt.md 2.3, 2.6). The group and its
 * members change in one commit, all or nothing. Rules that are broken are told by ERR_INVALID "issues" and op->issues; more than
 * DIRECTORY_MEMBERS_MAX changes are ERR_INVALID "members"; more than some hundred of them, or a membership looked for among more
 * than some ten thousand, ERR_DEFERRED on a thread that may not block. Memberships that have ended are none; one that has not
 * begun begins now when its user is added, and can be changed and removed, but its user manages nothing yet. */

enum member_change_kind { MEMBER_CHANGE_ADD, MEMBER_CHANGE_ROLE, MEMBER_CHANGE_REMOVE };

struct member_change {
    enum member_change_kind kind;
    size_t index;           /* the request's own place for it, told in issues */
    struct uuid user;       /* ADD; nil: nobody */
    struct uuid membership; /* ROLE, REMOVE; nil: none */
    bool manager;           /* ADD, ROLE */
};

/* A new group from the members of `values` that are in `present` (name required, checked by the caller; a uuid that is taken is
 * ERR_EXISTS "uuid") with its members, all changes that add. For administrators. Nobody else becomes a member. op->made is the
 * group. Issues are of one stage: first of the group (NAME_TAKEN, NO_MANAGER, or both), then of the first member that breaks a
 * rule: USER_UNKNOWN, or USER_DELETED and USER_INACTIVE as they apply, or MEMBER_ALREADY for one that was named before. */
MUST_USE enum err directory_create_managed_group(struct op *op, const struct group *values, field_set present,
                                                 const struct member_change *members, size_t count);

/* Renames the group and changes its members. For administrators and managers of the group, ERR_FORBIDDEN for all others, also if
 * the group was deleted, which only administrators are told (ERR_NOT_FOUND "group").
 *
 * What the caller has no power over is left out and not checked: the name (checked by the caller; NULL: is kept) unless it is an
 * administrator, members to be added unless it was a manager of the group before this request. The changes are done in their
 * order, which is that of the API's (passbolt.md 2.6: adds, managers made, managers unmade, removals), each on what those before
 * it left. Issues: NAME_TAKEN; else of the first change that breaks a rule: those of a user, MEMBER_ALREADY, MEMBERSHIP_UNKNOWN
 * (also of another group, or removed before), LAST_MANAGER for what would leave a group that has managers without one. The
 * group's date and last changer are those of its last renaming: members do not count. Nothing is committed if nothing differs. */
MUST_USE enum err directory_change_managed_group(struct op *op, int64_t group_id, const char *name,
                                                 const struct member_change *changes, size_t count);

/* What a change would say of the users it adds, writing nothing: USER_UNKNOWN for the first that is unknown, deleted or inactive,
 * if the caller is a manager of the group. Changes of other kinds are not looked at. ERR_FORBIDDEN as above. The group is a
 * living one of the view. */
MUST_USE enum err directory_check_managed_group(struct op *op, const struct view *view, uint32_t group,
                                                const struct member_change *changes, size_t count);

/* As directory_delete_group, also for managers of the group; ERR_FORBIDDEN and ERR_NOT_FOUND as for a change. */
MUST_USE enum err directory_delete_managed_group(struct op *op, int64_t group_id);

#endif
