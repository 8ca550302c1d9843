-- When what was painted for a request was sent; NULL while that is open, and for every other offer.
ALTER TABLE offers ADD COLUMN sent_at_ms BIGINT;
