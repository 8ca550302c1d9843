"""What a log channel is told about its server's budget."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest

from bot.app import task_group
from bot.db import entries, grants, guilds, jobs, lanes, limits, money
from bot.db.notices import untold
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.errors import DestinationGone, DiscordUnavailable, QuotaExceeded
from bot.domain.jobs import JobState
from bot.domain.limits import EVERYBODY, Limit, Measure
from bot.domain.money import Scope
from bot.services.notices import Notices
from tests import builders
from tests.held import held
from tests.patience import PATIENCE_S
from tests.services.doubles import RecordingPublisher, TurnedClock

CAPS = builders.caps(guild_month=100)
LOG_CHANNEL = 55


class Listening(RecordingPublisher):
    """Says when something was told, or could not be."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Semaphore(0)

    async def tell(
        self, guild_id: int, channel_id: int, text: str, *, key: str, is_silent: bool = False
    ) -> None:
        try:
            await super().tell(guild_id, channel_id, text, key=key, is_silent=is_silent)
        finally:
            self.heard.release()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    await database.write(lanes.open_pool("local"))
    await database.write(guilds.prefer(1, {"log_channel_id": LOG_CHANNEL}, defaults=CAPS))
    yield database
    await database.close()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def publisher() -> Listening:
    return Listening()


@pytest.fixture
async def notices(db: SqliteDatabase, clock: TurnedClock, publisher: Listening) -> AsyncGenerator[Notices]:
    async with held(_running(db, clock, publisher)) as made:
        yield made


@asynccontextmanager
async def _running(db: SqliteDatabase, clock: TurnedClock, publisher: Listening) -> AsyncGenerator[Notices]:
    async with task_group() as tasks:
        made = Notices(db=db, publisher=publisher, clock=clock)
        tasks.create_task(made.run())
        yield made


async def spend(db: SqliteDatabase, clock: TurnedClock, price: int, *, guild_id: int = 1) -> bool:
    accepted = await db.write(
        jobs.accept(
            builders.origin(guild_id=guild_id),
            builders.request(),
            builders.choice(price),
            defaults=CAPS,
            now_ms=clock.now_ms(),
        )
    )
    return accepted.is_budget_news


async def told(publisher: Listening, times: int) -> list[str]:
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(times):
            await publisher.heard.acquire()
    return [text for _, _, text in publisher.told]


async def test_four_fifths_and_the_end_of_a_budget_are_told_once_each(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    assert not await spend(db, clock, 79)
    assert await spend(db, clock, 1)
    notices.wake()
    [first] = await told(publisher, 1)
    assert first.startswith(
        "**80 % of this server's budget for this month is taken**: 0 used and 80 reserved of 100"
    )
    assert not await spend(db, clock, 5)
    assert await spend(db, clock, 15)
    notices.wake()
    assert "is used up" in (await told(publisher, 1))[-1]
    assert {(guild_id, channel_id) for guild_id, channel_id, _ in publisher.told} == {(1, LOG_CHANNEL)}


async def test_a_budget_that_is_gone_at_once_is_told_as_gone(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    assert await spend(db, clock, 100)
    notices.wake()
    assert "is used up" in (await told(publisher, 1))[0]
    async with asyncio.timeout(PATIENCE_S):
        while await db.read(untold(now_ms=clock.now_ms())):  # noqa: ASYNC110 - a row says that it is told
            await asyncio.sleep(0)


async def test_a_dear_request_that_is_refused_is_no_news_of_the_budget(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    with pytest.raises(QuotaExceeded):
        await spend(db, clock, 150)
    assert await spend(db, clock, 85)
    notices.wake()
    assert "80 %" in (await told(publisher, 1))[-1]


async def test_credits_on_top_of_a_budget_that_is_used_up_are_told(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    on_top = grants.give(
        1, entries.SERVER, 500, expires_at_ms=None, by_id=9, reason=None, now_ms=clock.now_ms()
    )
    await db.write(on_top)
    assert await spend(db, clock, 120)
    notices.wake()
    assert "After it, 480 credits that were granted on top are used." in (await told(publisher, 1))[-1]


async def test_another_cap_of_the_server_is_no_news_of_its_budget(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    await spend(db, clock, 85)
    notices.wake()
    await told(publisher, 1)
    for measure in (Measure.RUNNING, Measure.DAY):
        await db.write(limits.put(1, Limit(Scope.SERVER, EVERYBODY, measure, 10_000)))
    assert not await spend(db, clock, 5)


async def test_only_notices_of_present_periods_are_kept(db: SqliteDatabase, clock: TurnedClock) -> None:
    for _ in range(3):
        assert await spend(db, clock, 100)
        clock.turn(31 * 86_400)
    assert await db.read(_count()) == 2


def _count() -> Transaction[int]:
    return (yield "SELECT count(*) AS n FROM notices", {})[0]["n"]


async def test_what_discord_does_not_take_now_is_told_later(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    publisher.tell_faults.append(DiscordUnavailable())
    await spend(db, clock, 90)
    notices.wake()
    assert await told(publisher, 1) == []
    clock.turn_soon(60)
    assert len(await told(publisher, 1)) == 1


async def test_a_channel_that_is_gone_is_not_tried_for_ever(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    publisher.tell_faults.append(DestinationGone())
    await spend(db, clock, 90)
    notices.wake()
    assert await told(publisher, 1) == []
    await spend(db, clock, 10)
    notices.wake()
    assert len(await told(publisher, 1)) == 1


async def test_what_was_noted_is_told_after_a_restart(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening
) -> None:
    await spend(db, clock, 90)
    async with held(_running(db, clock, publisher)):
        assert len(await told(publisher, 1)) == 1


async def test_a_server_without_a_log_channel_hears_of_the_present_budget_once_it_has_one(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    await spend(db, clock, 90, guild_id=2)
    notices.wake()
    await db.write(guilds.prefer(2, {"log_channel_id": 66}, defaults=CAPS))
    notices.wake()
    await told(publisher, 1)
    assert [channel_id for _, channel_id, _ in publisher.told] == [66]


async def test_a_budget_of_the_past_is_not_news(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening
) -> None:
    await spend(db, clock, 90)
    clock.turn(40 * 86_400)
    await spend(db, clock, 85)
    async with held(_running(db, clock, publisher)):
        [text] = await told(publisher, 1)
    assert "85 reserved" in text


async def test_a_budget_that_was_raised_is_news_again_when_it_runs_out(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    await spend(db, clock, 100)
    notices.wake()
    await told(publisher, 1)
    await db.write(limits.put(1, Limit(Scope.SERVER, EVERYBODY, Measure.MONTH, 200)))
    assert not await spend(db, clock, 50)
    assert await spend(db, clock, 20)
    notices.wake()
    assert "170 reserved of 200" in (await told(publisher, 1))[-1]


async def test_a_budget_that_was_reset_is_news_again_when_it_runs_out(
    db: SqliteDatabase, clock: TurnedClock, publisher: Listening, notices: Notices
) -> None:
    await spend(db, clock, 90)
    notices.wake()
    await told(publisher, 1)
    job = await db.write(jobs.cancel(1, guild_id=1, owner_id=None, now_ms=clock.now_ms()))
    assert job.state is JobState.CANCELLED
    reset = money.reset(1, Scope.SERVER, EVERYBODY, zone=UTC, by_id=9, reason=None, now_ms=clock.now_ms())
    assert await db.write(reset) == {}
    assert await spend(db, clock, 80)
    notices.wake()
    assert len(await told(publisher, 1)) == 2
