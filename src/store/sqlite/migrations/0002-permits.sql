-- Which operations a credential is permitted (bits of model/nouns.h, struct credential); 0: all.
ALTER TABLE credential ADD COLUMN permits INTEGER NOT NULL DEFAULT 0;
