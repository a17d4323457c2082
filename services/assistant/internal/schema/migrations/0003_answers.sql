-- A citizen's own history. What was asked and answered is sealed under a key of the session, which the consent service keeps.
CREATE TABLE session (
	id        TEXT PRIMARY KEY,
	last_at   BIGINT NOT NULL,
	forget_at BIGINT NOT NULL -- not 0: its turns are gone, and its key is to be destroyed
);
CREATE INDEX session_last ON session (last_at);

CREATE TABLE session_turn (
	session_id TEXT NOT NULL,
	seq        INTEGER NOT NULL,
	sealed     BYTEA NOT NULL,
	PRIMARY KEY (session_id, seq)
);

-- What became of each question, without its words.
CREATE TABLE answer_log (
	id        TEXT PRIMARY KEY,
	at        BIGINT NOT NULL,
	day       TEXT NOT NULL, -- in Denmark
	asker     TEXT NOT NULL, -- keyed hash of the session
	reason    TEXT NOT NULL,
	helpful   INTEGER NOT NULL, -- 1 yes, -1 no, 0 not said
	why       TEXT NOT NULL,
	chunk_id  TEXT NOT NULL, -- the nearest
	title     TEXT NOT NULL,
	authority TEXT NOT NULL,
	lix       DOUBLE PRECISION NOT NULL
);
CREATE INDEX answer_log_day ON answer_log (day);

-- The words of a question as keyed hashes. A word itself is kept only once five askers have used it.
CREATE TABLE answer_term (
	answer_id TEXT NOT NULL,
	hash      TEXT NOT NULL,
	PRIMARY KEY (answer_id, hash)
);
CREATE INDEX answer_term_hash ON answer_term (hash);

CREATE TABLE known_term (
	hash TEXT PRIMARY KEY,
	word TEXT NOT NULL
);

CREATE TABLE answer_handover (
	inquiry_id TEXT PRIMARY KEY,
	day        TEXT NOT NULL
);
