-- When a user last logged in; NULL: never.
ALTER TABLE app_user ADD COLUMN last_login_at INTEGER;
