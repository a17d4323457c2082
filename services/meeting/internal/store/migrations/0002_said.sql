-- What was written in a meeting, sealed under the key of its conversation, so that a restart loses none of it.
CREATE TABLE said (
  meeting_id TEXT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  sealed BYTEA,
  PRIMARY KEY (meeting_id, id)
);
-- How long each leg is known to be: a node that is killed takes no more than a few seconds of that with it. Typed legs have their
-- writer and the number of their next word.
CREATE TABLE leg (
  meeting_id TEXT NOT NULL,
  id TEXT NOT NULL,
  writer TEXT NOT NULL,
  samples BIGINT NOT NULL,
  next_word BIGINT NOT NULL,
  PRIMARY KEY (meeting_id, id)
);
-- When a node last had the meeting's room.
CREATE TABLE held (
  meeting_id TEXT PRIMARY KEY,
  at BIGINT NOT NULL
);
