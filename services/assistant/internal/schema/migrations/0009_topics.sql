-- Where a source's own classification puts a micro-article, and the service area of each such topic.
ALTER TABLE knowledge_chunk ADD COLUMN topics TEXT NOT NULL DEFAULT '[]';
ALTER TABLE knowledge_source ADD COLUMN topics TEXT NOT NULL DEFAULT '[]';
-- What was fetched before has no topics yet: the next run fetches it once more.
UPDATE ingest_item SET fetched = '' WHERE source_id IN (SELECT id FROM knowledge_source WHERE kind IN ('borger', 'life'));
