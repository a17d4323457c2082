-- Questions as people put them that a micro-article answers. Those of its source stand with it; those of editors stand apart, because
-- a new fetch must not undo them.
ALTER TABLE knowledge_chunk ADD COLUMN asked TEXT NOT NULL DEFAULT '[]';
CREATE TABLE knowledge_asked (
	chunk_id TEXT PRIMARY KEY,
	asked    TEXT NOT NULL,
	saved_at BIGINT NOT NULL,
	saved_by TEXT NOT NULL
);
