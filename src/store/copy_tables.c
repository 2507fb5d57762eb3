#include "store/copy.h"

/* To add a table: a row here, behind those that its foreign keys refer to. To add a column: its name in the row of its table.
 * That is all; a test compares the rows with what the migrations make. `installation` is not here: of it only the numbers given
 * last are copied, and each engine keeps those in its own way (copy.c). */
// clang-format off
const struct copied_table store_copied_tables[] = {
    { "organization",
      .numbers = "id, unique_group_names, date_created, deleted_at, version, last_time",
      .texts   = "name",
      .bytes   = "uuid",
      .order   = "id", .initial = "id = 0 AND version = 0", .made = { [DIALECT_SQLITE] = "last_sequence" } },
    { "account",
      .numbers = "id",
      .texts   = "first_name, last_name, email_address",
      .bytes   = "uuid",
      .order   = "id" },
    { "app_user",
      .numbers = "id, organization_id, account_id, email_address_verify, email_address_verified, phone_number_verify, "
                 "phone_number_verified, super_user, active, auto_remove_after, auto_remove_date, date_created, date_modified, "
                 "deleted_at, last_login_at, key_bits, key_created, key_expires",
      .texts   = "user_name, display_name, first_name, last_name, email_address, phone_number, description, remarks, "
                 "external_id, key_fingerprint, key_user_id, key_type, public_key",
      .bytes   = "uuid",
      .order   = "id" },
    { "user_group",
      .numbers = "id, organization_id, date_created, date_modified, deleted_at, created_by_user, modified_by_user",
      .texts   = "name, name_folded, description, remarks, external_id, created_by, modified_by",
      .bytes   = "uuid",
      .order   = "id" },
    { "membership",
      .numbers = "organization_id, group_id, user_id, manager, starts_at, ends_at, date_created, added_by_credential, "
                 "added_by_user",
      .bytes   = "uuid",
      .order   = "organization_id, group_id, user_id" },
    { "group_nesting",
      .numbers = "organization_id, group_id, child_group_id",
      .order   = "organization_id, group_id, child_group_id" },
    { "group_grant",
      .numbers = "organization_id, group_id, position, kind, language_id, read_only",
      .bytes   = "uid",
      .order   = "organization_id, group_id, position" },
    { "credential",
      .numbers = "id, organization_id, user_id, kind, rights, permits, expires_at, revoked_at, date_created, last_used_at",
      .texts   = "name, key_id",
      .bytes   = "uuid, secret_hash",
      .order   = "id" },
    { "login",
      .numbers = "organization_id, user_id, kind, created_at, expires_at",
      .bytes   = "user_uuid, secret_hash",
      .order   = "organization_id, user_id, kind, secret_hash" },
    { "login_ended", /* position: each engine counts in its own way, and nobody who has read up to one goes on in the copy */
      .numbers = "ended_at",
      .bytes   = "secret_hash",
      .order   = "ended_at, secret_hash",
      .made    = { "position", "position" } },
    { "installation_secret",
      .texts   = "name, secret",
      .order   = "name" },
    { "change",
      .numbers = "organization_id, version, position, time, credential_id, user_id, group_id, subject_id, object_id",
      .texts   = "kind, detail",
      .bytes   = "commit_id",
      .order   = "organization_id, version, position", .log = true,
      .made    = { [DIALECT_SQLITE] = COPY_LOG_CHAIN, [DIALECT_POSTGRES] = "transaction" } },
    { 0 },
};
// clang-format on
