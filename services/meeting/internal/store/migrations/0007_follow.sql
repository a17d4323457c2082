-- The meeting that a conversation goes on as, so that asking twice gives one meeting.
CREATE TABLE follow (
  conversation_id TEXT NOT NULL,
  service_area TEXT NOT NULL,
  meeting_id TEXT NOT NULL,
  PRIMARY KEY (conversation_id, service_area)
);
CREATE INDEX follow_meeting ON follow (meeting_id);
