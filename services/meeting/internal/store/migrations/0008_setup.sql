-- Who saves a set-up says which version they have read, so that nobody's change is lost to another's.
ALTER TABLE setup ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
