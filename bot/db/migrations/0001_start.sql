-- Times are milliseconds since 1970 UTC, ids of Discord are snowflakes, JSON is TEXT.
-- A line that begins with "-- sqlite:" or "-- pg:" is for that database only.

CREATE TABLE installation (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE guilds (
    guild_id BIGINT PRIMARY KEY,
    weight INTEGER NOT NULL DEFAULT 1 CHECK (weight > 0),
    guild_monthly_credits BIGINT CHECK (guild_monthly_credits >= 0),
    user_daily_credits BIGINT CHECK (user_daily_credits >= 0),
    user_queued INTEGER CHECK (user_queued >= 0),
    user_running INTEGER CHECK (user_running >= 0),
    guild_running INTEGER CHECK (guild_running >= 0)
);

-- One row per cap and period; user_id 0 is the guild itself. The sums of the ledger, compared with it at start.
CREATE TABLE budgets (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    period TEXT NOT NULL,
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    used BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (guild_id, user_id, period)
);

CREATE TABLE jobs (
    -- sqlite: id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- pg: id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    request_key TEXT NOT NULL UNIQUE,
    guild_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    parent_id BIGINT,
    user_id BIGINT NOT NULL,
    card_id BIGINT NOT NULL,
    upload_limit BIGINT NOT NULL,
    request TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    credits BIGINT NOT NULL CHECK (credits >= 0),
    attempt INTEGER NOT NULL DEFAULT 0,
    marked_at_ms BIGINT,
    task_id TEXT,
    progress REAL,
    result TEXT,
    clip TEXT,
    clip_bytes BIGINT,
    thread_id BIGINT,
    post_marked_at_ms BIGINT,
    message_channel_id BIGINT,
    message_id BIGINT,
    error TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    run_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT,
    rendered_at_ms BIGINT,
    finished_at_ms BIGINT,
    aftercare INTEGER NOT NULL DEFAULT 0
);

-- Partial where the queue is concerned, so that history does not slow it.
CREATE INDEX jobs_queued ON jobs (provider, guild_id, user_id, id) WHERE state = 'queued';
-- `state` makes the next two covering; without it SQLite counts a member's slots in jobs_member, all history.
CREATE INDEX jobs_slots ON jobs (provider, state) WHERE state IN ('submitting', 'rendering', 'unknown');
CREATE INDEX jobs_running ON jobs (guild_id, user_id, state) WHERE state IN ('submitting', 'rendering', 'unknown');
CREATE INDEX jobs_open ON jobs (run_at_ms) WHERE state <> 'queued' AND aftercare < 2;
CREATE INDEX jobs_waiting ON jobs (guild_id, id) WHERE state = 'queued';
CREATE INDEX jobs_active ON jobs (guild_id, id)
    WHERE state IN ('submitting', 'rendering', 'unknown', 'fetching', 'delivering');
CREATE INDEX jobs_member ON jobs (guild_id, user_id, id);
CREATE INDEX jobs_task ON jobs (provider, task_id) WHERE state = 'rendering';

-- Immutable. Every job has one row 'reserve' and, once it ended, exactly one 'settle' or 'refund'.
CREATE TABLE ledger (
    -- sqlite: id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- pg: id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    kind TEXT NOT NULL CHECK (kind IN ('reserve', 'settle', 'refund')),
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    month TEXT NOT NULL,
    day TEXT NOT NULL,
    credits BIGINT NOT NULL CHECK (credits >= 0),
    at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX ledger_once ON ledger (job_id, (kind = 'reserve'));

-- Fair admission: a pool is a provider, a lane one guild's queue for it, a turn one member's share of a lane.
CREATE TABLE pools (
    pool TEXT PRIMARY KEY,
    vtime BIGINT NOT NULL DEFAULT 0,
    served BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE lanes (
    pool TEXT NOT NULL REFERENCES pools (pool),
    guild_id BIGINT NOT NULL REFERENCES guilds (guild_id),
    queued INTEGER NOT NULL CHECK (queued >= 0),
    pass BIGINT NOT NULL,
    PRIMARY KEY (pool, guild_id)
);
CREATE INDEX lanes_next ON lanes (pool, pass, guild_id) WHERE queued > 0;

CREATE TABLE turns (
    pool TEXT NOT NULL,
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    queued INTEGER NOT NULL CHECK (queued >= 0),
    served BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (guild_id, user_id, pool)
);
CREATE INDEX turns_next ON turns (pool, guild_id, served, user_id) WHERE queued > 0;

-- How long finished renders took, the newest few hundred of a kind: what forecasts learn from.
CREATE TABLE renders (
    -- sqlite: id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- pg: id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    quality TEXT NOT NULL,
    duration_s INTEGER NOT NULL,
    seconds REAL NOT NULL
);
CREATE INDEX renders_kind ON renders (provider, model, quality, duration_s, id);

-- Requests between their acknowledgement and their job: a restart goes on with them.
CREATE TABLE asks (
    request_key TEXT PRIMARY KEY,
    asked TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

-- What a button under a refusal would do ("Pad it", "Crop it"), kept until it is pressed or lapses.
CREATE TABLE offers (
    -- sqlite: id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- pg: id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    ask TEXT NOT NULL,
    lapses_at_ms BIGINT NOT NULL
);
CREATE INDEX offers_lapse ON offers (lapses_at_ms);
