from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import jobs, lanes, money
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.jobs import JobState
from tests import builders

NOW_MS = 1_790_000_000_000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """One reserved, one settled and one refunded job."""
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    await database.write(lanes.open_pool("local"))
    for end in (None, JobState.DONE, JobState.FAILED):
        await database.write(_live(end))
    yield database
    await database.close()


def _live(end: JobState | None) -> Transaction[None]:
    origin, request = builders.origin(), builders.request()
    yield from jobs.accept(origin, request, builders.choice(5), defaults=builders.NO_CAPS, now_ms=NOW_MS)
    if end is None:
        return
    job = yield from jobs.admit("local", slots=10, now_ms=NOW_MS)
    assert job
    on_the_way = (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING)
    for state in (*(on_the_way if end is JobState.DONE else ()), end):
        job = yield from jobs.move(job, state, now_ms=NOW_MS)


def _do(sql: str) -> Transaction[None]:
    yield sql, {}


async def test_sound_books_agree(db: SqliteDatabase) -> None:
    assert await db.read(money.discrepancies()) == 0


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        ("UPDATE budgets SET used = used + 1 WHERE user_id = 0", 1),
        ("UPDATE budgets SET reserved = reserved + 1", 2),
        ("DELETE FROM budgets WHERE user_id <> 0", 1),
        ("INSERT INTO budgets (guild_id, user_id, period, reserved, used) VALUES (9, 9, '2026-11', 0, 3)", 1),
        ("DELETE FROM ledger WHERE kind = 'settle'", 2),
        ("DELETE FROM ledger WHERE kind = 'refund'", 2),
    ],
)
async def test_every_budget_that_the_ledger_does_not_bear_out_is_counted(
    db: SqliteDatabase, damage: str, wrong: int
) -> None:
    await db.write(_do(damage))
    assert await db.read(money.discrepancies()) == wrong
