-- What a meeting's set-up says instead of the service area: the note's template, and nanoseconds from the receipt to the erasure.
ALTER TABLE conversation ADD COLUMN template TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN keep_after BIGINT NOT NULL DEFAULT 0;
