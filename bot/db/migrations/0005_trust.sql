-- When the bot was removed from a server; what is kept of it is deleted some time after.
ALTER TABLE guilds ADD COLUMN left_at_ms BIGINT;
