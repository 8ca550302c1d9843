import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.db import jobs, lanes
from bot.db.operation import Load
from bot.db.sqlite import SqliteDatabase
from bot.domain.jobs import Job, JobState
from bot.services.draining import Draining, NotDrained
from bot.services.gate import Closure, Gate
from tests import builders
from tests.services.doubles import TurnedClock

MINUTE_MS = 60_000


@dataclass
class House:
    db: SqliteDatabase
    clock: TurnedClock = field(default_factory=TurnedClock)
    gate: Gate = field(default_factory=lambda: Gate(changed=lambda: None))

    def __post_init__(self) -> None:
        self.draining = Draining(db=self.db, gate=self.gate, clock=self.clock)

    async def queue(self, times: int = 1) -> None:
        for _ in range(times):
            asked = jobs.accept(
                builders.origin(),
                builders.request(),
                builders.choice(provider="scripted"),
                defaults=builders.NO_CAPS,
                now_ms=self.clock.now_ms(),
            )
            await self.db.write(asked)

    async def begun(self) -> Job:
        await self.queue()
        job = await self.db.write(jobs.admit("scripted", slots=9, now_ms=self.clock.now_ms()))
        assert job is not None
        return job

    @asynccontextmanager
    async def time_passes(self) -> AsyncGenerator[None]:
        """Seconds take a moment within the block."""

        async def pass_by() -> None:
            while True:
                await asyncio.sleep(0.005)
                self.clock.turn(1)

        passing = asyncio.ensure_future(pass_by())
        try:
            yield
        finally:
            passing.cancel()

    async def end(self, job: Job) -> None:
        await self.db.write(jobs.move(job, JobState.FAILED, now_ms=self.clock.now_ms()))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("scripted"))
    yield House(db)
    await db.close()


async def test_draining_says_what_runs_and_what_waits(house: House) -> None:
    await house.begun()
    await house.queue(2)
    assert await house.draining.begin(by_id=1) == Load(running=1, waiting=2)
    assert house.gate.closures == {Closure.DRAINING}


async def test_it_lasts_across_a_restart_until_it_is_ended(house: House) -> None:
    for _ in range(2):
        await house.draining.begin(by_id=1)
    restarted = House(house.db)
    await restarted.draining.recall()
    assert restarted.gate.closure is Closure.DRAINING
    await restarted.draining.end(by_id=1)
    assert restarted.gate.admits
    again = House(house.db)
    await again.draining.recall()
    assert again.gate.admits


async def test_what_is_not_drained_cannot_be_resumed(house: House) -> None:
    house.gate.shut(Closure.DISK_FULL)
    with pytest.raises(NotDrained):
        await house.draining.end(by_id=1)


async def test_who_watches_hears_each_time_that_fewer_run_and_of_the_last(house: House) -> None:
    first, second = await house.begun(), await house.begun()
    begun = await house.draining.begin(by_id=1)
    await house.end(first)  # before anybody looks
    async with house.time_passes():
        watched = house.draining.watched(begun, for_ms=MINUTE_MS * MINUTE_MS)
        assert (await anext(watched)).running == 1
        await house.end(second)
        assert [load.running async for load in watched] == [0]


async def test_nobody_watches_for_longer_than_the_answer_lasts(house: House) -> None:
    await house.begun()
    begun = await house.draining.begin(by_id=1)
    async with house.time_passes():
        assert [load async for load in house.draining.watched(begun, for_ms=MINUTE_MS)] == []


@pytest.mark.parametrize("closure", [Closure.STOPPING, None])
async def test_nobody_watches_when_the_bot_stops_or_goes_on(house: House, closure: Closure | None) -> None:
    await house.begun()
    begun = await house.draining.begin(by_id=1)
    watched = house.draining.watched(begun, for_ms=MINUTE_MS * MINUTE_MS)
    if closure is not None:
        house.gate.shut(closure)
    else:
        await house.draining.end(by_id=1)
    async with house.time_passes():
        assert [load async for load in watched] == []


async def test_another_process_hears_of_it_and_may_end_it(house: House) -> None:
    other = House(house.db, house.clock)
    await house.draining.begin(by_id=1)
    await other.draining.look()
    assert other.gate.closure is Closure.DRAINING
    await other.draining.end(by_id=1)
    await house.draining.look()
    assert house.gate.admits


async def test_a_process_that_has_not_heard_of_it_yet_may_end_it_too(house: House) -> None:
    other = House(house.db, house.clock)
    await house.draining.begin(by_id=1)
    await other.draining.end(by_id=1)
    with pytest.raises(NotDrained):
        await house.draining.end(by_id=1)
    assert house.gate.admits
