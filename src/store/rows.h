/* rows.h — the columns of each noun, and the two directions between a row and an object.
 *
 * To add a member of a noun: a migration, its column in the list here, a line in bind and in read of rows.c. */
#ifndef ROSTER_STORE_SQLITE_ROWS_H
#define ROSTER_STORE_SQLITE_ROWS_H

#include "model/nouns.h"
#include "store/db.h"

/* What an update writes (bind_*_values); the identity (uuid, organization_id, id) never changes and comes last. */
#define ORGANIZATION_VALUES "name, unique_group_names, date_created"
#define ACCOUNT_VALUES "first_name, last_name, email_address"
#define USER_VALUES                                                                                                              \
    "account_id, user_name, display_name, first_name, last_name, email_address, phone_number, description, remarks, "            \
    "external_id, "                                                                                                              \
    "email_address_verify, email_address_verified, phone_number_verify, phone_number_verified, super_user, active, "             \
    "auto_remove_after, auto_remove_date, date_created, date_modified, deleted_at"
#define USER_KEY_VALUES "key_fingerprint, key_user_id, key_type, key_bits, key_created, key_expires, public_key"
#define GROUP_VALUES                                                                                                             \
    "name, name_folded, description, remarks, external_id, date_created, date_modified, created_by, modified_by, "               \
    "created_by_user, modified_by_user, deleted_at"
#define MEMBERSHIP_VALUES "uuid, manager, starts_at, ends_at, date_created, added_by_credential, added_by_user"
#define CREDENTIAL_VALUES "name, user_id, kind, key_id, secret_hash, rights, permits, expires_at, revoked_at, date_created"

void bind_organization_values(struct query *query, const struct organization *organization);
void bind_account_values(struct query *query, const struct account *account);
void bind_user_values(struct query *query, const struct user *user);
void bind_user_key_values(struct query *query, const struct user *user);
void bind_group_values(struct query *query, const struct group *group, const char *folded);
void bind_membership_values(struct query *query, const struct membership *membership);
void bind_credential_values(struct query *query, const struct credential *credential);

#define ORGANIZATION_COLUMNS ORGANIZATION_VALUES ", uuid, id, version"
#define ACCOUNT_COLUMNS ACCOUNT_VALUES ", uuid, id"
#define USER_COLUMNS USER_VALUES ", uuid, organization_id, id"
enum { USER_COLUMN_COUNT = 24 };
#define USER_LOGIN_COLUMNS USER_KEY_VALUES ", last_login_at" /* few users have any, so they are read apart */
#define GROUP_COLUMNS GROUP_VALUES ", uuid, organization_id, id"
#define MEMBERSHIP_COLUMNS MEMBERSHIP_VALUES ", organization_id, group_id, user_id"
#define NESTING_COLUMNS "organization_id, group_id, child_group_id"
#define GRANT_COLUMNS "group_id, kind, language_id, uid, read_only"
#define CREDENTIAL_COLUMNS CREDENTIAL_VALUES ", uuid, organization_id, id, last_used_at"

/* Texts belong to the query and are valid until its next step. */
struct organization read_organization(const struct query *query);
struct account read_account(const struct query *query);
struct user read_user(const struct query *query); /* without USER_LOGIN_COLUMNS */
/* Completes a user by USER_LOGIN_COLUMNS, which begin at column `at`. */
void read_user_login(const struct query *query, int at, struct user *user);
struct group read_group(const struct query *query); /* without grants */
struct membership read_membership(const struct query *query);
struct nesting read_nesting(const struct query *query);
struct grant read_grant(const struct query *query); /* column 0 is its group */
struct credential read_credential(const struct query *query);

#endif
