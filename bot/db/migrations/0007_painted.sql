-- Whether it is a request whose motion is yet to be painted, and not another kind of offer.
ALTER TABLE offers ADD COLUMN is_painting INTEGER NOT NULL DEFAULT 0;
UPDATE offers SET is_painting = 1 WHERE request_key IS NULL AND ask LIKE '{"asked":%';
CREATE INDEX offers_paintings ON offers (user_id) WHERE is_painting = 1 AND sent_at_ms IS NULL;
