"""Forgetting goes on by itself, whatever Discord does, until nothing is left."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.app import task_group
from bot.db import audit, jobs, lanes, privacy
from bot.db.errors import DatabaseUnavailable
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import DestinationForbidden, DiscordUnavailable
from bot.domain.jobs import Job, JobState
from bot.services.privacy import (
    CARRIED_FOR_MS,
    TRIED_AGAIN_MS,
    TRIED_FOR_MS,
    ForgottenJustNow,
    Privacy,
)
from tests import builders
from tests.patience import PATIENCE_S
from tests.services.doubles import RecordingPublisher, TurnedClock

MIA = 123456789012345678


@dataclass
class RecordingEraser:
    """Keeps what it was told to erase; faults that a test lined up come first."""

    faults: deque[Exception] = field(default_factory=deque[Exception])
    deleted: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    renamed: list[int] = field(default_factory=list[int])

    async def delete(self, channel_id: int, message_id: int) -> None:
        if self.faults:
            raise self.faults.popleft()
        self.deleted.append((channel_id, message_id))

    async def rename(self, thread_id: int) -> None:
        self.renamed.append(thread_id)


@dataclass
class Scene:
    db: SqliteDatabase
    clock: TurnedClock
    eraser: RecordingEraser
    woken: list[int]
    let_go: list[None]
    privacy: Privacy

    async def accepted(self) -> Job:
        asked = jobs.accept(
            builders.origin(user_id=MIA),
            builders.request(),
            builders.choice(),
            defaults=builders.NO_CAPS,
            now_ms=self.clock.now_ms(),
        )
        return (await self.db.write(asked)).job

    async def running(self) -> Job:
        await self.accepted()
        job = await self.db.write(jobs.admit("local", slots=9, now_ms=self.clock.now_ms()))
        assert job is not None
        return job

    async def moved(self, job: Job, state: JobState) -> Job:
        job = await self.db.read(jobs.get(job.id))
        return await self.db.write(jobs.move(job, state, now_ms=self.clock.now_ms()))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("local"))
    clock, eraser, woken, let_go = TurnedClock(), RecordingEraser(), list[int](), list[None]()
    yield Scene(
        db,
        clock,
        eraser,
        woken,
        let_go,
        Privacy(
            db=db,
            clock=clock,
            publisher=RecordingPublisher(),
            eraser=eraser,
            wake=woken.append,
            let_go=lambda: let_go.append(None),
        ),
    )
    assert await db.read(audit.discrepancies()) == 0
    await db.close()


async def test_ended_jobs_are_emptied_and_their_messages_deleted_at_once(scene: Scene) -> None:
    job = await scene.accepted()
    await scene.privacy.forget(MIA)
    assert await scene.privacy.carry_on() is None
    assert scene.eraser.deleted == [(10, job.origin.card_id)]
    assert scene.let_go
    assert (await scene.db.read(jobs.get(job.id))).request.prompt == "-"


async def test_a_running_job_is_woken_and_looked_after_when_it_has_ended(scene: Scene) -> None:
    job = await scene.running()
    await scene.privacy.forget(MIA)
    assert scene.woken == [job.id]
    again_ms = await scene.privacy.carry_on()
    assert again_ms is not None
    assert again_ms > scene.clock.now_ms()
    assert scene.eraser.deleted == [(10, job.origin.card_id)]
    await scene.moved(job, JobState.CANCELLED)
    assert await scene.privacy.carry_on() is None
    assert (await scene.db.read(jobs.get(job.id))).request.prompt == "-"


async def test_what_discord_does_not_answer_is_tried_again_a_minute_later(scene: Scene) -> None:
    job = await scene.accepted()
    await scene.privacy.forget(MIA)
    scene.eraser.faults.append(DiscordUnavailable())
    next_ms = await scene.privacy.carry_on()
    assert next_ms == scene.clock.now_ms() + TRIED_AGAIN_MS
    scene.clock.turn(TRIED_AGAIN_MS / 1000)
    assert await scene.privacy.carry_on() is None
    assert scene.eraser.deleted == [(10, job.origin.card_id)]


async def test_one_message_that_does_not_go_keeps_no_other_from_going(scene: Scene) -> None:
    await scene.accepted()
    second = await scene.accepted()
    await scene.privacy.forget(MIA)
    scene.eraser.faults.append(DiscordUnavailable())
    await scene.privacy.carry_on()
    assert scene.eraser.deleted == [(10, second.origin.card_id)]


async def test_what_is_forbidden_or_away_for_a_week_is_left_alone(scene: Scene) -> None:
    await scene.accepted()
    await scene.accepted()
    await scene.privacy.forget(MIA)
    scene.eraser.faults.extend([DestinationForbidden(), DiscordUnavailable(), DiscordUnavailable()])
    assert await scene.privacy.carry_on() is not None
    scene.clock.turn(TRIED_FOR_MS / 1000)
    assert await scene.privacy.carry_on() is None
    assert scene.eraser.deleted == []


async def test_it_is_done_without_being_asked_for_and_again_after_trouble(scene: Scene) -> None:
    job = await scene.accepted()
    async with task_group() as tasks:
        tasks.create_task(scene.privacy.run())
        scene.eraser.faults.append(RuntimeError("nobody foresaw it"))
        await scene.privacy.forget(MIA)
        async with asyncio.timeout(PATIENCE_S):
            while scene.eraser.faults:  # noqa: ASYNC110 - a list rings no bell
                await asyncio.sleep(0.01)
            scene.clock.turn_soon(TRIED_AGAIN_MS / 1000)
            while not scene.eraser.deleted:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert scene.eraser.deleted == [(10, job.origin.card_id)]


async def test_a_thread_loses_its_name_before_its_messages_are_deleted(scene: Scene) -> None:
    job = await scene.accepted()
    await scene.db.write(
        jobs.move(job, JobState.QUEUED, now_ms=0, thread_id=71, message_channel_id=71, message_id=72)
    )
    await scene.privacy.forget(MIA)
    await scene.privacy.carry_on()
    assert scene.eraser.renamed == [71]
    assert set(scene.eraser.deleted) == {(10, job.origin.card_id), (71, 72)}


async def test_a_second_time_within_a_minute_is_refused(scene: Scene) -> None:
    await scene.privacy.forget(MIA)
    with pytest.raises(ForgottenJustNow):
        await scene.privacy.forget(MIA)
    scene.clock.turn(61)
    await scene.privacy.forget(MIA)


async def test_who_could_not_be_forgotten_may_try_again_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.accepted()

    async def away(_: object) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as outage:
        outage.setattr(scene.db, "write", away)
        with pytest.raises(DatabaseUnavailable):
            await scene.privacy.forget(MIA)
    await scene.privacy.forget(MIA)
    assert (await scene.privacy.holdings(MIA)).jobs == 0


async def test_what_was_used_is_nobodys_a_month_later(scene: Scene) -> None:
    job = await scene.running()
    for state in (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE):
        job = await scene.moved(job, state)
    await scene.privacy.forget(MIA)
    await scene.privacy.carry_on()
    later_ms = scene.clock.now_ms() + CARRIED_FOR_MS + 1
    assert len(await scene.db.read(privacy.carried(before_ms=later_ms, limit=9))) == 3
    scene.clock.turn(CARRIED_FOR_MS / 1000 + 1)
    await scene.privacy.carry_on()
    assert await scene.db.read(privacy.carried(before_ms=later_ms, limit=9)) == []


async def test_what_is_held_of_a_member_is_told(scene: Scene) -> None:
    await scene.running()
    await scene.accepted()
    assert await scene.privacy.holdings(MIA) == privacy.Holdings(servers=1, jobs=2, waiting=1, running=1)
