-- The assistant's database. Times are Unix microseconds UTC.
CREATE TABLE setting (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
