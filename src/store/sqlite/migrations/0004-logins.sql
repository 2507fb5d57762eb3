-- Log-ins are kept beside the log: not versioned, not exported. kind is enum login_kind (store.h), secret_hash the SHA-256 of what
-- the client has. Numbers come again, when an organization is deleted and another imported with them: user_uuid says whose it is.
-- Of a deleted user only used tokens stay, until they expire.
CREATE TABLE login (
    organization_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    user_uuid BLOB NOT NULL,
    kind INTEGER NOT NULL,
    secret_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, user_id, kind, secret_hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES app_user (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX login_secret ON login (secret_hash, kind);
CREATE INDEX login_expires ON login (expires_at);

-- Secrets that the installation made for itself, in clear: private keys. Whoever reads them can act as the server.
CREATE TABLE installation_secret (
    name TEXT PRIMARY KEY,
    secret TEXT NOT NULL
) STRICT, WITHOUT ROWID;
