-- Who took part in which meeting, of those who had logged in as citizens: by their pseudonym, so that they find it afterwards.
CREATE TABLE party (
  party_ref TEXT NOT NULL,
  meeting_id TEXT NOT NULL,
  participant_id TEXT NOT NULL,
  PRIMARY KEY (party_ref, meeting_id)
);
CREATE INDEX party_meeting ON party (meeting_id);
