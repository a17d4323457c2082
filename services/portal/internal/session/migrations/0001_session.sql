CREATE TABLE session (
  id_hash    TEXT PRIMARY KEY,
  person     BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX session_expires ON session (expires_at);
