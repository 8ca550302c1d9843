-- When the bot was removed from a server; what is kept of it is deleted some time after.
ALTER TABLE guilds ADD COLUMN left_at_ms BIGINT;
-- When that was done; NULL before, and once the bot was invited again.
ALTER TABLE guilds ADD COLUMN forgotten_at_ms BIGINT;
