-- Other authorities' assistants that can be asked. endpoint and key_id are what their cards said when they were saved; key_id is the
-- thumbprint of the key that signed the card, empty: not signed.
CREATE TABLE peer (
	id         TEXT PRIMARY KEY,
	url        TEXT NOT NULL,
	name       TEXT NOT NULL,
	topics     TEXT NOT NULL,
	enabled    BOOLEAN NOT NULL,
	endpoint   TEXT NOT NULL,
	key_id     TEXT NOT NULL,
	checked_at BIGINT NOT NULL,
	problem    TEXT NOT NULL,
	saved_by   TEXT NOT NULL
);
