"""The queue is answered from partial indexes: neither history nor the length of the queue may slow it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import jobs, lanes
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


def plan(sql: str) -> Transaction[str]:
    rows = yield f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    return "\n".join(row["detail"] for row in rows)


@pytest.mark.parametrize("sql", [lanes._NEXT_LANE, lanes._NEXT_TURN])
async def test_running_jobs_are_counted_without_reading_the_history_of_a_guild(
    db: SqliteDatabase, sql: str
) -> None:
    found = await db.read(plan(sql))
    assert "COVERING INDEX jobs_running" in found
    assert "jobs_member" not in found
    assert "SCAN" not in found


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (lanes._NEXT_JOB, "jobs_queued"),
        (lanes._OWN_BEFORE, "jobs_queued"),
        (lanes._TURNS, "turns_next"),
        (lanes._LANES, "lanes_next"),
        (jobs._WAITING_OF, "jobs_waiting"),
        (jobs._ACTIVE_OF, "jobs_active"),
        (jobs._COUNTS, "jobs_active"),
        (jobs._BY_TASK, "jobs_task"),
        (jobs._OF_MEMBER, "jobs_member"),
    ],
)
async def test_a_question_about_the_queue_uses_the_index_made_for_it(
    db: SqliteDatabase, sql: str, index: str
) -> None:
    found = await db.read(plan(sql))
    assert f"INDEX {index} " in found
    assert "SCAN" not in found


@pytest.mark.parametrize("sql", [jobs._WAITING_OF, jobs._ACTIVE_OF, jobs._OF_MEMBER])
async def test_a_listing_is_read_in_order_and_not_sorted(db: SqliteDatabase, sql: str) -> None:
    assert "TEMP B-TREE" not in await db.read(plan(sql))
