"""Cards that several processes edit."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.app import task_group
from bot.db import cards as edits
from bot.db import jobs, lanes
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import DiscordUnavailable
from bot.domain.jobs import Job, JobState
from bot.services.cards import ON_ITS_WAY_MS, Cards
from bot.services.gate import Gate
from bot.services.ports import Card
from tests import builders
from tests.held import held
from tests.services.doubles import RecordingPublisher, ScriptedProvider, TurnedClock, routes

RENDERING, FETCHING = JobState.RENDERING, JobState.FETCHING


class Road(RecordingPublisher):
    """One process's way to the message; an edit may be held up on it."""

    def __init__(self, message: list[tuple[JobState, float | None]]) -> None:
        super().__init__()
        self.message = message
        self.is_free = asyncio.Event()
        self.is_free.set()
        self.takes = 99

    async def show(self, card: Card) -> None:
        await self.is_free.wait()
        if not self.takes:
            raise DiscordUnavailable
        self.takes -= 1
        self.message.append((card.job.state, card.job.progress))


@dataclass
class Hall:
    """Two processes, one database, one message."""

    db: SqliteDatabase
    clock: TurnedClock
    message: list[tuple[JobState, float | None]]
    roads: list[Road]
    processes: list[Cards]

    async def job(self, *states: JobState) -> Job:
        accepted = await self.db.write(
            jobs.accept(
                builders.origin(),
                builders.request(),
                builders.choice(provider="scripted"),
                defaults=builders.NO_CAPS,
                now_ms=self.clock.now_ms(),
            )
        )
        job = accepted.job
        if states:
            job = await self.db.write(jobs.admit("scripted", slots=99, now_ms=self.clock.now_ms()))
            assert job is not None
        for state in states[1:]:
            job = await self.moved(job, state)
        return job

    async def rendering(self) -> Job:
        """A job that renders, and that the first process has shown some time ago."""
        job = await self.job(JobState.SUBMITTING, RENDERING)
        await self.first_shown(job)
        await self.turn(60)
        self.message.clear()
        return job

    async def first_shown(self, job: Job) -> None:
        self.processes[0].begin(job, self.roads[0].show)
        await self.settled()

    async def moved(self, job: Job, state: JobState | None = None, **known: Any) -> Job:
        return await self.db.write(jobs.move(job, state or job.state, now_ms=self.clock.now_ms(), **known))

    async def tell(self, job: Job, *numbers: int) -> None:
        for number in numbers:
            self.processes[number].changed(job)
        await self.settled()

    async def turn(self, seconds: float) -> None:
        self.clock.turn(seconds)
        await self.settled()

    async def settled(self) -> None:
        for _ in range(8):
            await self.db.read(lanes.queued_by(1, 1))
            await self.db.write(lanes.open_pool("scripted"))
            await asyncio.sleep(0)


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncGenerator[Hall]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Hall]:
        db = await SqliteDatabase.open(tmp_path / "kinora.db")
        await db.write(lanes.open_pool("scripted"))
        clock, message = TurnedClock(), list[tuple[JobState, float | None]]()
        roads = [Road(message), Road(message)]
        async with task_group() as tasks:
            processes = [
                Cards(
                    db=db,
                    publisher=road,
                    providers={"scripted": ScriptedProvider()},
                    routes=routes(db, builders.SCRIPTED),
                    gate=Gate(changed=lambda: None),
                    clock=clock,
                    tasks=tasks,
                    are_shared=True,
                )
                for road in roads
            ]
            yield Hall(db, clock, message, roads, processes)
        await db.close()

    async with held(opened()) as made:
        yield made


async def test_two_processes_pace_each_other(hall: Hall) -> None:
    job = await hall.rendering()
    for second in range(1, 21):
        job = await hall.moved(job, progress=second / 100)
        await hall.tell(job, second % 2)
        await hall.turn(1)
    assert hall.message == [(RENDERING, 0.01), (RENDERING, 0.1), (RENDERING, 0.2)]


