-- What moderators choose. NULL: the language that the server has in Discord, every channel, the usual model.
ALTER TABLE guilds ADD COLUMN language TEXT;
ALTER TABLE guilds ADD COLUMN allowed_channels TEXT;
ALTER TABLE guilds ADD COLUMN default_provider TEXT;
ALTER TABLE guilds ADD COLUMN default_model TEXT;
ALTER TABLE guilds ADD COLUMN default_quality TEXT;
ALTER TABLE guilds ADD COLUMN thread_style INTEGER NOT NULL DEFAULT 0;
ALTER TABLE guilds ADD COLUMN gallery_channel_id BIGINT;
ALTER TABLE guilds ADD COLUMN reply_style INTEGER NOT NULL DEFAULT 0;
ALTER TABLE guilds ADD COLUMN age_restricted_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE guilds ADD COLUMN spoilers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE guilds ADD COLUMN unhidden_role_id BIGINT;
-- A rule a line: what must not be in a request, and after " | " why, for the person who asked.
ALTER TABLE guilds ADD COLUMN blocked_words TEXT;
ALTER TABLE guilds ADD COLUMN blocked_patterns TEXT;
ALTER TABLE guilds ADD COLUMN logs_requests INTEGER NOT NULL DEFAULT 1;
-- The newest job that the log channel was told of.
ALTER TABLE guilds ADD COLUMN logged_job_id BIGINT NOT NULL DEFAULT 0;
UPDATE guilds SET logged_job_id = (SELECT coalesce(max(id), 0) FROM jobs);
CREATE INDEX jobs_guild ON jobs (guild_id, id);

-- The language of its public messages, the job it came out of and how, and what became of its clip.
ALTER TABLE jobs ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
ALTER TABLE jobs ADD COLUMN from_job_id BIGINT;
ALTER TABLE jobs ADD COLUMN relation TEXT;
ALTER TABLE jobs ADD COLUMN posted_bytes BIGINT;
-- Who could see where it was asked, and whether its clip went to its member alone.
ALTER TABLE jobs ADD COLUMN is_private INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN is_age_restricted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN is_direct INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN last_frame TEXT;
ALTER TABLE jobs ADD COLUMN withdrawn_at_ms BIGINT;
ALTER TABLE jobs ADD COLUMN withdrawn_by BIGINT;
-- Finished clips whose originals are still kept, by age; those that nobody could be given.
CREATE INDEX jobs_kept ON jobs (finished_at_ms) WHERE clip IS NOT NULL AND finished_at_ms IS NOT NULL;
CREATE INDEX jobs_undelivered ON jobs (guild_id, user_id) WHERE state = 'undeliverable';

-- Which jobs need a blob: one that none needs any more can be forgotten.
CREATE TABLE blob_uses (
    blob TEXT NOT NULL,
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (blob, job_id)
    -- sqlite: ) WITHOUT ROWID;
    -- pg: );
-- sqlite: INSERT OR IGNORE INTO blob_uses SELECT value, jobs.id FROM jobs, json_tree(jobs.request) WHERE key = 'blob';
-- pg: INSERT INTO blob_uses SELECT DISTINCT jsonb_path_query(request::jsonb, '$.**.blob') #>> '{}', id FROM jobs;
INSERT INTO blob_uses SELECT clip, id FROM jobs WHERE clip IS NOT NULL ON CONFLICT DO NOTHING;
-- What the last job has let go of, until its bytes are deleted.
CREATE TABLE unneeded_blobs (
    blob TEXT PRIMARY KEY,
    at_ms BIGINT NOT NULL
);
-- Clips whose messages were deleted by a button, and that are still kept.
CREATE INDEX jobs_withdrawn ON jobs (withdrawn_at_ms)
    WHERE withdrawn_at_ms IS NOT NULL AND (clip IS NOT NULL OR last_frame IS NOT NULL);

-- The running thread of a member below a channel, where a server wants one for each.
CREATE TABLE member_threads (
    guild_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    thread_id BIGINT NOT NULL,
    PRIMARY KEY (guild_id, channel_id, user_id)
);

-- What people chose for themselves, in whatever server.
CREATE TABLE members (
    user_id BIGINT PRIMARY KEY,
    allows_direct INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE reports (
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    user_id BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (job_id, user_id)
);

-- Where a clip was shown once more by its member's or a moderator's command.
CREATE TABLE shares (
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    channel_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    PRIMARY KEY (job_id, message_id)
);

-- The numbers below 0 that stand in the place of members who were forgotten, until nothing is left of their jobs.
CREATE TABLE forgotten (
    user_id BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL
);

-- Messages that are yet to be deleted in Discord and, with message_id 0, threads whose names are to be replaced.
CREATE TABLE erasures (
    channel_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    run_at_ms BIGINT NOT NULL,
    PRIMARY KEY (channel_id, message_id)
);
CREATE INDEX erasures_due ON erasures (run_at_ms);

-- When members last took along what is kept of them and, where that is fetched by a link, the file.
CREATE TABLE exports (
    user_id BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    blob TEXT
);
CREATE INDEX exports_blob ON exports (blob) WHERE blob IS NOT NULL;
