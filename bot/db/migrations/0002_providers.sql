-- Which providers refused a job before, what it is worth now that it moved on, and what the provider says it cost.
ALTER TABLE jobs ADD COLUMN tried TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN price BIGINT CHECK (price >= 0 AND price <= credits);
ALTER TABLE jobs ADD COLUMN spent TEXT;
ALTER TABLE jobs ADD COLUMN spent_unit TEXT;
ALTER TABLE jobs ADD COLUMN spent_micro_usd BIGINT;

ALTER TABLE guilds ADD COLUMN cheapest_first INTEGER NOT NULL DEFAULT 0;
