CREATE TABLE conversation (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  service_area TEXT NOT NULL,
  state TEXT NOT NULL,
  caseworker TEXT NOT NULL,
  extension TEXT NOT NULL,
  reason TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL,
  transcribed BOOLEAN NOT NULL,
  call_back BOOLEAN NOT NULL,
  party BYTEA,
  identity BYTEA,
  party_ref TEXT NOT NULL,
  case_number TEXT NOT NULL,
  engine TEXT NOT NULL,
  demo BOOLEAN NOT NULL,
  erase_at BIGINT NOT NULL,
  erased_at BIGINT NOT NULL
);
CREATE INDEX conversation_area ON conversation (service_area, id);
CREATE INDEX conversation_party ON conversation (party_ref, id);
CREATE TABLE leg (
  id TEXT PRIMARY KEY,
  conversation_id TEXT NOT NULL,
  role TEXT NOT NULL,
  user_id TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  samples BIGINT NOT NULL,
  expected BOOLEAN NOT NULL,
  heard_to BIGINT NOT NULL,
  finished BOOLEAN NOT NULL,
  transcribed BIGINT NOT NULL,
  silence BIGINT NOT NULL,
  masked BIGINT NOT NULL,
  lost BIGINT NOT NULL
);
CREATE INDEX leg_conversation ON leg (conversation_id, started_at);
CREATE TABLE final (
  leg_id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  from_pos BIGINT NOT NULL,
  to_pos BIGINT NOT NULL,
  conversation_id TEXT NOT NULL,
  ledger TEXT NOT NULL,
  sealed BYTEA,
  PRIMARY KEY (leg_id, revision, from_pos)
);
CREATE INDEX final_conversation ON final (conversation_id, leg_id, from_pos);
CREATE TABLE note (
  id TEXT PRIMARY KEY,
  conversation_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  version BIGINT NOT NULL,
  template TEXT NOT NULL,
  sealed BYTEA,
  hash TEXT NOT NULL,
  signature TEXT NOT NULL,
  approved_by TEXT NOT NULL,
  approved_at BIGINT NOT NULL,
  remind_at BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  updated_by TEXT NOT NULL
);
CREATE TABLE delivery (
  note_id TEXT PRIMARY KEY,
  attempts BIGINT NOT NULL,
  problem TEXT NOT NULL,
  last_at BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  receipt_system TEXT NOT NULL,
  receipt_id TEXT NOT NULL,
  received_at BIGINT NOT NULL
);
CREATE TABLE comment (
  id TEXT PRIMARY KEY,
  conversation_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  sealed BYTEA
);
CREATE INDEX comment_conversation ON comment (conversation_id, at);
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  target TEXT NOT NULL,
  name TEXT NOT NULL,
  event_id TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX outbox_lane ON outbox (lane, id);
