"""Clips that are deleted with their button."""

from typing import Any

import pytest

from bot.db import erasures
from bot.domain.errors import DestinationForbidden, NoSuchJob
from bot.domain.jobs import Aftercare, Job, JobState
from bot.services.withdrawals import NothingPosted, NotYoursToDelete, Withdrawals
from tests.services.conftest import Engine

GUILD, MIA, ADA, LEO = 1, 100, 7, 8


class Deleting:
    """An engine, and what deleting set in motion."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.told = 0
        self.messages: tuple[tuple[int, int], ...] = ()
        self.woken: list[int] = []
        self.withdrawals = Withdrawals(
            db=engine.db, clock=engine.clock, withdrawn=self.one_more, wake=self.woken.append
        )

    def one_more(self) -> None:
        self.told += 1

    async def posted(self) -> Job:
        return await self.engine.until(await self.engine.admitted(), JobState.DONE)

    async def withdraw(self, job: Job, by: int, **known: Any) -> Job:
        usual: dict[str, Any] = {"guild_id": GUILD, "user_id": by, "may_any": by == ADA}
        withdrawn, self.messages = await self.withdrawals.withdraw(job.id, **usual | known)
        return withdrawn

    async def to_erase(self, after_s: float = 0) -> list[tuple[int, int]]:
        """The messages that are to be deleted by then."""
        now_ms = self.engine.clock.now_ms() + int(after_s * 1000)
        found = await self.engine.db.read(erasures.due(now_ms=now_ms, limit=50))
        return [(erasure.channel_id, erasure.message_id) for erasure in found]


@pytest.fixture
def deleting(engine: Engine) -> Deleting:
    return Deleting(engine)


async def test_it_is_written_down_when_and_by_whom_and_files_are_looked_after(deleting: Deleting) -> None:
    job = await deleting.withdraw(await deleting.posted(), MIA)
    assert (job.withdrawn_by, job.withdrawn_at_ms) == (MIA, deleting.engine.clock.now_ms())
    assert job.state is JobState.DONE
    assert deleting.told == 1


async def test_what_no_place_took_is_given_back_when_its_member_deletes_it(deleting: Deleting) -> None:
    engine = deleting.engine
    job = await engine.admitted(user_id=MIA)
    closed = DestinationForbidden("closed")
    engine.publisher.thread_fault = closed
    engine.publisher.closed = {10: closed, 777: closed}
    job = await engine.until(job, JobState.UNDELIVERABLE)
    assert (await engine.balance()).reserved == 5
    with pytest.raises(NotYoursToDelete):
        await deleting.withdraw(job, LEO)
    assert await engine.db.write(erasures.share(job.id, 20, 9001))
    job = await deleting.withdraw(job, MIA)
    assert (job.state, job.clip, job.withdrawn_by) == (JobState.FAILED, None, MIA)
    assert (job.aftercare, deleting.woken) == (Aftercare.CARD, [job.id])
    balance = await engine.balance()
    assert (balance.reserved, balance.used) == (0, 0)
    assert await deleting.to_erase() == [(20, 9001)]


async def test_once_more_changes_nothing(deleting: Deleting) -> None:
    first = await deleting.withdraw(await deleting.posted(), MIA)
    deleting.engine.clock.turn(60)
    assert await deleting.withdraw(first, MIA) == first


async def test_a_moderator_has_the_last_word(deleting: Deleting) -> None:
    job = await deleting.withdraw(await deleting.posted(), MIA)
    assert (await deleting.withdraw(job, ADA)).withdrawn_by == ADA
    assert (await deleting.withdraw(job, MIA)).withdrawn_by == ADA


async def test_nobody_else_may(deleting: Deleting) -> None:
    job = await deleting.posted()
    with pytest.raises(NotYoursToDelete):
        await deleting.withdraw(job, LEO)
    assert (await deleting.engine.job(job)).withdrawn_at_ms is None
    assert deleting.told == 0


async def test_another_servers_clip_is_none(deleting: Deleting) -> None:
    job = await deleting.posted()
    with pytest.raises(NoSuchJob):
        await deleting.withdraw(job, ADA, guild_id=2)


@pytest.mark.parametrize("state", [JobState.RENDERING, JobState.DELIVERING])
async def test_what_is_not_posted_is_not_deleted(deleting: Deleting, state: JobState) -> None:
    job = await deleting.engine.until(await deleting.engine.admitted(), state)
    with pytest.raises(NothingPosted):
        await deleting.withdraw(job, MIA)


async def test_the_job_goes_on_being_looked_after(deleting: Deleting) -> None:
    job = await deleting.posted()
    await deleting.withdraw(job, MIA)
    for _ in range(5):
        job = await deleting.engine.step(job)
    assert job.aftercare.name == "NONE"
    assert job.withdrawn_by == MIA


async def test_every_message_that_is_known_goes_and_is_deleted_later_where_it_does_not(
    deleting: Deleting,
) -> None:
    job = await deleting.posted()
    await deleting.engine.db.write(erasures.share(job.id, 60, 61))
    await deleting.withdraw(job, MIA, shown=[(70, 71), (60, 61)])
    assert job.message_channel_id is not None
    assert job.message_id is not None
    posted = (job.message_channel_id, job.message_id)
    assert job.thread_id is not None
    thread = (job.thread_id, 0)
    assert deleting.messages == (posted, (60, 61), (70, 71), thread)
    assert await deleting.to_erase() == []
    assert set(await deleting.to_erase(after_s=30)) == {posted, (60, 61), (70, 71), thread}
    for message in deleting.messages:
        await deleting.withdrawals.is_gone(*message)
    assert await deleting.to_erase(after_s=30) == []
