from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import Job, JobState
from bot.services.quotas import Quotas
from tests import builders
from tests.services.doubles import TurnedClock

CAPS = builders.caps(guild_month=100, user_day=20, user_queued=5)
TO_DONE = (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    await database.write(lanes.open_pool("local"))
    yield database
    await database.close()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def quotas(db: SqliteDatabase, clock: TurnedClock) -> Quotas:
    return Quotas(db=db, clock=clock, defaults=CAPS)


async def accept(db: SqliteDatabase, clock: TurnedClock, **known: int) -> Job:
    origin = builders.origin(**known)
    transaction = jobs.accept(
        origin, builders.request(), builders.choice(5), defaults=CAPS, now_ms=clock.now_ms()
    )
    return (await db.write(transaction)).job


async def run_one(db: SqliteDatabase, clock: TurnedClock, *states: JobState) -> None:
    job = await db.write(jobs.admit("local", slots=9, now_ms=clock.now_ms()))
    assert job
    for state in states:
        job = await db.write(jobs.move(job, state, now_ms=clock.now_ms()))


async def test_a_newcomer_has_everything_left(quotas: Quotas) -> None:
    allowance = await quotas.allowance(1, 100)
    assert (allowance.member.left, allowance.guild.left) == (20, 100)
    assert (allowance.queued, allowance.running, allowance.caps) == (0, 0, CAPS)


async def test_what_waits_and_runs_and_was_spent_is_told_apart(
    db: SqliteDatabase, clock: TurnedClock, quotas: Quotas
) -> None:
    for _ in range(3):
        await accept(db, clock)
    await run_one(db, clock, *TO_DONE)
    await run_one(db, clock, JobState.RENDERING)
    allowance = await quotas.allowance(1, 100)
    assert (allowance.queued, allowance.running) == (1, 1)
    assert (allowance.member.used, allowance.member.reserved, allowance.member.left) == (5, 10, 5)
    assert (allowance.guild.used, allowance.guild.reserved, allowance.guild.left) == (5, 10, 85)


async def test_others_count_for_the_server_and_not_for_the_member(
    db: SqliteDatabase, clock: TurnedClock, quotas: Quotas
) -> None:
    await accept(db, clock, user_id=101)
    await accept(db, clock, guild_id=2)
    allowance = await quotas.allowance(1, 100)
    assert (allowance.member.left, allowance.guild.left, allowance.queued) == (20, 95, 0)


async def test_a_day_and_a_month_begin_afresh(db: SqliteDatabase, clock: TurnedClock, quotas: Quotas) -> None:
    await accept(db, clock)
    clock.turn(24 * 3600)
    allowance = await quotas.allowance(1, 100)
    assert (allowance.member.left, allowance.guild.left) == (20, 95)
    clock.turn(31 * 24 * 3600)
    assert (await quotas.allowance(1, 100)).guild.left == 100


async def test_the_caps_a_server_has_outlive_other_defaults(
    db: SqliteDatabase, clock: TurnedClock, quotas: Quotas
) -> None:
    await quotas.allowance(1, 100)
    later = Quotas(db=db, clock=clock, defaults=builders.NO_CAPS)
    assert (await later.allowance(1, 100)).caps == CAPS
    assert (await later.allowance(2, 100)).caps == builders.NO_CAPS
