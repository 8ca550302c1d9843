"""A database of an earlier version, brought up to date with what was in it."""

import sqlite3
from importlib import resources
from pathlib import Path

from bot.db import jobs, lanes, migrate, money
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import JobState
from tests import builders

_BEFORE_PROVIDERS = 1


def as_of(path: Path, number: int) -> sqlite3.Connection:
    """A database at the version that file `number` makes."""
    connection = sqlite3.connect(path, isolation_level=None)
    steps = migrate.load(resources.files("bot.db").joinpath("migrations"))
    migrate.apply(connection, tuple(step for step in steps if step.number <= number))
    return connection


async def test_a_job_from_before_there_were_several_providers_is_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "kinora.db"
    with as_of(path, _BEFORE_PROVIDERS) as connection:
        connection.execute("INSERT INTO pools (pool) VALUES ('local')")
        connection.execute("INSERT INTO guilds (guild_id) VALUES (1)")
        connection.execute(
            """INSERT INTO jobs (state, request_key, guild_id, channel_id, user_id, card_id, upload_limit, request,
                provider, model, credits, run_at_ms, created_at_ms)
            VALUES ('queued', 'k', 1, 10, 100, 1000, 1, '{"prompt": "x"}', 'local', 'local-camera', 5, 1, 1)"""
        )
        connection.execute("INSERT INTO lanes (pool, guild_id, queued, pass) VALUES ('local', 1, 1, 0)")
        connection.execute("INSERT INTO turns (pool, guild_id, user_id, queued) VALUES ('local', 1, 100, 1)")
        connection.execute(
            """INSERT INTO ledger (job_id, kind, guild_id, user_id, month, day, credits, at_ms)
            VALUES (1, 'reserve', 1, 100, '1970-01', '1970-01-01', 5, 1)"""
        )
        for user_id, period in ((0, "1970-01"), (100, "1970-01-01")):
            connection.execute(
                "INSERT INTO budgets (guild_id, user_id, period, reserved, used) VALUES (1, ?, ?, 5, 0)",
                (user_id, period),
            )
    connection.close()
    db = await SqliteDatabase.open(path)
    try:
        job = await db.write(jobs.admit("local", slots=1, now_ms=2))
        assert job is not None
        assert (job.credits, job.price, job.tried, job.spent) == (5, 5, (), None)
        assert job.request == builders.request(prompt="x", quality=None)
        for state in (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE):
            job = await db.write(jobs.move(job, state, now_ms=3))
        member, _ = await db.read(money.balances(1, 100, builders.NO_CAPS, now_ms=1))
        assert (member.used, member.reserved) == (5, 0)
        assert await db.read(money.discrepancies()) == 0
        assert await db.write(lanes.recount()) == 0
    finally:
        await db.close()
