/* rows.c — columns to members and back. The order in each function is the order of the list in rows.h. */
#include "store/rows.h"

void bind_organization_values(struct query *query, const struct organization *organization)
{
    query_text(query, organization->name);
    query_number(query, organization->unique_group_names);
    query_optional(query, organization->date_created);
}

struct organization read_organization(const struct query *query)
{
    int i = 0;
    struct organization organization = { .name = column_text(query, i++) };
    organization.unique_group_names = column_number(query, i++);
    organization.date_created = column_number(query, i++);
    organization.uuid = column_uuid(query, i++);
    organization.id = column_number(query, i++);
    organization.version = column_number(query, i++);
    return organization;
}

void bind_account_values(struct query *query, const struct account *account)
{
    query_text(query, account->first_name);
    query_text(query, account->last_name);
    query_text(query, account->email_address);
}

struct account read_account(const struct query *query)
{
    int i = 0;
    struct account account = { .first_name = column_text(query, i++) };
    account.last_name = column_text(query, i++);
    account.email_address = column_text(query, i++);
    account.uuid = column_uuid(query, i++);
    account.id = column_number(query, i++);
    return account;
}

void bind_user_values(struct query *query, const struct user *user)
{
    query_optional(query, user->account_id);
    query_text(query, user->user_name);
    query_text(query, user->display_name);
    query_text(query, user->first_name);
    query_text(query, user->last_name);
    query_text(query, user->email_address);
    query_text(query, user->phone_number);
    query_text(query, user->description);
    query_text(query, user->remarks);
    query_text(query, user->external_id);
    query_number(query, user->email_address_verify);
    query_number(query, user->email_address_verified);
    query_number(query, user->phone_number_verify);
    query_number(query, user->phone_number_verified);
    query_number(query, user->super_user);
    query_number(query, user->active);
    query_number(query, user->auto_remove_after);
    query_optional(query, user->auto_remove_date);
    query_optional(query, user->date_created);
    query_optional(query, user->date_modified);
    query_optional(query, user->deleted_at);
}

struct user read_user(const struct query *query)
{
    int i = 0;
    struct user user = { .account_id = column_number(query, i++) };
    user.user_name = column_text(query, i++);
    user.display_name = column_text(query, i++);
    user.first_name = column_text(query, i++);
    user.last_name = column_text(query, i++);
    user.email_address = column_text(query, i++);
    user.phone_number = column_text(query, i++);
    user.description = column_text(query, i++);
    user.remarks = column_text(query, i++);
    user.external_id = column_text(query, i++);
    user.email_address_verify = column_number(query, i++);
    user.email_address_verified = column_number(query, i++);
    user.phone_number_verify = column_number(query, i++);
    user.phone_number_verified = column_number(query, i++);
    user.super_user = column_number(query, i++);
    user.active = column_number(query, i++);
    user.auto_remove_after = (int)column_number(query, i++);
    user.auto_remove_date = column_number(query, i++);
    user.date_created = column_number(query, i++);
    user.date_modified = column_number(query, i++);
    user.deleted_at = column_number(query, i++);
    user.uuid = column_uuid(query, i++);
    user.organization_id = column_number(query, i++);
    user.id = column_number(query, i++);
    return user;
}

void bind_user_key_values(struct query *query, const struct user *user)
{
    query_text(query, user->key_fingerprint);
    query_text(query, user->key_user_id);
    query_text(query, user->key_type);
    query_optional(query, user->key_bits);
    query_optional(query, user->key_created);
    query_optional(query, user->key_expires);
    query_text(query, user->public_key);
}

void read_user_login(const struct query *query, int at, struct user *user)
{
    user->key_fingerprint = column_text(query, at++);
    user->key_user_id = column_text(query, at++);
    user->key_type = column_text(query, at++);
    user->key_bits = column_number(query, at++);
    user->key_created = column_number(query, at++);
    user->key_expires = column_number(query, at++);
    user->public_key = column_text(query, at++);
    user->last_login_at = column_number(query, at++);
}

