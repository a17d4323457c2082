CREATE TABLE withdrawal (
  conversation_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, kind)
);
ALTER TABLE final ADD COLUMN withdrawn BOOLEAN NOT NULL DEFAULT FALSE;
