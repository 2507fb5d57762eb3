-- Which users made a group and changed it last (app_user.id, of the same organization); NULL: not known, or not a user. Their names
-- are kept in created_by and modified_by as texts, which name a credential first and stay when an import brings them.
ALTER TABLE user_group ADD COLUMN created_by_user INTEGER;
ALTER TABLE user_group ADD COLUMN modified_by_user INTEGER;
