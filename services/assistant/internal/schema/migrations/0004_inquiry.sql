-- Inquiries: ids, times and states in clear; people and what they wrote sealed under the conversation's key.
CREATE TABLE inquiry (
  id TEXT PRIMARY KEY,
  conversation_id TEXT NOT NULL UNIQUE,
  receipt_hash TEXT NOT NULL,
  channel TEXT NOT NULL,
  service_area TEXT NOT NULL,
  also TEXT NOT NULL,
  state TEXT NOT NULL,
  language TEXT NOT NULL,
  caseworker TEXT NOT NULL,
  call_id TEXT NOT NULL,
  transcribe BOOLEAN NOT NULL,
  withdrawn BOOLEAN NOT NULL,
  content BYTEA,
  worker_name BYTEA,
  video BYTEA,
  created_at BIGINT NOT NULL,
  claim_by BIGINT NOT NULL,
  escalated_at BIGINT NOT NULL,
  claimed_at BIGINT NOT NULL,
  called_at BIGINT NOT NULL,
  told_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  reminded_at BIGINT NOT NULL,
  quiet_at BIGINT NOT NULL,
  erase_at BIGINT NOT NULL,
  erased_at BIGINT NOT NULL,
  expired_at BIGINT NOT NULL,
  citizen_at BIGINT NOT NULL,
  citizen_wrote_at BIGINT NOT NULL,
  worker_wrote_at BIGINT NOT NULL,
  messages BIGINT NOT NULL,
  citizen_seen BIGINT NOT NULL,
  worker_seen BIGINT NOT NULL,
  said_to BIGINT NOT NULL
);
CREATE INDEX inquiry_receipt ON inquiry (receipt_hash);
CREATE INDEX inquiry_state ON inquiry (state, service_area);
CREATE INDEX inquiry_caseworker ON inquiry (caseworker, state);
CREATE TABLE inquiry_leg (
  id TEXT PRIMARY KEY,
  inquiry_id TEXT NOT NULL,
  role TEXT NOT NULL,
  user_id TEXT NOT NULL,
  offset_pos BIGINT NOT NULL,
  heard_to BIGINT NOT NULL,
  next_word BIGINT NOT NULL
);
CREATE INDEX inquiry_leg_inquiry ON inquiry_leg (inquiry_id, id);
CREATE TABLE inquiry_message (
  inquiry_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  sender TEXT NOT NULL,
  sealed BYTEA,
  PRIMARY KEY (inquiry_id, seq)
);
CREATE UNIQUE INDEX inquiry_message_id ON inquiry_message (inquiry_id, id);
CREATE TABLE inquiry_step (
  inquiry_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  what TEXT NOT NULL,
  area TEXT NOT NULL,
  note BYTEA,
  PRIMARY KEY (inquiry_id, n)
);
CREATE TABLE inquiry_outbox (
  id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  target TEXT NOT NULL,
  name TEXT NOT NULL,
  event_id TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX inquiry_outbox_lane ON inquiry_outbox (lane, id);
