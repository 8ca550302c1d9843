-- Who may use how much. subject_id 0 is the server itself, or every member; amount NULL is no cap.
CREATE TABLE limits (
    guild_id BIGINT NOT NULL REFERENCES guilds (guild_id),
    scope TEXT NOT NULL CHECK (scope IN ('operator', 'server', 'member', 'role', 'channel')),
    subject_id BIGINT NOT NULL,
    measure TEXT NOT NULL CHECK (measure IN ('day', 'week', 'month', 'clip', 'queued', 'running')),
    amount BIGINT CHECK (amount >= 0),
    PRIMARY KEY (guild_id, scope, subject_id, measure)
    -- sqlite: ) WITHOUT ROWID;
    -- pg: );
INSERT INTO limits SELECT guild_id, 'server', 0, 'month', guild_monthly_credits FROM guilds;
INSERT INTO limits SELECT guild_id, 'server', 0, 'running', guild_running FROM guilds;
INSERT INTO limits SELECT guild_id, 'member', 0, 'day', user_daily_credits FROM guilds;
INSERT INTO limits SELECT guild_id, 'member', 0, 'queued', user_queued FROM guilds;
INSERT INTO limits SELECT guild_id, 'member', 0, 'running', user_running FROM guilds;
DELETE FROM limits WHERE amount IS NULL;

-- The roles a member had when asking last, and how many clips at once follow from them: admission has nobody to ask.
ALTER TABLE turns ADD COLUMN roles TEXT NOT NULL DEFAULT '';
ALTER TABLE turns ADD COLUMN user_running BIGINT;
UPDATE turns SET user_running = (SELECT user_running FROM guilds WHERE guilds.guild_id = turns.guild_id);

ALTER TABLE guilds DROP COLUMN guild_monthly_credits;
ALTER TABLE guilds DROP COLUMN user_daily_credits;
ALTER TABLE guilds DROP COLUMN user_queued;
ALTER TABLE guilds DROP COLUMN user_running;
ALTER TABLE guilds DROP COLUMN guild_running;
ALTER TABLE guilds ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE guilds ADD COLUMN log_channel_id BIGINT;
ALTER TABLE guilds ADD COLUMN moderator_role_id BIGINT;
ALTER TABLE guilds ADD COLUMN approval_role_id BIGINT;
ALTER TABLE guilds ADD COLUMN confirm_above BIGINT;
ALTER TABLE guilds ADD COLUMN price_percent INTEGER NOT NULL DEFAULT 100 CHECK (price_percent >= 0);
ALTER TABLE guilds ADD COLUMN pays_overrun INTEGER NOT NULL DEFAULT 0;

-- A server's own prices.
CREATE TABLE prices (
    guild_id BIGINT NOT NULL REFERENCES guilds (guild_id),
    model TEXT NOT NULL,
    credits_per_s BIGINT NOT NULL CHECK (credits_per_s >= 0),
    PRIMARY KEY (guild_id, model)
);

-- What a job is worth at the catalogue's prices, and the per cent of it that the server takes (NULL: a price of its own).
-- The price may now be above what was reserved, where a server wants that.
ALTER TABLE jobs ADD COLUMN worth BIGINT NOT NULL DEFAULT 0 CHECK (worth >= 0);
ALTER TABLE jobs ADD COLUMN price_percent INTEGER;
ALTER TABLE jobs ADD COLUMN pays_overrun INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN settles BIGINT CHECK (settles >= 0);
UPDATE jobs SET settles = price, worth = coalesce(price, credits), price_percent = 100;
ALTER TABLE jobs DROP COLUMN price;
ALTER TABLE jobs RENAME COLUMN settles TO price;
-- Given up and refunded, though its provider may have made it and charge for it.
ALTER TABLE jobs ADD COLUMN maybe_charged INTEGER NOT NULL DEFAULT 0;

-- On top of the allowances: a member's, or (user_id 0) the server's.
CREATE TABLE grants (
    -- sqlite: id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- pg: id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id BIGINT NOT NULL REFERENCES guilds (guild_id),
    user_id BIGINT NOT NULL,
    credits BIGINT NOT NULL CHECK (credits > 0),
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    used BIGINT NOT NULL DEFAULT 0 CHECK (used >= 0),
    expires_at_ms BIGINT,
    came_back INTEGER NOT NULL,
    CHECK (reserved + used <= credits)
);
-- The column first: SQLite turns conditions round so, and finds the index only if it says the same.
CREATE INDEX grants_open ON grants (guild_id, user_id) WHERE credits > reserved + used;

-- What jobs took from grants. Immutable, as the ledger.
CREATE TABLE draws (
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    kind TEXT NOT NULL CHECK (kind IN ('reserve', 'settle', 'refund')),
    credits BIGINT NOT NULL CHECK (credits >= 0),
    is_first INTEGER NOT NULL,
    PRIMARY KEY (job_id, grant_id, kind)
);
CREATE INDEX draws_grant ON draws (grant_id);

CREATE TABLE blocks (
    guild_id BIGINT NOT NULL REFERENCES guilds (guild_id),
    user_id BIGINT NOT NULL,
    until_ms BIGINT,
    reason TEXT,
    PRIMARY KEY (guild_id, user_id)
);

-- Of which part of a budget the log channel was told.
CREATE TABLE notices (
    guild_id BIGINT NOT NULL REFERENCES guilds (guild_id),
    period TEXT NOT NULL,
    percent INTEGER NOT NULL,
    noted_at_ms BIGINT NOT NULL,
    is_told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (guild_id, period, percent)
);