async def test_what_one_process_has_shown_the_other_does_not_show_again(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    await hall.tell(job, 0, 1)
    await hall.turn(60)
    assert hall.message == [(RENDERING, 0.5)]


async def test_the_process_that_took_the_request_shows_its_card_first(hall: Hall) -> None:
    job = await hall.job(JobState.SUBMITTING)
    await hall.tell(job, 1)
    assert hall.message == []
    await hall.first_shown(job)
    job = await hall.moved(job, RENDERING)
    await hall.tell(job, 1)
    assert hall.message == [(JobState.SUBMITTING, None)]
    await hall.turn(2)
    assert hall.message == [(JobState.SUBMITTING, None), (RENDERING, None)]


async def test_a_card_whose_first_process_died_is_shown_by_another(hall: Hall) -> None:
    await hall.tell(await hall.job(JobState.SUBMITTING), 1)
    await hall.turn(2)
    assert hall.message == [(JobState.SUBMITTING, None)]


async def test_an_edit_that_arrives_after_the_end_does_not_stay(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    hall.roads[0].is_free.clear()
    await hall.tell(job, 0)
    job = await hall.moved(job, JobState.FAILED)
    await hall.processes[1].finish(job)
    assert hall.message == [(JobState.FAILED, 0.5)]
    hall.roads[0].is_free.set()
    await hall.settled()
    assert hall.message == [(JobState.FAILED, 0.5), (RENDERING, 0.5), (JobState.FAILED, 0.5)]


async def test_the_end_that_has_to_be_shown_again_is_tried_until_discord_takes_it(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    hall.roads[0].is_free.clear()
    await hall.tell(job, 0)
    await hall.processes[1].finish(await hall.moved(job, JobState.FAILED))
    hall.roads[0].takes = 1
    hall.roads[0].is_free.set()
    await hall.settled()
    assert hall.message[-1] == (RENDERING, 0.5)
    hall.roads[0].takes = 9
    await hall.turn(10)
    assert hall.message[-1] == (JobState.FAILED, 0.5)


async def test_the_end_is_shown_once_more_where_a_process_may_have_died_over_an_edit(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    hall.roads[0].is_free.clear()
    await hall.tell(job, 0)
    job = await hall.moved(job, JobState.FAILED)
    again_ms = await hall.processes[1].finish(job)
    assert again_ms == hall.clock.now_ms() + ON_ITS_WAY_MS
    dead = hall.processes[0]._refreshes[job.id].task
    assert dead is not None
    dead.cancel()
    hall.message.append((RENDERING, 0.5))  # Discord had it all the same
    await hall.turn(ON_ITS_WAY_MS / 1000)
    assert await hall.processes[1].finish(job) is None
    assert hall.message[-1] == (JobState.FAILED, 0.5)


async def test_the_end_is_shown_once_where_nothing_can_come_after_it(hall: Hall) -> None:
    by_itself, long_ago = await hall.rendering(), await hall.rendering()
    by_itself = await hall.moved(by_itself, progress=0.5)
    await hall.tell(by_itself, 1)
    for job in (by_itself, long_ago):
        assert await hall.processes[1].finish(await hall.moved(job, JobState.FAILED)) is None


async def test_what_came_since_is_looked_at_once_the_database_is_back(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    hall.roads[0].is_free.clear()
    await hall.tell(job, 0)
    await hall.processes[1].finish(await hall.moved(job, JobState.FAILED))

    async def away(_: object) -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(hall.processes[0]._db, "read", away)
        hall.roads[0].is_free.set()
        for _ in range(8):
            await asyncio.sleep(0)
    assert hall.message[-1] == (RENDERING, 0.5)
    await hall.turn(10)
    assert hall.message[-1] == (JobState.FAILED, 0.5)


async def test_nothing_is_begun_once_the_job_has_ended(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    edit = edits.Shown("rendering", hall.clock.now_ms(), "any")
    await hall.moved(job, JobState.FAILED)
    for is_first in (True, False):
        seen = await hall.db.read(edits.shown(job.id))
        assert seen is not None
        begin = edits.begin(job.id, edit, since_ms=seen.at_ms, is_first=is_first)
        assert not await hall.db.write(begin)


async def test_of_two_that_begin_at_once_one_does(hall: Hall) -> None:
    job = await hall.rendering()
    seen = await hall.db.read(edits.shown(job.id))
    assert seen is not None
    edit = edits.Shown("rendering", hall.clock.now_ms(), "any")
    both = [hall.db.write(edits.begin(job.id, edit, since_ms=seen.at_ms)) for _ in range(2)]
    assert sorted(await asyncio.gather(*both)) == [False, True]


async def test_what_came_late_is_followed_by_what_is_true_now(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    hall.roads[0].is_free.clear()
    await hall.tell(job, 0)
    await hall.turn(2)
    job = await hall.moved(job, FETCHING)
    await hall.tell(job, 1)
    assert hall.message == [(FETCHING, 0.5)]
    hall.roads[0].is_free.set()
    await hall.settled()
    await hall.turn(60)
    assert hall.message == [(FETCHING, 0.5), (RENDERING, 0.5), (FETCHING, 0.5)]


async def test_an_edit_that_was_not_taken_is_made_again_by_either(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    hall.roads[0].takes = 0
    await hall.tell(job, 0)
    await hall.tell(await hall.moved(job, tries=1), 1)
    await hall.turn(10)
    assert hall.message == [(RENDERING, 0.5)]


async def test_a_request_to_stop_is_shown_at_once(hall: Hall) -> None:
    job = await hall.moved(await hall.rendering(), progress=0.5)
    await hall.tell(job, 1)
    await hall.turn(3)
    cancelled = await hall.db.write(
        jobs.cancel(job.id, guild_id=1, owner_id=None, now_ms=hall.clock.now_ms())
    )
    await hall.tell(cancelled, 0)
    assert len(hall.message) == 2
