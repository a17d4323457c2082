-- When the citizen's side has taken back that it may be recorded (0: it has not), whose tracks those are, as ids with spaces between,
-- and when they were deleted (0: a legal hold forbids it yet).
ALTER TABLE recording ADD COLUMN withdrawn_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recording ADD COLUMN withdrawn TEXT NOT NULL DEFAULT '';
ALTER TABLE recording ADD COLUMN cleared_at BIGINT NOT NULL DEFAULT 0;
