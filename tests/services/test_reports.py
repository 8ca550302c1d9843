"""Reports of members about clips."""

import asyncio

import pytest

from bot.db import guilds
from bot.db.transaction import Transaction
from bot.domain.errors import DestinationForbidden, DiscordUnavailable
from bot.domain.jobs import Job
from bot.services import reports as module
from bot.services.reports import ModeratorsUnreachable, Report, ReportedBefore, Reports
from tests import builders
from tests.services.conftest import Engine

LOG, LEO, ZOE = 55, 8, 9


class Telling:
    """Reports about a clip, and which channels were told of them."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.engine = engine
        self.job = job
        self.reports = Reports(db=engine.db, clock=engine.clock)
        self.told: list[int] = []
        self.fault: Exception | None = None

    async def tell(self, channel_id: int) -> None:
        if self.fault is not None:
            raise self.fault
        self.told.append(channel_id)

    async def file(self, by: int = LEO) -> bool:
        return await self.reports.file(Report(self.job, by, "It is rude."), self.tell)

    async def kept(self) -> list[tuple[int, int, str]]:
        def read() -> Transaction[list[tuple[int, int, str]]]:
            rows = yield "SELECT job_id, user_id, reason FROM reports ORDER BY user_id", {}
            return [(row["job_id"], row["user_id"], row["reason"]) for row in rows]

        return await self.engine.db.read(read())


@pytest.fixture
async def telling(engine: Engine) -> Telling:
    telling = Telling(engine, await engine.admitted())
    await engine.db.write(guilds.prefer(1, {"log_channel_id": LOG}, defaults=builders.NO_CAPS))
    return telling


async def test_a_report_is_told_and_kept(telling: Telling) -> None:
    assert await telling.file()
    assert telling.told == [LOG]
    assert await telling.kept() == [(telling.job.id, LEO, "It is rude.")]


async def test_each_member_reports_a_clip_once(telling: Telling) -> None:
    await telling.file()
    with pytest.raises(ReportedBefore):
        await telling.file()
    assert await telling.file(ZOE)
    assert telling.told == [LOG, LOG]


async def test_without_a_log_channel_it_is_kept_all_the_same(telling: Telling) -> None:
    await telling.engine.db.write(guilds.prefer(1, {"log_channel_id": None}, defaults=builders.NO_CAPS))
    assert not await telling.file()
    assert telling.told == []
    assert len(await telling.kept()) == 1


async def test_a_log_channel_that_is_closed_to_the_bot_is_as_good_as_none(telling: Telling) -> None:
    telling.fault = DestinationForbidden()
    assert not await telling.file()
    assert len(await telling.kept()) == 1


async def test_what_nobody_may_have_heard_is_not_kept_so_that_it_can_be_said_again(telling: Telling) -> None:
    telling.fault = DiscordUnavailable()
    with pytest.raises(ModeratorsUnreachable):
        await telling.file()
    assert await telling.kept() == []
    telling.fault = None
    assert await telling.file()


async def test_a_member_does_not_wait_for_a_discord_that_hangs(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOLD_WITHIN_S", 0.01)
    report = Report(telling.job, LEO, "It is rude.")

    async def hang(_channel_id: int) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ModeratorsUnreachable):
        await telling.reports.file(report, hang)
    assert await telling.kept() == []
