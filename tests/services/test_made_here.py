"""What a worker renders itself lies with it alone: who has it holds on to it, and who has no room does not begin."""

import asyncio
from typing import Any

import pytest

from bot.db import jobs
from bot.domain.jobs import Job, JobState
from bot.domain.provider import Recovery, TaskLost
from bot.media.errors import StoreUnavailable
from bot.services.gate import Closure
from tests.patience import PATIENCE_S
from tests.services.conftest import Engine

SUBMITTING, FETCHING, DELIVERING = JobState.SUBMITTING, JobState.FETCHING, JobState.DELIVERING


@pytest.fixture
def worker(engine: Engine) -> Engine:
    """One of several."""
    engine.stages = engine.build(is_one_of_several=True)
    return engine


class Store:
    """Takes nothing until it is told to."""

    def __init__(self, worker: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_away = True
        self.tries: asyncio.Queue[None] = asyncio.Queue()
        blobs = worker.stages._blobs
        put = blobs.put

        async def tried(*given: Any, **known: Any) -> Any:
            self.tries.put_nowait(None)
            if self.is_away:
                raise StoreUnavailable
            return await put(*given, **known)

        monkeypatch.setattr(blobs, "put", tried)


class Tick:
    """Held until a test takes it away."""

    is_held = True

    async def __call__(self) -> bool:
        return self.is_held


async def held_on_for(worker: Engine, store: Store, minutes: int) -> None:
    for _ in range(minutes):
        await store.tries.get()
        worker.clock.turn_soon(60)


async def test_a_finished_clip_is_held_on_to_while_the_bucket_is_away(
    worker: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await worker.until(await worker.admitted(), FETCHING)
    store = Store(worker, monkeypatch)
    step = asyncio.create_task(worker.stages.advance(job.id))
    async with asyncio.timeout(PATIENCE_S):
        await held_on_for(worker, store, 90)
        assert (await worker.job(job)).version == job.version  # so that nobody else has anything to take
        store.is_away = False
        await step
    assert (await worker.job(job)).state is DELIVERING
    assert len(worker.provider.keys) == 1


async def test_until_somebody_else_has_the_job(worker: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    job, tick = await worker.until(await worker.admitted(), FETCHING), Tick()
    store = Store(worker, monkeypatch)
    step = asyncio.create_task(worker.stages.advance(job.id, holds=tick))
    async with asyncio.timeout(PATIENCE_S):
        await store.tries.get()
        tick.is_held = False
        worker.clock.turn_soon(60)
        assert await step is None
    assert (await worker.job(job)).version == job.version


async def test_what_a_vendor_keeps_is_left_to_whoever_comes(
    worker: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.provider.recovery = Recovery.LOOK_UP
    job = await worker.until(await worker.admitted(), FETCHING)
    Store(worker, monkeypatch)
    job = await worker.step(job)
    assert (job.state, job.tries) == (FETCHING, 1)


async def test_with_a_full_disk_it_is_fetched_where_it_is(worker: Engine) -> None:
    job = await worker.until(await worker.admitted(), FETCHING)
    worker.gate.shut(Closure.DISK_FULL)
    assert (await worker.step(job)).state is DELIVERING


async def test_what_was_finished_once_has_its_time_again(worker: Engine) -> None:
    worker.provider.opens.appendleft(TaskLost("its worker is gone"))
    job = await worker.until(await worker.admitted(), FETCHING)
    worker.clock.turn(2 * 3600)
    job = await worker.step(job)
    assert job.state is SUBMITTING
    worker.provider.polls.appendleft(TaskLost("and the next one"))
    await worker.until(job, JobState.DONE)


class TestFull:
    """Where no room is left."""

    @pytest.fixture(params=["cores", "disk"])
    def full(self, worker: Engine, request: pytest.FixtureRequest) -> Engine:
        if request.param == "cores":
            worker.provider.is_full = True
        else:
            worker.gate.shut(Closure.DISK_FULL)
        return worker

    def empty(self, worker: Engine) -> None:
        worker.provider.is_full = False
        worker.gate.open(Closure.DISK_FULL)

    async def waits(self, worker: Engine, job: Job, *, minutes: int) -> Job:
        for _ in range(minutes):
            worker.clock.turn(60)
            job = await worker.step(job)
            assert (job.state, job.marked_at_ms) == (SUBMITTING, None)
        return job

    async def test_nothing_is_begun_nor_said_to_be(self, full: Engine) -> None:
        job = await self.waits(full, await full.admitted(), minutes=1)
        assert full.provider.keys == []
        self.empty(full)
        await full.until(job, JobState.DONE)

    async def test_nor_is_that_time_held_against_it(self, full: Engine) -> None:
        job = await self.waits(full, await full.admitted(), minutes=80)
        self.empty(full)
        full.provider.polls.appendleft(TaskLost("its worker is gone"))
        await full.until(job, JobState.DONE)

    async def test_whoever_wants_it_stopped_need_not_wait(self, full: Engine) -> None:
        job = await self.waits(full, await full.admitted(), minutes=1)
        await full.db.write(jobs.cancel(job.id, guild_id=1, owner_id=None, now_ms=full.clock.now_ms()))
        await full.until(job, JobState.CANCELLED, steps=1)

    async def test_what_a_vendor_makes_needs_no_room(self, full: Engine) -> None:
        full.provider.recovery, full.provider.is_full = Recovery.LOOK_UP, False
        await full.until(await full.admitted(), FETCHING)
