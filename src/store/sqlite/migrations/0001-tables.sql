-- The tables of Roster 0.1. Uuids are 16 bytes, digests 32, times microseconds since 1970 UTC; "not set" is NULL.
-- Numbers (id) are unique in the installation; (organization_id, id) is what other rows refer to, so that a reference can
-- never cross organizations.

-- One row. `openers` counts the processes that have the file open: not 0 when nobody has it means somebody crashed.
CREATE TABLE installation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    openers INTEGER NOT NULL,
    last_organization INTEGER NOT NULL,
    last_account INTEGER NOT NULL,
    last_user INTEGER NOT NULL,
    last_group INTEGER NOT NULL,
    last_credential INTEGER NOT NULL
) STRICT;

-- Row 0 is the installation itself, which has a version and a log like any other. A deleted organization keeps its row
-- (without name and uuid), because its log stays. last_sequence is the newest entry of its log.
CREATE TABLE organization (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    unique_group_names INTEGER NOT NULL,
    date_created INTEGER,
    uuid BLOB UNIQUE CHECK (uuid IS NOT NULL OR deleted_at IS NOT NULL OR id = 0),
    deleted_at INTEGER,
    version INTEGER NOT NULL DEFAULT 0,
    last_time INTEGER NOT NULL DEFAULT 0,
    last_sequence INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE,
    first_name TEXT,
    last_name TEXT,
    email_address TEXT
) STRICT;

CREATE TABLE app_user (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organization (id),
    uuid BLOB NOT NULL,
    account_id INTEGER REFERENCES account (id),
    user_name TEXT,
    display_name TEXT,
    first_name TEXT,
    last_name TEXT,
    email_address TEXT,
    phone_number TEXT,
    description TEXT,
    remarks TEXT,
    external_id TEXT,
    email_address_verify INTEGER NOT NULL,
    email_address_verified INTEGER NOT NULL,
    phone_number_verify INTEGER NOT NULL,
    phone_number_verified INTEGER NOT NULL,
    super_user INTEGER NOT NULL,
    active INTEGER NOT NULL,
    auto_remove_after INTEGER NOT NULL,
    auto_remove_date INTEGER,
    date_created INTEGER,
    date_modified INTEGER,
    deleted_at INTEGER,
    UNIQUE (organization_id, id),
    UNIQUE (organization_id, uuid)
) STRICT;
CREATE INDEX app_user_account ON app_user (account_id) WHERE account_id IS NOT NULL;

-- Whether names are unique is a setting of the organization, checked by the rules.
CREATE TABLE user_group (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organization (id),
    uuid BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    remarks TEXT,
    external_id TEXT,
    date_created INTEGER,
    date_modified INTEGER,
    created_by TEXT,
    modified_by TEXT,
    deleted_at INTEGER,
    UNIQUE (organization_id, id),
    UNIQUE (organization_id, uuid)
) STRICT;
CREATE INDEX user_group_name ON user_group (organization_id, name_folded) WHERE deleted_at IS NULL;

-- No index by user: the image answers that, and users are never removed one by one (deleted_at), so the foreign key never
-- has to look for the memberships of a user.
CREATE TABLE membership (
    organization_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    uuid BLOB,
    manager INTEGER NOT NULL,
    starts_at INTEGER,
    ends_at INTEGER,
    date_created INTEGER,
    added_by_credential INTEGER,
    added_by_user INTEGER,
    PRIMARY KEY (organization_id, group_id, user_id),
    FOREIGN KEY (organization_id, group_id) REFERENCES user_group (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES app_user (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_ends ON membership (ends_at) WHERE ends_at IS NOT NULL;

CREATE TABLE group_nesting (
    organization_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    child_group_id INTEGER NOT NULL,
    PRIMARY KEY (organization_id, group_id, child_group_id),
    FOREIGN KEY (organization_id, group_id) REFERENCES user_group (organization_id, id),
    FOREIGN KEY (organization_id, child_group_id) REFERENCES user_group (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_grant (
    organization_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    language_id INTEGER NOT NULL,
    uid BLOB,
    read_only INTEGER NOT NULL,
    PRIMARY KEY (organization_id, group_id, position),
    FOREIGN KEY (organization_id, group_id) REFERENCES user_group (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organization (id),
    uuid BLOB NOT NULL UNIQUE,
    name TEXT,
    user_id INTEGER,
    kind INTEGER NOT NULL,
    key_id TEXT,
    secret_hash BLOB NOT NULL UNIQUE,
    rights INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    date_created INTEGER,
    last_used_at INTEGER,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES app_user (organization_id, id)
) STRICT;

-- The log of all organizations in the order of commits. `previous` is the entry before it of the same organization (0: none):
-- a chain from organization.last_sequence back to version 1. It stands in for an index on (organization_id, version), which
-- would dirty one more page for every commit; a milestone every 64 versions bounds how far a reader has to walk.
CREATE TABLE change (
    sequence INTEGER PRIMARY KEY,
    previous INTEGER NOT NULL,
    organization_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    credential_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    object_id INTEGER NOT NULL,
    commit_id BLOB NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX change_milestone ON change (organization_id, version) WHERE position = 0 AND version & 63 = 0;

INSERT INTO installation VALUES (1, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO organization (id, name, unique_group_names) VALUES (0, 'installation', 0);