void bind_group_values(struct query *query, const struct group *group, const char *folded)
{
    query_text(query, group->name);
    query_text(query, folded);
    query_text(query, group->description);
    query_text(query, group->remarks);
    query_text(query, group->external_id);
    query_optional(query, group->date_created);
    query_optional(query, group->date_modified);
    query_text(query, group->created_by);
    query_text(query, group->modified_by);
    query_optional(query, group->created_by_user);
    query_optional(query, group->modified_by_user);
    query_optional(query, group->deleted_at);
}

struct group read_group(const struct query *query)
{
    int i = 0;
    struct group group = { .name = column_text(query, i++) };
    i++; /* name_folded */
    group.description = column_text(query, i++);
    group.remarks = column_text(query, i++);
    group.external_id = column_text(query, i++);
    group.date_created = column_number(query, i++);
    group.date_modified = column_number(query, i++);
    group.created_by = column_text(query, i++);
    group.modified_by = column_text(query, i++);
    group.created_by_user = column_number(query, i++);
    group.modified_by_user = column_number(query, i++);
    group.deleted_at = column_number(query, i++);
    group.uuid = column_uuid(query, i++);
    group.organization_id = column_number(query, i++);
    group.id = column_number(query, i++);
    return group;
}

struct grant read_grant(const struct query *query)
{
    int i = 1; /* after the group */
    struct grant grant = { .kind = (int)column_number(query, i++) };
    grant.language_id = (int32_t)column_number(query, i++);
    grant.uid = column_uuid(query, i++);
    grant.read_only = column_number(query, i++);
    return grant;
}

void bind_membership_values(struct query *query, const struct membership *membership)
{
    query_uuid(query, &membership->uuid);
    query_number(query, membership->manager);
    query_optional(query, membership->starts_at);
    query_optional(query, membership->ends_at);
    query_optional(query, membership->date_created);
    query_optional(query, membership->added_by_credential);
    query_optional(query, membership->added_by_user);
}

struct membership read_membership(const struct query *query)
{
    int i = 0;
    struct membership membership = { .uuid = column_uuid(query, i++) };
    membership.manager = column_number(query, i++);
    membership.starts_at = column_number(query, i++);
    membership.ends_at = column_number(query, i++);
    membership.date_created = column_number(query, i++);
    membership.added_by_credential = column_number(query, i++);
    membership.added_by_user = column_number(query, i++);
    membership.organization_id = column_number(query, i++);
    membership.group_id = column_number(query, i++);
    membership.user_id = column_number(query, i++);
    return membership;
}

struct nesting read_nesting(const struct query *query)
{
    int i = 0;
    struct nesting nesting = { .organization_id = column_number(query, i++) };
    nesting.group_id = column_number(query, i++);
    nesting.child_group_id = column_number(query, i++);
    return nesting;
}

void bind_credential_values(struct query *query, const struct credential *credential)
{
    query_text(query, credential->name);
    query_optional(query, credential->user_id);
    query_number(query, credential->kind);
    query_text(query, credential->key_id);
    query_bytes(query, credential->secret_hash.bytes, sizeof(credential->secret_hash.bytes));
    query_number(query, credential->rights);
    query_number(query, credential->permits);
    query_optional(query, credential->expires_at);
    query_optional(query, credential->revoked_at);
    query_optional(query, credential->date_created);
}

struct credential read_credential(const struct query *query)
{
    int i = 0;
    struct credential credential = { .name = column_text(query, i++) };
    credential.user_id = column_number(query, i++);
    credential.kind = (int)column_number(query, i++);
    credential.key_id = column_text(query, i++);
    credential.secret_hash = column_digest(query, i++);
    credential.rights = (unsigned)column_number(query, i++);
    credential.permits = (unsigned)column_number(query, i++);
    credential.expires_at = column_number(query, i++);
    credential.revoked_at = column_number(query, i++);
    credential.date_created = column_number(query, i++);
    credential.uuid = column_uuid(query, i++);
    credential.organization_id = column_number(query, i++);
    credential.id = column_number(query, i++);
    credential.last_used_at = column_number(query, i++);
    return credential;
}
