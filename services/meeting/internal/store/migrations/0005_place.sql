-- Which node has a meeting's room (empty: none), and how often the room has changed hands: what a node writes under an epoch that
-- is over is refused.
ALTER TABLE meeting ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE meeting ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
CREATE INDEX meeting_node ON meeting (node) WHERE node <> '';
-- Whose a spoken leg is.
ALTER TABLE leg ADD COLUMN speaker TEXT NOT NULL DEFAULT '';
