-- Sources of knowledge, what they hold, and the runs that fetched it. A removed source stays until its schedule is deleted.
CREATE TABLE knowledge_source (
	id             TEXT PRIMARY KEY,
	kind           TEXT NOT NULL,
	title          TEXT NOT NULL,
	url            TEXT NOT NULL,
	municipalities TEXT NOT NULL,
	include        TEXT NOT NULL,
	every_us       BIGINT NOT NULL,
	paused         BOOLEAN NOT NULL,
	demo           BOOLEAN NOT NULL,
	saved_at       BIGINT NOT NULL,
	saved_by       TEXT NOT NULL,
	next_run_at    BIGINT NOT NULL,
	unplanned      BOOLEAN NOT NULL,
	wanted         BOOLEAN NOT NULL,
	removed_at     BIGINT NOT NULL
);
-- One row is one micro-article. Rows of one family (source, article, section, language) are the base, its local differences and its
-- versions in time. dirty: 0 the index has it, 1 it has not, 2 it has it without the dense vector. rev counts changes.
CREATE TABLE knowledge_chunk (
	id           TEXT PRIMARY KEY,
	source_id    TEXT NOT NULL,
	item         TEXT NOT NULL,
	family       TEXT NOT NULL,
	article_id   TEXT NOT NULL,
	url          TEXT NOT NULL,
	title        TEXT NOT NULL,
	section      TEXT NOT NULL,
	body         TEXT NOT NULL,
	municipality TEXT NOT NULL,
	valid_from   TEXT NOT NULL,
	valid_to     TEXT NOT NULL,
	language     TEXT NOT NULL,
	authority    TEXT NOT NULL,
	area         TEXT NOT NULL,
	links        TEXT NOT NULL,
	legal        TEXT NOT NULL,
	demo         BOOLEAN NOT NULL,
	fetched_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL,
	changed_at   BIGINT NOT NULL,
	law_changed  TEXT NOT NULL,
	sha256       TEXT NOT NULL,
	record_hash  TEXT NOT NULL,
	seen_run     TEXT NOT NULL,
	removed_at   BIGINT NOT NULL,
	rev          BIGINT NOT NULL,
	dirty        BIGINT NOT NULL
);
CREATE INDEX knowledge_chunk_family ON knowledge_chunk (family);
CREATE INDEX knowledge_chunk_item ON knowledge_chunk (source_id, item);
CREATE INDEX knowledge_chunk_dirty ON knowledge_chunk (dirty, id);
-- The laws that a micro-article names, and when laws changed.
CREATE TABLE knowledge_legal (
	chunk_id TEXT NOT NULL,
	eli      TEXT NOT NULL,
	PRIMARY KEY (chunk_id, eli)
);
CREATE INDEX knowledge_legal_eli ON knowledge_legal (eli);
CREATE TABLE knowledge_law (
	eli        TEXT PRIMARY KEY,
	changed_on TEXT NOT NULL
);
-- Dense vectors, so that a rebuilt index need not ask the model again. sha256 is of what was embedded.
CREATE TABLE knowledge_vector (
	chunk_id TEXT PRIMARY KEY,
	model    TEXT NOT NULL,
	sha256   TEXT NOT NULL,
	vector   BYTEA NOT NULL
);
CREATE TABLE knowledge_run (
	id         TEXT PRIMARY KEY,
	source_id  TEXT NOT NULL,
	state      TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	ended_at   BIGINT NOT NULL,
	touched_at BIGINT NOT NULL,
	line       BIGINT NOT NULL,
	total      BIGINT NOT NULL,
	seen       BIGINT NOT NULL,
	added      BIGINT NOT NULL,
	changed    BIGINT NOT NULL,
	unchanged  BIGINT NOT NULL,
	removed    BIGINT NOT NULL,
	failed     BIGINT NOT NULL,
	problem    TEXT NOT NULL,
	note       TEXT NOT NULL,
	failures   TEXT NOT NULL,
	changes    TEXT NOT NULL
);
CREATE INDEX knowledge_run_source ON knowledge_run (source_id, id);
-- The articles of a source as the last fetch found them: what the next one compares with, and what a broken run has left to do.
CREATE TABLE ingest_item (
	source_id   TEXT NOT NULL,
	item        TEXT NOT NULL,
	place       BIGINT NOT NULL,
	url         TEXT NOT NULL,
	modified    TEXT NOT NULL,
	fetched     TEXT NOT NULL,
	etag        TEXT NOT NULL,
	http_date   TEXT NOT NULL,
	seen_run    TEXT NOT NULL,
	todo_run    TEXT NOT NULL,
	PRIMARY KEY (source_id, item)
);
CREATE INDEX ingest_item_todo ON ingest_item (source_id, todo_run, place);
