-- What several processes need of one PostgreSQL. SQLite has one process, which keeps the rest in memory.

-- What is said of money once stays said; SQLite has had these since 0003.
-- pg: CREATE FUNCTION refuse_to_change_books() RETURNS trigger LANGUAGE plpgsql AS '
-- pg:     BEGIN RAISE EXCEPTION ''the ledger is immutable'' USING ERRCODE = ''integrity_constraint_violation''; END
-- pg: ';
-- pg: CREATE OR REPLACE TRIGGER ledger_stays BEFORE DELETE ON ledger
-- pg:     FOR EACH ROW EXECUTE FUNCTION refuse_to_change_books();
-- pg: CREATE OR REPLACE TRIGGER ledger_keeps BEFORE UPDATE OF id, kind, guild_id, job_id, grant_id, channel_id, credits,
-- pg:     allowance, budget, worth, cost_micro_usd, day, week, month, at_ms ON ledger
-- pg:     FOR EACH ROW EXECUTE FUNCTION refuse_to_change_books();
-- pg: CREATE OR REPLACE TRIGGER draws_stay BEFORE DELETE ON draws
-- pg:     FOR EACH ROW EXECUTE FUNCTION refuse_to_change_books();
-- pg: CREATE OR REPLACE TRIGGER draws_keep BEFORE UPDATE ON draws
-- pg:     FOR EACH ROW EXECUTE FUNCTION refuse_to_change_books();
-- pg: CREATE OR REPLACE TRIGGER ledger_stays_whole BEFORE TRUNCATE ON ledger EXECUTE FUNCTION refuse_to_change_books();
-- pg: CREATE OR REPLACE TRIGGER draws_stay_whole BEFORE TRUNCATE ON draws EXECUTE FUNCTION refuse_to_change_books();

-- Rows that change with every job keep their new versions beside them; plans follow how many jobs there are.
-- pg: ALTER TABLE pools SET (fillfactor = 50);
-- pg: ALTER TABLE lanes SET (fillfactor = 60);
-- pg: ALTER TABLE balances SET (fillfactor = 60);
-- pg: ALTER TABLE jobs SET (fillfactor = 80, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.05);

-- How creates went lately at providers that are not simply well.
CREATE TABLE breakers (
    provider TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    paused_until_ms BIGINT NOT NULL,
    is_probed INTEGER NOT NULL,
    avoided_until_ms BIGINT NOT NULL
);

-- When the card of a job that has not ended was edited last, and what it says since, so that nobody edits it too soon.
CREATE TABLE cards (
    job_id BIGINT PRIMARY KEY,
    step TEXT NOT NULL,
    looks TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

-- Blobs that were put just now, and those that somebody is about to delete, which nobody puts meanwhile.
CREATE TABLE blob_moves (
    blob TEXT PRIMARY KEY,
    came_at_ms BIGINT NOT NULL DEFAULT 0,
    held_until_ms BIGINT NOT NULL DEFAULT 0
);

-- The processes of this installation, as each says of itself every few seconds.
CREATE TABLE processes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    shards TEXT,
    version TEXT NOT NULL,
    began_at_ms BIGINT NOT NULL,
    seen_at_ms BIGINT NOT NULL
);