-- The request that an offer came out of, where there is one question for each.
ALTER TABLE offers ADD COLUMN request_key TEXT;
CREATE UNIQUE INDEX offers_request ON offers (request_key) WHERE request_key IS NOT NULL;
-- Whether it is a question that somebody is to answer: those of a member are counted.
ALTER TABLE offers ADD COLUMN is_asked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE offers ADD COLUMN made_at_ms BIGINT;
CREATE INDEX offers_asked ON offers (guild_id, user_id) WHERE request_key IS NOT NULL;

-- Immutable. Every job has one row 'reserve' and, once it ended, exactly one 'settle' or 'refund'.
-- user_id is for whom (0: the server), by_id who did it (0: Kinora). Of the credits, so many count against the
-- member's allowance and the server's budget; the rest came from grants. `worth` counts against the operator's ceiling,
-- in a 'refund' too: what was rendered, or may be charged for. '' is a period in which a row does not count.
ALTER TABLE ledger RENAME TO ledger_before;
DROP INDEX ledger_once;
CREATE TABLE ledger (
    -- sqlite: id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- pg: id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL
        CHECK (kind IN ('reserve', 'settle', 'refund', 'grant', 'adjust', 'limit', 'block', 'unblock')),
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    by_id BIGINT NOT NULL,
    job_id BIGINT REFERENCES jobs (id),
    grant_id BIGINT REFERENCES grants (id),
    channel_id BIGINT,
    provider TEXT,
    credits BIGINT NOT NULL,
    allowance BIGINT NOT NULL,
    budget BIGINT NOT NULL,
    worth BIGINT NOT NULL,
    cost_micro_usd BIGINT,
    reason TEXT,
    day TEXT NOT NULL,
    week TEXT NOT NULL,
    month TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
INSERT INTO ledger (id, kind, guild_id, user_id, by_id, job_id, channel_id, provider, credits, allowance, budget, worth,
    cost_micro_usd, day, week, month, at_ms)
-- pg: OVERRIDING SYSTEM VALUE
SELECT ledger_before.id, kind, ledger_before.guild_id, ledger_before.user_id, 0, job_id,
    coalesce(jobs.parent_id, jobs.channel_id), jobs.provider,
    CASE kind WHEN 'refund' THEN jobs.credits ELSE ledger_before.credits END,
    CASE kind WHEN 'refund' THEN jobs.credits ELSE ledger_before.credits END,
    CASE kind WHEN 'refund' THEN jobs.credits ELSE ledger_before.credits END,
    CASE WHEN kind <> 'refund' THEN ledger_before.credits WHEN rendered_at_ms IS NULL THEN 0 ELSE jobs.worth END,
    CASE WHEN kind <> 'reserve' THEN jobs.spent_micro_usd END, day,
    -- sqlite: strftime('%Y', day, '-3 days', 'weekday 4') || '-W'
    -- sqlite:     || printf('%02d', (strftime('%j', day, '-3 days', 'weekday 4') - 1) / 7 + 1),
    -- pg: to_char(CAST(day AS date), 'IYYY-"W"IW'),
    month, at_ms
FROM ledger_before JOIN jobs ON jobs.id = job_id;
DROP TABLE ledger_before;
-- pg: SELECT setval(pg_get_serial_sequence('ledger', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM ledger), FALSE);
CREATE UNIQUE INDEX ledger_once ON ledger (job_id, (kind = 'reserve')) WHERE job_id IS NOT NULL;
CREATE INDEX ledger_grant ON ledger (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX ledger_guild ON ledger (guild_id, at_ms, kind);

-- What is said of money once stays said. Who it was about may be forgotten.
-- sqlite: CREATE TRIGGER ledger_stays BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
-- sqlite: CREATE TRIGGER ledger_keeps BEFORE UPDATE OF id, kind, guild_id, job_id, grant_id, channel_id, credits,
-- sqlite:     allowance, budget, worth, cost_micro_usd, day, week, month, at_ms ON ledger
-- sqlite: BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
-- sqlite: CREATE TRIGGER draws_stay BEFORE DELETE ON draws BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
-- sqlite: CREATE TRIGGER draws_keep BEFORE UPDATE ON draws BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;

-- The sums of the ledger per account and period, compared with it at start. subject_id 0 is the server.
CREATE TABLE balances (
    guild_id BIGINT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('operator', 'server', 'member', 'channel')),
    subject_id BIGINT NOT NULL,
    period TEXT NOT NULL,
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    used BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (guild_id, scope, subject_id, period)
    -- sqlite: ) WITHOUT ROWID;
    -- pg: );
INSERT INTO balances (guild_id, scope, subject_id, period, reserved, used)
SELECT guild_id, scope, subject_id, period, sum(reserved), sum(used) FROM (
    SELECT ledger.*, scope,
        CASE scope WHEN 'member' THEN user_id WHEN 'channel' THEN channel_id ELSE 0 END AS subject_id,
        CASE part WHEN 'day' THEN day WHEN 'week' THEN week ELSE month END AS period,
        CASE WHEN kind = 'reserve' AND NOT EXISTS (
            SELECT 1 FROM ledger AS closing WHERE closing.job_id = ledger.job_id AND closing.kind <> 'reserve'
        ) THEN CASE scope WHEN 'operator' THEN worth ELSE credits END ELSE 0 END AS reserved,
        CASE WHEN scope = 'operator' AND kind <> 'reserve' THEN worth WHEN kind = 'settle' THEN credits ELSE 0
            END AS used
    FROM ledger
    CROSS JOIN (SELECT 'operator' AS scope UNION ALL SELECT 'server' UNION ALL SELECT 'member'
        UNION ALL SELECT 'channel') AS scopes
    CROSS JOIN (SELECT 'day' AS part UNION ALL SELECT 'week' UNION ALL SELECT 'month') AS parts
    WHERE scope <> 'operator' OR part = 'month'
) AS counted
GROUP BY guild_id, scope, subject_id, period;
DROP TABLE budgets;
