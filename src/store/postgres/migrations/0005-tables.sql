-- The tables for PostgreSQL: those of SQLite's migrations 0001 to 0005, with the same columns. Primary keys begin with organization_id
-- where rows belong to an organization, so that the tables can be spread by it; what is unique in the whole installation (numbers,
-- uuids, secrets) is UNIQUE besides. Texts compare by their bytes (the image sorts and searches, no locale does).
--
-- There are no foreign keys inside an organization. Whoever changes one holds the lock of its row in `organization` (the fence), so
-- an INSERT that asks whether what it refers to is there cannot be overtaken; a trigger for each row would lock and so rewrite the
-- rows referred to: adding a member took 2.2 times as long. `roster check` looks for references to nothing.

CREATE TABLE installation (
    id integer PRIMARY KEY CHECK (id = 1),
    schema_version integer NOT NULL
);

-- Row 0 is the installation itself. version, last_time change with every commit: room is left in the pages, so that such an update
-- touches no index.
CREATE TABLE organization (
    id bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    unique_group_names smallint NOT NULL,
    date_created bigint,
    uuid bytea CONSTRAINT organization_uuid UNIQUE CHECK (uuid IS NOT NULL OR deleted_at IS NOT NULL OR id = 0),
    deleted_at bigint,
    version bigint NOT NULL DEFAULT 0,
    last_time bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE account (
    id bigint PRIMARY KEY,
    uuid bytea NOT NULL CONSTRAINT account_uuid UNIQUE,
    first_name text COLLATE "C",
    last_name text COLLATE "C",
    email_address text COLLATE "C"
);

CREATE TABLE app_user (
    organization_id bigint NOT NULL,
    id bigint NOT NULL CONSTRAINT app_user_id UNIQUE,
    uuid bytea NOT NULL,
    account_id bigint REFERENCES account (id),
    user_name text COLLATE "C",
    display_name text COLLATE "C",
    first_name text COLLATE "C",
    last_name text COLLATE "C",
    email_address text COLLATE "C",
    phone_number text COLLATE "C",
    description text COLLATE "C",
    remarks text COLLATE "C",
    external_id text COLLATE "C",
    email_address_verify smallint NOT NULL,
    email_address_verified smallint NOT NULL,
    phone_number_verify smallint NOT NULL,
    phone_number_verified smallint NOT NULL,
    super_user smallint NOT NULL,
    active smallint NOT NULL,
    auto_remove_after bigint NOT NULL,
    auto_remove_date bigint,
    date_created bigint,
    date_modified bigint,
    deleted_at bigint,
    last_login_at bigint,
    key_fingerprint text COLLATE "C",
    key_user_id text COLLATE "C",
    key_type text COLLATE "C",
    key_bits bigint,
    key_created bigint,
    key_expires bigint,
    public_key text COLLATE "C",
    PRIMARY KEY (organization_id, id),
    CONSTRAINT app_user_uuid UNIQUE (organization_id, uuid)
);
CREATE INDEX app_user_account ON app_user (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX app_user_fingerprint ON app_user (key_fingerprint) WHERE key_fingerprint IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX app_user_key_uuid ON app_user (uuid) WHERE key_fingerprint IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX app_user_login ON app_user (organization_id, id) WHERE key_fingerprint IS NOT NULL OR last_login_at IS NOT NULL;

CREATE TABLE user_group (
    organization_id bigint NOT NULL,
    id bigint NOT NULL CONSTRAINT user_group_id UNIQUE,
    uuid bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    remarks text COLLATE "C",
    external_id text COLLATE "C",
    date_created bigint,
    date_modified bigint,
    created_by text COLLATE "C",
    modified_by text COLLATE "C",
    deleted_at bigint,
    created_by_user bigint,
    modified_by_user bigint,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT user_group_uuid UNIQUE (organization_id, uuid)
);
CREATE INDEX user_group_name ON user_group (organization_id, name_folded) WHERE deleted_at IS NULL;

CREATE TABLE membership (
    organization_id bigint NOT NULL,
    group_id bigint NOT NULL,
    user_id bigint NOT NULL,
    starts_at bigint,
    ends_at bigint,
    date_created bigint,
    added_by_credential bigint,
    added_by_user bigint,
    manager smallint NOT NULL,
    uuid bytea, -- last: between the numbers it would cost 9 bytes of padding
    CONSTRAINT membership_key PRIMARY KEY (organization_id, group_id, user_id)
);
CREATE INDEX membership_ends ON membership (ends_at) WHERE ends_at IS NOT NULL;

CREATE TABLE group_nesting (
    organization_id bigint NOT NULL,
    group_id bigint NOT NULL,
    child_group_id bigint NOT NULL,
    CONSTRAINT group_nesting_key PRIMARY KEY (organization_id, group_id, child_group_id)
);

CREATE TABLE group_grant (
    organization_id bigint NOT NULL,
    group_id bigint NOT NULL,
    position bigint NOT NULL,
    kind smallint NOT NULL,
    language_id bigint NOT NULL,
    uid bytea,
    read_only smallint NOT NULL,
    PRIMARY KEY (organization_id, group_id, position)
);

CREATE TABLE credential (
    organization_id bigint NOT NULL,
    id bigint NOT NULL CONSTRAINT credential_id UNIQUE,
    uuid bytea NOT NULL CONSTRAINT credential_uuid UNIQUE,
    name text COLLATE "C",
    user_id bigint,
    kind smallint NOT NULL,
    key_id text COLLATE "C",
    secret_hash bytea NOT NULL CONSTRAINT credential_secret UNIQUE,
    rights integer NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    date_created bigint,
    last_used_at bigint,
    permits integer NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, id)
);

-- The log of each organization. `transaction` is for nodes that ask what others committed: a commit is surely seen once every
-- transaction before it has ended (pg_snapshot_xmin), whatever the order in which they ended.
CREATE TABLE change (
    organization_id bigint NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    time bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    credential_id bigint NOT NULL,
    user_id bigint NOT NULL,
    group_id bigint NOT NULL,
    subject_id bigint NOT NULL,
    object_id bigint NOT NULL,
    commit_id bytea NOT NULL,
    detail text COLLATE "C" NOT NULL,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT change_key PRIMARY KEY (organization_id, version, position)
);
CREATE INDEX change_transaction ON change (transaction) WHERE position = 0;

CREATE TABLE login (
    organization_id bigint NOT NULL,
    user_id bigint NOT NULL,
    user_uuid bytea NOT NULL,
    kind smallint NOT NULL,
    secret_hash bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (organization_id, user_id, kind, secret_hash),
    CONSTRAINT login_secret UNIQUE (secret_hash, kind)
);
CREATE INDEX login_expires ON login (expires_at);

CREATE TABLE installation_secret (
    name text COLLATE "C" PRIMARY KEY,
    secret text COLLATE "C" NOT NULL
);

-- Numbers are given by sequences. One that a caller brings (an import) raises its sequence: under a lock that nextval waits for,
-- because otherwise a number that was given between the look and the raise could be given again. Only the owner may take that lock:
-- the function acts as who made it, and only who may is let in: GRANT EXECUTE ON FUNCTION raise_number(text, bigint) TO a role.
CREATE SEQUENCE organization_number MAXVALUE 9007199254740991;
CREATE SEQUENCE account_number MAXVALUE 9007199254740991;
CREATE SEQUENCE user_number MAXVALUE 9007199254740991;
CREATE SEQUENCE group_number MAXVALUE 9007199254740991;
CREATE SEQUENCE credential_number MAXVALUE 9007199254740991;

CREATE FUNCTION raise_number(sequence text, number bigint) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER AS $$
DECLARE
    given bigint;
BEGIN
    IF sequence NOT IN ('organization_number', 'account_number', 'user_number', 'group_number', 'credential_number') THEN
        RAISE 'there is no sequence %', sequence;
    END IF;
    EXECUTE format('SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM %I', sequence) INTO given;
    IF given >= number THEN RETURN given; END IF;
    EXECUTE format('ALTER SEQUENCE %I OWNED BY NONE', sequence);
    EXECUTE format('SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM %I', sequence) INTO given;
    IF given >= number THEN RETURN given; END IF;
    RETURN setval(sequence::regclass, number);
END
$$;

REVOKE ALL ON FUNCTION raise_number(text, bigint) FROM PUBLIC;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION raise_number(text, bigint) SET search_path = %I, pg_temp', current_schema());
END $$;

INSERT INTO installation VALUES (1, 0);
INSERT INTO organization (id, name, unique_group_names) VALUES (0, 'installation', 0);
