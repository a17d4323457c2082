-- What editors did with the set-ups, newest version last. What stood before and after is kept whole: what is delivered can be another
-- in the next release. Empty: there was none, or is none since.
CREATE TABLE setup_change (
  setup_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  before_body TEXT NOT NULL,
  after_body TEXT NOT NULL,
  PRIMARY KEY (setup_id, version)
);
