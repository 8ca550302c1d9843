import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot import shards
from bot.db import installation
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.shards import SharedLine, Turns
from tests.patience import PATIENCE_S
from tests.services.doubles import TurnedClock


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    opened = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def line(db: SqliteDatabase, clock: TurnedClock) -> SharedLine:
    return SharedLine(db, clock)


async def test_one_has_the_turn_and_others_are_told_when_to_try_again(
    line: SharedLine, clock: TurnedClock
) -> None:
    assert await line.try_turn(0) == 0
    assert await line.try_turn(1) == 0  # Discord lets these in at once
    clock.turn(2)
    assert await line.try_turn(0) == 3.5
    clock.turn(3.5)
    assert await line.try_turn(0) == 0


async def test_who_connects_slowly_keeps_the_others_waiting_from_when_it_identifies(
    line: SharedLine, clock: TurnedClock
) -> None:
    assert await line.try_turn(0) == 0
    clock.turn(4)
    await line.begun(0)
    assert await line.try_turn(0) == 5.5


async def test_however_many_wait_nobody_is_sent_further_away_than_one_turn(line: SharedLine) -> None:
    assert [await line.try_turn(0) for _ in range(100)] == [0, *[5.5] * 99]


async def test_a_turn_that_a_wrong_clock_wrote_is_not_believed(
    line: SharedLine, db: SqliteDatabase, clock: TurnedClock
) -> None:
    await db.write(installation.remember("identify 0", str(clock.now_ms() + 3_600_000)))
    assert await line.try_turn(0) == 0


async def test_without_the_database_the_shards_of_a_process_wait_for_each_other(
    line: SharedLine, db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_transaction: object) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(db, "write", away)
    assert await line.try_turn(0) == 0
    assert 0 < await line.try_turn(0) <= shards.IDENTIFIES_EVERY_S
    await line.begun(1)
    assert await line.try_turn(1) > 0


class Crowd:
    """A line whose turn never comes."""

    def __init__(self) -> None:
        self.tried: list[int] = []
        self.was_tried = asyncio.Event()

    async def try_turn(self, remainder: int) -> float:
        self.tried.append(remainder)
        self.was_tried.set()
        return 3600.0

    async def begun(self, remainder: int) -> None:
        raise AssertionError(remainder)


async def test_of_a_process_one_shard_stands_in_each_line() -> None:
    crowd = Crowd()
    turns = Turns(crowd)
    turns.max_concurrency = 2
    waiting = [asyncio.ensure_future(turns.come(shard_id)) for shard_id in range(6)]
    await asyncio.wait_for(crowd.was_tried.wait(), PATIENCE_S)
    for _ in range(10):
        await asyncio.sleep(0)
    assert sorted(crowd.tried) == [0, 1]
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
