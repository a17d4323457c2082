ALTER TABLE conversation ADD COLUMN follows TEXT NOT NULL DEFAULT '';
CREATE INDEX conversation_follows ON conversation (follows);
