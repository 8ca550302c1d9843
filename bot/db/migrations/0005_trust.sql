-- When the bot was removed from a server; what is kept of it is deleted some time after.
ALTER TABLE guilds ADD COLUMN left_at_ms BIGINT;
-- When that was done; NULL before, and once the bot was invited again.
ALTER TABLE guilds ADD COLUMN forgotten_at_ms BIGINT;
-- Clips that were perhaps being posted when the bot was removed; they are looked for once it is back.
CREATE INDEX jobs_cut_off ON jobs (guild_id)
    WHERE state = 'failed' AND withdrawn_by = 0 AND post_marked_at_ms IS NOT NULL;

-- Whether the pictures of a job are still kept for it; those that are, by the age of its end.
ALTER TABLE jobs ADD COLUMN keeps_pictures INTEGER NOT NULL DEFAULT 1;
CREATE INDEX jobs_pictured ON jobs (finished_at_ms) WHERE keeps_pictures = 1 AND finished_at_ms IS NOT NULL;

-- A clip that no place took is paid when it is claimed, and given back when it is not: until now it was given back at
-- once. What was claimed is done, at no price; what nobody can claim has failed; the others can be claimed as any other,
-- without a second line in the ledger.
UPDATE jobs SET price = 0 WHERE state = 'undeliverable';
UPDATE jobs SET state = 'done' WHERE state = 'undeliverable' AND message_id IS NOT NULL;
UPDATE jobs SET state = 'failed' WHERE state = 'undeliverable' AND (clip IS NULL OR withdrawn_at_ms IS NOT NULL);
UPDATE jobs SET finished_at_ms =
    -- sqlite: CAST(strftime('%s', 'now') AS INTEGER) * 1000
    -- pg: CAST(extract(epoch FROM now()) AS BIGINT) * 1000
    WHERE state = 'undeliverable';
