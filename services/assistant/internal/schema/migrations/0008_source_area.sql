-- The service area of what a source brings without one: of all, and by who wrote it.
ALTER TABLE knowledge_source ADD COLUMN area TEXT NOT NULL DEFAULT '';
ALTER TABLE knowledge_source ADD COLUMN areas TEXT NOT NULL DEFAULT '[]';
