-- Which seat a telephone's code is for. The code itself is sealed in the booking; here is only a keyed hash of it.
CREATE TABLE dialin (
  code TEXT PRIMARY KEY,
  meeting_id TEXT NOT NULL,
  participant_id TEXT NOT NULL
);
CREATE INDEX dialin_meeting ON dialin (meeting_id);
