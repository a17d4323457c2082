-- Meetings. What people are called, their addresses and links, title and case number are sealed under the key of the meeting's
-- conversation. Times are Unix microseconds.
CREATE TABLE meeting (
  id TEXT PRIMARY KEY,
  service_area TEXT NOT NULL,
  state TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  erased_at BIGINT NOT NULL,
  sealed BYTEA
);
CREATE INDEX meeting_starts ON meeting (starts_at);
CREATE TABLE sent (
  id TEXT PRIMARY KEY,
  meeting_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  sealed BYTEA
);
CREATE INDEX sent_meeting ON sent (meeting_id);
CREATE TABLE setup (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  target TEXT NOT NULL,
  name TEXT NOT NULL,
  event_id TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX outbox_lane ON outbox (lane, id);
