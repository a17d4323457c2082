-- Questions near a micro-article that it does not answer: of its source with it, those of editors apart.
ALTER TABLE knowledge_chunk ADD COLUMN unanswered TEXT NOT NULL DEFAULT '[]';
ALTER TABLE knowledge_asked ADD COLUMN unanswered TEXT NOT NULL DEFAULT '[]';
