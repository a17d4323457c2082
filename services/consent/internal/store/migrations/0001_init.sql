CREATE TABLE conversation_key (
  conversation_id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  wrapped BYTEA,
  created_at BIGINT NOT NULL,
  erased_at BIGINT NOT NULL,
  erase_reason TEXT NOT NULL
);
CREATE TABLE legal_hold (
  conversation_id TEXT PRIMARY KEY,
  active BOOLEAN NOT NULL,
  since BIGINT NOT NULL,
  reason TEXT NOT NULL,
  actor TEXT NOT NULL
);
CREATE TABLE choice (
  id TEXT PRIMARY KEY,
  conversation_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX choice_conversation ON choice (conversation_id, at);
CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  conversation_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  purpose TEXT NOT NULL,
  source TEXT NOT NULL
);
CREATE INDEX audit_conversation ON audit (conversation_id, at);
