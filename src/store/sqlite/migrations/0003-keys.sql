-- The OpenPGP public keys of users, and when a user last logged in. What is shown of a key is kept with it, so that loading an
-- organization reads no key; all is NULL for a user without one. The key itself is last, because a long one spills to pages of its
-- own, which whoever reads the columns before it need not touch.
ALTER TABLE app_user ADD COLUMN last_login_at INTEGER;
ALTER TABLE app_user ADD COLUMN key_fingerprint TEXT;
ALTER TABLE app_user ADD COLUMN key_user_id TEXT;
ALTER TABLE app_user ADD COLUMN key_type TEXT;
ALTER TABLE app_user ADD COLUMN key_bits INTEGER;
ALTER TABLE app_user ADD COLUMN key_created INTEGER;
ALTER TABLE app_user ADD COLUMN key_expires INTEGER;
ALTER TABLE app_user ADD COLUMN public_key TEXT;
-- Who logs in names a key or a user, and no organization.
CREATE INDEX app_user_fingerprint ON app_user (key_fingerprint) WHERE key_fingerprint IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX app_user_key_uuid ON app_user (uuid) WHERE key_fingerprint IS NOT NULL AND deleted_at IS NULL;
-- Loading reads these columns of those who have any, by this index: eight more columns in every row made loading users a third slower.
CREATE INDEX app_user_login ON app_user (organization_id, id) WHERE key_fingerprint IS NOT NULL OR last_login_at IS NOT NULL;
