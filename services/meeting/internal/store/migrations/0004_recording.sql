-- Recordings. A recording has a key of its own, sealed under the key of its conversation together with the basis on which it was
-- made: it can be destroyed alone, and is destroyed with the conversation. The row stays, to say that there was one.
CREATE TABLE recording (
  meeting_id TEXT PRIMARY KEY,
  began_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  erase_at BIGINT NOT NULL,
  deleted_at BIGINT NOT NULL,
  deleted_by TEXT NOT NULL,
  problem TEXT NOT NULL,
  sealed BYTEA
);
